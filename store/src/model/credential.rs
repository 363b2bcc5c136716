//! How applications prove who they are.

use std::fmt;
use std::str::FromStr;

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::issuer::{IssuerUrl, KeysUrl};
use super::jwk::JwkSet;

/// What every generated secret starts with, so that scanners of sources and logs find it.
pub const SECRET_PREFIX: &str = "cs_";

/// One means by which an application proves who it is. Its public `client_id` is its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Id, `crd_` and 22 characters; never used twice.
    pub id: String,
    /// Application.
    pub application: Name,
    /// Unix second.
    pub created_at: u64,
    /// Unix second from which it is void; `None` is until revoked.
    pub expires_at: Option<u64>,
    /// What is checked.
    pub proof: Proof,
}

impl Credential {
    /// Whether it has not expired.
    #[must_use]
    pub fn is_live(&self, now_s: u64) -> bool {
        self.expires_at.is_none_or(|expires| now_s < expires)
    }
}

/// What a client shows, as far as the service knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Proof {
    /// An X.509 SVID of one more workload, beside those that the application was made with.
    Spiffe {
        /// Identity; belongs to this application for good.
        spiffe_id: SpiffeId,
    },
    /// A secret that was generated for it (`client_secret_basic`, `client_secret_post`).
    Secret {
        /// Hash of the secret.
        sha256: SecretHash,
    },
    /// Keys that it signs assertions with (`private_key_jwt`, RFC 7523 §2.2).
    PublicKey {
        /// Public halves. A `kid` belongs to one live credential of the application.
        jwks: JwkSet,
    },
    /// The same keys, where the client publishes them (RFC 7591 §2).
    JwksUri {
        /// Address. An application has one at a time.
        jwks_uri: KeysUrl,
    },
    /// A Kubernetes service account, whose tokens a trusted issuer of the zone signs.
    Kubernetes(ServiceAccount),
}

/// SHA-256 of a secret's text. The secret has 256 random bits, so that neither salt nor a slow hash
/// would add anything.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretHash([u8; 32]);

/// A text that is no SHA-256 in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 digest of 64 hexadecimal digits")]
pub struct SecretHashError;

impl SecretHash {
    /// Of a secret's whole text, prefix and all.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// For comparison in constant time.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash of nothing in particular.
    pub(crate) const fn blank() -> Self {
        Self([0; 32])
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

impl From<SecretHash> for String {
    fn from(SecretHash(bytes): SecretHash) -> Self {
        crate::digest::to_hex(&bytes)
    }
}

impl TryFrom<String> for SecretHash {
    type Error = SecretHashError;

    fn try_from(text: String) -> Result<Self, SecretHashError> {
        crate::digest::from_hex(&text)
            .map(Self)
            .ok_or(SecretHashError)
    }
}

/// A service account of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccount {
    /// `iss` of the cluster's tokens, exactly.
    pub issuer: IssuerUrl,
    /// Namespace.
    pub namespace: Name,
    /// Name of the service account.
    pub service_account: AccountName,
}

/// The name of a Kubernetes service account: a DNS subdomain (RFC 1123).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);

/// Why a text is no name of a service account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no service account name: use 1 to 253 of a-z, 0-9, '-' and '.', with a letter or \
     digit at both ends of each part"
)]
pub struct AccountNameError(pub String);

impl AccountName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = AccountNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() <= 253 && text.split('.').all(|label| label.parse::<Name>().is_ok()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AccountNameError(text.chars().take(64).collect()))
        }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for AccountName {
    type Error = AccountNameError;

    fn try_from(text: String) -> Result<Self, AccountNameError> {
        text.parse()
    }
}

impl From<AccountName> for String {
    fn from(AccountName(text): AccountName) -> Self {
        text
    }
}

/// Which credential is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRef {
    /// Application.
    pub application: Name,
    /// Id.
    pub id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_kept_as_its_hash_and_shown_by_nothing() {
        let hash = SecretHash::of("cs_test");
        let text = String::from(hash);
        assert_eq!(text.len(), 64);
        assert_eq!(SecretHash::try_from(text.clone()), Ok(hash));
        assert_ne!(SecretHash::of("cs_tesT"), hash);
        assert!(!format!("{hash:?}").contains(&text[..8]));
        for wrong in ["", "00", &text[1..], &text.to_uppercase()] {
            assert_eq!(SecretHash::try_from(wrong.to_owned()), Err(SecretHashError));
        }
    }

    #[test]
    fn a_service_account_has_a_dns_subdomain_for_a_name() {
        for (text, legal) in [
            ("default", true),
            ("payments.worker-1", true),
            ("", false),
            ("Worker", false),
            ("a..b", false),
            ("a/b", false),
            ("a:b", false),
        ] {
            assert_eq!(text.parse::<AccountName>().is_ok(), legal, "{text:?}");
        }
    }

    #[test]
    fn a_credential_is_void_from_the_second_of_its_expiry() {
        let mut credential = Credential {
            id: "crd_1".to_owned(),
            application: "payout".parse().unwrap(),
            created_at: 5,
            expires_at: Some(10),
            proof: Proof::Secret {
                sha256: SecretHash::of("cs_test"),
            },
        };
        assert!(credential.is_live(9));
        assert!(!credential.is_live(10));
        credential.expires_at = None;
        assert!(credential.is_live(u64::MAX));
    }
}
