//! Passing on: a chain made from a verified chain, never from anything else.
//!
//! The table stays as the root fixed it; only bits go away.

use std::collections::{BTreeMap, BTreeSet};

use super::{CHAIN_VERSION, Chain, ChainError, Hop, Leaf, MAX_RESOURCES, attenuates};
use crate::catalog::ResourceUri;
use crate::scope::{Scope, ScopeSet};
use crate::version::Version;

/// Scopes at one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// Resource.
    pub resource: ResourceUri,
    /// Scopes.
    pub scopes: ScopeSet,
}

/// What a new last hop is to hold.
#[derive(Debug, Clone, Copy)]
pub struct Holding<'a> {
    /// What the token says.
    pub leaf: Leaf<'a>,
    /// What it holds besides, to be passed on.
    pub beyond: &'a [Right],
    /// Id of the delegation by which it holds it; empty at the root.
    pub by: &'a str,
    /// How many delegations may follow.
    pub depth: u8,
}

impl Chain {
    /// The chain of one hop: authority that comes from a grant and not from another session.
    ///
    /// # Errors
    /// When that is more than a table takes.
    pub fn root(holding: Holding<'_>, rev: Version) -> Result<Self, ChainError> {
        let mut table = BTreeMap::<&ResourceUri, BTreeSet<&Scope>>::new();
        let leaf = (holding.leaf.resource, holding.leaf.scopes);
        let beyond = holding.beyond.iter();
        let beyond = beyond.map(|right| (&right.resource, &right.scopes));
        for (resource, scopes) in beyond.chain([leaf]) {
            table.entry(resource).or_default().extend(scopes);
        }
        if table.len() > MAX_RESOURCES {
            return Err(ChainError::Table);
        }
        let mut chain = Self {
            v: CHAIN_VERSION,
            rev,
            resources: table.keys().map(|resource| (*resource).clone()).collect(),
            scopes: table
                .into_values()
                .map(|scopes| scopes.into_iter().cloned().collect())
                .collect(),
            hops: Vec::with_capacity(1),
        };
        chain.table_mask()?;
        let hop = chain.hop(holding)?;
        chain.hops.push(hop);
        chain.verify(holding.leaf)?;
        Ok(chain)
    }

    /// The chain with one more hop.
    ///
    /// # Errors
    /// When the new hop would hold anything that the last one lacks.
    pub fn delegate(&self, holding: Holding<'_>, rev: Version) -> Result<Self, ChainError> {
        let parent = self.hops.last().ok_or(ChainError::Length)?;
        let child = self.hop(holding)?;
        attenuates(parent, &child)?;
        let mut chain = self.clone();
        chain.rev = rev;
        chain.hops.push(child);
        chain.verify(holding.leaf)?;
        Ok(chain)
    }

    /// The chain whose last hop holds only what `leaf` says: less rights, an earlier end.
    ///
    /// # Errors
    /// When that is more than the last hop holds, or is another holder's.
    pub fn narrow(&self, leaf: Leaf<'_>, rev: Version) -> Result<Self, ChainError> {
        let mut chain = self.clone();
        let last = chain.hops.pop().ok_or(ChainError::Length)?;
        let hop = self.hop(Holding {
            leaf,
            beyond: &[],
            by: &last.by,
            depth: last.depth,
        })?;
        if hop.rights & !last.rights != 0 {
            return Err(ChainError::Right);
        }
        if hop.expires > last.expires {
            return Err(ChainError::Lifetime);
        }
        if hop.session != last.session || hop.application != last.application {
            return Err(ChainError::Leaf);
        }
        chain.rev = rev;
        chain.hops.push(hop);
        chain.verify(leaf)?;
        Ok(chain)
    }

    /// The scopes that the last hop holds at a resource.
    #[must_use]
    pub fn scopes_at(&self, resource: &ResourceUri) -> ScopeSet {
        let held = self.hops.last().map(|last| self.held(last));
        let here = held
            .into_iter()
            .flatten()
            .filter(|(uri, _)| *uri == resource);
        // Rows of a table are distinct and no more than a set takes.
        ScopeSet::new(here.map(|(_, scope)| scope.clone())).unwrap_or_default()
    }

    /// A hop over the table of this chain. What is not in it cannot be held.
    fn hop(&self, holding: Holding<'_>) -> Result<Hop, ChainError> {
        let Holding {
            leaf,
            beyond,
            by,
            depth,
        } = holding;
        let mask = |resource, scopes| self.mask(resource, scopes).ok_or(ChainError::Right);
        let mut rights = mask(leaf.resource, leaf.scopes)?;
        for right in beyond {
            rights |= mask(&right.resource, &right.scopes)?;
        }
        Ok(Hop {
            session: leaf.session.to_owned(),
            application: leaf.application.clone(),
            by: by.to_owned(),
            rights,
            expires: leaf.expires,
            depth,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;
    use proptest::prelude::*;

    struct Held {
        session: String,
        application: Name,
        resource: ResourceUri,
        scopes: ScopeSet,
        expires: u64,
        beyond: Vec<Right>,
    }

    fn uri(host: &str) -> ResourceUri {
        format!("https://{host}.internal").parse().unwrap()
    }

    fn right(host: &str, scopes: &str) -> Right {
        Right {
            resource: uri(host),
            scopes: ScopeSet::parse(scopes).unwrap(),
        }
    }

    impl Held {
        fn new(holder: &str, scopes: &str, expires: u64) -> Self {
            Self {
                session: format!("ses_{holder}"),
                application: holder.parse().unwrap(),
                resource: uri("r"),
                scopes: ScopeSet::parse(scopes).unwrap(),
                expires,
                beyond: Vec::new(),
            }
        }

        /// What may be passed on besides.
        fn beyond(self, beyond: Vec<Right>) -> Self {
            Self { beyond, ..self }
        }

        fn leaf(&self) -> Leaf<'_> {
            Leaf {
                session: &self.session,
                application: &self.application,
                resource: &self.resource,
                scopes: &self.scopes,
                expires: self.expires,
                passes_on: !self.beyond.is_empty(),
            }
        }

        fn with(&self, depth: u8) -> Holding<'_> {
            Holding {
                leaf: self.leaf(),
                beyond: &self.beyond,
                by: "",
                depth,
            }
        }

        fn root(&self, depth: u8) -> Chain {
            Chain::root(self.with(depth), Version::default()).unwrap()
        }

        fn from(&self, parent: &Chain, depth: u8) -> Result<Chain, ChainError> {
            parent.delegate(self.with(depth), Version::default())
        }
    }

    fn root() -> Chain {
        Held::new("a", "s1 s2 s3", 100).root(2)
    }

    #[test]
    fn what_is_passed_on_verifies_and_is_less() {
        let held = Held::new("b", "s1 s3", 90);
        let chain = held.from(&root(), 1).unwrap();
        assert_eq!(chain.hops.len(), 2);
        assert_eq!(chain.verify(held.leaf()), Ok(()));
        assert_eq!(chain.scopes, root().scopes, "the root's table stays");
    }

    #[test]
    fn nothing_more_than_the_parent_holds_is_passed_on() {
        let parent = Held::new("b", "s1 s2", 90).from(&root(), 1).unwrap();
        let mut elsewhere = Held::new("c", "s1", 90);
        elsewhere.resource = uri("other");
        let more = Held::new("c", "s1", 90).beyond(vec![right("r", "s3")]);
        for (held, depth, error) in [
            (Held::new("c", "s1 s3", 90), 0, ChainError::Right),
            (Held::new("c", "s4", 90), 0, ChainError::Right),
            (more, 0, ChainError::Right),
            (Held::new("c", "s1", 91), 0, ChainError::Lifetime),
            (Held::new("c", "s1", 90), 1, ChainError::Depth),
            (elsewhere, 0, ChainError::Right),
            (Held::new("a", "s1", 90), 0, ChainError::Cycle),
        ] {
            assert_eq!(held.from(&parent, depth).err(), Some(error));
        }
        let last = Held::new("c", "s1", 90).from(&parent, 0).unwrap();
        let on = Held::new("d", "s1", 90).from(&last, 0);
        assert_eq!(
            on.err(),
            Some(ChainError::Depth),
            "depth 0 passes nothing on"
        );
    }

    #[test]
    fn a_right_is_one_scope_at_one_resource() {
        // May call the agent, and have it read at the bank and write at the vault.
        let caller = Held::new("a", "call", 100)
            .beyond(vec![right("bank", "read"), right("vault", "read write")]);
        let chain = caller.root(2);
        assert_eq!(chain.scopes_at(&uri("bank")).to_string(), "read");
        assert_eq!(chain.scopes_at(&uri("vault")).to_string(), "read write");
        assert_eq!(chain.scopes_at(&uri("nowhere")), ScopeSet::default());
        let at = |resource: &str, scopes: &str| {
            let mut held = Held::new("b", scopes, 90);
            held.resource = uri(resource);
            held.from(&chain, 0).map(|chain| chain.hops.len())
        };
        assert_eq!(at("bank", "read"), Ok(2));
        assert_eq!(at("vault", "read write"), Ok(2));
        assert_eq!(at("bank", "write"), Err(ChainError::Right));
        assert_eq!(at("bank", "call"), Err(ChainError::Right));
        assert_eq!(at("vault", "call"), Err(ChainError::Right));
    }

    #[test]
    fn what_may_be_passed_on_is_of_no_use_by_the_token_itself() {
        let caller = Held::new("a", "call", 100).beyond(vec![right("r", "s9")]);
        let chain = caller.root(1);
        let silent = Leaf {
            passes_on: false,
            ..caller.leaf()
        };
        assert_eq!(chain.verify(caller.leaf()), Ok(()));
        assert_eq!(chain.verify(silent), Err(ChainError::Leaf));
        let narrowed = chain.narrow(silent, Version::default()).unwrap();
        assert_eq!(narrowed.verify(silent), Ok(()), "nothing is left beside");
    }

    #[test]
    fn a_table_has_bounds() {
        let names: Vec<_> = (0..60).map(|index| format!("s{index:02}")).collect();
        let of = |count: usize| {
            right(
                "bank",
                &names
                    .iter()
                    .take(count)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        let widest = Held::new("a", "call", 100).beyond(vec![of(52)]);
        assert!(Chain::root(widest.with(1), Version::default()).is_ok());
        let wider = Held::new("a", "call", 100).beyond(vec![of(53)]);
        let table = Chain::root(wider.with(1), Version::default());
        assert_eq!(table.err(), Some(ChainError::Table));
        let many = (0..16)
            .map(|index| right(&format!("r{index}"), "s"))
            .collect();
        let many = Held::new("a", "call", 100).beyond(many);
        let table = Chain::root(many.with(1), Version::default());
        assert_eq!(table.err(), Some(ChainError::Table));
    }

    #[test]
    fn narrowing_keeps_the_holder_and_takes_away() {
        let narrowed = root()
            .narrow(Held::new("a", "s2", 50).leaf(), Version::default())
            .unwrap();
        assert_eq!(narrowed.hops.len(), 1);
        for (held, error) in [
            (Held::new("a", "s1 s2", 50), ChainError::Right),
            (Held::new("a", "s2", 51), ChainError::Lifetime),
            (Held::new("b", "s2", 50), ChainError::Leaf),
        ] {
            let wider = narrowed.narrow(held.leaf(), Version::default());
            assert_eq!(wider.err(), Some(error));
        }
    }

    proptest! {
        #[test]
        fn a_random_walk_never_holds_more_than_its_root(
            steps in proptest::collection::vec((1_u8..8, 0_u8..8, 0_u64..120, 0_u8..6, any::<bool>()), 0..12),
        ) {
            let mut chain = Held::new("a", "s1 s2 s3", 100)
                .beyond(vec![right("other", "s1 s2 s3")])
                .root(5);
            let named = |bits: u8| {
                let named = (0..3).filter(|bit| bits & (1 << bit) != 0);
                named.map(|bit| format!("s{}", bit + 1)).collect::<Vec<_>>().join(" ")
            };
            for (index, (here, there, expires, depth, narrow)) in steps.into_iter().enumerate() {
                let last = chain.hops.last().unwrap().clone();
                let mut held = Held::new(&format!("b{index}"), &named(here), expires);
                if narrow {
                    held.session = last.session.clone();
                    held.application = last.application.clone();
                } else if there > 0 {
                    held = held.beyond(vec![right("other", &named(there))]);
                }
                let next = if narrow {
                    chain.narrow(held.leaf(), Version::default())
                } else {
                    held.from(&chain, depth)
                };
                if let Ok(next) = next {
                    let child = next.hops.last().unwrap();
                    prop_assert_eq!(child.rights & !last.rights, 0);
                    prop_assert!(child.expires <= last.expires);
                    prop_assert!(narrow || child.depth < last.depth);
                    chain = next;
                }
            }
        }
    }
}
