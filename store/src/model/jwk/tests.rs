use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;

// RFC 7517 A.1 and RFC 8037 A.2.
const EC_X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
const EC_Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
const RSA_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1\
    L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F\
    DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZ\
    u0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
const ED_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn ec() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": EC_X, "y": EC_Y, "kid": "ec"})
}

fn rsa() -> Value {
    json!({"kty": "RSA", "n": RSA_N, "e": "AQAB", "kid": "rsa"})
}

fn ed() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": ED_X, "kid": "ed"})
}

fn with(mut key: Value, member: &str, value: Value) -> Value {
    if value.is_null() {
        key.as_object_mut().unwrap().remove(member);
    } else {
        key[member] = value;
    }
    key
}

fn problem(key: Value) -> KeyProblem {
    match JwkSet::from_document(key) {
        Err(JwkError::Key { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn takes_one_key_or_a_set_and_writes_it_back() {
    let one = JwkSet::from_document(ec()).unwrap();
    assert_eq!(one.iter().count(), 1);
    let all = JwkSet::from_document(json!({"keys": [ec(), rsa(), ed()]})).unwrap();
    let written = serde_json::to_value(&all).unwrap();
    assert_eq!(written, json!({"keys": [ec(), rsa(), ed()]}));
    assert_eq!(serde_json::from_value::<JwkSet>(written).unwrap(), all);
    assert_eq!(all.get("ed").unwrap().kid(), "ed");
    assert!(all.get("no").is_none());
}

#[test]
fn the_key_says_which_algorithms_it_verifies() {
    use Algorithm::{Ed25519, Es256, Ps256, Rs256};
    for (key, permitted) in [
        (ec(), &[Es256][..]),
        (rsa(), &[Rs256, Ps256]),
        (with(rsa(), "alg", json!("PS256")), &[Ps256]),
        (ed(), &[Ed25519]),
        (with(ed(), "alg", json!("EdDSA")), &[Ed25519]),
    ] {
        let set = JwkSet::from_document(key.clone()).unwrap();
        let jwk = set.iter().next().unwrap();
        for algorithm in [Es256, Rs256, Ps256, Ed25519] {
            let expected = permitted.contains(&algorithm);
            assert_eq!(jwk.permits(algorithm), expected, "{algorithm:?} {key}");
        }
    }
    for never in ["none", "HS256", "ES384", "es256", "RS512", ""] {
        assert_eq!(Algorithm::from_header(never), None, "{never}");
    }
}

#[test]
fn refuses_each_unusable_key_with_its_reason() {
    let off_curve = with(ec(), "y", json!(EC_X));
    let short = with(rsa(), "n", json!(&RSA_N[..340]));
    let even = with(rsa(), "e", json!("AQAA"));
    for (key, expected) in [
        (with(ec(), "kid", Value::Null), KeyProblem::Kid),
        (with(ec(), "kid", json!("")), KeyProblem::Kid),
        (with(ec(), "kid", json!("a b")), KeyProblem::Kid),
        (with(ec(), "kid", json!("k".repeat(129))), KeyProblem::Kid),
        (with(ec(), "d", json!(EC_X)), KeyProblem::Private),
        (with(ed(), "d", json!(ED_X)), KeyProblem::Private),
        (with(rsa(), "p", json!("AQAB")), KeyProblem::Private),
        (
            json!({"kty": "oct", "k": "AQAB", "kid": "1"}),
            KeyProblem::Private,
        ),
        (json!({"kty": "oct", "kid": "1"}), KeyProblem::Type),
        (with(ec(), "crv", json!("P-384")), KeyProblem::Type),
        (with(ed(), "crv", json!("X25519")), KeyProblem::Type),
        (with(ec(), "use", json!("enc")), KeyProblem::Use),
        (with(ec(), "alg", json!("ES384")), KeyProblem::Use),
        (with(ec(), "alg", json!("RS256")), KeyProblem::Use),
        (with(ec(), "key_ops", json!(["sign"])), KeyProblem::Use),
        (with(ec(), "x", Value::Null), KeyProblem::Members),
        (with(ec(), "x", json!(&EC_X[..42])), KeyProblem::Members),
        (
            with(ec(), "x", json!(format!("{EC_X}="))),
            KeyProblem::Members,
        ),
        (off_curve, KeyProblem::Point),
        (short, KeyProblem::Rsa),
        (even, KeyProblem::Rsa),
        (with(rsa(), "e", json!("Aw")), KeyProblem::Rsa),
        (with(rsa(), "e", json!("AQAAAAE")), KeyProblem::Rsa),
    ] {
        assert_eq!(problem(key.clone()), expected, "{key}");
    }
}

#[test]
fn an_rsa_key_has_2048_bits_and_not_one_less() {
    let bytes = |first: u8| {
        let mut bytes = vec![0xff_u8; 256];
        bytes[0] = first;
        json!(URL_SAFE_NO_PAD.encode(bytes))
    };
    assert!(JwkSet::from_document(with(rsa(), "n", bytes(0x80))).is_ok());
    assert_eq!(problem(with(rsa(), "n", bytes(0x7f))), KeyProblem::Rsa);
}

#[test]
fn a_set_has_distinct_keys_and_not_too_many() {
    let twice = json!({"keys": [ec(), with(rsa(), "kid", json!("ec"))]});
    let error = JwkSet::from_document(twice).unwrap_err();
    assert_eq!(error, JwkError::Repeated("ec".to_owned()));
    let keys = |count: usize| {
        let keys = (0..count).map(|index| with(ec(), "kid", json!(index.to_string())));
        JwkSet::from_document(json!({ "keys": keys.collect::<Vec<_>>() }))
    };
    assert_eq!(keys(0), Err(JwkError::Empty));
    assert!(keys(MAX_KEYS).is_ok());
    assert_eq!(keys(MAX_KEYS + 1), Err(JwkError::TooMany(MAX_KEYS + 1)));
    for form in [
        json!(null),
        json!([]),
        json!({"keys": 1}),
        json!({"keys": ["x"]}),
    ] {
        let error = JwkSet::from_document(form.clone()).unwrap_err();
        assert!(matches!(error, JwkError::Form(_)), "{form}: {error:?}");
    }
}

#[test]
fn of_a_published_set_the_usable_keys_are_taken() {
    let encryption = with(with(rsa(), "use", json!("enc")), "kid", json!("enc"));
    let published = json!({"keys": [encryption, with(ec(), "kid", Value::Null), ed()]});
    let taken = JwkSet::usable(published.clone()).unwrap();
    assert_eq!(taken.iter().map(Jwk::kid).collect::<Vec<_>>(), ["ed"]);
    assert!(JwkSet::from_document(published).is_err());
    let none = json!({"keys": [{"kty": "oct", "kid": "1"}]});
    assert_eq!(JwkSet::usable(none), Err(JwkError::Empty));
}
