//! The producer's side: check, queue, wait for durability.

mod prepared;

use std::sync::Arc;
use std::time::Duration;

use caracal_mandate::event::{EVENT_VERSION, MAX_EVENT_BYTES};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Command, Ledger, MAX_BATCH, Position, Submission};
pub(super) use prepared::Prepared;

/// How long a producer waits for a full queue before it is pushed back.
const QUEUE_PATIENCE: Duration = Duration::from_millis(250);

pub(super) type Reply = Result<Vec<Position>, AppendError>;

/// One call of `append` in the queue. Its submissions are taken all or none.
pub(super) struct Request {
    pub(super) submissions: Vec<Prepared>,
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
    /// The log was changed or put back behind the sequencer's back. The sequencer has stopped.
    #[error("the log of zone {zone:?} does not continue what this sequencer knows")]
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
    /// A name or id with a NUL character, which not every database can hold.
    #[error("a name or id of the event contains a NUL character")]
    Nul,
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
        let prepare = |(index, submission)| {
            Prepared::new(submission)
                .map_err(|rejection| AppendError::Rejected { index, rejection })
        };
        let submissions = submissions
            .into_iter()
            .enumerate()
            .map(prepare)
            .collect::<Result<Vec<_>, _>>()?;
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
