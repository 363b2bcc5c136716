use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_known_to_the_other_replica_long_before_it_would_poll() {
    let scene = Scene::new().await;
    let one = scene.replica("one", MINUTE_MS).await;
    let two = scene.replica("two", MINUTE_MS).await;
    let clock = SystemClock::new();
    let mut took_ms = Vec::new();
    for round in 0..40 {
        let (committer, other) = if round % 2 == 0 {
            (&one, &two)
        } else {
            (&two, &one)
        };
        let seq = scene.commit(&committer.store).await;
        let committed_ms = clock.monotonic_ms();
        assert!(other.learns(seq).await, "{round}: {:?}", other.stats());
        took_ms.push(clock.monotonic_ms() - committed_ms);
    }
    took_ms.sort_unstable();
    println!(
        "from the commit to the other replica, ms: median {}, worst {}",
        took_ms[20], took_ms[39]
    );
    let (of_one, of_two) = (one.stats(), two.stats());
    // One or the other is found by the read that follows a subscription.
    assert!(of_one.woken + of_two.woken >= 36, "{of_one:?} {of_two:?}");
    assert!(
        of_one.sent + of_two.sent <= 44,
        "nobody repeats what it was told: {of_one:?} {of_two:?}"
    );
    assert!(
        of_one
            .dead
            .iter()
            .chain(&of_two.dead)
            .all(|(_, count)| *count == 0)
    );
    for (group, replica) in [("one", &one), ("two", &two)] {
        eventually("all is acknowledged", async || scene.open(group).await == 0).await;
        replica
            .until("and counted", |stats| stats.acknowledged == stats.received)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_a_process_that_tells_nobody_is_told_by_who_polled_it_first() {
    let scene = Scene::new().await;
    let _polls = scene.replica("polls", 50).await;
    let waits = scene.replica("waits", MINUTE_MS).await;
    let store = Store::connect(&scene.place).await.unwrap();
    for _ in 0..3 {
        assert!(waits.learns(scene.commit(&store).await).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_acknowledged_only_when_its_position_is_applied() {
    let scene = Scene {
        timing: PeerTiming::default(),
        ..Scene::new().await
    };
    let replica = scene.replica("one", MINUTE_MS).await;
    let (term, next) = (replica.store.term(), replica.applied() + 1);
    scene.say(message(term, next, 1), &key()).await;
    replica.until("it comes in", |stats| stats.woken == 1).await;
    // Longer than any read waits.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(
        (scene.open("one").await, replica.stats().acknowledged),
        (1, 0)
    );
    let other = Store::connect(&scene.place).await.unwrap();
    assert_eq!(scene.commit(&other).await, next);
    scene.say(message(term, next, 2), &key()).await;
    eventually("both are acknowledged", async || {
        scene.open("one").await == 0
    })
    .await;
    assert_eq!(replica.applied(), next);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_that_the_documentation_names_are_enough() {
    let scene = Scene {
        login: "?user=sts&pass=pw",
        ..Scene::new().await
    };
    let manual = include_str!("../../../../docs/replicas.md");
    let line = manual
        .lines()
        .find(|line| line.starts_with("ACL SETUSER sts"));
    let line = line.unwrap().replace(">PASSWORD", ">pw");
    let words: Vec<&str> = line.split(' ').collect();
    let _ok: String = scene.run(&words).await;
    let _group: String = scene
        .run(&[
            "XGROUP",
            "CREATE",
            "caracal:authority",
            "abandoned",
            "$",
            "MKSTREAM",
        ])
        .await;
    let one = scene.replica("one", MINUTE_MS).await;
    let two = scene.replica("two", MINUTE_MS).await;
    assert!(two.learns(scene.commit(&one.store).await).await);
    scene.put(&[(b"m", b"")]).await;
    let (term, applied) = (one.store.term(), one.applied());
    scene.say(message(term, applied + 9, 1), &key()).await;
    one.until("it buries and reclaims", |stats| {
        stats.dead_for(DeadReason::Malformed) == 1 && stats.reclaimed > 0
    })
    .await;
    eventually("it destroys groups", async || {
        scene.groups().await.len() == 2
    })
    .await;
    let limits = &one.sts.service().limits;
    let client = "payout".parse().unwrap();
    assert!(limits.admit_exchange(&scene.zone, &client, 0).await);
    assert!(limits.count_failure(None, &scene.zone, "payout", 0).await);
    let counters: Vec<String> = scene.run(&["KEYS", "caracal:limit:*"]).await;
    assert_eq!(counters.len(), 2, "{counters:?}");
    let refused: Vec<Value> = scene.run(&["ACL", "LOG"]).await;
    assert!(refused.is_empty(), "{refused:?}");
}
