//! Delegation chains.

use std::collections::BTreeSet;

use crate::catalog::ResourceUri;
use crate::chain::{CHAIN_VERSION, Chain, Holding, Hop, Leaf, MAX_HOPS, Right};
use crate::claims::Claims;
use crate::name::Name;
use crate::scope::{Scope, ScopeSet};
use crate::version::Version;

/// The input is a mandate's claims as JSON, or a chain in a form in which every byte means
/// something ([`Held::from_bytes`]).
///
/// What verifies holds less at every hop, said with sets of names and not with masks; passing it on
/// as it is takes a depth that is left; and nothing more than it holds is ever passed on.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn chain(data: &[u8]) -> bool {
    let held = if data.starts_with(b"{") {
        Held::from_claims(data)
    } else {
        Held::from_bytes(data)
    };
    held.is_some_and(|held| held.verifies())
}

/// A chain, and what the token around it says.
struct Held {
    chain: Chain,
    session: String,
    application: Name,
    resource: ResourceUri,
    scopes: ScopeSet,
    expires: u64,
    passes_on: bool,
}

impl Held {
    fn from_claims(json: &[u8]) -> Option<Self> {
        let claims: Claims = serde_json::from_slice(json).ok()?;
        let written = serde_json::to_vec(&claims).ok()?;
        assert_eq!(
            serde_json::from_slice::<Claims>(&written).ok().as_ref(),
            Some(&claims)
        );
        let scopes = ScopeSet::parse(&claims.scope).ok()?;
        Some(Self {
            passes_on: claims.leaf(&scopes).passes_on,
            chain: claims.mdt,
            session: claims.sid,
            application: claims.client_id,
            resource: claims.aud,
            scopes,
            expires: claims.exp,
        })
    }

    /// Scopes of each resource, resources, the hop that the token repeats and by how much it ends
    /// earlier, what the token says of it, then six bytes for each hop.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[scopes, resources, leaf, earlier, said], hops) = bytes.split_first_chunk::<5>()?;
        let scopes: Vec<Scope> = (0..scopes % 56)
            .filter_map(|index| Scope::parse(&format!("s{index:02}")).ok())
            .collect();
        let resources: Vec<ResourceUri> = (0..resources % 18)
            .filter_map(|index| format!("https://r{index:02}").parse().ok())
            .collect();
        let hops: Vec<Hop> = hops
            .as_chunks::<6>()
            .0
            .iter()
            .filter_map(|bytes| hop(*bytes))
            .collect();
        let chain = Chain {
            v: CHAIN_VERSION,
            rev: Version::default(),
            scopes: vec![scopes; resources.len()],
            resources,
            hops,
        };
        let leaf = usize::from(leaf).min(chain.hops.len().checked_sub(1)?);
        let leaf = chain.hops.get(leaf)?;
        let held = names(&chain, leaf.rights);
        let (resource, _) = *held.first()?;
        let here = held.iter().filter(|(uri, _)| *uri == resource);
        let here = here.map(|(_, scope)| (*scope).clone());
        Some(Self {
            session: leaf.session.clone(),
            application: leaf.application.clone(),
            resource: resource.clone(),
            scopes: ScopeSet::new(here).ok()?,
            expires: leaf.expires.saturating_sub(earlier.into()),
            passes_on: said % 2 == 1,
            chain,
        })
    }

    fn leaf(&self) -> Leaf<'_> {
        Leaf {
            session: &self.session,
            application: &self.application,
            resource: &self.resource,
            scopes: &self.scopes,
            expires: self.expires,
            passes_on: self.passes_on,
        }
    }

    fn verifies(&self) -> bool {
        if self.chain.verify(self.leaf()).is_err() {
            return false;
        }
        let hops = &self.chain.hops;
        assert!((1..=MAX_HOPS).contains(&hops.len()));
        let sessions: BTreeSet<_> = hops.iter().map(|hop| &hop.session).collect();
        assert_eq!(sessions.len(), hops.len(), "no session twice");
        for [parent, child] in hops.array_windows::<2>() {
            assert!(self.rights_of(child).is_subset(&self.rights_of(parent)));
            assert!(child.expires <= parent.expires && child.depth < parent.depth);
        }
        if let Some(last) = hops.last() {
            let said = self.scopes.iter().map(|scope| (&self.resource, scope));
            let said: BTreeSet<_> = said.collect();
            let held = self.rights_of(last);
            assert!(said.is_subset(&held));
            assert!(self.passes_on || said == held);
            assert!(!self.scopes.is_empty() && self.expires <= last.expires);
            assert_eq!(
                (&last.session, &last.application),
                (&self.session, &self.application)
            );
            self.passes_on(last);
        }
        true
    }

    /// The chain as the foundation of another one.
    fn passes_on(&self, last: &Hop) {
        let (leaf, rev) = (self.leaf(), self.chain.rev);
        assert!(self.chain.narrow(leaf, rev).is_ok(), "nothing less is fine");
        let session = format!("{}+", self.session);
        let next = Leaf {
            session: &session,
            ..leaf
        };
        let holding = |depth| Holding {
            leaf: next,
            beyond: &[],
            by: "",
            depth,
        };
        let is_new = self.chain.hops.iter().all(|hop| hop.session != session);
        let may = last.depth > 0 && self.chain.hops.len() < MAX_HOPS && is_new;
        let less = holding(last.depth.saturating_sub(1));
        assert_eq!(self.chain.delegate(less, rev).is_ok(), may);
        let as_far = self.chain.delegate(holding(last.depth), rev);
        assert!(as_far.is_err(), "as far as before");
        let longer = Leaf {
            expires: last.expires.saturating_add(1),
            ..leaf
        };
        assert!(self.chain.narrow(longer, rev).is_err() || last.expires == u64::MAX);
        let held = self.rights_of(last);
        for (resource, scope) in names(&self.chain, u64::MAX) {
            let Ok(scopes) = ScopeSet::new([scope.clone()]) else {
                continue;
            };
            let right = Right {
                resource: resource.clone(),
                scopes,
            };
            let with_it = Holding {
                beyond: &[right],
                leaf: Leaf {
                    passes_on: true,
                    ..next
                },
                ..less
            };
            let passed = self.chain.delegate(with_it, rev).is_ok();
            let holds = held.contains(&(resource, scope));
            assert_eq!(passed, may && holds, "{resource} {scope}");
        }
    }

    fn rights_of(&self, hop: &Hop) -> BTreeSet<(&ResourceUri, &Scope)> {
        names(&self.chain, hop.rights).into_iter().collect()
    }
}

fn hop(bytes: [u8; 6]) -> Option<Hop> {
    let [session, application, bits, shift, expires, depth] = bytes;
    Some(Hop {
        session: format!("ses_{session}"),
        application: format!("a{application}").parse().ok()?,
        by: String::new(),
        rights: u64::from(bits) << (shift % 64),
        expires: expires.into(),
        depth,
    })
}

/// The rows of the table that a mask stands for.
fn names(chain: &Chain, mask: u64) -> Vec<(&ResourceUri, &Scope)> {
    let rows = chain.resources.iter().zip(&chain.scopes);
    let rows = rows.flat_map(|(uri, scopes)| scopes.iter().map(move |scope| (uri, scope)));
    let is_set = |(index, row)| ((mask >> index) & 1 == 1).then_some(row);
    (0..u64::BITS).zip(rows).filter_map(is_set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: [u8; 6] = [3, 3, 1, 1, 70, 0];

    fn bytes(head: [u8; 5], hops: &[[u8; 6]]) -> Vec<u8> {
        [&head[..], hops.as_flattened()].concat()
    }

    fn claims(hops: &str, scope: &str, exp: u64) -> Vec<u8> {
        format!(
            r#"{{"iss":"https://sts","sub":"root","aud":"https://bank","client_id":"b","zone":"prod",
"sid":"ses_2","grant":"grt_1","jti":"mdt_1","iat":100,"exp":{exp},"scope":"{scope}","use":"execute",
"cnf":{{"spiffe_id":"spiffe://d/b"}},"act":{{"sub":"b","act":{{"sub":"a"}}}},"from":["mdt_0"],
"mdt":{{"v":2,"rev":{{"term":1,"epoch":7}},"R":["https://bank","https://vault"],
"S":[["accounts:read","payments:write"],["read"]],"ch":[{hops}]}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let root = [1, 1, 7, 0, 90, 2];
        let middle = [2, 2, 3, 0, 80, 1];
        let three = [root, middle, LAST];
        let root_hop = r#"["ses_1","a","",7,900,1]"#;
        let by = r#""ses_2","b","dlg_1""#;
        let seeds = [
            ("good-three-hops", bytes([3, 2, 255, 5, 0], &three)),
            ("good-root", bytes([3, 2, 0, 0, 0], &[root])),
            (
                "good-passes-on",
                bytes(
                    [2, 2, 255, 0, 1],
                    &[[1, 1, 15, 0, 90, 2], [2, 2, 7, 0, 80, 1]],
                ),
            ),
            (
                "good-widest",
                bytes([53, 1, 9, 0, 0], &[[1, 1, 255, 45, 255, 255]]),
            ),
            (
                "good-claims",
                claims(&format!("{root_hop},[{by},1,800,0]"), "accounts:read", 800),
            ),
            (
                "bad-right",
                bytes([3, 2, 255, 0, 0], &[root, [2, 2, 8, 0, 80, 1]]),
            ),
            (
                "bad-longer",
                bytes([3, 2, 255, 0, 0], &[root, [2, 2, 1, 0, 91, 1]]),
            ),
            (
                "bad-depth",
                bytes([3, 2, 255, 0, 0], &[root, [2, 2, 1, 0, 80, 2]]),
            ),
            (
                "bad-cycle",
                bytes([3, 2, 255, 0, 0], &[root, [1, 2, 1, 0, 80, 1]]),
            ),
            ("bad-leaf", bytes([3, 2, 0, 0, 0], &three)),
            ("bad-table", bytes([54, 1, 255, 0, 0], &[root])),
            (
                "bad-claims",
                claims(&format!("{root_hop},[{by},8,800,0]"), "accounts:read", 800),
            ),
        ];
        caracal_seeds::hold("chain", &seeds, chain).unwrap();
    }
}
