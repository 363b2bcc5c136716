//! The classes, and what all of them have.

use super::Type::{Anything, Enum, Integer, Object, Objects, Text, Texts, Time};
use super::{Shape, Type, shape};

/// Attributes of every event.
pub(super) const BASE: &[(&str, Type)] = &[
    ("activity_name", Text),
    ("category_name", Text),
    ("class_name", Text),
    ("type_uid", Integer),
    ("type_name", Text),
    ("time", Time),
    ("duration", Integer),
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

/// Those that have to be there.
pub(super) const BASE_REQUIRED: [&str; 8] = [
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

/// By their numbers.
pub(super) const CLASSES: &[(i64, Shape)] = &[
    (
        3002,
        shape(
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
    ),
    (
        3003,
        shape(
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
    ),
    (
        3004,
        shape(
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
    ),
    (
        6003,
        shape(
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
    ),
];
