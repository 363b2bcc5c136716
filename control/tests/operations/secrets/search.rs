//! The secrets of a run, what was said in it, and the search of the one in the other.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::support::text;
use crate::support::zone::answer;

/// What must not be seen, by name.
#[derive(Default)]
pub(super) struct Secrets(pub(super) Vec<(String, String)>);

impl Secrets {
    pub(super) fn add(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        assert!(value.len() >= 8, "{name} is too short to be looked for");
        self.0.push((name.to_owned(), value));
    }

    /// Bytes, as anything that prints bytes would print them.
    pub(super) fn add_bytes(&mut self, name: &str, bytes: &[u8]) {
        let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let hex = digits.concat();
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
    pub(super) fn add_pem(&mut self, name: &str, file: &Path) {
        let text = text(file);
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("-----") && line.len() >= 32);
        for line in lines {
            self.add(name, line);
        }
    }

    /// The part of a JWT without which it is nothing.
    pub(super) fn add_jwt(&mut self, name: &str, jwt: &str) {
        self.add(name, jwt.rsplit('.').next().unwrap());
    }

    /// Where which secret is seen.
    pub(super) fn seen_in(&self, outputs: &[(String, String)]) -> Vec<String> {
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
pub(super) struct Outputs(pub(super) Vec<(String, String)>);

impl Outputs {
    pub(super) fn add(&mut self, place: &str, output: impl Into<String>) {
        self.0.push((place.to_owned(), output.into()));
    }

    pub(super) fn run(&mut self, mut command: Command) -> std::process::ExitStatus {
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
    pub(super) async fn refused(&mut self, place: &str, request: reqwest::RequestBuilder) -> u16 {
        let response = request.send().await.unwrap();
        let head = format!("{:?}", response.headers());
        let (status, body) = answer(response).await;
        assert!(status >= 400, "{place}: {status} {body}");
        self.add(place, format!("{head}{body}"));
        status
    }
}
