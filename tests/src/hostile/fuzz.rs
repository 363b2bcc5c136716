//! Differential fuzzing: what the filter matched, and what the upstream's own router would match.
//!
//! The filter forwards a request as it came, so every server behind it reads the same bytes once
//! more. Whenever the filter's core says "operation X", each of these readers must come to the route
//! of X with the same parameters:
//!
//! - axum (the `http` crate's URI, matchit),
//! - the WHATWG URL parser of the `url` crate, then matchit,
//! - Python's `urllib`, decoding before matching as WSGI servers do (`fuzz/router.py`),
//! - Go's `net/http` and its `ServeMux`, where Go is installed (`fuzz/router.go`).

pub mod catalogue;
mod envoy;
mod generator;
mod outside;
mod routers;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use caracal_filter::head::Head;
use caracal_mandate::catalog::{Catalog, Resource};
use caracal_mandate::operation::Segment;

pub use catalogue::{HONEST, HOST};
pub use envoy::through_envoy;
pub use generator::{Generated, Generator};

/// Where the fuzzer starts when nobody says otherwise.
pub const SEED: u64 = 0x00C4_2ACA_15EE_D001;

/// How many requests.
pub const REQUESTS: usize = 100_000;

/// A route with the values of its parameters, decoded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Name of the operation.
    pub route: String,
    /// Values, in the order of the template.
    pub values: Vec<Vec<u8>>,
}

/// What came of a run.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Requests.
    pub requests: usize,
    /// Those that the filter matched to an operation.
    pub matched: usize,
    /// Those of the matched that axum has no route for behind Envoy, because a literal that has not
    /// the method hides the parameter that has.
    pub hidden: usize,
    /// Those that it refused, by reason.
    pub refused: BTreeMap<&'static str, usize>,
    /// Readers, with how many of the matched requests each was asked about.
    pub readers: BTreeMap<&'static str, usize>,
    /// Where a reader came to something else.
    pub differences: Vec<String>,
}

/// The seed of this run: `CARACAL_FUZZ_SEED`, or the fixed one.
pub fn seed() -> Result<u64> {
    match std::env::var("CARACAL_FUZZ_SEED") {
        Ok(text) => text.parse().context("CARACAL_FUZZ_SEED is no number"),
        Err(_) => Ok(SEED),
    }
}

/// The filter's core, without Envoy and without authority: which operation is it?
#[derive(Debug)]
pub struct Core(Catalog);

impl Core {
    /// On the catalogue of the fuzzer.
    pub fn new() -> Result<Self> {
        let resource: Resource = serde_json::from_value(catalogue::resource())?;
        let mut catalog = Catalog::default();
        catalog.insert(resource);
        Ok(Self(catalog))
    }

    /// As `filter/src/engine/decide.rs` does it.
    pub fn read(&self, request: &Generated) -> Result<Matched, &'static str> {
        let pairs = [
            (":method", &request.method),
            (":authority", &request.host),
            (":path", &request.target),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.clone()));
        let head = Head::parse(&pairs).map_err(|malformed| malformed.reason.as_str())?;
        let entry = self.0.by_host(&head.host).ok_or("resource_unregistered")?;
        let operation = entry
            .operation(head.method, &head.path)
            .ok_or("operation_unregistered")?;
        let segments = operation.path.segments().iter().zip(head.path.segments());
        let values = segments.filter_map(|(segment, text)| match segment {
            Segment::Parameter(_) => Some(routers::decoded(text)),
            Segment::Literal(_) => None,
        });
        Ok(Matched {
            route: operation.name.to_string(),
            values: values.collect(),
        })
    }
}

/// Runs everything but Envoy.
pub async fn natively(seed: u64, count: usize) -> Result<Tally> {
    let core = Core::new()?;
    let mut generator = Generator::new(seed);
    let mut tally = Tally::default();
    let mut matched = Vec::new();
    for _ in 0..count {
        let request = generator.request();
        tally.requests += 1;
        match core.read(&request) {
            Ok(by_filter) => matched.push((request, by_filter)),
            Err(reason) => *tally.refused.entry(reason).or_default() += 1,
        }
    }
    tally.matched = matched.len();
    let axum = routers::axum(&matched).await?;
    tally.compare("axum", &matched, axum);
    let whatwg = routers::whatwg(&matched)?;
    tally.compare("WHATWG URL and matchit", &matched, whatwg);
    let python = outside::python(&matched).await?;
    tally.compare("Python urllib, as WSGI", &matched, python);
    if let Some(go) = outside::go(&matched).await? {
        tally.compare("Go net/http ServeMux", &matched, go);
    }
    Ok(tally)
}

/// What a reader came to: `None` where it cannot be asked, because its router does not take the route.
type Answers = Vec<Option<Result<Matched, String>>>;

impl Tally {
    fn compare(&mut self, reader: &'static str, all: &[(Generated, Matched)], answers: Answers) {
        let asked = self.readers.entry(reader).or_default();
        if answers.len() != all.len() {
            let text = format!("{reader}: {} answers of {}", answers.len(), all.len());
            self.differences.push(text);
        }
        for ((request, by_filter), answer) in all.iter().zip(answers) {
            let Some(answer) = answer else { continue };
            *asked += 1;
            if answer.as_ref() != Ok(by_filter) {
                self.differences.push(format!(
                    "{reader}: {request} is {by_filter:?} for the filter and {answer:?} there"
                ));
            }
        }
    }
}
