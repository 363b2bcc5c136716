use super::batch::MAX_BATCH_BYTES;
use super::*;
use caracal_proto::ledger::AppendRequest;
use proptest::prelude::*;

fn backlog(mode: AuditMode) -> Backlog {
    Backlog::new(mode, "z", "sidecar", "b00t")
}

fn at(monotonic_ms: u64) -> Moment {
    Moment {
        monotonic_ms,
        unix_ms: 0,
    }
}

fn record(backlog: &mut Backlog) {
    let decision = Decision {
        time_ms: 1,
        ..Decision::default()
    };
    backlog.push(&decision, End::default());
}

fn numbers(call: &[u8]) -> Vec<u64> {
    let request = AppendRequest::decode(call).unwrap();
    assert_eq!(
        [request.zone, request.name, request.boot],
        ["z", "sidecar", "b00t"]
    );
    request.decisions.iter().map(|event| event.seq).collect()
}

fn durable(count: u64) -> Vec<u8> {
    AppendResponse { durable: count }.encode_to_vec()
}

#[test]
fn events_are_sent_again_under_the_same_numbers_until_they_are_durable() {
    let mut backlog = backlog(AuditMode::Required);
    (0..3).for_each(|_| record(&mut backlog));
    let first = backlog.next_call(at(0)).unwrap();
    assert_eq!(backlog.next_call(at(0)), None, "one call at a time");
    backlog.answered(None, at(0));
    assert_eq!(backlog.next_call(at(100)).unwrap(), first);
    record(&mut backlog);
    backlog.answered(Some(&durable(2)), at(100));
    assert_eq!(backlog.next_call(at(400)).unwrap(), first);
    backlog.answered(Some(&durable(3)), at(400));
    assert_eq!(numbers(&backlog.next_call(at(400)).unwrap()), [4]);
    backlog.answered(Some(&durable(1)), at(400));
    assert!(backlog.is_empty());
}

#[test]
fn when_audit_is_required_a_full_backlog_closes_the_gate_and_loses_nothing() {
    let mut backlog = backlog(AuditMode::Required);
    (0..MAX_EVENTS).for_each(|_| record(&mut backlog));
    assert_eq!(backlog.has_room(), Err(Full));
    record(&mut backlog);
    assert_eq!((backlog.len(), backlog.dropped()), (MAX_EVENTS, 1));
    assert_eq!(numbers(&backlog.next_call(at(0)).unwrap())[0], 1);
}

#[test]
fn best_effort_drops_the_oldest_and_its_number_is_missing() {
    let mut backlog = backlog(AuditMode::Besteffort);
    (0..=MAX_EVENTS).for_each(|_| record(&mut backlog));
    assert_eq!(backlog.has_room(), Ok(()));
    assert_eq!(numbers(&backlog.next_call(at(0)).unwrap())[0], 2);
}

#[test]
fn what_is_in_flight_is_not_dropped() {
    let mut backlog = backlog(AuditMode::Besteffort);
    (0..MAX_EVENTS).for_each(|_| record(&mut backlog));
    let sent = numbers(&backlog.next_call(at(0)).unwrap());
    record(&mut backlog);
    backlog.answered(Some(&durable(u64::try_from(sent.len()).unwrap())), at(0));
    let next = numbers(&backlog.next_call(at(0)).unwrap());
    assert_eq!(
        next[0],
        sent.last().unwrap() + 2,
        "the oldest that was not in flight went"
    );
}

#[test]
fn where_all_wait_the_one_that_finds_no_room_leaves_a_gap_between_two_calls() {
    let mut backlog = backlog(AuditMode::Besteffort);
    record(&mut backlog);
    assert_eq!(numbers(&backlog.next_call(at(0)).unwrap()), [1]);
    let wait = |_| backlog.take(&Decision::default()).unwrap();
    let drafts: Vec<_> = (1..MAX_EVENTS).map(wait).collect();
    record(&mut backlog);
    assert_eq!(
        (backlog.len(), backlog.waiting(), backlog.dropped()),
        (MAX_EVENTS, MAX_EVENTS - 1, 1)
    );
    backlog.answered(None, at(0));
    for draft in drafts {
        backlog.hand_over(draft, End::default());
    }
    // What a call confirms is a range of numbers, so none of another event may be in it.
    assert_eq!(numbers(&backlog.next_call(at(100)).unwrap()), [1]);
    assert_eq!(backlog.answered(Some(&durable(1)), at(100)), Some(1..=1));
    assert_eq!(numbers(&backlog.next_call(at(100)).unwrap())[0], 3);
}

#[test]
fn large_decisions_are_bounded_by_their_bytes_and_go_in_smaller_calls() {
    let mut backlog = backlog(AuditMode::Required);
    let path = "a".repeat(MAX_BATCH_BYTES);
    let large = Decision {
        path: &path,
        ..Decision::default()
    };
    while backlog.has_room().is_ok() {
        backlog.push(&large, End::default());
    }
    assert_eq!(backlog.len(), MAX_BYTES / path.len());
    assert_eq!(numbers(&backlog.next_call(at(0)).unwrap()), [1]);
    backlog.answered(Some(&durable(1)), at(0));
    assert_eq!(numbers(&backlog.next_call(at(0)).unwrap()), [2]);
    let path = "a".repeat(MAX_BATCH_BYTES * 2);
    let mut backlog = self::backlog(AuditMode::Required);
    let larger = Decision {
        path: &path,
        ..large
    };
    backlog.push(&larger, End::default());
    assert_eq!(
        numbers(&backlog.next_call(at(0)).unwrap()),
        [1],
        "never stuck"
    );
}

#[test]
fn a_ledger_that_fails_is_given_more_and_more_time_and_none_once_it_answers() {
    let mut backlog = backlog(AuditMode::Required);
    record(&mut backlog);
    let mut now = 0;
    for pause in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
        assert!(backlog.next_call(at(now)).is_some());
        backlog.answered(None, at(now));
        assert!(backlog.next_call(at(now + pause - 1)).is_none());
        now += pause;
    }
    assert!(backlog.next_call(at(now)).is_some());
    backlog.answered(Some(&durable(1)), at(now));
    record(&mut backlog);
    assert!(backlog.next_call(at(now)).is_some());
}

#[test]
fn a_whole_call_that_waits_is_pressing() {
    let mut backlog = backlog(AuditMode::Required);
    (1..MAX_BATCH_EVENTS).for_each(|_| record(&mut backlog));
    assert!(!backlog.is_pressing());
    record(&mut backlog);
    assert!(backlog.is_pressing());
}

proptest! {
    /// Whatever comes, goes, fails and is dropped: decisions arrive in order, each once, and what is
    /// missing was counted.
    #[test]
    fn every_decision_arrives_once_and_in_order_or_is_counted(
        mode in proptest::sample::select(vec![AuditMode::Required, AuditMode::Besteffort]),
        steps in proptest::collection::vec((0..3_u8, 1..6_000_u32), 1..40),
    ) {
        let mut backlog = backlog(mode);
        let (mut pushed, mut now, mut arrived) = (0_u64, 0, Vec::new());
        let mut call = None;
        for (step, count) in steps {
            now += 10_000;
            match step {
                0 => (0..count).for_each(|_| {
                    record(&mut backlog);
                    pushed += 1;
                }),
                1 => call = backlog.next_call(at(now)).or(call),
                _ => {
                    let Some(sent) = call.take() else { continue };
                    let sent = numbers(&sent);
                    let good = count % 3 > 0;
                    let response = durable(u64::try_from(sent.len()).unwrap());
                    backlog.answered(good.then_some(response.as_slice()), at(now));
                    if good {
                        arrived.extend(sent);
                    }
                }
            }
            prop_assert!(backlog.len() <= MAX_EVENTS);
        }
        if let Some(sent) = call.take() {
            let sent = numbers(&sent);
            backlog.answered(Some(&durable(u64::try_from(sent.len()).unwrap())), at(now));
            arrived.extend(sent);
        }
        now += 10_000;
        while let Some(sent) = backlog.next_call(at(now)) {
            let sent = numbers(&sent);
            backlog.answered(Some(&durable(u64::try_from(sent.len()).unwrap())), at(now));
            arrived.extend(sent);
        }
        prop_assert!(backlog.is_empty());
        prop_assert!(arrived.is_sorted_by(|before, after| before < after));
        prop_assert_eq!(u64::try_from(arrived.len()).unwrap() + backlog.dropped(), pushed);
    }
}
