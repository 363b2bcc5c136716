//! What the ledger says of itself.

use caracal_audit::SelfCheckStatus;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// All of it, at this moment.
pub(super) fn registry(status: &SelfCheckStatus) -> Registry {
    let mut registry = Registry::with_prefix("caracal_sts_ledger_self_check");
    let found = u64::try_from(status.findings.len()).unwrap_or(u64::MAX);
    let last_pass_ms = status.last_pass_ms.unwrap_or(0);
    for (name, help, value) in [
        (
            "findings",
            "What is wrong with the ledger now; anything but 0 is an alarm",
            found.saturating_add(status.more),
        ),
        (
            "waiting",
            "Entries that were appended and not looked at yet",
            status.waiting,
        ),
        (
            "last_pass_timestamp_seconds",
            "When the last whole pass over the ledger ended; 0 before the first",
            last_pass_ms / 1000,
        ),
        (
            "blind",
            "Whether the ledger's database could not be read the last time",
            u64::from(status.unreadable.is_some()),
        ),
    ] {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    for (name, help, count) in [
        ("passes", "Whole passes over the ledger", status.passes),
        ("entries", "Entries that were read for it", status.checked),
    ] {
        registry.register(name, help, ConstCounter::new(count));
    }
    registry
}
