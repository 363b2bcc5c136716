//! Rights as a token has them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::{Rights, Scopes};

/// What the last hop of the chain in a token holds.
pub(super) fn rights(claims: &Value) -> Rights {
    let chain = &claims["mdt"];
    let mask = chain["ch"].as_array().unwrap().last().unwrap()[3]
        .as_u64()
        .unwrap();
    let list = |value: &Value| value.as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let table = list(&chain["R"]).into_iter().zip(list(&chain["S"]));
    let table = table.flat_map(|(at, scopes)| {
        let scopes = list(&scopes).into_iter();
        scopes.map(move |scope| (text(&at), text(&scope)))
    });
    let mut rights = BTreeMap::new();
    for (bit, (at, scope)) in table.enumerate() {
        if mask & (1 << bit) != 0 {
            Scopes::insert(rights.entry(at).or_default(), scope);
        }
    }
    rights
}
