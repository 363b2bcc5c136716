//! The private half of a zone's key, wherever it is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::claims::Claims;
use caracal_mandate::jws::{MintError, mint};
use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignError, SignatureVerifier, Signer};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A signature in base64url.
const SIGNATURE_TEXT_BYTES: usize = 86;

/// How long a mandate may wait for its signature, queueing included.
const PATIENCE: Duration = Duration::from_secs(2);

/// Signs for a zone: in this process, or in a token.
pub trait PrivateKey: Signer + fmt::Debug + Send + Sync {
    /// The public half.
    fn public(&self) -> &PublicKey;

    /// Who signs elsewhere blocks, and lets in as many at a time as this has permits. `None` is a
    /// matter of microseconds.
    fn gate(&self) -> Option<&Arc<Semaphore>>;
}

/// A mandate, and whether its signature was made in this process.
#[derive(Debug)]
pub(crate) struct Signed {
    token: String,
    kid: Box<str>,
    here: bool,
}

/// Signs claims into a mandate. A key that blocks does so on a thread of its own, which keeps its
/// permit for as long as it hangs: a token that does not answer takes a few threads and no more.
pub(crate) async fn sign(key: Arc<dyn PrivateKey>, claims: Claims) -> Result<Signed, MintError> {
    let kid = key.kid().into();
    let Some(gate) = key.gate().cloned() else {
        let token = mint(&claims, &*key)?;
        return Ok(Signed {
            token,
            kid,
            here: true,
        });
    };
    let signing = async {
        let permit = gate.acquire_owned().await.map_err(|_| SignError)?;
        let signed = tokio::task::spawn_blocking(move || {
            let _held = permit;
            mint(&claims, &*key)
        });
        signed.await.unwrap_or(Err(SignError.into()))
    };
    let signed = timeout(PATIENCE, signing).await.unwrap_or_else(|_| {
        tracing::error!("the token did not sign in time");
        Err(SignError.into())
    });
    signed.map(|token| Signed {
        token,
        kid,
        here: false,
    })
}

impl Signed {
    /// The mandate.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The mandate, to be kept.
    pub(crate) fn into_token(self) -> String {
        self.token
    }

    /// Verifies what is in this mandate. A signature that came from elsewhere is verified by `by_key`: a
    /// token may hold another key than its row says. One that was made here, with a key whose two halves
    /// were found to belong together when it was opened, is compared instead: verifying takes three times
    /// as long as signing (a fifth of an exchange), and each point does it again, where a signature that
    /// went wrong closes.
    pub(crate) fn verifier<'a>(
        &'a self,
        by_key: &'a dyn SignatureVerifier,
    ) -> impl SignatureVerifier + 'a {
        SignedHere {
            signed: self,
            by_key,
        }
    }
}

/// See [`Signed::verifier`].
struct SignedHere<'a> {
    signed: &'a Signed,
    by_key: &'a dyn SignatureVerifier,
}

impl SignatureVerifier for SignedHere<'_> {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let Signed { token, kid, here } = self.signed;
        let made_here = *here && **kid == *key.kid() && is_of(token, message, signature);
        made_here || self.by_key.verify(key, message, signature)
    }
}

/// Whether the token is this message with this signature.
fn is_of(token: &str, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    let rest = token.as_bytes().strip_prefix(message);
    let rest = rest.and_then(|rest| rest.strip_prefix(b"."));
    let mut text = [0; SIGNATURE_TEXT_BYTES];
    let length = URL_SAFE_NO_PAD.encode_slice(signature, &mut text);
    length == Ok(SIGNATURE_TEXT_BYTES) && rest == Some(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Es256, ZoneKey};

    /// Says yes to nothing, so that what passes was compared.
    struct Never;

    impl SignatureVerifier for Never {
        fn verify(&self, _: &PublicKey, _: &[u8], _: &[u8; SIGNATURE_BYTES]) -> bool {
            false
        }
    }

    struct Case {
        key: ZoneKey,
        signed: Signed,
        message: Vec<u8>,
        signature: [u8; SIGNATURE_BYTES],
    }

    fn case(here: bool) -> Case {
        let key = ZoneKey::generate().unwrap();
        let message = b"header.claims".to_vec();
        let signature = key.sign(&message).unwrap();
        let token = format!("header.claims.{}", URL_SAFE_NO_PAD.encode(signature));
        let kid = key.public().kid().into();
        let signed = Signed { token, kid, here };
        Case {
            key,
            signed,
            message,
            signature,
        }
    }

    #[test]
    fn what_was_signed_here_is_known_without_verifying_it_and_nothing_else_is() {
        let it = case(true);
        let known = |key: &ZoneKey, message: &[u8], signature| {
            let verifier = it.signed.verifier(&Never);
            verifier.verify(key.public(), message, signature)
        };
        assert!(known(&it.key, &it.message, &it.signature));
        let other = case(true);
        assert!(!known(&other.key, &it.message, &it.signature));
        assert!(!known(&it.key, &it.message, &other.signature));
        for message in [
            "",
            "header",
            "header.claims.",
            "header.claim",
            "xeader.claims",
        ] {
            assert!(
                !known(&it.key, message.as_bytes(), &it.signature),
                "{message}"
            );
        }
    }

    #[test]
    fn what_was_signed_elsewhere_is_verified() {
        let it = case(false);
        let public = it.key.public();
        let by = |by: &dyn SignatureVerifier, signature| {
            let verifier = it.signed.verifier(by);
            verifier.verify(public, &it.message, signature)
        };
        assert!(!by(&Never, &it.signature));
        assert!(by(&Es256, &it.signature));
        assert!(!by(&Es256, &case(false).signature));
    }
}
