//! What cannot be undone is in the ledger before it is let through.

use caracal_proto::ledger::{AppendRequest, AppendResponse};
use prost::Message as _;

use super::*;

fn transfer(stream: StreamId) -> Call<'static> {
    Call {
        stream,
        method: "POST",
        path: "/transfers",
        ..with(&mandate("transfers:write", 5))
    }
}

fn waits(engine: &mut Engine, stream: StreamId, now: u64) {
    let verdict = decide(engine, &transfer(stream), at(now));
    assert!(
        matches!(verdict, Verdict::Settled(Outcome::Record)),
        "{verdict:?}"
    );
}

/// Gives the ledger one call, which it answers so.
fn ledger(engine: &mut Engine, is_durable: bool, now: u64) -> Vec<(StreamId, Option<Reason>)> {
    let call = engine.backlog().next_call(at(now)).unwrap();
    let count = AppendRequest::decode(call.as_slice())
        .unwrap()
        .decisions
        .len();
    let durable = u64::try_from(count).unwrap();
    let response = is_durable.then(|| AppendResponse { durable }.encode_to_vec());
    let settled = engine.ledger_answered(response.as_deref(), at(now));
    outcomes(&settled)
}

fn outcomes(settled: &[Settled]) -> Vec<(StreamId, Option<Reason>)> {
    let reason = |settled| outcome(settled).err();
    settled
        .iter()
        .map(|settled| (settled.0, reason(settled)))
        .collect()
}

#[test]
fn it_goes_on_when_its_decision_is_durable_and_is_recorded_once() {
    let mut engine = live("resource");
    waits(&mut engine, 1, 1);
    assert!(engine.is_recording());
    assert_eq!(engine.take_counts().allowed, 0);
    assert_eq!(ledger(&mut engine, true, 2), [(1, None)]);
    assert_eq!(engine.take_counts().allowed, 1);
    assert!(!engine.is_recording());
    assert_eq!(events(&mut engine), []);
}

#[test]
fn other_operations_do_not_wait() {
    let mut engine = live("resource");
    let verdict = decide(&mut engine, &with(&mandate("accounts:read", 5)), at(1));
    assert_eq!(reason(&verdict), None);
    assert!(!engine.is_recording());
}

#[test]
fn an_agents_sidecar_waits_too_and_attaches_its_mandate_then() {
    let mut engine = live("agent");
    let call = Call {
        authorization: None,
        ..transfer(1)
    };
    let question = asked(decide(&mut engine, &call, at(1)));
    engine.sent(question.ticket, 9);
    let token = mandate("transfers:write", 5);
    let settled = engine.answered(9, Some(&ok(Some(&token))), at(2));
    assert!(matches!(settled.as_slice(), [(1, Outcome::Record)]));
    let call = engine.backlog().next_call(at(3)).unwrap();
    assert_eq!(
        AppendRequest::decode(call.as_slice())
            .unwrap()
            .decisions
            .len(),
        1
    );
    let durable = AppendResponse { durable: 1 }.encode_to_vec();
    let settled = engine.ledger_answered(Some(&durable), at(3));
    assert_eq!(outcome(&settled[0]), Ok(Some(&*token)));
}

#[test]
fn what_is_revoked_while_it_waits_is_refused_and_the_ledger_has_both() {
    let mut engine = live("resource");
    waits(&mut engine, 1, 1);
    revoke_grant(&mut engine, 5);
    assert_eq!(ledger(&mut engine, true, 2), [(1, Some(Reason::Revoked))]);
    let reasons: Vec<_> = events(&mut engine)
        .into_iter()
        .map(|event| event.reason)
        .collect();
    assert_eq!(reasons, ["revoked"]);
}

#[test]
fn it_is_not_let_through_on_a_lease_that_ended_while_it_waited() {
    let mut engine = live("resource");
    waits(&mut engine, 1, 1999);
    assert_eq!(
        ledger(&mut engine, true, 2001),
        [(1, Some(Reason::AuthorityUnavailable))]
    );
}

#[test]
fn a_ledger_that_is_away_refuses_it_in_time() {
    let mut engine = live("resource");
    waits(&mut engine, 1, 1);
    assert_eq!(ledger(&mut engine, false, 2), []);
    assert!(engine.give_up_overdue(at(500)).0.is_empty());
    let (settled, _) = engine.give_up_overdue(at(501));
    assert_eq!(outcomes(&settled), [(1, Some(Reason::AuditUnavailable))]);
    assert_eq!(ledger(&mut engine, true, 600), [], "nobody waits any more");
}

#[test]
fn also_where_other_operations_need_no_record_a_full_backlog_refuses_it() {
    let mut engine = cold("resource", "besteffort");
    make_live(&mut engine);
    let read = with(&mandate("accounts:read", 5));
    for _ in 0..MAX_EVENTS {
        assert_eq!(reason(&decide(&mut engine, &read, at(1))), None);
    }
    assert_eq!(
        reason(&decide(&mut engine, &transfer(2), at(1))),
        Some(Reason::AuditUnavailable)
    );
}

#[test]
fn a_decision_that_was_dropped_on_its_way_lets_nothing_through() {
    let mut engine = cold("resource", "besteffort");
    make_live(&mut engine);
    waits(&mut engine, 1, 1);
    let read = with(&mandate("accounts:read", 5));
    for _ in 0..=MAX_EVENTS {
        assert_eq!(reason(&decide(&mut engine, &read, at(1))), None);
    }
    assert_eq!(
        ledger(&mut engine, true, 2),
        [(1, Some(Reason::AuditUnavailable))]
    );
}

#[test]
fn a_request_that_is_gone_is_not_settled() {
    let mut engine = live("resource");
    waits(&mut engine, 1, 1);
    waits(&mut engine, 2, 1);
    engine.abandoned(1);
    assert_eq!(ledger(&mut engine, true, 2), [(2, None)]);
}

#[test]
fn shadow_does_not_make_it_wait() {
    let mut engine = live_in("shadow", "resource");
    assert_eq!(reason(&decide(&mut engine, &transfer(1), at(1))), None);
}

#[test]
fn the_services_yes_was_recorded_before_it_was_given() {
    let mut engine = cold("resource", "required");
    let question = asked(decide(&mut engine, &transfer(1), at(1)));
    engine.sent(question.ticket, 9);
    let settled = engine.answered(9, Some(&ok(None)), at(2));
    assert_eq!(outcomes(&settled), [(1, None)]);
}
