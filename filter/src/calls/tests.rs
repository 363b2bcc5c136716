use proptest::prelude::*;

use super::memory::SharedMemory;
use super::*;

const ID: &str = "0af7651916cd43dd8448eb211c80319c";

/// One proxy.
#[derive(Clone, Default)]
struct Host(SharedMemory);

impl Host {
    fn worker(&self) -> Calls {
        self.with("a secret that nobody else has", 0)
    }

    fn with(&self, secret: &str, linger_s: u32) -> Calls {
        let config = CallsConfig {
            secret: secret.to_owned(),
            linger_s,
        };
        let calls = Calls::new(&config, "acme", Box::new(self.0.clone()));
        calls.prepare();
        calls
    }
}

fn at(second: u64) -> Moment {
    Moment {
        monotonic_ms: second * 1000,
        unix_ms: second * 1000,
    }
}

const fn call<'a>(trace: &'a str, token: &'a str, session: &'a str) -> Call<'a> {
    Call {
        trace,
        token,
        session,
        expires: 300,
    }
}

fn by(id: &str, mark: Option<Mark>) -> Trace<'_> {
    Trace {
        id: Some(id),
        mark,
        ..Trace::default()
    }
}

fn token(found: Result<Option<Caller>, Reason>) -> Option<String> {
    found.unwrap().map(|caller| caller.token)
}

#[test]
fn another_worker_finds_the_caller_for_as_long_as_the_call_lasts() {
    let host = Host::default();
    let (one, other) = (host.worker(), host.worker());
    let open = one.begin(call(ID, "a.b.c", "ses_1"), at(10)).unwrap();
    for mark in [None, Some(open.mark())] {
        let found = other.find(by(ID, mark), at(20));
        assert_eq!(token(found).as_deref(), Some("a.b.c"));
    }
    assert_eq!(token(other.find(by("another", None), at(20))), None);
    one.end(open, at(30));
    assert_eq!(token(other.find(by(ID, None), at(30))), None);
}

#[test]
fn a_call_that_goes_by_its_request_id_is_found_by_it() {
    let host = Host::default();
    let calls = host.worker();
    let _open = calls
        .begin(call("req-1", "a.b.c", "ses_1"), at(10))
        .unwrap();
    let trace = Trace {
        id: Some(ID),
        request_id: Some("req-1"),
        mark: None,
    };
    assert_eq!(token(calls.find(trace, at(11))).as_deref(), Some("a.b.c"));
}

#[test]
fn nothing_outlives_its_mandate() {
    let host = Host::default();
    let calls = host.worker();
    let _open = calls.begin(call(ID, "a.b.c", "ses_1"), at(10)).unwrap();
    assert!(calls.find(by(ID, None), at(299)).unwrap().is_some());
    assert!(calls.find(by(ID, None), at(300)).unwrap().is_none());
}

#[test]
fn a_call_lingers_for_as_long_as_the_configuration_says() {
    let host = Host::default();
    let calls = host.with("secret", 60);
    let open = calls.begin(call(ID, "a.b.c", "ses_1"), at(10)).unwrap();
    calls.end(open, at(20));
    assert!(calls.find(by(ID, None), at(79)).unwrap().is_some());
    assert!(calls.find(by(ID, None), at(80)).unwrap().is_none());
}

#[test]
fn the_same_mandate_is_up_until_its_last_call_is_over() {
    let host = Host::default();
    let calls = host.worker();
    let first = calls.begin(call(ID, "a.b.c", "ses_1"), at(10)).unwrap();
    let second = calls.begin(call(ID, "a.b.c", "ses_1"), at(11)).unwrap();
    calls.end(first, at(12));
    assert!(calls.find(by(ID, None), at(13)).unwrap().is_some());
    calls.end(second, at(14));
    assert!(calls.find(by(ID, None), at(15)).unwrap().is_none());
}

#[test]
fn two_callers_in_one_trace_are_told_apart_by_the_mark_or_not_at_all() {
    let host = Host::default();
    let calls = host.worker();
    let one = calls.begin(call(ID, "a.b.c", "ses_1"), at(10)).unwrap();
    let two = calls.begin(call(ID, "d.e.f", "ses_2"), at(10)).unwrap();
    let found = |mark| calls.find(by(ID, mark), at(11));
    assert_eq!(found(None), Err(Reason::CallerAmbiguous));
    assert_eq!(token(found(Some(one.mark()))).as_deref(), Some("a.b.c"));
    assert_eq!(token(found(Some(two.mark()))).as_deref(), Some("d.e.f"));
    let strange = Mark([9; MARK_BYTES]);
    assert_eq!(token(found(Some(strange))), None, "a mark of nobody");
}

#[test]
fn a_caller_that_renewed_its_mandate_is_still_one_caller() {
    let host = Host::default();
    let calls = host.worker();
    let _old = calls.begin(call(ID, "a.b.c", "ses_1"), at(10)).unwrap();
    let newer = Call {
        expires: 400,
        ..call(ID, "d.e.f", "ses_1")
    };
    let _new = calls.begin(newer, at(10)).unwrap();
    let found = calls.find(by(ID, None), at(11));
    assert_eq!(token(found).as_deref(), Some("d.e.f"));
}

#[test]
fn neither_a_mandate_nor_a_trace_can_be_read_from_what_is_shared() {
    let host = Host::default();
    let calls = host.worker();
    let _open = calls
        .begin(call(ID, "header.payload.signature", "ses_1"), at(10))
        .unwrap();
    let everything = host.0.everything();
    for secret in ["header", "payload", "signature", "ses_1", ID] {
        let secret = secret.as_bytes();
        assert!(!everything.windows(secret.len()).any(|part| part == secret));
    }
}

#[test]
fn what_another_plugin_copies_to_another_trace_or_makes_up_does_not_open() {
    let host = Host::default();
    let calls = host.worker();
    let open = calls.begin(call(ID, "a.b.c", "ses_1"), at(10)).unwrap();
    let from = open.0.slot();
    let mut stolen = calls.board.read(from);
    let other = "4bf92f3577b34da6a3ce929d0e0e4736";
    for entry in &mut stolen {
        entry.trace = calls.seal.trace(other).to_vec();
    }
    let to = seal::slot_of(calls.seal.trace(other));
    calls.board.change(to, |entries| {
        entries.extend(stolen.clone());
        true
    });
    assert_eq!(token(calls.find(by(other, None), at(11))), None);
    let longer = |entries: &mut Vec<Entry>| {
        for entry in entries {
            entry.expires += 1;
        }
        true
    };
    calls.board.change(from, longer);
    assert_eq!(token(calls.find(by(ID, None), at(11))), None);
    let stranger = host.with("another secret", 0);
    assert_eq!(token(stranger.find(by(ID, None), at(11))), None);
}

#[test]
fn a_call_for_which_there_is_no_room_is_not_put_up_and_takes_nobodys_place() {
    let host = Host::default();
    let calls = host.worker();
    let tokens: Vec<_> = (0..board::MAX_CALLS_OF_SLOT)
        .map(|number| format!("token.{number}"))
        .collect();
    let open: Vec<_> = tokens
        .iter()
        .map(|token| calls.begin(call(ID, token, token), at(10)).unwrap())
        .collect();
    assert!(calls.begin(call(ID, "one.more", "ses_1"), at(10)).is_none());
    for (open, token) in open.iter().zip(&tokens) {
        let found = calls.find(by(ID, Some(open.mark())), at(11)).unwrap();
        assert_eq!(&found.unwrap().token, token);
    }
    // What is over makes room.
    let later = Call {
        expires: 900,
        ..call(ID, "one.more", "ses_1")
    };
    assert!(calls.begin(later, at(301)).is_some());
}

#[test]
fn what_somebody_plants_beside_a_call_changes_nothing() {
    let host = Host::default();
    let calls = host.worker();
    let open = calls.begin(call(ID, "a.b.c", "ses_1"), at(10)).unwrap();
    let plant = |entries: &mut Vec<Entry>| {
        let planted = entries.iter().map(|entry| Entry {
            caller: vec![9; MARK_BYTES],
            expires: 900,
            sealed: vec![9; 60],
            ..entry.clone()
        });
        let planted: Vec<_> = planted.collect();
        entries.extend(planted);
        true
    };
    calls.board.change(open.0.slot(), plant);
    assert_eq!(
        token(calls.find(by(ID, None), at(11))).as_deref(),
        Some("a.b.c")
    );
    let _again = calls.begin(call(ID, "a.b.c", "ses_1"), at(12)).unwrap();
    assert_eq!(calls.board.read(open.0.slot()).len(), 1, "it is put right");
}

#[test]
fn a_slot_that_somebody_fills_with_anything_holds_nothing() {
    let host = Host::default();
    let calls = host.worker();
    let _open = calls.begin(call(ID, "a.b.c", "ses_1"), at(10)).unwrap();
    host.0.overwrite(&[0xff; 40]);
    assert_eq!(token(calls.find(by(ID, None), at(11))), None);
    assert!(calls.begin(call(ID, "a.b.c", "ses_1"), at(12)).is_some());
}

/// What the model knows of a call: its trace, its mandate's number, and when that is void.
type Known = (usize, u64, u64);

proptest! {
    /// Two workers and a map: whoever looks finds the callers of the calls that are under way, and nobody
    /// else.
    #[test]
    fn workers_that_come_first_lose_nobody(
        steps in proptest::collection::vec((0..6_u8, 0..3_usize, 0..3_u64, 0..3_u32), 1..60),
    ) {
        let host = Host::default();
        let workers = [host.worker(), host.worker()];
        let traces = [ID, "4bf92f3577b34da6a3ce929d0e0e4736", "req-1"];
        let mut open: Vec<(OpenCall, Known)> = Vec::new();
        for (second, (kind, trace, mandate, contention)) in (10_u64..).zip(steps) {
            let [one, other] = &workers;
            let worker = if contention % 2 == 0 { one } else { other };
            host.0.contend(contention);
            let token = format!("token.{mandate}");
            let expires = 30 + 10 * mandate;
            if kind < 3 && second < expires {
                let new = Call { expires, ..call(traces[trace], &token, &token) };
                open.push((worker.begin(new, at(second)).unwrap(), (trace, mandate, expires)));
            } else if kind < 5 && !open.is_empty() {
                let (call, _) = open.swap_remove(trace % open.len());
                worker.end(call, at(second));
            }
            host.0.contend(0);
            for (number, id) in traces.iter().enumerate() {
                let mut expected: Vec<u64> = open
                    .iter()
                    .filter(|(_, (trace, _, expires))| *trace == number && second < *expires)
                    .map(|(_, (_, mandate, _))| *mandate)
                    .collect();
                expected.sort_unstable();
                expected.dedup();
                let found = worker.find(by(id, None), at(second));
                match expected.as_slice() {
                    [] => prop_assert_eq!(found, Ok(None)),
                    [one] => prop_assert_eq!(found.unwrap().unwrap().token, format!("token.{one}")),
                    _ => prop_assert_eq!(found, Err(Reason::CallerAmbiguous)),
                }
            }
        }
    }
}
