//! Linear memories of Wasm VMs, by the memory map of their process.
//!
//! V8 reserves ten gigabytes for each (4 GiB of addresses and guards around them) and makes as much of it
//! accessible as the module has asked for: an accessible range with an inaccessible one of gigabytes
//! behind it, and nothing else of a proxy looks like that.

use anyhow::{Context as _, Result};

use super::Memory;

/// Shortest reservation that is taken for one.
const RESERVED: u64 = 1 << 31;

/// Size of a page of Wasm.
const PAGE: u64 = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    begin: u64,
    end: u64,
    accessible: bool,
    resident: u64,
}

impl Range {
    const fn size(&self) -> u64 {
        self.end.saturating_sub(self.begin)
    }
}

pub(super) fn read(pid: u32) -> Result<Memory> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps"))?;
    let ranges = ranges(&text)?;
    let mut memory = Memory {
        process: ranges.iter().map(|range| range.resident).sum(),
        ..Memory::default()
    };
    for pair in ranges.windows(2) {
        let [range, behind] = pair else { continue };
        let reserved = !behind.accessible && behind.size() >= RESERVED && range.end == behind.begin;
        if reserved && range.accessible && range.size() % PAGE == 0 {
            memory.linear.push(range.size());
            memory.resident.push(range.resident);
        }
    }
    Ok(memory)
}

fn ranges(smaps: &str) -> Result<Vec<Range>> {
    let mut ranges: Vec<Range> = Vec::new();
    for line in smaps.lines() {
        let mut words = line.split_whitespace();
        let (Some(first), Some(second)) = (words.next(), words.next()) else {
            continue;
        };
        if let Some((begin, end)) = first.split_once('-') {
            ranges.push(Range {
                begin: u64::from_str_radix(begin, 16)?,
                end: u64::from_str_radix(end, 16)?,
                accessible: second.starts_with("rw"),
                resident: 0,
            });
        } else if first == "Rss:" {
            let range = ranges.last_mut().context("a size of nothing")?;
            range.resident = second.parse::<u64>()? * 1024;
        }
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_with_what_is_resident_of_it() {
        let text = "10000-30000 rw-p 00000000 00:00 0\nSize: 128 kB\nRss: 64 kB\n\
                    30000-180030000 ---p 00000000 00:00 0\nRss: 0 kB\n";
        let ranges = ranges(text).unwrap();
        assert_eq!(ranges.len(), 2);
        assert_eq!(
            ranges[0],
            Range {
                begin: 0x10000,
                end: 0x30000,
                accessible: true,
                resident: 64 * 1024
            }
        );
        assert!(ranges[1].size() >= RESERVED && !ranges[1].accessible);
    }
}
