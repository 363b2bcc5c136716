use caracal_mandate::claims::MayAct;
use caracal_proto::check::CALLER;
use caracal_proto::extauthz;
use prost::Message as _;

use super::support::*;
use super::*;
use crate::calls::memory::SharedMemory;
use crate::crypto::PortableVerifier;
use crate::head::Head;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The filters before and behind one workload.
struct Sides {
    inbound: Engine,
    outbound: Engine,
}

impl Sides {
    fn new() -> Self {
        let shared = SharedMemory::default();
        let side = |role: &str| {
            let config = format!(
                r#"{{"role":"{role}","zone":"prod","instance":"{role}","sts":{{"cluster":"sts"}},
                    "allow_mark":"0123456789abcdef","calls":{{"secret":"fedcba9876543210"}}}}"#
            );
            let config = Config::parse(config.as_bytes()).unwrap();
            let engine = Engine::new(config, role, Box::new(PortableVerifier));
            let mut engine = engine.sharing(Box::new(shared.clone()));
            make_live(&mut engine);
            engine
        };
        Self {
            inbound: side("resource"),
            outbound: side("agent"),
        }
    }

    /// A request to the workload with a mandate; gives the `tracestate` that the workload sees.
    fn called(&mut self, stream: StreamId, token: &str, tracestate: &str) -> Option<String> {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("traceparent", TRACE),
            ("tracestate", tracestate),
        ];
        let verdict = on(&mut self.inbound, stream, &headers, Some(PAYOUT));
        let Verdict::Settled(Outcome::Forward(forward)) = verdict else {
            panic!("{verdict:?}")
        };
        forward.tracestate().map(str::to_owned)
    }

    /// A request of the workload; gives the mandate of the caller that the service is asked with.
    fn sends(
        &mut self,
        stream: StreamId,
        headers: &[(&str, &str)],
    ) -> Result<Option<String>, Reason> {
        match on(&mut self.outbound, stream, headers, None) {
            Verdict::Ask(question) => Ok(caller(&question)),
            other => Err(reason(&other).unwrap()),
        }
    }
}

fn on(
    engine: &mut Engine,
    stream: StreamId,
    headers: &[(&str, &str)],
    peer: Option<&str>,
) -> Verdict {
    let request = [
        (":method", "GET"),
        (":authority", "bank.internal"),
        (":path", "/accounts/1"),
    ];
    let headers = headers.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<_> = request
        .iter()
        .chain(headers)
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
        .collect();
    engine.decide(stream, &Head::parse(&pairs).unwrap(), peer, at(1))
}

fn caller(question: &Question) -> Option<String> {
    let asked = extauthz::CheckRequest::decode(question.message.as_slice()).unwrap();
    let mut extensions = asked.attributes.unwrap().context_extensions;
    extensions.remove(CALLER)
}

fn letting_act(session: &str) -> String {
    mandate_with("accounts:read", 5, |claims| {
        session.clone_into(&mut claims.sid);
        claims.may_act = Some(MayAct {
            sub: "bank".parse().unwrap(),
        });
    })
}

#[test]
fn what_a_workload_sends_while_it_is_called_is_asked_for_with_its_callers_mandate() {
    let mut sides = Sides::new();
    let token = letting_act("ses_1");
    let state = sides.called(1, &token, "rojo=1").unwrap();
    assert!(
        state.starts_with("caracal=") && state.ends_with(",rojo=1"),
        "{state}"
    );
    for headers in [
        &[("traceparent", TRACE)][..],
        &[("traceparent", TRACE), ("tracestate", &state)],
    ] {
        let asked = sides.sends(7, headers).unwrap();
        assert_eq!(asked.as_deref(), Some(&*token), "{headers:?}");
        sides.outbound.abandoned(7);
    }
    let other = TRACE.replace("0af", "1af");
    assert_eq!(sides.sends(8, &[("traceparent", &other)]), Ok(None));
    sides.outbound.abandoned(8);
    assert_eq!(sides.sends(9, &[]), Ok(None), "of no trace");
}

#[test]
fn when_the_call_is_over_nobody_acts_for_its_caller_any_more() {
    let mut sides = Sides::new();
    let token = letting_act("ses_1");
    assert!(sides.called(1, &token, "").is_some());
    sides.inbound.finished(1, End::default(), at(1));
    assert_eq!(sides.sends(7, &[("traceparent", TRACE)]), Ok(None));
}

#[test]
fn a_mandate_that_lets_nobody_act_is_not_put_up() {
    let mut sides = Sides::new();
    assert_eq!(
        sides.called(1, &mandate("accounts:read", 5), "rojo=1"),
        None
    );
    assert_eq!(sides.sends(7, &[("traceparent", TRACE)]), Ok(None));
}

#[test]
fn a_request_that_is_refused_is_no_call() {
    let mut sides = Sides::new();
    let token = letting_act("ses_1");
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", &*authorization), ("traceparent", TRACE)];
    let verdict = on(&mut sides.inbound, 1, &headers, Some(THIEF));
    assert_eq!(reason(&verdict), Some(Reason::HolderMismatch));
    assert_eq!(sides.sends(7, &[("traceparent", TRACE)]), Ok(None));
}

#[test]
fn what_was_obtained_for_one_caller_is_used_for_no_other() {
    let mut sides = Sides::new();
    let (one, two) = (letting_act("ses_1"), letting_act("ses_2"));
    let of_one = sides.called(1, &one, "").unwrap();
    let headers = [("traceparent", TRACE), ("tracestate", &*of_one)];
    let Verdict::Ask(question) = on(&mut sides.outbound, 7, &headers, None) else {
        panic!("not asked")
    };
    sides.outbound.sent(question.ticket, 70);
    let obtained = mandate("accounts:read", 5);
    let settled = sides
        .outbound
        .answered(70, Some(&ok(Some(&obtained))), at(1));
    assert_eq!(outcome(&settled[0]), Ok(Some(&*obtained)));
    let again = on(&mut sides.outbound, 8, &headers, None);
    assert_eq!(reason(&again), None, "it is held for this caller");
    let of_two = sides.called(2, &two, "").unwrap();
    let headers = [("traceparent", TRACE), ("tracestate", &*of_two)];
    assert_eq!(
        sides.sends(9, &headers),
        Ok(Some(two)),
        "and not for that one"
    );
}

#[test]
fn a_trace_with_two_callers_and_no_mark_is_refused() {
    let mut sides = Sides::new();
    for (stream, session) in [(1, "ses_1"), (2, "ses_2")] {
        assert!(sides.called(stream, &letting_act(session), "").is_some());
    }
    let refused = sides.sends(7, &[("traceparent", TRACE)]);
    assert_eq!(refused, Err(Reason::CallerAmbiguous));
}
