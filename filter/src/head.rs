//! The head of a request, read once and in one way.

use std::borrow::Cow;

use caracal_mandate::host::normal_host;
use caracal_mandate::operation::is_plain_method;
use caracal_mandate::path::NormalPath;
use caracal_mandate::reason::Reason;

/// Prefix of the headers that only this system may set; copies from outside are removed.
const INTERNAL_PREFIX: &str = "x-caracal-";

/// Headers by which some frameworks replace the method or the path that was authorized.
const OVERRIDES: [&str; 6] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-url",
    "x-rewrite-url",
];

/// Most bytes of all header names and values together.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Longest request id that is carried on.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Header pairs as the host gives them.
pub type Pairs = [(String, Vec<u8>)];

/// What decisions rest on.
#[derive(Debug)]
pub struct Head<'a> {
    /// `:method`.
    pub method: &'a str,
    /// Host in normal form.
    pub host: Cow<'a, str>,
    /// Path in normal form.
    pub path: NormalPath<'a>,
    /// The one `authorization` header, if there is one.
    pub authorization: Option<&'a [u8]>,
    /// `x-request-id`, empty when there is none.
    pub request_id: &'a str,
    /// `traceparent`, for the token service to join the trace; empty when there is none.
    pub traceparent: &'a str,
    /// Whether refusals must be gRPC statuses.
    pub is_grpc: bool,
    /// Names of internal headers that came from outside.
    pub internal: Vec<&'a str>,
}

/// A head that can be read in more than one way, with what is known for the refusal.
#[derive(Debug)]
pub struct MalformedHead<'a> {
    /// Why.
    pub reason: Reason,
    /// `x-request-id`, empty when there is none.
    pub request_id: &'a str,
    /// Whether the refusal must be a gRPC status.
    pub is_grpc: bool,
}

/// The raw values, each present at most once.
#[derive(Default)]
struct Raw<'a> {
    method: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    authorization: Option<&'a [u8]>,
    request_id: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    traceparents: Vec<&'a [u8]>,
    internal: Vec<&'a str>,
    fault: Option<Reason>,
}

impl<'a> Raw<'a> {
    fn collect(pairs: &'a Pairs) -> Self {
        let mut raw = Self::default();
        let mut size = 0_usize;
        for (name, value) in pairs {
            size = size.saturating_add(name.len()).saturating_add(value.len());
            let (slot, twice) = match name.as_str() {
                ":method" => (&mut raw.method, Reason::MalformedMethod),
                ":authority" => (&mut raw.authority, Reason::MalformedHost),
                ":path" => (&mut raw.path, Reason::MalformedPath),
                "authorization" => (&mut raw.authorization, Reason::MalformedCredential),
                "x-request-id" => (&mut raw.request_id, Reason::MalformedHeader),
                "content-type" => (&mut raw.content_type, Reason::MalformedHeader),
                // Traces are no authority: a wrong one is left out, and refuses nothing.
                "traceparent" => {
                    raw.traceparents.push(value);
                    continue;
                }
                other => {
                    if other.starts_with(INTERNAL_PREFIX) {
                        raw.internal.push(other);
                    } else if OVERRIDES.contains(&other) {
                        raw.fault = raw.fault.or(Some(Reason::MalformedHeader));
                    }
                    continue;
                }
            };
            if slot.replace(value).is_some() {
                raw.fault = raw.fault.or(Some(twice));
            }
        }
        if size > MAX_HEAD_BYTES {
            raw.fault = Some(Reason::RequestTooLarge);
        }
        raw
    }
}

impl<'a> Head<'a> {
    /// Reads the header pairs of a request.
    pub fn parse(pairs: &'a Pairs) -> Result<Self, MalformedHead<'a>> {
        let raw = Raw::collect(pairs);
        let request_id = raw.request_id.map_or("", readable_id);
        let is_grpc = raw
            .content_type
            .is_some_and(|value| value.starts_with(b"application/grpc"));
        let malformed = |reason| MalformedHead {
            reason,
            request_id,
            is_grpc,
        };
        if let Some(reason) = raw.fault {
            return Err(malformed(reason));
        }
        let method = raw.method.unwrap_or_default();
        if !is_plain_method(method) {
            return Err(malformed(Reason::MalformedMethod));
        }
        let method = std::str::from_utf8(method).map_err(|_| malformed(Reason::MalformedMethod))?;
        let host = normal_host(raw.authority.unwrap_or_default())
            .map_err(|_| malformed(Reason::MalformedHost))?;
        let path = NormalPath::parse(raw.path.unwrap_or_default())
            .map_err(|_| malformed(Reason::MalformedPath))?;
        Ok(Self {
            method,
            host,
            path,
            authorization: raw.authorization,
            request_id,
            traceparent: match raw.traceparents.as_slice() {
                [one] => readable_id(one),
                _ => "",
            },
            is_grpc,
            internal: raw.internal,
        })
    }

    /// What the `authorization` header says after `Bearer`. Whether that is one token is for
    /// [`is_one_token`] to say, unless it is known already.
    pub fn bearer(&self) -> Result<&'a [u8], Reason> {
        let value = self.authorization.ok_or(Reason::NoMandate)?;
        let (scheme, token) = value
            .split_at_checked(7)
            .ok_or(Reason::MalformedCredential)?;
        // RFC 9110 §11.1: the scheme is case-insensitive, then one space.
        if !scheme.eq_ignore_ascii_case(b"Bearer ") {
            return Err(Reason::MalformedCredential);
        }
        Ok(token)
    }
}

/// Whether a credential is one RFC 6750 §2.1 token. A comma would mean two joined headers.
#[must_use]
pub fn is_one_token(credential: &[u8]) -> bool {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    !credential.is_empty() && credential.iter().all(legal)
}

/// A request id is for people and logs: anything else than short printable text is left out.
fn readable_id(value: &[u8]) -> &str {
    match std::str::from_utf8(value) {
        Ok(text)
            if text.len() <= MAX_REQUEST_ID_BYTES
                && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            text
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(extra: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
        let base: [(&str, &[u8]); 3] = [
            (":method", b"GET"),
            (":authority", b"Bank.internal:80"),
            (":path", b"/accounts/1?x=1"),
        ];
        base.iter()
            .chain(extra)
            .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
            .collect()
    }

    fn fault(extra: &[(&str, &[u8])]) -> Option<Reason> {
        Head::parse(&pairs(extra))
            .err()
            .map(|malformed| malformed.reason)
    }

    #[test]
    fn reads_the_normal_forms() {
        let pairs = pairs(&[("x-caracal-decision", b"allow"), ("x-request-id", b"r-1")]);
        let head = Head::parse(&pairs).unwrap();
        assert_eq!(
            (&*head.host, head.path.as_str()),
            ("bank.internal", "/accounts/1")
        );
        assert_eq!(head.internal, ["x-caracal-decision"]);
        assert_eq!(head.request_id, "r-1");
    }

    #[test]
    fn a_repeated_header_that_matters_is_refused() {
        let twice = |name| fault(&[(name, b"a"), (name, b"b")]);
        assert_eq!(twice("authorization"), Some(Reason::MalformedCredential));
        assert_eq!(twice("x-request-id"), Some(Reason::MalformedHeader));
        assert_eq!(fault(&[(":path", b"/")]), Some(Reason::MalformedPath));
        assert_eq!(
            fault(&[(":authority", b"evil")]),
            Some(Reason::MalformedHost)
        );
        assert_eq!(twice("accept"), None);
    }

    #[test]
    fn a_trace_that_cannot_be_read_refuses_nothing() {
        for (extra, read) in [
            (&[("traceparent", &b"00-a-b-01"[..])][..], "00-a-b-01"),
            (&[("traceparent", b"a"), ("traceparent", b"b")], ""),
            (&[("traceparent", b"a b")], ""),
            (&[("traceparent", &[b'a'; 200])], ""),
        ] {
            let pairs = pairs(extra);
            assert_eq!(Head::parse(&pairs).unwrap().traceparent, read);
        }
    }

    #[test]
    fn headers_that_replace_method_or_path_are_refused() {
        for name in OVERRIDES {
            assert_eq!(
                fault(&[(name, b"DELETE")]),
                Some(Reason::MalformedHeader),
                "{name}"
            );
        }
    }

    #[test]
    fn only_one_plain_bearer_token_is_a_credential() {
        let bearer = |value: &[u8]| {
            let pairs = pairs(&[("authorization", value)]);
            let token = Head::parse(&pairs).unwrap().bearer()?;
            let one = is_one_token(token).then(|| token.to_vec());
            one.ok_or(Reason::MalformedCredential)
        };
        assert_eq!(bearer(b"Bearer a.b.c"), Ok(b"a.b.c".to_vec()));
        assert_eq!(bearer(b"bearer a.b.c"), Ok(b"a.b.c".to_vec()));
        for value in [
            &b"Bearer"[..],
            b"Bearer ",
            b"Basic abc",
            b"Bearer a,Bearer b",
            b"Bearer a b",
            b"Bearer a\xff",
            b"Bearer  a",
        ] {
            assert_eq!(bearer(value), Err(Reason::MalformedCredential));
        }
    }

    #[test]
    fn an_oversized_head_is_refused() {
        assert_eq!(
            fault(&[("x", &vec![b'a'; MAX_HEAD_BYTES])]),
            Some(Reason::RequestTooLarge)
        );
    }

    proptest! {
        #[test]
        fn no_header_block_makes_the_reader_panic(
            block in proptest::collection::vec(("[:a-z-]{0,14}", proptest::collection::vec(any::<u8>(), 0..40)), 0..12)
        ) {
            if let Ok(head) = Head::parse(&block) {
                let _ = head.bearer();
            }
        }
    }
}
