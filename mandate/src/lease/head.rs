//! One read of the log's head by a service, and what it proves.

/// The head of the log as one read showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeadRead {
    began_ms: u64,
    head: u64,
}

/// What a read says about the state that is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The log ends before what is applied: it was put back.
    Shortened,
    /// There is more to apply first.
    Behind,
    /// Everything that was committed before this moment is applied.
    Confirmed {
        /// When the read began.
        at_ms: u64,
    },
}

impl HeadRead {
    /// A read that was begun at `began_ms` and showed `head`. The time is taken before the read is
    /// sent: what was committed until then cannot be missed by it, and what was committed while it
    /// was under way can.
    #[must_use]
    pub const fn new(began_ms: u64, head: u64) -> Self {
        Self { began_ms, head }
    }

    /// The head.
    #[must_use]
    pub const fn head(self) -> u64 {
        self.head
    }

    /// What it proves about a state that was brought up to `applied` after the read, with entries of
    /// a log that may have grown meanwhile.
    #[must_use]
    pub const fn at_least(self, applied: u64) -> Standing {
        if applied > self.head {
            Standing::Confirmed {
                at_ms: self.began_ms,
            }
        } else {
            self.against(applied)
        }
    }

    /// What it proves about a state in which everything up to `applied` is applied.
    #[must_use]
    pub const fn against(self, applied: u64) -> Standing {
        if self.head < applied {
            Standing::Shortened
        } else if self.head > applied {
            Standing::Behind
        } else {
            Standing::Confirmed {
                at_ms: self.began_ms,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_confirms_the_moment_at_which_it_began_and_only_what_is_applied() {
        let read = HeadRead::new(70, 5);
        assert_eq!(read.against(4), Standing::Behind);
        assert_eq!(read.against(5), Standing::Confirmed { at_ms: 70 });
        assert_eq!(read.against(6), Standing::Shortened);
        assert_eq!(read.at_least(4), Standing::Behind);
        assert_eq!(read.at_least(6), Standing::Confirmed { at_ms: 70 });
    }
}
