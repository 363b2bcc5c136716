//! The anchor: the keys of those who may pass on, as a point's own configuration has them.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Edge, Statement};
use crate::chain::Hop;
use crate::claims::Claims;
use crate::key::{PublicKey, SignatureVerifier};
use crate::name::Name;
use crate::scope::ScopeSet;

/// Applications with the keys of their owners. Where there are any, nothing that was passed on by an
/// application without a key here is good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delegators(BTreeMap<Name, Vec<PublicKey>>);

/// Why keys of delegators are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DelegatorsError {
    /// One application twice: of one of the two the operator does not know that it counts for nothing.
    #[error("{0} is named twice")]
    Twice(Name),
    /// An application that could sign nothing.
    #[error("{0} has no key: give one, or leave {0} out")]
    NoKey(Name),
    /// Something that is no P-256 point.
    #[error(
        "a key of {0} is no point of P-256: base64url without padding of its 65 bytes, as `caracal delegation key` prints it"
    )]
    Key(Name),
}

impl Delegators {
    /// Adds an application with its keys, in base64url.
    pub fn insert(&mut self, name: Name, keys: &[String]) -> Result<(), DelegatorsError> {
        if self.0.contains_key(&name) {
            return Err(DelegatorsError::Twice(name));
        }
        if keys.is_empty() {
            return Err(DelegatorsError::NoKey(name));
        }
        let key = |text: &String| PublicKey::from_sec1(&URL_SAFE_NO_PAD.decode(text).ok()?).ok();
        let Some(keys) = keys.iter().map(key).collect() else {
            return Err(DelegatorsError::Key(name));
        };
        self.0.insert(name, keys);
        Ok(())
    }

    /// Whether the owner of every application before the holder signed that it passes the token's rights
    /// on, as far as the token goes: by scopes, by time and by how often.
    pub(crate) fn vouch_for(
        &self,
        claims: &Claims,
        scopes: &ScopeSet,
        crypto: &dyn SignatureVerifier,
    ) -> bool {
        let hops = &claims.mdt.hops;
        let steps = hops.array_windows::<2>();
        // One edge for each step, or they are not those of this chain.
        steps.len() == claims.edges.len()
            && steps
                .zip(&claims.edges)
                .rev()
                .enumerate()
                .all(|(further, ([from, to], edge))| {
                    edge.covers(claims, scopes, further)
                        && self.signed(claims, from, to, edge, crypto)
                })
    }

    fn signed(
        &self,
        claims: &Claims,
        from: &Hop,
        to: &Hop,
        edge: &Edge,
        crypto: &dyn SignatureVerifier,
    ) -> bool {
        let message = Statement {
            zone: &claims.zone,
            id: &edge.id,
            from: &from.application,
            to: &to.application,
            resource: &claims.aud,
            scopes: &edge.scopes,
            max_depth: edge.max_depth,
            max_lifetime: edge.max_lifetime,
            expires_at: edge.expires_at,
        }
        .message();
        let keys = self.0.get(&from.application).map_or(&[][..], Vec::as_slice);
        keys.iter()
            .any(|key| crypto.verify(key, &message, edge.signature.bytes()))
    }
}

impl Edge {
    /// Whether it reaches as far as the token, with so many hops after its own.
    fn covers(&self, claims: &Claims, scopes: &ScopeSet, further: usize) -> bool {
        let lifetime = claims.exp.saturating_sub(claims.iat);
        scopes.is_subset(&self.scopes)
            && usize::from(self.max_depth) >= further
            && self.expires_at.is_none_or(|end| claims.exp <= end)
            && self.max_lifetime.is_none_or(|most| lifetime <= most)
    }
}

impl<'de> Deserialize<'de> for Delegators {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByName)
    }
}

/// Reads an object in which no name comes twice.
struct ByName;

impl<'de> Visitor<'de> for ByName {
    type Value = Delegators;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of applications, each with the keys of its owner")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Delegators, M::Error> {
        let mut delegators = Delegators::default();
        while let Some((name, keys)) = map.next_entry::<Name, Vec<String>>()? {
            delegators.insert(name, &keys).map_err(M::Error::custom)?;
        }
        Ok(delegators)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Delegators, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_read_as_they_are_meant_or_not_at_all() {
        let key = URL_SAFE_NO_PAD.encode([4; 65]);
        let compressed = URL_SAFE_NO_PAD.encode([2; 33]);
        assert_eq!(read("{}"), Ok(Delegators::default()));
        let two = read(&format!(r#"{{"a":["{key}","{key}"],"b":["{key}"]}}"#)).unwrap();
        assert_eq!(two.0.len(), 2);
        for (text, says) in [
            (
                format!(r#"{{"a":["{key}"],"a":["{key}"]}}"#),
                "a is named twice",
            ),
            (r#"{"a":[]}"#.to_owned(), "a has no key"),
            (format!(r#"{{"a":["{key}="]}}"#), "no point of P-256"),
            (format!(r#"{{"a":["{compressed}"]}}"#), "no point of P-256"),
            (format!(r#"{{"a":"{key}"}}"#), "invalid type"),
            (format!(r#"{{"Not A Name":["{key}"]}}"#), "Not A Name"),
            (format!(r#"[["a",["{key}"]]]"#), "an object of applications"),
            ("null".to_owned(), "an object of applications"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
