//! Answers in Envoy's terms.

use std::collections::HashMap;

use caracal_mandate::lease::Knowledge;
use caracal_mandate::refusal::{REASON_HEADER, Refusal};
use caracal_proto::check::READ_AGE_HEADER;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use envoy_types::pb::google::rpc::Status as RpcStatus;

use crate::authorize::Authorized;
use crate::exchange::Issued;
use crate::request::Refused;

/// Member of the dynamic metadata of a yes (`envoy/ext_authz.yaml`).
const MARK: &str = "caracal.decision";

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
pub(super) fn with_mandate(issued: &Issued, internal: &[&str]) -> CheckResponse {
    yes(OkHttpResponse {
        headers: vec![header(
            "authorization",
            format!("Bearer {}", issued.token()),
        )],
        headers_to_remove: names(internal),
        ..OkHttpResponse::default()
    })
}

/// Yes; the upstream sees neither a mandate nor headers that only we may set.
pub(super) fn without_credentials(_decided: &impl Decided, internal: &[&str]) -> CheckResponse {
    let mut headers_to_remove = vec!["authorization".to_owned()];
    headers_to_remove.extend(names(internal));
    yes(OkHttpResponse {
        headers_to_remove,
        ..OkHttpResponse::default()
    })
}

/// Evidence that the request was allowed and that this is recorded.
pub(super) trait Decided {}

impl Decided for Authorized {}
// It was minted for this very operation and presented for it, with the newest revocations.
impl Decided for Issued {}

fn yes(ok: OkHttpResponse) -> CheckResponse {
    respond(0, HttpResponse::OkResponse(ok))
}

fn names(internal: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = internal.iter().map(|name| (*name).to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The same with a mark for the filter behind `ext_authz`, which lets nothing pass without it: not when
/// `ext_authz` is missing, disabled for a route, or told to allow what fails.
pub(super) fn marked(mut response: CheckResponse) -> CheckResponse {
    let allow = Value {
        kind: Some(Kind::StringValue("allow".to_owned())),
    };
    response.dynamic_metadata = Some(Struct {
        fields: HashMap::from([(MARK.to_owned(), allow)]),
    });
    response
}

/// A yes with the age of what was known when the question arrived, for our own points: they take it
/// for a lease less that, as they take a pong.
pub(super) fn aged(mut response: CheckResponse, knowledge: Knowledge) -> CheckResponse {
    if let Some(HttpResponse::OkResponse(ok)) = &mut response.http_response {
        let age = knowledge.age_ms().to_string();
        ok.headers.push(header(READ_AGE_HEADER, age));
    }
    response
}

/// No, as RFC 6750 and the filter say it.
pub(super) fn refusal(refused: &Refused, request_id: &str, is_grpc: bool) -> CheckResponse {
    let refusal = Refusal {
        reason: refused.reason,
        request_id,
        scopes: refused.scopes.as_ref(),
    };
    let mut headers = vec![header(REASON_HEADER, refused.reason.as_str().to_owned())];
    let body = if is_grpc {
        // Envoy makes a gRPC status of it, with this as its message. By itself it would take the code
        // from the HTTP status, and 400 becomes INTERNAL.
        let status = refused.reason.error_code().grpc_status();
        headers.push(header("grpc-status", status.to_string()));
        refused.reason.sentence().to_owned()
    } else {
        headers.push(header("content-type", "application/json".to_owned()));
        headers.push(header("cache-control", "no-store".to_owned()));
        let challenge = refusal.challenge();
        headers.extend(challenge.map(|challenge| header("www-authenticate", challenge)));
        if refusal.http_status() == 503 {
            headers.push(header("retry-after", "1".to_owned()));
        }
        String::from_utf8(refusal.body()).unwrap_or_default()
    };
    let denied = DeniedHttpResponse {
        // Envoy's enumeration has the numbers of HTTP.
        status: Some(HttpStatus {
            code: i32::from(refusal.http_status()),
        }),
        headers,
        body,
    };
    let code = i32::try_from(refused.reason.error_code().grpc_status()).unwrap_or(7);
    respond(code, HttpResponse::DeniedResponse(denied))
}
