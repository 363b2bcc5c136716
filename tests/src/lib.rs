//! The whole system on its real parts: real Envoys, the real `caracal`, the real filter.
//!
//! - [`stack`]: starts the parts as child processes, drives them and stops them.
//! - [`upstream`]: the protected services; they count what reaches them.
//! - [`client`]: requests, plain or with a chosen workload identity.
//! - [`mandates`]: mandates obtained as a workload, and forged ones.
//! - [`story`]: the guided tour, which is also the main end-to-end test.
//! - [`third_party`]: OAuth clients that others wrote.
//! - [`chaos`]: three replicas, and what becomes of them when parts go.
//! - [`faults`]: faults around a revocation, on real gateways.
//! - [`hostile`]: hostile requests over raw connections, and differential fuzzing.
//! - [`bench`]: what enforcement costs.
//! - [`sts_bench`]: what an exchange costs.
//! - [`ledger_bench`]: what the ledger takes in, and what verifying costs.
//! - [`revocation_bench`]: how long a revocation takes to be known everywhere.
//!
//! Everything listens on loopback alone.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "durations and counters of a test harness; overflow checks are on"
)]

use std::pin::Pin;

pub mod agents;
pub mod bench;
pub mod budget;
pub mod chaos;
pub mod client;
pub mod faults;
pub mod hostile;
pub mod ledger_bench;
pub mod mandates;
pub mod mesh;
pub mod opa;
pub mod parity;
pub mod rego;
pub mod revocation_bench;
pub mod stack;
pub mod story;
pub mod sts_bench;
pub mod third_party;
pub mod upstream;

/// The work of a long function. Boxed, so that its code is generated in this library and not again in
/// every program and test that calls it, which took minutes.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
