//! Every setting, once.

use std::fmt;

use clap::{Arg, ArgAction, Command};

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Everything in one process.
    Up,
    /// The token service.
    Sts,
    /// The management API.
    Control,
}

impl Program {
    /// Name of the command.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Sts => "sts",
            Self::Control => "control",
        }
    }

    /// Stem of the files of its TLS identity in the data directory.
    pub(super) const fn identity(self) -> &'static str {
        match self {
            Self::Up | Self::Sts => "sts",
            Self::Control => "control",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Up => "Runs token service, management API and ledger in one process.",
            Self::Sts => "Runs a token service and its turn at the ledger.",
            Self::Control => "Runs the management API beside token services of other processes.",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "caracal {}", self.name())
    }
}

/// One setting.
pub(super) struct Setting {
    /// `--name` on the command line and `name` in the file.
    pub(super) name: &'static str,
    /// Its variables; the first that is set counts.
    pub(super) variables: &'static [&'static str],
    value: &'static str,
    /// Whether it takes several values: a repeated flag, a list with commas, an array.
    pub(super) many: bool,
    of: &'static [Program],
    help: &'static str,
}

impl Setting {
    pub(super) fn is_of(&self, program: Program) -> bool {
        self.of.contains(&program)
    }
}

/// The setting of this name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

const ALL: &[Program] = &[Program::Up, Program::Sts, Program::Control];
const TOKENS: &[Program] = &[Program::Up, Program::Sts];
const ADMIN: &[Program] = &[Program::Up, Program::Control];
const STS: &[Program] = &[Program::Sts];
const CONTROL: &[Program] = &[Program::Control];

const fn one(
    name: &'static str,
    variables: &'static [&'static str],
    value: &'static str,
    of: &'static [Program],
    help: &'static str,
) -> Setting {
    Setting {
        name,
        variables,
        value,
        many: false,
        of,
        help,
    }
}

const fn many(
    name: &'static str,
    variables: &'static [&'static str],
    value: &'static str,
    of: &'static [Program],
    help: &'static str,
) -> Setting {
    Setting {
        many: true,
        ..one(name, variables, value, of, help)
    }
}

/// The table.
pub(super) const SETTINGS: &[Setting] = &[
    one(
        "data",
        &["CARACAL_DATA"],
        "DIR",
        ALL,
        "Directory for keys, tokens and, without a server, databases; made with mode 0700 [default: ./caracal-data]",
    ),
    one(
        "database",
        &["CARACAL_DATABASE_URL"],
        "URL",
        ALL,
        "Authority database: sqlite:PATH, or postgres://USER@HOST/DATABASE?sslmode=verify-full with the password in PGPASSWORD or ~/.pgpass [default: DATA/authority.db]",
    ),
    one(
        "ledger-database",
        &["CARACAL_LEDGER_DATABASE_URL"],
        "URL",
        ALL,
        "Ledger database, written alike [default: DATA/ledger.db]. Processes that share one need one DATA/ledger.key and ledger.vkey",
    ),
    one(
        "ledger-name",
        &["CARACAL_LEDGER_NAME"],
        "NAME",
        ALL,
        "Name of the ledger in its checkpoints; it counts on the first start only [default: caracal.local/ledger]",
    ),
    one(
        "witness-policy",
        &["CARACAL_WITNESS_POLICY"],
        "FILE",
        ALL,
        "C2SP tlog-policy: the witnesses that the ledger shows its checkpoints, and how many have to cosign. The same for all processes that write to one ledger. No witnesses unless it is given",
    ),
    one(
        "witness-rule",
        &["CARACAL_WITNESS_RULE"],
        "RULE",
        ALL,
        "What becomes of a checkpoint that too few have cosigned: required holds it back, besteffort publishes it [default: required]",
    ),
    one(
        "witness-ca",
        &["CARACAL_WITNESS_CA"],
        "FILE",
        ALL,
        "Authorities of the witnesses' certificates beside the system's, PEM",
    ),
    one(
        "tiles",
        &["CARACAL_TILES"],
        "DIR",
        ALL,
        "Folder in which the ledger is published as static files (C2SP tlog-tiles), one below it for each zone. Not published unless it is given, or --tiles-s3",
    ),
    one(
        "tiles-s3",
        &["CARACAL_TILES_S3"],
        "URL",
        ALL,
        "The same in a bucket of this S3 server, such as https://s3.eu-central-1.amazonaws.com; credentials in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    ),
    one(
        "tiles-bucket",
        &["CARACAL_TILES_BUCKET"],
        "NAME",
        ALL,
        "The bucket",
    ),
    one(
        "tiles-region",
        &["CARACAL_TILES_REGION"],
        "NAME",
        ALL,
        "Its region [default: us-east-1]",
    ),
    one(
        "tiles-prefix",
        &["CARACAL_TILES_PREFIX"],
        "PATH",
        ALL,
        "Where in the bucket, such as ledger/tiles [default: its top]",
    ),
    one(
        "tiles-bucket-in-host",
        &["CARACAL_TILES_BUCKET_IN_HOST"],
        "BOOL",
        ALL,
        "Whether the server wants the bucket in its host name instead of the path [default: false]",
    ),
    one(
        "tiles-ca",
        &["CARACAL_TILES_CA"],
        "FILE",
        ALL,
        "Authorities of the server's certificate beside the system's, PEM",
    ),
    one(
        "tls-cert",
        &["CARACAL_TLS_CERT"],
        "FILE",
        ALL,
        "Certificate chain of this process, PEM [default: DATA/tls/sts.pem, or control.pem for `caracal control`]",
    ),
    one(
        "tls-key",
        &["CARACAL_TLS_KEY"],
        "FILE",
        ALL,
        "Its private key, PEM [default: the same with .key]",
    ),
    one(
        "tls-ca",
        &["CARACAL_TLS_CA"],
        "FILE",
        ALL,
        "Authorities of the other ends' certificates, PEM [default: DATA/tls/ca.pem]",
    ),
    one(
        "lease-ms",
        &["CARACAL_LEASE_MS"],
        "NUMBER",
        ALL,
        "How long an enforcement point goes on when it hears nothing, in milliseconds; the same for all processes [default: 2000]",
    ),
    one(
        "drain-ms",
        &["CARACAL_DRAIN_MS"],
        "NUMBER",
        ALL,
        "How long requests are still taken after SIGTERM, while readiness is red already: as long as load balancers need to notice [default: 5000]",
    ),
    one(
        "log",
        &["CARACAL_LOG_FORMAT"],
        "FORMAT",
        ALL,
        "How the log is written to standard error: text or json [default: text]",
    ),
    one(
        "log-level",
        &["CARACAL_LOG", "RUST_LOG"],
        "FILTER",
        ALL,
        "What is logged: error, warn, info, debug, trace, or directives such as info,caracal_sts=debug [default: info]",
    ),
    one(
        "otlp-endpoint",
        &[
            "CARACAL_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ],
        "URL",
        TOKENS,
        "OpenTelemetry collector that takes traces over gRPC, such as http://127.0.0.1:4317. No traces unless it is given",
    ),
    one(
        "otlp-ledger-endpoint",
        &["CARACAL_OTLP_LEDGER_ENDPOINT"],
        "URL",
        ALL,
        "OpenTelemetry collector that takes the ledger's entries as logs over gRPC. Of processes that share a ledger, one exports. Not exported unless it is given: OTEL_EXPORTER_OTLP_ENDPOINT is not enough",
    ),
    one(
        "otlp-protocol",
        &[
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ],
        "NAME",
        ALL,
        "grpc, which is all that is spoken [default: grpc]",
    ),
    one(
        "otlp-service-name",
        &["CARACAL_OTLP_SERVICE_NAME", "OTEL_SERVICE_NAME"],
        "NAME",
        ALL,
        "service.name of traces and of the ledger's entries [default: caracal-up, caracal-sts or caracal-control]",
    ),
    one(
        "otlp-ca",
        &[
            "CARACAL_OTLP_CA",
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
        ],
        "FILE",
        ALL,
        "Authorities of the collector's certificate, PEM, for an https endpoint",
    ),
    many(
        "otlp-headers",
        &[
            "CARACAL_OTLP_HEADERS",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ],
        "NAME=VALUE",
        ALL,
        "Sent to the collector with each call, such as api-key=...; better in a variable or the file than in a flag, which is seen by whoever lists processes",
    ),
    one(
        "grpc",
        &["CARACAL_GRPC"],
        "ADDRESS",
        TOKENS,
        "Enforcement points call here: gRPC with mutual TLS [default: 127.0.0.1:9090]",
    ),
    one(
        "http",
        &["CARACAL_HTTP"],
        "ADDRESS",
        TOKENS,
        "Token endpoint, metadata, public keys and health: plain HTTP, for loopback or behind something that speaks TLS. No certificate identifies anybody here [default: 127.0.0.1:9080]",
    ),
    one(
        "https",
        &["CARACAL_HTTPS"],
        "ADDRESS",
        TOKENS,
        "The same with TLS: clients may show a certificate, and are then known by its SPIFFE ID. Not served unless it is given",
    ),
    one(
        "metrics",
        &["CARACAL_METRICS"],
        "ADDRESS",
        TOKENS,
        "Prometheus metrics: plain HTTP, GET /metrics. Not served unless it is given",
    ),
    one(
        "instance",
        &["CARACAL_INSTANCE"],
        "NAME",
        TOKENS,
        "Name of this token service in the ledger's events [default: sts]",
    ),
    one(
        "mandate-lifetime",
        &["CARACAL_MANDATE_LIFETIME"],
        "SPAN",
        TOKENS,
        "How long a mandate lives where nothing shortens it, 1s to 15m [default: 5m]",
    ),
    one(
        "accept-endpoint-audience",
        &["CARACAL_ACCEPT_ENDPOINT_AUDIENCE"],
        "BOOL",
        TOKENS,
        "Whether a client assertion may be addressed to the token endpoint instead of the zone's issuer, as older clients do [default: false]",
    ),
    one(
        "redis-url",
        &["CARACAL_REDIS_URL"],
        "URL",
        TOKENS,
        "Redis that replicas wake each other and count together with: redis://, rediss:// (TLS) or unix:///PATH. For several replicas on one database; never trusted",
    ),
    one(
        "redis-key",
        &["CARACAL_REDIS_KEY_FILE"],
        "FILE",
        TOKENS,
        "The key that the replicas share: a file with 32 bytes, or with these in base64url, that only its owner may read",
    ),
    one(
        "redis-ca",
        &["CARACAL_REDIS_CA"],
        "FILE",
        TOKENS,
        "Authorities of the Redis server's certificate, PEM, for a rediss URL [default: those of the system]",
    ),
    one(
        "replica",
        &["CARACAL_REPLICA"],
        "NAME",
        TOKENS,
        "Name of this replica, no other one's and the same after a restart [default: made once, in DATA/replica]",
    ),
    one(
        "key-lifetime",
        &["CARACAL_KEY_LIFETIME"],
        "SPAN",
        TOKENS,
        "How long a zone's key signs before the next one takes over [default: 30d]",
    ),
    one(
        "keys-in",
        &["CARACAL_KEYS_IN"],
        "PLACE",
        TOKENS,
        "Where new zone keys are made: database (sealed) or pkcs11 (the token, which they never leave). Those that are elsewhere are used until they are replaced [default: database]",
    ),
    many(
        "kek",
        &["CARACAL_KEK"],
        "SOURCE",
        TOKENS,
        "Key-encryption key: file:PATH (32 bytes or their base64, mode 0600), env:NAME (base64) or pkcs11:LABEL (an AES key of the token). Of several, the first seals, all open, and what the others have sealed is sealed anew within a minute [default: file:DATA/kek]",
    ),
    one(
        "pkcs11-module",
        &["CARACAL_PKCS11_MODULE"],
        "FILE",
        TOKENS,
        "PKCS#11 module of the HSM: a shared library",
    ),
    one(
        "pkcs11-token",
        &["CARACAL_PKCS11_TOKEN"],
        "LABEL",
        TOKENS,
        "Label of the token",
    ),
    one(
        "pkcs11-pin",
        &["CARACAL_PKCS11_PIN"],
        "SOURCE",
        TOKENS,
        "Its user PIN: file:PATH (mode 0600) or env:NAME",
    ),
    one(
        "jwks-ca",
        &["CARACAL_JWKS_CA"],
        "FILE",
        TOKENS,
        "Authorities, PEM, that publishers of keys (jwks_uri) are believed by, beside the system's",
    ),
    one(
        "jwks-loopback",
        &["CARACAL_JWKS_LOOPBACK"],
        "BOOLEAN",
        TOKENS,
        "Whether published keys may be read from this machine too, and over plain http there; for development [default: false]",
    ),
    many(
        "control-id",
        &["CARACAL_CONTROL_ID"],
        "SPIFFE-ID",
        STS,
        "SPIFFE ID of a `caracal control` that may ask for steps of keys. Nobody may unless it is given",
    ),
    one(
        "admin",
        &["CARACAL_ADMIN"],
        "ADDRESS",
        ADMIN,
        "Management API: plain HTTP with the administrator's token. Keep it on loopback, or behind something that speaks TLS [default: 127.0.0.1:9070]",
    ),
    many(
        "sts",
        &["CARACAL_STS"],
        "URL",
        CONTROL,
        "gRPC address of a token service, such as https://sts-0.example:9090; all of them",
    ),
];

/// The page of `--help`.
pub(crate) fn help(program: Program) -> String {
    let meta = [(
        "config",
        "FILE",
        "Settings in TOML, each under the name of its flag [env: CARACAL_CONFIG]",
    )];
    let mut command = Command::new(program.name())
        .about(program.about())
        .disable_help_flag(true)
        .override_usage(format!("{program} [--NAME VALUE]..."))
        .after_help(
            "A flag counts before its variable, and that before the file. Several values: repeat the \
            flag, separate them with commas in the variable, write an array in the file. Every \
            mistake of all three is reported at once, with exit code 2. See docs/operations.md.",
        );
    for (name, value, help) in meta {
        command = command.arg(Arg::new(name).long(name).value_name(value).help(help));
    }
    let check = "Reports whether the configuration is in order, and serves nothing";
    command = command.arg(
        Arg::new("check-config")
            .long("check-config")
            .action(ArgAction::SetTrue)
            .help(check),
    );
    for setting in SETTINGS.iter().filter(|setting| setting.is_of(program)) {
        let help = format!("{} [env: {}]", setting.help, setting.variables.join(", "));
        let arg = Arg::new(setting.name)
            .long(setting.name)
            .value_name(setting.value)
            .help(help);
        command = command.arg(if setting.many {
            arg.action(ArgAction::Append)
        } else {
            arg
        });
    }
    command.render_help().to_string()
}
