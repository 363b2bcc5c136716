//! The compact JWS of a mandate (RFC 7515 §7.1), read strictly and written in one way.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{NO_PAD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::claims::{Claims, MAX_MANDATE_BYTES};
use crate::key::{SIGNATURE_BYTES, SignError, Signer};
use crate::reason::Reason;

/// The type of every mandate (RFC 9068 §2.1).
const TYPE: &str = "at+jwt";

/// The only algorithm.
const ALGORITHM: &str = "ES256";

/// The protected header. An unknown member (`jku`, `jwk`, `x5c`, `crit` ...) is an error, so that
/// no key and no extension can come in with the token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    #[serde(default)]
    kid: Option<&'a str>,
    #[serde(default)]
    typ: Option<&'a str>,
}

/// What is written.
#[derive(Serialize)]
struct IssuedHeader<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

/// A token taken apart; nothing in it is verified yet, and its claims are not even parsed.
pub(crate) struct Parts<'a> {
    /// Key id of the header.
    pub(crate) kid: String,
    /// The bytes that were signed.
    pub(crate) signing_input: &'a [u8],
    /// The claims as they were signed.
    pub(crate) payload: Vec<u8>,
    /// r and s.
    pub(crate) signature: [u8; SIGNATURE_BYTES],
}

impl<'a> Parts<'a> {
    pub(crate) fn parse(token: &'a [u8]) -> Result<Self, Reason> {
        if token.len() > MAX_MANDATE_BYTES {
            return Err(Reason::MandateSize);
        }
        let (signing_input, signature) = split_last_dot(token).ok_or(Reason::MandateEncoding)?;
        let (header, payload) = split_last_dot(signing_input).ok_or(Reason::MandateEncoding)?;
        if header.contains(&b'.') {
            return Err(Reason::MandateEncoding);
        }
        let header = decode(header)?;
        let header: Header<'_> =
            serde_json::from_slice(&header).map_err(|_| Reason::MandateHeader)?;
        // The algorithm first: `none` and `HS256` are attacks and are to be seen as such.
        if header.alg != ALGORITHM {
            return Err(Reason::MandateAlgorithm);
        }
        if header.typ != Some(TYPE) {
            return Err(Reason::MandateType);
        }
        let kid = header.kid.ok_or(Reason::MandateKey)?.to_owned();
        let signature = decode(signature)?
            .try_into()
            .map_err(|_: Vec<u8>| Reason::MandateSignature)?;
        Ok(Self {
            kid,
            signing_input,
            payload: decode(payload)?,
            signature,
        })
    }
}

fn split_last_dot(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = bytes.iter().rposition(|byte| *byte == b'.')?;
    let (head, tail) = bytes.split_at_checked(dot)?;
    Some((head, tail.get(1..)?))
}

/// Strict base64url: no padding, no trailing bits, so that one token has one spelling.
fn decode(part: &[u8]) -> Result<Vec<u8>, Reason> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Reason::MandateEncoding)
}

/// Base64url without padding that ends as it likes.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    NO_PAD.with_decode_allow_trailing_bits(true),
);

/// Member of the claims that no other token has: the delegation chain.
const CHAIN: &[u8] = b"\"mdt\"";

/// Whether somewhere in a credential stands what looks like a mandate: good or bad, of this zone or
/// another, alone or joined with something else. For keeping mandates from where they have no
/// business, never for letting anything through.
#[must_use]
pub fn resembles_mandate(credential: &[u8]) -> bool {
    let part_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=.".contains(byte);
    credential
        .split(|byte| !part_of_token(byte))
        .filter(|token| token.contains(&b'.'))
        .flat_map(|token| token.split(|byte| matches!(byte, b'.' | b'=')))
        .filter_map(|part| LENIENT.decode(part).ok())
        .any(|part| part.windows(CHAIN.len()).any(|window| window == CHAIN))
}

/// Why a mandate could not be written.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// Longer than [`MAX_MANDATE_BYTES`].
    #[error("the mandate would have {0} bytes, more than {MAX_MANDATE_BYTES}")]
    TooLong(usize),
    /// The key failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be serialized")]
    Serialize(#[from] serde_json::Error),
}

/// Signs claims into a mandate.
pub fn mint(claims: &Claims, signer: &dyn Signer) -> Result<String, MintError> {
    let header = IssuedHeader {
        alg: ALGORITHM,
        kid: signer.kid(),
        typ: TYPE,
    };
    let mut token = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut token);
    let signature = signer.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    if token.len() > MAX_MANDATE_BYTES {
        return Err(MintError::TooLong(token.len()));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mandate_is_seen_in_any_spelling_and_company_and_nothing_else_is() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let token = |claims: &str| format!("{}.{}.c2ln", part(r#"{"alg":"ES256"}"#), part(claims));
        let mandate = token(r#"{"iss":"a","mdt":{"v":1}}"#);
        let padded = mandate.replace(".c2ln", "=.c2ln");
        for credential in [
            format!("Bearer {mandate}"),
            format!("bearer  {mandate}"),
            format!("Bearer sk-1, Bearer {mandate}"),
            format!("{mandate}.x"),
            format!("x=\"{mandate}\";y"),
            padded,
        ] {
            assert!(resembles_mandate(credential.as_bytes()), "{credential}");
        }
        for credential in [
            "",
            "Bearer sk-live-1",
            "Basic YTpi",
            "Bearer ..",
            "\"mdt\"",
            &part(r#"{"mdt":1}"#),
            &token(r#"{"iss":"a","cnf":{}}"#),
        ] {
            assert!(!resembles_mandate(credential.as_bytes()), "{credential}");
        }
    }
}
