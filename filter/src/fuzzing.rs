//! Laws for whatever bytes reach the filter. The fuzz targets look for an exception to them
//! (`docs/fuzzing.md`), and tests try them on the seeds.
//!
//! Each law says whether it accepts an input, and panics where the input breaks it.

mod calls;
mod check_answer;
mod config;
mod feed;
mod signer;
mod token;

pub use calls::calls;
pub use check_answer::check_answer;
pub use config::config;
pub use feed::feed;
pub use token::token;
