//! JWTs of others: client assertions, ID tokens, service-account tokens.
//!
//! The key decides how a signature is verified, never the token (RFC 8725 §3.1): the header's `alg`
//! is looked at once, to be refused when it is not the key's own. Times are checked against the
//! clock that is given. Mandates do not come through here; their codec is in `caracal_mandate`.

mod claims;
mod key;
#[cfg(any(test, fuzzing))]
pub(crate) mod law;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_store::model::JwkSet;
use caracal_store::model::jwk::{Algorithm, Jwk};
use serde::Deserialize;

pub(crate) use claims::ForeignClaims;

/// Longest token in bytes. ID tokens with many groups have several thousand.
pub(crate) const MAX_FOREIGN_BYTES: usize = 16 * 1024;

/// How far the other clock may be ahead, in seconds. Expiry has no such leeway.
const SKEW_SECONDS: u64 = 30;

/// Why a token of somebody else is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ForeignError {
    #[error("not a compact JWS of JSON objects")]
    Malformed,
    #[error("a critical header extension")]
    Critical,
    #[error("another type of token")]
    Type,
    #[error("an algorithm that is never taken, or not the key's own")]
    Algorithm,
    #[error("no such key")]
    Key,
    #[error("the issuer's keys cannot be had")]
    NoKeys,
    #[error("the signature does not verify")]
    Signature,
    #[error("no expiry")]
    NoExpiry,
    #[error("expired")]
    Expired,
    #[error("not valid yet")]
    NotYetValid,
    #[error("too old")]
    TooOld,
    #[error("valid for longer than it is taken")]
    LongLived,
    #[error("another issuer")]
    Issuer,
    #[error("another audience")]
    Audience,
    #[error("no usable subject")]
    Subject,
    #[error("a claim is missing or of the wrong type")]
    Claim,
}

/// A token taken apart. Nothing in it is verified; it only says whom to ask.
pub(crate) struct Foreign<'a> {
    token: &'a str,
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    issuer: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

impl<'a> Foreign<'a> {
    pub(crate) fn parse(token: &'a str) -> Result<Self, ForeignError> {
        if token.len() > MAX_FOREIGN_BYTES {
            return Err(ForeignError::Malformed);
        }
        let mut parts = token.split('.');
        let [Some(header), Some(payload), Some(_signature), None] =
            [parts.next(), parts.next(), parts.next(), parts.next()]
        else {
            return Err(ForeignError::Malformed);
        };
        let header: Header = json(header)?;
        if header.crit.is_some() {
            return Err(ForeignError::Critical);
        }
        let Issuer { iss } = json(payload)?;
        Ok(Self {
            token,
            algorithm: Algorithm::from_header(&header.alg).ok_or(ForeignError::Algorithm)?,
            kid: header.kid,
            typ: header.typ,
            issuer: iss,
        })
    }

    /// `kid` of the header.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `typ` of the header.
    pub(crate) fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// `iss`, as the token says.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Verifies with the issuer's keys.
    pub(crate) fn verify(&self, keys: &JwkSet, now_s: u64) -> Result<ForeignClaims, ForeignError> {
        self.verify_with(keys.iter(), now_s)
    }

    /// Verifies with the key that the token names, or with the only one if it names none.
    pub(crate) fn verify_with<'k>(
        &self,
        keys: impl Iterator<Item = &'k Jwk>,
        now_s: u64,
    ) -> Result<ForeignClaims, ForeignError> {
        let named = |key: &&Jwk| self.kid.as_deref().is_none_or(|kid| kid == key.kid());
        let mut keys = keys.filter(named);
        let key = keys.next().ok_or(ForeignError::Key)?;
        if keys.next().is_some() {
            return Err(ForeignError::Key);
        }
        if !key.permits(self.algorithm) {
            return Err(ForeignError::Algorithm);
        }
        let claims = key::verify(self.token, key.material(), self.algorithm, now_s)?;
        let claims = ForeignClaims::new(claims, now_s)?;
        // What was looked up is what was signed: duplicate members would tell two stories.
        if claims.issuer() == Some(self.issuer()) {
            Ok(claims)
        } else {
            Err(ForeignError::Issuer)
        }
    }
}

fn json<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, ForeignError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| ForeignError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| ForeignError::Malformed)
}
