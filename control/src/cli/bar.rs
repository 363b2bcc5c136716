//! How far something long is, on standard error.

use std::io::{IsTerminal as _, Write as _};

use caracal_audit::Progress;

/// Entries between two lines where nobody watches.
const LINE_EVERY: u64 = 1_000_000;
/// Cells of the bar.
const CELLS: u64 = 30;

/// How far something is, on standard error: a bar on a terminal, a line now and then elsewhere.
pub(super) struct Bar {
    done: &'static str,
    terminal: bool,
    /// What stands there.
    shown: String,
    /// Millions of entries that were told of the zone at hand.
    told: u64,
}

impl Bar {
    pub(super) fn new(done: &'static str) -> Self {
        Self {
            done,
            terminal: std::io::stderr().is_terminal(),
            shown: String::new(),
            told: 0,
        }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        if !self.terminal {
            let millions = progress.checked.checked_div(LINE_EVERY).unwrap_or(0);
            if millions > self.told {
                print(&format!("{}\n", self.text(progress)));
            }
            self.told = millions;
            return;
        }
        let text = self.bar(progress);
        if text != self.shown {
            print(&format!("\r\u{1b}[K{text}"));
            self.shown = text;
        }
    }

    /// Leaves nothing behind on a terminal.
    pub(super) fn clear(&mut self) {
        if !self.shown.is_empty() {
            print("\r\u{1b}[K");
            self.shown.clear();
        }
    }

    fn text(&self, progress: &Progress) -> String {
        let Progress {
            zone,
            checked,
            total,
        } = progress;
        format!("zone {zone}: {checked} of {total} entries {}", self.done)
    }

    /// It changes a thousand times at most.
    fn bar(&self, progress: &Progress) -> String {
        let Progress {
            zone,
            checked,
            total,
        } = progress;
        let part = |of: u64| {
            let checked = u128::from(*checked).min(u128::from(*total));
            let part = checked
                .saturating_mul(u128::from(of))
                .checked_div(u128::from(*total));
            part.and_then(|part| u64::try_from(part).ok()).unwrap_or(0)
        };
        let full = usize::try_from(part(CELLS)).unwrap_or(0);
        let empty = usize::try_from(CELLS).unwrap_or(0).saturating_sub(full);
        let (tenths, done) = (part(1000), self.done);
        let (percent, tenth) = (tenths / 10, tenths % 10);
        let (full, empty) = ("#".repeat(full), ".".repeat(empty));
        format!("zone {zone} [{full}{empty}] {percent}.{tenth} % {done}")
    }
}

/// Nobody misses a bar that cannot be shown.
fn print(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _shown = stderr.write_all(text.as_bytes());
    let _flushed = stderr.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_what_is_done_whatever_the_numbers() {
        let bar = Bar::new("done");
        let shown = |checked, total| {
            bar.bar(&Progress {
                zone: "a".to_owned(),
                checked,
                total,
            })
        };
        assert_eq!(
            shown(1, 2),
            format!("zone a [{}{}] 50.0 % done", "#".repeat(15), ".".repeat(15))
        );
        assert!(shown(u64::MAX, u64::MAX).contains("100.0 %"));
        assert!(shown(5, 0).contains(" 0.0 %"));
        assert!(shown(5, 1).contains("100.0 %"));
    }
}
