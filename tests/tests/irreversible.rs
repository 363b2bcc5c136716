//! An operation that cannot be undone, on a real Envoy: first the ledger has it, then the service.

use std::time::Duration;

use anyhow::{Context as _, Result};
use caracal_tests::client::{Connection, Request, Response, tls};
use caracal_tests::stack::envoy::{Envoy, Role};
use caracal_tests::stack::{Stack, ZONE, wait};
use caracal_tests::upstream::{BANK, Upstream};
use serde_json::Value;

struct Bank {
    envoy: Envoy,
    upstream: Upstream,
    stack: Stack,
}

impl Bank {
    async fn start() -> Result<Self> {
        let stack = Stack::start().await?;
        stack.register().await?;
        stack.activate_policy().await?;
        stack.grant_payout().await?;
        let upstream = Upstream::start().await?;
        let settings = [
            ("RESOURCE_DOMAINS", BANK.to_owned()),
            ("UPSTREAM_PORT", upstream.port.to_string()),
        ];
        let envoy = stack.envoy(Role::Gateway, "egress", &settings).await?;
        let connected = async || (stack.connected_points().await.ok()?.len() >= 3).then_some(());
        wait::until("the point is connected", Duration::from_secs(30), connected).await?;
        Ok(Self {
            envoy,
            upstream,
            stack,
        })
    }

    async fn post(&self, path: &str) -> Result<Response> {
        let tls = tls::Client::new(self.stack.identity("payout")?)?;
        Connection::mutual(self.envoy.port(), &tls)
            .await?
            .send(&Request::post(BANK, path, "{}"))
            .await
    }

    /// The requests of a path that reached the bank.
    fn arrived(&self, path: &str) -> usize {
        let all = self.upstream.arrivals.all();
        all.iter().filter(|arrival| arrival.path == path).count()
    }

    /// What the ledger has now of the filter's decisions on a request.
    async fn decisions(&self, response: &Response) -> Result<Vec<Value>> {
        let mut events = self.events(response).await?;
        events.retain(|event| event["action"] == "request");
        Ok(events)
    }

    /// All that the filter said of it.
    async fn events(&self, response: &Response) -> Result<Vec<Value>> {
        let id = response.request_id.as_deref().context("no request id")?;
        let told = self.stack.caracal(&["explain", id, "--zone", ZONE]).await?;
        let items = told.get("items").and_then(Value::as_array).cloned();
        let events = items.unwrap_or_default().into_iter();
        let events = events.filter_map(|item| item.get("event").cloned());
        let filter = Value::from("filter");
        Ok(events
            .filter(|event| event.get("component") == Some(&filter))
            .collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_in_the_ledger_before_the_service_sees_it_or_the_service_never_does() {
    let bank = Bank::start().await.unwrap();

    for _ in 0..10 {
        let response = bank.post("/transfers").await.unwrap();
        assert_eq!((response.status, &response.reason), (200, &None));
        // No waiting here: when there is an answer, the ledger has had it for longer.
        let decisions = bank.decisions(&response).await.unwrap();
        let told: Vec<_> = decisions
            .iter()
            .map(|event| (event["outcome"].as_str(), event["operation"].as_str()))
            .collect();
        assert_eq!(told, [(Some("allow"), Some("wire-transfer"))]);
    }
    assert_eq!(bank.post("/payments").await.unwrap().status, 200);
    assert_eq!(
        (bank.arrived("/transfers"), bank.arrived("/payments")),
        (10, 1)
    );

    // The lease still holds for a moment, but the ledger answers nothing any more.
    bank.stack.authority.freeze().await.unwrap();
    assert_eq!(bank.post("/payments").await.unwrap().status, 200);
    let response = bank.post("/transfers").await.unwrap();
    assert_eq!(
        (response.status, response.reason.as_deref()),
        (503, Some("audit_unavailable"))
    );
    assert_eq!(
        (bank.arrived("/transfers"), bank.arrived("/payments")),
        (10, 2)
    );

    bank.stack.authority.thaw().await.unwrap();
    let again = async || (bank.post("/transfers").await.ok()?.status == 200).then_some(());
    wait::until("it goes on", Duration::from_secs(20), again)
        .await
        .unwrap();
    // The ledger has the refused one twice: decided, and refused because nobody confirmed it.
    let both = async || (bank.decisions(&response).await.ok()?.len() == 2).then_some(());
    wait::until("the ledger has both", Duration::from_secs(20), both)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_answered_is_in_the_ledger_with_the_decision_or_behind_it() {
    let bank = Bank::start().await.unwrap();
    for (path, expected) in [
        ("/payments", &["request"][..]),
        ("/transfers", &["request", "response"]),
    ] {
        let response = bank.post(path).await.unwrap();
        assert_eq!(response.status, 200);
        let told = async || {
            let events = bank.events(&response).await.ok()?;
            events.last()?.get("status")?;
            Some(events)
        };
        let events = wait::until("the ledger has the answer", Duration::from_secs(20), told)
            .await
            .unwrap();
        let actions: Vec<_> = events
            .iter()
            .map(|event| event["action"].as_str())
            .collect();
        let expected: Vec<_> = expected.iter().map(|action| Some(*action)).collect();
        assert_eq!(actions, expected, "{path}");
        let last = events.last().unwrap();
        assert_eq!(
            (&last["status"], last.get("ended_by")),
            (&Value::from(200), None)
        );
        // Measured on loopback; a minute is the proxy's own limit for an answer.
        let duration_us = last["duration_us"].as_u64().unwrap();
        assert!((1..60_000_000).contains(&duration_us), "{duration_us}");
        if events.len() == 2 {
            assert_eq!(last["decision"], events[0]["emitter"]["seq"]);
            assert_eq!(last["mandate"], events[0]["mandate"]);
        }
    }
}
