//! Laws for whatever bytes reach the token service. The fuzz targets look for an exception to them
//! (`docs/fuzzing.md`), and tests try them on the seeds. Each stands beside what reads the bytes.
//!
//! Each law says whether it accepts an input, and panics where the input breaks it.

pub use crate::check::law::check_request;
pub use crate::jwt::law::jwt;
pub use crate::ledger::law::decision;
pub use crate::oauth::law::form;
pub use crate::peers::law::peer_message;
pub use crate::policy::law::policy;
pub use crate::tls::law::certificate;
