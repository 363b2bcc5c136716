//! Passing on: a chain made from a verified chain, never from anything else.
//!
//! The tables stay as the root fixed them; only bits go away.

use super::{Chain, ChainError, Hop, Leaf, attenuates};
use crate::version::Version;

impl Chain {
    /// The chain with one more hop, which holds what `leaf` says and may be passed on `depth` times.
    ///
    /// # Errors
    /// When the new hop would hold anything that the last one lacks.
    pub fn delegate(&self, leaf: Leaf<'_>, rev: Version, depth: u8) -> Result<Self, ChainError> {
        let parent = self.hops.last().ok_or(ChainError::Length)?;
        let child = self.hop(leaf, depth)?;
        attenuates(parent, &child)?;
        let mut chain = self.clone();
        chain.rev = rev;
        chain.hops.push(child);
        chain.verify(leaf)?;
        Ok(chain)
    }

    /// The chain whose last hop holds only what `leaf` says: less scope, an earlier end.
    ///
    /// # Errors
    /// When that is more than the last hop holds, or is another holder's.
    pub fn narrow(&self, leaf: Leaf<'_>, rev: Version) -> Result<Self, ChainError> {
        let mut chain = self.clone();
        let last = chain.hops.pop().ok_or(ChainError::Length)?;
        let hop = self.hop(leaf, last.depth)?;
        if hop.scopes & !last.scopes != 0 {
            return Err(ChainError::Scope);
        }
        if hop.resources & !last.resources != 0 {
            return Err(ChainError::Resource);
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

    /// A hop over the tables of this chain. What is not in a table cannot be held.
    fn hop(&self, leaf: Leaf<'_>, depth: u8) -> Result<Hop, ChainError> {
        let bit = |index: Result<usize, usize>| {
            let index = u32::try_from(index.ok()?).ok()?;
            1_u64.checked_shl(index)
        };
        let mut scopes = 0;
        for scope in leaf.scopes {
            scopes |= bit(self.scopes.binary_search(scope)).ok_or(ChainError::Scope)?;
        }
        let resources =
            bit(self.resources.binary_search(leaf.resource)).ok_or(ChainError::Resource)?;
        Ok(Hop {
            session: leaf.session.to_owned(),
            application: leaf.application.clone(),
            scopes,
            resources,
            expires: leaf.expires,
            depth,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ResourceUri;
    use crate::name::Name;
    use crate::scope::ScopeSet;
    use proptest::prelude::*;

    struct Held {
        session: String,
        application: Name,
        resource: ResourceUri,
        scopes: ScopeSet,
        expires: u64,
    }

    impl Held {
        fn new(holder: &str, scopes: &str, expires: u64) -> Self {
            Self {
                session: format!("ses_{holder}"),
                application: holder.parse().unwrap(),
                resource: "https://r.internal".parse().unwrap(),
                scopes: ScopeSet::parse(scopes).unwrap(),
                expires,
            }
        }

        fn leaf(&self) -> Leaf<'_> {
            Leaf {
                session: &self.session,
                application: &self.application,
                resource: &self.resource,
                scopes: &self.scopes,
                expires: self.expires,
            }
        }
    }

    fn root() -> Chain {
        Chain::root(
            Held::new("a", "s1 s2 s3", 100).leaf(),
            Version::default(),
            2,
        )
    }

    #[test]
    fn what_is_passed_on_verifies_and_is_less() {
        let held = Held::new("b", "s1 s3", 90);
        let chain = root().delegate(held.leaf(), Version::default(), 1).unwrap();
        assert_eq!(chain.hops.len(), 2);
        assert_eq!(chain.verify(held.leaf()), Ok(()));
        assert_eq!(chain.scopes, root().scopes, "the root's tables stay");
    }

    #[test]
    fn nothing_more_than_the_parent_holds_is_passed_on() {
        let parent = root()
            .delegate(Held::new("b", "s1 s2", 90).leaf(), Version::default(), 1)
            .unwrap();
        let mut elsewhere = Held::new("c", "s1", 90);
        elsewhere.resource = "https://other.internal".parse().unwrap();
        for (held, depth, error) in [
            (Held::new("c", "s1 s3", 90), 0, ChainError::Scope),
            (Held::new("c", "s4", 90), 0, ChainError::Scope),
            (Held::new("c", "s1", 91), 0, ChainError::Lifetime),
            (Held::new("c", "s1", 90), 1, ChainError::Depth),
            (elsewhere, 0, ChainError::Resource),
            (Held::new("a", "s1", 90), 0, ChainError::Cycle),
        ] {
            let passed = parent.delegate(held.leaf(), Version::default(), depth);
            assert_eq!(passed.err(), Some(error));
        }
        let last = parent
            .delegate(Held::new("c", "s1", 90).leaf(), Version::default(), 0)
            .unwrap();
        let on = last.delegate(Held::new("d", "s1", 90).leaf(), Version::default(), 0);
        assert_eq!(
            on.err(),
            Some(ChainError::Depth),
            "depth 0 passes nothing on"
        );
    }

    #[test]
    fn narrowing_keeps_the_holder_and_takes_away() {
        let narrowed = root()
            .narrow(Held::new("a", "s2", 50).leaf(), Version::default())
            .unwrap();
        assert_eq!(narrowed.hops.len(), 1);
        for (held, error) in [
            (Held::new("a", "s1 s2", 50), ChainError::Scope),
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
            steps in proptest::collection::vec((1_u8..8, 0_u64..120, 0_u8..6, any::<bool>()), 0..12),
        ) {
            let mut chain = Chain::root(Held::new("a", "s1 s2 s3", 100).leaf(), Version::default(), 5);
            for (index, (bits, expires, depth, narrow)) in steps.into_iter().enumerate() {
                let scopes: Vec<_> = (0..3).filter(|bit| bits & (1 << bit) != 0)
                    .map(|bit| format!("s{}", bit + 1)).collect();
                let last = chain.hops.last().unwrap().clone();
                let mut held = Held::new(&format!("b{index}"), &scopes.join(" "), expires);
                if narrow {
                    held.session = last.session.clone();
                    held.application = last.application.clone();
                }
                let next = if narrow {
                    chain.narrow(held.leaf(), Version::default())
                } else {
                    chain.delegate(held.leaf(), Version::default(), depth)
                };
                if let Ok(next) = next {
                    let child = next.hops.last().unwrap();
                    prop_assert_eq!(child.scopes & !last.scopes, 0);
                    prop_assert!(child.expires <= last.expires);
                    prop_assert!(narrow || child.depth < last.depth);
                    chain = next;
                }
            }
        }
    }
}
