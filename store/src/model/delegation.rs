//! Who may have whom act with what.

use caracal_mandate::edge::EdgeSignature;
use caracal_mandate::name::Name;
use caracal_mandate::scope::ScopeSet;
use serde::{Deserialize, Serialize};

/// Most times that authority may be passed on from its root.
pub const MAX_DELEGATIONS: u8 = 8;

/// Permission to pass authority on: whenever `from` calls `to`, `to` may act in turn with these rights,
/// as far as `from` holds them at that moment. It needs no grant of its own, and without being called it
/// has nothing by this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// Id, `dlg_` and 22 characters; never used twice.
    pub id: String,
    /// Application that passes on.
    pub from: Name,
    /// Application that acts.
    pub to: Name,
    /// Resource.
    pub resource: Name,
    /// Scopes, at most.
    pub scopes: ScopeSet,
    /// Unix second from which it is void; `None` is until revoked.
    pub expires_at: Option<u64>,
    /// Longest life of mandates by it in seconds, at most 900; `None` is that of the mandate that was
    /// passed on.
    pub max_lifetime: Option<u64>,
    /// How often `to` may have it passed on further; 0 is not at all.
    pub max_depth: u8,
    /// The one session of `from` that passes on; `None` is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_session: Option<String>,
    /// The one session of `to` that acts; `None` is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_session: Option<String>,
    /// By the owner of `from`, over all of this, the zone and the resource's identifier
    /// (`caracal_mandate::edge::Statement`). Whose key that is no database says: it is for enforcement points
    /// that have it to verify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<EdgeSignature>,
}
