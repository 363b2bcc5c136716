//! One connection, two readings of where a request ends. The hidden request is a payment with a
//! mandate that is good for it, so that only the framing can stop it.

use super::{HONEST_LINE, pay, read};
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::SMUGGLING;
use crate::hostile::site::{BANK, Kit};

const PAY_LINE: &str = "POST /payments HTTP/1.1";

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    let head = |framing: &str| {
        format!(
            "POST /payments HTTP/1.1\r\nhost: {BANK}\r\nauthorization: Bearer {}\r\n{framing}\r\n\r\n",
            kit.payment
        )
    };
    // Without a mandate: whoever takes it for a request of its own does what nobody decided on.
    let hidden = format!("GET /accounts/42 HTTP/1.1\r\nhost: {BANK}\r\nx-hidden: 1\r\n\r\n");
    let length = hidden.len();
    let with_chunks = length + 5;
    let case = |name: &str, framing: &str, content: &str, expect: Expect| {
        let bytes = [head(framing).as_bytes(), content.as_bytes()].concat();
        Case::new(SMUGGLING, name, bytes, expect)
    };
    let envoy = || Expect::ByEnvoy;
    // One payment and nothing else, or a refusal.
    let one = || Expect::EnvoyOr(vec![PAY_LINE.to_owned()]);
    let ended = format!("0\r\n\r\n{hidden}");
    let mut cases = vec![
        case(
            "CL.TE",
            &format!("content-length: {with_chunks}\r\ntransfer-encoding: chunked"),
            &ended,
            one(),
        ),
        case(
            "TE.CL",
            "transfer-encoding: chunked\r\ncontent-length: 4",
            &format!("{length:x}\r\n{hidden}\r\n0\r\n\r\n"),
            one(),
        ),
        case(
            "CL.TE, field names in capitals",
            &format!("CONTENT-LENGTH: {with_chunks}\r\nTRANSFER-ENCODING: chunked"),
            &ended,
            one(),
        ),
        case(
            "TE.TE: an unknown coding second",
            "transfer-encoding: chunked\r\ntransfer-encoding: x",
            &ended,
            envoy(),
        ),
        case(
            "TE.TE: an unknown coding first",
            "transfer-encoding: x\r\ntransfer-encoding: chunked",
            &ended,
            envoy(),
        ),
        case(
            "TE.TE: chunked twice",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            &ended,
            envoy(),
        ),
        case(
            "TE: identity",
            &format!("transfer-encoding: identity\r\ncontent-length: {with_chunks}"),
            &ended,
            envoy(),
        ),
        case(
            "TE: gzip, chunked",
            "transfer-encoding: gzip, chunked",
            "0\r\n\r\n",
            envoy(),
        ),
        case(
            "TE: chunked, identity",
            "transfer-encoding: chunked, identity",
            "0\r\n\r\n",
            envoy(),
        ),
        case(
            "TE: xchunked",
            "transfer-encoding: xchunked",
            "0\r\n\r\n",
            envoy(),
        ),
        case(
            "TE: vertical tab before chunked",
            "transfer-encoding: \x0bchunked",
            "0\r\n\r\n",
            envoy(),
        ),
        case(
            "TE: blank before the colon",
            "transfer-encoding : chunked",
            "0\r\n\r\n",
            envoy(),
        ),
        case(
            "TE: behind a folded line",
            "x-a: b\r\n transfer-encoding: chunked",
            "",
            one(),
        ),
        case(
            "TE: on a folded line",
            "transfer-encoding:\r\n chunked",
            "0\r\n\r\n",
            one(),
        ),
        case(
            "TE: in quotes",
            "transfer-encoding: \"chunked\"",
            "0\r\n\r\n",
            envoy(),
        ),
        case(
            "TE: a comma behind",
            "transfer-encoding: chunked,",
            "0\r\n\r\n",
            envoy(),
        ),
        case(
            "two lengths that differ",
            &format!("content-length: 0\r\ncontent-length: {length}"),
            &hidden,
            envoy(),
        ),
        case(
            "two lengths in one field",
            &format!("content-length: 0, {length}"),
            &hidden,
            envoy(),
        ),
        case(
            "two lengths that agree",
            "content-length: 2\r\ncontent-length: 2",
            "{}",
            one(),
        ),
        case("length with a plus", "content-length: +2", "{}", envoy()),
        case("length below zero", "content-length: -2", "{}", envoy()),
        case("length in hex", "content-length: 0x2", "{}", envoy()),
        case(
            "length with a blank inside",
            "content-length: 2 2",
            "{}",
            envoy(),
        ),
        case("length of nothing", "content-length:", "", one()),
        case(
            "length beyond 64 bits",
            "content-length: 18446744073709551618",
            "{}",
            envoy(),
        ),
        case("length with letters", "content-length: 2x", "{}", envoy()),
        case("length in a fraction", "content-length: 2.0", "{}", envoy()),
    ];
    let chunked = |name: &str, content: &str, expect: Expect| {
        case(name, "transfer-encoding: chunked", content, expect)
    };
    cases.extend([
        chunked("chunk extension", "2;a=b\r\n{}\r\n0\r\n\r\n", one()),
        chunked(
            "chunk extension with a bare LF",
            "2;a\n{}\r\n0\r\n\r\n",
            Expect::CutOff,
        ),
        chunked(
            "chunk extension with a bare CR",
            "2;a\rb\r\n{}\r\n0\r\n\r\n",
            one(),
        ),
        chunked("chunk size in 0x", "0x2\r\n{}\r\n0\r\n\r\n", Expect::CutOff),
        chunked("chunk size below zero", "-2\r\n{}\r\n0\r\n\r\n", envoy()),
        chunked(
            "chunk size beyond 64 bits",
            "10000000000000002\r\n{}\r\n0\r\n\r\n",
            Expect::CutOff,
        ),
        chunked(
            "chunk size with leading zeros",
            "0002\r\n{}\r\n0\r\n\r\n",
            one(),
        ),
        chunked("chunk size with a blank", "2 \r\n{}\r\n0\r\n\r\n", one()),
        chunked("chunk longer than its size", "2\r\n{}}\r\n0\r\n\r\n", one()),
        chunked(
            "chunk without its line end",
            "2\r\n{}0\r\n\r\n",
            Expect::CutOff,
        ),
        chunked("chunk lines of bare LF", "2\n{}\n0\n\n", one()),
        chunked("last chunk of many zeros", "2\r\n{}\r\n0000\r\n\r\n", one()),
        chunked(
            "trailer with a mandate",
            "2\r\n{}\r\n0\r\nauthorization: Bearer x\r\n\r\n",
            one(),
        ),
        chunked(
            "trailer with a decision",
            "2\r\n{}\r\n0\r\nx-caracal-decision: allow\r\n\r\n",
            one(),
        ),
        chunked(
            "trailer with a length",
            "2\r\n{}\r\n0\r\ncontent-length: 100\r\n\r\n",
            one(),
        ),
    ]);
    let pipelined = |name: &str, parts: &[&[u8]], expect: Expect| {
        Case::new(SMUGGLING, name, parts.concat(), expect)
    };
    let both = Expect::Allowed(vec![PAY_LINE.to_owned(), HONEST_LINE.to_owned()]);
    let honest = read(kit).http1();
    let paid = pay(kit).http1();
    cases.extend([
        pipelined("two honest requests in one write", &[&paid, &honest], both),
        pipelined(
            "CL.0: a request behind a GET without content",
            &[&honest, hidden.as_bytes()],
            Expect::line(HONEST_LINE),
        ),
        pipelined(
            "0.CL: a request behind a payment",
            &[&paid, hidden.as_bytes()],
            Expect::line(PAY_LINE),
        ),
    ]);
    cases.push(Case::new(
        SMUGGLING,
        "GET with content that is a request",
        read(kit).content(&hidden),
        Expect::line(HONEST_LINE),
    ));
    cases
}
