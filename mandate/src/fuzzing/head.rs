//! The header block of a request.

use crate::head::{Head, is_one_token, is_ours};
use crate::host::normal_host;
use crate::operation::is_plain_method;
use crate::path::NormalPath;

/// Headers of which a second one, or any one, has to end in a refusal.
const ONCE: [&str; 6] = [
    ":method",
    ":authority",
    ":path",
    "authorization",
    "x-request-id",
    "content-type",
];
const NEVER: [&str; 6] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-url",
    "x-rewrite-url",
];

/// The input is a header block, one `name: value` a line.
///
/// What is accepted is in normal form, whatever the order of the headers; a header that decides
/// stands there once; nothing that could replace the method or the path stands there; and a
/// credential that is one token has nothing in it that would make it two.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn head(data: &[u8]) -> bool {
    let mut pairs: Vec<(String, Vec<u8>)> =
        data.split(|byte| *byte == b'\n').filter_map(pair).collect();
    let count = |name: &str| pairs.iter().filter(|(given, _)| given == name).count();
    let is_doubtful =
        ONCE.iter().any(|name| count(name) > 1) || NEVER.iter().any(|name| count(name) > 0);
    let internal = pairs
        .iter()
        .filter(|(name, _)| name.starts_with("x-caracal-"))
        .count();
    let Ok(head) = Head::parse(&pairs) else {
        pairs.reverse();
        assert!(
            Head::parse(&pairs).is_err(),
            "the order of headers opens nothing"
        );
        return false;
    };
    assert!(!is_doubtful, "a header that decides twice, or an override");
    assert!(is_plain_method(head.method.as_bytes()));
    assert_eq!(
        normal_host(head.host.as_bytes()).as_deref(),
        Ok(&*head.host)
    );
    let again = NormalPath::parse(head.path.as_str().as_bytes());
    assert_eq!(
        again.as_ref().map(NormalPath::as_str),
        Ok(head.path.as_str())
    );
    let removed = head.internal.iter().filter(|name| is_ours(name));
    assert_eq!(removed.count(), internal);
    let printable =
        |text: &str| text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(printable(head.request_id) && printable(head.traceparent));
    if let Ok(token) = head.bearer()
        && is_one_token(token)
    {
        assert!(!token.iter().any(|byte| b", \t\r\n;\"\0".contains(byte)));
    }
    assert_eq!(
        head.authorization.is_some(),
        pairs.iter().any(|(name, _)| name == "authorization")
    );
    let seen = (
        head.method.to_owned(),
        head.host.to_string(),
        head.path.to_string(),
    );
    pairs.reverse();
    let again = Head::parse(&pairs);
    let again = again.map(|head| {
        (
            head.method.to_owned(),
            head.host.to_string(),
            head.path.to_string(),
        )
    });
    assert_eq!(
        again.ok(),
        Some(seen),
        "the order of headers changes nothing"
    );
    true
}

/// A line as the host would give it: names are lower case, and there is no empty one.
fn pair(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = line.iter().skip(1).position(|byte| *byte == b':')? + 1;
    let (name, value) = line.split_at_checked(end)?;
    let value = value
        .strip_prefix(b": ")
        .or_else(|| value.strip_prefix(b":"))?;
    let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    Some((name, value.to_vec()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_are_read_as_their_names_say() {
        let with = |more: &str| {
            format!(":method: GET\n:authority: Bank.internal:80\n:path: /accounts/1?x=1\n{more}")
                .into_bytes()
        };
        let seeds = [
            ("good-plain", with("accept: */*\nx-request-id: r-1")),
            (
                "good-token",
                with(
                    "authorization: Bearer a.b.c\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                ),
            ),
            (
                "good-internal",
                with("x-caracal-decision: allow\nx-caracal-reason: none"),
            ),
            (
                "good-grpc",
                with("content-type: application/grpc+proto\nte: trailers"),
            ),
            (
                "good-encoded-path",
                b":method: T\n:authority: b\n:path: /%3c/1?-=1".to_vec(),
            ),
            ("good-steering", with("x-envoy-max-retries: 3")),
            ("good-other-scheme", with("authorization: Basic YTpi")),
            (
                "bad-two-tokens",
                with("authorization: Bearer a\nauthorization: Bearer b"),
            ),
            ("bad-two-hosts", with(":authority: other.internal")),
            ("bad-override", with("x-http-method-override: DELETE")),
            ("bad-original-url", with("x-original-url: /admin")),
            (
                "bad-method",
                b":method: get\n:authority: b\n:path: /".to_vec(),
            ),
            (
                "bad-connect",
                b":method: CONNECT\n:authority: b:443\n:path: /".to_vec(),
            ),
            (
                "bad-path",
                b":method: GET\n:authority: b\n:path: /a/%2e%2e/b".to_vec(),
            ),
            ("bad-empty", Vec::new()),
        ];
        caracal_seeds::hold("head", &seeds, super::head).unwrap();
    }
}
