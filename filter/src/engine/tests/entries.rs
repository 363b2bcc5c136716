//! What became of a request is in the ledger with its decision, or behind it.

mod model;

use caracal_mandate::event::{EndedBy, HttpStatus};
use caracal_proto::ledger::{AppendRequest, AppendResponse, Decision};
use prost::Message as _;

use super::super::entry::MAX_WAIT_MS;
use super::*;
use crate::decision::End;

fn answered(code: u16, duration_us: u64) -> End {
    End {
        status: HttpStatus::try_from(code).ok(),
        ended_by: None,
        duration_us: Some(duration_us),
    }
}

/// Has a request decided on; whether it was let through at once.
fn ask(engine: &mut Engine, call: &Call<'_>, now: u64) -> bool {
    let verdict = decide(engine, call, at(now));
    matches!(verdict, Verdict::Settled(Outcome::Forward(_)))
}

fn reading(stream: StreamId) -> Call<'static> {
    reading_by(&mandate("accounts:read", 5), stream)
}

/// The same by a mandate that was made before: signing takes its time.
fn reading_by(token: &str, stream: StreamId) -> Call<'static> {
    Call {
        stream,
        ..with(token)
    }
}

fn tick(engine: &mut Engine, now: u64) {
    let (settled, calls) = engine.give_up_overdue(at(now));
    assert!(settled.is_empty() && calls.is_empty());
}

/// Gives the ledger one call, which it confirms.
fn ledger(engine: &mut Engine, now: u64) -> Vec<Decision> {
    let Some(call) = engine.backlog().next_call(at(now)) else {
        return Vec::new();
    };
    let decisions = AppendRequest::decode(call.as_slice()).unwrap().decisions;
    let durable = u64::try_from(decisions.len()).unwrap();
    let response = AppendResponse { durable }.encode_to_vec();
    let _ = engine.ledger_answered(Some(&response), at(now));
    decisions
}

#[test]
fn a_request_that_is_soon_over_has_one_event_with_its_end() {
    let mut engine = live("resource");
    assert!(ask(&mut engine, &reading(1), 1));
    assert!(engine.asks_for_end(1));
    tick(&mut engine, MAX_WAIT_MS);
    assert_eq!(ledger(&mut engine, MAX_WAIT_MS), []);
    engine.finished(1, answered(200, 999_000), at(MAX_WAIT_MS));
    let told = ledger(&mut engine, MAX_WAIT_MS);
    let [event] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((event.seq, event.decision, event.status), (1, 0, 200));
    assert_eq!(event.duration_us, Some(999_000));
    assert_eq!(
        (event.time_ms, &*event.path),
        (at(1).unix_ms, "/accounts/1")
    );
    assert!(engine.backlog().is_empty());
}

#[test]
fn one_that_takes_longer_has_its_decision_after_a_second_and_its_response_at_the_end() {
    let mut engine = live("resource");
    assert!(ask(&mut engine, &reading(1), 1));
    tick(&mut engine, 1 + MAX_WAIT_MS);
    let told = ledger(&mut engine, 1 + MAX_WAIT_MS);
    let [decision] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((decision.seq, decision.status), (1, 0));
    tick(&mut engine, 1900);
    engine.finished(1, answered(504, 1_900_000), at(1900));
    let told = ledger(&mut engine, 1900);
    let [response] = told.as_slice() else {
        panic!("{told:?}")
    };
    let expected = Decision {
        seq: 2,
        time_ms: at(1900).unix_ms,
        application: "payout".to_owned(),
        mandate: decision.mandate.clone(),
        request_id: "r-1".to_owned(),
        resource: "https://bank.internal".to_owned(),
        session: "ses_1".to_owned(),
        status: 504,
        duration_us: Some(1_900_000),
        decision: 1,
        ..Decision::default()
    };
    assert_eq!(response, &expected);
}

#[test]
fn an_irreversible_one_is_recorded_before_and_has_its_response_behind() {
    let mut engine = live("resource");
    let transfer = Call {
        method: "POST",
        path: "/transfers",
        ..with(&mandate("transfers:write", 5))
    };
    assert!(!ask(&mut engine, &transfer, 1));
    let told = ledger(&mut engine, 2);
    assert_eq!((told.len(), told[0].seq, told[0].status), (1, 1, 0));
    engine.finished(1, answered(201, 700), at(3));
    let told = ledger(&mut engine, 4);
    assert_eq!((told.len(), told[0].decision, told[0].status), (1, 1, 201));
}

#[test]
fn a_refusal_waits_for_nothing_and_has_no_end() {
    let mut engine = live("resource");
    assert!(ask(&mut engine, &reading(1), 1));
    let thief = Call {
        stream: 2,
        peer: Some(THIEF),
        ..reading(2)
    };
    assert!(!ask(&mut engine, &thief, 1));
    assert!(!engine.asks_for_end(2));
    let told = ledger(&mut engine, 1);
    assert_eq!((told.len(), told[0].seq), (1, 1));
    assert!(!told[0].reason.is_empty());
    engine.finished(2, answered(403, 1), at(2));
    assert_eq!(ledger(&mut engine, 2), []);
}

#[test]
fn what_is_cut_was_ended_by_authority_whatever_the_host_says_and_in_shadow_by_what_it_says() {
    for (mode, ended_by) in [("enforce", "authority"), ("shadow", "client")] {
        let mut engine = live_in(mode, "resource");
        assert!(ask(&mut engine, &reading(1), 1));
        revoke_grant(&mut engine, 5);
        assert_eq!(engine.take_ended(at(2)), [1]);
        let end = End {
            ended_by: Some(EndedBy::Client),
            ..End::default()
        };
        engine.finished(1, end, at(2));
        let told = ledger(&mut engine, 2);
        assert_eq!((told.len(), &*told[0].ended_by), (1, ended_by), "{mode}");
    }
}

#[test]
fn decisions_that_wait_count_and_close_the_gate() {
    let mut engine = live("resource");
    let most = u32::try_from(MAX_EVENTS).unwrap();
    let token = mandate("accounts:read", 5);
    for stream in 1..=most {
        assert!(ask(&mut engine, &reading_by(&token, stream), 1));
    }
    assert_eq!(
        (engine.backlog().len(), engine.backlog().waiting()),
        (MAX_EVENTS, MAX_EVENTS)
    );
    let verdict = decide(&mut engine, &reading(most + 1), at(1));
    assert_eq!(reason(&verdict), Some(Reason::AuditUnavailable));
    engine.finished(1, answered(200, 1), at(1));
    assert_eq!(ledger(&mut engine, 1).len(), 1);
    assert!(ask(&mut engine, &reading(most + 1), 1));
}

#[test]
fn who_does_not_ask_for_ends_has_each_decision_at_once_and_nothing_else() {
    let config = r#"{"role":"resource","zone":"prod","instance":"point","sts":{"cluster":"sts"},
        "audit_outcomes":false,"allow_mark":"0123456789abcdef"}"#;
    let config = Config::parse(config.as_bytes()).unwrap();
    let mut engine = Engine::new(config, "boot", Box::new(crate::crypto::PortableVerifier));
    make_live(&mut engine);
    assert!(ask(&mut engine, &reading(1), 1));
    assert!(!engine.asks_for_end(1));
    assert_eq!(ledger(&mut engine, 1).len(), 1);
    engine.finished(1, answered(200, 1), at(2));
    assert_eq!(ledger(&mut engine, 2), []);
}
