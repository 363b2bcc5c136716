use super::*;

const PATH: &str = "/v1/zones/bank/applications/payout/credentials";

fn secret() -> Value {
    json!({"proof": {"kind": "secret"}, "expires_at": 1_900_000_060_u64})
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_as_a_hash() {
    let fixture = Fixture::bank().await;
    let (status, made) = fixture.post(PATH, secret()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let text = made["secret"].as_str().unwrap();
    assert!(text.starts_with("cs_") && text.len() == 3 + 43, "{made}");
    let (_, other) = fixture.post(PATH, secret()).await;
    assert_ne!(other["secret"], made["secret"]);
    let (_, listed) = fixture.get(PATH).await;
    assert_eq!(listed["items"][0]["proof"], json!({"kind": "secret"}));
    assert_eq!(listed["items"][0]["id"], made["id"]);
    let hash = String::from(caracal_store::model::SecretHash::of(text));
    let shown = format!("{listed}{:?}", fixture.events("bank").await);
    assert!(!shown.contains(text) && !shown.contains(&hash), "{shown}");
}

#[tokio::test]
async fn a_repeated_request_makes_one_secret_and_does_not_show_it_again() {
    let fixture = Fixture::bank().await;
    let (first, one) = fixture.call("POST", PATH, secret(), "key-1").await;
    let (again, two) = fixture.call("POST", PATH, secret(), "key-1").await;
    assert_eq!((first, again), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!((&one["id"], &one["seq"]), (&two["id"], &two["seq"]));
    assert!(one["secret"].is_string() && two["secret"].is_null());
    let items = fixture.get(PATH).await.1;
    assert_eq!(items["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn keys_may_be_registered_by_their_address() {
    let fixture = Fixture::bank().await;
    let proof = json!({"kind": "jwks_uri", "jwks_uri": "https://payout.example/keys"});
    let (status, made) = fixture.post(PATH, json!({"proof": proof})).await;
    assert_eq!((status, &made["proof"]), (StatusCode::CREATED, &proof));
    for url in [
        "http://payout.example/keys",
        "ftp://payout.example",
        "payout.example",
    ] {
        let proof = json!({"kind": "jwks_uri", "jwks_uri": url});
        let (status, refusal) = fixture.post(PATH, json!({"proof": proof})).await;
        assert!(status.is_client_error(), "{url}: {refusal}");
    }
}

#[tokio::test]
async fn credentials_and_issuers_come_and_go_and_the_ledger_knows() {
    let fixture = Fixture::bank().await;
    let issuers = "/v1/zones/bank/issuers";
    let issuer = json!({"name": "cluster", "issuer": "https://cluster", "purpose": "kubernetes",
        "audiences": ["caracal"], "jwks_uri": "https://cluster/keys"});
    let (status, made) = fixture.post(issuers, issuer).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(
        (&made["subject_claim"], &made["max_token_age"]),
        (&json!("sub"), &json!(3600))
    );
    let account = json!({"proof": {"kind": "kubernetes", "issuer": "https://cluster",
        "namespace": "agents", "service_account": "payout"}});
    let (status, made) = fixture.post(PATH, account).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let credential = format!("{PATH}/{}", made["id"].as_str().unwrap());
    for path in [&*credential, "/v1/zones/bank/issuers/cluster"] {
        let (status, answer) = fixture.call("DELETE", path, Value::Null, "").await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let (status, _) = fixture.call("DELETE", path, Value::Null, "").await;
        assert!(status.is_client_error(), "{path}");
    }
    assert_eq!(fixture.get(PATH).await.1["items"][0]["revoked"], true);
    assert_eq!(fixture.get(issuers).await.1, json!({"items": []}));
    let events = fixture.events("bank").await;
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| event.detail.as_deref())
        .collect();
    assert!(
        told.contains(&"issuer cluster trusted: https://cluster"),
        "{told:?}"
    );
    assert!(told.contains(&"issuer cluster removed"), "{told:?}");
    assert!(
        told.iter()
            .any(|text| text.ends_with("(kubernetes service account) added"))
    );
}

#[tokio::test]
async fn what_is_no_public_key_is_refused_with_its_reason() {
    let fixture = Fixture::bank().await;
    let key = json!({"kty": "EC", "crv": "P-256", "kid": "k", "d": "AQAB",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"});
    let body = json!({"proof": {"kind": "public_key", "jwks": key}});
    let (status, refusal) = fixture.post(PATH, body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .contains("public half only"),
        "{refusal}"
    );
    for body in [
        json!({"proof": {"kind": "secret", "sha256": "00"}}),
        json!({"proof": {"kind": "password"}}),
        json!({"proof": {"kind": "secret"}, "expires_at": 1_900_000_000_u64}),
        json!({"proof": {"kind": "secret"}, "secret": "mine"}),
    ] {
        let (status, refusal) = fixture.post(PATH, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refusal}");
    }
    let nobody = "/v1/zones/bank/applications/nobody/credentials";
    assert_eq!(
        fixture.post(nobody, secret()).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(fixture.get(nobody).await.0, StatusCode::NOT_FOUND);
}
