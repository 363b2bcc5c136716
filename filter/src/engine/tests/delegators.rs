//! Points that demand signatures of those who passed on, and points that do not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::claims::Claims;
use caracal_mandate::edge::{Edge, Statement};
use caracal_mandate::jws::mint;
use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES};
use caracal_mandate::scope::ScopeSet;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};

use super::*;
use crate::crypto::PortableVerifier;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

/// The owner of the application that passes on.
const OWNER: u8 = 9;

/// A point with the key of that owner.
fn demanding(role: &str) -> Engine {
    let point = key(OWNER).verifying_key().to_sec1_point(false);
    let point = URL_SAFE_NO_PAD.encode(point.as_bytes());
    let config = format!(
        r#"{{"role":"{role}","zone":"prod","instance":"point","sts":{{"cluster":"sts"}},
            "delegators":{{"orchestrator":["{point}"]}},"allow_mark":"0123456789abcdef"}}"#
    );
    let config = Config::parse(config.as_bytes()).unwrap();
    Engine::new(config, "boot", Box::new(PortableVerifier))
}

fn live_demanding(role: &str) -> Engine {
    let mut engine = demanding(role);
    make_live(&mut engine);
    engine
}

/// What the orchestrator passed on to the holder, issued at an epoch.
fn passed_on(epoch: u64) -> Claims {
    let mut claims = claims_with("accounts:read", epoch, |_| ());
    let mut caller = claims.mdt.hops[0].clone();
    caller.session = "ses_0".to_owned();
    caller.application = "orchestrator".parse().unwrap();
    caller.depth = 1;
    claims.mdt.hops.insert(0, caller);
    claims.mdt.hops[1].by = "dlg_1".to_owned();
    claims
}

/// The same with a signature by somebody.
fn signed(epoch: u64, by: u8) -> Claims {
    let mut claims = passed_on(epoch);
    let scopes = ScopeSet::parse("accounts:read").unwrap();
    let statement = Statement {
        zone: &claims.zone,
        id: "dlg_1",
        from: &claims.mdt.hops[0].application,
        to: &claims.client_id,
        resource: &claims.aud,
        scopes: &scopes,
        max_depth: 0,
        max_lifetime: None,
        expires_at: None,
    };
    let signature: Signature = key(by).sign(&statement.message());
    let signature: [u8; SIGNATURE_BYTES] = signature.to_bytes().into();
    claims.edges = vec![Edge {
        id: "dlg_1".to_owned(),
        scopes,
        max_depth: 0,
        max_lifetime: None,
        expires_at: None,
        signature: signature.into(),
    }];
    claims
}

fn token(claims: &Claims) -> String {
    mint(claims, &ZoneKey::new()).unwrap()
}

fn said(engine: &mut Engine, token: &str) -> Option<Reason> {
    reason(&decide(engine, &with(token), at(1)))
}

#[test]
fn what_was_passed_on_without_a_known_signature_is_refused_where_they_are_demanded() {
    let unsigned = Some(Reason::DelegationUnsigned);
    for (claims, demanded) in [
        (claims_with("accounts:read", 5, |_| ()), None),
        (signed(5, OWNER), None),
        (signed(5, OWNER + 1), unsigned),
        (passed_on(5), unsigned),
    ] {
        let token = token(&claims);
        assert_eq!(said(&mut live("resource"), &token), None);
        assert_eq!(said(&mut live_demanding("resource"), &token), demanded);
    }
}

#[test]
fn the_refusal_is_recorded_with_whose_mandate_it_was() {
    let mut engine = live_demanding("resource");
    assert!(said(&mut engine, &token(&passed_on(5))).is_some());
    let events = events(&mut engine);
    assert_eq!(events[0].reason, "delegation_unsigned");
    assert_eq!(events[0].application, "payout");
}

#[test]
fn signatures_are_verified_once_for_each_token() {
    struct Counting(Rc<std::cell::Cell<u32>>);
    impl SignatureVerifier for Counting {
        fn verify(
            &self,
            key: &PublicKey,
            message: &[u8],
            signature: &[u8; SIGNATURE_BYTES],
        ) -> bool {
            self.0.set(self.0.get() + 1);
            PortableVerifier.verify(key, message, signature)
        }
    }
    let count = Rc::new(std::cell::Cell::new(0));
    let mut engine = live_demanding("resource");
    engine.crypto = Box::new(Counting(Rc::clone(&count)));
    for (claims, verified) in [(signed(5, OWNER), 2), (passed_on(5), 3)] {
        let token = token(&claims);
        let first = said(&mut engine, &token);
        assert_eq!(count.get(), verified);
        assert_eq!(said(&mut engine, &token), first);
        assert_eq!(count.get(), verified, "known tokens cost nothing more");
    }
}

#[test]
fn the_word_of_the_service_does_not_stand_in_for_a_signature() {
    let signed = token(&signed(5, OWNER));
    let ask = |engine: &mut Engine, now| {
        let question = asked(decide(engine, &with(&signed), at(now)));
        engine.sent(question.ticket, 1);
        let settled = engine.answered(1, Some(&ok(None)), at(now + 1));
        outcome(&settled[0]).map(|_| ())
    };
    // Without live authority nobody here has verified what the request carries.
    assert_eq!(ask(&mut cold("resource", "required"), 1), Ok(()));
    let closed = Err(Reason::AuthorityUnavailable);
    assert_eq!(ask(&mut demanding("resource"), 1), closed);
    assert_eq!(ask(&mut live_demanding("resource"), 5000), closed);
}

#[test]
fn what_was_issued_a_moment_ago_is_asked_about_after_it_was_verified() {
    let ahead = token(&signed(6, OWNER));
    let mut engine = live_demanding("resource");
    let question = asked(decide(&mut engine, &with(&ahead), at(1)));
    engine.sent(question.ticket, 1);
    let settled = engine.answered(1, Some(&ok(None)), at(2));
    assert_eq!(outcome(&settled[0]), Ok(None));
    let unsigned = token(&passed_on(6));
    assert_eq!(
        said(&mut engine, &unsigned),
        Some(Reason::DelegationUnsigned)
    );
}

#[test]
fn a_gateway_demands_them_of_what_it_obtains() {
    for (claims, expected) in [
        (signed(5, OWNER), Ok(None)),
        (passed_on(5), Err(Reason::DelegationUnsigned)),
    ] {
        let mut engine = live_demanding("gateway");
        let question = asked(decide(&mut engine, &read(1), at(1)));
        engine.sent(question.ticket, 1);
        let answer = ok(Some(&token(&claims)));
        let settled = engine.answered(1, Some(&answer), at(2));
        assert_eq!(outcome(&settled[0]), expected);
    }
    let mut engine = demanding("gateway");
    let question = asked(decide(&mut engine, &read(1), at(1)));
    engine.sent(question.ticket, 1);
    let answer = ok(Some(&token(&signed(5, OWNER))));
    let settled = engine.answered(1, Some(&answer), at(2));
    assert_eq!(outcome(&settled[0]), Err(Reason::AuthorityUnavailable));
}
