//! What each role of the database may do, tried as that role.

#![expect(clippy::unwrap_used, reason = "a step that fails here fails its test")]

mod fixture;

use caracal_store::model::{KEY_SETTLING_MS, KeyActivation, SigningKey};
use caracal_store::testing::{PostgresServer, connect};
use caracal_store::{CommitError, DatabaseUrl, OpenError, ReadError, SchemaError, Store};
use fixture::crowd::{counted, counts, crowd};
use fixture::{
    AT_MS, NOW_S, application, child, credential, delegation, grant, issuer, name, point, policy,
    resource, resumed, revoked, session, suspended, zone,
};
use serde_json::json;
use sqlx::AssertSqlSafe;

/// One database, and a store as each of its users.
struct Parties {
    place: DatabaseUrl,
    control: Store,
    sts: Store,
}

impl Parties {
    async fn new() -> Self {
        let server = PostgresServer::shared();
        let place = server.database().await;
        let text = place.to_string();
        let as_user = |user: &str| server.url(user, text.rsplit('/').next().unwrap());
        let control = Store::connect(&as_user("control_user")).await.unwrap();
        let sts = Store::connect(&as_user("sts_user")).await.unwrap();
        Self {
            place,
            control,
            sts,
        }
    }

    async fn with_bank() -> Self {
        let parties = Self::new().await;
        for change in [
            zone("bank"),
            application("payout", &["payout"]),
            resource(
                "accounts",
                "https://accounts",
                &["accounts.bank"],
                &["a:read"],
            ),
            grant("grt_1", "payout", "accounts", "a:read"),
        ] {
            let (bank, key) = (name("bank"), unique());
            let committed = parties.control.commit(&bank, change, AT_MS, Some(&key));
            committed.await.unwrap();
        }
        parties
    }

    fn url(&self, user: &str) -> DatabaseUrl {
        let text = self.place.to_string();
        PostgresServer::shared().url(user, text.rsplit('/').next().unwrap())
    }

    /// Whether a user may run a statement; anything but a refusal for want of rights is a mistake
    /// of the test.
    async fn may(&self, user: &str, statement: &str) -> bool {
        let mut connection = connect(&self.url(user)).await.unwrap();
        let statement = format!("BEGIN; {statement}; ROLLBACK");
        let done = sqlx::raw_sql(AssertSqlSafe(statement.clone()))
            .execute(&mut connection)
            .await;
        match done {
            Ok(_) => true,
            Err(error) => {
                let code = error
                    .as_database_error()
                    .and_then(sqlx::error::DatabaseError::code);
                assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
                false
            }
        }
    }
}

fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

fn is_refused(result: &Result<caracal_store::Committed, CommitError>) -> bool {
    let Err(CommitError::Database(error)) = result else {
        return false;
    };
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some("42501")
}

#[tokio::test(flavor = "multi_thread")]
async fn control_makes_everything_but_keys_and_sessions() {
    let parties = Parties::with_bank().await;
    let (bank, control) = (name("bank"), &parties.control);
    for change in [
        resource("accounts", "https://accounts", &["new.bank"], &["a:read"]),
        issuer("i", "https://i", "human"),
        credential(
            "crd_1",
            "payout",
            json!({"kind": "spiffe", "spiffe_id": fixture::spiffe("w")}),
        ),
        revoked("payout", "crd_1"),
        policy("package caracal.policy"),
        policy("package caracal.policy # 2"),
        policy("package caracal.policy"),
        point(
            "edge",
            "edge",
            caracal_store::model::PointRole::Gateway,
            &[],
        ),
        caracal_store::model::Change::IssuerRemoved(name("i")),
        application("worker", &["worker"]),
        delegation("dlg_1", "payout", "worker", "accounts", "a:read"),
        suspended("delegation/dlg_1"),
        resumed("delegation/dlg_1"),
    ] {
        let kind = change.kind();
        let committed = control.commit(&bank, change, AT_MS, Some(&unique())).await;
        assert!(committed.is_ok(), "{kind}: {committed:?}");
    }
    for target in [
        "mandate/m",
        "grant/grt_1",
        "delegation/dlg_1",
        "resource/accounts",
        "zone",
        "zone",
        "application/payout",
    ] {
        let target = target.parse().unwrap();
        control.revoke(&bank, target, NOW_S, None).await.unwrap();
    }
    assert!(is_refused(&publish(control, "kid-1").await));
    publish(&parties.sts, "kid-2").await.unwrap();
    let activation = KeyActivation {
        kid: "kid-2".to_owned(),
        replaces: None,
    };
    let activated = control.activate_key(&bank, activation, AT_MS, None).await;
    assert!(is_refused(&activated));
    let revoked = control.revoke_key(&bank, "kid-2", AT_MS, None).await;
    assert!(is_refused(&revoked));
    assert!(matches!(
        control.sealed_key(&bank, "kid-1").await,
        Err(ReadError::Database(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_service_keeps_keys_and_sessions_and_makes_nothing_else() {
    let parties = Parties::with_bank().await;
    let (bank, sts) = (name("bank"), &parties.sts);
    publish(sts, "kid-1").await.unwrap();
    assert!(sts.sealed_key(&bank, "kid-1").await.unwrap().is_some());
    let activation = |kid: &str, replaces: Option<&str>| KeyActivation {
        kid: kid.to_owned(),
        replaces: replaces.map(str::to_owned),
    };
    let (first, second) = (
        activation("kid-1", None),
        activation("kid-2", Some("kid-1")),
    );
    sts.activate_key(&bank, first, AT_MS, None).await.unwrap();
    publish(sts, "kid-2").await.unwrap();
    let (settled, later) = (AT_MS + KEY_SETTLING_MS, AT_MS + 10_000_000);
    sts.activate_key(&bank, second, settled, None)
        .await
        .unwrap();
    assert!(
        sts.reseal_key(&bank, "kid-2", b"sealed", b"again")
            .await
            .unwrap()
    );
    sts.drop_key(&bank, "kid-1", later).await.unwrap();
    sts.revoke_key(&bank, "kid-2", later, None).await.unwrap();
    assert_eq!(parties.control.keys(&bank).await.unwrap().len(), 2);
    let opened = sts
        .commit(&bank, session("ses_1", "payout", "payout"), AT_MS, None)
        .await;
    opened.unwrap();
    for below in ["ses_2", "ses_3"] {
        let change = child(below, "payout", "payout", "ses_1");
        sts.commit(&bank, change, AT_MS, None).await.unwrap();
    }
    let by_control = "session/ses_2".parse().unwrap();
    let ended = parties.control.revoke(&bank, by_control, NOW_S, None).await;
    ended.unwrap();
    crowd(&parties.place, "payout", None, 19_999).await;
    let full = session("ses_4", "payout", "payout");
    let refused = sts.commit(&bank, full, AT_MS, None).await;
    assert!(matches!(refused, Err(CommitError::Limit(_))), "{refused:?}");
    for target in ["mandate/m", "mandate/m", "session/ses_1"] {
        let target = target.parse().unwrap();
        sts.revoke(&bank, target, NOW_S, Some(&unique()))
            .await
            .unwrap();
    }
    let swept = session("ses_4", "payout", "payout");
    sts.commit(&bank, swept, AT_MS, None).await.unwrap();
    assert_eq!(counts(&parties.place).await, counted(&parties.place).await);
    let head = sts.head().await.unwrap();
    for change in [
        zone("shop"),
        application("more", &["more"]),
        resource("more", "https://more", &["more.bank"], &["a:read"]),
        grant("grt_2", "payout", "accounts", "a:read"),
        delegation("dlg_2", "payout", "payout-2", "accounts", "a:read"),
        suspended("session/ses_1"),
        policy("package caracal.policy"),
        point(
            "edge",
            "edge",
            caracal_store::model::PointRole::Gateway,
            &[],
        ),
        issuer("i", "https://i", "human"),
        credential(
            "crd_1",
            "payout",
            json!({"kind": "spiffe", "spiffe_id": fixture::spiffe("w")}),
        ),
    ] {
        let (kind, zone) = (
            change.kind(),
            if change.kind() == "zone_created" {
                name("shop")
            } else {
                bank.clone()
            },
        );
        let result = sts.commit(&zone, change, AT_MS, None).await;
        assert!(is_refused(&result), "{kind}: {result:?}");
    }
    for target in [
        "grant/grt_1",
        "application/payout",
        "resource/accounts",
        "zone",
    ] {
        let result = sts
            .revoke(&bank, target.parse().unwrap(), NOW_S, None)
            .await;
        assert!(is_refused(&result), "{target}: {result:?}");
    }
    assert_eq!(
        sts.head().await.unwrap(),
        head,
        "a refusal takes no position"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_around_the_log_nor_changes_it() {
    let parties = Parties::with_bank().await;
    let entry = |kind: &str, payload: &str| {
        format!("INSERT INTO authority_log VALUES (99, 'bank', 0, '{kind}', '{payload}')")
    };
    let session = entry("session_opened", r#"{"kind":"session_opened"}"#);
    let declared = entry("session_declared", r#"{"kind":"session_declared"}"#);
    let grant = entry("grant_created", r#"{"kind":"grant_created"}"#);
    let disguised = entry("session_opened", r#"{"kind":"grant_created"}"#);
    for (statement, control, sts) in [
        (&*session, false, true),
        (&*declared, true, false),
        (&*grant, true, false),
        (&*disguised, false, false),
        ("UPDATE authority_log SET payload = ''", false, false),
        ("DELETE FROM authority_log", false, false),
        ("TRUNCATE authority_log", false, false),
        ("UPDATE meta SET head = head + 1", true, true),
        ("UPDATE meta SET term = 7", false, false),
        ("DELETE FROM meta", false, false),
        (
            "INSERT INTO grants VALUES ('g', 'bank', 'payout', 'accounts', '', 1)",
            true,
            false,
        ),
        ("UPDATE grants SET revoked_seq = NULL", true, false),
        ("UPDATE grants SET definition = ''", false, false),
        ("DELETE FROM grants", false, false),
        ("UPDATE applications SET definition = ''", false, false),
        ("UPDATE credentials SET definition = ''", false, false),
        ("UPDATE identities SET name = 'x'", false, false),
        ("DELETE FROM identities", false, false),
        ("DELETE FROM issuers", true, false),
        ("UPDATE policies SET source = ''", false, false),
        ("DELETE FROM revocations", false, false),
        ("UPDATE zones SET issuer = ''", false, false),
        ("UPDATE idempotency_keys SET digest = ''", false, false),
        ("DELETE FROM idempotency_keys", false, false),
        ("SELECT sealed FROM signing_keys", false, true),
        ("SELECT kid, point FROM signing_keys", true, true),
        ("SELECT state, retired_ms FROM signing_keys", true, true),
        ("UPDATE signing_keys SET sealed = ''", false, true),
        ("UPDATE signing_keys SET state = 'dropped'", false, true),
        ("UPDATE signing_keys SET point = ''", false, false),
        ("DELETE FROM signing_keys", false, false),
        ("UPDATE sessions SET definition = ''", false, false),
        ("DELETE FROM sessions", false, false),
        (
            "INSERT INTO session_counts VALUES ('bank', 'zone', 'bank', 1)",
            true,
            true,
        ),
        (
            "INSERT INTO session_leases SELECT 'ses_1', 'bank', 1, 1, 1 WHERE false",
            true,
            false,
        ),
        ("UPDATE session_leases SET until_ms = 0", true, true),
        ("UPDATE session_leases SET lease_ms = 0", false, false),
        ("UPDATE session_leases SET ends_ms = 0", false, false),
        ("DELETE FROM session_leases", false, false),
        ("UPDATE session_counts SET open = open - 1", true, true),
        ("UPDATE session_counts SET name = 'x'", false, false),
        ("DELETE FROM session_counts", false, false),
        ("SELECT used FROM single_use", false, true),
        ("UPDATE single_use SET expires = 0", false, false),
        ("TRUNCATE single_use", false, false),
        ("CREATE TABLE mine (id BIGINT)", false, false),
        (
            "ALTER TABLE authority_log DISABLE ROW LEVEL SECURITY",
            false,
            false,
        ),
        ("DROP TABLE grants", false, false),
        ("SET ROLE caracal_owner", false, false),
        ("UPDATE _sqlx_migrations SET success = false", false, false),
    ] {
        assert_eq!(
            parties.may("control_user", statement).await,
            control,
            "control: {statement}"
        );
        assert_eq!(
            parties.may("sts_user", statement).await,
            sts,
            "sts: {statement}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_service_takes_single_uses_and_frees_none_that_counts() {
    let parties = Parties::new().await;
    let (sts, place) = (&parties.sts, &parties.place);
    let long_ago = 1_000;
    let later = 32_503_680_000;
    for (digest, until) in [([1; 32], long_ago), ([2; 32], later)] {
        assert!(sts.use_once(&digest, until).await.unwrap());
        assert!(!sts.use_once(&digest, until).await.unwrap());
    }
    assert!(parties.control.use_once(&[3; 32], later).await.is_err());
    // A clock that is far ahead, or a service that was taken over.
    assert_eq!(sts.forget_uses(later * 2).await.unwrap(), 1);
    assert!(!sts.use_once(&[2; 32], later).await.unwrap());
    let mut connection = connect(place).await.unwrap();
    let (left,): (i64,) = sqlx::query_as("SELECT count(*) FROM single_use")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(left, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn even_the_owner_cannot_rewrite_the_log() {
    let parties = Parties::with_bank().await;
    let mut connection = connect(&parties.place).await.unwrap();
    for statement in [
        "UPDATE authority_log SET payload = ''",
        "DELETE FROM authority_log WHERE seq = 4",
        "TRUNCATE authority_log CASCADE",
    ] {
        let error = sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("append-only"),
            "{statement}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_says_what_to_do_about_an_old_schema() {
    let server = PostgresServer::shared();
    let place = server.empty_database().await;
    server.database().await;
    let name = place.to_string();
    let sts = server.url("sts_user", name.rsplit('/').next().unwrap());
    let error = Store::connect(&sts).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Schema(SchemaError::NotOwner)),
        "{error:?}"
    );
    assert!(error.to_string().contains("caracal db migrate"), "{error}");
    Store::migrate(&place).await.unwrap();
    let error = Store::connect(&sts).await.unwrap_err();
    assert!(
        !matches!(error, OpenError::Schema(SchemaError::NotOwner)),
        "{error:?}"
    );
    Store::create_roles(&place).await.unwrap();
    Store::create_roles(&place).await.unwrap();
    Store::connect(&sts).await.unwrap();
}

async fn publish(store: &Store, kid: &str) -> Result<caracal_store::Committed, CommitError> {
    let (kid, point) = (kid.to_owned(), "point".to_owned());
    let key = SigningKey { kid, point };
    store
        .publish_key(&name("bank"), key, b"sealed", AT_MS)
        .await
}
