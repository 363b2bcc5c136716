//! How witnesses are reached.

use std::pin::Pin;

/// A future that a trait object returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An answer over HTTP, as it came. None of it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The `Content-Type`, if there was one that is text.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A witness was not reached, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// Sends a request to a witness.
pub trait Transport: Send + Sync {
    /// Posts `body` to `url`. Follows no redirect, and reads no more of the answer's body than
    /// [`MAX_REPLY_BYTES`](super::MAX_REPLY_BYTES): a longer one is an error. How long it may take is
    /// the caller's business, who drops the future.
    fn post(&self, url: String, body: String) -> BoxFuture<'_, Result<Reply, TransportError>>;
}
