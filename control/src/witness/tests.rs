//! Witnesses, a ledger and a verifier, over sockets.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use caracal_audit::verify::verify_with;
use caracal_audit::witness::{Transport as _, client, origin_hash};
use caracal_audit::{
    CheckpointSigner, CheckpointVerifier, Clock, CosignatureSigner, Ledger, PublishRule,
    Submission, Trust, TrustPolicy, Witness, WitnessClient, Witnessing,
};
use caracal_mandate::event::{Action, Component, Emitter, Event, Outcome};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

struct FixedClock;

impl Clock for FixedClock {
    fn unix_ms(&self) -> u64 {
        1_800_000_000_000
    }
}

/// A witness with a server of its own.
struct Served {
    address: SocketAddr,
    server: JoinHandle<()>,
    key: String,
}

/// A witness of these logs, whose state is in a folder of this name.
fn witness(folder: &Path, name: &str, logs: Vec<CheckpointVerifier>) -> (Arc<Witness>, String) {
    let signer = CosignatureSigner::generate(&format!("{name}.example")).unwrap();
    let (key, state) = (signer.verifier().to_text(), folder.join(name));
    Witness::create(&state, &signer).unwrap();
    let witness = Witness::open(&state, signer, logs, Arc::new(FixedClock)).unwrap();
    (Arc::new(witness), key)
}

async fn serve(folder: &Path, name: &str, logs: Vec<CheckpointVerifier>) -> Served {
    let (witness, key) = witness(folder, name, logs);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router(witness)).await.unwrap() });
    Served {
        address,
        server,
        key,
    }
}

fn submission(seq: u64) -> Submission {
    let emitter = Emitter {
        boot: "boot".to_owned(),
        name: "filter".to_owned(),
        seq,
    };
    let (component, action) = (Component::Filter, Action::Request);
    Submission {
        event: Event::new("prod", component, action, Outcome::Allow, emitter, seq),
        peer: "spiffe://mesh/filter".to_owned(),
    }
}

async fn ledger(file: &Path, signer: CheckpointSigner, policy: TrustPolicy) -> Ledger {
    let transport = HttpTransport::new(Vec::new()).unwrap();
    let witnessing = Witnessing {
        client: WitnessClient::new(policy, transport, client::PATIENCE),
        rule: PublishRule::Required,
    };
    let place = PathBuf::from(file);
    let place = place.as_path().into();
    Ledger::connect_witnessed(&place, signer, Arc::new(FixedClock), witnessing)
        .await
        .unwrap()
}

/// The newest published checkpoint, once it has so many entries.
async fn published(ledger: &Ledger, size: u64) -> String {
    for _ in 0..200 {
        let note = ledger.checkpoint("prod").await.unwrap().unwrap_or_default();
        if note.lines().nth(1) == Some(size.to_string().as_str()) {
            return note;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not published: {:?}", ledger.witness_status());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_witnessed_over_sockets_and_verified_by_the_policy() {
    let directory = tempfile::tempdir().unwrap();
    let signer = CheckpointSigner::generate("audit.example").unwrap();
    let (key, log) = (
        signer.verifier().to_text(),
        signer.verifier().for_zone("prod"),
    );
    let one = serve(directory.path(), "one", vec![log.clone()]).await;
    let two = serve(directory.path(), "two", vec![log.clone()]).await;
    let policy = format!(
        "log {}\nwitness one {} http://{}/\nwitness two {} http://{}\ngroup both all one two\nquorum both\n",
        log.to_text(),
        one.key,
        one.address,
        two.key,
        two.address
    );
    let policy = TrustPolicy::parse(policy.as_bytes()).unwrap();
    let file = directory.path().join("ledger.db");
    let ledger = ledger(&file, signer, policy.clone()).await;
    let mut note = String::new();
    for seq in 1..=3 {
        ledger.append(vec![submission(seq)]).await.unwrap();
        note = published(&ledger, seq).await;
    }
    assert_eq!(
        note.lines()
            .filter(|line| line.starts_with('\u{2014}'))
            .count(),
        3
    );
    // Each shows to monitors what it cosigned.
    let shown = reqwest::get(format!(
        "http://{}/{}/checkpoint",
        two.address,
        origin_hash(log.name())
    ));
    let shown = shown.await.unwrap();
    assert_eq!(shown.status(), 200);
    let shown = shown.text().await.unwrap();
    assert_eq!(log.open_checkpoint(&shown).unwrap().size, 3);
    // With one of them gone, nothing more is published, and everything is recorded.
    two.server.abort();
    let _ended = two.server.await;
    ledger.append(vec![submission(4)]).await.unwrap();
    for _ in 0..200 {
        if ledger.witness_status().unwrap().is_held_back() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ledger.witness_status().unwrap().is_held_back());
    assert_eq!(ledger.checkpoint("prod").await.unwrap(), Some(note));
    ledger.close().await;
    let trust = Trust {
        verifier_key: &key,
        kept: None,
        policy: Some(&policy),
    };
    let report = verify_with(&file, trust, |_| {}).unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.zones[0].entries, report.zones[0].signed), (4, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_answers_over_http_as_the_protocol_says() {
    let directory = tempfile::tempdir().unwrap();
    let signer = CheckpointSigner::generate("audit.example").unwrap();
    let log = signer.verifier().for_zone("prod");
    let served = serve(directory.path(), "one", vec![log]).await;
    let http = reqwest::Client::new();
    let submit = format!("http://{}/add-checkpoint", served.address);
    let post = async |body: String| {
        let answer = http.post(&submit).body(body).send().await.unwrap();
        let content_type = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        let status = answer.status().as_u16();
        (status, content_type, answer.text().await.unwrap())
    };
    let empty = caracal_audit::Checkpoint {
        origin: signer.origin("prod"),
        size: 0,
        root: caracal_audit::Hash::empty(),
    };
    let note = signer.sign(&empty);
    let (status, content_type, lines) = post(format!("old 0\n\n{note}")).await;
    assert_eq!(
        (status, content_type.as_str()),
        (200, "text/plain; charset=utf-8")
    );
    assert!(lines.starts_with("\u{2014} one.example "), "{lines}");
    let grown = signer.sign(&caracal_audit::Checkpoint { size: 2, ..empty });
    let (status, content_type, size) = post(format!("old 1\n\n{grown}")).await;
    assert_eq!(
        (status, content_type.as_str(), size.as_str()),
        (409, "text/x.tlog.size", "0\n")
    );
    assert_eq!(post("old".to_owned()).await.0, 400);
    assert_eq!(post("x".repeat(100 * 1024)).await.0, 413);
    assert_eq!(http.get(&submit).send().await.unwrap().status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_is_reached_over_tls_by_its_name_and_no_other_is_believed() {
    let directory = tempfile::tempdir().unwrap();
    let (witness, _) = witness(directory.path(), "one", Vec::new());
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let certificate: CertificateDer<'static> = cert.der().clone();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    tokio::spawn(async move {
        let service = TowerToHyperService::new(router(witness));
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let service = service.clone();
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(served);
        }
    });
    let trusting = HttpTransport::new(vec![certificate]).unwrap();
    let ask = async |transport: &HttpTransport, host: &str| {
        let url = format!("https://{host}:{port}/add-checkpoint");
        transport.post(url, "old".to_owned()).await
    };
    for _ in 0..2 {
        assert_eq!(ask(&trusting, "localhost").await.unwrap().status, 400);
    }
    assert_eq!(
        accepted.load(Ordering::SeqCst),
        1,
        "one connection for both"
    );
    assert!(ask(&trusting, "127.0.0.1").await.is_err(), "another name");
    let strange = HttpTransport::new(Vec::new()).unwrap();
    assert!(
        ask(&strange, "localhost").await.is_err(),
        "another authority"
    );
    for url in [
        "ftp://localhost/x",
        "https://user@localhost/x",
        "localhost",
        "",
    ] {
        let refused = trusting.post(url.to_owned(), String::new()).await;
        assert!(refused.is_err(), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_has_closed_the_connection_is_asked_over_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let (witness, _) = witness(directory.path(), "one", Vec::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/add-checkpoint", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let service = TowerToHyperService::new(router(witness));
        while let Ok((stream, _)) = listener.accept().await {
            // Closed after each answer.
            let mut server = hyper::server::conn::http1::Builder::new();
            let server = server.keep_alive(false);
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service.clone()));
        }
    });
    let transport = HttpTransport::new(Vec::new()).unwrap();
    for _ in 0..5 {
        let reply = transport.post(url.clone(), "old".to_owned()).await.unwrap();
        assert_eq!(reply.status, 400);
    }
}
