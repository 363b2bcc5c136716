use FindingKind::{Body, Checkpoint, Column, Index, LeafHash, Missing, Root, State, Unreadable};

use super::*;

/// What is done, and what has to be found: the kind, and the entries of `a`.
type Case = (&'static str, &'static str, FindingKind, u64, u64);

const CASES: [Case; 18] = [
    (
        "a body is changed",
        "UPDATE log_entries SET body = (SELECT body FROM log_entries WHERE zone = 'a' AND idx = 7) \
         WHERE zone = 'a' AND idx = 6",
        Body,
        6,
        6,
    ),
    (
        "a leaf hash is changed",
        "UPDATE log_entries SET leaf_hash = \
         (SELECT leaf_hash FROM log_entries WHERE zone = 'a' AND idx = 7) \
         WHERE zone = 'a' AND idx = 6",
        LeafHash,
        6,
        6,
    ),
    (
        "body and leaf hash are changed",
        "UPDATE log_entries SET \
         body = (SELECT body FROM log_entries WHERE zone = 'a' AND idx = 17), \
         leaf_hash = (SELECT leaf_hash FROM log_entries WHERE zone = 'a' AND idx = 17) \
         WHERE zone = 'a' AND idx = 16",
        Root,
        10,
        19,
    ),
    (
        "what is searched is changed",
        "UPDATE log_entries SET application = 'other' WHERE zone = 'a' AND idx = 3",
        Column,
        3,
        3,
    ),
    (
        "what is searched is emptied",
        "UPDATE log_entries SET resource = NULL WHERE zone = 'a' AND idx = 19",
        Column,
        19,
        19,
    ),
    (
        "an entry is given to another emitter",
        "INSERT INTO emitters (id, peer, emitter, boot) VALUES (99, 'p', 'e', 'b'); \
         UPDATE log_entries SET emitter_id = 99 WHERE zone = 'a' AND idx = 4",
        Column,
        4,
        4,
    ),
    (
        "an entry is deleted",
        "DELETE FROM log_entries WHERE zone = 'a' AND idx = 5",
        Missing,
        5,
        5,
    ),
    (
        "the first entries are deleted",
        "DELETE FROM log_entries WHERE zone = 'a' AND idx < 12",
        Missing,
        0,
        11,
    ),
    (
        "the last entries are deleted",
        "DELETE FROM log_entries WHERE zone = 'a' AND idx > 17",
        Missing,
        18,
        19,
    ),
    (
        "two entries are swapped",
        "UPDATE log_entries SET idx = 100 WHERE zone = 'a' AND idx = 12; \
         UPDATE log_entries SET idx = 12 WHERE zone = 'a' AND idx = 13; \
         UPDATE log_entries SET idx = 13 WHERE zone = 'a' AND idx = 100",
        Root,
        10,
        19,
    ),
    (
        "an entry is taken out of the way",
        "UPDATE log_entries SET idx = -1 WHERE zone = 'a' AND idx = 8",
        Missing,
        8,
        8,
    ),
    (
        "the note of a checkpoint is changed",
        "UPDATE checkpoints SET note = upper(note) WHERE zone = 'a' AND size = 10",
        Checkpoint,
        0,
        9,
    ),
    (
        "a checkpoint has the note of another",
        "UPDATE checkpoints SET \
         note = (SELECT note FROM checkpoints WHERE zone = 'a' AND size = 10) \
         WHERE zone = 'a' AND size = 20",
        Checkpoint,
        10,
        19,
    ),
    (
        "the frontier beside a checkpoint is changed",
        "UPDATE checkpoints SET frontier = leaf_hash FROM log_entries AS one \
         WHERE one.zone = 'a' AND one.idx = 0 AND checkpoints.zone = 'a' AND size = 20",
        Checkpoint,
        10,
        19,
    ),
    (
        "a checkpoint is deleted",
        "DELETE FROM checkpoints WHERE zone = 'a' AND size = 10",
        Checkpoint,
        0,
        19,
    ),
    (
        "the newest checkpoint is deleted",
        "DELETE FROM checkpoints WHERE zone = 'a' AND size = 20",
        Checkpoint,
        10,
        19,
    ),
    (
        "the root of the log's own state is changed",
        "UPDATE log_state SET root = leaf_hash FROM log_entries AS one \
         WHERE one.zone = 'a' AND one.idx = 0 AND log_state.zone = 'a'",
        State,
        0,
        0,
    ),
    (
        "an entry is appended that the log does not count",
        "UPDATE log_entries SET zone = 'a', idx = 20 WHERE zone = 'b' AND idx = 9",
        State,
        20,
        20,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_damage_is_found_within_a_pass_and_named() {
    for site in Site::both().await {
        site.history().await;
        let saved = Saved::of(&site).await;
        for (what, statements, kind, first, last) in CASES {
            let ledger = site.open().await;
            let mut check = site.checker(&ledger);
            check.finds_nothing().await;
            site.sql(statements).await;
            let found = check.steps().await;
            let named = found.iter().any(|one| {
                let (from, to) = (one.first.unwrap_or(first), one.last.unwrap_or(last));
                one.kind == kind && one.zone == "a" && (from, to) == (first, last)
            });
            assert!(named, "{what}: {:?}", about(&found));
            let reasons = check.status().reasons();
            assert!(reasons[0].contains(r#"zone "a""#), "{reasons:?}");
            drop(check);
            ledger.close().await;
            saved.put_back(&site).await;
        }
    }
}

/// The tables as they were.
struct Saved;

const TABLES: [&str; 4] = ["log_entries", "checkpoints", "emitters", "log_state"];

impl Saved {
    async fn of(site: &Site) -> Self {
        for table in TABLES {
            site.sql(&format!(
                "CREATE TABLE saved_{table} AS SELECT * FROM {table}"
            ))
            .await;
        }
        Self
    }

    async fn put_back(&self, site: &Site) {
        for table in TABLES {
            site.sql(&format!(
                "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved_{table}"
            ))
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_entries_are_looked_at_first_and_need_no_checkpoint_to_be_judged() {
    for site in Site::both().await {
        site.history().await;
        let ledger = site.open().await;
        let mut check = site.checker(&ledger);
        // The look of its beginning.
        check.0.step(false).await;
        ledger.append(submissions("a", 21..=25)).await.unwrap();
        site.sql(
            "UPDATE log_entries SET \
             body = (SELECT body FROM log_entries WHERE zone = 'a' AND idx = 3), \
             leaf_hash = (SELECT leaf_hash FROM log_entries WHERE zone = 'a' AND idx = 3) \
             WHERE zone = 'a' AND idx = 22",
        )
        .await;
        check.0.step(false).await;
        let found = check.status().findings;
        assert_eq!(about(&found)[0].1, "a");
        let (first, last) = (found[0].first.unwrap(), found[0].last.unwrap());
        assert!(
            (20..=22).contains(&first) && (22..=24).contains(&last),
            "{found:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_is_remembered_until_a_later_pass_does_not_find_it() {
    let site = Site::sqlite();
    site.history().await;
    let ledger = site.open().await;
    let mut check = site.checker(&ledger);
    check.finds_nothing().await;
    site.sql("UPDATE log_entries SET outcome = 'never' WHERE zone = 'a' AND idx = 3")
        .await;
    assert_eq!(
        about(&check.steps().await),
        [(Column, "a", Some(3), Some(3))]
    );
    site.sql("UPDATE log_entries SET outcome = 'deny' WHERE zone = 'a' AND idx = 3")
        .await;
    for _ in 0..3 {
        check.0.step(false).await;
    }
    assert!(!check.status().is_intact());
    assert!(check.steps().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_without_end_are_counted_and_not_kept() {
    let site = Site::sqlite();
    let ledger = site.open().await;
    ledger.append(submissions("a", 1..=300)).await.unwrap();
    ledger.close().await;
    site.sql("UPDATE log_entries SET application = 'other'")
        .await;
    let ledger = site.open().await;
    let mut check = site.checker(&ledger);
    let found = check.steps().await;
    let status = check.status();
    assert_eq!(found.len(), 100);
    assert_eq!(status.more, 200);
    assert_eq!(found[0].kind, Column);
    let reasons = status.reasons();
    assert_eq!(reasons.len(), 12);
    assert!(reasons[10].contains("290 times more"), "{}", reasons[10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_none_and_a_table_that_is_gone_are_found() {
    for site in Site::both().await {
        site.history().await;
        let ledger = site.open().await;
        let mut check = site.checker(&ledger);
        check.finds_nothing().await;
        site.sql("UPDATE log_entries SET idx = -1 WHERE zone = 'b' AND idx = 8")
            .await;
        let found = check.steps().await;
        assert!(
            about(&found).contains(&(Index, "b", None, None)),
            "{found:?}"
        );
        site.sql("ALTER TABLE log_entries RENAME TO elsewhere")
            .await;
        let found = check.steps().await;
        assert!(found.iter().any(|one| one.kind == Unreadable), "{found:?}");
        assert!(check.status().unreadable.is_none() || !check.status().is_intact());
    }
}
