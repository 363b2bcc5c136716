//! Shadow mode on a real Envoy: everything passes, and everything is said.

use std::time::Duration;

use anyhow::{Context as _, Result};
use caracal_tests::client::{Connection, Request, Response, tls};
use caracal_tests::mandates::Exchange;
use caracal_tests::stack::envoy::{Envoy, Mode, Role};
use caracal_tests::stack::{Stack, ZONE, wait};
use caracal_tests::upstream::{BANK, COMPLIANCE, INVOICES, Upstream};
use serde_json::Value;

struct Scene {
    envoy: Envoy,
    upstream: Upstream,
    stack: Stack,
}

impl Scene {
    /// An Envoy in shadow, with its configuration changed as told.
    async fn start(role: Role, edit: fn(&str) -> String) -> Result<Self> {
        let stack = Stack::start().await?;
        stack.register().await?;
        stack.activate_policy().await?;
        let upstream = Upstream::start().await?;
        let settings = [
            (
                "RESOURCE_DOMAINS",
                format!("{BANK}, {INVOICES}, {COMPLIANCE}"),
            ),
            ("UPSTREAM_PORT", upstream.port.to_string()),
        ];
        let rendered = stack
            .render_in(Mode::Shadow, role, "edge", &settings)
            .await?;
        let rendered = rendered.edited(|text| Ok(edit(text))).await?;
        let envoy = stack.run(rendered).await?;
        let connected = async || (stack.connected_points().await.ok()?.len() >= 3).then_some(());
        wait::until("the point is connected", Duration::from_secs(30), connected).await?;
        Ok(Self {
            envoy,
            upstream,
            stack,
        })
    }

    async fn send(&self, request: &Request) -> Result<Response> {
        let tls = tls::Client::new(self.stack.identity("payout")?)?;
        Connection::mutual(self.envoy.port(), &tls)
            .await?
            .send(request)
            .await
    }

    /// Whether a credential reached the service with the last request.
    fn leaked(&self) -> Option<bool> {
        self.upstream.arrivals.all().last().map(|last| last.leaked)
    }

    /// What the ledger has of a request, once it has it.
    async fn explained(&self, response: &Response) -> Result<Value> {
        let id = response.request_id.as_deref().context("no request id")?;
        let explain = async || {
            let command = ["explain", id, "--zone", ZONE];
            let told = self.stack.caracal(&command).await.ok()?;
            let items = told.get("items")?.as_array()?.clone();
            let events = items.iter().filter_map(|item| item.get("event"));
            let filter = Value::from("filter");
            let mut own = events.filter(|event| event.get("component") == Some(&filter));
            own.next().cloned()
        };
        wait::until("the ledger has it", Duration::from_secs(10), explain).await
    }
}

fn unchanged(text: &str) -> String {
    text.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_in_shadow_lets_pass_what_it_refuses_and_says_so_everywhere() {
    let scene = Scene::start(Role::Gateway, unchanged).await.unwrap();
    let invoice = Request::get(INVOICES, "/invoices/2041");

    // Refused, each for its own reason, and all of it arrives.
    let forged = invoice.clone().header("x-caracal-decision", "allow");
    let response = scene.send(&forged).await.unwrap();
    assert_eq!((response.status, &response.reason), (200, &None));
    assert_eq!(scene.leaked(), Some(false), "internal headers are removed");
    let refused = response.request_id.clone().unwrap();
    let event = scene.explained(&response).await.unwrap();
    assert_eq!(
        (&event["outcome"], &event["reason"]),
        (&"deny".into(), &"no_grant".into())
    );
    assert_eq!(event["shadow"], true);
    let keyed = invoice.clone().header("authorization", "Bearer sk-live-1");
    assert_eq!(scene.send(&keyed).await.unwrap().status, 200);
    assert_eq!(
        scene.leaked(),
        Some(true),
        "the agent's own key is left to it"
    );
    let ambiguous = Request::get(INVOICES, "/invoices//2041")
        .header("x-http-method-override", "DELETE")
        .header("x-caracal-reason", "forged");
    assert_eq!(scene.send(&ambiguous).await.unwrap().status, 200);
    assert_eq!(scene.leaked(), Some(false));
    assert_eq!(scene.upstream.arrivals.count(), 3);

    // Allowed, like in enforcement.
    scene.stack.grant_payout().await.unwrap();
    let response = scene.send(&invoice).await.unwrap();
    assert_eq!((response.status, scene.leaked()), (200, Some(false)));
    let allowed = response.request_id.clone().unwrap();
    let event = scene.explained(&response).await.unwrap();
    assert_eq!(
        (&event["outcome"], &event["shadow"]),
        (&"allow".into(), &true.into())
    );

    // The metrics, by Envoy's own names, and the status.
    let reported = async || {
        let stats = scene
            .envoy
            .admin("/stats?filter=caracal_|rbac")
            .await
            .ok()?;
        let all = [
            "wasmcustom.caracal_shadow_denied.reason.no_grant: 2",
            "wasmcustom.caracal_shadow_allowed: 1",
            "wasmcustom.caracal_shadow_mode: 1",
            "rbac.shadow_denied: 3",
            "rbac.shadow_allowed: 1",
            "rbac.denied: 0",
        ];
        let enforced = ["caracal_requests_denied", "caracal_requests_allowed"];
        let good = all.iter().all(|line| stats.contains(line))
            && !enforced.iter().any(|name| stats.contains(name));
        good.then_some(())
    };
    wait::until("the metrics tell", Duration::from_secs(5), reported)
        .await
        .unwrap();
    let prometheus = scene.envoy.admin("/stats/prometheus").await.unwrap();
    assert!(
        prometheus.contains(r#"caracal_shadow_denied{reason="no_grant"} 2"#),
        "{prometheus}"
    );
    for point in scene.stack.connected_points().await.unwrap() {
        assert_eq!(
            (&point["mode"], &point["streams"]),
            (&"shadow".into(), &1.into())
        );
    }
    let logged = async || {
        let log = scene.stack.log("edge").await.ok()?;
        let lines: Vec<Value> = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let of = |id: &str| lines.iter().find(|line| line["request_id"] == id);
        let told = |id: &str| Some(of(id)?["caracal"].as_str()?.to_owned());
        Some((told(&refused)?, told(&allowed)?))
    };
    let (refused, allowed) = wait::until("the access log tells", Duration::from_secs(20), logged)
        .await
        .unwrap();
    let operation = "operation=read-invoice resource=invoices";
    assert_eq!(
        refused,
        format!("mode=shadow outcome=deny reason=no_grant {operation}")
    );
    let mandate = event["mandate"].as_str().unwrap();
    assert_eq!(
        allowed,
        format!("mode=shadow outcome=allow {operation} application=payout-agent mandate={mandate}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_never_reaches_the_service_in_shadow_and_an_outage_stops_nobody() {
    let mut scene = Scene::start(Role::Resource, unchanged).await.unwrap();
    scene.stack.grant_payout().await.unwrap();
    let payout = scene.stack.identity("payout").unwrap();
    let port = scene.stack.authority.grpc_port;
    let mut exchange = Exchange::connect(payout, port).await.unwrap();
    let mandate = exchange
        .mandate("GET", INVOICES, "/invoices/1")
        .await
        .unwrap();
    for (path, host, reason) in [
        ("/invoices/1", INVOICES, None),
        ("/accounts/1", BANK, Some("invalid_mandate.audience")),
    ] {
        let request = Request::get(host, path).mandate(&mandate);
        let response = scene.send(&request).await.unwrap();
        assert_eq!(
            (response.status, scene.leaked()),
            (200, Some(false)),
            "{path}"
        );
        let event = scene.explained(&response).await.unwrap();
        assert_eq!(event.get("reason").and_then(Value::as_str), reason);
    }
    scene.stack.authority.kill().await.unwrap();
    // Longer than the lease: nobody can say yes any more.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let response = scene
        .send(&Request::get(INVOICES, "/invoices/1").mandate(&mandate))
        .await
        .unwrap();
    assert_eq!((response.status, scene.leaked()), (200, Some(false)));
    let stats = async || {
        let stats = scene.envoy.admin("/stats?filter=caracal_").await.ok()?;
        let line = "caracal_shadow_denied.reason.authority_unavailable: 1";
        stats.contains(line).then_some(())
    };
    wait::until("it is counted", Duration::from_secs(5), stats)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_in_shadow_opens_nothing_while_the_net_behind_it_enforces() {
    let scene = Scene::start(Role::Gateway, |text| {
        text.replace("shadow_rules:", "rules:")
    })
    .await
    .unwrap();
    let invoice = Request::get(INVOICES, "/invoices/2041");
    assert_eq!(scene.send(&invoice).await.unwrap().status, 403);
    assert_eq!(scene.upstream.arrivals.count(), 0);
    scene.stack.grant_payout().await.unwrap();
    assert_eq!(scene.send(&invoice).await.unwrap().status, 200);
}
