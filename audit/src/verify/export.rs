//! Offline verification of an export: of a folder, with nothing but the public key, and with no code of
//! the database.
//!
//! The tree is rebuilt from the leaves in the files, from the frontier before them if they do not begin
//! at 0, and compared with every signed checkpoint. The frontier at each checkpoint, which leads to the
//! signed root, is where the tree goes on when something before it was wrong: so one change does not
//! taint what follows. What stands beside the leaves (columns, events of other schemas) is computed anew
//! from them and compared.
//!
//! The manifest is believed in one thing, which only softens: that a part of the ledger is not here, and
//! with it events that an emitter's numbers ask for.

mod entries;
mod files;
mod manifest;
mod march;
mod numbers;
mod runs;
mod states;
#[cfg(test)]
mod tests;
mod trusting;
mod walk;
mod zone;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::judge::Judge;
use super::report::{Finding, FindingKind, Progress, Report};
use super::{Trust, VerifyError};
use manifest::Account;
use numbers::{Numbers, Whole};

/// Verifies the folder that [`export`](crate::export::export) made, wherever it has been since.
pub fn verify_export(
    folder: &Path,
    trust: Trust<'_>,
    mut progress: impl FnMut(Progress),
) -> Result<Report, VerifyError> {
    let (judge, kept) = Judge::new(trust)?;
    let mut report = Report {
        zones: Vec::new(),
        findings: Vec::new(),
    };
    let mut zones = folders(folder, &mut report).map_err(VerifyError::Export)?;
    let account = Account::read(folder, &mut report);
    if zones.is_empty() && account.is_none() && kept.is_none() {
        let nothing = "there is neither a manifest nor the folder of a zone in it";
        return Err(VerifyError::Export(io::Error::other(nothing)));
    }
    // A zone that was taken out is still known from the outside.
    zones.extend(account.iter().flat_map(Account::zones));
    zones.extend(kept.iter().map(|(zone, _)| zone.clone()));
    let mut numbers = Numbers::default();
    let mut whole = Whole::new(account.as_ref());
    for zone in zones {
        let kept = kept.as_ref().filter(|(of, _)| *of == zone);
        let stated = account.as_ref().and_then(|account| account.zone(&zone));
        let subject = zone::Subject {
            folder: &folder.join(&zone),
            zone: &zone,
            judge: &judge,
            kept: kept.map(|(_, kept)| kept.clone()),
            stated,
        };
        let checked = zone::verify(subject, &mut numbers, &mut progress);
        whole.zone(checked.first, checked.goes_on);
        report.zones.push(checked.report);
    }
    for finding in numbers.findings(&whole) {
        report.push(finding);
    }
    Ok(report)
}

/// The folders of zones.
fn folders(folder: &Path, report: &mut Report) -> io::Result<BTreeSet<String>> {
    let mut zones = BTreeSet::new();
    for place in fs::read_dir(folder)? {
        let place = place?;
        if !place.path().is_dir() {
            continue;
        }
        match place.file_name().into_string() {
            Ok(zone) => {
                zones.insert(zone);
            }
            Err(name) => report.push(Finding::tampered(FindingKind::Unreadable, "").says(
                "a folder has a name that no zone has",
                format!("{}", name.display()),
            )),
        }
    }
    Ok(zones)
}
