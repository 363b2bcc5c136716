//! Clients with a certificate.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::{Place, text};

/// A gRPC channel to a server of the place.
pub(crate) async fn channel(place: &Place, address: &str, identity: &str) -> Channel {
    let file = |name: &str| text(&place.path(&format!("tls/{name}")));
    let own = Identity::from_pem(
        file(&format!("{identity}.pem")),
        file(&format!("{identity}.key")),
    );
    let tls = ClientTlsConfig::new()
        .identity(own)
        .ca_certificate(Certificate::from_pem(file("ca.pem")))
        .domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await.unwrap()
}

/// Posts a form over mutual TLS; returns everything that was answered.
pub(crate) fn post(place: &Place, address: &str, identity: &str, path: &str, form: &str) -> String {
    let file = |name: String| place.path(&format!("tls/{name}"));
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(file("ca.pem".to_owned())).unwrap();
    roots.add(authority).unwrap();
    let own = CertificateDer::pem_file_iter(file(format!("{identity}.pem"))).unwrap();
    let own = own.map(|certificate| certificate.unwrap()).collect();
    let key = PrivateKeyDer::from_pem_file(file(format!("{identity}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(own, key)
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let length = form.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
        content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A server that closes without TLS's own farewell has said what it had to say.
    let _truncated = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}
