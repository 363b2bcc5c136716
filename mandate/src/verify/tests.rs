mod descent;
mod forge;
mod signed;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use p256::ecdsa::signature::Signer as _;

use super::*;
use crate::claims::{MAX_MANDATE_BYTES, MayAct};
use crate::jws::mint;
use crate::revocation::Revocation;
use forge::*;

#[test]
fn a_minted_mandate_is_accepted() {
    let mandate = check(&minted(&claims())).unwrap();
    assert_eq!(present(&mandate), Ok(()));
    assert_eq!(mandate.claims(), &claims());
}

#[test]
fn an_independent_jwt_stack_accepts_what_is_minted() {
    use jwt_simple::prelude::*;
    let token = minted(&changed(|claims| {
        claims.iat = 9_900;
        claims.exp = 10_200;
    }));
    let key = ES256PublicKey::from_bytes(TestKey::new(1).public.sec1()).unwrap();
    let options = VerificationOptions {
        artificial_time: Some(UnixTimeStamp::from_secs(10_000)),
        allowed_issuers: Some(HashSet::from_strings(&[
            "https://sts.caracal.dev/zones/prod",
        ])),
        allowed_audiences: Some(HashSet::from_strings(&["https://mercury-bank.internal"])),
        ..VerificationOptions::default()
    };
    let read = key
        .verify_token::<serde_json::Value>(&token, Some(options))
        .unwrap();
    assert_eq!(read.custom["scope"], "accounts:read payments:write");
}

#[test]
fn every_single_changed_byte_is_refused() {
    let token = minted(&claims());
    for index in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(check(&changed).is_err(), "byte {index}");
    }
}

#[test]
fn other_algorithms_types_and_header_members_are_refused() {
    let kid = TestKey::new(1).public.kid().to_owned();
    let with = |header: &str| check(&signed(header, &payload())).err();
    for (text, reason) in [
        (
            format!(r#"{{"alg":"none","kid":"{kid}","typ":"at+jwt"}}"#),
            Reason::MandateAlgorithm,
        ),
        (r#"{"alg":"none"}"#.to_owned(), Reason::MandateAlgorithm),
        (
            format!(r#"{{"alg":"HS256","kid":"{kid}","typ":"at+jwt"}}"#),
            Reason::MandateAlgorithm,
        ),
        (
            format!(r#"{{"alg":"es256","kid":"{kid}","typ":"at+jwt"}}"#),
            Reason::MandateAlgorithm,
        ),
        (
            format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}"#),
            Reason::MandateType,
        ),
        (
            format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#),
            Reason::MandateType,
        ),
        (
            r#"{"alg":"ES256","typ":"at+jwt"}"#.to_owned(),
            Reason::MandateKey,
        ),
        (
            r#"{"alg":"ES256","kid":"../../key","typ":"at+jwt"}"#.to_owned(),
            Reason::MandateKey,
        ),
        (header(r#","crit":["exp"]"#), Reason::MandateHeader),
        (header(r#","jku":"https://evil""#), Reason::MandateHeader),
        (header(r#","jwk":{}"#), Reason::MandateHeader),
        (header(r#","x5c":[]"#), Reason::MandateHeader),
        (header(r#","b64":false"#), Reason::MandateHeader),
        (header(r#","alg":"ES256""#), Reason::MandateHeader),
        ("[]".to_owned(), Reason::MandateHeader),
        (String::new(), Reason::MandateHeader),
    ] {
        assert_eq!(with(&text), Some(reason), "{text}");
    }
}

#[test]
fn claims_of_another_form_are_refused() {
    let text = String::from_utf8(payload()).unwrap();
    for (from, to) in [
        ("\"iat\":1790000000", "\"iat\":1790000000.0"),
        ("\"exp\":1790000300", "\"exp\":1e300"),
        ("\"exp\":1790000300", "\"exp\":-1"),
        ("\"exp\":1790000300", "\"exp\":\"1790000300\""),
        (
            "\"aud\":\"https://mercury-bank.internal\"",
            "\"aud\":[\"https://mercury-bank.internal\"]",
        ),
        ("\"jti\":\"mdt_1\"", "\"jti\":\"mdt_1\",\"jti\":\"mdt_2\""),
        ("\"jti\":\"mdt_1\"", "\"jti\":\"mdt_1\",\"admin\":true"),
        ("\"jti\":\"mdt_1\",", ""),
        (
            "\"scope\":\"accounts:read payments:write\"",
            "\"scope\":\"payments:write  accounts:read\"",
        ),
        ("\"use\":\"execute\"", "\"use\":\"everything\""),
        ("spiffe://caracal.dev/payout", "spiffe://caracal.dev"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let token = signed(&header(""), changed.as_bytes());
        assert_eq!(check(&token).err(), Some(Reason::MandateClaims), "{to}");
    }
    let trailing = format!("{text} x");
    assert_eq!(
        check(&signed(&header(""), trailing.as_bytes())).err(),
        Some(Reason::MandateClaims)
    );
}

#[test]
fn tokens_that_are_no_strict_compact_jws_are_refused() {
    let token = minted(&claims());
    let parts: Vec<_> = token.split('.').collect();
    let der = TestKey::new(1);
    let input = format!("{}.{}", parts[0], parts[1]);
    let der: p256::ecdsa::Signature = der.private.sign(input.as_bytes());
    for (text, reason) in [
        (String::new(), Reason::MandateEncoding),
        ("a.b".to_owned(), Reason::MandateEncoding),
        (format!("{token}.x"), Reason::MandateEncoding),
        (format!("{token}="), Reason::MandateEncoding),
        (format!(" {token}"), Reason::MandateEncoding),
        (format!("{input}."), Reason::MandateSignature),
        (
            format!(
                "{input}.{}",
                URL_SAFE_NO_PAD.encode(der.to_der().as_bytes())
            ),
            Reason::MandateSignature,
        ),
        (
            format!("{input}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
            Reason::MandateSignature,
        ),
        (
            format!("{input}.{}", URL_SAFE_NO_PAD.encode([0; 65])),
            Reason::MandateSignature,
        ),
        ("a".repeat(MAX_MANDATE_BYTES + 1), Reason::MandateSize),
    ] {
        assert_eq!(check(&text).err(), Some(reason), "{text:.40}");
    }
}

#[test]
fn mandates_of_others_are_refused() {
    let foreign_key = mint(&claims(), &TestKey::new(2)).unwrap();
    assert_eq!(check(&foreign_key).err(), Some(Reason::MandateKey));
    let issuer = changed(|claims| claims.iss = "https://evil".to_owned());
    assert_eq!(check(&minted(&issuer)).err(), Some(Reason::MandateIssuer));
    let zone = changed(|claims| claims.zone = "test".parse().unwrap());
    assert_eq!(check(&minted(&zone)).err(), Some(Reason::MandateZone));
}

#[test]
fn lifetimes_beyond_what_is_issued_are_refused() {
    for (iat, exp) in [(NOW, NOW), (NOW, NOW - 1), (NOW, NOW + 901), (0, u64::MAX)] {
        let claims = changed(|claims| (claims.iat, claims.exp) = (iat, exp));
        assert_eq!(
            check(&minted(&claims)).err(),
            Some(Reason::MandateLifetime),
            "{iat} {exp}"
        );
    }
}

#[test]
fn the_first_no_of_the_decision_order_is_the_answer() {
    let good = check(&minted(&claims())).unwrap();
    let none = RevocationSet::default();
    let mut revoked = RevocationSet::default();
    let id = RevocationId::new(RevocationKind::Grant, "prod", "grt_1");
    revoked.insert(Revocation {
        id,
        issued_until: u64::MAX,
        expires: u64::MAX,
    });
    let peer = Presenter::Peer(Some(HOLDER));
    let thief = Presenter::Peer(Some("spiffe://caracal.dev/other"));
    let at = |now, presenter, operation, revocations| {
        present_at(&good, now, presenter, operation, revocations)
    };

    assert_eq!(at(NOW + 299, peer, 1, &none), Ok(()));
    assert_eq!(
        at(NOW + 300, thief, 2, &revoked),
        Err(Reason::MandateExpired)
    );
    assert_eq!(
        at(NOW - 31, thief, 2, &revoked),
        Err(Reason::MandateNotYetValid)
    );
    assert_eq!(at(NOW - 30, peer, 0, &none), Ok(()));
    assert_eq!(
        at(NOW, Presenter::Peer(None), 2, &revoked),
        Err(Reason::HolderUnknown)
    );
    assert_eq!(at(NOW, thief, 2, &revoked), Err(Reason::HolderMismatch));
    assert_eq!(at(NOW, peer, 2, &revoked), Err(Reason::Revoked));
    assert_eq!(at(NOW, peer, 2, &none), Err(Reason::InsufficientScope));
    assert_eq!(at(NOW, Presenter::Own, 0, &none), Ok(()));
}

#[test]
fn a_mandate_for_another_resource_or_use_is_refused() {
    let other = changed(|claims| claims.aud = "https://other.internal".parse().unwrap());
    assert_eq!(
        present(&check(&minted(&other)).unwrap()),
        Err(Reason::MandateAudience)
    );
    let delegate = changed(|claims| {
        claims.usage = MandateUse::Delegate;
        claims.may_act = Some(MayAct {
            sub: "worker".parse().unwrap(),
        });
    });
    assert_eq!(
        present(&check(&minted(&delegate)).unwrap()),
        Err(Reason::MandateUse)
    );
}

#[test]
fn no_mandate_is_issued_that_is_too_long_to_travel() {
    let claims = changed(|claims| claims.sub = "x".repeat(MAX_MANDATE_BYTES));
    assert!(matches!(
        mint(&claims, &TestKey::new(1)),
        Err(crate::jws::MintError::TooLong(_))
    ));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_verifier_panic(token in "[A-Za-z0-9_.=-]{0,200}") {
        proptest::prop_assert!(check(&token).is_err());
    }
}
