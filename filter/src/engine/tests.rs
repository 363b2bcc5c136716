mod calling;
mod delegators;
mod entries;
mod irreversible;
mod shadow;
mod streams;
mod support;

use caracal_mandate::revocation::{RevocationId, RevocationKind};
use caracal_proto::enforcement as wire;
use caracal_proto::enforcement::item::Item;
use caracal_proto::enforcement::watch_response::Message;

use self::support::*;
use super::*;
use crate::backlog::MAX_EVENTS;

#[test]
fn a_resource_lets_a_good_mandate_through_and_strips_it() {
    let mut engine = live("resource");
    let verdict = decide(&mut engine, &with(&mandate("accounts:read", 5)), at(1));
    let Verdict::Settled(Outcome::Forward(forward)) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(attached(&forward), None);
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
            (events.len(), &*events[0].reason),
            (1, expected.as_str()),
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
fn what_is_suspended_is_refused_until_it_is_resumed() {
    let mut engine = live("resource");
    let token = mandate("accounts:read", 5);
    let id = RevocationId::new(RevocationKind::Session, "prod", "ses_1").0;
    let other = RevocationId::new(RevocationKind::Session, "prod", "ses_2").0;
    for (from, item, expected) in [
        (5, Item::Suspended(other), None),
        (6, Item::Suspended(id), Some(Reason::Suspended)),
        (7, Item::Resumed(other), Some(Reason::Suspended)),
        (8, Item::Resumed(id), None),
    ] {
        let delta = wire::Delta {
            from: Some(version(from)),
            to: Some(version(from + 1)),
            items: vec![wire::Item { item: Some(item) }],
        };
        send(&mut engine, Message::Delta(delta));
        let decision = decide(&mut engine, &with(&token), at(1));
        assert_eq!(reason(&decision), expected, "after {from}");
    }
}

#[test]
fn a_clock_that_steps_forward_and_is_set_right_again_forgets_no_revocation() {
    let mut engine = live("resource");
    let token = mandate("accounts:read", 5);
    revoke_grant(&mut engine, 5);
    let read = |second, ahead_ms| Reading {
        monotonic_ms: at(second).monotonic_ms,
        unix_ms: at(second).unix_ms + ahead_ms,
    };
    engine.expire(read(1, 0));
    engine.expire(read(2, 3_600_000));
    assert_eq!(
        reason(&decide(&mut engine, &with(&token), at(3))),
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
fn the_services_yes_is_good_for_a_lease_from_the_question_less_the_age_of_its_knowledge() {
    let token = mandate("accounts:read", 5);
    // Frozen between the question and the answer, or served by one that has lost its database.
    for (role, age, at_ms, good) in [
        ("resource", Some(1), 1998, true),
        ("resource", Some(1), 1999, false),
        ("resource", Some(1500), 499, true),
        ("resource", Some(1500), 500, false),
        ("resource", Some(2001), 0, false),
        ("resource", None, 0, false),
        ("agent", Some(1500), 499, true),
        ("agent", Some(1500), 500, false),
    ] {
        let mut engine = cold(role, "required");
        let question = asked(decide(&mut engine, &with(&token), at(0)));
        engine.sent(question.ticket, 9);
        let mandate = (role == "agent").then_some(token.as_str());
        let settled = engine.answered(9, Some(&ok_of_age(mandate, age)), at(at_ms));
        let expected = if good {
            Ok(mandate)
        } else {
            Err(Reason::AuthorityUnavailable)
        };
        assert_eq!(outcome(&settled[0]), expected, "{role} {age:?} {at_ms}");
    }
}

#[test]
fn an_exchange_whose_lease_ended_meanwhile_is_no_exception() {
    let token = mandate("accounts:read", 5);
    for (age, good) in [(1, true), (1500, false)] {
        let mut engine = live("agent");
        let question = asked(decide(&mut engine, &read(1), at(1600)));
        engine.sent(question.ticket, 9);
        // The lease of the feed ends at 2 s.
        let yes = ok_of_age(Some(&token), Some(age));
        let settled = engine.answered(9, Some(&yes), at(2100));
        assert_eq!(outcome(&settled[0]).is_ok(), good, "{age}");
    }
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
    assert_eq!(attached(&forward), Some(&*token));
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
    assert_eq!(event.reason, "", "an allow");
    assert_eq!(event.application, "payout");
    assert_eq!(event.grant, "grt_1");
    assert_eq!(event.session, "ses_1");
    assert_eq!(event.holder, PAYOUT);
    assert_eq!(event.resource, "https://bank.internal");
    assert_eq!(event.scopes, ["accounts:read"]);
    assert_eq!(event.operation, "read");
    assert_eq!(event.path, "/accounts/1");
    assert_eq!(event.request_id, "r-1");
    assert_eq!(event.epoch, Some(5));
}

#[test]
fn a_broken_feed_ends_trust_at_once() {
    let mut engine = live("resource");
    assert!(engine.feed_message(&[0xff]).is_err());
    let verdict = decide(&mut engine, &with(&mandate("accounts:read", 5)), at(1));
    assert!(matches!(verdict, Verdict::Ask(_)));
}
