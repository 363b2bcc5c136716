//! Operations that overlap in every way that a catalogue allows.

use serde_json::{Value, json};

/// The resource's host.
pub const HOST: &str = "atlas.internal";

/// A path that is one of its operations.
pub const HONEST: &str = "/maps";

/// Method and template.
pub(super) const ROUTES: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/maps"),
    ("POST", "/maps"),
    ("GET", "/maps/"),
    ("GET", "/maps/{map}"),
    ("PUT", "/maps/{map}"),
    ("DELETE", "/maps/{map}"),
    ("GET", "/maps/latest"),
    ("GET", "/maps/index"),
    ("GET", "/maps/{map}/layers"),
    ("GET", "/maps/{map}/layers/{layer}"),
    ("GET", "/maps/{map}/layers/base"),
    ("GET", "/maps/latest/layers/{layer}"),
    ("GET", "/maps/latest/layers/base"),
    ("DELETE", "/maps/latest/layers/{layer}"),
    ("GET", "/maps/{map}/layers/{layer}/tiles/{x}/{y}"),
    ("GET", "/maps/{map}/layers/{layer}/tiles/0/0"),
    ("GET", "/maps/{map}/layers/{layer}/tiles/0/{y}"),
    ("GET", "/maps/{map}/owner"),
    ("GET", "/users/{user}"),
    ("GET", "/users/me"),
    ("GET", "/users/{user}/keys/{key}"),
    ("GET", "/users/me/keys/{key}"),
    ("GET", "/users/{user}/keys/root"),
    ("GET", "/caf%C3%A9/{table}"),
    ("GET", "/caf%C3%A9/bill"),
    ("GET", "/files/a%20b"),
    ("GET", "/files/{file}"),
    ("GET", "/v1.0/{x}/status"),
    ("GET", "/v1.0/self/status"),
];

/// Name of the operation at a place in the table.
pub(super) fn name(index: usize) -> String {
    format!("op-{index}")
}

/// As it is registered. One scope for all: what is fuzzed is which operation it is.
#[must_use]
pub fn resource() -> Value {
    let operations = ROUTES.iter().enumerate().map(|(index, (method, path))| {
        json!({"name": name(index), "method": method, "path": path, "scopes": ["atlas:use"]})
    });
    json!({"name": "atlas", "uri": format!("http://{HOST}"), "hosts": [HOST], "operations": operations.collect::<Vec<_>>()})
}
