//! What a verification says.

use std::fmt;

use caracal_mandate::event::Emitter;
use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing, and normal in a copy of a running ledger.
    Notice,
    /// The log is intact, but an emitter's events are missing from it.
    Gap,
    /// Signed by the log, and not seen by the witnesses that the policy asks for: others may have been
    /// shown another history.
    Unwitnessed,
    /// The file is not what the ledger wrote.
    Tampered,
}

/// What kind of finding, for programs; [`Finding::what`] and [`Finding::evidence`] are for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A stored body is not what was recorded.
    Body,
    /// A stored leaf hash is not what was recorded.
    LeafHash,
    /// A stored body, or a stored leaf hash: one of them does not belong to the other.
    BodyOrLeafHash,
    /// A search column differs from the body.
    Column,
    /// Entries are missing.
    Missing,
    /// An index is there more than once, or is none.
    Index,
    /// Entries lead to another root than the signed one.
    Root,
    /// A checkpoint is forged, damaged or missing.
    Checkpoint,
    /// The log's own account of its size, frontier or root is wrong.
    State,
    /// Entries that no checkpoint covers.
    Unsigned,
    /// Entries that no checkpoint with the policy's quorum of cosignatures covers.
    Unwitnessed,
    /// A log that the policy does not trust.
    Policy,
    /// An emitter's numbers have a hole, or none of them is there.
    EmitterGap,
    /// An emitter's number is there more than once.
    EmitterDuplicate,
    /// Rows cannot be read, or belong to no zone.
    Unreadable,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind it is.
    pub kind: FindingKind,
    /// The zone.
    pub zone: String,
    /// First entry that is concerned, if it is about entries.
    pub first: Option<u64>,
    /// Last entry that is concerned; the first one again if it is only one.
    pub last: Option<u64>,
    /// Who wrote the entry, as far as that is readable.
    pub emitter: Option<Emitter>,
    /// Request that the entry is about, as far as that is readable.
    pub request_id: Option<String>,
    /// What is wrong.
    pub what: String,
    /// How that is known.
    pub evidence: String,
}

/// How far a verification is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The zone at hand.
    pub zone: String,
    /// Entries of it that were checked.
    pub checked: u64,
    /// Entries that it says it has.
    pub total: u64,
}

/// What was checked of one zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneReport {
    /// The zone.
    pub zone: String,
    /// Entries that are there.
    pub entries: u64,
    /// Good checkpoints that are there. With a policy, those that have its quorum.
    pub checkpoints: u64,
    /// Entries, from the first on, that agree with a good checkpoint.
    pub signed: u64,
    /// Root over the stored bodies, in hexadecimal.
    pub root: String,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// The outcome of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Zone by zone.
    pub zones: Vec<ZoneReport>,
    /// What is wrong with the file rather than with one zone.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Everything that is wrong.
    pub fn all(&self) -> impl Iterator<Item = &Finding> {
        self.zones
            .iter()
            .flat_map(|zone| &zone.findings)
            .chain(&self.findings)
    }

    /// The worst of it; `None` if there is nothing.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.all().map(|finding| finding.severity).max()
    }

    /// Whether the file is what the ledger wrote, and with a policy, what its witnesses have seen.
    /// Gaps and notices do not speak against that.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.worst() < Some(Severity::Unwitnessed)
    }

    pub(super) fn push(&mut self, finding: Finding) {
        match self.zones.iter_mut().find(|zone| zone.zone == finding.zone) {
            Some(zone) => zone.findings.push(finding),
            None => self.findings.push(finding),
        }
    }
}

impl Finding {
    pub(crate) fn new(severity: Severity, kind: FindingKind, zone: &str) -> Self {
        Self {
            severity,
            kind,
            zone: zone.to_owned(),
            first: None,
            last: None,
            emitter: None,
            request_id: None,
            what: String::new(),
            evidence: String::new(),
        }
    }

    pub(crate) fn tampered(kind: FindingKind, zone: &str) -> Self {
        Self::new(Severity::Tampered, kind, zone)
    }

    pub(crate) fn at(self, index: u64) -> Self {
        self.over(index, index)
    }

    pub(crate) fn over(self, first: u64, last: u64) -> Self {
        Self {
            first: Some(first),
            last: Some(last),
            ..self
        }
    }

    pub(crate) fn says(self, what: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            evidence: evidence.into(),
            ..self
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zone {:?}", self.zone)?;
        match (self.first, self.last) {
            (Some(first), Some(last)) if first == last => write!(f, ", entry {first}")?,
            (Some(first), Some(last)) => write!(f, ", entries {first} to {last}")?,
            _ => {}
        }
        if let Some(Emitter { boot, name, seq }) = &self.emitter {
            write!(f, ", emitter {name:?} boot {boot:?} number {seq}")?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, ", request {request_id:?}")?;
        }
        write!(f, ": {} ({})", self.what, self.evidence)
    }
}
