//! Where zone keys are kept.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use caracal_sts::KeyStorage;
use caracal_sts::keys::pkcs11::{Token, TokenKek};
use caracal_sts::keys::{KeyWrapper, SecretSource, SourceError};

use super::data::DataDirectory;
use crate::cli::Seconds;
use crate::settings::parse;
use crate::settings::reader::Reader;

/// Where new zone keys are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In this process; sealed in the database.
    Database,
    /// In the PKCS#11 token, which they never leave.
    Pkcs11,
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "database" => Ok(Self::Database),
            "pkcs11" => Ok(Self::Pkcs11),
            _ => Err("must be database or pkcs11"),
        }
    }
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
#[derive(Debug)]
pub(crate) struct KeySettings {
    lifetime: Seconds,
    place: Place,
    keks: Vec<Kek>,
    token: Option<TokenSettings>,
}

/// The PKCS#11 token.
#[derive(Debug)]
struct TokenSettings {
    module: PathBuf,
    label: String,
    pin: SecretSource,
}

impl KeySettings {
    /// What was asked for.
    pub(crate) fn read(read: &mut Reader) -> Self {
        const TOKEN: [&str; 3] = ["pkcs11-module", "pkcs11-token", "pkcs11-pin"];
        let place = read.one("keys-in", str::parse).unwrap_or(Place::Database);
        let keks = read.many("kek", str::parse);
        let in_token = place == Place::Pkcs11;
        let wraps = |kek: &Kek| matches!(kek, Kek::Token(_));
        let sealed_by_token = keks.iter().any(wraps);
        // Together or not at all, and then only where nothing asks for them.
        if in_token || sealed_by_token || TOKEN.iter().any(|name| read.is_given(name)) {
            for name in TOKEN {
                if !read.is_given(name) {
                    read.missing(name, "is needed for a PKCS#11 token, with the other two");
                }
            }
        }
        let module = read.file("pkcs11-module");
        let label = read.one("pkcs11-token", |text| {
            let label = (!text.is_empty()).then(|| text.to_owned());
            label.ok_or("is empty")
        });
        let pin = read.one("pkcs11-pin", |text| {
            let source = text.parse::<SecretSource>();
            source.map_err(|_| "is no source of a secret: write file:PATH or env:NAME")
        });
        // Tried here, so that a check of the configuration finds it.
        for kek in &keks {
            if let Kek::Local(source) = kek
                && let Err(error) = source.key_encryption_key()
            {
                read.wrong("kek", said_of(error));
            }
        }
        if let Some(Err(error)) = pin.as_ref().map(SecretSource::text) {
            read.wrong("pkcs11-pin", said_of(error));
        }
        let token = module.zip(label).zip(pin);
        Self {
            lifetime: read
                .one("key-lifetime", parse::span)
                .unwrap_or(Seconds(30 * 24 * 3600)),
            place,
            keks,
            token: token.map(|((module, label), pin)| TokenSettings { module, label, pin }),
        }
    }

    /// How long a key signs, in seconds.
    pub(super) const fn lifetime_s(&self) -> u64 {
        self.lifetime.0
    }

    /// Whether the key-encryption key is the one of the data directory.
    pub(super) const fn need_the_directory(&self) -> bool {
        self.keks.is_empty()
    }

    /// Opens what the arguments name.
    pub(super) async fn storage(self, data: &DataDirectory) -> anyhow::Result<KeyStorage> {
        let Self {
            lifetime: _,
            place,
            keks,
            token,
        } = self;
        let token = match token {
            Some(TokenSettings { module, label, pin }) => {
                let pin = pin.text().context("--pkcs11-pin")?;
                // It blocks, and nothing else runs yet.
                let opened =
                    tokio::task::spawn_blocking(move || Token::open(&module, &label, &pin));
                Some(opened.await??)
            }
            None => None,
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
        if place == Place::Pkcs11 {
            ensure!(has_token, "--keys-in pkcs11 needs --pkcs11-module");
            storage = storage.making_keys_in_token();
        }
        Ok(storage)
    }
}

/// What is named by mistake after `env:` may be the secret itself.
fn said_of(error: SourceError) -> String {
    match error {
        SourceError::Unset(_) => "the environment variable that it names is not set".to_owned(),
        error => error.to_string(),
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
