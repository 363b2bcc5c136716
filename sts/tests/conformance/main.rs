//! The OAuth endpoints against their RFCs, over the running server: one test for each requirement,
//! named after it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a helper that fails is a test that fails"
)]

mod assertions;
mod bearer;
mod called;
mod client_authentication;
mod conditions;
mod delegation;
mod errors;
mod exchange;
mod graph;
mod humans;
mod issued;
mod metadata;
mod published_keys;
mod replicas;
mod requests;
mod sessions;
mod signed;
mod support;
mod table;
mod tokens;
