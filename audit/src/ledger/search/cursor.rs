//! Where a search goes on, as callers keep it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::{ListQuery, Page};

const VERSION: u8 = 1;
const FINGERPRINT: usize = 8;
const LENGTH: usize = 1 + FINGERPRINT + 8;

/// The place where a page of one search ended. Opaque as text; it belongs to the question, so that one
/// of another question is refused. Nothing secret is in it, and nothing is to be gained from making one:
/// an index may be asked for outright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    fingerprint: [u8; FINGERPRINT],
    bound: u64,
}

/// Why a cursor is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// No text that a cursor has.
    #[error("is no cursor: give the `next` of the answer before, unchanged")]
    Malformed,
    /// Of a search with other filters, or another order.
    #[error(
        "is the cursor of another search: repeat that one's filters and order, or leave it out"
    )]
    Another,
}

impl Cursor {
    /// Where to go on after a page.
    #[must_use]
    pub fn after(query: &ListQuery, page: &Page) -> Self {
        Self {
            fingerprint: fingerprint(query),
            bound: page.bound,
        }
    }

    /// Makes `query`, asked before, ask for what comes next.
    pub fn apply(self, query: &mut ListQuery) -> Result<(), CursorError> {
        if self.fingerprint != fingerprint(query) {
            return Err(CursorError::Another);
        }
        query.go_on(self.bound);
        Ok(())
    }
}

/// Of everything but the place and the limit.
fn fingerprint(query: &ListQuery) -> [u8; FINGERPRINT] {
    // A query is texts, names and numbers, which are always written.
    let text = serde_json::to_vec(query).unwrap_or_default();
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut first = [0; FINGERPRINT];
    for (to, from) in first.iter_mut().zip(digest) {
        *to = from;
    }
    first
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(VERSION);
        bytes.extend(self.fingerprint);
        bytes.extend(self.bound.to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text);
        let bytes = bytes.map_err(|_| CursorError::Malformed)?;
        let Some((&VERSION, rest)) = bytes.split_first() else {
            return Err(CursorError::Malformed);
        };
        let Some((fingerprint, bound)) = rest.split_first_chunk() else {
            return Err(CursorError::Malformed);
        };
        let bound = bound.try_into().map_err(|_| CursorError::Malformed)?;
        Ok(Self {
            fingerprint: *fingerprint,
            bound: u64::from_be_bytes(bound),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Order;

    fn query(zone: &str) -> ListQuery {
        ListQuery {
            zone: zone.to_owned(),
            ..ListQuery::default()
        }
    }

    fn page(bound: u64) -> Page {
        Page {
            entries: Vec::new(),
            is_end: false,
            looked_at: 0,
            bound,
        }
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back_and_leads_to_where_the_page_ended(bound: u64) {
            let mut asked = query("a");
            let cursor = Cursor::after(&asked, &page(bound));
            let read: Cursor = cursor.to_string().parse().unwrap();
            prop_assert_eq!(read, cursor);
            asked.limit = 7;
            read.apply(&mut asked).unwrap();
            prop_assert_eq!((asked.before, asked.after), (Some(bound), None));
            let mut upwards = ListQuery { order: Order::OldestFirst, ..query("a") };
            Cursor::after(&upwards, &page(bound)).apply(&mut upwards).unwrap();
            prop_assert_eq!((upwards.before, upwards.after), (None, bound.checked_sub(1)));
        }

        #[test]
        fn no_text_is_more_than_refused(text in "\\PC{0,40}|[A-Za-z0-9_-]{23}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }

    #[test]
    fn a_cursor_of_another_question_is_refused() {
        let asked = query("a");
        let cursor = Cursor::after(&asked, &page(7));
        for mut other in [
            query("b"),
            ListQuery {
                session: Some("ses_1".to_owned()),
                ..query("a")
            },
            ListQuery {
                order: Order::OldestFirst,
                ..query("a")
            },
            ListQuery {
                since_ms: Some(1),
                ..query("a")
            },
        ] {
            assert_eq!(cursor.apply(&mut other), Err(CursorError::Another));
        }
        for text in ["", "A", "AQ", "not a cursor", &cursor.to_string()[1..]] {
            assert_eq!(
                text.parse::<Cursor>(),
                Err(CursorError::Malformed),
                "{text}"
            );
        }
    }
}
