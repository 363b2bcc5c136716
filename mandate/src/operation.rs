//! Operations: what can be done at a resource, as method and path template.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::Name;
use crate::path::{MAX_SEGMENTS, NormalPath, PathError};
use crate::scope::ScopeSet;

/// An HTTP method: 1 to 16 upper-case letters. CONNECT opens a tunnel and is never an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(Box<str>);

/// Why a text is no method of an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an HTTP method of an operation: use 1 to 16 upper-case letters, not CONNECT")]
pub struct MethodError(pub String);

/// Whether `method` may stand in a request that is decided on.
#[must_use]
pub fn is_plain_method(method: &[u8]) -> bool {
    (1..=16).contains(&method.len())
        && method.iter().all(u8::is_ascii_uppercase)
        && method != b"CONNECT"
}

impl Method {
    /// The method's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Method {
    type Err = MethodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_plain_method(text.as_bytes()) {
            Ok(Self(text.into()))
        } else {
            Err(MethodError(text.chars().take(32).collect()))
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Matches itself, byte for byte.
    Literal(Box<str>),
    /// Matches one segment that is not empty. The name is for people.
    Parameter(Box<str>),
}

/// A path template such as `/accounts/{id}/payments`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathTemplate(Box<[Segment]>);

/// Why a text is no path template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A literal part is not in normal form.
    #[error("{0:?} is not a path template: {1}")]
    Path(String, PathError),
    /// A literal part in another spelling than clients send.
    #[error("{0:?} is not a path template: write encodings in upper-case hex")]
    Spelling(String),
    /// Braces that are not exactly one `{name}` as a whole segment.
    #[error(
        "{0:?} is not a path template: a parameter is a whole segment, such as {{id}}, of letters, digits and '_'"
    )]
    Parameter(String),
}

impl PathTemplate {
    /// The segments after the leading slash.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether `path` is one of the paths that the template stands for.
    #[must_use]
    pub fn matches(&self, path: &NormalPath<'_>) -> bool {
        let mut given = path.segments();
        self.0.iter().all(|segment| match (segment, given.next()) {
            (Segment::Literal(literal), Some(text)) => **literal == *text,
            (Segment::Parameter(_), Some(text)) => !text.is_empty(),
            (_, None) => false,
        }) && given.next().is_none()
    }

    /// Whether some server could take `path` for one of the template's paths: literals are compared
    /// without regard to case (ASP.NET, Express), and with a suffix that Rails takes for a format and
    /// IIS cuts off.
    pub(crate) fn resembles(&self, path: &NormalPath<'_>) -> bool {
        let mut given = path.segments();
        self.0.iter().all(|segment| match (segment, given.next()) {
            (Segment::Literal(literal), Some(text)) => is_loosely(literal, text),
            (Segment::Parameter(_), Some(text)) => !text.is_empty(),
            (_, None) => false,
        }) && given.next().is_none()
    }

    /// Whether the two have parameters at the same places.
    pub(crate) fn is_as_specific_as(&self, other: &Self) -> bool {
        let is_literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
        let (own, others) = (self.0.iter(), other.0.iter());
        own.map(is_literal).eq(others.map(is_literal))
    }
}

/// Whether a server could read `text` as the literal: in another case, or with something behind that
/// it cuts off (a format, a dot, a blank).
fn is_loosely(literal: &str, text: &str) -> bool {
    if literal.is_empty() {
        return text.is_empty();
    }
    let Some((start, rest)) = text.as_bytes().split_at_checked(literal.len()) else {
        return false;
    };
    start.eq_ignore_ascii_case(literal.as_bytes())
        && (rest.is_empty() || rest.starts_with(b".") || rest.starts_with(b"%20"))
}

impl FromStr for PathTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path_error = |error| TemplateError::Path(text.to_owned(), error);
        let Some(rest) = text.strip_prefix('/') else {
            return Err(path_error(PathError::NotAbsolute));
        };
        if rest.split('/').count() > MAX_SEGMENTS {
            return Err(path_error(PathError::TooLong));
        }
        let parts: Vec<_> = rest.split('/').collect();
        let last = parts.len().saturating_sub(1);
        let segments = parts.into_iter().enumerate().map(|(index, part)| {
            if let Some(name) = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
            {
                let legal = |char: char| char.is_ascii_alphanumeric() || char == '_';
                if name.is_empty() || !name.chars().all(legal) {
                    return Err(TemplateError::Parameter(text.to_owned()));
                }
                return Ok(Segment::Parameter(name.into()));
            }
            if part.contains(['{', '}']) {
                return Err(TemplateError::Parameter(text.to_owned()));
            }
            if part.is_empty() && index != last {
                return Err(path_error(PathError::EmptySegment));
            }
            let literal = format!("/{part}");
            let normal = NormalPath::parse(literal.as_bytes()).map_err(path_error)?;
            // `parse` cuts a query off; a template has none.
            if normal.as_str() != literal {
                return Err(TemplateError::Spelling(text.to_owned()));
            }
            Ok(Segment::Literal(part.into()))
        });
        Ok(Self(segments.collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Literal(text) => write!(f, "/{text}"),
            Segment::Parameter(name) => write!(f, "/{{{name}}}"),
        })
    }
}

impl Serialize for PathTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PathTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// One thing that can be done at a resource, and the scopes that it takes (all of them).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Name, unique within the resource.
    pub name: Name,
    /// HTTP method.
    pub method: Method,
    /// Path template.
    pub path: PathTemplate,
    /// Scopes that a mandate must hold, all of them; never empty.
    pub scopes: ScopeSet,
    /// Whether what it does cannot be undone: then a request is let through only once its decision
    /// is durable in the ledger.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub irreversible: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn template(text: &str) -> PathTemplate {
        text.parse().unwrap()
    }

    fn matches(text: &str, path: &str) -> bool {
        template(text).matches(&NormalPath::parse(path.as_bytes()).unwrap())
    }

    #[test]
    fn a_parameter_stands_for_exactly_one_segment() {
        assert!(matches("/accounts/{id}", "/accounts/42"));
        assert!(matches("/accounts/{id}", "/accounts/a%20b"));
        assert!(!matches("/accounts/{id}", "/accounts"));
        assert!(!matches("/accounts/{id}", "/accounts/"));
        assert!(!matches("/accounts/{id}", "/accounts/42/payments"));
    }

    #[test]
    fn literals_match_byte_for_byte() {
        assert!(matches("/", "/"));
        assert!(matches("/Accounts", "/Accounts"));
        assert!(!matches("/Accounts", "/accounts"));
        assert!(!matches("/accounts", "/accounts/"));
        assert!(matches("/accounts/", "/accounts/"));
        assert!(matches("/caf%C3%A9", "/caf%C3%A9"));
        assert!(!matches("/caf%C3%A9", "/caf%c3%a9"));
    }

    #[test]
    fn refuses_templates_that_could_never_match_or_match_too_much() {
        for text in [
            "",
            "accounts",
            "/a//b",
            "/a/../b",
            "/{",
            "/{}",
            "/{id",
            "/{id}x",
            "/{a-b}",
            "/a;b",
            "/caf%c3%a9",
            "/a?b",
            "/%2e",
            "/a b",
        ] {
            assert!(text.parse::<PathTemplate>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn connect_is_no_operation() {
        for text in ["CONNECT", "get", "", "GET ", "G\u{c9}T", &"A".repeat(17)] {
            assert!(text.parse::<Method>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_text_form_reads_back(text in "(/([a-z]{1,3}|\\{[a-z]{1,3}\\})){1,5}/?") {
            let parsed = template(&text);
            prop_assert_eq!(parsed.to_string(), text);
        }
    }
}
