//! The bank's enforcement point: the filter's own engine, with what the service tells it on a real stream.

use caracal_filter::config::Config;
use caracal_filter::crypto::PortableVerifier;
use caracal_filter::engine::{Engine, Outcome, Verdict};
use caracal_filter::feed::encode;
use caracal_filter::head::Head;
use caracal_filter::time::Moment;
use caracal_proto::enforcement::enforcement_client::EnforcementClient;
use caracal_proto::enforcement::{Hello, WatchRequest, watch_request};
use prost::Message as _;
use serde_json::{Value, json};

use crate::support::jwt::claims;
use crate::support::{BANK_POINT, World, now};

/// The moment of everything here, by the point's own clock: a lease of which nothing passes.
const MOMENT_MS: u64 = 100_000;

pub(super) struct Gate(Engine);

impl Gate {
    /// A point that has heard all that the service knows now, and demands signatures of these or of nobody.
    pub(super) async fn open(world: &World, delegators: Option<Value>) -> Self {
        let mut config = json!({"role": "resource", "zone": "acme", "instance": "gate",
            "sts": {"cluster": "sts"}, "lease_ms": 2000, "allow_mark": "0123456789abcdef"});
        if let Some(delegators) = delegators {
            config["delegators"] = delegators;
        }
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        let mut engine = Engine::new(config, "boot", Box::new(PortableVerifier));
        engine.feed().stream_opened();
        let hello = encode(watch_request::Message::Hello(Hello {
            zone: "acme".to_owned(),
            instance: "gate".to_owned(),
            boot: "gate".to_owned(),
            role: "resource".to_owned(),
            lease_ms: 2000,
            mode: "enforce".to_owned(),
            ..Hello::default()
        }));
        let ping = engine.feed().ping(MOMENT_MS);
        let said = [hello, ping].map(|bytes| WatchRequest::decode(bytes.as_slice()).unwrap());
        let channel = world.pki.channel(world.grpc, BANK_POINT).await;
        let mut client = EnforcementClient::new(channel);
        // The stream stays open until the point is live.
        let (to, outbound) = tokio::sync::mpsc::unbounded_channel();
        for message in said {
            to.send(message).unwrap();
        }
        let outbound = tokio_stream::wrappers::UnboundedReceiverStream::new(outbound);
        let mut inbound = client.watch(outbound).await.unwrap().into_inner();
        while engine.feed().live(MOMENT_MS).is_none() {
            let message = inbound.message().await.unwrap().unwrap();
            engine.feed_message(&message.encode_to_vec()).unwrap();
        }
        Self(engine)
    }

    /// What it says to a mandate that its own holder presents for an operation of the bank.
    pub(super) fn says(&mut self, token: &str, path: &str) -> Result<(), String> {
        let claims = claims(token);
        let holder = claims["cnf"]["spiffe_id"].as_str().unwrap();
        let pairs = [
            (":method", "GET"),
            (":authority", "bank.internal"),
            (":path", path),
            ("authorization", &format!("Bearer {token}")),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let pairs = pairs.to_vec();
        let head = Head::parse(&pairs).unwrap();
        let moment = Moment {
            monotonic_ms: MOMENT_MS,
            unix_ms: now() * 1000,
        };
        match self.0.decide(1, &head, Some(holder), moment) {
            Verdict::Settled(Outcome::Forward(_)) => Ok(()),
            Verdict::Settled(Outcome::Refuse(refused)) => Err(refused.reason().to_string()),
            other => panic!("not settled: {other:?}"),
        }
    }
}
