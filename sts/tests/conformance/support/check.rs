//! Envoy's door: `Check` over gRPC with mutual TLS, asked by the enforcement point of the bank.

use std::collections::HashMap;

use envoy_types::pb::envoy::service::auth::v3::attribute_context::{
    HttpRequest, Peer, Request as Asked,
};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, OkHttpResponse};

use super::World;

/// The identity of the point that guards the bank.
pub(crate) const BANK_POINT: &str = "spiffe://d.example/ns/bank/sa/envoy";

/// The answer about one request.
#[derive(Debug)]
pub(crate) enum Checked {
    /// It goes on, changed like this.
    Forwarded(OkHttpResponse),
    /// It does not.
    Refused {
        status: i32,
        challenge: Option<String>,
        body: serde_json::Value,
    },
}

impl World {
    /// Asks about `GET https://bank.internal{path}` of a peer, with or without `authorization`.
    pub(crate) async fn check(
        &self,
        peer: &str,
        path: &str,
        authorization: Option<&str>,
    ) -> Checked {
        let header = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let pseudo = [
            (":method", "GET"),
            (":path", path),
            (":authority", "bank.internal"),
        ];
        let authorization = authorization.map(|value| ("authorization", value));
        let http = HttpRequest {
            headers: pseudo
                .into_iter()
                .chain(authorization)
                .map(header)
                .collect::<HashMap<_, _>>(),
            ..HttpRequest::default()
        };
        let attributes = AttributeContext {
            source: Some(Peer {
                principal: peer.to_owned(),
                ..Peer::default()
            }),
            request: Some(Asked {
                http: Some(http),
                ..Asked::default()
            }),
            ..AttributeContext::default()
        };
        let request = CheckRequest {
            attributes: Some(attributes),
        };
        let channel = self.pki.channel(self.grpc, BANK_POINT).await;
        let answer = AuthorizationClient::new(channel).check(request).await;
        match answer.unwrap().into_inner().http_response.unwrap() {
            HttpResponse::OkResponse(ok) => Checked::Forwarded(ok),
            HttpResponse::DeniedResponse(denied) => {
                let headers = denied.headers.into_iter().filter_map(|one| one.header);
                let mut challenges = headers.filter(|one| one.key == "www-authenticate");
                Checked::Refused {
                    status: denied.status.unwrap().code,
                    challenge: challenges.next().map(|one| one.value),
                    body: serde_json::from_str(&denied.body).unwrap(),
                }
            }
            HttpResponse::ErrorResponse(error) => panic!("{error:?}"),
        }
    }
}
