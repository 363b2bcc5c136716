//! The run: what holds secrets, and what is done with them.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;

use super::search::{Outputs, Secrets};
use super::{
    DATABASE_PASSWORD, JWT_BEARER, PIN, REDIS_PASSWORD, check, database, guarded_redis, hsm_token,
    mandate_of, random, start, write_secret,
};
use crate::support::jwt::ClientKey;
use crate::support::zone::{Admin, ISSUER, answer, form, shown};
use crate::support::{Place, Serving, succeeded, text, tls, until};

/// A run with every kind of proof, refusal and failure. `whole` has a Redis that answers and an HSM;
/// else Redis is away all the time.
pub(super) async fn full_run(log: &str, whole: bool) -> (Secrets, Outputs) {
    let place = Place::new();
    let (mut secrets, mut outputs) = (made_secrets(&place), Outputs::default());
    let database = database().await;
    for step in ["migrate", "roles"] {
        let mut command = place.command(["db", step]);
        command
            .env("CARACAL_LOG", "trace")
            .env("CARACAL_DATABASE_URL", &database)
            .env("CARACAL_LEDGER_DATABASE_URL", &database);
        assert!(outputs.run(command).success());
    }
    let redis = whole.then(guarded_redis);
    let away = || format!("redis://u:{REDIS_PASSWORD}@127.0.0.1:1");
    let redis_url = redis.as_ref().map_or_else(away, |(_, url)| url.clone());
    let hsm = whole.then(|| hsm_token(&place));
    let mut up = start(&place, log, &database, &redis_url, hsm.as_deref());
    if whole {
        until("Redis is listened to", async || {
            let metrics = reqwest::get(up.address("metrics")).await.unwrap();
            let shown = metrics.text().await.unwrap();
            shown.contains("caracal_sts_peer_listening 1")
        })
        .await;
    }
    let scene = Scene::set(&place, &up, &mut secrets);
    let proven = scene.prove(&mut secrets).await;
    scene.refuse(&proven, &mut outputs).await;
    scene.ask_oddly(&proven, &mut outputs).await;
    scene.deny(&mut outputs).await;
    scene.look(&mut outputs).await;
    let secret = scene.secret;
    up.signal("TERM");
    assert!(
        up.ended(crate::support::PATIENCE).success(),
        "{}",
        up.printed()
    );
    outputs.add("caracal up", up.printed());

    fail_to_start(&place, log, &secret, &mut outputs);
    (secrets, outputs)
}

fn made_secrets(place: &Place) -> Secrets {
    let mut secrets = Secrets::default();
    let (kek, redis_key) = (random(0x5a), random(0xc3));
    write_secret(&place.path("kek"), &kek);
    write_secret(&place.path("redis.key"), &redis_key);
    secrets.add_bytes("the key-encryption key", &kek);
    secrets.add_bytes("the replicas' key", &redis_key);
    secrets.add("the database's password", DATABASE_PASSWORD);
    secrets.add("Redis's password", REDIS_PASSWORD);
    secrets.add("the PIN", PIN);
    for name in ["sts", "payout", "ca"] {
        secrets.add_pem(
            &format!("the private key of {name}"),
            &place.path(&format!("tls/{name}.key")),
        );
    }
    secrets
}

/// A zone on a running server.
struct Scene<'a> {
    place: &'a Place,
    up: &'a Serving,
    admin: Admin<'a>,
    door: String,
    grant: String,
    token: String,
    secret: String,
    key: ClientKey,
}

/// What was used and obtained.
struct Proven {
    assertion: String,
    mandate: String,
}

impl<'a> Scene<'a> {
    fn set(place: &'a Place, up: &'a Serving, secrets: &mut Secrets) -> Self {
        let token = text(&up.token_file());
        secrets.add("the administrator's token", &token);
        secrets.add_bytes(
            "the ledger's key",
            &std::fs::read(up.data.join("ledger.key")).unwrap()[..],
        );
        let admin = Admin::of(place, up);
        let grant = admin.make_zone();
        let secret = admin.secret();
        secrets.add("the client secret", &secret);
        let key = ClientKey::generate();
        secrets.add("the client's private key", key.private());
        std::fs::write(place.path("client.json"), key.public_jwk().to_string()).unwrap();
        admin.run(&[
            "app",
            "credential",
            "add",
            "payout",
            "--jwks",
            &shown(&place.path("client.json")),
        ]);
        let door = up.http();

        Self {
            place,
            up,
            admin,
            door,
            grant,
            token,
            secret,
            key,
        }
    }

    fn by_secret(&self) -> [(&str, &str); 2] {
        [("client_id", "payout"), ("client_secret", &self.secret)]
    }

    /// Every proof, and what it obtains.
    async fn prove(&self, secrets: &mut Secrets) -> Proven {
        let Self {
            place,
            up,
            door,
            token,
            secret,
            key,
            ..
        } = self;
        let (status, body) = answer(form(door, &self.by_secret()).send().await.unwrap()).await;
        assert_eq!(status, 200, "{body}");
        secrets.add_jwt(
            "a mandate by secret",
            body["access_token"].as_str().unwrap(),
        );
        let assertion = key.assertion(ISSUER, "first");
        secrets.add_jwt("an assertion", &assertion);
        let by_key = [
            ("client_assertion", assertion.as_str()),
            ("client_assertion_type", JWT_BEARER),
        ];
        let (status, body) = answer(form(door, &by_key).send().await.unwrap()).await;
        assert_eq!(status, 200, "{body}");
        let mandate = body["access_token"].as_str().unwrap().to_owned();
        secrets.add_jwt("a mandate by assertion", &mandate);
        let wish = "grant_type=client_credentials&resource=https%3A%2F%2Faccounts.example&scope=accounts%3Aread";
        let https = up.address("the same with TLS").replace("https://", "");
        let path = "/zones/bank/token";
        let said = tls::post(place, &https, "payout", path, wish);
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        let body: serde_json::Value =
            serde_json::from_str(said.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        secrets.add_jwt(
            "a mandate by certificate",
            body["access_token"].as_str().unwrap(),
        );

        // The same through Envoy, which hands on what its clients send.
        let channel = tls::channel(place, &up.address("gRPC"), "payout").await;
        let mut envoy = AuthorizationClient::new(channel);
        let by_envoy = mandate_of(&check(&mut envoy, None).await);
        secrets.add_jwt("a mandate through Envoy", &by_envoy);
        for credential in [by_envoy.as_str(), secret, token] {
            check(&mut envoy, Some(credential)).await;
        }

        Proven { assertion, mandate }
    }

    /// Refusals, with secrets where they belong and where they do not.
    async fn refuse(&self, proven: &Proven, outputs: &mut Outputs) {
        let Self {
            door,
            token,
            secret,
            ..
        } = self;
        let Proven { assertion, mandate } = proven;
        let by_secret = self.by_secret();
        let by_key = [
            ("client_assertion", assertion.as_str()),
            ("client_assertion_type", JWT_BEARER),
        ];
        outputs
            .refused("a replayed assertion", form(door, &by_key))
            .await;
        for (name, value) in [
            ("client_id", secret.as_str()),
            ("scope", secret),
            ("resource", secret),
            ("audience", token),
            ("grant_type", mandate),
            ("subject_token", mandate),
            ("client_secret", mandate),
            ("requested_token_type", secret),
            (secret.as_str(), "name of a parameter"),
            ("client_assertion_type", secret),
            ("client_assertion", secret),
        ] {
            let pairs = [by_secret[0], by_secret[1], (name, value)];
            outputs
                .refused(&format!("{name:.12} in a form"), form(door, &pairs))
                .await;
        }
    }

    /// Requests of no known form.
    async fn ask_oddly(&self, proven: &Proven, outputs: &mut Outputs) {
        let Self {
            up,
            door,
            token,
            secret,
            ..
        } = self;
        let mandate = &proven.mandate;
        let by_secret = self.by_secret();
        let client = reqwest::Client::new();
        let mut requests = Vec::new();
        for odd in [secret, token, mandate] {
            requests.extend([
                form(door, &by_secret).header("authorization", format!("Bearer {odd}")),
                form(door, &by_secret).header(
                    "authorization",
                    format!("Basic {}", STANDARD.encode(format!("payout:{odd}"))),
                ),
                client.post(format!("{door}/zones/{odd}/token")),
                client.post(format!("{door}/zones/bank/token?client_secret={odd}")),
                client
                    .post(format!("{door}/zones/bank/token"))
                    .header("content-type", odd.as_str())
                    .body(odd.clone()),
                client.get(format!("{door}/{odd}")),
                client
                    .post(format!("{door}/zones/bank/introspect"))
                    .body(format!("token={odd}")),
                client
                    .get(format!("{}/v1/zones", up.admin()))
                    .header("authorization", format!("Bearer {odd}x")),
                client
                    .get(format!("{}/v1/zones/{odd}/grants", up.admin()))
                    .header("authorization", format!("Bearer {token}")),
                client
                    .post(format!("{}/v1/zones/bank/grants", up.admin()))
                    .header("authorization", format!("Bearer {token}"))
                    .header("content-type", "application/json")
                    .body(format!("{{\"{odd}\": 1}}")),
            ]);
        }
        for (number, request) in requests.into_iter().enumerate() {
            // The administrator is told which name of a zone or member is wrong; nobody else is.
            let response = request.send().await.unwrap();
            let (status, body) = answer(response).await;
            assert!(status >= 400, "{number}: {body}");
            let own_words = [8, 9].contains(&(number % 10));
            if !own_words {
                outputs.add(&format!("odd request {number}"), body.to_string());
            }
        }
    }

    /// A denial for want of a grant.
    async fn deny(&self, outputs: &mut Outputs) {
        let Self {
            admin, door, grant, ..
        } = self;
        let by_secret = self.by_secret();
        admin.run(&["revoke", &format!("grant/{grant}")]);
        until("the grant is gone", async || {
            form(door, &by_secret).send().await.unwrap().status() == 400
        })
        .await;
        outputs
            .refused("without a grant", form(door, &by_secret))
            .await;
    }

    /// What operators look at.
    async fn look(&self, outputs: &mut Outputs) {
        let Self {
            up, admin, door, ..
        } = self;
        let metrics = reqwest::get(up.address("metrics")).await.unwrap();
        outputs.add("metrics", metrics.text().await.unwrap());
        outputs.add("readiness", up.readiness(door).await.1.to_string());
        for command in [
            &["key", "list"][..],
            &["app", "credential", "list", "payout"],
            &["audit", "list"],
            &["status"],
        ] {
            let output = admin.try_run(command);
            succeeded(&output);
            outputs.add(
                &command.join(" "),
                String::from_utf8(output.stdout).unwrap(),
            );
        }
    }
}

/// Starts that fail, with secrets in the settings.
fn fail_to_start(place: &Place, log: &str, secret: &str, outputs: &mut Outputs) {
    let tls = |command: &mut Command| {
        command
            .args(["--log-level", "trace", "--log", log, "--data"])
            .arg(place.path("failed-data"))
            .args(["--tls-cert".into(), place.path("tls/sts.pem")])
            .args(["--tls-key".into(), place.path("tls/sts.key")])
            .args(["--tls-ca".into(), place.path("tls/ca.pem")]);
    };
    let gone = format!("postgres://u:{DATABASE_PASSWORD}@127.0.0.1:1/none");
    for (flags, variables) in [
        (vec!["--database".to_owned(), gone.clone()], vec![]),
        (
            vec![],
            vec![("CARACAL_DATABASE_URL", gone.replace("127.0.0.1:1", "[h"))],
        ),
        (
            vec![
                "--grpc".to_owned(),
                secret.to_owned(),
                secret.to_owned(),
                format!("--{secret}={secret}"),
            ],
            vec![],
        ),
        (
            vec![],
            vec![(
                "CARACAL_REDIS_URL",
                format!("redis://u:{REDIS_PASSWORD}@r.example"),
            )],
        ),
        (
            vec![
                "--pkcs11-pin".to_owned(),
                PIN.to_owned(),
                "--kek".to_owned(),
                format!("env:{secret}"),
            ],
            vec![("CARACAL_LEASE_MS", PIN.to_owned())],
        ),
        (
            vec![
                "--pkcs11-module".to_owned(),
                "/no/such.so".to_owned(),
                "--pkcs11-token".to_owned(),
                "t".to_owned(),
                "--pkcs11-pin".to_owned(),
                "env:THE_PIN".to_owned(),
            ],
            vec![("THE_PIN", PIN.to_owned())],
        ),
    ] {
        let mut command = place.command(["up"]);
        tls(&mut command);
        command.args(flags).envs(variables);
        assert!(!outputs.run(command).success());
    }
}
