//! The way to the collector, which traces and logs go alike.

use std::path::PathBuf;
use std::time::Duration;

use caracal_proto::otlp::{InstrumentationScope, Resource};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use super::TelemetryConfig;
use super::header::CollectorHeader;
use super::span::attribute;

/// How long a connection may take, and an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing can be sent anywhere.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The authorities of the collector's certificate.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The endpoint or the authorities are not usable.
    #[error("the collector's address or authorities are not usable")]
    Endpoint(#[from] tonic::transport::Error),
}

/// A collector, and who sends to it.
pub(super) struct Collector {
    pub(super) channel: Channel,
    pub(super) resource: Resource,
    pub(super) scope: InstrumentationScope,
    headers: Vec<CollectorHeader>,
}

impl Collector {
    /// Connects when there is something to send.
    pub(super) fn new(config: &TelemetryConfig, instance: &str) -> Result<Self, TelemetryError> {
        let mut endpoint = Endpoint::from(config.endpoint.clone()).connect_timeout(PATIENCE);
        if config.endpoint.scheme_str() == Some("https") {
            let mut tls = ClientTlsConfig::new();
            if let Some(path) = &config.authorities {
                let pem = std::fs::read(path).map_err(|source| TelemetryError::File {
                    path: path.clone(),
                    source,
                })?;
                tls = tls.ca_certificate(Certificate::from_pem(pem));
            }
            endpoint = endpoint.tls_config(tls)?;
        }
        Ok(Self {
            channel: endpoint.connect_lazy(),
            resource: Resource {
                attributes: vec![
                    attribute("service.name", config.service_name.as_str()),
                    attribute("service.version", env!("CARGO_PKG_VERSION")),
                    attribute("service.instance.id", instance),
                ],
            },
            scope: InstrumentationScope {
                name: "caracal".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            headers: config.headers.clone(),
        })
    }

    /// A call with what the collector is told each time.
    pub(super) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        for header in &self.headers {
            header.add_to(request.metadata_mut());
        }
        request
    }
}
