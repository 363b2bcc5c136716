//! One witness and one checkpoint.

use std::sync::Arc;
use std::time::Duration;

use super::transport::{Reply, Transport, TransportError};
use super::{History, HistoryError};
use crate::merkle::Hash;
use crate::note::{CosignatureVerifier, Note, NoteError, Timestamp, parse_size};
use crate::witness::answer;
use crate::witness::request::AddCheckpoint;

/// Longest answer that is read.
pub const MAX_REPLY_BYTES: usize = 16 * 1024;
/// A guess, and another try with what the witness said that it has.
const TRIES: usize = 2;

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The policy does not say where it is.
    #[error("the policy gives no URL for it")]
    NoUrl,
    /// No answer in time.
    #[error("it did not answer in time")]
    Late,
    /// It was not reached.
    #[error("it was not reached")]
    Transport(#[from] TransportError),
    /// It says that it has cosigned a larger tree of this log. Then another replica asked it, or this
    /// log was put back, and what it signs now is another history.
    #[error("it has cosigned {0} entries, more than this checkpoint has")]
    Ahead(u64),
    /// There is no proof from the tree that it has.
    #[error("nothing can be proven to it")]
    History(#[from] HistoryError),
    /// It always has another size than it said before.
    #[error("it changes what it has faster than it can be told")]
    Moving,
    /// It does not follow this log, or trusts another key for it.
    #[error("it does not follow this log, or trusts another key of it (status {0})")]
    Stranger(u16),
    /// It says that this log does not continue what it has seen: two histories were shown.
    #[error("it says that this log does not continue what it has seen")]
    Fork,
    /// An answer with another status.
    #[error("it answered with status {0}")]
    Status(u16),
    /// An answer that the protocol does not know.
    #[error("its answer is not readable: {0}")]
    Unreadable(&'static str),
    /// The cosignature is not there, or not good.
    #[error("its cosignature is not good")]
    Cosignature(#[source] NoteError),
}

/// A good answer.
pub(super) struct Answered {
    /// The cosignature line, without its end.
    pub(super) line: String,
    pub(super) time: Timestamp,
}

/// What one witness is asked.
pub(super) struct Question {
    pub(super) url: Option<String>,
    pub(super) verifier: CosignatureVerifier,
    pub(super) note: String,
    pub(super) size: u64,
    /// Size that it is thought to have.
    pub(super) seen: u64,
    pub(super) history: Arc<dyn History>,
    pub(super) transport: Arc<dyn Transport>,
    /// How long one answer may take.
    pub(super) patience: Duration,
}

impl Question {
    pub(super) async fn ask(self) -> Result<Answered, AskError> {
        let prefix = self.url.as_deref().ok_or(AskError::NoUrl)?;
        let url = format!("{}/add-checkpoint", prefix.trim_end_matches('/'));
        let mut old = self.seen;
        for _ in 0..TRIES {
            let proof = self.proof(old).await?;
            let request = AddCheckpoint {
                old,
                proof,
                note: &self.note,
            };
            let post = self.transport.post(url.clone(), request.to_text());
            // Of the network alone: a proof for a witness that was long away takes its time.
            let reply = tokio::time::timeout(self.patience, post).await;
            let reply = reply.map_err(|_| AskError::Late)??;
            match reply.status {
                200 => return self.cosignature(&reply),
                409 => old = recorded_size(&reply)?,
                422 => return Err(AskError::Fork),
                status @ (403 | 404) => return Err(AskError::Stranger(status)),
                status => return Err(AskError::Status(status)),
            }
        }
        Err(AskError::Moving)
    }

    async fn proof(&self, old: u64) -> Result<Vec<Hash>, AskError> {
        if old > self.size {
            return Err(AskError::Ahead(old));
        }
        if old == 0 || old == self.size {
            return Ok(Vec::new());
        }
        Ok(self.history.consistency(old).await?)
    }

    /// Verifies the lines as signatures of the note, as the protocol suggests. Those of keys that
    /// were not asked are left out.
    fn cosignature(&self, reply: &Reply) -> Result<Answered, AskError> {
        if reply.body.len() > MAX_REPLY_BYTES {
            return Err(AskError::Unreadable("it is too long"));
        }
        let lines = std::str::from_utf8(&reply.body)
            .map_err(|_| AskError::Unreadable("it is not UTF-8"))?;
        let together = format!("{}{lines}", self.note);
        let parsed = Note::parse(&together).map_err(AskError::Cosignature)?;
        // An empty line would have made a text of the note and its signatures.
        let own = Note::parse(&self.note).map_err(AskError::Cosignature)?;
        if parsed.text() != own.text() {
            return Err(AskError::Unreadable("it is more than signature lines"));
        }
        let signature = parsed
            .require(&self.verifier)
            .map_err(AskError::Cosignature)?;
        Ok(Answered {
            line: signature.line.to_owned(),
            time: signature.evidence,
        })
    }
}

/// What the witness says that it has.
fn recorded_size(reply: &Reply) -> Result<u64, AskError> {
    if reply.content_type.as_deref() != Some(answer::SIZE) {
        return Err(AskError::Unreadable("a conflict without a size"));
    }
    std::str::from_utf8(&reply.body)
        .ok()
        .and_then(|body| body.strip_suffix('\n'))
        .and_then(parse_size)
        .ok_or(AskError::Unreadable("the size is no number"))
}
