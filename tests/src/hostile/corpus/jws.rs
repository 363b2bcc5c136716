//! Tokens that are no mandate of the zone's. The request is the honest one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use caracal_mandate::reason::Reason::{
    self, MandateAlgorithm, MandateClaims, MandateEncoding, MandateHeader, MandateKey,
    MandateSignature, MandateType,
};
use serde_json::{Value, json};

use super::{HONEST_LINE, Request};
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::{Class, JWS_ALGORITHM, JWS_FORM, JWS_KEY, JWS_SIGNATURE};
use crate::hostile::signature;
use crate::hostile::site::{BANK, Kit};
use crate::mandates;

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    [algorithms(kit), keys(kit), forms(kit), signatures(kit)].concat()
}

/// A token on the honest request.
pub(super) fn case(class: Class, name: &str, token: &str, reason: Reason) -> Case {
    let request = Request::new("GET", BANK, "/accounts/42").mandate(token);
    Case::new(class, name, request, Expect::Refused(reason))
}

fn algorithms(kit: &Kit) -> Vec<Case> {
    let forge = &kit.forge;
    let named =
        |name: &str| forge.with_header(|header| drop(header.insert("alg".to_owned(), name.into())));
    let case = |name: &str, token: &str, reason| case(JWS_ALGORITHM, name, token, reason);
    let confused = mandates::hs256_with_public_key(&forge.good, &kit.jwks).unwrap_or_default();
    let mut cases = vec![
        case(
            "none, without a signature",
            &mandates::unsigned(&forge.good).unwrap_or_default(),
            MandateAlgorithm,
        ),
        // It has no typ either; the header is looked at in that order.
        case(
            "HS256 with the public key, by a JWT library",
            &confused,
            MandateAlgorithm,
        ),
        case(
            "no alg",
            &forge.with_header(|header| drop(header.remove("alg"))),
            MandateHeader,
        ),
        case(
            "alg is a list",
            &forge.with_header(|header| drop(header.insert("alg".to_owned(), json!(["ES256"])))),
            MandateHeader,
        ),
        case(
            "alg is null",
            &forge.with_header(|header| drop(header.insert("alg".to_owned(), Value::Null))),
            MandateHeader,
        ),
    ];
    for name in [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "RS256", "PS256", "ES256K", "ES384",
        "EdDSA", "es256", "ES256 ", "dir",
    ] {
        cases.push(case(
            &format!("alg {name:?}, well signed"),
            &named(name),
            MandateAlgorithm,
        ));
    }
    cases
}

fn keys(kit: &Kit) -> Vec<Case> {
    let forge = &kit.forge;
    let evil = "https://evil.internal/keys";
    let member = |name: &'static str, value: Value| {
        forge.by_another_key(
            |kid, _| json!({"alg": "ES256", "kid": kid, "typ": "at+jwt", (name): value}),
        )
    };
    let kid =
        |kid: &str| forge.with_header(|header| drop(header.insert("kid".to_owned(), kid.into())));
    let case = |name: &str, token: &str, reason| case(JWS_KEY, name, token, reason);
    let embedded = forge.by_another_key(
        |kid, jwk| json!({"alg": "ES256", "kid": kid, "typ": "at+jwt", "jwk": jwk}),
    );
    let own_kid = forge
        .by_another_key(|_, jwk| json!({"alg": "ES256", "kid": jwk.get("x"), "typ": "at+jwt"}));
    vec![
        case("embedded jwk", &embedded.unwrap_or_default(), MandateHeader),
        case(
            "jku",
            &member("jku", evil.into()).unwrap_or_default(),
            MandateHeader,
        ),
        case(
            "x5u",
            &member("x5u", evil.into()).unwrap_or_default(),
            MandateHeader,
        ),
        case(
            "x5c",
            &member("x5c", json!(["MIIB"])).unwrap_or_default(),
            MandateHeader,
        ),
        case(
            "x5t",
            &member("x5t", "AAAA".into()).unwrap_or_default(),
            MandateHeader,
        ),
        case(
            "a key of one's own under the zone's kid",
            &forge
                .by_another_key(|kid, _| json!({"alg": "ES256", "kid": kid, "typ": "at+jwt"}))
                .unwrap_or_default(),
            MandateSignature,
        ),
        case(
            "a key of one's own under its own kid",
            &own_kid.unwrap_or_default(),
            MandateKey,
        ),
        case("kid is a path", &kid("../../../../dev/null"), MandateKey),
        case(
            "kid is a path with a NUL",
            &kid("/dev/null\0"),
            MandateHeader,
        ),
        case("kid is SQL", &kid("x' UNION SELECT 'AAAA' -- "), MandateKey),
        case("kid is a command", &kid("|/bin/true"), MandateKey),
        case("kid is a URL", &kid(evil), MandateKey),
        case("kid is empty", &kid(""), MandateKey),
        case(
            "no kid",
            &forge.with_header(|header| drop(header.remove("kid"))),
            MandateKey,
        ),
        case(
            "kid is a number",
            &forge.with_header(|header| drop(header.insert("kid".to_owned(), 0.into()))),
            MandateHeader,
        ),
        case(
            "the zone's own jwk embedded, well signed",
            &forge.with_header(|header| drop(header.insert("jwk".to_owned(), json!({})))),
            MandateHeader,
        ),
    ]
}

fn forms(kit: &Kit) -> Vec<Case> {
    let forge = &kit.forge;
    let good = &forge.good;
    let member = |name: &str, value: Value| {
        forge.with_header(|header| drop(header.insert(name.to_owned(), value)))
    };
    let case = |name: &str, token: &str, reason| case(JWS_FORM, name, token, reason);
    let mut parts = good.split('.');
    let (header, payload, signature) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let typed = forge.header().to_string();
    let twice = typed.replacen('{', r#"{"alg":"none","#, 1);
    let payload_text = forge.payload();
    let member_twice = payload_text.replacen('{', r#"{"sub":"admin","#, 1);
    // A byte of padding in the last character of 86: the same 64 bytes, another spelling.
    let other_bits = |part: &str| {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = part.bytes().last().unwrap_or(b'A');
        let at = alphabet.iter().position(|byte| *byte == last).unwrap_or(0);
        let other = alphabet.get(at ^ 1).copied().unwrap_or(b'A');
        let kept = part.get(..part.len().saturating_sub(1)).unwrap_or_default();
        format!("{kept}{}", char::from(other))
    };
    vec![
        case("crit", &member("crit", json!(["exp"])), MandateHeader),
        case(
            "crit with an extension of one's own",
            &member("crit", json!(["x-allow"])),
            MandateHeader,
        ),
        case("b64 false", &member("b64", false.into()), MandateHeader),
        case("cty JWT", &member("cty", "JWT".into()), MandateHeader),
        case("zip", &member("zip", "DEF".into()), MandateHeader),
        case("typ JWT", &member("typ", "JWT".into()), MandateType),
        case(
            "typ of a client assertion",
            &member("typ", "client-authentication+jwt".into()),
            MandateType,
        ),
        case(
            "typ in capitals",
            &member("typ", "AT+JWT".into()),
            MandateType,
        ),
        case(
            "typ with its long form",
            &member("typ", "application/at+jwt".into()),
            MandateType,
        ),
        case(
            "no typ",
            &forge.with_header(|header| drop(header.remove("typ"))),
            MandateType,
        ),
        case(
            "alg twice, none first",
            &forge.sign(&twice, payload_text.as_bytes()),
            MandateHeader,
        ),
        case(
            "claim twice",
            &forge.with_payload(&member_twice),
            MandateClaims,
        ),
        case(
            "claims with something behind",
            &forge.with_payload(&format!("{payload_text} x")),
            MandateClaims,
        ),
        case(
            "claims with a byte order mark",
            &forge.with_payload(&format!("\u{feff}{payload_text}")),
            MandateClaims,
        ),
        case(
            "claims are a list",
            &forge.with_payload(&format!("[{payload_text}]")),
            MandateClaims,
        ),
        case(
            "claims that are not UTF-8",
            &forge.sign(&typed, b"{\"iss\":\"\xff\"}"),
            MandateClaims,
        ),
        case(
            "header with something behind",
            &forge.sign(&format!("{typed}x"), payload_text.as_bytes()),
            MandateHeader,
        ),
        case(
            "header is a string",
            &forge.sign("\"ES256\"", payload_text.as_bytes()),
            MandateHeader,
        ),
        case(
            "nested: a mandate for claims",
            &forge.with_payload(good),
            MandateClaims,
        ),
        case("padding", &format!("{good}=="), MandateEncoding),
        case(
            "padding in the header",
            &format!("{header}=.{payload}.{signature}"),
            MandateEncoding,
        ),
        case(
            "standard alphabet",
            &format!(
                "{}.{payload}.{signature}",
                STANDARD.encode(b"{\"a\":\"\xff\xfe\xfd\"}")
            ),
            MandateEncoding,
        ),
        case(
            "another last character for the same signature",
            &format!("{header}.{payload}.{}", other_bits(signature)),
            MandateEncoding,
        ),
        case("one part", "a", MandateEncoding),
        case("two parts", &format!("{header}.{payload}"), MandateEncoding),
        case("four parts", &format!("{good}.x"), MandateEncoding),
        case("five parts, as a JWE", "a.b.c.d.e", MandateEncoding),
        case(
            "an empty part",
            &format!("{header}..{signature}"),
            MandateSignature,
        ),
        case("a dot at the start", &format!(".{good}"), MandateEncoding),
        case(
            "JSON serialization",
            &URL_SAFE_NO_PAD.encode(json!({"payload": payload, "signatures": []}).to_string()),
            MandateEncoding,
        ),
    ]
}

fn signatures(kit: &Kit) -> Vec<Case> {
    let good = &kit.forge.good;
    let case = |name: &str, token: Option<String>| {
        case(
            JWS_SIGNATURE,
            name,
            &token.unwrap_or_default(),
            MandateSignature,
        )
    };
    let with = |bytes: &[u8]| signature::replaced(good, bytes);
    let mut cases = vec![
        case("r and s are zero", with(&[0; 64])),
        case("r is zero", signature::changed(good, |r, _| r.fill(0))),
        case("s is zero", signature::changed(good, |_, s| s.fill(0))),
        case(
            "r and s are the order",
            with(&[signature::ORDER, signature::ORDER].concat()),
        ),
        case(
            "r beyond the order",
            signature::changed(good, |r, _| r.fill(0xff)),
        ),
        case(
            "r and s exchanged",
            signature::changed(good, <[u8]>::swap_with_slice),
        ),
        case(
            "one bit of r",
            signature::changed(good, |r, _| {
                r.iter_mut().take(1).for_each(|byte| *byte ^= 1);
            }),
        ),
        case(
            "one bit of s",
            signature::changed(good, |_, s| {
                s.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1);
            }),
        ),
        case("DER", signature::der(good)),
        case("none", with(&[])),
        case("one byte short", with(&[1; 63])),
        case("one byte long", with(&[1; 65])),
        case("96 bytes, as of ES384", with(&[1; 96])),
        case("over another payload", mandates::tampered(good).ok()),
    ];
    // (r, n - s) verifies too (RFC 8725 says nothing against it). It is the same mandate with the same
    // id, so it is good for nothing that the first is not: revocation and the ledger go by `jti`.
    let request = Request::new("GET", BANK, "/accounts/42");
    let twin = signature::other_s(good).unwrap_or_default();
    cases.push(Case::new(
        JWS_SIGNATURE,
        "the other s of the same signature",
        request.mandate(&twin),
        Expect::line(HONEST_LINE),
    ));
    cases.push(jws_twin_of_revoked(kit));
    cases
}

fn jws_twin_of_revoked(kit: &Kit) -> Case {
    let twin = signature::other_s(&kit.revoked).unwrap_or_default();
    case(
        JWS_SIGNATURE,
        "the other s of a revoked mandate",
        &twin,
        Reason::Revoked,
    )
}
