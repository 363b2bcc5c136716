//! Request paths with exactly one reading.
//!
//! An enforcement point and the upstream behind it must never see two different paths in the same
//! bytes. Whatever some servers decode, merge or cut (encoded slashes, dot segments, empty
//! segments, path parameters) is refused here, not repaired. What remains has one normal form.

use std::borrow::Cow;
use std::fmt;

/// Longest path (without query) that is read, in bytes.
pub const MAX_PATH_BYTES: usize = 4096;

/// Most segments of a path; it also bounds the work of matching.
pub const MAX_SEGMENTS: usize = 64;

/// Why a path can be read in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Does not start with a slash (this includes absolute-form and `*`).
    #[error("the path does not start with '/'")]
    NotAbsolute,
    /// More than [`MAX_PATH_BYTES`] bytes or [`MAX_SEGMENTS`] segments.
    #[error("the path is too long")]
    TooLong,
    /// `//`, which some servers merge.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..`, which some servers resolve.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A byte that RFC 3986 §3.3 does not allow in a path, or a `;`, which some servers cut at.
    #[error("the path has a character that is not allowed unencoded")]
    Character,
    /// `%` without two hex digits.
    #[error("the path has a broken percent-encoding")]
    BrokenEncoding,
    /// An encoded slash, backslash, percent sign, dot, semicolon, control character or a
    /// character that needs no encoding: servers differ on when they decode these.
    #[error("the path encodes a character that servers decode at different times")]
    AmbiguousEncoding,
    /// Encoded bytes that are not UTF-8.
    #[error("the path encodes bytes that are not UTF-8")]
    NotUtf8,
    /// A query with a blank, a control character, a `#` or a byte that is not ASCII: the target would
    /// end elsewhere for some server, or a line of HTTP/1.1 made from it would have another form.
    #[error("the query has a character that is not allowed unencoded")]
    Query,
}

/// A path with one reading: absolute and without a query. Its normal form, with upper-case hex in
/// encodings, is what logs and the ledger say. Operations are matched on the bytes as they were sent,
/// because these are what the upstream matches on: for some routers `/%c3%a9` is not `/%C3%A9`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalPath<'a> {
    sent: &'a str,
    normal: Cow<'a, str>,
}

impl<'a> NormalPath<'a> {
    /// Reads the `:path` of a request; the query, if any, is left out.
    pub fn parse(target: &'a [u8]) -> Result<Self, PathError> {
        let mut parts = target.splitn(2, |byte| *byte == b'?');
        let path = parts.next().unwrap_or_default();
        let query = parts.next().unwrap_or_default();
        if !query.iter().copied().all(may_stand_in_query) {
            return Err(PathError::Query);
        }
        if path.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        let Some(segments) = path.strip_prefix(b"/") else {
            return Err(PathError::NotAbsolute);
        };
        let mut needs_upper_case = false;
        // "/" alone is the root: one empty segment that is nothing but the leading slash.
        if !segments.is_empty() {
            let mut count = 0_usize;
            let mut rest = segments.split(|byte| *byte == b'/').peekable();
            while let Some(segment) = rest.next() {
                count = count.saturating_add(1);
                // One trailing slash is a path of its own and matches only a template that has it.
                if segment.is_empty() && rest.peek().is_none() {
                    break;
                }
                needs_upper_case |= check_segment(segment)?;
            }
            if count > MAX_SEGMENTS {
                return Err(PathError::TooLong);
            }
        }
        // Every byte was checked to be ASCII.
        let sent = std::str::from_utf8(path).map_err(|_| PathError::Character)?;
        let normal = if needs_upper_case {
            Cow::Owned(upper_case_hex(sent))
        } else {
            Cow::Borrowed(sent)
        };
        Ok(Self { sent, normal })
    }

    /// The normal form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.normal
    }

    /// What was sent.
    #[must_use]
    pub const fn as_sent(&self) -> &'a str {
        self.sent
    }

    /// The segments as they were sent, after the leading slash; a trailing slash shows as a last
    /// empty segment.
    #[must_use]
    pub fn segments(&self) -> std::str::Split<'a, char> {
        self.sent.strip_prefix('/').unwrap_or_default().split('/')
    }
}

impl fmt::Display for NormalPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.normal)
    }
}

/// Checks one segment; tells whether it has lower-case hex digits in an encoding.
fn check_segment(segment: &[u8]) -> Result<bool, PathError> {
    match segment {
        b"" => return Err(PathError::EmptySegment),
        b"." | b".." => return Err(PathError::DotSegment),
        _ => {}
    }
    let mut lower = false;
    let mut decoded_non_ascii = Vec::new();
    let mut bytes = segment.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (Some(high), Some(low)) = (bytes.next(), bytes.next()) else {
                return Err(PathError::BrokenEncoding);
            };
            let (Some(high_value), Some(low_value)) = (hex(high), hex(low)) else {
                return Err(PathError::BrokenEncoding);
            };
            lower |= high.is_ascii_lowercase() || low.is_ascii_lowercase();
            let value = (high_value << 4) | low_value;
            if value >= 0x80 {
                decoded_non_ascii.push(value);
            } else {
                if !may_be_encoded(value) {
                    return Err(PathError::AmbiguousEncoding);
                }
                check_utf8_run(&mut decoded_non_ascii)?;
            }
        } else {
            if !is_plain(byte) {
                return Err(PathError::Character);
            }
            check_utf8_run(&mut decoded_non_ascii)?;
        }
    }
    check_utf8_run(&mut decoded_non_ascii)?;
    Ok(lower)
}

/// A run of encoded non-ASCII bytes must be UTF-8 by itself: ASCII never continues a sequence.
fn check_utf8_run(run: &mut Vec<u8>) -> Result<(), PathError> {
    if run.is_empty() {
        return Ok(());
    }
    let valid = std::str::from_utf8(run).is_ok();
    run.clear();
    if valid {
        Ok(())
    } else {
        Err(PathError::NotUtf8)
    }
}

/// RFC 3986 pchar without `;` (path parameters, which some servers cut off) and without `%`.
const fn is_plain(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
        )
}

/// RFC 3986 §2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// ASCII that stays itself however often it is decoded: a space and the delimiters that no server
/// takes for structure inside a path.
const fn may_be_encoded(value: u8) -> bool {
    matches!(
        value,
        b' ' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | b'[' | b']'
    )
}

/// More than RFC 3986 §3.4 allows, because clients send `|`, `[` and the like as they are and no
/// server takes them for structure.
const fn may_stand_in_query(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

/// RFC 3986 §6.2.2.1: hex digits of encodings in upper case.
fn upper_case_hex(path: &str) -> String {
    let mut left = 0_u8;
    path.chars()
        .map(|char| {
            if char == '%' {
                left = 2;
                char
            } else if left > 0 {
                left = left.saturating_sub(1);
                char.to_ascii_uppercase()
            } else {
                char
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_paths_with_one_reading() {
        for (target, normal) in [
            ("/", "/"),
            ("/accounts/42", "/accounts/42"),
            ("/accounts/42?verbose=1&x=/../", "/accounts/42"),
            ("/accounts/42?a[]=\"{b|c}\"\\^`?;%00", "/accounts/42"),
            ("/accounts/", "/accounts/"),
            ("/a%20b", "/a%20b"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a:b@c,d=e", "/a:b@c,d=e"),
            ("/...", "/..."),
        ] {
            assert_eq!(
                NormalPath::parse(target.as_bytes()).unwrap().as_str(),
                normal
            );
        }
    }

    #[test]
    fn refuses_paths_that_servers_read_differently() {
        use PathError::*;
        for (target, error) in [
            ("", NotAbsolute),
            ("*", NotAbsolute),
            ("http://bank/accounts", NotAbsolute),
            ("//accounts", EmptySegment),
            ("/accounts//42", EmptySegment),
            ("/accounts//", EmptySegment),
            ("/./accounts", DotSegment),
            ("/public/../accounts", DotSegment),
            ("/accounts/..", DotSegment),
            ("/accounts\\42", Character),
            ("/accounts;v=1/42", Character),
            ("/accounts#42", Character),
            ("/acc ounts", Character),
            ("/caf\u{e9}", Character),
            ("/a\0b", Character),
            ("/a%2", BrokenEncoding),
            ("/a%zz", BrokenEncoding),
            ("/a%", BrokenEncoding),
            ("/public%2f..%2faccounts", AmbiguousEncoding),
            ("/a%5cb", AmbiguousEncoding),
            ("/%2e%2e/accounts", AmbiguousEncoding),
            ("/a%252fb", AmbiguousEncoding),
            ("/a%00", AmbiguousEncoding),
            ("/a%3bv=1", AmbiguousEncoding),
            ("/a%3fb", AmbiguousEncoding),
            ("/%61ccounts", AmbiguousEncoding),
            ("/a%c3", NotUtf8),
            ("/a%c0%af", NotUtf8),
            ("/a%c3b%a9", NotUtf8),
            ("/accounts/42?x HTTP/1.1", Query),
            ("/accounts/42?x\r\nhost: evil", Query),
            ("/accounts/42?x#/../43", Query),
            ("/accounts/42?\t", Query),
            ("/accounts/42?\0", Query),
            ("/accounts/42?caf\u{e9}", Query),
        ] {
            assert_eq!(
                NormalPath::parse(target.as_bytes()),
                Err(error),
                "{target:?}"
            );
        }
    }

    #[test]
    fn bounds_length_and_segments() {
        let long = format!("/{}", "a".repeat(MAX_PATH_BYTES));
        assert_eq!(NormalPath::parse(long.as_bytes()), Err(PathError::TooLong));
        let deep = "/a".repeat(MAX_SEGMENTS + 1);
        assert_eq!(NormalPath::parse(deep.as_bytes()), Err(PathError::TooLong));
    }

    /// What a server that decodes as much and as often as it can would end up with.
    fn decode_fully(path: &str) -> Vec<u8> {
        let mut bytes = path.as_bytes().to_vec();
        loop {
            let mut out = Vec::new();
            let mut index = 0;
            while index < bytes.len() {
                let pair = bytes
                    .get(index + 1)
                    .and_then(|h| hex(*h))
                    .zip(bytes.get(index + 2).and_then(|l| hex(*l)));
                match (bytes[index], pair) {
                    (b'%', Some((high, low))) => {
                        out.push((high << 4) | low);
                        index += 3;
                    }
                    (byte, _) => {
                        out.push(byte);
                        index += 1;
                    }
                }
            }
            if out == bytes {
                return out;
            }
            bytes = out;
        }
    }

    proptest! {
        #[test]
        fn decoding_never_changes_the_structure(target in "/([a-z%0-9A-F./;\\\\?]|%2[ef5]|%c3%a9){0,24}") {
            if let Ok(path) = NormalPath::parse(target.as_bytes()) {
                let decoded = decode_fully(path.as_str());
                let slashes = |bytes: &[u8]| bytes.split(|byte| *byte == b'/').count();
                prop_assert_eq!(slashes(&decoded), slashes(path.as_str().as_bytes()));
                prop_assert!(!decoded.contains(&b'\\') && !decoded.contains(&0));
                let parts: Vec<_> = decoded.split(|byte| *byte == b'/').collect();
                prop_assert!(!parts.iter().any(|part| matches!(*part, b"." | b"..")));
            }
        }

        #[test]
        fn the_normal_form_is_its_own_normal_form(target in "/[ -~]{0,24}") {
            if let Ok(path) = NormalPath::parse(target.as_bytes()) {
                let again = NormalPath::parse(path.as_str().as_bytes()).unwrap();
                prop_assert_eq!(again.as_str(), path.as_str());
            }
        }

        #[test]
        fn no_bytes_make_the_parser_panic(target in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = NormalPath::parse(&target);
        }
    }
}
