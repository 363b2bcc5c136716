//! Where zone keys are kept, from the command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use caracal_sts::KeyStorage;
use caracal_sts::keys::pkcs11::{Token, TokenKek};
use caracal_sts::keys::{KeyWrapper, SecretSource};
use clap::{Args, ValueEnum};

use super::data::DataDirectory;
use crate::cli::Seconds;

/// Where new zone keys are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// In this process; sealed in the database.
    Database,
    /// In the PKCS#11 token, which they never leave.
    Pkcs11,
}

/// A key-encryption key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kek {
    Local(SecretSource),
    Token(String),
}

impl FromStr for Kek {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("pkcs11", label)) if !label.is_empty() => Ok(Self::Token(label.to_owned())),
            _ => text
                .parse()
                .map(Self::Local)
                .map_err(|_| "write file:PATH, env:NAME or pkcs11:LABEL".to_owned()),
        }
    }
}

/// Zone keys and what seals them.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// How long a zone's key signs before the next one takes over, such as 30d.
    #[arg(long, default_value = "30d", value_name = "SPAN")]
    key_lifetime: Seconds,
    /// Where new zone keys are made. Those that are elsewhere are used until they are replaced.
    #[arg(long, value_enum, default_value_t = Place::Database, value_name = "PLACE")]
    keys_in: Place,
    /// Key-encryption key: `file:PATH` (32 bytes or their base64, mode 0600), `env:NAME` (base64) or
    /// `pkcs11:LABEL` (an AES key of the token). Of several, the first seals, all open, and what the
    /// others have sealed is sealed anew within a minute [default: `file:DATA/kek`].
    #[arg(long = "kek", value_name = "SOURCE")]
    keks: Vec<Kek>,
    /// PKCS#11 module of the HSM: a shared library.
    #[arg(long, value_name = "FILE", requires = "pkcs11_token")]
    pkcs11_module: Option<PathBuf>,
    /// Label of the token.
    #[arg(long, value_name = "LABEL", requires = "pkcs11_pin")]
    pkcs11_token: Option<String>,
    /// Its user PIN: `file:PATH` (mode 0600) or `env:NAME`.
    #[arg(long, value_name = "SOURCE", requires = "pkcs11_module")]
    pkcs11_pin: Option<SecretSource>,
}

impl KeyArgs {
    /// How long a key signs, in seconds.
    pub(super) const fn lifetime_s(&self) -> u64 {
        self.key_lifetime.0
    }

    /// Whether the key-encryption key is the one of the data directory.
    pub(super) const fn need_the_directory(&self) -> bool {
        self.keks.is_empty()
    }

    /// Opens what the arguments name.
    pub(super) async fn storage(self, data: &DataDirectory) -> anyhow::Result<KeyStorage> {
        let Self {
            key_lifetime: _,
            keys_in,
            keks,
            pkcs11_module,
            pkcs11_token,
            pkcs11_pin,
        } = self;
        let token = match (pkcs11_module, pkcs11_token, pkcs11_pin) {
            (Some(module), Some(label), Some(pin)) => {
                let pin = pin.text().context("--pkcs11-pin")?;
                // It blocks, and nothing else runs yet.
                let opened =
                    tokio::task::spawn_blocking(move || Token::open(&module, &label, &pin));
                Some(opened.await??)
            }
            _ => None,
        };
        let mut storage = None::<KeyStorage>;
        for kek in keks {
            let kek: Arc<dyn KeyWrapper> = match kek {
                Kek::Local(source) => Arc::new(source.key_encryption_key().context("--kek")?),
                Kek::Token(label) => {
                    let Some(token) = &token else {
                        bail!("--kek pkcs11:{label} needs --pkcs11-module");
                    };
                    Arc::new(TokenKek::open(token, &label).await.context("--kek")?)
                }
            };
            storage = Some(match storage {
                None => KeyStorage::sealed(kek),
                Some(storage) => storage.or_opened_by(kek),
            });
        }
        let mut storage = match storage {
            None => data.key_encryption_key()?.into(),
            Some(storage) => storage,
        };
        let has_token = token.is_some();
        if let Some(token) = token {
            storage = storage.with_token(token);
        }
        if keys_in == Place::Pkcs11 {
            ensure!(has_token, "--keys-in pkcs11 needs --pkcs11-module");
            storage = storage.making_keys_in_token();
        }
        Ok(storage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_encryption_keys_are_named_by_where_they_are() {
        assert_eq!("pkcs11:kek".parse(), Ok(Kek::Token("kek".to_owned())));
        assert_eq!(
            "env:KEK".parse(),
            Ok(Kek::Local(SecretSource::Environment("KEK".to_owned())))
        );
        for text in ["", "kek", "pkcs11:", "file:", "vault:kek"] {
            assert!(text.parse::<Kek>().is_err(), "{text}");
        }
    }
}
