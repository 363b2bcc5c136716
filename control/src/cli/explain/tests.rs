use caracal_mandate::event::{
    Action, Component, Emitter, Event, Outcome, RecordedChain, RecordedHop, RecordedRow,
};

use super::*;
use crate::api::tests::Fixture;

fn entry() -> Value {
    json!({"index": 7, "event": {"action": "exchange", "component": "sts", "outcome": "deny",
        "reason": "no_grant", "application": "payout", "policy": "sha256:a",
        "detail": "by tls_client_auth\u{1b}[2J", "time_ms": 5}})
}

fn text_with(entry: &Value, policies: &Value) -> String {
    let known = Known {
        issues: &Issues::default(),
        standing: &Standing::default(),
        policies,
        entries: &[],
    };
    Told::of(entry, &known).text(0, &mut BTreeMap::new())
}

#[test]
fn what_was_only_shadowed_is_no_refusal() {
    let mut entry = entry();
    entry["event"]["shadow"] = json!(true);
    let text = text_with(&entry, &json!({"items": []}));
    assert!(
        text.starts_with("entry 7: SHADOW: let pass, would be refused, no_grant by sts exchange\n")
    );
}

#[test]
fn a_refusal_says_why_and_what_it_rested_on() {
    let policies = json!({"items": [{"digest": "sha256:b", "active": true, "seq": 9},
        {"digest": "sha256:a", "active": false, "seq": 4}]});
    let text = text_with(&entry(), &policies);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "entry 7: refused, no_grant by sts exchange");
    let because = Reason::NoGrant.sentence();
    assert_eq!(lines[1], format!("  because       {because}"));
    assert!(
        text.contains("policy        sha256:a (an earlier version, activated last at position 4)")
    );
    assert!(!text.contains('\u{1b}'), "nothing paints over the terminal");
    assert!(!text.contains("authority     "), "it is about no mandate");
}

#[test]
fn what_is_not_known_is_said_to_be_so() {
    let mut entry = entry();
    entry["event"]["reason"] = json!("of_the_future");
    let nothing = json!({"items": []});
    let known = Known {
        issues: &Issues::default(),
        standing: &Standing::default(),
        policies: &nothing,
        entries: &[],
    };
    let told = Told::of(&entry, &known).json();
    assert_eq!(told["because"], "a reason that this version does not know");
    assert_eq!(told["policy_is"], "no version of this zone");
    assert_eq!(told["authority"], Value::Null);
    let unreadable = text_with(&json!({"index": 3}), &Value::Null);
    assert!(
        unreadable.starts_with("entry 3: unreadable"),
        "{unreadable}"
    );
}

/// An exchange and a request, as the token service and a point record them.
fn recorded(mandates: &[(&str, &str)], delegation: &str) -> Vec<Event> {
    let hop = |application: &str, delegation: Option<&str>, number: usize| RecordedHop {
        application: application.to_owned(),
        delegation: delegation.map(str::to_owned),
        depth: 0,
        expires: u64::MAX >> 11,
        rights: 1,
        session: format!("ses_{number}"),
    };
    let hops = [hop("payout", None, 0), hop("worker", Some(delegation), 1)];
    let event = |action, component, seq| {
        let emitter = Emitter {
            boot: "b".to_owned(),
            name: "test".to_owned(),
            seq,
        };
        Event::new("bank", component, action, Outcome::Allow, emitter, 1_000)
    };
    let mut events: Vec<Event> = Vec::new();
    for ((number, seq), (mandate, application)) in (0..).zip(1..).zip(mandates) {
        let mut exchange = event(Action::Exchange, Component::Sts, seq);
        exchange.mandate = Some((*mandate).to_owned());
        exchange.application = Some((*application).to_owned());
        exchange.session = Some(format!("ses_{number}"));
        exchange.grant = Some("grt_of_payout".to_owned());
        let from = mandates[..number].iter().map(|(id, _)| (*id).to_owned());
        exchange.chain = Some(Box::new(RecordedChain {
            from: from.collect(),
            hops: hops[..=number].to_vec(),
            table: vec![RecordedRow {
                resource: "https://accounts.bank".to_owned(),
                scopes: vec!["accounts:read".to_owned()],
            }],
            through: Vec::new(),
            via: Vec::new(),
        }));
        events.push(exchange);
    }
    let mut request = event(Action::Request, Component::Filter, 99);
    request.request_id = Some("the-request".to_owned());
    request.mandate = mandates.last().map(|(id, _)| (*id).to_owned());
    events.push(request);
    events
}

#[tokio::test]
async fn a_request_is_led_back_over_the_management_api_to_what_was_suspended_since() {
    let fixture = Fixture::bank().await;
    let worker = json!({"name": "worker", "spiffe_ids": ["spiffe://corp.example/worker"]});
    fixture.post("/v1/zones/bank/applications", worker).await;
    let delegation = json!({"from": "payout", "to": "worker", "resource": "accounts",
        "scopes": ["accounts:read"]});
    let (_, made) = fixture.post("/v1/zones/bank/delegations", delegation).await;
    let delegation = made["id"].as_str().unwrap();
    let events = recorded(&[("mdt_1", "payout"), ("mdt_2", "worker")], delegation);
    fixture.record(events).await;
    let target = json!({"target": format!("delegation/{delegation}")});
    fixture.post("/v1/zones/bank/suspensions", target).await;

    let (server, token) = fixture.serve().await;
    let context = Context {
        client: crate::cli::Client::new(server, token, None).unwrap(),
        zone: Some("bank".parse().unwrap()),
        output: crate::cli::Output::new(crate::cli::Format::Table),
    };
    let decisions = Decisions::on("the-request", &context).await.unwrap();
    let text = decisions.text();
    for line in [
        &format!("  by now        SUSPENDED: delegation/{delegation}"),
        "     1  payout, by grant/grt_of_payout (not listed any more)",
        &format!("     2  worker, by delegation/{delegation} (SUSPENDED)"),
        "        may      accounts:read at https://accounts.bank",
    ] {
        assert!(text.lines().any(|one| one == line), "{line}\n{text}");
    }
    let authority = &decisions.json()["items"][0]["authority"];
    assert_eq!(
        authority["hops"][0]["held"][0]["mandate"]["target"],
        "mandate/mdt_1"
    );
    assert_eq!(
        authority["hops"][1]["held"][0]["mandate"]["target"],
        "mandate/mdt_2"
    );
    assert_eq!(authority["now"], "suspended");
    let nobody = Decisions::on("another", &context).await.err().unwrap();
    assert!(nobody.to_string().contains("no decision on request"));
}
