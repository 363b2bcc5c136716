use super::*;

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
