//! The ledger as an auditor takes it: `caracal audit copy`, `caracal audit verify`, and the checkpoints
//! that were kept from before.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use caracal_audit::Record;
use caracal_store::DatabaseUrl;
use caracal_store::testing::{OWNER, PostgresServer, connect};
use serde_json::Value;
use tokio::process::Command;

use super::books::Books;
use crate::stack::ZONE;

/// Where the ledger is, and what an auditor keeps.
#[derive(Debug)]
pub(super) struct Auditor {
    pub(super) caracal: PathBuf,
    /// The ledger's database as a URL, and as the place itself.
    pub(super) url: String,
    pub(super) place: DatabaseUrl,
    pub(super) verifier_key: PathBuf,
    pub(super) folder: PathBuf,
    /// Checkpoints, oldest first.
    pub(super) kept: Vec<PathBuf>,
}

/// What one audit found.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// The decisions.
    pub(super) books: Books,
    /// Runs of emitters with missing numbers.
    pub(super) holes: Vec<String>,
    /// Anything worse.
    pub(super) damage: Vec<String>,
}

impl Auditor {
    /// For a ledger on a server.
    pub(super) fn new(
        caracal: &Path,
        server: &PostgresServer,
        database: &str,
        verifier_key: PathBuf,
        folder: &Path,
    ) -> Self {
        Self {
            caracal: caracal.to_owned(),
            url: server.url_text(OWNER, database),
            place: server.url(OWNER, database),
            verifier_key,
            folder: folder.to_owned(),
            kept: Vec::new(),
        }
    }

    /// Copies the ledger, verifies the copy against every checkpoint that was kept, reads it, and
    /// keeps its newest checkpoint.
    pub(super) async fn audit(&mut self) -> Result<Audit> {
        let copy = self.folder.join("copy.db");
        if copy.exists() {
            tokio::fs::remove_file(&copy).await?;
        }
        let copied = Command::new(&self.caracal)
            .args(["audit", "copy", "--to"])
            .arg(&copy)
            .env("CARACAL_LEDGER_DATABASE_URL", &self.url)
            .kill_on_drop(true)
            .output()
            .await?;
        ensure!(
            copied.status.success(),
            "caracal audit copy: {}",
            String::from_utf8_lossy(&copied.stderr)
        );
        let mut audit = Audit::default();
        // The newest is the strictest; the others are held against each other by it.
        let newest = self.kept.last().cloned();
        self.verify(&copy, newest.as_deref(), &mut audit).await?;
        audit.books = read(&copy).await?;
        self.keep_checkpoint().await?;
        Ok(audit)
    }

    /// Verifies the last copy against each checkpoint that was kept.
    pub(super) async fn verify_all(&self) -> Result<Audit> {
        let copy = self.folder.join("copy.db");
        let mut audit = Audit::default();
        for checkpoint in &self.kept {
            // The copy is older than the last of them.
            if Some(checkpoint) != self.kept.last() {
                self.verify(&copy, Some(checkpoint), &mut audit).await?;
            }
        }
        Ok(audit)
    }

    async fn verify(&self, copy: &Path, checkpoint: Option<&Path>, into: &mut Audit) -> Result<()> {
        let mut command = Command::new(&self.caracal);
        command
            .args(["--output", "json", "audit", "verify", "--ledger"])
            .arg(copy)
            .arg("--key")
            .arg(&self.verifier_key);
        if let Some(checkpoint) = checkpoint {
            command.arg("--checkpoint").arg(checkpoint);
        }
        let output = command.kill_on_drop(true).output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("caracal audit verify printed no report: {said}"))?;
        let zones = report.get("zones").and_then(Value::as_array);
        let findings = |of: &Value| of.get("findings").and_then(Value::as_array).cloned();
        let zones = zones.context("a report without zones")?;
        let all = zones.iter().chain([&report]).filter_map(findings).flatten();
        for finding in all {
            let text = |name: &str| finding.get(name).and_then(Value::as_str);
            match (text("severity"), text("kind")) {
                // What was appended since the last checkpoint.
                (Some("notice"), _) => {}
                (Some("gap"), Some("emitter_gap")) => {
                    let boot = finding.pointer("/emitter/boot").and_then(Value::as_str);
                    into.holes.push(boot.context("a gap of nobody")?.to_owned());
                }
                (Some(_), _) => into.damage.push(finding.to_string()),
                (None, _) => bail!("a finding without severity: {finding}"),
            }
        }
        Ok(())
    }

    async fn keep_checkpoint(&mut self) -> Result<()> {
        let mut connection = connect(&self.place).await?;
        let note: Option<String> = sqlx::query_scalar(
            "SELECT note FROM checkpoints WHERE zone = $1 ORDER BY size DESC LIMIT 1",
        )
        .bind(ZONE)
        .fetch_optional(&mut connection)
        .await?;
        let note = note.context("the ledger has no checkpoint")?;
        let path = self.folder.join(format!("checkpoint-{}", self.kept.len()));
        tokio::fs::write(&path, note).await?;
        self.kept.push(path);
        Ok(())
    }
}

async fn read(copy: &Path) -> Result<Books> {
    let mut connection = connect(&copy.into()).await?;
    let bodies: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT body FROM log_entries ORDER BY zone, idx")
            .fetch_all(&mut connection)
            .await?;
    let mut books = Books::default();
    for body in bodies {
        books.add(Record::from_canonical(&body)?);
    }
    Ok(books)
}
