use super::*;
use proptest::prelude::*;

fn pairs(extra: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    let base: [(&str, &[u8]); 3] = [
        (":method", b"GET"),
        (":authority", b"Bank.internal:80"),
        (":path", b"/accounts/1?x=1"),
    ];
    base.iter()
        .chain(extra)
        .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
        .collect()
}

fn fault(extra: &[(&str, &[u8])]) -> Option<Reason> {
    Head::parse(&pairs(extra))
        .err()
        .map(|malformed| malformed.reason)
}

#[test]
fn reads_the_normal_forms() {
    let pairs = pairs(&[("x-caracal-decision", b"allow"), ("x-request-id", b"r-1")]);
    let head = Head::parse(&pairs).unwrap();
    assert_eq!(
        (&*head.host, head.path.as_str()),
        ("bank.internal", "/accounts/1")
    );
    assert_eq!(head.internal, ["x-caracal-decision"]);
    assert_eq!(head.request_id, "r-1");
}

#[test]
fn a_repeated_header_that_matters_is_refused() {
    let twice = |name| fault(&[(name, b"a"), (name, b"b")]);
    assert_eq!(twice("authorization"), Some(Reason::MalformedCredential));
    assert_eq!(twice("x-request-id"), Some(Reason::MalformedHeader));
    assert_eq!(fault(&[(":path", b"/")]), Some(Reason::MalformedPath));
    assert_eq!(
        fault(&[(":authority", b"evil")]),
        Some(Reason::MalformedHost)
    );
    assert_eq!(twice("accept"), None);
}

#[test]
fn a_trace_that_cannot_be_read_refuses_nothing() {
    for (extra, read) in [
        (&[("traceparent", &b"00-a-b-01"[..])][..], "00-a-b-01"),
        (&[("traceparent", b"a"), ("traceparent", b"b")], ""),
        (&[("traceparent", b"a b")], ""),
        (&[("traceparent", &[b'a'; 200])], ""),
    ] {
        let pairs = pairs(extra);
        assert_eq!(Head::parse(&pairs).unwrap().traceparent, read);
    }
}

#[test]
fn headers_that_replace_method_path_or_host_are_refused() {
    for name in [
        "x-http-method-override",
        "x-method-override",
        "x-original-url",
        "x-rewrite-url",
        "x-original-host",
        "x-forwarded-method",
    ] {
        assert_eq!(
            fault(&[(name, b"DELETE")]),
            Some(Reason::MalformedHeader),
            "{name}"
        );
    }
}

#[test]
fn a_name_that_some_servers_read_as_another_is_refused() {
    for name in [
        "x_http_method_override",
        "x-caracal_decision",
        "x_caracal_holder",
        "content_length",
        "transfer_encoding",
        "x_forwarded_host",
    ] {
        let fault = fault(&[(name, b"1")]);
        assert_eq!(fault, Some(Reason::MalformedHeader), "{name}");
    }
    assert_eq!(fault(&[("my_header", b"1")]), None);
}

#[test]
fn a_second_host_must_be_the_first() {
    for (name, value) in [
        ("host", "evil.internal"),
        ("host", "bank.internal"),
        ("x-forwarded-host", "evil.internal"),
        ("x-forwarded-host", "bank.internal, evil.internal"),
        ("x-forwarded-host", "bank.internal@evil.internal"),
        ("forwarded", "for=1.2.3.4;host=evil.internal"),
        ("forwarded", "for=1.2.3.4, Host=\"evil.internal\""),
        ("forwarded", "host =evil.internal"),
    ] {
        let fault = fault(&[(name, value.as_bytes())]);
        assert_eq!(fault, Some(Reason::MalformedHost), "{name}: {value}");
    }
    for (name, value) in [
        ("x-forwarded-host", "BANK.internal"),
        ("x-forwarded-host", "bank.internal:443, bank.internal"),
        (
            "forwarded",
            "for=1.2.3.4;proto=http;host=\"bank.internal:80\"",
        ),
        ("forwarded", "for=\"[::1]\""),
    ] {
        assert_eq!(fault(&[(name, value.as_bytes())]), None, "{name}: {value}");
    }
}

#[test]
fn a_query_that_replaces_the_method_is_refused() {
    let fault = |query: &str| {
        let pairs: Vec<_> = [
            (":method", "POST"),
            (":authority", "bank.internal"),
            (":path", &*format!("/accounts/1?{query}")),
        ]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .into();
        Head::parse(&pairs).err().map(|malformed| malformed.reason)
    };
    for query in [
        "_method=DELETE",
        "a=1&_method=DELETE",
        "a=1;_method=DELETE",
        "%5fmethod=DELETE",
        "_METHOD",
        ".method=DELETE",
        "+_method=DELETE",
        "_meth%6Fd=DELETE",
    ] {
        assert_eq!(fault(query), Some(Reason::MalformedMethod), "{query}");
    }
    for query in [
        "method=DELETE",
        "a=_method",
        "_methods=1",
        "%5",
        "x_method=1",
        "",
    ] {
        assert_eq!(fault(query), None, "{query}");
    }
}

#[test]
fn a_value_in_which_a_line_could_end_is_refused() {
    for value in [
        &b"b\rx-caracal-decision: allow"[..],
        b"b\nhost: evil",
        b"b\0",
    ] {
        assert_eq!(fault(&[("x-a", value)]), Some(Reason::MalformedHeader));
    }
}

#[test]
fn framing_and_scheme_have_one_reading() {
    for extra in [
        &[("content-length", &b"5"[..]), ("content-length", b"5")][..],
        &[("content-length", b"5, 5")],
        &[("content-length", b"+5")],
        &[("content-length", b"")],
        &[("content-length", b"5"), ("transfer-encoding", b"chunked")],
        &[("transfer-encoding", b"gzip, chunked")],
        &[("transfer-encoding", b"\x0bchunked")],
        &[(":scheme", b"http://evil/")],
        &[(":scheme", b"ftp")],
        &[(":protocol", b"websocket")],
        &[("upgrade", b"h2c")],
        &[("upgrade", b"websocket"), ("upgrade", b"h2c")],
    ] {
        assert_eq!(fault(extra), Some(Reason::MalformedHeader), "{extra:?}");
    }
    for extra in [
        &[("content-length", &b"5"[..])][..],
        &[("transfer-encoding", b"Chunked")],
        &[(":scheme", b"https")],
        &[("upgrade", b"websocket")],
    ] {
        assert_eq!(fault(extra), None, "{extra:?}");
    }
}

#[test]
fn what_steers_the_proxy_is_taken_away() {
    let pairs = pairs(&[
        ("x-envoy-retry-on", b"5xx"),
        ("x-envoy-original-path", b"/payments"),
        ("x-envoy-upstream-rq-timeout-ms", b"1"),
        ("x-envoy-external-address", b"10.0.0.1"),
    ]);
    let head = Head::parse(&pairs).unwrap();
    assert_eq!(
        head.internal,
        [
            "x-envoy-retry-on",
            "x-envoy-original-path",
            "x-envoy-upstream-rq-timeout-ms"
        ]
    );
}

#[test]
fn only_one_plain_bearer_token_is_a_credential() {
    let bearer = |value: &[u8]| {
        let pairs = pairs(&[("authorization", value)]);
        let token = Head::parse(&pairs).unwrap().bearer()?;
        let one = is_one_token(token).then(|| token.to_vec());
        one.ok_or(Reason::MalformedCredential)
    };
    assert_eq!(bearer(b"Bearer a.b.c"), Ok(b"a.b.c".to_vec()));
    assert_eq!(bearer(b"bearer a.b.c"), Ok(b"a.b.c".to_vec()));
    for value in [
        &b"Bearer"[..],
        b"Bearer ",
        b"Basic abc",
        b"Bearer a,Bearer b",
        b"Bearer a b",
        b"Bearer a\xff",
        b"Bearer  a",
    ] {
        assert_eq!(bearer(value), Err(Reason::MalformedCredential));
    }
}

#[test]
fn an_oversized_head_is_refused() {
    assert_eq!(
        fault(&[("x", &vec![b'a'; MAX_HEAD_BYTES])]),
        Some(Reason::RequestTooLarge)
    );
}

proptest! {
    #[test]
    fn no_header_block_makes_the_reader_panic(
        block in proptest::collection::vec(("[:a-z-]{0,14}", proptest::collection::vec(any::<u8>(), 0..40)), 0..12)
    ) {
        if let Ok(head) = Head::parse(&block) {
            let _ = head.bearer();
        }
    }
}

#[test]
fn grpc_is_what_envoy_takes_for_grpc() {
    for (content_type, expected) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc-web", false),
        ("application/grpc;charset=utf-8", false),
        ("application/grpcs", false),
        ("application/json", false),
    ] {
        let pairs = pairs(&[("content-type", content_type.as_bytes())]);
        let head = Head::parse(&pairs).unwrap();
        assert_eq!(head.is_grpc, expected, "{content_type}");
    }
}
