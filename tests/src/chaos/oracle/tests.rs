use super::super::cast::steady;
use super::*;

const PAIR: Pair = steady("a");
const GRANT: Condition = Condition::Granted(PAIR);

struct Clock(Instant);

impl Clock {
    fn at(&self, ms: u64) -> Instant {
        self.0 + Duration::from_millis(ms)
    }

    fn span(&self, sent: u64, answered: u64) -> Span {
        Span {
            sent: self.at(sent),
            answered: self.at(answered),
        }
    }
}

/// Granted from 100 on; its revocation is asked for at 10,000 and acknowledged at 10,050.
fn revoked() -> (Oracle, Clock) {
    let clock = Clock(Instant::now());
    let mut oracle = Oracle::default();
    oracle.begin(GRANT, true, clock.at(50));
    oracle.acknowledge(GRANT, clock.at(100));
    oracle.begin(GRANT, false, clock.at(10_000));
    oracle.acknowledge(GRANT, clock.at(10_050));
    (oracle, clock)
}

fn allows(oracle: &Oracle, span: Span) -> bool {
    oracle.forbids(PAIR, "kid", span).is_none()
}

#[test]
fn a_yes_is_wrong_one_lease_after_the_acknowledged_revocation_and_not_before() {
    let (oracle, clock) = revoked();
    assert!(allows(&oracle, clock.span(5000, 5010)));
    assert!(allows(&oracle, clock.span(12_049, 12_060)));
    assert!(!allows(&oracle, clock.span(12_050, 12_060)), "planted");
    assert!(!allows(&oracle, clock.span(60_000, 60_010)), "planted");
}

#[test]
fn a_yes_before_anything_was_granted_is_wrong() {
    let (oracle, clock) = revoked();
    assert!(!allows(&oracle, clock.span(0, 40)));
    // Asked for while the answer was under way.
    assert!(allows(&oracle, clock.span(0, 60)));
}

#[test]
fn a_no_is_explained_by_what_was_not_yet_or_no_more_in_force() {
    let (oracle, clock) = revoked();
    let explains =
        |sent, answered| oracle.explains(PAIR, Reason::NoGrant, clock.span(sent, answered));
    assert!(
        explains(1000, 1010),
        "the grant may not have been everywhere"
    );
    assert!(!explains(2100, 2110), "planted: it was everywhere");
    assert!(
        explains(9990, 10_001),
        "the revocation may have been faster than its answer"
    );
    assert!(!explains(9980, 9990), "planted: nobody had asked for it");
    assert!(explains(20_000, 20_010));
}

#[test]
fn a_reason_explains_only_its_own_condition() {
    let (oracle, clock) = revoked();
    let span = clock.span(20_000, 20_010);
    for reason in Reason::ALL {
        assert_eq!(
            oracle.explains(PAIR, *reason, span),
            *reason == Reason::NoGrant,
            "{reason}"
        );
    }
}

#[test]
fn a_change_that_was_never_acknowledged_counts_both_ways() {
    let clock = Clock(Instant::now());
    let mut oracle = Oracle::default();
    oracle.begin(GRANT, true, clock.at(0));
    oracle.acknowledge(GRANT, clock.at(0));
    oracle.begin(GRANT, false, clock.at(10_000));
    let span = clock.span(90_000, 90_010);
    assert!(allows(&oracle, span));
    assert!(oracle.explains(PAIR, Reason::NoGrant, span));
}

#[test]
fn an_application_and_the_policy_end_a_yes_as_well() {
    for condition in [Condition::Active("a"), Condition::Permitted("a")] {
        let (mut oracle, clock) = revoked();
        oracle.begin(condition, false, clock.at(3000));
        oracle.acknowledge(condition, clock.at(3010));
        assert!(allows(&oracle, clock.span(5009, 5020)));
        assert!(!allows(&oracle, clock.span(5010, 5020)), "planted");
        assert!(oracle.explains(PAIR, condition.refusal(), clock.span(3005, 3006)));
        oracle.begin(condition, true, clock.at(6000));
        oracle.acknowledge(condition, clock.at(6010));
        assert!(allows(&oracle, clock.span(8500, 8510)));
        assert!(
            !oracle.explains(PAIR, condition.refusal(), clock.span(8500, 8510)),
            "planted"
        );
    }
}

#[test]
fn a_mandate_of_a_key_that_was_replaced_is_wrong_after_one_lease() {
    let (mut oracle, clock) = revoked();
    oracle.replace_key("old".to_owned(), clock.at(4000));
    let forbids = |kid, sent| {
        oracle
            .forbids(PAIR, kid, clock.span(sent, sent + 10))
            .is_some()
    };
    assert!(!forbids("old", 5999));
    assert!(forbids("old", 6000), "planted");
    assert!(!forbids("new", 6000));
}

#[test]
fn lateness_is_counted_from_the_acknowledgement() {
    let (oracle, clock) = revoked();
    assert_eq!(oracle.lateness(PAIR, clock.at(10_020)), Duration::ZERO);
    assert_eq!(
        oracle.lateness(PAIR, clock.at(10_090)),
        Duration::from_millis(40)
    );
}
