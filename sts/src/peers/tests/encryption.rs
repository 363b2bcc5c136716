//! Redis on another machine: TLS, and whom replicas believe.

use std::net::TcpListener;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::*;

const LONG_ENOUGH_TO_CONNECT: Duration = Duration::from_secs(2);

/// The certificate of an authority, and of a server at `localhost` that it vouches for, with its key.
fn identity() -> [String; 3] {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    [authority, certificate.pem(), key.serialize_pem()]
}

/// A server with TLS, and the authority behind it.
fn serve(directory: &std::path::Path) -> (RedisServer, String, Vec<u8>) {
    let identity = identity();
    let files = ["ca.pem", "server.pem", "server.key"].map(|name| directory.join(name));
    for (file, pem) in files.iter().zip(&identity) {
        std::fs::write(file, pem).unwrap();
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let [ca, certificate, key] = files.each_ref().map(|file| file.to_str().unwrap());
    let redis = RedisServer::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-ca-cert-file",
        ca,
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-auth-clients",
        "no",
    ]);
    let [authority, ..] = identity;
    (
        redis,
        format!("rediss://localhost:{port}"),
        authority.into_bytes(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_wake_each_other_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let mut scene = Scene::new().await;
    let (redis, url, authority) = serve(directory.path());
    scene.redis = redis;
    scene.remote = Some((url, Some(authority)));
    let one = scene.replica("one", MINUTE_MS).await;
    let two = scene.replica("two", MINUTE_MS).await;
    let seq = scene.commit(&one.store).await;
    assert!(two.learns(seq).await, "{:?}", two.stats());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_believes_is_not_spoken_to() {
    let directory = tempfile::tempdir().unwrap();
    let mut scene = Scene::new().await;
    let (redis, url, _) = serve(directory.path());
    scene.redis = redis;
    let [stranger, ..] = identity();
    for believed in [Some(stranger.into_bytes()), None] {
        scene.remote = Some((url.clone(), believed));
        let replica = scene.silent("one", MINUTE_MS).await;
        tokio::time::sleep(LONG_ENOUGH_TO_CONNECT).await;
        assert!(!replica.stats().listening);
        let groups: u64 = scene.run(&["EXISTS", "caracal:authority"]).await;
        assert_eq!(groups, 0, "nothing was written");
    }
}
