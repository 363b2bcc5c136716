//! The ledger that is manipulated, on either database, and how it is put back for the next time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use caracal_audit::copy::copy;
use caracal_audit::verify::verify;
use caracal_audit::{CheckpointSigner, Ledger, Report, Submission};
use caracal_store::DatabaseUrl;
use caracal_store::testing::{PostgresServer, connect};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;

use super::events::{FixedClock, submission};
use super::image::Image;
use super::random::Random;

/// Zones, and whether the emitter that serves several of them serves it: a token service does, an
/// enforcement point does not.
const ZONES: [(&str, bool); 4] = [
    ("bank", true),
    ("lab", false),
    ("lending", true),
    ("ops", false),
];
/// How often the ledger is opened, grown and closed. Closing publishes.
const ROUNDS: usize = 6;

pub(crate) struct Original {
    directory: TempDir,
    /// Of the database that is manipulated.
    pub(crate) place: DatabaseUrl,
    key: Vec<u8>,
    /// After each round; the last one is the whole.
    pub(crate) rounds: Vec<Image>,
}

impl Original {
    pub(crate) async fn in_a_file(random: &mut Random) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("ledger.db").as_path().into();
        Self::make(directory, place, random).await
    }

    pub(crate) async fn on_a_server(random: &mut Random) -> Self {
        let place = PostgresServer::shared().empty_database().await;
        Ledger::migrate(&place).await.unwrap();
        // With the triggers that keep an owner from mistakes.
        Ledger::create_roles(&place).await.unwrap();
        Self::make(tempfile::tempdir().unwrap(), place, random).await
    }

    async fn make(directory: TempDir, place: DatabaseUrl, random: &mut Random) -> Self {
        let signer = CheckpointSigner::generate("audit.example").unwrap();
        let mut original = Self {
            directory,
            place,
            key: signer.to_pkcs8().unwrap().as_ref().to_vec(),
            rounds: Vec::new(),
        };
        let mut numbers = [0; ZONES.len()];
        let mut shared = 0;
        for round in 0..ROUNDS {
            let mut events = Vec::new();
            for ((zone, has_shared), number) in ZONES.iter().zip(&mut numbers) {
                // Not every log grows in each round, but each begins in the first one.
                let grown = if round > 0 && random.percent(15) {
                    0
                } else {
                    random.within(5..=25)
                };
                for _ in 0..grown {
                    let own = format!("filter-{zone}");
                    let (name, number) = if *has_shared && random.percent(30) {
                        ("sts", &mut shared)
                    } else {
                        (own.as_str(), &mut *number)
                    };
                    *number += 1;
                    events.push(submission(zone, name, "boot", *number));
                }
            }
            original.grow(events).await;
            original.keep(round).await;
        }
        original
    }

    fn signer(&self) -> CheckpointSigner {
        CheckpointSigner::from_pkcs8("audit.example", &self.key).unwrap()
    }

    /// Appends to the database that is manipulated, with the ledger's own key, and publishes.
    pub(crate) async fn grow(&self, events: Vec<Submission>) {
        let ledger = Ledger::connect(&self.place, self.signer(), Arc::new(FixedClock)).await;
        let ledger = ledger.unwrap();
        ledger.append(events).await.unwrap();
        ledger.close().await;
    }

    /// The whole.
    pub(crate) fn image(&self) -> &Image {
        self.rounds.last().unwrap()
    }

    /// Keeps a copy of what is there, and its image.
    async fn keep(&mut self, round: usize) {
        match &self.place {
            DatabaseUrl::Sqlite(path) => {
                std::fs::copy(path, self.copy_of(round)).unwrap();
            }
            DatabaseUrl::Postgres(_) => {
                let tables = TABLES.map(|table| {
                    format!("CREATE TABLE kept_{round}.{table} AS SELECT * FROM public.{table}")
                });
                self.execute(&format!(
                    "CREATE SCHEMA kept_{round}; {}",
                    tables.join("; ")
                ))
                .await;
            }
        }
        let mut connection = connect(&self.place).await.unwrap();
        self.rounds.push(Image::read(&mut connection).await);
        connection.close().await.unwrap();
    }

    /// Puts back what was there after a round.
    pub(crate) async fn put_back(&self, round: usize) {
        match &self.place {
            DatabaseUrl::Sqlite(path) => {
                remove(path);
                std::fs::copy(self.copy_of(round), path).unwrap();
            }
            DatabaseUrl::Postgres(_) => {
                let tables = TABLES.map(|table| {
                    format!(
                        "DELETE FROM public.{table}; \
                         INSERT INTO public.{table} SELECT * FROM kept_{round}.{table}"
                    )
                });
                let quiet = "SET session_replication_role = replica";
                self.execute(&format!("{quiet}; {}", tables.join("; ")))
                    .await;
            }
        }
    }

    /// Puts back the whole.
    pub(crate) async fn restore(&self) {
        self.put_back(ROUNDS - 1).await;
    }

    fn copy_of(&self, round: usize) -> PathBuf {
        self.directory.path().join(format!("round-{round}.db"))
    }

    async fn execute(&self, statements: &str) {
        let mut connection = connect(&self.place).await.unwrap();
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        statements.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// What an auditor says who has the key, and perhaps a checkpoint. From a server, a copy is taken
    /// as `caracal audit copy` does.
    pub(crate) async fn verify(&self, kept: Option<&str>) -> Report {
        let key = self.signer().verifier().to_text();
        let file = match &self.place {
            DatabaseUrl::Sqlite(path) => path.clone(),
            DatabaseUrl::Postgres(_) => {
                let file = self.directory.path().join("copy.db");
                remove(&file);
                copy(&self.place, &file).await.unwrap();
                file
            }
        };
        verify(&file, &key, kept, |_| {}).unwrap()
    }
}

const TABLES: [&str; 4] = ["log_state", "emitters", "log_entries", "checkpoints"];

/// Removes a file of `SQLite`, with what lies beside it.
fn remove(path: &Path) {
    for side in ["", "-wal", "-shm"] {
        let mut path = path.as_os_str().to_owned();
        path.push(side);
        let _may_be_absent = std::fs::remove_file(path);
    }
}
