//! Single entries.

use caracal_audit::Record;
use caracal_mandate::event::Outcome;

use super::super::original::Original;
use super::super::owner::{Mended, Value};
use super::super::random::Random;
use super::{Done, index, mended, owner, zone};

pub(super) async fn flip_body(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let index = index(original, zone, random);
    let mut owner = owner(original).await;
    let mut body = owner.image.logs[zone].body(index).to_vec();
    flip(&mut body, random);
    let sql = "UPDATE log_entries SET body = $1 WHERE zone = $2 AND idx = $3";
    owner
        .change(sql, [body.into(), zone.into(), index.into()])
        .await;
    owner.close().await;
    Done::entries(zone, index..=index)
}

pub(super) async fn flip_hash(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let index = index(original, zone, random);
    let mut owner = owner(original).await;
    let body = owner.image.logs[zone].body(index);
    let mut hash = caracal_audit::Hash::leaf(body).0.to_vec();
    flip(&mut hash, random);
    let sql = "UPDATE log_entries SET leaf_hash = $1 WHERE zone = $2 AND idx = $3";
    owner
        .change(sql, [hash.into(), zone.into(), index.into()])
        .await;
    owner.close().await;
    Done::entries(zone, index..=index)
}

pub(super) fn flip(bytes: &mut [u8], random: &mut Random) {
    let at = random.below(bytes.len());
    bytes[at] ^= 1 << random.below(8);
}

pub(super) async fn column(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let index = index(original, zone, random);
    let mut owner = owner(original).await;
    let change = random.one(&[
        "recorded_ms = recorded_ms + 1",
        "seq = seq + 100000",
        "emitter_id = 99",
        "request_id = 'req-other'",
        "request_key = COALESCE(request_key, 0) + 1",
        "mandate = 'mdt-other'",
        "mandate_key = COALESCE(mandate_key, 0) + 1",
        "application = NULL",
        "resource = 'https://other.internal'",
        "outcome = CASE outcome WHEN 'allow' THEN 'deny' ELSE 'allow' END",
        "reason = COALESCE(reason, '') || 'x'",
    ]);
    let sql = format!("UPDATE log_entries SET {change} WHERE zone = $1 AND idx = $2");
    owner.change(&sql, [zone.into(), index.into()]).await;
    owner.close().await;
    Done::entries(zone, index..=index)
}

pub(super) async fn rewrite(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let index = index(original, zone, random);
    let mut owner = owner(original).await;
    let mut record = Record::from_canonical(owner.image.logs[zone].body(index)).unwrap();
    edit(&mut record, random);
    owner.write(zone, index, &record).await;
    owner.mend(zone, mended(random)).await;
    owner.close().await;
    Done::entries(zone, index..=index)
}

/// Makes it another record, which the ledger could have taken just as well.
pub(super) fn edit(record: &mut Record, random: &mut Random) {
    let event = &mut record.event;
    match random.below(6) {
        0 => event.path = Some("/accounts/0".to_owned()),
        1 => event.application = Some("payroll".to_owned()),
        2 => event.request_id = Some("req-other".to_owned()),
        3 => event.time_ms += 1,
        4 => record.recorded_ms += 1,
        _ => {
            event.reason = None;
            event.outcome = match event.outcome {
                Outcome::Allow => Outcome::Deny,
                Outcome::Deny => Outcome::Allow,
            };
        }
    }
}

pub(super) async fn delete(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let index = index(original, zone, random);
    let mut owner = owner(original).await;
    let sql = "DELETE FROM log_entries WHERE zone = $1 AND idx = $2";
    owner.change(sql, [zone.into(), index.into()]).await;
    owner.close().await;
    Done::entries(zone, index..=index)
}

pub(super) async fn delete_and_renumber(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let index = index(original, zone, random);
    let mut owner = owner(original).await;
    let sql = "DELETE FROM log_entries WHERE zone = $1 AND idx = $2";
    owner.change(sql, [zone.into(), index.into()]).await;
    owner.shift(zone, index + 1, -1).await;
    owner.mend(zone, mended(random)).await;
    owner.close().await;
    Done::entries(zone, index..=original.image().logs[zone].size() - 1)
}

pub(super) async fn insert(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let index = index(original, zone, random);
    let mut owner = owner(original).await;
    owner.shift(zone, index, 1).await;
    forge(&mut owner, zone, index, random).await;
    owner.mend(zone, mended(random)).await;
    owner.close().await;
    // The last one of them now lies behind what was signed.
    Done::entries(zone, index..=original.image().logs[zone].size() - 1)
}

pub(super) async fn append(original: &Original, random: &mut Random) -> Done {
    let zone = zone(original, random);
    let index = original.image().logs[zone].size();
    let mut owner = owner(original).await;
    forge(&mut owner, zone, index, random).await;
    owner.mend(zone, Mended::State).await;
    owner.close().await;
    Done::entries(zone, index..=index)
}

/// Writes an entry that nobody handed in, by a new run of an emitter so that no number is missing.
async fn forge(
    owner: &mut super::super::owner::Owner<'_>,
    zone: &str,
    index: u64,
    random: &mut Random,
) {
    let log = &owner.image.logs[zone];
    let like = random.within(0..=log.size() - 1);
    let mut record = Record::from_canonical(log.body(like)).unwrap();
    "forged".clone_into(&mut record.event.emitter.boot);
    record.event.emitter.seq = 1;
    let emitter = &record.event.emitter;
    let sql = "INSERT INTO emitters (id, peer, emitter, boot) VALUES (77, $1, $2, $3)";
    let texts = [&record.peer, &emitter.name, &emitter.boot].map(|text| Value::from(text.as_str()));
    owner.change(sql, texts).await;
    let sql = "INSERT INTO log_entries \
        (zone, idx, emitter_id, seq, recorded_ms, outcome, leaf_hash, body) \
        VALUES ($1, $2, 77, 1, 0, '', $3, $3)";
    owner
        .change(sql, [zone.into(), index.into(), Vec::new().into()])
        .await;
    owner.write(zone, index, &record).await;
}
