//! Laws for whatever administrators send and operators write. The fuzz targets look for an exception
//! to them (`docs/fuzzing.md`), and tests try them on the seeds. Each stands beside what reads the
//! bytes.
//!
//! Each law says whether it accepts an input, and panics where the input breaks it.

pub use crate::api::law::management;
pub use crate::settings::law::settings;
