//! Readers in this process: axum, and the WHATWG parser before matchit.

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::RawPathParams;
use axum::http::{Method, Request, StatusCode};
use axum::routing::{MethodFilter, on};
use tower::Service as _;

use super::catalogue::{ROUTES, name};
use super::{Answers, Generated, Matched};

/// The catalogue as an axum application; it answers with the route and the raw values.
pub(super) fn application() -> Result<Router> {
    let mut router = Router::new();
    for (index, (method, path)) in ROUTES.iter().enumerate() {
        let method = Method::from_bytes(method.as_bytes())?;
        let filter = MethodFilter::try_from(method)?;
        let answer = move |values: RawPathParams| async move {
            let values: Vec<_> = values.iter().map(|(_, value)| value.to_owned()).collect();
            [vec![name(index)], values].concat().join("\n")
        };
        // axum has HEAD go to the handler of GET; the filter does not, so it never gets here.
        router = router.route(path, on(filter, answer));
    }
    Ok(router)
}

/// Reads what the application answers.
pub(super) fn matched(body: &str) -> Matched {
    let mut lines = body.split('\n');
    Matched {
        route: lines.next().unwrap_or_default().to_owned(),
        // axum's raw values are decoded once already where they are valid.
        values: lines.map(|value| value.as_bytes().to_vec()).collect(),
    }
}

/// axum: every request through the application, in its own URI type.
pub(super) async fn axum(all: &[(Generated, Matched)]) -> Result<Answers> {
    let mut application = application()?;
    let mut answers = Vec::with_capacity(all.len());
    for (request, _) in all {
        let built = Request::builder()
            .method(request.method.as_slice())
            .uri(request.target.as_slice())
            .body(Body::empty());
        let Ok(built) = built else {
            answers.push(Some(Err("no URI".to_owned())));
            continue;
        };
        let Ok(response) = application.call(built).await;
        let status = response.status();
        let body = to_bytes(response.into_body(), 65_536).await?;
        answers.push(match status {
            StatusCode::OK => Some(Ok(matched(std::str::from_utf8(&body)?))),
            // It takes the path before the method: a literal that has not this one hides the
            // parameter that has. That is no other route, but none.
            StatusCode::METHOD_NOT_ALLOWED => None,
            other => Some(Err(other.to_string())),
        });
    }
    Ok(answers)
}

/// A browser's reading of the target, then matchit.
pub(super) fn whatwg(all: &[(Generated, Matched)]) -> Result<Answers> {
    let mut methods: Vec<(&str, matchit::Router<String>)> = Vec::new();
    for (index, (method, path)) in ROUTES.iter().enumerate() {
        if !methods.iter().any(|(known, _)| known == method) {
            methods.push((method, matchit::Router::new()));
        }
        let router = methods.iter_mut().find(|(known, _)| known == method);
        let (_, router) = router.context("a router for each method")?;
        router.insert(*path, name(index))?;
    }
    let base = url::Url::parse("http://atlas.internal/")?;
    let read = |request: &Generated| {
        let target = std::str::from_utf8(&request.target).map_err(|error| error.to_string())?;
        let text = format!("http://atlas.internal{target}");
        let url = base.join(&text).map_err(|error| error.to_string())?;
        if url.host_str() != Some("atlas.internal") {
            return Err(format!("host {:?}", url.host_str()));
        }
        let router = methods
            .iter()
            .find(|(method, _)| method.as_bytes() == request.method);
        let (_, router) = router.ok_or("no route of this method")?;
        let found = router.at(url.path()).map_err(|error| error.to_string())?;
        let values = found.params.iter().map(|(_, value)| decoded(value));
        Ok(Matched {
            route: found.value.clone(),
            values: values.collect(),
        })
    };
    Ok(all.iter().map(|(request, _)| Some(read(request))).collect())
}

/// A segment, percent-decoded once.
pub(super) fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let digits = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let (b'%', Some(value)) = (first, value) {
            out.push(value);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(*first);
        }
    }
    out
}
