//! On whose behalf: the application itself, whoever delegated to it, or a human.

use std::sync::Arc;

use caracal_mandate::claims::{Actor, MandateUse};
use caracal_mandate::event::{Event, RecordedChain};
use caracal_mandate::name::Name;
use caracal_mandate::reason::Reason;
use caracal_mandate::revocation::RevocationSet;
use caracal_mandate::verify::{Trust, VerifiedMandate, verify};

use super::human::Human;
use super::{Called, Holder, SubjectToken, Wish};
use crate::authority::{Authority, Side, ZoneState};
use crate::keys::Es256;
use crate::request::{Asked, note};

/// Verified subject and actor of one exchange.
pub(crate) struct Subject {
    kind: Kind,
    /// A mandate of the holder itself, which showed that it acts.
    actor: Option<VerifiedMandate>,
    /// Somebody called the holder, and it acts for itself all the same.
    called: bool,
}

enum Kind {
    /// The application for itself.
    Own,
    /// Less of a mandate that the holder has already.
    Narrowed(VerifiedMandate),
    /// From a mandate that was passed on to the holder's application.
    Delegated(VerifiedMandate),
    /// For whoever called the holder's application with a mandate.
    Called(VerifiedMandate),
    /// For a human.
    Human(Human),
}

impl Subject {
    /// Who acts by a request at a point: the application for its caller, where a delegation says what it
    /// may do for that one here; otherwise for itself, by what it was granted.
    pub(crate) fn of_request(
        authority: &Authority,
        holder: &Holder,
        asked: &Asked<'_>,
        target: &Called,
        (now_s, event): (u64, &mut Event),
    ) -> Result<Self, Reason> {
        let own = |called| Self {
            kind: Kind::Own,
            actor: None,
            called,
        };
        if asked.caller.is_empty() {
            return Ok(own(false));
        }
        let mandate = held(authority, holder, asked.caller, now_s, event);
        // The point holds it rightly, so it may know what became of it.
        let mandate = mandate.map_err(|reason| match reason {
            Reason::Revoked | Reason::Suspended | Reason::MandateExpired => reason,
            _ => Reason::SubjectInvalid,
        })?;
        let claims = mandate.claims();
        let is_delegated = {
            let state = authority.read();
            let zone = state
                .zone(&holder.zone().name)
                .ok_or(Reason::CallerUnknown)?;
            let resource = &target.entry().resource.name;
            let from = Side::within(&claims.client_id, Some(&claims.sid));
            let to = holder.side(zone, Some(&claims.sid));
            zone.delegations(from, to, now_s)
                .any(|delegation| delegation.resource == *resource)
        };
        if claims.usage != MandateUse::Execute || is_held_by(&mandate, holder) {
            return Err(Reason::SubjectInvalid);
        }
        names(&mandate, holder)?;
        if !is_delegated {
            note(
                event,
                &format!("called by {}, for itself", claims.client_id),
            );
            return Ok(own(true));
        }
        is_no_cycle(&mandate, holder)?;
        Ok(Self {
            kind: Kind::Called(mandate),
            actor: None,
            called: true,
        })
    }

    /// Verifies the tokens of a wish. RFC 8693 does not say how the two relate, which lets a service
    /// assert chains that never happened; here the authenticated client must be the actor, and the
    /// subject must be its own, passed on to it by name, or a human.
    pub(crate) fn establish(
        authority: &Authority,
        holder: &Holder,
        wish: &Wish<'_>,
        now_s: u64,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let kind = match &wish.subject {
            None => Kind::Own,
            Some(SubjectToken::Mandate(token)) => {
                let mandate = held(authority, holder, token, now_s, event)
                    .map_err(|_| Reason::SubjectInvalid)?;
                // A no is about it as well.
                event.chain = Some(Box::new(RecordedChain::below(mandate.claims())));
                relate(holder, mandate, wish.usage)?
            }
            Some(SubjectToken::IdToken(token)) => {
                let zone = &holder.zone().name;
                Kind::Human(Human::verify(authority, zone, token, now_s, event)?)
            }
        };
        let actor = wish.actor.map(|token| {
            // Nobody acts for itself, and a mandate is no actor of itself.
            if matches!(kind, Kind::Own | Kind::Narrowed(_)) {
                return Err(Reason::ActorInvalid);
            }
            let mandate =
                held(authority, holder, token, now_s, event).map_err(|_| Reason::ActorInvalid)?;
            let own = is_held_by(&mandate, holder);
            own.then_some(mandate).ok_or(Reason::ActorInvalid)
        });
        Ok(Self {
            called: matches!(kind, Kind::Called(_)),
            kind,
            actor: actor.transpose()?,
        })
    }

    /// The mandate that the new one is made from, if it is made from one.
    pub(crate) const fn parent(&self) -> Option<&VerifiedMandate> {
        match &self.kind {
            Kind::Own | Kind::Human(_) => None,
            Kind::Narrowed(parent) | Kind::Delegated(parent) | Kind::Called(parent) => Some(parent),
        }
    }

    /// The mandate with which the holder was called, if it acts for its caller. It is of the holder's own
    /// resource, and what is asked for is elsewhere.
    pub(crate) const fn caller(&self) -> Option<&VerifiedMandate> {
        match &self.kind {
            Kind::Called(caller) => Some(caller),
            Kind::Own | Kind::Narrowed(_) | Kind::Delegated(_) | Kind::Human(_) => None,
        }
    }

    /// Whether somebody called the holder, for whom it may act or not.
    pub(crate) const fn was_called(&self) -> bool {
        self.called
    }

    /// The mandate that is narrowed for its own holder.
    pub(crate) const fn narrowed(&self) -> Option<&VerifiedMandate> {
        match &self.kind {
            Kind::Narrowed(parent) => Some(parent),
            Kind::Own | Kind::Delegated(_) | Kind::Called(_) | Kind::Human(_) => None,
        }
    }

    /// The human, if it is one.
    pub(crate) const fn human(&self) -> Option<&Human> {
        match &self.kind {
            Kind::Human(human) => Some(human),
            Kind::Own | Kind::Narrowed(_) | Kind::Delegated(_) | Kind::Called(_) => None,
        }
    }

    /// The application whose grant the authority comes from: the root of the chain.
    pub(crate) fn grantee<'a>(&'a self, holder: &'a Holder) -> &'a Name {
        let root = self
            .parent()
            .and_then(|parent| parent.claims().mdt.hops.first());
        root.map_or(&holder.application().name, |root| &root.application)
    }

    /// `sub`.
    pub(crate) fn sub(&self, holder: &Holder) -> String {
        match &self.kind {
            Kind::Own => holder.application().name.as_str().to_owned(),
            Kind::Narrowed(parent) | Kind::Delegated(parent) | Kind::Called(parent) => {
                parent.claims().sub.clone()
            }
            Kind::Human(human) => human.sub(),
        }
    }

    /// `act` (RFC 8693 §4.1): outermost who acts now.
    pub(crate) fn act(&self, holder: &Holder) -> Option<Actor> {
        let application = || holder.application().name.clone();
        match &self.kind {
            Kind::Own => None,
            Kind::Narrowed(parent) => parent.claims().act.clone(),
            Kind::Delegated(parent) | Kind::Called(parent) => {
                Some(Actor::after(application(), parent.claims().act.as_ref()))
            }
            Kind::Human(_) => Some(Actor::after(application(), None)),
        }
    }

    /// The applications that the authority went through, the holder last.
    pub(crate) fn path<'a>(&'a self, holder: &'a Holder) -> Vec<&'a str> {
        let hops = self
            .parent()
            .map_or(&[][..], |parent| &parent.claims().mdt.hops);
        let mut path: Vec<_> = hops.iter().map(|hop| hop.application.as_str()).collect();
        if self.narrowed().is_none() {
            path.push(holder.application().name.as_str());
        }
        path
    }

    /// The second from which one of the tokens is void.
    pub(crate) fn expires(&self) -> Option<u64> {
        let mandates = self.parent().into_iter().chain(&self.actor);
        let mandates = mandates.map(|mandate| mandate.claims().exp);
        mandates.chain(self.human().map(Human::expires)).min()
    }

    /// `from`: the mandates that it is derived from.
    pub(crate) fn ancestors(&self) -> Vec<String> {
        let parent = self.parent().map(VerifiedMandate::claims);
        let earlier = parent.map_or(&[][..], |claims| &claims.from);
        let mut ancestors = earlier.to_vec();
        let last = parent.map(|claims| &claims.jti);
        let actor = self.actor.as_ref().map(|actor| &actor.claims().jti);
        for id in last.into_iter().chain(actor) {
            if !ancestors.contains(id) {
                ancestors.push(id.clone());
            }
        }
        ancestors
    }

    /// `through`: the grants that those rest on, but for the one that the new mandate rests on.
    pub(crate) fn grants_above(&self, grant: &str) -> Vec<String> {
        let parent = self.parent().map(VerifiedMandate::claims);
        let earlier = parent.map_or(&[][..], |claims| &claims.through);
        let last = parent.map(|claims| &claims.grant);
        let mut above: Vec<String> = Vec::new();
        for id in earlier.iter().chain(last) {
            if id != grant && !above.contains(id) {
                above.push(id.clone());
            }
        }
        above
    }

    /// `via`: the delegations that those rest on beside the ones that they were called by, and these.
    pub(crate) fn delegations_above(&self, here: &[String]) -> Vec<String> {
        let earlier = self.parent().map(|parent| &parent.claims().via);
        let mut above: Vec<String> = Vec::new();
        for id in earlier.into_iter().flatten().chain(here) {
            if !above.contains(id) {
                above.push(id.clone());
            }
        }
        above
    }

    /// Whether all of it still holds in a newer state.
    pub(crate) fn still_holds(&self, zone: &ZoneState, now_s: u64) -> bool {
        // Its key too: who has stolen a key gives what it forges whatever time of issue it likes.
        let holds = |mandate: &VerifiedMandate| {
            zone.keys.verifies(mandate.kid()) && mandate.holds(now_s, &zone.revocations).is_ok()
        };
        self.parent().is_none_or(holds)
            && self.actor.as_ref().is_none_or(holds)
            && self.human().is_none_or(|human| human.is_trusted_in(zone))
    }
}

/// A mandate of the holder's zone that is good at this moment.
fn held(
    authority: &Authority,
    holder: &Holder,
    token: &str,
    now_s: u64,
    event: &mut Event,
) -> Result<VerifiedMandate, Reason> {
    let zone = holder.zone();
    let keys = {
        let state = authority.read();
        let zone = state.zone(&zone.name).ok_or(Reason::MandateZone)?;
        Arc::clone(zone.keys.verifying())
    };
    let trust = Trust {
        zone: &zone.name,
        issuer: &zone.issuer,
        keys: &keys,
        delegators: None,
    };
    // Outside of the lock: this is the expensive step.
    let verified = verify(token.as_bytes(), trust, &Es256).and_then(|mandate| {
        let state = authority.read();
        let none = RevocationSet::default();
        let revocations = state
            .zone(&zone.name)
            .map_or(&none, |zone| &zone.revocations);
        mandate.holds(now_s, revocations).map(|()| mandate)
    });
    // The exact reason is for the ledger; the caller may hold a token that is not its own.
    verified.inspect_err(|reason| note(event, &format!("token: {reason}")))
}

fn is_held_by(mandate: &VerifiedMandate, holder: &Holder) -> bool {
    let claims = mandate.claims();
    claims.client_id == holder.application().name && claims.cnf.spiffe_id == *holder.spiffe_id()
}

fn relate(holder: &Holder, mandate: VerifiedMandate, wanted: MandateUse) -> Result<Kind, Reason> {
    match mandate.claims().usage {
        MandateUse::Execute if !is_held_by(&mandate, holder) => {
            names(&mandate, holder)?;
            is_no_cycle(&mandate, holder)?;
            Ok(Kind::Called(mandate))
        }
        MandateUse::Execute => match wanted {
            MandateUse::Execute => Ok(Kind::Narrowed(mandate)),
            // It is good at its resource and passes nothing on.
            MandateUse::Delegate => Err(Reason::DelegationDenied),
        },
        MandateUse::Delegate => {
            let may_act = mandate.claims().may_act.as_ref();
            let named = may_act.is_some_and(|may| may.sub == holder.application().name);
            if named && !is_held_by(&mandate, holder) {
                Ok(Kind::Delegated(mandate))
            } else {
                Err(Reason::DelegationDenied)
            }
        }
    }
}

/// Whether the mandate is one with which the holder's application was called, and lets it act: its
/// audience is the application's own resource, and `may_act` names nobody else.
fn names(mandate: &VerifiedMandate, holder: &Holder) -> Result<(), Reason> {
    let may_act = mandate.claims().may_act.as_ref();
    let named = may_act.is_some_and(|may| may.sub == holder.application().name);
    named.then_some(()).ok_or(Reason::SubjectInvalid)
}

/// Who acts further up already gains nothing by being called again.
fn is_no_cycle(mandate: &VerifiedMandate, holder: &Holder) -> Result<(), Reason> {
    let mut path = mandate.claims().mdt.hops.iter();
    let above = path.any(|hop| hop.application == holder.application().name);
    (!above).then_some(()).ok_or(Reason::DelegationCycle)
}
