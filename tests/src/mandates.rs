//! Mandates: obtained as a workload, and forged.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_proto::check::{EXCHANGE, INTENT};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use jwt_simple::algorithms::{HS256Key, MACLike as _};
use jwt_simple::claims::Claims;
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

use crate::client::tls;
use crate::stack::identity::Identity;

/// Asks the token service for mandates as one workload, as the workload's sidecar does.
#[derive(Debug, Clone)]
pub struct Exchange(AuthorizationClient<Channel>);

impl Exchange {
    /// Connects as a workload.
    pub async fn connect(identity: &Identity, grpc_port: u16) -> Result<Self> {
        let address = tls::tunnel(identity, grpc_port).await?;
        let channel = Endpoint::from_shared(format!("http://{address}"))?
            .connect()
            .await?;
        Ok(Self(AuthorizationClient::new(channel)))
    }

    /// A mandate for one operation.
    pub async fn mandate(&mut self, method: &str, host: &str, path: &str) -> Result<String> {
        let http = HttpRequest {
            id: "harness".to_owned(),
            method: method.to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            ..HttpRequest::default()
        };
        let attributes = AttributeContext {
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
        let response = self.0.check(request).await?.into_inner();
        let Some(HttpResponse::OkResponse(ok)) = response.http_response else {
            bail!(
                "the token service issued no mandate: {:?}",
                response.http_response
            );
        };
        ok.headers
            .into_iter()
            .filter_map(|option| option.header)
            .find(|header| header.key.eq_ignore_ascii_case("authorization"))
            .and_then(|header| header.value.strip_prefix("Bearer ").map(str::to_owned))
            .context("the answer carries no mandate")
    }
}

/// The claims of a mandate, unverified.
pub fn claims(token: &str) -> Result<Value> {
    let (_, payload, _) = split(token)?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

/// The same signature over a claim that was changed.
pub fn tampered(token: &str) -> Result<String> {
    let (header, payload, signature) = split(token)?;
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
    let later = claims
        .get("exp")
        .and_then(Value::as_u64)
        .context("no exp")?
        + 1;
    claims
        .as_object_mut()
        .context("claims")?
        .insert("exp".to_owned(), later.into());
    Ok(format!("{header}.{}.{signature}", encode(&claims)?))
}

/// `alg: none` with an empty signature.
pub fn unsigned(token: &str) -> Result<String> {
    let (header, payload, _) = split(token)?;
    let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    header
        .as_object_mut()
        .context("header")?
        .insert("alg".to_owned(), "none".into());
    Ok(format!("{}.{payload}.", encode(&header)?))
}

/// HS256 with the zone's public key as the secret, by an ordinary JWT library: the classic attack on
/// verifiers that take the algorithm from the token.
pub fn hs256_with_public_key(token: &str, jwks: &Value) -> Result<String> {
    let (header, payload, _) = split(token)?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    let kid = header
        .get("kid")
        .and_then(Value::as_str)
        .context("no kid")?;
    let keys = jwks
        .get("keys")
        .and_then(Value::as_array)
        .context("no keys")?;
    let key = keys
        .iter()
        .find(|key| key.get("kid").and_then(Value::as_str) == Some(kid))
        .context("the key is not in the JWKS")?;
    let coordinate = |name: &str| -> Result<Vec<u8>> {
        let text = key
            .get(name)
            .and_then(Value::as_str)
            .context("no coordinate")?;
        Ok(URL_SAFE_NO_PAD.decode(text)?)
    };
    let secret = [vec![4_u8], coordinate("x")?, coordinate("y")?].concat();
    let claims: serde_json::Map<String, Value> =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
    let hour = jwt_simple::prelude::Duration::from_hours(1);
    let forged = Claims::with_custom_claims(claims, hour);
    let key = HS256Key::from_bytes(&secret).with_key_id(kid);
    key.authenticate(forged)
        .map_err(|error| anyhow::anyhow!("forging: {error}"))
}

fn split(token: &str) -> Result<(&str, &str, &str)> {
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Ok((header, payload, signature)),
        _ => bail!("not a compact JWS"),
    }
}

fn encode(value: &Value) -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(value)?))
}
