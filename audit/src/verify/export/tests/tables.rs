//! Formats in which more than the leaf stands in the file.

use super::*;
use crate::export::{Leaf, write_table};
use crate::merkle::Hash;
use crate::record::Record;

/// What is done to an entry.
type Change = fn(&mut Vec<u8>, &mut Hash, &mut Record);

/// Writes the table of a zone again, with each entry as `change` makes it: leaf, hash, and what the
/// columns are made of.
fn rewrite(
    folder: &Path,
    leaves: &[String],
    change: impl Fn(usize, &mut Vec<u8>, &mut Hash, &mut Record),
) {
    let path = folder.join("bank/entries.parquet");
    fs::remove_file(&path).unwrap();
    let rows = leaves.iter().enumerate().map(|(index, line)| {
        let mut bytes = line.trim_end().as_bytes().to_vec();
        let mut record = Record::from_canonical(&bytes).unwrap();
        let mut hash = Hash::leaf(&bytes);
        change(index, &mut bytes, &mut hash, &mut record);
        (bytes, hash, record)
    });
    let rows: Vec<_> = rows.collect();
    let leaves = rows
        .iter()
        .zip(0..)
        .map(|((bytes, hash, record), index)| Leaf {
            index,
            bytes,
            hash: *hash,
            record,
        });
    write_table(path, leaves).unwrap();
}

#[tokio::test]
async fn a_table_in_which_anything_was_changed_is_named_by_entry() {
    let exports = Exports::new().await;
    let plain = exports.export("plain", &Scope::All, Format::Jsonl).await;
    let leaves = lines(&plain.join("bank/entries.jsonl"));
    let folder = exports.export("table", &Scope::All, Format::Parquet).await;
    rewrite(&folder, &leaves, |_, _, _, _| {});
    assert_eq!(exports.verify(&folder, None).worst(), None);
    let changes: [(FindingKind, Change); 4] = [
        (FindingKind::Column, |_, _, record| {
            record.event.application = None;
        }),
        (FindingKind::Column, |_, _, record| record.recorded_ms += 1),
        (FindingKind::LeafHash, |_, hash, _| hash.0[31] ^= 1),
        (FindingKind::Body, |bytes, _, _| bytes[20] ^= 1),
    ];
    for (kind, change) in changes {
        for at in [0, 299, 300, 699] {
            rewrite(&folder, &leaves, |index, bytes, hash, record| {
                if index == at {
                    change(bytes, hash, record);
                }
            });
            let report = exports.verify(&folder, None);
            let at = u64::try_from(at).unwrap();
            let gap = |brief: &Brief| brief.0 != FindingKind::EmitterGap;
            let found: Vec<_> = briefs(&report).into_iter().filter(gap).collect();
            assert_eq!(found, [over(kind, at, at)], "{report:#?}");
        }
    }
}

#[tokio::test]
async fn a_table_of_any_bytes_is_refused_or_holds_what_was_recorded() {
    let exports = Exports::new().await;
    let folder = exports.export("table", &Scope::All, Format::Parquet).await;
    let file = folder.join("shop/entries.parquet");
    let whole = fs::read(&file).unwrap();
    let intact = exports.verify(&folder, None);
    // Statistics and the like may be changed: no value comes from them.
    for at in (0..whole.len()).step_by(whole.len() / 150) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&file, bytes).unwrap();
        let report = exports.verify(&folder, None);
        assert!(
            !report.is_intact() || report == intact,
            "byte {at}: {report:#?}"
        );
    }
    for end in [0, 3, 8, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..end]).unwrap();
        let report = exports.verify(&folder, None);
        assert!(!report.is_intact(), "cut at {end}");
    }
}

#[tokio::test]
async fn an_event_for_a_siem_says_what_its_leaf_says() {
    let exports = Exports::new().await;
    let folder = exports.export("events", &Scope::All, Format::Ocsf).await;
    let file = folder.join("bank/events.ocsf.jsonl");
    let original = lines(&file);
    for (from, to, kind) in [
        (
            r#""action":"Denied""#,
            r#""action":"Allowed""#,
            FindingKind::Column,
        ),
        (
            r#""activity_id""#,
            r#""activity_id":99,"activity_id""#,
            FindingKind::Column,
        ),
        (r#""sequence":"#, r#""sequence":1"#, FindingKind::Column),
        (r#""uid":"9"#, r#""uid":"8"#, FindingKind::LeafHash),
        (r#"\"seq\":"#, r#"\"seq\":1"#, FindingKind::Body),
    ] {
        let has = |line: &String| line.contains(from) && line.contains("Denied");
        let at = original.iter().position(has).unwrap();
        edit(&file, |all| all[at] = all[at].replacen(from, to, 1));
        let report = exports.verify(&folder, None);
        let at = u64::try_from(at).unwrap();
        assert!(
            briefs(&report).contains(&over(kind, at, at)),
            "{from}: {report:#?}"
        );
        assert!(
            !briefs(&report)
                .iter()
                .any(|brief| brief.0 == FindingKind::Root),
            "{report:#?}"
        );
        fs::write(&file, original.concat()).unwrap();
    }
    edit(&file, |all| all[9].insert(5, '\n'));
    assert!(!exports.verify(&folder, None).is_intact());
}
