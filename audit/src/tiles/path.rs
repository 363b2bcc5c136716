//! Names of tiles and entry bundles (C2SP tlog-tiles, "Merkle Tree" and "Log entries").

mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

pub use parse::PathError;

use super::bundle::MAX_BUNDLE_BYTES;
use super::hash_tile::HASH_BYTES;

/// Hashes of a full tile, and entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;
const FULL_WIDTH: u16 = 256;
/// Bits of an index that one level takes.
pub(super) const LEVEL_BITS: u32 = 8;
/// The format has levels up to 63. No tree of fewer than 2^64 entries has one above this.
pub(super) const MAX_LEVEL: u8 = 7;

/// Number of hashes or entries in one file: 1 to 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Width(u16);

impl Width {
    /// That of a full tile.
    pub const FULL: Self = Self(FULL_WIDTH);

    /// `None` for 0, and for more than 256.
    #[must_use]
    pub const fn new(width: u16) -> Option<Self> {
        match width {
            1..=FULL_WIDTH => Some(Self(width)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    pub(super) fn as_usize(self) -> usize {
        self.0.into()
    }
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Hashes of one level of the tree, 0 for those of leaves.
    Hashes(u8),
    /// Entries.
    Entries,
}

impl Kind {
    /// Bundles are cut as the tiles of level 0.
    pub(super) const fn level(self) -> u8 {
        match self {
            Self::Hashes(level) => level,
            Self::Entries => 0,
        }
    }

    /// Bits of a tree's size below the one that counts what these files hold.
    pub(super) fn shift(self) -> u32 {
        u32::from(self.level()).saturating_mul(LEVEL_BITS)
    }

    /// Entries that one hash stands for: 256^level.
    #[must_use]
    pub fn span(self) -> u64 {
        1_u64.checked_shl(self.shift()).unwrap_or(u64::MAX)
    }
}

/// The name of one immutable file of a log, such as `tile/1/x001/x234/067.p/8`.
///
/// There is none for what no tree of fewer than 2^64 entries has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    kind: Kind,
    index: u64,
    width: Width,
}

impl TilePath {
    /// The file with `width` hashes or entries at `index`; `None` where no tree has one.
    #[must_use]
    pub fn new(kind: Kind, index: u64, width: Width) -> Option<Self> {
        let bits = kind.shift().saturating_add(LEVEL_BITS);
        let exists = kind.level() <= MAX_LEVEL && index.leading_zeros() >= bits;
        exists.then_some(Self { kind, index, width })
    }

    /// What it holds.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// Its place among the files of its kind.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many hashes or entries it has.
    #[must_use]
    pub const fn width(self) -> Width {
        self.width
    }

    /// The full file that takes the place of a partial one.
    #[must_use]
    pub const fn full(self) -> Self {
        Self {
            width: Width::FULL,
            ..self
        }
    }

    /// The file of another kind in the same place.
    #[must_use]
    pub fn of_kind(self, kind: Kind) -> Option<Self> {
        Self::new(kind, self.index, self.width)
    }

    /// The same with fewer hashes or entries, or more.
    #[must_use]
    pub const fn with_width(self, width: Width) -> Self {
        Self { width, ..self }
    }

    /// Place of its first hash or entry among all of its kind.
    #[must_use]
    pub fn start(self) -> u64 {
        self.index.saturating_mul(TILE_WIDTH)
    }

    /// The place after its last.
    #[must_use]
    pub fn end(self) -> u64 {
        self.start().saturating_add(self.width.get().into())
    }

    /// Whether a tree of `size` entries has all that it holds.
    #[must_use]
    pub fn is_within(self, size: u64) -> bool {
        self.end() <= size.checked_shr(self.kind.shift()).unwrap_or(0)
    }

    /// Most bytes that such a file has.
    #[must_use]
    pub fn max_bytes(self) -> usize {
        let one = match self.kind {
            Kind::Hashes(_) => HASH_BYTES,
            Kind::Entries => MAX_BUNDLE_BYTES,
        };
        one.saturating_mul(self.width.as_usize())
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
            Kind::Entries => f.write_str("tile/entries/")?,
        }
        write_groups(f, self.index)?;
        match self.width {
            Width::FULL => Ok(()),
            Width(width) => write!(f, ".p/{width}"),
        }
    }
}

/// Groups of three digits, all but the last with an `x` before them.
fn write_groups(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    let before = index / 1000;
    if before > 0 {
        write_groups_before(f, before)?;
    }
    write!(f, "{:03}", index % 1000)
}

fn write_groups_before(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    let before = index / 1000;
    if before > 0 {
        write_groups_before(f, before)?;
    }
    write!(f, "x{:03}/", index % 1000)
}
