//! HTTP/1.1 by hand, so that a request can be exactly as wrong as a test wants it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use super::World;

/// How a client proves who it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Auth<'a> {
    None,
    Basic(&'a str, &'a str),
    Post(&'a str, &'a str),
    Assertion(&'a str),
    Certificate(&'a str),
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Reply {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The token that was issued.
    pub(crate) fn token(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Asserts the shape of RFC 6749 §5.2 with this status and code.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, error: &str) {
        assert_eq!(
            (self.status, self.json()["error"].as_str()),
            (status, Some(error)),
            "{}",
            self.text
        );
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("pragma"), Some("no-cache"));
        assert_eq!(self.header("content-type"), Some("application/json"));
        let legal = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        let description = self.json()["error_description"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(description.bytes().all(legal), "{description}");
        assert_eq!(self.header("www-authenticate").is_some(), status == 401);
    }
}

/// Encodes a value of a form.
pub(crate) fn encode(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// A form.
pub(crate) fn form(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    pairs.join("&")
}

/// The `Authorization` header of RFC 6749 §2.3.1.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    let pair = format!("{}:{}", encode(id), encode(secret));
    format!("authorization: Basic {}\r\n", STANDARD.encode(pair))
}

impl World {
    /// Sends a form to an endpoint of the zone, over TLS.
    pub(crate) async fn post(
        &self,
        endpoint: &str,
        parameters: &[(&str, &str)],
        auth: Auth<'_>,
    ) -> Reply {
        let mut parameters = parameters.to_vec();
        let (mut headers, mut certificate) = (String::new(), None);
        match auth {
            Auth::None => {}
            Auth::Basic(id, secret) => headers = basic(id, secret),
            Auth::Post(id, secret) => {
                parameters.extend([("client_id", id), ("client_secret", secret)]);
            }
            Auth::Assertion(jwt) => parameters.extend([
                ("client_assertion_type", super::JWT_BEARER),
                ("client_assertion", jwt),
            ]),
            Auth::Certificate(id) => certificate = Some(id),
        }
        headers.push_str("content-type: application/x-www-form-urlencoded\r\n");
        let path = format!("/zones/acme/{endpoint}");
        self.send(
            "POST",
            &path,
            &headers,
            form(&parameters).as_bytes(),
            certificate,
        )
        .await
    }

    /// Sends a form to the token endpoint.
    pub(crate) async fn token(&self, parameters: &[(&str, &str)], auth: Auth<'_>) -> Reply {
        self.post("token", parameters, auth).await
    }

    /// Sends a body as it is to the token endpoint, as the payout application.
    pub(crate) async fn raw(&self, content_type: &str, body: &[u8]) -> Reply {
        let headers = format!(
            "{}content-type: {content_type}\r\n",
            basic("payout", super::PAYOUT_SECRET)
        );
        self.send("POST", "/zones/acme/token", &headers, body, None)
            .await
    }

    /// Reads a document.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "", b"", None).await
    }

    /// Sends any request, over TLS.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
        certificate: Option<&str>,
    ) -> Reply {
        let host = format!("localhost:{}", self.https);
        let stream = TcpStream::connect(("127.0.0.1", self.https)).await.unwrap();
        let connector = TlsConnector::from(self.pki.client(certificate));
        let name = ServerName::try_from("localhost").unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        talk(stream, method, path, &host, headers, body).await
    }

    /// Sends a form to the token endpoint of any replica, without TLS, from any loopback address.
    pub(crate) async fn token_at(
        port: u16,
        source: [u8; 4],
        parameters: &[(&str, &str)],
        auth: Auth<'_>,
    ) -> Reply {
        let mut parameters = parameters.to_vec();
        let mut headers = String::new();
        match auth {
            Auth::Basic(id, secret) => headers = basic(id, secret),
            Auth::Assertion(jwt) => parameters.extend([
                ("client_assertion_type", super::JWT_BEARER),
                ("client_assertion", jwt),
            ]),
            Auth::None | Auth::Post(..) | Auth::Certificate(_) => {
                panic!("no test asks a replica so")
            }
        }
        headers.push_str("content-type: application/x-www-form-urlencoded\r\n");
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        let stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
        let body = form(&parameters);
        let path = "/zones/acme/token";
        talk(stream, "POST", path, "localhost", &headers, body.as_bytes()).await
    }

    /// Sends any request, without TLS.
    pub(crate) async fn send_plain(
        &self,
        method: &str,
        path: &str,
        host: &str,
        headers: &str,
        body: &[u8],
    ) -> Reply {
        let stream = TcpStream::connect(("127.0.0.1", self.http)).await.unwrap();
        talk(stream, method, path, host, headers, body).await
    }
}

async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    method: &str,
    path: &str,
    host: &str,
    headers: &str,
    body: &[u8],
) -> Reply {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that has seen enough may close before it has read everything.
    let _sent = stream.write_all(body).await;
    let mut bytes = Vec::new();
    let _end = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text}"));
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    });
    Reply {
        status,
        headers: headers.collect(),
        text: body.to_owned(),
    }
}
