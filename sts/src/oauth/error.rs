//! Refusals of the OAuth endpoints: RFC 6749 §5.2 and what extends it.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use caracal_mandate::reason::{ErrorCode, Reason};
use caracal_mandate::refusal::REASON_HEADER;
use serde::Serialize;

use super::form::FormError;
use crate::request::{Refused, StepUp};

/// The registered codes that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// RFC 6749 §5.2; by RFC 8693 §2.2.2 also for every unusable subject or actor token.
    InvalidRequest,
    /// RFC 6749 §5.2, 401.
    InvalidClient,
    /// RFC 6749 §5.2.
    UnauthorizedClient,
    /// RFC 6749 §5.2.
    UnsupportedGrantType,
    /// RFC 6749 §5.2.
    InvalidScope,
    /// RFC 8707 §2, RFC 8693 §2.2.2.
    InvalidTarget,
    /// RFC 9470 §3, 401.
    InsufficientUserAuthentication,
    /// RFC 6749 §4.1.2.1, 503.
    TemporarilyUnavailable,
    /// RFC 8628 §3.5, 429: too many failures.
    SlowDown,
    /// The same, for too many requests that are good.
    Busy,
}

impl Code {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InsufficientUserAuthentication => "insufficient_user_authentication",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::SlowDown | Self::Busy => "slow_down",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::InvalidScope
            | Self::InvalidTarget => StatusCode::BAD_REQUEST,
            Self::InvalidClient | Self::InsufficientUserAuthentication => StatusCode::UNAUTHORIZED,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::SlowDown | Self::Busy => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    const fn retry_after(self) -> Option<HeaderValue> {
        match self {
            Self::TemporarilyUnavailable | Self::Busy => Some(HeaderValue::from_static("1")),
            Self::SlowDown => Some(HeaderValue::from_static("60")),
            _ => None,
        }
    }
}

/// A refusal. Its text is made of constants: nothing of the request comes back in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OAuthError {
    pub(super) code: Code,
    description: Cow<'static, str>,
    reason: Option<Reason>,
    step_up: Option<StepUp>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// As in the challenge (RFC 9470 §3), for clients that read bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    acr_values: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
}

impl OAuthError {
    pub(super) const fn new(code: Code, description: &'static str) -> Self {
        Self {
            code,
            description: Cow::Borrowed(description),
            reason: None,
            step_up: None,
        }
    }

    /// The client is not who it says it is. Which part of the proof failed is not told.
    pub(super) fn client() -> Self {
        Reason::ClientUnproven.into()
    }

    /// What a 401 has to carry (RFC 9110 §11.6.1).
    fn challenge(&self) -> Option<HeaderValue> {
        const BASIC: &str = r#"Basic realm="caracal", charset="UTF-8""#;
        match self.code {
            Code::InvalidClient => Some(HeaderValue::from_static(BASIC)),
            Code::InsufficientUserAuthentication => {
                let (error, description) = (self.code.as_str(), &self.description);
                // RFC 9470 §3. Both were read into types that hold no quote and no control character.
                let step_up = self.step_up.as_ref();
                let classes = step_up.and_then(StepUp::classes);
                let classes = classes.map(|classes| format!(r#", acr_values="{classes}""#));
                let age = step_up.and_then(|step_up| step_up.max_age);
                let age = age.map(|age| format!(r#", max_age="{age}""#));
                let (classes, age) = (classes.unwrap_or_default(), age.unwrap_or_default());
                let challenge = format!(
                    r#"Bearer realm="caracal", error="{error}", error_description="{description}"{classes}{age}"#
                );
                // A 401 without a challenge is none.
                let plain = || HeaderValue::from_static(r#"Bearer realm="caracal""#);
                Some(HeaderValue::try_from(challenge).unwrap_or_else(|_| plain()))
            }
            _ => None,
        }
    }

    pub(super) const fn slow_down() -> Self {
        Self::new(Code::SlowDown, "too many failed attempts; try again later")
    }

    pub(super) const fn busy() -> Self {
        Self::new(
            Code::Busy,
            "more exchanges than this client may have; keep mandates until they expire",
        )
    }
}

impl From<FormError> for OAuthError {
    fn from(error: FormError) -> Self {
        Self {
            code: Code::InvalidRequest,
            description: Cow::Owned(error.to_string()),
            reason: None,
            step_up: None,
        }
    }
}

/// The one place where reasons become codes of OAuth.
impl From<Reason> for OAuthError {
    fn from(reason: Reason) -> Self {
        let code = match reason {
            Reason::ClientUnproven => Code::InvalidClient,
            Reason::ClientUnbound | Reason::ApplicationInactive | Reason::CallerUnknown => {
                Code::UnauthorizedClient
            }
            // "Unwilling to issue a token for the target" (RFC 8693 §2.2.2): no grant, or the policy.
            Reason::TargetInvalid
            | Reason::NoGrant
            | Reason::GrantNotYet
            | Reason::GrantWindow
            | Reason::PolicyMissing
            | Reason::PolicyDenied
            | Reason::PolicyFailed => Code::InvalidTarget,
            Reason::ScopeExceeded => Code::InvalidScope,
            // "Unacceptable based on policy" (RFC 8693 §2.2.2): nobody, or another, is the subject.
            Reason::GrantSubject => Code::InvalidRequest,
            Reason::UserAuthentication | Reason::UserAuthenticationClass => {
                Code::InsufficientUserAuthentication
            }
            other => match other.error_code() {
                ErrorCode::TemporarilyUnavailable => Code::TemporarilyUnavailable,
                ErrorCode::InvalidRequest
                | ErrorCode::InvalidToken
                | ErrorCode::NoCredentials
                | ErrorCode::InsufficientScope
                | ErrorCode::AccessDenied => Code::InvalidRequest,
            },
        };
        Self {
            code,
            description: Cow::Borrowed(reason.sentence()),
            reason: Some(reason),
            step_up: None,
        }
    }
}

impl From<Refused> for OAuthError {
    fn from(refused: Refused) -> Self {
        let Refused {
            reason,
            scopes: _,
            step_up,
        } = refused;
        Self {
            step_up,
            ..reason.into()
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let challenge = self.challenge();
        let Self {
            code,
            description,
            reason,
            step_up,
        } = self;
        let body = Body {
            error: code.as_str(),
            error_description: &description,
            reason,
            acr_values: step_up.as_ref().and_then(StepUp::classes),
            max_age: step_up.as_ref().and_then(|step_up| step_up.max_age),
        };
        let mut response = (code.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        if let Some(challenge) = challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(after) = code.retry_after() {
            headers.insert(RETRY_AFTER, after);
        }
        if let Some(reason) = reason {
            headers.insert(REASON_HEADER, HeaderValue::from_static(reason.as_str()));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_registered_code_and_status() {
        for reason in Reason::ALL {
            let error = OAuthError::from(*reason);
            let status = error.code.status();
            let response = error.into_response();
            assert_eq!(response.status(), status, "{reason}");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
            assert_eq!(
                response.headers().contains_key(WWW_AUTHENTICATE),
                status == StatusCode::UNAUTHORIZED,
                "{reason}"
            );
        }
    }

    #[test]
    fn reasons_become_the_codes_of_the_rfcs() {
        for (reason, code) in [
            (Reason::ClientUnproven, Code::InvalidClient),
            (Reason::ClientUnbound, Code::UnauthorizedClient),
            (Reason::MalformedParameter, Code::InvalidRequest),
            (Reason::SubjectInvalid, Code::InvalidRequest),
            (Reason::ActorInvalid, Code::InvalidRequest),
            (Reason::DelegationDenied, Code::InvalidRequest),
            (Reason::Revoked, Code::InvalidRequest),
            (Reason::TargetInvalid, Code::InvalidTarget),
            (Reason::NoGrant, Code::InvalidTarget),
            (Reason::GrantNotYet, Code::InvalidTarget),
            (Reason::GrantWindow, Code::InvalidTarget),
            (Reason::GrantSubject, Code::InvalidRequest),
            (Reason::PolicyDenied, Code::InvalidTarget),
            (Reason::ScopeExceeded, Code::InvalidScope),
            (
                Reason::UserAuthentication,
                Code::InsufficientUserAuthentication,
            ),
            (Reason::IssuerUnavailable, Code::TemporarilyUnavailable),
            (Reason::AuditUnavailable, Code::TemporarilyUnavailable),
        ] {
            assert_eq!(OAuthError::from(reason).code, code, "{reason}");
        }
    }
}
