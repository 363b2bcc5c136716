//! What goes to collectors of OpenTelemetry.

use caracal_sts::{CollectorHeader, TelemetryConfig};

use super::catalog::Program;
use super::parse;
use super::reader::Reader;

/// Each on its own: whoever asks for traces does not ask for decisions to leave the ledger.
pub(super) struct Collectors {
    pub(super) traces: Option<TelemetryConfig>,
    pub(super) ledger: Option<TelemetryConfig>,
}

pub(super) fn collectors(program: Program, read: &mut Reader) -> Collectors {
    let service_name = read
        .one("otlp-service-name", parse::text)
        .unwrap_or_else(|| format!("caracal-{}", program.name()));
    let authorities = read.file("otlp-ca");
    if let Some(file) = &authorities {
        read.exists("otlp-ca", file);
    }
    let headers = read.many("otlp-headers", str::parse::<CollectorHeader>);
    let traces = read.one("otlp-endpoint", parse::endpoint);
    let ledger = read.one("otlp-ledger-endpoint", parse::endpoint);
    if traces.is_some() || ledger.is_some() {
        // The standard's default differs between languages; only what is spoken here may be asked for.
        let _grpc = read.one("otlp-protocol", parse::otlp_protocol);
    }
    let config = |endpoint| TelemetryConfig {
        endpoint,
        service_name: service_name.clone(),
        authorities: authorities.clone(),
        headers: headers.clone(),
    };
    Collectors {
        traces: traces.map(config),
        ledger: ledger.map(config),
    }
}
