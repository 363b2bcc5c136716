#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow here fails its test"
)]

use std::sync::Arc;
use std::time::Duration;

use caracal_store::model::JwkSet;
use proptest::prelude::*;
use serde_json::json;

use super::JwksConfig;
use super::entry::{Entry, Look};
use super::fetch::FetchError;

fn keys(kid: &str) -> JwkSet {
    // The point of RFC 7517 Appendix A.1.
    let key = json!({"kty": "EC", "crv": "P-256", "kid": kid,
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"});
    JwkSet::from_document(key).unwrap()
}

fn config() -> JwksConfig {
    JwksConfig {
        fresh: Duration::from_mins(5),
        keep: Duration::from_hours(1),
        pause: Duration::from_secs(10),
        ..JwksConfig::default()
    }
}

fn url() -> caracal_store::model::KeysUrl {
    "https://idp.example/keys".parse().unwrap()
}

/// What happens to an address: somebody asks, with a known kid or not, and time passes.
#[derive(Debug, Clone)]
enum Step {
    Ask { known: bool, answers: bool },
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask =
        (any::<bool>(), any::<bool>()).prop_map(|(known, answers)| Step::Ask { known, answers });
    let pass = prop_oneof![
        1..20_000_u64,
        100_000..400_000_u64,
        3_000_000..4_000_000_u64
    ];
    prop::collection::vec(
        prop_oneof![4 => ask, 1 => pass.prop_map(Step::Pass)],
        1..200,
    )
}

proptest! {
    #[test]
    fn whatever_is_asked_fetches_have_their_pause_and_keys_their_age(steps in steps()) {
        let (entry, config) = (Arc::new(Entry::new()), config());
        let (mut now_ms, mut last_fetch, mut last_good) = (0_u64, None::<u64>, None::<u64>);
        for step in steps {
            let (known, answers) = match step {
                Step::Pass(ms) => { now_ms += ms; continue; }
                Step::Ask { known, answers } => (known, answers),
            };
            let kid = if known { "known" } else { "invented" };
            let is_fresh = last_good.is_some_and(|at| now_ms - at < 300_000);
            match entry.look(now_ms, Some(kid), &config) {
                Look::Good(_) => prop_assert!(known && is_fresh),
                Look::Fetch(flight) => {
                    prop_assert!(!(known && is_fresh));
                    prop_assert!(last_fetch.is_none_or(|at| now_ms - at >= 10_000));
                    prop_assert!(matches!(entry.look(now_ms, Some("other"), &config), Look::Wait));
                    last_fetch = Some(now_ms);
                    let fetched = if answers { Ok(keys("known")) } else { Err(FetchError::Body) };
                    flight.land(fetched, now_ms, &url());
                    if answers {
                        last_good = Some(now_ms);
                    }
                }
                Look::Stay => prop_assert!(last_fetch.is_some_and(|at| now_ms - at < 10_000)),
                Look::Wait => prop_assert!(false, "nothing is under way"),
            }
            let may_be_kept = last_good.is_some_and(|at| now_ms - at < 3_600_000);
            prop_assert_eq!(entry.kept(now_ms, &config).is_some(), may_be_kept);
        }
    }
}

#[test]
fn a_fetch_that_is_dropped_has_ended() {
    let (entry, config) = (Arc::new(Entry::new()), config());
    let Look::Fetch(flight) = entry.look(0, None, &config) else {
        panic!("nothing is known yet");
    };
    let ends = entry.ends();
    drop(flight);
    assert!(ends.has_changed().unwrap());
    assert!(matches!(entry.look(0, None, &config), Look::Stay));
    assert!(matches!(entry.look(10_000, None, &config), Look::Fetch(_)));
}

#[test]
fn the_authorities_of_a_file_are_believed_and_a_file_without_any_is_a_mistake() {
    let mut config = JwksConfig::default();
    for wrong in [&b""[..], b"x", b"-----BEGIN CERTIFICATE-----\nAA"] {
        assert!(config.believe(wrong).is_err());
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = rcgen::CertificateParams::default()
        .self_signed(&key)
        .unwrap()
        .pem();
    config.believe(pem.as_bytes()).unwrap();
    assert_eq!(config.authorities.len(), 1);
}
