//! The table for people, and the file for machines.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::chain::Chains;
use super::generator::Measurement;
use super::stage::Stage;
use super::stats::median;
use super::variant::Variant;
use super::{CONNECTIONS, Plan, Rounds};
use crate::stack::parts::repository;

const METHOD: &str = "One Envoy with one worker for each variant, the same mTLS listener (TLS 1.3, client \
certificate), HTTP/1.1 keep-alive, the same plain upstream in an Envoy of its own; closed-loop load with \
1 and with 16 connections; every answer is checked to be 200. All variants are measured in every round, \
beginning with another one each time. CPU is the process's own, from /proc/PID/task/*/schedstat, divided \
by the requests. Figures are medians over rounds; ratios are medians of each round's own ratio, at 16 \
connections. `added` is a variant's CPU minus that of router only in the same round. The total of a \
known mandate over native `jwt_authn` with its cache is the worst of four: with 0 and with 100,000 live \
revocations, with a mandate that was not delegated and with one that was, five times; the native filter is \
shown the same mandate. The floor is a Wasm filter in our place that decides nothing: it asks the host for \
the head, the peer and the time, takes the credential away and leaves the mark that the net demands.";

pub(super) async fn write(
    stage: &Stage,
    plan: Plan,
    (rounds, chains): (&Rounds, &Chains),
    out: &mut (dyn Write + Send),
) -> Result<()> {
    let ratios = ratios(rounds);
    table(rounds, &ratios, out)?;
    writeln!(out)?;
    for line in chains.lines() {
        writeln!(out, "{line}")?;
    }
    let variants: Map<_, _> = rounds
        .iter()
        .map(|(variant, measured)| (variant.key().to_owned(), figures(*variant, measured)))
        .collect();
    let report = json!({
        "method": METHOD,
        "rounds": plan.rounds,
        "seconds": {"one_connection": plan.durations[0].as_secs_f64(), "sixteen_connections": plan.durations[1].as_secs_f64()},
        "mandates": {"bytes": stage.plain.mandate_bytes, "different": stage.plain.mandates},
        "machine": machine()?,
        "versions": versions(stage).await?,
        "variants": variants,
        "chain": chains.report(),
        "ratios": ratios,
    });
    let path = target_folder().join("bench/enforcement.json");
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    tokio::fs::write(&path, serde_json::to_string_pretty(&report)? + "\n").await?;
    writeln!(out, "\nevery figure: {}", path.display())?;
    Ok(())
}

pub(crate) fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from)
}

fn figures(variant: Variant, rounds: &[[Measurement; 2]]) -> Value {
    let by_connections: Map<_, _> = CONNECTIONS
        .iter()
        .enumerate()
        .map(|(at, connections)| {
            let figure = |pick: fn(&Measurement) -> f64| {
                median(rounds.iter().filter_map(|round| round.get(at)).map(pick))
            };
            let all: Vec<_> = rounds.iter().filter_map(|round| round.get(at)).collect();
            let figures = json!({
                "p50_us": figure(|m| m.p50_us),
                "p99_us": figure(|m| m.p99_us),
                "requests_per_second": figure(|m| m.requests_per_second),
                "envoy_cpu_us": figure(|m| m.envoy_cpu_us),
                "sts_cpu_us": figure(|m| m.sts_cpu_us),
                "upstream_cpu_us": figure(|m| m.upstream_cpu_us),
                "rounds": all,
            });
            (format!("connections_{connections}"), figures)
        })
        .collect();
    json!({"title": variant.title(), "load": by_connections})
}

/// Envoy's CPU per request at 16 connections, by round.
fn cpu(rounds: &Rounds, variant: Variant) -> Vec<f64> {
    let measured = rounds.iter().find(|(other, _)| *other == variant);
    measured
        .map(|(_, rounds)| rounds.iter().map(|[_, many]| many.envoy_cpu_us).collect())
        .unwrap_or_default()
}

fn ratios(rounds: &Rounds) -> Value {
    let router = cpu(rounds, Variant::Router);
    let added = |variant| {
        cpu(rounds, variant)
            .into_iter()
            .zip(router.clone())
            .map(|(all, router)| all - router)
            .collect()
    };
    let ratio = |over: Vec<f64>, under: Vec<f64>| {
        median(
            over.into_iter()
                .zip(under)
                .map(|(over, under)| over / under),
        )
    };
    let each: Map<_, _> = Variant::CACHED
        .into_iter()
        .map(|(ours, native)| {
            let total = ratio(cpu(rounds, ours), cpu(rounds, native));
            (ours.key().to_owned(), total.into())
        })
        .collect();
    let worst = each
        .values()
        .filter_map(Value::as_f64)
        .fold(f64::NAN, f64::max);
    json!({
        "cached_over_ext_authz": ratio(added(Variant::Cached), added(Variant::ExtAuthz)),
        "first_seen_over_jwt_authn": ratio(added(Variant::FirstSeen), added(Variant::JwtAuthn)),
        "total_cached_over_jwt_authn_cached": worst,
        "total_cached_over_jwt_authn_cached_each": each,
        "total_floor_over_jwt_authn_cached": ratio(cpu(rounds, Variant::Floor), cpu(rounds, Variant::JwtAuthnCached)),
        "total_cached_over_floor": ratio(cpu(rounds, Variant::Cached), cpu(rounds, Variant::Floor)),
        "total_cached_over_router": ratio(cpu(rounds, Variant::Cached), router.clone()),
    })
}

fn table(rounds: &Rounds, ratios: &Value, out: &mut (dyn Write + Send)) -> Result<()> {
    let router = median(cpu(rounds, Variant::Router));
    writeln!(
        out,
        "\n{:44} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "p50 us", "p99 us", "req/s", "Envoy us", "added us", "STS us"
    )?;
    writeln!(
        out,
        "{:44} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "connections", 1, 1, 16, 16, 16, 16
    )?;
    for (variant, measured) in rounds {
        let few = |pick: fn(&Measurement) -> f64| median(measured.iter().map(|[few, _]| pick(few)));
        let many =
            |pick: fn(&Measurement) -> f64| median(measured.iter().map(|[_, many]| pick(many)));
        let envoy = many(|m| m.envoy_cpu_us);
        writeln!(
            out,
            "{:44} {:>9.0} {:>9.0} {:>9.0} {:>9.1} {:>9.1} {:>9.1}",
            variant.title(),
            few(|m| m.p50_us),
            few(|m| m.p99_us),
            many(|m| m.requests_per_second),
            envoy,
            envoy - router,
            many(|m| m.sts_cpu_us),
        )?;
    }
    writeln!(out)?;
    for (name, ratio) in ratios.as_object().into_iter().flatten() {
        if let Some(ratio) = ratio.as_f64() {
            writeln!(out, "{name:44} {ratio:>9.2}")?;
        }
    }
    Ok(())
}

pub(crate) fn machine() -> Result<Value> {
    let cpus = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([':', ' ', '\t']));
    let load = std::fs::read_to_string("/proc/loadavg")?;
    Ok(json!({
        "cpu": model.unwrap_or("unknown"),
        "cores": std::thread::available_parallelism()?.get(),
        "load_average": load.trim(),
    }))
}

async fn versions(stage: &Stage) -> Result<Value> {
    let parts = &stage.plain.stack.parts;
    let version = Command::new(&parts.envoy)
        .arg("--version")
        .output()
        .await?
        .stdout;
    let version = String::from_utf8_lossy(&version).trim().to_owned();
    let wasm = tokio::fs::read(&parts.filter)
        .await
        .context("reading the filter")?;
    let hex = |digest: &[u8]| {
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
    };
    let digest = hex(&Sha256::digest(&wasm)).concat();
    Ok(
        json!({"envoy": version, "filter_bytes": wasm.len(), "filter_sha256": digest, "caracal": env!("CARGO_PKG_VERSION")}),
    )
}
