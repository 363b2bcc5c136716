//! What was measured, and the figures that it comes to.

use std::ops::AddAssign;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::bench::stats;

/// CPU nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// Of the service's process.
    pub(super) sts: u64,
    /// Of all processes of the database server; 0 where there is none.
    pub(super) database: u64,
}

impl Spent {
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            sts: self.sts.saturating_sub(before.sts),
            database: self.database.saturating_sub(before.database),
        }
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.sts += other.sts;
        self.database += other.database;
    }
}

/// One load of a place, or several of the same kind together.
#[derive(Debug, Default)]
pub(super) struct Measurement {
    pub(super) callers: usize,
    /// One for each exchange.
    pub(super) took: Vec<Duration>,
    pub(super) elapsed: Duration,
    pub(super) spent: Spent,
}

impl AddAssign for Measurement {
    fn add_assign(&mut self, other: Self) {
        self.callers = other.callers;
        self.took.extend(other.took);
        self.elapsed += other.elapsed;
        self.spent += other.spent;
    }
}

type Figure = fn(&Measurement) -> f64;

/// Every figure with its name. Times are microseconds; CPU is per exchange.
pub(super) const FIGURES: [(&str, Figure); 7] = [
    ("exchanges_per_second", |m| {
        m.exchanges() / m.elapsed.as_secs_f64()
    }),
    ("p50_us", |m| m.latency_us(0.5)),
    ("p99_us", |m| m.latency_us(0.99)),
    ("sts_cpu_us", Measurement::sts_cpu_us),
    ("database_cpu_us", Measurement::database_cpu_us),
    ("exchanges_per_core_second", Measurement::per_core_second),
    (
        "exchanges_per_core_second_with_database",
        Measurement::per_core_second_with_database,
    ),
];

impl Measurement {
    /// Exchanges in one second of the service's CPU time.
    pub(super) fn per_core_second(&self) -> f64 {
        1e6 / self.sts_cpu_us()
    }

    /// The same, with the database's CPU time.
    pub(super) fn per_core_second_with_database(&self) -> f64 {
        1e6 / (self.sts_cpu_us() + self.database_cpu_us())
    }

    pub(super) fn report(&self) -> Value {
        let figures = FIGURES.map(|(name, figure)| (name.to_owned(), json!(figure(self))));
        let mut report = Map::from_iter(figures);
        report.insert("callers".to_owned(), json!(self.callers));
        report.insert("exchanges".to_owned(), json!(self.took.len()));
        Value::Object(report)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    const fn exchanges(&self) -> f64 {
        self.took.len() as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "nanoseconds far below 2^52")]
    fn sts_cpu_us(&self) -> f64 {
        self.spent.sts as f64 / 1000.0 / self.exchanges()
    }

    #[expect(clippy::cast_precision_loss, reason = "nanoseconds far below 2^52")]
    fn database_cpu_us(&self) -> f64 {
        self.spent.database as f64 / 1000.0 / self.exchanges()
    }

    fn latency_us(&self, share: f64) -> f64 {
        let took = self.took.iter().map(|took| took.as_secs_f64() * 1e6);
        stats::quantile(took, share)
    }
}
