use caracal_mandate::chain::Chain;
use caracal_mandate::claims::{Claims, Confirmation, MandateUse};
use caracal_mandate::event::{Event, Outcome as EventOutcome};
use caracal_mandate::jws::mint;
use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignError, Signer};
use caracal_mandate::revocation::{RevocationId, RevocationKind};
use caracal_mandate::scope::ScopeSet;
use caracal_mandate::version::Version;
use caracal_proto::enforcement as wire;
use caracal_proto::enforcement::item::Item;
use caracal_proto::enforcement::watch_response::Message;
use caracal_proto::extauthz::{self, check_response::HttpResponse};
use caracal_proto::ledger::AppendRequest;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use prost::Message as _;

use super::*;
use crate::backlog::MAX_EVENTS;
use crate::crypto::PortableVerifier;
use crate::head::Head;

const UNIX_S: u64 = 1_790_000_000;
const ISSUER: &str = "https://sts.caracal.dev/zones/prod";
const PAYOUT: &str = "spiffe://caracal.dev/payout";
const THIEF: &str = "spiffe://caracal.dev/thief";

fn at(monotonic_ms: u64) -> Moment {
    Moment {
        monotonic_ms,
        unix_ms: UNIX_S * 1000 + monotonic_ms,
    }
}

struct ZoneKey(SigningKey, PublicKey);

impl ZoneKey {
    fn new() -> Self {
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

fn mandate(scope: &str, epoch: u64) -> String {
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
        mdt: Chain {
            v: 1,
            rev,
            resources: vec![],
            scopes: vec![],
            hops: vec![],
        },
    };
    claims.mdt = Chain::root(claims.leaf(&scopes), rev, 0);
    mint(&claims, &ZoneKey::new()).unwrap()
}

fn version(epoch: u64) -> wire::Version {
    wire::Version { term: 1, epoch }
}

fn send(engine: &mut Engine, message: Message) {
    let bytes = wire::WatchResponse {
        message: Some(message),
    }
    .encode_to_vec();
    engine.feed_message(&bytes).unwrap();
}

fn bank() -> wire::Resource {
    let operation = |name: &str, method: &str, path: &str, scopes: &str| wire::Operation {
        name: name.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        scopes: scopes.to_owned(),
    };
    wire::Resource {
        name: "bank".to_owned(),
        uri: "https://bank.internal".to_owned(),
        hosts: vec!["bank.internal".to_owned()],
        operations: vec![
            operation("read", "GET", "/accounts/{id}", "accounts:read"),
            operation("pay", "POST", "/payments", "payments:write"),
        ],
    }
}

/// An engine that has heard from nobody.
fn cold(role: &str, audit: &str) -> Engine {
    let config = format!(
        r#"{{"role":"{role}","zone":"prod","instance":"point","sts":{{"cluster":"sts"}},
            "audit":"{audit}","allow_mark":"0123456789abcdef"}}"#
    );
    let config = Config::parse(config.as_bytes()).unwrap();
    Engine::new(config, "boot".to_owned(), Box::new(PortableVerifier))
}

/// An engine that is live at epoch 5 until 2 s.
fn live(role: &str) -> Engine {
    let mut engine = cold(role, "required");
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
        &mut engine,
        Message::SnapshotBegin(wire::SnapshotBegin {
            version: Some(version(5)),
            issuer: ISSUER.to_owned(),
        }),
    );
    send(&mut engine, Message::SnapshotChunk(wire::Items { items }));
    send(
        &mut engine,
        Message::SnapshotEnd(wire::SnapshotEnd {
            version: Some(version(5)),
            items: 2,
        }),
    );
    send(
        &mut engine,
        Message::Pong(wire::Pong {
            nonce: 1,
            version: Some(version(5)),
            read_age_ms: 0,
        }),
    );
    engine
}

fn revoke_grant(engine: &mut Engine, from: u64) {
    let id = RevocationId::new(RevocationKind::Grant, "prod", "grt_1").0;
    let entry = wire::Revocation {
        id,
        issued_until: u64::MAX,
        expires: u64::MAX,
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

struct Call<'a> {
    stream: StreamId,
    method: &'a str,
    host: &'a str,
    path: &'a str,
    authorization: Option<String>,
    peer: Option<&'a str>,
}

fn read(stream: StreamId) -> Call<'static> {
    Call {
        stream,
        method: "GET",
        host: "bank.internal",
        path: "/accounts/1",
        authorization: None,
        peer: Some(PAYOUT),
    }
}

fn with(token: &str) -> Call<'static> {
    Call {
        authorization: Some(format!("Bearer {token}")),
        ..read(1)
    }
}

fn decide(engine: &mut Engine, call: &Call<'_>, now: Moment) -> Verdict {
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

fn reason(verdict: &Verdict) -> Option<Reason> {
    match verdict {
        Verdict::Settled(Outcome::Refuse(refused)) => Some(refused.reason()),
        Verdict::Settled(Outcome::Forward(_)) => None,
        Verdict::Ask(_) | Verdict::Hold => panic!("not settled: {verdict:?}"),
    }
}

fn outcome(settled: &Settled) -> Result<Option<&str>, Reason> {
    match &settled.1 {
        Outcome::Forward(forward) => Ok(forward.mandate()),
        Outcome::Refuse(refused) => Err(refused.reason()),
    }
}

fn asked(verdict: Verdict) -> Question {
    match verdict {
        Verdict::Ask(question) => question,
        other => panic!("not asked: {other:?}"),
    }
}

fn ok(mandate: Option<&str>) -> Vec<u8> {
    let header = |value: &str| extauthz::HeaderValueOption {
        header: Some(extauthz::HeaderValue {
            key: "authorization".to_owned(),
            value: format!("Bearer {value}"),
            raw_value: vec![],
        }),
    };
    let headers = mandate.map(header).into_iter().collect();
    extauthz::CheckResponse {
        status: Some(extauthz::Status { code: 0 }),
        http_response: Some(HttpResponse::OkResponse(extauthz::OkHttpResponse {
            headers,
        })),
    }
    .encode_to_vec()
}

fn denied(reason: Reason) -> Vec<u8> {
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

fn events(engine: &mut Engine) -> Vec<Event> {
    let Some(call) = engine.backlog().next_call() else {
        return vec![];
    };
    let request = AppendRequest::decode(call.as_slice()).unwrap();
    request
        .events
        .iter()
        .map(|event| Event::from_canonical(event).unwrap())
        .collect()
}

#[test]
fn a_resource_lets_a_good_mandate_through_and_strips_it() {
    let mut engine = live("resource");
    let verdict = decide(&mut engine, &with(&mandate("accounts:read", 5)), at(1));
    let Verdict::Settled(Outcome::Forward(forward)) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(forward.mandate(), None);
}

#[test]
fn a_resource_answers_each_question_with_its_own_no() {
    let good = mandate("accounts:read", 5);
    let cases = [
        (
            Call {
                host: "other.internal",
                ..with(&good)
            },
            Reason::ResourceUnregistered,
        ),
        (
            Call {
                method: "DELETE",
                ..with(&good)
            },
            Reason::OperationUnregistered,
        ),
        (
            Call {
                path: "/accounts",
                ..with(&good)
            },
            Reason::OperationUnregistered,
        ),
        (read(1), Reason::NoMandate),
        (
            with(&format!("{good}, Bearer {good}")),
            Reason::MalformedCredential,
        ),
        (with("eyJhbGciOiJub25lIn0.e30."), Reason::MandateAlgorithm),
        (with(&good.replace('.', "..")), Reason::MandateEncoding),
        (
            Call {
                peer: None,
                ..with(&good)
            },
            Reason::HolderUnknown,
        ),
        (
            Call {
                peer: Some(THIEF),
                ..with(&good)
            },
            Reason::HolderMismatch,
        ),
        (
            Call {
                method: "POST",
                path: "/payments",
                ..with(&good)
            },
            Reason::InsufficientScope,
        ),
    ];
    for (call, expected) in cases {
        let mut engine = live("resource");
        assert_eq!(reason(&decide(&mut engine, &call, at(1))), Some(expected));
        let events = events(&mut engine);
        assert_eq!(
            (events.len(), events[0].reason),
            (1, Some(expected)),
            "one decision, one event"
        );
    }
}

#[test]
fn revocation_is_checked_on_every_use_of_a_remembered_mandate() {
    let mut engine = live("resource");
    let token = mandate("accounts:read", 5);
    assert_eq!(reason(&decide(&mut engine, &with(&token), at(1))), None);
    revoke_grant(&mut engine, 5);
    assert_eq!(
        reason(&decide(&mut engine, &with(&token), at(2))),
        Some(Reason::Revoked)
    );
}

#[test]
fn the_holder_is_checked_on_every_use_of_a_remembered_mandate() {
    let mut engine = live("resource");
    let token = mandate("accounts:read", 5);
    assert_eq!(reason(&decide(&mut engine, &with(&token), at(1))), None);
    let stolen = Call {
        peer: Some(THIEF),
        ..with(&token)
    };
    assert_eq!(
        reason(&decide(&mut engine, &stolen, at(2))),
        Some(Reason::HolderMismatch)
    );
}

#[test]
fn a_removed_key_ends_what_was_verified_with_it() {
    let mut engine = live("resource");
    let token = mandate("accounts:read", 5);
    assert_eq!(reason(&decide(&mut engine, &with(&token), at(1))), None);
    let removed = Item::KeyRemoved(ZoneKey::new().1.kid().to_owned());
    let items = vec![wire::Item {
        item: Some(removed),
    }];
    send(
        &mut engine,
        Message::Delta(wire::Delta {
            from: Some(version(5)),
            to: Some(version(6)),
            items,
        }),
    );
    assert_eq!(
        reason(&decide(&mut engine, &with(&token), at(2))),
        Some(Reason::MandateKey)
    );
}

#[test]
fn without_a_lease_every_request_is_asked_about_and_a_silent_service_means_no() {
    for engine in [cold("resource", "required"), live("resource")] {
        let mut engine = engine;
        // At 2 s the lease of the live one has ended as well.
        let question = asked(decide(
            &mut engine,
            &with(&mandate("accounts:read", 5)),
            at(2000),
        ));
        engine.sent(question.ticket, 9);
        let settled = engine.answered(9, None, at(2001));
        assert_eq!(outcome(&settled[0]), Err(Reason::AuthorityUnavailable));
    }
}

#[test]
fn the_services_yes_is_good_for_one_request() {
    let mut engine = cold("resource", "required");
    let call = with(&mandate("accounts:read", 5));
    let question = asked(decide(&mut engine, &call, at(0)));
    engine.sent(question.ticket, 9);
    assert_eq!(
        outcome(&engine.answered(9, Some(&ok(None)), at(1))[0]),
        Ok(None)
    );
    assert!(matches!(decide(&mut engine, &call, at(2)), Verdict::Ask(_)));
}

#[test]
fn a_mandate_from_the_future_of_this_point_is_asked_about() {
    let mut engine = live("resource");
    let ahead = with(&mandate("accounts:read", 6));
    let question = asked(decide(&mut engine, &ahead, at(1)));
    engine.sent(question.ticket, 9);
    let settled = engine.answered(9, Some(&denied(Reason::Revoked)), at(2));
    assert_eq!(outcome(&settled[0]), Err(Reason::Revoked));
    // A bad one is refused without asking.
    let stolen = Call {
        peer: Some(THIEF),
        ..with(&mandate("accounts:read", 6))
    };
    assert_eq!(
        reason(&decide(&mut engine, &stolen, at(3))),
        Some(Reason::HolderMismatch)
    );
}

#[test]
fn a_question_that_cannot_be_sent_is_a_no() {
    let mut engine = cold("resource", "required");
    let question = asked(decide(&mut engine, &read(1), at(0)));
    let settled = engine.not_sent(question.ticket, at(0));
    assert_eq!(
        (settled[0].0, outcome(&settled[0])),
        (1, Err(Reason::AuthorityUnavailable))
    );
}

#[test]
fn what_waits_too_long_is_refused_and_its_late_answer_is_ignored() {
    let mut engine = live("agent");
    let question = asked(decide(&mut engine, &read(1), at(0)));
    engine.sent(question.ticket, 9);
    assert!(matches!(
        decide(&mut engine, &read(2), at(0)),
        Verdict::Hold
    ));
    assert!(engine.give_up_overdue(at(499)).0.is_empty());
    let (settled, calls) = engine.give_up_overdue(at(500));
    assert_eq!(
        settled.iter().map(outcome).collect::<Vec<_>>(),
        [Err(Reason::AuthorityUnavailable); 2]
    );
    assert_eq!(calls, [9]);
    assert!(engine.answered(9, Some(&ok(None)), at(501)).is_empty());
}

#[test]
fn an_agents_requests_share_one_exchange_and_then_the_mandate() {
    let mut engine = live("agent");
    let question = asked(decide(&mut engine, &read(1), at(1)));
    engine.sent(question.ticket, 9);
    assert!(matches!(
        decide(&mut engine, &read(2), at(1)),
        Verdict::Hold
    ));
    let token = mandate("accounts:read", 5);
    let settled = engine.answered(9, Some(&ok(Some(&token))), at(2));
    assert_eq!(
        settled.iter().map(|settled| settled.0).collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(
        settled
            .iter()
            .all(|settled| outcome(settled) == Ok(Some(&*token)))
    );
    let Verdict::Settled(Outcome::Forward(forward)) = decide(&mut engine, &read(3), at(3)) else {
        panic!("not remembered");
    };
    assert_eq!(forward.mandate(), Some(&*token));
}

#[test]
fn other_scopes_are_another_exchange() {
    let mut engine = live("agent");
    let _ = asked(decide(&mut engine, &read(1), at(1)));
    let pay = Call {
        method: "POST",
        path: "/payments",
        ..read(2)
    };
    let _ = asked(decide(&mut engine, &pay, at(1)));
}

#[test]
fn an_exchange_outlives_the_request_that_began_it() {
    let mut engine = live("agent");
    let question = asked(decide(&mut engine, &read(1), at(1)));
    engine.sent(question.ticket, 9);
    assert!(matches!(
        decide(&mut engine, &read(2), at(1)),
        Verdict::Hold
    ));
    engine.abandoned(1);
    let orphans = engine.take_orphans();
    assert_eq!(orphans.len(), 1);
    engine.sent(orphans[0].ticket, 10);
    let settled = engine.answered(10, Some(&ok(Some(&mandate("accounts:read", 5)))), at(2));
    assert_eq!(
        settled.iter().map(|settled| settled.0).collect::<Vec<_>>(),
        [2]
    );
    assert!(engine.take_orphans().is_empty());
}

#[test]
fn a_revoked_mandate_is_exchanged_anew_and_not_used() {
    let mut engine = live("agent");
    let question = asked(decide(&mut engine, &read(1), at(1)));
    engine.sent(question.ticket, 9);
    let token = mandate("accounts:read", 5);
    assert!(outcome(&engine.answered(9, Some(&ok(Some(&token))), at(2))[0]).is_ok());
    revoke_grant(&mut engine, 5);
    let question = asked(decide(&mut engine, &read(2), at(3)));
    engine.sent(question.ticket, 10);
    let settled = engine.answered(10, Some(&denied(Reason::NoGrant)), at(4));
    assert_eq!(outcome(&settled[0]), Err(Reason::NoGrant));
}

#[test]
fn what_is_obtained_is_verified_like_what_is_presented() {
    for (token, expected) in [
        (mandate("payments:write", 5), Reason::InsufficientScope),
        ("a.b.c".to_owned(), Reason::MandateEncoding),
    ] {
        let mut engine = live("agent");
        let question = asked(decide(&mut engine, &read(1), at(1)));
        engine.sent(question.ticket, 9);
        let settled = engine.answered(9, Some(&ok(Some(&token))), at(2));
        assert_eq!(outcome(&settled[0]), Err(expected));
    }
    let mut engine = live("agent");
    let question = asked(decide(&mut engine, &read(1), at(1)));
    engine.sent(question.ticket, 9);
    assert_eq!(
        outcome(&engine.answered(9, Some(&ok(None)), at(2))[0]),
        Err(Reason::IssuerUnavailable)
    );
}

#[test]
fn a_gateway_exchanges_for_its_peer_and_never_for_another() {
    let mut engine = live("gateway");
    assert_eq!(
        reason(&decide(
            &mut engine,
            &Call {
                peer: None,
                ..read(1)
            },
            at(1)
        )),
        Some(Reason::HolderUnknown)
    );
    let question = asked(decide(&mut engine, &read(1), at(1)));
    engine.sent(question.ticket, 9);
    let token = mandate("accounts:read", 5);
    assert_eq!(
        outcome(&engine.answered(9, Some(&ok(Some(&token))), at(2))[0]),
        Ok(None),
        "it strips"
    );
    // The mandate of one peer is not found for another, and would not hold for it either.
    let question = asked(decide(
        &mut engine,
        &Call {
            peer: Some(THIEF),
            ..read(2)
        },
        at(3),
    ));
    engine.sent(question.ticket, 10);
    let settled = engine.answered(10, Some(&ok(Some(&token))), at(4));
    assert_eq!(outcome(&settled[0]), Err(Reason::HolderMismatch));
}

#[test]
fn when_decisions_cannot_be_recorded_nothing_is_let_through() {
    let mut engine = live("resource");
    let token = mandate("accounts:read", 5);
    for _ in 0..MAX_EVENTS {
        assert_eq!(
            reason(&decide(&mut engine, &read(1), at(1))),
            Some(Reason::NoMandate)
        );
    }
    assert_eq!(
        reason(&decide(&mut engine, &with(&token), at(2))),
        Some(Reason::AuditUnavailable)
    );
}

#[test]
fn an_allow_names_everything_that_it_rests_on() {
    let mut engine = live("resource");
    assert_eq!(
        reason(&decide(
            &mut engine,
            &with(&mandate("accounts:read", 5)),
            at(1)
        )),
        None
    );
    let event = events(&mut engine).remove(0);
    assert_eq!(event.outcome, EventOutcome::Allow);
    let text = |field: &Option<String>| field.clone().unwrap();
    assert_eq!(text(&event.application), "payout");
    assert_eq!(text(&event.grant), "grt_1");
    assert_eq!(text(&event.session), "ses_1");
    assert_eq!(text(&event.holder), PAYOUT);
    assert_eq!(text(&event.resource), "https://bank.internal");
    assert_eq!(text(&event.operation), "read");
    assert_eq!(text(&event.path), "/accounts/1");
    assert_eq!(text(&event.request_id), "r-1");
    assert_eq!(event.epoch, Some(5));
}

#[test]
fn a_broken_feed_ends_trust_at_once() {
    let mut engine = live("resource");
    assert!(engine.feed_message(&[0xff]).is_err());
    let verdict = decide(&mut engine, &with(&mandate("accounts:read", 5)), at(1));
    assert!(matches!(verdict, Verdict::Ask(_)));
}
