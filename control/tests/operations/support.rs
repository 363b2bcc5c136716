//! Real processes on free ports, with everything that they print kept.

pub(crate) mod collector;
pub(crate) mod jwt;
pub(crate) mod tls;
pub(crate) mod zone;

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use serde_json::Value;

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with certificates in it, where processes run.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let tls = place.path("tls");
        let identities = [
            "sts=caracal/sts",
            "control=caracal/control",
            "payout=payout",
        ];
        let made = place
            .command(["dev-ca", "--out"])
            .arg(tls)
            .args(identities)
            .output();
        succeeded(&made.unwrap());
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command with nothing of the test's own environment that it would read.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_caracal"));
        command
            .args(arguments)
            .env_clear()
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Starts something that serves, and waits until it says where.
    pub(crate) fn serve(&self, name: &str, mut command: Command) -> Serving {
        let identity = if name.starts_with("control") {
            "control"
        } else {
            "sts"
        };
        command
            .arg("--data")
            .arg(self.path(&format!("{name}-data")))
            .arg("--tls-cert")
            .arg(self.path(&format!("tls/{identity}.pem")))
            .arg("--tls-key")
            .arg(self.path(&format!("tls/{identity}.key")))
            .arg("--tls-ca")
            .arg(self.path("tls/ca.pem"));
        let (stdout, stderr) = (
            self.path(&format!("{name}.out")),
            self.path(&format!("{name}.err")),
        );
        command
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap());
        let child = command.spawn().unwrap();
        let mut serving = Serving {
            child,
            data: self.path(&format!("{name}-data")),
            stdout,
            stderr,
        };
        let started = Instant::now();
        // It is the last line of each of them.
        let last = if identity == "control" || name.starts_with("up") {
            "administrator's token"
        } else {
            "ledger verifier key"
        };
        while !serving.said().contains(last) {
            let ended = serving.child.try_wait().unwrap();
            assert!(ended.is_none(), "{name} ended: {}", serving.printed());
            assert!(started.elapsed() < PATIENCE, "{}", serving.printed());
            std::thread::sleep(Duration::from_millis(20));
        }
        serving
    }
}

/// A process that serves.
pub(crate) struct Serving {
    child: Child,
    pub(crate) data: PathBuf,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Serving {
    fn said(&self) -> String {
        std::fs::read_to_string(&self.stdout).unwrap()
    }

    /// Everything that it printed.
    pub(crate) fn printed(&self) -> String {
        let log = std::fs::read_to_string(&self.stderr).unwrap();
        format!("{}{log}", self.said())
    }

    /// The address that a line of its announcement ends with.
    pub(crate) fn address(&self, line: &str) -> String {
        let said = self.said();
        let line = said.lines().find(|said| said.starts_with(line));
        let place = line.and_then(|line| line.split_whitespace().last());
        place.expect("it is announced").to_owned()
    }

    pub(crate) fn http(&self) -> String {
        self.address("token endpoint")
    }

    pub(crate) fn admin(&self) -> String {
        self.address("management API")
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.data.join("admin.token")
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([format!("-{name}"), id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self, patience: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                started.elapsed() < patience,
                "it goes on: {}",
                self.printed()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its readiness: status and body.
    pub(crate) async fn readiness(&self, door: &str) -> (u16, Value) {
        let answer = reqwest::get(format!("{door}/readyz")).await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Both fail when it has ended, which is as good.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Fails with what a command said.
pub(crate) fn succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The text of a file.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap().trim().to_owned()
}
