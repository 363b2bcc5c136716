//! What was let through ends with its mandate.

use caracal_mandate::revocation::{RevocationId, RevocationKind};
use proptest::prelude::*;

use super::super::streams::MAX_STREAMS;
use super::*;

/// A point with a lease that is renewed on demand.
struct Point {
    engine: Engine,
    now: u64,
    epoch: u64,
    nonce: u64,
}

impl Point {
    fn live() -> Self {
        Self {
            engine: live("resource"),
            now: 1,
            epoch: 5,
            nonce: 1,
        }
    }

    fn renew(&mut self) {
        let _ = self.engine.feed().ping(self.now);
        self.nonce += 1;
        let pong = wire::Pong {
            nonce: self.nonce,
            version: Some(version(self.epoch)),
            read_age_ms: 0,
        };
        send(&mut self.engine, Message::Pong(pong));
    }

    fn change(&mut self, item: Item) {
        let delta = wire::Delta {
            from: Some(version(self.epoch)),
            to: Some(version(self.epoch + 1)),
            items: vec![wire::Item { item: Some(item) }],
        };
        send(&mut self.engine, Message::Delta(delta));
        self.epoch += 1;
    }

    fn revoke(&mut self, kind: RevocationKind, id: &str) {
        self.change(Item::Revocation(wire::Revocation {
            id: RevocationId::new(kind, "prod", id).0,
            issued_until: u64::MAX,
            expires: u64::MAX,
        }));
    }

    /// Lets a request through; whether it was.
    fn begin(&mut self, stream: StreamId, token: &str) -> bool {
        let call = Call {
            stream,
            ..with(token)
        };
        reason(&decide(&mut self.engine, &call, at(self.now))).is_none()
    }

    fn cut(&mut self) -> Vec<StreamId> {
        let mut ended = self.engine.take_ended(at(self.now));
        ended.sort_unstable();
        ended
    }
}

#[test]
fn a_revocation_names_what_rests_on_it_once_and_nothing_else() {
    let mut point = Point::live();
    let (one, other) = (mandate("accounts:read", 5), mandate("accounts:read", 4));
    for (stream, token) in [(1, &one), (2, &one), (3, &one), (4, &other)] {
        assert!(point.begin(stream, token));
    }
    assert!(point.cut().is_empty());
    point.engine.finished(3, End::default(), at(0));
    point.revoke(RevocationKind::Mandate, "mdt_accounts:read_5");
    assert_eq!(point.cut(), [1, 2]);
    assert!(point.cut().is_empty());
    assert_eq!(point.engine.take_counts().streams_cut, 2);
    point.revoke(RevocationKind::Session, "ses_1");
    assert_eq!(point.cut(), [4]);
}

#[test]
fn a_suspension_cuts_what_rests_on_it_and_resuming_brings_nothing_back() {
    let mut point = Point::live();
    let token = mandate("accounts:read", 5);
    assert!(point.begin(1, &token));
    let id = RevocationId::new(RevocationKind::Application, "prod", "payout").0;
    point.change(Item::Suspended(id));
    assert_eq!(point.cut(), [1]);
    assert!(!point.begin(2, &token));
    point.change(Item::Resumed(id));
    assert!(point.cut().is_empty());
    assert!(point.begin(3, &token));
}

#[test]
fn a_request_ends_when_its_mandate_does_and_when_its_key_goes() {
    let mut point = Point::live();
    let token = mandate("accounts:read", 5);
    assert!(point.begin(1, &token));
    for (ms, ended) in [(299_999, vec![]), (300_000, vec![1])] {
        point.now = ms;
        point.renew();
        assert_eq!(point.cut(), ended, "{ms}");
    }
    let mut point = Point::live();
    assert!(point.begin(1, &token));
    point.change(Item::KeyRemoved(ZoneKey::new().1.kid().to_owned()));
    assert_eq!(point.cut(), [1]);
}

#[test]
fn without_live_authority_what_was_decided_here_ends() {
    let mut point = Point::live();
    let token = mandate("accounts:read", 5);
    assert!(point.begin(1, &token));
    point.now = 1500;
    assert!(point.begin(2, &token));
    // The lease of the feed ends at 2 s.
    for (ms, ended) in [(1999, vec![]), (2001, vec![1, 2])] {
        point.now = ms;
        assert_eq!(point.cut(), ended, "{ms}");
    }
}

#[test]
fn the_services_word_is_good_for_one_lease_from_the_question_unless_the_mandate_is_known() {
    let mut point = Point::live();
    let ahead = with(&mandate("accounts:read", 6));
    let question = asked(decide(&mut point.engine, &ahead, at(1)));
    point.engine.sent(question.ticket, 9);
    let settled = point.engine.answered(9, Some(&ok(None)), at(1));
    assert!(outcome(&settled[0]).is_ok());
    point.now = 2500;
    point.renew();
    assert!(
        point.cut().is_empty(),
        "it was verified before it was asked about"
    );
    point.revoke(RevocationKind::Grant, "grt_1");
    assert_eq!(point.cut(), [1]);

    let mut engine = cold("resource", "required");
    let question = asked(decide(&mut engine, &ahead, at(1)));
    engine.sent(question.ticket, 9);
    let settled = engine.answered(9, Some(&ok(None)), at(1));
    assert!(outcome(&settled[0]).is_ok());
    // Asked at 1, on knowledge that was 1 ms old.
    assert!(engine.take_ended(at(1999)).is_empty());
    assert_eq!(engine.take_ended(at(2000)), [1]);
}

#[test]
fn a_revocation_that_overtakes_the_services_yes_is_not_forgotten() {
    let mut point = Point::live();
    let ahead = with(&mandate("accounts:read", 6));
    let question = asked(decide(&mut point.engine, &ahead, at(1)));
    point.engine.sent(question.ticket, 9);
    point.revoke(RevocationKind::Grant, "grt_1");
    assert!(point.cut().is_empty());
    let settled = point.engine.answered(9, Some(&ok(None)), at(1));
    assert!(outcome(&settled[0]).is_ok(), "its word is of before");
    assert_eq!(point.cut(), [1]);
}

#[test]
fn what_could_not_be_cut_is_not_begun() {
    let mut point = Point::live();
    let most = u32::try_from(MAX_STREAMS).unwrap();
    for stream in 1..most {
        let word_until_ms = 2001;
        let open = Open {
            word_until_ms,
            ..Open::default()
        };
        assert!(point.engine.streams.begin(stream, open).is_none());
    }
    let token = mandate("accounts:read", 5);
    assert!(point.begin(most, &token));
    assert!(!point.begin(most + 1, &token));
    point.engine.finished(7, End::default(), at(0));
    assert!(point.begin(most + 1, &token));
}

proptest! {
    /// Against the obvious list: whatever happens, those that are named are those whose mandate has
    /// ended, and all of them.
    #[test]
    fn exactly_what_has_ended_is_cut(
        steps in proptest::collection::vec((0..5_u8, 0..3_u64, 1..1500_u64), 1..60)
    ) {
        let mut point = Point::live();
        let tokens: Vec<_> = (3..=5).map(|epoch| mandate("accounts:read", epoch)).collect();
        let mut open: Vec<(StreamId, u64)> = Vec::new();
        let mut revoked = [false; 3];
        let mut next = 0;
        for (kind, which, ms) in steps {
            let index = usize::try_from(which).unwrap();
            match kind {
                0 | 1 => {
                    next += 1;
                    let call = Call { stream: next, ..with(&tokens[index]) };
                    match decide(&mut point.engine, &call, at(point.now)) {
                        Verdict::Settled(Outcome::Forward(_)) => {
                            prop_assert!(!revoked[index]);
                            open.push((next, which));
                        }
                        Verdict::Settled(_) => prop_assert!(revoked[index]),
                        _ => point.engine.abandoned(next),
                    }
                }
                2 => {
                    let jti = format!("mdt_accounts:read_{}", which + 3);
                    point.revoke(RevocationKind::Mandate, &jti);
                    revoked[index] = true;
                }
                3 => {
                    if let Some((stream, _)) = open.pop() {
                        point.engine.finished(stream, End::default(), at(0));
                    }
                }
                _ => {
                    point.now += ms;
                    if which > 0 {
                        point.renew();
                    }
                }
            }
            let live = point.engine.feed().live(point.now).is_some();
            let ended =
                |(_, which): &(StreamId, u64)| !live || revoked[usize::try_from(*which).unwrap()];
            let (gone, rest): (Vec<_>, Vec<_>) = open.iter().copied().partition(ended);
            open = rest;
            let expected: Vec<_> = gone.into_iter().map(|(stream, _)| stream).collect();
            prop_assert_eq!(point.cut(), expected);
        }
    }
}
