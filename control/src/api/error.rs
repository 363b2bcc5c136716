//! Refusals of the management API: what is wrong, where, and what to do.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use caracal_audit::{AppendError, NoProof, SearchError};
use caracal_mandate::name::Name;
use caracal_store::{CommitError, HeartbeatError, KeyRefusal, ReadError};
use caracal_sts::ZoneKeyError;
use serde_json::json;

use super::MAX_BODY_BYTES;
use super::authority::{AuthorityError, KeyListError, KeyStepError, PolicyRefusal, RefusalKind};

/// A refusal with its HTTP status and a code for programs.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    pub(super) fn no_token() -> Self {
        let message = "the administrator's token is missing or wrong: send `Authorization: Bearer` \
            with the content of admin.token from the server's data directory";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub(super) fn no_route() -> Self {
        let message = "there is no such path: paths start with /v1/zones";
        Self::new(StatusCode::NOT_FOUND, "no_such_path", message)
    }

    pub(super) fn no_method() -> Self {
        let message = "this path does not take this method: things are made with POST, the active \
            policy is set with PUT, credentials, issuers and keys go with DELETE, everything is read with GET";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
        )
    }

    pub(super) fn too_large() -> Self {
        let message = format!("the body is larger than {MAX_BODY_BYTES} bytes: send less at once");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }

    pub(super) fn no_zone(zone: &Name) -> Self {
        let message = format!("zone {zone} does not exist: create it, or list the zones");
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn no_application(zone: &Name, application: &Name) -> Self {
        let message = format!(
            "application {application} does not exist in zone {zone}: create it, or list the \
            applications"
        );
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn no_policy(zone: &Name, digest: &str) -> Self {
        let message =
            format!("zone {zone} has no policy version {digest}: list the versions to see them");
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn policy(zone: &Name, refusal: &PolicyRefusal) -> Self {
        let message = format!(
            "the policy for zone {zone} is refused, the active one stays: {refusal}; correct the \
            source and apply it again"
        );
        Self::new(StatusCode::BAD_REQUEST, "invalid_policy", message)
    }

    pub(super) fn key(zone: &Name, error: &AuthorityError) -> Self {
        tracing::error!(%zone, %error, "no signing key");
        let message = format!(
            "zone {zone} exists but has no signing key yet: repeat the request with the same \
            Idempotency-Key, or restart the server"
        );
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "key_unavailable", message)
    }

    pub(super) fn key_change(zone: &Name, error: KeyStepError) -> Self {
        let error = match error {
            KeyStepError::Here(error) => error,
            KeyStepError::Elsewhere { kind, text } => return Self::elsewhere(zone, kind, &text),
        };
        match error {
            ZoneKeyError::Commit(error) => Self::commit(zone, error),
            ZoneKeyError::Read(error) => Self::read(error),
            ZoneKeyError::Key(error) => {
                tracing::error!(%zone, %error, "a key could not be made");
                let message = format!(
                    "the next key of zone {zone} could not be made, the one that signs goes on: \
                    {error}"
                );
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "key_unavailable", message)
            }
        }
    }

    fn elsewhere(zone: &Name, kind: RefusalKind, text: &str) -> Self {
        let message = format!("{text} (zone {zone})");
        match kind {
            RefusalKind::NotFound => Self::new(StatusCode::NOT_FOUND, "not_found", message),
            RefusalKind::State => Self::new(StatusCode::CONFLICT, "key_state", message),
            RefusalKind::IdempotencyConflict => {
                Self::new(StatusCode::CONFLICT, "idempotency_conflict", message)
            }
            RefusalKind::Invalid => Self::invalid(message),
            RefusalKind::Unavailable => {
                tracing::error!(%zone, text, "no token service took a step of a key");
                let message = format!(
                    "{message}: the key that signs goes on; try again with the same \
                    Idempotency-Key, and look at the token services' logs"
                );
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "key_unavailable", message)
            }
        }
    }

    pub(super) fn key_list(zone: &Name, error: KeyListError) -> Self {
        match error {
            KeyListError::Read(error) => Self::read(error),
            KeyListError::Authority(error) => {
                Self::elsewhere(zone, RefusalKind::Unavailable, &error.to_string())
            }
        }
    }

    fn key_state(zone: &Name, refusal: &KeyRefusal) -> Self {
        let hint = match refusal {
            KeyRefusal::TooEarly { .. } => {
                "until then every enforcement point gets it, and the one that signs goes on; \
                repeat the request then"
            }
            KeyRefusal::NextExists { .. } | KeyRefusal::State { .. } | KeyRefusal::Overtaken => {
                "list the keys to see where they are"
            }
        };
        let message = format!("{refusal} (zone {zone}): {hint}");
        Self::new(StatusCode::CONFLICT, "key_state", message)
    }

    pub(super) fn commit(zone: &Name, error: CommitError) -> Self {
        match error {
            CommitError::AlreadyExists { kind, name } => {
                let message = format!(
                    "{kind} {name} exists already (request for zone {zone}): choose another, or \
                    use the one that exists"
                );
                Self::new(StatusCode::CONFLICT, "already_exists", message)
            }
            CommitError::NotFound {
                kind: "zone",
                name: _,
            } => Self::no_zone(zone),
            CommitError::NotFound { kind, name } => {
                let message =
                    format!("{kind} {name} does not exist in zone {zone}: create it first");
                Self::new(StatusCode::NOT_FOUND, "not_found", message)
            }
            CommitError::InSession(session) => {
                let message = format!(
                    "the workload is in session {session} of zone {zone}: end that one \
                    (`caracal revoke session/{session}`), or let this one take over (`take_over`)"
                );
                Self::new(StatusCode::CONFLICT, "in_session", message)
            }
            CommitError::Invalid(text) => {
                Self::invalid(format!("{text} (zone {zone}): correct the request"))
            }
            CommitError::Limit(text) => Self::new(
                StatusCode::CONFLICT,
                "limit_reached",
                format!("{text} (zone {zone})"),
            ),
            CommitError::Key(refusal) => Self::key_state(zone, &refusal),
            CommitError::IdempotencyConflict => {
                let message = format!(
                    "this Idempotency-Key was used for another change of zone {zone}: use a new key"
                );
                Self::new(StatusCode::CONFLICT, "idempotency_conflict", message)
            }
            CommitError::Database(error) => Self::store(&error),
            CommitError::TimedOut => Self::store(&CommitError::TimedOut),
            CommitError::Replaced => Self::replaced(),
        }
    }

    pub(super) fn heartbeat(error: HeartbeatError) -> Self {
        let message = error.to_string();
        match error {
            HeartbeatError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not_found", message),
            HeartbeatError::Unleased(_) => Self::invalid(message),
            HeartbeatError::Ended(_) => Self::new(StatusCode::CONFLICT, "session_ended", message),
            HeartbeatError::Expired(_) => {
                Self::new(StatusCode::CONFLICT, "session_expired", message)
            }
            HeartbeatError::Database(error) => Self::store(&error),
            HeartbeatError::TimedOut => Self::store(&HeartbeatError::TimedOut),
        }
    }

    pub(super) fn read(error: ReadError) -> Self {
        match error {
            ReadError::Database(error) => Self::store(&error),
            ReadError::TimedOut => Self::store(&ReadError::TimedOut),
            ReadError::Replaced { .. } => Self::replaced(),
        }
    }

    fn replaced() -> Self {
        tracing::error!("the authority log was replaced since this server started");
        let message = "the authority database was replaced since this server started, so that it \
            must not go on: restart it";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            message,
        )
    }

    fn store(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "the authority database failed");
        let message = "the authority database does not answer: try again with the same \
            Idempotency-Key, and look at the server's log";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            message,
        )
    }

    pub(super) fn not_recordable(error: &AppendError) -> Self {
        tracing::error!(%error, "the ledger takes no events");
        let message = "the ledger cannot record changes, so none is made: try again, and look at \
            the server's log";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "audit_unavailable",
            message,
        )
    }

    pub(super) fn not_recorded(error: &AppendError) -> Self {
        tracing::error!(%error, "a decision is not recorded yet");
        let message = "the request was decided but the ledger has not recorded it yet, which it \
            will before any other change: repeat it with the same Idempotency-Key";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "audit_unavailable",
            message,
        )
    }

    pub(super) fn ledger_read(error: &caracal_audit::ReadError) -> Self {
        tracing::error!(%error, "the ledger cannot be read");
        let message = "the ledger cannot be read: try again, and look at the server's log";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "audit_unavailable",
            message,
        )
    }

    pub(super) fn no_entry(zone: &Name, index: u64) -> Self {
        let message = format!("the log of zone {zone} has no entry {index}: list the entries");
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn no_proof(zone: &Name, error: NoProof) -> Self {
        let message = format!("{error} (zone {zone})");
        match error {
            NoProof::Storage(error) => Self::ledger_read(&error.into()),
            NoProof::NoEntry { .. } | NoProof::NoCheckpoint { .. } => {
                Self::new(StatusCode::NOT_FOUND, "not_found", message)
            }
            NoProof::Order { .. } => Self::invalid(message),
            NoProof::Unpublished { .. } | NoProof::NotCovered { .. } => {
                let message = format!(
                    "{message}: a checkpoint follows within seconds, or when enough witnesses have \
                    answered; ask again then"
                );
                Self::new(StatusCode::CONFLICT, "not_covered", message)
            }
            NoProof::Checkpoint(_) | NoProof::Damaged { .. } | NoProof::Entry { .. } => {
                tracing::error!(%zone, %error, "the ledger does not prove what it signed");
                let message = format!(
                    "{message}: the database was changed; `caracal audit verify` says which entries"
                );
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "audit_damaged", message)
            }
        }
    }

    pub(super) fn ledger_search(error: &SearchError) -> Self {
        match error {
            SearchError::Read(error) => Self::ledger_read(error),
            SearchError::Shorter { .. } => {
                tracing::error!(%error, "somebody has seen another log");
                let message = format!(
                    "{error}; verify the ledger against a checkpoint that was kept elsewhere, or \
                    search from its beginning"
                );
                Self::new(StatusCode::CONFLICT, "log_shorter", message)
            }
        }
    }

    pub(super) fn too_many_waiters(most: usize) -> Self {
        let message = format!(
            "{most} others are waiting for the log to grow: ask again in a second, or without wait"
        );
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_waiters", message)
    }

    pub(super) fn internal(what: &'static str) -> Self {
        tracing::error!(what, "internal error");
        let message = format!("{what}: look at the server's log");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self {
            status,
            code,
            message,
        } = self;
        let body = Json(json!({ "error": code, "message": message }));
        if status == StatusCode::UNAUTHORIZED {
            (status, [(WWW_AUTHENTICATE, "Bearer")], body).into_response()
        } else {
            (status, body).into_response()
        }
    }
}
