//! Where the replicas meet.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::name::Name;
use caracal_sts::{PeerKey, RedisConfig, RedisUrl};

use crate::settings::parse;
use crate::settings::reader::Reader;

/// The server, and who this replica is there.
#[derive(Debug)]
pub(crate) struct RedisSettings {
    url: RedisUrl,
    authorities: Option<PathBuf>,
    key: PathBuf,
    replica: Option<Name>,
}

impl RedisSettings {
    /// What was asked for.
    pub(crate) fn read(read: &mut Reader) -> Option<Self> {
        let url = read.one("redis-url", str::parse::<RedisUrl>);
        let key = read.file("redis-key");
        let replica = read.one("replica", parse::name);
        if read.is_given("redis-url") && !read.is_given("redis-key") {
            read.missing(
                "redis-key",
                "--redis-url needs it: make one with `head -c 32 /dev/urandom`, and give the same \
                file to each replica",
            );
        }
        let authorities = read.file("redis-ca");
        if let Some(file) = &authorities {
            read.exists("redis-ca", file);
            if url.as_ref().is_some_and(|url| !url.has_tls()) {
                read.wrong("redis-ca", "is for a rediss URL; this one has no TLS");
            }
        }
        let (url, key) = (url?, key?);
        Some(Self {
            url,
            authorities,
            key,
            replica,
        })
    }

    /// `own_name` is the name for want of a given one, and `read` reads a file that only its owner may
    /// read.
    pub(super) fn config(
        self,
        own_name: impl FnOnce() -> anyhow::Result<Name>,
        read: impl FnOnce(&Path) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<RedisConfig> {
        let Self {
            url,
            authorities,
            key,
            replica,
        } = self;
        let Some(bytes) = key_from(&read(&key).context("--redis-key")?) else {
            bail!("{} has not 32 bytes, nor these in base64url", key.display());
        };
        let replica = match replica {
            Some(name) => name,
            None => own_name()?,
        };
        let authorities = authorities.map(|file| {
            let pem = std::fs::read(&file);
            pem.with_context(|| format!("--redis-ca {}", file.display()))
        });
        Ok(RedisConfig {
            authorities: authorities.transpose()?,
            ..RedisConfig::new(url, bytes, replica)
        })
    }
}

fn key_from(bytes: &[u8]) -> Option<PeerKey> {
    let text = || URL_SAFE_NO_PAD.decode(bytes.trim_ascii()).ok();
    let key = <[u8; 32]>::try_from(bytes).ok();
    let key = key.or_else(|| text()?.try_into().ok())?;
    Some(PeerKey::from_bytes(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_or_their_text() {
        let of = |key: &[u8]| {
            let settings = RedisSettings {
                url: "redis://localhost".parse().unwrap(),
                authorities: None,
                key: "k".into(),
                replica: None,
            };
            settings.config(|| Ok("own".parse().unwrap()), |_| Ok(key.to_vec()))
        };
        let raw = of(&[7; 32]).unwrap();
        assert_eq!(raw.replica.as_str(), "own");
        let text = format!("{}\n", URL_SAFE_NO_PAD.encode([7; 32]));
        assert_eq!(of(text.as_bytes()).unwrap(), raw);
        assert!(of(&[7; 31]).is_err());
    }
}
