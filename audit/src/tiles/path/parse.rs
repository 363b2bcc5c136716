//! Reads the names, strictly: each file has one.

use std::str::FromStr;

use super::{Kind, MAX_LEVEL, TilePath, Width};

/// Why a text names no file of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with `tile/` and a level or `entries`.
    #[error("the path of no tile and no entry bundle")]
    Form,
    /// The level is no number without leading zeroes.
    #[error("the level is no number from 0 to 63")]
    Level,
    /// The index is not in groups of three digits, or has more of them than it needs.
    #[error("the index is not spelled in groups of three digits")]
    Index,
    /// The width of a partial tile is no number from 1 to 255.
    #[error("the width is no number from 1 to 255")]
    Width,
    /// Well spelled, but of a tree with 2^64 entries or more.
    #[error("no log is so large as to have this tile")]
    TooLarge,
}

/// Most groups of an index below 2^64.
const MAX_GROUPS: usize = 7;
/// Highest level that the format has.
const MAX_SPELLED_LEVEL: u64 = 63;

impl FromStr for TilePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let rest = text.strip_prefix("tile/").ok_or(PathError::Form)?;
        let (kind, rest) = rest.split_once('/').ok_or(PathError::Form)?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes(level_of(level)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, Width::FULL),
            Some((index, width)) => (index, partial(width)?),
        };
        let index = index_of(index)?;
        Self::new(kind, index, width).ok_or(PathError::TooLarge)
    }
}

fn level_of(text: &str) -> Result<u8, PathError> {
    let level = number(text).filter(|level| *level <= MAX_SPELLED_LEVEL);
    let level = level.ok_or(PathError::Level)?;
    let known = u8::try_from(level).ok().filter(|level| *level <= MAX_LEVEL);
    known.ok_or(PathError::TooLarge)
}

fn partial(text: &str) -> Result<Width, PathError> {
    let width = number(text).and_then(|width| u16::try_from(width).ok());
    let width = width.and_then(Width::new);
    // A full file has another name.
    let width = width.filter(|width| *width < Width::FULL);
    width.ok_or(PathError::Width)
}

/// ASCII decimal without leading zeroes or signs, of few digits.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading = text.len() > 1 && text.starts_with('0');
    if plain && !leading && text.len() <= 3 {
        text.parse().ok()
    } else {
        None
    }
}

fn index_of(text: &str) -> Result<u64, PathError> {
    let mut index: u64 = 0;
    let mut groups = text.split('/').peekable();
    let mut count = 0_usize;
    while let Some(group) = groups.next() {
        let digits = match groups.peek() {
            Some(_) => group.strip_prefix('x').ok_or(PathError::Index)?,
            None => group,
        };
        let value = group_of(digits)?;
        // The first of several groups would say nothing.
        if count == 0 && value == 0 && groups.peek().is_some() {
            return Err(PathError::Index);
        }
        count = count.saturating_add(1);
        if count > MAX_GROUPS {
            return Err(PathError::TooLarge);
        }
        index = index
            .checked_mul(1000)
            .and_then(|index| index.checked_add(value))
            .ok_or(PathError::TooLarge)?;
    }
    Ok(index)
}

fn group_of(digits: &str) -> Result<u64, PathError> {
    let three = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if three {
        digits.parse().map_err(|_| PathError::Index)
    } else {
        Err(PathError::Index)
    }
}
