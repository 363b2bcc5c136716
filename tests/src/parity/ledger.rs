//! What the ledger says of the same request on both sides.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use caracal_mandate::event::{Action, Component, Event, Outcome};
use serde_json::Value;

use super::site::Site;
use super::{Compared, Run};
use crate::client::Request;
use crate::hostile::case::At;
use crate::stack::ZONE;

/// Entries in one answer of the management API.
const PAGE: usize = 1000;

/// Longer than the filters keep a decision that they can deliver.
const DELIVERED: Duration = Duration::from_secs(2);

/// How often the ledger is looked at until nothing is added any more.
const LOOKS: usize = 15;

/// The decisions by request.
pub(super) struct Books(HashMap<String, Vec<Event>>);

impl Books {
    /// Reads until nothing was added for as long as a delivery takes.
    pub(super) async fn read(site: &Site) -> Result<Self> {
        let mut books = Self::now(site).await?;
        for _ in 0..LOOKS {
            tokio::time::sleep(DELIVERED).await;
            let before = std::mem::replace(&mut books, Self::now(site).await?);
            if books.count() == before.count() {
                return Ok(books);
            }
        }
        anyhow::bail!("decisions keep coming in")
    }

    fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    async fn now(site: &Site) -> Result<Self> {
        let mut books = HashMap::<String, Vec<Event>>::new();
        let mut before = None;
        loop {
            let before_that = before.map_or(String::new(), |index: u64| format!("&before={index}"));
            let path = format!("/v1/zones/{ZONE}/audit?limit={PAGE}{before_that}");
            let call = Request::get("localhost", &path);
            let answer = site.stack().authority.call(call).await?;
            let items = answer.get("items").and_then(Value::as_array);
            let items = items.context("no items")?;
            for item in items {
                before = item.get("index").and_then(Value::as_u64);
                let event = item.get("event").cloned().context("no event")?;
                let event: Event = serde_json::from_value(event)?;
                if let Some(id) = event.request_id.clone() {
                    books.entry(id).or_default().push(event);
                }
            }
            if items.len() < PAGE {
                return Ok(Self(books));
            }
        }
    }

    /// Notes where the sides recorded something else.
    pub(super) fn compare(&self, compared: &mut Compared) {
        let at = compared.case.at;
        for run in &mut compared.runs {
            let [filter, native] = self.sides(run, at);
            if filter != native {
                let ledger = format!("in the ledger: filter {filter:?}, ext_authz {native:?}");
                run.differs = Some(match run.differs.take() {
                    Some(differs) => format!("{differs}; {ledger}"),
                    None => ledger,
                });
            }
        }
    }

    fn sides(&self, run: &Run, at: At) -> [Vec<String>; 2] {
        let [filter, native] = &run.ids;
        // A filter's decision is its own; the issue of a mandate is recorded beside it, and behind it
        // what became of a slow request.
        let filter = self.said(filter.as_deref(), at, |event| {
            event.component == Component::Filter && event.action != Action::Response
        });
        let native = self.said(native.as_deref(), at, |event| {
            event.component == Component::Sts && event.action != Action::Authorize
        });
        [filter, native]
    }

    fn said(&self, id: Option<&str>, at: At, is_decision: fn(&Event) -> bool) -> Vec<String> {
        let events = id.and_then(|id| self.0.get(id));
        let events = events.into_iter().flatten();
        let events = events.filter(|event| is_decision(event));
        let mut said: Vec<_> = events.map(|event| line(event, at)).collect();
        said.sort_unstable();
        said
    }
}

/// What both know. An agent's own sidecar knows no peer, and which mandate it is differs.
fn line(event: &Event, at: At) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let holder = match at {
        At::Agent => String::new(),
        At::Resource | At::Gateway => text(&event.holder),
    };
    let application = match event.outcome {
        Outcome::Allow => text(&event.application),
        Outcome::Deny => String::new(),
    };
    format!(
        "{:?} {:?} {} {} {} {} {holder} {application}",
        event.outcome,
        event.reason,
        text(&event.method),
        text(&event.host),
        text(&event.path),
        text(&event.operation),
    )
}
