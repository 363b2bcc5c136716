//! How a refusal looks on the wire, the same from every component.

use serde::Serialize;

use crate::reason::{ErrorCode, Reason};
use crate::scope::ScopeSet;

/// Response header with the reason's code.
pub const REASON_HEADER: &str = "x-caracal-reason";

/// A refusal, ready to be written as HTTP or gRPC.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// Why.
    pub reason: Reason,
    /// `x-request-id`, so that the caller can ask about this very request.
    pub request_id: &'a str,
    /// The scopes that the operation needs, all of them, when the operation is known.
    pub scopes: Option<&'a ScopeSet>,
}

/// The JSON body: the OAuth error members, the reason's code, and the request.
#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    error_description: &'static str,
    reason: Reason,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl Refusal<'_> {
    /// HTTP status.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        self.reason.error_code().http_status()
    }

    /// `WWW-Authenticate` by RFC 6750 §3, for 400, 401 and 403. Everything that goes in is a
    /// constant of this crate or a scope, and neither can hold a quote or a control character.
    #[must_use]
    pub fn challenge(&self) -> Option<String> {
        let error = match self.reason.error_code() {
            ErrorCode::TemporarilyUnavailable => return None,
            // RFC 6750 §3: without credentials no error code.
            ErrorCode::NoCredentials => return Some(r#"Bearer realm="caracal""#.to_owned()),
            // The registered code for "these credentials do not reach that far".
            ErrorCode::AccessDenied => ErrorCode::InsufficientScope.as_str(),
            code => code.as_str(),
        };
        let sentence = self.reason.sentence();
        let scope = self
            .scopes
            .map(|scopes| format!(r#", scope="{scopes}""#))
            .unwrap_or_default();
        Some(format!(
            r#"Bearer realm="caracal", error="{error}", error_description="{sentence}"{scope}"#
        ))
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let body = Body {
            error: self.reason.error_code().as_str(),
            error_description: self.reason.sentence(),
            reason: self.reason,
            request_id: self.request_id,
            scope: self.scopes.map(ToString::to_string),
        };
        // Strings and constants always serialize; an empty body would still be a refusal.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reason: Reason) -> Refusal<'static> {
        Refusal {
            reason,
            request_id: "r-1",
            scopes: None,
        }
    }

    #[test]
    fn without_credentials_the_challenge_has_no_error_code() {
        let challenge = refusal(Reason::NoMandate).challenge().unwrap();
        assert_eq!(challenge, r#"Bearer realm="caracal""#);
    }

    #[test]
    fn insufficient_scope_lists_every_scope_that_is_needed() {
        let scopes = ScopeSet::parse("payments:read payments:write").unwrap();
        let refusal = Refusal {
            scopes: Some(&scopes),
            ..refusal(Reason::InsufficientScope)
        };
        let challenge = refusal.challenge().unwrap();
        assert!(challenge.contains(r#"error="insufficient_scope""#));
        assert!(challenge.ends_with(r#"scope="payments:read payments:write""#));
    }

    #[test]
    fn no_challenge_when_nobody_can_say_yes() {
        assert_eq!(refusal(Reason::AuthorityUnavailable).challenge(), None);
        assert_eq!(refusal(Reason::AuthorityUnavailable).http_status(), 503);
    }

    #[test]
    fn a_hostile_request_id_stays_inside_its_json_string() {
        let refusal = Refusal {
            request_id: "\"},{\n",
            ..refusal(Reason::NoMandate)
        };
        let body: serde_json::Value = serde_json::from_slice(&refusal.body()).unwrap();
        assert_eq!(body["request_id"], "\"},{\n");
        assert_eq!(body["reason"], "no_mandate");
    }

    #[test]
    fn sentences_fit_into_a_quoted_string() {
        // RFC 6750 §3: %x20-21 / %x23-5B / %x5D-7E.
        for reason in Reason::ALL {
            let legal = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
            assert!(reason.sentence().bytes().all(legal), "{reason}");
        }
    }
}
