//! Answers in Envoy's terms.

use caracal_mandate::refusal::{REASON_HEADER, Refusal};
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc::Status as RpcStatus;

use super::headers::Headers;
use crate::authorize::Authorized;
use crate::exchange::Issued;
use crate::request::Refused;

fn header(key: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: key.to_owned(),
            value,
            raw_value: Vec::new(),
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}

fn respond(code: i32, response: HttpResponse) -> CheckResponse {
    CheckResponse {
        // The message stays empty: Envoy logs it.
        status: Some(RpcStatus {
            code,
            ..RpcStatus::default()
        }),
        http_response: Some(response),
        ..CheckResponse::default()
    }
}

/// Yes, with the mandate in place of whatever credential the request had.
pub(super) fn with_mandate(issued: &Issued) -> CheckResponse {
    let ok = OkHttpResponse {
        headers: vec![header(
            "authorization",
            format!("Bearer {}", issued.token()),
        )],
        ..OkHttpResponse::default()
    };
    respond(0, HttpResponse::OkResponse(ok))
}

/// Yes; the upstream sees neither the mandate nor headers that only we may set.
pub(super) fn without_credentials(_authorized: Authorized, headers: &Headers<'_>) -> CheckResponse {
    let mut headers_to_remove = vec!["authorization".to_owned()];
    headers_to_remove.extend(headers.internal());
    let ok = OkHttpResponse {
        headers_to_remove,
        ..OkHttpResponse::default()
    };
    respond(0, HttpResponse::OkResponse(ok))
}

/// No, as RFC 6750 and the filter say it.
pub(super) fn refusal(refused: &Refused, request_id: &str) -> CheckResponse {
    let refusal = Refusal {
        reason: refused.reason,
        request_id,
        scopes: refused.scopes.as_ref(),
    };
    let mut headers = vec![
        header("content-type", "application/json".to_owned()),
        header(REASON_HEADER, refused.reason.as_str().to_owned()),
    ];
    headers.extend(
        refusal
            .challenge()
            .map(|challenge| header("www-authenticate", challenge)),
    );
    let denied = DeniedHttpResponse {
        // Envoy's enumeration has the numbers of HTTP.
        status: Some(HttpStatus {
            code: i32::from(refusal.http_status()),
        }),
        headers,
        body: String::from_utf8(refusal.body()).unwrap_or_default(),
    };
    let code = i32::try_from(refused.reason.error_code().grpc_status()).unwrap_or(7);
    respond(code, HttpResponse::DeniedResponse(denied))
}
