//! Readers in other languages, asked about all requests at once over a pipe.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::catalogue::{ROUTES, name};
use super::{Answers, Generated, Matched};
use crate::stack::parts::repository;

/// One line of such a program.
#[derive(Debug, Deserialize)]
struct Line {
    /// Route; none where nothing matches.
    route: Option<String>,
    /// Values in hex.
    #[serde(default)]
    values: Vec<String>,
    /// What was there instead.
    #[serde(default)]
    other: String,
    /// Whether the router does not take this route at all.
    #[serde(default)]
    untaken: bool,
}

/// Python's standard library.
pub(super) async fn python(all: &[(Generated, Matched)]) -> Result<Answers> {
    let mut command = Command::new("python3");
    command.arg(folder().join("router.py"));
    ask(command, all).await.context("router.py")
}

/// Go's standard library, if there is Go.
pub(super) async fn go(all: &[(Generated, Matched)]) -> Result<Option<Answers>> {
    let Some(go) = go_program() else {
        return Ok(None);
    };
    let folder_of_build = tempfile::tempdir()?;
    let program = folder_of_build.path().join("router");
    let built = Command::new(go)
        .args(["build", "-o"])
        .arg(&program)
        .arg(folder().join("router.go"))
        .env("GOFLAGS", "-mod=mod")
        .env("GO111MODULE", "off")
        .output()
        .await?;
    ensure!(
        built.status.success(),
        "router.go: {}",
        String::from_utf8_lossy(&built.stderr)
    );
    ask(Command::new(program), all)
        .await
        .context("router.go")
        .map(Some)
}

fn folder() -> PathBuf {
    repository().join("tests/src/hostile/fuzz")
}

fn go_program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).map(|folder| folder.join("go"));
    let installed = std::env::var_os("GO_DIR").map(|folder| PathBuf::from(folder).join("bin/go"));
    folders.chain(installed).find(|program| program.is_file())
}

/// The routes on the first line, then method and target in hex, one request on each line.
async fn ask(mut command: Command, all: &[(Generated, Matched)]) -> Result<Answers> {
    let routes = ROUTES.iter().enumerate();
    let routes: Vec<_> = routes
        .map(|(index, (method, path))| json!({"name": name(index), "method": method, "path": path}))
        .collect();
    let mut input = serde_json::to_string(&routes)?;
    for (request, by_filter) in all {
        let (method, target) = (hex(&request.method), hex(&request.target));
        let _infallible = write!(input, "\n{method} {target} {}", by_filter.route);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    let writer = tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "it ended with {}", output.status);
    writer.await??;
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(read).collect()
}

fn read(line: &str) -> Result<Option<Result<Matched, String>>> {
    let line: Line = serde_json::from_str(line)?;
    if line.untaken {
        return Ok(None);
    }
    let Some(route) = line.route else {
        return Ok(Some(Err(line.other)));
    };
    let values = line.values.iter().map(|text| from_hex(text));
    let values = values.collect::<Option<_>>().context("no hex")?;
    Ok(Some(Ok(Matched { route, values })))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
