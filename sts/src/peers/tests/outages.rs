use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_the_log_is_read_all_the_same() {
    let scene = Scene::new().await;
    scene.redis.stop();
    let one = scene.silent("one", 100).await;
    let two = scene.silent("two", 100).await;
    assert!(two.learns(scene.commit(&one.store).await).await);
    assert!(!two.stats().listening);
    scene.redis.restart();
    two.until("it listens", |stats| stats.listening).await;
    scene.redis.freeze();
    assert!(two.learns(scene.commit(&one.store).await).await);
    scene.redis.thaw();
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_came_back_empty_has_lost_nothing() {
    let scene = Scene::new().await;
    let one = scene.replica("one", MINUTE_MS).await;
    let two = scene.replica("two", MINUTE_MS).await;
    for round in 0..2 {
        assert!(
            two.learns(scene.commit(&one.store).await).await,
            "{round}: before"
        );
        scene.redis.stop();
        let missed = scene.commit(&one.store).await;
        scene.redis.restart();
        assert!(two.learns(missed).await, "{round}: what nobody could say");
        one.until("it listens", |stats| stats.listening).await;
        assert!(
            two.learns(scene.commit(&one.store).await).await,
            "{round}: after"
        );
    }
    // Emptied by somebody while it runs.
    let _ok: String = scene.run(&["FLUSHALL"]).await;
    eventually("both have a group again", async || {
        let streams: u64 = scene.run(&["EXISTS", "caracal:authority"]).await;
        streams == 1 && scene.groups().await.len() == 2
    })
    .await;
    assert!(two.learns(scene.commit(&one.store).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_hangs_is_found_out_and_what_was_committed_meanwhile_is_learnt() {
    let scene = Scene::new().await;
    let one = scene.replica("one", MINUTE_MS).await;
    let two = scene.replica("two", MINUTE_MS).await;
    scene.redis.freeze();
    let missed = scene.commit(&one.store).await;
    two.until("it notices", |stats| !stats.listening).await;
    one.until("so does who has something to say", |stats| stats.unsent > 0)
        .await;
    scene.redis.thaw();
    assert!(two.learns(missed).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_left_that_died_is_taken_up_by_its_successor() {
    let scene = Scene::new().await;
    let store = Store::connect(&scene.place).await.unwrap();
    let (stream, head) = ("caracal:authority", store.head().await.unwrap());
    let _ok: String = scene
        .run(&["XGROUP", "CREATE", stream, "one", "$", "MKSTREAM"])
        .await;
    scene.say(message(store.term(), head, 1), &key()).await;
    scene
        .say(
            message(store.term(), head, 2),
            &PeerKey::from_bytes([8; 32]),
        )
        .await;
    let _read: Value = scene
        .run(&["XREADGROUP", "GROUP", "one", "died", "STREAMS", stream, ">"])
        .await;
    assert_eq!(scene.open("one").await, 2);
    let replica = scene.replica("one", MINUTE_MS).await;
    eventually("nothing is left", async || scene.open("one").await == 0).await;
    let stats = replica.stats();
    assert_eq!((stats.reclaimed, stats.acknowledged), (2, 1), "{stats:?}");
    assert_eq!(
        stats.dead_for(DeadReason::Forged),
        1,
        "it is judged like any other"
    );
    eventually("the dead consumer is gone", async || {
        let consumers: Vec<Value> = scene.run(&["XINFO", "CONSUMERS", stream, "one"]).await;
        consumers.len() == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_groups_of_replicas_that_are_gone_are_destroyed() {
    let scene = Scene {
        timing: PeerTiming {
            retention: Duration::from_secs(3),
            ..Scene::new().await.timing
        },
        ..Scene::new().await
    };
    let stream = "caracal:authority";
    let _ok: String = scene
        .run(&["XGROUP", "CREATE", stream, "abandoned", "$", "MKSTREAM"])
        .await;
    let one = scene.replica("one", MINUTE_MS).await;
    let two = scene.replica("two", MINUTE_MS).await;
    eventually("who never showed life goes", async || {
        !scene.groups().await.contains(&"abandoned".to_owned())
    })
    .await;
    assert_eq!(scene.groups().await, ["one", "two"]);
    drop(two);
    eventually("who shows none any more goes too", async || {
        scene.groups().await == ["one"]
    })
    .await;
    assert!(one.stats().listening);
}
