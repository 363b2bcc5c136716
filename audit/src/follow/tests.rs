use std::fs;
use std::path::PathBuf;

use super::*;
use crate::Ledger;
use crate::note::{CosignatureSigner, Timestamp};
use crate::publish::{FolderStore, LogSource, TilePublisher};
use crate::testing::web::{Site, serve};
use crate::testing::{Place, submissions};
use crate::witness::TrustPolicy;

mod contradictions;

const ZONE: &str = "a";

/// A ledger, the folder where it is published, and one for a follower.
struct Watched {
    place: Place,
    web: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Watched {
    fn new() -> Self {
        Self {
            place: Place::new(),
            web: tempfile::tempdir().unwrap(),
            state: tempfile::tempdir().unwrap(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.web.path().join(ZONE)
    }

    fn state(&self) -> PathBuf {
        self.state.path().join("follower")
    }

    /// Appends these, and publishes.
    async fn grow(&self, seqs: std::ops::RangeInclusive<u64>) {
        let ledger: Ledger = self.place.open().await;
        ledger.append(submissions(ZONE, seqs)).await.unwrap();
        ledger.close().await;
        let zone = ZONE.parse().unwrap();
        let store = FolderStore::open(self.web.path(), &zone).await.unwrap();
        let source = LogSource::connect(&self.place.path().as_path().into()).unwrap();
        let verifier = self.place.signer().verifier();
        TilePublisher::new(source, zone, &verifier, store)
            .publish()
            .await
            .unwrap();
    }

    fn trust(&self) -> LogTrust {
        LogTrust::new(self.place.signer().verifier(), None)
    }

    fn follower(&self) -> Follower {
        let log = PublishedLog::at(self.folder().to_str().unwrap(), &[]).unwrap();
        Follower::open(log, self.trust(), &self.state()).unwrap()
    }

    /// One look by a follower that was started for it.
    async fn look(&self) -> Result<Followed, FollowError> {
        self.follower().step(&mut |_| {}).await
    }

    fn kept(&self) -> u64 {
        self.follower().kept().unwrap().checkpoint.size
    }

    fn checkpoint(&self) -> String {
        fs::read_to_string(self.folder().join("checkpoint")).unwrap()
    }
}

#[tokio::test]
async fn a_log_is_followed_as_it_grows() {
    let watched = Watched::new();
    let mut before = 0;
    for size in [1, 255, 256, 257, 300, 700, 1024] {
        watched.grow(before + 1..=size).await;
        let grown = Followed::Grown {
            from: before,
            to: size,
        };
        assert_eq!(watched.look().await.unwrap(), grown);
        assert_eq!(watched.look().await.unwrap(), Followed::Unchanged);
        assert_eq!(
            watched.follower().kept().unwrap().note,
            watched.checkpoint()
        );
        before = size;
    }
}

#[tokio::test]
async fn it_goes_on_when_the_partial_tiles_of_the_kept_tree_were_deleted() {
    let watched = Watched::new();
    watched.grow(1..=300).await;
    watched.look().await.unwrap();
    watched.grow(301..=600).await;
    for gone in ["tile/0/001.p", "tile/entries/001.p"] {
        fs::remove_dir_all(watched.folder().join(gone)).unwrap();
    }
    let grown = Followed::Grown { from: 300, to: 600 };
    assert_eq!(watched.look().await.unwrap(), grown);
}

#[tokio::test]
async fn a_log_behind_a_web_server_is_followed_and_told_apart_when_that_is_away() {
    let watched = Watched::new();
    watched.grow(1..=600).await;
    let at = |address| PublishedLog::at(&format!("http://{address}/a"), &[]).unwrap();
    let address = serve(Site::Folder(watched.web.path().to_owned())).await;
    let mut follower = Follower::open(at(address), watched.trust(), &watched.state()).unwrap();
    let mut heard = Vec::new();
    let grown = follower.step(&mut |read| heard.push(read)).await.unwrap();
    assert_eq!(grown, Followed::Grown { from: 0, to: 600 });
    assert_eq!(heard, [256, 512, 600]);
    drop(follower);
    let away = serve(Site::Raw("")).await;
    let mut follower = Follower::open(at(away), watched.trust(), &watched.state()).unwrap();
    let error = follower.step(&mut |_| {}).await.unwrap_err();
    assert!(matches!(error, FollowError::Unreachable(_)), "{error}");
    assert!(!error.is_alarm());
    assert_eq!(follower.kept().unwrap().checkpoint.size, 600);
}

#[tokio::test]
async fn a_checkpoint_without_its_quorum_is_not_kept() {
    let watched = Watched::new();
    watched.grow(1..=3).await;
    let witness = CosignatureSigner::generate("w.example/1").unwrap();
    let policy = format!("witness w {}\nquorum w\n", witness.verifier().to_text());
    let policy = TrustPolicy::parse(policy.as_bytes()).unwrap();
    let trust = LogTrust::new(watched.place.signer().verifier(), Some(policy));
    let log = PublishedLog::at(watched.folder().to_str().unwrap(), &[]).unwrap();
    let mut follower = Follower::open(log, trust, &watched.state()).unwrap();
    let error = follower.step(&mut |_| {}).await.unwrap_err();
    assert!(matches!(
        error,
        FollowError::Untrusted(TrustError::Unwitnessed(_))
    ));
    assert_eq!(follower.kept(), None);
    let note = watched.checkpoint();
    let (text, _) = note.split_once("\n\n").unwrap();
    let line = witness.cosign(&format!("{text}\n"), Timestamp::from_unix(9).unwrap());
    fs::write(watched.folder().join("checkpoint"), note + &line).unwrap();
    let grown = Followed::Grown { from: 0, to: 3 };
    assert_eq!(follower.step(&mut |_| {}).await.unwrap(), grown);
}

#[tokio::test]
async fn the_state_is_of_one_log_and_one_follower_and_is_not_mended_by_forgetting() {
    let watched = Watched::new();
    fs::create_dir(watched.folder()).unwrap();
    assert_eq!(watched.look().await.unwrap(), Followed::Unpublished);
    watched.grow(1..=3).await;
    watched.look().await.unwrap();
    let open = |key| {
        let log = PublishedLog::at(watched.folder().to_str().unwrap(), &[]).unwrap();
        Follower::open(log, LogTrust::new(key, None), &watched.state())
    };
    let follower = watched.follower();
    let key = watched.place.signer().verifier();
    assert!(matches!(open(key.clone()), Err(StateError::Busy(_))));
    drop(follower);
    let other = Place::new().signer().verifier();
    assert!(matches!(open(other), Err(StateError::OtherKey(_))));
    let file = watched.state().join("checkpoint");
    let whole = fs::read(&file).unwrap();
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let damaged = matches!(open(key.clone()), Err(StateError::Damaged { .. }));
        assert!(damaged, "{length} bytes");
    }
    fs::write(&file, &whole).unwrap();
    assert_eq!(watched.kept(), 3);
}
