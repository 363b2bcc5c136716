//! Laws for whatever bytes the vocabulary is read from. The fuzz targets look for an exception to
//! them (`docs/fuzzing.md`), and tests try them on the seeds.
//!
//! Each law says whether it accepts an input, and panics where the input breaks it.

mod chain;
mod head;
mod path;
mod words;

pub use chain::chain;
pub use head::head;
pub use path::path;
pub use words::words;
