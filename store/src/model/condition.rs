//! What has to hold, beside scopes and expiry, for a grant to be good.
//!
//! Each part closes: a grant with a condition that is not met is as good as none, for its own reason.
//! A condition never opens anything, so a part that is left out asks for nothing.

mod human;
mod window;

use serde::{Deserialize, Serialize};

pub use human::{MAX_AUTHENTICATION_AGE, MAX_NAMED, OnBehalfOf, OnBehalfOfError};
pub use window::{TimeOfDay, TimeOfDayError, Weekday, WeeklyWindow, WindowError};

/// The conditions of a grant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantConditions {
    /// Unix second from which it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// Times of the week in which it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WeeklyWindow>,
    /// The human who has to be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<OnBehalfOf>,
}

impl GrantConditions {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
