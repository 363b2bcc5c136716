//! Whom to believe about a log (C2SP tlog-policy): logs, witnesses, and how many of them must have
//! cosigned a checkpoint before it is good.

mod fault;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::note::{CheckpointVerifier, CosignatureVerifier, Note, NoteError, Timestamp};
pub use fault::{PolicyError, PolicyFault};

/// A policy that was read from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    /// A witness, a group, or `none`.
    quorum: String,
}

/// A `log` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLog {
    /// Its key, whose name is the log's origin.
    pub verifier: CheckpointVerifier,
    /// Where it is, if that was said.
    pub url: Option<String>,
}

/// A `witness` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    /// Its name in the policy, which means nothing outside.
    pub name: String,
    /// Its key.
    pub verifier: CosignatureVerifier,
    /// The submission prefix of its service, if it is to be asked.
    pub url: Option<String>,
}

/// A `group` line. Its members stand on lines before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    threshold: usize,
    members: Vec<String>,
}

/// Which witnesses of a policy cosigned one checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// Who did, by name in the policy, and when each says it did.
    pub cosigned: Vec<(String, Timestamp)>,
    /// Who did not, by name in the policy.
    pub missing: Vec<String>,
    /// Whether those who did are enough.
    pub is_quorum: bool,
}

impl TrustPolicy {
    /// Reads the text of a policy, strictly. Comments may hold any bytes; names and addresses are
    /// UTF-8 here, which the format recommends.
    pub fn parse(text: &[u8]) -> Result<Self, PolicyError> {
        parse::parse(text)
    }

    /// The logs, in the order of their lines. None: the logs are known from elsewhere.
    #[must_use]
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses, in the order of their lines.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Whether the policy trusts the log of this zone. A `log` line with the key of the whole ledger
    /// stands for all of its zones: they share one key, and a policy lists a key once.
    #[must_use]
    pub fn allows_zone(&self, ledger: &CheckpointVerifier, zone: &str) -> bool {
        let log = ledger.for_zone(zone);
        let is_it = |listed: &PolicyLog| listed.verifier == log || listed.verifier == *ledger;
        self.logs.is_empty() || self.logs.iter().any(is_it)
    }

    /// Whether the policy trusts the log that has this key and the key's name for its origin. A `log` line
    /// with the key of the whole ledger stands for all of its zones, as for [`Self::allows_zone`].
    #[must_use]
    pub fn allows(&self, log: &CheckpointVerifier) -> bool {
        let is_it = |listed: &PolicyLog| {
            let key = &listed.verifier;
            key.for_origin(log.name()).as_ref() == Some(log)
        };
        self.logs.is_empty() || self.logs.iter().any(is_it)
    }

    /// Whether these witnesses, by name in the policy, are enough.
    #[must_use]
    pub fn is_quorum<'a>(&'a self, cosigned: impl IntoIterator<Item = &'a str>) -> bool {
        let mut witnessed: HashSet<&str> = cosigned.into_iter().collect();
        // Names are of one space, and groups speak of what stands before them.
        for group in &self.groups {
            let is_member = |member: &&String| witnessed.contains(member.as_str());
            if group.members.iter().filter(is_member).count() >= group.threshold {
                witnessed.insert(&group.name);
            }
        }
        self.quorum == parse::NONE || witnessed.contains(self.quorum.as_str())
    }

    /// Looks for the cosignatures of the policy's witnesses. An error if one that claims to be by
    /// one of them does not verify: such a note is not to be used.
    pub fn witnessed(&self, note: &Note<'_>) -> Result<Witnessed, NoteError> {
        let (mut cosigned, mut missing) = (Vec::new(), Vec::new());
        for witness in &self.witnesses {
            match note.signature(&witness.verifier)? {
                Some(signature) => cosigned.push((witness.name.clone(), signature.evidence)),
                None => missing.push(witness.name.clone()),
            }
        }
        let is_quorum = self.is_quorum(cosigned.iter().map(|(name, _)| name.as_str()));
        Ok(Witnessed {
            cosigned,
            missing,
            is_quorum,
        })
    }
}
