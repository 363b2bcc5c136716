//! What becomes of a request's `authorization` header.
//!
//! Enforcement replaces or removes it always: what is protected sees neither the mandate nor a key
//! that an agent still sends. Shadow must not break what works without this system, so it takes
//! nothing away that is not this system's own:
//!
//! | point | the request's own credential | shadow |
//! |---|---|---|
//! | agent, yes | none | the mandate is attached, as in enforcement |
//! | agent, yes | any | stays; the mandate was obtained and judged, and goes nowhere |
//! | agent, no | any, or none | stays as it came |
//! | resource, gateway | a mandate, good or bad | removed, as in enforcement |
//! | resource, gateway | anything else | stays |

use std::rc::Rc;

use caracal_mandate::jws::resembles_mandate;

use super::HeldMandate;
use crate::config::{Mode, Role};
use crate::head::Pairs;

/// What the request brought along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// Not looked at, because enforcement does not ask.
    Unknown,
    /// No `authorization` header.
    Nothing,
    /// Something that looks like a mandate.
    Mandate,
    /// Anything else.
    Foreign,
}

impl Own {
    /// Looks at the one `authorization` header of a head that is readable.
    pub(super) fn of(mode: Mode, authorization: Option<&[u8]>) -> Self {
        match (mode, authorization) {
            (Mode::Enforce, _) => Self::Unknown,
            (Mode::Shadow, None) => Self::Nothing,
            (Mode::Shadow, Some(value)) if resembles_mandate(value) => Self::Mandate,
            (Mode::Shadow, Some(_)) => Self::Foreign,
        }
    }

    /// Looks at all of them, where there may be several.
    pub(super) fn of_pairs(mode: Mode, pairs: &Pairs) -> Self {
        let values = pairs.iter().filter(|(name, _)| name == "authorization");
        let mut own = Self::of(mode, None);
        for (_, value) in values {
            if own != Self::Mandate {
                own = Self::of(mode, Some(value));
            }
        }
        own
    }
}

/// A mandate that was obtained for the request.
#[derive(Debug)]
pub(super) enum Obtained {
    /// Verified, and shared with other requests.
    Held(Rc<HeldMandate>),
    /// On the service's word.
    Fresh(Box<str>),
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Edit {
    Keep,
    Remove,
    Attach(Obtained),
}

/// What is to be done with the `authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization<'a> {
    /// Nothing.
    Keep,
    /// It goes.
    Remove,
    /// It becomes this mandate.
    Mandate(&'a str),
}

impl Edit {
    /// For a request that is let through.
    pub(super) fn of_yes(role: Role, own: Own, obtained: Option<Obtained>) -> Self {
        match (own, role, obtained) {
            (Own::Unknown | Own::Nothing, _, Some(obtained)) => Self::Attach(obtained),
            (Own::Unknown, _, None) => Self::Remove,
            (own, role, _) => Self::of_shadow_no(role, own),
        }
    }

    /// For a request that passes though it was refused.
    pub(super) const fn of_shadow_no(role: Role, own: Own) -> Self {
        match (role, own) {
            (Role::Resource | Role::Gateway, Own::Mandate) => Self::Remove,
            _ => Self::Keep,
        }
    }

    pub(super) fn authorization(&self) -> Authorization<'_> {
        match self {
            Self::Keep => Authorization::Keep,
            Self::Remove => Authorization::Remove,
            Self::Attach(Obtained::Held(held)) => Authorization::Mandate(&held.token),
            Self::Attach(Obtained::Fresh(token)) => Authorization::Mandate(token),
        }
    }
}
