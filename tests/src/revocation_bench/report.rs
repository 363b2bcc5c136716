//! The table for people, the picture, and the file for machines.

use std::io::Write;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::Plan;
use super::figures::Measured;
use super::picture;
use super::series::LEASE;
use super::site::{ENVOY_POINTS, Site};
use crate::bench::report::{machine, target_folder};

const METHOD: &str = "caracal up in one process with a real policy and ledger on SQLite files; two Envoys with \
two workers each and the filter, under a steady load; simulated enforcement points in one process of their own, \
each with a stream over mutual TLS, the filter's own feed, and a ping every 500 ms. Revocations are made by the \
management API, one after the other. A time begins in the token service just before the transaction's COMMIT is \
handed to the database, so that the disk's share counts, and ends there with the last acknowledgement of all points \
that were connected, the Envoys' among them (caracal_sts_revocation_coverage_seconds). Each call also waits for the \
acknowledgements, and all have to be in its answer. A request counts as allowed after the bound when it reached the \
service behind the Envoys, with a mandate that was revoked, later than the lease after the call of the management \
API, which is before the commit. CPU is that of the processes, from /proc/PID/task/*/schedstat; CPU per point is what \
the series takes more than the load alone, over revocations and points.";

/// One measurement.
pub(super) fn table(measured: &Measured, out: &mut (dyn Write + Send)) -> Result<()> {
    let report = measured.report();
    let of = |pointer: &str| {
        report
            .pointer(pointer)
            .and_then(Value::as_f64)
            .unwrap_or(0.0)
    };
    writeln!(out, "\n{}", picture::text(measured))?;
    for (title, pointer) in [
        ("p50 ms", "/p50_ms"),
        ("p99 ms", "/p99_ms"),
        ("max ms", "/max_ms"),
        ("call to answer, p50 ms", "/call_to_answer/p50_ms"),
        ("call to answer, p99 ms", "/call_to_answer/p99_ms"),
        ("allowed after the bound", "/allowed_after_bound"),
        ("allowed after the call, at any time", "/allowed_after_call"),
        (
            "latest of these, ms after the call",
            "/latest_yes_after_call_ms",
        ),
        ("requests refused", "/load/refused"),
        ("requests allowed", "/load/allowed"),
        ("connections broken", "/load/broken"),
        ("other answers", "/load/other"),
        ("leases that ran out", "/simulated/lapses"),
        ("CPU of the service, us per point", "/cpu_per_point_us/sts"),
        ("CPU of a point, us", "/cpu_per_point_us/point"),
        ("cores busy without revocations", "/cores/load_alone/all"),
        ("cores busy with them", "/cores/with_revocations/all"),
    ] {
        writeln!(out, "  {title:40} {:>9.2}", of(pointer))?;
    }
    writeln!(out)?;
    Ok(())
}

/// Everything. The figures of the file are those of the first measurement.
pub(super) async fn write(
    site: &Site,
    plan: &Plan,
    all: &[Measured],
    out: &mut (dyn Write + Send),
) -> Result<()> {
    let mut reports = all.iter().map(Measured::report);
    let mut report = reports.next().unwrap_or_default();
    if let Some(report) = report.as_object_mut() {
        report.insert("method".to_owned(), METHOD.into());
        report.insert("machine".to_owned(), machine()?);
        report.insert("lease_ms".to_owned(), json!(LEASE.as_millis()));
        report.insert("envoy_points".to_owned(), ENVOY_POINTS.into());
        report.insert("requests_per_second".to_owned(), plan.load.into());
        report.insert("others".to_owned(), reports.collect());
    }
    let folder = target_folder().join("bench");
    tokio::fs::create_dir_all(&folder).await?;
    let (figures, picture) = (
        folder.join("revocation.json"),
        folder.join("revocation.svg"),
    );
    tokio::fs::write(&figures, serde_json::to_string_pretty(&report)? + "\n").await?;
    tokio::fs::write(&picture, picture::svg(all)).await?;
    writeln!(out, "every figure: {}", figures.display())?;
    writeln!(out, "the picture:  {}", picture.display())?;
    for measured in all {
        ensure!(
            measured.arrivals.after_bound == 0,
            "{} requests were allowed after the bound; the log ends with\n{}",
            measured.arrivals.after_bound,
            site.stack.log("resource-side").await?
        );
        ensure!(
            measured.sent.refused > 0 && measured.sent.allowed > 0,
            "the load was not refused, or not allowed: nothing was tried"
        );
    }
    Ok(())
}
