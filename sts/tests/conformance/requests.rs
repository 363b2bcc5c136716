//! How a request is read: RFC 6749 §3.2, RFC 8693 §2.1.

use crate::support::{
    ACCESS_TOKEN, Auth, BANK, PAYOUT_BASIC, Reply, TOKEN_EXCHANGE, WISH, World, wire,
};

const FORM: &str = "application/x-www-form-urlencoded";

/// Token types of RFC 8693 §3 that are neither taken nor issued, and what is no type.
const OTHER_TYPES: [&str; 4] = [
    "urn:ietf:params:oauth:token-type:refresh_token",
    "urn:ietf:params:oauth:token-type:saml1",
    "urn:ietf:params:oauth:token-type:saml2",
    "access_token",
];

/// The body of a good request.
fn good() -> String {
    wire::form(&WISH[..2])
}

#[tokio::test]
async fn rfc6749_s3_2_only_forms_are_taken() {
    let world = World::start().await;
    let body = good();
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

/// A good request with something behind it is invalid.
async fn each_is_invalid(world: &World, more: &[&str]) {
    for more in more {
        world
            .raw(FORM, format!("{}{more}", good()).as_bytes())
            .await
            .refuses(400, "invalid_request");
    }
}

#[tokio::test]
async fn rfc6749_s3_2_a_parameter_that_is_there_twice_is_invalid_request() {
    let world = World::start().await;
    let twice = [
        "&grant_type=client_credentials",
        "&grant%5ftype=client_credentials",
        "&scope=a&scope=b",
        "&scope=&scope=",
    ];
    each_is_invalid(&world, &twice).await;
}

#[tokio::test]
async fn rfc6749_s3_2_a_parameter_that_is_not_known_is_refused_and_not_ignored() {
    let world = World::start().await;
    let unknown = [
        "&unknown=1",
        "&zone_id=acme",
        "&Scope=accounts%3Aread",
        "&token=x",
        "&authorization_details=%5B%5D",
    ];
    each_is_invalid(&world, &unknown).await;
}

#[tokio::test]
async fn rfc6749_app_b_a_body_that_can_be_read_in_two_ways_is_invalid_request() {
    let world = World::start().await;
    let malformed = [
        "&",
        "&scope",
        "&scope=%zz",
        "&scope=%0",
        "&scope=%00",
        "&scope=%C3%A9",
    ];
    each_is_invalid(&world, &malformed).await;
    for body in [
        &b""[..],
        b"\xff\xfe=x",
        b"{\"grant_type\":\"client_credentials\"}",
    ] {
        world.raw(FORM, body).await.refuses(400, "invalid_request");
    }
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

fn headers() -> String {
    let basic = wire::basic("payout", crate::support::PAYOUT_SECRET);
    format!("{basic}content-type: {FORM}\r\n")
}

#[tokio::test]
async fn rfc6749_s2_3_1_parameters_in_the_url_are_refused() {
    let world = World::start().await;
    for query in ["x=1", "client_secret=cs_x", ""] {
        let path = format!("/zones/acme/token?{query}");
        let body = good();
        let reply = world
            .send("POST", &path, &headers(), body.as_bytes(), None)
            .await;
        reply.refuses(400, "invalid_request");
    }
}

#[tokio::test]
async fn rfc6749_s3_2_only_post_is_served() {
    let world = World::start().await;
    for method in ["GET", "PUT", "DELETE"] {
        let reply = world
            .send(method, "/zones/acme/token", &headers(), b"", None)
            .await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    }
}

#[tokio::test]
async fn a_zone_that_does_not_exist_has_no_endpoints() {
    let world = World::start().await;
    for endpoint in ["token", "introspect", "revoke"] {
        let path = format!("/zones/other/{endpoint}");
        let body = good();
        let reply = world
            .send("POST", &path, &headers(), body.as_bytes(), None)
            .await;
        assert_eq!(reply.status, 404, "{path}");
    }
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
}

#[tokio::test]
async fn rfc6749_s5_2_without_a_grant_type_the_request_is_invalid() {
    let world = World::start().await;
    let reply = world.token(&[("resource", BANK)], PAYOUT_BASIC).await;
    reply.refuses(400, "invalid_request");
    assert_eq!(reply.json()["error_description"], "grant_type is missing");
}

#[tokio::test]
async fn rfc6749_s5_2_an_error_repeats_nothing_of_the_request() {
    let world = World::start().await;
    for (name, value) in [
        ("grant_type", "<script>zebra"),
        ("scope", "zebra \" zebra"),
        ("resource", "zebra#zebra"),
        ("audience", "zebra"),
        ("zebra", "zebra"),
        ("requested_token_type", "zebra"),
    ] {
        let parameters = [
            ("grant_type", "client_credentials"),
            ("resource", BANK),
            (name, value),
        ];
        let parameters = if name == "grant_type" {
            &parameters[1..]
        } else {
            &parameters[..]
        };
        let reply = world.token(parameters, PAYOUT_BASIC).await;
        assert_eq!(reply.status, 400, "{name}: {}", reply.text);
        assert!(!reply.text.contains("zebra"), "{name}: {}", reply.text);
    }
}

/// Parameters of an exchange, good but for what a test changes about them.
async fn exchange_with(world: &World, parameters: &[(&str, &str)]) -> Reply {
    let parameters = [&[("grant_type", TOKEN_EXCHANGE)][..], parameters].concat();
    world.token(&parameters, PAYOUT_BASIC).await
}

#[tokio::test]
async fn rfc8693_s2_1_a_subject_token_and_its_type_are_required() {
    let world = World::start().await;
    let own = world.own(PAYOUT_BASIC, "accounts:read").await;
    let subject = [
        ("subject_token", own.as_str()),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    assert_eq!(exchange_with(&world, &subject).await.status, 200);
    for (parameters, missing) in [
        (&subject[..1], "subject_token_type is missing"),
        (&subject[1..], "subject_token is missing"),
        (
            &[("subject_token", ""), subject[1]],
            "subject_token is missing",
        ),
    ] {
        let reply = exchange_with(&world, parameters).await;
        reply.refuses(400, "invalid_request");
        assert_eq!(reply.json()["error_description"], missing);
    }
}

#[tokio::test]
async fn rfc8693_s2_1_an_actor_token_and_its_type_come_together() {
    let world = World::start().await;
    let own = world.own(PAYOUT_BASIC, "accounts:read").await;
    for alone in [
        ("actor_token", own.as_str()),
        ("actor_token_type", ACCESS_TOKEN),
    ] {
        let reply = world
            .exchange(&own, ACCESS_TOKEN, &[alone], PAYOUT_BASIC)
            .await;
        reply.refuses(400, "invalid_request");
        let description = reply.json()["error_description"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            description.contains("is not to be sent without"),
            "{description}"
        );
    }
}

#[tokio::test]
async fn rfc8693_s2_1_a_subject_token_of_another_type_is_invalid_request() {
    let world = World::start().await;
    let own = world.own(PAYOUT_BASIC, "accounts:read").await;
    for kind in OTHER_TYPES {
        let reply = world.exchange(&own, kind, &[], PAYOUT_BASIC).await;
        reply.refuses(400, "invalid_request");
    }
}

#[tokio::test]
async fn rfc8693_s2_1_an_actor_token_of_another_type_is_invalid_request() {
    let world = World::start().await;
    let own = world.own(PAYOUT_BASIC, "accounts:read").await;
    let id_token = "urn:ietf:params:oauth:token-type:id_token";
    for kind in OTHER_TYPES.into_iter().chain([id_token]) {
        let more = [("actor_token", own.as_str()), ("actor_token_type", kind)];
        let reply = world
            .exchange(&own, ACCESS_TOKEN, &more, PAYOUT_BASIC)
            .await;
        reply.refuses(400, "invalid_request");
    }
}

#[tokio::test]
async fn rfc8693_s2_1_a_token_type_that_is_not_issued_is_invalid_request() {
    let world = World::start().await;
    let own = world.own(PAYOUT_BASIC, "accounts:read").await;
    let id_token = "urn:ietf:params:oauth:token-type:id_token";
    for kind in OTHER_TYPES.into_iter().chain([id_token]) {
        let more = [("requested_token_type", kind)];
        let reply = world
            .exchange(&own, ACCESS_TOKEN, &more, PAYOUT_BASIC)
            .await;
        reply.refuses(400, "invalid_request");
    }
}

#[tokio::test]
async fn rfc8693_s2_1_parameters_of_an_exchange_go_with_no_other_grant_type() {
    let world = World::start().await;
    for more in [
        ("subject_token", "x"),
        ("subject_token_type", ACCESS_TOKEN),
        ("actor_token", "x"),
        ("actor_token_type", ACCESS_TOKEN),
    ] {
        let reply = world.issue(&[("resource", BANK), more], PAYOUT_BASIC).await;
        reply.refuses(400, "invalid_request");
    }
}

#[tokio::test]
async fn rfc8693_s2_1_an_exchange_without_client_authentication_is_invalid_client() {
    let world = World::start().await;
    let own = world.own(PAYOUT_BASIC, "accounts:read").await;
    for auth in [Auth::None, Auth::Basic("payout", "cs_wrong")] {
        let reply = world.exchange(&own, ACCESS_TOKEN, &[], auth).await;
        reply.refuses(401, "invalid_client");
    }
}
