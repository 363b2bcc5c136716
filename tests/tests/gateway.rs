//! The egress gateway, which is both sides in one: it exchanges for its peers and enforces.

use std::time::Duration;

use anyhow::Result;
use caracal_tests::client::{Connection, Request, Response, tls};
use caracal_tests::stack::envoy::{Envoy, Role};
use caracal_tests::stack::{Stack, wait};
use caracal_tests::upstream::{BANK, COMPLIANCE, INVOICES, Upstream};

struct Egress {
    envoy: Envoy,
    upstream: Upstream,
    stack: Stack,
}

impl Egress {
    async fn start() -> Result<Self> {
        let stack = Stack::start().await?;
        stack.register().await?;
        stack.activate_policy().await?;
        let upstream = Upstream::start().await?;
        let domains = format!("{BANK}, {INVOICES}, {COMPLIANCE}");
        let settings = [
            ("RESOURCE_DOMAINS", domains),
            ("UPSTREAM_PORT", upstream.port.to_string()),
        ];
        let envoy = stack.envoy(Role::Gateway, "egress", &settings).await?;
        wait::until(
            "the gateway is connected",
            Duration::from_secs(20),
            async || (stack.connected_points().await.ok()?.len() >= 3).then_some(()),
        )
        .await?;
        Ok(Self {
            envoy,
            upstream,
            stack,
        })
    }

    async fn send(&self, workload: &str, request: &Request) -> Result<Response> {
        let tls = tls::Client::new(self.stack.identity(workload)?)?;
        Connection::mutual(self.envoy.port(), &tls)
            .await?
            .send(request)
            .await
    }
}

fn verdict(response: &Response) -> (u16, Option<&str>) {
    (response.status, response.reason.as_deref())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_lets_through_what_its_peer_was_granted_and_nothing_else() {
    let egress = Egress::start().await.unwrap();
    let invoice = Request::get(INVOICES, "/invoices/2041");

    let answer = egress.send("payout", &invoice).await.unwrap();
    assert_eq!(verdict(&answer), (403, Some("no_grant")), "without a grant");
    assert_eq!(egress.upstream.arrivals.count(), 0);

    egress.stack.grant_payout().await.unwrap();
    let answer = egress.send("payout", &invoice).await.unwrap();
    assert_eq!(verdict(&answer), (200, None), "with one");
    assert_eq!(egress.upstream.arrivals.count(), 1);

    let answer = egress.send("research", &invoice).await.unwrap();
    assert_eq!(
        verdict(&answer),
        (403, Some("no_grant")),
        "another application"
    );
    let answer = egress.send("stranger", &invoice).await.unwrap();
    assert_eq!(
        verdict(&answer),
        (403, Some("caller_unknown")),
        "a workload of no application"
    );
    let answer = egress
        .send("payout", &Request::get("paste.example", "/"))
        .await
        .unwrap();
    assert_eq!(
        verdict(&answer),
        (403, Some("resource_unregistered")),
        "another host"
    );

    let arrivals = egress.upstream.arrivals.all();
    assert_eq!(arrivals.len(), 1, "only the one that was allowed");
    assert!(
        arrivals.iter().all(|arrival| !arrival.leaked),
        "and without the mandate"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_without_a_certificate_is_not_talked_to() {
    let egress = Egress::start().await.unwrap();
    let plain = async {
        let mut connection = Connection::plain(egress.envoy.port()).await?;
        connection
            .send(&Request::get(INVOICES, "/invoices/2041"))
            .await
    };
    assert!(plain.await.is_err());
    assert_eq!(egress.upstream.arrivals.count(), 0);
}
