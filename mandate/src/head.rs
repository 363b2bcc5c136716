//! The head of a request, read once and in one way, by the filter and by the token service alike.

mod field;
mod line;

use std::borrow::Cow;

use crate::host::normal_host;
use crate::operation::is_plain_method;
use crate::path::NormalPath;
use crate::reason::Reason;

pub use field::is_ours;
use field::{Field, names_another_host, overrides_method};

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
    /// The `tracestate` fields, which are one list (W3C Trace Context §3.3.1).
    pub tracestates: Vec<&'a [u8]>,
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
    scheme: Option<&'a [u8]>,
    authorization: Option<&'a [u8]>,
    request_id: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    content_length: Option<&'a [u8]>,
    transfer_encoding: Option<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    other_hosts: Vec<&'a [u8]>,
    traceparents: Vec<&'a [u8]>,
    tracestates: Vec<&'a [u8]>,
    internal: Vec<&'a str>,
    fault: Option<Reason>,
}

impl<'a> Raw<'a> {
    fn collect(pairs: &'a Pairs) -> Self {
        let mut raw = Self::default();
        let mut size = 0_usize;
        for (name, value) in pairs {
            size = size.saturating_add(name.len()).saturating_add(value.len());
            // Codecs ought to see to it; some servers end a line at each of these.
            if line::may_end(value) {
                raw.fault = raw.fault.or(Some(Reason::MalformedHeader));
            }
            let (slot, twice) = match Field::of(name) {
                Field::Method => (&mut raw.method, Reason::MalformedMethod),
                Field::Authority => (&mut raw.authority, Reason::MalformedHost),
                Field::Path => (&mut raw.path, Reason::MalformedPath),
                Field::Scheme => (&mut raw.scheme, Reason::MalformedHeader),
                Field::Authorization => (&mut raw.authorization, Reason::MalformedCredential),
                Field::RequestId => (&mut raw.request_id, Reason::MalformedHeader),
                Field::ContentType => (&mut raw.content_type, Reason::MalformedHeader),
                Field::ContentLength => (&mut raw.content_length, Reason::MalformedHeader),
                Field::TransferEncoding => (&mut raw.transfer_encoding, Reason::MalformedHeader),
                Field::Upgrade => (&mut raw.upgrade, Reason::MalformedHeader),
                // Traces are no authority: a wrong one is left out, and refuses nothing.
                Field::Traceparent => {
                    raw.traceparents.push(value);
                    continue;
                }
                Field::Tracestate => {
                    raw.tracestates.push(value);
                    continue;
                }
                Field::OtherHost => {
                    raw.other_hosts.push(value);
                    continue;
                }
                Field::Internal => {
                    raw.internal.push(name);
                    continue;
                }
                Field::Forbidden(reason) => {
                    raw.fault = raw.fault.or(Some(reason));
                    continue;
                }
                Field::Other => continue,
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

    /// What has to be so where the host has taken a connection apart already: it may be set up to
    /// be more lenient than what comes behind it.
    fn check_framing(&self) -> Result<(), Reason> {
        let is_number =
            |value: &[u8]| (1..=19).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
        let framing = match (self.content_length, self.transfer_encoding) {
            (None, None) => true,
            (Some(length), None) => is_number(length),
            (None, Some(encoding)) => encoding.eq_ignore_ascii_case(b"chunked"),
            // RFC 9112 §6.1: "ought to be handled as an error".
            (Some(_), Some(_)) => false,
        };
        let scheme = self.scheme.is_none_or(|scheme| {
            scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")
        });
        // Whatever else is spoken after an upgrade (h2c above all), nobody decides on it.
        let upgrade = self
            .upgrade
            .is_none_or(|protocol| protocol.eq_ignore_ascii_case(b"websocket"));
        if framing && scheme && upgrade {
            Ok(())
        } else {
            Err(Reason::MalformedHeader)
        }
    }
}

impl<'a> Head<'a> {
    /// Reads the header pairs of a request.
    pub fn parse(pairs: &'a Pairs) -> Result<Self, MalformedHead<'a>> {
        let raw = Raw::collect(pairs);
        let request_id = raw.request_id.map_or("", readable_id);
        let is_grpc = raw.content_type.is_some_and(is_grpc);
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
        let target = raw.path.unwrap_or_default();
        let path = NormalPath::parse(target).map_err(|_| malformed(Reason::MalformedPath))?;
        if overrides_method(target) {
            return Err(malformed(Reason::MalformedMethod));
        }
        if raw
            .other_hosts
            .iter()
            .any(|value| names_another_host(value, &host))
        {
            return Err(malformed(Reason::MalformedHost));
        }
        raw.check_framing().map_err(malformed)?;
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
            tracestates: raw.tracestates,
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

/// Whether Envoy takes a request of this content type for gRPC. It makes a gRPC status out of a local
/// answer for those alone; for any other (`application/grpc-web`, say) that status would go out as 200.
fn is_grpc(content_type: &[u8]) -> bool {
    let rest = content_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+')))
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
mod tests;
