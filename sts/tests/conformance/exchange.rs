//! Token exchange: RFC 8693.

use serde_json::json;

use crate::support::jwt::{Key, claims, header};
use crate::support::{ACCESS_TOKEN, PAYOUT_BASIC, WORKER_BASIC, World};

#[tokio::test]
async fn rfc8693_s2_1_a_client_narrows_what_it_has_and_never_widens_it() {
    let world = World::start().await;
    let wide = world
        .own(PAYOUT_BASIC, "accounts:read payments:write")
        .await;
    let narrow = world
        .exchange(
            &wide,
            ACCESS_TOKEN,
            &[("scope", "accounts:read")],
            PAYOUT_BASIC,
        )
        .await
        .token();
    let (from, to) = (claims(&wide), claims(&narrow));
    assert_eq!(to["scope"], "accounts:read");
    assert_eq!((&to["sid"], &to["sub"]), (&from["sid"], &from["sub"]));
    assert!(to["exp"].as_u64() <= from["exp"].as_u64());
    assert_eq!(to["from"], json!([from["jti"]]));
    world
        .exchange(
            &narrow,
            ACCESS_TOKEN,
            &[("scope", "accounts:read payments:write")],
            PAYOUT_BASIC,
        )
        .await
        .refuses(400, "invalid_scope");
    world
        .exchange(
            &narrow,
            ACCESS_TOKEN,
            &[("resource", "https://mail.internal")],
            PAYOUT_BASIC,
        )
        .await
        .refuses(400, "invalid_target");
    let again = world
        .exchange(&narrow, ACCESS_TOKEN, &[], PAYOUT_BASIC)
        .await;
    assert_eq!(
        again.json()["scope"],
        "accounts:read",
        "all that can be had is what the subject has"
    );
}

#[tokio::test]
async fn rfc8693_s2_2_2_a_subject_token_that_is_not_good_is_invalid_request() {
    let world = World::start().await;
    let good = world.own(PAYOUT_BASIC, "accounts:read").await;
    let mut changed = good.clone().into_bytes();
    let last = changed.len() - 10;
    changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    let forged = Key::new(9, "x").sign_as(&header(&good), &claims(&good));
    for token in ["x", "a.b.c", &changed, &forged] {
        let reply = world.exchange(token, ACCESS_TOKEN, &[], PAYOUT_BASIC).await;
        reply.refuses(400, "invalid_request");
        assert_eq!(reply.json()["reason"], "subject_invalid");
    }
    let reply = world.exchange(&good, ACCESS_TOKEN, &[], PAYOUT_BASIC).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn rfc8693_s5_the_subject_token_of_another_client_is_invalid_request() {
    let world = World::start().await;
    let captured = world.own(PAYOUT_BASIC, "accounts:read").await;
    let reply = world
        .exchange(&captured, ACCESS_TOKEN, &[], WORKER_BASIC)
        .await;
    reply.refuses(400, "invalid_request");
}

#[tokio::test]
async fn rfc8693_s2_2_2_a_revoked_subject_token_is_invalid_request() {
    let world = World::start().await;
    let token = world.own(PAYOUT_BASIC, "accounts:read").await;
    let jti = claims(&token)["jti"].as_str().unwrap().to_owned();
    world.revoke(&format!("mandate/{jti}")).await;
    let reply = world
        .exchange(&token, ACCESS_TOKEN, &[], PAYOUT_BASIC)
        .await;
    reply.refuses(400, "invalid_request");
    let reason = &reply.json()["reason"];
    assert_eq!(
        reason, "subject_invalid",
        "which check failed is for the ledger"
    );
    let detail = world.events().await[0].detail.clone().unwrap();
    assert!(detail.contains("revoked"), "{detail}");
}
