//! The human on whose behalf a grant is for.

use std::collections::BTreeSet;

use caracal_mandate::name::Name;
use serde::{Deserialize, Serialize};

/// Most issuers, and most classes of authentication, that one grant names.
pub const MAX_NAMED: usize = 16;

/// Longest age of an authentication in seconds: one day.
pub const MAX_AUTHENTICATION_AGE: u64 = 86_400;

/// The grant is for acting on behalf of a human, and of nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct OnBehalfOf {
    issuers: BTreeSet<Name>,
    acr_values: Vec<String>,
    max_age: Option<u64>,
}

/// The form on the wire.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    issuers: Vec<Name>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    acr_values: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
}

/// Why nobody could be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OnBehalfOfError {
    /// None, too many, or one twice.
    #[error("name 1 to {MAX_NAMED} trusted issuers, each once")]
    Issuers,
    /// They go into a quoted string of a header, with spaces between them.
    #[error(
        "name at most {MAX_NAMED} acr_values, each once: 1 to 128 printable characters without \
         space, quote and backslash"
    )]
    AcrValues,
    /// Out of range.
    #[error("an authentication is 1 to {MAX_AUTHENTICATION_AGE} seconds old at most")]
    MaxAge,
}

impl OnBehalfOf {
    /// Humans of these trusted issuers, whose authentication was of one of these classes (any, if
    /// none is named) and at most this many seconds ago.
    pub fn new(
        issuers: Vec<Name>,
        acr_values: Vec<String>,
        max_age: Option<u64>,
    ) -> Result<Self, OnBehalfOfError> {
        let named = issuers.len();
        let issuers: BTreeSet<_> = issuers.into_iter().collect();
        if !(1..=MAX_NAMED).contains(&named) || issuers.len() != named {
            return Err(OnBehalfOfError::Issuers);
        }
        let plain = |text: &String| {
            (1..=128).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
        };
        let distinct: BTreeSet<_> = acr_values.iter().collect();
        if acr_values.len() > MAX_NAMED
            || distinct.len() != acr_values.len()
            || !acr_values.iter().all(plain)
        {
            return Err(OnBehalfOfError::AcrValues);
        }
        if max_age.is_some_and(|age| !(1..=MAX_AUTHENTICATION_AGE).contains(&age)) {
            return Err(OnBehalfOfError::MaxAge);
        }
        Ok(Self {
            issuers,
            acr_values,
            max_age,
        })
    }

    /// Names of the trusted issuers; at least one.
    #[must_use]
    pub const fn issuers(&self) -> &BTreeSet<Name> {
        &self.issuers
    }

    /// Classes of authentication, one of which it has to be; none is any (RFC 9470 §3).
    #[must_use]
    pub fn acr_values(&self) -> &[String] {
        &self.acr_values
    }

    /// Seconds since the authentication, at most (RFC 9470 §3).
    #[must_use]
    pub const fn max_age(&self) -> Option<u64> {
        self.max_age
    }
}

impl TryFrom<Unchecked> for OnBehalfOf {
    type Error = OnBehalfOfError;

    fn try_from(unchecked: Unchecked) -> Result<Self, OnBehalfOfError> {
        let Unchecked {
            issuers,
            acr_values,
            max_age,
        } = unchecked;
        Self::new(issuers, acr_values, max_age)
    }
}

impl From<OnBehalfOf> for Unchecked {
    fn from(human: OnBehalfOf) -> Self {
        let OnBehalfOf {
            issuers,
            acr_values,
            max_age,
        } = human;
        Self {
            issuers: issuers.into_iter().collect(),
            acr_values,
            max_age,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nobody_can_mean_is_refused() {
        let read = |value| serde_json::from_value::<OnBehalfOf>(value).is_ok();
        let many: Vec<_> = (0..17).map(|index| format!("i{index}")).collect();
        for (value, legal) in [
            (json!({"issuers": ["corp"]}), true),
            (
                json!({"issuers": ["corp", "staff"], "acr_values": ["urn:mfa", "phr"], "max_age": 300}),
                true,
            ),
            (json!({"issuers": []}), false),
            (json!({"issuers": ["corp", "corp"]}), false),
            (json!({"issuers": many}), false),
            (json!({}), false),
            (json!({"issuers": ["corp"], "acr_values": ["a b"]}), false),
            (json!({"issuers": ["corp"], "acr_values": ["a\"b"]}), false),
            (
                json!({"issuers": ["corp"], "acr_values": ["a", "a"]}),
                false,
            ),
            (json!({"issuers": ["corp"], "acr_values": [""]}), false),
            (json!({"issuers": ["corp"], "max_age": 0}), false),
            (json!({"issuers": ["corp"], "max_age": 86_401}), false),
            (json!({"issuers": ["corp"], "acr": "urn:mfa"}), false),
        ] {
            assert_eq!(read(value.clone()), legal, "{value}");
        }
    }
}
