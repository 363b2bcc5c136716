//! Mandates that nobody issued.
//!
//! Most are signed with the zone's own key, taken out of the authority's files: what is wrong with
//! them is then the only thing that can be found wrong. It is also what an attacker could make who
//! got at that key, short of the real thing.

use std::path::Path;

use anyhow::{Context as _, Result};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::mandates;
use crate::stack::ZONE;

/// The zone's signing key and one good mandate to start from.
pub struct Forge {
    key: EcdsaKeyPair,
    kid: String,
    claims: Map<String, Value>,
    /// The good mandate.
    pub good: String,
}

impl std::fmt::Debug for Forge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forge").finish_non_exhaustive()
    }
}

impl Forge {
    /// Takes the key that signed `good` out of the authority's data folder.
    pub async fn open(data: &Path, good: &str) -> Result<Self> {
        let kid = header_of(good)?
            .get("kid")
            .and_then(Value::as_str)
            .context("no kid")?
            .to_owned();
        let database = format!("sqlite:{}", data.join("authority.db").display());
        let pool = sqlx::SqlitePool::connect(&database).await?;
        let sealed: Vec<u8> = sqlx::query_scalar("SELECT sealed FROM signing_keys WHERE kid = $1")
            .bind(&kid)
            .fetch_one(&pool)
            .await?;
        pool.close().await;
        let kek = tokio::fs::read(data.join("kek")).await?;
        let private = unseal(&kek, &kid, &sealed).context("the zone's key does not open")?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private)?;
        let claims = mandates::claims(good)?;
        Ok(Self {
            key,
            kid,
            claims: claims.as_object().cloned().context("claims")?,
            good: good.to_owned(),
        })
    }

    /// The public half of the key: a point, not compressed.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    /// The claims of the good mandate.
    #[must_use]
    pub fn claims(&self) -> Map<String, Value> {
        self.claims.clone()
    }

    /// The header of every real mandate.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({"alg": "ES256", "kid": self.kid, "typ": "at+jwt"})
    }

    /// Signs a header and a payload, whatever they are, with the zone's key.
    #[must_use]
    pub fn sign(&self, header: &str, payload: &[u8]) -> String {
        sign(&self.key, header, payload)
    }

    /// The good claims under another header.
    #[must_use]
    pub fn with_header(&self, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let mut header = self.header();
        if let Some(members) = header.as_object_mut() {
            change(members);
        }
        self.sign(
            &header.to_string(),
            Value::from(self.claims()).to_string().as_bytes(),
        )
    }

    /// Other claims under the good header.
    #[must_use]
    pub fn with_claims(&self, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.with_payload(&Value::from(claims).to_string())
    }

    /// Any payload under the good header.
    #[must_use]
    pub fn with_payload(&self, payload: &str) -> String {
        self.sign(&self.header().to_string(), payload.as_bytes())
    }

    /// The good claims as text, for changes that no JSON library would make.
    #[must_use]
    pub fn payload(&self) -> String {
        Value::from(self.claims()).to_string()
    }

    /// The good claims, signed by a key of the forger's own.
    pub fn by_another_key(&self, header: impl FnOnce(&str, &Value) -> Value) -> Result<String> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let (x, y) = key
            .public_key()
            .as_ref()
            .split_at_checked(33)
            .context("a point")?;
        let x = URL_SAFE_NO_PAD.encode(x.get(1..).unwrap_or_default());
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": URL_SAFE_NO_PAD.encode(y)});
        let header = header(&self.kid, &jwk).to_string();
        Ok(sign(&key, &header, self.payload().as_bytes()))
    }

    /// A mandate that was delegated so many times: as good as an issued one.
    #[must_use]
    pub fn delegated(&self, times: u8) -> String {
        self.with_claims(|claims| {
            let hops = claims.get_mut("mdt").and_then(|chain| chain.get_mut("ch"));
            let Some(hops) = hops.and_then(Value::as_array_mut) else {
                return;
            };
            let Some(mut leaf) = hops.pop() else { return };
            let by = |hop: &mut Value, delegation: u64| {
                if let Some(by) = hop.get_mut(2) {
                    *by = format!("dlg_delegation{delegation:012}").into();
                }
            };
            let depth = leaf.get(5).and_then(Value::as_u64).unwrap_or_default();
            for further in (1..=u64::from(times)).rev() {
                let mut parent = leaf.clone();
                if further < u64::from(times) {
                    by(&mut parent, further);
                }
                if let Some([session, .., left]) = parent.as_array_mut().map(Vec::as_mut_slice) {
                    *session = format!("ses_delegator{further:012}").into();
                    *left = (depth + further).into();
                }
                hops.push(parent);
            }
            if times > 0 {
                by(&mut leaf, 0);
            }
            hops.push(leaf);
        })
    }

    /// A mandate for these scopes with a chain that says the same: as good as an issued one.
    #[must_use]
    pub fn for_scopes(&self, scopes: &[String]) -> String {
        self.with_claims(|claims| {
            claims.insert("scope".to_owned(), scopes.join(" ").into());
            let mask = (1_u64 << scopes.len()) - 1;
            if let Some(chain) = claims.get_mut("mdt").and_then(Value::as_object_mut) {
                chain.insert("S".to_owned(), vec![Value::from(scopes)].into());
                if let Some(mask_of_hop) = chain
                    .get_mut("ch")
                    .and_then(|hops| hops.get_mut(0))
                    .and_then(|hop| hop.get_mut(3))
                {
                    *mask_of_hop = mask.into();
                }
            }
        })
    }
}

fn sign(key: &EcdsaKeyPair, header: &str, payload: &[u8]) -> String {
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = key.sign(&SystemRandom::new(), input.as_bytes());
    let signature = signature.map_or_else(|_| Vec::new(), |signature| signature.as_ref().to_vec());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn header_of(token: &str) -> Result<Value> {
    let header = token.split('.').next().unwrap_or_default();
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?)
}

/// The envelope of `sts/src/keys/seal.rs`, read from outside.
fn unseal(kek: &[u8], kid: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (&[2, id_length], rest) = sealed.split_at_checked(2)? else {
        return None;
    };
    let (id, rest) = rest.split_at_checked(usize::from(id_length))?;
    let (length, rest) = rest.split_at_checked(2)?;
    let length = u16::from_be_bytes(length.try_into().ok()?);
    let (wrapped, body) = rest.split_at_checked(usize::from(length))?;
    let context = |label: &str| {
        let mut data = [label.as_bytes(), &[0]].concat();
        for part in [&b"mandate-signing"[..], ZONE.as_bytes(), kid.as_bytes(), id] {
            data.extend(u64::try_from(part.len()).unwrap_or(0).to_be_bytes());
            data.extend(part);
        }
        data
    };
    let data_key = decrypt(kek, &context("caracal-data-key-v2"), wrapped)?;
    decrypt(&data_key, &context("caracal-sealed-key-v2"), body)
}

fn decrypt(key: &[u8], context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut body = body.to_vec();
    Some(
        key.open_in_place(nonce, Aad::from(context), &mut body)
            .ok()?
            .to_vec(),
    )
}
