//! The management API and the `caracal` command.
//!
//! - [`api`]: REST for administrators; every change goes through it.
//! - [`cli`]: the command line, a client of that API.
//! - `serve`: what runs until it is told to stop: `caracal up`, `sts` and `control`.
//! - `settings`: their configuration, from flags, environment and a file.
//! - [`witness`]: witnesses of ledgers over HTTP.
//! - [`dev_ca`]: certificates for development.

pub mod api;
pub mod cli;
mod clock;
mod database;
pub mod dev_ca;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod serve;
mod settings;
pub mod witness;
