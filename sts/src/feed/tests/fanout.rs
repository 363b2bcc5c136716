//! Changes on their way to many points.

use super::*;

/// The count of the metric that says when the last point has acknowledged a revocation.
fn covered(world: &World) -> u64 {
    let text = world.service().metrics.render(world.service()).unwrap();
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("caracal_sts_revocation_coverage_seconds_count "));
    count.unwrap().parse().unwrap()
}

/// Has a point apply and acknowledge everything, by a ping of this nonce and one of the next.
async fn catch_up(point: &mut Point, nonce: u64) {
    let (_, pong) = point.ping(nonce).await;
    point.ack(pong.version.unwrap());
    // What comes after the acknowledgement is answered after it.
    point.ping(nonce.saturating_add(1)).await;
}

/// Two points that have acknowledged everything.
async fn connected(world: &World) -> [Point; 2] {
    let mut points = [PAYOUT, BANK_POINT].map(|peer| Point::connect(world, peer));
    for point in &mut points {
        catch_up(point, 1).await;
    }
    points
}

async fn delta(point: &mut Point) -> caracal_proto::enforcement::Delta {
    match point.next().await.unwrap() {
        Answer::Delta(delta) => delta,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_change_is_encoded_once_for_all_who_are_told_the_same() {
    let world = World::open().await;
    let mut points = [
        Point::connect(&world, PAYOUT),
        Point::connect(&world, OTHER),
    ];
    for point in &mut points {
        point.ping(1).await;
    }
    // The first change after a point has joined may find it elsewhere than the others.
    world.revoke("mandate/mdt_1").await;
    for point in &mut points {
        delta(point).await;
    }
    world.revoke("mandate/mdt_2").await;
    let mut bytes = Vec::new();
    for point in &mut points {
        bytes.push(point.from.next().await.unwrap().unwrap().bytes());
    }
    assert_eq!(bytes[0].as_ptr(), bytes[1].as_ptr());
}

#[tokio::test]
async fn a_point_that_reads_late_gets_every_change_in_order_before_the_pong() {
    let world = World::open().await;
    let mut late = Point::connect(&world, PAYOUT);
    let (_, pong) = late.ping(1).await;
    let mut version = pong.version.unwrap();
    let changes = 3 * QUEUE;
    for number in 0..changes {
        world.revoke(&format!("mandate/mdt_{number}")).await;
    }
    let (answers, pong) = late.ping(2).await;
    assert_eq!(revocations(&answers), changes);
    for answer in answers {
        let Answer::Delta(delta) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(delta.from, Some(version));
        version = delta.to.unwrap();
    }
    assert_eq!(pong.version, Some(version));
}

#[tokio::test]
async fn a_revocation_is_covered_when_the_last_point_that_was_connected_acknowledges_it() {
    let world = World::open().await;
    let mut points = connected(&world).await;
    world.revoke("mandate/mdt_1").await;
    // No revocation, so nothing to be covered.
    world.grant("grt_BBBBBBBBBBBBBBBBBBBBBB", None).await;
    for (at, point) in points.iter_mut().enumerate() {
        assert_eq!(covered(&world), 0, "before point {at}");
        catch_up(point, 3).await;
    }
    assert_eq!(covered(&world), 1);
}

#[tokio::test]
async fn a_revocation_that_a_point_left_without_acknowledging_is_not_covered() {
    let world = World::open().await;
    let [mut stays, leaves] = connected(&world).await;
    world.revoke("mandate/mdt_1").await;
    catch_up(&mut stays, 3).await;
    drop(leaves);
    let gone = async {
        while world.sts.points().len() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone)
        .await
        .unwrap();
    assert_eq!(covered(&world), 0);
    // The next one is.
    world.revoke("mandate/mdt_2").await;
    catch_up(&mut stays, 5).await;
    assert_eq!(covered(&world), 1);
}
