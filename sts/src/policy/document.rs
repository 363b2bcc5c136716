//! The input document as the interpreter holds it.

use std::collections::BTreeMap;

use regorus::Value;

use super::input::{OperationInput, PolicyInput, RequestInput, SubjectInput};
use super::outcome::EvalError;

/// Longest text of an input document, in bytes.
const MAX_INPUT_BYTES: usize = 256 * 1024;

/// An input document, ready to be evaluated.
#[derive(Debug, Clone)]
pub struct InputDocument(pub(super) Value);

impl InputDocument {
    /// Reads one from JSON, such as a file that an operator wrote.
    pub fn from_json(text: &str) -> Result<Self, EvalError> {
        if text.len() > MAX_INPUT_BYTES {
            return Err(EvalError::Failed);
        }
        let value = Value::from_json_str(text).map_err(|_| EvalError::Failed)?;
        Ok(Self(value))
    }
}

/// Builds what `from_json` reads from the same input's JSON. Going through the text took 6 % of the
/// CPU of an exchange.
impl From<&PolicyInput<'_>> for InputDocument {
    fn from(input: &PolicyInput<'_>) -> Self {
        let PolicyInput {
            zone,
            application,
            resource,
            operation,
            scopes,
            grant,
            subject,
            delegation,
            session,
            request,
            now,
        } = input;
        let labels = session.labels.iter();
        let labels = labels.map(|(name, value)| (text(name), text(value)));
        let session = object([
            ("declared", Value::from(session.declared)),
            ("labels", Value::from(labels.collect::<BTreeMap<_, _>>())),
        ]);
        let application = object([
            ("name", text(application.name)),
            ("spiffe_id", text(application.spiffe_id)),
        ]);
        let resource = object([("name", text(resource.name)), ("uri", text(resource.uri))]);
        Self(object([
            ("zone", text(zone)),
            ("application", application),
            ("resource", resource),
            ("operation", or_null(operation.as_ref(), of_operation)),
            ("scopes", texts(scopes)),
            ("grant", object([("id", text(grant.id))])),
            ("subject", of_subject(subject)),
            ("delegation", texts(delegation)),
            ("session", session),
            ("request", or_null(request.as_ref(), of_request)),
            ("now", Value::from(*now)),
        ]))
    }
}

fn of_operation(OperationInput { name, method, path }: &OperationInput<'_>) -> Value {
    object([
        ("name", text(name)),
        ("method", text(method)),
        ("path", text(path)),
    ])
}

fn of_request(RequestInput { method, path, host }: &RequestInput<'_>) -> Value {
    object([
        ("method", text(method)),
        ("path", text(path)),
        ("host", text(host)),
    ])
}

fn of_subject(subject: &SubjectInput<'_>) -> Value {
    let SubjectInput {
        kind,
        id,
        issuer,
        acr,
        auth_time,
    } = subject;
    object([
        ("type", text(kind)),
        ("id", text(id)),
        ("issuer", or_null(issuer.as_ref(), |issuer| text(issuer))),
        ("acr", or_null(acr.as_ref(), |acr| text(acr))),
        (
            "auth_time",
            or_null(auth_time.as_ref(), |time| Value::from(*time)),
        ),
    ])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let members = members.map(|(name, value)| (text(name), value));
    Value::from(BTreeMap::from(members))
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}

fn texts(all: &[&str]) -> Value {
    Value::from(all.iter().copied().map(text).collect::<Vec<_>>())
}

fn or_null<T>(member: Option<&T>, of: impl FnOnce(&T) -> Value) -> Value {
    member.map_or(Value::Null, of)
}

#[cfg(test)]
mod tests {
    use proptest::option;
    use proptest::prelude::*;

    use super::super::input::sample;
    use super::*;

    proptest! {
        #[test]
        fn the_built_document_is_the_one_that_is_read_from_json(
            words in proptest::collection::vec("\\PC{0,12}", 8),
            scopes in proptest::collection::vec("[a-z:]{1,8}", 0..4),
            with_request in any::<bool>(),
            user in option::of((option::of("\\PC{0,8}"), option::of(any::<u64>()))),
            (declared, label, value) in (any::<bool>(), "[a-z]{1,4}", "\\PC{0,8}"),
            now in any::<u64>(),
        ) {
            let mut input = sample();
            input.zone = &words[0];
            input.application.name = &words[1];
            input.resource.uri = &words[2];
            input.grant.id = &words[3];
            input.subject.id = &words[4];
            input.delegation = vec![&words[5], &words[6]];
            input.session.declared = declared;
            input.session.labels.to_mut().insert(label, value);
            input.scopes = scopes.iter().map(String::as_str).collect();
            input.now = now;
            if !with_request {
                input.operation = None;
                input.request = None;
            }
            input.subject.issuer = user.is_some().then_some(&words[7]);
            let (acr, auth_time) = user.as_ref().map_or((None, None), |(acr, time)| (acr.as_deref(), *time));
            (input.subject.acr, input.subject.auth_time) = (acr, auth_time);
            let json = serde_json::to_string(&input).unwrap();
            let read = InputDocument::from_json(&json).unwrap();
            prop_assert_eq!(InputDocument::from(&input).0, read.0);
        }
    }

    #[test]
    fn what_is_no_json_or_too_long_is_no_document() {
        assert!(InputDocument::from_json("{").is_err());
        let long = format!("\"{}\"", "a".repeat(MAX_INPUT_BYTES));
        assert!(InputDocument::from_json(&long).is_err());
    }
}
