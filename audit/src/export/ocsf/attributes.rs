//! Objects in the making: an attribute that is not known is left out.

use serde_json::{Map, Value};

/// Attributes of an event or an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes(Map<String, Value>);

impl Attributes {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Attributes> for Value {
    fn from(attributes: Attributes) -> Self {
        Self::Object(attributes.0)
    }
}
