//! What a loss of power can leave of the write-ahead log of `SQLite`.
//!
//! A commit is a run of frames of which the last one says so, and `synchronous = FULL` means: the frames are
//! written, then synced, and then the commit returns. So at any moment everything up to the last commit that
//! returned is on the disk, and at most one commit is not: the one that was being written. Of its frames, and
//! of whatever lies behind them, power loss leaves any part, or other bytes; of what is before, all.
//!
//! Whether the last commit in the file had returned cannot be read from the file. But if it holds something
//! that was acknowledged or published, it had; and if it was on its way into the database too, it was synced
//! before that. If neither, it may have been about to be synced, and then it is fair to damage it.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::contents::Contents;
use super::history::History;
use super::random::Random;

/// Of the log, and of each frame in it (sqlite.org/fileformat2.html, section 4.1).
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// Where the index of the log says how many frames are in the database, or were on their way.
const BACKFILL_ATTEMPTED: usize = 128;
/// Ends the magic number where checksums are over big-endian words.
const BIG_ENDIAN: u32 = 1;

/// What was damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Torn {
    /// There was nothing that could have been lost.
    Nothing,
    /// Something behind the last commit.
    Tail,
    /// A commit of which nobody had been told.
    Commit,
}

/// The file beside a database.
pub(crate) fn log_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// Damages what may have been on its way to the disk, by cutting it or by other bytes in it.
pub(crate) async fn tear(database: &Path, history: &History, random: &mut Random) -> Torn {
    let path = log_of(database);
    let Ok(log) = std::fs::read(&path) else {
        return Torn::Nothing;
    };
    let commits = commits(&log);
    let Some(last) = commits.last().copied() else {
        return Torn::Nothing;
    };
    let before = commits.iter().rev().nth(1).copied().unwrap_or(LOG_HEADER);
    let is_synced = last <= moved(database, &log) || {
        let with = contents(database, &log[..last]).await;
        let without = contents(database, &log[..before]).await;
        with.promises_beyond(&without, history)
    };
    let (from, torn) = if is_synced {
        (last, Torn::Tail)
    } else {
        (before, Torn::Commit)
    };
    if from == log.len() {
        return Torn::Nothing;
    }
    let first = from + random.below(log.len() - from);
    let file = OpenOptions::new().write(true).open(path).unwrap();
    if random.percent(50) {
        file.set_len(first.try_into().unwrap()).unwrap();
    } else {
        let length = 1 + random.below(log.len() - first);
        let noise: Vec<_> = (0..length)
            .map(|_| random.below(256).try_into().unwrap())
            .collect();
        file.write_all_at(&noise, first.try_into().unwrap())
            .unwrap();
    }
    if first < last { torn } else { Torn::Tail }
}

/// How much of the log is in the database, or was being written there: so much is in the third file, which all
/// processes map (sqlite.org/walformat.html, section 2.2).
fn moved(database: &Path, log: &[u8]) -> usize {
    let mut path = database.as_os_str().to_owned();
    path.push("-shm");
    let Ok(index) = std::fs::read(path) else {
        return 0;
    };
    let attempted = index.get(BACKFILL_ATTEMPTED..BACKFILL_ATTEMPTED + 4);
    let frames = attempted.map_or(0, |bytes| u32::from_ne_bytes(bytes.try_into().unwrap()));
    let page = usize::try_from(word(log, 8)).unwrap();
    LOG_HEADER + usize::try_from(frames).unwrap() * (FRAME_HEADER + page)
}

/// What a database holds with this much of its log.
async fn contents(database: &Path, log: &[u8]) -> Contents {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy.db");
    std::fs::copy(database, &copy).unwrap();
    std::fs::write(log_of(&copy), log).unwrap();
    Contents::read(&copy).await
}

/// Where the commits of a log end. A frame counts if it is of this log and its checksum, which goes on from
/// that of the frame before, is right: as `SQLite` recovers.
fn commits(log: &[u8]) -> Vec<usize> {
    let mut commits = Vec::new();
    let Some(header) = log.get(..LOG_HEADER) else {
        return commits;
    };
    let big_endian = word(header, 0) & 1 == BIG_ENDIAN;
    let page = usize::try_from(word(header, 8)).unwrap();
    let mut sum = [word(header, 24), word(header, 28)];
    let mut end = LOG_HEADER;
    while let Some(frame) = log.get(end..end + FRAME_HEADER + page) {
        sum = checksum(
            checksum(sum, &frame[..8], big_endian),
            &frame[FRAME_HEADER..],
            big_endian,
        );
        if frame[8..16] != header[16..24] || sum != [word(frame, 16), word(frame, 20)] {
            break;
        }
        end += frame.len();
        if word(frame, 4) != 0 {
            commits.push(end);
        }
    }
    commits
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The same section, "Checksum Algorithm".
fn checksum(sum: [u32; 2], bytes: &[u8], big_endian: bool) -> [u32; 2] {
    let words = bytes.chunks_exact(4).map(|bytes| {
        let word = word(bytes, 0);
        if big_endian { word } else { word.swap_bytes() }
    });
    let words: Vec<_> = words.collect();
    words.chunks_exact(2).fold(sum, |[one, two], pair| {
        let one = one.wrapping_add(pair[0]).wrapping_add(two);
        [one, two.wrapping_add(pair[1]).wrapping_add(one)]
    })
}
