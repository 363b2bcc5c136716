use super::*;

const PATH: &str = "/v1/zones/bank/grants";

fn grant(conditions: &Value) -> Value {
    let mut grant = Fixture::grant();
    grant["conditions"] = conditions.clone();
    grant
}

#[tokio::test]
async fn a_grant_has_its_conditions_as_they_were_said() {
    let fixture = Fixture::bank().await;
    let issuer = json!({"name": "staff", "issuer": "https://staff", "purpose": "human",
        "audiences": ["caracal"], "jwks_uri": "https://staff/keys"});
    let (status, made) = fixture.post("/v1/zones/bank/issuers", issuer).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let conditions = json!({
        "not_before": 1_900_000_100_u64,
        "window": {"days": ["mon", "sat"], "from": "22:00", "to": "06:00"},
        "on_behalf_of": {"issuers": ["staff"], "acr_values": ["urn:mfa"], "max_age": 300},
    });
    let (status, made) = fixture.post(PATH, grant(&conditions)).await;
    assert_eq!(
        (status, &made["conditions"]),
        (StatusCode::CREATED, &conditions)
    );
    let (_, listed) = fixture.get(PATH).await;
    let items = listed["items"].as_array().unwrap();
    assert!(
        items.iter().any(|item| item["conditions"] == conditions),
        "{listed}"
    );
}

#[tokio::test]
async fn a_condition_that_is_not_understood_makes_no_grant() {
    let fixture = Fixture::bank().await;
    for conditions in [
        json!({"not_after": 1_900_000_100_u64}),
        json!({"not_before": "tomorrow"}),
        json!({"window": {"days": [], "from": "08:00", "to": "18:00"}}),
        json!({"window": {"days": ["mon"], "from": "08:00", "to": "08:00"}}),
        json!({"window": {"days": ["mon"], "from": "8", "to": "18:00"}}),
        json!({"window": {"days": ["mon"], "from": "08:00", "to": "18:00", "zone": "CET"}}),
        json!({"on_behalf_of": {"issuers": []}}),
        json!({"on_behalf_of": {"issuers": ["nobody"]}}),
        json!({"on_behalf_of": {"issuers": ["staff"], "max_age": 0}}),
        json!([]),
        json!({"window": [["mon"], "08:00", "18:00"]}),
    ] {
        let (status, refusal) = fixture.post(PATH, grant(&conditions)).await;
        assert!(status.is_client_error(), "{conditions}: {refusal}");
    }
    let (_, listed) = fixture.get(PATH).await;
    let items = listed["items"].as_array().unwrap();
    assert!(
        items.iter().all(|item| item.get("conditions").is_none()),
        "{listed}"
    );
}
