//! Keys that others publish.

use std::path::PathBuf;

use anyhow::Context as _;
use caracal_sts::JwksConfig;

use crate::settings::parse;
use crate::settings::reader::Reader;

/// How they are read.
#[derive(Debug)]
pub(crate) struct JwksSettings {
    authorities: Option<PathBuf>,
    loopback: bool,
}

impl JwksSettings {
    /// What was asked for.
    pub(crate) fn read(read: &mut Reader) -> Self {
        let authorities = read.file("jwks-ca");
        if let Some(file) = &authorities {
            read.exists("jwks-ca", file);
        }
        let loopback = read.one("jwks-loopback", parse::boolean).unwrap_or(false);
        Self {
            authorities,
            loopback,
        }
    }

    pub(super) fn config(self) -> anyhow::Result<JwksConfig> {
        let Self {
            authorities,
            loopback,
        } = self;
        let mut config = JwksConfig {
            loopback,
            ..JwksConfig::default()
        };
        if let Some(path) = authorities {
            let place = || format!("--jwks-ca {}", path.display());
            let pem = std::fs::read(&path).with_context(place)?;
            config.believe(&pem).with_context(place)?;
        }
        Ok(config)
    }
}
