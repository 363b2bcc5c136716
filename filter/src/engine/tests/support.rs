//! A world for the engine: a zone, mandates, a feed, and answers of the token service.

use caracal_mandate::chain::{CHAIN_VERSION, Chain, Holding};
use caracal_mandate::claims::{Claims, Confirmation, MandateUse};
use caracal_mandate::jws::mint;
use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignError, Signer};
use caracal_mandate::revocation::{RevocationId, RevocationKind};
use caracal_mandate::scope::ScopeSet;
use caracal_mandate::version::Version;
use caracal_proto::check::READ_AGE_HEADER;
use caracal_proto::enforcement as wire;
use caracal_proto::enforcement::item::Item;
use caracal_proto::enforcement::watch_response::Message;
use caracal_proto::extauthz::{self, check_response::HttpResponse};
use caracal_proto::ledger::{AppendRequest, Decision};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use prost::Message as _;

use super::super::*;
use crate::crypto::PortableVerifier;
use crate::head::Head;

pub(super) const UNIX_S: u64 = 1_790_000_000;
pub(super) const ISSUER: &str = "https://sts.caracal.dev/zones/prod";
pub(super) const PAYOUT: &str = "spiffe://caracal.dev/payout";
pub(super) const THIEF: &str = "spiffe://caracal.dev/thief";

pub(super) fn at(monotonic_ms: u64) -> Moment {
    Moment {
        monotonic_ms,
        unix_ms: UNIX_S * 1000 + monotonic_ms,
    }
}

pub(super) struct ZoneKey(SigningKey, pub(super) PublicKey);

impl ZoneKey {
    pub(super) fn new() -> Self {
        let private = SigningKey::from_slice(&[7; 32]).unwrap();
        let point = private.verifying_key().to_sec1_point(false);
        let public = PublicKey::from_sec1(point.as_bytes()).unwrap();
        Self(private, public)
    }
}

impl Signer for ZoneKey {
    fn kid(&self) -> &str {
        self.1.kid()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignError> {
        let signature: Signature = self.0.sign(message);
        Ok(signature.to_bytes().into())
    }
}

pub(super) fn mandate(scope: &str, epoch: u64) -> String {
    mandate_with(scope, epoch, |_| ())
}

/// The same with other claims.
pub(super) fn mandate_with(scope: &str, epoch: u64, change: impl FnOnce(&mut Claims)) -> String {
    mint(&claims_with(scope, epoch, change), &ZoneKey::new()).unwrap()
}

/// What such a mandate says.
pub(super) fn claims_with(scope: &str, epoch: u64, change: impl FnOnce(&mut Claims)) -> Claims {
    let scopes = ScopeSet::parse(scope).unwrap();
    let rev = Version { term: 1, epoch };
    let mut claims = Claims {
        iss: ISSUER.to_owned(),
        sub: "payout".to_owned(),
        aud: "https://bank.internal".parse().unwrap(),
        client_id: "payout".parse().unwrap(),
        zone: "prod".parse().unwrap(),
        sid: "ses_1".to_owned(),
        grant: "grt_1".to_owned(),
        jti: format!("mdt_{scope}_{epoch}"),
        iat: UNIX_S,
        exp: UNIX_S + 300,
        scope: scope.to_owned(),
        usage: MandateUse::Execute,
        cnf: Confirmation {
            spiffe_id: PAYOUT.parse().unwrap(),
        },
        act: None,
        may_act: None,
        from: Vec::new(),
        through: Vec::new(),
        via: Vec::new(),
        edges: Vec::new(),
        mdt: Chain {
            v: CHAIN_VERSION,
            rev,
            resources: vec![],
            scopes: vec![],
            hops: vec![],
        },
    };
    change(&mut claims);
    let holding = Holding {
        leaf: claims.leaf(&scopes),
        beyond: &[],
        by: "",
        depth: 0,
    };
    claims.mdt = Chain::root(holding, rev).unwrap();
    claims
}

pub(super) fn version(epoch: u64) -> wire::Version {
    wire::Version { term: 1, epoch }
}

pub(super) fn send(engine: &mut Engine, message: Message) {
    let bytes = wire::WatchResponse {
        message: Some(message),
    }
    .encode_to_vec();
    engine.feed_message(&bytes).unwrap();
}

pub(super) fn bank() -> wire::Resource {
    let operation = |name: &str, method: &str, path: &str, scopes: &str| wire::Operation {
        name: name.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        scopes: scopes.to_owned(),
        irreversible: name == "wire",
    };
    wire::Resource {
        name: "bank".to_owned(),
        uri: "https://bank.internal".to_owned(),
        hosts: vec!["bank.internal".to_owned()],
        operations: vec![
            operation("read", "GET", "/accounts/{id}", "accounts:read"),
            operation("pay", "POST", "/payments", "payments:write"),
            operation("wire", "POST", "/transfers", "transfers:write"),
        ],
    }
}

/// An engine that has heard from nobody.
pub(super) fn cold(role: &str, audit: &str) -> Engine {
    cold_in("enforce", role, audit)
}

/// The same in a mode.
pub(super) fn cold_in(mode: &str, role: &str, audit: &str) -> Engine {
    let config = format!(
        r#"{{"role":"{role}","mode":"{mode}","zone":"prod","instance":"point","sts":{{"cluster":"sts"}},
            "audit":"{audit}","allow_mark":"0123456789abcdef"}}"#
    );
    let config = Config::parse(config.as_bytes()).unwrap();
    Engine::new(config, "boot", Box::new(PortableVerifier))
}

/// An engine that is live at epoch 5 until 2 s.
pub(super) fn live(role: &str) -> Engine {
    live_in("enforce", role)
}

/// The same in a mode.
pub(super) fn live_in(mode: &str, role: &str) -> Engine {
    let mut engine = cold_in(mode, role, "required");
    make_live(&mut engine);
    engine
}

/// The same of one that has heard from nobody.
pub(super) fn make_live(engine: &mut Engine) {
    engine.feed().stream_opened();
    let _ = engine.feed().ping(0);
    let point = ZoneKey::new().1.sec1().to_vec();
    let items = [
        Item::KeyAdded(wire::Key { point }),
        Item::ResourcePut(bank()),
    ];
    let items: Vec<_> = items
        .into_iter()
        .map(|item| wire::Item { item: Some(item) })
        .collect();
    send(
        engine,
        Message::SnapshotBegin(wire::SnapshotBegin {
            version: Some(version(5)),
            issuer: ISSUER.to_owned(),
        }),
    );
    send(engine, Message::SnapshotChunk(wire::Items { items }));
    send(
        engine,
        Message::SnapshotEnd(wire::SnapshotEnd {
            version: Some(version(5)),
            items: 2,
        }),
    );
    send(
        engine,
        Message::Pong(wire::Pong {
            nonce: 1,
            version: Some(version(5)),
            read_age_ms: 0,
        }),
    );
}

pub(super) fn revoke_grant(engine: &mut Engine, from: u64) {
    let id = RevocationId::new(RevocationKind::Grant, "prod", "grt_1").0;
    let entry = wire::Revocation {
        id,
        issued_until: u64::MAX,
        expires: UNIX_S + 900,
    };
    let items = vec![wire::Item {
        item: Some(Item::Revocation(entry)),
    }];
    send(
        engine,
        Message::Delta(wire::Delta {
            from: Some(version(from)),
            to: Some(version(from + 1)),
            items,
        }),
    );
}

#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) stream: StreamId,
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) authorization: Option<String>,
    pub(super) peer: Option<&'a str>,
}

pub(super) fn read(stream: StreamId) -> Call<'static> {
    Call {
        stream,
        method: "GET",
        host: "bank.internal",
        path: "/accounts/1",
        authorization: None,
        peer: Some(PAYOUT),
    }
}

pub(super) fn with(token: &str) -> Call<'static> {
    Call {
        authorization: Some(format!("Bearer {token}")),
        ..read(1)
    }
}

pub(super) fn decide(engine: &mut Engine, call: &Call<'_>, now: Moment) -> Verdict {
    let mut pairs = vec![
        (":method".to_owned(), call.method.as_bytes().to_vec()),
        (":authority".to_owned(), call.host.as_bytes().to_vec()),
        (":path".to_owned(), call.path.as_bytes().to_vec()),
        ("x-request-id".to_owned(), b"r-1".to_vec()),
    ];
    if let Some(value) = &call.authorization {
        pairs.push(("authorization".to_owned(), value.clone().into_bytes()));
    }
    let head = Head::parse(&pairs).unwrap();
    engine.decide(call.stream, &head, call.peer, now)
}

pub(super) fn reason(verdict: &Verdict) -> Option<Reason> {
    match verdict {
        Verdict::Settled(Outcome::Refuse(refused)) => Some(refused.reason()),
        Verdict::Settled(Outcome::Pass(pass)) => Some(pass.refused().reason()),
        Verdict::Settled(Outcome::Forward(_)) => None,
        Verdict::Ask(_) | Verdict::Hold | Verdict::Settled(Outcome::Record) => {
            panic!("not settled: {verdict:?}")
        }
    }
}

pub(super) fn outcome(settled: &Settled) -> Result<Option<&str>, Reason> {
    match &settled.1 {
        Outcome::Forward(forward) => Ok(attached(forward)),
        Outcome::Refuse(refused) => Err(refused.reason()),
        Outcome::Pass(pass) => Err(pass.refused().reason()),
        Outcome::Record => panic!("not settled"),
    }
}

/// The mandate that is sent on; without one the request's own credential must go.
pub(super) fn attached(forward: &Forward) -> Option<&str> {
    match forward.authorization() {
        Authorization::Mandate(mandate) => Some(mandate),
        Authorization::Remove => None,
        Authorization::Keep => panic!("enforcement keeps no credential"),
    }
}

pub(super) fn asked(verdict: Verdict) -> Question {
    match verdict {
        Verdict::Ask(question) => question,
        other => panic!("not asked: {other:?}"),
    }
}

pub(super) fn ok(mandate: Option<&str>) -> Vec<u8> {
    ok_of_age(mandate, Some(1))
}

/// A yes from a service whose knowledge was this old when it was asked.
pub(super) fn ok_of_age(mandate: Option<&str>, read_age_ms: Option<u64>) -> Vec<u8> {
    let header = |key: &str, value: String| extauthz::HeaderValueOption {
        header: Some(extauthz::HeaderValue {
            key: key.to_owned(),
            value,
            raw_value: vec![],
        }),
    };
    let mandate = mandate.map(|token| header("authorization", format!("Bearer {token}")));
    let age = read_age_ms.map(|age| header(READ_AGE_HEADER, age.to_string()));
    let headers = mandate.into_iter().chain(age).collect();
    extauthz::CheckResponse {
        status: Some(extauthz::Status { code: 0 }),
        http_response: Some(HttpResponse::OkResponse(extauthz::OkHttpResponse {
            headers,
        })),
    }
    .encode_to_vec()
}

pub(super) fn denied(reason: Reason) -> Vec<u8> {
    let header = extauthz::HeaderValue {
        key: "x-caracal-reason".to_owned(),
        value: reason.as_str().to_owned(),
        raw_value: vec![],
    };
    let headers = vec![extauthz::HeaderValueOption {
        header: Some(header),
    }];
    extauthz::CheckResponse {
        status: Some(extauthz::Status { code: 7 }),
        http_response: Some(HttpResponse::DeniedResponse(extauthz::DeniedHttpResponse {
            headers,
        })),
    }
    .encode_to_vec()
}

/// What the ledger is given, with what waited for its end.
pub(super) fn events(engine: &mut Engine) -> Vec<Decision> {
    engine.hand_over_overdue(at(1_000_000));
    let Some(call) = engine.backlog().next_call(at(1_000_000)) else {
        return vec![];
    };
    AppendRequest::decode(call.as_slice()).unwrap().decisions
}
