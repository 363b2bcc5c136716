//! Whether a grant is good: now, and for whoever is there.

use std::sync::Arc;

use caracal_mandate::reason::Reason;
use caracal_store::model::{Grant, OnBehalfOf};

use crate::exchange::Question;
use crate::request::StepUp;

/// Why a grant is not good. The later in this order, the nearer it was: what the client can do
/// something about stands last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unmet {
    Expired,
    NotYet,
    Window,
    Subject,
    Class,
    Age,
}

impl Unmet {
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::Expired => Reason::NoGrant,
            Self::NotYet => Reason::GrantNotYet,
            Self::Window => Reason::GrantWindow,
            Self::Subject => Reason::GrantSubject,
            Self::Class => Reason::UserAuthenticationClass,
            Self::Age => Reason::UserAuthentication,
        }
    }

    /// How the user would have to authenticate, where that is what is missing (RFC 9470 §3).
    pub(super) fn step_up(self, grant: &Grant) -> Option<StepUp> {
        let wanted = grant.conditions.on_behalf_of.as_ref()?;
        matches!(self, Self::Class | Self::Age).then(|| StepUp {
            acr_values: wanted.acr_values().to_vec(),
            max_age: wanted.max_age(),
        })
    }
}

/// On whose behalf.
#[derive(Debug, Clone, Copy)]
pub(super) enum Party<'a> {
    /// An application's own.
    Application,
    /// A human's, as a mandate says that rests on this very grant: how the human authenticated was
    /// looked at when its root was issued, and it ends when that is too long ago.
    Vouched { issuer: &'a str },
    /// A human's, as a mandate says that rests on another grant. How the human authenticated is not
    /// known any more.
    Relayed { issuer: &'a str },
    /// A human's, by the ID token.
    Human {
        issuer: &'a str,
        acr: Option<&'a str>,
        auth_time: Option<u64>,
    },
}

/// What conditions are looked at against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) now_s: u64,
    pub(super) party: Party<'a>,
}

/// A grant that is good, and the second from which it is not, if there is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Good<'g> {
    pub(super) grant: &'g Arc<Grant>,
    pub(super) until: Option<u64>,
}

/// A grant that would do and is not good.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missed<'g> {
    pub(super) grant: &'g Arc<Grant>,
    pub(super) unmet: Unmet,
}

impl<'a> Circumstances<'a> {
    pub(super) fn of(question: &'a Question<'_>, now_s: u64) -> Self {
        let subject = &question.subject;
        let vouched = |sub: &'a str| {
            let (issuer, _id) = sub.strip_prefix("user:")?.split_once(':')?;
            Some(if subject.caller().is_some() {
                Party::Relayed { issuer }
            } else {
                Party::Vouched { issuer }
            })
        };
        let party = match (subject.human(), subject.parent()) {
            (Some(human), _) => Party::Human {
                issuer: human.issuer(),
                acr: human.acr(),
                auth_time: human.auth_time(),
            },
            (None, Some(parent)) => vouched(&parent.claims().sub).unwrap_or(Party::Application),
            (None, None) => Party::Application,
        };
        Self { now_s, party }
    }

    /// The second from which the grant is not good, if it is good now.
    pub(super) fn check(&self, grant: &Grant) -> Result<Option<u64>, Unmet> {
        let now_s = self.now_s;
        let conditions = &grant.conditions;
        if grant.expires_at.is_some_and(|end| end <= now_s) {
            return Err(Unmet::Expired);
        }
        if conditions.not_before.is_some_and(|start| now_s < start) {
            return Err(Unmet::NotYet);
        }
        let closes = match &conditions.window {
            None => None,
            Some(window) => Some(window.closes_at(now_s).ok_or(Unmet::Window)?),
        };
        let stale = match &conditions.on_behalf_of {
            None => None,
            Some(wanted) => self.check_party(wanted)?,
        };
        Ok([grant.expires_at, closes, stale]
            .into_iter()
            .flatten()
            .min())
    }

    fn check_party(&self, wanted: &OnBehalfOf) -> Result<Option<u64>, Unmet> {
        let (Party::Human { issuer, .. } | Party::Vouched { issuer } | Party::Relayed { issuer }) =
            self.party
        else {
            return Err(Unmet::Subject);
        };
        if !wanted.issuers().iter().any(|name| name.as_str() == issuer) {
            return Err(Unmet::Subject);
        }
        let (acr, auth_time) = match self.party {
            Party::Human { acr, auth_time, .. } => (acr, auth_time),
            Party::Relayed { .. } => (None, None),
            Party::Application | Party::Vouched { .. } => return Ok(None),
        };
        let classes = wanted.acr_values();
        if !classes.is_empty() && !acr.is_some_and(|acr| classes.iter().any(|one| one == acr)) {
            return Err(Unmet::Class);
        }
        let Some(max_age) = wanted.max_age() else {
            return Ok(None);
        };
        // An issuer that does not say when is not believed to mean now, nor is a time to come.
        let authenticated = auth_time.ok_or(Unmet::Age)?.min(self.now_s);
        let stale = authenticated.saturating_add(max_age);
        if self.now_s < stale {
            Ok(Some(stale))
        } else {
            Err(Unmet::Age)
        }
    }

    /// Of several grants the one whose mandates last longest, so that a longer one is not hidden
    /// behind a shorter one. Where none is good, the one that came nearest; none if there is none.
    pub(super) fn best<'g>(
        &self,
        grants: impl Iterator<Item = &'g Arc<Grant>>,
    ) -> Result<Good<'g>, Option<Missed<'g>>> {
        let mut best: Option<Good<'g>> = None;
        let mut nearest: Option<Missed<'g>> = None;
        for grant in grants {
            match self.check(grant) {
                Ok(until) => {
                    let good = Good { grant, until };
                    if best.is_none_or(|best| self.lasts(&best) <= self.lasts(&good)) {
                        best = Some(good);
                    }
                }
                Err(unmet) => {
                    if nearest.is_none_or(|nearest| nearest.unmet < unmet) {
                        nearest = Some(Missed { grant, unmet });
                    }
                }
            }
        }
        best.ok_or(nearest)
    }

    fn lasts(&self, good: &Good<'_>) -> u64 {
        let left = |until: u64| until.saturating_sub(self.now_s);
        let left = good.until.map_or(u64::MAX, left);
        good.grant.max_lifetime.unwrap_or(u64::MAX).min(left)
    }
}
