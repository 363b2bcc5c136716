//! The law of checks as Envoy asks for them.

use caracal_mandate::event::{Action, Component, Emitter, Event, Outcome};
use caracal_mandate::head::Head;
use caracal_mandate::host::normal_host;
use caracal_mandate::path::NormalPath;
use envoy_types::pb::envoy::service::auth::v3::CheckRequest;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use prost::Message as _;

use super::headers;
use crate::request::{Asked, Normal};

/// What is read of a request is its own normal form, and is what the event says; a credential stands
/// there once, in the map or in the list; and what Envoy's own filter left out is not made up.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn check_request(data: &[u8]) -> bool {
    let Ok(request) = CheckRequest::decode(data) else {
        return false;
    };
    let attributes = request.attributes.as_ref();
    let empty = HttpRequest::default();
    let http = attributes.and_then(|attributes| attributes.request.as_ref()?.http.as_ref());
    let http = http.unwrap_or(&empty);
    let listed = http.header_map.iter().flat_map(|map| &map.headers);
    let names = http.headers.keys().chain(listed.map(|header| &header.key));
    let count = |name: &str| {
        names
            .clone()
            .filter(|given| given.eq_ignore_ascii_case(name))
            .count()
    };
    assert!(headers::traceparent(http).is_none() || count("traceparent") == 1);
    // By Envoy's own filter, and by one of ours.
    let native = is_read(http, true, &count);
    let ours = is_read(http, false, &count);
    // Ours has path, host and method beside the headers: in them they would be a second time.
    assert!(!(native && ours));
    native || ours
}

fn is_read(http: &HttpRequest, native: bool, count: &dyn Fn(&str) -> usize) -> bool {
    let Ok(pairs) = headers::pairs(http, native) else {
        return false;
    };
    let Ok(head) = Head::parse(&pairs) else {
        return false;
    };
    let pseudo = usize::from(native);
    for name in [":method", ":path", ":authority"] {
        assert_eq!(count(name), pseudo, "{name}");
    }
    assert_eq!(
        count("authorization"),
        usize::from(head.authorization.is_some())
    );
    assert!(head.request_id.is_empty() || count("x-request-id") == 1);
    let ours = |name: &&str| name.starts_with("x-caracal-");
    assert!(head.internal.iter().all(|name| count(name) > 0));
    assert_eq!(
        head.internal.iter().any(ours),
        pairs.iter().any(|(name, _)| ours(&name.as_str()))
    );
    is_read_one_way(&Asked {
        method: head.method,
        path: head.path.as_sent(),
        host: &head.host,
        request_id: head.request_id,
        native,
        ..Asked::default()
    })
}

fn is_read_one_way(asked: &Asked<'_>) -> bool {
    let emitter = Emitter {
        boot: "b".to_owned(),
        name: "sts".to_owned(),
        seq: 1,
    };
    let (component, action, no) = (Component::Sts, Action::Exchange, Outcome::Deny);
    let mut event: Event = Event::new("system", component, action, no, emitter, 0);
    let Ok(normal) = Normal::read(asked, &mut event) else {
        return false;
    };
    let path = NormalPath::parse(normal.path.as_str().as_bytes());
    assert_eq!(
        path.as_ref().map(NormalPath::as_str),
        Ok(normal.path.as_str())
    );
    assert_eq!(
        normal_host(normal.host.as_bytes()).as_deref(),
        Ok(&*normal.host)
    );
    let said = (
        event.method.as_deref(),
        event.path.as_deref(),
        event.host.as_deref(),
    );
    let read = (normal.method, normal.path.as_str(), &*normal.host);
    assert_eq!(said, (Some(read.0), Some(read.1), Some(read.2)));
    true
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
    use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
    use envoy_types::pb::envoy::service::auth::v3::attribute_context::Request;

    use super::*;

    const PSEUDO: [(&str, &str); 3] = [
        (":method", "GET"),
        (":path", "/accounts/42"),
        (":authority", "Bank.internal:80"),
    ];

    fn check(path: &str, map: &[(&str, &str)], list: &[(&str, &str)]) -> Vec<u8> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let listed = list.iter().map(owned).map(|(key, value)| HeaderValue {
            key,
            value,
            raw_value: Vec::new(),
        });
        let http = HttpRequest {
            method: "GET".to_owned(),
            path: path.to_owned(),
            host: "Bank.internal:80".to_owned(),
            headers: map.iter().map(owned).collect::<HashMap<_, _>>(),
            header_map: Some(HeaderMap {
                headers: listed.collect(),
            }),
            ..HttpRequest::default()
        };
        CheckRequest {
            attributes: Some(AttributeContext {
                request: Some(Request {
                    http: Some(http),
                    ..Request::default()
                }),
                ..AttributeContext::default()
            }),
        }
        .encode_to_vec()
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let bearer = ("authorization", "Bearer a.b.c");
        let native = |more: &[(&'static str, &'static str)]| [&PSEUDO, more].concat();
        let seeds = [
            ("good-bare", check("/accounts/42?x=1", &[], &[])),
            ("good-map", check("/accounts/42", &[bearer], &[])),
            (
                "good-list",
                check("", &[], &native(&[bearer, ("x-request-id", "r-1")])),
            ),
            (
                "good-internal",
                check("", &[], &native(&[("X-Caracal-Decision", "allow")])),
            ),
            ("bad-both", check("/accounts/42", &[bearer], &[bearer])),
            ("bad-twice", check("", &[], &native(&[bearer, bearer]))),
            ("bad-path", check("/a/../b", &[bearer], &[])),
            ("bad-empty", Vec::new()),
            ("bad-bytes", vec![0xff; 9]),
        ];
        caracal_seeds::hold("check_request", &seeds, check_request).unwrap();
    }
}
