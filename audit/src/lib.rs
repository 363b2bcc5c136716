//! The Merkle ledger: every decision of the mesh, in a log that cannot be rewritten unseen.
//!
//! ```text
//! producers --Submission--> Ledger --bounded queue--> sequencer --one transaction--> SQLite, PostgreSQL
//!                                                        |  once a second
//!                                                        +--> signed checkpoint --> witnesses --> tiles
//! ledger file + verifier key + policy --> verify --> Report
//! ```
//!
//! - [`merkle`]: the RFC 6962 tree. Pure.
//! - [`note`]: C2SP signed notes, checkpoints and cosignatures. Pure.
//! - [`ledger`]: the sequencer and the publisher, one log per zone. The sequencers of replicas that
//!   share a `PostgreSQL` database take turns.
//! - [`witness`]: a witness of other logs, the asking of witnesses, and the policy that says how many
//!   are enough.
//! - [`tiles`]: the log as static files, and proofs from them. Pure.
//! - [`publish`](mod@publish): writes these files, to a folder or a bucket.
//! - [`copy`](mod@copy): a ledger from a server into a file.
//! - [`verify`](mod@verify): checks a ledger file with nothing but the public key, and a policy if
//!   there is one.
//!
//! Not here: a network service.
//! A copy of the whole file that was put back in place of the newer one looks
//! intact to itself; only a checkpoint that was kept elsewhere shows it (see [`verify::verify_with`]).

mod causes;
pub mod copy;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod ledger;
pub mod merkle;
pub mod note;
pub mod publish;
pub mod record;
pub mod tiles;
pub mod verify;
pub mod witness;

#[cfg(test)]
mod testing;

pub use ledger::{
    AppendError, Clock, Cursor, CursorError, Ledger, ListQuery, LogSize, MAX_BATCH, MAX_LIST,
    OpenError, Order, Page, Position, PublishRule, QUEUE_LIMIT, ReadError, Rejection,
    SEARCH_WINDOW, SearchError, StoredEntry, Submission, WitnessStatus, Witnessing,
};
pub use merkle::{Frontier, Hash};
pub use note::{
    Checkpoint, CheckpointError, CheckpointSigner, CheckpointVerifier, CosignatureSigner,
    CosignatureVerifier, KeyError, NoteError, Timestamp,
};
pub use record::{Record, RecordError};
pub use verify::{
    Finding, FindingKind, Progress, Report, Severity, Trust, VerifyError, ZoneReport,
};
pub use witness::{TrustPolicy, Witness, WitnessClient};
