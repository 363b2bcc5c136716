//! Checkpoints. What each of them vouches for are the entries since the one before.

use std::ops::RangeInclusive;

use super::super::original::Original;
use super::super::random::Random;
use super::entries::flip;
use super::{Done, owner, zone};

/// A checkpoint: its place among those of its zone, its size, and what it vouches for.
struct Chosen<'a> {
    zone: &'a str,
    place: usize,
    size: u64,
}

impl<'a> Chosen<'a> {
    fn new(original: &'a Original, random: &mut Random) -> Self {
        let zone = zone(original, random);
        let place = random.below(original.image().logs[zone].checkpoints.len());
        Self::at(original, zone, place)
    }

    fn at(original: &'a Original, zone: &'a str, place: usize) -> Self {
        let size = original.image().logs[zone].checkpoints[place].size;
        Self { zone, place, size }
    }

    fn entries(&self, original: &Original) -> Vec<(String, RangeInclusive<u64>)> {
        let all = &original.image().logs[self.zone].checkpoints;
        let before = self
            .place
            .checked_sub(1)
            .map_or(0, |before| all[before].size);
        vec![(self.zone.to_owned(), before..=self.size - 1)]
    }

    /// Up to the checkpoint behind it: what lies between those that are left when this one is gone.
    fn around(&self, original: &Original) -> Vec<(String, RangeInclusive<u64>)> {
        let all = &original.image().logs[self.zone].checkpoints;
        let behind = all
            .get(self.place + 1)
            .map_or(self.size, |behind| behind.size);
        let own = self.entries(original);
        let entries = own.into_iter();
        entries
            .map(|(zone, own)| (zone, *own.start()..=behind - 1))
            .collect()
    }
}

/// One character of origin, size, root or signature. A line that another key signed may be added to a
/// note and removed from it: that is how witnesses sign, and says nothing about the log.
pub(super) async fn note(original: &Original, random: &mut Random) -> Done {
    let chosen = Chosen::new(original, random);
    let mut owner = owner(original).await;
    let row = &owner.image.logs[chosen.zone].checkpoints[chosen.place];
    let mut characters: Vec<char> = row.note.chars().collect();
    let mut at = random.below(characters.len());
    while !characters[at].is_ascii_alphanumeric() {
        at = random.below(characters.len());
    }
    let mut other = characters[at];
    while other == characters[at] {
        other = char::from(*random.one(b"0123456789ABCDefgh"));
    }
    characters[at] = other;
    let note: String = characters.into_iter().collect();
    let sql = "UPDATE checkpoints SET note = $1 WHERE zone = $2 AND size = $3";
    let values = [note.as_str().into(), chosen.zone.into(), chosen.size.into()];
    owner.change(sql, values).await;
    owner.close().await;
    Done::all(chosen.entries(original))
}

pub(super) async fn frontier(original: &Original, random: &mut Random) -> Done {
    let chosen = Chosen::new(original, random);
    let mut owner = owner(original).await;
    let row = &owner.image.logs[chosen.zone].checkpoints[chosen.place];
    let mut frontier = row.frontier.clone();
    flip(&mut frontier, random);
    let sql = "UPDATE checkpoints SET frontier = $1 WHERE zone = $2 AND size = $3";
    owner
        .change(
            sql,
            [frontier.into(), chosen.zone.into(), chosen.size.into()],
        )
        .await;
    owner.close().await;
    Done::all(chosen.entries(original))
}

pub(super) async fn size(original: &Original, random: &mut Random) -> Done {
    let chosen = Chosen::new(original, random);
    let mut owner = owner(original).await;
    let change = *random.one(&[
        "size = size - 1",
        "size = size + 1",
        "previous_size = previous_size + 1",
        "previous_size = previous_size - 1",
        "previous_size = size",
    ]);
    let sql = format!("UPDATE checkpoints SET {change} WHERE zone = $1 AND size = $2");
    owner
        .change(&sql, [chosen.zone.into(), chosen.size.into()])
        .await;
    owner.close().await;
    let mut touched = match change {
        "size = size - 1" | "size = size + 1" => chosen.around(original),
        _ => chosen.entries(original),
    };
    let (_, range) = &mut touched[0];
    if change == "size = size + 1" && *range.end() < chosen.size {
        // The newest one now speaks of an entry that there is not.
        *range = *range.start()..=chosen.size;
    }
    Done::all(touched)
}

pub(super) async fn delete(original: &Original, random: &mut Random) -> Done {
    let chosen = Chosen::new(original, random);
    let mut owner = owner(original).await;
    let sql = "DELETE FROM checkpoints WHERE zone = $1 AND size = $2";
    owner
        .change(sql, [chosen.zone.into(), chosen.size.into()])
        .await;
    owner.close().await;
    Done::all(chosen.around(original))
}

pub(super) async fn swap(original: &Original, random: &mut Random) -> Done {
    let one = Chosen::new(original, random);
    let mut other = Chosen::new(original, random);
    while (other.zone, other.place) == (one.zone, one.place) {
        other = Chosen::new(original, random);
    }
    let mut owner = owner(original).await;
    for (to, from) in [(&one, &other), (&other, &one)] {
        let note = owner.image.logs[from.zone].checkpoints[from.place]
            .note
            .as_str();
        let sql = "UPDATE checkpoints SET note = $1 WHERE zone = $2 AND size = $3";
        owner
            .change(sql, [note.into(), to.zone.into(), to.size.into()])
            .await;
    }
    owner.close().await;
    Done::all([one.entries(original), other.entries(original)].concat())
}
