use std::time::Duration;

use caracal_mandate::event::{Component, Emitter, Event};
use tokio::time::Instant;

use super::super::cast::steady;
use super::super::oracle::Span;
use super::*;

fn record(request_id: &str, decided: Result<&str, Reason>) -> Record {
    let emitter = Emitter {
        boot: "boot-1".to_owned(),
        name: "sts".to_owned(),
        seq: 1,
    };
    let (action, component) = (Action::Exchange, Component::Sts);
    let mut event = Event::new("z", component, action, Outcome::Deny, emitter, 1);
    event.request_id = Some(request_id.to_owned());
    match decided {
        Ok(mandate) => {
            event.outcome = Outcome::Allow;
            event.mandate = Some(mandate.to_owned());
        }
        Err(reason) => event.reason = Some(reason),
    }
    Record {
        event,
        peer: "local".to_owned(),
        recorded_ms: 2,
    }
}

fn change(seq: u64) -> Record {
    let mut record = record("", Ok(""));
    record.event.action = Action::Admin;
    record.event.request_id = None;
    record.event.epoch = Some(seq);
    record
}

fn attempt(request_id: &str, answer: Answer) -> Attempt {
    let sent = Instant::now();
    let answered = sent + Duration::from_millis(1);
    Attempt {
        request_id: request_id.to_owned(),
        replica: 0,
        pair: steady("a"),
        span: Span { sent, answered },
        answer,
    }
}

fn yes(mandate: &str) -> Answer {
    Answer::Allowed {
        mandate: mandate.to_owned(),
        kid: "k".to_owned(),
    }
}

fn books(records: impl IntoIterator<Item = Record>) -> Books {
    let mut books = Books::default();
    records.into_iter().for_each(|record| books.add(record));
    books
}

fn unanswered() -> Answer {
    Answer::Unanswered("reset".to_owned())
}

#[test]
fn books_that_agree_are_clean() {
    let books = books([
        record("1", Ok("mdt_1")),
        record("2", Err(Reason::NoGrant)),
        record("3", Ok("mdt_3")),
        change(7),
    ]);
    let attempts = [
        attempt("1", yes("mdt_1")),
        attempt("2", Answer::Refused(Reason::NoGrant)),
        attempt("3", unanswered()),
        attempt("4", unanswered()),
    ];
    assert_eq!(books.compare(&attempts, &[7]), Account::default());
    assert_eq!(books.boot("1"), Some("boot-1"));
    assert_eq!(books.entries(), 4);
}

#[test]
fn a_planted_hole_a_repetition_and_a_change_of_words_are_each_counted() {
    let recorded = [record("1", Ok("mdt_1")), record("2", Err(Reason::NoGrant))];
    let attempts = [
        attempt("1", yes("mdt_1")),
        attempt("2", Answer::Refused(Reason::NoGrant)),
    ];
    let of = |records: Vec<Record>| books(records).compare(&attempts, &[]);
    let [one, two] = recorded;
    assert_eq!(of(vec![one.clone()]).lost, 1);
    assert_eq!(of(vec![two.clone()]).lost, 1);
    assert_eq!(of(vec![one.clone(), two.clone(), two.clone()]).repeated, 1);
    assert_eq!(of(vec![record("1", Ok("mdt_9")), two.clone()]).different, 1);
    assert_eq!(
        of(vec![record("1", Err(Reason::NoGrant)), two]).different,
        1
    );
    assert_eq!(of(vec![one, record("2", Ok("mdt_2"))]).different, 1);
    assert_eq!(books([change(7)]).compare(&[], &[7, 8]).lost, 1);
}

#[test]
fn a_yes_that_was_recorded_and_not_released_is_no_loss() {
    let attempts = [attempt("1", Answer::Refused(Reason::AuditUnavailable))];
    let account = books([record("1", Ok("mdt_1"))]).compare(&attempts, &[]);
    assert!(account.is_clean());
    assert_eq!(account.withheld, 1);
    assert_eq!(
        books([]).compare(&attempts, &[]).lost,
        1,
        "it has to be there all the same"
    );
}

#[test]
fn who_was_turned_away_unproven_is_counted_apart_and_nobody_else() {
    let away = |application, reason| Attempt {
        pair: steady(application),
        ..attempt("1", Answer::Refused(reason))
    };
    let of = |attempt| books([]).compare(&[attempt], &[]);
    let unproven = of(away(TOKEN_CLIENT, Reason::IssuerUnavailable));
    assert_eq!((unproven.unproven, unproven.lost), (1, 0));
    assert_eq!(of(away(TOKEN_CLIENT, Reason::AuditUnavailable)).lost, 1);
    assert_eq!(of(away("a", Reason::IssuerUnavailable)).lost, 1);
}
