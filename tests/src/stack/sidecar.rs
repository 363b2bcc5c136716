//! The Envoy of a workload that is called and calls.

use anyhow::Result;

use super::envoy::{Envoy, Rendered, render_by};
use super::identity::spiffe_id;
use super::{Stack, TRUST_DOMAIN, ZONE, identity};

/// Where requests for a host go.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Host that requests name.
    pub host: String,
    /// Port on this machine.
    pub port: u16,
    /// Short name of who answers there.
    pub identity: String,
}

/// One workload with a sidecar.
#[derive(Debug, Clone, Copy)]
pub struct Workload<'a> {
    /// Short name.
    pub name: &'a str,
    /// Its host.
    pub host: &'a str,
    /// Port of the program.
    pub program: u16,
    /// Port at which others reach it, through its sidecar.
    pub inbound: u16,
}

impl Stack {
    /// Starts the sidecar of a workload. Its port is the one that the program sends requests to.
    pub async fn sidecar(
        &self,
        workload: Workload<'_>,
        destinations: &[Destination],
    ) -> Result<Envoy> {
        self.run(self.render_sidecar(workload, destinations).await?)
            .await
    }

    /// Renders its configuration.
    pub async fn render_sidecar(
        &self,
        workload: Workload<'_>,
        destinations: &[Destination],
    ) -> Result<Rendered> {
        let identity = self.identity(workload.name)?;
        let settings = [
            ("STS_PORT", self.authority.grpc_port.to_string()),
            ("STS_SPIFFE_ID", identity::spiffe_id("sts")?),
            ("TLS_CERT", identity.certificate.display().to_string()),
            ("TLS_KEY", identity.key.display().to_string()),
            ("TLS_CA", identity.authority.display().to_string()),
            ("TRUST_DOMAIN", TRUST_DOMAIN.to_owned()),
            ("INSTANCE", workload.name.to_owned()),
            ("ZONE", ZONE.to_owned()),
            ("FILTER_WASM", self.parts.filter.display().to_string()),
            ("INBOUND_PORT", workload.inbound.to_string()),
            ("UPSTREAM_PORT", workload.program.to_string()),
            ("RESOURCE_DOMAINS", workload.host.to_owned()),
        ];
        let mut arguments = vec!["sidecar".to_owned()];
        for (number, to) in destinations.iter().enumerate() {
            let Destination {
                host,
                port,
                identity,
            } = to;
            let id = spiffe_id(identity)?;
            arguments.push("--destination".to_owned());
            arguments.push(format!("to-{number}={host},127.0.0.1:{port},{id}"));
        }
        let folder = self.folder();
        render_by(&self.parts, &arguments, workload.name, &settings, folder).await
    }
}
