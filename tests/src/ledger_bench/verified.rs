//! The offline verification of the whole log.

use anyhow::{Result, ensure};
use caracal_audit::verify::verify;

use super::place::Grown;
use super::rate::Rate;
use crate::bench::cpu;

/// What it costs in CPU time of all threads together, so that the rate is that of one core.
pub(super) async fn measure(log: Grown) -> Result<Rate> {
    let Grown {
        ledger,
        path,
        entries,
        folder: _folder,
        ..
    } = log;
    let key = ledger.verifier_key();
    ledger.close().await;
    let before = cpu::own_nanoseconds()?;
    let report = verify(&path, &key, None, |_| {})?;
    let spent = cpu::own_nanoseconds()? - before;
    ensure!(
        report.is_intact(),
        "the log that was measured is not intact: {report:?}"
    );
    let signed: u64 = report.zones.iter().map(|zone| zone.signed).sum();
    ensure!(
        signed == entries,
        "{signed} of {entries} entries were confirmed"
    );
    Ok(Rate {
        rows: entries,
        time: std::time::Duration::from_nanos(spent),
    })
}
