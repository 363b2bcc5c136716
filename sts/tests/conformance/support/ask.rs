//! The requests that the tests make again and again, in one form each.

use serde_json::Value;

use super::{Auth, BANK, PAYOUT_BASIC, Reply, TOKEN_EXCHANGE, World};

/// What a client asks for that wants to read accounts.
pub(crate) const WISH: [(&str, &str); 3] = [
    ("grant_type", "client_credentials"),
    ("resource", BANK),
    ("scope", "accounts:read"),
];

/// A wish and more.
pub(crate) fn wish<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&WISH[..], more].concat()
}

impl World {
    /// `client_credentials`, with whatever else is given.
    pub(crate) async fn issue(&self, more: &[(&str, &str)], auth: Auth<'_>) -> Reply {
        let parameters = [&WISH[..1], more].concat();
        self.token(&parameters, auth).await
    }

    /// A mandate for the bank that a client obtains for itself.
    pub(crate) async fn own(&self, auth: Auth<'_>, scope: &str) -> String {
        let reply = self
            .issue(&[("resource", BANK), ("scope", scope)], auth)
            .await;
        reply.token()
    }

    /// One exchange (RFC 8693 §2.1).
    pub(crate) async fn exchange(
        &self,
        subject: &str,
        kind: &str,
        more: &[(&str, &str)],
        auth: Auth<'_>,
    ) -> Reply {
        let mut parameters = vec![
            ("grant_type", TOKEN_EXCHANGE),
            ("subject_token", subject),
            ("subject_token_type", kind),
        ];
        parameters.extend_from_slice(more);
        self.token(&parameters, auth).await
    }

    /// What introspection says of a token.
    pub(crate) async fn introspect(&self, token: &str) -> Value {
        let reply = self
            .post("introspect", &[("token", token)], PAYOUT_BASIC)
            .await;
        reply.json()
    }
}
