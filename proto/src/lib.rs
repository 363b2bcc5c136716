//! The wire messages of Caracal.
//!
//! Generated from the `.proto` files of this crate and committed under `src/gen/`, so that a build
//! needs no protoc. `tests/fresh.rs` regenerates and compares; with `CARACAL_REGENERATE=1` it writes.

/// Generated code, as it comes.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated code is not ours to style"
)]
mod generated {
    pub mod enforcement {
        include!("gen/caracal.enforcement.v1.rs");
    }
    pub mod ledger {
        include!("gen/caracal.ledger.v1.rs");
    }
    pub mod operations {
        include!("gen/caracal.operations.v1.rs");
    }
    /// Nested as their packages are: messages of one are in the other.
    #[cfg(feature = "grpc")]
    pub mod collector {
        pub mod logs {
            pub mod v1 {
                include!("gen/opentelemetry.proto.collector.logs.v1.rs");
            }
        }
        pub mod trace {
            pub mod v1 {
                include!("gen/opentelemetry.proto.collector.trace.v1.rs");
            }
        }
    }
    pub mod extauthz {
        include!("gen/caracal.extauthz.v1.rs");
    }
}

/// The authority feed.
pub use generated::enforcement;
/// The part of Envoy's `ext_authz` that the filter speaks.
pub use generated::extauthz;
/// The way of decisions into the ledger.
pub use generated::ledger;
/// What the management API asks of a token service in another process.
pub use generated::operations;

/// Traces of OpenTelemetry, unchanged from its own definition (v1.10.0, Apache-2.0).
#[cfg(feature = "grpc")]
pub use generated::collector::trace::v1 as otlp;

/// Logs of OpenTelemetry, likewise.
#[cfg(feature = "grpc")]
pub use generated::collector::logs::v1 as otlp_logs;

/// Keys of `context_extensions` in a check by one of our own enforcement points.
pub mod check {
    /// What the point wants: [`EXCHANGE`] or [`AUTHORIZE`]. A check without it is by Envoy's own
    /// `ext_authz` filter.
    pub const INTENT: &str = "caracal.intent";
    /// A mandate for the peer that the request comes from.
    pub const EXCHANGE: &str = "exchange";
    /// A decision about one request that carries a mandate.
    pub const AUTHORIZE: &str = "authorize";
    /// Beside [`EXCHANGE`]: the mandate with which the workload was called that now sends the request.
    pub const CALLER: &str = "caracal.caller";
    /// Header of a yes to one of our own points: how old the service's knowledge was when the
    /// question arrived, in milliseconds. The point takes its word for a lease less that, counted
    /// from when it asked.
    pub const READ_AGE_HEADER: &str = "x-caracal-read-age-ms";
    /// How the point enforces: [`SHADOW`], or nothing for a point that does.
    pub const MODE: &str = "caracal.mode";
    /// The point lets the request pass, whatever the answer is.
    pub const SHADOW: &str = "shadow";
}
