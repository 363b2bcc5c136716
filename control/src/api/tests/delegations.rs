use super::*;

const DELEGATIONS: &str = "/v1/zones/bank/delegations";
const SUSPENSIONS: &str = "/v1/zones/bank/suspensions";

async fn with_worker() -> Fixture {
    let fixture = Fixture::bank().await;
    let worker = json!({"name": "worker", "spiffe_ids": ["spiffe://corp.example/worker"]});
    let (status, answer) = fixture.post("/v1/zones/bank/applications", worker).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    fixture
}

fn delegation() -> Value {
    json!({"from": "payout", "to": "worker", "resource": "accounts", "scopes": ["accounts:read"],
        "max_depth": 1})
}

#[tokio::test]
async fn a_delegation_is_made_once_listed_and_revoked() {
    let fixture = with_worker().await;
    let (status, made) = fixture.call("POST", DELEGATIONS, delegation(), "k").await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("dlg_"), "{id}");
    let (status, again) = fixture.call("POST", DELEGATIONS, delegation(), "k").await;
    assert_eq!((status, &again["id"]), (StatusCode::OK, &made["id"]));
    let mut other = delegation();
    other["max_depth"] = json!(2);
    let (status, refusal) = fixture.call("POST", DELEGATIONS, other, "k").await;
    assert_eq!(
        (status, &refusal["error"]),
        (StatusCode::CONFLICT, &json!("idempotency_conflict"))
    );
    let (_, listed) = fixture.get(DELEGATIONS).await;
    assert_eq!(listed["items"][0]["max_depth"], 1);
    let target = json!({"target": format!("delegation/{id}")});
    let (status, answer) = fixture.post("/v1/zones/bank/revocations", target).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let (_, listed) = fixture.get(DELEGATIONS).await;
    assert_eq!(listed["items"][0]["revoked"], true);
}

#[tokio::test]
async fn a_delegation_that_could_not_hold_is_refused_with_what_to_do() {
    let fixture = with_worker().await;
    for (member, value, says) in [
        ("to", json!("payout"), "cannot delegate to itself"),
        ("to", json!("nobody"), "create it first"),
        ("scopes", json!([]), "at least one scope"),
        (
            "scopes",
            json!(["accounts:close"]),
            "takes scope accounts:close",
        ),
        ("max_depth", json!(8), "at most 7"),
        ("max_depth", json!(-1), "expected u8"),
        ("expires_at", json!(1), "not in the future"),
        ("budget", json!(1), "budget"),
    ] {
        let mut body = delegation();
        body[member] = value;
        let (status, refusal) = fixture.post(DELEGATIONS, body).await;
        assert!(status.is_client_error(), "{member}: {refusal}");
        let message = refusal["message"].as_str().unwrap();
        assert!(message.contains(says), "{member}: {message}");
    }
    let (_, listed) = fixture.get(DELEGATIONS).await;
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn a_signed_delegation_is_kept_as_it_was_signed_and_its_id_is_used_once() {
    let fixture = with_worker().await;
    let mut signed = delegation();
    signed["id"] = json!("dlg_chosen");
    signed["signature"] = json!("A".repeat(86));
    let (status, made) = fixture.call("POST", DELEGATIONS, signed.clone(), "k").await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (status, _) = fixture.call("POST", DELEGATIONS, signed.clone(), "k").await;
    assert_eq!(status, StatusCode::OK, "the same once more");
    let (_, listed) = fixture.get(DELEGATIONS).await;
    assert_eq!(listed["items"][0]["id"], "dlg_chosen");
    assert_eq!(listed["items"][0]["signature"], signed["signature"]);
    // What an owner signed once comes back to life by nobody's hand: neither while it is good nor after.
    let target = json!({"target": "delegation/dlg_chosen"});
    let (status, answer) = fixture.post("/v1/zones/bank/revocations", target).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let (status, refusal) = fixture.post(DELEGATIONS, signed.clone()).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refusal}");
    for (member, value, says) in [
        ("signature", json!("A".repeat(85)), "64 bytes"),
        ("signature", json!(null), "go together"),
        ("id", json!(null), "go together"),
        ("id", json!("grt_1"), "dlg_"),
    ] {
        let mut body = signed.clone();
        body["id"] = json!("dlg_other");
        body[member] = value;
        let (status, refusal) = fixture.post(DELEGATIONS, body).await;
        assert!(status.is_client_error(), "{member}: {refusal}");
        let message = refusal["message"].as_str().unwrap();
        assert!(message.contains(says), "{member}: {message}");
    }
}

#[tokio::test]
async fn what_is_suspended_is_listed_until_it_is_resumed() {
    let fixture = with_worker().await;
    let suspend = json!({"target": "application/payout", "wait": true});
    let (status, answer) = fixture.post(SUSPENSIONS, suspend.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert_eq!(answer["silent"], json!(["edge-1"]), "as of a revocation");
    let (status, refusal) = fixture.post(SUSPENSIONS, suspend).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refusal}");
    let (_, listed) = fixture.get(SUSPENSIONS).await;
    assert_eq!(
        listed["items"][0]["target"],
        json!({"kind": "application", "id": "payout"})
    );
    let path = format!("{SUSPENSIONS}/application/payout");
    let (status, answer) = fixture.call("DELETE", &path, Value::Null, "").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, _) = fixture.call("DELETE", &path, Value::Null, "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, listed) = fixture.get(SUSPENSIONS).await;
    assert_eq!(listed["items"], json!([]));
    for target in ["zone", "mandate/m", "resource/accounts", "nothing", "a/b"] {
        let (status, refusal) = fixture.post(SUSPENSIONS, json!({ "target": target })).await;
        assert!(status.is_client_error(), "{target}: {refusal}");
    }
    let events = fixture.events("bank").await;
    let details: Vec<_> = events
        .iter()
        .filter_map(|event| event.detail.as_deref())
        .collect();
    assert!(
        details.contains(&"application/payout suspended"),
        "{details:?}"
    );
    assert!(
        details.contains(&"application/payout resumed"),
        "{details:?}"
    );
}
