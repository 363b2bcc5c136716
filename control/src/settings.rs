//! What an operator sets, from three places: flags, before environment variables, before a file.
//!
//! One table ([`catalog`]) names every setting once; its flag, its variable and its member of the file
//! have the same name. All three places are read in full, whichever wins, and every mistake is
//! reported at once with its place, so that nobody corrects a configuration one start at a time.
//! A mistake never repeats the value: there may be a secret in it, in its own place or in another's.

mod catalog;
mod file;
mod flags;
#[cfg(any(test, fuzzing))]
pub(crate) mod law;
mod mistake;
pub(crate) mod parse;
pub(crate) mod reader;
mod telemetry;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use caracal_store::DatabaseUrl;
use caracal_sts::{TelemetryConfig, TlsFiles};
use tonic::transport::Uri;

pub(crate) use catalog::{Program, help};
pub(crate) use mistake::Mistakes;
use reader::Reader;

use crate::serve::{
    JwksSettings, KeySettings, PublicationSettings, RedisSettings, WitnessSettings,
};

/// Where variables of the environment come from.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What a command line asks for.
pub(crate) enum Asked {
    /// The list of the settings.
    Help,
    /// Only whether the configuration is in order.
    Check,
    /// To serve.
    Serve(Box<Settings>),
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A configuration without a mistake.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) data: PathBuf,
    pub(crate) database: DatabaseUrl,
    pub(crate) ledger: DatabaseUrl,
    pub(crate) ledger_name: String,
    pub(crate) witnesses: Option<WitnessSettings>,
    pub(crate) publication: Option<PublicationSettings>,
    pub(crate) tls: TlsFiles,
    pub(crate) lease_ms: u64,
    pub(crate) drain: Duration,
    pub(crate) log: LogFormat,
    /// Directives of `tracing_subscriber::EnvFilter`, which were tried.
    pub(crate) log_level: String,
    pub(crate) telemetry: Option<TelemetryConfig>,
    /// Where the ledger's entries go as logs.
    pub(crate) ledger_export: Option<TelemetryConfig>,
    /// For those that serve tokens.
    pub(crate) token_service: Option<TokenServiceSettings>,
    /// For those that serve the management API.
    pub(crate) management: Option<ManagementSettings>,
}

/// The token service's own.
#[derive(Debug)]
pub(crate) struct TokenServiceSettings {
    pub(crate) grpc: std::net::SocketAddr,
    pub(crate) http: std::net::SocketAddr,
    pub(crate) https: Option<std::net::SocketAddr>,
    pub(crate) metrics: Option<std::net::SocketAddr>,
    pub(crate) instance: Option<Name>,
    pub(crate) mandate_lifetime_s: Option<u64>,
    pub(crate) accept_endpoint_audience: bool,
    pub(crate) redis: Option<RedisSettings>,
    pub(crate) keys: KeySettings,
    pub(crate) jwks: JwksSettings,
    pub(crate) operators: Vec<SpiffeId>,
}

/// The management API's own.
#[derive(Debug)]
pub(crate) struct ManagementSettings {
    pub(crate) admin: std::net::SocketAddr,
    /// Token services in other processes. Empty where one is in this process.
    pub(crate) token_services: Vec<Uri>,
}

impl Settings {
    /// Reads all three places.
    pub(crate) fn read(
        program: Program,
        arguments: &[OsString],
        environment: Environment<'_>,
    ) -> Result<Asked, Mistakes> {
        let flags = flags::Flags::read(program, arguments);
        if flags.help {
            return Ok(Asked::Help);
        }
        let check_only = flags.check_only;
        let reader = Reader::open(program, flags, environment);
        let settings = settings(program, reader)?;
        Ok(if check_only {
            Asked::Check
        } else {
            Asked::Serve(Box::new(settings))
        })
    }
}

fn settings(program: Program, mut read: Reader) -> Result<Settings, Mistakes> {
    let data = read.one("data", parse::path);
    let data = data.unwrap_or_else(|| PathBuf::from("./caracal-data"));
    let database = read.one("database", parse::database);
    let ledger = read.one("ledger-database", parse::database);
    let own = data.join("tls").join(program.identity());
    let tls = TlsFiles {
        cert: read
            .file("tls-cert")
            .unwrap_or_else(|| own.with_extension("pem")),
        key: read
            .file("tls-key")
            .unwrap_or_else(|| own.with_extension("key")),
        ca: read
            .file("tls-ca")
            .unwrap_or_else(|| data.join("tls/ca.pem")),
    };
    for (name, file) in [
        ("tls-cert", &tls.cert),
        ("tls-key", &tls.key),
        ("tls-ca", &tls.ca),
    ] {
        read.exists(name, file);
    }
    let collectors = telemetry::collectors(program, &mut read);
    let serves_tokens = program != Program::Control;
    let administers = program != Program::Sts;
    let settings = Settings {
        database: database.unwrap_or_else(|| data.join("authority.db").as_path().into()),
        ledger: ledger.unwrap_or_else(|| data.join("ledger.db").as_path().into()),
        ledger_name: read
            .one("ledger-name", parse::text)
            .unwrap_or_else(|| "caracal.local/ledger".to_owned()),
        witnesses: WitnessSettings::read(&mut read),
        publication: PublicationSettings::read(&mut read),
        lease_ms: read
            .one("lease-ms", parse::number(100..=60_000))
            .unwrap_or(2000),
        drain: Duration::from_millis(
            read.one("drain-ms", parse::number(0..=600_000))
                .unwrap_or(5000),
        ),
        log: read
            .one("log", parse::log_format)
            .unwrap_or(LogFormat::Text),
        log_level: read
            .one("log-level", parse::log_level)
            .unwrap_or_else(|| "info".to_owned()),
        telemetry: collectors.traces,
        ledger_export: collectors.ledger,
        token_service: serves_tokens.then(|| token_service(&mut read)),
        management: administers.then(|| management(program, &mut read)),
        tls,
        data,
    };
    read.finish()?;
    Ok(settings)
}

fn token_service(read: &mut Reader) -> TokenServiceSettings {
    TokenServiceSettings {
        grpc: read
            .one("grpc", parse::address)
            .unwrap_or_else(|| parse::loopback(9090)),
        http: read
            .one("http", parse::address)
            .unwrap_or_else(|| parse::loopback(9080)),
        https: read.one("https", parse::address),
        metrics: read.one("metrics", parse::address),
        instance: read.one("instance", parse::name),
        mandate_lifetime_s: read.one("mandate-lifetime", parse::mandate_lifetime),
        accept_endpoint_audience: read
            .one("accept-endpoint-audience", parse::boolean)
            .unwrap_or_default(),
        redis: RedisSettings::read(read),
        keys: KeySettings::read(read),
        jwks: JwksSettings::read(read),
        operators: read.many("control-id", parse::spiffe_id),
    }
}

fn management(program: Program, read: &mut Reader) -> ManagementSettings {
    let token_services = if program == Program::Control {
        let given = read.many("sts", parse::token_service);
        if !read.is_given("sts") {
            read.missing(
                "sts",
                "give the gRPC address of each token service, such as https://sts-0.example:9090",
            );
        }
        given
    } else {
        Vec::new()
    };
    ManagementSettings {
        admin: read
            .one("admin", parse::address)
            .unwrap_or_else(|| parse::loopback(9070)),
        token_services,
    }
}
