use caracal_mandate::verify::{Trust, VerifiedMandate, verify};
use caracal_store::model::{Application, Change};

use super::*;
use crate::keys::Es256;
use crate::testing::{ALLOW_ALL, BANK_POINT, GATEWAY, GRANT, OTHER, PAYOUT, World, asked, name};

pub(super) async fn exchange(
    world: &World,
    peer: &str,
    asked: &Asked<'_>,
) -> Result<VerifiedMandate, Reason> {
    let issued = world
        .service()
        .exchange(Some(peer), asked)
        .await
        .map_err(|refused| refused.reason)?;
    let state = world.service().authority.read();
    let zone = state.zone(&world.zone).unwrap();
    let trust = Trust {
        zone: &world.zone,
        issuer: &zone.zone.issuer,
        keys: zone.keys.verifying(),
        delegators: None,
    };
    Ok(verify(issued.token().as_bytes(), trust, &Es256).unwrap())
}

async fn refusal(world: &World, peer: &str, asked: &Asked<'_>) -> Reason {
    exchange(world, peer, asked).await.unwrap_err()
}

#[tokio::test]
async fn a_mandate_says_exactly_what_the_operation_needs() {
    let world = World::open().await;
    let mandate = exchange(&world, PAYOUT, &asked()).await.unwrap();
    let claims = mandate.claims();
    assert_eq!(claims.scope, "accounts:read");
    assert_eq!(claims.aud.as_str(), "https://bank.internal");
    assert_eq!(claims.iss, "https://sts.example/zones/acme");
    assert_eq!(
        (claims.sub.as_str(), claims.client_id.as_str()),
        ("payout", "payout")
    );
    assert_eq!(claims.cnf.spiffe_id.as_str(), PAYOUT);
    assert_eq!(claims.grant, GRANT);
    assert_eq!(claims.exp - claims.iat, 300);
    assert_eq!(claims.sid.len(), 26);
    assert_eq!(claims.mdt.hops[0].depth, 0);
    let events = world.events("acme").await;
    let event = &events[0];
    assert_eq!(
        (event.action, event.outcome),
        (Action::Exchange, Outcome::Allow)
    );
    assert_eq!(event.mandate.as_deref(), Some(claims.jti.as_str()));
    assert_eq!(event.session.as_deref(), Some(claims.sid.as_str()));
    assert_eq!(event.path.as_deref(), Some("/accounts/42"));
    assert_eq!(event.host.as_deref(), Some("bank.internal"));
    // Behind the zone's first key.
    assert_eq!(event.emitter.seq, 2);
}

#[tokio::test]
async fn without_a_live_grant_nothing_is_issued_whatever_the_policy_says() {
    let world = World::bare().await;
    let generous = "package caracal.policy\nallow := true\nmax_lifetime := 900\n";
    for policy in [ALLOW_ALL, generous] {
        world.policy(policy).await;
        assert_eq!(refusal(&world, PAYOUT, &asked()).await, Reason::NoGrant);
    }
    world.grant("grt_expired000000000000000", Some(1)).await;
    assert_eq!(refusal(&world, PAYOUT, &asked()).await, Reason::NoGrant);
    world.grant(GRANT, None).await;
    assert!(exchange(&world, PAYOUT, &asked()).await.is_ok());
    let pay = Asked {
        method: "POST",
        path: "/payments",
        ..asked()
    };
    assert_eq!(refusal(&world, PAYOUT, &pay).await, Reason::NoGrant);
    let mail = Asked {
        host: "mail.internal",
        ..asked()
    };
    assert_eq!(refusal(&world, PAYOUT, &mail).await, Reason::NoGrant);
    assert_eq!(refusal(&world, OTHER, &asked()).await, Reason::NoGrant);
    world.revoke(&format!("grant/{GRANT}")).await;
    assert_eq!(refusal(&world, PAYOUT, &asked()).await, Reason::NoGrant);
}

#[tokio::test]
async fn every_refusal_has_its_reason_and_its_event() {
    let world = World::open().await;
    let with = |principal| Asked {
        principal,
        ..asked()
    };
    let table = [
        (
            "spiffe://d.example/stranger",
            asked(),
            Reason::CallerUnknown,
            "system",
        ),
        ("not an id", asked(), Reason::HolderUnknown, "system"),
        (PAYOUT, with(OTHER), Reason::CallerNotTrusted, "acme"),
        (BANK_POINT, with(PAYOUT), Reason::CallerNotTrusted, "acme"),
        (GATEWAY, asked(), Reason::HolderUnknown, "acme"),
        (
            GATEWAY,
            with("spiffe://d.example/stranger"),
            Reason::CallerUnknown,
            "acme",
        ),
        (GATEWAY, with(BANK_POINT), Reason::CallerUnknown, "acme"),
        (
            PAYOUT,
            Asked {
                host: "evil.example",
                ..asked()
            },
            Reason::ResourceUnregistered,
            "acme",
        ),
        (
            PAYOUT,
            Asked {
                host: "bank.internal.",
                ..asked()
            },
            Reason::MalformedHost,
            "acme",
        ),
        (
            PAYOUT,
            Asked {
                path: "/accounts/..",
                ..asked()
            },
            Reason::MalformedPath,
            "acme",
        ),
        (
            PAYOUT,
            Asked {
                path: "/unknown",
                ..asked()
            },
            Reason::OperationUnregistered,
            "acme",
        ),
        (
            PAYOUT,
            Asked {
                method: "get",
                ..asked()
            },
            Reason::MalformedMethod,
            "acme",
        ),
        (
            PAYOUT,
            Asked {
                method: "DELETE",
                ..asked()
            },
            Reason::OperationUnregistered,
            "acme",
        ),
    ];
    for (peer, asked, reason, zone) in table {
        assert_eq!(
            refusal(&world, peer, &asked).await,
            reason,
            "{peer} {asked:?}"
        );
        let event = world.events(zone).await.remove(0);
        assert_eq!((event.outcome, event.reason), (Outcome::Deny, Some(reason)));
        assert_eq!(
            (event.mandate, event.request_id.as_deref()),
            (None, Some("r-1"))
        );
    }
    assert_eq!(
        world
            .service()
            .exchange(None, &asked())
            .await
            .unwrap_err()
            .reason,
        Reason::HolderUnknown
    );
}

#[tokio::test]
async fn a_gateway_speaks_for_its_downstream_peer() {
    let world = World::open().await;
    let asked = Asked {
        principal: PAYOUT,
        ..asked()
    };
    let mandate = exchange(&world, GATEWAY, &asked).await.unwrap();
    assert_eq!(mandate.claims().cnf.spiffe_id.as_str(), PAYOUT);
}

#[tokio::test]
async fn the_policy_has_the_last_word_on_no_and_on_lifetime() {
    let world = World::bare().await;
    world.grant(GRANT, None).await;
    assert_eq!(
        refusal(&world, PAYOUT, &asked()).await,
        Reason::PolicyMissing
    );
    for (body, reason) in [
        ("default allow := false", Reason::PolicyDenied),
        ("allow if input.zone == \"x\"", Reason::PolicyDenied),
        (
            "allow := true\ndeny contains \"frozen\"",
            Reason::PolicyDenied,
        ),
        ("allow := \"yes\"", Reason::PolicyFailed),
        (
            "allow := true\nmax_lifetime := \"60\"",
            Reason::PolicyFailed,
        ),
    ] {
        world
            .policy(&format!("package caracal.policy\n{body}\n"))
            .await;
        assert_eq!(refusal(&world, PAYOUT, &asked()).await, reason, "{body}");
    }
    world
        .policy("package caracal.policy\nallow := true\nmax_lifetime := 60\n")
        .await;
    let mandate = exchange(&world, PAYOUT, &asked()).await.unwrap();
    assert_eq!(mandate.claims().exp - mandate.claims().iat, 60);
}

#[tokio::test]
async fn one_workload_has_one_session_until_it_is_revoked() {
    let world = World::open().await;
    let request = asked();
    let (one, two) = tokio::join!(
        exchange(&world, PAYOUT, &request),
        exchange(&world, PAYOUT, &request),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.claims().sid, two.claims().sid);
    assert_ne!(one.claims().jti, two.claims().jti);
    world.revoke(&format!("session/{}", one.claims().sid)).await;
    let three = exchange(&world, PAYOUT, &asked()).await.unwrap();
    assert_ne!(one.claims().sid, three.claims().sid);
}

#[tokio::test]
async fn a_revoked_application_gets_nothing_any_more() {
    let world = World::open().await;
    world.revoke("application/payout").await;
    assert_eq!(
        refusal(&world, PAYOUT, &asked()).await,
        Reason::ApplicationInactive
    );
}

#[tokio::test]
async fn a_state_that_is_not_confirmed_issues_nothing() {
    let world = World::open().await;
    exchange(&world, PAYOUT, &asked()).await.unwrap();
    world.store.close().await;
    world.clock.skip(10_000);
    assert_eq!(
        refusal(&world, PAYOUT, &asked()).await,
        Reason::IssuerUnavailable
    );
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_released() {
    let world = World::open().await;
    world.ledger.clone().close().await;
    assert_eq!(
        refusal(&world, PAYOUT, &asked()).await,
        Reason::AuditUnavailable
    );
    assert!(!world.service().readiness().ready);
}

#[tokio::test]
async fn an_identity_of_another_zone_is_a_stranger_to_the_gateway() {
    let world = World::open().await;
    let zone = caracal_store::model::Zone {
        name: name("umbrella"),
        issuer: "https://sts.example/zones/umbrella".to_owned(),
    };
    let now_ms = crate::clock::Clock::unix_ms(&*world.clock);
    world
        .store
        .commit(&zone.name.clone(), Change::ZoneCreated(zone), now_ms, None)
        .await
        .unwrap();
    let id = "spiffe://d.example/alien";
    let application = Application {
        name: name("alien"),
        spiffe_ids: vec![id.parse().unwrap()],
    };
    let change = Change::ApplicationCreated(application);
    let committed = world
        .store
        .commit(&name("umbrella"), change, now_ms, None)
        .await
        .unwrap();
    world.applied(committed.seq).await;
    let asked = Asked {
        principal: id,
        ..asked()
    };
    assert_eq!(
        refusal(&world, GATEWAY, &asked).await,
        Reason::CallerUnknown
    );
}
