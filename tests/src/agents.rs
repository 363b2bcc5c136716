//! The agents of tests/clients: programs that know nothing of mandates, behind sidecars.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Connection, Request};
use crate::stack::parts::tool;
use crate::stack::process::Process;
use crate::stack::wait;

/// Longest wait for a start.
const START: Duration = Duration::from_secs(20);

/// What an agent is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Python with requests.
    Python,
    /// JavaScript with axios.
    JavaScript,
}

/// What came back of one step.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Step {
    /// Where it went.
    pub url: String,
    /// Status; 0 when there was no answer.
    pub status: u16,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    _process: Process,
    port: u16,
}

impl Agent {
    /// Starts an agent on a port; all that it sends goes through `proxy`.
    pub async fn start(
        (name, language): (&str, Language),
        port: u16,
        proxy: u16,
        folder: &Path,
    ) -> Result<Self> {
        let program = match language {
            Language::Python => "agent-python",
            Language::JavaScript => "agent-node",
        };
        let program = tool("CARACAL_CLIENTS", "clients")?
            .join(program)
            .join("run");
        // What this machine says of proxies is not for it.
        let arguments = [
            "-u".to_owned(),
            "no_proxy".to_owned(),
            "-u".to_owned(),
            "NO_PROXY".to_owned(),
            format!("PORT={port}"),
            format!("http_proxy=http://127.0.0.1:{proxy}"),
            format!("HTTP_PROXY=http://127.0.0.1:{proxy}"),
            program.display().to_string(),
        ];
        let log = format!("{name}-program");
        let mut process = Process::start(&log, Path::new("/usr/bin/env"), arguments, folder)?;
        let started = wait::until("the agent serves", START, async || {
            if let Err(error) = process.check() {
                return Some(Err(error));
            }
            let ready = async {
                let mut connection = Connection::plain(port).await?;
                connection.send(&Request::get("localhost", "/ready")).await
            };
            ready
                .await
                .is_ok_and(|answer| answer.status == 204)
                .then_some(Ok(()))
        });
        started.await.context("starting an agent")??;
        Ok(Self {
            _process: process,
            port,
        })
    }

    /// Has it do something, as somebody beside it would; gives what came back of each step.
    pub async fn work(&self, task: &Value) -> Result<Vec<Step>> {
        let mut connection = Connection::plain(self.port).await?;
        let request = Request::post("localhost", "/work", &task.to_string());
        let answer = connection.send(&request).await?;
        serde_json::from_slice(&answer.body).context("the agent's answer is no list of steps")
    }
}

/// A task of these steps, over and over for a time.
#[must_use]
pub fn task(repeat: Duration, steps: &[Value]) -> Value {
    json!({"repeat_ms": u64::try_from(repeat.as_millis()).unwrap_or(u64::MAX), "steps": steps})
}

/// A request without a body.
#[must_use]
pub fn get(host: &str, path: &str) -> Value {
    json!({"method": "GET", "url": format!("http://{host}{path}")})
}

/// A request with one.
#[must_use]
pub fn post(host: &str, path: &str, body: &Value) -> Value {
    json!({"method": "POST", "url": format!("http://{host}{path}"), "body": body})
}
