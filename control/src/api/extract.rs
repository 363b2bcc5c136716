//! Reading requests, with refusals in the API's own form.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use caracal_mandate::name::Name;
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// The zone of the path.
pub(super) struct InZone(pub(super) Name);

impl<S: Send + Sync> FromRequestParts<S> for InZone {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(zone) = path.map_err(|error| ApiError::invalid(error.body_text()))?;
        let zone = zone.parse::<Name>();
        zone.map(Self)
            .map_err(|error| ApiError::invalid(format!("zone in the path: {error}")))
    }
}

/// The zone and the session of the path.
pub(super) struct InSession {
    pub(super) zone: Name,
    pub(super) session: String,
}

impl<S: Send + Sync> FromRequestParts<S> for InSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((zone, session)) = path.map_err(|error| ApiError::invalid(error.body_text()))?;
        let zone = zone.parse();
        let zone = zone.map_err(|error| ApiError::invalid(format!("zone in the path: {error}")))?;
        Ok(Self { zone, session })
    }
}

/// The zone and the entry of the path.
pub(super) struct AtEntry {
    pub(super) zone: Name,
    pub(super) index: u64,
}

impl<S: Send + Sync> FromRequestParts<S> for AtEntry {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((zone, index)) = path.map_err(|error| ApiError::invalid(error.body_text()))?;
        let zone = zone.parse();
        let zone = zone.map_err(|error| ApiError::invalid(format!("zone in the path: {error}")))?;
        let index = index
            .parse()
            .map_err(|_| ApiError::invalid("index in the path: not the number of an entry"))?;
        Ok(Self { zone, index })
    }
}

/// The `Idempotency-Key` header.
pub(super) struct IdempotencyKey(pub(super) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let key = values.next().map(|value| value.to_str().map(str::to_owned));
        let key = key.transpose().ok().filter(|_| values.next().is_none());
        key.map(Self).ok_or_else(|| {
            ApiError::invalid("the Idempotency-Key header is repeated or not printable ASCII")
        })
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|error| {
            if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::too_large()
            } else {
                ApiError::invalid("the body could not be read: send it again")
            }
        })?;
        object(&bytes).map(Self)
    }
}

/// Reads the bytes of a body.
pub(super) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // An array would be taken for a struct's members in their order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(ApiError::invalid("the JSON body is no object"));
    }
    let value = serde_json::from_slice(bytes);
    value.map_err(|error| ApiError::invalid(format!("the JSON body: {error}")))
}

/// The parameters after the question mark.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(value)| Self(value))
            .map_err(|error| ApiError::invalid(format!("the query: {}", error.body_text())))
    }
}
