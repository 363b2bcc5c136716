//! The members of a JWK as they are written, and what they have to be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Algorithm, Jwk, JwkError, KeyMaterial, KeyProblem};

/// Bytes of an RSA modulus.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// The public members that are read. What else a key carries is not looked at (RFC 7517 §4), but
/// for private members: a key with one of them is no secret any more.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Members {
    kty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_ops: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    /// Private half of EC, OKP and RSA keys.
    #[serde(default, skip_serializing)]
    d: Option<IgnoredAny>,
    /// First factor of an RSA modulus.
    #[serde(default, skip_serializing)]
    p: Option<IgnoredAny>,
    /// A symmetric key.
    #[serde(default, skip_serializing)]
    k: Option<IgnoredAny>,
}

impl Members {
    pub(super) fn into_jwk(self) -> Result<Jwk, JwkError> {
        let problem = |problem| JwkError::Key {
            kid: self
                .kid
                .iter()
                .flat_map(|kid| kid.chars())
                .take(128)
                .collect(),
            problem,
        };
        let kid = self.kid().map_err(problem)?.to_owned();
        if self.d.is_some() || self.p.is_some() || self.k.is_some() {
            return Err(problem(KeyProblem::Private));
        }
        let material = self.material().map_err(problem)?;
        let algorithm = self.algorithm().map_err(problem)?;
        let key = Jwk {
            kid,
            material,
            algorithm,
        };
        if algorithm.is_some_and(|algorithm| !key.permits(algorithm)) {
            return Err(problem(KeyProblem::Use));
        }
        Ok(key)
    }

    fn kid(&self) -> Result<&str, KeyProblem> {
        let plain = |kid: &&str| {
            (1..=128).contains(&kid.len()) && kid.bytes().all(|byte| byte.is_ascii_graphic())
        };
        self.kid.as_deref().filter(plain).ok_or(KeyProblem::Kid)
    }

    fn algorithm(&self) -> Result<Option<Algorithm>, KeyProblem> {
        let verifies = |operations: &Vec<String>| operations.iter().any(|one| one == "verify");
        if self.usage.as_deref().is_some_and(|usage| usage != "sig")
            || self.key_ops.as_ref().is_some_and(|ops| !verifies(ops))
        {
            return Err(KeyProblem::Use);
        }
        let named = self.alg.as_deref().map(Algorithm::from_header);
        named.map(|known| known.ok_or(KeyProblem::Use)).transpose()
    }

    fn material(&self) -> Result<KeyMaterial, KeyProblem> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => {
                let (x, y) = (fixed(self.x.as_ref())?, fixed(self.y.as_ref())?);
                let point = [&[4][..], &x, &y].concat();
                p256::PublicKey::from_sec1_bytes(&point).map_err(|_| KeyProblem::Point)?;
                Ok(KeyMaterial::P256 { x, y })
            }
            ("OKP", Some("Ed25519")) => Ok(KeyMaterial::Ed25519(fixed(self.x.as_ref())?)),
            ("RSA", _) => rsa(number(self.n.as_ref())?, number(self.e.as_ref())?),
            _ => Err(KeyProblem::Type),
        }
    }
}

fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<KeyMaterial, KeyProblem> {
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    // 2048 bits means that the highest bit of 256 bytes is set.
    let long = RSA_BYTES.contains(&n.len())
        && (n.len() > *RSA_BYTES.start() || n.first().is_some_and(|byte| byte & 0x80 != 0));
    let exponent = e
        .iter()
        .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let common = e.len() <= 4 && exponent >= 65_537;
    if long && common && odd(&n) && odd(&e) {
        Ok(KeyMaterial::Rsa { n, e })
    } else {
        Err(KeyProblem::Rsa)
    }
}

fn bytes(member: Option<&String>) -> Result<Vec<u8>, KeyProblem> {
    let text = member.ok_or(KeyProblem::Members)?;
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| KeyProblem::Members)
}

fn fixed(member: Option<&String>) -> Result<[u8; 32], KeyProblem> {
    bytes(member)?.try_into().map_err(|_| KeyProblem::Members)
}

/// `Base64urlUInt` of RFC 7518 §2. Leading zeros are not allowed there, but written by some.
fn number(member: Option<&String>) -> Result<Vec<u8>, KeyProblem> {
    let bytes = bytes(member)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Ok(bytes.into_iter().skip(zeros).collect())
}

impl TryFrom<Members> for Jwk {
    type Error = JwkError;

    fn try_from(members: Members) -> Result<Self, JwkError> {
        members.into_jwk()
    }
}

impl From<Jwk> for Members {
    fn from(key: Jwk) -> Self {
        let text = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
        let owned = |text: &str| text.to_owned();
        let common = Self {
            kid: Some(key.kid),
            alg: key.algorithm.map(|algorithm| owned(algorithm.as_str())),
            ..Self::default()
        };
        match key.material {
            KeyMaterial::P256 { x, y } => Self {
                kty: owned("EC"),
                crv: Some(owned("P-256")),
                x: text(&x),
                y: text(&y),
                ..common
            },
            KeyMaterial::Rsa { n, e } => Self {
                kty: owned("RSA"),
                n: text(&n),
                e: text(&e),
                ..common
            },
            KeyMaterial::Ed25519(x) => Self {
                kty: owned("OKP"),
                crv: Some(owned("Ed25519")),
                x: text(&x),
                ..common
            },
        }
    }
}
