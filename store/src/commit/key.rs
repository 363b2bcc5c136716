//! Signing keys: what each step of their life demands.

use caracal_mandate::name::Name;

use super::{CommitError, missing, revocation, row};
use crate::model::{
    KEY_LINGERING_MS, KEY_SETTLING_MS, KeyActivation, KeyRevocation, KeyState, RevocationTarget,
    SigningKey,
};
use crate::number::{signed, unsigned};
use crate::store::Connection;

/// Why a key does not take a step of its life.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// One key waits already.
    #[error("key {kid} is published and waits for its turn already")]
    NextExists {
        /// The key that waits.
        kid: String,
    },
    /// The step is not one from the state that the key is in.
    #[error("key {kid} is {state}")]
    State {
        /// The key.
        kid: String,
        /// Its state.
        state: KeyState,
    },
    /// Another key signs than the one that was to be replaced: somebody else was faster.
    #[error("another key has taken over meanwhile")]
    Overtaken,
    /// It has to wait.
    #[error("key {kid} has to wait for another {} seconds", wait_ms.div_ceil(1000))]
    TooEarly {
        /// The key.
        kid: String,
        /// How long, in milliseconds.
        wait_ms: u64,
    },
}

/// One row, as far as rules look at it.
struct Row {
    state: KeyState,
    published_ms: u64,
    retired_ms: u64,
}

pub(super) async fn publish(
    connection: &mut Connection,
    zone: &Name,
    (seq, at_ms): (i64, u64),
    key: &SigningKey,
    sealed: Option<&[u8]>,
) -> Result<(), CommitError> {
    let sealed = sealed
        .filter(|sealed| !sealed.is_empty())
        .ok_or_else(|| super::invalid("a key is published with its private half"))?;
    let sql = "SELECT seq FROM signing_keys WHERE kid = $1";
    row::must_be_new(connection, sql, &[&key.kid], "key").await?;
    if let Some(kid) = in_state(connection, zone, KeyState::Published).await? {
        return Err(KeyRefusal::NextExists { kid }.into());
    }
    sqlx::query(
        "INSERT INTO signing_keys (zone, kid, point, sealed, seq, state, published_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(zone.as_str())
    .bind(&key.kid)
    .bind(&key.point)
    .bind(sealed)
    .bind(seq)
    .bind(KeyState::Published.as_str())
    .bind(signed(at_ms)?)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn activate(
    connection: &mut Connection,
    zone: &Name,
    at_ms: u64,
    activation: &KeyActivation,
) -> Result<(), CommitError> {
    let KeyActivation { kid, replaces } = activation;
    let next = find(connection, zone, kid).await?;
    let active = in_state(connection, zone, KeyState::Active).await?;
    if active != *replaces {
        return Err(KeyRefusal::Overtaken.into());
    }
    is_in(kid, next.state, KeyState::Published)?;
    // Without an active key everything is refused anyhow: there is nothing to wait for.
    if let Some(active) = active {
        not_before(kid, next.published_ms, KEY_SETTLING_MS, at_ms)?;
        retire(connection, zone, &active, at_ms).await?;
    }
    sign_with(connection, zone, kid, at_ms).await
}

pub(super) async fn drop_retired(
    connection: &mut Connection,
    zone: &Name,
    at_ms: u64,
    kid: &str,
) -> Result<(), CommitError> {
    let row = find(connection, zone, kid).await?;
    is_in(kid, row.state, KeyState::Retired)?;
    not_before(kid, row.retired_ms, KEY_LINGERING_MS, at_ms)?;
    end(connection, zone, kid, KeyState::Dropped, at_ms).await
}

/// The revocation of a key, which must verify still. The key that waits takes over at once: with
/// nothing that signs, nothing is gained by letting it settle.
pub(super) async fn revocation(
    connection: &mut Connection,
    zone: &Name,
    at_ms: u64,
    kid: String,
) -> Result<KeyRevocation, CommitError> {
    let state = find(connection, zone, &kid).await?.state;
    if !state.verifies() {
        return Err(KeyRefusal::State { kid, state }.into());
    }
    let successor = match state {
        KeyState::Active => in_state(connection, zone, KeyState::Published).await?,
        _ => None,
    };
    let mandates =
        revocation::record(connection, zone, RevocationTarget::Zone, at_ms / 1000).await?;
    Ok(KeyRevocation {
        kid,
        successor,
        mandates,
    })
}

pub(super) async fn revoke(
    connection: &mut Connection,
    zone: &Name,
    (seq, at_ms): (i64, u64),
    revoked: &KeyRevocation,
) -> Result<(), CommitError> {
    let KeyRevocation {
        kid,
        successor,
        mandates,
    } = revoked;
    end(connection, zone, kid, KeyState::Revoked, at_ms).await?;
    if let Some(successor) = successor {
        sign_with(connection, zone, successor, at_ms).await?;
    }
    revocation::write(connection, zone, seq, mandates).await
}

fn is_in(kid: &str, state: KeyState, expected: KeyState) -> Result<(), KeyRefusal> {
    if state == expected {
        return Ok(());
    }
    let kid = kid.to_owned();
    Err(KeyRefusal::State { kid, state })
}

fn not_before(kid: &str, since_ms: u64, span_ms: u64, at_ms: u64) -> Result<(), KeyRefusal> {
    let wait_ms = since_ms.saturating_add(span_ms).saturating_sub(at_ms);
    if wait_ms == 0 {
        return Ok(());
    }
    let kid = kid.to_owned();
    Err(KeyRefusal::TooEarly { kid, wait_ms })
}

async fn find(connection: &mut Connection, zone: &Name, kid: &str) -> Result<Row, CommitError> {
    let row: Option<(String, i64, i64)> = sqlx::query_as(
        "SELECT state, published_ms, COALESCE(retired_ms, 0) FROM signing_keys \
         WHERE zone = $1 AND kid = $2",
    )
    .bind(zone.as_str())
    .bind(kid)
    .fetch_optional(connection)
    .await?;
    let (state, published_ms, retired_ms) = row.ok_or_else(|| missing("key", kid))?;
    Ok(Row {
        state: state
            .parse()
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        published_ms: unsigned(published_ms)?,
        retired_ms: unsigned(retired_ms)?,
    })
}

/// The key of the zone that is in a state which at most one key is in; of several the newest.
async fn in_state(
    connection: &mut Connection,
    zone: &Name,
    state: KeyState,
) -> Result<Option<String>, CommitError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT kid FROM signing_keys WHERE zone = $1 AND state = $2 ORDER BY seq DESC",
    )
    .bind(zone.as_str())
    .bind(state.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|(kid,)| kid))
}

async fn sign_with(
    connection: &mut Connection,
    zone: &Name,
    kid: &str,
    at_ms: u64,
) -> Result<(), CommitError> {
    let sql = "UPDATE signing_keys SET state = $1, activated_ms = $2 WHERE zone = $3 AND kid = $4";
    step(connection, sql, zone, kid, KeyState::Active, at_ms).await
}

async fn retire(
    connection: &mut Connection,
    zone: &Name,
    kid: &str,
    at_ms: u64,
) -> Result<(), CommitError> {
    let sql = "UPDATE signing_keys SET state = $1, retired_ms = $2 WHERE zone = $3 AND kid = $4";
    step(connection, sql, zone, kid, KeyState::Retired, at_ms).await
}

/// Ends a key. Its private half is gone with it.
async fn end(
    connection: &mut Connection,
    zone: &Name,
    kid: &str,
    state: KeyState,
    at_ms: u64,
) -> Result<(), CommitError> {
    let sql = "UPDATE signing_keys SET state = $1, ended_ms = $2 WHERE zone = $3 AND kid = $4";
    step(connection, sql, zone, kid, state, at_ms).await?;
    sqlx::query("UPDATE signing_keys SET sealed = $1 WHERE zone = $2 AND kid = $3")
        .bind(Vec::new())
        .bind(zone.as_str())
        .bind(kid)
        .execute(connection)
        .await?;
    Ok(())
}

async fn step(
    connection: &mut Connection,
    sql: &'static str,
    zone: &Name,
    kid: &str,
    state: KeyState,
    at_ms: u64,
) -> Result<(), CommitError> {
    sqlx::query(sql)
        .bind(state.as_str())
        .bind(signed(at_ms)?)
        .bind(zone.as_str())
        .bind(kid)
        .execute(connection)
        .await?;
    Ok(())
}
