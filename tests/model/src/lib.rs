//! The feed-and-lease protocol as a model, explored exhaustively for small sizes.
//!
//! What is explored is the code that runs wherever it knows no host: each point is a
//! [`caracal_filter::feed::Feed`] that is given the bytes of the wire, and a service decides with
//! [`caracal_mandate::lease`]. What the model adds is what surrounds them: the log, the channels,
//! the order of a service's steps (`service.rs`, held against `sts/src/feed` and
//! `sts/src/authority`), clocks, and faults. `docs/lease.md` says what is proven and what is not.
//!
//! Every party is asynchronous: any enabled step may be the next one, and time may pass between any
//! two. A party that is slow, frozen or cut off is one whose steps do not come; that needs no step
//! of its own.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "whatever leaves the model's own bounds is a mistake in the model and has to stop the check"
)]

pub mod canon;
pub mod check;
pub mod mutant;
pub mod plan;
pub mod point;
pub mod properties;
pub mod protocol;
pub mod recovery;
pub mod service;
pub mod size;
pub mod step;
pub mod wire;
pub mod world;
