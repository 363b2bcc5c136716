//! Somebody who publishes keys over HTTPS, well or badly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use caracal_sts::{JwksConfig, StsConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::pki::Pki;

/// How the next questions are answered.
#[derive(Clone)]
pub(crate) enum Manner {
    /// With this document.
    Document(Value),
    /// With a status, further headers and a body, as they are.
    Raw(String),
    /// With a head that promises a body which never ends.
    Endless,
    /// Not at all.
    Silence,
    /// Not at all, and the connection ends.
    HangUp,
}

/// Publishes at `https://localhost:PORT/keys`.
pub(crate) struct Publisher {
    pki: Pki,
    port: u16,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    pub(crate) async fn start(document: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let publisher = Self {
            pki: Pki::new(),
            port: listener.local_addr().unwrap().port(),
            manner: Arc::new(Mutex::new(Manner::Document(document))),
            asked: Arc::default(),
        };
        let acceptor = TlsAcceptor::from(publisher.pki.acceptor());
        let (manner, asked) = (Arc::clone(&publisher.manner), Arc::clone(&publisher.asked));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, manner) = (acceptor.clone(), Arc::clone(&manner));
                tokio::spawn(answer(stream, acceptor, manner, Arc::clone(&asked)));
            }
        });
        publisher
    }

    /// Where the keys are.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/keys?tenant=1", self.port)
    }

    /// From now on it answers like this.
    pub(crate) fn answers(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// From now on it publishes these keys.
    pub(crate) fn publishes(&self, document: Value) {
        self.answers(Manner::Document(document));
    }

    /// How often it was asked so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A service that believes it, and in which time passes quickly.
    pub(crate) fn config(&self) -> StsConfig {
        StsConfig {
            jwks: JwksConfig {
                authorities: vec![self.pki.authority()],
                loopback: true,
                fresh: Duration::from_millis(1500),
                keep: Duration::from_secs(4),
                pause: Duration::from_millis(400),
                patience: Duration::from_secs(1),
            },
            ..StsConfig::default()
        }
    }
}

async fn answer(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<AtomicUsize>,
) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    asked.fetch_add(1, Ordering::SeqCst);
    let head = String::from_utf8(head).unwrap();
    assert!(
        head.starts_with("GET /keys?tenant=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.to_ascii_lowercase().contains("\r\nhost: localhost:"),
        "{head}"
    );
    let manner = manner.lock().unwrap().clone();
    match manner {
        Manner::Document(document) => {
            let body = document.to_string();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            let _sent = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
        Manner::Raw(text) => {
            let _sent = stream.write_all(text.as_bytes()).await;
        }
        Manner::Endless => {
            let _sent = stream
                .write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"keys\":[")
                .await;
            // Until the other end has enough.
            while stream.write_all(&[b' '; 16_384]).await.is_ok() {}
        }
        Manner::Silence => std::future::pending().await,
        Manner::HangUp => {}
    }
    let _ended = stream.shutdown().await;
}

/// A set without any key that verifies something.
pub(crate) fn useless() -> Value {
    json!({"keys": [{"kty": "oct", "kid": "a", "k": "AAAA"}]})
}
