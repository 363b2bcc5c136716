//! So many in so much time.

use std::ops::AddAssign;
use std::time::Duration;

/// Rows, and the time that they took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    pub(super) rows: u64,
    pub(super) time: Duration,
}

impl AddAssign for Rate {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.time += other.time;
    }
}

impl Rate {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub(super) fn per_second(self) -> f64 {
        self.rows as f64 / self.time.as_secs_f64()
    }
}
