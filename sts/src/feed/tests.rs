mod fanout;
mod patience;

use std::time::Duration;

use caracal_proto::enforcement::watch_response::Message as Answer;
use caracal_proto::enforcement::{Ack, Ping, Version, item};
use caracal_store::model::{Change, RevocationTarget, Suspension};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::*;
use crate::testing::{BANK_POINT, OTHER, PAYOUT, World};

/// The far end of a stream that is driven without a network.
struct Point {
    to: mpsc::UnboundedSender<Result<WatchRequest, Status>>,
    from: ReceiverStream<Result<Frame, Status>>,
    stop: watch::Sender<bool>,
}

impl Point {
    fn open(world: &World, peer: &str) -> Result<Self, FeedError> {
        let (to, inbound) = mpsc::unbounded_channel();
        let (stopping, stop) = watch::channel(false);
        let inbound = UnboundedReceiverStream::new(inbound);
        let from = open(
            Arc::clone(world.service()),
            Some(peer.to_owned()),
            inbound,
            stop,
            None,
        )?;
        Ok(Self {
            to,
            from,
            stop: stopping,
        })
    }

    fn connect(world: &World, peer: &str) -> Self {
        let point = Self::open(world, peer).unwrap();
        point.hello("acme", 2000);
        point
    }

    fn send(&self, message: Message) {
        self.to
            .send(Ok(WatchRequest {
                message: Some(message),
            }))
            .unwrap();
    }

    fn hello(&self, zone: &str, lease_ms: u32) {
        self.send(Message::Hello(Hello {
            zone: zone.to_owned(),
            instance: "sidecar".to_owned(),
            boot: "boot".to_owned(),
            role: "agent".to_owned(),
            software: "1".to_owned(),
            lease_ms,
            ..Hello::default()
        }));
    }

    fn ack(&self, version: Version) {
        self.send(Message::Ack(Ack {
            version: Some(version),
        }));
    }

    async fn next(&mut self) -> Result<Answer, Status> {
        let next = tokio::time::timeout(Duration::from_secs(10), self.from.next());
        next.await
            .unwrap()
            .unwrap()
            .map(|frame| frame.decode().message.unwrap())
    }

    /// Everything up to the next pong, and the pong.
    async fn until_pong(&mut self) -> (Vec<Answer>, caracal_proto::enforcement::Pong) {
        let mut before = Vec::new();
        loop {
            match self.next().await.unwrap() {
                Answer::Pong(pong) => return (before, pong),
                other => before.push(other),
            }
        }
    }

    async fn ping(&mut self, nonce: u64) -> (Vec<Answer>, caracal_proto::enforcement::Pong) {
        self.send(Message::Ping(Ping { nonce }));
        self.until_pong().await
    }
}

fn revocations(answers: &[Answer]) -> usize {
    let items = answers.iter().flat_map(|answer| match answer {
        Answer::SnapshotChunk(items) => items.items.clone(),
        Answer::Delta(delta) => delta.items.clone(),
        _ => Vec::new(),
    });
    items
        .filter(|item| matches!(item.item, Some(item::Item::Revocation(_))))
        .count()
}

fn resources(answers: &[Answer]) -> Vec<String> {
    let items = answers.iter().flat_map(|answer| match answer {
        Answer::SnapshotChunk(items) => items.items.clone(),
        _ => Vec::new(),
    });
    let mut names: Vec<_> = items
        .filter_map(|item| match item.item {
            Some(item::Item::ResourcePut(resource)) => Some(resource.name),
            _ => None,
        })
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_stream_starts_with_the_whole_snapshot() {
    let world = World::open().await;
    world.revoke("mandate/mdt_1").await;
    let mut point = Point::connect(&world, PAYOUT);
    let (answers, pong) = point.ping(7).await;
    let [
        Answer::SnapshotBegin(begin),
        chunks @ ..,
        Answer::SnapshotEnd(end),
    ] = answers.as_slice()
    else {
        panic!("{answers:?}");
    };
    assert_eq!(begin.issuer, "https://sts.example/zones/acme");
    assert_eq!(begin.version, end.version);
    assert_eq!(pong.version, end.version);
    assert_eq!(pong.nonce, 7);
    assert!(pong.read_age_ms < 2000);
    let count: usize = chunks
        .iter()
        .map(|chunk| match chunk {
            Answer::SnapshotChunk(items) => items.items.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!((count, end.items), (4, 4));
    assert_eq!(resources(chunks), ["bank", "mail"]);
}

#[tokio::test]
async fn a_suspension_is_told_as_long_as_it_lasts() {
    let world = World::open().await;
    let target: RevocationTarget = "application/payout".parse().unwrap();
    let id = target.revocation_id(&world.zone, None).unwrap().0;
    let suspension = Suspension { target, id };
    world.commit(Change::Suspended(suspension.clone())).await;
    let mut point = Point::connect(&world, PAYOUT);
    let (answers, _) = point.ping(1).await;
    let told = |answer: &Answer| match answer {
        Answer::SnapshotChunk(items) => items.items.clone(),
        Answer::Delta(delta) => delta.items.clone(),
        _ => Vec::new(),
    };
    let items: Vec<_> = answers.iter().flat_map(told).collect();
    let suspended = Some(item::Item::Suspended(id));
    assert!(items.iter().any(|item| item.item == suspended), "{items:?}");
    world.commit(Change::Resumed(suspension)).await;
    let (answers, _) = point.ping(2).await;
    let items: Vec<_> = answers
        .iter()
        .flat_map(told)
        .map(|item| item.item)
        .collect();
    assert_eq!(items, [Some(item::Item::Resumed(id))]);
    let mut late = Point::connect(&world, PAYOUT);
    let (answers, _) = late.ping(1).await;
    assert!(
        !answers
            .iter()
            .flat_map(told)
            .any(|item| item.item == suspended)
    );
}

#[tokio::test]
async fn a_resource_point_is_told_of_its_resources_only() {
    let world = World::open().await;
    let mut point = Point::connect(&world, BANK_POINT);
    let (answers, _) = point.ping(1).await;
    assert_eq!(resources(&answers), ["bank"]);
}

#[tokio::test]
async fn a_pong_follows_everything_that_was_applied_before() {
    let world = World::open().await;
    let mut point = Point::connect(&world, PAYOUT);
    let (_, pong) = point.ping(0).await;
    let mut version = pong.version.unwrap();
    for round in 1..=20_u64 {
        for number in 0..3 {
            world.revoke(&format!("mandate/mdt_{round}_{number}")).await;
        }
        let applied = world.service().authority.read().applied();
        let (answers, pong) = point.ping(round).await;
        assert_eq!(revocations(&answers), 3);
        for answer in answers {
            let Answer::Delta(delta) = answer else {
                panic!("{answer:?}")
            };
            // Each builds on the one before: no gap, no overlap.
            assert_eq!(delta.from, Some(version));
            version = delta.to.unwrap();
        }
        assert_eq!(pong.version, Some(version));
        assert!(version.epoch >= applied);
        assert_eq!(pong.nonce, round);
    }
}

#[tokio::test]
async fn deltas_are_pushed_without_a_ping() {
    let world = World::open().await;
    let mut point = Point::connect(&world, PAYOUT);
    point.ping(1).await;
    let seq = world.revoke("mandate/mdt_1").await;
    let Answer::Delta(delta) = point.next().await.unwrap() else {
        panic!("no delta")
    };
    assert_eq!(delta.to.unwrap().epoch, seq);
    assert_eq!(delta.items.len(), 1);
}

#[tokio::test]
async fn a_position_without_items_still_moves_the_version() {
    let world = World::open().await;
    let mut point = Point::connect(&world, PAYOUT);
    point.ping(1).await;
    world.grant("grt_BBBBBBBBBBBBBBBBBBBBBB", None).await;
    let Answer::Delta(delta) = point.next().await.unwrap() else {
        panic!("no delta")
    };
    assert!(delta.items.is_empty());
    assert_eq!(delta.to.unwrap().epoch, delta.from.unwrap().epoch + 1);
}

#[tokio::test]
async fn the_age_of_the_read_grows_when_the_database_is_gone() {
    let world = World::open().await;
    let mut point = Point::connect(&world, PAYOUT);
    point.ping(1).await;
    world.store.close().await;
    world.clock.skip(10_000);
    let (_, pong) = point.ping(2).await;
    assert!(pong.read_age_ms >= 10_000);
}

#[tokio::test]
async fn a_stream_that_does_not_keep_to_the_protocol_ends_alone() {
    let world = World::open().await;
    let mut good = Point::connect(&world, PAYOUT);
    let refused = |point: Point| async move {
        let mut point = point;
        loop {
            if let Err(status) = point.next().await {
                return status.code();
            }
        }
    };
    let point = Point::open(&world, PAYOUT).unwrap();
    point.send(Message::Ping(Ping { nonce: 1 }));
    assert_eq!(refused(point).await, tonic::Code::InvalidArgument);
    let point = Point::open(&world, PAYOUT).unwrap();
    point.hello("umbrella", 2000);
    assert_eq!(refused(point).await, tonic::Code::PermissionDenied);
    let point = Point::open(&world, PAYOUT).unwrap();
    point.hello("acme", 0);
    assert_eq!(refused(point).await, tonic::Code::InvalidArgument);
    // No longer than the service's own: a new process waits for leases of that length.
    let point = Point::open(&world, PAYOUT).unwrap();
    point.hello("acme", 2001);
    assert_eq!(refused(point).await, tonic::Code::InvalidArgument);
    let point = Point::connect(&world, PAYOUT);
    point.hello("acme", 2000);
    assert_eq!(refused(point).await, tonic::Code::InvalidArgument);
    for (term, epoch) in [(1, 1_000_000), (9, 1)] {
        let point = Point::connect(&world, PAYOUT);
        point.ack(Version { term, epoch });
        assert_eq!(refused(point).await, tonic::Code::InvalidArgument);
    }
    assert!(matches!(
        Point::open(&world, "spiffe://d.example/nobody"),
        Err(FeedError::UnknownPeer)
    ));
    good.ping(1).await;
}

#[tokio::test]
async fn what_a_point_says_of_itself_is_listed_and_one_that_names_no_mode_enforces() {
    let world = World::open().await;
    let mut point = Point::open(&world, PAYOUT).unwrap();
    point.send(Message::Hello(Hello {
        zone: "acme".to_owned(),
        lease_ms: 2000,
        mode: "shadow".to_owned(),
        last_error: "\u{fc}".repeat(1000),
        streams: 3,
        ..Hello::default()
    }));
    let _pong = point.ping(1).await;
    let mut silent = Point::connect(&world, BANK_POINT);
    let _pong = silent.ping(1).await;
    let points = world.service().registry.points();
    let of = |id: &str| points.iter().find(|one| one.spiffe_id == id).unwrap();
    let (shadow, enforce) = (of(PAYOUT), of(BANK_POINT));
    assert_eq!((shadow.mode.as_str(), shadow.streams), ("shadow", 3));
    assert_eq!(shadow.last_error, "\u{fc}".repeat(MAX_TEXT));
    assert!((1..=2001).contains(&shadow.lease_remaining_ms));
    assert_eq!((enforce.mode.as_str(), enforce.streams), ("enforce", 0));
}

#[tokio::test]
async fn a_wait_ends_when_every_point_has_acknowledged() {
    let world = World::open().await;
    let mut one = Point::connect(&world, PAYOUT);
    let mut two = Point::connect(&world, BANK_POINT);
    one.ping(1).await;
    two.ping(1).await;
    let seq = world.revoke("zone").await;
    let bound = Duration::from_secs(2);
    let waiting = world.sts.wait_applied(&world.zone, seq, bound);
    let acknowledging = async {
        for point in [&mut one, &mut two] {
            let (_, pong) = point.ping(2).await;
            point.ack(pong.version.unwrap());
        }
    };
    let (report, ()) = tokio::join!(waiting, acknowledging);
    assert_eq!(
        (report.acked, report.expected, report.silent.len()),
        (2, 2, 0)
    );
    assert!(report.waited_ms < 1000, "{report:?}");
    let points = world.sts.points();
    assert_eq!(points.len(), 2);
    assert!(points.iter().all(|point| point.applied.epoch >= seq));
    assert!(points.iter().all(|point| point.last_ping_age_ms.is_some()));
}

#[tokio::test]
async fn a_silent_point_is_named_and_waited_for_no_longer_than_its_lease() {
    let world = World::open().await;
    let mut silent = Point::open(&world, OTHER).unwrap();
    silent.hello("acme", 300);
    silent.ping(1).await;
    let seq = world.revoke("zone").await;
    let report = world
        .sts
        .wait_applied(&world.zone, seq, Duration::from_secs(5))
        .await;
    assert_eq!((report.acked, report.expected), (0, 1));
    assert_eq!(report.silent, [format!("{OTHER} (sidecar)")]);
    assert!(report.waited_ms <= 400, "{report:?}");
    let again = world
        .sts
        .wait_applied(&world.zone, seq, Duration::from_secs(5))
        .await;
    assert_eq!((again.expected, again.waited_ms), (0, 0));
}

#[tokio::test]
async fn a_change_that_the_service_has_not_read_is_not_in_effect_though_nobody_holds_a_lease() {
    let world = World::open().await;
    let next = world.service().authority.read().applied() + 1;
    let bound = Duration::from_millis(300);
    let waiting = world.sts.wait_applied(&world.zone, next, bound);
    let report = waiting.await;
    assert!(report.waited_ms >= 300, "{report:?}");
    assert_eq!((report.acked, report.silent.len()), (0, 1), "{report:?}");
    // It ends as soon as it is read.
    let waiting = world
        .sts
        .wait_applied(&world.zone, next, Duration::from_secs(5));
    let (report, seq) = tokio::join!(waiting, world.revoke("zone"));
    assert_eq!(seq, next);
    assert!(
        report.silent.is_empty() && report.waited_ms < 4000,
        "{report:?}"
    );
}

#[tokio::test]
async fn a_point_that_left_counts_until_its_lease_is_over() {
    let world = World::open().await;
    let mut point = Point::open(&world, OTHER).unwrap();
    point.hello("acme", 500);
    point.ping(1).await;
    drop(point);
    let seq = world.revoke("zone").await;
    let report = world
        .sts
        .wait_applied(&world.zone, seq, Duration::from_secs(5))
        .await;
    assert_eq!(report.silent.len(), 1);
    assert!(world.sts.points().is_empty());
}
