//! Laws for whatever is shown as evidence. The fuzz targets look for an exception to them
//! (`docs/fuzzing.md`), and tests try them on the seeds.
//!
//! Each law says whether it accepts an input, and panics where the input breaks it.

mod checkpoint;
mod proof;
mod record;
mod tile;
mod tlog_proof;
mod trust_policy;
mod witness_request;

pub use checkpoint::checkpoint;
pub use proof::proof;
pub use record::record;
pub use tile::tile;
pub use tlog_proof::tlog_proof;
pub use trust_policy::trust_policy;
pub use witness_request::witness_request;
