//! Which bucket, and what of it.

use rusty_s3::{Bucket, BucketError, UrlStyle};
use url::Url;

use crate::http::is_private;

/// A place in a bucket, below which each zone has its own.
#[derive(Debug, Clone)]
pub struct S3Place {
    bucket: Bucket,
    prefix: String,
}

/// Why there is no such place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum S3PlaceError {
    /// Entries say who did what, and answers are believed to be the server's.
    #[error("the endpoint is not https, and not this machine")]
    Insecure,
    /// Endpoint and bucket make no URL.
    #[error("endpoint and bucket make no url: {0:?}")]
    Bucket(BucketError),
    /// The prefix has an empty part, or characters that not every server spells alike.
    #[error("the prefix is not made of a-z, A-Z, 0-9, '-', '_' and '.', in parts between slashes")]
    Prefix,
}

impl S3Place {
    /// A place in `bucket` at `endpoint`, such as `https://s3.eu-central-1.amazonaws.com`. The prefix
    /// may be empty.
    pub fn new(
        endpoint: Url,
        style: UrlStyle,
        bucket: &str,
        region: &str,
        prefix: &str,
    ) -> Result<Self, S3PlaceError> {
        if !is_private(&endpoint) {
            return Err(S3PlaceError::Insecure);
        }
        let bucket = Bucket::new(endpoint, style, bucket.to_owned(), region.to_owned());
        let bucket = bucket.map_err(S3PlaceError::Bucket)?;
        let prefix = match prefix {
            "" => String::new(),
            parts if parts.split('/').all(is_part) => format!("{parts}/"),
            _ => return Err(S3PlaceError::Prefix),
        };
        Ok(Self { bucket, prefix })
    }

    pub(super) const fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Empty, or ends with a slash.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }
}

fn is_part(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !part.is_empty() && part.bytes().all(plain) && !part.bytes().all(|byte| byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoint: &str, bucket: &str, prefix: &str) -> Result<S3Place, S3PlaceError> {
        let endpoint = endpoint.parse().unwrap();
        S3Place::new(endpoint, UrlStyle::Path, bucket, "eu-central-1", prefix)
    }

    #[test]
    fn an_endpoint_is_reached_over_tls_or_on_this_machine() {
        for endpoint in [
            "https://s3.eu-central-1.amazonaws.com",
            "http://127.0.0.1:7070",
            "http://[::1]:7070",
            "http://localhost:7070",
        ] {
            assert!(place(endpoint, "ledger", "").is_ok(), "{endpoint}");
        }
        for endpoint in [
            "http://minio.internal",
            "http://10.0.0.1",
            "http://localhost.example",
        ] {
            let refused = place(endpoint, "ledger", "");
            assert_eq!(refused.unwrap_err(), S3PlaceError::Insecure, "{endpoint}");
        }
        let other = place("ftp://localhost", "ledger", "");
        assert!(matches!(other, Err(S3PlaceError::Bucket(_))));
    }

    #[test]
    fn a_prefix_leads_nowhere_else() {
        for prefix in ["", "log", "audit/log", "v1.2/a_b-C"] {
            assert!(
                place("https://s3.example", "ledger", prefix).is_ok(),
                "{prefix:?}"
            );
        }
        for prefix in [
            "/", "/log", "log/", "a//b", ".", "..", "a/../b", "a b", "a%2fb", "a?b", "\u{e4}",
        ] {
            let refused = place("https://s3.example", "ledger", prefix);
            assert_eq!(refused.unwrap_err(), S3PlaceError::Prefix, "{prefix:?}");
        }
    }
}
