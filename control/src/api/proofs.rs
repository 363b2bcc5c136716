//! Proofs that the ledger is what it was, for those who do not believe this server.
//!
//! Everything here is text of C2SP, or the bytes of an entry: a client checks it with the ledger's key.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use caracal_audit::NoProof;
use serde::Deserialize;

use super::error::ApiError;
use super::extract::{AtEntry, InZone, Parameters};
use super::{Api, Authority};

const TEXT: &str = "text/plain; charset=utf-8";

/// The newest checkpoint that is published: a signed note, with the cosignatures of witnesses.
pub(super) async fn checkpoint<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
) -> Result<Response, ApiError> {
    let note = api.ledger.checkpoint(zone.as_str()).await;
    let note = note.map_err(|error| ApiError::ledger_read(&error))?;
    let unpublished = || NoProof::Unpublished {
        zone: zone.to_string(),
    };
    let note = note.ok_or_else(|| ApiError::no_proof(&zone, unpublished()))?;
    Ok(text(note))
}

/// The bytes of an entry: canonical JSON (RFC 8785), whose hash is the leaf.
pub(super) async fn entry<A: Authority>(
    State(api): State<Api<A>>,
    AtEntry { zone, index }: AtEntry,
) -> Result<Response, ApiError> {
    let entry = api.ledger.entry(zone.as_str(), index).await;
    let entry = entry.map_err(|error| ApiError::ledger_read(&error))?;
    let entry = entry.ok_or_else(|| ApiError::no_entry(&zone, index))?;
    Ok(([(CONTENT_TYPE, "application/json")], entry).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tree {
    /// Entries of the checkpoint that the proof is to end in; the newest without it.
    size: Option<u64>,
}

/// C2SP tlog-proof, with the entry as extra data.
pub(super) async fn inclusion<A: Authority>(
    State(api): State<Api<A>>,
    AtEntry { zone, index }: AtEntry,
    Parameters(Tree { size }): Parameters<Tree>,
) -> Result<Response, ApiError> {
    let proof = api.ledger.receipt(zone.as_str(), index, size).await;
    let proof = proof.map_err(|error| ApiError::no_proof(&zone, error))?;
    Ok(text(proof.to_text()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// Entries of the older checkpoint.
    from: u64,
    /// Entries of the newer; the newest without it.
    to: Option<u64>,
}

/// That one checkpoint continues another: the body of `add-checkpoint` of C2SP tlog-witness.
pub(super) async fn consistency<A: Authority>(
    State(api): State<Api<A>>,
    InZone(zone): InZone,
    Parameters(Step { from, to }): Parameters<Step>,
) -> Result<Response, ApiError> {
    let proof = api.ledger.consistency(zone.as_str(), from, to).await;
    let proof = proof.map_err(|error| ApiError::no_proof(&zone, error))?;
    Ok(text(proof.to_text()))
}

fn text(text: String) -> Response {
    ([(CONTENT_TYPE, TEXT)], text).into_response()
}
