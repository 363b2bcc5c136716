//! Our cut of `ext_authz` and the full definition by Envoy read each other's bytes.

use std::collections::HashMap;

use prost::Message as _;

#[test]
fn our_cut_of_ext_authz_is_read_by_envoys_own_types() {
    use caracal_proto::extauthz;
    use envoy_types::pb::envoy::service::auth::v3 as envoy;

    let ours = extauthz::CheckRequest {
        attributes: Some(extauthz::AttributeContext {
            source: Some(extauthz::Peer {
                principal: "spiffe://d/a".to_owned(),
            }),
            request: Some(extauthz::Request {
                http: Some(extauthz::HttpRequest {
                    id: "r".to_owned(),
                    method: "GET".to_owned(),
                    headers: HashMap::from([("authorization".to_owned(), "Bearer x".to_owned())]),
                    path: "/p".to_owned(),
                    host: "h".to_owned(),
                }),
            }),
            context_extensions: HashMap::from([("k".to_owned(), "v".to_owned())]),
        }),
    };
    let theirs = envoy::CheckRequest::decode(ours.encode_to_vec().as_slice()).unwrap();
    let attributes = theirs.attributes.unwrap();
    assert_eq!(attributes.source.unwrap().principal, "spiffe://d/a");
    assert_eq!(attributes.context_extensions["k"], "v");
    let http = attributes.request.unwrap().http.unwrap();
    assert_eq!(
        (http.id, http.method, http.path, http.host),
        ("r".into(), "GET".into(), "/p".into(), "h".into())
    );
    assert_eq!(http.headers["authorization"], "Bearer x");
}

#[test]
fn envoys_answers_are_read_by_our_cut() {
    use caracal_proto::extauthz;
    use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
    use envoy_types::pb::envoy::service::auth::v3 as envoy;
    use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
    use envoy_types::pb::google::rpc::Status;

    let header = HeaderValueOption {
        header: Some(HeaderValue {
            key: "k".to_owned(),
            value: "v".to_owned(),
            ..HeaderValue::default()
        }),
        ..HeaderValueOption::default()
    };
    let denied = envoy::CheckResponse {
        status: Some(Status {
            code: 7,
            ..Status::default()
        }),
        http_response: Some(HttpResponse::DeniedResponse(envoy::DeniedHttpResponse {
            headers: vec![header.clone()],
            ..envoy::DeniedHttpResponse::default()
        })),
        ..envoy::CheckResponse::default()
    };
    let ok = envoy::CheckResponse {
        http_response: Some(HttpResponse::OkResponse(envoy::OkHttpResponse {
            headers: vec![header],
            ..envoy::OkHttpResponse::default()
        })),
        ..envoy::CheckResponse::default()
    };
    let read = |message: &envoy::CheckResponse| {
        extauthz::CheckResponse::decode(message.encode_to_vec().as_slice()).unwrap()
    };
    let denied = read(&denied);
    assert_eq!(denied.status.unwrap().code, 7);
    let Some(extauthz::check_response::HttpResponse::DeniedResponse(response)) =
        denied.http_response
    else {
        panic!("not denied");
    };
    assert_eq!(response.headers[0].header.as_ref().unwrap().value, "v");
    assert!(matches!(
        read(&ok).http_response,
        Some(extauthz::check_response::HttpResponse::OkResponse(_))
    ));
}
