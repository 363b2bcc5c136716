//! The table for people, and the file for machines.

use std::io::Write;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::Visit;
use super::proofs::Proofs;
use super::rate::Rate;
use crate::bench::{Plan, report, stats::median};

const METHOD: &str = "Events are those of requests, about 1 kB each as they are kept. The ledger: 16 enforcement \
points at the same time, 64 events in each call, counted when they are acknowledged, hence durable on disk, in \
the tree, and their duplicates excluded. Bare rows: the same bytes, made beforehand, under a number in a table \
with a key, 256 in each statement and transaction, by the database's own driver. Chain: the same bytes with the \
hash of the row before, read and written under a lock, a transaction for each. All are as durable (SQLite: \
write-ahead log with synchronous = FULL; PostgreSQL: fsync on), in turns within each round. Ratios are medians \
over rounds. Verification: every entry of the file, in CPU time of all threads. A proof: of an entry anywhere, \
to the newest checkpoint, made out of the database and verified.";

/// The databases, in the order of the visits of a round.
const PLACES: [&str; 2] = ["sqlite", "postgres"];

pub(super) async fn write(
    plan: Plan,
    rounds: &[Vec<Visit>],
    verified: Rate,
    proofs: Proofs,
    out: &mut (dyn Write + Send),
) -> Result<()> {
    let mut figures = Map::new();
    let mut ratios = Map::new();
    let mut over_chain = f64::INFINITY;
    for (at, name) in PLACES.into_iter().enumerate() {
        let over = |figure: fn(&Visit) -> f64| {
            median(rounds.iter().filter_map(|round| round.get(at)).map(figure))
        };
        let rates = [
            ("ledger", over(|visit| visit.ledger.per_second())),
            ("bare_rows", over(|visit| visit.bare.per_second())),
            ("hash_chain", over(|visit| visit.chained.per_second())),
        ];
        writeln!(out, "\n{name}, rows per second")?;
        let mut of = Map::new();
        for (title, rate) in rates {
            writeln!(out, "  {title:42} {rate:>9.0}")?;
            of.insert(title.to_owned(), json!(rate));
        }
        figures.insert(name.to_owned(), Value::Object(of));
        let over_bare = over(|visit| visit.ledger.per_second() / visit.bare.per_second());
        ratios.insert(format!("append_over_raw_batched_{name}"), json!(over_bare));
        let over_this_chain = over(|visit| visit.ledger.per_second() / visit.chained.per_second());
        ratios.insert(
            format!("append_over_hash_chain_{name}"),
            json!(over_this_chain),
        );
        over_chain = over_chain.min(over_this_chain);
    }
    ratios.insert("append_over_hash_chain".to_owned(), json!(over_chain));
    writeln!(out)?;
    for (name, ratio) in &ratios {
        writeln!(out, "{name:46} {:>7.2}", ratio.as_f64().unwrap_or_default())?;
    }
    let per_core = verified.per_second();
    writeln!(
        out,
        "{:46} {per_core:>7.0}",
        "verified entries per second of one core"
    )?;
    let Proofs { first, median, p99 } = proofs;
    writeln!(out, "{:46} {median:>7.3}", "one proof, ms")?;
    writeln!(out, "{:46} {p99:>7.3}", "one proof, ms, 99th percentile")?;
    writeln!(
        out,
        "{:46} {first:>7.3}",
        "the first proof of a process, ms"
    )?;
    let all = json!({
        "method": METHOD,
        "rounds": plan.rounds,
        "machine": report::machine()?,
        "places": figures,
        "entries": verified.rows,
        "verify_entries_per_second_per_core": per_core,
        "proof_ms_at_1m": median,
        "proof_ms_at_1m_p99": p99,
        "first_proof_ms_at_1m": first,
        "ratios": ratios,
    });
    let path = report::target_folder().join("bench/ledger.json");
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    tokio::fs::write(&path, serde_json::to_string_pretty(&all)? + "\n").await?;
    writeln!(out, "\nevery figure: {}", path.display())?;
    Ok(())
}
