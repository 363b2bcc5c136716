//! Another history from an index on.

use caracal_audit::{Checkpoint, CheckpointSigner, Record};

use super::super::original::Original;
use super::super::owner::{Mended, Owner};
use super::super::random::Random;
use super::entries::edit;
use super::logs::{kept, unsign};
use super::{Done, index, mended, owner, zone};

/// Makes every entry from an index on another one.
async fn rewrite_from(owner: &mut Owner<'_>, zone: &str, from: u64, random: &mut Random) {
    let log = &owner.image.logs[zone];
    for index in from..log.size() {
        let mut record = Record::from_canonical(log.body(index)).unwrap();
        edit(&mut record, random);
        owner.write(zone, index, &record).await;
    }
}

pub(super) async fn fork(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let from = index(original, zone, random);
    let mut owner = owner(original).await;
    rewrite_from(&mut owner, zone, from, random).await;
    owner.mend(zone, mended(random)).await;
    owner.close().await;
    Done::entries(zone, from..=original.image().logs[zone].size() - 1)
}

pub(super) async fn fork_with_another_key(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let from = index(original, zone, random);
    let mut owner = owner(original).await;
    rewrite_from(&mut owner, zone, from, random).await;
    owner.mend(zone, Mended::Frontiers).await;
    let trees = owner.trees(zone).await;
    let other = CheckpointSigner::generate("audit.example").unwrap();
    let under_the_true_id = random.percent(50);
    for checkpoint in &original.image().logs[zone].checkpoints {
        let size = checkpoint.size;
        if size <= from && random.percent(50) {
            continue;
        }
        let tree = &trees[usize::try_from(size).unwrap()];
        let (origin, root) = (other.origin(zone), tree.root());
        let mut note = other.sign(&Checkpoint { origin, size, root });
        if under_the_true_id {
            note = with_key_id_of(&checkpoint.note, &note);
        }
        let sql = "UPDATE checkpoints SET note = $1 WHERE zone = $2 AND size = $3";
        owner
            .change(sql, [note.as_str().into(), zone.into(), size.into()])
            .await;
    }
    owner.close().await;
    Done::entries(zone, from..=original.image().logs[zone].size() - 1)
}

/// The signature of the one, under the name and id of the key of the other.
fn with_key_id_of(note: &str, signed_by_another: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let blob = |note: &str| {
        let (before, blob) = note.trim_end().rsplit_once(' ').unwrap();
        (before.to_owned(), STANDARD.decode(blob).unwrap())
    };
    let (_, by) = blob(note);
    let (text, mut signature) = blob(signed_by_another);
    signature[..4].copy_from_slice(&by[..4]);
    format!("{text} {}\n", STANDARD.encode(signature))
}

pub(super) async fn fork_unsigned(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let from = index(original, zone, random);
    let mut owner = owner(original).await;
    rewrite_from(&mut owner, zone, from, random).await;
    owner.mend(zone, Mended::State).await;
    unsign(&mut owner, zone, from).await;
    owner.close().await;
    let kept = kept(&original.image().logs[zone], from, random);
    Done::entries(zone, from..=kept.size - 1).with(&kept.note)
}
