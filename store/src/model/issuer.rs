//! Issuers of tokens that are not ours: identity providers of humans, Kubernetes clusters.

use std::fmt;
use std::str::FromStr;

use caracal_mandate::name::Name;
use serde::{Deserialize, Serialize};

use super::jwk::JwkSet;

/// Most audiences that one issuer's tokens may be for.
pub const MAX_AUDIENCES: usize = 16;

/// Longest age of a foreign token in seconds: one day.
pub const MAX_TOKEN_AGE_SECONDS: u64 = 86_400;

/// An issuer whose tokens the zone takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuer {
    /// Name, unique within the zone.
    pub name: Name,
    /// `iss` of its tokens, compared byte for byte; one trusted issuer of the zone has it.
    pub issuer: IssuerUrl,
    /// What its tokens are taken for, and nothing else.
    pub purpose: IssuerPurpose,
    /// A token's `aud` has to name one of these; at least one.
    pub audiences: Vec<String>,
    /// Its public keys, as the operator gave them.
    pub jwks: Option<JwkSet>,
    /// Where its public keys are read. One of this and `jwks` is there.
    pub jwks_uri: Option<KeysUrl>,
    /// The claim that names the subject; `sub` for service accounts.
    pub subject_claim: String,
    /// Seconds after `iat` from which a token is too old, whatever its `exp` says.
    pub max_token_age: u64,
}

/// What an issuer's tokens are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuerPurpose {
    /// `id_token`s of humans, as subjects of an exchange.
    Human,
    /// Service accounts, as authentication of an application.
    Kubernetes,
}

/// Why an issuer cannot be trusted as it is described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Nothing to verify its tokens with.
    #[error("issuer {0} has no keys: give jwks or jwks_uri")]
    NoKeys(Name),
    /// Two sources of keys, which could say different things (RFC 7591 §2).
    #[error("issuer {0} has keys in two places: give jwks or jwks_uri")]
    TwoKeys(Name),
    /// Tokens for anybody would be taken.
    #[error("issuer {0} needs 1 to {MAX_AUDIENCES} audiences of printable characters")]
    Audiences(Name),
    /// A claim's name has odd characters, or is fixed.
    #[error(
        "issuer {0}: the subject claim has 1 to 64 printable characters, and is sub for kubernetes"
    )]
    SubjectClaim(Name),
    /// Out of range.
    #[error("issuer {0}: tokens are 1 to {MAX_TOKEN_AGE_SECONDS} seconds old at most")]
    TokenAge(Name),
}

impl TrustedIssuer {
    /// Checks what the types leave open.
    pub fn validate(&self) -> Result<(), IssuerError> {
        let name = || self.name.clone();
        let plain = |text: &str, longest: usize| {
            (1..=longest).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if self.jwks.is_none() && self.jwks_uri.is_none() {
            return Err(IssuerError::NoKeys(name()));
        }
        if self.jwks.is_some() && self.jwks_uri.is_some() {
            return Err(IssuerError::TwoKeys(name()));
        }
        if !(1..=MAX_AUDIENCES).contains(&self.audiences.len())
            || !self.audiences.iter().all(|audience| plain(audience, 512))
        {
            return Err(IssuerError::Audiences(name()));
        }
        if !plain(&self.subject_claim, 64)
            || (self.purpose == IssuerPurpose::Kubernetes && self.subject_claim != "sub")
        {
            return Err(IssuerError::SubjectClaim(name()));
        }
        if !(1..=MAX_TOKEN_AGE_SECONDS).contains(&self.max_token_age) {
            return Err(IssuerError::TokenAge(name()));
        }
        Ok(())
    }
}

/// Why a text is no address of an issuer or of its keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not taken: use an https:// URL of at most 512 printable characters without user, \
     query of an issuer, or fragment (http:// is for loopback)"
)]
pub struct UrlError(pub String);

fn check(text: &str, query: bool) -> Result<(), UrlError> {
    let plain = text.len() <= 512
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte))
        && (query || !text.contains('?'));
    let authority = |rest: &str| {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default().to_owned()
    };
    let secure = text.strip_prefix("https://").map(authority);
    let local = text.strip_prefix("http://").map(authority).filter(|host| {
        let host = host
            .rsplit_once(':')
            .map_or(host.as_str(), |(host, _)| host);
        matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    });
    match secure.or(local) {
        Some(host)
            if plain && !host.is_empty() && !host.starts_with(':') && !host.contains('@') =>
        {
            Ok(())
        }
        _ => Err(UrlError(text.chars().take(128).collect())),
    }
}

macro_rules! url {
    ($(#[$doc:meta])* $name:ident, query: $query:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = UrlError;

            fn from_str(text: &str) -> Result<Self, UrlError> {
                check(text, $query).map(|()| Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = UrlError;

            fn try_from(text: String) -> Result<Self, UrlError> {
                check(&text, $query).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(url: $name) -> Self {
                url.0
            }
        }
    };
}

url! {
    /// The identifier of an issuer: an https URL without query and fragment (`OpenID` Connect
    /// Discovery 1.0 §3). It is compared as it is written.
    IssuerUrl, query: false
}

url! {
    /// Where an issuer's public keys are read.
    KeysUrl, query: true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_https_url_as_it_is_written() {
        for (text, legal) in [
            ("https://idp.example", true),
            ("https://idp.example/realms/a/", true),
            ("https://kubernetes.default.svc.cluster.local", true),
            ("http://127.0.0.1:8080/x", true),
            ("http://localhost", true),
            ("http://[::1]:80", true),
            ("http://idp.example", false),
            ("http://localhost.example", false),
            ("https://", false),
            ("https:///x", false),
            ("https://:443", false),
            ("https://user@idp.example", false),
            ("https://idp.example?x=1", false),
            ("https://idp.example#x", false),
            ("https://idp.exa mple", false),
            ("HTTPS://idp.example", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<IssuerUrl>().is_ok(), legal, "{text:?}");
        }
        assert!("https://idp.example/keys?v=1".parse::<KeysUrl>().is_ok());
        assert!("https://idp.example/keys#1".parse::<KeysUrl>().is_err());
    }
}
