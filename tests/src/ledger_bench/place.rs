//! A ledger on one kind of database, and the same database without it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use caracal_audit::ledger::Clock;
use caracal_audit::{CheckpointSigner, Ledger};
use caracal_store::DatabaseUrl;
use caracal_store::testing::{Durability, OWNER, PostgresServer};
use tokio::time::{Instant, sleep};

use super::appends::{self, Producers};
use super::bare::Bare;
use super::chained::Chained;
use super::database::Database;
use super::events::ZONE;

/// Entries between two words about how far it has come.
const STEP: u64 = 100_000;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the clock of this program")]
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    }
}

pub(super) struct Place {
    pub(super) producers: Producers,
    pub(super) bare: Bare,
    pub(super) chained: Chained,
    folder: tempfile::TempDir,
    _server: Option<PostgresServer>,
}

/// Waits until a checkpoint covers so many entries.
async fn covered(ledger: &Ledger, entries: u64) -> Result<u64> {
    let size = |note: Option<String>| note?.lines().nth(1)?.parse().ok();
    let patience = Instant::now() + Duration::from_secs(30);
    while size(ledger.checkpoint(ZONE).await?) != Some(entries) {
        ensure!(
            Instant::now() < patience,
            "no checkpoint for {entries} entries was published"
        );
        sleep(Duration::from_millis(100)).await;
    }
    Ok(entries)
}

async fn open(place: &DatabaseUrl) -> Result<Ledger> {
    let signer = CheckpointSigner::generate("bench.example")?;
    Ok(Ledger::connect(place, signer, Arc::new(SystemClock)).await?)
}

/// A ledger file that has grown, still open.
pub(super) struct Grown {
    pub(super) ledger: Ledger,
    pub(super) path: PathBuf,
    pub(super) entries: u64,
    /// Those that the newest checkpoint covers.
    pub(super) covered: u64,
    pub(super) folder: tempfile::TempDir,
}

impl Place {
    pub(super) async fn sqlite() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let place = DatabaseUrl::from(folder.path().join("ledger.db").as_path());
        Ok(Self {
            producers: Producers::new(open(&place).await?),
            bare: Bare::new(Database::file(&folder.path().join("bare.db")).await?).await?,
            chained: Chained::new(Database::file(&folder.path().join("chained.db")).await?).await?,
            folder,
            _server: None,
        })
    }

    /// A server that writes to the disk before it acknowledges.
    pub(super) async fn postgres() -> Result<Self> {
        let server = PostgresServer::start(Durability::Disk);
        let (place, other) = (server.empty_database().await, server.empty_database().await);
        let other = other.to_string();
        let database = other.rsplit('/').next().unwrap_or_default();
        let other = server.url_text(OWNER, database);
        Ok(Self {
            producers: Producers::new(open(&place).await?),
            bare: Bare::new(Database::server(&other).await?).await?,
            chained: Chained::new(Database::server(&other).await?).await?,
            folder: tempfile::tempdir()?,
            _server: Some(server),
        })
    }

    /// Ends the comparison and appends until there are so many entries.
    pub(super) async fn grown_to(
        self,
        entries: u64,
        out: &mut (dyn Write + Send),
    ) -> Result<Grown> {
        let Self {
            mut producers,
            folder,
            ..
        } = self;
        while producers.written < entries {
            let written = producers.written;
            writeln!(out, "growing the log: {written} of {entries}")?;
            out.flush()?;
            appends::append(&mut producers, STEP.min(entries - written)).await?;
        }
        Ok(Grown {
            covered: covered(&producers.ledger, producers.written).await?,
            ledger: producers.ledger,
            path: folder.path().join("ledger.db"),
            entries: producers.written,
            folder,
        })
    }
}
