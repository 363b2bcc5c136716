//! A reader of challenges of its own, by the grammar of RFC 9110 §11.2 and RFC 6750 §3.

use std::collections::BTreeMap;

/// The parameters of a `Bearer` challenge. Each is there once, quoted, and without anything that
/// would have to be escaped.
#[track_caller]
pub(crate) fn parse(header: &str) -> BTreeMap<String, String> {
    let mut rest = header.strip_prefix("Bearer ").unwrap();
    let mut parameters = BTreeMap::new();
    loop {
        let (name, after) = rest.split_once("=\"").unwrap();
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{header}"
        );
        let (value, after) = after.split_once('"').unwrap();
        let legal = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        assert!(value.bytes().all(legal), "{header}");
        let before = parameters.insert(name.to_owned(), value.to_owned());
        assert_eq!(before, None, "{header}");
        if after.is_empty() {
            return parameters;
        }
        rest = after.strip_prefix(", ").unwrap();
    }
}
