//! One decision on its way to the ledger, written straight from borrowed text.
//!
//! It is written once for every request, so it is done by hand: the generated message would copy
//! a dozen strings first. A test reads each field back with the generated reader.

use caracal_mandate::reason::Reason;
use caracal_mandate::scope::ScopeSet;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

/// Field of the decisions in an `AppendRequest`.
const DECISIONS: u32 = 4;

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
}

impl Decision<'_> {
    /// Adds the decision, as number `seq`, to the decisions of an `AppendRequest`.
    pub(crate) fn encode(&self, seq: u64, out: &mut Vec<u8>) {
        let mut length = 0_usize;
        self.fields(seq, &mut |tag, field| {
            length = length
                .saturating_add(key_len(tag))
                .saturating_add(field.len());
        });
        encode_key(DECISIONS, WireType::LengthDelimited, out);
        encode_varint(wide(length), out);
        out.reserve(length);
        self.fields(seq, &mut |tag, field| field.encode(tag, out));
    }

    /// Visits every field that is there, in the order of their tags.
    fn fields(&self, seq: u64, visit: &mut impl FnMut(u32, Field<'_>)) {
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
        } = *self;
        visit(1, Field::Number(seq));
        visit(2, Field::Number(time_ms));
        if let Some(epoch) = epoch {
            visit(3, Field::Number(epoch));
        }
        let mut text = |tag, text: &str| {
            if !text.is_empty() {
                visit(tag, Field::Text(text));
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
        text(13, request_id);
        text(14, resource);
        for scope in scopes.into_iter().flat_map(ScopeSet::iter) {
            text(15, scope.as_str());
        }
        text(16, session);
        if shadow {
            visit(17, Field::Number(1));
        }
    }
}

/// The value of a field.
#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Text(&'a str),
}

impl Field<'_> {
    fn len(self) -> usize {
        match self {
            Self::Number(number) => encoded_len_varint(number),
            Self::Text(text) => encoded_len_varint(wide(text.len())).saturating_add(text.len()),
        }
    }

    fn encode(self, tag: u32, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => {
                encode_key(tag, WireType::Varint, out);
                encode_varint(number, out);
            }
            Self::Text(text) => encode_text(tag, text, out),
        }
    }
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
    use caracal_proto::ledger::{self, AppendRequest};
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;

    proptest! {
        #[test]
        fn the_generated_reader_reads_every_field_back(
            texts in proptest::collection::vec(".{0,200}", 11),
            numbers in any::<(u64, u64, Option<u64>)>(),
            shadow in any::<bool>(),
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
            };
            let mut bytes = Vec::new();
            decision.encode(numbers.0, &mut bytes);
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
            };
            let read = AppendRequest::decode(bytes.as_slice()).unwrap();
            prop_assert_eq!(read.decisions, [expected]);
        }
    }
}
