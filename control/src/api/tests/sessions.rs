use super::*;

const SESSIONS: &str = "/v1/zones/bank/sessions";

fn declared() -> Value {
    json!({"application": "payout", "holder": "spiffe://corp.example/payout"})
}

#[tokio::test]
async fn a_session_is_declared_once_kept_alive_taken_over_and_listed() {
    let fixture = Fixture::bank().await;
    let mut leased = declared();
    leased["lease_s"] = json!(30);
    leased["labels"] = json!({"run": "nightly"});
    let (status, made) = fixture.call("POST", SESSIONS, leased.clone(), "k").await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("ses_"), "{id}");
    let (status, again) = fixture.call("POST", SESSIONS, leased, "k").await;
    assert_eq!((status, &again["id"]), (StatusCode::OK, &made["id"]));
    let (status, refusal) = fixture.call("POST", SESSIONS, declared(), "k").await;
    assert_eq!(
        (status, &refusal["error"]),
        (StatusCode::CONFLICT, &json!("idempotency_conflict"))
    );
    let heartbeat = format!("{SESSIONS}/{id}/heartbeat");
    let (status, alive) = fixture.post(&heartbeat, json!({})).await;
    assert_eq!((status, &alive["fence"]), (StatusCode::OK, &made["seq"]));
    let (status, refusal) = fixture.post(SESSIONS, declared()).await;
    assert_eq!(
        (status, &refusal["error"]),
        (StatusCode::CONFLICT, &json!("in_session"))
    );
    assert!(
        refusal["message"].as_str().unwrap().contains(&id),
        "{refusal}"
    );
    let mut over = declared();
    over["take_over"] = json!(true);
    let (status, next) = fixture.post(SESSIONS, over).await;
    assert_eq!(status, StatusCode::CREATED, "{next}");
    let (status, refusal) = fixture.post(&heartbeat, json!({})).await;
    assert_eq!(
        (status, &refusal["error"]),
        (StatusCode::CONFLICT, &json!("session_ended"))
    );
    let target = format!("session/{}", next["id"].as_str().unwrap());
    let (status, answer) = fixture
        .post("/v1/zones/bank/suspensions", json!({"target": target}))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let (_, listed) = fixture.get(SESSIONS).await;
    let found: Vec<_> = [0, 1].map(|at| listed["items"][at]["state"].clone()).into();
    assert_eq!(found, ["suspended", "terminated"]);
    assert_eq!(listed["items"][1]["terms"]["labels"]["run"], "nightly");
    let (_, revoked) = fixture.get("/v1/zones/bank/revocations").await;
    assert_eq!(revoked["items"][0]["target"]["id"], json!(id));
}

#[tokio::test]
async fn a_session_that_could_not_hold_is_refused_with_what_to_do() {
    let fixture = Fixture::bank().await;
    for (member, value, says) in [
        ("application", json!("nobody"), "create it first"),
        (
            "holder",
            json!("spiffe://corp.example/other"),
            "create it first",
        ),
        ("holder", json!("payout"), "SPIFFE ID"),
        ("parent", json!("ses_x"), "create it first"),
        ("expires_at", json!(1), "over already"),
        ("lease_s", json!(4), "5 to 3600"),
        ("labels", json!({"run": "a\nb"}), "printable ASCII"),
        ("labels", json!({"Run": "a"}), "not a name"),
        ("role", json!("admin"), "role"),
    ] {
        let mut body = declared();
        body[member] = value;
        let (status, refusal) = fixture.post(SESSIONS, body).await;
        assert!(status.is_client_error(), "{member}: {refusal}");
        let message = refusal["message"].as_str().unwrap();
        assert!(message.contains(says), "{member}: {message}");
    }
    let (_, listed) = fixture.get(SESSIONS).await;
    assert_eq!(listed["items"], json!([]));
    let (status, _) = fixture
        .post(&format!("{SESSIONS}/ses_x/heartbeat"), json!({}))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
