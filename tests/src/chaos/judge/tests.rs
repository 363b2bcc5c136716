use super::super::cast::steady;
use super::super::oracle::Condition;
use super::*;

const PAIR: Pair = steady("a");

struct Scene {
    start: Instant,
    oracle: Oracle,
}

/// A grant that is in force everywhere from second 2 on, and revoked at second 100.
fn scene() -> Scene {
    let start = Instant::now();
    let mut oracle = Oracle::default();
    let grant = Condition::Granted(PAIR);
    oracle.begin(grant, true, start);
    oracle.acknowledge(grant, start);
    oracle.begin(grant, false, start + Duration::from_secs(100));
    oracle.acknowledge(grant, start + Duration::from_secs(100));
    Scene { start, oracle }
}

impl Scene {
    fn at(&self, second: u64) -> Instant {
        self.start + Duration::from_secs(second)
    }

    fn attempt(&self, replica: usize, second: u64, answer: Answer) -> Attempt {
        let sent = self.at(second);
        let answered = sent + Duration::from_millis(10);
        Attempt {
            request_id: format!("{replica}-{second}"),
            replica,
            pair: PAIR,
            span: Span { sent, answered },
            answer,
        }
    }

    /// Replica 1 loses its ledger from second 10 to 20.
    fn window(&self) -> Window {
        Window {
            from: self.at(10),
            until: Some(self.at(20)),
            replica: Some(1),
            reasons: &[Reason::AuditUnavailable],
            breaks_connections: false,
        }
    }

    fn tally(&self, attempts: &[Attempt]) -> Tally {
        Tally::of(attempts, &self.oracle, &[self.window()])
    }
}

fn yes() -> Answer {
    Answer::Allowed {
        mandate: "mdt_1".to_owned(),
        kid: "k".to_owned(),
    }
}

#[test]
fn a_planted_yes_after_a_revocation_is_counted_and_named() {
    let scene = scene();
    let good = [scene.attempt(0, 50, yes()), scene.attempt(2, 101, yes())];
    let tally = scene.tally(&good);
    assert_eq!((tally.allowed, tally.wrongly_allowed), (2, 0));
    assert_eq!(tally.latest_yes, Duration::from_secs(1));
    let planted = [good.as_slice(), &[scene.attempt(2, 102, yes())]].concat();
    let tally = scene.tally(&planted);
    assert_eq!(
        (tally.requests, tally.allowed, tally.wrongly_allowed),
        (3, 2, 1)
    );
    assert!(tally.examples[0].contains("wrongly allowed: 2-102"));
}

#[test]
fn a_refusal_counts_as_permitted_only_for_its_reason_at_its_replica_in_its_time() {
    let scene = scene();
    let audit = || Answer::Refused(Reason::AuditUnavailable);
    let cases = [
        (scene.attempt(1, 10, audit()), true),
        (scene.attempt(1, 20, audit()), true),
        (scene.attempt(1, 9, audit()), false),
        (scene.attempt(1, 21, audit()), false),
        (scene.attempt(0, 15, audit()), false),
        (
            scene.attempt(1, 15, Answer::Refused(Reason::IssuerUnavailable)),
            false,
        ),
        (
            scene.attempt(1, 15, Answer::Refused(Reason::NoGrant)),
            false,
        ),
        (
            scene.attempt(1, 15, Answer::Unanswered("closed".to_owned())),
            false,
        ),
    ];
    for (attempt, permitted) in cases {
        let tally = scene.tally(std::slice::from_ref(&attempt));
        let counted = (tally.refused_in_window, tally.refused_outside);
        assert_eq!(
            counted,
            if permitted { (1, 0) } else { (0, 1) },
            "{attempt:?}"
        );
    }
}

#[test]
fn a_refusal_by_rule_needs_no_window() {
    let scene = scene();
    let tally = scene.tally(&[scene.attempt(0, 150, Answer::Refused(Reason::NoGrant))]);
    assert_eq!((tally.refused_by_rule, tally.refused_outside), (1, 0));
}

#[test]
fn a_broken_connection_is_permitted_where_a_replica_is_killed() {
    let scene = scene();
    let window = Window {
        breaks_connections: true,
        ..scene.window()
    };
    let broken = |replica| scene.attempt(replica, 12, Answer::Unanswered("reset".to_owned()));
    let tally = Tally::of(&[broken(1), broken(2)], &scene.oracle, &[window]);
    assert_eq!((tally.refused_in_window, tally.refused_outside), (1, 1));
}

#[test]
fn the_way_back_is_measured_where_something_was_refused() {
    let scene = scene();
    let audit =
        |replica, second| scene.attempt(replica, second, Answer::Refused(Reason::AuditUnavailable));
    let attempts = [
        audit(1, 12),
        scene.attempt(0, 16, yes()),
        scene.attempt(1, 18, yes()),
    ];
    let back =
        |attempts: &[Attempt]| back_after(attempts, &scene.oracle, &scene.window(), scene.at(15));
    assert_eq!(back(&attempts), Some(Duration::from_millis(3010)));
    assert_eq!(back(&attempts[1..]), None);
}
