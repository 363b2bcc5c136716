//! What a mandate says of those before its holder.

use super::super::*;
use super::forge::*;
use crate::chain::{Chain, Holding, Right};
use crate::claims::{Actor, MAX_MANDATE_BYTES, MayAct};
use crate::edge::Edge;
use crate::revocation::Revocation;

#[test]
fn a_correctly_signed_chain_that_widens_is_refused() {
    let mut claims = claims();
    // As a faulty token service would write it: the child holds what its parent lacked.
    let mut parent = claims.mdt.hops[0].clone();
    parent.session = "ses_0".to_owned();
    parent.rights = 0b01;
    parent.depth = 1;
    claims.mdt.hops.insert(0, parent);
    let mandate = check(&minted(&claims)).unwrap();
    assert_eq!(present(&mandate), Err(Reason::AttenuationViolation));
}

#[test]
fn anything_that_a_mandate_descends_from_revokes_it() {
    use RevocationKind::{Application, Delegation, Grant, Mandate, Resource, Session, Zone};
    let mut claims = claims();
    let parent = orchestrator(&claims);
    claims.mdt.hops.insert(0, parent);
    claims.mdt.hops[1].by = "dlg_1".to_owned();
    claims.through = vec!["grt_0".to_owned()];
    claims.via = vec!["dlg_0".to_owned()];
    let mandate = check(&minted(&claims)).unwrap();
    assert_eq!(present(&mandate), Ok(()));
    for (kind, id) in [
        (Mandate, "mdt_1"),
        (Grant, "grt_1"),
        (Grant, "grt_0"),
        (Delegation, "dlg_1"),
        (Delegation, "dlg_0"),
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
fn a_delegation_mandate_is_for_somebody() {
    let may_act = || {
        Some(MayAct {
            sub: "worker".parse().unwrap(),
        })
    };
    for (usage, may_act, result) in [
        (MandateUse::Execute, None, None),
        (MandateUse::Delegate, may_act(), None),
        (MandateUse::Delegate, None, Some(Reason::MandateClaims)),
        (MandateUse::Execute, may_act(), None),
    ] {
        let token = minted(&changed(|claims| {
            claims.usage = usage;
            claims.may_act = may_act;
        }));
        assert_eq!(check(&token).err(), result);
    }
}

/// A mandate to call an agent that may in turn read at the ledger.
fn call() -> Claims {
    let mut claims = changed(|claims| {
        claims.may_act = Some(MayAct {
            sub: "worker".parse().unwrap(),
        });
    });
    let scopes = ScopeSet::parse(&claims.scope).unwrap();
    let beyond = [Right {
        resource: "https://ledger.internal".parse().unwrap(),
        scopes: ScopeSet::parse("ledger:read").unwrap(),
    }];
    let holding = Holding {
        leaf: claims.leaf(&scopes),
        beyond: &beyond,
        by: "",
        depth: 5,
    };
    claims.mdt = Chain::root(holding, claims.mdt.rev).unwrap();
    claims
}

#[test]
fn what_may_be_passed_on_opens_nothing_at_a_resource() {
    let good = call();
    assert_eq!(present(&check(&minted(&good)).unwrap()), Ok(()));
    // Without anybody to pass it on to, holding more than the token says is a fault of the issuer.
    let idle = Claims {
        may_act: None,
        ..call()
    };
    let idle = check(&minted(&idle)).unwrap();
    assert_eq!(present(&idle), Err(Reason::AttenuationViolation));
    let mut claimed = call();
    claimed.aud = "https://ledger.internal".parse().unwrap();
    let claimed = check(&minted(&claimed)).unwrap();
    assert_eq!(present(&claimed), Err(Reason::MandateAudience));
}

/// Bytes of a mandate, the orchestrator's authority over six rights at three resources passed on
/// `delegations` times, each time with a signature or without.
fn size(delegations: u8, signed: bool) -> usize {
    let mut claims = changed(|claims| {
        claims.jti = format!("mdt_{}", "J".repeat(22));
        claims.grant = format!("grt_{}", "G".repeat(22));
        claims.sid = format!("ses_{}", "R".repeat(22));
        claims.client_id = "agent-0".parse().unwrap();
        claims.sub = "agent-0".to_owned();
        claims.scope = "payments:write".to_owned();
        claims.cnf.spiffe_id = "spiffe://caracal.dev/ns/agents/sa/agent-0".parse().unwrap();
        claims.may_act = Some(MayAct {
            sub: "agent-1".parse().unwrap(),
        });
    });
    let beyond = [
        ("https://ledger.internal", "ledger:read"),
        ("https://fx.internal", "fx:quote fx:trade"),
        (
            "https://mercury-bank.internal",
            "accounts:read payments:read",
        ),
    ];
    let beyond = beyond.map(|(resource, scopes)| Right {
        resource: resource.parse().unwrap(),
        scopes: ScopeSet::parse(scopes).unwrap(),
    });
    let scopes = ScopeSet::parse(&claims.scope).unwrap();
    let root = Holding {
        leaf: claims.leaf(&scopes),
        beyond: &beyond,
        by: "",
        depth: 9,
    };
    claims.mdt = Chain::root(root, claims.mdt.rev).unwrap();
    for hop in 1..=delegations {
        claims.from.push(claims.jti.clone());
        claims.through.push(format!("grt_{hop}{}", "G".repeat(21)));
        let above = (1..hop).map(|above| format!("dlg_{hop}{above}{}", "V".repeat(20)));
        claims.via.extend(above);
        claims.sid = format!("ses_{hop}{}", "S".repeat(21));
        claims.client_id = format!("agent-{hop}").parse().unwrap();
        claims.act = Some(Actor::after(claims.client_id.clone(), claims.act.as_ref()));
        claims.may_act = None;
        let by = format!("dlg_{}", "D".repeat(22));
        let holding = Holding {
            leaf: claims.leaf(&scopes),
            beyond: &[],
            by: &by,
            depth: 9 - hop,
        };
        claims.mdt = claims.mdt.delegate(holding, claims.mdt.rev).unwrap();
        claims.edges.extend(signed.then(|| Edge {
            id: by.clone(),
            scopes: scopes.clone(),
            max_depth: 9 - hop,
            max_lifetime: Some(300),
            expires_at: Some(NOW + 300),
            signature: [255; 64].into(),
        }));
    }
    let token = minted(&claims);
    assert_eq!(
        check(&token)
            .unwrap()
            .check_standing(&RevocationSet::default()),
        Ok(())
    );
    token.len()
}

#[test]
fn a_mandate_stays_small_however_often_it_was_passed_on() {
    // What it comes to with the id of everything that it descends from, and a little. A chain of one JWT for
    // each hop needs 6 KiB at five delegations.
    for (delegations, budget) in [(0, 1150), (1, 1360), (5, 2660), (8, 4030)] {
        let bytes = size(delegations, false);
        println!("{bytes} bytes after {delegations} delegations (budget {budget})");
        assert!(bytes <= budget && bytes <= MAX_MANDATE_BYTES, "{bytes}");
    }
}

#[test]
fn a_mandate_with_every_step_signed_is_small_enough_to_travel() {
    // As often as the token service lets authority be passed on.
    for (delegations, budget) in [(1, 1600), (5, 3700)] {
        let bytes = size(delegations, true);
        println!("{bytes} bytes after {delegations} signed delegations (budget {budget})");
        assert!(bytes <= budget && bytes <= MAX_MANDATE_BYTES, "{bytes}");
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
    for many in [
        changed(|claims| claims.from = vec!["m".to_owned(); 19]),
        changed(|claims| claims.through = vec!["g".to_owned(); 10]),
        changed(|claims| claims.via = vec!["d".to_owned(); 41]),
    ] {
        assert_eq!(check(&minted(&many)).err(), Some(Reason::MandateClaims));
    }
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
