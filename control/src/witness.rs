//! Witnesses over HTTP: the front of one, and the way to others. What they do is in
//! [`caracal_audit::witness`].

mod front;
#[cfg(test)]
mod tests;
mod transport;

pub use front::router;
pub use transport::{HttpTransport, NoTrust};
