//! A bucket of Amazon S3, or of anything that speaks its protocol and knows conditional writes
//! (`If-None-Match` and `If-Match`): they keep what is published from being replaced, whoever else
//! publishes.

mod client;
mod place;

use std::sync::Arc;
use std::time::Duration;

use caracal_mandate::name::Name;
use hyper::StatusCode;
use hyper::header::ETAG;
use jiff::Timestamp;
use rusty_s3::{Bucket, S3Action};

pub use client::{S3Client, S3ClientError};
pub use place::{S3Place, S3PlaceError};
pub use rusty_s3::{Credentials, UrlStyle};

use super::store::{
    CHECKPOINT, MAX_CHECKPOINT_BYTES, Mark, PublishedCheckpoint, StoreError, TileStore,
};
use crate::http::Answer;
use crate::ledger::Clock;
use crate::tiles::{TilePath, TileReader};
use client::{Upload, refusal};

/// How long a signature is good for: as far as two clocks may be apart.
const SIGNATURE_LIFE: Duration = Duration::from_mins(15);

/// The files of one log in a bucket.
#[derive(Clone)]
pub struct S3Store {
    client: S3Client,
    bucket: Bucket,
    credentials: Credentials,
    /// Ends with a slash.
    prefix: String,
    clock: Arc<dyn Clock>,
}

impl S3Store {
    /// The place of a zone's log: the zone's name below the prefix of `place`.
    #[must_use]
    pub fn new(
        client: S3Client,
        place: &S3Place,
        zone: &Name,
        credentials: Credentials,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            client,
            bucket: place.bucket().clone(),
            credentials,
            prefix: format!("{}{}/", place.prefix(), zone.as_str()),
            clock,
        }
    }

    fn now(&self) -> Timestamp {
        let now = i64::try_from(self.clock.unix_ms()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX)
    }

    async fn get(&self, name: &str, most: usize) -> Result<Option<Answer>, StoreError> {
        let key = format!("{}{name}", self.prefix);
        let action = self.bucket.get_object(Some(&self.credentials), &key);
        let url = action.sign_with_time(SIGNATURE_LIFE, &self.now());
        let answer = self.client.get(url, most).await;
        let answer = answer.map_err(|error| StoreError::io(name, error))?;
        match answer.status {
            StatusCode::OK if answer.body.len() > most => Err(StoreError::Foreign(name.to_owned())),
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(StoreError::io(name, refusal(&answer))),
        }
    }

    /// Whether it was written, or something else is there.
    async fn upload(&self, name: &str, upload: Upload) -> Result<bool, StoreError> {
        let key = format!("{}{name}", self.prefix);
        let mut action = self.bucket.put_object(Some(&self.credentials), &key);
        for (header, value) in upload.headers() {
            action.headers_mut().insert(header, value);
        }
        let url = action.sign_with_time(SIGNATURE_LIFE, &self.now());
        let answer = self.client.put(url, upload).await;
        let answer = answer.map_err(|error| StoreError::io(name, error))?;
        match answer.status {
            StatusCode::OK => Ok(true),
            StatusCode::PRECONDITION_FAILED => Ok(false),
            _ => Err(StoreError::io(name, refusal(&answer))),
        }
    }
}

impl TileReader for S3Store {
    type Error = StoreError;

    async fn read(&self, path: TilePath) -> Result<Option<Vec<u8>>, StoreError> {
        let answer = self.get(&path.to_string(), path.max_bytes()).await?;
        Ok(answer.map(|answer| answer.body))
    }
}

impl TileStore for S3Store {
    async fn put(&self, path: TilePath, bytes: Vec<u8>) -> Result<(), StoreError> {
        // Looked for first as well: a server that ignores the condition would replace it.
        let mut there = self.read(path).await?;
        if there.is_none() {
            let upload = Upload::immutable(bytes.clone());
            if self.upload(&path.to_string(), upload).await? {
                return Ok(());
            }
            // Another publisher was faster.
            there = self.read(path).await?;
        }
        if there == Some(bytes) {
            Ok(())
        } else {
            Err(StoreError::Occupied(path))
        }
    }

    async fn checkpoint(&self) -> Result<Option<PublishedCheckpoint>, StoreError> {
        let Some(answer) = self.get(CHECKPOINT, MAX_CHECKPOINT_BYTES).await? else {
            return Ok(None);
        };
        let foreign = || StoreError::Foreign(CHECKPOINT.to_owned());
        let etag = answer.headers.get(ETAG).and_then(|etag| etag.to_str().ok());
        let mark = Mark(etag.ok_or_else(foreign)?.to_owned());
        let note = String::from_utf8(answer.body).map_err(|_| foreign())?;
        Ok(Some(PublishedCheckpoint { note, mark }))
    }

    async fn put_checkpoint(&self, note: &str, replaces: Option<Mark>) -> Result<(), StoreError> {
        let upload = Upload::checkpoint(note, replaces.map(|Mark(etag)| etag));
        if self.upload(CHECKPOINT, upload).await? {
            Ok(())
        } else {
            Err(StoreError::Replaced)
        }
    }
}
