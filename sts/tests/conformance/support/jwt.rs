//! Signers of the JWTs of others.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

/// A key with its id.
pub(crate) struct Key {
    private: SigningKey,
    kid: &'static str,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    pub(crate) fn new(seed: u8, kid: &'static str) -> Self {
        let private = SigningKey::from_slice(&[seed; 32]).unwrap();
        Self { private, kid }
    }

    /// The public half as a JWK set.
    pub(crate) fn jwks(&self) -> Value {
        let point = self.private.verifying_key().to_sec1_point(false);
        let bytes = point.as_bytes();
        json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": self.kid, "alg": "ES256", "use": "sig",
            "x": b64(&bytes[1..33]), "y": b64(&bytes[33..])}]})
    }

    /// Signs claims under a plain header.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(
            &json!({"alg": "ES256", "kid": self.kid, "typ": "JWT"}),
            claims,
        )
    }

    /// Signs claims under any header.
    pub(crate) fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let input = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature: Signature = self.private.sign(input.as_bytes());
        format!("{input}.{}", b64(signature.to_bytes()))
    }
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// The header of a token, unverified.
pub(crate) fn header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}
