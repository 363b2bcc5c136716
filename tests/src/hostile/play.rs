//! Sends every case through every way that it concerns, and judges what became of it.

use std::time::Duration;

use anyhow::Result;

use super::case::{Case, Expect, Message};
use super::reader::Reader;
use super::site::{Site, Way};
use super::upstream::{Arrived, Upstream};
use super::wire::{self, Answer, Door};

/// How long something that Envoy gave up in the middle may be on its way to the upstream while its
/// answer is here already.
const ON_ITS_WAY: Duration = Duration::from_millis(20);

/// Who refused, or that nobody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Refused by Envoy: an answer without our reason, or none.
    Envoy,
    /// Refused by the filter.
    Filter,
    /// Given up by Envoy in the middle of the content of an allowed request.
    CutOff,
    /// Let through in normal form.
    Passed,
}

/// One case through one way in one protocol.
#[derive(Debug, Clone)]
pub struct Run {
    /// Way.
    pub way: &'static str,
    /// 1 or 2.
    pub protocol: u8,
    /// What became of it.
    pub fate: Fate,
    /// Bytes that reached the upstream although nothing may have.
    pub stray_bytes: usize,
    /// Status and reason, for people.
    pub seen: String,
    /// What is wrong about it.
    pub problem: Option<String>,
}

/// A case with everything that became of it.
#[derive(Debug, Clone)]
pub struct Played {
    /// The case.
    pub case: Case,
    /// Its runs.
    pub runs: Vec<Run>,
}

/// Plays every case.
pub async fn all(site: &Site, cases: Vec<Case>) -> Result<Vec<Played>> {
    let reader = Reader::new()?;
    let mut played = Vec::new();
    // What the readiness of anything sent before does not count.
    drop(site.upstream.take());
    for case in cases {
        let mut runs = Vec::new();
        for way in site.ways.iter().filter(|way| way.at == case.at) {
            for (protocol, answers, arrived) in
                send(&site.upstream, &way.door, &case.message).await?
            {
                runs.push(judge(
                    &reader,
                    way,
                    protocol,
                    &case.expect,
                    &answers,
                    &arrived,
                ));
            }
        }
        played.push(Played { case, runs });
    }
    Ok(played)
}

/// Sends a message in each protocol that it has, and takes what the upstream got of it.
pub(crate) async fn send(
    upstream: &Upstream,
    door: &Door,
    message: &Message,
) -> Result<Vec<(u8, Vec<Answer>, Arrived)>> {
    let mut all = Vec::new();
    let http1 = match message {
        Message::Both(request) => Some(request.http1()),
        Message::Http1(bytes) => Some(bytes.clone()),
        Message::Http2(_) => None,
    };
    if let Some(bytes) = http1 {
        let raw = matches!(message, Message::Http1(_));
        let answers = wire::http1(door, &bytes, raw).await?;
        all.push((1, answers, arrived(upstream, raw).await));
    }
    let http2 = match message {
        Message::Both(request) => Some(request.http2()),
        Message::Http2(frames) => Some(frames.clone()),
        Message::Http1(_) => None,
    };
    if let Some(frames) = http2 {
        let raw = matches!(message, Message::Http2(_));
        let answers = wire::http2(door, &frames).await?;
        all.push((2, answers, arrived(upstream, raw).await));
    }
    Ok(all)
}

/// What the upstream got. Only of raw bytes can a part arrive after the answer.
async fn arrived(upstream: &Upstream, raw: bool) -> Arrived {
    if raw {
        tokio::time::sleep(ON_ITS_WAY).await;
    }
    upstream.take()
}

fn judge(
    reader: &Reader,
    way: &Way,
    protocol: u8,
    expect: &Expect,
    answers: &[Answer],
    arrived: &Arrived,
) -> Run {
    let seen: Vec<_> = answers
        .iter()
        .map(|answer| match (&answer.reason, answer.status) {
            (Some(reason), status) => format!("{status} {reason}"),
            (None, 0) => "reset".to_owned(),
            (None, status) => status.to_string(),
        })
        .collect();
    let reason = answers.iter().find_map(|answer| answer.reason.as_deref());
    let passed = !arrived.requests.is_empty() || arrived.bytes > 0;
    let fate = match (passed, reason) {
        (true, _) if arrived.requests.is_empty() && *expect == Expect::CutOff => Fate::CutOff,
        (true, _) => Fate::Passed,
        (false, Some(_)) => Fate::Filter,
        (false, None) => Fate::Envoy,
    };
    let lines: Vec<_> = arrived
        .requests
        .iter()
        .map(|request| request.line().to_owned())
        .collect();
    // An Envoy that repairs makes another request of it; what counts is that it is decided on as it
    // then goes on.
    let repairs = way.name == "repairing";
    #[expect(
        clippy::match_same_arms,
        reason = "the guards between them are what they are about"
    )]
    let problem = match (expect, fate) {
        // A head that never ends is waited for until it is too late.
        (Expect::ByEnvoy, Fate::Envoy) if answers.is_empty() => None,
        (_, Fate::Envoy) if answers.is_empty() => Some("no answer".to_owned()),
        (_, Fate::Envoy) if answers.iter().any(|answer| answer.status == 200) => {
            Some("a success that nobody at the upstream knows of".to_owned())
        }
        (
            Expect::Refused(_) | Expect::ByEnvoy | Expect::EnvoyOr(_) | Expect::CutOff,
            Fate::Envoy,
        )
        | (Expect::CutOff, Fate::CutOff) => None,
        (Expect::Refused(expected), Fate::Filter) if reason == Some(expected.as_str()) => None,
        (Expect::Refused(_), Fate::Filter) if repairs => None,
        (Expect::EnvoyOr(_), Fate::Filter) => None,
        (Expect::Allowed(expected) | Expect::EnvoyOr(expected), Fate::Passed)
            if *expected == lines =>
        {
            reader.problem(arrived)
        }
        (Expect::Refused(_), Fate::Passed) if repairs => reader.problem(arrived),
        (expected, _) => Some(format!("expected {expected:?}; upstream {lines:?}")),
    };
    let may_pass = problem.is_none() && matches!(fate, Fate::Passed | Fate::CutOff);
    Run {
        way: way.name,
        protocol,
        fate,
        stray_bytes: if may_pass { 0 } else { arrived.bytes },
        seen: seen.join(", "),
        problem,
    }
}
