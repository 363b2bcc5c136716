//! A zone with one application that may read accounts.

use std::path::Path;

use serde_json::{Value, json};

use super::{Place, Serving, succeeded};

pub(crate) const RESOURCE: &str = "https://accounts.example";
pub(crate) const ISSUER: &str = "https://sts.example/zones/bank";

const POLICY: &str = "package caracal.policy\n\ndefault allow := false\n\n\
    allow if input.application.name == \"payout\"\n";

/// The management API of a process, by the command line.
pub(crate) struct Admin<'a> {
    place: &'a Place,
    server: String,
    token: std::path::PathBuf,
}

impl<'a> Admin<'a> {
    pub(crate) fn of(place: &'a Place, serving: &Serving) -> Self {
        Self {
            place,
            server: serving.admin(),
            token: serving.token_file(),
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Value {
        let output = self.try_run(arguments);
        succeeded(&output);
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    pub(crate) fn try_run(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = self
            .place
            .command(["--output", "json", "--server", &self.server]);
        command.arg("--token-file").arg(&self.token);
        command
            .args(arguments)
            .args(["--zone", "bank"])
            .output()
            .unwrap()
    }

    /// Makes the zone; returns the id of the grant.
    pub(crate) fn make_zone(&self) -> String {
        self.run(&["zone", "create", "bank", "--issuer", ISSUER]);
        let id = "spiffe://caracal.dev/payout";
        self.run(&["app", "create", "payout", "--spiffe-id", id]);
        self.run(&[
            "resource",
            "create",
            "accounts",
            "--uri",
            RESOURCE,
            "--host",
            "accounts.example",
            "--operation",
            "read GET /accounts/{id} accounts:read",
        ]);
        let policy = self.place.path("policy.rego");
        std::fs::write(&policy, POLICY).unwrap();
        self.run(&["policy", "apply", &shown(&policy)]);
        let grant = self.run(&[
            "grant",
            "create",
            "--app",
            "payout",
            "--resource",
            "accounts",
            "--scope",
            "accounts:read",
        ]);
        grant["id"].as_str().unwrap().to_owned()
    }

    /// A client secret for the application.
    pub(crate) fn secret(&self) -> String {
        let made = self.run(&["app", "credential", "add", "payout", "--secret"]);
        made["secret"].as_str().unwrap().to_owned()
    }
}

/// Asks for a mandate with a client secret.
pub(crate) async fn exchange(door: &str, secret: &str) -> (u16, Value) {
    answer(request(door, secret).send().await.unwrap()).await
}

pub(crate) fn request(door: &str, secret: &str) -> reqwest::RequestBuilder {
    form(door, &[("client_id", "payout"), ("client_secret", secret)])
}

/// A request of the application, with what proves it.
pub(crate) fn form(door: &str, proof: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let wish = [
        ("grant_type", "client_credentials"),
        ("resource", RESOURCE),
        ("scope", "accounts:read"),
    ];
    let pairs = wish.iter().chain(proof);
    let body: Vec<_> = pairs
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    reqwest::Client::new()
        .post(format!("{door}/zones/bank/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.join("&"))
}

pub(crate) async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "text": text }));
    (status, body)
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let bytes = text.bytes();
    bytes
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
