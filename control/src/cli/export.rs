//! `caracal audit export`: a ledger, or a part of it, in a folder that proves itself.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use caracal_audit::export::{Format, Manifest, Scope, export};
use caracal_mandate::name::Name;
use caracal_store::DatabaseUrl;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::bar::Bar;
use super::error::{CliError, with_causes};
use super::output::Output;
use crate::database::LedgerArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caracal audit export --ledger caracal-data/ledger.db --out audit-2026
  caracal audit verify --export audit-2026 --key caracal-data/ledger.vkey
  caracal audit export --ledger-database postgres://auditor@db/caracal --out october --zone bank \\
      --from 120000 --to 180000 --format parquet

The folder holds everything that is needed to verify it again, with nothing but the public key. It
ends where a checkpoint does, so it may reach a second further than --to. See docs/export.md.")]
pub(crate) struct ExportArgs {
    /// The folder to make. It appears under its name when it is whole.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the entries are written as.
    #[arg(long, value_enum, default_value_t = FormatArg::Jsonl)]
    format: FormatArg,
    /// A ledger file, rather than a database of a server; it is only read.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    #[command(flatten)]
    database: LedgerArgs,
    /// Several zones, instead of all or the one of --zone.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    zones: Vec<Name>,
    /// Index of the first entry; needs --zone.
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// Index of an entry that the export has to reach; needs --zone.
    #[arg(long, value_name = "INDEX")]
    to: Option<u64>,
}

/// What the entries are written as.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FormatArg {
    /// One leaf a line: what was hashed, and nothing else.
    Jsonl,
    /// Columns for analysis, with the leaf and its hash beside them.
    Parquet,
    /// Events of the Open Cybersecurity Schema Framework, for SIEMs.
    Ocsf,
}

impl ExportArgs {
    pub(crate) async fn run(self, zone: Option<&Name>, output: &Output) -> Result<(), CliError> {
        let Self {
            out,
            format,
            ledger,
            database,
            zones,
            from,
            to,
        } = self;
        let place = place(ledger, &database)?;
        let scope = scope(zone.cloned(), zones, from, to)?;
        let format = match format {
            FormatArg::Jsonl => Format::Jsonl,
            FormatArg::Parquet => Format::Parquet,
            FormatArg::Ocsf => Format::Ocsf,
        };
        let mut bar = Bar::new("exported");
        let exported = export(&place, &out, &scope, format, now_ms(), |progress| {
            bar.show(&progress);
        });
        let exported = exported.await;
        bar.clear();
        let manifest = exported.map_err(|error| {
            let out = out.display();
            CliError::Failure(format!("{place} to {out}: {}", with_causes(&error)))
        })?;
        if output.is_json() {
            return output.json(&json!(manifest));
        }
        output.line(&for_people(&manifest))
    }
}

fn place(ledger: Option<PathBuf>, database: &LedgerArgs) -> Result<DatabaseUrl, CliError> {
    if let Some(file) = ledger {
        return Ok(DatabaseUrl::from(file.as_path()));
    }
    let given = database.given().ok_or_else(|| {
        let what = "no ledger: give --ledger FILE or --ledger-database URL, or set CARACAL_LEDGER_DATABASE_URL";
        CliError::Usage(what.to_owned())
    })?;
    given.map_err(|error| CliError::Usage(error.to_string()))
}

fn scope(
    zone: Option<Name>,
    zones: Vec<Name>,
    from: Option<u64>,
    to: Option<u64>,
) -> Result<Scope, CliError> {
    let zone = zone.filter(|_| zones.is_empty());
    match (zone, from, to) {
        (Some(zone), None, None) => Ok(Scope::Zones(vec![zone])),
        (Some(_), Some(from), Some(to)) if from > to => {
            let what = format!("--from {from} is behind --to {to}");
            Err(CliError::Usage(what))
        }
        (Some(zone), from, last) => Ok(Scope::Part {
            zone,
            first: from.unwrap_or(0),
            last,
        }),
        (None, None, None) if zones.is_empty() => Ok(Scope::All),
        (None, None, None) => Ok(Scope::Zones(zones)),
        (None, _, _) => Err(CliError::Usage(
            "--from and --to are indexes of one zone's log: say which by --zone".to_owned(),
        )),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time of the manifest; this is where the program meets the clock"
)]
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

fn for_people(manifest: &Manifest) -> String {
    let mut lines: Vec<_> = manifest
        .zones
        .iter()
        .map(|zone| {
            format!(
                "zone {}: entries {} to {}, {} checkpoints",
                zone.zone, zone.first, zone.last, zone.checkpoints
            )
        })
        .collect();
    if !manifest.left_out.is_empty() {
        lines.push(format!("left out: {}", manifest.left_out.join(", ")));
    }
    if lines.is_empty() {
        lines.push("the ledger has no zone".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_of_indexes_needs_one_zone_and_an_order() {
        for (zone, from, to) in [
            (None, Some(1), None),
            (None, None, Some(1)),
            (Some("a"), Some(2), Some(1)),
        ] {
            let refused = scope(zone.map(name), Vec::new(), from, to);
            assert!(
                matches!(refused, Err(CliError::Usage(_))),
                "{zone:?} {from:?} {to:?}"
            );
        }
        let part = scope(Some(name("a")), Vec::new(), None, Some(7)).unwrap();
        assert_eq!(
            part,
            Scope::Part {
                zone: name("a"),
                first: 0,
                last: Some(7)
            }
        );
        assert_eq!(scope(None, Vec::new(), None, None).unwrap(), Scope::All);
    }
}
