//! The proof of a request, read.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use caracal_mandate::spiffe::SpiffeId;
use zeroize::Zeroizing;

use crate::exchange::Method;
use crate::http::Peer;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::form::{Form, Parameter, decode};

/// RFC 7523 §2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The one proof of a request. It holds secrets, so it has no `Debug`.
pub(super) enum Presented<'a> {
    /// The certificate of the connection.
    Certificate {
        id: &'a SpiffeId,
        client_id: Option<&'a str>,
    },
    /// A secret.
    Secret {
        client_id: Zeroizing<String>,
        secret: Zeroizing<String>,
        method: Method,
    },
    /// A JWT, by the client or by its cluster.
    Assertion {
        jwt: &'a str,
        client_id: Option<&'a str>,
    },
}

impl<'a> Presented<'a> {
    pub(super) fn read(
        headers: &HeaderMap,
        form: &'a Form,
        peer: &'a Peer,
    ) -> Result<Self, OAuthError> {
        let client_id = form.get(Parameter::ClientId);
        let secret = form.get(Parameter::ClientSecret);
        let pair = (Parameter::ClientAssertion, Parameter::ClientAssertionType);
        let assertion = form.pair(pair.0, pair.1)?;
        match (basic(headers)?, secret, assertion) {
            (Some((id, secret)), None, None) => {
                // RFC 6749 §3.2.1 lets a client name itself; it must not be somebody else.
                if client_id.is_some_and(|named| named != id.as_str()) {
                    return Err(OAuthError::new(
                        Code::InvalidRequest,
                        "client_id is not the client of the Authorization header",
                    ));
                }
                Ok(Self::Secret {
                    client_id: id,
                    secret,
                    method: Method::SecretBasic,
                })
            }
            (None, Some(secret), None) => {
                let client_id = form.need(Parameter::ClientId)?;
                Ok(Self::Secret {
                    client_id: Zeroizing::new(client_id.to_owned()),
                    secret: Zeroizing::new(secret.to_owned()),
                    method: Method::SecretPost,
                })
            }
            (None, None, Some((jwt, JWT_BEARER))) => Ok(Self::Assertion { jwt, client_id }),
            (None, None, Some(_)) => Err(OAuthError::client()),
            (None, None, None) => match peer.spiffe_id() {
                Some(id) => Ok(Self::Certificate { id, client_id }),
                None => Err(OAuthError::client()),
            },
            // RFC 6749 §2.3: not more than one method in each request.
            _ => Err(OAuthError::new(
                Code::InvalidRequest,
                "the client proves who it is in more than one way",
            )),
        }
    }

    /// The client that it says it is. For counting and for the record: nothing is proven.
    pub(super) fn claimed(&self) -> &str {
        let shorten = |text: &'_ str| text.len().min(128);
        match self {
            Self::Certificate { id, .. } => id.as_str().get(..shorten(id.as_str())),
            Self::Secret { client_id, .. } => client_id.get(..shorten(client_id)),
            Self::Assertion { client_id, .. } => client_id.and_then(|id| id.get(..shorten(id))),
        }
        .unwrap_or_default()
    }

    /// How it is presented.
    pub(super) const fn method(&self) -> &'static str {
        match self {
            Self::Certificate { .. } => Method::Certificate.as_str(),
            Self::Secret { method, .. } => method.as_str(),
            Self::Assertion { .. } => "client_assertion",
        }
    }
}

type Basic = (Zeroizing<String>, Zeroizing<String>);

/// RFC 6749 §2.3.1: id and secret, each encoded as in a form, in HTTP Basic.
fn basic(headers: &HeaderMap) -> Result<Option<Basic>, OAuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(OAuthError::new(
            Code::InvalidRequest,
            "the Authorization header stands more than once",
        ));
    }
    let pair = value.to_str().ok().and_then(|value| {
        let (scheme, credentials) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let bytes = Zeroizing::new(STANDARD.decode(credentials.trim_start_matches(' ')).ok()?);
        let colon = bytes.iter().position(|byte| *byte == b':')?;
        let (id, secret) = bytes.split_at_checked(colon)?;
        Some((decode(id).ok()?, decode(secret.get(1..)?).ok()?))
    });
    // Another scheme, or not what the scheme says: an attempt to authenticate that failed.
    pair.map(Some).ok_or_else(OAuthError::client)
}
