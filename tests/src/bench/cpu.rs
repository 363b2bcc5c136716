//! CPU time of a process, by the scheduler's own nanosecond accounts.

use anyhow::{Context as _, Result};

/// The kernel tells them as hundredths of a second, whatever it counts in (`USER_HZ`).
const NANOSECONDS_OF_TICK: u64 = 10_000_000;

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

/// CPU time that this process has taken, its threads that have ended included, in nanoseconds: in ticks of
/// 10 ms, so it is for seconds.
pub(crate) fn own_nanoseconds() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // The name before it, in parentheses, may hold anything.
    let (_, rest) = text.rsplit_once(')').context("stat has no name")?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || -> Result<u64> { Ok(fields.next().context("stat is too short")?.parse()?) };
    Ok((ticks()? + ticks()?) * NANOSECONDS_OF_TICK)
}
