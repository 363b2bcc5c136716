//! The vocabulary of Caracal: what a mandate is, when it is good, and for what.
//!
//! Pure: no I/O, no clock, no randomness, no transport. The same code runs in the token service,
//! in the filter inside Envoy (wasm32), in the command line and in the ledger's verifier.
//!
//! A request's way through this crate: [`head::Head`], of [`path::NormalPath`] and
//! [`host::normal_host`], gives it one reading; [`catalog::Catalog`] finds the operation; [`verify::verify`] checks the token;
//! [`verify::VerifiedMandate::present`] checks the moment and makes the [`verify::Permit`].

#![cfg_attr(
    test,
    expect(
        clippy::arithmetic_side_effects,
        reason = "an overflow in a test fails the test"
    )
)]

pub mod catalog;
pub mod chain;
pub mod claims;
pub mod edge;
pub mod event;
pub mod expiry;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod head;
pub mod host;
pub mod jws;
pub mod key;
pub mod lease;
pub mod name;
pub mod operation;
pub mod path;
pub mod reason;
pub mod refusal;
pub mod revocation;
pub mod scope;
pub mod spiffe;
pub mod verify;
pub mod version;
