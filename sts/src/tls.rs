//! Who is at the other end: mutual TLS, and the SPIFFE ID of the peer's certificate.

#[cfg(any(test, fuzzing))]
pub(crate) mod law;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use caracal_mandate::spiffe::SpiffeId;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// How long a handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(5);

/// The files of this end's identity and of the authorities that it believes.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub cert: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// Authorities of client certificates, PEM.
    pub ca: PathBuf,
}

/// A file of the TLS identity could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct TlsFileError {
    /// The file.
    pub path: PathBuf,
    #[source]
    source: std::io::Error,
}

impl TlsFiles {
    /// Reads the files. A client certificate is always demanded.
    pub(crate) async fn load(&self) -> Result<ServerTlsConfig, TlsFileError> {
        let Self { cert, key, ca } = self;
        let key = zeroize::Zeroizing::new(read(key).await?);
        Ok(ServerTlsConfig::new()
            .identity(Identity::from_pem(read(cert).await?, &*key))
            .client_ca_root(Certificate::from_pem(read(ca).await?))
            .client_auth_optional(false)
            .timeout(HANDSHAKE_PATIENCE))
    }
}

/// Why the files are no identity for a server.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] TlsFileError),
    /// A file is not PEM of what it should hold.
    #[error("{} holds no usable PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not go together, or are of a kind that is not taken.
    #[error("certificate and key are not usable")]
    Identity(#[from] rustls::Error),
    /// The authorities verify nobody.
    #[error("the authorities of client certificates are not usable")]
    Authorities(#[from] VerifierBuilderError),
}

impl TlsFiles {
    /// Reads the files for a server whose clients may have a certificate. One that is shown has to
    /// verify; what is not a SPIFFE ID in it names nobody.
    pub(crate) async fn optional_client_auth(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let Self { cert, key, ca } = self;
        let pem = |path: &PathBuf| TlsError::Pem { path: path.clone() };
        let chain = certificates(cert).await?;
        let private = zeroize::Zeroizing::new(read(key).await?);
        let private = PrivateKeyDer::from_pem_slice(&private).map_err(|_| pem(key))?;
        let mut roots = RootCertStore::empty();
        for authority in certificates(ca).await? {
            roots.add(authority)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .allow_unauthenticated()
                .build()?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, private)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

async fn read(path: &PathBuf) -> Result<Vec<u8>, TlsFileError> {
    let read = tokio::fs::read(path).await;
    read.map_err(|source| TlsFileError {
        path: path.clone(),
        source,
    })
}

async fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path).await?;
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match parsed {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsError::Pem { path: path.clone() }),
    }
}

/// The SPIFFE ID in a leaf certificate. X.509-SVID §2: exactly one URI SAN, or it is no SVID.
pub(crate) fn spiffe_id(der: &[u8]) -> Option<SpiffeId> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() || certificate.is_ca() {
        return None;
    }
    let names = certificate.subject_alternative_name().ok()??;
    let mut uris = names
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
    let uri = uris.next()?;
    if uris.next().is_some() {
        return None;
    }
    uri.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn certificate(sans: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = sans
            .iter()
            .map(|san| SanType::URI((*san).try_into().unwrap()))
            .collect();
        params
            .subject_alt_names
            .push(SanType::DnsName("a.example".try_into().unwrap()));
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .to_vec()
    }

    #[test]
    fn a_certificate_with_one_spiffe_uri_names_its_workload() {
        let id = spiffe_id(&certificate(&["spiffe://d.example/a"])).unwrap();
        assert_eq!(id.as_str(), "spiffe://d.example/a");
    }

    #[test]
    fn any_other_certificate_names_nobody() {
        let two = ["spiffe://d.example/a", "spiffe://d.example/b"];
        for sans in [
            &[][..],
            &two,
            &["https://d.example/a"],
            &["spiffe://d.example/../a"],
        ] {
            assert_eq!(spiffe_id(&certificate(sans)), None, "{sans:?}");
        }
        assert_eq!(spiffe_id(b"garbage"), None);
    }
}
