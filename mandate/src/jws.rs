//! The compact JWS of a mandate (RFC 7515 §7.1), read strictly and written in one way.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
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
