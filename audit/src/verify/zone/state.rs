//! What the log says about itself. None of it is signed.

use rusqlite::{Connection, Error, OptionalExtension as _};

use super::super::database::{bytes, count};
use super::super::report::{Finding, FindingKind};
use super::super::tree::{Milestone, Tree};
use crate::merkle::{Frontier, Hash};

/// The row of `log_state`.
pub(crate) struct Account {
    pub(crate) size: u64,
    pub(crate) checkpoint_size: u64,
    root: Option<Hash>,
    frontier: Option<Frontier>,
}

/// Reads the row; a zone without a readable one gets a finding.
pub(super) fn read(
    connection: &Connection,
    zone: &str,
    findings: &mut Vec<Finding>,
) -> Result<Option<Account>, Error> {
    let sql = "SELECT * FROM log_state WHERE zone = ?1";
    let account = connection.query_row(sql, [zone], |row| {
        let sizes = count(row, "size").zip(count(row, "checkpoint_size"));
        let (root, frontier) = (bytes(row, "root"), bytes(row, "frontier"));
        Ok(sizes.map(|(size, signed)| Account::new(size, signed, root, frontier)))
    });
    let account = account.optional()?.flatten();
    if account.is_none() {
        findings.push(Finding::tampered(FindingKind::State, zone).says(
            "the log's own state is missing or not readable",
            "the table log_state has no usable row for this zone",
        ));
    }
    Ok(account)
}

impl Account {
    /// What the columns say, from whichever database.
    pub(crate) fn new(size: u64, checkpoint_size: u64, root: &[u8], frontier: &[u8]) -> Self {
        Self {
            size,
            checkpoint_size,
            root: Hash::from_bytes(root),
            frontier: Frontier::from_bytes(size, frontier).ok(),
        }
    }

    /// Compares with the entries. Where no checkpoint reaches, this is the best evidence there is.
    pub(crate) fn compare(&self, tree: &mut Tree, findings: &mut Vec<Finding>) {
        let finding = Finding::tampered(FindingKind::State, tree.zone());
        let present = tree.position();
        // Fewer entries than counted is reported as a truncation.
        if self.size < present {
            findings.push(finding.says(
                "the log's own count of its entries is wrong",
                format!("it counts {} entries, and {present} are there", self.size),
            ));
            return;
        }
        if self.size > present || tree.is_lost() {
            return;
        }
        let consistent = self.frontier.as_ref().map(Frontier::root) == self.root;
        match self.root {
            Some(root) if consistent && !tree.is_settled() => {
                let source = "log's own unsigned state";
                let milestone = Milestone {
                    size: present,
                    root,
                    frontier: None,
                    source,
                    signed: false,
                };
                tree.compare(&milestone, findings);
            }
            Some(root) if consistent && root == tree.root() => {}
            _ => findings.push(finding.says(
                "the log's own frontier or root is wrong",
                format!("the entries lead to the root {}", tree.root()),
            )),
        }
    }
}
