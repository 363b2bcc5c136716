//! No secret of a full run is in anything that was printed or answered, at the most talkative level.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use caracal_store::testing::{OWNER, PostgresServer};

use crate::support::jwt::ClientKey;
use crate::support::zone::{Admin, ISSUER, answer, form, shown};
use crate::support::{Place, Serving, succeeded, text, tls, until};

const DATABASE_PASSWORD: &str = "dbpw-5f1c0a9e77";
const REDIS_PASSWORD: &str = "redispw-88d1e4b2aa";
const PIN: &str = "pin-71934402";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What must not be seen, by name.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn add(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        assert!(value.len() >= 8, "{name} is too short to be looked for");
        self.0.push((name.to_owned(), value));
    }

    /// Bytes, as anything that prints bytes would print them.
    fn add_bytes(&mut self, name: &str, bytes: &[u8]) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.add(&format!("{name} in hex"), hex.clone());
        self.add(&format!("{name} in HEX"), hex.to_uppercase());
        self.add(
            &format!("{name} in base64"),
            STANDARD.encode(bytes).trim_end_matches('='),
        );
        self.add(
            &format!("{name} in base64url"),
            URL_SAFE_NO_PAD.encode(bytes),
        );
        self.add(
            &format!("{name} as a list"),
            format!("{:?}", &bytes[..bytes.len().min(16)]).trim_matches(['[', ']']),
        );
    }

    /// A private key in PEM: each of its lines.
    fn add_pem(&mut self, name: &str, file: &Path) {
        let text = text(file);
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("-----") && line.len() >= 32);
        for line in lines {
            self.add(name, line);
        }
    }

    /// The part of a JWT without which it is nothing.
    fn add_jwt(&mut self, name: &str, jwt: &str) {
        self.add(name, jwt.rsplit('.').next().unwrap());
    }

    /// Where which secret is seen.
    fn seen_in(&self, outputs: &[(String, String)]) -> Vec<String> {
        let mut seen = Vec::new();
        for (place, output) in outputs {
            for (name, value) in &self.0 {
                if let Some(at) = output.find(value) {
                    let line = output[..at].lines().count();
                    let context: String = output[..at].chars().rev().take(200).collect();
                    let context: String = context.chars().rev().collect();
                    seen.push(format!("{name} in {place}, line {line}: ...{context}"));
                }
            }
        }
        seen
    }
}

/// Everything that was said in the run.
#[derive(Default)]
struct Outputs(Vec<(String, String)>);

impl Outputs {
    fn add(&mut self, place: &str, output: impl Into<String>) {
        self.0.push((place.to_owned(), output.into()));
    }

    fn run(&mut self, mut command: Command) -> std::process::ExitStatus {
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        self.add(
            &format!("{command:?}")
                .replace(env!("CARGO_BIN_EXE_caracal"), "caracal")
                .chars()
                .take(80)
                .collect::<String>(),
            String::from_utf8_lossy(&said),
        );
        output.status
    }

    /// An answer that refuses: whatever it says, it says no secret.
    async fn refused(&mut self, place: &str, request: reqwest::RequestBuilder) -> u16 {
        let response = request.send().await.unwrap();
        let head = format!("{:?}", response.headers());
        let (status, body) = answer(response).await;
        assert!(status >= 400, "{place}: {status} {body}");
        self.add(place, format!("{head}{body}"));
        status
    }
}

async fn database() -> String {
    let server = PostgresServer::shared();
    let owner = server.empty_database().await.to_string();
    let name = owner.rsplit('/').next().unwrap();
    let name = name.split('?').next().unwrap();
    let url = server.url_text(OWNER, name);
    url.replace("@localhost", &format!(":{DATABASE_PASSWORD}@localhost"))
}

fn start(place: &Place, name: &str, log: &str, database: &str) -> Serving {
    let flags = ["--grpc", "--http", "--https", "--admin", "--metrics"];
    let addresses = flags.map(|flag| [flag, "127.0.0.1:0"]).concat();
    let mut command = place.command([
        "up",
        "--drain-ms",
        "0",
        "--log",
        log,
        "--log-level",
        "trace",
    ]);
    command
        .args(addresses)
        .arg("--redis-key")
        .arg(place.path("redis.key"))
        .arg("--kek")
        .arg(format!("file:{}", shown(&place.path("kek"))))
        .env("CARACAL_DATABASE_URL", database)
        .env("CARACAL_LEDGER_DATABASE_URL", database)
        // Nobody is there, so that its client complains all the time.
        .env(
            "CARACAL_REDIS_URL",
            format!("redis://u:{REDIS_PASSWORD}@127.0.0.1:1"),
        );
    place.serve(name, command)
}

fn write_secret(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn random(fill: u8) -> [u8; 32] {
    // Distinct bytes, so that no other thing looks like them.
    std::array::from_fn(|at| fill ^ u8::try_from(at * 37 % 251).unwrap())
}

/// A run with every kind of proof, refusal and failure.
async fn full_run(log: &str) -> (Secrets, Outputs) {
    let place = Place::new();
    let (mut secrets, mut outputs) = (Secrets::default(), Outputs::default());
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
    let database = database().await;
    for step in ["migrate", "roles"] {
        let mut command = place.command(["db", step]);
        command
            .env("CARACAL_LOG", "trace")
            .env("CARACAL_DATABASE_URL", &database)
            .env("CARACAL_LEDGER_DATABASE_URL", &database);
        assert!(outputs.run(command).success());
    }
    let mut up = start(&place, "up", log, &database);
    let token = text(&up.token_file());
    secrets.add("the administrator's token", &token);
    secrets.add_bytes(
        "the ledger's key",
        &std::fs::read(up.data.join("ledger.key")).unwrap()[..],
    );
    let admin = Admin::of(&place, &up);
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

    // Every proof, and what it obtains.
    let by_secret = [("client_id", "payout"), ("client_secret", secret.as_str())];
    let (status, body) = answer(form(&door, &by_secret).send().await.unwrap()).await;
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
    let (status, body) = answer(form(&door, &by_key).send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    let mandate = body["access_token"].as_str().unwrap().to_owned();
    secrets.add_jwt("a mandate by assertion", &mandate);
    let wish = "grant_type=client_credentials&resource=https%3A%2F%2Faccounts.example&scope=accounts%3Aread";
    let https = up.address("the same with TLS").replace("https://", "");
    let path = "/zones/bank/token";
    let said = tls::post(&place, &https, "payout", path, wish);
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let body: serde_json::Value =
        serde_json::from_str(said.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    secrets.add_jwt(
        "a mandate by certificate",
        body["access_token"].as_str().unwrap(),
    );

    // Refusals, with secrets where they belong and where they do not.
    outputs
        .refused("a replayed assertion", form(&door, &by_key))
        .await;
    for (name, value) in [
        ("client_id", secret.as_str()),
        ("scope", &secret),
        ("resource", &secret),
        ("audience", &token),
        ("grant_type", &mandate),
        ("subject_token", &mandate),
        ("client_secret", &mandate),
        ("requested_token_type", &secret),
        (secret.as_str(), "name of a parameter"),
        ("client_assertion_type", &secret),
        ("client_assertion", &secret),
    ] {
        let pairs = [by_secret[0], by_secret[1], (name, value)];
        outputs
            .refused(&format!("{name:.12} in a form"), form(&door, &pairs))
            .await;
    }
    let client = reqwest::Client::new();
    let mut requests = Vec::new();
    for odd in [secret.as_str(), &token, &mandate] {
        requests.extend([
            form(&door, &by_secret).header("authorization", format!("Bearer {odd}")),
            form(&door, &by_secret).header(
                "authorization",
                format!("Basic {}", STANDARD.encode(format!("payout:{odd}"))),
            ),
            client.post(format!("{door}/zones/{odd}/token")),
            client.post(format!("{door}/zones/bank/token?client_secret={odd}")),
            client
                .post(format!("{door}/zones/bank/token"))
                .header("content-type", odd)
                .body(odd.to_owned()),
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
        // Names that the caller chose are named to the caller: these places are for names.
        let response = request.send().await.unwrap();
        let (status, body) = answer(response).await;
        assert!(status >= 400, "{number}: {body}");
        let own_words = [7, 8, 9].contains(&(number % 10));
        if !own_words {
            outputs.add(&format!("odd request {number}"), body.to_string());
        }
    }
    // A denial, by policy's want of a grant.
    admin.run(&["revoke", &format!("grant/{grant}")]);
    until("the grant is gone", async || {
        form(&door, &by_secret).send().await.unwrap().status() == 400
    })
    .await;
    outputs
        .refused("without a grant", form(&door, &by_secret))
        .await;

    // Metrics, readiness, key list, status.
    let metrics = reqwest::get(up.address("metrics")).await.unwrap();
    outputs.add("metrics", metrics.text().await.unwrap());
    outputs.add("readiness", up.readiness(&door).await.1.to_string());
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
    up.signal("TERM");
    assert!(
        up.ended(crate::support::PATIENCE).success(),
        "{}",
        up.printed()
    );
    outputs.add("caracal up", up.printed());

    // Starts that fail, with secrets in the settings.
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
                secret.clone(),
                secret.clone(),
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
    (secrets, outputs)
}

async fn check(log: &str) {
    let (mut secrets, mut outputs) = full_run(log).await;
    let server = outputs
        .0
        .iter()
        .find(|(place, _)| place == "caracal up")
        .unwrap();
    assert!(server.1.len() > 10_000, "the log was at its most talkative");
    if log == "json" {
        let mut lines = server
            .1
            .lines()
            .filter(|line| line.starts_with('{'))
            .peekable();
        assert!(lines.peek().is_some());
        for line in lines {
            let _object: serde_json::Map<_, _> = serde_json::from_str(line).unwrap();
        }
    }
    let seen = secrets.seen_in(&outputs.0);
    assert!(seen.is_empty(), "{seen:#?}");
    // The search itself is able to find something.
    secrets.add("a planted secret", "planted-8c1d0f");
    outputs.add("a planted place", "x planted-8c1d0f y");
    assert_eq!(secrets.seen_in(&outputs.0).len(), 1);
    assert!(secrets.0.len() > 30, "{}", secrets.0.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_full_run_is_printed_or_answered_as_text() {
    check("text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_full_run_is_printed_or_answered_as_json() {
    check("json").await;
}
