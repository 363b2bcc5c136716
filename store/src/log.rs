//! Following the authority log.

use caracal_mandate::name::Name;
use sqlx::Error;

use crate::model::{Change, LogEntry};
use crate::number::{signed, unsigned};
use crate::read::ReadError;
use crate::store::Store;

impl Store {
    /// The entries after position `seq`, at most `limit`, in order. An empty answer means that
    /// `seq` was the head.
    pub async fn entries_after(&self, seq: u64, limit: u32) -> Result<Vec<LogEntry>, ReadError> {
        let rows: Vec<(i64, String, i64, String)> = self
            .fetch_all(
                sqlx::query_as(
                    "SELECT seq, zone, at_ms, payload FROM authority_log \
             WHERE seq > $1 ORDER BY seq LIMIT $2",
                )
                .bind(signed(seq)?)
                .bind(i64::from(limit)),
            )
            .await?;
        let entries = rows.into_iter().map(|(seq, zone, at_ms, payload)| {
            Ok(LogEntry {
                seq: unsigned(seq)?,
                zone: name(&zone)?,
                at_ms: unsigned(at_ms)?,
                change: json::<Change>(&payload)?,
            })
        });
        Ok(entries.collect::<Result<_, Error>>()?)
    }
}

/// A name from the database.
pub(crate) fn name(text: &str) -> Result<Name, Error> {
    text.parse().map_err(|error| Error::Decode(Box::new(error)))
}

/// An object from the database.
pub(crate) fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Decode(Box::new(error)))
}

/// An object for the database.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Encode(Box::new(error)))
}
