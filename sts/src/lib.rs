//! The Security Token Service: who may have a mandate, and live authority for those who check them.
//!
//! ```text
//! Envoy, filter --Check-->  exchange:  caller -> holder -> target -> grant -> policy -> session -> mint
//!                           authorize: the filter's own decision, made here
//! filter        --Watch-->  feed:      snapshot, deltas, pongs  <-- authority <-- log of the store
//! filter        --Append--> ledger:    decisions of the data plane
//! client        --HTTP-->   oauth:     token endpoint -> exchange; introspection, revocation, metadata
//! anyone        --HTTP-->   public keys, health
//! replica       --Redis-->  peers:     wake-ups, so that a commit of one is read by all at once
//! ```
//!
//! Every answer is a decision that is durable in the ledger before it leaves. Nothing is decided on
//! authority state whose last confirmed read of the log is older than the lease.
//!
//! Not here: the management API, tables, the ledger's own storage.

mod authority;
mod authorize;
mod canonical;
mod check;
mod clock;
mod config;
mod exchange;
mod feed;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod jwks;
mod jwt;
pub mod keys;
mod ledger;
mod limits;
mod metrics;
mod oauth;
mod operations;
mod peers;
pub mod policy;
mod readiness;
mod recorder;
mod request;
mod rotation;
mod server;
mod service;
mod start;
mod telemetry;
#[cfg(test)]
mod testing;
mod tls;

pub use authority::TailError;
pub use clock::{Clock, Random, RandomError, SystemClock, SystemRandom};
pub use config::StsConfig;
pub use feed::{AckReport, PointStatus};
pub use http::HttpServeError;
pub use jwks::{JwksConfig, NoAuthority};
pub use keys::{Es256, KeyEncryptionKey, KeyError, KeyStorage, SealError};
pub use limits::{Rate, RateError};
pub use peers::{
    DeadReason, PeerError, PeerKey, PeerStats, PeerTiming, RedisConfig, RedisUrl, RedisUrlError,
};
pub use policy::{MAX_POLICY_BYTES, PolicyDigest, PolicyError};
pub use readiness::Draining;
pub use rotation::{KeyChange, KeyStatus, ZoneKeyError};
pub use server::ServeError;
pub use start::{StartError, Sts};
pub use telemetry::{
    CollectorHeader, CollectorHeaderError, ExportCursorError, LogExportStatus, LogExportWatch,
    LogExporter, LogExporterError, TelemetryConfig, TelemetryError,
};
pub use tls::{TlsError, TlsFileError, TlsFiles};
