//! What the service says about itself: RFC 8414, RFC 9728, RFC 7517.

use serde_json::{Value, json};

use crate::support::jwt::header;
use crate::support::{BANK, PAYOUT_BASIC, World};

#[tokio::test]
async fn rfc8414_s3_1_metadata_is_where_the_issuer_says() {
    let world = World::start().await;
    let mut documents = Vec::new();
    for path in [
        "/.well-known/oauth-authorization-server/zones/acme",
        "/.well-known/openid-configuration/zones/acme",
        "/zones/acme/.well-known/openid-configuration",
    ] {
        let reply = world.get(path).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some("application/json")),
            "{path}"
        );
        documents.push(reply.json());
    }
    assert!(documents.iter().all(|document| *document == documents[0]));
    assert_eq!(
        documents[0]["issuer"],
        json!(world.issuer()),
        "RFC 8414 §3.3: exactly"
    );
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/zones/other",
        "/.well-known/oauth-authorization-server/zones/acme/x",
        "/zones/other/.well-known/openid-configuration",
    ] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn rfc8414_s2_metadata_promises_what_is_served() {
    let world = World::start().await;
    let document = world
        .get("/.well-known/oauth-authorization-server/zones/acme")
        .await
        .json();
    let issuer = world.issuer();
    for (member, end) in [
        ("token_endpoint", "token"),
        ("jwks_uri", "jwks.json"),
        ("introspection_endpoint", "introspect"),
        ("revocation_endpoint", "revoke"),
    ] {
        assert_eq!(document[member], json!(format!("{issuer}/{end}")));
    }
    assert_eq!(document["response_types_supported"], json!([]), "REQUIRED");
    assert_eq!(
        document["grant_types_supported"],
        json!([
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "client_credentials"
        ])
    );
    let methods = json!([
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "tls_client_auth"
    ]);
    for endpoint in ["token", "introspection", "revocation"] {
        assert_eq!(
            document[format!("{endpoint}_endpoint_auth_methods_supported")],
            methods
        );
        assert!(
            document[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")]
                .as_array()
                .unwrap()
                .contains(&json!("ES256"))
        );
    }
    assert!(
        document["scopes_supported"]
            .as_array()
            .unwrap()
            .contains(&json!("accounts:read"))
    );
}

#[tokio::test]
async fn rfc7517_s5_the_key_set_has_the_key_of_every_mandate_and_no_private_part() {
    let world = World::start().await;
    let token = world
        .token(
            &[("grant_type", "client_credentials"), ("resource", BANK)],
            PAYOUT_BASIC,
        )
        .await
        .token();
    let keys = world.get("/zones/acme/jwks.json").await.json();
    let keys = keys["keys"].as_array().unwrap();
    let key = keys
        .iter()
        .find(|key| key["kid"] == header(&token)["kid"])
        .unwrap();
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (
            &json!("EC"),
            &json!("P-256"),
            &json!("ES256"),
            &json!("sig")
        )
    );
    assert_eq!(key.get("d"), None);
    assert_eq!(world.get("/zones/other/jwks.json").await.status, 404);
}

#[tokio::test]
async fn rfc9728_s3_protected_resources_are_described_where_clients_ask() {
    let world = World::start().await;
    let direct = world
        .get("/zones/acme/resources/bank/oauth-protected-resource")
        .await;
    let document: Value = direct.json();
    assert_eq!(
        document["resource"],
        json!(BANK),
        "RFC 9728 §3.3: exactly the identifier"
    );
    assert_eq!(document["authorization_servers"], json!([world.issuer()]));
    assert_eq!(document["bearer_methods_supported"], json!(["header"]));
    assert_eq!(
        document["scopes_supported"],
        json!(["accounts:read", "payments:freeze", "payments:write"])
    );
    let path = "/.well-known/oauth-protected-resource";
    let routed = world
        .send_plain("GET", path, "bank.internal", "", b"")
        .await;
    assert_eq!(routed.json(), document);
    for (path, host) in [
        (path, "other.internal"),
        ("/.well-known/oauth-protected-resource/x", "bank.internal"),
    ] {
        assert_eq!(
            world.send_plain("GET", path, host, "", b"").await.status,
            404
        );
    }
    assert_eq!(
        world
            .get("/zones/acme/resources/other/oauth-protected-resource")
            .await
            .status,
        404
    );
}
