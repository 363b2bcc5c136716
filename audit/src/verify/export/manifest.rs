//! What an export says about itself, beside what is there.

use std::path::Path;

use caracal_mandate::name::Name;

use super::super::report::{Finding, FindingKind, Report, Severity};
use super::files;
use crate::export::{MANIFEST, MANIFEST_VERSION, Manifest, ZoneManifest};

/// Far above any: some hundred bytes for each zone.
const MAX_BYTES: usize = 64 << 20;

/// The manifest, as far as it is readable.
pub(super) struct Account(Manifest);

impl Account {
    pub(super) fn read(folder: &Path, report: &mut Report) -> Option<Self> {
        let text = files::text(&folder.join(MANIFEST), MAX_BYTES);
        let read = text.map_err(|error| error.to_string());
        let read =
            read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
        match read {
            Ok(manifest) => {
                let manifest: Manifest = manifest;
                let version = manifest.caracal_export;
                if version != MANIFEST_VERSION {
                    let finding = Finding::new(Severity::Notice, FindingKind::State, "");
                    report.push(finding.says(
                        format!("the export has the layout {version}"),
                        format!("this build knows {MANIFEST_VERSION}"),
                    ));
                }
                Some(Self(manifest))
            }
            Err(evidence) => {
                let finding = Finding::tampered(FindingKind::State, "");
                report.push(finding.says("the manifest is missing or not readable", evidence));
                None
            }
        }
    }

    /// The zones that it has. What is no name of one leads out of the folder.
    pub(super) fn zones(&self) -> impl Iterator<Item = String> {
        let zones = self.0.zones.iter().map(|zone| &zone.zone);
        zones.filter(|zone| zone.parse::<Name>().is_ok()).cloned()
    }

    pub(super) fn left_out(&self) -> Vec<String> {
        self.0.left_out.clone()
    }

    pub(super) fn zone(&self, zone: &str) -> Option<&ZoneManifest> {
        self.0.zones.iter().find(|stated| stated.zone == zone)
    }
}

/// What was found of a zone, in the manifest's terms.
pub(super) struct Found<'a> {
    pub(super) zone: &'a str,
    pub(super) origin: &'a str,
    pub(super) first: u64,
    pub(super) entries: u64,
    pub(super) checkpoints: u64,
}

/// What the manifest says otherwise.
pub(super) fn compare(stated: Option<&ZoneManifest>, found: &Found<'_>) -> Option<Finding> {
    let finding = Finding::tampered(FindingKind::State, found.zone);
    let Some(stated) = stated else {
        let what = "the manifest does not know this zone";
        return Some(finding.says(what, "a folder of its name is there"));
    };
    let last = found.first.saturating_add(found.entries).checked_sub(1);
    let same = [
        ("origin", stated.origin == found.origin),
        ("first", stated.first == found.first),
        ("last", Some(stated.last) == last),
        ("entries", stated.entries == found.entries),
        ("checkpoints", stated.checkpoints == found.checkpoints),
        ("log_size", last.is_none_or(|last| stated.log_size > last)),
    ];
    let wrong: Vec<_> = same
        .iter()
        .filter(|(_, same)| !same)
        .map(|(name, _)| *name)
        .collect();
    if wrong.is_empty() {
        return None;
    }
    let what = "the manifest says other than what is there";
    Some(finding.says(what, format!("members that differ: {}", wrong.join(", "))))
}
