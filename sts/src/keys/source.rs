//! Where a secret is read from when the service starts.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::KeyEncryptionKey;

/// Longest secret in bytes.
const MAX_BYTES: u64 = 4096;

/// A file or an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that nobody but its owner can read.
    File(PathBuf),
    /// An environment variable. The service wipes its own copies; the environment itself is the
    /// starter's, and whoever may read that of the process reads it there.
    Environment(String),
}

/// Why a secret is not at hand.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A source is written in no known way.
    #[error("{0:?} is no source of a secret: write file:PATH or env:NAME")]
    Unknown(String),
    /// The file cannot be read.
    #[error("{path} cannot be read", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others can read it.
    #[error("{path} can be read by others than its owner: chmod 600 {path}", path = .0.display())]
    Open(PathBuf),
    /// The variable is not there.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// What is there is no key.
    #[error("{0} is no key: 32 bytes are needed, raw in a file or in base64 anywhere")]
    NoKey(SecretSource),
    /// What is there is no text.
    #[error("{0} is empty, too long, or not UTF-8")]
    NoText(SecretSource),
}

impl SecretSource {
    fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        match self {
            Self::File(path) => {
                let failed = |source| SourceError::File {
                    path: path.clone(),
                    source,
                };
                let file = File::open(path).map_err(failed)?;
                // Of the opened file, so that it cannot be another one by then.
                if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
                    return Err(SourceError::Open(path.clone()));
                }
                // Large enough from the start: a buffer that grows leaves its old bytes behind.
                let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
                file.take(MAX_BYTES)
                    .read_to_end(&mut bytes)
                    .map_err(failed)?;
                Ok(bytes)
            }
            Self::Environment(name) => {
                let value = std::env::var_os(name).filter(|value| !value.is_empty());
                let value = value.ok_or_else(|| SourceError::Unset(name.clone()))?;
                Ok(Zeroizing::new(value.into_encoded_bytes()))
            }
        }
    }

    /// A key-encryption key: 32 bytes, or their base64.
    pub fn key_encryption_key(&self) -> Result<KeyEncryptionKey, SourceError> {
        let bytes = self.read()?;
        if let (Self::File(_), Ok(key)) = (self, <[u8; 32]>::try_from(bytes.as_slice())) {
            return Ok(KeyEncryptionKey::from_bytes(key));
        }
        let decoded = STANDARD.decode(bytes.trim_ascii()).map(Zeroizing::new);
        let key = decoded
            .ok()
            .and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        let key = key.ok_or_else(|| SourceError::NoKey(self.clone()))?;
        Ok(KeyEncryptionKey::from_bytes(key))
    }

    /// A PIN: one line of text.
    pub fn text(&self) -> Result<Zeroizing<String>, SourceError> {
        let bytes = self.read()?;
        let text = std::str::from_utf8(bytes.trim_ascii())
            .ok()
            .filter(|text| !text.is_empty() && text.len() < 256);
        let text = text.ok_or_else(|| SourceError::NoText(self.clone()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

impl FromStr for SecretSource {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            _ => Err(SourceError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::keys::KeyWrapper as _;

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, SecretSource) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kek");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (directory, SecretSource::File(path))
    }

    #[test]
    fn a_key_is_the_same_raw_and_in_base64() {
        let (_one, raw) = file(&[7; 32], 0o600);
        let (_two, text) = file(format!("{}\n", STANDARD.encode([7; 32])).as_bytes(), 0o400);
        let id = |source: &SecretSource| source.key_encryption_key().unwrap().id().to_owned();
        assert_eq!(id(&raw), id(&text));
        for content in [&[7; 31][..], b"", b"AAAA"] {
            let (_directory, source) = file(content, 0o600);
            assert!(matches!(
                source.key_encryption_key(),
                Err(SourceError::NoKey(_))
            ));
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o660, 0o644] {
            let (_directory, source) = file(&[7; 32], mode);
            let error = source.key_encryption_key().unwrap_err();
            assert!(matches!(error, SourceError::Open(_)), "{mode:o}: {error}");
        }
    }

    #[test]
    fn sources_are_written_in_one_way() {
        let source: SecretSource = "env:CARACAL_KEK_THAT_NOBODY_SETS".parse().unwrap();
        let error = source.key_encryption_key().unwrap_err();
        assert!(matches!(error, SourceError::Unset(_)), "{error}");
        for text in ["", "file:", "env:", "kek", "vault:x"] {
            assert!(text.parse::<SecretSource>().is_err(), "{text}");
        }
    }
}
