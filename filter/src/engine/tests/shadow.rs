//! Shadow decides like enforcement, and lets everything pass.

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::backlog::MAX_EVENTS;
use crate::head::Head;

/// What a request or a time does to a point.
#[derive(Debug, Clone)]
enum Step {
    Request(Box<Call<'static>>),
    Malformed(&'static str),
    Revoke,
    Answer(Reply),
    NotSent,
    Wait(u64),
    Gone,
}

#[derive(Debug, Clone, Copy)]
enum Reply {
    Mandate(&'static str),
    Yes,
    No(Reason),
    Nothing,
}

/// What came of one request.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Yes,
    No(Reason),
    Ask(Vec<u8>),
    Hold,
}

/// A point with what it has asked and not heard of.
struct Point {
    engine: Engine,
    now: u64,
    epoch: u64,
    next: u32,
    asked: Vec<Ticket>,
    seen: Vec<Seen>,
}

impl Point {
    fn new(mode: &str, role: &str, is_live: bool) -> Self {
        let engine = if is_live {
            live_in(mode, role)
        } else {
            cold_in(mode, role, "required")
        };
        Self {
            engine,
            now: 1,
            epoch: 5,
            next: 0,
            asked: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        self.seen.push(match outcome {
            Outcome::Forward(_) => Seen::Yes,
            Outcome::Refuse(refused) => Seen::No(refused.reason()),
            Outcome::Pass(pass) => Seen::No(pass.refused().reason()),
            Outcome::Record => panic!("nothing here is irreversible"),
        });
        // Nothing is refused in shadow, and nothing passes otherwise that was refused.
        match (outcome, self.engine.config().mode) {
            (Outcome::Refuse(_), Mode::Shadow) | (Outcome::Pass(_), Mode::Enforce) => {
                panic!("{outcome:?}")
            }
            _ => {}
        }
    }

    fn settle(&mut self, settled: Vec<Settled>) {
        for (_, outcome) in settled {
            self.outcome(&outcome);
        }
    }

    fn take(&mut self, step: &Step) {
        let now = at(self.now);
        match step {
            Step::Request(call) => {
                self.next += 1;
                let call = Call {
                    stream: self.next,
                    ..Call::clone(call)
                };
                match decide(&mut self.engine, &call, now) {
                    Verdict::Settled(outcome) => self.outcome(&outcome),
                    Verdict::Hold => self.seen.push(Seen::Hold),
                    Verdict::Ask(question) => {
                        self.engine.sent(question.ticket, self.next);
                        self.asked.push(question.ticket);
                        self.seen.push(Seen::Ask(without_mode(&question.message)));
                    }
                }
            }
            Step::Malformed(authority) => {
                let pairs = malformed(authority);
                let head = Head::parse(&pairs).unwrap_err();
                let outcome = self
                    .engine
                    .refuse_malformed(&pairs, &head, Some(PAYOUT), now);
                self.outcome(&outcome);
            }
            Step::Revoke => {
                if self.engine.feed().live(self.now).is_some() {
                    revoke_grant(&mut self.engine, self.epoch);
                    self.epoch += 1;
                }
            }
            Step::Answer(reply) => {
                let bytes = match reply {
                    Reply::Mandate(scope) => Some(ok(Some(&mandate(scope, 5)))),
                    Reply::Yes => Some(ok(None)),
                    Reply::No(reason) => Some(denied(*reason)),
                    Reply::Nothing => None,
                };
                let settled = self.engine.answered(self.next, bytes.as_deref(), now);
                self.settle(settled);
            }
            Step::NotSent => {
                if let Some(ticket) = self.asked.pop() {
                    let settled = self.engine.not_sent(ticket, now);
                    self.settle(settled);
                }
            }
            Step::Wait(ms) => {
                self.now += ms;
                let (settled, _) = self.engine.give_up_overdue(at(self.now));
                self.settle(settled);
            }
            Step::Gone => self.engine.abandoned(self.next),
        }
    }
}

/// A question as an enforcing point asks it.
fn without_mode(message: &[u8]) -> Vec<u8> {
    use caracal_proto::check::{INTENT, MODE};
    let mut question = caracal_proto::extauthz::CheckRequest::decode(message).unwrap();
    let attributes = question.attributes.as_mut().unwrap();
    attributes.context_extensions.remove(MODE);
    // Written anew from parts: the order of a map is not the same twice.
    let http = attributes.request.clone().unwrap().http.unwrap();
    let intent = &attributes.context_extensions[INTENT];
    format!("{intent} {} {} {}", http.method, http.host, http.path).into_bytes()
}

fn malformed(authority: &str) -> Vec<(String, Vec<u8>)> {
    [
        (":method", "GET"),
        (":authority", authority),
        (":path", "/a//../b"),
    ]
    .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
    .to_vec()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let authorization = prop_oneof![
        3 => Just(Some(format!("Bearer {}", mandate("accounts:read", 5)))),
        1 => Just(Some(format!("Bearer {}", mandate("payments:write", 5)))),
        1 => Just(Some(format!("Bearer {}", mandate("accounts:read", 9)))),
        1 => Just(Some("Bearer sk-live-1".to_owned())),
        1 => Just(Some("Basic YTpi".to_owned())),
        2 => Just(None),
    ];
    let request = (
        prop_oneof![4 => Just("GET"), 1 => Just("POST"), 1 => Just("DELETE")],
        prop_oneof![6 => Just("bank.internal"), 1 => Just("paste.example")],
        prop_oneof![4 => Just("/accounts/1"), 1 => Just("/payments"), 1 => Just("/")],
        authorization,
        prop_oneof![4 => Just(Some(PAYOUT)), 1 => Just(Some(THIEF)), 1 => Just(None)],
    );
    let request = request.prop_map(|(method, host, path, authorization, peer)| {
        Step::Request(Box::new(Call {
            stream: 0,
            method,
            host,
            path,
            authorization,
            peer,
        }))
    });
    let reply = prop_oneof![
        3 => Just(Reply::Mandate("accounts:read")),
        1 => Just(Reply::Mandate("payments:write")),
        1 => Just(Reply::Yes),
        1 => Just(Reply::Nothing),
        1 => proptest::sample::select(Reason::ALL).prop_map(Reply::No),
    ];
    let step = prop_oneof![
        8 => request,
        1 => prop_oneof![Just("bank.internal"), Just("a b")].prop_map(Step::Malformed),
        1 => Just(Step::Revoke),
        5 => reply.prop_map(Step::Answer),
        1 => Just(Step::NotSent),
        2 => (0..900_u64).prop_map(Step::Wait),
        1 => Just(Step::Gone),
    ];
    proptest::collection::vec(step, 1..30)
}

proptest! {
    #[test]
    fn shadow_decides_asks_counts_and_records_what_enforcement_does(
        role in prop_oneof![Just("agent"), Just("resource"), Just("gateway")],
        is_live in prop_oneof![4 => Just(true), 1 => Just(false)],
        steps in steps(),
    ) {
        let mut enforcing = Point::new("enforce", role, is_live);
        let mut shadow = Point::new("shadow", role, is_live);
        for step in &steps {
            enforcing.take(step);
            shadow.take(step);
        }
        prop_assert_eq!(&enforcing.seen, &shadow.seen);
        prop_assert_eq!(enforcing.engine.take_counts(), shadow.engine.take_counts());
        let enforced = events(&mut enforcing.engine);
        let mut shadowed = events(&mut shadow.engine);
        prop_assert!(enforced.iter().all(|event| !event.shadow));
        prop_assert!(shadowed.iter().all(|event| event.shadow));
        for event in &mut shadowed {
            event.shadow = false;
        }
        prop_assert_eq!(enforced, shadowed);
    }
}

fn authorization(verdict: &Verdict) -> Authorization<'_> {
    match verdict {
        Verdict::Settled(Outcome::Forward(forward)) => forward.authorization(),
        Verdict::Settled(Outcome::Pass(pass)) => pass.authorization(),
        other => panic!("not through: {other:?}"),
    }
}

#[test]
fn shadow_takes_a_mandate_away_from_what_is_protected_and_leaves_every_other_credential() {
    let good = mandate("accounts:read", 5);
    let cases = [
        // Good, and for another operation, and broken, and not alone: a mandate all the same.
        (with(&good), Authorization::Remove),
        (with(&mandate("payments:write", 5)), Authorization::Remove),
        (with(&good.replacen('.', ". ", 1)), Authorization::Remove),
        (with(&format!("{good}, Bearer sk-1")), Authorization::Remove),
        (with("sk-live-1"), Authorization::Keep),
        (with("a.b.c"), Authorization::Keep),
        (read(1), Authorization::Keep),
    ];
    for (call, expected) in cases {
        let mut engine = live_in("shadow", "resource");
        let verdict = decide(&mut engine, &call, at(1));
        assert_eq!(authorization(&verdict), expected, "{call:?}");
    }
    let mut pairs = malformed("bank.internal");
    for (credentials, expected) in [
        (vec!["Basic YTpi", "Bearer x"], Authorization::Keep),
        (
            vec!["Basic YTpi", &*good, "Bearer x"],
            Authorization::Remove,
        ),
    ] {
        pairs.truncate(3);
        let header = |value: &str| ("authorization".to_owned(), value.as_bytes().to_vec());
        pairs.extend(credentials.into_iter().map(header));
        let mut engine = live_in("shadow", "resource");
        let head = Head::parse(&pairs).unwrap_err();
        let outcome = engine.refuse_malformed(&pairs, &head, None, at(1));
        assert_eq!(authorization(&outcome.into()), expected);
    }
}

#[test]
fn a_shadow_agent_attaches_its_mandate_only_where_the_request_has_no_credential_of_its_own() {
    let token = mandate("accounts:read", 5);
    for (call, answer, expected) in [
        (read(1), ok(Some(&token)), Authorization::Mandate(&token)),
        (with("sk-live-1"), ok(Some(&token)), Authorization::Keep),
        (read(1), denied(Reason::NoGrant), Authorization::Keep),
        (
            with("sk-live-1"),
            denied(Reason::NoGrant),
            Authorization::Keep,
        ),
    ] {
        let mut engine = live_in("shadow", "agent");
        let question = asked(decide(&mut engine, &call, at(1)));
        engine.sent(question.ticket, 9);
        let mut settled = engine.answered(9, Some(&answer), at(2));
        let verdict = Verdict::from(settled.remove(0).1);
        assert_eq!(authorization(&verdict), expected);
    }
}

#[test]
fn what_closes_the_gate_of_enforcement_does_not_close_shadows() {
    let mut engine = live_in("shadow", "resource");
    let token = mandate("accounts:read", 5);
    for _ in 0..MAX_EVENTS {
        let _ = decide(&mut engine, &read(1), at(1));
    }
    // A backlog that is full, where audit is required.
    let verdict = decide(&mut engine, &with(&token), at(2));
    assert_eq!(reason(&verdict), Some(Reason::AuditUnavailable));
    assert_eq!(authorization(&verdict), Authorization::Remove);
    // A service that does not answer.
    let mut engine = cold_in("shadow", "resource", "required");
    let question = asked(decide(&mut engine, &with(&token), at(0)));
    engine.sent(question.ticket, 9);
    let (settled, _) = engine.give_up_overdue(at(500));
    let [(_, Outcome::Pass(pass))] = settled.as_slice() else {
        panic!("{settled:?}")
    };
    assert_eq!(pass.refused().reason(), Reason::AuthorityUnavailable);
}

#[test]
fn the_service_is_told_that_its_answer_will_not_be_enforced() {
    use caracal_proto::check::{MODE, SHADOW};
    for (mode, expected) in [("enforce", None), ("shadow", Some(SHADOW))] {
        let mut engine = cold_in(mode, "resource", "required");
        let question = asked(decide(&mut engine, &read(1), at(0)));
        let question =
            caracal_proto::extauthz::CheckRequest::decode(question.message.as_slice()).unwrap();
        let extensions = question.attributes.unwrap().context_extensions;
        assert_eq!(extensions.get(MODE).map(String::as_str), expected);
    }
}

#[test]
fn the_access_log_gets_one_line_of_what_was_decided() {
    let note = |mode: &str, call: &Call<'_>| {
        let verdict = decide(&mut live_in(mode, "resource"), call, at(1));
        match verdict {
            Verdict::Settled(Outcome::Forward(forward)) => forward.note().to_owned(),
            Verdict::Settled(Outcome::Refuse(refused)) => refused.note().to_owned(),
            Verdict::Settled(Outcome::Pass(pass)) => pass.refused().note().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let good = with(&mandate("accounts:read", 5));
    let allowed = "outcome=allow operation=read resource=bank application=payout \
                   mandate=mdt_accounts:read_5";
    assert_eq!(note("enforce", &good), allowed);
    assert_eq!(note("shadow", &good), format!("mode=shadow {allowed}"));
    assert_eq!(
        note("enforce", &read(1)),
        "outcome=deny reason=no_mandate operation=read resource=bank"
    );
    let elsewhere = Call {
        host: "x.internal",
        ..read(1)
    };
    assert_eq!(
        note("shadow", &elsewhere),
        "mode=shadow outcome=deny reason=resource_unregistered"
    );
}
