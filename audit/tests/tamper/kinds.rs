//! The kinds of manipulations, and what each of them touches.

mod checkpoints;
mod emitters;
mod entries;
mod forks;
mod logs;
mod order;

use std::ops::RangeInclusive;

use super::original::Original;
use super::owner::{Mended, Owner};
use super::random::Random;

/// What was done, and what a finding has to name.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) touched: Touched,
    /// What the auditor needs beside the key: a checkpoint that was kept elsewhere.
    pub(crate) kept: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Touched {
    /// Entries that are not what, or not where, they were recorded; or those that a checkpoint was
    /// for which is not what it was. By zone.
    Entries(Vec<(String, RangeInclusive<u64>)>),
    /// What a log says about itself. No entry is concerned.
    State(String),
    /// The row of an emitter of this name, without any entry.
    Emitter(String),
}

impl Done {
    fn entries(zone: &str, range: RangeInclusive<u64>) -> Self {
        Self::all(vec![(zone.to_owned(), range)])
    }

    fn all(entries: Vec<(String, RangeInclusive<u64>)>) -> Self {
        Self {
            touched: Touched::Entries(entries),
            kept: None,
        }
    }

    fn with(self, kept: &str) -> Self {
        Self {
            kept: Some(kept.to_owned()),
            ..self
        }
    }
}

macro_rules! kinds {
    ($($kind:ident => $does:path, $name:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($kind),*
        }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),*];

            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name),*
                }
            }

            /// Does it once, to a ledger that is as it was written.
            pub(crate) async fn perform(self, original: &Original, random: &mut Random) -> Done {
                match self {
                    $(Self::$kind => $does(original, random).await),*
                }
            }
        }
    };
}

kinds! {
    FlipBody => entries::flip_body, "flip a bit of a body";
    FlipHash => entries::flip_hash, "flip a bit of a leaf hash";
    Column => entries::column, "edit a column";
    Rewrite => entries::rewrite, "edit a member of a body, hash and columns recomputed";
    Delete => entries::delete, "delete an entry";
    DeleteRenumber => entries::delete_and_renumber, "delete an entry, the later ones renumbered";
    Insert => entries::insert, "insert an entry, the later ones renumbered";
    Append => entries::append, "append an entry, the log's state recomputed";
    Swap => order::swap, "swap two entries";
    SwapZones => order::swap_zones, "swap two entries of two zones";
    Reorder => order::reorder, "reorder a range";
    Truncate => logs::truncate, "cut off the tail of entries";
    TruncateTraceless => logs::truncate_traceless, "cut off the tail, checkpoints and state with it";
    DropZone => logs::drop_zone, "drop a zone, its checkpoints stay";
    DropZoneTraceless => logs::drop_zone_traceless, "drop a zone, checkpoints and emitters with it";
    RollBack => logs::roll_back, "put back an older copy of all";
    RollBackAndGrow => logs::roll_back_and_grow, "put back an older copy, and let the ledger go on";
    Fork => forks::fork, "rewrite from an index on, the checkpoints stay";
    ForkOtherKey => forks::fork_with_another_key, "rewrite from an index on, signed by another key";
    ForkUnsigned => forks::fork_unsigned, "rewrite from an index on, without the checkpoints of it";
    Note => checkpoints::note, "change the note of a checkpoint";
    Frontier => checkpoints::frontier, "change the frontier beside a checkpoint";
    Size => checkpoints::size, "move a checkpoint, or its link to the one before";
    DeleteCheckpoint => checkpoints::delete, "delete a checkpoint";
    SwapNotes => checkpoints::swap, "swap the notes of two checkpoints";
    Emitter => emitters::edit, "edit an emitter";
    DeleteEmitter => emitters::delete, "delete an emitter";
    SwapEmitters => emitters::swap, "swap two emitters";
    InsertEmitter => emitters::insert, "insert an emitter";
    State => logs::state, "edit the log's own state";
}

/// One zone of the whole.
fn zone<'a>(original: &'a Original, random: &mut Random) -> &'a str {
    let zones: Vec<_> = original.image().logs.keys().map(String::as_str).collect();
    zones[random.below(zones.len())]
}

/// An entry of it.
fn index(original: &Original, zone: &str, random: &mut Random) -> u64 {
    random.within(0..=original.image().logs[zone].size() - 1)
}

async fn owner(original: &Original) -> Owner<'_> {
    Owner::of(&original.place, original.image()).await
}

fn mended(random: &mut Random) -> Mended {
    *random.one(&[Mended::Nothing, Mended::State, Mended::Frontiers])
}
