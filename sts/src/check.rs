//! `envoy.service.auth.v3.Authorization`: the door for our own filter and for Envoy's.
//!
//! | caller | intent | what happens | the credential of the request |
//! |---|---|---|---|
//! | application | `authorize` | authorize at a resource of its own | goes |
//! | application | any other, or none | exchange for itself, or for its caller | becomes the mandate |
//! | gateway | `exchange` | exchange for the downstream peer | becomes the mandate |
//! | gateway | `authorize` | authorize | goes |
//! | gateway | none | exchange for the downstream peer, which the mandate is held against at once | goes |
//! | resource point | any, or none | authorize (an exchange is refused) | goes |
//!
//! A question without an intent is by Envoy's own `ext_authz`: there is no filter, and what is decided
//! here is what the filter decides in that place (`docs/ext-authz.md`). The head is read by the same
//! code from the same fields.

mod answer;
mod headers;
#[cfg(any(test, fuzzing))]
pub(crate) mod law;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use caracal_mandate::head::Head;
use caracal_mandate::lease::Knowledge;
use caracal_proto::check::{AUTHORIZE, CALLER, EXCHANGE, INTENT, MODE, SHADOW};
use caracal_store::model::PointRole;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::Authorization;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use tonic::{Request, Response, Status};

use crate::authority::Identity;
use crate::request::Asked;
use crate::server::peer_id;
use crate::service::Service;

/// Name of the call's span.
const RPC: &str = "envoy.service.auth.v3.Authorization/Check";

/// The service behind `Check`.
pub(crate) struct CheckService(pub(crate) Arc<Service>);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// A mandate, to be attached.
    Exchange,
    /// The same, and that the request goes on with it and without it.
    Enforce,
    /// A decision about what the request carries.
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
            own.or_else(|| headers::traceparent(http()?))
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
        // Before anything is looked up: what is decided on is never older than this says.
        let arrived = self.clock.reading();
        let knowledge = self.authority.confirmed_ms(arrived);
        let knowledge = knowledge.map(|at| Knowledge::new(arrived.monotonic_ms, at));
        let attributes = request.attributes.as_ref();
        let http = attributes
            .and_then(|attributes| attributes.request.as_ref())
            .and_then(|request| request.http.as_ref())
            .unwrap_or(&empty);
        let principal = attributes
            .and_then(|attributes| attributes.source.as_ref())
            .map_or("", |source| source.principal.as_str());
        let extension = |name| {
            attributes
                .and_then(|attributes| attributes.context_extensions.get(name))
                .map(String::as_str)
        };
        let intent = extension(INTENT);
        let native = intent.is_none();
        let pairs = headers::pairs(http, native);
        let pairs = pairs.as_ref().map_err(|reason| (*reason, "", false));
        let head = pairs.and_then(|pairs| {
            Head::parse(pairs).map_err(|no| (no.reason, no.request_id, no.is_grpc))
        });
        let common = Asked {
            principal,
            caller: extension(CALLER).filter(|_| !native).unwrap_or_default(),
            shadow: extension(MODE) == Some(SHADOW),
            native,
            ..Asked::default()
        };
        let (asked, credential, is_grpc, internal) = match &head {
            Ok(head) => {
                let asked = Asked {
                    method: head.method,
                    path: head.path.as_sent(),
                    host: &head.host,
                    request_id: head.request_id,
                    ..common
                };
                (asked, head.bearer(), head.is_grpc, head.internal.as_slice())
            }
            Err((reason, request_id, is_grpc)) => {
                let asked = Asked {
                    malformed: Some(*reason),
                    request_id,
                    ..common
                };
                (asked, Err(*reason), *is_grpc, &[][..])
            }
        };
        // Our own points say it beside the headers.
        let asked = Asked {
            request_id: match (native, asked.request_id) {
                (false, "") => &http.id,
                (_, request_id) => request_id,
            },
            ..asked
        };
        let result = match self.door(peer, intent) {
            Door::Exchange => self
                .exchange(peer, &asked)
                .await
                .map(|issued| answer::with_mandate(&issued, internal)),
            Door::Enforce => self
                .exchange(peer, &asked)
                .await
                .map(|issued| answer::without_credentials(&issued, internal)),
            Door::Authorize => self
                .authorize(peer, &asked, credential)
                .await
                .map(|authorized| answer::without_credentials(&authorized, internal)),
        };
        match (result, knowledge) {
            (Ok(yes), _) if native => answer::marked(yes),
            (Ok(yes), Some(knowledge)) => answer::aged(yes, knowledge),
            (Ok(yes), None) => yes,
            (Err(refused), _) => answer::refusal(&refused, asked.request_id, is_grpc),
        }
    }

    /// The table of the module. An intent that is not known is one of a point of ours all the same.
    fn door(&self, peer: Option<&str>, intent: Option<&str>) -> Door {
        let state = self.authority.read();
        let Some(Identity::Point { point, .. }) = peer.and_then(|peer| state.identity(peer)) else {
            return match intent {
                Some(AUTHORIZE) => Door::Authorize,
                _ => Door::Exchange,
            };
        };
        match (intent, point.role) {
            (Some(EXCHANGE), _) => Door::Exchange,
            (Some(_), _) | (None, PointRole::Resource) => Door::Authorize,
            (None, PointRole::Gateway) => Door::Enforce,
        }
    }
}
