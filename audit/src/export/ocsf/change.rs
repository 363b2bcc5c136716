//! What the text of a change says: `grant grt_1 created`, `application/payout revoked`.

use super::class::Activity;

/// A change of authority.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change<'a> {
    pub(super) activity: Activity,
    /// Kind of the entity.
    pub(super) kind: String,
    /// Its name or id, if the text has one.
    pub(super) name: Option<&'a str>,
}

impl<'a> Change<'a> {
    /// Reads the text. Whatever it is, there is an activity and a kind.
    pub(super) fn read(detail: &'a str) -> Self {
        let words: Vec<&str> = detail.split_whitespace().map(bare).collect();
        let verb = words.iter().position(|word| activity(word).is_some());
        let activity = verb.and_then(|verb| activity(words.get(verb)?));
        let subject = match verb {
            // `revoke mandate/mdt_1`
            Some(0) => words.get(1..2),
            Some(verb) => words.get(..verb),
            None => words.get(..words.len().min(2)),
        };
        let (kind, name) = split(subject.unwrap_or_default());
        Self {
            activity: activity.unwrap_or_else(|| Activity::new(99, "Other")),
            kind,
            name,
        }
    }
}

fn bare(word: &str) -> &str {
    word.trim_end_matches([',', ':', ';'])
}

fn activity(verb: &str) -> Option<Activity> {
    let (id, name) = match verb {
        // The change was not made, and the text does not say what it would have done.
        "refused" => (0, "Unknown"),
        "created" | "added" | "opened" | "declared" | "published" | "trusted" => (1, "Create"),
        "put" | "rotated" => (3, "Update"),
        "revoke" | "revoked" | "removed" | "dropped" => (4, "Delete"),
        "activated" => (10, "Activate"),
        "retired" => (11, "Deactivate"),
        "suspended" => (12, "Suspend"),
        "resumed" => (13, "Resume"),
        _ => return None,
    };
    Some(Activity::new(id, name))
}

fn split<'a>(subject: &[&'a str]) -> (String, Option<&'a str>) {
    match subject {
        [] => ("unknown".to_owned(), None),
        [one] => match one.split_once('/') {
            Some((kind, name)) => (kind.to_owned(), Some(name)),
            None => ((*one).to_owned(), None),
        },
        // The one key that has no name here.
        ["signing", "key"] => ("signing key".to_owned(), None),
        [kind @ .., name] => (kind.join(" "), Some(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_changes_are_read() {
        for (text, id, kind, name) in [
            ("grant grt_1 created", 1, "grant", Some("grt_1")),
            (
                "enforcement point edge created",
                1,
                "enforcement point",
                Some("edge"),
            ),
            (
                "issuer corp trusted: https://idp",
                1,
                "issuer",
                Some("corp"),
            ),
            ("resource bank put", 3, "resource", Some("bank")),
            ("signing key rotated", 3, "signing key", None),
            (
                "application/payout revoked",
                4,
                "application",
                Some("payout"),
            ),
            ("zone revoked", 4, "zone", None),
            ("revoke mandate/mdt_1", 4, "mandate", Some("mdt_1")),
            ("key a activated, key b retired", 10, "key", Some("a")),
            ("session/ses_1 suspended", 12, "session", Some("ses_1")),
            ("session/ses_1 resumed", 13, "session", Some("ses_1")),
            (
                "policy sha256:00 refused: line 1",
                0,
                "policy",
                Some("sha256:00"),
            ),
            (
                "grant grt_1 created (repeated request)",
                1,
                "grant",
                Some("grt_1"),
            ),
            ("something else entirely", 99, "something", Some("else")),
            ("", 99, "unknown", None),
        ] {
            let change = Change::read(text);
            assert_eq!(change.activity.id, id, "{text:?}");
            assert_eq!(
                (change.kind.as_str(), change.name),
                (kind, name),
                "{text:?}"
            );
        }
    }
}
