//! Keys in a hardware security module, by PKCS#11: the zone key is made in the token as one that
//! cannot be taken out, and what stands in the database is its handle.
//!
//! A module is a shared library that the operator names; it runs inside of this process. Its calls
//! block, so each runs on a thread of its own, and only so many at a time.

mod handle;
mod kek;
mod key;
#[cfg(test)]
mod tests;
mod token;

pub use handle::Handle;
pub use kek::TokenKek;
pub use key::TokenKey;
pub use token::{Token, TokenError};
