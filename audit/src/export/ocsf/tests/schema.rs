//! What the schema asks of the classes and objects that our events use: OCSF 1.8.0
//! (<https://github.com/ocsf/ocsf-schema>, Apache-2.0). These are its names, types, numbers and
//! requirements, restated; an attribute that no event of ours has is left out, and so one that is added
//! to an event has to be added here, after the schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

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

const BASE: &[(&str, Type)] = &[
    ("activity_name", Text),
    ("category_name", Text),
    ("class_name", Text),
    ("type_uid", Integer),
    ("type_name", Text),
    ("time", Time),
    ("message", Text),
    ("metadata", Object("metadata")),
    ("raw_data", Text),
    ("severity_id", Enum(&[0, 1, 2, 3, 4, 5, 6, 99])),
    ("severity", Text),
    ("status_id", Enum(&[0, 1, 2, 99])),
    ("status", Text),
    ("status_code", Text),
    ("status_detail", Text),
    ("unmapped", Anything),
    // Of the profile security_control.
    ("action_id", Enum(&[0, 1, 2, 3, 4, 99])),
    ("action", Text),
    (
        "disposition_id",
        Enum(&[
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
            24, 25, 26, 27, 99,
        ]),
    ),
    ("disposition", Text),
    ("policy", Object("policy")),
    ("authorizations", Objects("authorization")),
];

const BASE_REQUIRED: [&str; 8] = [
    "activity_id",
    "category_uid",
    "class_uid",
    "metadata",
    "severity_id",
    "time",
    "type_uid",
    // Of the profile, nothing is required; we always tell what was done.
    "action_id",
];

fn class(uid: i64) -> Option<Shape> {
    let (required, at_least_one, attributes): (&[_], &[_], &[_]) = match uid {
        3002 => (
            &["user"],
            &["service", "dst_endpoint"],
            &[
                ("activity_id", Enum(&[0, 1, 2, 3, 4, 5, 6, 7, 99])),
                ("category_uid", Enum(&[3])),
                ("class_uid", Enum(&[3002])),
                ("user", Object("user")),
                ("session", Object("session")),
                ("service", Object("service")),
                (
                    "auth_protocol_id",
                    Enum(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99]),
                ),
                ("auth_protocol", Text),
                ("src_endpoint", Object("network_endpoint")),
            ],
        ),
        3003 => (
            &["user"],
            &["privileges", "groups", "iam_roles"],
            &[
                ("activity_id", Enum(&[0, 1, 2, 3, 99])),
                ("category_uid", Enum(&[3])),
                ("class_uid", Enum(&[3003])),
                ("user", Object("user")),
                ("session", Object("session")),
                ("privileges", Texts),
                ("src_endpoint", Object("network_endpoint")),
            ],
        ),
        3004 => (
            &["entity"],
            &[],
            &[
                (
                    "activity_id",
                    Enum(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 99]),
                ),
                ("category_uid", Enum(&[3])),
                ("class_uid", Enum(&[3004])),
                ("entity", Object("managed_entity")),
                ("comment", Text),
            ],
        ),
        6003 => (
            &["actor", "api", "src_endpoint"],
            &[],
            &[
                ("activity_id", Enum(&[0, 1, 2, 3, 4, 99])),
                ("category_uid", Enum(&[6])),
                ("class_uid", Enum(&[6003])),
                ("actor", Object("actor")),
                ("api", Object("api")),
                ("src_endpoint", Object("network_endpoint")),
                ("dst_endpoint", Object("network_endpoint")),
                ("http_request", Object("http_request")),
                ("resources", Objects("resource_details")),
            ],
        ),
        _ => return None,
    };
    Some(Shape {
        required,
        at_least_one,
        attributes,
    })
}

fn object(name: &str) -> Shape {
    const NAMED: &[&str] = &["name", "uid"];
    let (required, at_least_one, attributes): (&[_], &[_], &[_]) = match name {
        "metadata" => (
            &["product", "version"],
            &[],
            &[
                ("version", Word(&["1.8.0"])),
                ("product", Object("product")),
                ("profiles", Texts),
                ("uid", Text),
                ("sequence", Integer),
                ("log_name", Text),
                ("log_version", Text),
                ("logged_time", Time),
                ("tenant_uid", Text),
                ("event_code", Text),
                ("correlation_uid", Text),
            ],
        ),
        "product" => (
            &[],
            NAMED,
            &[
                ("name", Text),
                ("vendor_name", Text),
                ("feature", Object("feature")),
            ],
        ),
        "feature" => (&[], NAMED, &[("name", Text)]),
        "actor" => (
            &[],
            &[
                "process",
                "user",
                "invoked_by",
                "session",
                "app_name",
                "app_uid",
            ],
            &[
                ("user", Object("user")),
                ("session", Object("session")),
                ("app_name", Text),
            ],
        ),
        "user" => (
            &[],
            &["account", "name", "uid"],
            &[
                ("name", Text),
                ("uid", Text),
                ("type_id", Enum(&[0, 1, 2, 3, 4, 99])),
                ("type", Text),
            ],
        ),
        "session" => (&[], &[], &[("uid", Text), ("credential_uid", Text)]),
        "api" => (
            &["operation"],
            &[],
            &[
                ("operation", Text),
                ("service", Object("service")),
                ("request", Object("request")),
                ("response", Object("response")),
            ],
        ),
        "service" => (&[], NAMED, &[("name", Text), ("uid", Text)]),
        "request" => (&["uid"], &[], &[("uid", Text)]),
        "response" => (
            &[],
            &[],
            &[("code", Integer), ("error", Text), ("error_message", Text)],
        ),
        "network_endpoint" => (
            &[],
            &[
                "ip",
                "uid",
                "name",
                "hostname",
                "svc_name",
                "instance_uid",
                "interface_uid",
                "interface_name",
                "domain",
            ],
            &[
                ("ip", Text),
                ("uid", Text),
                ("name", Text),
                ("hostname", Text),
                ("svc_name", Text),
                ("port", Port),
            ],
        ),
        "http_request" => (
            &[],
            &[],
            &[
                (
                    "http_method",
                    Word(&[
                        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT",
                        "TRACE",
                    ]),
                ),
                ("url", Object("url")),
                ("uid", Text),
            ],
        ),
        "url" => (
            &[],
            &["url_string", "path"],
            &[("path", Text), ("hostname", Text), ("port", Port)],
        ),
        "resource_details" => (
            &[],
            NAMED,
            &[
                ("uid", Text),
                ("type", Text),
                ("role_id", Enum(&[0, 1, 2, 3, 4, 99])),
                ("role", Text),
            ],
        ),
        "policy" => (&[], &["name", "type", "uid"], &[("uid", Text)]),
        "authorization" => (
            &[],
            &[],
            &[("decision", Text), ("policy", Object("policy"))],
        ),
        "managed_entity" => (
            &[],
            &["name", "uid", "device", "group", "org", "policy", "user"],
            &[
                ("name", Text),
                ("uid", Text),
                ("type_id", Enum(&[0, 1, 2, 3, 4, 5, 6, 7, 99])),
                ("type", Text),
                ("policy", Object("policy")),
            ],
        ),
        other => panic!("no object is called {other}"),
    };
    Shape {
        required,
        at_least_one,
        attributes,
    }
}

/// What the schema has against an event.
pub(super) fn faults(event: &Value) -> Vec<String> {
    let number = |name: &str| event[name].as_i64().unwrap_or(-1);
    let Some(shape) = class(number("class_uid")) else {
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
    if number("type_uid") != number("class_uid") * 100 + number("activity_id") {
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
    let shape = object(name);
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
