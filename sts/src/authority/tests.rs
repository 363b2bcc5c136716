use crate::clock::Clock as _;
use crate::testing::{PAYOUT, World, name, scopes};

use super::*;

#[tokio::test]
async fn a_service_that_starts_later_knows_the_same() {
    let world = World::open().await;
    world.revoke("mandate/mdt_1").await;
    let authority = Arc::new(Authority::new(world.store.term()));
    let tailer = Tailer {
        store: world.store.clone(),
        authority: Arc::clone(&authority),
        policies: Arc::default(),
        clock: world.clock.clone(),
    };
    tailer.catch_up().await.unwrap();
    let (booted, followed) = (authority.read(), world.service().authority.read());
    assert_eq!(booted.applied(), followed.applied());
    let zones = [
        booted.zone(&world.zone).unwrap(),
        followed.zone(&world.zone).unwrap(),
    ];
    for zone in zones {
        assert!(zone.signing_kid.is_some());
        assert_eq!((zone.catalog.len(), zone.revocations.len()), (2, 1));
        assert!(matches!(zone.policy, Some(ZonePolicy::Ready(_))));
        let grant = zone.grant(&name("payout"), &name("bank"), &scopes("accounts:read"), 0);
        assert!(grant.is_some());
    }
    assert!(matches!(
        booted.identity(PAYOUT),
        Some(Identity::Application { .. })
    ));
}

#[tokio::test]
async fn a_read_is_confirmed_by_when_it_began() {
    let world = World::empty().await;
    let authority = &world.service().authority;
    let now_ms = world.clock.monotonic_ms();
    assert!(authority.confirmed_ms().unwrap() <= now_ms);
    assert!(authority.is_fresh(now_ms, 2000));
    assert!(!authority.is_fresh(now_ms + 10_000, 2000));
    assert!(!Authority::new(1).is_fresh(0, 2000));
}

#[tokio::test]
async fn a_feed_that_does_not_reach_back_says_so() {
    let world = World::open().await;
    let state = world.service().authority.read();
    let zone = state.zone(&world.zone).unwrap();
    assert!(zone.feed.after(0, &FeedScope::Zone).is_err());
    assert!(
        zone.feed
            .after(state.applied(), &FeedScope::Zone)
            .unwrap()
            .is_empty()
    );
}
