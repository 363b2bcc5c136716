//! Laws for whatever operators and issuers write. The fuzz targets look for an exception to them
//! (`docs/fuzzing.md`), and tests try them on the seeds.
//!
//! Each law says whether it accepts an input, and panics where the input breaks it.

mod address;
mod json;

pub use address::address;
pub use json::json;
