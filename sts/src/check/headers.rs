//! The header fields of a checked request, as the filter would have got them from its host.
//!
//! | sender | fields | in |
//! |---|---|---|
//! | Envoy with `encode_raw_headers` | each as it came, pseudo-headers too | the list |
//! | Envoy without | the same, but repeated ones joined by commas, and bytes that are no UTF-8 replaced | the map |
//! | our own points | what the answer depends on; method, path and host beside it | the map |
//!
//! What was joined is taken apart again: a field that may stand there once and had a comma in it then
//! shows as repeated, and is refused. So a map never opens what a list would not.

use caracal_mandate::reason::Reason;
use envoy_types::pb::envoy::config::core::v3::HeaderValue;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;

/// Header pairs, names in lower case.
pub(super) type Pairs = Vec<(String, Vec<u8>)>;

/// The pairs. `native` is a question by Envoy's own `ext_authz`: pseudo-headers have to be among what it
/// sends. One that was set up to leave headers out leaves those out as well, and nobody could say what
/// else is missing.
pub(super) fn pairs(http: &HttpRequest, native: bool) -> Result<Pairs, Reason> {
    let list = list(http);
    let mut pairs: Pairs = match (list.is_empty(), http.headers.is_empty()) {
        (false, true) => list.iter().map(pair).collect::<Option<_>>(),
        (true, _) => Some(http.headers.iter().flat_map(apart).collect()),
        // Envoy fills in one of them.
        (false, false) => None,
    }
    .ok_or(Reason::MalformedHeader)?;
    if !native {
        for (name, value) in [
            (":method", &http.method),
            (":path", &http.path),
            (":authority", &http.host),
        ] {
            pairs.push((name.to_owned(), value.clone().into_bytes()));
        }
    }
    Ok(pairs)
}

/// `traceparent`, if there is one and only one.
pub(super) fn traceparent(http: &HttpRequest) -> Option<&str> {
    let is = |name: &str| name.eq_ignore_ascii_case("traceparent");
    let in_map = http.headers.iter().filter(|(name, _)| is(name));
    let in_list = list(http).iter().filter(|header| is(&header.key));
    let in_list = in_list.map(|header| match header.raw_value.as_slice() {
        [] => Some(header.value.as_str()),
        raw => std::str::from_utf8(raw).ok(),
    });
    let mut values = in_map.map(|(_, value)| Some(value.as_str())).chain(in_list);
    let first = values.next().flatten();
    first.filter(|_| values.next().is_none())
}

fn list(http: &HttpRequest) -> &[HeaderValue] {
    http.header_map.as_ref().map_or(&[], |map| &map.headers)
}

/// A field of the list; none if it has two values.
fn pair(header: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let value = match (header.value.is_empty(), header.raw_value.is_empty()) {
        (_, true) => header.value.as_bytes(),
        (true, false) => &header.raw_value,
        (false, false) => return None,
    };
    Some((header.key.to_ascii_lowercase(), value.to_vec()))
}

/// The fields that may have become this one. A comma in a pseudo-header is its own: those are not
/// joined.
fn apart<'a>(
    (name, value): (&'a String, &'a String),
) -> impl Iterator<Item = (String, Vec<u8>)> + 'a {
    let name = name.to_ascii_lowercase();
    let most = if name.starts_with(':') { 1 } else { usize::MAX };
    value
        .splitn(most, ',')
        .map(move |value| (name.clone(), value.trim().as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use caracal_mandate::head::Head;
    use envoy_types::pb::envoy::config::core::v3::HeaderMap;

    fn map(more: &[(&str, &str)]) -> HttpRequest {
        let base = [
            (":method", "GET"),
            (":path", "/accounts/1,2"),
            (":authority", "bank.internal"),
        ];
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        HttpRequest {
            headers: base.iter().chain(more).map(owned).collect(),
            ..HttpRequest::default()
        }
    }

    fn raw(fields: &[(&str, &[u8])]) -> HttpRequest {
        let field = |(key, value): &(&str, &[u8])| HeaderValue {
            key: (*key).to_owned(),
            value: String::new(),
            raw_value: value.to_vec(),
        };
        HttpRequest {
            header_map: Some(HeaderMap {
                headers: fields.iter().map(field).collect(),
            }),
            ..HttpRequest::default()
        }
    }

    fn fault(http: &HttpRequest) -> Option<Reason> {
        let pairs = match pairs(http, true) {
            Ok(pairs) => pairs,
            Err(reason) => return Some(reason),
        };
        Head::parse(&pairs).err().map(|malformed| malformed.reason)
    }

    #[test]
    fn what_was_joined_is_refused_where_it_may_stand_there_once() {
        assert_eq!(fault(&map(&[])), None);
        for (name, value, expected) in [
            (
                "authorization",
                "Bearer a,Bearer b",
                Some(Reason::MalformedCredential),
            ),
            ("content-length", "2,2", Some(Reason::MalformedHeader)),
            (
                "transfer-encoding",
                "chunked,chunked",
                Some(Reason::MalformedHeader),
            ),
            (
                "content-type",
                "application/json,application/grpc",
                Some(Reason::MalformedHeader),
            ),
            (
                "x-forwarded-host",
                "bank.internal,evil.example",
                Some(Reason::MalformedHost),
            ),
            ("x-forwarded-host", "bank.internal, bank.internal", None),
            ("accept", "text/html,text/plain", None),
            ("traceparent", "00-1,00-2", None),
        ] {
            assert_eq!(fault(&map(&[(name, value)])), expected, "{name}: {value}");
        }
    }

    #[test]
    fn nothing_is_made_up_for_an_envoy_that_leaves_headers_out() {
        let mut http = raw(&[(":method", b"GET"), (":authority", b"bank.internal")]);
        "/accounts/1".clone_into(&mut http.path);
        assert_eq!(fault(&http), Some(Reason::MalformedPath));
        let mut both = map(&[]);
        both.header_map = raw(&[("accept", b"*/*")]).header_map;
        assert_eq!(fault(&both), Some(Reason::MalformedHeader));
        assert_eq!(
            fault(&HttpRequest::default()),
            Some(Reason::MalformedMethod)
        );
    }

    #[test]
    fn bytes_are_bytes() {
        let http = raw(&[
            (":method", b"GET"),
            (":path", b"/accounts/1"),
            (":authority", b"bank.internal"),
            ("Authorization", b"Bearer \xff"),
        ]);
        let pairs = pairs(&http, true).unwrap();
        let head = Head::parse(&pairs).unwrap();
        assert_eq!(head.bearer(), Ok(&b"\xff"[..]));
    }
}
