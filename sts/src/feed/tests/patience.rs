//! Points that keep the service waiting. Each test lasts as long as the service's patience, 5 s.

use super::*;

#[tokio::test]
async fn a_point_that_does_not_say_who_it_is_is_dropped() {
    let world = World::open().await;
    let mut silent = Point::open(&world, PAYOUT).unwrap();
    let refused = silent.next().await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(refused.message().contains("Hello"), "{refused}");
    assert!(world.sts.points().is_empty());
}

#[tokio::test]
async fn a_point_that_does_not_read_is_dropped_and_holds_nothing_up() {
    let world = World::open().await;
    let mut stuck = Point::connect(&world, PAYOUT);
    stuck.ping(1).await;
    for nonce in 0..100 {
        stuck.send(Message::Ping(Ping { nonce }));
    }
    // Its queue is full now; others are served.
    Point::connect(&world, OTHER).ping(1).await;
    let gone = async {
        while world
            .sts
            .points()
            .iter()
            .any(|point| point.spiffe_id == PAYOUT)
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .expect("it is dropped");
    // What was queued is still there to read, and then the end.
    let mut queued = 0;
    while stuck.from.next().await.is_some() {
        queued += 1;
    }
    assert_eq!(queued, QUEUE);
}

#[tokio::test]
async fn the_service_says_goodbye_when_it_stops() {
    let world = World::open().await;
    let mut point = Point::connect(&world, PAYOUT);
    point.ping(1).await;
    point.stop.send_replace(true);
    let goodbye = point.next().await.unwrap_err();
    assert_eq!(goodbye.code(), tonic::Code::Unavailable);
}
