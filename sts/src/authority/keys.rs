//! The fold of a zone's keys: which verify, and which one signs.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::key::{KeySet, PublicKey};
use caracal_store::model::{KeyActivation, SigningKey};

use crate::keys::ParsedEs256;

/// Keys of a zone. The one that signs always verifies too.
#[derive(Debug, Default)]
pub(crate) struct ZoneKeys {
    verifying: Arc<KeySet>,
    signing: Option<Signing>,
}

/// The key that signs.
#[derive(Debug, Clone)]
struct Signing {
    kid: Arc<str>,
    verifier: Arc<ParsedEs256>,
}

/// Why a published key is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the published key is not a P-256 key, or not the key of its id")]
pub(crate) struct UnusableKey;

impl ZoneKeys {
    /// The keys whose signatures count.
    pub(crate) const fn verifying(&self) -> &Arc<KeySet> {
        &self.verifying
    }

    /// Id of the key that signs. Without one nothing is issued.
    pub(crate) fn signing(&self) -> Option<&Arc<str>> {
        self.signing.as_ref().map(|signing| &signing.kid)
    }

    /// The same, and what verifies its signatures quickly.
    pub(crate) fn signing_and_verifier(&self) -> Option<(&Arc<str>, &Arc<ParsedEs256>)> {
        let Signing { kid, verifier } = self.signing.as_ref()?;
        Some((kid, verifier))
    }

    /// Whether signatures of a key count.
    pub(crate) fn verifies(&self, kid: &str) -> bool {
        self.verifying.get(kid).is_some()
    }

    /// A key verifies from now on. One that does not parse, or is not the key of its id, does not,
    /// and will not sign.
    pub(super) fn publish(&mut self, key: &SigningKey) -> Result<PublicKey, UnusableKey> {
        let point = URL_SAFE_NO_PAD.decode(&key.point).unwrap_or_default();
        let public = PublicKey::from_sec1(&point)
            .ok()
            .filter(|public| public.kid() == key.kid)
            .ok_or(UnusableKey)?;
        Arc::make_mut(&mut self.verifying).insert(public.clone());
        Ok(public)
    }

    /// A key signs from now on. What does not verify does not sign: then nothing does.
    pub(super) fn activate(&mut self, activation: &KeyActivation) {
        self.sign_with(Some(&activation.kid));
    }

    /// A retired key verifies no more.
    pub(super) fn drop_retired(&mut self, kid: &str) {
        self.forget(kid);
        if self.signs(kid) {
            self.signing = None;
        }
    }

    /// A key verifies no more, and its successor signs if it was the one that did.
    pub(super) fn revoke(&mut self, kid: &str, successor: Option<&str>) {
        self.forget(kid);
        if self.signs(kid) {
            self.sign_with(successor);
        }
    }

    fn sign_with(&mut self, kid: Option<&str>) {
        self.signing = kid.and_then(|kid| {
            let verifier = Arc::new(ParsedEs256::new(self.verifying.get(kid)?));
            let kid = kid.into();
            Some(Signing { kid, verifier })
        });
    }

    fn signs(&self, kid: &str) -> bool {
        self.signing().is_some_and(|signing| **signing == *kid)
    }

    fn forget(&mut self, kid: &str) {
        if self.verifies(kid) {
            Arc::make_mut(&mut self.verifying).remove(kid);
        }
    }
}
