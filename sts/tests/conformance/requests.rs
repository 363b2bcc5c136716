//! How a request is read: RFC 6749 §3.2, RFC 8693 §2.1.

use crate::support::{ACCESS_TOKEN, BANK, PAYOUT_BASIC, TOKEN_EXCHANGE, World, wire};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn rfc6749_s3_2_only_forms_are_taken() {
    let world = World::start().await;
    let body = wire::form(&[("grant_type", "client_credentials"), ("resource", BANK)]);
    for content_type in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencodedx",
    ] {
        world
            .raw(content_type, body.as_bytes())
            .await
            .refuses(400, "invalid_request");
    }
    for content_type in [FORM, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
        assert_eq!(world.raw(content_type, body.as_bytes()).await.status, 200);
    }
}

#[tokio::test]
async fn rfc6749_s3_2_duplicate_unknown_and_malformed_parameters_are_invalid_request() {
    let world = World::start().await;
    let good = wire::form(&[("grant_type", "client_credentials"), ("resource", BANK)]);
    for more in [
        "&grant_type=client_credentials",
        "&grant%5ftype=x",
        "&scope=a&scope=b",
        "&unknown=1",
        "&",
        "&scope",
        "&scope=%zz",
        "&scope=%00",
        "&scope=%C3%A9",
        "&zone_id=acme",
    ] {
        world
            .raw(FORM, format!("{good}{more}").as_bytes())
            .await
            .refuses(400, "invalid_request");
    }
    world.raw(FORM, b"").await.refuses(400, "invalid_request");
    world
        .raw(FORM, b"\xff\xfe=x")
        .await
        .refuses(400, "invalid_request");
    world
        .raw(FORM, b"{\"grant_type\":\"client_credentials\"}")
        .await
        .refuses(400, "invalid_request");
}

#[tokio::test]
async fn rfc6749_s3_2_oversized_requests_are_invalid_request() {
    let world = World::start().await;
    for body in [
        format!("grant_type={}", "a".repeat(513)),
        format!("subject_token={}", "a".repeat(16_385)),
        format!("scope={}", "a".repeat(70_000)),
        "audience=a&".repeat(40),
    ] {
        world
            .raw(FORM, body.as_bytes())
            .await
            .refuses(400, "invalid_request");
    }
}

#[tokio::test]
async fn rfc6749_s3_2_a_parameter_without_a_value_is_left_out() {
    let world = World::start().await;
    let reply = world
        .token(
            &[
                ("grant_type", "client_credentials"),
                ("resource", BANK),
                ("scope", ""),
                ("actor_token", ""),
            ],
            PAYOUT_BASIC,
        )
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn rfc6749_s3_2_parameters_in_the_url_are_refused_and_only_post_is_served() {
    let world = World::start().await;
    let body = wire::form(&[("grant_type", "client_credentials"), ("resource", BANK)]);
    let headers = format!(
        "{}content-type: {FORM}\r\n",
        wire::basic("payout", crate::support::PAYOUT_SECRET)
    );
    let reply = world
        .send(
            "POST",
            "/zones/acme/token?x=1",
            &headers,
            body.as_bytes(),
            None,
        )
        .await;
    reply.refuses(400, "invalid_request");
    assert_eq!(
        world
            .send("GET", "/zones/acme/token", &headers, b"", None)
            .await
            .status,
        405
    );
    assert_eq!(
        world
            .send(
                "POST",
                "/zones/other/token",
                &headers,
                body.as_bytes(),
                None
            )
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn rfc6749_s5_2_another_grant_type_is_unsupported() {
    let world = World::start().await;
    for grant_type in [
        "password",
        "authorization_code",
        "refresh_token",
        "Client_Credentials",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ] {
        world
            .token(&[("grant_type", grant_type)], PAYOUT_BASIC)
            .await
            .refuses(400, "unsupported_grant_type");
    }
    world
        .token(&[("resource", BANK)], PAYOUT_BASIC)
        .await
        .refuses(400, "invalid_request");
}

#[tokio::test]
async fn rfc8693_s2_1_subject_and_actor_tokens_have_types() {
    let world = World::start().await;
    let own = world
        .token(
            &[("grant_type", "client_credentials"), ("resource", BANK)],
            PAYOUT_BASIC,
        )
        .await
        .token();
    let with = async |more: &[(&str, &str)]| {
        let mut parameters = vec![("grant_type", TOKEN_EXCHANGE)];
        parameters.extend_from_slice(more);
        world.token(&parameters, PAYOUT_BASIC).await
    };
    let subject = [
        ("subject_token", own.as_str()),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    assert_eq!(with(&subject).await.status, 200);
    with(&subject[..1]).await.refuses(400, "invalid_request");
    with(&subject[1..]).await.refuses(400, "invalid_request");
    for more in [
        ("actor_token", own.as_str()),
        ("actor_token_type", ACCESS_TOKEN),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:refresh_token",
        ),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:saml2",
        ),
    ] {
        with(&[subject[0], subject[1], more])
            .await
            .refuses(400, "invalid_request");
    }
    for kind in [
        "urn:ietf:params:oauth:token-type:refresh_token",
        "urn:ietf:params:oauth:token-type:saml1",
        "access_token",
    ] {
        with(&[subject[0], ("subject_token_type", kind)])
            .await
            .refuses(400, "invalid_request");
    }
}
