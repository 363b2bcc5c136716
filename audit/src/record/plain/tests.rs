use caracal_mandate::event::{Action, Component, Emitter, EndedBy, Event, HttpStatus, Outcome};
use caracal_mandate::reason::Reason;
use proptest::prelude::*;

use super::super::{Record, Text};
use super::*;

type Plain<'a> = Record<Text<'a>>;

fn general(bytes: &[u8]) -> Option<Plain<'_>> {
    super::super::read(bytes).ok()
}

fn plainly(bytes: &[u8]) -> Option<Plain<'_>> {
    read(bytes).ok()
}

/// Texts, most of them without anything that is escaped.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![8 => "[ -!#-\\[\\]-~é€😀]{0,20}", 1 => "\\PC{0,8}", 1 => "[\\x01-\\x20\"\\\\\u{7f}]{0,4}"]
}

prop_compose! {
    fn record()(
        texts in prop::collection::vec(prop::option::of(text()), 8),
        numbers in prop::collection::vec(prop::option::of(any::<u64>()), 3),
        status in prop::option::of(100_u16..1000),
        ended_by in prop::sample::select(vec![None, Some(EndedBy::Authority), Some(EndedBy::Client)]),
        reason in prop::option::of(prop::sample::select(Reason::ALL)),
        shadow: bool,
        (zone, name, peer) in (text(), text(), text()),
        (seq, time_ms, recorded_ms) in any::<(u64, u64, u64)>(),
    ) -> Record {
        let emitter = Emitter { boot: "b".to_owned(), name, seq };
        let outcome = if reason.is_some() { Outcome::Deny } else { Outcome::Allow };
        let mut event = Event::new(zone, Component::Filter, Action::Response, outcome, emitter, time_ms);
        let mut texts = texts.into_iter();
        let mut text = || texts.next().flatten();
        (event.application, event.grant, event.holder) = (text(), text(), text());
        (event.host, event.path, event.request_id) = (text(), text(), text());
        (event.resource, event.session) = (text(), text());
        (event.decision, event.duration_us, event.epoch) = (numbers[0], numbers[1], numbers[2]);
        event.status = status.and_then(|status| HttpStatus::try_from(status).ok());
        (event.ended_by, event.reason, event.shadow) = (ended_by, reason, shadow);
        Record { event, peer, recorded_ms }
    }
}

fn is_escaped(bytes: &[u8]) -> bool {
    bytes.contains(&b'\\')
}

proptest! {
    #[test]
    fn what_is_without_escapes_is_read_and_read_as_it_is(record in record()) {
        let bytes = record.to_canonical().unwrap();
        let plain = plainly(&bytes);
        prop_assert_eq!(plain.is_some(), !is_escaped(&bytes));
        if plain.is_some() {
            prop_assert_eq!(plain, general(&bytes));
        }
    }

    #[test]
    fn what_the_general_way_refuses_is_never_taken(
        record in record(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..5), 1..4),
    ) {
        let mut bytes = record.to_canonical().unwrap();
        for (place, byte, kind) in edits {
            // What JSON is made of, more often than others.
            let byte = *b"{}:,\"\\ 019tnf.-e\n".get(usize::from(byte)).unwrap_or(&byte);
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                3 => bytes.extend_from_within(at..),
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Some(plain) = plainly(&bytes) {
            prop_assert_eq!(Some(plain), general(&bytes));
        }
    }
}

#[test]
fn another_spelling_of_the_same_is_declined() {
    let mut event = crate::testing::event("a", 7);
    event.shadow = true;
    event.path = Some("/é".to_owned());
    let record = Record {
        event,
        peer: "p".to_owned(),
        recorded_ms: 10,
    };
    let bytes = String::from_utf8(record.to_canonical().unwrap()).unwrap();
    assert!(plainly(bytes.as_bytes()).is_some(), "{bytes}");
    for (from, to) in [
        ("\"seq\":7", "\"seq\":07"),
        ("\"seq\":7", "\"seq\":7.0"),
        ("\"seq\":7", "\"seq\":7e0"),
        ("\"seq\":7", "\"seq\": 7"),
        ("\"seq\":7", "\"seq\" :7"),
        ("\"seq\":7", "\"seq\":-7"),
        ("\"seq\":7", "\"seq\":\"7\""),
        ("\"seq\":7", "\"seq\":18446744073709551616"),
        ("\"seq\":7", "\"seq\":"),
        ("\"seq\":7", "\"seq\":7,\"seq\":7"),
        ("\"shadow\":true", "\"session\":null,\"shadow\":true"),
        ("\"shadow\":true", "\"shadow\":false"),
        ("\"shadow\":true", "\"shadow\":1"),
        ("\"shadow\":true,", ""),
        ("/é", "/\\u00e9"),
        ("/é", "\\/é"),
        ("\"peer\":\"p\",", ""),
        ("\"peer\":\"p\"", "\"peer\":\"p\",\"quite\":1"),
        ("\"peer\":\"p\"", "\"peer\":{\"p\":null}"),
        ("\"recorded_ms\":10}", "\"recorded_ms\":10,}"),
        ("\"recorded_ms\":10}", "\"recorded_ms\":10}}"),
        ("\"recorded_ms\":10}", "\"recorded_ms\":10} "),
        ("\"recorded_ms\":10}", "\"recorded_ms\":10"),
    ] {
        let other = bytes.replacen(from, to, 1);
        assert_ne!(other, bytes, "{from} is not there");
        let plain = plainly(other.as_bytes());
        assert_eq!(
            plain.is_some(),
            general(other.as_bytes()).is_some(),
            "{other}"
        );
    }
    let mut swapped = bytes.replacen("\"peer\":\"p\",", "", 1);
    swapped = swapped.replacen('{', "{\"peer\":\"p\",", 1);
    assert_eq!(plainly(swapped.as_bytes()), None, "{swapped}");
    let mut broken = bytes.into_bytes();
    let at = broken.iter().position(|byte| *byte == 0xc3).unwrap();
    broken[at] = b'x';
    assert_eq!(plainly(&broken), None);
}
