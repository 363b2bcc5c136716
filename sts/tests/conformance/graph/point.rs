//! The bank's enforcement point: the filter's own feed on a real stream, and its verification.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use caracal_filter::feed::{Feed, acknowledgement, encode};
use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignatureVerifier};
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::{Presentation, Presenter, Trust, verify};
use caracal_proto::enforcement::enforcement_client::EnforcementClient;
use caracal_proto::enforcement::{Hello, WatchRequest, watch_request};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use prost::Message as _;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::support::{BANK_POINT, World, now};

const LEASE_MS: u32 = 2000;
const PING_PAUSE: Duration = Duration::from_millis(500);
/// Longest wait for something to be applied here.
const PATIENCE: Duration = Duration::from_secs(20);

/// A handle; clones share the stream.
#[derive(Clone)]
pub(super) struct Point {
    feed: Arc<Mutex<Feed>>,
    applied: watch::Receiver<u64>,
    start: Instant,
}

struct Portable;

impl SignatureVerifier for Portable {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let key = VerifyingKey::from_sec1_bytes(key.sec1()).unwrap();
        Signature::from_slice(signature).is_ok_and(|one| key.verify(message, &one).is_ok())
    }
}

fn ms(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap()
}

impl Point {
    pub(super) async fn connect(world: &World) -> Self {
        let (start, feed) = (Instant::now(), Arc::new(Mutex::new(Feed::new(LEASE_MS))));
        let (publish, applied) = watch::channel(0);
        let (to, outbound) = mpsc::unbounded_channel::<WatchRequest>();
        let send = {
            let to = to.clone();
            move |bytes: Vec<u8>| {
                to.send(WatchRequest::decode(bytes.as_slice()).unwrap())
                    .is_ok()
            }
        };
        feed.lock().unwrap().stream_opened();
        let hello = encode(watch_request::Message::Hello(Hello {
            zone: "acme".to_owned(),
            instance: "graph".to_owned(),
            boot: "graph".to_owned(),
            role: "resource".to_owned(),
            lease_ms: LEASE_MS,
            mode: "enforce".to_owned(),
            ..Hello::default()
        }));
        assert!(send(hello));
        let channel = world.pki.channel(world.grpc, BANK_POINT).await;
        let mut client = EnforcementClient::new(channel);
        let outbound = UnboundedReceiverStream::new(outbound);
        let mut inbound = client.watch(outbound).await.unwrap().into_inner();
        let (pinged, ping) = (Arc::clone(&feed), send.clone());
        tokio::spawn(async move {
            loop {
                let message = pinged.lock().unwrap().ping(ms(start));
                if !ping(message) {
                    return;
                }
                tokio::time::sleep(PING_PAUSE).await;
            }
        });
        let receiving = Arc::clone(&feed);
        tokio::spawn(async move {
            while let Ok(Some(message)) = inbound.message().await {
                let done = receiving.lock().unwrap().receive(&message.encode_to_vec());
                // What the feed makes of it shows where it is used: without a lease nothing passes.
                if let Some(version) = done.unwrap().acknowledge {
                    publish.send_replace(version.epoch);
                    send(acknowledgement(version));
                }
            }
        });
        Self {
            feed,
            applied,
            start,
        }
    }

    /// Returns when everything up to `seq` is applied here.
    pub(super) async fn wait(&self, seq: u64) {
        let mut applied = self.applied.clone();
        let known = applied.wait_for(|applied| *applied >= seq);
        tokio::time::timeout(PATIENCE, known)
            .await
            .unwrap()
            .unwrap();
    }

    /// What the filter says to a mandate that its own holder presents for one scope at the bank.
    pub(super) async fn present(&self, token: &str, scope: &str) -> Result<(), Reason> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(said) = self.try_present(token, scope) {
                return said;
            }
            // A machine that stands still has no lease for a moment.
            assert!(Instant::now() < deadline, "no lease");
            tokio::time::sleep(PING_PAUSE).await;
        }
    }

    fn try_present(&self, token: &str, scope: &str) -> Option<Result<(), Reason>> {
        let feed = self.feed.lock().unwrap();
        let authority = feed.live(ms(self.start))?;
        let trust = Trust {
            zone: &"acme".parse().unwrap(),
            issuer: &authority.issuer,
            keys: &authority.keys,
            delegators: None,
        };
        let entry = authority.catalog.by_host("bank.internal").unwrap();
        let mut operations = entry.resource.operations.iter();
        let operation = operations.find(|one| one.scopes.to_string() == scope);
        let said = verify(token.as_bytes(), trust, &Portable).and_then(|mandate| {
            let holder = mandate.claims().cnf.spiffe_id.as_str();
            let presentation = Presentation {
                now: now(),
                presenter: Presenter::Peer(Some(holder)),
                resource: &entry.resource,
                operation: operation.unwrap(),
                revocations: &authority.revocations,
            };
            mandate.present(presentation).map(|_permit| ())
        });
        Some(said)
    }
}
