//! Scopes: exact strings, and sets of them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most scopes that one set may hold; a root's scope table has one bit for each.
pub const MAX_SCOPES: usize = 53;

/// Longest scope in bytes.
pub const MAX_SCOPE_BYTES: usize = 128;

/// One scope: an RFC 6749 §3.3 scope-token. There are no wildcards; they are expanded before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<str>);

/// Why a text is no scope or no set of scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Empty, too long, or a character outside the grammar.
    #[error(
        "{0:?} is not a scope: 1 to {MAX_SCOPE_BYTES} printable ASCII characters without space, quote, backslash and '*'"
    )]
    Malformed(String),
    /// More than [`MAX_SCOPES`].
    #[error("{0} scopes are more than {MAX_SCOPES}")]
    TooMany(usize),
    /// The same scope twice.
    #[error("scope {0} is listed twice")]
    Duplicate(Scope),
}

impl Scope {
    /// Reads one scope-token.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        // '*' is legal in RFC 6749 but would read as a pattern, which nothing here expands.
        let legal = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E) && *byte != b'*';
        if text.is_empty() || text.len() > MAX_SCOPE_BYTES || !text.as_bytes().iter().all(legal) {
            return Err(ScopeError::Malformed(
                text.chars().take(MAX_SCOPE_BYTES).collect(),
            ));
        }
        Ok(Self(text.into()))
    }

    /// The scope's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A set of scopes, sorted and unique.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct ScopeSet(Box<[Scope]>);

impl ScopeSet {
    /// A set of the given scopes; the same scope twice is an error, not a shrug.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, ScopeError> {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        if scopes.len() > MAX_SCOPES {
            return Err(ScopeError::TooMany(scopes.len()));
        }
        scopes.sort_unstable();
        if let Some([twice, _]) = scopes.array_windows::<2>().find(|[a, b]| a == b) {
            return Err(ScopeError::Duplicate(twice.clone()));
        }
        Ok(Self(scopes.into()))
    }

    /// Reads the space-delimited form of RFC 6749 §3.3. Exactly one space stands between scopes.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        // Bounded before anything is allocated: the text may come from outside.
        let count = text.split(' ').count();
        if count > MAX_SCOPES {
            return Err(ScopeError::TooMany(count));
        }
        Self::new(
            text.split(' ')
                .map(Scope::parse)
                .collect::<Result<Vec<_>, _>>()?,
        )
    }

    /// Whether every scope of `self` is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|scope| other.contains(scope))
    }

    /// Whether `scope` is in the set.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.binary_search(scope).is_ok()
    }

    /// The scopes that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(
            self.0
                .iter()
                .filter(|scope| other.contains(scope))
                .cloned()
                .collect(),
        )
    }

    /// The scopes, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }

    /// How many scopes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a ScopeSet {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The space-delimited form.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&scope.0)?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::<Scope>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_scope_token() {
        for text in ["", "a b", "a\"", "a\\", "\u{e9}", "a\n", "payments:*"] {
            assert!(Scope::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn refuses_sloppy_lists() {
        for text in [" a", "a ", "a  b", "a a", "a\tb"] {
            assert!(ScopeSet::parse(text).is_err(), "{text:?}");
        }
    }

    fn set() -> impl Strategy<Value = ScopeSet> {
        proptest::collection::btree_set("[a-e]", 0..5).prop_map(|names| {
            ScopeSet::new(names.iter().map(|name| Scope::parse(name).unwrap())).unwrap()
        })
    }

    proptest! {
        #[test]
        fn subset_is_transitive(a in set(), b in set(), c in set()) {
            if a.is_subset(&b) && b.is_subset(&c) {
                prop_assert!(a.is_subset(&c));
            }
        }

        #[test]
        fn the_intersection_is_the_greatest_common_subset(a in set(), b in set(), c in set()) {
            let meet = a.intersection(&b);
            prop_assert!(meet.is_subset(&a) && meet.is_subset(&b));
            if c.is_subset(&a) && c.is_subset(&b) {
                prop_assert!(c.is_subset(&meet));
            }
        }

        #[test]
        fn the_text_form_reads_back(a in set()) {
            prop_assert_eq!(ScopeSet::parse(&a.to_string()).unwrap(), a);
        }
    }
}
