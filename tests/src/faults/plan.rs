//! Which faults are injected where.

use super::line::Version;
use super::matrix::ROWS;
use super::row::{Place, Row};
use super::site::Kind;

/// When a fault comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the commit.
    Before,
    /// While it commits.
    While,
    /// Right after its answer.
    After,
}

impl Moment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Before, Self::While, Self::After];

    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before the commit",
            Self::While => "while it commits",
            Self::After => "after it",
        }
    }
}

/// One fault that is injected.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// What.
    pub row: &'static Row,
    /// When.
    pub moment: Moment,
    /// What clients speak.
    pub version: Version,
}

/// The gateways, side by side.
pub const KINDS: [Kind; 6] = [
    kind("frames", Place::Frames, false),
    kind("frames-ahead", Place::Frames, true),
    kind("straight", Place::Straight, false),
    kind("straight-ahead", Place::Straight, true),
    kind("trap", Place::Trap, true),
    kind("clock", Place::Clock, false),
];

const fn kind(name: &'static str, place: Place, ahead: bool) -> Kind {
    Kind { name, place, ahead }
}

/// How much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Each row at each moment on each gateway of its kind, with the versions of HTTP in turn; both of
    /// them where there is one gateway of the kind.
    Full,
    /// Each row once, with moments, gateways and versions in turn.
    Brief,
}

/// The faults of one gateway, in their order.
#[must_use]
pub fn faults(kind: &Kind, extent: Extent) -> Vec<Fault> {
    let alike = KINDS.iter().filter(|other| other.place == kind.place);
    let alike: Vec<_> = alike.collect();
    let own = alike.iter().position(|other| *other == kind).unwrap_or(0);
    let rows = ROWS.iter().filter(|row| row.place == kind.place);
    let version = |number: usize| {
        if number.is_multiple_of(2) {
            Version::One
        } else {
            Version::Two
        }
    };
    let mut faults = Vec::new();
    for (number, row) in rows.enumerate() {
        for (at, moment) in Moment::ALL.into_iter().enumerate() {
            match extent {
                Extent::Full => {
                    let turns = if alike.len() > 1 { 1 } else { 2 };
                    faults.extend((0..turns).map(|turn| Fault {
                        row,
                        moment,
                        version: version(number + at + own + turn),
                    }));
                }
                Extent::Brief => {
                    let here = number % alike.len() == own;
                    let turn = number / alike.len();
                    if here && turn % Moment::ALL.len() == at {
                        let version = version(turn + own);
                        faults.push(Fault {
                            row,
                            moment,
                            version,
                        });
                    }
                }
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(extent: Extent) -> Vec<Fault> {
        KINDS.iter().flat_map(|kind| faults(kind, extent)).collect()
    }

    #[test]
    fn a_full_run_injects_more_than_two_hundred_faults_and_every_row_at_every_moment() {
        let faults = all(Extent::Full);
        assert!(faults.len() >= 200, "{}", faults.len());
        for row in ROWS {
            let own = faults.iter().filter(|fault| fault.row.name == row.name);
            let own: Vec<_> = own.collect();
            for moment in Moment::ALL {
                assert!(
                    own.iter().any(|fault| fault.moment == moment),
                    "{}",
                    row.name
                );
            }
            for version in [Version::One, Version::Two] {
                assert!(
                    own.iter().any(|fault| fault.version == version),
                    "{}",
                    row.name
                );
            }
        }
    }

    #[test]
    fn a_brief_run_injects_every_row_once() {
        let faults = all(Extent::Brief);
        assert_eq!(faults.len(), ROWS.len());
        for row in ROWS {
            assert!(
                faults.iter().any(|fault| fault.row.name == row.name),
                "{}",
                row.name
            );
        }
        for moment in Moment::ALL {
            assert!(faults.iter().any(|fault| fault.moment == moment));
        }
    }
}
