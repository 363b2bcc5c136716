//! The tree of one zone, followed over the leaves and over the hashes that stand beside them.

use caracal_mandate::event::Emitter;

use super::super::report::{Finding, FindingKind};
use super::entries::Item;
use super::numbers::Numbers;
use super::runs::Runs;
use super::states::Milestone;
use crate::export::Leaf;
use crate::merkle::{Frontier, Hash};
use crate::record::Record;

/// The two trees, and what is open since the last milestone.
pub(super) struct Walk<'a> {
    zone: &'a str,
    /// Index of the first entry.
    first: u64,
    leaves: Frontier,
    hashes: Frontier,
    /// Index of the next entry.
    position: u64,
    /// Entries before this are confirmed, or reported.
    settled: u64,
    /// Entries before this, from the first on, are confirmed by a good checkpoint.
    confirmed: u64,
    unbroken: bool,
    /// The trees stand on something unknown, until the next frontier.
    lost: bool,
    /// Whether the entries begin behind a frontier, which then may be what is wrong.
    leans: bool,
    /// Entries whose leaf does not hash to what stands beside it.
    disputed: Runs,
    findings: Runs,
    /// When the newest entry was recorded.
    pub(super) recorded_ms: Option<u64>,
}

impl<'a> Walk<'a> {
    /// Begins behind a frontier; without one nothing can be said before the first checkpoint.
    pub(super) fn new(zone: &'a str, first: u64, frontier: Option<Frontier>) -> Self {
        let lost = frontier.is_none();
        let before = frontier.unwrap_or_default();
        Self {
            zone,
            first,
            hashes: before.clone(),
            leaves: before,
            position: first,
            settled: first,
            confirmed: first,
            unbroken: true,
            lost,
            leans: first > 0,
            disputed: Runs::default(),
            findings: Runs::default(),
            recorded_ms: None,
        }
    }

    pub(super) fn zone(&self) -> &'a str {
        self.zone
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Entries before this are confirmed, without a break from the first on.
    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Entries since the last milestone.
    pub(super) fn unsettled(&self) -> Option<(u64, u64)> {
        let last = self.position.checked_sub(1)?;
        (last >= self.settled).then_some((self.settled, last))
    }

    /// Root over the leaves.
    pub(super) fn root(&self) -> Hash {
        self.leaves.root()
    }

    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Looks at the next entry.
    pub(super) fn entry(&mut self, item: &Item<'_>, numbers: &mut Numbers) {
        let index = self.position;
        let hash = Hash::leaf(item.leaf);
        let stored = item.stored.unwrap_or(hash);
        let read = Record::from_canonical(item.leaf);
        let unfit = self.unfit(item, &read);
        let finding = |kind| Finding::tampered(kind, self.zone).at(index);
        if stored != hash {
            let unfit = unfit.map_or_else(String::new, |unfit| format!("; {unfit}"));
            let finding = named(finding(FindingKind::BodyOrLeafHash), read.as_ref().ok());
            self.disputed.push(finding.says("", unfit));
        } else if let Some(unfit) = unfit {
            let finding = named(finding(FindingKind::Body), read.as_ref().ok());
            self.findings
                .push(finding.says("an entry is not a record of this log", unfit));
        } else if let Ok(record) = &read {
            let leaf = Leaf {
                index,
                bytes: item.leaf,
                hash,
                record,
            };
            let differences = item.beside.differences(&leaf);
            if !differences.is_empty() {
                let finding = named(finding(FindingKind::Column), Some(record));
                let names = differences.join(", ");
                self.findings.push(finding.says(
                    "what stands beside the leaf is not what the leaf says",
                    format!("columns or attributes that differ: {names}"),
                ));
            }
            self.recorded_ms = Some(record.recorded_ms);
            let duplicate = numbers.take(self.zone, index, record);
            self.findings.extend(duplicate);
        }
        self.leaves.append(hash);
        self.hashes.append(stored);
        self.position = index.saturating_add(1);
    }

    /// Why a leaf cannot be what the ledger wrote.
    fn unfit(
        &self,
        item: &Item<'_>,
        read: &Result<Record, crate::record::RecordError>,
    ) -> Option<String> {
        if let Some(damage) = &item.damage {
            return Some(damage.clone());
        }
        match read {
            Err(error) => Some(match std::error::Error::source(error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            }),
            Ok(record) if record.event.zone != self.zone => {
                Some(format!("it is an event of zone {:?}", record.event.zone))
            }
            Ok(record) if !record.event.is_of_its_version() => Some(format!(
                "it has schema version {}, or members that this version had not",
                record.event.v
            )),
            Ok(_) => None,
        }
    }

    /// Compares with a signed state of exactly as many entries as there were. `is_good` is whether the
    /// policy takes it, if there is one.
    pub(super) fn compare(&mut self, milestone: &Milestone, is_good: bool) {
        let Milestone { size, source, .. } = milestone;
        let by_leaves = !self.lost && self.leaves.root() == milestone.root;
        let by_hashes = !self.lost && self.hashes.root() == milestone.root;
        if by_leaves {
            let how = format!(
                "the leaf belongs to the tree of the {source} for {size} entries, the hash beside it does not"
            );
            self.settle(
                FindingKind::LeafHash,
                "the hash beside the leaf was changed; the leaf is as it was recorded",
                &how,
            );
            self.hashes = self.leaves.clone();
        } else if by_hashes {
            let how = format!(
                "the hash beside the leaf belongs to the tree of the {source} for {size} entries, but the leaf does not hash to it"
            );
            self.settle(FindingKind::Body, "the leaf was changed", &how);
            self.leaves = self.hashes.clone();
        } else {
            self.settle_without_proof();
            self.mismatch(milestone);
            // One that was kept elsewhere has none: the entries then go on by themselves.
            if let Some(frontier) = &milestone.frontier {
                self.leaves = frontier.clone();
                self.hashes = frontier.clone();
                self.lost = false;
            }
        }
        self.leans = false;
        self.unbroken &= by_leaves;
        if self.unbroken && is_good {
            self.confirmed = *size;
        }
        self.settled = self.settled.max(*size);
    }

    fn mismatch(&mut self, milestone: &Milestone) {
        let Milestone {
            size, source, root, ..
        } = milestone;
        let finding = Finding::tampered(FindingKind::Root, self.zone);
        let last = size.saturating_sub(1);
        let finding = if self.settled < *size {
            finding.over(self.settled, last)
        } else {
            // A second state of one size: it is about everything up to there.
            finding.over(self.first.min(last), last)
        };
        let evidence = if self.lost {
            format!("the {source} for {size} entries is about a tree that cannot be rebuilt here")
        } else {
            let before = if self.leans {
                "the frontier before them"
            } else {
                "the entries before them"
            };
            format!(
                "with {before} they lead to the root {}, but the {source} for {size} entries has the root {root}",
                self.leaves.root()
            )
        };
        let what = if self.leans {
            "at least one of these entries is not what was recorded, or not in its place, or the frontier before them is not that of the log"
        } else {
            "at least one of these entries is not what was recorded, or not in its place"
        };
        self.findings.push(finding.says(what, evidence));
    }

    fn settle(&mut self, kind: FindingKind, what: &str, evidence: &str) {
        for disputed in std::mem::take(&mut self.disputed).into_findings() {
            let unfit = disputed.evidence.clone();
            let finding = Finding { kind, ..disputed };
            self.findings
                .push(finding.says(what, format!("{evidence}{unfit}")));
        }
    }

    fn settle_without_proof(&mut self) {
        self.settle(
            FindingKind::BodyOrLeafHash,
            "the leaf or the hash beside it was changed",
            "the leaf does not hash to what stands beside it",
        );
    }

    /// Everything that was found.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        self.settle_without_proof();
        self.findings.into_findings()
    }
}

fn named(finding: Finding, record: Option<&Record>) -> Finding {
    let event = record.map(|record| &record.event);
    let emitter: Option<Emitter> = event.map(|event| event.emitter.clone());
    Finding {
        emitter,
        request_id: event.and_then(|event| event.request_id.clone()),
        ..finding
    }
}
