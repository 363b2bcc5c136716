//! `caracal sts` and `caracal control` as two processes under two roles of one `PostgreSQL`.

use caracal_store::testing::{OWNER, PostgresServer};

use crate::support::zone::{Admin, exchange, shown};
use crate::support::{Place, Serving, succeeded, until};

const CONTROL_ID: &str = "spiffe://caracal.dev/caracal/control";

struct Halves {
    place: Place,
    database: String,
    sts: Serving,
    control: Serving,
}

impl Halves {
    async fn start() -> Self {
        let server = PostgresServer::shared();
        let place = Place::new();
        let owner = server.database().await;
        let database = owner.to_string();
        let database = database.rsplit('/').next().unwrap();
        let database = database.split('?').next().unwrap().to_owned();
        let owner = server.url_text(OWNER, &database);
        for step in ["migrate", "roles"] {
            let made = place
                .command(["db", step, "--ledger-database", &owner])
                .output();
            succeeded(&made.unwrap());
        }
        server
            .execute(&database, "GRANT caracal_ledger TO control_user, sts_user")
            .await;
        let as_user = |name: &str| server.url_text(name, &database);
        let url = as_user("sts_user");
        let arguments = ["--grpc", "--http"].map(|flag| [flag, "127.0.0.1:0"]);
        let mut command = place.command(["sts", "--control-id", CONTROL_ID, "--drain-ms", "0"]);
        command
            .args(arguments.concat())
            .env("CARACAL_DATABASE_URL", &url)
            .env("CARACAL_LEDGER_DATABASE_URL", &url);
        let sts = place.serve("sts", command);
        // Both sign checkpoints of one ledger.
        let data = place.path("control-data");
        std::fs::create_dir(&data).unwrap();
        for name in ["ledger.key", "ledger.vkey"] {
            std::fs::copy(sts.data.join(name), data.join(name)).unwrap();
        }
        let grpc = sts.address("gRPC").replace("127.0.0.1", "localhost");
        let url = as_user("control_user");
        let mut command = place.command(["control", "--sts", &format!("https://{grpc}")]);
        command
            .args(["--admin", "127.0.0.1:0"])
            .env("CARACAL_DATABASE_URL", &url)
            .env("CARACAL_LEDGER_DATABASE_URL", &url);
        let control = place.serve("control", command);
        Self {
            place,
            database,
            sts,
            control,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_under_two_roles_do_what_one_does() {
    let halves = Halves::start().await;
    let admin = Admin::of(&halves.place, &halves.control);
    let grant = admin.make_zone();
    let secret = admin.secret();
    let door = halves.sts.http();
    until("the token service knows the secret", async || {
        exchange(&door, &secret).await.0 == 200
    })
    .await;
    // A revocation that was acknowledged is obeyed, by the next request.
    let revoked = admin.run(&["revoke", &format!("grant/{grant}"), "--wait"]);
    assert_eq!(revoked["silent"], serde_json::json!([]), "{revoked}");
    until("the revocation has arrived", async || {
        exchange(&door, &secret).await.0 != 200
    })
    .await;
    for _ in 0..20 {
        assert_eq!(exchange(&door, &secret).await.0, 400);
    }
    // Steps of keys are the token service's, which is asked for them.
    let keys = admin.run(&["key", "list"]);
    let kept = keys["items"][0]["kept_in"].as_str().unwrap();
    assert!(kept.starts_with("database"), "{keys}");
    // Every change and every decision is in the one ledger, whoever wrote it.
    let events = admin.run(&["audit", "list", "--limit", "100"]);
    let events = events["items"].as_array().unwrap();
    let of = |component: &str, outcome: &str| {
        let is = |event: &&serde_json::Value| {
            let event = &event["event"];
            event["component"] == component && event["outcome"] == outcome
        };
        events.iter().filter(is).count()
    };
    assert!(of("control", "allow") >= 6, "{events:#?}");
    assert!(
        of("sts", "allow") >= 1 && of("sts", "deny") >= 20,
        "{events:#?}"
    );
    for (serving, door) in [
        (&halves.sts, halves.sts.http()),
        (&halves.control, halves.control.admin()),
    ] {
        let (status, body) = serving.readiness(&door).await;
        assert_eq!(status, 200, "{body}");
    }
    // What each of them needs, and nothing of the other's.
    assert!(!halves.sts.token_file().exists());
    assert!(!halves.control.data.join("kek").exists());
    let _database = &halves.database;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_goes_through_to_the_token_service() {
    let halves = Halves::start().await;
    let admin = Admin::of(&halves.place, &halves.control);
    admin.make_zone();
    let keys = admin.run(&["key", "list"]);
    let items = keys["items"].as_array().unwrap();
    let active = items.iter().find(|key| key["state"] == "active").unwrap();
    let kid = active["kid"].as_str().unwrap();
    let step = admin.run(&["key", "revoke", kid]);
    assert_ne!(step["signing"], *kid, "{step}");
    // A refusal comes through as what it is.
    let again = admin.try_run(&["key", "revoke", "no-such-key"]);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        !again.status.success() && said.contains("does not exist"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_token_service_the_management_api_is_not_ready_and_says_so() {
    let mut halves = Halves::start().await;
    let admin = Admin::of(&halves.place, &halves.control);
    let grant = admin.make_zone();
    halves.sts.signal("KILL");
    halves.sts.ended(crate::support::PATIENCE);
    let door = halves.control.admin();
    let (status, body) = halves.control.readiness(&door).await;
    assert_eq!(status, 503);
    let reason = body["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("token service https://"), "{body}");
    // A revocation is committed all the same; who has not heard of it is named.
    let revoked = admin.run(&["revoke", &format!("grant/{grant}")]);
    assert!(revoked["seq"].is_u64(), "{revoked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_not_named_may_ask_for_nothing() {
    let halves = Halves::start().await;
    let grpc = halves.sts.address("gRPC").replace("127.0.0.1", "localhost");
    let server = PostgresServer::shared();
    let url = server.url_text("control_user", &halves.database);
    let mut command = halves
        .place
        .command(["control", "--sts", &format!("https://{grpc}")]);
    command
        .args(["--admin", "127.0.0.1:0"])
        .env("CARACAL_DATABASE_URL", &url)
        .env("CARACAL_LEDGER_DATABASE_URL", &url);
    // The certificate of the application, in the place of the management API's own.
    for kind in ["pem", "key"] {
        let own = halves.place.path(&format!("tls/payout.{kind}"));
        std::fs::copy(own, halves.place.path(&format!("tls/control.{kind}"))).unwrap();
    }
    let data = halves.place.path("control-2-data");
    std::fs::create_dir(&data).unwrap();
    for name in ["ledger.key", "ledger.vkey"] {
        std::fs::copy(halves.sts.data.join(name), data.join(name)).unwrap();
    }
    let other = halves.place.serve("control-2", command);
    let (status, body) = other.readiness(&other.admin()).await;
    assert_eq!(status, 503, "{body}");
    assert!(
        other.printed().contains("--control-id"),
        "{}",
        other.printed()
    );
    let _shown = shown(&data);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_changed_turns_both_red_and_each_says_why() {
    let halves = Halves::start().await;
    Admin::of(&halves.place, &halves.control).make_zone();
    let doors = [
        (&halves.sts, halves.sts.http()),
        (&halves.control, halves.control.admin()),
    ];
    for (serving, door) in &doors {
        until("the ledger has checked itself", async || {
            let (status, body) = serving.readiness(door).await;
            let check = &body["ledger_self_check"];
            status == 200 && check["passes"].as_u64() > Some(0) && check["unreadable"].is_null()
        })
        .await;
    }
    let damage = "UPDATE log_state SET size = size - 1 WHERE zone = 'bank'";
    PostgresServer::shared()
        .execute(&halves.database, damage)
        .await;
    for (serving, door) in &doors {
        until("the damage is seen", async || {
            let (status, body) = serving.readiness(door).await;
            let reasons = body["reasons"].to_string();
            let named = reasons.contains(r#"zone \"bank\", entr"#);
            let advised = reasons.contains("caracal audit verify");
            status == 503 && named && advised
        })
        .await;
    }
}
