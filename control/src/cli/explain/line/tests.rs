use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::cli::explain::Told;

const NOW: u64 = 1000;

fn table() -> Value {
    json!([{"resource": "https://bank", "scopes": ["pay", "read"]},
        {"resource": "https://payer", "scopes": ["call"]}])
}

/// `boss` called `payer`, who is at the bank with less.
fn exchanges() -> [Value; 2] {
    let boss = json!({"application": "boss", "depth": 5, "expires": 1120, "rights": 7, "session": "ses_1"});
    let payer = json!({"application": "payer", "delegation": "dlg_1", "depth": 0, "expires": 1060,
        "rights": 2, "session": "ses_2"});
    let exchange = |index: u64,
                    mandate: &str,
                    session: &str,
                    grant: &str,
                    resource: &str,
                    chain| {
        json!({"index": index, "event": {"action": "exchange", "component": "sts", "outcome": "allow",
            "mandate": mandate, "session": session, "grant": grant, "resource": resource,
            "policy": "sha256:a", "zone": "z", "time_ms": 900_000, "chain": chain}})
    };
    let called = json!({"hops": [boss], "table": table()});
    let acts =
        json!({"from": ["mdt_1"], "hops": [boss, payer], "table": table(), "through": ["grt_1"]});
    [
        exchange(3, "mdt_1", "ses_1", "grt_1", "https://payer", called),
        exchange(5, "mdt_2", "ses_2", "grt_2", "https://bank", acts),
    ]
}

fn request(mandate: &str) -> Value {
    json!({"index": 8, "event": {"action": "request", "component": "filter", "outcome": "allow",
        "application": "payer", "mandate": mandate, "time_ms": 950_000, "zone": "z"}})
}

fn standing(suspended: &[(&str, &str)], revoked: &[(&str, &str)]) -> Standing {
    let item = |name: &str, id: &str| json!({name: id, "revoked": revoked.iter().any(|(_, one)| *one == id)});
    let list = |name: &str, ids: &[&str]| {
        let items: Vec<_> = ids.iter().map(|id| item(name, id)).collect();
        json!({ "items": items })
    };
    let lists = [
        ("application", "name", list("name", &["boss", "payer"])),
        ("grant", "id", list("id", &["grt_1", "grt_2"])),
        ("delegation", "id", list("id", &["dlg_1"])),
        ("session", "id", list("id", &["ses_1", "ses_2"])),
    ];
    let target =
        |(kind, id): &(&str, &str)| json!({"target": {"kind": kind, "id": id}, "id": 1, "seq": 1});
    let suspended: Vec<_> = suspended.iter().map(target).collect();
    let revoked = revoked.iter().map(|one| {
        let mut record = target(one);
        record["issued_until"] = json!(u64::MAX);
        record["expires"] = json!(9);
        record
    });
    let revoked: Vec<_> = revoked.collect();
    Standing::read(
        NOW,
        &lists,
        &json!({ "items": suspended }),
        &json!({ "items": revoked }),
    )
}

fn told(entry: &Value, standing: &Standing) -> (Option<Value>, String) {
    let issues = Issues::from_entries(&exchanges());
    let policies = json!({"items": [{"digest": "sha256:a", "active": true, "seq": 4}]});
    let known = Known {
        issues: &issues,
        standing,
        policies: &policies,
        entries: &[],
    };
    let told = Told::of(entry, &known);
    let line = told.line.as_ref().map(|line| json!(line));
    let text = told.text(NOW, &mut BTreeMap::new());
    let from = text
        .find("  authority  ")
        .map(|at| text.split_at(at).1.to_owned());
    (line, from.unwrap_or_default())
}

#[test]
fn a_request_is_led_back_to_the_grant_hop_by_hop() {
    let (line, text) = told(&request("mdt_2"), &standing(&[], &[]));
    let expected = "  \
  authority     of mdt_2, issued at entry 5
  by now        nothing of it is revoked, suspended or over
     1  boss, by grant/grt_2
        session  ses_1
        may      pay read at https://bank
        may      call at https://payer
        pass on  5 times
        until    1120, in 2 min
        mandate  mdt_1, entry 3, policy sha256:a (active now, since position 4)
     2  payer, by delegation/dlg_1
        session  ses_2
        may      read at https://bank
        pass on  not at all
        until    1060, in 60 s
        mandate  mdt_2, entry 5, policy sha256:a (active now, since position 4)
  also on       grant/grt_1";
    assert_eq!(text, expected);
    let line = line.unwrap();
    assert_eq!(line["now"], "good");
    assert_eq!(
        line["hops"][1]["by"],
        json!({"target": "delegation/dlg_1", "now": "good"})
    );
    assert_eq!(
        line["hops"][1]["may"],
        json!([{"resource": "https://bank", "scopes": ["read"]}])
    );
}

#[test]
fn whatever_above_it_is_revoked_or_suspended_is_named_at_its_place_and_on_top() {
    for (kind, id, place) in [
        ("application", "boss", "1  boss (SUSPENDED), by"),
        ("session", "ses_1", "session  ses_1 (SUSPENDED)"),
        (
            "delegation",
            "dlg_1",
            "payer, by delegation/dlg_1 (SUSPENDED)",
        ),
        ("grant", "grt_1", "also on       grant/grt_1 (SUSPENDED)"),
    ] {
        let suspended = [(kind, id)];
        let (line, text) = told(&request("mdt_2"), &standing(&suspended, &[]));
        let on_top = format!("by now        SUSPENDED: {kind}/{id}\n");
        assert!(text.contains(&on_top) && text.contains(place), "{text}");
        assert_eq!(line.unwrap()["now"], "suspended");
        let (line, text) = told(&request("mdt_2"), &standing(&suspended, &suspended));
        assert!(
            text.contains(&place.replace("SUSPENDED", "REVOKED")),
            "{text}"
        );
        assert_eq!(line.unwrap()["now"], "revoked", "it is for good");
    }
    let (_, text) = told(&request("mdt_2"), &standing(&[], &[("mandate", "mdt_1")]));
    assert!(text.contains("REVOKED: mandate/mdt_1"), "{text}");
    assert!(text.contains("mandate  mdt_1 (REVOKED), entry 3"), "{text}");
}

#[test]
fn the_line_of_a_mandate_is_told_once() {
    let (standing, issues) = (standing(&[], &[]), Issues::from_entries(&exchanges()));
    let known = Known {
        issues: &issues,
        standing: &standing,
        policies: &Value::Null,
        entries: &[],
    };
    let mut shown = BTreeMap::new();
    let entries = [exchanges()[1].clone(), request("mdt_2")];
    let texts = entries.map(|entry| Told::of(&entry, &known).text(NOW, &mut shown));
    assert!(texts[0].contains("\n  authority     of mdt_2, issued at entry 5\n"));
    assert!(texts[1].ends_with("\n  authority     of mdt_2, told at entry 5"));
}

#[test]
fn a_mandate_whose_time_is_over_is_not_said_to_hold() {
    let mut standing = standing(&[], &[]);
    standing.now_s = 1060;
    let (line, text) = told(&request("mdt_2"), &standing);
    assert!(text.contains("by now        its time is OVER"), "{text}");
    assert_eq!(line.unwrap()["now"], "over");
}

#[test]
fn a_refused_exchange_tells_what_it_was_to_be_made_from() {
    let mut refused = exchanges()[0].clone();
    refused["event"]["outcome"] = json!("deny");
    refused["event"]["reason"] = json!("delegation_missing");
    refused["event"]["application"] = json!("payer");
    refused["event"]["chain"]["from"] = json!(["mdt_1"]);
    for member in ["mandate", "session", "grant"] {
        refused["event"][member] = Value::Null;
    }
    let (line, text) = told(&refused, &standing(&[], &[]));
    assert!(
        text.starts_with("  authority     that it was to be made from\n"),
        "{text}"
    );
    assert!(
        text.contains("1  boss, by grant/grt_1\n"),
        "of its own exchange: {text}"
    );
    assert!(text.contains("mandate  mdt_1, entry 3"), "{text}");
    assert_eq!(line.unwrap()["mandate"], Value::Null);
}

#[test]
fn a_refusal_without_a_mandate_tells_what_has_become_of_what_it_names() {
    let refused = json!({"index": 3, "event": {"action": "exchange", "component": "sts",
        "outcome": "deny", "reason": "no_grant", "application": "payer", "grant": "grt_1"}});
    let standing = standing(&[("application", "payer")], &[("grant", "grt_1")]);
    let (issues, policies) = (Issues::default(), Value::Null);
    let known = Known {
        issues: &issues,
        standing: &standing,
        policies: &policies,
        entries: &[],
    };
    let told = Told::of(&refused, &known);
    let text = told.text(NOW, &mut BTreeMap::new());
    assert!(
        text.contains("  application   payer (SUSPENDED)\n"),
        "{text}"
    );
    assert!(text.contains("  grant         grt_1 (REVOKED)"), "{text}");
    assert_eq!(told.json()["by_now"]["grant"]["now"], "revoked");
}

#[test]
fn a_mandate_that_the_ledger_cannot_lead_back_is_said_to_be_one() {
    let (line, text) = told(&request("mdt_9"), &standing(&[], &[("mandate", "mdt_9")]));
    assert!(
        text.contains("the ledger does not tell its chain"),
        "{text}"
    );
    assert!(text.contains("REVOKED: mandate/mdt_9"), "{text}");
    assert_eq!(line.unwrap()["hops"], json!([]));
    let (line, text) = told(&request("mdt_9"), &standing(&[], &[]));
    assert!(text.contains("by now        not known"), "{text}");
    assert_eq!(line.unwrap()["now"], "unknown");
    let mut nobody = request("");
    nobody["event"]["mandate"] = Value::Null;
    assert_eq!(told(&nobody, &standing(&[], &[])), (None, String::new()));
}

#[test]
fn nothing_in_a_chain_paints_over_the_terminal() {
    let mut evil = exchanges()[1].clone();
    let hop = &mut evil["event"]["chain"]["hops"][1];
    hop["session"] = json!("ses\u{1b}[2J");
    hop["delegation"] = json!("dlg\n  by now  all is well");
    hop["application"] = json!("pay\rer");
    evil["event"]["chain"]["table"][0]["scopes"][1] = json!("read\u{7}");
    let (_, text) = told(&evil, &standing(&[], &[]));
    assert!(
        text.chars().all(|char| char == '\n' || !char.is_control()),
        "{text:?}"
    );
    assert!(!text.contains("\n  by now  all"), "{text}");
}
