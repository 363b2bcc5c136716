//! Credentials and trusted issuers: what is taken, what is refused, what repetition does.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a step that fails here fails its test"
)]

mod fixture;

use caracal_store::model::{Change, Credential, SecretHash};
use caracal_store::{CommitError, Revocable};
use fixture::{
    AT_MS, Database, Fixture, NOW_S, application, credential, issuer, name, revoked, session,
};
use serde_json::{Value, json};

const EC_X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
const EC_Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";

fn secret(text: &str) -> Value {
    json!({"kind": "secret", "sha256": SecretHash::of(text)})
}

fn key(kid: &str) -> Value {
    let key = json!({"kty": "EC", "crv": "P-256", "x": EC_X, "y": EC_Y, "kid": kid});
    json!({"kind": "public_key", "jwks": {"keys": [key]}})
}

fn jwks_uri(url: &str) -> Value {
    json!({"kind": "jwks_uri", "jwks_uri": url})
}

async fn an_application_publishes_keys_at_one_address_at_a_time(database: Database) {
    let fixture = Fixture::bank(database).await;
    let add = |id: &str, url: &str| credential(id, "payout", jwks_uri(url));
    accepts(&fixture, add("crd_1", "https://payout.example/keys")).await;
    let message = "jwks_uri https://other.example/keys exists already";
    refuses(
        &fixture,
        add("crd_2", "https://other.example/keys"),
        message,
    )
    .await;
    accepts(&fixture, revoked("payout", "crd_1")).await;
    accepts(&fixture, add("crd_3", "https://other.example/keys")).await;
}

async fn an_issuer_has_its_keys_from_one_place(database: Database) {
    let fixture = Fixture::bank(database).await;
    let Change::IssuerCreated(mut trusted) = issuer("staff", "https://staff", "human") else {
        panic!("not an issuer");
    };
    let document = json!({"kty": "EC", "crv": "P-256", "x": EC_X, "y": EC_Y, "kid": "k"});
    trusted.jwks = Some(caracal_store::model::JwkSet::from_document(document).unwrap());
    let message = "issuer staff has keys in two places: give jwks or jwks_uri";
    refuses(&fixture, Change::IssuerCreated(trusted), message).await;
}

fn workload(path: &str) -> Value {
    json!({"kind": "spiffe", "spiffe_id": fixture::spiffe(path)})
}

fn account(issuer: &str) -> Value {
    json!({
        "kind": "kubernetes", "issuer": issuer, "namespace": "agents", "service_account": "worker",
    })
}

async fn refuses(fixture: &Fixture, change: Change, message: &str) {
    let head = fixture.store.head().await.unwrap();
    let error = fixture.commit(change).await.unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(fixture.store.head().await.unwrap(), head);
}

async fn held(fixture: &Fixture) -> Vec<Revocable<Credential>> {
    let (zone, application) = (name("bank"), name("payout"));
    fixture
        .store
        .credentials(&zone, &application)
        .await
        .unwrap()
}

async fn accepts(fixture: &Fixture, change: Change) {
    fixture.commit(change).await.unwrap();
}

async fn credentials_are_listed_as_they_were_made_until_they_are_revoked(database: Database) {
    let fixture = Fixture::bank(database).await;
    accepts(&fixture, issuer("cluster", "https://cluster", "kubernetes")).await;
    for (id, proof) in [
        ("crd_1", secret("cs_1")),
        ("crd_2", key("k")),
        ("crd_3", workload("two")),
        ("crd_4", account("https://cluster")),
    ] {
        accepts(&fixture, credential(id, "payout", proof)).await;
    }
    accepts(&fixture, revoked("payout", "crd_2")).await;
    let held = held(&fixture).await;
    let told: Vec<_> = held
        .iter()
        .map(|one| (&*one.item.id, one.revoked))
        .collect();
    let expected = [
        ("crd_1", false),
        ("crd_2", true),
        ("crd_3", false),
        ("crd_4", false),
    ];
    assert_eq!(told, expected);
    let log = fixture.store.entries_after(5, 1000).await.unwrap();
    let Change::CredentialAdded(first) = &log[0].change else {
        panic!("{:?}", log[0].change)
    };
    assert_eq!(*first, held[0].item);
    assert_eq!(log[4].change, revoked("payout", "crd_2"));
}

async fn a_credential_belongs_to_a_live_application_and_has_an_id_of_its_own(database: Database) {
    let fixture = Fixture::bank(database).await;
    let stranger = credential("crd_1", "nobody", secret("cs_1"));
    refuses(&fixture, stranger, "application nobody does not exist").await;
    let id = credential("1", "payout", secret("cs_1"));
    let message = "a credential's id is crd_ and characters of base64url";
    refuses(&fixture, id, message).await;
    accepts(&fixture, credential("crd_1", "payout", secret("cs_1"))).await;
    let twice = credential("crd_1", "payout", secret("cs_2"));
    refuses(&fixture, twice, "credential crd_1 exists already").await;
    for (application, id) in [("payout", "crd_2"), ("other", "crd_1")] {
        let message = format!("credential {id} does not exist");
        refuses(&fixture, revoked(application, id), &message).await;
    }
    accepts(&fixture, revoked("payout", "crd_1")).await;
    refuses(
        &fixture,
        revoked("payout", "crd_1"),
        "credential crd_1 was revoked",
    )
    .await;
    fixture.revoke("application/payout").await.unwrap();
    let late = credential("crd_2", "payout", secret("cs_1"));
    refuses(&fixture, late, "application payout was revoked").await;
}

async fn a_key_id_names_one_live_key_of_the_application(database: Database) {
    let fixture = Fixture::bank(database).await;
    accepts(&fixture, application("other", &[])).await;
    accepts(&fixture, credential("crd_1", "payout", key("k"))).await;
    let twice = credential("crd_2", "payout", key("k"));
    refuses(&fixture, twice.clone(), "key k exists already").await;
    accepts(&fixture, credential("crd_3", "other", key("k"))).await;
    accepts(&fixture, revoked("payout", "crd_1")).await;
    accepts(&fixture, twice).await;
}

async fn a_service_account_is_one_application_of_the_zone_by_a_trusted_cluster(database: Database) {
    let fixture = Fixture::bank(database).await;
    accepts(&fixture, application("other", &[])).await;
    accepts(&fixture, issuer("staff", "https://idp", "human")).await;
    let untrusted = credential("crd_1", "payout", account("https://cluster"));
    let message = "trusted issuer https://cluster does not exist";
    refuses(&fixture, untrusted, message).await;
    let human = credential("crd_1", "payout", account("https://idp"));
    let message = "issuer https://idp is not trusted for kubernetes service accounts";
    refuses(&fixture, human, message).await;
    accepts(&fixture, issuer("cluster", "https://cluster", "kubernetes")).await;
    let first = credential("crd_1", "payout", account("https://cluster"));
    accepts(&fixture, first).await;
    let second = credential("crd_2", "other", account("https://cluster"));
    refuses(
        &fixture,
        second.clone(),
        "service account worker exists already",
    )
    .await;
    accepts(&fixture, revoked("payout", "crd_1")).await;
    accepts(&fixture, second).await;
}

async fn a_withdrawn_workload_opens_no_session_and_is_nobody_elses(database: Database) {
    let fixture = Fixture::bank(database).await;
    accepts(&fixture, credential("crd_1", "payout", workload("two"))).await;
    accepts(&fixture, session("ses_1", "payout", "two")).await;
    accepts(&fixture, revoked("payout", "crd_1")).await;
    let message = format!("workload {} does not exist", fixture::spiffe("two"));
    refuses(&fixture, session("ses_2", "payout", "two"), &message).await;
    let taken = format!("SPIFFE ID {} exists already", fixture::spiffe("two"));
    refuses(&fixture, application("heir", &["two"]), &taken).await;
    let Change::CredentialAdded(mut expiring) = credential("crd_2", "payout", workload("three"))
    else {
        panic!("not a credential")
    };
    expiring.expires_at = Some(NOW_S + 60);
    let message = "a SPIFFE ID does not expire: its certificates do; revoke the credential instead";
    refuses(&fixture, Change::CredentialAdded(expiring), message).await;
}

async fn an_application_has_at_most_thirty_two_live_credentials(database: Database) {
    let fixture = Fixture::bank(database).await;
    for index in 0..32 {
        let id = format!("crd_{index}");
        accepts(&fixture, credential(&id, "payout", secret(&id))).await;
    }
    let more = credential("crd_more", "payout", secret("cs_more"));
    let message = "application payout has 32 credentials; revoke one first";
    refuses(&fixture, more.clone(), message).await;
    accepts(&fixture, revoked("payout", "crd_7")).await;
    accepts(&fixture, more).await;
}

async fn a_repeated_request_keeps_the_first_secret(database: Database) {
    let fixture = Fixture::bank(database).await;
    let add = |text: &'static str, application: &'static str, created_at: u64| {
        let store = fixture.store.clone();
        let Change::CredentialAdded(mut new) = credential("crd_1", application, secret(text))
        else {
            panic!("not a credential")
        };
        new.created_at = created_at;
        async move {
            let change = Change::CredentialAdded(new);
            store.commit(&name("bank"), change, AT_MS, Some("k")).await
        }
    };
    let first = add("cs_1", "payout", NOW_S).await.unwrap();
    let again = add("cs_2", "payout", NOW_S + 9).await.unwrap();
    assert_eq!((again.seq, again.replayed), (first.seq, true));
    let other = add("cs_1", "other", NOW_S).await;
    assert!(matches!(other, Err(CommitError::IdempotencyConflict)));
    let held = held(&fixture).await;
    assert_eq!(held.len(), 1);
    assert_eq!(json!(held[0].item.proof), secret("cs_1"));
}

async fn one_issuer_of_the_zone_has_a_url_and_it_can_come_back(database: Database) {
    let fixture = Fixture::bank(database).await;
    accepts(&fixture, issuer("staff", "https://idp", "human")).await;
    let name_taken = issuer("staff", "https://other", "human");
    refuses(&fixture, name_taken, "issuer staff exists already").await;
    let url_taken = issuer("other", "https://idp", "kubernetes");
    refuses(&fixture, url_taken, "issuer https://idp exists already").await;
    let unknown = Change::IssuerRemoved(name("nobody"));
    refuses(&fixture, unknown, "issuer nobody does not exist").await;
    accepts(&fixture, Change::IssuerRemoved(name("staff"))).await;
    assert!(
        fixture
            .store
            .issuers(&name("bank"))
            .await
            .unwrap()
            .is_empty()
    );
    accepts(&fixture, issuer("staff", "https://idp", "kubernetes")).await;
    let listed = fixture.store.issuers(&name("bank")).await.unwrap();
    assert_eq!(listed[0].item.issuer.as_str(), "https://idp");
}

async fn an_issuer_that_would_take_anything_is_refused(database: Database) {
    let fixture = Fixture::bank(database).await;
    let broken = |member: &str, value: Value, purpose: &str| {
        let Change::IssuerCreated(good) = issuer("staff", "https://idp", purpose) else {
            panic!("not an issuer")
        };
        let mut members = json!(good);
        members[member] = value;
        Change::IssuerCreated(serde_json::from_value(members).unwrap())
    };
    let long = vec!["a"; 17];
    for (member, value, purpose) in [
        ("jwks_uri", Value::Null, "human"),
        ("audiences", json!([]), "human"),
        ("audiences", json!([""]), "human"),
        ("audiences", json!(long), "human"),
        ("subject_claim", json!(""), "human"),
        ("subject_claim", json!("email"), "kubernetes"),
        ("max_token_age", json!(0), "human"),
        ("max_token_age", json!(86_401), "human"),
    ] {
        let change = broken(member, value.clone(), purpose);
        let error = fixture.commit(change).await.unwrap_err();
        assert!(
            matches!(error, CommitError::Invalid(_)),
            "{member} {value}: {error:?}"
        );
    }
    accepts(&fixture, broken("subject_claim", json!("email"), "human")).await;
}

on_both_databases!(
    an_application_publishes_keys_at_one_address_at_a_time,
    an_issuer_has_its_keys_from_one_place,
    credentials_are_listed_as_they_were_made_until_they_are_revoked,
    a_credential_belongs_to_a_live_application_and_has_an_id_of_its_own,
    a_key_id_names_one_live_key_of_the_application,
    a_service_account_is_one_application_of_the_zone_by_a_trusted_cluster,
    a_withdrawn_workload_opens_no_session_and_is_nobody_elses,
    an_application_has_at_most_thirty_two_live_credentials,
    a_repeated_request_keeps_the_first_secret,
    one_issuer_of_the_zone_has_a_url_and_it_can_come_back,
    an_issuer_that_would_take_anything_is_refused,
);
