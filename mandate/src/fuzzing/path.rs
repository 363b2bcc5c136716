//! Paths, hosts, and the operation that a request is.

use crate::catalog::{CatalogEntry, Resource};
use crate::host::{Host, normal_host};
use crate::operation::{Operation, PathTemplate};
use crate::path::NormalPath;
use crate::scope::ScopeSet;

/// The input is a request target, an authority, and path templates, one a line.
///
/// What is accepted has one reading and is its own normal form, however often somebody behind
/// decodes it; and the operation that is found, if one is, is the one that a router would find which
/// goes through the templates by the letter, literals first.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn path(data: &[u8]) -> bool {
    let mut lines = data.split(|byte| *byte == b'\n');
    let (target, authority) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    let has_host = host(authority);
    let Ok(path) = NormalPath::parse(target) else {
        return false;
    };
    has_one_reading(&path);
    let again = NormalPath::parse(path.as_str().as_bytes());
    assert_eq!(again.as_ref().map(NormalPath::as_str), Ok(path.as_str()));
    let templates: Vec<PathTemplate> = lines
        .filter_map(|line| std::str::from_utf8(line).ok()?.parse().ok())
        .collect();
    found(&path, &templates);
    has_host
}

fn host(authority: &[u8]) -> bool {
    let Ok(host) = normal_host(authority) else {
        return false;
    };
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    assert!(host.bytes().all(plain), "{host:?} is plain");
    assert!(
        !host.split('.').any(str::is_empty),
        "{host:?} has no empty label"
    );
    assert!(host.len() <= 253);
    assert_eq!(normal_host(host.as_bytes()).as_ref(), Ok(&host));
    assert_eq!(
        host.parse::<Host>().map(|host| host.to_string()),
        Ok(host.to_string())
    );
    true
}

/// Nobody who decodes once, or again and again, sees other segments.
fn has_one_reading(path: &NormalPath<'_>) {
    let text = path.as_str();
    assert!(text.starts_with('/') && text.is_ascii());
    let segments = |bytes: &[u8]| bytes.split(|byte| *byte == b'/').count();
    let mut bytes = text.as_bytes().to_vec();
    loop {
        assert_eq!(segments(&bytes), segments(text.as_bytes()), "{text:?}");
        assert!(
            !bytes.iter().any(|byte| b"\\;?#\0\r\n".contains(byte)),
            "{text:?}"
        );
        assert!(!bytes.windows(2).any(|pair| pair == b"//"), "{text:?}");
        let dots = |segment: &[u8]| matches!(segment, b"." | b"..");
        assert!(!bytes.split(|byte| *byte == b'/').any(dots), "{text:?}");
        assert!(std::str::from_utf8(&bytes).is_ok(), "{text:?}");
        let decoded = decoded(&bytes);
        if decoded == bytes {
            break;
        }
        bytes = decoded;
    }
}

/// Decoded once, as the most lenient of servers would.
fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        let hex = |digit: &u8| char::from(*digit).to_digit(16);
        let value = match (first, behind) {
            (b'%', [high, low, ..]) => hex(high).zip(hex(low)),
            _ => None,
        };
        if let Some((high, low)) = value {
            out.push(u8::try_from((high << 4) | low).unwrap_or_default());
            rest = behind.get(2..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = behind;
        }
    }
    out
}

fn found(path: &NormalPath<'_>, templates: &[PathTemplate]) {
    let Some(resource) = resource(templates) else {
        return;
    };
    let fitting = templates.iter().filter(|template| {
        let (template, path) = (template.to_string(), path.as_sent());
        let fits = template
            .split('/')
            .zip(path.split('/'))
            .all(|(part, text)| {
                if part.starts_with('{') {
                    !text.is_empty()
                } else {
                    part == text
                }
            });
        fits && template.split('/').count() == path.split('/').count()
    });
    let best = fitting.min_by_key(|template| parameters(template));
    let entry = CatalogEntry::new(resource);
    let found = entry
        .operation("GET", path)
        .map(|operation| &operation.path);
    if found != best {
        // None, and only where somebody who reads loosely would find a more specific one.
        assert!(found.is_none(), "{path}: {found:?}");
        let best = best.map(parameters).unwrap_or_default();
        let rival = |template: &PathTemplate| {
            let of_template = parameters(template);
            of_template.len() == best.len() && of_template < best
        };
        assert!(templates.iter().any(rival), "{path}");
    }
    assert!(entry.operation("POST", path).is_none());
}

/// Which segments of a template are parameters; the least of these is the most specific.
fn parameters(template: &PathTemplate) -> Vec<bool> {
    let text = template.to_string();
    text.split('/').map(|part| part.starts_with('{')).collect()
}

/// A resource that could be registered.
fn resource(templates: &[PathTemplate]) -> Option<Resource> {
    let scopes = ScopeSet::parse("s").ok()?;
    let operation = |(index, path): (usize, &PathTemplate)| {
        Some(Operation {
            name: format!("o{index}").parse().ok()?,
            method: "GET".parse().ok()?,
            path: path.clone(),
            scopes: scopes.clone(),
            irreversible: false,
        })
    };
    let resource = Resource {
        name: "r".parse().ok()?,
        uri: "https://r".parse().ok()?,
        hosts: vec!["r".parse().ok()?],
        operations: templates
            .iter()
            .enumerate()
            .map(operation)
            .collect::<Option<_>>()?,
        application: None,
    };
    resource.validate().is_ok().then_some(resource)
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_are_read_as_their_names_say() {
        let seeds = [
            (
                "good-literal",
                "/accounts/42?x=/../\nBank.internal:8443\n/accounts/{id}\n/accounts/42",
            ),
            (
                "good-parameters",
                "/a/b/c\nbank\n/{x}/b/{y}\n/a/{x}/c\n/{x}/{y}/c\n/a/b",
            ),
            (
                "good-encoded",
                "/caf%c3%a9/a%20b/\nbank.internal\n/caf%C3%A9/{id}/\n/caf%C3%A9/{id}",
            ),
            ("good-root", "/\n127.0.0.1:80\n/\n/{x}"),
            ("bad-dots", "/public/../accounts\nbank.internal\n/accounts"),
            ("bad-slash", "/public%2f..%2faccounts\nbank.internal\n/{x}"),
            ("bad-twice", "/a%252fb\nbank.internal\n/{x}"),
            ("bad-absolute", "http://bank/accounts\nbank.internal"),
            ("bad-parameter", "/accounts;v=1/42\nbank.internal"),
            ("bad-overlong", "/a%c0%af\nbank.internal"),
            ("bad-userinfo", "/accounts\nuser@bank.internal"),
            ("bad-port", "/accounts\nbank.internal:+80"),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.as_bytes().to_vec()));
        caracal_seeds::hold("path", &seeds, super::path).unwrap();
    }
}
