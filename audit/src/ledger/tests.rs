use caracal_mandate::event::{EVENT_VERSION, Event, Outcome};

use super::*;
use crate::testing::{Place, issue, submission, submissions};
use crate::verify::Severity;

mod proofs;
mod replicas;
mod witnessed;

fn indexes(positions: &[Position]) -> Vec<u64> {
    positions.iter().map(|position| position.index).collect()
}

#[tokio::test]
async fn events_get_consecutive_indexes_in_their_own_zone() {
    let place = Place::new();
    let ledger = place.open().await;
    let first = ledger.append(submissions("a", 1..=3)).await.unwrap();
    let mixed = vec![submission("b", 1), submission("a", 4)];
    let second = ledger.append(mixed).await.unwrap();
    assert_eq!(indexes(&first), [0, 1, 2]);
    assert_eq!(indexes(&second), [0, 3]);
    ledger.close().await;
    assert_eq!(place.verify(None).worst(), None);
}

#[tokio::test]
async fn a_duplicate_is_acknowledged_at_its_first_place() {
    let place = Place::new();
    let ledger = place.open().await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    let again = vec![submission("a", 2), submission("a", 4), submission("a", 4)];
    assert_eq!(indexes(&ledger.append(again).await.unwrap()), [1, 3, 3]);
}

#[tokio::test]
async fn a_number_that_is_used_for_another_event_is_refused_alone() {
    let place = Place::new();
    let ledger = place.open().await;
    ledger.append(submissions("a", 1..=2)).await.unwrap();
    let mut other = submission("a", 2);
    other.event.path = Some("/other".to_owned());
    let (refused, taken) = tokio::join!(
        ledger.append(vec![submission("a", 3), other]),
        ledger.append(vec![submission("b", 1)]),
    );
    let rejection = Rejection::Conflict {
        zone: "a".to_owned(),
        index: 1,
    };
    assert!(
        matches!(refused, Err(AppendError::Rejected { index: 1, rejection: r }) if r == rejection)
    );
    assert_eq!(indexes(&taken.unwrap()), [0]);
    // Nothing of the refused call was taken.
    assert_eq!(
        indexes(&ledger.append(vec![submission("a", 3)]).await.unwrap()),
        [2]
    );
}

#[tokio::test]
async fn unfit_events_are_refused_before_sequencing() {
    let place = Place::new();
    let ledger = place.open().await;
    let mut long = submission("a", 1);
    long.event.detail = Some("x".repeat(9000));
    let mut version = submission("a", 1);
    version.event.v = EVENT_VERSION + 1;
    let mut nobody = submission("a", 1);
    nobody.peer.clear();
    for (unfit, expected) in [
        (version, Rejection::Version(EVENT_VERSION + 1)),
        (submission("", 1), Rejection::Zone),
        (submission("a b", 1), Rejection::Zone),
        (submission("a", 0), Rejection::Number),
        (submission("a", 1 << 53), Rejection::Number),
        (nobody, Rejection::Peer),
    ] {
        let result = ledger.append(vec![submission("a", 7), unfit]).await;
        assert!(
            matches!(result, Err(AppendError::Rejected { index: 1, ref rejection }) if *rejection == expected),
            "{result:?}"
        );
    }
    let result = ledger.append(vec![long]).await;
    assert!(matches!(
        result,
        Err(AppendError::Rejected {
            rejection: Rejection::TooLong(_),
            ..
        })
    ));
    assert_eq!(ledger.list(query("a")).await.unwrap(), []);
}

#[tokio::test]
async fn a_full_queue_pushes_back_and_an_oversized_call_is_refused() {
    let place = Place::new();
    let ledger = place.open().await;
    let all = u32::try_from(QUEUE_LIMIT).unwrap();
    let full = Arc::clone(&ledger.permits)
        .acquire_many_owned(all)
        .await
        .unwrap();
    let refused = ledger.append(submissions("a", 1..=1)).await;
    assert!(matches!(refused, Err(AppendError::Overloaded)));
    drop(full);
    let refused = ledger.append(submissions("a", 1..=1025)).await;
    assert!(matches!(refused, Err(AppendError::BatchTooLarge(1025))));
    assert!(ledger.append(submissions("a", 1..=1024)).await.is_ok());
}

#[tokio::test]
async fn a_failed_write_acknowledges_nothing_and_leaves_the_tree_as_it_was() {
    let place = Place::new();
    let ledger = place.open().await;
    ledger.append(submissions("a", 1..=3)).await.unwrap();
    place
        .sql(
            "CREATE TRIGGER fault BEFORE INSERT ON log_entries WHEN NEW.seq = 5 \
              BEGIN SELECT RAISE(ABORT, 'disk'); END",
        )
        .await;
    let failed = ledger.append(submissions("a", 4..=6)).await;
    assert!(matches!(failed, Err(AppendError::Storage(_))));
    let failed = ledger.append(submissions("b", 5..=5)).await;
    assert!(matches!(failed, Err(AppendError::Storage(_))));
    place.sql("DROP TRIGGER fault").await;
    assert_eq!(
        indexes(&ledger.append(submissions("a", 4..=6)).await.unwrap()),
        [3, 4, 5]
    );
    ledger.append(submissions("b", 1..=1)).await.unwrap();
    ledger.close().await;
    assert_eq!(place.verify(None).worst(), None);
}

#[tokio::test]
async fn closing_publishes_and_refuses_what_comes_after() {
    let place = Place::new();
    let ledger = place.open().await;
    let other = ledger.clone();
    ledger.append(submissions("a", 1..=5)).await.unwrap();
    let verifier = crate::CheckpointVerifier::from_text(&ledger.verifier_key()).unwrap();
    ledger.close().await;
    assert!(matches!(
        other.append(submissions("a", 6..=6)).await,
        Err(AppendError::Stopped)
    ));
    let again = place.open().await;
    let note = again.checkpoint("a").await.unwrap().unwrap();
    assert_eq!(
        verifier.for_zone("a").open_checkpoint(&note).unwrap().size,
        5
    );
    assert_eq!(again.checkpoint("b").await.unwrap(), None);
    assert_eq!(
        indexes(&again.append(submissions("a", 6..=6)).await.unwrap()),
        [5]
    );
}

#[tokio::test]
async fn a_growing_log_is_published_while_it_runs() {
    let place = Place::new();
    let ledger = place.open().await;
    ledger.append(submissions("a", 1..=5)).await.unwrap();
    let published = async {
        while ledger.checkpoint("a").await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), published)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_log_that_contradicts_its_checkpoint_is_not_opened() {
    let statements = [
        (
            "DELETE FROM log_entries WHERE idx >= 7",
            "has 7 entries, but 10 were signed",
        ),
        (
            "UPDATE log_state SET size = 8, frontier = zeroblob(32)",
            "has 8 entries, but 10 were signed",
        ),
        (
            "UPDATE log_state SET root = zeroblob(32)",
            "with 10 entries differs",
        ),
        (
            "UPDATE checkpoints SET frontier = zeroblob(64)",
            "with 10 entries differs",
        ),
        ("DELETE FROM checkpoints", "newest checkpoint has size 0"),
        (
            "UPDATE checkpoints SET note = replace(note, '10', '11')",
            "does not hold",
        ),
    ];
    for (statement, expected) in statements {
        let place = Place::new();
        let ledger = place.open().await;
        ledger.append(submissions("a", 1..=10)).await.unwrap();
        ledger.close().await;
        place.sql(statement).await;
        let error = place.try_open().await.err().unwrap().to_string();
        assert!(
            error.contains("zone \"a\"") && error.contains(expected),
            "{statement}: {error}"
        );
    }
}

fn query(zone: &str) -> ListQuery {
    ListQuery {
        zone: zone.to_owned(),
        ..ListQuery::default()
    }
}

async fn listed(ledger: &Ledger, query: ListQuery) -> Vec<u64> {
    ledger
        .list(query)
        .await
        .unwrap()
        .iter()
        .map(|entry| entry.index)
        .collect()
}

#[tokio::test]
async fn listing_is_newest_first_filtered_and_paged() {
    let place = Place::new();
    let ledger = place.open().await;
    ledger.append(submissions("a", 1..=6)).await.unwrap();
    ledger.append(submissions("b", 1..=1)).await.unwrap();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(listed(&ledger, query("a")).await, [5, 4, 3, 2, 1, 0]);
    let page = ListQuery {
        before: Some(4),
        limit: 2,
        ..query("a")
    };
    assert_eq!(listed(&ledger, page).await, [3, 2]);
    let request = ListQuery {
        request_id: some("req-a-3"),
        ..query("a")
    };
    assert_eq!(listed(&ledger, request).await, [2]);
    let denied = ListQuery {
        outcome: Some(Outcome::Deny),
        ..query("a")
    };
    assert_eq!(listed(&ledger, denied).await, [5, 3, 1]);
    let reason = ListQuery {
        reason_prefix: some("invalid_mandate"),
        ..query("a")
    };
    assert_eq!(listed(&ledger, reason).await, [5, 3, 1]);
    for nothing in [
        ListQuery {
            reason_prefix: some("%"),
            ..query("a")
        },
        ListQuery {
            application: some("x"),
            ..query("a")
        },
        ListQuery {
            resource: some("x"),
            ..query("a")
        },
    ] {
        assert!(listed(&ledger, nothing).await.is_empty());
    }
    let entry = ledger.list(query("b")).await.unwrap().remove(0);
    assert_eq!(entry.record.unwrap().event, crate::testing::event("b", 1));
}

#[tokio::test]
async fn a_mandate_leads_to_the_exchange_that_issued_it_and_told_its_chain() {
    let place = Place::new();
    let ledger = place.open().await;
    let entry = |seq, change: fn(&mut Event)| {
        let mut entry = issue("a", seq, "mdt_1");
        change(&mut entry.event);
        entry
    };
    let entries = vec![
        entry(1, |event| event.chain = None),
        entry(2, |event| event.request_id = Some("r".to_owned())),
        entry(3, |event| event.outcome = Outcome::Deny),
        entry(4, |event| event.mandate = Some("mdt_2".to_owned())),
    ];
    ledger.append(entries).await.unwrap();
    let issued = |mandate: &str| ListQuery {
        issued: Some(mandate.to_owned()),
        ..query("a")
    };
    assert_eq!(listed(&ledger, issued("mdt_1")).await, [1]);
    assert_eq!(listed(&ledger, issued("mdt_2")).await, [3]);
    assert!(listed(&ledger, issued("mdt_3")).await.is_empty());
    for (request, found) in [("r", &[1][..]), ("other", &[])] {
        let both = ListQuery {
            request_id: Some(request.to_owned()),
            ..issued("mdt_1")
        };
        assert_eq!(listed(&ledger, both).await, found);
    }
    place
        .sql(
            "UPDATE log_entries SET idx = 65536, mandate_key = mandate_key + (2 << 32) WHERE idx = 1; \
              UPDATE log_state SET size = 65540",
        )
        .await;
    assert_eq!(listed(&ledger, issued("mdt_1")).await, [65536]);
}

#[tokio::test]
async fn a_request_is_found_wherever_in_a_long_log_it_stands() {
    let place = Place::new();
    let ledger = place.open().await;
    let entries = (1..=4).map(|seq| {
        let mut entry = submission("a", seq);
        entry.event.request_id = Some("same".to_owned());
        entry
    });
    ledger.append(entries.collect()).await.unwrap();
    // As if two of them stood in the second and in the third segment of the index.
    place
        .sql(
            "UPDATE log_entries SET idx = 32768, request_key = request_key + (1 << 32) WHERE idx = 2; \
              UPDATE log_entries SET idx = 98303, request_key = request_key + (2 << 32) WHERE idx = 3; \
              UPDATE log_state SET size = 98304",
        )
        .await;
    let same = ListQuery {
        request_id: Some("same".to_owned()),
        ..query("a")
    };
    assert_eq!(listed(&ledger, same.clone()).await, [98303, 32768, 1, 0]);
    let page = ListQuery {
        before: Some(32769),
        limit: 2,
        ..same.clone()
    };
    assert_eq!(listed(&ledger, page).await, [32768, 1]);
    let elsewhere = ListQuery {
        zone: "b".to_owned(),
        ..same
    };
    assert!(listed(&ledger, elsewhere).await.is_empty());
}

#[tokio::test]
async fn an_emitter_whose_first_event_failed_to_be_written_starts_again() {
    let place = Place::new();
    let ledger = place.open().await;
    place
        .sql(
            "CREATE TRIGGER fault BEFORE INSERT ON log_entries WHEN NEW.seq = 2 \
              BEGIN SELECT RAISE(ABORT, 'disk'); END",
        )
        .await;
    let failed = ledger.append(submissions("a", 1..=2)).await;
    assert!(matches!(failed, Err(AppendError::Storage(_))));
    place.sql("DROP TRIGGER fault").await;
    // The id that the failed transaction gave goes to another emitter.
    ledger.append(submissions("b", 1..=2)).await.unwrap();
    ledger.append(submissions("a", 1..=2)).await.unwrap();
    let again = ledger.append(submissions("a", 2..=3)).await.unwrap();
    assert_eq!(indexes(&again), [1, 2]);
    ledger.close().await;
    assert_eq!(place.verify(None).worst(), None);
}

#[tokio::test]
async fn a_running_ledger_verifies_with_notices_at_most() {
    let place = Place::new();
    let ledger = place.open().await;
    ledger.append(submissions("a", 1..=50)).await.unwrap();
    let report = place.verify(None);
    assert!(report.worst() <= Some(Severity::Notice), "{report:?}");
    assert_eq!(report.zones[0].entries, 50);
}
