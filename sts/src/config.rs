//! What an operator can set.

use caracal_mandate::spiffe::SpiffeId;

use crate::jwks::JwksConfig;
use crate::limits::Rate;
use crate::peers::RedisConfig;
use crate::telemetry::TelemetryConfig;

/// Settings of the service. The defaults are safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StsConfig {
    /// Lease in milliseconds: nothing is decided on authority state that is older, and enforcement
    /// points that are silent for as long are closed.
    pub lease_ms: u64,
    /// Life of a mandate in seconds where nothing shortens it; never above 900.
    pub default_lifetime_s: u64,
    /// How long a zone's key signs, in seconds, before the next one takes over.
    pub key_lifetime_s: u64,
    /// Name of this service in its events.
    pub instance: String,
    /// Whether a client assertion may name the token endpoint as its audience, as RFC 7523 §3 once
    /// said. The issuer is always good; the endpoint is what older clients send.
    pub accept_endpoint_audience: bool,
    /// Longest pause between two reads of the authority log, in milliseconds. Far below the lease,
    /// which it shortens.
    pub poll_ms: u64,
    /// Exchanges of one client at the token endpoint. Far above what a client needs that keeps its
    /// mandates until they expire.
    pub exchange_rate: Rate,
    /// How keys are read that others publish.
    pub jwks: JwksConfig,
    /// Where replicas wake each other and count together. Without it each one polls and counts alone.
    pub redis: Option<RedisConfig>,
    /// Management APIs in processes of their own, which may ask for steps of keys. Nobody else may.
    pub operators: Vec<SpiffeId>,
    /// Where traces go; nowhere without it.
    pub telemetry: Option<TelemetryConfig>,
}

impl Default for StsConfig {
    fn default() -> Self {
        Self {
            lease_ms: 2000,
            default_lifetime_s: 300,
            key_lifetime_s: 30 * 24 * 3600,
            instance: "sts".to_owned(),
            accept_endpoint_audience: false,
            poll_ms: 100,
            exchange_rate: Rate::default(),
            jwks: JwksConfig::default(),
            redis: None,
            operators: Vec::new(),
            telemetry: None,
        }
    }
}
