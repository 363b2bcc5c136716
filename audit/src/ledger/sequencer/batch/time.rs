//! The time of new entries. It does not run backwards along a log, whatever the clocks of replicas do:
//! a range of time is then a range of indexes, and found without an index over times.

use sqlx::{AnyConnection, Row as _};

use super::super::super::known::KnownLogs;
use super::super::super::state::signed;

/// An entry that is further ahead of this clock was recorded by a clock that was wrong, or was tampered
/// with. The log does not wait for that time to come.
const MOST_AHEAD_MS: u64 = 60 * 60 * 1000;

/// When entries behind the first `size` are recorded, at `now_ms` by this process's clock. The turn is
/// taken, so nobody appends in between.
pub(super) async fn next(
    connection: &mut AnyConnection,
    zone: &str,
    logs: &KnownLogs,
    size: u64,
    now_ms: u64,
) -> Result<u64, sqlx::Error> {
    let last_ms = match (size.checked_sub(1), logs.last_time(zone, size)) {
        (None, _) => return Ok(now_ms),
        (_, Some(known)) => known,
        (Some(last), None) => recorded(connection, zone, last).await?,
    };
    Ok(not_before(last_ms, now_ms))
}

fn not_before(last_ms: u64, now_ms: u64) -> u64 {
    if last_ms <= now_ms.saturating_add(MOST_AHEAD_MS) {
        last_ms.max(now_ms)
    } else {
        now_ms
    }
}

/// When an entry was recorded, as its column says.
async fn recorded(
    connection: &mut AnyConnection,
    zone: &str,
    index: u64,
) -> Result<u64, sqlx::Error> {
    let row = sqlx::query("SELECT recorded_ms FROM log_entries WHERE zone = $1 AND idx = $2")
        .bind(zone.to_owned())
        .bind(signed(index))
        .fetch_optional(connection)
        .await?;
    let recorded: Option<i64> = row.map(|row| row.try_get("recorded_ms")).transpose()?;
    // A column that cannot be is for the verifier to name; the log goes on.
    Ok(recorded.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_for_a_clock_that_is_behind_and_ignores_one_that_was_far_ahead() {
        for (last_ms, now_ms, expected) in [
            (1000, 1000, 1000),
            (1000, 1500, 1500),
            (1500, 1000, 1500),
            (1000 + MOST_AHEAD_MS, 1000, 1000 + MOST_AHEAD_MS),
            (1001 + MOST_AHEAD_MS, 1000, 1000),
            (u64::MAX, 1000, 1000),
        ] {
            assert_eq!(not_before(last_ms, now_ms), expected);
        }
    }
}
