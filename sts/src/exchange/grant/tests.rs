#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow here fails its test"
)]

use caracal_store::model::{Change, GrantConditions, OnBehalfOf, WeeklyWindow};
use proptest::prelude::*;

use super::conditions::{Party, Unmet};
use super::*;
use crate::exchange::tests::exchange;
use crate::testing::{ALLOW_ALL, PAYOUT, World, asked, name, scopes};

const DAY_S: u64 = 24 * 3600;

fn grant(expires_at: Option<u64>, conditions: GrantConditions) -> Grant {
    Grant {
        id: "grt_1".to_owned(),
        application: name("payout"),
        resource: name("bank"),
        scopes: scopes("accounts:read"),
        expires_at,
        max_lifetime: None,
        conditions,
    }
}

fn every_day(from: u64, to: u64) -> WeeklyWindow {
    let text = |minute: u64| format!("{:02}:{:02}", minute / 60, minute % 60);
    format!("mon-sun {}-{}", text(from), text(to))
        .parse()
        .unwrap()
}

proptest! {
    /// Whole days around a fixed one, so that each bound is met from both sides.
    #[test]
    fn at_any_time_a_grant_is_good_iff_every_condition_says_so(
        now_s in 100 * DAY_S..103 * DAY_S,
        start in prop::option::of(100 * DAY_S..103 * DAY_S),
        end in prop::option::of(100 * DAY_S..103 * DAY_S),
        window in prop::option::of((0..1440_u64, 0..1440_u64)),
        max_age in prop::option::of(1..3600_u64),
        age in prop::option::of(0..3600_u64),
        class in prop::sample::select(vec![None, Some("low"), Some("high")]),
        high in any::<bool>(),
        issuer in prop::sample::select(vec![None, Some("corp"), Some("other")]),
    ) {
        let window = window.filter(|(from, to)| from != to);
        let acr_values = if high { vec!["high".to_owned(), "highest".to_owned()] } else { Vec::new() };
        let human = OnBehalfOf::new(vec![name("corp")], acr_values, max_age).unwrap();
        let conditions = GrantConditions {
            not_before: start,
            window: window.map(|(from, to)| every_day(from, to)),
            on_behalf_of: Some(human),
        };
        let auth_time = age.map(|age| now_s - age);
        let party = issuer.map_or(Party::Application, |issuer| Party::Human { issuer, acr: class, auth_time });
        let found = Circumstances { now_s, party }.check(&grant(end, conditions));

        // The oracle: each condition by itself, in plain arithmetic.
        let minute = now_s % DAY_S / 60;
        let inside = |(from, to): (u64, u64)| (minute + 1440 - from) % 1440 < (to + 1440 - from) % 1440;
        let checks = [
            (end.is_none_or(|end| now_s < end), Unmet::Expired),
            (start.is_none_or(|start| start <= now_s), Unmet::NotYet),
            (window.is_none_or(inside), Unmet::Window),
            (issuer == Some("corp"), Unmet::Subject),
            (!high || class == Some("high"), Unmet::Class),
            (max_age.is_none_or(|max_age| age.is_some_and(|age| age < max_age)), Unmet::Age),
        ];
        let first = checks.iter().find(|(met, _)| !met).map(|(_, unmet)| *unmet);
        prop_assert_eq!(found.err(), first);
        if let Ok(until) = found {
            let closes = window.map(|(from, to)| {
                let left = (to + 1440 - from) % 1440 - (minute + 1440 - from) % 1440;
                now_s / 60 * 60 + left * 60
            });
            let stale = max_age.zip(auth_time).map(|(max_age, at)| at + max_age);
            prop_assert_eq!(until, [end, closes, stale].into_iter().flatten().min());
        }
    }
}

#[test]
fn a_mandate_that_rests_on_the_grant_vouches_for_the_user_and_for_no_other_issuer() {
    let human = OnBehalfOf::new(vec![name("corp")], vec!["high".to_owned()], Some(60)).unwrap();
    let grant = grant(
        None,
        GrantConditions {
            on_behalf_of: Some(human),
            ..GrantConditions::default()
        },
    );
    for (issuer, expected) in [("corp", Ok(None)), ("other", Err(Unmet::Subject))] {
        let party = Party::Vouched { issuer };
        let found = Circumstances { now_s: 1000, party }.check(&grant);
        assert_eq!(found, expected, "{issuer}");
    }
}

#[tokio::test]
async fn as_time_goes_by_a_mandate_is_issued_iff_the_window_is_open_and_ends_with_it() {
    let world = World::bare().await;
    world.policy(ALLOW_ALL).await;
    let now_s = || crate::clock::Clock::unix_ms(&*world.clock) / 1000;
    let from = (now_s() / 60 + 37) % 1440;
    let window = every_day(from, (from + 61) % 1440);
    let conditions = GrantConditions {
        window: Some(window),
        ..GrantConditions::default()
    };
    let change = Change::GrantCreated(grant(None, conditions));
    world.commit(change).await;
    let (mut open, mut closed) = (0, 0);
    for _ in 0..200 {
        let before = now_s();
        let issued = exchange(&world, PAYOUT, &asked()).await;
        // A minute that ends meanwhile tells nothing.
        if now_s() / 60 == before / 60 {
            let into = (before / 60 % 1440 + 1440 - from) % 1440;
            assert_eq!(
                issued.is_ok(),
                into < 61,
                "{into} minutes into it: {issued:?}"
            );
            match issued {
                Ok(mandate) => {
                    let end = (before / 60 - into + 61) * 60;
                    assert!(mandate.claims().exp <= end);
                    open += 1;
                }
                Err(reason) => {
                    assert_eq!(reason, Reason::GrantWindow);
                    closed += 1;
                }
            }
        }
        // Odd, so that minutes and seconds of the day vary.
        world.clock.skip_unix(1_000 * 647);
    }
    assert!(open > 2 && closed > 100, "{open} {closed}");
}
