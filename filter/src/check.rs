//! Questions to the token service about one request, and its answers.

use std::collections::HashMap;

use caracal_mandate::reason::Reason;
use caracal_mandate::refusal::REASON_HEADER;
use caracal_proto::check::{AUTHORIZE, CALLER, EXCHANGE, INTENT, MODE, READ_AGE_HEADER, SHADOW};
use caracal_proto::extauthz as wire;
use caracal_proto::extauthz::check_response::HttpResponse;
use prost::Message as _;

use crate::config::Mode;
use crate::head::Head;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// A mandate for the holder.
    Exchange,
    /// A decision about this request with the mandate that it carries.
    Authorize,
}

/// What goes with a question beside its request.
#[derive(Debug, Clone, Copy, Default)]
pub struct With<'a> {
    /// SPIFFE ID of the downstream peer.
    pub peer: Option<&'a str>,
    /// The mandate with which the workload was called that the request comes from.
    pub caller: Option<&'a str>,
}

/// The serialized question. The path goes as it was sent, because operations are matched on that: the
/// service finds the same one as this point does.
#[must_use]
pub fn question(intent: Intent, mode: Mode, head: &Head<'_>, with: With<'_>) -> Vec<u8> {
    let mut headers = HashMap::new();
    if let (Intent::Authorize, Some(Ok(value))) =
        (intent, head.authorization.map(std::str::from_utf8))
    {
        headers.insert("authorization".to_owned(), value.to_owned());
    }
    if !head.traceparent.is_empty() {
        headers.insert("traceparent".to_owned(), head.traceparent.to_owned());
    }
    let intent = match intent {
        Intent::Exchange => EXCHANGE,
        Intent::Authorize => AUTHORIZE,
    };
    let mut context_extensions = HashMap::from([(INTENT.to_owned(), intent.to_owned())]);
    // So that the service's own record of its answer does not read like a refusal that was met.
    if mode == Mode::Shadow {
        context_extensions.insert(MODE.to_owned(), SHADOW.to_owned());
    }
    if let Some(caller) = with.caller {
        context_extensions.insert(CALLER.to_owned(), caller.to_owned());
    }
    wire::CheckRequest {
        attributes: Some(wire::AttributeContext {
            source: with.peer.map(|peer| wire::Peer {
                principal: peer.to_owned(),
            }),
            request: Some(wire::Request {
                http: Some(wire::HttpRequest {
                    id: head.request_id.to_owned(),
                    method: head.method.to_owned(),
                    headers,
                    path: head.path.as_sent().to_owned(),
                    host: head.host.clone().into_owned(),
                }),
            }),
            context_extensions,
        }),
    }
    .encode_to_vec()
}

/// What the service said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes, with the mandate when one was asked for.
    Yes {
        /// The compact JWS.
        mandate: Option<Box<[u8]>>,
        /// How old its knowledge was when the question arrived. A service that does not say may
        /// know nothing of today.
        read_age_ms: u64,
    },
    /// No.
    No(Reason),
}

/// Reads an answer. Everything but a clear yes is a no.
#[must_use]
pub fn answer(bytes: &[u8]) -> Answer {
    let unreadable = Answer::No(Reason::AuthorityUnavailable);
    let Ok(response) = wire::CheckResponse::decode(bytes) else {
        return unreadable;
    };
    let code = response.status.map_or(0, |status| status.code);
    match response.http_response {
        // Envoy's own filter takes status 0 alone for a yes; so does this one, and it wants the
        // matching body as well.
        Some(HttpResponse::OkResponse(ok)) if code == 0 => {
            let mandate = header(&ok.headers, "authorization")
                .and_then(|value| value.strip_prefix(b"Bearer "))
                .map(Box::from);
            let read_age_ms = header(&ok.headers, READ_AGE_HEADER)
                .and_then(|value| std::str::from_utf8(value).ok())
                .and_then(|value| value.parse().ok())
                .unwrap_or(u64::MAX);
            Answer::Yes {
                mandate,
                read_age_ms,
            }
        }
        Some(HttpResponse::DeniedResponse(denied)) => {
            let reason = header(&denied.headers, REASON_HEADER)
                .and_then(|value| std::str::from_utf8(value).ok())
                .and_then(|code| code.parse().ok());
            // A no without a reason that is known here is still a no.
            Answer::No(reason.unwrap_or(Reason::PolicyDenied))
        }
        _ => unreadable,
    }
}

/// The value of a header that stands there exactly once.
fn header<'a>(headers: &'a [wire::HeaderValueOption], name: &str) -> Option<&'a [u8]> {
    let mut values = headers.iter().filter_map(|option| option.header.as_ref());
    let first = values
        .by_ref()
        .find(|header| header.key.eq_ignore_ascii_case(name))?;
    if values.any(|header| header.key.eq_ignore_ascii_case(name)) {
        return None;
    }
    Some(if first.raw_value.is_empty() {
        first.value.as_bytes()
    } else {
        &first.raw_value
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn option(key: &str, value: &str) -> wire::HeaderValueOption {
        let header = wire::HeaderValue {
            key: key.to_owned(),
            value: value.to_owned(),
            raw_value: vec![],
        };
        wire::HeaderValueOption {
            header: Some(header),
        }
    }

    fn ok(code: i32, headers: Vec<wire::HeaderValueOption>) -> Vec<u8> {
        wire::CheckResponse {
            status: Some(wire::Status { code }),
            http_response: Some(HttpResponse::OkResponse(wire::OkHttpResponse { headers })),
        }
        .encode_to_vec()
    }

    fn denied(headers: Vec<wire::HeaderValueOption>) -> Vec<u8> {
        wire::CheckResponse {
            status: Some(wire::Status { code: 7 }),
            http_response: Some(HttpResponse::DeniedResponse(wire::DeniedHttpResponse {
                headers,
            })),
        }
        .encode_to_vec()
    }

    #[test]
    fn a_question_carries_the_trace_of_its_request() {
        let pairs = [
            (":method", "GET"),
            (":authority", "bank.internal"),
            (":path", "/accounts/1"),
            ("traceparent", "00-a-b-01"),
            ("cookie", "secret"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let head = Head::parse(&pairs).unwrap();
        for intent in [Intent::Exchange, Intent::Authorize] {
            let question = question(intent, Mode::Enforce, &head, With::default());
            let question = wire::CheckRequest::decode(question.as_slice()).unwrap();
            let attributes = question.attributes.unwrap();
            assert_eq!(attributes.context_extensions.len(), 1, "it enforces");
            let request = attributes.request.unwrap();
            let headers = request.http.unwrap().headers;
            let expected = ("traceparent".to_owned(), "00-a-b-01".to_owned());
            assert_eq!(headers, HashMap::from([expected]));
        }
    }

    #[test]
    fn a_yes_carries_its_mandate() {
        let bytes = ok(0, vec![option("Authorization", "Bearer a.b.c")]);
        assert_eq!(
            answer(&bytes),
            Answer::Yes {
                mandate: Some(Box::from(&b"a.b.c"[..])),
                read_age_ms: u64::MAX,
            }
        );
    }

    #[test]
    fn a_yes_says_how_old_its_knowledge_is_in_one_number_or_not_at_all() {
        for (values, expected) in [
            (vec!["17"], 17),
            (vec!["17", "17"], u64::MAX),
            (vec!["-1"], u64::MAX),
            (vec!["1e3"], u64::MAX),
        ] {
            let headers = values
                .iter()
                .map(|value| option(READ_AGE_HEADER, value))
                .collect();
            let expected = Answer::Yes {
                mandate: None,
                read_age_ms: expected,
            };
            assert_eq!(answer(&ok(0, headers)), expected, "{values:?}");
        }
    }

    #[test]
    fn everything_but_a_clear_yes_is_a_no() {
        for bytes in [
            ok(7, vec![]),
            vec![],
            vec![0xff],
            wire::CheckResponse::default().encode_to_vec(),
        ] {
            assert_eq!(answer(&bytes), Answer::No(Reason::AuthorityUnavailable));
        }
    }

    #[test]
    fn a_no_keeps_the_services_own_reason() {
        let bytes = denied(vec![option("x-caracal-reason", "no_grant")]);
        assert_eq!(answer(&bytes), Answer::No(Reason::NoGrant));
        for headers in [vec![], vec![option("x-caracal-reason", "because")]] {
            assert_eq!(answer(&denied(headers)), Answer::No(Reason::PolicyDenied));
        }
    }

    #[test]
    fn two_mandates_are_none() {
        let twice = vec![
            option("authorization", "Bearer a"),
            option("authorization", "Bearer b"),
        ];
        assert_eq!(
            answer(&ok(0, twice)),
            Answer::Yes {
                mandate: None,
                read_age_ms: u64::MAX,
            }
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = answer(&bytes);
        }
    }
}
