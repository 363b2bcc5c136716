//! The producer's side: check, queue, wait for durability.

use std::sync::Arc;
use std::time::Duration;

use caracal_mandate::event::{EVENT_VERSION, Event, MAX_EVENT_BYTES};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Command, Ledger, MAX_BATCH, Position, Submission};

/// How long a producer waits for a full queue before it is pushed back.
const QUEUE_PATIENCE: Duration = Duration::from_millis(250);
/// Largest integer that every JSON reader keeps exactly (RFC 8785 §3.2.2.3).
const MAX_INTEGER: u64 = (1 << 53) - 1;
/// Longest zone name in bytes; it becomes part of a key name.
const MAX_ZONE_BYTES: usize = 255;
/// Longest SPIFFE ID in bytes (SPIFFE-ID §2.3).
const MAX_PEER_BYTES: usize = 2048;

pub(super) type Reply = Result<Vec<Position>, AppendError>;

/// One call of `append` in the queue. Its submissions are taken all or none.
pub(super) struct Request {
    pub(super) submissions: Vec<Submission>,
    pub(super) reply: oneshot::Sender<Reply>,
    /// Gives the place in the queue back when the request is done.
    pub(super) _permit: OwnedSemaphorePermit,
}

/// Why events were not recorded. Nothing of the call was appended, except as said.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The queue is full. Try again.
    #[error("the ledger is overloaded")]
    Overloaded,
    /// More than [`MAX_BATCH`] submissions in one call.
    #[error("{0} submissions in one call, more than {MAX_BATCH}")]
    BatchTooLarge(usize),
    /// One submission can never be recorded; the others of the call can, without it.
    #[error("submission {index} of the call is refused: {rejection}")]
    Rejected {
        /// Its place in the call, from 0.
        index: usize,
        /// What is wrong with it.
        rejection: Rejection,
    },
    /// The write failed. Try again; should it have reached the disk after all, the second try is
    /// acknowledged as the duplicate that it is.
    #[error("the ledger could not write")]
    Storage(#[source] Arc<sqlx::Error>),
    /// Somebody else wrote to the log, or it was changed on disk. The sequencer has stopped.
    #[error("the log of zone {zone:?} is not as this sequencer left it")]
    Fenced {
        /// The zone.
        zone: String,
    },
    /// The sequencer is closed or has stopped.
    #[error("the ledger takes no more events")]
    Stopped,
}

/// What is wrong with a submission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Longer than [`MAX_EVENT_BYTES`] in canonical form.
    #[error("the event has {0} bytes, more than {MAX_EVENT_BYTES}")]
    TooLong(usize),
    /// Another schema version.
    #[error("the event has schema version {0}, this build takes {EVENT_VERSION}")]
    Version(u32),
    /// Empty, too long, or unfit for a checkpoint's origin.
    #[error("the zone name is empty, too long, or has white space or a plus sign")]
    Zone,
    /// Empty or longer than any SPIFFE ID.
    #[error("the peer's identity is empty or too long")]
    Peer,
    /// A number that JSON readers do not keep exactly, or a sequence number of 0.
    #[error("a number of the event is out of range")]
    Number,
    /// Has no canonical form.
    #[error("the event cannot be written as json")]
    Json,
    /// The emitter gave the same number to another event before.
    #[error(
        "the emitter has used this sequence number for another event, at {zone:?} index {index}"
    )]
    Conflict {
        /// Zone of the other event.
        zone: String,
        /// Index of the other event.
        index: u64,
    },
}

impl Ledger {
    /// Records events and returns, in the same order, where they stand, once all of them are
    /// durable. An event that its emitter handed in before (same peer, emitter name, boot and
    /// sequence number) is acknowledged again and not appended twice.
    pub async fn append(&self, submissions: Vec<Submission>) -> Result<Vec<Position>, AppendError> {
        if submissions.is_empty() {
            return Ok(Vec::new());
        }
        let count = submissions.len();
        if count > MAX_BATCH {
            return Err(AppendError::BatchTooLarge(count));
        }
        for (index, submission) in submissions.iter().enumerate() {
            check(submission).map_err(|rejection| AppendError::Rejected { index, rejection })?;
        }
        let permits = u32::try_from(count).map_err(|_| AppendError::BatchTooLarge(count))?;
        let acquired = Arc::clone(&self.permits).acquire_many_owned(permits);
        let Ok(Ok(permit)) = tokio::time::timeout(QUEUE_PATIENCE, acquired).await else {
            return Err(AppendError::Overloaded);
        };
        let (reply, answer) = oneshot::channel();
        let request = Request {
            submissions,
            reply,
            _permit: permit,
        };
        self.commands
            .send(Command::Append(request))
            .await
            .map_err(|_| AppendError::Stopped)?;
        answer.await.map_err(|_| AppendError::Stopped)?
    }
}

fn check(submission: &Submission) -> Result<(), Rejection> {
    let Submission { event, peer } = submission;
    if event.v != EVENT_VERSION {
        return Err(Rejection::Version(event.v));
    }
    let unfit = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if event.zone.is_empty() || event.zone.len() > MAX_ZONE_BYTES || event.zone.contains(unfit) {
        return Err(Rejection::Zone);
    }
    if peer.is_empty() || peer.len() > MAX_PEER_BYTES {
        return Err(Rejection::Peer);
    }
    let largest = event
        .emitter
        .seq
        .max(event.time_ms)
        .max(event.epoch.unwrap_or(0));
    if event.emitter.seq == 0 || largest > MAX_INTEGER {
        return Err(Rejection::Number);
    }
    check_length(event)
}

fn check_length(event: &Event) -> Result<(), Rejection> {
    let length = event.to_canonical().map_err(|_| Rejection::Json)?.len();
    if length > MAX_EVENT_BYTES {
        Err(Rejection::TooLong(length))
    } else {
        Ok(())
    }
}
