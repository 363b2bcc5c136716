use std::sync::Arc;

use caracal_store::testing::PostgresServer;
use caracal_store::{Connector, DatabaseUrl, Dialect};
use sqlx::{AssertSqlSafe, Connection as _};

use super::*;
use crate::testing::{FixedClock, Place, submission, submissions};
use crate::{Finding, FindingKind, Ledger};

mod clean;
mod damage;
mod put_back;
mod unreadable;

/// A ledger on one of both databases.
pub(super) struct Site {
    pub(super) place: Place,
    pub(super) url: DatabaseUrl,
}

impl Site {
    fn sqlite() -> Self {
        let place = Place::new();
        let url = place.path().as_path().into();
        Self { place, url }
    }

    async fn postgres() -> Self {
        let url = PostgresServer::shared().empty_database().await;
        Ledger::migrate(&url).await.unwrap();
        let place = Place::new();
        Self { place, url }
    }

    async fn both() -> [Self; 2] {
        [Self::sqlite(), Self::postgres().await]
    }

    async fn open(&self) -> Ledger {
        let opened = Ledger::connect(&self.url, self.place.signer(), Arc::new(FixedClock)).await;
        opened.unwrap()
    }

    /// Any statements, as the owner of the database with references switched off.
    async fn sql(&self, statements: &str) {
        let connector = Connector::new(&self.url).unwrap();
        let mut connection = connector.first().await.unwrap();
        let off = match connector.dialect() {
            Dialect::Sqlite => "PRAGMA foreign_keys = OFF",
            Dialect::Postgres => "SET session_replication_role = replica",
        };
        for statements in [off, statements] {
            let run = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
            run.execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    /// The log `a` with checkpoints for 10 and 20 entries, and `b` with one for 10.
    async fn history(&self) {
        for (first, last) in [(1, 10), (11, 20)] {
            let ledger = self.open().await;
            ledger.append(submissions("a", first..=last)).await.unwrap();
            if first == 1 {
                ledger.append(submissions("b", 1..=10)).await.unwrap();
            }
            ledger.close().await;
        }
    }

    /// What the offline verifier says.
    async fn verify(&self) -> crate::Report {
        let key = self.place.signer().verifier().to_text();
        let directory = tempfile::tempdir().unwrap();
        let file = match &self.url {
            DatabaseUrl::Sqlite(path) => path.clone(),
            DatabaseUrl::Postgres(_) => {
                let file = directory.path().join("copy.db");
                crate::copy::copy(&self.url, &file).await.unwrap();
                file
            }
        };
        crate::verify::verify(&file, &key, None, |_| {}).unwrap()
    }

    /// A check with the memory of this process, to be taken step by step.
    fn checker(&self, ledger: &Ledger) -> Probe {
        let trees = ledger.self_check.trees.clone();
        let verifier = self.place.signer().verifier();
        let checker = Checker::new(&self.url, trees, verifier, Arc::new(FixedClock));
        Probe(checker.unwrap())
    }
}

/// A check that does nothing by itself.
struct Probe(Checker);

impl Probe {
    fn status(&self) -> SelfCheckStatus {
        self.0.board().status()
    }

    /// Two steps more, of which one takes a whole pass over a log as short as these.
    async fn steps(&mut self) -> Vec<Finding> {
        for _ in 0..2 {
            self.0.step(true).await;
        }
        self.status().findings
    }

    /// The same, of a ledger that is as it should be.
    async fn finds_nothing(&mut self) {
        let before = self.status().passes;
        assert_eq!(self.steps().await, []);
        let status = self.status();
        let passes = status.passes.checked_sub(before);
        assert_eq!((status.unreadable, passes), (None, Some(2)));
    }
}

/// What findings are about.
fn about(findings: &[Finding]) -> Vec<(FindingKind, &str, Option<u64>, Option<u64>)> {
    let about = findings
        .iter()
        .map(|one| (one.kind, &*one.zone, one.first, one.last));
    about.collect()
}
