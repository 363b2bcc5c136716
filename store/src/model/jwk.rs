//! Public keys of others as JSON Web Keys (RFC 7517): of clients, and of trusted issuers.

mod members;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use members::Members;

/// Most keys in one document.
pub const MAX_KEYS: usize = 32;

/// A signature algorithm that assertions of others may be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    /// The algorithm that a JOSE header's `alg` names; `None` is one that is never taken.
    #[must_use]
    pub fn from_header(alg: &str) -> Option<Self> {
        match alg {
            "ES256" => Some(Self::Es256),
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            // RFC 8037 §3.1, and its fully specified successor of RFC 9864 §2.2.
            "EdDSA" | "Ed25519" => Some(Self::Ed25519),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Ed25519 => "EdDSA",
        }
    }
}

/// The key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// A point of P-256.
    P256 {
        /// First coordinate.
        x: [u8; 32],
        /// Second coordinate.
        y: [u8; 32],
    },
    /// RSA of 2048 to 4096 bits.
    Rsa {
        /// Modulus, big-endian, without leading zeros.
        n: Vec<u8>,
        /// Public exponent, big-endian, without leading zeros.
        e: Vec<u8>,
    },
    /// A point of Ed25519, compressed.
    Ed25519([u8; 32]),
}

/// A public key that signatures can be verified with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members", into = "Members")]
pub struct Jwk {
    kid: String,
    material: KeyMaterial,
    algorithm: Option<Algorithm>,
}

impl Jwk {
    /// Key id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key itself.
    #[must_use]
    pub const fn material(&self) -> &KeyMaterial {
        &self.material
    }

    /// Whether signatures of this algorithm may be verified with the key. Asked with the header's
    /// `alg` before verification: the key decides, never the token (RFC 8725 §3.1).
    #[must_use]
    pub fn permits(&self, algorithm: Algorithm) -> bool {
        let fits = match self.material {
            KeyMaterial::P256 { .. } => algorithm == Algorithm::Es256,
            KeyMaterial::Rsa { .. } => matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256),
            KeyMaterial::Ed25519(_) => algorithm == Algorithm::Ed25519,
        };
        fits && self.algorithm.is_none_or(|only| only == algorithm)
    }
}

/// Public keys with distinct key ids; at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Keys", into = "Keys")]
pub struct JwkSet(Vec<Jwk>);

/// The form of a set on the wire.
#[derive(Serialize, Deserialize)]
struct Keys {
    keys: Vec<Jwk>,
}

/// Why a document is no set of usable public keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Not JSON of the form of RFC 7517.
    #[error("the document is no JWK and no JWK set: {0}")]
    Form(String),
    /// No key, or none that can verify anything here.
    #[error("the document holds no usable key")]
    Empty,
    /// More than [`MAX_KEYS`].
    #[error("the document holds {0} keys; at most {MAX_KEYS} are taken")]
    TooMany(usize),
    /// Two keys with one id.
    #[error("two keys have the kid {0:?}")]
    Repeated(String),
    /// A key that cannot be taken.
    #[error("key {kid:?}: {problem}")]
    Key {
        /// Its id, if it has one.
        kid: String,
        /// What is wrong.
        problem: KeyProblem,
    },
}

/// Why one key cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// No key id, or one of odd characters or length.
    #[error("a kid of 1 to 128 printable ASCII characters is required")]
    Kid,
    /// A private or symmetric key.
    #[error("this is a private or symmetric key; send the public half only, and replace the pair")]
    Private,
    /// Not a kind of key that is taken.
    #[error("take an EC key on P-256, an RSA key or an OKP key on Ed25519")]
    Type,
    /// `alg`, `use` or `key_ops` say that it verifies no signatures of the algorithms taken.
    #[error("alg, use or key_ops do not let it verify ES256, RS256, PS256 or EdDSA")]
    Use,
    /// A member is missing or not base64url of the right length.
    #[error("a member is missing, or not base64url of the right length")]
    Members,
    /// The coordinates are not on the curve.
    #[error("the point is not on the curve")]
    Point,
    /// Too short, too long, or with an exponent that is not used in practice.
    #[error("an RSA key has 2048 to 4096 bits and an odd exponent from 65537 to 2^32")]
    Rsa,
}

impl JwkSet {
    /// Takes a JWK or a JWK set; every key in it must be usable.
    pub fn from_document(document: Value) -> Result<Self, JwkError> {
        let keys = candidates(document)?.into_iter().map(Members::into_jwk);
        Self::new(keys.collect::<Result<_, _>>()?)
    }

    /// Takes the usable keys of a JWK or JWK set that somebody else publishes, who may publish
    /// encryption keys and other algorithms beside them (RFC 7517 §5).
    pub fn usable(document: Value) -> Result<Self, JwkError> {
        let keys = candidates(document)?.into_iter().map(Members::into_jwk);
        Self::new(keys.filter_map(Result::ok).collect())
    }

    fn new(keys: Vec<Jwk>) -> Result<Self, JwkError> {
        if keys.is_empty() {
            return Err(JwkError::Empty);
        }
        if keys.len() > MAX_KEYS {
            return Err(JwkError::TooMany(keys.len()));
        }
        let mut seen = std::collections::HashSet::new();
        match keys.iter().find(|key| !seen.insert(key.kid())) {
            Some(twice) => Err(JwkError::Repeated(twice.kid.clone())),
            None => Ok(Self(keys)),
        }
    }

    /// The keys.
    pub fn iter(&self) -> std::slice::Iter<'_, Jwk> {
        self.0.iter()
    }

    /// The key with an id.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&Jwk> {
        self.0.iter().find(|key| key.kid == kid)
    }
}

impl<'a> IntoIterator for &'a JwkSet {
    type Item = &'a Jwk;
    type IntoIter = std::slice::Iter<'a, Jwk>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl TryFrom<Keys> for JwkSet {
    type Error = JwkError;

    fn try_from(Keys { keys }: Keys) -> Result<Self, JwkError> {
        Self::new(keys)
    }
}

impl From<JwkSet> for Keys {
    fn from(JwkSet(keys): JwkSet) -> Self {
        Self { keys }
    }
}

fn candidates(document: Value) -> Result<Vec<Members>, JwkError> {
    #[derive(Deserialize)]
    struct Unchecked {
        keys: Vec<Members>,
    }
    let form = |error: serde_json::Error| JwkError::Form(error.to_string());
    if document.get("keys").is_some() {
        let Unchecked { keys } = serde_json::from_value(document).map_err(form)?;
        Ok(keys)
    } else {
        Ok(vec![serde_json::from_value(document).map_err(form)?])
    }
}
