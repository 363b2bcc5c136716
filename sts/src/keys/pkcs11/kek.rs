//! A key-encryption key in a token: AES-256-GCM by the token, under a key that never leaves it.

use std::sync::Arc;

use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use zeroize::Zeroizing;

use super::token::{Token, TokenError, failed};
use crate::clock::{Random as _, SystemRandom};
use crate::keys::{KeyWrapper, WrapError, Wrapping};

/// 96 bits, the length that GCM is made for (NIST SP 800-38D §5.2.1.1).
const IV_BYTES: usize = 12;
const TAG_BITS: u64 = 128;

/// An AES key of a token, by its label. `iv || ciphertext || tag` is what it wraps to.
#[derive(Debug)]
pub struct TokenKek {
    token: Arc<Token>,
    label: String,
    id: String,
}

impl TokenKek {
    /// The key of this label, which has to be there.
    pub async fn open(token: &Arc<Token>, label: &str) -> Result<Self, TokenError> {
        let kek = Self {
            token: Arc::clone(token),
            label: label.to_owned(),
            id: format!("pkcs11/{}/{label}", token.label()),
        };
        let (wanted, missing) = (kek.label.clone(), token.no_key());
        token
            .spawn(move |session| find(session, &wanted, &missing).map(|_| ()))
            .await?;
        Ok(kek)
    }

    /// Makes an AES-256 key that cannot be taken out, under a label that is not used yet.
    pub async fn generate(token: &Arc<Token>, label: &str) -> Result<Self, TokenError> {
        let (wanted, missing) = (label.to_owned(), token.no_key());
        token
            .spawn(move |session| {
                if find(session, &wanted, &missing).is_ok() {
                    let text = format!("there is a key {wanted:?} already");
                    return Err(TokenError::Failed(text));
                }
                let template = [
                    Attribute::Token(true),
                    Attribute::Private(true),
                    Attribute::Sensitive(true),
                    Attribute::Extractable(false),
                    Attribute::Encrypt(true),
                    Attribute::Decrypt(true),
                    Attribute::ValueLen(32.into()),
                    Attribute::Label(wanted.clone().into_bytes()),
                ];
                session
                    .generate_key(&Mechanism::AesKeyGen, &template)
                    .map_err(failed)
            })
            .await?;
        Self::open(token, label).await
    }
}

fn find(session: &Session, label: &str, missing: &TokenError) -> Result<ObjectHandle, TokenError> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    let found = session.find_objects(&template).map_err(failed)?;
    match *found.as_slice() {
        [key] => Ok(key),
        [] => Err(missing.clone()),
        _ => Err(TokenError::Failed(format!(
            "there are several keys {label:?}"
        ))),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is given to `map_err`, which gives it the error"
)]
fn unavailable(error: TokenError) -> WrapError {
    WrapError::Unavailable(error.to_string())
}

impl KeyWrapper for TokenKek {
    fn id(&self) -> &str {
        &self.id
    }

    fn wrap<'a>(&'a self, context: &'a [u8], plain: &'a [u8]) -> Wrapping<'a> {
        let (label, missing) = (self.label.clone(), self.token.no_key());
        let (context, plain) = (context.to_vec(), Zeroizing::new(plain.to_vec()));
        Box::pin(async move {
            let wrapped = self.token.spawn(move |session| {
                let mut iv = [0_u8; IV_BYTES];
                SystemRandom::new()
                    .fill(&mut iv)
                    .map_err(|error| TokenError::Failed(error.to_string()))?;
                let key = find(session, &label, &missing)?;
                let mut used = iv;
                let parameters = GcmParams::new(&mut used, &context, TAG_BITS.into());
                let mechanism = Mechanism::AesGcm(parameters.map_err(failed)?);
                let body = session.encrypt(&mechanism, key, &plain).map_err(failed)?;
                Ok([&iv[..], &body].concat())
            });
            wrapped.await.map(Zeroizing::new).map_err(unavailable)
        })
    }

    fn unwrap<'a>(&'a self, context: &'a [u8], wrapped: &'a [u8]) -> Wrapping<'a> {
        let (label, missing) = (self.label.clone(), self.token.no_key());
        let (context, wrapped) = (context.to_vec(), wrapped.to_vec());
        Box::pin(async move {
            let plain = self.token.spawn(move |session| {
                let key = find(session, &label, &missing)?;
                // What does not come out is no failure of the session.
                let Some((iv, body)) = wrapped.split_at_checked(IV_BYTES) else {
                    return Ok(None);
                };
                let mut iv = iv.to_vec();
                let parameters = GcmParams::new(&mut iv, &context, TAG_BITS.into());
                let mechanism = Mechanism::AesGcm(parameters.map_err(failed)?);
                match session.decrypt(&mechanism, key, body) {
                    Ok(plain) => Ok(Some(Zeroizing::new(plain))),
                    Err(Error::Pkcs11(
                        RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange,
                        _,
                    )) => Ok(None),
                    Err(error) => Err(failed(error)),
                }
            });
            plain.await.map_err(unavailable)?.ok_or(WrapError::Refused)
        })
    }
}
