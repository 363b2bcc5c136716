//! The rows that say who an emitter is. What each of them touches are the emitter's entries.

use super::super::image::EmitterRow;
use super::super::original::Original;
use super::super::random::Random;
use super::{Done, Touched, owner};

fn emitter<'a>(original: &'a Original, random: &mut Random) -> &'a EmitterRow {
    random.one(&original.image().emitters)
}

pub(super) async fn edit(original: &Original, random: &mut Random) -> Done {
    let emitter = emitter(original, random);
    let mut owner = owner(original).await;
    let column = random.one(&["peer", "emitter", "boot"]);
    let sql = format!("UPDATE emitters SET {column} = {column} || 'x' WHERE id = $1");
    owner.change(&sql, [emitter.id.into()]).await;
    owner.close().await;
    Done::all(original.image().entries_of(emitter.id))
}

pub(super) async fn delete(original: &Original, random: &mut Random) -> Done {
    let emitter = emitter(original, random);
    let mut owner = owner(original).await;
    owner
        .change("DELETE FROM emitters WHERE id = $1", [emitter.id.into()])
        .await;
    owner.close().await;
    Done::all(original.image().entries_of(emitter.id))
}

pub(super) async fn swap(original: &Original, random: &mut Random) -> Done {
    let one = emitter(original, random);
    let mut other = emitter(original, random);
    while other.id == one.id {
        other = emitter(original, random);
    }
    let mut owner = owner(original).await;
    let sql = "UPDATE emitters SET emitter = $1 WHERE id = $2";
    // No two may have one name, not even for a moment.
    for (name, id) in [("", one.id), (&one.name, other.id), (&other.name, one.id)] {
        owner.change(sql, [name.into(), id.into()]).await;
    }
    owner.close().await;
    let entries = [one.id, other.id].map(|id| original.image().entries_of(id));
    Done::all(entries.concat())
}

pub(super) async fn insert(original: &Original, random: &mut Random) -> Done {
    let name = format!("filter-{}", random.within(100..=999));
    let mut owner = owner(original).await;
    let sql = "INSERT INTO emitters (id, peer, emitter, boot) VALUES (77, 'peer', $1, 'boot')";
    owner.change(sql, [name.as_str().into()]).await;
    owner.close().await;
    Done {
        touched: Touched::Emitter(name),
        kept: None,
    }
}
