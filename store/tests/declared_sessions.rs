//! Sessions that an administrator declares: one for each workload, taken over, kept alive.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a step that fails here fails its test"
)]

mod fixture;

use caracal_store::model::{Session, SessionState, SessionTerms};
use caracal_store::{CommitError, Committed, HeartbeatError};
use fixture::{Database, Fixture, NOW_S, child, name, refuses, session, spiffe};
use serde_json::{Value, json};

const NOW_MS: u64 = NOW_S * 1000;

fn declared(id: &str, terms: Value) -> Session {
    Session {
        id: id.to_owned(),
        application: name("payout"),
        holder: spiffe("payout"),
        opened_at: NOW_S,
        parent: None,
        terms: Some(serde_json::from_value::<SessionTerms>(terms).unwrap()),
    }
}

async fn declare(
    fixture: &Fixture,
    session: Session,
    takes_over: bool,
    key: Option<&str>,
) -> Result<Committed, CommitError> {
    let bank = name("bank");
    let store = &fixture.store;
    store
        .declare_session(&bank, session, takes_over, NOW_MS, key)
        .await
}

/// Declares a session for each number, all of them on tasks of their own.
async fn declare_at_once(
    fixture: &Fixture,
    numbers: std::ops::Range<u32>,
    takes_over: bool,
) -> Vec<Result<Committed, CommitError>> {
    let attempts: tokio::task::JoinSet<_> = numbers
        .map(|at| {
            let (store, bank) = (fixture.store.clone(), name("bank"));
            let session = declared(&format!("ses_{at}"), json!({}));
            async move {
                let declared = store.declare_session(&bank, session, takes_over, NOW_MS, None);
                declared.await
            }
        })
        .collect();
    attempts.join_all().await
}

async fn states(fixture: &Fixture, now_ms: u64) -> Vec<(String, SessionState)> {
    let sessions = fixture.store.sessions(&name("bank")).await.unwrap();
    let state = |one: &caracal_store::TrackedSession| one.state(now_ms, false);
    let mut all: Vec<_> = sessions
        .iter()
        .map(|one| (one.item.id.clone(), state(one)))
        .collect();
    all.reverse();
    all
}

async fn a_workload_is_in_one_session_at_a_time(database: Database) {
    use SessionState::{Active, Terminated};
    let fixture = Fixture::bank(database).await;
    fixture
        .commit(session("ses_0", "payout", "payout"))
        .await
        .unwrap();
    let refused = declare(&fixture, declared("ses_1", json!({})), false, None).await;
    assert!(matches!(refused, Err(CommitError::InSession(id)) if id == "ses_0"));
    declare(&fixture, declared("ses_1", json!({})), true, None)
        .await
        .unwrap();
    refuses(
        &fixture,
        session("ses_2", "payout", "payout"),
        "the workload is in session ses_1",
    )
    .await;
    // On behalf of another one it is in another place.
    fixture
        .commit(child("ses_3", "payout", "payout", "ses_1"))
        .await
        .unwrap();
    let expected = [("ses_0", Terminated), ("ses_1", Active), ("ses_3", Active)];
    let expected = expected.map(|(id, state)| (id.to_owned(), state));
    assert_eq!(states(&fixture, NOW_MS).await, expected);
    let revoked = fixture.store.revocations(&name("bank")).await.unwrap();
    let revoked: Vec<_> = revoked
        .iter()
        .map(|one| one.item.target.to_string())
        .collect();
    assert_eq!(revoked, ["session/ses_0"]);
}

async fn of_many_that_declare_at_once_one_wins(database: Database) {
    let fixture = Fixture::bank(database).await;
    let outcomes = declare_at_once(&fixture, 0..16, false).await;
    assert_eq!(outcomes.iter().filter(|one| one.is_ok()).count(), 1);
    let in_session = |one: &&Result<_, _>| matches!(one, Err(CommitError::InSession(_)));
    assert_eq!(outcomes.iter().filter(in_session).count(), 15);
    // With all of them taking over, each ends the one before, and one is left.
    let outcomes = declare_at_once(&fixture, 16..32, true).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let states = states(&fixture, NOW_MS).await;
    let active: Vec<_> = states
        .iter()
        .filter(|(_, state)| *state == SessionState::Active)
        .collect();
    assert_eq!(active, [states.last().unwrap()]);
}

async fn a_repeated_declaration_ends_nothing_and_another_under_its_key_is_refused(
    database: Database,
) {
    use SessionState::{Active, Terminated};
    let fixture = Fixture::bank(database).await;
    let first = declare(&fixture, declared("ses_1", json!({})), true, Some("k"));
    let first = first.await.unwrap();
    declare(&fixture, declared("ses_2", json!({})), true, None)
        .await
        .unwrap();
    // The answer was lost and the request is sent again, after another one took over.
    let mut again = declared("ses_1", json!({}));
    again.opened_at += 7;
    let again = declare(&fixture, again, true, Some("k")).await.unwrap();
    assert_eq!((again.seq, again.replayed), (first.seq, true));
    for (other, takes_over) in [
        (declared("ses_1", json!({"lease_s": 30})), true),
        (declared("ses_1", json!({"labels": {"a": "b"}})), true),
        (declared("ses_1", json!({})), false),
        (declared("ses_3", json!({})), true),
    ] {
        let refused = declare(&fixture, other, takes_over, Some("k")).await;
        assert!(matches!(refused, Err(CommitError::IdempotencyConflict)));
    }
    let expected = [("ses_1", Terminated), ("ses_2", Active)];
    let expected = expected.map(|(id, state)| (id.to_owned(), state));
    assert_eq!(states(&fixture, NOW_MS).await, expected);
}

async fn terms_that_cannot_hold_are_refused(database: Database) {
    let fixture = Fixture::bank(database).await;
    for (session, says) in [
        (
            declared("ses_1", json!({"lease_s": 4})),
            "5 to 3600 seconds",
        ),
        (
            declared("ses_1", json!({"lease_s": 3601})),
            "5 to 3600 seconds",
        ),
        (
            declared("ses_1", json!({"expires_at": NOW_S})),
            "over already",
        ),
        (declared("grt_1", json!({})), "ses_ and characters"),
        (
            Session {
                terms: None,
                ..declared("ses_1", json!({}))
            },
            "has terms",
        ),
        (
            Session {
                holder: spiffe("stranger"),
                ..declared("ses_1", json!({}))
            },
            "does not exist",
        ),
        (
            Session {
                parent: Some("ses_x".to_owned()),
                ..declared("ses_1", json!({}))
            },
            "session ses_x does not exist",
        ),
    ] {
        let refused = declare(&fixture, session, true, None).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
    assert_eq!(states(&fixture, NOW_MS).await, []);
}

async fn a_heartbeat_renews_what_is_alive_and_nothing_else(database: Database) {
    let fixture = Fixture::bank(database).await;
    let bank = name("bank");
    let terms = json!({"lease_s": 10, "expires_at": NOW_S + 60});
    let fence = declare(&fixture, declared("ses_1", terms), false, None);
    let fence = fence.await.unwrap().seq;
    let beat = async |id: &str, at_ms: u64| fixture.store.heartbeat(&bank, id, at_ms).await;
    let until = async || fixture.store.session_lease(&bank, "ses_1").await.unwrap();
    assert_eq!(until().await, Some(NOW_MS + 10_000));
    let alive = beat("ses_1", NOW_MS + 9_999).await.unwrap();
    assert_eq!((alive.until_ms, alive.fence), (NOW_MS + 19_999, fence));
    // A clock that is behind takes nothing back.
    let alive = beat("ses_1", NOW_MS).await.unwrap();
    assert_eq!(alive.until_ms, NOW_MS + 19_999);
    let late = beat("ses_1", NOW_MS + 19_999).await;
    assert!(matches!(late, Err(HeartbeatError::Expired(_))));
    assert_eq!(
        states(&fixture, NOW_MS + 19_998).await[0].1,
        SessionState::Active
    );
    assert_eq!(
        states(&fixture, NOW_MS + 19_999).await[0].1,
        SessionState::Expired
    );
    for at in [18, 27, 36, 45, 54].map(|second| NOW_MS + second * 1000) {
        let alive = beat("ses_1", at).await.unwrap();
        assert_eq!(
            alive.until_ms,
            NOW_MS.saturating_add(60_000).min(at + 10_000)
        );
    }
    let over = beat("ses_1", NOW_MS + 60_000).await;
    assert!(matches!(over, Err(HeartbeatError::Expired(_))));
    declare(&fixture, declared("ses_2", json!({})), true, None)
        .await
        .unwrap();
    let taken_over = beat("ses_1", NOW_MS + 1).await;
    assert!(matches!(taken_over, Err(HeartbeatError::Ended(_))));
    let unleased = beat("ses_2", NOW_MS + 1).await;
    assert!(matches!(unleased, Err(HeartbeatError::Unleased(_))));
    let unknown = beat("ses_3", NOW_MS + 1).await;
    assert!(matches!(unknown, Err(HeartbeatError::NotFound(_))));
    let elsewhere = name("other");
    let elsewhere = fixture.store.heartbeat(&elsewhere, "ses_1", NOW_MS).await;
    assert!(matches!(elsewhere, Err(HeartbeatError::NotFound(_))));
}

on_both_databases!(
    a_workload_is_in_one_session_at_a_time,
    of_many_that_declare_at_once_one_wins,
    a_repeated_declaration_ends_nothing_and_another_under_its_key_is_refused,
    terms_that_cannot_hold_are_refused,
    a_heartbeat_renews_what_is_alive_and_nothing_else,
);
