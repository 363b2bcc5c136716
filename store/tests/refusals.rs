//! What is refused, and that nothing of it remains.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a step that fails here fails its test"
)]

mod fixture;

use caracal_store::CommitError;
use caracal_store::model::{Change, Grant, PointRole, Policy, SigningKey, Zone};
use fixture::{
    AT_MS, Database, Fixture, application, grant, name, point, refuses, resource, session, zone,
};
use serde_json::json;

async fn refuses_what_exists_already(database: Database) {
    let fixture = Fixture::bank(database).await;
    refuses(&fixture, zone("bank"), "zone bank exists already").await;
    refuses(
        &fixture,
        application("payout", &["p2"]),
        "application payout exists already",
    )
    .await;
    let twice = grant("grt_1", "payout", "accounts", "accounts:read");
    refuses(&fixture, twice, "grant grt_1 exists already").await;
    fixture
        .commit(session("ses_1", "payout", "payout"))
        .await
        .unwrap();
    refuses(
        &fixture,
        session("ses_1", "payout", "payout"),
        "session ses_1 exists already",
    )
    .await;
}

async fn one_workload_identity_belongs_to_one_party_of_all_zones(database: Database) {
    let fixture = Fixture::bank(database).await;
    let taken = "SPIFFE ID spiffe://corp.example/payout exists already";
    refuses(&fixture, application("other", &["payout"]), taken).await;
    refuses(
        &fixture,
        point("edge", "payout", PointRole::Gateway, &[]),
        taken,
    )
    .await;
    let twice = "SPIFFE ID spiffe://corp.example/x exists already";
    refuses(&fixture, application("other", &["x", "x"]), twice).await;
    fixture
        .store
        .commit(&name("shop"), zone("shop"), AT_MS, None)
        .await
        .unwrap();
    let across = fixture
        .store
        .commit(
            &name("shop"),
            application("other", &["payout"]),
            AT_MS,
            None,
        )
        .await
        .unwrap_err();
    assert_eq!(across.to_string(), taken);
}

async fn a_host_and_an_identifier_name_one_resource_of_the_zone(database: Database) {
    let fixture = Fixture::bank(database).await;
    let host = resource("other", "https://other.bank", &["accounts.bank"], &["a"]);
    refuses(&fixture, host, "host accounts.bank exists already").await;
    let uri = resource("other", "https://accounts.bank", &["other.bank"], &["a"]);
    refuses(
        &fixture,
        uri,
        "resource identifier https://accounts.bank exists already",
    )
    .await;
    let moved = resource("accounts", "https://new.bank", &["accounts.bank"], &["a"]);
    refuses(
        &fixture,
        moved,
        "resource accounts has the identifier https://accounts.bank, which cannot change; make another resource",
    )
    .await;
    let no_host = resource("other", "https://other.bank", &[], &["a"]);
    refuses(&fixture, no_host, "resource other has no host").await;
    let no_scope = resource("other", "https://other.bank", &["other.bank"], &[]);
    let message = "operation read of resource other needs no scope; name at least one";
    refuses(&fixture, no_scope, message).await;
}

async fn a_replaced_resource_frees_the_hosts_that_it_gave_up(database: Database) {
    let fixture = Fixture::bank(database).await;
    let new = resource(
        "accounts",
        "https://accounts.bank",
        &["new.bank"],
        &["accounts:read"],
    );
    fixture.commit(new).await.unwrap();
    let heir = resource("heir", "https://heir.bank", &["accounts.bank"], &["a"]);
    fixture.commit(heir).await.unwrap();
}

async fn a_grant_needs_its_parties_and_known_scopes(database: Database) {
    let fixture = Fixture::bank(database).await;
    let nobody = grant("grt_2", "nobody", "accounts", "accounts:read");
    refuses(&fixture, nobody, "application nobody does not exist").await;
    let nothing = grant("grt_2", "payout", "nothing", "accounts:read");
    refuses(&fixture, nothing, "resource nothing does not exist").await;
    let more = grant(
        "grt_2",
        "payout",
        "accounts",
        "accounts:read accounts:write",
    );
    let message = "no operation of resource accounts takes scope accounts:write";
    refuses(&fixture, more, message).await;
    let none = grant("grt_2", "payout", "accounts", "");
    refuses(&fixture, none, "a grant names at least one scope").await;
    let id = grant("2", "payout", "accounts", "accounts:read");
    refuses(
        &fixture,
        id,
        "a grant's id is grt_ and characters of base64url",
    )
    .await;
    for (seconds, legal) in [(0, false), (1, true), (900, true), (901, false)] {
        let Change::GrantCreated(plain) = grant(
            &format!("grt_life{seconds}"),
            "payout",
            "accounts",
            "accounts:read",
        ) else {
            panic!("not a grant");
        };
        let change = Change::GrantCreated(Grant {
            max_lifetime: Some(seconds),
            ..plain
        });
        assert_eq!(
            fixture.commit(change).await.is_ok(),
            legal,
            "{seconds} seconds"
        );
    }
}

/// The grant of the fixture under conditions.
fn conditional(id: &str, expires_at: Option<u64>, conditions: serde_json::Value) -> Change {
    let Change::GrantCreated(plain) = grant(id, "payout", "accounts", "accounts:read") else {
        panic!("not a grant");
    };
    Change::GrantCreated(Grant {
        expires_at,
        conditions: serde_json::from_value(conditions).unwrap(),
        ..plain
    })
}

async fn refuses_conditions_that_nobody_could_meet(database: Database) {
    let fixture = Fixture::bank(database).await;
    for (name, purpose) in [("staff", "human"), ("cluster", "kubernetes")] {
        let url = format!("https://{name}");
        let trusted = fixture::issuer(name, &url, purpose);
        fixture.commit(trusted).await.unwrap();
    }
    let never = conditional("grt_2", Some(100), json!({"not_before": 100}));
    let message = "the grant would never be good: not_before is not before expires_at";
    refuses(&fixture, never, message).await;
    let of = |issuers: &[&str]| {
        let conditions = json!({"on_behalf_of": {"issuers": issuers}});
        conditional("grt_2", None, conditions)
    };
    let message = "trusted issuer nobody does not exist";
    refuses(&fixture, of(&["staff", "nobody"]), message).await;
    let message = "issuer cluster is not trusted for humans";
    refuses(&fixture, of(&["cluster"]), message).await;
    fixture.commit(of(&["staff"])).await.unwrap();
    let window = json!({"days": ["mon"], "from": "08:00", "to": "18:00"});
    let conditions = json!({"not_before": 99, "window": window});
    let both = conditional("grt_3", Some(100), conditions.clone());
    fixture.commit(both).await.unwrap();
    let grants = fixture.store.grants(&name("bank")).await.unwrap();
    let told = serde_json::to_value(&grants[2].item).unwrap();
    assert_eq!(told["conditions"], conditions, "as it was made");
    let plain = serde_json::to_value(&grants[0].item).unwrap();
    assert_eq!(plain.get("conditions"), None);
}

async fn nothing_is_made_in_a_zone_that_does_not_exist(database: Database) {
    let fixture = Fixture::empty(database).await;
    refuses(
        &fixture,
        application("payout", &["payout"]),
        "zone bank does not exist",
    )
    .await;
    assert!(matches!(
        fixture.revoke("zone").await,
        Err(CommitError::NotFound { kind: "zone", .. })
    ));
    let stranger = "zone shop cannot be made within zone bank";
    refuses(&fixture, zone("shop"), stranger).await;
    for issuer in [
        "ftp://sts",
        "https://",
        "https:///x",
        "sts.example",
        "https://a b",
        "",
    ] {
        let change = Change::ZoneCreated(Zone {
            name: name("bank"),
            issuer: issuer.to_owned(),
        });
        let message =
            format!("the issuer {issuer:?} of zone bank is not an https:// or http:// URL");
        refuses(&fixture, change, &message).await;
    }
}

async fn a_point_guards_resources_that_exist(database: Database) {
    let fixture = Fixture::bank(database).await;
    let idle = point("edge", "edge", PointRole::Resource, &[]);
    let message =
        "enforcement point edge has the role resource and lists no resource that it guards";
    refuses(&fixture, idle, message).await;
    let lost = point("edge", "edge", PointRole::Gateway, &["nothing"]);
    refuses(&fixture, lost, "resource nothing does not exist").await;
    fixture
        .commit(point("edge", "edge", PointRole::Resource, &["accounts"]))
        .await
        .unwrap();
    let twice = point("edge", "edge-2", PointRole::Gateway, &[]);
    refuses(&fixture, twice, "enforcement point edge exists already").await;
}

async fn a_policy_carries_the_digest_of_its_source(database: Database) {
    let fixture = Fixture::bank(database).await;
    let forged = Policy {
        digest: Policy::digest_of("allow := true"),
        source: "allow := false".to_owned(),
    };
    let message = format!("{} is not the digest of the policy's source", forged.digest);
    refuses(&fixture, Change::PolicyActivated(forged), &message).await;
}

async fn keys_and_revocations_have_calls_of_their_own(database: Database) {
    let fixture = Fixture::bank(database).await;
    let key = SigningKey {
        kid: "k".to_owned(),
        point: "p".to_owned(),
    };
    let message = "a key is published with its private half";
    refuses(&fixture, Change::KeyPublished(key.clone()), message).await;
    let empty = fixture
        .store
        .publish_key(&name("bank"), key.clone(), b"", AT_MS)
        .await;
    assert!(matches!(empty, Err(CommitError::Invalid(_))));
    fixture
        .store
        .publish_key(&name("bank"), key.clone(), b"sealed", AT_MS)
        .await
        .unwrap();
    let twice = fixture
        .store
        .publish_key(&name("bank"), key, b"sealed", AT_MS)
        .await;
    assert!(matches!(
        twice,
        Err(CommitError::AlreadyExists { kind: "key", .. })
    ));
}

async fn what_does_not_exist_cannot_be_revoked(database: Database) {
    let fixture = Fixture::bank(database).await;
    for target in [
        "session/ses_9",
        "grant/grt_9",
        "application/nobody",
        "resource/nothing",
    ] {
        let result = fixture.revoke(target).await;
        assert!(
            matches!(result, Err(CommitError::NotFound { .. })),
            "{target}: {result:?}"
        );
    }
    fixture.revoke("mandate/any-id").await.unwrap();
    let long = format!("mandate/{}", "x".repeat(129));
    assert!(matches!(
        fixture.revoke(&long).await,
        Err(CommitError::Invalid(_))
    ));
}

on_both_databases!(
    refuses_what_exists_already,
    one_workload_identity_belongs_to_one_party_of_all_zones,
    a_host_and_an_identifier_name_one_resource_of_the_zone,
    a_replaced_resource_frees_the_hosts_that_it_gave_up,
    a_grant_needs_its_parties_and_known_scopes,
    refuses_conditions_that_nobody_could_meet,
    nothing_is_made_in_a_zone_that_does_not_exist,
    a_point_guards_resources_that_exist,
    a_policy_carries_the_digest_of_its_source,
    keys_and_revocations_have_calls_of_their_own,
    what_does_not_exist_cannot_be_revoked,
);
