//! No secret of a full run is in anything that was printed or answered, at the most talkative level.

mod run;
mod search;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use caracal_store::testing::{OWNER, PostgresServer, RedisServer};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use tonic::transport::Channel;

use crate::support::zone::shown;
use crate::support::{Place, Serving, succeeded};
use run::full_run;

const DATABASE_PASSWORD: &str = "dbpw-5f1c0a9e77";
const REDIS_PASSWORD: &str = "redispw-88d1e4b2aa";
const PIN: &str = "pin-71934402";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn database() -> String {
    let server = PostgresServer::shared();
    let owner = server.empty_database().await.to_string();
    let name = owner.rsplit('/').next().unwrap();
    let name = name.split('?').next().unwrap();
    let url = server.url_text(OWNER, name);
    url.replace("@localhost", &format!(":{DATABASE_PASSWORD}@localhost"))
}

/// A Redis that demands the password.
fn guarded_redis() -> (RedisServer, String) {
    let server = RedisServer::start();
    let url = server.url();
    let socket = url.strip_prefix("unix://").unwrap();
    let mut stream = UnixStream::connect(socket).unwrap();
    let order = format!("ACL SETUSER u on >{REDIS_PASSWORD} ~* &* +@all\r\n");
    stream.write_all(order.as_bytes()).unwrap();
    let mut answer = [0; 3];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+OK");
    let url = format!("{url}?user=u&pass={REDIS_PASSWORD}");
    (server, url)
}

/// A token of `SoftHSM`; returns its configuration.
fn hsm_token(place: &Place) -> PathBuf {
    let (tokens, configuration) = (place.path("tokens"), place.path("softhsm2.conf"));
    std::fs::create_dir(&tokens).unwrap();
    let lines = format!("directories.tokendir = {}\n", tokens.display());
    std::fs::write(&configuration, lines).unwrap();
    let init = [
        "--init-token",
        "--free",
        "--label",
        "caracal",
        "--pin",
        PIN,
        "--so-pin",
        "13579",
    ];
    let mut command = Command::new("softhsm2-util");
    let made = command
        .args(init)
        .env("SOFTHSM2_CONF", &configuration)
        .output();
    succeeded(&made.expect("SoftHSM is installed: scripts/install-softhsm.sh"));
    configuration
}

fn softhsm() -> PathBuf {
    let given = std::env::var_os("CARACAL_SOFTHSM");
    given.map_or_else(|| "/usr/lib/softhsm/libsofthsm2.so".into(), PathBuf::from)
}

fn start(place: &Place, log: &str, database: &str, redis: &str, hsm: Option<&Path>) -> Serving {
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
        .env("CARACAL_REDIS_URL", redis);
    if let Some(configuration) = hsm {
        command
            .args(["--keys-in", "pkcs11", "--pkcs11-token", "caracal"])
            .args(["--pkcs11-pin", "env:THE_PIN", "--pkcs11-module"])
            .arg(softhsm())
            .env("THE_PIN", PIN)
            .env("SOFTHSM2_CONF", configuration);
    }
    place.serve("up", command)
}

/// A question of Envoy for the application, with whatever credential the request carries.
async fn check(
    client: &mut AuthorizationClient<Channel>,
    credential: Option<&str>,
) -> CheckResponse {
    let pseudo = [
        (":method", "GET"),
        (":path", "/accounts/42"),
        (":authority", "accounts.example"),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let credential =
        credential.map(|value| ("authorization".to_owned(), format!("Bearer {value}")));
    let http = HttpRequest {
        headers: pseudo.into_iter().chain(credential).collect(),
        ..HttpRequest::default()
    };
    let attributes = AttributeContext {
        request: Some(
            envoy_types::pb::envoy::service::auth::v3::attribute_context::Request {
                http: Some(http),
                ..Default::default()
            },
        ),
        ..AttributeContext::default()
    };
    let question = CheckRequest {
        attributes: Some(attributes),
    };
    client.check(question).await.unwrap().into_inner()
}

/// The mandate in an answer to Envoy.
fn mandate_of(answer: &CheckResponse) -> String {
    let Some(HttpResponse::OkResponse(ok)) = &answer.http_response else {
        panic!("{answer:?}");
    };
    let headers = ok
        .headers
        .iter()
        .filter_map(|option| option.header.as_ref());
    let mut bearers = headers.filter_map(|header| {
        let value = match header.raw_value.as_slice() {
            [] => header.value.clone(),
            raw => String::from_utf8(raw.to_vec()).unwrap(),
        };
        Some(value.strip_prefix("Bearer ")?.to_owned())
    });
    bearers.next().unwrap()
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

async fn search(log: &str, whole: bool) {
    let (mut secrets, mut outputs) = full_run(log, whole).await;
    let server = outputs
        .0
        .iter()
        .find(|(place, _)| place == "caracal up")
        .unwrap();
    assert!(server.1.len() > 10_000, "the log was at its most talkative");
    for target in ["h2::", "sqlx::", "tonic::"] {
        assert!(server.1.contains(target), "{target} says nothing");
    }
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
async fn no_secret_of_a_run_without_redis_is_printed_or_answered_as_text() {
    search("text", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_run_with_redis_and_hsm_is_printed_or_answered_as_json() {
    search("json", true).await;
}
