//! What a receipt proves, in words and as JSON.

use std::fmt::Write as _;

use caracal_audit::{TlogProof, Vouched};
use serde_json::{Value, json};

use crate::cli::output::plain;

/// Members of an event that say what was decided, as `caracal audit list` shows them.
const TOLD: [&str; 11] = [
    "time_ms",
    "component",
    "action",
    "outcome",
    "reason",
    "application",
    "method",
    "host",
    "path",
    "resource",
    "request_id",
];

/// A proof that holds.
pub(super) struct Proven<'a> {
    pub(super) proof: &'a TlogProof,
    pub(super) entry: &'a [u8],
    pub(super) vouched: &'a Vouched,
}

impl Proven<'_> {
    pub(super) fn json(&self) -> Value {
        let checkpoint = &self.vouched.checkpoint;
        let witnessed = self.vouched.witnessed.as_ref();
        let cosigned = witnessed.map(|by| {
            let each = by.cosigned.iter();
            each.map(|(name, time)| json!({ "witness": name, "time": time.unix() }))
                .collect::<Vec<_>>()
        });
        json!({
            "index": self.proof.index(),
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": checkpoint.root.to_string(),
            "cosigned": cosigned,
            "entry": serde_json::from_slice::<Value>(self.entry).unwrap_or_default(),
        })
    }

    pub(super) fn words(&self) -> String {
        let checkpoint = &self.vouched.checkpoint;
        let mut text = format!(
            "PROVEN: entry {} of the log {} is what it says:\n",
            self.proof.index(),
            checkpoint.origin
        );
        // Writing to a string does not fail.
        for (name, value) in self.told() {
            let _written = writeln!(text, "  {name:<12} {value}");
        }
        let _written = writeln!(
            text,
            "The key that was given has signed this log with {} entries and the root {}.",
            checkpoint.size, checkpoint.root
        );
        text + &self.witnesses()
    }

    fn witnesses(&self) -> String {
        match &self.vouched.witnessed {
            None => "Whether others see the same log is not shown: --policy demands witnesses."
                .to_owned(),
            Some(by) if by.cosigned.is_empty() => {
                "The policy demands no witnesses: others may have been shown another log."
                    .to_owned()
            }
            Some(by) => {
                let each = by.cosigned.iter();
                let names: Vec<_> = each
                    .map(|(name, time)| format!("{name} (at {time}, Unix seconds)"))
                    .collect();
                format!(
                    "Witnesses have seen the same log, enough for the policy: {}.",
                    names.join(", ")
                )
            }
        }
    }

    fn told(&self) -> Vec<(&'static str, String)> {
        let entry: Value = serde_json::from_slice(self.entry).unwrap_or_default();
        let event = entry.get("event");
        let told: Vec<_> = TOLD
            .into_iter()
            .filter_map(|name| Some((name, plain(event?.get(name)?))))
            .collect();
        if told.is_empty() {
            // Of another version, or of another log: its bytes are proven, whatever they mean.
            return vec![("bytes", self.entry.len().to_string())];
        }
        told
    }
}
