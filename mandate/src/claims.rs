//! What a mandate says: RFC 9068 claims, the holder, and the delegation chain.

use serde::{Deserialize, Serialize};

use crate::catalog::ResourceUri;
use crate::chain::{Chain, Leaf};
use crate::name::Name;
use crate::scope::ScopeSet;
use crate::spiffe::SpiffeId;

/// Longest life of a mandate in seconds.
pub const MAX_LIFETIME_SECONDS: u64 = 15 * 60;

/// How far the issuer's clock may run ahead of a verifier's, in seconds. Expiry has no such leeway.
pub const CLOCK_SKEW_SECONDS: u64 = 30;

/// Longest mandate in bytes: it must pass through header tables of that size (RFC 7541 §4.2).
pub const MAX_MANDATE_BYTES: usize = 4096;

/// What a mandate is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MandateUse {
    /// At one resource; it delegates nothing.
    Execute,
    /// At the token service only.
    Delegate,
}

/// RFC 7800 confirmation: the workload that may present the mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// SPIFFE ID of the holder. An ID and not a certificate digest: certificates rotate hourly.
    pub spiffe_id: SpiffeId,
}

/// The claims. Every byte is defined here: an unknown member is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Issuer of the zone.
    pub iss: String,
    /// On whose behalf; the application itself when it acts for itself.
    pub sub: String,
    /// The one resource.
    pub aud: ResourceUri,
    /// Application.
    pub client_id: Name,
    /// Zone.
    pub zone: Name,
    /// Session.
    pub sid: String,
    /// Grant that it rests on.
    pub grant: String,
    /// Id of this mandate.
    pub jti: String,
    /// Unix second of issue.
    pub iat: u64,
    /// Unix second from which it is void.
    pub exp: u64,
    /// Scopes, exactly, space separated.
    pub scope: String,
    /// What it is good for.
    #[serde(rename = "use")]
    pub usage: MandateUse,
    /// The holder.
    pub cnf: Confirmation,
    /// The delegation chain.
    pub mdt: Chain,
}

impl Claims {
    /// The part of the claims that the last hop of the chain must repeat.
    #[must_use]
    pub fn leaf<'a>(&'a self, scopes: &'a ScopeSet) -> Leaf<'a> {
        Leaf {
            session: &self.sid,
            application: &self.client_id,
            resource: &self.aud,
            scopes,
            expires: self.exp,
        }
    }
}
