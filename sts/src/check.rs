//! `envoy.service.auth.v3.Authorization`: the door for our own filter and for Envoy's.
//!
//! | caller | intent | what happens |
//! |---|---|---|
//! | application | any, or none | exchange for itself |
//! | gateway | `exchange` | exchange for the downstream peer |
//! | gateway | `authorize` | authorize |
//! | gateway | none | authorize if a bearer token is presented, exchange otherwise |
//! | resource point | any, or none | authorize (an exchange is refused) |

mod answer;
mod headers;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use caracal_proto::check::{AUTHORIZE, EXCHANGE, INTENT};
use caracal_store::model::PointRole;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::Authorization;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use tonic::{Request, Response, Status};

use crate::authority::Identity;
use crate::authorize::Credential;
use crate::request::Asked;
use crate::server::peer_id;
use crate::service::Service;
use headers::Headers;

/// Name of the call's span.
const RPC: &str = "envoy.service.auth.v3.Authorization/Check";

/// The service behind `Check`.
pub(crate) struct CheckService(pub(crate) Arc<Service>);

/// Which of the two decisions is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Exchange,
    Authorize,
}

#[tonic::async_trait]
impl Authorization for CheckService {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let peer = peer_id(&request);
        let peer = peer.as_deref();
        let (service, own, request) = {
            let (metadata, _, request) = request.into_parts();
            (&self.0, metadata, request)
        };
        // Envoy's own span of the check, if there is one; else the span of the request.
        let traceparent = || {
            let own = own.get("traceparent").and_then(|value| value.to_str().ok());
            let http = || request.attributes.as_ref()?.request.as_ref()?.http.as_ref();
            own.or_else(|| Headers::of(http()?).traceparent())
        };
        let Some(trace) = service.telemetry.begin(RPC, traceparent) else {
            return Ok(Response::new(service.check(peer, &request).await));
        };
        trace.set("rpc.system", "grpc");
        trace.set("rpc.service", "envoy.service.auth.v3.Authorization");
        trace.set("rpc.method", "Check");
        let answer = Box::pin(trace.scope(service.check(peer, &request))).await;
        Ok(Response::new(answer))
    }
}

impl Service {
    /// Decides and answers. A message without its attributes is a request that cannot be read.
    pub(crate) async fn check(&self, peer: Option<&str>, request: &CheckRequest) -> CheckResponse {
        let empty = HttpRequest::default();
        let attributes = request.attributes.as_ref();
        let http = attributes
            .and_then(|attributes| attributes.request.as_ref())
            .and_then(|request| request.http.as_ref())
            .unwrap_or(&empty);
        let principal = attributes
            .and_then(|attributes| attributes.source.as_ref())
            .map_or("", |source| source.principal.as_str());
        let intent = attributes
            .and_then(|attributes| attributes.context_extensions.get(INTENT))
            .map(String::as_str);
        let headers = Headers::of(http);
        let asked = Asked {
            method: &http.method,
            path: &http.path,
            host: &http.host,
            principal,
            request_id: headers.request_id().unwrap_or(&http.id),
        };
        let credential = headers.credential();
        let result = match self.door(peer, intent, credential) {
            Door::Exchange => self
                .exchange(peer, &asked)
                .await
                .map(|issued| answer::with_mandate(&issued)),
            Door::Authorize => self
                .authorize(peer, &asked, credential)
                .await
                .map(|authorized| answer::without_credentials(authorized, &headers)),
        };
        result.unwrap_or_else(|refused| answer::refusal(&refused, asked.request_id))
    }

    /// The table of the module. An intent that is not known is none.
    fn door(&self, peer: Option<&str>, intent: Option<&str>, credential: Credential<'_>) -> Door {
        let state = self.authority.read();
        let Some(Identity::Point { point, .. }) = peer.and_then(|peer| state.identity(peer)) else {
            return Door::Exchange;
        };
        match (intent, point.role) {
            (Some(EXCHANGE), _) => Door::Exchange,
            (Some(AUTHORIZE), _) | (_, PointRole::Resource) => Door::Authorize,
            (_, PointRole::Gateway) => match credential {
                Credential::None => Door::Exchange,
                Credential::Bearer(_) | Credential::Malformed => Door::Authorize,
            },
        }
    }
}
