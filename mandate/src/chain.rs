//! The delegation chain: who passed what on to whom, re-checked from the token alone.
//!
//! The root fixes a table of rights; a right is one scope at one resource. Each hop holds a subset of
//! it as a bit mask, an expiry and a remaining depth. Wildcards were expanded before the root was
//! written, so "a child never has more than its parent" is arithmetic on bits and numbers:
//! `r' & !r == 0`, `e' <= e`, `d' < d`.
//!
//! Rights are pairs and not two masks, one of scopes and one of resources: whoever may read here and
//! write there would hold the product of both, and could pass on to write here.

mod derive;

use serde::{Deserialize, Deserializer, Serialize};

use crate::catalog::ResourceUri;
use crate::name::Name;
use crate::scope::{Scope, ScopeSet};
use crate::version::Version;

pub use derive::{Holding, Right};

/// Version of the layout.
pub const CHAIN_VERSION: u8 = 2;

/// Most hops, the root included: eight delegations are the hard limit.
pub const MAX_HOPS: usize = 9;

/// Most resources in a root's table.
pub const MAX_RESOURCES: usize = 16;

/// Most rights in a root's table: as many bits as a JSON number holds exactly.
pub const MAX_RIGHTS: usize = 53;

/// One holder in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "HopTuple", into = "HopTuple")]
pub struct Hop {
    /// Session that holds the authority; the handle by which it is revoked.
    pub session: String,
    /// Application of the session.
    pub application: Name,
    /// Id of the delegation by which it came from the hop before. Empty at the root, which holds by the
    /// mandate's grant, and where a mandate was handed on by its holder.
    pub by: String,
    /// Bits over the table of rights.
    pub rights: u64,
    /// Unix second after which the hop holds nothing.
    pub expires: u64,
    /// How many further delegations may follow.
    pub depth: u8,
}

/// The compact form: `[session, application, by, rights, expires, depth]`.
#[derive(Serialize, Deserialize)]
struct HopTuple(String, Name, String, u64, u64, u8);

impl From<HopTuple> for Hop {
    fn from(HopTuple(session, application, by, rights, expires, depth): HopTuple) -> Self {
        Self {
            session,
            application,
            by,
            rights,
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
            by,
            rights,
            expires,
            depth,
        } = hop;
        Self(session, application, by, rights, expires, depth)
    }
}

/// The claim `mdt`: the table of rights, hops root first, and the log position at which it was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// [`CHAIN_VERSION`].
    pub v: u8,
    /// Authority state that the issuer decided on; a filter behind it must not decide alone.
    pub rev: Version,
    /// The resources of the table, sorted.
    #[serde(rename = "R", deserialize_with = "exact")]
    pub resources: Vec<ResourceUri>,
    /// For each of them its scopes, sorted. The rights are numbered in this order.
    #[serde(rename = "S", deserialize_with = "exact")]
    pub scopes: Vec<Vec<Scope>>,
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
    #[error("the chain's table of rights is not a sorted set within its bounds")]
    Table,
    /// A hop with a bit beyond its table, or with nothing at all.
    #[error("a hop's mask does not fit its table")]
    Mask,
    /// A hop with a right that the hop before it lacks.
    #[error("a hop has a right that the hop before it lacks")]
    Right,
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
    #[error("the last hop is not the token's holder, rights or lifetime")]
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
    /// Whether the last hop may hold rights beside these: to be passed on, and of no use by this token.
    pub passes_on: bool,
}

impl Chain {
    /// Checks that every hop holds no more than the hop before it, and that the last hop is what
    /// the token says.
    pub fn verify(&self, leaf: Leaf<'_>) -> Result<(), ChainError> {
        if self.v != CHAIN_VERSION {
            return Err(ChainError::Version);
        }
        if self.hops.is_empty() || self.hops.len() > MAX_HOPS {
            return Err(ChainError::Length);
        }
        let table = self.table_mask()?;
        for hop in &self.hops {
            if hop.rights & !table != 0 || hop.rights == 0 {
                return Err(ChainError::Mask);
            }
        }
        for [parent, child] in self.hops.array_windows::<2>() {
            attenuates(parent, child)?;
        }
        self.check_distinct_sessions()?;
        self.check_leaf(leaf)
    }

    /// All rights of the table, which has to be in order.
    fn table_mask(&self) -> Result<u64, ChainError> {
        let sorted = self.resources.is_sorted_by(|a, b| a < b)
            && self
                .scopes
                .iter()
                .all(|scopes| !scopes.is_empty() && scopes.is_sorted_by(|a, b| a < b));
        let rights = self.scopes.iter().map(Vec::len).sum();
        if !sorted
            || self.resources.len() != self.scopes.len()
            || self.resources.len() > MAX_RESOURCES
        {
            return Err(ChainError::Table);
        }
        full_mask(rights).ok_or(ChainError::Table)
    }

    /// Every right of the table with its bit.
    fn rights(&self) -> impl Iterator<Item = (u64, &ResourceUri, &Scope)> {
        let rows = self.resources.iter().zip(&self.scopes);
        let rows =
            rows.flat_map(|(resource, scopes)| scopes.iter().map(move |scope| (resource, scope)));
        bits()
            .zip(rows)
            .map(|(bit, (resource, scope))| (bit, resource, scope))
    }

    /// What a hop holds.
    fn held(&self, hop: &Hop) -> impl Iterator<Item = (&ResourceUri, &Scope)> {
        let held = hop.rights;
        self.rights()
            .filter(move |(bit, ..)| held & bit != 0)
            .map(|(_, resource, scope)| (resource, scope))
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
        let claimed = self
            .mask(leaf.resource, leaf.scopes)
            .ok_or(ChainError::Leaf)?;
        let same_rights = if leaf.passes_on {
            claimed & !last.rights == 0
        } else {
            claimed == last.rights
        };
        let same_holder = last.session == leaf.session && last.application == *leaf.application;
        if same_rights && same_holder && leaf.expires <= last.expires {
            Ok(())
        } else {
            Err(ChainError::Leaf)
        }
    }

    /// The bits of scopes at a resource; `None` when the table lacks one, and for no scope.
    fn mask(&self, resource: &ResourceUri, scopes: &ScopeSet) -> Option<u64> {
        let row = self.resources.binary_search(resource).ok()?;
        let before = self.scopes.get(..row)?.iter().map(Vec::len).sum::<usize>();
        let table = self.scopes.get(row)?;
        let mut mask = 0;
        for scope in scopes {
            let index = before.checked_add(table.binary_search(scope).ok()?)?;
            mask |= 1_u64.checked_shl(u32::try_from(index).ok()?)?;
        }
        (mask != 0).then_some(mask)
    }
}

/// The partial order of authority, one step of it.
fn attenuates(parent: &Hop, child: &Hop) -> Result<(), ChainError> {
    if child.rights & !parent.rights != 0 {
        return Err(ChainError::Right);
    }
    if child.expires > parent.expires {
        return Err(ChainError::Lifetime);
    }
    if child.depth >= parent.depth {
        return Err(ChainError::Depth);
    }
    Ok(())
}

/// A mask with a one for each right; `None` for no rights and for too many.
fn full_mask(rights: usize) -> Option<u64> {
    let mask = bits().take(rights).fold(0, |mask, bit| mask | bit);
    (1..=MAX_RIGHTS).contains(&rights).then_some(mask)
}

/// One bit after the other, from the lowest.
fn bits() -> impl Iterator<Item = u64> {
    (0..u64::BITS).filter_map(|shift| 1_u64.checked_shl(shift))
}

#[cfg(test)]
mod tests;
