//! The management API and the `caracal` command.
//!
//! - [`api`]: REST for administrators; every change goes through it.
//! - [`cli`]: the command line, a client of that API.
//! - [`up`]: token service, management API and ledger in one process.
//! - [`dev_ca`]: certificates for development.

pub mod api;
pub mod cli;
mod clock;
mod database;
pub mod dev_ca;
mod redis;
pub mod up;
