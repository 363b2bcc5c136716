//! What the schema asks of the classes and objects that our events use: OCSF 1.8.0
//! (<https://github.com/ocsf/ocsf-schema>, Apache-2.0). These are its names, types, numbers and
//! requirements, restated; an attribute that no event of ours has is left out, and so one that is added
//! to an event has to be added here, after the schema.

mod classes;
mod objects;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use classes::{BASE, BASE_REQUIRED, CLASSES};
use objects::OBJECTS;

/// What a value has to be.
#[derive(Clone, Copy)]
enum Type {
    /// `string_t` and what is made of it.
    Text,
    /// `integer_t`, `long_t`.
    Integer,
    /// `timestamp_t`: milliseconds since 1970.
    Time,
    /// `port_t`.
    Port,
    /// An array of strings.
    Texts,
    /// One of these numbers.
    Enum(&'static [i64]),
    /// One of these texts.
    Word(&'static [&'static str]),
    /// An object of this name.
    Object(&'static str),
    /// An array of them.
    Objects(&'static str),
    /// The object that may hold anything.
    Anything,
}

use Type::{Anything, Enum, Integer, Object, Objects, Port, Text, Texts, Time, Word};

/// An object, or a class of events.
struct Shape {
    required: &'static [&'static str],
    /// Of each of these, one attribute at least.
    at_least_one: &'static [&'static str],
    attributes: &'static [(&'static str, Type)],
}

const fn shape(
    required: &'static [&'static str],
    at_least_one: &'static [&'static str],
    attributes: &'static [(&'static str, Type)],
) -> Shape {
    Shape {
        required,
        at_least_one,
        attributes,
    }
}

/// What the schema has against an event.
pub(super) fn faults(event: &Value) -> Vec<String> {
    let number = |name: &str| event[name].as_i64().unwrap_or(-1);
    let class = CLASSES.iter().find(|(uid, _)| *uid == number("class_uid"));
    let Some((_, shape)) = class else {
        return vec!["no class of ours".to_owned()];
    };
    let mut faults = Vec::new();
    let own = event.as_object().unwrap();
    let known = [BASE, shape.attributes].concat();
    let required = [&BASE_REQUIRED, shape.required].concat();
    check(
        "event",
        own,
        &required,
        shape.at_least_one,
        &known,
        &mut faults,
    );
    if number("type_uid").checked_sub(number("activity_id")) != number("class_uid").checked_mul(100)
    {
        faults.push("type_uid is not of this class and activity".to_owned());
    }
    faults
}

fn check(
    place: &str,
    found: &Map<String, Value>,
    required: &[&str],
    at_least_one: &[&str],
    known: &[(&str, Type)],
    faults: &mut Vec<String>,
) {
    for name in required.iter().filter(|name| !found.contains_key(**name)) {
        faults.push(format!("{place}.{name} is required"));
    }
    if !at_least_one.is_empty() && !at_least_one.iter().any(|name| found.contains_key(*name)) {
        faults.push(format!("{place} needs one of {at_least_one:?}"));
    }
    let known: BTreeMap<_, _> = known.iter().copied().collect();
    for (name, value) in found {
        let place = format!("{place}.{name}");
        match known.get(name.as_str()) {
            None => faults.push(format!("{place} is no attribute")),
            Some(expected) => check_value(&place, value, *expected, faults),
        }
    }
}

fn check_value(place: &str, value: &Value, expected: Type, faults: &mut Vec<String>) {
    let number = value.as_i64();
    let fits = match expected {
        Text => value.is_string(),
        Integer => number.is_some(),
        Time => number.is_some_and(|ms| ms > 1_000_000_000_000),
        Port => number.is_some_and(|port| (0..=65_535).contains(&port)),
        Texts => value
            .as_array()
            .is_some_and(|all| all.iter().all(Value::is_string)),
        Enum(values) => number.is_some_and(|number| values.contains(&number)),
        Word(values) => value.as_str().is_some_and(|word| values.contains(&word)),
        Object(_) | Anything => value.is_object(),
        Objects(_) => value
            .as_array()
            .is_some_and(|all| all.iter().all(Value::is_object)),
    };
    if !fits {
        faults.push(format!("{place} is not of its type: {value}"));
        return;
    }
    let (name, members) = match (expected, value) {
        (Object(name), one) => (name, std::slice::from_ref(one)),
        (Objects(name), Value::Array(all)) => (name, all.as_slice()),
        _ => return,
    };
    let object = OBJECTS.iter().find(|(known, _)| *known == name);
    let (_, shape) = object.unwrap_or_else(|| panic!("no object is called {name}"));
    for member in members.iter().filter_map(Value::as_object) {
        check(
            place,
            member,
            shape.required,
            shape.at_least_one,
            shape.attributes,
            faults,
        );
    }
}
