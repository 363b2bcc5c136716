//! The table for people, and the file for machines.

use std::io::Write;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::figures::{FIGURES, Measurement};
use super::place::Place;
use super::{CALLERS, Visit};
use crate::bench::{Plan, report, stats::median};

const METHOD: &str = "caracal up in one process, called over mutual TLS (gRPC Check, intent exchange) as a \
sidecar calls it, closed loop, 8 connections at most; every answer is checked to carry a mandate. Each \
exchange evaluates the Rego policy, signs, and is in the ledger, durable on disk, before it is answered. \
CPU is the process's own, from /proc/PID/task/*/schedstat, divided by the exchanges. The ceiling is one \
ES256 signature and one verification with the same library, in one thread on each core at the same time, \
per second of CPU time; it is measured before and after each of the slices that a load with 32 callers is \
cut into. A ratio is exchanges per second of the service's CPU time with 32 callers over the ceiling of the \
same slices; `_with_database` counts the database server's CPU time as well. Figures are medians over rounds.";

pub(super) async fn write(
    places: &[Place],
    plan: Plan,
    rounds: &[Vec<Visit>],
    out: &mut (dyn Write + Send),
) -> Result<()> {
    let ceiling = median(
        rounds
            .iter()
            .flatten()
            .map(|visit| visit.ceiling.pairs_per_core_second()),
    );
    writeln!(
        out,
        "\nceiling: {ceiling:.0} pairs per second of one core\n"
    )?;
    let mut figures = Map::new();
    let mut ratios = Map::new();
    for (at, place) in places.iter().enumerate() {
        let name = place.name;
        for (index, callers) in CALLERS.into_iter().enumerate() {
            let measured = rounds
                .iter()
                .filter_map(|round| round.get(at)?.measured().get(index).copied());
            let measured: Vec<_> = measured.collect();
            let mut of = Map::new();
            writeln!(out, "{name}, {callers} at a time")?;
            for (title, figure) in FIGURES {
                let value = median(measured.iter().map(|one| figure(one)));
                writeln!(out, "  {title:42} {value:>9.0}")?;
                of.insert(title.to_owned(), json!(value));
            }
            let each: Vec<_> = measured.iter().map(|one| one.report()).collect();
            of.insert("rounds".to_owned(), json!(each));
            figures.insert(format!("{name}_{callers}"), Value::Object(of));
        }
        let ratio = |per_core_second| {
            let visits = rounds.iter().filter_map(|round| round.get(at));
            json!(median(
                visits.map(|visit| visit.over_ceiling(per_core_second))
            ))
        };
        let title = format!("exchange_over_ceiling_{name}");
        ratios.insert(
            format!("{title}_with_database"),
            ratio(Measurement::per_core_second_with_database),
        );
        ratios.insert(title, ratio(Measurement::per_core_second));
    }
    writeln!(out)?;
    for (name, ratio) in &ratios {
        writeln!(out, "{name:46} {:>7.2}", ratio.as_f64().unwrap_or_default())?;
    }
    let all = json!({
        "method": METHOD,
        "rounds": plan.rounds,
        "machine": report::machine()?,
        "ceiling_pairs_per_core_second": ceiling,
        "places": figures,
        "ratios": ratios,
    });
    let path = report::target_folder().join("bench/sts.json");
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    tokio::fs::write(&path, serde_json::to_string_pretty(&all)? + "\n").await?;
    writeln!(out, "\nevery figure: {}", path.display())?;
    Ok(())
}
