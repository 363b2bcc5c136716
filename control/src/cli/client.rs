//! The client of the management API.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Method, StatusCode, redirect};
use serde_json::Value;

use super::error::CliError;

/// Longer than any bound that the server keeps, so that it is the server that says what happened.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why a request got no answer that is wanted.
pub(crate) enum RequestError {
    /// No answer, or that of a server that cannot now: it may be another one in a moment.
    Passing(String),
    /// Trying again is of no use.
    Final(CliError),
}

impl From<RequestError> for CliError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Passing(text) => Self::Failure(text),
            RequestError::Final(error) => error,
        }
    }
}

fn failed(status: StatusCode, text: String) -> RequestError {
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        RequestError::Passing(text)
    } else {
        RequestError::Final(CliError::Failure(text))
    }
}

/// Talks to one server. The token is read when it is needed: offline commands need none.
pub(crate) struct Client {
    http: reqwest::Client,
    server: String,
    token_file: PathBuf,
    idempotency_key: Option<String>,
}

impl Client {
    pub(crate) fn new(
        server: String,
        token_file: PathBuf,
        idempotency_key: Option<String>,
    ) -> Result<Self, CliError> {
        // The token goes to the named server and nowhere else: no proxy, no redirect.
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|error| CliError::Failure(format!("no HTTP client: {error}")))?;
        Ok(Self {
            http,
            server,
            token_file,
            idempotency_key,
        })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, CliError> {
        Ok(self.send(Method::GET, path, None).await?)
    }

    /// For whoever tries again.
    pub(crate) async fn try_get(&self, path: &str) -> Result<Value, RequestError> {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        Ok(self.send(Method::POST, path, Some(body)).await?)
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        Ok(self.send(Method::PUT, path, Some(body)).await?)
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value, CliError> {
        Ok(self.send(Method::DELETE, path, None).await?)
    }

    /// An answer that is text when all is well.
    pub(crate) async fn text(&self, path: &str) -> Result<String, CliError> {
        let (status, bytes) = self.exchange(Method::GET, path, None).await?;
        if !status.is_success() {
            return Err(self.refused(status, &bytes).into());
        }
        String::from_utf8(bytes).map_err(|_| self.no_api(status).into())
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, RequestError> {
        let (status, bytes) = self.exchange(method, path, body).await?;
        if !status.is_success() {
            return Err(self.refused(status, &bytes));
        }
        serde_json::from_slice(&bytes).map_err(|_| self.no_api(status))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Vec<u8>), RequestError> {
        let server = self.server.trim_end_matches('/');
        let changes = method != Method::GET;
        let mut request = self
            .http
            .request(method, format!("{server}{path}"))
            .bearer_auth(self.token().map_err(RequestError::Final)?);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = self.idempotency_key.as_ref().filter(|_| changes) {
            request = request.header("idempotency-key", key);
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let bytes = response
            .bytes()
            .await
            .map_err(|error| self.unreachable(&error))?;
        Ok((status, bytes.to_vec()))
    }

    fn refused(&self, status: StatusCode, bytes: &[u8]) -> RequestError {
        let Ok(answer) = serde_json::from_slice::<Value>(bytes) else {
            return self.no_api(status);
        };
        let said = answer
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or("no message");
        let server = self.server.trim_end_matches('/');
        failed(status, format!("{said} ({server} answered {status})"))
    }

    fn no_api(&self, status: StatusCode) -> RequestError {
        let server = self.server.trim_end_matches('/');
        let said = "without JSON: is this the management API? Check --server";
        failed(status, format!("{server} answered {status} {said}"))
    }

    fn token(&self) -> Result<String, CliError> {
        let text = std::fs::read_to_string(&self.token_file).map_err(|error| {
            CliError::Failure(format!(
                "the token file {} cannot be read: {error}; give --token-file with the admin.token \
                that `caracal up` wrote into its data directory",
                self.token_file.display()
            ))
        })?;
        Ok(text.trim().to_owned())
    }

    fn unreachable(&self, error: &reqwest::Error) -> RequestError {
        let mut why = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            why = inner.to_string();
            cause = inner.source();
        }
        RequestError::Passing(format!(
            "no answer from {}: {why}; is `caracal up` running there? Check --server",
            self.server
        ))
    }
}
