//! Which delegations are made, and what is suspended and resumed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here fails its test"
)]

mod fixture;

use caracal_mandate::scope::ScopeSet;
use caracal_store::model::{Change, Delegation};
use fixture::{Database, Fixture, application, delegation, name, refuses, resumed, suspended};

async fn a_delegation_names_two_live_applications_and_what_exists(database: Database) {
    let fixture = Fixture::bank(database).await;
    fixture
        .commit(application("worker", &["worker"]))
        .await
        .unwrap();
    let good = || delegation("dlg_1", "payout", "worker", "accounts", "accounts:read");
    let of = |change: fn(&mut Delegation)| {
        let Change::DelegationCreated(mut new) = good() else {
            panic!("made above");
        };
        change(&mut new);
        Change::DelegationCreated(new)
    };
    for (change, message) in [
        (
            of(|new| new.id = "grt_1".into()),
            "a delegation's id is dlg_ and characters of base64url",
        ),
        (
            of(|new| new.to = new.from.clone()),
            "application payout cannot delegate to itself: it would gain nothing",
        ),
        (
            of(|new| new.to = name("nobody")),
            "application nobody does not exist",
        ),
        (
            of(|new| new.resource = name("nothing")),
            "resource nothing does not exist",
        ),
        (
            of(|new| new.scopes = ScopeSet::default()),
            "a delegation names at least one scope",
        ),
        (
            of(|new| new.scopes = ScopeSet::parse("accounts:close").unwrap()),
            "no operation of resource accounts takes scope accounts:close",
        ),
        (
            of(|new| new.max_lifetime = Some(901)),
            "mandates live 1 to 900 seconds, not 901",
        ),
        (
            of(|new| new.from_session = Some("ses_x".into())),
            "session ses_x does not exist",
        ),
        (
            of(|new| new.max_depth = 8),
            "authority is passed on at most 8 times: max_depth is at most 7",
        ),
    ] {
        refuses(&fixture, change, message).await;
    }
    fixture.commit(good()).await.unwrap();
    refuses(&fixture, good(), "delegation dlg_1 exists already").await;
    fixture.revoke("application/worker").await.unwrap();
    refuses(
        &fixture,
        of(|new| new.id = "dlg_2".into()),
        "application worker was revoked",
    )
    .await;
}

async fn only_what_lives_is_suspended_and_only_what_is_suspended_is_resumed(database: Database) {
    let fixture = Fixture::bank(database).await;
    for target in ["mandate/m", "resource/accounts", "zone"] {
        let message = if target == "resource/accounts" {
            "resource/accounts has another identifier".to_owned()
        } else {
            format!(
                "{target} can be revoked and not suspended: use session/ID, application/NAME, grant/ID or delegation/ID"
            )
        };
        refuses(&fixture, suspended(target), &message).await;
    }
    refuses(
        &fixture,
        suspended("grant/grt_2"),
        "grant grt_2 does not exist",
    )
    .await;
    refuses(
        &fixture,
        resumed("grant/grt_1"),
        "suspension of grant/grt_1 does not exist",
    )
    .await;
    fixture.commit(suspended("grant/grt_1")).await.unwrap();
    refuses(
        &fixture,
        suspended("grant/grt_1"),
        "suspension of grant/grt_1 exists already",
    )
    .await;
    fixture.commit(resumed("grant/grt_1")).await.unwrap();
    fixture.commit(suspended("grant/grt_1")).await.unwrap();
    fixture.revoke("grant/grt_1").await.unwrap();
    fixture.commit(resumed("grant/grt_1")).await.unwrap();
    refuses(
        &fixture,
        suspended("grant/grt_1"),
        "grant grt_1 was revoked, for good",
    )
    .await;
}

on_both_databases!(
    a_delegation_names_two_live_applications_and_what_exists,
    only_what_lives_is_suspended_and_only_what_is_suspended_is_resumed,
);
