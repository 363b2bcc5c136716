//! A client's own key, in the formats that libraries read.

use anyhow::{Context as _, Result};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// An ES256 key.
#[derive(Debug)]
pub struct ClientKey(EcdsaKeyPair);

impl ClientKey {
    /// A new one.
    pub fn generate() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        Ok(Self(pair))
    }

    /// The private key: PKCS #8 (RFC 5208) in PEM (RFC 7468).
    pub fn private_pem(&self) -> Result<String> {
        let der = self.0.to_pkcs8v1()?;
        let text = STANDARD.encode(der.as_ref());
        let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
        // RFC 7468 §2: lines of 64 characters; base64 is ASCII.
        for (at, character) in text.chars().enumerate() {
            if at > 0 && at % 64 == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push_str("\n-----END PRIVATE KEY-----\n");
        Ok(pem)
    }

    /// The public key: RFC 7517.
    pub fn public_jwk(&self) -> Result<Value> {
        // SEC 1 §2.3.3: 0x04, x, y.
        let point = self.0.public_key().as_ref();
        let coordinates = point.strip_prefix(&[4]).context("a compressed point")?;
        let (x, y) = coordinates
            .split_at_checked(32)
            .context("a point of another curve")?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Ok(json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "client", "x": x, "y": y}))
    }
}
