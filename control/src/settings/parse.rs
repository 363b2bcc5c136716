//! Texts to values. What is said of a wrong text never repeats it.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use caracal_mandate::claims::MAX_LIFETIME_SECONDS;
use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use caracal_store::{DatabaseUrl, DatabaseUrlError};
use tonic::transport::Uri;
use tracing_subscriber::EnvFilter;

use super::LogFormat;
use crate::cli::Seconds;

type Parsed<T> = Result<T, &'static str>;

pub(crate) fn path(text: &str) -> Parsed<PathBuf> {
    if text.is_empty() {
        return Err("is empty: write a path");
    }
    Ok(PathBuf::from(text))
}

pub(crate) fn text(text: &str) -> Parsed<String> {
    if text.trim().is_empty() {
        return Err("is empty");
    }
    Ok(text.to_owned())
}

pub(super) fn database(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
    text.parse()
}

pub(super) fn address(text: &str) -> Parsed<SocketAddr> {
    let address = text.parse();
    address.map_err(|_| "is no address: write an IP address and a port, such as 127.0.0.1:9090")
}

pub(super) const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

pub(super) fn number(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<u64, String> {
    move |text| {
        let number = text.parse().ok();
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                format!(
                    "must be a whole number from {} to {}",
                    range.start(),
                    range.end()
                )
            })
    }
}

pub(crate) fn boolean(text: &str) -> Parsed<bool> {
    text.parse().map_err(|_| "must be true or false")
}

pub(crate) fn span(text: &str) -> Parsed<Seconds> {
    let span = text.parse();
    span.map_err(|_| "is no span of time: write a number with s, m, h or d, such as 30d")
}

/// Seconds.
pub(super) fn mandate_lifetime(text: &str) -> Parsed<u64> {
    let Seconds(seconds) = span(text)?;
    if (1..=MAX_LIFETIME_SECONDS).contains(&seconds) {
        Ok(seconds)
    } else {
        Err("must be from 1s to 15m")
    }
}

pub(crate) fn name(text: &str) -> Parsed<Name> {
    let name = text.parse();
    name.map_err(|_| "is no name: write a-z, 0-9 and '-', beginning with a letter")
}

pub(super) fn spiffe_id(text: &str) -> Parsed<SpiffeId> {
    let id = text.parse();
    id.map_err(|_| "is no SPIFFE ID of a workload: write spiffe://TRUST-DOMAIN/PATH")
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json"),
    }
}

pub(super) fn log_level(text: &str) -> Parsed<String> {
    let filter = EnvFilter::builder().parse(text);
    let text = filter.map(|_| text.to_owned());
    text.map_err(|_| "is no filter: write error, warn, info, debug or trace, or info,TARGET=LEVEL")
}

/// The port is asked for because a default would be another service's.
pub(super) fn token_service(text: &str) -> Parsed<Uri> {
    const HOW: &str = "is no address of a token service: write https://HOST:PORT";
    let uri: Uri = text.parse().map_err(|_| HOW)?;
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let plain = uri
        .authority()
        .is_some_and(|host| !host.as_str().contains('@'));
    if uri.scheme_str() == Some("https") && uri.port_u16().is_some() && bare && plain {
        Ok(uri)
    } else {
        Err(HOW)
    }
}

pub(super) fn endpoint(text: &str) -> Parsed<Uri> {
    const HOW: &str = "is no address of a collector: write http://HOST:PORT or https://HOST:PORT, \
        where it takes OTLP over gRPC";
    let uri: Uri = text.parse().map_err(|_| HOW)?;
    let plain = uri
        .authority()
        .is_some_and(|host| !host.as_str().contains('@'));
    if matches!(uri.scheme_str(), Some("http" | "https")) && plain {
        Ok(uri)
    } else {
        Err(HOW)
    }
}

pub(super) fn otlp_protocol(text: &str) -> Parsed<()> {
    if text == "grpc" {
        Ok(())
    } else {
        Err("must be grpc: give the collector's gRPC port, which is 4317 by default")
    }
}
