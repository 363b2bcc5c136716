//! Ids that the server gives.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::name::Name;
use caracal_sts::Random;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::error::ApiError;

/// What an id names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Credential,
    Delegation,
    Grant,
    Session,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Credential => "crd_",
            Self::Delegation => "dlg_",
            Self::Grant => "grt_",
            Self::Session => "ses_",
        }
    }

    /// Keeps the ids of different kinds apart under one idempotency key.
    const fn domain(self) -> &'static [u8] {
        match self {
            Self::Credential => b"caracal-credential-v1\0",
            Self::Delegation => b"caracal-delegation-v1\0",
            Self::Grant => b"caracal-grant-v1\0",
            Self::Session => b"caracal-session-v1\0",
        }
    }
}

/// A new id: random, or made from the request under an idempotency key, because the same request
/// has to come to the same change. An id is a name and no secret.
pub(super) fn new_id(
    kind: Kind,
    zone: &Name,
    key: Option<&str>,
    asked: &impl Serialize,
    random: &dyn Random,
) -> Result<String, ApiError> {
    let mut bytes = [0_u8; 16];
    if let Some(key) = key {
        let body = serde_json::to_vec(&(zone, key, asked))
            .map_err(|_| ApiError::internal("the request could not be written"))?;
        let hash = Sha256::new()
            .chain_update(kind.domain())
            .chain_update(body)
            .finalize();
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    } else {
        let filled = random.fill(&mut bytes);
        filled.map_err(|_| ApiError::internal("the system's source of randomness failed"))?;
    }
    Ok(format!(
        "{}{}",
        kind.prefix(),
        URL_SAFE_NO_PAD.encode(bytes)
    ))
}
