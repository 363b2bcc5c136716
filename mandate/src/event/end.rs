//! What became of a request that was let through.

use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// HTTP status code (RFC 9110 §15), from 100 to 999: three digits, whether anybody has defined them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct HttpStatus(NonZeroU16);

/// A number is no HTTP status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no HTTP status code: they have three digits")]
pub struct NotAStatus(u16);

impl HttpStatus {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// Whether it tells of an error, the client's or the server's.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.get() >= 400
    }
}

impl TryFrom<u16> for HttpStatus {
    type Error = NotAStatus;

    fn try_from(code: u16) -> Result<Self, NotAStatus> {
        let legal = NonZeroU16::new(code).filter(|code| matches!(code.get(), 100..=999));
        legal.map(Self).ok_or(NotAStatus(code))
    }
}

impl From<HttpStatus> for u16 {
    fn from(status: HttpStatus) -> Self {
        status.get()
    }
}

/// What ended a request, where that was not the upstream's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The point cut it: what it rested on had ended (expired, revoked, suspended), or could not be
    /// confirmed any more. [`status`](super::Event::status) is there if the response had begun.
    Authority,
    /// The caller, or the way to it, went away before there was a response.
    Client,
    /// The proxy answered in the upstream's place, because it had no answer or refused the request after
    /// all. [`status`](super::Event::status) is the proxy's.
    Proxy,
}

/// A text names nothing that ends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what ends a request is authority, client or proxy")]
pub struct UnknownEnd;

impl EndedBy {
    /// As it stands in events and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Client => "client",
            Self::Proxy => "proxy",
        }
    }
}

impl FromStr for EndedBy {
    type Err = UnknownEnd;

    fn from_str(text: &str) -> Result<Self, UnknownEnd> {
        let all = [Self::Authority, Self::Client, Self::Proxy];
        let mut all = all.into_iter();
        all.find(|end| end.as_str() == text).ok_or(UnknownEnd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_three_digits() {
        for (code, is_one) in [
            (0, false),
            (99, false),
            (100, true),
            (999, true),
            (1000, false),
        ] {
            assert_eq!(HttpStatus::try_from(code).is_ok(), is_one, "{code}");
            let read = serde_json::from_str::<HttpStatus>(&code.to_string());
            assert_eq!(read.is_ok(), is_one, "{code}");
        }
    }

    #[test]
    fn an_end_is_spelled_alike_in_events_and_on_the_wire() {
        for end in [EndedBy::Authority, EndedBy::Client, EndedBy::Proxy] {
            assert_eq!(serde_json::to_value(end).unwrap(), end.as_str());
            assert_eq!(end.as_str().parse(), Ok(end));
        }
        assert_eq!("upstream".parse::<EndedBy>(), Err(UnknownEnd));
    }
}
