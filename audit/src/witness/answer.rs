//! An answer of a witness, without the transport that carries it.

use super::rules::{Breach, Refusal};

const TEXT: &str = "text/plain; charset=utf-8";
/// What a log learns its mistake from ("add-checkpoint").
pub(super) const SIZE: &str = "text/x.tlog.size";

/// What to answer over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    pub(super) fn ok(body: String) -> Self {
        Self {
            status: 200,
            content_type: TEXT,
            body,
        }
    }

    pub(super) fn not_found(why: &str) -> Self {
        Self::says(404, why)
    }

    pub(super) fn method(why: &str) -> Self {
        Self::says(405, why)
    }

    fn says(status: u16, why: &str) -> Self {
        Self {
            status,
            content_type: TEXT,
            body: format!("{why}\n"),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let why = refusal.to_string();
        match refusal {
            Refusal::Request(_) => Self::says(400, &why),
            Refusal::UnknownLog => Self::says(404, &why),
            Refusal::Untrusted(_) => Self::says(403, &why),
            Refusal::Breach { breach, .. } => match breach {
                Breach::Backwards => Self::says(400, &why),
                Breach::Stale(size) => Self {
                    status: 409,
                    content_type: SIZE,
                    body: format!("{size}\n"),
                },
                Breach::EmptyRoot | Breach::NeedlessProof | Breach::Proof(_) => {
                    Self::says(422, &why)
                }
            },
            // Of the machine and not of the request: what is wrong stands in the log.
            Refusal::State(_) | Refusal::Clock => Self::says(500, "the witness cannot answer"),
        }
    }
}
