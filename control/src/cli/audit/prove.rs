//! `caracal audit prove`: a receipt for somebody else.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use caracal_audit::{LogTrust, TlogProof};
use clap::{ArgGroup, Args};
use serde_json::Value;

use super::percent_encoded;
use super::receipt::Proven;
use super::trust::{TrustArgs, published};
use crate::cli::Context;
use crate::cli::error::{CliError, with_causes};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["index", "request_id", "issued"]))]
#[command(after_help = "\
Examples:
  caracal audit prove --zone bank --index 42
  caracal audit prove --zone bank --request-id 5f1c... --out refusal.tlog-proof
  caracal audit prove --index 42 --tiles /srv/audit/log/bank --key ledger.vkey
  caracal audit check --proof bank-42.tlog-proof --key ledger.vkey     by whoever gets it

The receipt (C2SP tlog-proof) contains the entry, so whoever may not read the entry must not get it. It is
verified with --key before anything is written.")]
pub(crate) struct ProveArgs {
    /// Which entry of the zone's log.
    #[arg(long, value_name = "INDEX")]
    index: Option<u64>,
    /// The decision on this request.
    #[arg(long, value_name = "ID", conflicts_with = "tiles")]
    request_id: Option<String>,
    /// The exchange that issued this mandate.
    #[arg(long, value_name = "MANDATE", conflicts_with = "tiles")]
    issued: Option<String>,
    /// The file to make [default: ZONE-INDEX.tlog-proof].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Where the log is published, instead of a server: the folder with its checkpoint, or its address.
    #[arg(long, value_name = "PATH|URL")]
    tiles: Option<String>,
    /// Authorities to believe at that address, beside the system's, as PEM.
    #[arg(long, value_name = "FILE", requires = "tiles")]
    tiles_ca: Option<PathBuf>,
}

impl ProveArgs {
    pub(crate) async fn run(self, context: &Context) -> Result<(), CliError> {
        let Self {
            index,
            request_id,
            issued,
            out,
            trust,
            tiles,
            tiles_ca,
        } = self;
        let trust = trust.read()?;
        let proof = match (tiles, index) {
            (Some(place), Some(index)) => {
                let log = published(&place, tiles_ca.as_deref())?;
                let receipt = log.receipt(index, &trust).await;
                receipt.map_err(|error| CliError::Failure(with_causes(&error)))?
            }
            (None, Some(index)) => ask(context, index, &trust).await?,
            (_, None) => {
                let index = find(context, request_id, issued).await?;
                ask(context, index, &trust).await?
            }
        };
        let entry = proof.extra().unwrap_or_default().to_vec();
        let vouched = proof
            .verify(&entry, &trust)
            .map_err(|error| CliError::Failure(format!("NOT PROVEN: {}", with_causes(&error))))?;
        let out = out.unwrap_or_else(|| {
            let zone = vouched.checkpoint.origin.rsplit('/').next();
            PathBuf::from(format!(
                "{}-{}.tlog-proof",
                zone.unwrap_or("log"),
                proof.index()
            ))
        });
        write(&out, &proof)?;
        let proven = Proven {
            proof: &proof,
            entry: &entry,
            vouched: &vouched,
        };
        let mut json = proven.json();
        if let Some(members) = json.as_object_mut() {
            members.insert("file".to_owned(), out.display().to_string().into());
        }
        let sentence = format!("{}\nThe receipt is in {}.", proven.words(), out.display());
        context.output.done(&json, &sentence)
    }
}

/// The server's proof, of the entry that was asked for, in the log of the zone.
async fn ask(context: &Context, index: u64, trust: &LogTrust) -> Result<TlogProof, CliError> {
    let path = context.zone_path(&format!("audit/entries/{index}/proof"))?;
    let text = context.client.text(&path).await?;
    let proof = TlogProof::parse(&text).map_err(|error| {
        CliError::Failure(format!("the server's proof: {}", with_causes(&error)))
    })?;
    let zone = context.zone()?;
    let origin = &proof.checkpoint().origin;
    let ours = trust.key().for_zone(zone.as_str());
    if proof.index() != index || (origin != ours.name() && origin != trust.key().name()) {
        return Err(CliError::Failure(format!(
            "the server has proven entry {} of the log {origin}, and was asked for entry {index} of zone \
             {zone}; check --server, --zone and --key",
            proof.index()
        )));
    }
    Ok(proof)
}

/// The one entry about a request, or about the issue of a mandate.
async fn find(
    context: &Context,
    request_id: Option<String>,
    issued: Option<String>,
) -> Result<u64, CliError> {
    let (name, id) = match (request_id, issued) {
        (Some(id), _) => ("request_id", id),
        (None, issued) => ("issued", issued.unwrap_or_default()),
    };
    let query = format!("audit?limit=100&{name}={}", percent_encoded(&id));
    let answer = context.client.get(&context.zone_path(&query)?).await?;
    let items = answer.get("items").and_then(Value::as_array);
    let indexes: Vec<u64> = items
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("index")?.as_u64())
        .collect();
    match indexes.as_slice() {
        [index] => Ok(*index),
        [] => Err(CliError::Failure(format!("no entry has the {name} {id}"))),
        several => {
            let list: Vec<_> = several.iter().map(u64::to_string).collect();
            Err(CliError::Usage(format!(
                "several entries have the {name} {id}: choose one with --index, of {}",
                list.join(", ")
            )))
        }
    }
}

fn write(path: &Path, proof: &TlogProof) -> Result<(), CliError> {
    let wrong = |error: std::io::Error| {
        let hint = match error.kind() {
            ErrorKind::AlreadyExists => "; name another with --out",
            _ => "",
        };
        CliError::Failure(format!("{}: {error}{hint}", path.display()))
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(wrong)?;
    file.write_all(proof.to_text().as_bytes()).map_err(wrong)?;
    file.sync_all().map_err(wrong)
}
