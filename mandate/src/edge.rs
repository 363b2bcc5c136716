//! Signatures of delegators: what an application's owner put their own name to.
//!
//! A delegation is a row of the authority's database, and a mandate is signed by the service that reads it.
//! A point that does not want to trust either for this holds the keys of the owners in its own
//! configuration, and demands of each hop after the root an [`Edge`]: that the application before it passes
//! these scopes at this resource on to it, signed by its owner.
//!
//! Nothing here depends on the moment, so it is checked once for each token: what bounds an edge in time
//! has to bound the token.

mod delegators;
mod signature;

use serde::{Deserialize, Serialize};

use crate::catalog::ResourceUri;
use crate::name::Name;
use crate::scope::ScopeSet;

pub use delegators::{Delegators, DelegatorsError};
pub use signature::{EdgeSignature, EdgeSignatureError};

/// What keeps these signatures apart from all others by the same key, and from those of another layout.
const DOMAIN: &str = "caracal delegation 1";

/// What an owner signs. The id is in it, so that what was revoked cannot be registered again: ids are never
/// used twice. So is the resource's identifier and not its name, which only the database knows.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// Zone.
    pub zone: &'a Name,
    /// Id of the delegation.
    pub id: &'a str,
    /// Application that passes on; its owner signs.
    pub from: &'a Name,
    /// Application that acts.
    pub to: &'a Name,
    /// Resource.
    pub resource: &'a ResourceUri,
    /// Scopes, at most.
    pub scopes: &'a ScopeSet,
    /// How often `to` may have it passed on further.
    pub max_depth: u8,
    /// Longest life of mandates by it in seconds.
    pub max_lifetime: Option<u64>,
    /// Unix second from which it is void.
    pub expires_at: Option<u64>,
}

impl Statement<'_> {
    /// The bytes that are signed: ten texts, each after its length (4 bytes, big endian), so that no two
    /// statements share their bytes. Numbers are decimal, what is not bounded is empty, and scopes are
    /// sorted, with one space between them.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let Self {
            zone,
            id,
            from,
            to,
            resource,
            scopes,
            max_depth,
            max_lifetime,
            expires_at,
        } = self;
        let number = |bound: &Option<u64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
        let mut message = Vec::with_capacity(256);
        for text in [
            DOMAIN,
            zone.as_str(),
            id,
            from.as_str(),
            to.as_str(),
            resource.as_str(),
            &scopes.to_string(),
            &max_depth.to_string(),
            &number(max_lifetime),
            &number(expires_at),
        ] {
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
            message.extend(length.to_be_bytes());
            message.extend(text.as_bytes());
        }
        message
    }
}

/// A signed delegation as a mandate carries it. Who passes on to whom stands in the hops, and where, in
/// `aud`: an edge that was taken from elsewhere does not verify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "EdgeTuple", into = "EdgeTuple")]
pub struct Edge {
    /// Id of the delegation, by which it can be revoked.
    pub id: String,
    /// Scopes, at most.
    pub scopes: ScopeSet,
    /// How often it may be passed on further.
    pub max_depth: u8,
    /// Longest life of mandates by it in seconds.
    pub max_lifetime: Option<u64>,
    /// Unix second from which it is void.
    pub expires_at: Option<u64>,
    /// By the owner of the application before.
    pub signature: EdgeSignature,
}

/// The compact form: `[id, scopes, max_depth, max_lifetime, expires_at, signature]`.
#[derive(Serialize, Deserialize)]
struct EdgeTuple(
    String,
    ScopeSet,
    u8,
    Option<u64>,
    Option<u64>,
    EdgeSignature,
);

impl From<EdgeTuple> for Edge {
    fn from(
        EdgeTuple(id, scopes, max_depth, max_lifetime, expires_at, signature): EdgeTuple,
    ) -> Self {
        Self {
            id,
            scopes,
            max_depth,
            max_lifetime,
            expires_at,
            signature,
        }
    }
}

impl From<Edge> for EdgeTuple {
    fn from(edge: Edge) -> Self {
        let Edge {
            id,
            scopes,
            max_depth,
            max_lifetime,
            expires_at,
            signature,
        } = edge;
        Self(id, scopes, max_depth, max_lifetime, expires_at, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Said {
        names: [Name; 3],
        id: String,
        resource: ResourceUri,
        scopes: ScopeSet,
        max_depth: u8,
        bounds: [Option<u64>; 2],
    }

    fn said() -> Said {
        Said {
            names: ["prod", "a", "b"].map(|name| name.parse().unwrap()),
            id: "dlg_1".to_owned(),
            resource: "https://bank.internal".parse().unwrap(),
            scopes: ScopeSet::parse("read write").unwrap(),
            max_depth: 1,
            bounds: [None, Some(90)],
        }
    }

    fn message(said: &Said) -> Vec<u8> {
        Statement {
            zone: &said.names[0],
            id: &said.id,
            from: &said.names[1],
            to: &said.names[2],
            resource: &said.resource,
            scopes: &said.scopes,
            max_depth: said.max_depth,
            max_lifetime: said.bounds[0],
            expires_at: said.bounds[1],
        }
        .message()
    }

    #[test]
    fn the_bytes_that_are_signed_stay_as_they_are() {
        // Signatures that owners made have to verify in every later version.
        let mut expected = Vec::new();
        for (length, text) in [
            (20, "caracal delegation 1"),
            (4, "prod"),
            (5, "dlg_1"),
            (1, "a"),
            (1, "b"),
            (21, "https://bank.internal"),
            (10, "read write"),
            (1, "1"),
            (0, ""),
            (2, "90"),
        ] {
            expected.extend([0, 0, 0, length]);
            expected.extend(text.as_bytes());
        }
        assert_eq!(message(&said()), expected);
    }

    #[test]
    fn no_two_statements_share_their_bytes() {
        let changes: [fn(&mut Said); 12] = [
            |said| said.names[0] = "other".parse().unwrap(),
            |said| said.names[1] = "c".parse().unwrap(),
            |said| said.names[2] = "c".parse().unwrap(),
            |said| said.names.swap(1, 2),
            |said| said.id.push('1'),
            |said| said.resource = "https://bank.internal/x".parse().unwrap(),
            |said| said.scopes = ScopeSet::parse("read").unwrap(),
            |said| said.scopes = ScopeSet::parse("readwrite").unwrap(),
            |said| said.max_depth = 11,
            |said| said.bounds = [Some(90), None],
            |said| said.bounds = [Some(0), Some(90)],
            |said| said.bounds = [None, None],
        ];
        let mut messages: Vec<_> = changes
            .iter()
            .map(|change| {
                let mut said = said();
                change(&mut said);
                message(&said)
            })
            .collect();
        messages.push(message(&said()));
        messages.sort_unstable();
        messages.dedup();
        assert_eq!(messages.len(), changes.len() + 1);
    }

    #[test]
    fn an_edge_is_a_compact_list() {
        let edge = Edge {
            id: "dlg_1".to_owned(),
            scopes: ScopeSet::parse("read").unwrap(),
            max_depth: 1,
            max_lifetime: None,
            expires_at: Some(90),
            signature: [0; 64].into(),
        };
        let text = serde_json::to_string(&edge).unwrap();
        let zeros = "A".repeat(86);
        assert_eq!(text, format!(r#"["dlg_1",["read"],1,null,90,"{zeros}"]"#));
        assert_eq!(serde_json::from_str::<Edge>(&text).unwrap(), edge);
        let more = format!("{},1]", text.strip_suffix(']').unwrap());
        assert!(serde_json::from_str::<Edge>(&more).is_err());
    }
}
