//! Client assertions (RFC 7523).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use caracal_sts::{Clock as _, SystemClock};
use serde_json::{Value, json};

/// A client's own key.
pub(crate) struct ClientKey(EcdsaKeyPair);

impl ClientKey {
    pub(crate) fn generate() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// The private key as its owner keeps it: base64 of PKCS #8.
    pub(crate) fn private(&self) -> String {
        STANDARD.encode(self.0.to_pkcs8v1().unwrap().as_ref())
    }

    pub(crate) fn public_jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..]);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "client", "x": x, "y": y})
    }

    /// An assertion of the application, good for a minute.
    pub(crate) fn assertion(&self, audience: &str, jti: &str) -> String {
        let now = SystemClock::new().unix_ms() / 1000;
        let header = json!({"alg": "ES256", "kid": "client", "typ": "JWT"});
        let claims = json!({
            "iss": "payout", "sub": "payout", "aud": audience, "jti": jti,
            "iat": now, "exp": now + 60,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self
            .0
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}
