//! One decision on its way to the ledger, written straight from borrowed text.
//!
//! It is written once for every request, so it is done by hand: the generated message would copy
//! a dozen strings first. A test reads each field back with the generated reader.

mod draft;
mod end;

use std::ops::Range;

use caracal_mandate::reason::Reason;
use caracal_mandate::scope::ScopeSet;
use prost::encoding::{WireType, encode_key, encode_varint};

pub use self::draft::Draft;
pub use self::end::End;

/// What an enforcement point says about one request. Empty text is text that is not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Decision<'a> {
    /// When, Unix time in milliseconds.
    pub time_ms: u64,
    /// Position of the authority state that it rests on.
    pub epoch: Option<u64>,
    /// Why it was refused; `None` when it was allowed.
    pub reason: Option<Reason>,
    /// The mandate's `client_id`.
    pub application: &'a str,
    /// Grant that the mandate rests on.
    pub grant: &'a str,
    /// SPIFFE ID of the peer.
    pub holder: &'a str,
    /// Host in normal form.
    pub host: &'a str,
    /// The mandate's `jti`.
    pub mandate: &'a str,
    /// HTTP method.
    pub method: &'a str,
    /// Operation name within the resource.
    pub operation: &'a str,
    /// Path in normal form.
    pub path: &'a str,
    /// `x-request-id`.
    pub request_id: &'a str,
    /// Resource identifier.
    pub resource: &'a str,
    /// Scopes that the operation needed.
    pub scopes: Option<&'a ScopeSet>,
    /// Session.
    pub session: &'a str,
    /// Whether the request was let pass, whatever was decided.
    pub shadow: bool,
    /// 0 in a decision. Else this only tells what became of a request: the number of its decision.
    pub of: u64,
}

impl Decision<'_> {
    /// Adds the fields that are there, but for the number and what becomes of the request; tells where
    /// the request id stands then.
    fn encode(&self, out: &mut Vec<u8>) -> Range<usize> {
        let Self {
            time_ms,
            epoch,
            reason,
            application,
            grant,
            holder,
            host,
            mandate,
            method,
            operation,
            path,
            request_id,
            resource,
            scopes,
            session,
            shadow,
            of,
        } = *self;
        encode_number(2, time_ms, out);
        if let Some(epoch) = epoch {
            encode_number(3, epoch, out);
        }
        let mut text = |tag, text: &str| {
            if !text.is_empty() {
                encode_text(tag, text, out);
            }
        };
        text(4, reason.map_or("", Reason::as_str));
        text(5, application);
        text(6, grant);
        text(7, holder);
        text(8, host);
        text(9, mandate);
        text(10, method);
        text(11, operation);
        text(12, path);
        text(14, resource);
        for scope in scopes.into_iter().flat_map(ScopeSet::iter) {
            text(15, scope.as_str());
        }
        text(16, session);
        if shadow {
            encode_number(17, 1, out);
        }
        if of != 0 {
            encode_number(21, of, out);
        }
        if !request_id.is_empty() {
            encode_text(13, request_id, out);
        }
        out.len().saturating_sub(request_id.len())..out.len()
    }
}

/// Adds a number field.
fn encode_number(tag: u32, number: u64, out: &mut Vec<u8>) {
    encode_key(tag, WireType::Varint, out);
    encode_varint(number, out);
}

/// Adds a text field.
pub(crate) fn encode_text(tag: u32, text: &str, out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(wide(text.len()), out);
    out.extend_from_slice(text.as_bytes());
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use caracal_mandate::event::{EndedBy, HttpStatus};
    use caracal_proto::ledger::{self, AppendRequest};
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    fn ends() -> impl Strategy<Value = End> {
        let ended_by = [EndedBy::Authority, EndedBy::Client, EndedBy::Proxy];
        let ended_by = proptest::option::of(proptest::sample::select(ended_by.to_vec()));
        let status = proptest::option::of((100..1000_u16).prop_map(HttpStatus::try_from));
        (status, ended_by, any::<Option<u64>>()).prop_map(|(status, ended_by, duration_us)| End {
            status: status.and_then(Result::ok),
            ended_by,
            duration_us,
        })
    }

    proptest! {
        #[test]
        fn the_generated_reader_reads_every_field_back(
            texts in proptest::collection::vec(".{0,200}", 11),
            numbers in any::<(u64, u64, Option<u64>)>(),
            shadow in any::<bool>(),
            of in any::<u64>(),
            end in ends(),
            reason in proptest::option::of(proptest::sample::select(Reason::ALL)),
            scopes in proptest::option::of(proptest::collection::btree_set("[a-z:]{1,20}", 0..4)),
        ) {
            let scopes = scopes.map(|scopes| {
                let scopes: Vec<_> = scopes.into_iter().collect();
                ScopeSet::parse(&scopes.join(" ")).unwrap()
            });
            let [application, grant, holder, host, mandate, method, operation, path, request_id, resource, session] =
                texts.try_into().unwrap();
            let decision = Decision {
                time_ms: numbers.1,
                epoch: numbers.2,
                reason,
                application: &application,
                grant: &grant,
                holder: &holder,
                host: &host,
                mandate: &mandate,
                method: &method,
                operation: &operation,
                path: &path,
                request_id: &request_id,
                resource: &resource,
                scopes: scopes.as_ref(),
                session: &session,
                shadow,
                of,
            };
            let draft = Draft::new(Vec::new(), &decision);
            prop_assert_eq!(draft.request_id(), request_id.as_str());
            let mut bytes = Vec::new();
            draft.encode(numbers.0, end, &mut bytes);
            let scopes = scopes.iter().flat_map(ScopeSet::iter).map(|scope| scope.as_str().to_owned()).collect();
            let expected = ledger::Decision {
                seq: numbers.0,
                time_ms: numbers.1,
                epoch: numbers.2,
                reason: reason.map_or("", Reason::as_str).to_owned(),
                application,
                grant,
                holder,
                host,
                mandate,
                method,
                operation,
                path,
                request_id,
                resource,
                scopes,
                session,
                shadow,
                status: end.status.map_or(0, |status| status.get().into()),
                duration_us: end.duration_us,
                ended_by: end.ended_by.map_or("", EndedBy::as_str).to_owned(),
                decision: of,
            };
            let read = AppendRequest::decode(bytes.as_slice()).unwrap();
            prop_assert_eq!(read.decisions, [expected]);
        }
    }
}
