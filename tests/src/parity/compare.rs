//! What is seen of a request from outside, but for what cannot be the same twice.

use crate::hostile::upstream::Arrived;
use crate::hostile::wire::Answer;

/// Fields that are new each time, or depend on it.
const NEW_EACH_TIME: [&str; 5] = [
    // Envoy ends a connection whose request was answered before its content was there.
    "connection",
    "date",
    // `date` in the static table of HPACK.
    "static-33",
    "x-envoy-upstream-service-time",
    "x-envoy-expected-rq-timeout-ms",
];

/// One side of a comparison, as lines of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen(Vec<String>);

impl Seen {
    pub(super) fn new(answers: &[Answer], arrived: &Arrived) -> Self {
        let mut lines = vec![format!("{} answers", answers.len())];
        for answer in answers {
            let id = answer.field("x-request-id").unwrap_or("\n");
            lines.push(format!("answer {}", answer.status));
            lines.extend(fields(
                answer
                    .fields
                    .iter()
                    .map(|(name, value)| (&**name, &**value)),
            ));
            lines.push(String::from_utf8_lossy(&answer.body).replace(id, "ID"));
        }
        for request in &arrived.requests {
            lines.push(format!("upstream {}", request.line()));
            lines.extend(fields(request.fields()));
            lines.push(String::from_utf8_lossy(&request.content).into_owned());
        }
        if arrived.requests.is_empty() && arrived.bytes > 0 {
            lines.push("upstream: a part of a request".to_owned());
        }
        Self(lines)
    }

    /// What the sides do not have in common.
    pub(super) fn difference(filter: &Self, native: &Self) -> Option<String> {
        if filter == native {
            return None;
        }
        let only = |here: &Self, there: &Self| {
            let lines = here.0.iter().filter(|line| !there.0.contains(line));
            lines.cloned().collect::<Vec<_>>().join(" | ")
        };
        Some(format!(
            "filter [{}], ext_authz [{}]",
            only(filter, native),
            only(native, filter)
        ))
    }
}

/// Names and values in order, so that it does not matter who wrote which first.
fn fields<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut lines: Vec<_> = fields
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| !NEW_EACH_TIME.contains(&name.as_str()))
        .map(|(name, value)| match name.as_str() {
            "x-request-id" => format!("{name}: ID"),
            _ => format!("{name}: {value}"),
        })
        .collect();
    lines.sort_unstable();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: &str, reason: &str) -> Answer {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Answer {
            status: 401,
            reason: None,
            fields: vec![field("x-request-id", id), field("x-caracal-reason", reason)],
            body: format!("{{\"request_id\":\"{id}\"}}").into_bytes(),
        }
    }

    #[test]
    fn ids_differ_and_nothing_else_may() {
        let seen = |id, reason| Seen::new(&[answer(id, reason)], &Arrived::default());
        let same = Seen::difference(&seen("a-1", "revoked"), &seen("b-2", "revoked"));
        assert_eq!(same, None);
        assert!(Seen::difference(&seen("a-1", "revoked"), &seen("b-2", "no_mandate")).is_some());
        let mut other = answer("b-2", "revoked");
        other.body = answer("c-3", "revoked").body;
        let other = Seen::new(&[other], &Arrived::default());
        assert!(Seen::difference(&seen("a-1", "revoked"), &other).is_some());
    }
}
