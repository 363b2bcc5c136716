//! Delegations that the owners of the delegating applications signed, from their row to the point that
//! demands their signatures.

mod gate;
mod intruder;
mod owner;

use caracal_mandate::edge::Edge;
use caracal_store::model::Delegation;
use serde_json::{Value, json};

use crate::called::{CLERK_API, CLERK_BASIC, act, call, strangers};
use crate::support::jwt::claims;
use crate::support::{BANK, WORKER_BASIC, World, now};
use gate::Gate;
use owner::{Owner, delegation, delegators, register};

/// Operations of the bank.
const READ: &str = "/0";

/// `payout` may have `worker` read at the bank and call `clerk`, whom `worker` may have read there. Each
/// delegation as `change` leaves it.
async fn agents(change: impl Fn(Owner, Delegation) -> Delegation) -> World {
    let world = strangers().await;
    for (owner, new) in [
        (
            Owner::OfPayout,
            delegation(
                "dlg_bank",
                ("payout", "worker"),
                ("bank", "accounts:read"),
                1,
            ),
        ),
        (
            Owner::OfPayout,
            delegation(
                "dlg_clerk",
                ("payout", "worker"),
                ("clerk-api", "clerk:call"),
                1,
            ),
        ),
        (
            Owner::OfWorker,
            delegation(
                "dlg_further",
                ("worker", "clerk"),
                ("bank", "accounts:read"),
                0,
            ),
        ),
    ] {
        register(&world, change(owner, new)).await;
    }
    world
}

/// What `worker` gets for reading at the bank, and what `clerk` gets whom it calls.
async fn obtained(world: &World) -> [String; 2] {
    let called_with = call(world).await;
    let worker = act(world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
    let further = act(world, &called_with, CLERK_API, "clerk:call", WORKER_BASIC).await;
    let clerk = act(world, &further.token(), BANK, "accounts:read", CLERK_BASIC).await;
    [worker.token(), clerk.token()]
}

fn unsigned() -> Result<(), String> {
    Err("delegation_unsigned".to_owned())
}

#[tokio::test]
async fn what_owners_signed_is_carried_and_good_where_their_signatures_are_demanded() {
    let world = agents(Owner::sign).await;
    let tokens = obtained(&world).await;
    let mut demanding = Gate::open(&world, Some(delegators())).await;
    let mut other = Gate::open(&world, None).await;
    for (token, ids) in tokens
        .iter()
        .zip([&["dlg_bank"][..], &["dlg_bank", "dlg_further"]])
    {
        let edges: Vec<Edge> = serde_json::from_value(claims(token)["edges"].clone()).unwrap();
        let carried: Vec<_> = edges.iter().map(|edge| edge.id.as_str()).collect();
        assert_eq!(carried, ids);
        assert_eq!(demanding.says(token, READ), Ok(()));
        assert_eq!(other.says(token, READ), Ok(()));
    }
    let own = world
        .own(crate::support::PAYOUT_BASIC, "accounts:read")
        .await;
    assert_eq!(claims(&own).get("edges"), None, "nobody passed it on");
    assert_eq!(demanding.says(&own, READ), Ok(()));
}

#[tokio::test]
async fn what_one_of_them_did_not_sign_carries_nothing_and_is_refused_there() {
    let signed_but = |missing: &'static str| {
        move |owner: Owner, new: Delegation| {
            if missing == "all" || new.id == missing {
                new
            } else {
                owner.sign(new)
            }
        }
    };
    for (missing, refused) in [
        ("all", [true, true]),
        ("dlg_bank", [true, true]),
        ("dlg_further", [false, true]),
        // That is the way, and not what is passed on at the bank.
        ("dlg_clerk", [false, false]),
    ] {
        let world = agents(signed_but(missing)).await;
        let tokens = obtained(&world).await;
        let mut demanding = Gate::open(&world, Some(delegators())).await;
        let mut other = Gate::open(&world, None).await;
        for (token, refused) in tokens.iter().zip(refused) {
            assert_eq!(claims(token).get("edges").is_none(), refused, "{missing}");
            let expected = if refused { unsigned() } else { Ok(()) };
            assert_eq!(demanding.says(token, READ), expected, "{missing}");
            assert_eq!(other.says(token, READ), Ok(()), "{missing}");
        }
    }
}

#[tokio::test]
async fn what_is_issued_is_within_every_signature_that_it_rests_on() {
    let soon = now() + 100;
    let world = agents(|owner, mut new| {
        match new.id.as_str() {
            "dlg_bank" => new.expires_at = Some(soon),
            "dlg_further" => new.max_lifetime = Some(40),
            _ => {}
        }
        owner.sign(new)
    })
    .await;
    let [worker, clerk] = obtained(&world).await;
    let number = |token: &str, member: &str| claims(token)[member].as_u64().unwrap();
    assert_eq!(number(&worker, "exp"), soon);
    assert!(number(&clerk, "exp") <= number(&clerk, "iat") + 40);
    let mut demanding = Gate::open(&world, Some(delegators())).await;
    assert_eq!(demanding.says(&worker, READ), Ok(()));
    assert_eq!(demanding.says(&clerk, READ), Ok(()));
    // Passed on further than the owner said at this resource, though not further than the call may go.
    let world = agents(|owner, mut new| {
        if new.id == "dlg_bank" {
            new.max_depth = 0;
        }
        owner.sign(new)
    })
    .await;
    let called_with = call(&world).await;
    let worker = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
    let further = act(&world, &called_with, CLERK_API, "clerk:call", WORKER_BASIC).await;
    let clerk = act(&world, &further.token(), BANK, "accounts:read", CLERK_BASIC).await;
    let mut demanding = Gate::open(&world, Some(delegators())).await;
    assert_eq!(demanding.says(&worker.token(), READ), Ok(()));
    assert_eq!(clerk.json()["reason"], "delegation_missing");
}

#[tokio::test]
async fn a_signed_delegation_that_is_revoked_ends_what_was_passed_on_by_it_further_down() {
    let world = agents(Owner::sign).await;
    let [_, clerk] = obtained(&world).await;
    // The clerk's session was opened by other ones than this.
    world.revoke("delegation/dlg_bank").await;
    for delegators in [None, Some(delegators())] {
        let mut gate = Gate::open(&world, delegators).await;
        assert_eq!(gate.says(&clerk, READ), Err("revoked".to_owned()));
    }
}

/// Where nobody is known, nothing that was passed on is good.
#[tokio::test]
async fn a_point_that_knows_no_owner_takes_nothing_that_was_passed_on() {
    let world = agents(Owner::sign).await;
    let [worker, _] = obtained(&world).await;
    let swapped = json!({"payout": [Owner::OfWorker.point()]});
    for known in [Value::Object(serde_json::Map::new()), swapped] {
        let mut gate = Gate::open(&world, Some(known)).await;
        assert_eq!(gate.says(&worker, READ), unsigned());
    }
}
