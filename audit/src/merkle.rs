//! The Merkle tree of RFC 6962 §2.1 (unchanged in RFC 9162 §2.1): hashes and the append-only frontier.

mod frontier;
mod hash;
mod proof;
#[cfg(test)]
pub(crate) mod reference;

pub use frontier::{Frontier, FrontierError};
pub use hash::Hash;
pub use proof::{
    ProofError, consistency_proof, growth_proof, inclusion_proof, verify_consistency,
    verify_inclusion,
};
