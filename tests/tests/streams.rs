//! Long responses and upgraded connections on a real Envoy end with the mandate that they rest on.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "durations of a test; overflow checks are on"
)]

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use caracal_tests::client::{Request, tls};
use caracal_tests::mandates::Exchange;
use caracal_tests::stack::envoy::{Envoy, Role};
use caracal_tests::stack::zone::Grant;
use caracal_tests::stack::{Stack, ZONE, wait};
use caracal_tests::upstream::BANK;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::client::TlsStream;

/// The point's lease.
const LEASE: Duration = Duration::from_secs(2);

/// What a loaded machine may add.
const SLACK: Duration = Duration::from_millis(500);

/// How long a cut is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two pieces of an endless response.
const BEAT: Duration = Duration::from_millis(50);

/// A service whose answers do not end: events, or an echo where a WebSocket is asked for.
async fn endless_service() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    Ok(port)
}

async fn serve(mut stream: TcpStream) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head)?.to_lowercase();
    ensure!(!head.contains("authorization"), "a mandate came through");
    if head.contains("upgrade: websocket") {
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        stream.write_all(answer.as_bytes()).await?;
        let mut buffer = [0; 64];
        loop {
            let length = stream.read(&mut buffer).await?;
            ensure!(length > 0);
            let received = buffer
                .get(..length)
                .context("more than there is room for")?;
            stream.write_all(received).await?;
        }
    }
    let answer =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(answer.as_bytes()).await?;
    loop {
        stream.write_all(b"9\r\ndata: 1\n\n\r\n").await?;
        tokio::time::sleep(BEAT).await;
    }
}

/// One request that is under way.
struct Open {
    stream: TlsStream<TcpStream>,
    echoes: bool,
    /// When it brought something for the last time.
    last: Instant,
}

impl Open {
    /// Sends a request and reads until the body begins.
    async fn begin(port: u16, tls: &tls::Client, request: &Request, status: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut stream = tls.connect(stream).await?;
        stream.write_all(&request.bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8(head)?;
        ensure!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
        let echoes = status == "101";
        let last = Instant::now();
        Ok(Self {
            stream,
            echoes,
            last,
        })
    }

    /// Whether it still brings something.
    async fn is_alive(&mut self) -> bool {
        let mut buffer = [0; 256];
        let look = async {
            if self.echoes {
                self.stream.write_all(b"ping").await?;
                self.stream.flush().await?;
            }
            self.stream.read(&mut buffer).await
        };
        // Envoy closes a connection that was reset after another second.
        let read = timeout(Duration::from_secs(1), look).await;
        let is_alive = read.is_ok_and(|read| read.is_ok_and(|length| length > 0));
        if is_alive {
            self.last = Instant::now();
        }
        is_alive
    }

    /// Waits until it is cut; when it brought something for the last time.
    async fn cut(mut self, patience: Duration) -> Result<Instant> {
        let start = Instant::now();
        while self.is_alive().await {
            ensure!(start.elapsed() < patience, "it goes on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(self.last)
    }
}

struct Scene {
    envoy: Envoy,
    stack: Stack,
}

impl Scene {
    async fn start() -> Result<Self> {
        let stack = Stack::start().await?;
        stack.register().await?;
        stack.activate_policy().await?;
        let settings = [
            ("RESOURCE_DOMAINS", BANK.to_owned()),
            ("UPSTREAM_PORT", endless_service().await?.to_string()),
            ("UPSTREAM_TIMEOUT", "0s".to_owned()),
        ];
        let rendered = stack.render(Role::Resource, "bank", &settings).await?;
        let upgrades =
            "generate_request_id: true\n          upgrade_configs: [ { upgrade_type: websocket } ]";
        let edit = |text: &str| Ok(text.replace("generate_request_id: true", upgrades));
        let envoy = stack.run(rendered.edited(edit).await?).await?;
        let connected = async || (stack.connected_points().await.ok()?.len() >= 3).then_some(());
        wait::until("the point is connected", Duration::from_secs(30), connected).await?;
        Ok(Self { envoy, stack })
    }

    async fn grant(&self, application: &str, max_lifetime: Option<u64>) -> Result<String> {
        let grant = Grant {
            application,
            resource: "mercury-bank",
            scopes: &["accounts:read"],
            max_lifetime,
        };
        self.stack.grant(grant).await
    }

    async fn mandate(&self, workload: &str) -> Result<String> {
        let identity = self.stack.identity(workload)?;
        let port = self.stack.authority.grpc_port;
        let mut exchange = Exchange::connect(identity, port).await?;
        exchange.mandate("GET", BANK, "/accounts/1").await
    }

    async fn events(&self, workload: &str, mandate: &str) -> Result<Open> {
        let tls = tls::Client::new(self.stack.identity(workload)?)?;
        let request = Request::get(BANK, "/accounts/1").mandate(mandate);
        Open::begin(self.envoy.port(), &tls, &request, "200").await
    }

    async fn websocket(&self, workload: &str, mandate: &str) -> Result<Open> {
        let tls = tls::Client::new(self.stack.identity(workload)?)?;
        let request = Request::get(BANK, "/accounts/1")
            .mandate(mandate)
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
        Open::begin(self.envoy.port(), &tls, &request, "101").await
    }

    async fn reports(&self, line: &str) -> Result<()> {
        let look = async || {
            let stats = self
                .envoy
                .admin("/stats?filter=caracal_streams")
                .await
                .ok()?;
            stats.contains(line).then_some(())
        };
        wait::until(line, Duration::from_secs(5), look).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_cuts_what_rests_on_it_and_nothing_else() {
    let scene = Scene::start().await.unwrap();
    let grant = scene.grant("payout-agent", None).await.unwrap();
    scene.grant("research-agent", None).await.unwrap();
    let payout = scene.mandate("payout").await.unwrap();
    let research = scene.mandate("research").await.unwrap();
    let mut events = scene.events("payout", &payout).await.unwrap();
    let mut socket = scene.websocket("payout", &payout).await.unwrap();
    let mut sibling = scene.events("research", &research).await.unwrap();
    let mut sibling_socket = scene.websocket("research", &research).await.unwrap();
    for open in [&mut events, &mut socket, &mut sibling, &mut sibling_socket] {
        assert!(open.is_alive().await);
    }
    let start = Instant::now();
    let cuts =
        tokio::spawn(async move { tokio::try_join!(events.cut(PATIENCE), socket.cut(PATIENCE)) });
    let target = format!("grant/{grant}");
    let command = ["revoke", &target, "--wait", "--zone", ZONE];
    scene.stack.caracal(&command).await.unwrap();
    // Every point has said by now that it holds the revocation.
    let acknowledged = Instant::now();
    let (events, socket) = cuts.await.unwrap().unwrap();
    let latest = acknowledged.min(start + LEASE) + SLACK;
    assert!(
        events <= latest && socket <= latest,
        "{:?}",
        events.max(socket) - start
    );
    tokio::time::sleep_until(acknowledged + LEASE).await;
    assert!(sibling.is_alive().await && sibling_socket.is_alive().await);
    scene.reports("caracal_streams_cut: 2").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_ends_with_its_mandate() {
    const LIFETIME: Duration = Duration::from_secs(5);
    let scene = Scene::start().await.unwrap();
    scene.grant("payout-agent", Some(5)).await.unwrap();
    let asked = Instant::now();
    let mandate = scene.mandate("payout").await.unwrap();
    let issued = Instant::now();
    let mut events = scene.events("payout", &mandate).await.unwrap();
    assert!(events.is_alive().await);
    let latest = issued + LIFETIME + SLACK;
    let cut = events.cut(PATIENCE).await.unwrap();
    // Times of mandates are whole seconds, rounded down.
    let earliest = asked + LIFETIME - Duration::from_secs(1) - BEAT * 2;
    assert!(earliest <= cut && cut <= latest, "{:?}", cut - asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_on_for_longer_than_a_lease_once_nobody_can_say_what_was_revoked() {
    let mut scene = Scene::start().await.unwrap();
    scene.grant("payout-agent", None).await.unwrap();
    let mandate = scene.mandate("payout").await.unwrap();
    let mut events = scene.events("payout", &mandate).await.unwrap();
    assert!(events.is_alive().await);
    let start = Instant::now();
    scene.stack.authority.kill().await.unwrap();
    let cut = events.cut(PATIENCE).await.unwrap();
    assert!(cut - start <= LEASE + SLACK, "{:?}", cut - start);
}
