//! Leaves of the log.

use caracal_mandate::event::Event;

use crate::Record;
use crate::record::Draft;

/// A leaf that is read has one spelling, which is also what the sequencer writes; and an event in
/// it that is read alone is the same event. The way that is faster for most of them takes no other.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn record(data: &[u8]) -> bool {
    let borrowed = Record::borrowed(data);
    let Ok(record) = Record::from_canonical(data) else {
        assert!(borrowed.is_err());
        return false;
    };
    let written = borrowed
        .ok()
        .and_then(|borrowed| borrowed.to_canonical().ok());
    assert_eq!(written.as_deref(), Some(data));
    assert_eq!(record.to_canonical().ok().as_deref(), Some(data));
    let event = record.event.to_canonical().unwrap_or_default();
    if let Ok(read) = Event::from_canonical(&event) {
        assert_eq!(read, record.event);
    }
    let draft = Draft::new(&record.event, &record.peer);
    let written = draft
        .ok()
        .and_then(|draft| draft.at(record.recorded_ms).ok());
    assert_eq!(written.as_deref(), Some(data));
    true
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_are_read_as_their_names_say() {
        let plain = r#"{"event":{"action":"request","component":"filter","emitter":{"boot":"b","name":"sidecar","seq":7},"outcome":"deny","reason":"revoked","time_ms":1,"v":1,"zone":"prod"},"peer":"spiffe://d/p","recorded_ms":2}"#;
        let chain = r#"{"event":{"action":"exchange","chain":{"from":["mdt_0"],"hops":[{"application":"boss","depth":1,"expires":1400,"rights":3,"session":"ses_0"},{"application":"payer","delegation":"dlg_1","depth":0,"expires":1300,"rights":1,"session":"ses_1"}],"table":[{"resource":"https://bank","scopes":["read","write"]}]},"component":"sts","emitter":{"boot":"b","name":"sts","seq":7},"mandate":"mdt_1","outcome":"allow","time_ms":1,"v":3,"zone":"prod"},"peer":"local","recorded_ms":2}"#;
        let response = r#"{"event":{"action":"response","component":"filter","decision":6,"duration_us":1250,"emitter":{"boot":"b","name":"sidecar","seq":7},"ended_by":"proxy","outcome":"allow","status":504,"time_ms":1,"v":4,"zone":"prod"},"peer":"spiffe://d/p","recorded_ms":2}"#;
        let escaped = plain.replace("sidecar", "s\\u0001\\\"\u{e9}");
        let seeds = [
            ("good-plain", plain.to_owned()),
            ("good-escaped", escaped),
            ("good-chain", chain.to_owned()),
            ("good-response", response.to_owned()),
            ("bad-response-status", response.replace("504", "99")),
            ("bad-response-end", response.replace("proxy", "upstream")),
            (
                "bad-response-order",
                response.replace(
                    r#""decision":6,"duration_us":1250"#,
                    r#""duration_us":1250,"decision":6"#,
                ),
            ),
            (
                "bad-chain-order",
                chain.replace(r#""depth":1,"expires":1400"#, r#""expires":1400,"depth":1"#),
            ),
            ("bad-chain-empty", chain.replace(r#"["mdt_0"]"#, "[]")),
            ("bad-space", plain.replace(':', ": ")),
            ("bad-escape", plain.replace("sidecar", "\\u0073idecar")),
            (
                "bad-member",
                plain.replace("\"peer\"", "\"more\":1,\"peer\""),
            ),
            (
                "bad-order",
                plain.replace(r#""v":1,"zone":"prod""#, r#""zone":"prod","v":1"#),
            ),
            (
                "bad-number",
                plain.replace("\"recorded_ms\":2", "\"recorded_ms\":2.0"),
            ),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("record", &seeds, super::record).unwrap();
    }
}
