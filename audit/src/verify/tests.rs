use super::*;
use crate::testing::{Place, issue, submission, submissions};

/// Two checkpoints, for 10 and 20 entries of zone `a`, and one for 5 of zone `b`.
async fn place() -> Place {
    let place = Place::new();
    let ledger = place.open().await;
    ledger.append(submissions("a", 1..=10)).await.unwrap();
    ledger.append(submissions("b", 1..=5)).await.unwrap();
    ledger.close().await;
    let ledger = place.open().await;
    ledger.append(submissions("a", 11..=20)).await.unwrap();
    ledger.close().await;
    assert_eq!(place.verify(None).worst(), None);
    place
}

mod witnessed;

type Brief = (FindingKind, &'static str, Option<u64>, Option<u64>);

fn brief(finding: &Finding) -> (FindingKind, &str, Option<u64>, Option<u64>) {
    (
        finding.kind,
        finding.zone.as_str(),
        finding.first,
        finding.last,
    )
}

fn assert_findings(place: &Place, name: &str, expected: &[Brief]) -> Report {
    let report = place.verify(None);
    let texts: Vec<_> = report.all().map(ToString::to_string).collect();
    let found: Vec<_> = report.all().map(brief).collect();
    assert_eq!(found, expected, "{name}\n{texts:#?}");
    report
}

fn at(kind: FindingKind, index: u64) -> Brief {
    (kind, "a", Some(index), Some(index))
}

fn over(kind: FindingKind, first: u64, last: u64) -> Brief {
    (kind, "a", Some(first), Some(last))
}

#[tokio::test]
async fn every_manipulation_by_sql_is_named() {
    use FindingKind::{
        Body, Checkpoint, Column, EmitterGap, LeafHash, Missing, Root, State, Unsigned,
    };
    let cases: &[(&'static str, &[Brief])] = &[
        (
            "UPDATE log_entries SET body = replace(body, 'payout', 'payoff') WHERE zone = 'a' AND idx = 3",
            &[at(Body, 3)],
        ),
        (
            "UPDATE log_entries SET body = 'x', leaf_hash = leaf_hash WHERE zone = 'a' AND idx = 13",
            &[at(Body, 13)],
        ),
        (
            "UPDATE log_entries SET leaf_hash = zeroblob(32) WHERE zone = 'a' AND idx = 4",
            &[at(LeafHash, 4)],
        ),
        (
            "UPDATE log_entries SET leaf_hash = 7 WHERE zone = 'a' AND idx = 4",
            &[at(LeafHash, 4)],
        ),
        (
            "UPDATE log_entries SET application = 'other', request_id = NULL WHERE zone = 'a' AND idx = 5",
            &[at(Column, 5)],
        ),
        (
            "UPDATE log_entries SET outcome = x'ff' WHERE zone = 'a' AND idx = 5",
            &[at(Column, 5)],
        ),
        (
            "DELETE FROM log_entries WHERE zone = 'a' AND idx = 6",
            &[at(Missing, 6), over(Root, 0, 9), at(EmitterGap, 7)],
        ),
        (
            "DELETE FROM log_entries WHERE zone = 'a' AND idx BETWEEN 8 AND 11",
            &[
                over(Missing, 8, 11),
                over(Root, 0, 9),
                over(Root, 10, 19),
                at(EmitterGap, 12),
            ],
        ),
        (
            "DELETE FROM log_entries WHERE zone = 'a' AND idx >= 15",
            &[over(Missing, 15, 19), over(Root, 10, 14)],
        ),
        (
            "UPDATE log_entries SET idx = 100 WHERE zone = 'a' AND idx = 12;
             UPDATE log_entries SET idx = 12 WHERE zone = 'a' AND idx = 14;
             UPDATE log_entries SET idx = 14 WHERE zone = 'a' AND idx = 100",
            &[over(Root, 10, 19)],
        ),
        (
            "UPDATE log_entries SET idx = 9000000000000000000 WHERE zone = 'a' AND idx = 19",
            &[
                over(Missing, 19, 8_999_999_999_999_999_999),
                over(Root, 10, 19),
                // The key of its request is that of the segment where it stood.
                at(Column, 9_000_000_000_000_000_000),
                (State, "a", None, None),
                over(Unsigned, 20, 9_000_000_000_000_000_000),
            ],
        ),
        (
            "UPDATE checkpoints SET note = replace(note, '20', '21') WHERE size = 20",
            &[over(Checkpoint, 10, 19), over(Unsigned, 10, 19)],
        ),
        (
            "DELETE FROM checkpoints WHERE zone = 'a' AND size = 10",
            &[over(Checkpoint, 0, 19)],
        ),
        (
            "DELETE FROM checkpoints WHERE zone = 'a' AND size = 20",
            &[over(Checkpoint, 10, 19), over(Unsigned, 10, 19)],
        ),
        (
            "UPDATE checkpoints SET frontier = zeroblob(64) WHERE zone = 'a' AND size = 10",
            &[over(Checkpoint, 0, 9)],
        ),
        (
            "UPDATE log_state SET root = zeroblob(32) WHERE zone = 'a'",
            &[(State, "a", None, None)],
        ),
        (
            "UPDATE log_state SET size = 19, frontier = zeroblob(96) WHERE zone = 'a'",
            &[(State, "a", None, None)],
        ),
        (
            "DELETE FROM log_state WHERE zone = 'a'",
            &[(State, "a", None, None)],
        ),
    ];
    for (statement, expected) in cases {
        let place = place().await;
        place.sql(statement).await;
        let report = assert_findings(&place, statement, expected);
        assert!(!report.is_intact(), "{statement}");
    }
}

#[tokio::test]
async fn an_index_that_is_none_is_found_and_its_entry_missed() {
    let place = place().await;
    let statement = "UPDATE log_entries SET idx = -1 WHERE zone = 'a' AND idx = 19";
    place.sql(statement).await;
    let expected = [
        (FindingKind::Index, "a", None, None),
        at(FindingKind::Missing, 19),
        over(FindingKind::Root, 10, 18),
    ];
    assert_findings(&place, statement, &expected);
}

#[tokio::test]
async fn a_number_beside_the_body_that_says_something_else_is_named() {
    for statement in [
        "UPDATE log_entries SET recorded_ms = recorded_ms + 1 WHERE zone = 'a' AND idx = 19",
        "UPDATE log_entries SET request_key = request_key + 1 WHERE zone = 'a' AND idx = 19",
        "UPDATE log_entries SET request_key = NULL WHERE zone = 'a' AND idx = 19",
        "UPDATE log_entries SET emitter_id = 99 WHERE zone = 'a' AND idx = 19",
        "UPDATE log_entries SET emitter_id = x'ff' WHERE zone = 'a' AND idx = 19",
        // Where there is nothing in the body, and no value of the column's type beside it.
        "UPDATE log_entries SET mandate = x'ff' WHERE zone = 'a' AND idx = 19",
        "UPDATE log_entries SET mandate_key = x'ff' WHERE zone = 'a' AND idx = 19",
    ] {
        let place = place().await;
        place.sql(statement).await;
        assert_findings(&place, statement, &[at(FindingKind::Column, 19)]);
    }
}

#[tokio::test]
async fn an_entry_that_is_found_by_another_mandate_than_it_issued_is_named() {
    for (statement, index) in [
        ("UPDATE log_entries SET mandate = 'mdt_2' WHERE idx = 1", 1),
        (
            "UPDATE log_entries SET mandate = NULL, mandate_key = NULL WHERE idx = 1",
            1,
        ),
        (
            "UPDATE log_entries SET mandate_key = mandate_key + 1 WHERE idx = 1",
            1,
        ),
        ("UPDATE log_entries SET mandate = 'mdt_1' WHERE idx = 2", 2),
        ("UPDATE log_entries SET mandate_key = 7 WHERE idx = 2", 2),
    ] {
        let place = Place::new();
        let ledger = place.open().await;
        let entries = vec![
            submission("a", 1),
            issue("a", 2, "mdt_1"),
            submission("a", 3),
        ];
        ledger.append(entries).await.unwrap();
        ledger.close().await;
        assert_eq!(place.verify(None).worst(), None);
        place.sql(statement).await;
        assert_findings(&place, statement, &[at(FindingKind::Column, index)]);
    }
}

#[tokio::test]
async fn a_file_from_before_issues_were_found_by_mandate_is_verified_as_it_is() {
    let place = place().await;
    place
        .sql(
            "DROP INDEX log_entries_mandate; ALTER TABLE log_entries DROP COLUMN mandate; \
              ALTER TABLE log_entries DROP COLUMN mandate_key",
        )
        .await;
    assert_eq!(place.verify(None).worst(), None);
}

#[tokio::test]
async fn a_changed_emitter_is_named_at_each_of_its_entries() {
    for statement in [
        "UPDATE emitters SET peer = 'other' WHERE emitter = 'filter-b'",
        "UPDATE emitters SET emitter = 'other' WHERE emitter = 'filter-b'",
        "UPDATE emitters SET boot = x'ff' WHERE emitter = 'filter-b'",
        "DELETE FROM emitters WHERE emitter = 'filter-b'",
    ] {
        let place = place().await;
        place.sql(statement).await;
        let entry = |index| (FindingKind::Column, "b", Some(index), Some(index));
        let expected = [0, 1, 2, 3, 4].map(entry);
        assert_findings(&place, statement, &expected);
    }
}

#[tokio::test]
async fn an_emitter_with_two_ids_is_found_where_the_schema_no_longer_forbids_it() {
    let place = place().await;
    place
        .sql(
            "CREATE TABLE copy AS SELECT * FROM emitters; DROP TABLE emitters; \
              ALTER TABLE copy RENAME TO emitters; \
              INSERT INTO emitters SELECT 99, peer, emitter, boot FROM emitters WHERE id = 1",
        )
        .await;
    let kinds = [FindingKind::EmitterDuplicate, FindingKind::EmitterGap];
    let expected = kinds.map(|kind| (kind, "", None, None));
    assert_findings(&place, "two ids", &expected);
}

#[tokio::test]
async fn an_entry_that_was_removed_and_the_rest_renumbered_is_in_what_cannot_be_confirmed() {
    let place = place().await;
    place
        .sql(
            "DELETE FROM log_entries WHERE zone = 'a' AND idx = 12; \
              UPDATE log_entries SET idx = idx + 99 WHERE zone = 'a' AND idx > 12; \
              UPDATE log_entries SET idx = idx - 100 WHERE zone = 'a' AND idx > 99",
        )
        .await;
    let expected = [
        at(FindingKind::Missing, 19),
        over(FindingKind::Root, 10, 18),
        at(FindingKind::EmitterGap, 12),
    ];
    assert_findings(&place, "renumbered", &expected);
}

#[tokio::test]
async fn a_log_that_was_signed_twice_at_one_size_is_named_from_the_checkpoint_before() {
    let place = Place::new();
    let ledger = place.open().await;
    ledger.append(submissions("a", 1..=10)).await.unwrap();
    ledger.close().await;
    let older = std::fs::read(place.path()).unwrap();
    let ledger = place.open().await;
    ledger.append(submissions("a", 11..=20)).await.unwrap();
    ledger.close().await;
    let kept = place.open().await.checkpoint("a").await.unwrap().unwrap();
    for side in ["-wal", "-shm"] {
        let mut path = place.path().into_os_string();
        path.push(side);
        let _gone = std::fs::remove_file(path);
    }
    std::fs::write(place.path(), older).unwrap();
    let ledger = place.open().await;
    let other = (11..=20).map(|seq| issue("a", seq, "mdt_other"));
    ledger.append(other.collect()).await.unwrap();
    ledger.close().await;
    assert_eq!(place.verify(None).worst(), None);
    let report = place.verify(Some(&kept));
    let found: Vec<_> = report.all().map(brief).collect();
    assert_eq!(found, [over(FindingKind::Root, 10, 19)]);
}

#[tokio::test]
async fn a_consistently_rewritten_entry_is_narrowed_down_to_its_checkpoint() {
    let place = place().await;
    // Body and leaf hash exchanged for those of another true entry: each row is right in itself.
    place
        .sql(
            "UPDATE log_entries SET (body, leaf_hash, seq) = \
              (SELECT body, leaf_hash, 99 FROM log_entries WHERE zone = 'b' AND idx = 1) \
              WHERE zone = 'a' AND idx = 2",
        )
        .await;
    let report = place.verify(None);
    let found: Vec<_> = report.all().map(brief).collect();
    assert!(
        found.contains(&(FindingKind::Root, "a", Some(0), Some(9))),
        "{found:?}"
    );
    assert!(
        found.contains(&(FindingKind::Body, "a", Some(2), Some(2))),
        "{found:?}"
    );
    assert!(
        !found
            .iter()
            .any(|(kind, _, first, _)| *kind == FindingKind::Root && *first == Some(10))
    );
}

#[tokio::test]
async fn one_flipped_byte_of_the_file_is_named_by_entry_emitter_and_request() {
    let place = place().await;
    let original = std::fs::read(place.path()).unwrap();
    let needle = b"\"request_id\":\"req-a-13\"";
    // The last one: the first page of a table keeps, unused, what it held before the table outgrew it.
    let body = original
        .windows(needle.len())
        .rposition(|window| window == needle)
        .unwrap();
    // In a name, in the structure, and so that it is no UTF-8 any more.
    for (offset, mask) in [(16, 1), (0, 1), (16, 0x80)] {
        let mut bytes = original.clone();
        bytes[body + offset] ^= mask;
        std::fs::write(place.path(), bytes).unwrap();
        let report = assert_findings(&place, "flip", &[at(FindingKind::Body, 12)]);
        let finding = report.all().next().unwrap();
        assert_eq!(
            finding.emitter.as_ref().map(|emitter| emitter.seq),
            Some(13)
        );
        assert!(finding.request_id.is_some());
    }
}

#[tokio::test]
async fn any_flipped_byte_of_the_file_gives_a_report_or_an_error_and_no_panic() {
    let place = place().await;
    let original = std::fs::read(place.path()).unwrap();
    let key = place.signer().verifier().to_text();
    for offset in (0..original.len()).step_by(211) {
        let mut bytes = original.clone();
        bytes[offset] ^= 0x55;
        std::fs::write(place.path(), bytes).unwrap();
        let _any = verify(&place.path(), &key, None, |_| {});
    }
}

#[tokio::test]
async fn a_gap_of_an_emitter_is_a_gap_and_no_tampering() {
    let place = Place::new();
    let ledger = place.open().await;
    let late = vec![submission("a", 2), submission("a", 5), submission("a", 4)];
    ledger.append(late).await.unwrap();
    ledger.close().await;
    let gap = FindingKind::EmitterGap;
    let report = assert_findings(&place, "gap", &[at(gap, 0), at(gap, 2)]);
    assert_eq!(report.worst(), Some(Severity::Gap));
    assert!(report.is_intact());
    let text = report.all().nth(1).unwrap().to_string();
    assert!(text.contains("numbers 3 to 3 are missing"), "{text}");
}

#[tokio::test]
async fn a_repeated_number_is_found_where_the_schema_no_longer_forbids_it() {
    let place = place().await;
    place
        .sql(
            "CREATE TABLE copy AS SELECT * FROM log_entries; DROP TABLE log_entries; \
              ALTER TABLE copy RENAME TO log_entries; \
              INSERT INTO log_entries SELECT * FROM log_entries WHERE zone = 'a' AND idx = 3",
        )
        .await;
    let expected = [
        at(FindingKind::Index, 3),
        at(FindingKind::EmitterDuplicate, 3),
    ];
    assert_findings(&place, "repeat", &expected);
}

#[tokio::test]
async fn a_repeated_number_is_found_where_an_index_hides_it() {
    let place = place().await;
    place
        .sql(
            "CREATE TABLE copy AS SELECT * FROM log_entries; DROP TABLE log_entries; \
              ALTER TABLE copy RENAME TO log_entries; \
              INSERT INTO log_entries SELECT * FROM log_entries WHERE zone = 'a' AND idx = 3; \
              CREATE INDEX hides ON log_entries (emitter_id, seq) WHERE rowid < 26; \
              PRAGMA writable_schema = ON; \
              UPDATE sqlite_master SET sql = 'CREATE INDEX hides ON log_entries (emitter_id, seq)' \
              WHERE name = 'hides'",
        )
        .await;
    let expected = [
        at(FindingKind::Index, 3),
        (FindingKind::EmitterDuplicate, "", None, None),
        (FindingKind::Unreadable, "", None, None),
    ];
    assert_findings(&place, "hidden repeat", &expected);
}

#[tokio::test]
async fn an_older_copy_is_found_by_a_checkpoint_that_was_kept() {
    let place = Place::new();
    let ledger = place.open().await;
    ledger.append(submissions("a", 1..=10)).await.unwrap();
    ledger.close().await;
    let older = std::fs::read(place.path()).unwrap();
    let ledger = place.open().await;
    ledger.append(submissions("a", 11..=20)).await.unwrap();
    ledger.close().await;
    let kept = place.open().await.checkpoint("a").await.unwrap().unwrap();
    assert_eq!(place.verify(Some(&kept)).worst(), None);
    for side in ["-wal", "-shm"] {
        let mut path = place.path().into_os_string();
        path.push(side);
        let _gone = std::fs::remove_file(path);
    }
    std::fs::write(place.path(), older).unwrap();
    assert_eq!(place.verify(None).worst(), None);
    let report = place.verify(Some(&kept));
    let found: Vec<_> = report.all().map(brief).collect();
    assert_eq!(found, [over(FindingKind::Missing, 10, 19)]);
}

#[tokio::test]
async fn a_log_that_was_rewritten_and_signed_again_is_found_by_a_checkpoint_that_was_kept() {
    let place = place().await;
    let kept = place.open().await.checkpoint("a").await.unwrap().unwrap();
    for side in ["", "-wal", "-shm"] {
        let mut path = place.path().into_os_string();
        path.push(side);
        let _gone = std::fs::remove_file(path);
    }
    let ledger = place.open().await;
    ledger.append(submissions("a", 101..=130)).await.unwrap();
    ledger.close().await;
    let report = place.verify(Some(&kept));
    let found: Vec<_> = report.all().map(brief).collect();
    assert!(found.contains(&over(FindingKind::Root, 0, 19)), "{found:?}");
}

#[tokio::test]
async fn another_key_vouches_for_nothing() {
    let place = place().await;
    let other = Place::new().signer().verifier().to_text();
    let report = verify(&place.path(), &other, None, |_| {}).unwrap();
    assert!(
        report
            .all()
            .any(|finding| finding.kind == FindingKind::Checkpoint)
    );
    assert!(
        report
            .zones
            .iter()
            .all(|zone| zone.signed == 0 && zone.checkpoints == 0)
    );
}

#[tokio::test]
async fn progress_ends_at_the_size_of_each_zone() {
    let place = place().await;
    let mut seen = Vec::new();
    let key = place.signer().verifier().to_text();
    verify(&place.path(), &key, None, |step| {
        seen.push((step.zone, step.checked, step.total));
    })
    .unwrap();
    assert_eq!(seen, [("a".to_owned(), 20, 20), ("b".to_owned(), 5, 5)]);
}
