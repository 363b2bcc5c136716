//! The shape of the input document, against which the names in a policy are checked.

use serde_json::Value;

use super::suggest;

/// What stands at one place of the input.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A string.
    Text,
    /// A number.
    Number,
    /// An array.
    List(&'static Self),
    /// `true` or `false`.
    Flag,
    /// An object with members of any name.
    Map(&'static Self),
    /// An object with exactly these members.
    Object(&'static [(&'static str, Self)]),
}

use Shape::{Flag, List, Map, Number, Object, Text};

/// The input document. A test holds it against what [`super::PolicyInput`] becomes.
pub(super) const INPUT: Shape = Object(&[
    (
        "application",
        Object(&[("name", Text), ("spiffe_id", Text)]),
    ),
    ("delegation", List(&Text)),
    ("grant", Object(&[("id", Text)])),
    ("now", Number),
    (
        "operation",
        Object(&[("method", Text), ("name", Text), ("path", Text)]),
    ),
    (
        "request",
        Object(&[("host", Text), ("method", Text), ("path", Text)]),
    ),
    ("resource", Object(&[("name", Text), ("uri", Text)])),
    ("scopes", List(&Text)),
    (
        "session",
        Object(&[("declared", Flag), ("labels", Map(&Text))]),
    ),
    (
        "subject",
        Object(&[
            ("acr", Text),
            ("auth_time", Number),
            ("id", Text),
            ("issuer", Text),
            ("type", Text),
        ]),
    ),
    ("zone", Text),
]);

/// What is there in every request; the rest may be `null`.
pub(super) const ALWAYS: [&str; 13] = [
    "input.application.name",
    "input.application.spiffe_id",
    "input.delegation",
    "input.grant.id",
    "input.now",
    "input.resource.name",
    "input.resource.uri",
    "input.scopes",
    "input.session.declared",
    "input.session.labels",
    "input.subject.id",
    "input.subject.type",
    "input.zone",
];

/// Why a step leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoSuchMember {
    pub(super) message: String,
    pub(super) help: String,
}

impl Shape {
    /// What people call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Text => "a string",
            Number => "a number",
            List(_) => "an array",
            Flag => "a boolean",
            Map(_) | Object(_) => "an object",
        }
    }

    /// The member `name` of what stands at `path`.
    pub(super) fn member(self, path: &str, name: &str) -> Result<Self, NoSuchMember> {
        if let Map(value) = self {
            return Ok(*value);
        }
        let Object(members) = self else {
            return Err(NoSuchMember {
                message: format!("{path} is {}, it has no member {name:?}", self.name()),
                help: self.usage(path),
            });
        };
        if let Some((_, shape)) = members.iter().find(|(known, _)| *known == name) {
            return Ok(*shape);
        }
        let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let help = suggest::nearest(name, names.iter().copied()).map_or_else(
            || format!("its members are {}", names.join(", ")),
            |near| {
                format!(
                    "did you mean {path}.{near}? Its members are {}",
                    names.join(", ")
                )
            },
        );
        Err(NoSuchMember {
            message: format!("{path} has no member {name:?}, so this is never defined"),
            help,
        })
    }

    /// An element of what stands at `path`; `None` when that may be any of several shapes.
    pub(super) fn element(self, path: &str) -> Result<Option<Self>, NoSuchMember> {
        match self {
            List(element) | Map(element) => Ok(Some(*element)),
            Object(_) => Ok(None),
            Text | Number | Flag => Err(NoSuchMember {
                message: format!("{path} is {}, it has no elements", self.name()),
                help: self.usage(path),
            }),
        }
    }

    /// Whether a document has this shape, as far as it goes: members may be missing or `null`.
    pub(super) fn accepts(self, path: &str, value: &Value) -> Result<(), NoSuchMember> {
        let fits = match (self, value) {
            (_, Value::Null)
            | (Text, Value::String(_))
            | (Number, Value::Number(_))
            | (Flag, Value::Bool(_)) => true,
            (List(element), Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    element.accepts(&format!("{path}[{at}]"), item)?;
                }
                true
            }
            (Object(_) | Map(_), Value::Object(members)) => {
                for (name, value) in members {
                    let member = self.member(path, name)?;
                    member.accepts(&format!("{path}.{name}"), value)?;
                }
                true
            }
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(NoSuchMember {
            message: format!("{path} must be {}", self.name()),
            help: "docs/policy.md has the whole document".to_owned(),
        })
    }

    fn usage(self, path: &str) -> String {
        match self {
            List(_) => format!("use `some x in {path}`, or {path}[0]"),
            Text | Number | Flag => format!("compare {path} itself"),
            Object(_) | Map(_) => format!("name a member of {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every path of a document, with its kind.
    fn paths(value: &Value, at: &str, all: &mut Vec<String>) {
        match value {
            Value::Object(members) => members
                .iter()
                .for_each(|(name, value)| paths(value, &format!("{at}.{name}"), all)),
            Value::Array(items) => items
                .iter()
                .for_each(|item| paths(item, &format!("{at}[]"), all)),
            Value::String(_) => all.push(format!("{at} string")),
            Value::Number(_) => all.push(format!("{at} number")),
            Value::Bool(_) => all.push(format!("{at} boolean")),
            Value::Null => panic!("{at} is not in the schema's language"),
        }
    }

    fn declared(shape: Shape, at: &str, all: &mut Vec<String>) {
        match shape {
            Text => all.push(format!("{at} string")),
            Number => all.push(format!("{at} number")),
            Flag => all.push(format!("{at} boolean")),
            // As the sample names it.
            Map(element) => declared(*element, &format!("{at}.run"), all),
            List(element) => declared(*element, &format!("{at}[]"), all),
            Object(members) => members
                .iter()
                .for_each(|(name, shape)| declared(*shape, &format!("{at}.{name}"), all)),
        }
    }

    #[test]
    fn the_schema_is_the_input_document() {
        let (mut real, mut said) = (Vec::new(), Vec::new());
        let sample = serde_json::to_value(super::super::input::sample()).unwrap();
        paths(&sample, "input", &mut real);
        declared(INPUT, "input", &mut said);
        real.sort();
        said.sort();
        assert_eq!(real, said);
    }

    #[test]
    fn a_typo_is_told_with_what_was_meant() {
        let wrong = INPUT.member("input", "aplication").unwrap_err();
        assert!(
            wrong.help.starts_with("did you mean input.application?"),
            "{}",
            wrong.help
        );
        let wrong = INPUT.member("input", "xyz").unwrap_err();
        assert!(wrong.help.starts_with("its members are application"));
        let scopes = INPUT.member("input", "scopes").unwrap();
        assert!(scopes.member("input.scopes", "x").is_err());
        let session = INPUT.member("input", "session").unwrap();
        assert!(session.member("input.session", "label").is_err());
        let labels = session.member("input.session", "labels").unwrap();
        assert!(labels.member("input.session.labels", "whatever").is_ok());
        let number = serde_json::json!({"run": 1});
        assert!(labels.accepts("input.session.labels", &number).is_err());
    }
}
