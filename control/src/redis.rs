//! Where the replicas meet, from the command line.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::name::Name;
use caracal_sts::{PeerKey, RedisConfig};
use clap::Args;

/// The server's place, kept as the text that was given until it is asked for: there may be a password
/// in it.
#[derive(Args)]
pub(crate) struct RedisArgs {
    /// Redis that replicas wake each other and count together with: `redis://`, `rediss://` (TLS) or
    /// `unix:///PATH`. For several replicas on one database; never trusted.
    #[arg(
        long = "redis-url",
        env = "CARACAL_REDIS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    url: Option<String>,
    /// The key that the replicas share: a file with 32 bytes, or with these in base64url, that only its
    /// owner may read.
    #[arg(
        long = "redis-key",
        env = "CARACAL_REDIS_KEY_FILE",
        value_name = "FILE"
    )]
    key: Option<PathBuf>,
    /// Name of this replica, no other one's and the same after a restart [default: made once, in
    /// DATA/replica].
    #[arg(long, env = "CARACAL_REPLICA", value_name = "NAME")]
    replica: Option<Name>,
}

impl RedisArgs {
    /// What was asked for. `own_name` is the name for want of a given one, and `read` reads a file that
    /// only its owner may read.
    pub(crate) fn config(
        self,
        own_name: impl FnOnce() -> anyhow::Result<Name>,
        read: impl FnOnce(&Path) -> anyhow::Result<Vec<u8>>,
    ) -> anyhow::Result<Option<RedisConfig>> {
        let Self { url, key, replica } = self;
        let Some(url) = url else {
            return Ok(None);
        };
        let url = url.parse().context("--redis-url")?;
        let Some(file) = key else {
            bail!(
                "--redis-url needs --redis-key: make one with `head -c 32 /dev/urandom`, and give \
                 the same file to each replica"
            );
        };
        let key = read(&file).context("--redis-key")?;
        let Some(key) = key_from(&key) else {
            bail!(
                "{} has not 32 bytes, nor these in base64url",
                file.display()
            );
        };
        let replica = match replica {
            Some(name) => name,
            None => own_name()?,
        };
        Ok(Some(RedisConfig::new(url, key, replica)))
    }
}

fn key_from(bytes: &[u8]) -> Option<PeerKey> {
    let text = || URL_SAFE_NO_PAD.decode(bytes.trim_ascii()).ok();
    let key = <[u8; 32]>::try_from(bytes).ok();
    let key = key.or_else(|| text()?.try_into().ok())?;
    Some(PeerKey::from_bytes(key))
}

impl fmt::Debug for RedisArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisArgs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: Option<&str>, key: Option<&str>) -> RedisArgs {
        RedisArgs {
            url: url.map(str::to_owned),
            key: key.map(PathBuf::from),
            replica: None,
        }
    }

    fn config(args: RedisArgs, key: &[u8]) -> anyhow::Result<Option<RedisConfig>> {
        args.config(|| Ok("own".parse().unwrap()), |_| Ok(key.to_vec()))
    }

    #[test]
    fn without_a_server_there_is_one_replica() {
        assert!(config(args(None, None), b"").unwrap().is_none());
    }

    #[test]
    fn a_key_is_32_bytes_or_their_text() {
        let url = Some("redis://localhost");
        let of = |key: &[u8]| config(args(url, Some("k")), key).map(|config| config.unwrap());
        let raw = of(&[7; 32]).unwrap();
        assert_eq!(raw.replica.as_str(), "own");
        let text = format!("{}\n", URL_SAFE_NO_PAD.encode([7; 32]));
        assert_eq!(of(text.as_bytes()).unwrap(), raw);
        assert!(of(&[7; 31]).is_err());
        assert!(
            config(args(url, None), &[7; 32]).is_err(),
            "there is none by default"
        );
    }

    #[test]
    fn a_refused_url_is_not_repeated() {
        for url in [
            "redis://:hunter2@r.example",
            "http://u:hunter2@h",
            "redis://u:hunter2@[h",
        ] {
            let shown = format!("{:?}", args(Some(url), Some("k")));
            let error = config(args(Some(url), Some("k")), &[7; 32]).unwrap_err();
            assert!(!format!("{error:#} {error:?} {shown}").contains("hunter2"));
        }
    }
}
