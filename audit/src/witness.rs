//! Witnesses: others who have seen the log, and say so (C2SP tlog-witness v1.0.0).
//!
//! A log that is signed by its own key alone can show one history to one reader and another to the
//! next. A [`Witness`] remembers the largest tree of each log that it has seen and cosigns a larger
//! one only with a proof that it continues the other. So two histories cannot both have a quorum of
//! cosignatures, as long as too few witnesses for that work together with the operator.
//!
//! ```text
//! log:      signed checkpoint --WitnessClient--> every witness of the policy --> checkpoint with cosignatures
//! witness:  request --Witness::add_checkpoint--> rules --> state folder --> cosignature
//! reader:   checkpoint + TrustPolicy --> quorum or not
//! ```
//!
//! Nothing here opens a socket. A front hands requests to [`Witness::answer`], and the log's side
//! reaches witnesses over a [`Transport`].

mod answer;
pub mod client;
mod policy;
mod request;
mod rules;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::ledger::Clock;
use crate::merkle::Hash;
use crate::note::{
    Checkpoint, CheckpointVerifier, CosignatureSigner, MAX_NOTE_BYTES, Note, NoteError, Timestamp,
};
pub use answer::Answer;
pub use client::{AskError, Cosigned, History, HistoryError, Reply, Transport, WitnessClient};
pub use policy::{PolicyError, PolicyFault, PolicyLog, PolicyWitness, TrustPolicy, Witnessed};
pub use request::{AddCheckpoint, MAX_REQUEST_BYTES, RequestError};
use rules::Refusal;
pub(crate) use rules::judge;
pub use state::StateError;
use state::{Recorded, StateFolder};

/// One witness. Shared between threads; several of them, also in several processes, may stand on
/// one state folder.
pub struct Witness {
    signer: CosignatureSigner,
    /// Whose signature counts, by origin.
    logs: HashMap<String, Vec<CheckpointVerifier>>,
    state: StateFolder,
    clock: Arc<dyn Clock>,
}

impl Witness {
    /// Makes the state folder of a new witness. There may be none yet: a witness that forgets what
    /// it saw is none, so [`Self::open`] never begins anew by itself.
    pub fn create(folder: &Path, signer: &CosignatureSigner) -> Result<(), StateError> {
        StateFolder::create(folder, &signer.verifier())
    }

    /// Opens the state that [`Self::create`] made, and refuses a damaged one. `logs` are the keys of
    /// the logs to witness, each under the origin of its log; an origin may have several.
    pub fn open(
        folder: &Path,
        signer: CosignatureSigner,
        logs: impl IntoIterator<Item = CheckpointVerifier>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StateError> {
        let state = StateFolder::open(folder, signer.verifier())?;
        let mut by_origin: HashMap<String, Vec<_>> = HashMap::new();
        for log in logs {
            let keys = by_origin.entry(log.name().to_owned()).or_default();
            if !keys.contains(&log) {
                keys.push(log);
            }
        }
        Ok(Self {
            signer,
            logs: by_origin,
            state,
            clock,
        })
    }

    /// Answers a request of either side: `POST /add-checkpoint` and `GET /<origin hash>/checkpoint`.
    /// `path` is below the prefix of the service. Blocks on the disk.
    #[must_use]
    pub fn answer(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let monitored = path
            .strip_prefix('/')
            .and_then(|path| path.strip_suffix("/checkpoint"));
        match (method, path, monitored) {
            ("POST", "/add-checkpoint", _) => self.add_checkpoint(body),
            (_, "/add-checkpoint", _) => Answer::method("only POST"),
            ("GET" | "HEAD", _, Some(origin_hash)) => self.checkpoint(origin_hash),
            (_, _, Some(_)) => Answer::method("only GET"),
            (_, _, None) => Answer::not_found("there is nothing here"),
        }
    }

    /// Cosigns a checkpoint that continues what was cosigned before it, once that is recorded
    /// (C2SP tlog-witness, "add-checkpoint"). Blocks on the disk, and while another request about the
    /// same log is answered.
    #[must_use]
    pub fn add_checkpoint(&self, body: &[u8]) -> Answer {
        match self.cosign(body) {
            Ok(lines) => Answer::ok(lines),
            Err(refusal) => {
                refusal.log();
                refusal.into()
            }
        }
    }

    /// The latest checkpoint that was cosigned for the log whose origin has this SHA-256, in lower
    /// case hexadecimal ("Monitor Retrieval Mechanism").
    #[must_use]
    pub fn checkpoint(&self, origin_hash: &str) -> Answer {
        match self.state.read(origin_hash) {
            Ok(Some(recorded)) => Answer::ok(recorded.note),
            Ok(None) => Answer::not_found("no checkpoint of such a log was cosigned"),
            Err(error) => {
                let refusal = Refusal::State(error);
                refusal.log();
                refusal.into()
            }
        }
    }

    fn cosign(&self, body: &[u8]) -> Result<String, Refusal> {
        let request = AddCheckpoint::parse(body)?;
        let note = Note::parse(request.note).map_err(|_| RequestError::Checkpoint)?;
        let checkpoint =
            Checkpoint::from_text(note.text()).map_err(|_| RequestError::Checkpoint)?;
        let keys = self
            .logs
            .get(&checkpoint.origin)
            .ok_or(Refusal::UnknownLog)?;
        let log_lines = trusted_lines(&note, keys)?;
        // From here to the end nobody else answers for this log, in this process or another: what is
        // read stays true until the answer is recorded.
        let turn = self.state.turn(&checkpoint.origin)?;
        let recorded = turn.read()?;
        let known = recorded.as_ref().map(Recorded::tree);
        judge(known, &request, &checkpoint).map_err(|breach| Refusal::Breach {
            breach,
            checkpoint: checkpoint.clone(),
        })?;
        let now = Timestamp::from_unix(self.clock.unix_ms() / 1000).ok_or(Refusal::Clock)?;
        // Never earlier than what was said before: at no time are two trees the largest.
        let before = recorded.as_ref().map(|recorded| recorded.time);
        let time = before.map_or(now, |before| before.max(now));
        let text = note.text();
        if let Some(recorded) = recorded.filter(|recorded| recorded.is(text, time)) {
            // The same request again within a second costs no write, however often it is replayed.
            turn.sync()?;
            return Ok(recorded.cosignature);
        }
        let line = self.signer.cosign(text, time);
        let cosigned = format!("{text}\n{log_lines}{line}");
        // What is longer than any note could not be read again.
        if cosigned.len() > MAX_NOTE_BYTES {
            return Err(RequestError::TooLong.into());
        }
        turn.write(&cosigned)?;
        Ok(line)
    }
}

/// The good signatures of the log's keys: one at least, and none that fails.
fn trusted_lines(note: &Note<'_>, keys: &[CheckpointVerifier]) -> Result<String, Refusal> {
    let mut lines = String::new();
    for key in keys {
        if let Some(signature) = note.signature(key).map_err(Refusal::Untrusted)? {
            lines.push_str(signature.line);
            lines.push('\n');
        }
    }
    if lines.is_empty() {
        let origin = keys.first().map(CheckpointVerifier::name);
        let origin = origin.unwrap_or_default().to_owned();
        return Err(Refusal::Untrusted(NoteError::Unsigned(origin)));
    }
    Ok(lines)
}

/// How the monitoring side names a log: SHA-256 of its origin, in lower case hexadecimal.
#[must_use]
pub fn origin_hash(origin: &str) -> String {
    use sha2::Digest as _;
    Hash(sha2::Sha256::digest(origin).into()).to_string()
}
