//! From a request to its form.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;

use super::form::{Endpoint, Form, FormError, MAX_BODY_BYTES};

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn form(parts: &Parts, body: Body, endpoint: Endpoint) -> Result<Form, FormError> {
    // RFC 6749 §2.3.1, §3.2: what stands in a URL stands in logs.
    if parts.uri.query().is_some() {
        return Err(FormError::Query);
    }
    if !is_form(parts) {
        return Err(FormError::ContentType);
    }
    let body = tokio::time::timeout(PATIENCE, to_bytes(body, MAX_BODY_BYTES)).await;
    let body = body.map_err(|_elapsed| FormError::Incomplete)?;
    // The only other error is the end of the connection, after which nobody reads the answer.
    let body = zeroize::Zeroizing::new(body.map_err(|_| FormError::TooLarge)?.to_vec());
    Form::parse(&body, endpoint)
}

/// One content type, without parameters but an UTF-8 charset, which changes nothing here.
fn is_form(parts: &Parts) -> bool {
    let mut values = parts.headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let mut pieces = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let media = pieces.next().unwrap_or_default();
    media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && pieces.all(|parameter| parameter.eq_ignore_ascii_case("charset=utf-8"))
}
