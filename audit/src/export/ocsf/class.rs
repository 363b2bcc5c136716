//! Which class of event an entry is, and which activity.

use caracal_mandate::event::{Action, Event};

use super::change::Change;

/// The classes that our events are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// 3002: an exchange that was refused before it was known what it is for; whoever asked was not
    /// let in.
    Authentication,
    /// 3003: an exchange: a session is given privileges, or refused them.
    AuthorizeSession,
    /// 3004: a change of authority.
    EntityManagement,
    /// 6003: a request at an enforcement point.
    ApiActivity,
}

impl Class {
    pub(super) const fn uid(self) -> u32 {
        match self {
            Self::Authentication => 3002,
            Self::AuthorizeSession => 3003,
            Self::EntityManagement => 3004,
            Self::ApiActivity => 6003,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "Authentication",
            Self::AuthorizeSession => "Authorize Session",
            Self::EntityManagement => "Entity Management",
            Self::ApiActivity => "API Activity",
        }
    }

    pub(super) const fn category_uid(self) -> u32 {
        match self {
            Self::Authentication | Self::AuthorizeSession | Self::EntityManagement => 3,
            Self::ApiActivity => 6,
        }
    }

    pub(super) const fn category_name(self) -> &'static str {
        match self {
            Self::Authentication | Self::AuthorizeSession | Self::EntityManagement => {
                "Identity & Access Management"
            }
            Self::ApiActivity => "Application Activity",
        }
    }
}

/// What is done, as the class numbers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Activity {
    pub(super) id: u32,
    pub(super) name: String,
}

impl Activity {
    pub(super) fn new(id: u32, name: &str) -> Self {
        let name = name.to_owned();
        Self { id, name }
    }
}

/// Class and activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) class: Class,
    pub(super) activity: Activity,
}

impl Kind {
    pub(super) fn of(event: &Event) -> Self {
        let (class, activity) = match (event.action, &event.scope) {
            (Action::Request | Action::Authorize | Action::Response, _) => {
                (Class::ApiActivity, request(event.method.as_deref()))
            }
            (Action::Exchange, Some(_)) => (
                Class::AuthorizeSession,
                Activity::new(1, "Assign Privileges"),
            ),
            (Action::Exchange, None) => (
                Class::Authentication,
                Activity::new(4, "Service Ticket Request"),
            ),
            (Action::Admin, _) => {
                let detail = event.detail.as_deref().unwrap_or_default();
                (Class::EntityManagement, Change::read(detail).activity)
            }
        };
        Self { class, activity }
    }
}

/// A method by its meaning (RFC 9110 §9.3, RFC 5789).
fn request(method: Option<&str>) -> Activity {
    match method {
        None => Activity::new(0, "Unknown"),
        Some("POST") => Activity::new(1, "Create"),
        Some("GET" | "HEAD" | "OPTIONS") => Activity::new(2, "Read"),
        Some("PUT" | "PATCH") => Activity::new(3, "Update"),
        Some("DELETE") => Activity::new(4, "Delete"),
        Some(other) => Activity::new(99, other),
    }
}
