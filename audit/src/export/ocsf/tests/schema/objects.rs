//! The objects.

use super::Type::{Enum, Integer, Object, Port, Text, Texts, Time, Word};
use super::{Shape, shape};

/// What has a name or an id.
const NAMED: &[&str] = &["name", "uid"];

/// By their names.
pub(super) const OBJECTS: &[(&str, Shape)] = &[
    (
        "metadata",
        shape(
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
    ),
    (
        "product",
        shape(
            &[],
            NAMED,
            &[
                ("name", Text),
                ("vendor_name", Text),
                ("feature", Object("feature")),
            ],
        ),
    ),
    ("feature", shape(&[], NAMED, &[("name", Text)])),
    (
        "actor",
        shape(
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
    ),
    (
        "user",
        shape(
            &[],
            &["account", "name", "uid"],
            &[
                ("name", Text),
                ("uid", Text),
                ("type_id", Enum(&[0, 1, 2, 3, 4, 99])),
                ("type", Text),
            ],
        ),
    ),
    (
        "session",
        shape(&[], &[], &[("uid", Text), ("credential_uid", Text)]),
    ),
    (
        "api",
        shape(
            &["operation"],
            &[],
            &[
                ("operation", Text),
                ("service", Object("service")),
                ("request", Object("request")),
                ("response", Object("response")),
            ],
        ),
    ),
    (
        "service",
        shape(&[], NAMED, &[("name", Text), ("uid", Text)]),
    ),
    ("request", shape(&["uid"], &[], &[("uid", Text)])),
    (
        "response",
        shape(
            &[],
            &[],
            &[("code", Integer), ("error", Text), ("error_message", Text)],
        ),
    ),
    (
        "network_endpoint",
        shape(
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
    ),
    (
        "http_request",
        shape(
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
    ),
    (
        "url",
        shape(
            &[],
            &["url_string", "path"],
            &[("path", Text), ("hostname", Text), ("port", Port)],
        ),
    ),
    (
        "resource_details",
        shape(
            &[],
            NAMED,
            &[
                ("uid", Text),
                ("type", Text),
                ("role_id", Enum(&[0, 1, 2, 3, 4, 99])),
                ("role", Text),
            ],
        ),
    ),
    (
        "policy",
        shape(&[], &["name", "type", "uid"], &[("uid", Text)]),
    ),
    (
        "authorization",
        shape(
            &[],
            &[],
            &[("decision", Text), ("policy", Object("policy"))],
        ),
    ),
    (
        "managed_entity",
        shape(
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
    ),
];
