//! The commands as they are typed, against a server and against published files.

use std::fs;
use std::path::Path;

use caracal_audit::publish::{FolderStore, LogSource, TilePublisher};
use caracal_audit::{CheckpointSigner, CheckpointVerifier, TlogProof};
use clap::Parser as _;
use serde_json::json;

use super::percent_encoded;
use crate::api::tests::Fixture;
use crate::cli::{Cli, CliError, dispatch};

async fn run(line: &str, args: &[&str]) -> Result<(), CliError> {
    let words = ["caracal", "audit"].into_iter().chain(line.split(' '));
    let cli = Cli::try_parse_from(words.chain(args.iter().copied())).unwrap();
    dispatch(cli.global, cli.command).await
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A server with entries, what it publishes, and the files that its users have.
struct Auditor {
    fixture: Fixture,
    folder: tempfile::TempDir,
}

impl Auditor {
    async fn new() -> Self {
        let auditor = Self {
            fixture: Fixture::bank().await,
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(auditor.file("key"), auditor.fixture.verifier_key()).unwrap();
        auditor.publish(0).await;
        auditor
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn tiles(&self) -> std::path::PathBuf {
        self.file("log").join("bank")
    }

    /// Publishes when more than so many entries are signed; returns how many are.
    async fn publish(&self, more_than: u64) -> u64 {
        self.fixture.beyond(more_than).await;
        let zone = "bank".parse().unwrap();
        let store = FolderStore::open(&self.file("log"), &zone).await.unwrap();
        let source = LogSource::connect(&self.fixture.ledger_place()).unwrap();
        let key = CheckpointVerifier::from_text(&self.fixture.verifier_key()).unwrap();
        let publisher = TilePublisher::new(source, zone, &key, store);
        publisher.publish().await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_receipt_is_made_by_a_server_or_from_files_and_checked_by_who_has_the_key() {
    let auditor = Auditor::new().await;
    let (key, tiles) = (auditor.file("key"), auditor.tiles());
    let (server, token) = auditor.fixture.serve().await;
    let global = [
        "--server",
        &server,
        "--token-file",
        text(&token),
        "--key",
        text(&key),
    ];
    let (asked, read) = (auditor.file("asked"), auditor.file("read"));
    let asking = [&[text(&asked)], &global[..]].concat();
    let ask = "prove --zone bank --index 0 --out";
    run(ask, &asking).await.unwrap();
    run(
        "prove --index 0",
        &[
            "--tiles",
            text(&tiles),
            "--key",
            text(&key),
            "--out",
            text(&read),
        ],
    )
    .await
    .unwrap();
    for proof in [&asked, &read] {
        run("check", &["--proof", text(proof), "--key", text(&key)])
            .await
            .unwrap();
        let with_tiles = [
            "--proof",
            text(proof),
            "--key",
            text(&key),
            "--tiles",
            text(&tiles),
        ];
        run("check", &with_tiles).await.unwrap();
    }
    let again = run(ask, &asking);
    assert!(again.await.unwrap_err().to_string().contains("--out"));
    let unknown = run("prove --zone bank --request-id none", &global)
        .await
        .unwrap_err();
    assert!(
        unknown
            .to_string()
            .contains("no entry has the request_id none"),
        "{unknown}"
    );
    let beyond = run("prove --zone bank --index 100000", &global)
        .await
        .unwrap_err();
    assert!(beyond.to_string().contains("no entry 100000"), "{beyond}");
}

#[tokio::test]
async fn a_receipt_proves_nothing_with_another_entry_or_key_or_after_a_change() {
    let auditor = Auditor::new().await;
    let (key, tiles, proof) = (auditor.file("key"), auditor.tiles(), auditor.file("proof"));
    run(
        "prove --index 0",
        &[
            "--tiles",
            text(&tiles),
            "--key",
            text(&key),
            "--out",
            text(&proof),
        ],
    )
    .await
    .unwrap();
    let check = async |key: &str, more: &[&str]| {
        let error = run(
            "check",
            &[&["--proof", text(&proof), "--key", key], more].concat(),
        )
        .await;
        error.unwrap_err().to_string()
    };
    let stranger = CheckpointSigner::generate("ledger.test").unwrap();
    let said = check(&stranger.verifier().to_text(), &[]).await;
    assert!(said.starts_with("NOT PROVEN: "), "{said}");
    let other = auditor.file("entry");
    fs::write(&other, "{}").unwrap();
    let said = check(text(&key), &["--entry", text(&other)]).await;
    assert!(said.contains("not entry 0 of the log"), "{said}");
    let whole = fs::read_to_string(&proof).unwrap();
    fs::write(&proof, whole.replace("index 0", "index 1")).unwrap();
    assert!(check(text(&key), &[]).await.starts_with("NOT PROVEN: "));
    // Without its entry, as others may write it.
    let read = TlogProof::parse(&whole).unwrap();
    let entry = read.extra().unwrap().to_vec();
    fs::write(&proof, read.with_extra(Vec::new()).to_text()).unwrap();
    assert!(check(text(&key), &[]).await.contains("--entry"));
    fs::write(&other, entry).unwrap();
    let args = [
        "--proof",
        text(&proof),
        "--key",
        text(&key),
        "--entry",
        text(&other),
    ];
    run("check", &args).await.unwrap();
}

#[tokio::test]
async fn a_log_is_followed_and_an_alarm_is_told_from_an_outage() {
    let auditor = Auditor::new().await;
    let (key, tiles, state) = (auditor.file("key"), auditor.tiles(), auditor.file("state"));
    let args = [
        "--tiles",
        text(&tiles),
        "--key",
        text(&key),
        "--state",
        text(&state),
    ];
    let follow = async || run("follow --once", &args).await;
    let checkpoint = tiles.join("checkpoint");
    let before = fs::read_to_string(&checkpoint).unwrap();
    follow().await.unwrap();
    assert_eq!(
        fs::read_to_string(state.join("checkpoint")).unwrap(),
        before
    );
    let size = before.lines().nth(1).unwrap().parse().unwrap();
    let app = json!({"name": "teller", "spiffe_ids": ["spiffe://corp.example/teller"]});
    let (status, answer) = auditor
        .fixture
        .post("/v1/zones/bank/applications", app)
        .await;
    assert!(status.is_success(), "{answer}");
    auditor.publish(size).await;
    follow().await.unwrap();
    let newer = fs::read_to_string(&checkpoint).unwrap();
    fs::write(&checkpoint, &before).unwrap();
    let error = follow().await.unwrap_err();
    assert!(matches!(error, CliError::Failure(_)));
    assert!(
        error.to_string().starts_with("ALARM: ROLLED BACK"),
        "{error}"
    );
    fs::write(&checkpoint, &newer).unwrap();
    follow().await.unwrap();
    // A folder where the file should be cannot be read, which is nobody's second history.
    fs::remove_file(&checkpoint).unwrap();
    fs::create_dir(&checkpoint).unwrap();
    assert!(matches!(follow().await, Err(CliError::Unavailable(_))));
}

#[test]
fn a_value_cannot_add_a_parameter() {
    assert_eq!(percent_encoded("a&limit=9 /ü"), "a%26limit%3D9%20%2F%C3%BC");
}
