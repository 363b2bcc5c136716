//! Signing keys and their life.
//!
//! ```text
//! published --settled--> active --successor--> retired --nothing lives--> dropped
//!     └─────────────────────┴────────────────────┴──────────> revoked
//! ```
//!
//! A key verifies from its publication until it is dropped or revoked, and signs only while it is
//! active. A zone has at most one published key that waits and at most one active key.

use std::fmt;
use std::str::FromStr;

use caracal_mandate::claims::{CLOCK_SKEW_SECONDS, MAX_LIFETIME_SECONDS};
use serde::{Deserialize, Serialize};

use super::RevocationRecord;

/// Longest lease that an enforcement point may have, in milliseconds. It is also how long a token
/// service may act on what it read last.
pub const MAX_LEASE_MS: u64 = 60_000;

/// How long a key is published before it may take over from another. Whoever holds a lease then has
/// it, because a lease says that everything committed that long ago is applied; whoever holds none
/// decides nothing. Readers of the JWKS, which is good for a minute, have it too. Once more the
/// clock skew, because one service publishes and another may activate.
pub const KEY_SETTLING_MS: u64 = MAX_LEASE_MS + CLOCK_SKEW_SECONDS * 1000;

/// How long a retired key is kept: a token service that has not heard of its successor may sign with
/// it for one lease, what it signs lives for the longest lifetime, and each of signer and verifier
/// may be off by the clock skew.
pub const KEY_LINGERING_MS: u64 =
    (MAX_LIFETIME_SECONDS + 2 * CLOCK_SKEW_SECONDS) * 1000 + MAX_LEASE_MS;

/// Public half of a signing key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Uncompressed SEC 1 point, base64url.
    pub point: String,
}

/// A key takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyActivation {
    /// The key that signs from now on.
    pub kid: String,
    /// The key that signed until now. An activation that expects another one than the active key is
    /// refused, so that of two services that rotate at once one succeeds.
    pub replaces: Option<String>,
}

/// A key is worth nothing any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRevocation {
    /// The key.
    pub kid: String,
    /// The published key that signs from now on, if the revoked one was active and there was one.
    pub successor: Option<String>,
    /// Ends every mandate of the zone that was issued until now: who had the key may have exchanged
    /// what it forged for mandates that other keys signed.
    pub mandates: RevocationRecord,
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Verifies, and waits for its turn to sign.
    Published,
    /// Signs.
    Active,
    /// Verifies what it signed; another one signs.
    Retired,
    /// Gone: nothing that it signed is alive.
    Dropped,
    /// Gone, with everything that it signed.
    Revoked,
}

/// A text that is no state of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no state of a key")]
pub struct KeyStateError(pub String);

impl KeyState {
    /// The state as it stands in tables and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Dropped => "dropped",
            Self::Revoked => "revoked",
        }
    }

    /// Whether its signatures count.
    #[must_use]
    pub const fn verifies(self) -> bool {
        match self {
            Self::Published | Self::Active | Self::Retired => true,
            Self::Dropped | Self::Revoked => false,
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyState {
    type Err = KeyStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Published,
            Self::Active,
            Self::Retired,
            Self::Dropped,
            Self::Revoked,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| KeyStateError(text.to_owned()))
    }
}

/// A key as the tables have it, without its private half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// State.
    pub state: KeyState,
    /// Unix milliseconds of its publication.
    pub published_ms: u64,
    /// Unix milliseconds from which it signed.
    pub activated_ms: Option<u64>,
    /// Unix milliseconds from which another one signed.
    pub retired_ms: Option<u64>,
    /// Unix milliseconds at which it was dropped or revoked.
    pub ended_ms: Option<u64>,
    /// Position of its publication.
    pub seq: u64,
}

impl KeyRecord {
    /// Unix milliseconds from which it may take over from another key.
    #[must_use]
    pub const fn settled_ms(&self) -> u64 {
        self.published_ms.saturating_add(KEY_SETTLING_MS)
    }

    /// Unix milliseconds from which it may be dropped, if it is retired.
    #[must_use]
    pub fn droppable_ms(&self) -> Option<u64> {
        self.retired_ms
            .filter(|_| self.state == KeyState::Retired)
            .map(|retired| retired.saturating_add(KEY_LINGERING_MS))
    }
}
