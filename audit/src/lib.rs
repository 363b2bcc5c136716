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
//!   share a `PostgreSQL` database take turns, and each process checks all of it for as long as it runs.
//! - [`witness`]: a witness of other logs, the asking of witnesses, and the policy that says how many
//!   are enough.
//! - [`tiles`]: the log as static files, and proofs from them. Pure.
//! - [`publish`](mod@publish): writes these files, to a folder or a bucket.
//! - [`published`](mod@published): reads them, from a folder or a web server.
//! - [`follow`](mod@follow): a monitor of a published log, which others run.
//! - [`tlog_proof`](mod@tlog_proof): a proof that an entry is in a log, as a file for others.
//! - [`trust`](mod@trust): whether a checkpoint is to be believed.
//! - [`copy`](mod@copy): a ledger from a server into a file.
//! - [`export`](mod@export): a ledger, or a part of it, into a folder that proves itself.
//! - [`verify`](mod@verify): checks a ledger file, or such a folder, with nothing but the public key,
//!   and a policy if there is one.
//!
//! Not here: a network service.
//! A copy of the whole file that was put back in place of the newer one looks
//! intact to itself; only a checkpoint that was kept elsewhere shows it (see [`verify::verify_with`]).

mod causes;
pub mod copy;
mod durable;
pub mod export;
pub mod follow;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod http;
pub mod ledger;
pub mod merkle;
pub mod note;
pub mod publish;
pub mod published;
pub mod record;
pub mod tiles;
pub mod tlog_proof;
pub mod trust;
pub mod verify;
pub mod witness;

#[cfg(test)]
mod testing;

pub use ledger::{
    AppendError, Clock, Consistency, Cursor, CursorError, Ledger, ListQuery, LogSize, MAX_BATCH,
    MAX_LIST, NoProof, OpenError, Order, Page, Position, PublishRule, QUEUE_LIMIT, ReadError,
    Rejection, SEARCH_WINDOW, SearchError, SelfCheckStatus, StoredEntry, Submission, WitnessStatus,
    Witnessing,
};
pub use merkle::{Frontier, Hash};
pub use note::{
    Checkpoint, CheckpointError, CheckpointSigner, CheckpointVerifier, CosignatureSigner,
    CosignatureVerifier, KeyError, NoteError, Timestamp,
};
pub use record::{Record, RecordError};
pub use tlog_proof::TlogProof;
pub use trust::{LogTrust, TrustError, Vouched};
pub use verify::{
    Finding, FindingKind, Progress, Report, Severity, Trust, VerifyError, ZoneReport,
};
pub use witness::{TrustPolicy, Witness, WitnessClient};
