//! A log that others wrote: the one that Tessera's own tests read, with its checkpoints for 0 to 15
//! entries (`testdata/log`, v1.0.4; see tests/clients/README.md).

use std::path::PathBuf;

use super::*;
use crate::follow::{Followed, Follower};
use crate::note::{Checkpoint, CheckpointVerifier};
use crate::testing::tools::tool;
use crate::tiles::TiledTree;
use crate::trust::LogTrust;

const KEY: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
/// Its entries, as they are spelled there.
const ENTRIES: [&str; 15] = [
    "one", "two", "three", "four", "five", "six", "seven", "eit", "nain", "ten", "ileven", "twelf",
    "threeten", "fourten", "fivten",
];

fn folder() -> PathBuf {
    tool("CARACAL_CLIENTS", "clients").join("fsck/log")
}

fn log() -> PublishedLog {
    PublishedLog::at(folder().to_str().unwrap(), &[]).unwrap()
}

fn trust() -> LogTrust {
    LogTrust::new(CheckpointVerifier::from_text(KEY).unwrap(), None)
}

fn checkpoint(size: usize) -> Checkpoint {
    let note = std::fs::read_to_string(folder().join(format!("checkpoint.{size}"))).unwrap();
    trust().open(&note).unwrap().checkpoint
}

#[tokio::test]
async fn every_tree_of_it_proves_every_entry_and_every_tree_before() {
    let log = log();
    for size in 1..=ENTRIES.len() {
        let signed = checkpoint(size);
        let tree = TiledTree::new(&log, &signed);
        assert_eq!(tree.root().await.unwrap(), signed.root);
        for (index, entry) in (0..).zip(&ENTRIES[..size]) {
            let inclusion = tree.inclusion(index).await.unwrap();
            assert_eq!(inclusion.leaf, crate::Hash::leaf(entry.as_bytes()));
        }
        for older in (1..=size).map(checkpoint) {
            tree.consistency(older.size, older.root).await.unwrap();
        }
    }
    assert_eq!(checkpoint(0).root, crate::Hash::empty());
}

#[tokio::test]
async fn receipts_are_made_of_it_and_it_can_be_followed() {
    for (index, entry) in (0..).zip(ENTRIES) {
        let receipt = log().receipt(index, &trust()).await.unwrap();
        assert_eq!(receipt.extra(), Some(entry.as_bytes()));
    }
    let refused = log().receipt(15, &trust()).await.unwrap_err();
    let expected = ReceiptError::NotCovered {
        index: 15,
        covered: 15,
    };
    assert_eq!(refused.to_string(), expected.to_string());
    let state = tempfile::tempdir().unwrap();
    let mut follower = Follower::open(log(), trust(), state.path()).unwrap();
    let seen = follower.step(&mut |_| {}).await.unwrap();
    assert_eq!(seen, Followed::Grown { from: 0, to: 15 });
}
