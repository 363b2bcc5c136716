use caracal_store::model::JwkSet;
use jwt_simple::prelude::{
    Claims, Duration, ECDSAP256PublicKeyLike as _, ES256KeyPair, Ed25519KeyPair,
    EdDSAKeyPairLike as _, HS256Key, MACLike as _, RS256KeyPair, RSAKeyPairLike as _,
    UnixTimeStamp,
};
use serde_json::json;

use super::*;

const NOW: u64 = 1_790_000_000;
const ISSUER: &str = "https://idp.example";

fn pair() -> ES256KeyPair {
    ES256KeyPair::generate().with_key_id("k1")
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn jwk(pair: &ES256KeyPair, kid: &str) -> serde_json::Value {
    let point = pair.public_key().public_key().to_bytes_uncompressed();
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": b64(&point[1..33]), "y": b64(&point[33..])})
}

fn keys(documents: &[serde_json::Value]) -> JwkSet {
    JwkSet::from_document(json!({ "keys": documents })).unwrap()
}

/// Signs any header and payload.
fn signed(pair: &ES256KeyPair, header: &serde_json::Value, payload: &str) -> String {
    use p256::ecdsa::signature::Signer as _;
    let input = format!("{}.{}", b64(header.to_string()), b64(payload));
    let key = p256::ecdsa::SigningKey::from_slice(&pair.to_bytes()).unwrap();
    let signature: p256::ecdsa::Signature = key.sign(input.as_bytes());
    format!("{input}.{}", b64(signature.to_bytes()))
}

fn payload() -> serde_json::Value {
    json!({"iss": ISSUER, "sub": "u1", "aud": "sts", "iat": NOW - 5, "exp": NOW + 60, "acr": "urn:mfa"})
}

fn header() -> serde_json::Value {
    json!({"alg": "ES256", "kid": "k1", "typ": "JWT"})
}

fn check(token: &str, keys: &JwkSet) -> Result<ForeignClaims, ForeignError> {
    Foreign::parse(token)?.verify(keys, NOW)
}

#[test]
fn a_token_by_a_key_of_the_set_is_read() {
    let pair = pair();
    let keys = keys(&[jwk(&pair, "k1")]);
    let claims = check(&signed(&pair, &header(), &payload().to_string()), &keys).unwrap();
    assert_eq!(
        (claims.issuer(), claims.subject()),
        (Some(ISSUER), Some("u1"))
    );
    assert_eq!(
        (claims.expires(), claims.issued_at()),
        (NOW + 60, Ok(NOW - 5))
    );
    assert_eq!(
        (claims.text("acr"), claims.text("email")),
        (Some("urn:mfa"), None)
    );
    assert_eq!(claims.check_audiences(&["sts".to_owned()]), Ok(()));
    assert_eq!(claims.sole_audience(), Ok("sts"));
}

#[test]
fn the_header_chooses_no_algorithm() {
    let pair = pair();
    let rsa = RS256KeyPair::generate(2048).unwrap().with_key_id("rsa");
    let parts = rsa.public_key().to_components();
    let rsa_jwk =
        json!({"kty": "RSA", "kid": "rsa", "n": b64(parts.n), "e": b64(parts.e), "alg": "PS256"});
    let keys = keys(&[jwk(&pair, "k1"), rsa_jwk]);
    for (alg, error) in [
        ("none", ForeignError::Algorithm),
        ("HS256", ForeignError::Algorithm),
        ("es256", ForeignError::Algorithm),
        ("ES384", ForeignError::Algorithm),
        ("RS256", ForeignError::Algorithm),
        ("EdDSA", ForeignError::Algorithm),
    ] {
        let header = json!({"alg": alg, "kid": "k1"});
        let token = signed(&pair, &header, &payload().to_string());
        assert_eq!(check(&token, &keys).err(), Some(error), "{alg}");
    }
    // A public key as the secret of an HMAC, the classic.
    let point = pair.public_key().public_key().to_bytes_uncompressed();
    let mac = HS256Key::from_bytes(&point).with_key_id("k1");
    let claims = Claims::create(Duration::from_secs(60)).with_issuer(ISSUER);
    let token = mac.authenticate(claims).unwrap();
    assert_eq!(check(&token, &keys).err(), Some(ForeignError::Algorithm));
    // An RSA key that says PS256 verifies no RS256.
    let claims = Claims::create(Duration::from_secs(60)).with_issuer(ISSUER);
    let token = rsa.sign(claims).unwrap();
    assert_eq!(check(&token, &keys).err(), Some(ForeignError::Algorithm));
}

#[test]
fn rsa_and_ed25519_keys_verify_their_own() {
    let at = UnixTimeStamp::from_secs(NOW);
    let mut claims = Claims::create(Duration::from_secs(60)).with_issuer(ISSUER);
    claims.issued_at = Some(at);
    claims.expires_at = Some(at + Duration::from_secs(60));
    claims.invalid_before = None;
    let rsa = RS256KeyPair::generate(2048).unwrap().with_key_id("rsa");
    let parts = rsa.public_key().to_components();
    let rsa_jwk = json!({"kty": "RSA", "kid": "rsa", "n": b64(parts.n), "e": b64(parts.e)});
    let ed = Ed25519KeyPair::generate().with_key_id("ed");
    let ed_jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(ed.public_key().to_bytes())});
    let keys = keys(&[rsa_jwk, ed_jwk]);
    assert!(check(&rsa.sign(claims.clone()).unwrap(), &keys).is_ok());
    assert!(check(&ed.sign(claims).unwrap(), &keys).is_ok());
}

#[test]
fn everything_about_a_token_can_be_wrong() {
    let pair = pair();
    let keys = keys(&[jwk(&pair, "k1"), jwk(&ES256KeyPair::generate(), "k2")]);
    let with = |change: fn(&mut serde_json::Value)| {
        let mut payload = payload();
        change(&mut payload);
        signed(&pair, &header(), &payload.to_string())
    };
    let text = payload().to_string();
    let head = |header: serde_json::Value| signed(&pair, &header, &text);
    let twice = text.replacen('{', r#"{"iss":"https://other.example","#, 1);
    let table = [
        (
            head(json!({"alg": "ES256", "kid": "k2"})),
            ForeignError::Signature,
        ),
        (
            head(json!({"alg": "ES256", "kid": "k3"})),
            ForeignError::Key,
        ),
        (head(json!({"alg": "ES256"})), ForeignError::Key),
        (
            head(json!({"alg": "ES256", "kid": "k1", "crit": ["b64"]})),
            ForeignError::Critical,
        ),
        (head(json!({"kid": "k1"})), ForeignError::Malformed),
        (with(|p| p["exp"] = json!(NOW)), ForeignError::Expired),
        (with(|p| p["exp"] = json!(NOW - 100)), ForeignError::Expired),
        (with(|p| p["exp"] = json!(null)), ForeignError::Signature),
        (
            with(|p| p.as_object_mut().unwrap().retain(|name, _| name != "exp")),
            ForeignError::NoExpiry,
        ),
        (
            with(|p| p["nbf"] = json!(NOW + 31)),
            ForeignError::NotYetValid,
        ),
        (
            with(|p| p["iat"] = json!(NOW + 31)),
            ForeignError::NotYetValid,
        ),
        (with(|p| p["exp"] = json!("soon")), ForeignError::Signature),
        (with(|p| p["iss"] = json!(7)), ForeignError::Malformed),
        (signed(&pair, &header(), "[]"), ForeignError::Malformed),
        (signed(&pair, &header(), &twice), ForeignError::Malformed),
        (String::new(), ForeignError::Malformed),
        ("a.b".to_owned(), ForeignError::Malformed),
        (format!("{}.x", with(|_| ())), ForeignError::Malformed),
        ("a".repeat(MAX_FOREIGN_BYTES + 1), ForeignError::Malformed),
    ];
    for (token, error) in table {
        assert_eq!(check(&token, &keys).err(), Some(error), "{token:.60}");
    }
    let token = with(|_| ());
    for index in token.rfind('.').unwrap() + 1..token.len() - 1 {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        assert!(check(std::str::from_utf8(&bytes).unwrap(), &keys).is_err());
    }
}

#[test]
fn audiences_and_ages_are_bounded() {
    let pair = pair();
    let keys = keys(&[jwk(&pair, "k1")]);
    let with = |change: fn(&mut serde_json::Value)| {
        let mut payload = payload();
        change(&mut payload);
        check(&signed(&pair, &header(), &payload.to_string()), &keys).unwrap()
    };
    let taken = ["sts".to_owned(), "sts2".to_owned()];
    for (aud, all, sole) in [
        (with(|p| p["aud"] = json!("sts")), true, true),
        (with(|p| p["aud"] = json!(["sts"])), true, true),
        (with(|p| p["aud"] = json!(["sts", "sts2"])), true, false),
        (with(|p| p["aud"] = json!(["sts", "other"])), false, false),
        (with(|p| p["aud"] = json!([])), false, false),
        (with(|p| p["aud"] = json!("")), false, true),
    ] {
        assert_eq!(aud.check_audiences(&taken).is_ok(), all);
        assert_eq!(aud.sole_audience().is_ok(), sole);
    }
    let long = with(|p| p["exp"] = json!(NOW + 601));
    assert_eq!(long.check_age(300), Err(ForeignError::LongLived));
    let old = with(|p| p["iat"] = json!(NOW - 601));
    assert_eq!(old.check_age(300), Err(ForeignError::TooOld));
    assert_eq!(with(|_| ()).check_age(300), Ok(()));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}", dots in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,4}") {
        let keys = keys(&[jwk(&pair(), "k1")]);
        proptest::prop_assert!(check(&text, &keys).is_err());
        proptest::prop_assert!(check(&dots, &keys).is_err());
    }
}
