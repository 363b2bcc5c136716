//! Published logs under the eyes of others: Go's own libraries (`golang.org/x/mod/sumdb`), and Tessera's
//! `fsck`. See tests/clients/README.md.

use std::process::{Command, Output};

use super::*;
use crate::testing::tools::tool;

mod proofs;

/// What the verifier says of the folder; with an older checkpoint, whether it leads to the newer.
fn verify(published: &Published, older: Option<&str>) -> Output {
    let program = tool("CARACAL_CLIENTS", "clients").join("tlog/run");
    let key = published.place.signer().verifier().for_zone(ZONE).to_text();
    let mut command = Command::new(program);
    command.arg(published.folder()).arg(key);
    let kept = tempfile::NamedTempFile::new().unwrap();
    if let Some(older) = older {
        std::fs::write(kept.path(), older).unwrap();
        command.arg(kept.path());
    }
    command.output().unwrap()
}

fn accepted(published: &Published, older: Option<&str>) -> String {
    let output = verify(published, older);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(published: &Published, older: Option<&str>) -> String {
    let output = verify(published, older);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

/// Whether Tessera finds the folder whole. It has one exit code, and says what it thinks.
fn fsck(published: &Published) -> Result<(), String> {
    let program = tool("CARACAL_CLIENTS", "clients").join("fsck/run");
    let key = tempfile::NamedTempFile::new().unwrap();
    let verifier = published.place.signer().verifier().for_zone(ZONE);
    std::fs::write(key.path(), verifier.to_text()).unwrap();
    let output = Command::new(program)
        .arg(format!(
            "--storage_url=file://{}/",
            published.folder().display()
        ))
        .arg(format!("--public_key={}", key.path().display()))
        // A worker ends with what it finds; were there one only, the rest would wait for it (v1.0.4).
        .args(["--ui=false", "--v=1", "--N=32"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("Completed ranges"), "{said}");
    if said.contains("fsck failed") {
        Err(said)
    } else {
        Ok(())
    }
}

fn note(published: &Published) -> String {
    std::fs::read_to_string(published.folder().join("checkpoint")).unwrap()
}

#[tokio::test]
async fn a_log_that_grows_past_65_536_is_verified_by_others_at_every_step() {
    let published = Published::new();
    let mut older: Option<(u64, String)> = None;
    for (size, tiles) in [
        (1, 1),
        (256, 2),
        (300, 3),
        (65_535, 257),
        (65_536, 258),
        (65_600, 259),
    ] {
        published.grow(size).await;
        assert_eq!(published.publish().await.unwrap(), Some(size));
        let consistent = older
            .as_ref()
            .map(|(older, _)| format!("ok consistency {older}\n"));
        let expected = format!(
            "ok checkpoint {size}\nok tiles {tiles}\nok entries {size}\n{}",
            consistent.unwrap_or_default()
        );
        let kept = older.as_ref().map(|(_, note)| note.as_str());
        assert_eq!(accepted(&published, kept), expected);
        assert_eq!(fsck(&published), Ok(()));
        older = Some((size, note(&published)));
    }
}

#[tokio::test]
async fn others_refuse_a_log_with_one_byte_changed_in_any_of_its_files() {
    let published = Published::new();
    published.grow(300).await;
    published.publish().await.unwrap();
    let older = note(&published);
    published.grow(700).await;
    published.publish().await.unwrap();
    accepted(&published, Some(&older));
    let names: Vec<_> = files(&published.folder()).into_keys().collect();
    // Of the tree before, which the newer one does not need.
    let left = ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"];
    for name in names.iter().filter(|name| !left.contains(&name.as_str())) {
        let file = published.folder().join(name);
        let bytes = std::fs::read(&file).unwrap();
        for at in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&file, changed).unwrap();
            let said = refused(&published, Some(&older));
            assert!(said.starts_with("failed: "), "{name} at {at}: {said}");
            assert!(fsck(&published).is_err(), "{name} at {at}");
        }
        for other in [
            &bytes[..bytes.len() - 1],
            &[bytes.as_slice(), b"\0"].concat(),
        ] {
            std::fs::write(&file, other).unwrap();
            refused(&published, None);
        }
        std::fs::remove_file(&file).unwrap();
        refused(&published, None);
        std::fs::write(&file, bytes).unwrap();
    }
    accepted(&published, Some(&older));
    assert_eq!(fsck(&published), Ok(()));
}

#[tokio::test]
async fn others_see_that_a_log_was_rewritten() {
    let published = Published::new();
    published.grow(300).await;
    published.publish().await.unwrap();
    let older = note(&published);
    // The same key, other entries: a ledger that was begun anew.
    std::fs::remove_file(published.place.path()).unwrap();
    let ledger = published.place.open().await;
    ledger.append(submissions(ZONE, 1000..=1499)).await.unwrap();
    ledger.close().await;
    let error = published.publish().await.unwrap_err();
    assert!(error.is_fork());
    let again = published.elsewhere();
    again.publish().await.unwrap();
    assert_eq!(accepted(&again, None).lines().count(), 3);
    let said = refused(&again, Some(&older));
    assert!(said.starts_with("failed: consistency"), "{said}");
}
