//! A witness behind HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use caracal_audit::Witness;
use caracal_audit::witness::{Answer, MAX_REQUEST_BYTES};
use tokio::sync::Semaphore;

/// Requests that are judged at the same time: each holds a thread while it waits for the disk. More are
/// asked to come back.
const AT_ONCE: usize = 64;

#[derive(Clone)]
struct Front {
    witness: Arc<Witness>,
    room: Arc<Semaphore>,
}

/// Both sides of a witness, submission and monitoring, under one prefix.
pub fn router(witness: Arc<Witness>) -> Router {
    let front = Front {
        witness,
        room: Arc::new(Semaphore::new(AT_ONCE)),
    };
    Router::new()
        .fallback(answer)
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(front)
}

async fn answer(State(front): State<Front>, method: Method, uri: Uri, body: Bytes) -> Response {
    let Front { witness, room } = front;
    let Ok(place) = room.try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let judged = tokio::task::spawn_blocking(move || {
        let answer = witness.answer(method.as_str(), uri.path(), &body);
        // Held to the end, also when nobody waits for the answer any more.
        drop(place);
        answer
    });
    match judged.await {
        Ok(Answer {
            status,
            content_type,
            body,
        }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(CONTENT_TYPE, content_type)], body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a request to the witness was not answered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
