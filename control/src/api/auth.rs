//! Who may call: whoever holds the administrator's token.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use super::error::ApiError;

/// The administrator's token, as its digest.
#[derive(Clone)]
pub struct AdminToken([u8; 32]);

impl AdminToken {
    /// Takes the token's text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text.trim()).into())
    }

    /// Digests have one length, so neither the time nor the length tells anything of the token.
    fn is(&self, presented: &str) -> bool {
        verify_slices_are_equal(&self.0, &Sha256::digest(presented)).is_ok()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken")
    }
}

pub(super) async fn require_token(
    State(token): State<AdminToken>,
    request: Request,
    next: Next,
) -> Response {
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let presented = headers.next().and_then(|value| value.to_str().ok());
    let bearer = presented.and_then(|value| value.strip_prefix("Bearer "));
    // Two credentials can be read in two ways.
    if headers.next().is_none() && bearer.is_some_and(|bearer| token.is(bearer)) {
        return next.run(request).await;
    }
    tracing::warn!(method = %request.method(), path = request.uri().path(), "no valid admin token");
    ApiError::no_token().into_response()
}
