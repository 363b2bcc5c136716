//! What a record has to be, and the bytes that are then in its body.

use caracal_mandate::event::Event;
use serde::Serialize;

use super::ListQuery;
use crate::ledger::StoredEntry;

impl ListQuery {
    /// Whether SQL alone decides, by columns.
    pub(super) fn is_decided_by_columns(&self) -> bool {
        self.spelled().is_empty()
    }

    /// Bytes that the body of every match has. Texts are escaped here as they are there, character by
    /// character, so that the beginning of a path is spelled as the path begins.
    pub(super) fn spelled(&self) -> Vec<Vec<u8>> {
        let texts = [
            ("mandate", &self.mandate),
            ("holder", &self.holder),
            ("session", &self.session),
            ("grant", &self.grant),
            ("host", &self.host),
        ];
        let mut spelled: Vec<_> = texts
            .into_iter()
            .filter_map(|(name, text)| member(name, text.as_ref()?))
            .collect();
        spelled.extend(self.component.and_then(|one| member("component", &one)));
        spelled.extend(self.action.and_then(|one| member("action", &one)));
        let path = self.path_prefix.as_ref();
        spelled.extend(path.and_then(|prefix| {
            let mut bytes = member("path", prefix)?;
            // The quote that ends it.
            bytes.pop();
            Some(bytes)
        }));
        spelled
    }

    /// Whether an entry whose columns match is one that is asked for. One that cannot be read has
    /// nothing but its columns.
    pub(super) fn takes(&self, entry: &StoredEntry) -> bool {
        match &entry.record {
            Some(record) => self.matches(&record.event),
            None => self.is_decided_by_columns(),
        }
    }

    /// What has no column. The columns are copies, and `caracal audit verify` compares them.
    fn matches(&self, event: &Event) -> bool {
        let texts = [
            (&self.mandate, &event.mandate),
            (&self.holder, &event.holder),
            (&self.session, &event.session),
            (&self.grant, &event.grant),
            (&self.host, &event.host),
        ];
        let path = event.path.as_deref();
        texts
            .into_iter()
            .all(|(wanted, found)| wanted.is_none() || wanted == found)
            && self.component.is_none_or(|one| one == event.component)
            && self.action.is_none_or(|one| one == event.action)
            && self
                .path_prefix
                .as_deref()
                .is_none_or(|prefix| path.is_some_and(|path| path.starts_with(prefix)))
    }
}

/// A member of an object in canonical form. `None` for what has none, which texts and names do.
fn member(name: &str, value: &impl Serialize) -> Option<Vec<u8>> {
    let mut bytes = format!("\"{name}\":").into_bytes();
    serde_json::to_writer(&mut bytes, value).ok()?;
    Some(bytes)
}
