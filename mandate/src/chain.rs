//! The delegation chain: who passed what on to whom, re-checked from the token alone.
//!
//! The root fixes a table of scopes and a table of resources. Each hop holds a subset of both as a
//! bit mask, an expiry and a remaining depth. Wildcards were expanded before the root was written,
//! so "a child never has more than its parent" is arithmetic on bits and numbers:
//! `s' & !s == 0`, `r' & !r == 0`, `e' <= e`, `d' < d`.

mod derive;

use serde::{Deserialize, Deserializer, Serialize};

use crate::catalog::ResourceUri;
use crate::name::Name;
use crate::scope::{MAX_SCOPES, Scope, ScopeSet};
use crate::version::Version;

/// Version of the layout.
pub const CHAIN_VERSION: u8 = 1;

/// Most hops, the root included: eight delegations are the hard limit.
pub const MAX_HOPS: usize = 9;

/// Most resources in a root's table.
pub const MAX_RESOURCES: usize = 16;

/// One holder in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "HopTuple", into = "HopTuple")]
pub struct Hop {
    /// Session that holds the authority; the handle by which it is revoked.
    pub session: String,
    /// Application of the session.
    pub application: Name,
    /// Bits over the scope table.
    pub scopes: u64,
    /// Bits over the resource table.
    pub resources: u64,
    /// Unix second after which the hop holds nothing.
    pub expires: u64,
    /// How many further delegations may follow.
    pub depth: u8,
}

/// The compact form: `[session, application, scopes, resources, expires, depth]`.
#[derive(Serialize, Deserialize)]
struct HopTuple(String, Name, u64, u64, u64, u8);

impl From<HopTuple> for Hop {
    fn from(HopTuple(session, application, scopes, resources, expires, depth): HopTuple) -> Self {
        Self {
            session,
            application,
            scopes,
            resources,
            expires,
            depth,
        }
    }
}

impl From<Hop> for HopTuple {
    fn from(hop: Hop) -> Self {
        let Hop {
            session,
            application,
            scopes,
            resources,
            expires,
            depth,
        } = hop;
        Self(session, application, scopes, resources, expires, depth)
    }
}

/// The claim `mdt`: tables, hops root first, and the log position at which it was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// [`CHAIN_VERSION`].
    pub v: u8,
    /// Authority state that the issuer decided on; a filter behind it must not decide alone.
    pub rev: Version,
    /// Resource table, sorted.
    #[serde(rename = "R", deserialize_with = "exact")]
    pub resources: Vec<ResourceUri>,
    /// Scope table, sorted.
    #[serde(rename = "S", deserialize_with = "exact")]
    pub scopes: Vec<Scope>,
    /// Hops, root first.
    #[serde(rename = "ch", deserialize_with = "exact")]
    pub hops: Vec<Hop>,
}

/// A list without room for more: it is kept with each mandate that a worker remembers, and most have one
/// element, for which four would be allocated.
fn exact<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let mut list = Vec::deserialize(from)?;
    list.shrink_to_fit();
    Ok(list)
}

/// How a chain fails to attenuate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A layout version of another time.
    #[error("the chain has another layout version")]
    Version,
    /// No hop, or more than [`MAX_HOPS`].
    #[error("the chain has no hop or too many")]
    Length,
    /// A table that is empty, too long, unsorted or not unique.
    #[error("a table of the chain is not a sorted set within its bounds")]
    Table,
    /// A hop with a bit beyond its table, or with nothing at all.
    #[error("a hop's mask does not fit its table")]
    Mask,
    /// A hop with a scope that the hop before it lacks.
    #[error("a hop has a scope that the hop before it lacks")]
    Scope,
    /// A hop with a resource that the hop before it lacks.
    #[error("a hop has a resource that the hop before it lacks")]
    Resource,
    /// A hop that outlives the hop before it.
    #[error("a hop outlives the hop before it")]
    Lifetime,
    /// A hop that may delegate as far as the hop before it, or farther.
    #[error("a hop may delegate as far as the hop before it")]
    Depth,
    /// One session twice: a cycle.
    #[error("a session stands in the chain twice")]
    Cycle,
    /// What the token says of its holder is not what the last hop says.
    #[error("the last hop is not the token's holder, scope, resource or lifetime")]
    Leaf,
}

/// What the token claims outside the chain; the last hop must say the same.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    /// `sid`.
    pub session: &'a str,
    /// `client_id`.
    pub application: &'a Name,
    /// `aud`.
    pub resource: &'a ResourceUri,
    /// `scope`.
    pub scopes: &'a ScopeSet,
    /// `exp`.
    pub expires: u64,
}

impl Chain {
    /// The chain of one hop: authority that comes from a grant and not from another session.
    #[must_use]
    pub fn root(leaf: Leaf<'_>, rev: Version, depth: u8) -> Self {
        let scopes: Vec<_> = leaf.scopes.iter().cloned().collect();
        let hop = Hop {
            session: leaf.session.to_owned(),
            application: leaf.application.clone(),
            scopes: full_mask(scopes.len()).unwrap_or(0),
            resources: 1,
            expires: leaf.expires,
            depth,
        };
        let resources = vec![leaf.resource.clone()];
        Self {
            v: CHAIN_VERSION,
            rev,
            resources,
            scopes,
            hops: vec![hop],
        }
    }

    /// Checks that every hop holds no more than the hop before it, and that the last hop is what
    /// the token says.
    pub fn verify(&self, leaf: Leaf<'_>) -> Result<(), ChainError> {
        if self.v != CHAIN_VERSION {
            return Err(ChainError::Version);
        }
        if self.hops.is_empty() || self.hops.len() > MAX_HOPS {
            return Err(ChainError::Length);
        }
        let sorted =
            self.scopes.is_sorted_by(|a, b| a < b) && self.resources.is_sorted_by(|a, b| a < b);
        if !sorted || self.scopes.len() > MAX_SCOPES || self.resources.len() > MAX_RESOURCES {
            return Err(ChainError::Table);
        }
        let scope_mask = full_mask(self.scopes.len()).ok_or(ChainError::Table)?;
        let resource_mask = full_mask(self.resources.len()).ok_or(ChainError::Table)?;
        for hop in &self.hops {
            let fits = hop.scopes & !scope_mask == 0 && hop.resources & !resource_mask == 0;
            if !fits || hop.scopes == 0 || hop.resources == 0 {
                return Err(ChainError::Mask);
            }
        }
        for [parent, child] in self.hops.array_windows::<2>() {
            attenuates(parent, child)?;
        }
        self.check_distinct_sessions()?;
        self.check_leaf(leaf)
    }

    fn check_distinct_sessions(&self) -> Result<(), ChainError> {
        let mut sessions: Vec<_> = self.hops.iter().map(|hop| hop.session.as_str()).collect();
        sessions.sort_unstable();
        if sessions.array_windows::<2>().any(|[a, b]| a == b) {
            return Err(ChainError::Cycle);
        }
        Ok(())
    }

    fn check_leaf(&self, leaf: Leaf<'_>) -> Result<(), ChainError> {
        let last = self.hops.last().ok_or(ChainError::Length)?;
        let scopes = selected(&self.scopes, last.scopes);
        let same_scopes = scopes.eq(leaf.scopes.iter());
        let holds_resource =
            selected(&self.resources, last.resources).any(|uri| uri == leaf.resource);
        let same_holder = last.session == leaf.session && last.application == *leaf.application;
        if same_scopes && holds_resource && same_holder && leaf.expires <= last.expires {
            Ok(())
        } else {
            Err(ChainError::Leaf)
        }
    }
}

/// The partial order of authority, one step of it.
fn attenuates(parent: &Hop, child: &Hop) -> Result<(), ChainError> {
    if child.scopes & !parent.scopes != 0 {
        return Err(ChainError::Scope);
    }
    if child.resources & !parent.resources != 0 {
        return Err(ChainError::Resource);
    }
    if child.expires > parent.expires {
        return Err(ChainError::Lifetime);
    }
    if child.depth >= parent.depth {
        return Err(ChainError::Depth);
    }
    Ok(())
}

/// A mask with `bits` ones; `None` for no bits and for more than a JSON number holds exactly.
fn full_mask(bits: usize) -> Option<u64> {
    let bits = u32::try_from(bits)
        .ok()
        .filter(|bits| (1..=53).contains(bits))?;
    Some(u64::MAX >> 64_u32.saturating_sub(bits))
}

/// The rows of a table whose bits are set.
fn selected<T>(table: &[T], mask: u64) -> impl Iterator<Item = &T> {
    table.iter().enumerate().filter_map(move |(index, row)| {
        let bit = 1_u64.checked_shl(u32::try_from(index).ok()?)?;
        (mask & bit != 0).then_some(row)
    })
}

#[cfg(test)]
mod tests;
