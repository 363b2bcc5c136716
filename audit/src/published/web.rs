//! A log behind a web server.

use hyper::{Method, Request, StatusCode};
use rustls::pki_types::CertificateDer;
use url::Url;

use super::{PlaceError, ReadFileError};
use crate::http::{HttpClient, is_private};

/// Most bytes of an answer that is no file: a page that says so.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone)]
pub(super) struct WebLog {
    client: HttpClient,
    /// Ends with a slash.
    base: Url,
}

impl WebLog {
    pub(super) fn new(
        mut base: Url,
        authorities: &[CertificateDer<'static>],
    ) -> Result<Self, PlaceError> {
        if !is_private(&base) {
            return Err(PlaceError::Insecure(base.to_string()));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        base.set_query(None);
        base.set_fragment(None);
        let client = HttpClient::new(authorities)?;
        Ok(Self { client, base })
    }

    pub(super) fn place(&self) -> String {
        self.base.to_string()
    }

    pub(super) async fn read(
        &self,
        name: &str,
        most: usize,
    ) -> Result<Option<Vec<u8>>, ReadFileError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ReadFileError::Io {
            place: self.place(),
            file: name.to_owned(),
            source,
        };
        let url = self.base.join(name).map_err(|error| failed(error.into()))?;
        let request = Request::builder().method(Method::GET).uri(url.as_str());
        let most = most.max(MAX_REFUSAL_BYTES);
        let answer = self.client.send(request, Vec::new(), most).await;
        let answer = answer.map_err(|error| failed(error.into()))?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer.body)),
            // Gone: a partial tile that was deleted, as some servers say it.
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            status => Err(ReadFileError::Status {
                place: self.place(),
                file: name.to_owned(),
                status: status.as_u16(),
            }),
        }
    }
}
