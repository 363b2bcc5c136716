//! What is refused, and that nothing of it remains.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a step that fails here fails its test"
)]

mod fixture;

use caracal_mandate::scope::ScopeSet;
use caracal_store::CommitError;
use caracal_store::model::{Change, Delegation, Grant, PointRole, Policy, SigningKey, Zone};
use caracal_store::testing::connect;
use fixture::{
    AT_MS, Database, Fixture, application, child, delegation, grant, name, point, resource,
    resumed, session, spiffe, suspended, zone,
};
use serde_json::json;

async fn refuses(fixture: &Fixture, change: Change, message: &str) {
    let head = fixture.store.head().await.unwrap();
    let error = fixture.commit(change).await.unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(
        fixture.store.head().await.unwrap(),
        head,
        "a refusal takes no position"
    );
}

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
    let mut connection = connect(&fixture.place).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO sessions (id, zone, application, parent, definition, seq) \
         WITH RECURSIVE numbers (n) AS (\
         SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 19998) \
         SELECT 'ses_n' || n, 'bank', 'payout', 'ses_1', '{}', 1 FROM numbers",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    refuses(
        &fixture,
        session("ses_2", "payout", "payout"),
        "application payout has 20000 open sessions, as many as may be: end some",
    )
    .await;
    fixture.revoke("session/ses_0").await.unwrap();
    fixture
        .commit(session("ses_2", "payout", "payout"))
        .await
        .unwrap();
}

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
    a_session_belongs_to_a_tree_of_bounded_size,
    nothing_is_opened_below_what_has_ended,
    what_is_below_ended_sessions_takes_no_room_for_long,
    a_delegation_names_two_live_applications_and_what_exists,
    only_what_lives_is_suspended_and_only_what_is_suspended_is_resumed,
    refuses_what_exists_already,
    one_workload_identity_belongs_to_one_party_of_all_zones,
    a_host_and_an_identifier_name_one_resource_of_the_zone,
    a_replaced_resource_frees_the_hosts_that_it_gave_up,
    a_grant_needs_its_parties_and_known_scopes,
    refuses_conditions_that_nobody_could_meet,
    nothing_is_made_in_a_zone_that_does_not_exist,
    a_point_guards_resources_that_exist,
    a_session_belongs_to_a_workload_of_a_live_application,
    a_policy_carries_the_digest_of_its_source,
    keys_and_revocations_have_calls_of_their_own,
    what_does_not_exist_cannot_be_revoked,
);
