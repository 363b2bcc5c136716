//! The two doors of a replica, and what comes back.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use caracal_mandate::reason::Reason;
use caracal_mandate::refusal::REASON_HEADER;
use caracal_proto::check::{EXCHANGE, INTENT};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

use super::cast::Target;
use crate::client::{Connection, tls};
use crate::mandates::claims;
use crate::stack::ZONE;
use crate::stack::identity::Identity;

/// Longest wait for an answer. Longer than anything that the service waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a replica said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Yes: a mandate.
    Allowed {
        /// Its id.
        mandate: String,
        /// The key that signed it.
        kid: String,
    },
    /// No, and why.
    Refused(Reason),
    /// Nothing that is a decision.
    Unanswered(String),
}

/// Envoy's `Check`, over mutual TLS.
#[derive(Debug, Clone)]
pub(super) struct CheckDoor {
    client: AuthorizationClient<Channel>,
}

impl CheckDoor {
    /// Connects as a workload.
    pub(super) async fn open(identity: &Identity, port: u16) -> Result<Self> {
        let address = tls::tunnel(identity, port).await?;
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();
        Ok(Self {
            client: AuthorizationClient::new(channel),
        })
    }

    /// Asks for a mandate; a gateway says for whom.
    pub(super) async fn ask(
        &mut self,
        request_id: &str,
        principal: Option<&str>,
        target: &Target,
    ) -> Answer {
        let http = HttpRequest {
            id: request_id.to_owned(),
            method: target.method.to_owned(),
            host: target.host.to_owned(),
            path: target.path.to_owned(),
            ..HttpRequest::default()
        };
        let attributes = AttributeContext {
            source: principal.map(|principal| Peer {
                principal: principal.to_owned(),
                ..Peer::default()
            }),
            request: Some(Request {
                http: Some(http),
                ..Request::default()
            }),
            context_extensions: HashMap::from([(INTENT.to_owned(), EXCHANGE.to_owned())]),
            ..AttributeContext::default()
        };
        let request = CheckRequest {
            attributes: Some(attributes),
        };
        let answer = tokio::time::timeout(PATIENCE, self.client.check(request)).await;
        match answer {
            Ok(Ok(response)) => read(response.into_inner()),
            Ok(Err(status)) => {
                Answer::Unanswered(format!("{:?}: {}", status.code(), status.message()))
            }
            Err(_) => Answer::Unanswered(format!("nothing within {PATIENCE:?}")),
        }
    }
}

fn read(response: CheckResponse) -> Answer {
    let headers = match response.http_response {
        Some(HttpResponse::OkResponse(ok)) => ok.headers,
        Some(HttpResponse::DeniedResponse(denied)) => denied.headers,
        None | Some(_) => Vec::new(),
    };
    let value = |name: &str| {
        let headers = headers.iter().filter_map(|option| option.header.as_ref());
        let mut named = headers.filter(|header| header.key.eq_ignore_ascii_case(name));
        named.next().map(|header| header.value.as_str())
    };
    if let Some(reason) = value(REASON_HEADER) {
        return refused(reason);
    }
    let token = value("authorization").and_then(|value| value.strip_prefix("Bearer "));
    allowed(token.unwrap_or_default())
}

/// The token endpoint, with a client secret.
#[derive(Debug)]
pub(super) struct TokenDoor {
    port: u16,
    authorization: String,
    connection: Option<Connection>,
}

impl TokenDoor {
    /// For a client.
    pub(super) fn new(port: u16, client: &str, secret: &str) -> Self {
        let authorization = STANDARD.encode(format!("{client}:{secret}"));
        Self {
            port,
            authorization,
            connection: None,
        }
    }

    /// Asks for a mandate.
    pub(super) async fn ask(&mut self, request_id: &str, target: &Target) -> Answer {
        let answer = tokio::time::timeout(PATIENCE, self.try_ask(request_id, target)).await;
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                self.connection = None;
                Answer::Unanswered(format!("{error:#}"))
            }
            Err(_) => {
                self.connection = None;
                Answer::Unanswered(format!("nothing within {PATIENCE:?}"))
            }
        }
    }

    async fn try_ask(&mut self, request_id: &str, target: &Target) -> Result<Answer> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::plain(self.port).await?),
        };
        // Of what is encoded, only these occur.
        let [resource, scope] = [&format!("http://{}", target.host), target.scope]
            .map(|text| text.replace(':', "%3A").replace('/', "%2F"));
        let body = format!("grant_type=client_credentials&resource={resource}&scope={scope}");
        let request = format!(
            "POST /zones/{ZONE}/token HTTP/1.1\r\nhost: localhost\r\n\
             authorization: Basic {}\r\nx-request-id: {request_id}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.authorization,
            body.len()
        );
        let response = connection.exchange(request.as_bytes()).await?;
        if let Some(reason) = response.reason {
            return Ok(refused(&reason));
        }
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        Ok(match body.get("access_token").and_then(Value::as_str) {
            Some(token) => allowed(token),
            None => Answer::Unanswered(format!("{} {body}", response.status)),
        })
    }
}

fn refused(reason: &str) -> Answer {
    match reason.parse() {
        Ok(reason) => Answer::Refused(reason),
        Err(error) => Answer::Unanswered(format!("{error}")),
    }
}

fn allowed(token: &str) -> Answer {
    match facts(token) {
        Ok((mandate, kid)) => Answer::Allowed { mandate, kid },
        Err(error) => Answer::Unanswered(format!("no mandate: {error:#}")),
    }
}

/// Id and key of a mandate.
fn facts(token: &str) -> Result<(String, String)> {
    let header = token.split('.').next().unwrap_or_default();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
    let mandate = text(&claims(token)?, "jti").context("no jti")?;
    Ok((mandate, text(&header, "kid").context("no kid")?))
}
