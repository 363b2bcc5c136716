//! Clients that others wrote, unmodified, against the running service. What each of them does is in
//! tests/clients.

use anyhow::Result;
use caracal_tests::third_party::Provider;

/// What every client does, in this order.
const STEPS: [&str; 9] = [
    "discovery",
    "client_credentials",
    "jwks",
    "token_exchange",
    "widening_refused",
    "introspection",
    "revocation",
    "private_key_jwt",
    "wrong_secret_refused",
];

async fn steps_of(library: &str) -> Result<Vec<String>> {
    Provider::start().await?.run(library).await
}

#[tokio::test(flavor = "multi_thread")]
async fn authlib_gets_exchanges_verifies_introspects_and_revokes_mandates() {
    assert_eq!(steps_of("authlib").await.unwrap(), STEPS);
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_gets_exchanges_verifies_introspects_and_revokes_mandates() {
    assert_eq!(steps_of("openid-client").await.unwrap(), STEPS);
}

#[tokio::test(flavor = "multi_thread")]
async fn zitadel_oidc_gets_exchanges_verifies_introspects_and_revokes_mandates() {
    assert_eq!(steps_of("zitadel").await.unwrap(), STEPS);
}
