//! Which sessions are opened: whose, below which, and how many.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails its test")]

mod fixture;

use caracal_store::CommitError;
use caracal_store::testing::connect;
use fixture::crowd::{counted, counts, crowd};
use fixture::{Database, Fixture, application, child, grant, refuses, session, spiffe};

async fn a_session_belongs_to_a_workload_of_a_live_application(database: Database) {
    let fixture = Fixture::bank(database).await;
    let stranger = session("ses_1", "payout", "stranger");
    let message = format!("workload {} does not exist", spiffe("stranger"));
    refuses(&fixture, stranger, &message).await;
    fixture.revoke("application/payout").await.unwrap();
    let late = session("ses_1", "payout", "payout");
    refuses(&fixture, late, "application payout was revoked").await;
    let grant = grant("grt_2", "payout", "accounts", "accounts:read");
    refuses(&fixture, grant, "application payout was revoked").await;
    let again = application("again", &["payout"]);
    refuses(
        &fixture,
        again,
        "SPIFFE ID spiffe://corp.example/payout exists already",
    )
    .await;
}

async fn a_session_belongs_to_a_tree_of_bounded_size(database: Database) {
    let fixture = Fixture::bank(database).await;
    fixture
        .commit(session("ses_0", "payout", "payout"))
        .await
        .unwrap();
    for (above, depth) in (0..8).zip(1..) {
        let (id, parent) = (format!("ses_{depth}"), format!("ses_{above}"));
        fixture
            .commit(child(&id, "payout", "payout", &parent))
            .await
            .unwrap();
    }
    refuses(
        &fixture,
        child("ses_9", "payout", "payout", "ses_8"),
        "session ses_8 is 8 below its root, as deep as may be",
    )
    .await;
    refuses(
        &fixture,
        child("ses_9", "payout", "payout", "ses_unknown"),
        "session ses_unknown does not exist",
    )
    .await;
    for index in 1..1000 {
        let id = format!("ses_c{index}");
        fixture
            .commit(child(&id, "payout", "payout", "ses_0"))
            .await
            .unwrap();
    }
    refuses(
        &fixture,
        child("ses_one_more", "payout", "payout", "ses_0"),
        "session ses_0 has 1000 open sessions, as many as may be: end some",
    )
    .await;
    fixture.revoke("session/ses_c1").await.unwrap();
    fixture
        .commit(child("ses_one_more", "payout", "payout", "ses_0"))
        .await
        .unwrap();
}

async fn nothing_is_opened_below_what_has_ended(database: Database) {
    let fixture = Fixture::bank(database).await;
    for change in [
        session("ses_0", "payout", "payout"),
        child("ses_1", "payout", "payout", "ses_0"),
        child("ses_2", "payout", "payout", "ses_1"),
    ] {
        fixture.commit(change).await.unwrap();
    }
    fixture.revoke("session/ses_1").await.unwrap();
    for parent in ["ses_1", "ses_2"] {
        refuses(
            &fixture,
            child("ses_3", "payout", "payout", parent),
            "session ses_1 has ended, and all below it",
        )
        .await;
    }
    fixture
        .commit(child("ses_3", "payout", "payout", "ses_0"))
        .await
        .unwrap();
}

async fn what_is_below_ended_sessions_takes_no_room_for_long(database: Database) {
    let fixture = Fixture::bank(database).await;
    for change in [
        session("ses_0", "payout", "payout"),
        child("ses_1", "payout", "payout", "ses_0"),
    ] {
        fixture.commit(change).await.unwrap();
    }
    // All the room that an application has, below one session.
    crowd(&fixture.place, "payout", Some("ses_1"), 19_998).await;
    refuses(
        &fixture,
        session("ses_2", "payout", "payout"),
        "application payout has 20000 open sessions, as many as may be: end some",
    )
    .await;
    fixture.revoke("session/ses_0").await.unwrap();
    for id in ["ses_2", "ses_3"] {
        let opened = fixture.commit(session(id, "payout", "payout")).await;
        opened.unwrap();
    }
    assert_eq!(counts(&fixture.place).await, counted(&fixture.place).await);
}

async fn what_ends_with_the_session_of_another_application_is_counted_once(database: Database) {
    let fixture = Fixture::bank(database).await;
    for change in [
        application("worker", &["worker"]),
        session("ses_0", "payout", "payout"),
        child("ses_1", "worker", "worker", "ses_0"),
        child("ses_2", "worker", "worker", "ses_1"),
        child("ses_back", "payout", "payout", "ses_1"),
    ] {
        fixture.commit(change).await.unwrap();
    }
    crowd(&fixture.place, "payout", None, 19_999).await;
    for target in ["session/ses_1", "session/ses_1", "session/ses_0"] {
        fixture.revoke(target).await.unwrap();
    }
    for id in ["ses_3", "ses_4"] {
        let opened = fixture.commit(session(id, "payout", "payout")).await;
        assert_eq!(opened.is_ok(), id == "ses_3", "{opened:?}");
    }
    assert_eq!(counts(&fixture.place).await, counted(&fixture.place).await);
    // Noted as ended when there was no room, so it gave back what it had.
    fixture.revoke("session/ses_2").await.unwrap();
    assert_eq!(counts(&fixture.place).await, counted(&fixture.place).await);
}

async fn a_zone_has_room_for_fifty_thousand(database: Database) {
    let fixture = Fixture::bank(database).await;
    for name in ["a", "b", "c"] {
        fixture.commit(application(name, &[name])).await.unwrap();
    }
    for (name, number) in [("a", 20_000), ("b", 20_000), ("c", 9_999)] {
        crowd(&fixture.place, name, None, number).await;
    }
    fixture.commit(session("ses_0", "c", "c")).await.unwrap();
    refuses(
        &fixture,
        session("ses_1", "c", "c"),
        "zone bank has 50000 open sessions, as many as may be: end some",
    )
    .await;
    fixture.revoke("session/ses_0").await.unwrap();
    fixture.revoke("session/ses_0").await.unwrap();
    fixture.commit(session("ses_1", "c", "c")).await.unwrap();
    let full = fixture.commit(session("ses_2", "c", "c")).await;
    assert!(matches!(full, Err(CommitError::Limit(_))), "{full:?}");
    assert_eq!(counts(&fixture.place).await, counted(&fixture.place).await);
}

async fn a_count_that_is_too_high_refuses_nothing(database: Database) {
    let fixture = Fixture::bank(database).await;
    fixture
        .commit(session("ses_0", "payout", "payout"))
        .await
        .unwrap();
    fixture
        .commit(child("ses_1", "payout", "payout", "ses_0"))
        .await
        .unwrap();
    let mut connection = connect(&fixture.place).await.unwrap();
    sqlx::raw_sql("UPDATE session_counts SET open = 60000")
        .execute(&mut connection)
        .await
        .unwrap();
    fixture
        .commit(child("ses_2", "payout", "payout", "ses_0"))
        .await
        .unwrap();
    assert_eq!(counts(&fixture.place).await, counted(&fixture.place).await);
}

on_both_databases!(
    a_session_belongs_to_a_workload_of_a_live_application,
    a_session_belongs_to_a_tree_of_bounded_size,
    nothing_is_opened_below_what_has_ended,
    what_is_below_ended_sessions_takes_no_room_for_long,
    what_ends_with_the_session_of_another_application_is_counted_once,
    a_zone_has_room_for_fifty_thousand,
    a_count_that_is_too_high_refuses_nothing,
);
