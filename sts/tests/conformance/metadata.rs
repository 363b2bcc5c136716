//! What the service says about itself: RFC 8414, RFC 9728, RFC 7517.

use serde_json::{Value, json};

use crate::support::jwt::{claims, header};
use crate::support::{BANK, PAYOUT_BASIC, WISH, World};

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
}

#[tokio::test]
async fn rfc8414_s3_2_there_is_no_document_where_no_issuer_is() {
    let world = World::start().await;
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/zones/other",
        "/.well-known/oauth-authorization-server/zones/acme/x",
        "/zones/other/.well-known/openid-configuration",
    ] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
}

const METADATA: &str = "/.well-known/oauth-authorization-server/zones/acme";

#[tokio::test]
async fn rfc8414_s3_3_the_issuer_of_the_document_is_the_issuer_of_the_mandates() {
    let world = World::start().await;
    let document = world.get(METADATA).await.json();
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    assert_eq!(document["issuer"], json!(world.issuer()));
    assert_eq!(claims(&token)["iss"], document["issuer"]);
    // RFC 8414 §3.1: the well-known part stands between host and path of exactly this text.
    let path = document["issuer"]
        .as_str()
        .unwrap()
        .split_once("/zones")
        .unwrap()
        .1;
    assert!(METADATA.ends_with(path));
}

#[tokio::test]
async fn rfc8414_s2_every_endpoint_of_the_document_is_served() {
    let world = World::start().await;
    let document = world.get(METADATA).await.json();
    let origin = format!("https://localhost:{}", world.https);
    for (member, parameters, status) in [
        ("token_endpoint", &WISH[..], 200),
        ("introspection_endpoint", &[("token", "x")], 200),
        ("revocation_endpoint", &[("token", "x")], 200),
    ] {
        let url = document[member].as_str().unwrap();
        let endpoint = url.strip_prefix(&format!("{origin}/zones/acme/")).unwrap();
        let reply = world.post(endpoint, parameters, PAYOUT_BASIC).await;
        assert_eq!(reply.status, status, "{member}: {}", reply.text);
    }
    let keys = document["jwks_uri"].as_str().unwrap();
    let reply = world.get(keys.strip_prefix(&origin).unwrap()).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn rfc8414_s2_the_grant_types_of_the_document_are_those_that_are_taken() {
    let world = World::start().await;
    let document = world.get(METADATA).await.json();
    let grant_types = document["grant_types_supported"].as_array().unwrap();
    assert_eq!(grant_types.len(), 2);
    for grant_type in grant_types {
        let grant_type = grant_type.as_str().unwrap();
        let reply = world
            .token(&[("grant_type", grant_type)], PAYOUT_BASIC)
            .await;
        let error = reply.json()["error"].clone();
        assert_ne!(
            error, "unsupported_grant_type",
            "{grant_type}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn rfc8414_s2_response_types_are_there_and_none() {
    let world = World::start().await;
    let document = world.get(METADATA).await.json();
    assert_eq!(document["response_types_supported"], json!([]), "REQUIRED");
    assert_eq!(document.get("authorization_endpoint"), None);
}

#[tokio::test]
async fn rfc8414_s2_client_authentication_is_described_for_each_endpoint() {
    let world = World::start().await;
    let document = world.get(METADATA).await.json();
    let methods = json!([
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "tls_client_auth"
    ]);
    for endpoint in ["token", "introspection", "revocation"] {
        let member = |rest: &str| &document[format!("{endpoint}_endpoint_auth_{rest}")];
        assert_eq!(*member("methods_supported"), methods);
        let algorithms = member("signing_alg_values_supported").as_array().unwrap();
        assert!(algorithms.contains(&json!("ES256")));
        assert!(
            !algorithms.contains(&json!("none")),
            "REQUIRED not to be there"
        );
    }
}

#[tokio::test]
async fn rfc8414_s3_2_a_member_without_values_is_left_out() {
    let world = World::start().await;
    world.empty_zone().await;
    let path = "/.well-known/oauth-authorization-server/zones/empty";
    let document = world.get(path).await.json();
    for (name, value) in document.as_object().unwrap() {
        // REQUIRED by §2, empty or not.
        let required = name == "response_types_supported";
        assert!(required || *value != json!([]), "{name}");
    }
    let full = world.get(METADATA).await.json();
    let scopes = full["scopes_supported"].as_array().unwrap();
    assert!(scopes.contains(&json!("accounts:read")));
}

#[tokio::test]
async fn rfc7517_s5_the_key_set_has_the_key_of_every_mandate_and_no_private_part() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
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

const RESOURCE: &str = "/.well-known/oauth-protected-resource";

#[tokio::test]
async fn rfc9728_s2_a_resource_says_who_issues_tokens_for_it() {
    let world = World::start().await;
    let document: Value = world
        .get("/zones/acme/resources/bank/oauth-protected-resource")
        .await
        .json();
    assert_eq!(document["authorization_servers"], json!([world.issuer()]));
    assert_eq!(document["bearer_methods_supported"], json!(["header"]));
    assert_eq!(
        document["scopes_supported"],
        json!(["accounts:read", "payments:freeze", "payments:write"])
    );
}

#[tokio::test]
async fn rfc9728_s3_1_a_resource_is_described_at_its_own_host_and_path() {
    let world = World::start().await;
    world
        .resource("files", "https://files.internal/team/a")
        .await;
    for (path, host, resource) in [
        (RESOURCE.to_owned(), "bank.internal", BANK),
        (
            format!("{RESOURCE}/team/a"),
            "files.internal",
            "https://files.internal/team/a",
        ),
    ] {
        let reply = world.send_plain("GET", &path, host, "", b"").await;
        assert_eq!(
            reply.json()["resource"],
            resource,
            "RFC 9728 §3.3: exactly the identifier"
        );
    }
    for (path, host) in [
        (RESOURCE.to_owned(), "other.internal"),
        (RESOURCE.to_owned(), "files.internal"),
        (format!("{RESOURCE}/x"), "bank.internal"),
        (format!("{RESOURCE}/team"), "files.internal"),
    ] {
        let reply = world.send_plain("GET", &path, host, "", b"").await;
        assert_eq!(reply.status, 404, "{host}{path}");
    }
}

#[tokio::test]
async fn rfc9728_s3_2_the_description_is_json_and_says_nothing_empty() {
    let world = World::start().await;
    let reply = world
        .send_plain("GET", RESOURCE, "bank.internal", "", b"")
        .await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/json"))
    );
    let document = reply.json();
    assert!(
        document
            .as_object()
            .unwrap()
            .values()
            .all(|value| *value != json!([]))
    );
}

#[tokio::test]
async fn rfc9728_s3_3_the_identifier_is_the_audience_of_the_mandates() {
    let world = World::start().await;
    let path = "/zones/acme/resources/bank/oauth-protected-resource";
    let resource = world.get(path).await.json()["resource"]
        .as_str()
        .unwrap()
        .to_owned();
    let token = world
        .issue(&[("resource", &resource)], PAYOUT_BASIC)
        .await
        .token();
    assert_eq!(claims(&token)["aud"], json!(resource));
    let other = "/zones/acme/resources/other/oauth-protected-resource";
    assert_eq!(world.get(other).await.status, 404);
}
