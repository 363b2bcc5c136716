//! Where a point demands signatures of delegators: what they signed is good, and nothing else is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::super::*;
use super::forge::*;
use crate::chain::{Chain, Holding};
use crate::edge::{Edge, Statement};
use crate::key::Signer as _;
use crate::revocation::Revocation;

/// The owner of the application at a place of the chain.
fn owner(place: usize) -> TestKey {
    TestKey::new(u8::try_from(100 + place).unwrap())
}

fn application(place: usize) -> Name {
    format!("agent-{place}").parse().unwrap()
}

/// The keys of those owners, and of nobody else.
fn delegators(places: impl IntoIterator<Item = usize>) -> Delegators {
    let mut delegators = Delegators::default();
    for place in places {
        // The second of two: keys are changed while both are good.
        let keys = [1, 100 + place].map(|seed| {
            let key = TestKey::new(u8::try_from(seed).unwrap());
            URL_SAFE_NO_PAD.encode(key.public.sec1())
        });
        delegators.insert(application(place), &keys).unwrap();
    }
    delegators
}

/// What is passed on so many times, with nothing signed.
fn passed_on(times: usize) -> Claims {
    let mut claims = changed(|claims| {
        claims.client_id = application(0);
        claims.exp = NOW + 300;
    });
    let scopes = ScopeSet::parse(&claims.scope).unwrap();
    let depth = |hop: usize| u8::try_from(9 - hop).unwrap();
    let root = Holding {
        leaf: claims.leaf(&scopes),
        beyond: &[],
        by: "",
        depth: depth(0),
    };
    claims.mdt = Chain::root(root, claims.mdt.rev).unwrap();
    for hop in 1..=times {
        claims.sid = format!("ses_{hop}{}", "S".repeat(21));
        claims.client_id = application(hop);
        let by = format!("dlg_{hop}{}", "D".repeat(21));
        let holding = Holding {
            leaf: claims.leaf(&scopes),
            beyond: &[],
            by: &by,
            depth: depth(hop),
        };
        claims.mdt = claims.mdt.delegate(holding, claims.mdt.rev).unwrap();
    }
    claims
}

/// The narrowest edge that the step from a place on needs.
fn edge(claims: &Claims, place: usize) -> Edge {
    let times = claims.mdt.hops.len() - 1;
    Edge {
        id: format!("dlg_{}{}", place + 1, "D".repeat(21)),
        scopes: ScopeSet::parse(&claims.scope).unwrap(),
        max_depth: u8::try_from(times - 1 - place).unwrap(),
        max_lifetime: Some(claims.exp - claims.iat),
        expires_at: Some(claims.exp),
        signature: [0; 64].into(),
    }
}

/// The edge as an owner signs it.
fn signed_by(claims: &Claims, place: usize, edge: Edge, owner: &TestKey) -> Edge {
    let statement = Statement {
        zone: &claims.zone,
        id: &edge.id,
        from: &claims.mdt.hops[place].application,
        to: &claims.mdt.hops[place + 1].application,
        resource: &claims.aud,
        scopes: &edge.scopes,
        max_depth: edge.max_depth,
        max_lifetime: edge.max_lifetime,
        expires_at: edge.expires_at,
    };
    let signature = owner.sign(&statement.message()).unwrap().into();
    Edge { signature, ..edge }
}

/// The same with every step signed.
fn signed(times: usize) -> Claims {
    let mut claims = passed_on(times);
    claims.edges = (0..times)
        .map(|place| signed_by(&claims, place, edge(&claims, place), &owner(place)))
        .collect();
    claims
}

/// What a point says that has the keys of all.
fn said(claims: &Claims) -> Result<(), Reason> {
    said_with(claims, &delegators(0..8))
}

fn said_with(claims: &Claims, delegators: &Delegators) -> Result<(), Reason> {
    present(&check_with(&minted(claims), Some(delegators))?)
}

const UNSIGNED: Result<(), Reason> = Err(Reason::DelegationUnsigned);

#[test]
fn what_every_owner_signed_is_good_however_often_it_was_passed_on() {
    for times in 0..=5 {
        assert_eq!(said(&signed(times)), Ok(()), "{times}");
        // What is signed is read by everybody, and asked of nobody who does not demand it.
        let mandate = check(&minted(&signed(times))).unwrap();
        assert_eq!(present(&mandate), Ok(()), "{times}");
    }
}

#[test]
fn what_nobody_signed_is_good_only_where_nobody_demands_it() {
    for times in 1..=5 {
        let unsigned = passed_on(times);
        assert_eq!(present(&check(&minted(&unsigned)).unwrap()), Ok(()));
        assert_eq!(said(&unsigned), UNSIGNED, "{times}");
    }
    let own = passed_on(0);
    assert_eq!(
        said_with(&own, &Delegators::default()),
        Ok(()),
        "by a grant"
    );
    let text = serde_json::to_string(&own).unwrap();
    assert!(!text.contains("edges"), "{text}");
}

#[test]
fn every_owner_has_to_be_known_and_to_have_signed() {
    let claims = signed(3);
    for missing in 0..3 {
        let known = (0..3).filter(|place| *place != missing);
        assert_eq!(said_with(&claims, &delegators(known)), UNSIGNED);
        let mut other = claims.clone();
        let forged = signed_by(&claims, missing, edge(&claims, missing), &owner(7));
        other.edges[missing] = forged;
        assert_eq!(said(&other), UNSIGNED, "by somebody else");
    }
    assert_eq!(said_with(&claims, &delegators(0..3)), Ok(()));
}

#[test]
fn an_edge_reaches_no_further_than_its_owner_said() {
    let changes: [fn(&mut Edge); 5] = [
        |edge| edge.scopes = ScopeSet::parse("accounts:read").unwrap(),
        |edge| edge.scopes = ScopeSet::default(),
        |edge| edge.max_lifetime = edge.max_lifetime.map(|most| most - 1),
        |edge| edge.expires_at = edge.expires_at.map(|end| end - 1),
        |edge| edge.max_depth = edge.max_depth.saturating_sub(1),
    ];
    for change in changes {
        for place in 0..2 {
            let mut claims = signed(3);
            let mut less = edge(&claims, place);
            change(&mut less);
            claims.edges[place] = signed_by(&claims, place, less, &owner(place));
            assert_eq!(said(&claims), UNSIGNED, "{:?}", claims.edges[place]);
        }
    }
    let mut claims = signed(3);
    for place in 0..3 {
        let mut more = edge(&claims, place);
        more.scopes = ScopeSet::parse("accounts:read payments:write x:y").unwrap();
        (more.max_lifetime, more.expires_at, more.max_depth) = (None, None, 7);
        claims.edges[place] = signed_by(&claims, place, more, &owner(place));
    }
    assert_eq!(said(&claims), Ok(()));
}

#[test]
fn a_signature_is_good_for_one_zone_one_resource_and_one_step() {
    let elsewhere = |change: fn(&mut Claims)| {
        let mut other = passed_on(2);
        change(&mut other);
        let mut claims = signed(2);
        claims.edges[1] = signed_by(&other, 1, edge(&claims, 1), &owner(1));
        said(&claims)
    };
    assert_eq!(elsewhere(|_| ()), Ok(()));
    let others: [fn(&mut Claims); 4] = [
        |other| other.zone = "test".parse().unwrap(),
        |other| other.aud = "https://other.internal".parse().unwrap(),
        |other| other.mdt.hops[1].application = application(0),
        |other| other.mdt.hops[2].application = application(5),
    ];
    for other in others {
        assert_eq!(elsewhere(other), UNSIGNED);
    }
}

#[test]
fn the_revocation_of_a_signed_delegation_ends_all_that_rests_on_it() {
    let mut claims = signed(2);
    // Another one than that by which the session below was opened.
    claims.edges[0] = {
        let mut other = edge(&claims, 0);
        other.id = "dlg_other".to_owned();
        signed_by(&claims, 0, other, &owner(0))
    };
    let mandate = check(&minted(&claims)).unwrap();
    let mut revocations = RevocationSet::default();
    revocations.insert(Revocation {
        id: RevocationId::new(RevocationKind::Delegation, "prod", "dlg_other"),
        issued_until: u64::MAX,
        expires: u64::MAX,
    });
    assert_eq!(mandate.holds(NOW, &revocations), Err(Reason::Revoked));
}

#[test]
fn a_chain_that_widens_is_refused_as_such_and_more_edges_than_hops_are_no_claims() {
    let mut claims = signed(2);
    claims.mdt.hops[1].rights = 1;
    assert_eq!(said(&claims), Err(Reason::AttenuationViolation));
    let mut claims = signed(1);
    claims.edges = vec![claims.edges[0].clone(); 9];
    let edges = claims.edges.iter_mut();
    edges.for_each(|edge| edge.scopes = ScopeSet::default());
    assert_eq!(said(&claims), Err(Reason::MandateClaims));
}

/// One thing that somebody without the owners' keys does to a token, who has the zone's key.
fn tamper(claims: &mut Claims, how: usize, place: usize, bit: usize) {
    let count = claims.edges.len();
    let place = place % count;
    let edge = &mut claims.edges[place];
    match how {
        0 => edge.id.push('x'),
        1 => edge.scopes = ScopeSet::parse("accounts:read payments:write x:y").unwrap(),
        2 => edge.max_depth += 1,
        3 => edge.max_lifetime = None,
        4 => edge.max_lifetime = edge.max_lifetime.map(|most| most + 1),
        5 => edge.expires_at = None,
        6 => edge.expires_at = edge.expires_at.map(|end| end + 1),
        7 => {
            let mut bytes = *edge.signature.bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            edge.signature = bytes.into();
        }
        8 => drop(claims.edges.remove(place)),
        9 => {
            let twice = edge.clone();
            claims.edges.push(twice);
        }
        10 => claims.edges.swap(place, (place + 1) % count),
        11 => {
            let other = claims.edges[(place + 1) % count].clone();
            claims.edges[place] = other;
        }
        12 => claims.mdt.hops[place].application = application(7),
        13 => {
            claims.client_id = application(7);
            let last = claims.mdt.hops.last_mut().unwrap();
            last.application = application(7);
        }
        14 => claims.exp += 1,
        _ => claims.edges.rotate_left(1),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_change_of_anything_signed_is_good(
        times in 2_usize..=5, how in 0_usize..16, place in 0_usize..5, bit in 0_usize..512,
    ) {
        let good = signed(times);
        prop_assert_eq!(said(&good), Ok(()));
        let mut changed = good.clone();
        tamper(&mut changed, how, place, bit);
        prop_assert_ne!(&changed, &good);
        // Anybody may put the chain in step with it: the zone's key signs what the database says.
        if how == 14 {
            changed.mdt.hops.iter_mut().for_each(|hop| hop.expires += 1);
        }
        prop_assert_eq!(said(&changed), UNSIGNED, "{}", how);
        prop_assert_eq!(present(&check(&minted(&changed)).unwrap()), Ok(()));
    }
}
