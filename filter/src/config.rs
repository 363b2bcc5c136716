//! The plugin's configuration, as it stands in Envoy or in an Istio resource.

use caracal_mandate::edge::Delegators;
use caracal_mandate::name::Name;
use serde::Deserialize;
use serde_json::Value;

/// Shortest and longest lease that is accepted, in milliseconds.
const LEASE_MS: std::ops::RangeInclusive<u32> = 500..=10_000;

/// Longest cluster or authority name: its length must be one byte of protobuf varint, because the
/// host takes the service description as text (see `shell::upstream`).
pub const MAX_UPSTREAM_NAME: usize = 110;

/// Which part of the way of a request this point stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Beside an agent: obtains the agent's mandate and attaches it.
    Agent,
    /// Beside a resource: verifies what peers present, and strips it.
    Resource,
    /// Between: obtains a mandate for the downstream peer, enforces it, and strips it.
    Gateway,
}

impl Role {
    /// The role as it is named in configurations and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Resource => "resource",
            Self::Gateway => "gateway",
        }
    }
}

/// Whether decisions are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// What is refused does not pass.
    #[default]
    Enforce,
    /// Decides, records and counts the same, and lets everything pass.
    Shadow,
}

/// Evidence that the configuration asks for shadow: without it nothing passes that was refused.
#[derive(Debug, Clone, Copy)]
pub struct Shadow(());

impl Mode {
    /// The mode as it is named in configurations and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }

    /// Whether this is shadow.
    #[must_use]
    pub const fn shadow(self) -> Option<Shadow> {
        match self {
            Self::Enforce => None,
            Self::Shadow => Some(Shadow(())),
        }
    }
}

/// What happens when decisions cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditMode {
    /// The gate closes when the backlog is full.
    Required,
    /// The oldest unsent events are dropped, and counted.
    Besteffort,
}

/// How the token service is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StsConfig {
    /// Envoy cluster of the token service.
    pub cluster: String,
    /// Cluster of the authority feed, where it is not the same.
    #[serde(default)]
    pub watch_cluster: Option<String>,
    /// `:authority` of the calls.
    #[serde(default = "default_authority")]
    pub authority: String,
    /// Longest wait for one answer, in milliseconds.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u32,
}

/// How the filters on both sides of a workload know who called it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallsConfig {
    /// Seals what other plugins could read. Random for each workload, the same in both filters, which also
    /// need the same `vm_id`.
    pub secret: String,
    /// How long a caller is known after its call is over, in seconds: for workloads that answer first and
    /// act afterwards.
    #[serde(default)]
    pub linger_s: u32,
}

/// The whole configuration. An unknown member is an error: a typo must not leave a default behind
/// that the operator believes changed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Role.
    pub role: Role,
    /// Whether decisions are carried out. The filter behind this one must be told as well: by this
    /// member alone nothing passes that was refused.
    #[serde(default)]
    pub mode: Mode,
    /// Zone.
    pub zone: Name,
    /// Name of this enforcement point, for people and for the ledger.
    pub instance: String,
    /// The token service.
    pub sts: StsConfig,
    /// Lease in milliseconds: how long authority is trusted after it was last known to be current.
    #[serde(default = "default_lease_ms")]
    pub lease_ms: u32,
    /// Whether a decision that cannot be recorded may be a yes.
    #[serde(default = "default_audit")]
    pub audit: AuditMode,
    /// Whether the ledger is told what became of a request that was let through. A decision then waits up to
    /// a second for it, and is lost with a VM that traps meanwhile.
    #[serde(default = "default_audit_outcomes")]
    pub audit_outcomes: bool,
    /// Value of the filter state that the RBAC filter behind this one demands. Random for each
    /// configuration and known to nobody else, so that no other plugin can open the gate.
    pub allow_mark: String,
    /// Whether whoever is called acts for its callers.
    #[serde(default)]
    pub calls: Option<CallsConfig>,
    /// Whose signatures are demanded of what was passed on, with their keys: what no database can change.
    /// Without it none are.
    #[serde(default)]
    pub delegators: Option<Delegators>,
    /// Most verified mandates that one VM remembers.
    #[serde(default = "default_mandate_cache")]
    pub mandate_cache: usize,
}

/// The mark and the calls' secret are secrets of the configuration.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("role", &self.role)
            .field("mode", &self.mode)
            .field("zone", &self.zone)
            .field("instance", &self.instance)
            .field("calls", &self.calls.is_some())
            .finish_non_exhaustive()
    }
}

fn default_authority() -> String {
    "caracal-sts".to_owned()
}

const fn default_timeout_ms() -> u32 {
    250
}

const fn default_lease_ms() -> u32 {
    2000
}

const fn default_audit() -> AuditMode {
    AuditMode::Required
}

const fn default_audit_outcomes() -> bool {
    true
}

const fn default_mandate_cache() -> usize {
    16_384
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No configuration at all.
    #[error(
        "the plugin has no configuration; give it a JSON object with role, zone, instance, sts and allow_mark"
    )]
    Missing,
    /// Not JSON of this form.
    #[error("the plugin's configuration is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// A value outside its range.
    #[error("the plugin's configuration is not valid: {field} {problem}")]
    Range {
        /// Which member.
        field: &'static str,
        /// What it must be.
        problem: &'static str,
    },
}

impl Config {
    /// Reads and checks a configuration.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        if bytes.is_empty() {
            return Err(ConfigError::Missing);
        }
        let config: Self = serde_json::from_slice(bytes)?;
        // An array would be taken for the members in their order.
        let document: Value = serde_json::from_slice(bytes)?;
        let sts = document.get("sts");
        let calls = config.calls.as_ref();
        let name = |text: &str| (1..=MAX_UPSTREAM_NAME).contains(&text.len()) && text.is_ascii();
        let watch = config
            .sts
            .watch_cluster
            .as_deref()
            .unwrap_or(&config.sts.cluster);
        let rules = [
            (
                document.is_object()
                    && sts.is_some_and(Value::is_object)
                    && document
                        .get("calls")
                        .is_none_or(|calls| calls.is_object() || calls.is_null()),
                "configuration",
                "and sts and calls in it must be JSON objects, with the names of their members",
            ),
            (
                calls.is_none() || config.role != Role::Gateway,
                "calls",
                "is for the two filters of one workload, and a gateway has many: leave it out",
            ),
            (
                calls.is_none_or(|calls| (16..=256).contains(&calls.secret.len())),
                "calls.secret",
                "must be 16 to 256 random characters, the same in both filters of the workload",
            ),
            (
                calls.is_none_or(|calls| calls.linger_s <= 900),
                "calls.linger_s",
                "must be from 0 to 900",
            ),
            (
                document.get("delegators").is_none_or(Value::is_object),
                "delegators",
                "must be an object: leave it out where no signatures are demanded",
            ),
            (
                config.delegators.is_none() || config.role != Role::Agent,
                "delegators",
                "is for points that enforce, and an agent's sidecar does not: give it to the resource's",
            ),
            (
                LEASE_MS.contains(&config.lease_ms),
                "lease_ms",
                "must be from 500 to 10000",
            ),
            (
                (10..=5000).contains(&config.sts.timeout_ms),
                "sts.timeout_ms",
                "must be from 10 to 5000",
            ),
            (
                name(&config.sts.cluster),
                "sts.cluster",
                "must be 1 to 110 ASCII characters",
            ),
            (
                name(watch),
                "sts.watch_cluster",
                "must be 1 to 110 ASCII characters",
            ),
            (
                name(&config.sts.authority),
                "sts.authority",
                "must be 1 to 110 ASCII characters",
            ),
            (
                (1..=128).contains(&config.instance.len()),
                "instance",
                "must be 1 to 128 bytes",
            ),
            (
                (16..=256).contains(&config.allow_mark.len()) && config.allow_mark.is_ascii(),
                "allow_mark",
                "must be 16 to 256 random ASCII characters, the same as in the RBAC filter",
            ),
            (
                (16..=1_000_000).contains(&config.mandate_cache),
                "mandate_cache",
                "must be from 16 to 1000000",
            ),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            None => Ok(config),
            Some((_, field, problem)) => Err(ConfigError::Range { field, problem }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{"role":"resource","zone":"prod","instance":"bank-sidecar",
        "sts":{"cluster":"caracal_sts"},"allow_mark":"0123456789abcdef"}"#;

    #[test]
    fn the_defaults_are_the_closed_ones() {
        let config = Config::parse(MINIMAL.as_bytes()).unwrap();
        assert_eq!(config.audit, AuditMode::Required);
        assert!(config.audit_outcomes);
        assert_eq!(config.mode, Mode::Enforce);
        assert_eq!((config.lease_ms, config.sts.timeout_ms), (2000, 250));
    }

    #[test]
    fn refuses_to_guess() {
        for (from, to) in [
            ("\"role\"", "\"rôle\""),
            ("\"role\":\"resource\"", "\"role\":\"Resource\""),
            ("\"zone\":\"prod\"", "\"zone\":\"\""),
            ("\"instance\"", "\"mode\":\"Shadow\",\"instance\""),
            ("\"instance\"", "\"mode\":\"off\",\"instance\""),
            ("\"instance\"", "\"mode\":\"\",\"instance\""),
            ("\"instance\"", "\"lease\":1,\"instance\""),
            ("\"instance\"", "\"lease_ms\":0,\"instance\""),
            ("\"instance\"", "\"lease_ms\":60000,\"instance\""),
            ("\"cluster\":\"caracal_sts\"", "\"cluster\":\"\""),
            ("\"cluster\"", "\"timeout\":5,\"cluster\""),
            ("0123456789abcdef", "short"),
            ("\"instance\"", "\"zone\":\"prod\",\"instance\""),
            ("\"instance\"", r#""calls":{"secret":"short"},"instance""#),
            (
                "\"instance\"",
                r#""calls":["0123456789abcdef",0],"instance""#,
            ),
            (
                "\"instance\"",
                r#""calls":{"secret":"0123456789abcdef","linger_s":901},"instance""#,
            ),
            (
                r#""resource","zone":"prod""#,
                r#""gateway","calls":{"secret":"0123456789abcdef"},"zone":"prod""#,
            ),
            ("\"instance\"", r#""delegators":null,"instance""#),
            ("\"instance\"", r#""delegators":[],"instance""#),
            ("\"instance\"", r#""delegators":{"a":[]},"instance""#),
            ("\"instance\"", r#""delegators":{"a":["AAAA"]},"instance""#),
            (
                r#""resource","zone":"prod""#,
                r#""agent","delegators":{},"zone":"prod""#,
            ),
        ] {
            let text = MINIMAL.replacen(from, to, 1);
            assert!(Config::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(matches!(Config::parse(b""), Err(ConfigError::Missing)));
    }

    #[test]
    fn signatures_are_demanded_as_soon_as_delegators_are_named_or_said_to_be_none() {
        assert_eq!(Config::parse(MINIMAL.as_bytes()).unwrap().delegators, None);
        let none = MINIMAL.replacen("\"instance\"", r#""delegators":{},"instance""#, 1);
        let none = Config::parse(none.as_bytes()).unwrap();
        assert_eq!(none.delegators, Some(Delegators::default()));
    }

    #[test]
    fn members_have_names() {
        let list =
            r#"["agent","prod","i",["c",null,"a",250],2000,"required","0123456789abcdef",16]"#;
        let nested = MINIMAL.replace(r#"{"cluster":"caracal_sts"}"#, r#"["c",null,"a",250]"#);
        for text in [list, &nested] {
            assert!(Config::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = r#""calls":{"secret":"fedcba9876543210"},"instance""#;
        let text = MINIMAL.replacen("\"instance\"", secret, 1);
        let config = Config::parse(text.as_bytes()).unwrap();
        let printed = format!("{config:?}");
        assert!(!printed.contains("0123456789abcdef") && !printed.contains("fedcba9876543210"));
    }
}
