//! Whole logs, and what they say about themselves.

use super::super::events::submission;
use super::super::image::{CheckpointRow, Log};
use super::super::original::Original;
use super::super::owner::{Mended, Owner};
use super::super::random::Random;
use super::{Done, Touched, index, owner, zone};

pub(super) async fn truncate(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let from = index(original, zone, random);
    let mut owner = owner(original).await;
    cut(&mut owner, zone, from).await;
    owner
        .mend(zone, *random.one(&[Mended::Nothing, Mended::State]))
        .await;
    owner.close().await;
    Done::entries(zone, from..=original.image().logs[zone].size() - 1)
}

async fn cut(owner: &mut Owner<'_>, zone: &str, from: u64) {
    let sql = "DELETE FROM log_entries WHERE zone = $1 AND idx >= $2";
    owner.change(sql, [zone.into(), from.into()]).await;
}

/// Removes the checkpoints for more entries than this, and whatever tells that there were any.
pub(super) async fn unsign(owner: &mut Owner<'_>, zone: &str, size: u64) {
    let sql = "DELETE FROM checkpoints WHERE zone = $1 AND size > $2";
    owner.change(sql, [zone.into(), size.into()]).await;
    let sql = "UPDATE log_state SET checkpoint_size = \
        COALESCE((SELECT MAX(size) FROM checkpoints WHERE zone = $1), 0) WHERE zone = $1";
    owner.change(sql, [zone.into()]).await;
}

async fn forget_idle_emitters(owner: &mut Owner<'_>) {
    let sql = "DELETE FROM emitters WHERE id NOT IN (SELECT emitter_id FROM log_entries)";
    owner.run(sql, []).await;
}

/// A checkpoint that was kept elsewhere and tells of entries from an index on.
pub(super) fn kept<'a>(log: &'a Log, beyond: u64, random: &mut Random) -> &'a CheckpointRow {
    let all = log.checkpoints.iter();
    let good: Vec<_> = all.filter(|checkpoint| checkpoint.size > beyond).collect();
    good[random.below(good.len())]
}

pub(super) async fn truncate_traceless(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let from = index(original, zone, random);
    let mut owner = owner(original).await;
    cut(&mut owner, zone, from).await;
    unsign(&mut owner, zone, from).await;
    owner.mend(zone, Mended::State).await;
    forget_idle_emitters(&mut owner).await;
    owner.close().await;
    let kept = kept(&original.image().logs[zone], from, random);
    // Nobody can tell more than the checkpoint that was kept.
    Done::entries(zone, from..=kept.size - 1).with(&kept.note)
}

pub(super) async fn drop_zone(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let mut owner = owner(original).await;
    cut(&mut owner, zone, 0).await;
    if random.percent(50) {
        let sql = "DELETE FROM log_state WHERE zone = $1";
        owner.change(sql, [zone.into()]).await;
    }
    forget_idle_emitters(&mut owner).await;
    owner.close().await;
    Done::entries(zone, 0..=original.image().logs[zone].size() - 1)
}

pub(super) async fn drop_zone_traceless(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let mut owner = owner(original).await;
    for table in ["log_entries", "checkpoints", "log_state"] {
        let sql = format!("DELETE FROM {table} WHERE zone = $1");
        owner.change(&sql, [zone.into()]).await;
    }
    forget_idle_emitters(&mut owner).await;
    owner.close().await;
    let kept = kept(&original.image().logs[zone], 0, random);
    Done::entries(zone, 0..=kept.size - 1).with(&kept.note)
}

/// A round to go back to, and a zone that has grown since, with its size at that time.
fn back<'a>(original: &'a Original, random: &mut Random) -> (usize, &'a str, u64) {
    loop {
        let round = random.below(original.rounds.len() - 1);
        let zone = zone(original, random);
        let size = original.rounds[round].logs[zone].size();
        if size < original.image().logs[zone].size() {
            return (round, zone, size);
        }
    }
}

pub(super) async fn roll_back(original: &Original, random: &mut Random) -> Done {
    let (round, zone, size) = back(original, random);
    original.put_back(round).await;
    let kept = kept(&original.image().logs[zone], size, random);
    Done::entries(zone, size..=kept.size - 1).with(&kept.note)
}

/// As when a backup is put back and nobody says so: the key is the right one, and signs a second
/// history.
pub(super) async fn roll_back_and_grow(original: &Original, random: &mut Random) -> Done {
    let (round, zone, size) = back(original, random);
    original.put_back(round).await;
    let kept = kept(&original.image().logs[zone], size, random);
    // Often exactly as long as the log that was kept.
    let grown = kept.size - size
        + if random.percent(30) {
            0
        } else {
            random.within(1..=20)
        };
    let other = (1..=grown).map(|seq| submission(zone, "filter-other", "other", seq));
    original.grow(other.collect()).await;
    Done::entries(zone, size..=kept.size - 1).with(&kept.note)
}

pub(super) async fn state(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let mut owner = owner(original).await;
    let change = random.one(&[
        "UPDATE log_state SET size = size - 1 WHERE zone = $1",
        "UPDATE log_state SET size = size + 1 WHERE zone = $1",
        "UPDATE log_state SET root = (SELECT leaf_hash FROM log_entries LIMIT 1) WHERE zone = $1",
        "UPDATE log_state SET frontier = (SELECT leaf_hash FROM log_entries LIMIT 1) WHERE zone = $1",
        "UPDATE log_state SET checkpoint_size = checkpoint_size - 1 WHERE zone = $1",
        "UPDATE log_state SET checkpoint_size = checkpoint_size + 1 WHERE zone = $1",
        "DELETE FROM log_state WHERE zone = $1",
    ]);
    owner.change(change, [zone.into()]).await;
    owner.close().await;
    Done {
        touched: Touched::State(zone.to_owned()),
        kept: None,
    }
}
