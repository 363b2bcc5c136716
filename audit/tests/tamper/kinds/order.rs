//! Entries at each other's places.

use super::super::original::Original;
use super::super::owner::Owner;
use super::super::random::Random;
use super::{Done, index, mended, owner, zone};

/// A place that no entry has.
const ASIDE: u64 = 1_000_000;

pub(super) async fn swap(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let one = index(original, zone, random);
    let mut other = index(original, zone, random);
    while other == one {
        other = index(original, zone, random);
    }
    let mut owner = owner(original).await;
    owner.renumber(zone, one, ASIDE).await;
    owner.renumber(zone, other, one).await;
    owner.renumber(zone, ASIDE, other).await;
    owner.mend(zone, mended(random)).await;
    owner.close().await;
    let both = [one, other].map(|index| (zone.to_owned(), index..=index));
    Done::all(both.to_vec())
}

pub(super) async fn swap_zones(original: &Original, random: &mut Random) -> Done {
    let one = zone(original, random);
    let mut other = zone(original, random);
    while other == one {
        other = zone(original, random);
    }
    let at_one = index(original, one, random);
    let at_other = index(original, other, random);
    let mut owner = owner(original).await;
    transfer(&mut owner, (one, at_one), (one, ASIDE)).await;
    transfer(&mut owner, (other, at_other), (one, at_one)).await;
    transfer(&mut owner, (one, ASIDE), (other, at_other)).await;
    let mended = mended(random);
    owner.mend(one, mended).await;
    owner.mend(other, mended).await;
    owner.close().await;
    Done::all(vec![
        (one.to_owned(), at_one..=at_one),
        (other.to_owned(), at_other..=at_other),
    ])
}

async fn transfer(owner: &mut Owner<'_>, from: (&str, u64), to: (&str, u64)) {
    let sql = "UPDATE log_entries SET zone = $1, idx = $2 WHERE zone = $3 AND idx = $4";
    let values = [to.0.into(), to.1.into(), from.0.into(), from.1.into()];
    owner.change(sql, values).await;
}

pub(super) async fn reorder(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let size = original.image().logs[zone].size();
    let first = random.within(0..=size - 3);
    let last = random.within(first + 2..=(first + 30).min(size - 1));
    let before: Vec<_> = (first..=last).collect();
    let mut after = before.clone();
    while after == before {
        for place in (1..after.len()).rev() {
            after.swap(place, random.below(place + 1));
        }
    }
    let mut owner = owner(original).await;
    for index in &before {
        owner.renumber(zone, *index, ASIDE + index).await;
    }
    for (index, from) in before.iter().zip(&after) {
        owner.renumber(zone, ASIDE + from, *index).await;
    }
    owner.mend(zone, mended(random)).await;
    owner.close().await;
    let moved = before
        .iter()
        .zip(&after)
        .filter(|(index, from)| index != from);
    Done::all(
        moved
            .map(|(index, _)| (zone.to_owned(), *index..=*index))
            .collect(),
    )
}
