//! Publication: the logs as static files, which anybody can verify with tools of their own.
//!
//! ```text
//! database --entries, signed checkpoint--> TilePublisher --bundles, tiles, then the checkpoint--> TileStore
//! ```
//!
//! One [`TilePublisher`] follows the log of one zone, on connections of its own: appending never waits
//! for it. It keeps nothing in memory between two steps and goes on from what the store holds, so it
//! may be stopped or killed anywhere, and replicas may publish to one store.
//!
//! - Whoever sees a checkpoint finds every tile of it: it is written last.
//! - Nothing is written that no signature covers: entries are held against the signed root first.
//! - What has been written is never replaced. Other bytes under the same name are two histories of
//!   one log, and are reported as such ([`PublishError::is_fork`]).
//!
//! Not here: a web server, deletion. Nothing is pruned, because there is no policy by
//! which it could be (C2SP tlog-tiles, "Retention Policies").

mod folder;
mod growth;
pub mod s3;
mod source;
mod status;
mod step;
mod store;
mod task;
#[cfg(test)]
mod tests;

pub use folder::FolderStore;
pub use s3::S3Store;
pub use source::{LogSource, SourceError};
pub use status::{Failure, PublisherStatus};
pub use step::{PublishError, TilePublisher};
pub use store::{Mark, PublishedCheckpoint, StoreError, TileStore};
pub use task::PublisherTask;
