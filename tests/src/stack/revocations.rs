//! Many revocations at once, as so many commits would have left them in the log.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use caracal_mandate::name::Name;
use caracal_store::model::{Change, RevocationRecord, RevocationTarget};
use sqlx::{QueryBuilder, Sqlite};

use super::ZONE;

/// Rows of one statement.
const ROWS: usize = 1000;

/// Longer than what is played with them, shorter than any revocation.
const LIVES: Duration = Duration::from_mins(15);

/// Appends revocations of mandates that nobody has. The authority must be down: it is the one writer.
pub(crate) async fn insert(data: &Path, count: u64) -> Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "revocations of now, for a service that has the machine's clock"
    )]
    let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH)?;
    let zone: Name = ZONE.parse()?;
    let database = format!("sqlite:{}", data.join("authority.db").display());
    let pool = sqlx::SqlitePool::connect(&database).await?;
    let mut transaction = pool.begin().await?;
    let head: i64 = sqlx::query_scalar("SELECT head FROM meta")
        .fetch_one(&mut *transaction)
        .await?;
    let record = |number: u64| -> Result<Change> {
        let target = RevocationTarget::Mandate(format!("mdt_nobody{number:016}"));
        let id = target.revocation_id(&zone, None).context("an id")?;
        Ok(Change::Revoked(RevocationRecord {
            target,
            id: id.0,
            issued_until: now.as_secs(),
            expires: (now + LIVES).as_secs(),
        }))
    };
    let at_ms = i64::try_from(now.as_millis())?;
    let numbers: Vec<_> = (1..=count).collect();
    for numbers in numbers.chunks(ROWS) {
        let mut rows = Vec::new();
        for number in numbers {
            let change = record(*number)?;
            let seq = head + i64::try_from(*number)?;
            rows.push((seq, change.kind(), serde_json::to_string(&change)?));
        }
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO authority_log (seq, zone, at_ms, kind, payload) ",
        );
        insert.push_values(rows, |mut row, (seq, kind, payload)| {
            row.push_bind(seq)
                .push_bind(ZONE)
                .push_bind(at_ms)
                .push_bind(kind)
                .push_bind(payload);
        });
        insert.build().execute(&mut *transaction).await?;
    }
    sqlx::query("UPDATE meta SET head = head + $1")
        .bind(i64::try_from(count)?)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    pool.close().await;
    Ok(())
}
