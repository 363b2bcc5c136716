//! The processes as an operator has them: `caracal up`, `caracal sts`, `caracal control`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail"
)]

mod configuration;
mod drain;
mod exported;
mod halves;
mod published;
mod secrets;
mod support;
mod traces;
