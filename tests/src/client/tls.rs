//! mTLS as a chosen workload.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::stack::identity::Identity;

/// A TLS client with one workload's certificate.
#[derive(Clone)]
pub struct Client(TlsConnector);

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// For HTTP/1.1.
    pub fn new(identity: &Identity) -> Result<Self> {
        Self::with_protocol(identity, b"http/1.1")
    }

    /// For HTTP/2.
    pub fn http2(identity: &Identity) -> Result<Self> {
        Self::with_protocol(identity, b"h2")
    }

    fn with_protocol(identity: &Identity, protocol: &[u8]) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&identity.authority)?)?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()?;
        let chain =
            CertificateDer::pem_file_iter(&identity.certificate)?.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(&identity.key)?;
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyWorkload { verifier, provider }))
            .with_client_auth_cert(chain, key)?;
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Does the handshake.
    pub async fn connect(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("workload.invalid")?;
        self.0.connect(name, stream).await.context("TLS handshake")
    }
}

/// Accepts every server that the CA has signed: SPIFFE certificates have no host name to compare.
#[derive(Debug)]
struct AnyWorkload {
    verifier: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyWorkload {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self
            .verifier
            .verify_server_cert(end_entity, intermediates, name, ocsp, now)
        {
            // The name is looked at last, when the chain has been found good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A plain port on loopback that leads through mTLS, as a workload, to another: gRPC clients check
/// host names, and SPIFFE certificates have none.
pub async fn tunnel(identity: &Identity, to: u16) -> Result<SocketAddr> {
    let client = Client::http2(identity)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut plain, _)) = listener.accept().await {
            // Both ends, or an answer waits for the acknowledgement of the one before.
            let Ok(()) = plain.set_nodelay(true) else {
                continue;
            };
            let client = client.clone();
            tokio::spawn(async move {
                // A failure shows at the other end as a closed connection.
                let Ok(stream) = TcpStream::connect(("127.0.0.1", to)).await else {
                    return;
                };
                let Ok(()) = stream.set_nodelay(true) else {
                    return;
                };
                let Ok(mut secure) = client.connect(stream).await else {
                    return;
                };
                let _ = tokio::io::copy_bidirectional(&mut plain, &mut secure).await;
            });
        }
    });
    Ok(address)
}
