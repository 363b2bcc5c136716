//! Reading what the server lists.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The items of a listing that can be read.
pub(super) fn items<T: DeserializeOwned>(answer: &Value) -> impl Iterator<Item = T> {
    let items = answer.get("items").and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(|item| T::deserialize(item).ok())
}
