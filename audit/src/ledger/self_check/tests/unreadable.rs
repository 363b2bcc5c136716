use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_is_no_damage_and_is_forgotten_when_it_does() {
    let server = PostgresServer::start(caracal_store::testing::Durability::Memory);
    let url = server.empty_database().await;
    Ledger::migrate(&url).await.unwrap();
    let site = Site {
        place: Place::new(),
        url,
    };
    site.history().await;
    let ledger = site.open().await;
    let mut check = site.checker(&ledger);
    check.finds_nothing().await;
    server
        .without(async {
            check.0.step(true).await;
            let status = check.status();
            assert!(status.is_intact() && status.reasons().is_empty());
            assert!(status.unreadable.is_some());
        })
        .await;
    // It may take a moment to let others in.
    for _ in 0..100 {
        check.0.step(true).await;
        if check.status().unreadable.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    check.finds_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_running_ledger_checks_itself_and_stops_when_it_is_closed() {
    for site in Site::both().await {
        site.history().await;
        let ledger = site.open().await;
        let until = Instant::now() + Duration::from_secs(20);
        while ledger.self_check().passes == 0 {
            assert!(Instant::now() < until, "{:?}", ledger.self_check());
            sleep(Duration::from_millis(50)).await;
        }
        let status = ledger.self_check();
        assert!(status.is_intact() && status.checked >= 30 && status.last_pass_ms.is_some());
        site.sql("UPDATE log_state SET size = 10 WHERE zone = 'a'")
            .await;
        while ledger.self_check().is_intact() {
            assert!(Instant::now() < until, "{:?}", ledger.self_check());
            sleep(Duration::from_millis(50)).await;
        }
        let handle = ledger.clone();
        ledger.close().await;
        let running = handle.self_check.running.lock().unwrap();
        assert!(running.is_none());
    }
}
