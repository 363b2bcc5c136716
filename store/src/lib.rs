//! The authority state: who may do what, and the log of every change to it.
//!
//! ```text
//! control, sts --Change--> one transaction: tables + authority_log --seq--> followers
//! ```
//!
//! - [`model`]: what the state is made of. Pure.
//! - [`Connector`]: a database of either kind, with the session settings that promises rest on; the
//!   ledger uses it as well.
//! - [`Store`]: opens the database, commits changes, reads tables and log. `SQLite` and
//!   `PostgreSQL` run the same statements; [`DatabaseUrl`] says which.
//!
//! The log is the truth: the state is the fold of its entries, and the tables are that fold, kept
//! for look-ups and for the rules that need all of it (one host, one resource). Whoever follows the
//! log asks the database; the wake-up of [`Store::commits`] saves time and carries no promise.
//!
//! Not here: transport, policy evaluation, cryptography. Private keys come and go sealed.

mod commit;
mod digest;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod heartbeat;
mod keys;
mod list;
mod log;
pub mod model;
mod number;
mod read;
mod single_use;
mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use commit::{CommitError, Committed, KeyRefusal};
pub use heartbeat::{Heartbeat, HeartbeatError};
pub use list::{Listed, MAX_LISTED, PolicyVersion, Revocable, TrackedSession};
pub use read::ReadError;
pub use single_use::UseError;
pub use store::{
    Connector, DatabaseUrl, DatabaseUrlError, Dialect, OpenError, PostgresUrl, SchemaError, Store,
    bring_up_to_date,
};
