//! The trace of a request, and the mark in it (W3C Trace Context).

use super::Mark;
use crate::head::Head;

/// Key of our member of `tracestate`.
const MEMBER: &[u8] = b"caracal";

/// Most members of a `tracestate` (§3.3.1.1).
const MAX_MEMBERS: usize = 32;

/// What a request says of where it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trace<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) request_id: Option<&'a str>,
    /// The mark in its `tracestate`.
    pub(crate) mark: Option<Mark>,
}

impl<'a> Trace<'a> {
    /// Of a request.
    #[must_use]
    pub fn of(head: &Head<'a>) -> Self {
        let mut marks = members(&head.tracestates).filter_map(own).map(Mark::parse);
        Self {
            id: trace_id(head.traceparent),
            request_id: Some(head.request_id).filter(|id| !id.is_empty()),
            mark: marks.next().flatten(),
        }
    }

    /// What it may be found by, best first.
    pub(super) fn ids(self) -> impl Iterator<Item = &'a str> {
        [self.id, self.request_id].into_iter().flatten()
    }

    /// What it is put up by.
    #[must_use]
    pub fn id(self) -> Option<&'a str> {
        self.ids().next()
    }
}

/// The trace id of a `traceparent` (§3.2.2), which may be of a later version.
fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, id, parent) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length| {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == length && text.bytes().all(digit)
    };
    let good = is_hex(version, 2) && version != "ff" && is_hex(parent, 16) && is_hex(id, 32);
    (good && id.bytes().any(|byte| byte != b'0')).then_some(id)
}

/// The members of all fields together, which are one list.
fn members<'a>(tracestates: &'a [&'a [u8]]) -> impl Iterator<Item = &'a [u8]> {
    let members = tracestates
        .iter()
        .flat_map(|value| value.split(|byte| *byte == b','));
    members
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// The value of a member, if it is ours.
fn own(member: &[u8]) -> Option<&[u8]> {
    member.strip_prefix(MEMBER)?.strip_prefix(b"=")
}

/// The members of others that can be handed on.
fn others<'a>(tracestates: &'a [&'a [u8]]) -> impl Iterator<Item = &'a str> {
    let readable = |member: &&[u8]| member.iter().all(|byte| matches!(byte, b' '..=b'~'));
    members(tracestates)
        .filter(|member| own(member).is_none())
        .filter(readable)
        .filter_map(|member| std::str::from_utf8(member).ok())
}

/// The `tracestate` with a mark, first as whatever was changed last is (§3.5).
#[must_use]
pub fn marked(tracestates: &[&[u8]], mark: Mark) -> String {
    let mut value = format!("caracal={}", mark.to_hex());
    for member in others(tracestates).take(MAX_MEMBERS.saturating_sub(1)) {
        value.push(',');
        value.push_str(member);
    }
    value
}

/// The `tracestate` without a mark.
#[must_use]
pub fn unmarked(tracestates: &[&[u8]]) -> String {
    let others: Vec<_> = others(tracestates).collect();
    others.join(",")
}

/// Whether there is a mark, which is for one proxy alone.
#[must_use]
pub fn is_marked(tracestates: &[&[u8]]) -> bool {
    members(tracestates).any(|member| own(member).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn a_trace_is_known_by_its_id_in_any_version() {
        for (traceparent, expected) in [
            (format!("00-{ID}-b7ad6b7169203331-01"), Some(ID)),
            (format!("cc-{ID}-b7ad6b7169203331-01-what-comes"), Some(ID)),
            (format!("ff-{ID}-b7ad6b7169203331-01"), None),
            (
                format!("00-{}-b7ad6b7169203331-01", ID.to_uppercase()),
                None,
            ),
            (format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)), None),
            (format!("00-{ID}-b7ad-01"), None),
            (ID.to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(trace_id(&traceparent), expected, "{traceparent}");
        }
    }

    #[test]
    fn the_mark_goes_first_and_there_is_one_of_it() {
        let mark = Mark([0, 1, 2, 3, 4, 5, 6, 7]);
        let states: [&[u8]; 2] = [b"rojo=1, caracal=ffffffffffffffff", b"caracal=x,congo=2"];
        let value = marked(&states, mark);
        assert_eq!(value, "caracal=0001020304050607,rojo=1,congo=2");
        assert_eq!(unmarked(&states), "rojo=1,congo=2");
        assert_eq!(unmarked(&[value.as_bytes()]), "rojo=1,congo=2");
        assert!(is_marked(&states) && !is_marked(&[b"rojo=1"]));
        let own = members(&[value.as_bytes()])
            .find_map(own)
            .and_then(Mark::parse);
        assert_eq!(own, Some(mark));
    }

    proptest! {
        #[test]
        fn whatever_came_before_the_mark_is_read_back(
            values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..4),
            mark in any::<[u8; 8]>(),
        ) {
            let states: Vec<_> = values.iter().map(Vec::as_slice).collect();
            let value = marked(&states, Mark(mark));
            prop_assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            let list = [value.as_bytes()];
            let own = members(&list).find_map(own).and_then(Mark::parse);
            prop_assert_eq!(own, Some(Mark(mark)));
            prop_assert!(!is_marked(&[unmarked(&list).as_bytes()]));
        }
    }
}
