//! The enforcement filter.
//!
//! A core that knows no host ([`engine::Engine`] and what it is made of: pure, tested natively) and
//! a thin shell for Envoy's Wasm ABI (`shell`, wasm32 only). Everything here reads hostile bytes
//! inside the proxy, and a panic there would hang or fail other people's requests: nothing in this
//! crate panics.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::panic_in_result_fn,
        clippy::string_slice
    )
)]
#![cfg_attr(
    test,
    expect(
        clippy::arithmetic_side_effects,
        reason = "an overflow in a test fails the test"
    )
)]

pub mod authority;
pub mod backlog;
pub mod cache;
pub mod calls;
pub mod check;
pub mod config;
pub mod crypto;
pub mod decision;
pub mod engine;
pub mod feed;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod lease;
pub mod time;

#[cfg(target_arch = "wasm32")]
mod shell;

pub use caracal_mandate::head;
