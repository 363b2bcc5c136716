//! A record that waits for its time: serialized once, by its producer's task.

use std::io::Write as _;

use caracal_mandate::event::Event;

/// Room for an event with every member in it, its peer and its time.
const TYPICAL_RECORD_BYTES: usize = 1200;
/// Most bytes of the time and of the brace that closes the record.
const CLOSING_BYTES: usize = 24;

/// The canonical bytes of a [`Record`](super::Record) up to its time, the last member.
#[derive(Debug)]
pub(crate) struct Draft {
    opening: Vec<u8>,
    event_bytes: usize,
}

impl Draft {
    pub(crate) fn new(event: &Event, peer: &str) -> Result<Self, serde_json::Error> {
        let mut opening = Vec::with_capacity(TYPICAL_RECORD_BYTES);
        opening.extend_from_slice(br#"{"event":"#);
        let before = opening.len();
        serde_json::to_writer(&mut opening, event)?;
        let event_bytes = opening.len().saturating_sub(before);
        opening.extend_from_slice(br#","peer":"#);
        serde_json::to_writer(&mut opening, peer)?;
        opening.extend_from_slice(br#","recorded_ms":"#);
        Ok(Self {
            opening,
            event_bytes,
        })
    }

    /// Length of the event alone.
    pub(crate) fn event_bytes(&self) -> usize {
        self.event_bytes
    }

    /// The leaf bytes.
    pub(crate) fn at(&self, recorded_ms: u64) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::with_capacity(self.opening.len().saturating_add(CLOSING_BYTES));
        body.extend_from_slice(&self.opening);
        write!(body, "{recorded_ms}}}")?;
        Ok(body)
    }

    /// Whether a body is of the same event and peer, whatever its time.
    pub(crate) fn opens(&self, body: &[u8]) -> bool {
        body.starts_with(&self.opening)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Record;

    proptest! {
        #[test]
        fn a_draft_with_its_time_is_the_canonical_record(
            peer in "\\PC{1,40}|[\\x00-\\x7f]{1,40}",
            path in "\\PC{0,40}|[\\x00-\\x7f]{0,40}",
            recorded_ms: u64,
            seq in 1_u64..1 << 53,
        ) {
            let mut event = crate::testing::event("a", seq);
            event.path = Some(path);
            let draft = Draft::new(&event, &peer).unwrap();
            prop_assert_eq!(draft.event_bytes(), event.to_canonical().unwrap().len());
            let record = Record { event, peer, recorded_ms };
            let body = draft.at(recorded_ms).unwrap();
            prop_assert_eq!(&body, &record.to_canonical().unwrap());
            prop_assert!(draft.opens(&body));
        }
    }

    #[test]
    fn a_draft_opens_no_record_of_another_event_or_peer() {
        let event = crate::testing::event("a", 1);
        let body = Draft::new(&event, "peer").unwrap().at(7).unwrap();
        assert!(!Draft::new(&event, "pee").unwrap().opens(&body));
        assert!(!Draft::new(&event, "peers").unwrap().opens(&body));
        let other = crate::testing::event("a", 2);
        assert!(!Draft::new(&other, "peer").unwrap().opens(&body));
    }
}
