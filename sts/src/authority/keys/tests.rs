use std::collections::HashSet;

use caracal_mandate::key::PublicKey;
use proptest::prelude::*;

use super::*;

/// The verifier checks whether a point lies on the curve, so any bytes do here.
fn public(number: u8) -> PublicKey {
    let mut point = [number; 65];
    point[0] = 4;
    PublicKey::from_sec1(&point).unwrap()
}

fn published(number: u8) -> SigningKey {
    let key = public(number);
    SigningKey {
        kid: key.kid().to_owned(),
        point: URL_SAFE_NO_PAD.encode(key.sec1()),
    }
}

fn activation(number: u8) -> KeyActivation {
    KeyActivation {
        kid: public(number).kid().to_owned(),
        replaces: None,
    }
}

#[test]
fn a_published_key_verifies_and_does_not_sign() {
    let mut keys = ZoneKeys::default();
    keys.publish(&published(1)).unwrap();
    assert!(keys.verifies(public(1).kid()));
    assert_eq!(keys.signing(), None);
}

#[test]
fn a_key_that_is_not_the_one_of_its_id_neither_verifies_nor_signs() {
    let mut keys = ZoneKeys::default();
    let forged = SigningKey {
        point: published(2).point,
        ..published(1)
    };
    assert_eq!(keys.publish(&forged).err(), Some(UnusableKey));
    keys.activate(&activation(1));
    assert_eq!(keys.signing(), None);
    assert!(!keys.verifies(&forged.kid));
}

#[test]
fn the_retired_key_still_verifies_what_it_signed() {
    let mut keys = ZoneKeys::default();
    for number in [1, 2] {
        keys.publish(&published(number)).unwrap();
        keys.activate(&activation(number));
    }
    assert_eq!(keys.signing().map(|kid| &**kid), Some(public(2).kid()));
    assert!(keys.verifies(public(1).kid()));
    keys.drop_retired(public(1).kid());
    assert!(!keys.verifies(public(1).kid()));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish(u8),
    Activate(u8),
    Drop(u8),
    Revoke(u8, Option<u8>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 0_u8..4;
    let step = prop_oneof![
        id.clone().prop_map(Step::Publish),
        id.clone().prop_map(Step::Activate),
        id.clone().prop_map(Step::Drop),
        (id.clone(), proptest::option::of(id)).prop_map(|(kid, next)| Step::Revoke(kid, next)),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    /// Whatever a log says, even one that no transaction would have written.
    #[test]
    fn what_signs_verifies_and_what_has_ended_does_neither(steps in steps()) {
        let mut keys = ZoneKeys::default();
        let (mut once, mut ended) = (HashSet::new(), HashSet::new());
        for step in steps {
            match step {
                // An id is published once; the table sees to it.
                Step::Publish(kid) => if once.insert(kid) {
                    keys.publish(&published(kid)).unwrap();
                },
                Step::Activate(kid) => keys.activate(&activation(kid)),
                Step::Drop(kid) => keys.drop_retired(public(kid).kid()),
                Step::Revoke(kid, next) => {
                    let next = next.map(public);
                    keys.revoke(public(kid).kid(), next.as_ref().map(PublicKey::kid));
                }
            }
            if let Step::Drop(kid) | Step::Revoke(kid, _) = step && once.contains(&kid) {
                ended.insert(kid);
            }
            if let Some(kid) = keys.signing() {
                prop_assert!(keys.verifies(kid));
            }
            for kid in &ended {
                let ended = public(*kid);
                prop_assert!(!keys.verifies(ended.kid()));
                prop_assert_ne!(keys.signing().map(|kid| &**kid), Some(ended.kid()));
            }
            for kid in once.difference(&ended) {
                prop_assert!(keys.verifies(public(*kid).kid()));
            }
        }
    }
}
