use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chain::{MAX_HOPS, MAX_RESOURCES};
use crate::claims::{MAX_ANCESTORS, MAX_MANDATE_BYTES};
use crate::event::{Action, Component, Emitter, Event, MAX_EVENT_BYTES, Outcome};

fn claims() -> Claims {
    serde_json::from_value(json!({
        "iss": "https://sts", "sub": "boss", "aud": "https://bank", "client_id": "payer",
        "zone": "prod", "sid": "ses_2", "grant": "grt_2", "jti": "mdt_2", "iat": 100, "exp": 800,
        "scope": "read", "use": "execute", "cnf": {"spiffe_id": "spiffe://d/b"},
        "from": ["mdt_1"], "through": ["grt_1"],
        "mdt": {"v": 2, "rev": {"term": 1, "epoch": 7},
            "R": ["https://bank", "https://payer"], "S": [["read", "write"], ["call"]],
            "ch": [["ses_1", "boss", "", 7, 900, 5], ["ses_2", "payer", "dlg_1", 1, 800, 0]]},
    }))
    .unwrap()
}

#[test]
fn a_chain_is_recorded_as_the_mandate_has_it() {
    let recorded = RecordedChain::of(&claims());
    let expected = json!({
        "from": ["mdt_1"],
        "hops": [
            {"application": "boss", "depth": 5, "expires": 900, "rights": 7, "session": "ses_1"},
            {"application": "payer", "delegation": "dlg_1", "depth": 0, "expires": 800, "rights": 1,
                "session": "ses_2"},
        ],
        "table": [
            {"resource": "https://bank", "scopes": ["read", "write"]},
            {"resource": "https://payer", "scopes": ["call"]},
        ],
        "through": ["grt_1"],
    });
    assert_eq!(serde_json::to_value(&recorded).unwrap(), expected);
}

#[test]
fn rights_are_told_by_resource() {
    let recorded = RecordedChain::of(&claims());
    let held = |hop: usize| recorded.rights(&recorded.hops[hop]).collect::<Vec<_>>();
    assert_eq!(
        held(0),
        [
            ("https://bank", vec!["read", "write"]),
            ("https://payer", vec!["call"])
        ]
    );
    assert_eq!(held(1), [("https://bank", vec!["read"])]);
}

#[test]
fn what_would_be_made_of_a_mandate_descends_from_it_and_its_grant() {
    let below = RecordedChain::below(&claims());
    assert_eq!(below.from, ["mdt_1", "mdt_2"]);
    assert_eq!(below.through, ["grt_1", "grt_2"]);
    assert_eq!(below.hops, RecordedChain::of(&claims()).hops);
}

/// As much as a mandate takes, of any kind.
fn any_claims() -> impl Strategy<Value = Claims> {
    let text = || "[a-z_0-9]{0,30}|\\PC{0,9}|[\\x00-\\x7f]{0,9}";
    let name = "[a-z]{1,63}";
    let hop = (
        text(),
        name,
        text(),
        0_u64..1 << 53,
        any::<u64>(),
        any::<u8>(),
    );
    let rows = prop::collection::vec(
        (
            "https://[a-z]{1,20}",
            prop::collection::vec("[a-z]{1,20}", 1..5),
        ),
        1..=MAX_RESOURCES,
    );
    let parts = (
        prop::collection::vec(hop, 1..=MAX_HOPS),
        rows,
        prop::collection::vec(text(), 0..=MAX_ANCESTORS),
        prop::collection::vec(text(), 0..=MAX_HOPS),
    );
    let claims = parts.prop_map(|(hops, rows, from, through)| {
        let mut json = serde_json::to_value(claims()).unwrap();
        let (resources, scopes): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        json["from"] = json!(from);
        json["through"] = json!(through);
        json["mdt"]["R"] = json!(resources);
        json["mdt"]["S"] = json!(scopes);
        json["mdt"]["ch"] = json!(hops);
        serde_json::from_value(json).unwrap()
    });
    // What base64 leaves of the longest mandate.
    claims.prop_filter("no mandate is that long", |claims: &Claims| {
        serde_json::to_vec(claims).unwrap().len() <= MAX_MANDATE_BYTES / 4 * 3
    })
}

fn event(chain: RecordedChain) -> Event {
    let emitter = Emitter {
        boot: "b".repeat(32),
        name: "n".repeat(64),
        seq: u64::MAX,
    };
    let (sts, exchange) = (Component::Sts, Action::Exchange);
    let mut event = Event::new(
        "z".repeat(63),
        sts,
        exchange,
        Outcome::Allow,
        emitter,
        u64::MAX,
    );
    event.chain = Some(Box::new(chain));
    event
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_chain_of_any_mandate_is_recorded_whole_beside_whatever_texts(claims in any_claims()) {
        let chain = RecordedChain::of(&claims);
        let mut event = event(chain.clone());
        for text in [&mut event.path, &mut event.host, &mut event.request_id, &mut event.detail,
            &mut event.holder, &mut event.scope, &mut event.method, &mut event.application,
            &mut event.grant, &mut event.mandate, &mut event.operation, &mut event.policy,
            &mut event.resource, &mut event.session]
        {
            *text = Some("\u{1}".repeat(MAX_EVENT_BYTES));
        }
        event.shorten();
        let bytes = event.to_canonical().unwrap();
        prop_assert!(bytes.len() <= MAX_EVENT_BYTES);
        prop_assert_eq!(event.chain.as_deref(), Some(&chain));
        prop_assert_eq!(Event::from_canonical(&bytes).unwrap(), event);
    }

    #[test]
    fn a_chain_is_never_longer_than_it_is_taken_for(claims in any_claims()) {
        let chain = RecordedChain::of(&claims);
        let (bytes, frame) = chain.measure();
        let length = serde_json::to_vec(&chain).unwrap().len();
        prop_assert!(length <= bytes * 6 + frame + 60);
    }
}
