//! A ledger that is killed again and again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use caracal_audit::copy::copy;
use caracal_audit::{CheckpointSigner, Ledger};
use caracal_store::DatabaseUrl;
use caracal_store::testing::{OWNER, PostgresServer};
use tempfile::TempDir;

use super::contents::{check, check_closed};
use super::events::FixedClock;
use super::handle::{Line, Process};
use super::history::History;
use super::process::signer;
use super::random::Random;
use super::wal::log_of;

pub(crate) struct Victim {
    /// Of the key, and of the file.
    _directory: TempDir,
    pub(crate) place: DatabaseUrl,
    /// The place as the process is told it.
    url: String,
    key: PathBuf,
    pub(crate) history: History,
}

impl Victim {
    pub(crate) fn in_a_file() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ledger.db");
        let url = format!("sqlite:{}", file.display());
        Self::new(directory, file.as_path().into(), url)
    }

    pub(crate) async fn on(server: &PostgresServer) -> Self {
        let place = server.empty_database().await;
        Ledger::migrate(&place).await.unwrap();
        let text = place.to_string();
        let url = server.url_text(OWNER, text.rsplit('/').next().unwrap());
        Self::new(tempfile::tempdir().unwrap(), place, url)
    }

    fn new(directory: TempDir, place: DatabaseUrl, url: String) -> Self {
        let signer = CheckpointSigner::generate("audit.example").unwrap();
        let key = directory.path().join("ledger.key");
        std::fs::write(&key, signer.to_pkcs8().unwrap().as_ref()).unwrap();
        Self {
            _directory: directory,
            place,
            url,
            key,
            history: History::new(signer.verifier()),
        }
    }

    pub(crate) fn start(&self) -> Process {
        Process::start(&self.url, &self.key, &self.history)
    }

    /// Lets a process work for a while: until some events were acknowledged, and a moment more.
    pub(crate) fn let_work(&mut self, process: &Process, random: &mut Random) {
        let acknowledged = random.within(1..=120);
        self.hear_acknowledged(process, acknowledged);
        let moment = Duration::from_millis(random.within(0..=9));
        process.hear_for(&mut self.history, moment);
    }

    pub(crate) fn hear_acknowledged(&mut self, process: &Process, mut count: u64) {
        process.hear(&mut self.history, |line| {
            count -= u64::from(matches!(line, Line::Acknowledged { .. }));
            count == 0
        });
    }

    /// The database as it lies there. A file is copied as an auditor would take it away, so that it is the
    /// ledger that recovers its own file, and not who looks at it.
    async fn snapshot(&self) -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("copy.db");
        match &self.place {
            DatabaseUrl::Sqlite(path) => {
                for (from, to) in [(path.clone(), file.clone()), (log_of(path), log_of(&file))] {
                    if from.exists() {
                        std::fs::copy(from, to).unwrap();
                    }
                }
            }
            DatabaseUrl::Postgres(_) => {
                copy(&self.place, &file).await.unwrap();
            }
        }
        (directory, file)
    }

    /// Whether everything that was promised so far is there.
    pub(crate) async fn check(&self) {
        let (_directory, file) = self.snapshot().await;
        check(&file, &self.history).await;
    }

    /// Opens the ledger, closes it in order, and looks at it once more.
    pub(crate) async fn close(&self) {
        let signer = signer(&std::fs::read(&self.key).unwrap());
        let ledger = Ledger::connect(&self.place, signer, Arc::new(FixedClock)).await;
        ledger.unwrap().close().await;
        let (_directory, file) = self.snapshot().await;
        check_closed(&file, &self.history).await;
    }

    /// Bytes of the database or of its write-ahead log, whichever is larger.
    pub(crate) fn largest_file(&self) -> u64 {
        let DatabaseUrl::Sqlite(path) = &self.place else {
            panic!("a server has files of its own");
        };
        let sizes =
            [path.clone(), log_of(path)].map(|path| path.metadata().map_or(0, |file| file.len()));
        sizes.into_iter().max().unwrap_or(0)
    }
}
