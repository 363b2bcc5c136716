//! CPU time of a process, by the scheduler's own nanosecond accounts.

use anyhow::{Context as _, Result};

/// CPU time of all its threads until now, in nanoseconds. `/proc/PID/stat` counts in ticks of 10 ms,
/// which is too coarse; `schedstat` of each thread is exact.
pub(crate) fn nanoseconds(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let spent: u64 = text
            .split_whitespace()
            .next()
            .context("schedstat is empty")?
            .parse()?;
        sum += spent;
    }
    Ok(sum)
}
