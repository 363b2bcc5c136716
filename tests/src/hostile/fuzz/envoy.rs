//! A part of the same requests through a real Envoy to a real axum, so that what is said of the
//! filter's core is said of the filter.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;

use super::routers::{application, matched};
use super::{Core, Generator, HOST, Tally};
use crate::client::{Connection, tls};
use crate::hostile::site::Site;
use crate::hostile::variant;
use crate::stack::envoy::{Envoy, Role};
use crate::stack::wait;

/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Whether a request line of HTTP/1.1 carries the target as it is. Of others Envoy reads another
/// target, and it counts that they are refused, for whatever.
fn is_one_word(target: &[u8]) -> bool {
    target.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
}

/// Sends `count` requests of a seed. Those that the core matches must come to that route of the
/// application, and nothing else may get there.
pub async fn through_envoy(site: &Site, seed: u64, count: usize) -> Result<Tally> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let server = tokio::spawn(async move {
        axum::serve(listener, application()?)
            .await
            .map_err(anyhow::Error::from)
    });
    let settings = [
        ("RESOURCE_DOMAINS", HOST.to_owned()),
        ("UPSTREAM_PORT", port.to_string()),
    ];
    let before = site.stack.connected_points().await?.len();
    let rendered = site.stack.render(Role::Resource, "fuzz", &settings).await?;
    // Without the hardening, so that the filter sees what Envoy would refuse before it.
    let rendered = rendered.edited(variant::bare).await?;
    let envoy = Envoy::start(&site.stack.parts, rendered, 1, site.stack.folder()).await?;
    wait::until(
        "the point is connected",
        Duration::from_secs(30),
        async || (site.stack.connected_points().await.ok()?.len() > before + 1).then_some(()),
    )
    .await?;
    let tls = tls::Client::new(site.stack.identity("payout")?)?;
    let core = Core::new()?;
    let mut generator = Generator::new(seed);
    let mut tally = Tally::default();
    let mut connection: Option<Connection> = None;
    for _ in 0..count {
        let request = generator.request();
        if request.method == b"HEAD" {
            // The client here would wait for content that an answer to HEAD does not have.
            continue;
        }
        tally.requests += 1;
        let expected = core.read(&request);
        let bytes = [
            &request.method[..],
            b" ",
            &request.target,
            b" HTTP/1.1\r\nhost: ",
            &request.host,
            b"\r\nauthorization: Bearer ",
            site.kit.atlas.as_bytes(),
            b"\r\n\r\n",
        ]
        .concat();
        let mut open = match connection.take() {
            Some(open) => open,
            None => Connection::mutual(envoy.port(), &tls).await?,
        };
        let answer = tokio::time::timeout(ANSWER, open.exchange(&bytes)).await;
        let matched_there = match answer.context("no answer in time")? {
            Ok(answer) if answer.status == 200 => {
                let body = String::from_utf8(answer.body)?;
                connection = Some(open);
                Ok(matched(&body))
            }
            // A refusal may close the connection, and what is left of a target with a blank in it
            // must not be taken for the next request here: only a success keeps it.
            Ok(answer) => {
                let hidden = answer.status == 405 && answer.reason.is_none();
                if hidden && expected.is_ok() {
                    tally.hidden += 1;
                    continue;
                }
                Err(answer.reason)
            }
            Err(_) => Err(None),
        };
        match (&expected, &matched_there) {
            (Ok(by_filter), Ok(at_axum)) if by_filter == at_axum => tally.matched += 1,
            // By the filter it is for the very reason; by Envoy for one of its own.
            (Err(reason), Err(by_filter))
                if !is_one_word(&request.target)
                    || by_filter
                        .as_deref()
                        .is_none_or(|by_filter| by_filter == *reason) =>
            {
                *tally.refused.entry(*reason).or_default() += 1;
            }
            _ => tally.differences.push(format!(
                "{request}: {expected:?} natively, {matched_there:?} through Envoy"
            )),
        }
    }
    server.abort();
    Ok(tally)
}
