//! A zone's key in a token.

use std::fmt;
use std::sync::Arc;

use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignError, Signer};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::handle::Handle;
use super::token::{Token, TokenError, failed};
use crate::clock::{Random as _, SystemRandom};
use crate::keys::{KeyError, PrivateKey};

/// `namedCurve` secp256r1 in DER (RFC 5480 §2.1.1.1), as `CKA_EC_PARAMS` wants it.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Signs by a token. The private half never leaves it.
pub struct TokenKey {
    token: Arc<Token>,
    handle: Handle,
    public: PublicKey,
}

impl TokenKey {
    /// Makes a key in the token: sensitive, not extractable, and there to stay.
    pub async fn generate(token: &Arc<Token>, zone: &str) -> Result<(Self, Handle), KeyError> {
        let mut id = [0_u8; 16];
        SystemRandom::new()
            .fill(&mut id)
            .map_err(|_| KeyError::Generate)?;
        let handle = Handle::new(token.label(), id);
        let label = format!("caracal zone {zone}").into_bytes();
        let point = token.spawn(move |session| generate(session, &id, &label));
        let public = PublicKey::from_sec1(&point.await?).map_err(|_| KeyError::Mismatch)?;
        let key = Self {
            token: Arc::clone(token),
            handle: handle.clone(),
            public,
        };
        Ok((key, handle))
    }

    /// Finds a key in the token; it has to be the one of this id.
    pub async fn open(token: &Arc<Token>, handle: &Handle, kid: &str) -> Result<Self, KeyError> {
        let (id, missing) = (*handle.id(), token.no_key());
        let point = token
            .spawn(move |session| {
                let public = find(session, ObjectClass::PUBLIC_KEY, &id)?;
                // A private half is there as well, or nothing would ever be signed.
                find(session, ObjectClass::PRIVATE_KEY, &id)?.ok_or_else(|| missing.clone())?;
                point(session, public.ok_or_else(|| missing.clone())?)
            })
            .await?;
        let public = PublicKey::from_sec1(&point)
            .ok()
            .filter(|public| public.kid() == kid)
            .ok_or(KeyError::Mismatch)?;
        Ok(Self {
            token: Arc::clone(token),
            handle: handle.clone(),
            public,
        })
    }

    /// Destroys both halves, for good. What is not there needs no destroying.
    pub async fn destroy(token: &Arc<Token>, handle: &Handle) -> Result<(), TokenError> {
        let id = *handle.id();
        token
            .spawn(move |session| {
                for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
                    if let Some(object) = find(session, class, &id)? {
                        session.destroy_object(object).map_err(failed)?;
                    }
                }
                Ok(())
            })
            .await
    }
}

fn generate(session: &Session, id: &[u8], label: &[u8]) -> Result<Vec<u8>, TokenError> {
    let common = [
        Attribute::Token(true),
        Attribute::Id(id.to_vec()),
        Attribute::Label(label.to_vec()),
    ];
    let public = [
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::EcParams(P256.to_vec()),
    ];
    let private = [
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ];
    let (public, _private) = session
        .generate_key_pair(
            &Mechanism::EccKeyPairGen,
            &[&common[..], &public].concat(),
            &[&common[..], &private].concat(),
        )
        .map_err(failed)?;
    point(session, public)
}

fn find(
    session: &Session,
    class: ObjectClass,
    id: &[u8],
) -> Result<Option<ObjectHandle>, TokenError> {
    let template = [
        Attribute::Class(class),
        Attribute::KeyType(KeyType::EC),
        Attribute::Id(id.to_vec()),
    ];
    let found = session.find_objects(&template).map_err(failed)?;
    Ok(found.into_iter().next())
}

/// `CKA_EC_POINT` is the point in a DER OCTET STRING; some modules leave that away.
fn point(session: &Session, public: ObjectHandle) -> Result<Vec<u8>, TokenError> {
    let attributes = session
        .get_attributes(public, &[AttributeType::EcPoint])
        .map_err(failed)?;
    let Some(Attribute::EcPoint(point)) = attributes.into_iter().next() else {
        return Err(TokenError::Failed("a key has no point".to_owned()));
    };
    Ok(match point.split_first_chunk() {
        Some((&[0x04, 65], rest)) if rest.len() == 65 => rest.to_vec(),
        _ => point,
    })
}

impl Signer for TokenKey {
    fn kid(&self) -> &str {
        self.public.kid()
    }

    /// Blocks; see [`PrivateKey::gate`].
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignError> {
        let digest = Sha256::digest(message);
        let signed = self.token.with(|session| {
            let key = find(session, ObjectClass::PRIVATE_KEY, self.handle.id())?;
            let key = key.ok_or_else(|| self.token.no_key())?;
            session
                .sign(&Mechanism::Ecdsa, key, &digest)
                .map_err(failed)
        });
        let signature = signed.map_err(|error| {
            tracing::error!(%error, kid = self.kid(), "the token did not sign");
            SignError
        })?;
        signature.try_into().map_err(|_| SignError)
    }
}

impl PrivateKey for TokenKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn gate(&self) -> Option<&Arc<Semaphore>> {
        Some(self.token.gate())
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey")
            .field("kid", &self.public.kid())
            .field("token", &self.token.label())
            .finish_non_exhaustive()
    }
}
