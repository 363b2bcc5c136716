use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};

use super::*;
use crate::chain::Chain;
use crate::claims::{Actor, Confirmation, MAX_MANDATE_BYTES, MayAct};
use crate::jws::mint;
use crate::key::{PublicKey, SIGNATURE_BYTES, SignError, Signer};
use crate::revocation::Revocation;

const NOW: u64 = 1_790_000_000;
const HOLDER: &str = "spiffe://caracal.dev/payout";

struct TestKey {
    private: SigningKey,
    public: PublicKey,
}

impl TestKey {
    fn new(seed: u8) -> Self {
        let private = SigningKey::from_slice(&[seed; 32]).unwrap();
        let point = private.verifying_key().to_sec1_point(false);
        let public = PublicKey::from_sec1(point.as_bytes()).unwrap();
        Self { private, public }
    }
}

impl Signer for TestKey {
    fn kid(&self) -> &str {
        self.public.kid()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignError> {
        let signature: Signature = self.private.sign(message);
        Ok(signature.to_bytes().into())
    }
}

struct Portable;

impl SignatureVerifier for Portable {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let key = VerifyingKey::from_sec1_bytes(key.sec1()).unwrap();
        Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}

fn claims() -> Claims {
    let scopes = ScopeSet::parse("accounts:read payments:write").unwrap();
    let mut claims = Claims {
        iss: "https://sts.caracal.dev/zones/prod".to_owned(),
        sub: "payout".to_owned(),
        aud: "https://mercury-bank.internal".parse().unwrap(),
        client_id: "payout".parse().unwrap(),
        zone: "prod".parse().unwrap(),
        sid: "ses_1".to_owned(),
        grant: "grt_1".to_owned(),
        jti: "mdt_1".to_owned(),
        iat: NOW,
        exp: NOW + 300,
        scope: scopes.to_string(),
        usage: MandateUse::Execute,
        cnf: Confirmation {
            spiffe_id: HOLDER.parse().unwrap(),
        },
        act: None,
        may_act: None,
        from: Vec::new(),
        mdt: Chain {
            v: 1,
            rev: Version::default(),
            resources: vec![],
            scopes: vec![],
            hops: vec![],
        },
    };
    claims.mdt = Chain::root(claims.leaf(&scopes), Version { term: 1, epoch: 7 }, 0);
    claims
}

/// Changes the claims and keeps the chain in step with them.
fn changed(change: impl FnOnce(&mut Claims)) -> Claims {
    let mut claims = claims();
    change(&mut claims);
    let scopes = ScopeSet::parse(&claims.scope).unwrap();
    claims.mdt = Chain::root(claims.leaf(&scopes), claims.mdt.rev, 0);
    claims
}

fn check(token: &str) -> Result<VerifiedMandate, Reason> {
    let mut keys = KeySet::default();
    keys.insert(TestKey::new(1).public);
    let zone = "prod".parse().unwrap();
    let trust = Trust {
        zone: &zone,
        issuer: "https://sts.caracal.dev/zones/prod",
        keys: &keys,
    };
    verify(token.as_bytes(), trust, &Portable)
}

fn minted(claims: &Claims) -> String {
    mint(claims, &TestKey::new(1)).unwrap()
}

/// Signs any header and payload with the zone's own key.
fn signed(header: &str, payload: &[u8]) -> String {
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = TestKey::new(1).sign(input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn payload() -> Vec<u8> {
    serde_json::to_vec(&claims()).unwrap()
}

fn header(extra: &str) -> String {
    let kid = TestKey::new(1).public.kid().to_owned();
    format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"at+jwt"{extra}}}"#)
}

fn bank() -> Resource {
    let operation = |name: &str, scopes: &str| Operation {
        name: name.parse().unwrap(),
        method: "POST".parse().unwrap(),
        path: format!("/{name}").parse().unwrap(),
        scopes: ScopeSet::parse(scopes).unwrap(),
        irreversible: false,
    };
    Resource {
        name: "bank".parse().unwrap(),
        uri: "https://mercury-bank.internal".parse().unwrap(),
        hosts: vec!["mercury-bank.internal".parse().unwrap()],
        operations: vec![
            operation("pay", "payments:write"),
            operation("both", "accounts:read payments:write"),
            operation("wire", "payments:write payments:wire"),
        ],
    }
}

fn present_at(
    mandate: &VerifiedMandate,
    now: u64,
    presenter: Presenter<'_>,
    operation: usize,
    revocations: &RevocationSet,
) -> Result<(), Reason> {
    let resource = bank();
    let operation = &resource.operations[operation];
    let presentation = Presentation {
        now,
        presenter,
        resource: &resource,
        operation,
        revocations,
    };
    mandate.present(presentation).map(|_| ())
}

fn present(mandate: &VerifiedMandate) -> Result<(), Reason> {
    present_at(
        mandate,
        NOW,
        Presenter::Peer(Some(HOLDER)),
        0,
        &RevocationSet::default(),
    )
}

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
    let der: Signature = der.private.sign(input.as_bytes());
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
fn a_correctly_signed_chain_that_widens_is_refused() {
    let mut claims = claims();
    // As a faulty token service would write it: the child holds what its parent lacked.
    let mut parent = claims.mdt.hops[0].clone();
    parent.session = "ses_0".to_owned();
    parent.scopes = 0b01;
    parent.depth = 1;
    claims.mdt.hops.insert(0, parent);
    let mandate = check(&minted(&claims)).unwrap();
    assert_eq!(present(&mandate), Err(Reason::AttenuationViolation));
}

#[test]
fn anything_that_a_mandate_descends_from_revokes_it() {
    use RevocationKind::{Application, Grant, Mandate, Resource, Session, Zone};
    let mut claims = claims();
    let parent = orchestrator(&claims);
    claims.mdt.hops.insert(0, parent);
    let mandate = check(&minted(&claims)).unwrap();
    assert_eq!(present(&mandate), Ok(()));
    for (kind, id) in [
        (Mandate, "mdt_1"),
        (Grant, "grt_1"),
        (Session, "ses_1"),
        (Session, "ses_0"),
        (Application, "payout"),
        (Application, "orchestrator"),
        (Resource, "https://mercury-bank.internal"),
        (Zone, "prod"),
    ] {
        let mut revocations = RevocationSet::default();
        let id = RevocationId::new(kind, "prod", id);
        revocations.insert(Revocation {
            id,
            issued_until: NOW,
            expires: u64::MAX,
        });
        let result = present_at(
            &mandate,
            NOW,
            Presenter::Peer(Some(HOLDER)),
            0,
            &revocations,
        );
        assert_eq!(result, Err(Reason::Revoked), "{kind:?}");
    }
}

/// The hop that an orchestrator would stand in before the holder.
fn orchestrator(claims: &Claims) -> crate::chain::Hop {
    let mut hop = claims.mdt.hops[0].clone();
    hop.session = "ses_0".to_owned();
    hop.application = "orchestrator".parse().unwrap();
    hop.depth = 1;
    hop
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

fn actor(sub: &str, before: Option<&Actor>) -> Actor {
    Actor::after(sub.parse().unwrap(), before)
}

#[test]
fn the_actor_is_the_application_that_holds_the_mandate() {
    let chain = actor("payout", Some(&actor("orchestrator", None)));
    let token = minted(&changed(|claims| {
        claims.sub = "user:corp:42".to_owned();
        claims.act = Some(chain.clone());
    }));
    assert_eq!(present(&check(&token).unwrap()), Ok(()));
    let text = serde_json::to_string(&chain).unwrap();
    assert_eq!(text, r#"{"sub":"payout","act":{"sub":"orchestrator"}}"#);
    let other = minted(&changed(|claims| {
        claims.act = Some(actor("other", Some(&chain)));
    }));
    assert_eq!(check(&other).err(), Some(Reason::MandateClaims));
    let mut deep = actor("payout", None);
    for _ in 0..9 {
        deep = actor("payout", Some(&deep));
    }
    let deep = minted(&changed(|claims| claims.act = Some(deep)));
    assert_eq!(check(&deep).err(), Some(Reason::MandateClaims));
}

#[test]
fn an_actor_has_a_name_and_an_actor_before_it_and_nothing_else() {
    let claims = changed(|claims| claims.act = Some(actor("payout", None)));
    let text = serde_json::to_string(&claims).unwrap();
    for other in [
        r#"{"sub":"payout","exp":1}"#,
        r#"{"sub":"payout","iss":"https://evil.example"}"#,
        r#"{"sub":"Payout"}"#,
        "{}",
        r#""payout""#,
    ] {
        let changed = text.replacen(r#"{"sub":"payout"}"#, other, 1);
        assert_ne!(changed, text);
        let token = signed(&header(""), changed.as_bytes());
        assert_eq!(check(&token).err(), Some(Reason::MandateClaims), "{other}");
    }
}

#[test]
fn who_may_act_stands_in_delegation_mandates_and_only_there() {
    let may_act = || {
        Some(MayAct {
            sub: "worker".parse().unwrap(),
        })
    };
    for (usage, may_act, result) in [
        (MandateUse::Execute, None, None),
        (MandateUse::Delegate, may_act(), None),
        (MandateUse::Delegate, None, Some(Reason::MandateClaims)),
        (MandateUse::Execute, may_act(), Some(Reason::MandateClaims)),
    ] {
        let token = minted(&changed(|claims| {
            claims.usage = usage;
            claims.may_act = may_act;
        }));
        assert_eq!(check(&token).err(), result);
    }
}

#[test]
fn a_mandate_dies_with_each_mandate_that_it_was_derived_from() {
    let mandate = check(&minted(&changed(|claims| {
        claims.from = vec!["mdt_a".to_owned(), "mdt_b".to_owned()];
    })))
    .unwrap();
    for (jti, alive) in [
        ("mdt_1", false),
        ("mdt_a", false),
        ("mdt_b", false),
        ("mdt_c", true),
    ] {
        let mut revocations = RevocationSet::default();
        revocations.insert(Revocation {
            id: RevocationId::new(RevocationKind::Mandate, "prod", jti),
            issued_until: u64::MAX,
            expires: NOW + 1000,
        });
        assert_eq!(mandate.holds(NOW, &revocations).is_ok(), alive, "{jti}");
    }
    let many = minted(&changed(|claims| claims.from = vec!["m".to_owned(); 19]));
    assert_eq!(check(&many).err(), Some(Reason::MandateClaims));
}

#[test]
fn what_holds_for_the_token_service_is_time_chain_and_revocation() {
    let mandate = check(&minted(&changed(|claims| {
        claims.usage = MandateUse::Delegate;
        claims.may_act = Some(MayAct {
            sub: "worker".parse().unwrap(),
        });
    })))
    .unwrap();
    let none = RevocationSet::default();
    assert_eq!(present(&mandate), Err(Reason::MandateUse));
    assert_eq!(mandate.holds(NOW, &none), Ok(()));
    assert_eq!(mandate.holds(NOW + 300, &none), Err(Reason::MandateExpired));
    assert_eq!(
        mandate.holds(NOW - 31, &none),
        Err(Reason::MandateNotYetValid)
    );
}
