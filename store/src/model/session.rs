//! Sessions: tracked executions of applications.

use std::collections::BTreeMap;

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use serde::{Deserialize, Serialize};

use super::RevocationRecord;

/// Shortest lease in seconds. Mandates live no longer than the lease, so a shorter one would have every
/// few requests exchanged anew.
pub const MIN_SESSION_LEASE: u32 = 5;

/// Longest lease in seconds.
pub const MAX_SESSION_LEASE: u32 = 3600;

/// Most labels of one session.
const MAX_LABELS: usize = 16;

/// Longest value of a label in bytes.
const MAX_LABEL_BYTES: usize = 128;

/// One tracked execution of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Id, `ses_` and 22 characters.
    pub id: String,
    /// Application.
    pub application: Name,
    /// Workload.
    pub holder: SpiffeId,
    /// Unix second.
    pub opened_at: u64,
    /// The session on whose behalf it was opened: it ends with that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// On what terms an administrator declared it; `None` where the token service opened it at the
    /// workload's first exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<SessionTerms>,
}

/// What an administrator says of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionTerms {
    /// Unix second from which it is void; `None` is until it is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// Seconds from one heartbeat within which the next one has to come; `None` asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_s: Option<u32>,
    /// What policies read of it.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// Labels of a session. They are the administrator's: no workload has a say in its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<Name, String>")]
pub struct Labels(BTreeMap<Name, String>);

/// Why labels are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    /// Too many of them.
    #[error("a session has at most {MAX_LABELS} labels")]
    TooMany,
    /// A value cannot be read in one way only.
    #[error("label {0}: a value is 1 to {MAX_LABEL_BYTES} printable ASCII characters")]
    Value(Name),
}

impl TryFrom<BTreeMap<Name, String>> for Labels {
    type Error = LabelsError;

    fn try_from(labels: BTreeMap<Name, String>) -> Result<Self, LabelsError> {
        if labels.len() > MAX_LABELS {
            return Err(LabelsError::TooMany);
        }
        let plain = |value: &str| value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let fits = |value: &str| (1..=MAX_LABEL_BYTES).contains(&value.len()) && plain(value);
        match labels.iter().find(|(_, value)| !fits(value)) {
            Some((name, _)) => Err(LabelsError::Value(name.clone())),
            None => Ok(Self(labels)),
        }
    }
}

impl Labels {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.0.iter();
        labels.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A session that an administrator declared, and those of the same workload that ended for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredSession {
    /// The session; it has terms.
    pub session: Session,
    /// Sessions in whose place it is: whoever still acts in one of them is refused from then on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<RevocationRecord>,
}

/// What has become of a session, by itself: one that is good may be below one that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Good.
    Active,
    /// Refused until it is resumed.
    Suspended,
    /// Its lifetime is over, or no heartbeat came in time. It does not come back.
    Expired,
    /// Ended by somebody. It does not come back.
    Terminated,
}

impl SessionState {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::Terminated => "terminated",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_few_short_and_plain() {
        let read = |labels| serde_json::from_value::<Labels>(labels);
        assert!(read(json!({"run": "nightly payouts", "tier": "1"})).is_ok());
        let long = "x".repeat(MAX_LABEL_BYTES + 1);
        for refused in [
            json!({"run": ""}),
            json!({"run": long}),
            json!({"run": "two\nlines"}),
            json!({"run": "näher"}),
            json!({"Run": "x"}),
            json!({"run": 1}),
            json!(
                (0..=MAX_LABELS)
                    .map(|at| (format!("l{at}"), "x".to_owned()))
                    .collect::<BTreeMap<_, _>>()
            ),
        ] {
            assert!(read(refused.clone()).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_session_without_terms_is_written_as_before_there_were_any() {
        let text = r#"{"id":"ses_1","application":"a","holder":"spiffe://d/w","opened_at":1}"#;
        let session: Session = serde_json::from_str(text).unwrap();
        assert_eq!(session.terms, None);
        assert_eq!(serde_json::to_string(&session).unwrap(), text);
    }
}
