//! The last step: sign, read what was signed as a filter will (but for a signature that
//! was made in this process: `keys/private.rs`), and prove that nothing moved meanwhile.

mod claims;

use std::fmt;
use std::sync::Arc;

use caracal_mandate::claims::Claims;
use caracal_mandate::event::{Event, RecordedChain};
use caracal_mandate::jws::MintError;
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::{Presentation, Presenter, Trust, VerifiedMandate, verify};

use super::{Granted, InSession, Permitted, Question, Unminted};
use crate::authority::ZonePolicy;
use crate::clock::new_id;
use crate::keys::sign;
use crate::recorder::Receipt;
use crate::service::Service;
use crate::telemetry;
use claims::Moment;

/// A signed mandate that nobody has seen. It comes out only against a [`Receipt`].
pub(crate) struct Minted {
    token: String,
    verified: VerifiedMandate,
}

/// A mandate whose issue is recorded.
pub(crate) struct Issued {
    token: String,
    verified: VerifiedMandate,
}

impl Minted {
    pub(super) async fn mint(
        service: &Service,
        question: &Question<'_>,
        granted: &Granted,
        permitted: &Permitted,
        session: &InSession,
    ) -> Result<Self, Unminted> {
        let unavailable = |_| Unminted::Refused(Reason::IssuerUnavailable);
        let zone = question.holder.zone();
        let (rev, keys, (kid, by_key)) = {
            let state = service.authority.read();
            let zone = state.zone(&zone.name).ok_or(Unminted::Moved)?;
            let rev = service.authority.version(state.applied());
            let signing = zone.keys.signing_and_verifier();
            let (kid, by_key) = signing.ok_or(Unminted::Refused(Reason::IssuerUnavailable))?;
            (
                rev,
                Arc::clone(zone.keys.verifying()),
                (Arc::clone(kid), Arc::clone(by_key)),
            )
        };
        let key = service
            .keys
            .get(&zone.name, &kid)
            .await
            .map_err(unavailable)?;
        let jti = new_id(&*service.random, "mdt_")
            .map_err(|_| Unminted::Refused(Reason::IssuerUnavailable))?;
        let moment = Moment {
            jti,
            now_s: service.clock.unix_ms() / 1000,
            rev,
        };
        let claims = claims::of(question, granted, permitted, session, moment);
        let claims = claims.map_err(Unminted::Refused)?;
        let signing = telemetry::child("sign mandate");
        let signed = sign(key, claims).await.map_err(|error| match error {
            // As many scopes as the client likes to name do not fit into a header.
            MintError::TooLong(_) => Unminted::Refused(Reason::ScopeExceeded),
            error => {
                tracing::error!(%error, zone = %zone.name, "a mandate could not be signed");
                Unminted::Refused(Reason::IssuerUnavailable)
            }
        })?;
        drop(signing);
        let trust = Trust {
            zone: &zone.name,
            issuer: &zone.issuer,
            keys: &keys,
            delegators: None,
        };
        let by_key = signed.verifier(&*by_key);
        let verified = verify(signed.token().as_bytes(), trust, &by_key).map_err(|reason| {
            tracing::error!(%reason, zone = %zone.name, "our own mandate does not verify");
            Unminted::Refused(Reason::IssuerUnavailable)
        })?;
        drop(by_key);
        still_holds(service, question, granted, permitted, session, &verified)?;
        Ok(Self {
            token: signed.into_token(),
            verified,
        })
    }

    /// Fills in what the record of the issue says.
    pub(crate) fn describe(&self, event: &mut Event) {
        let claims = self.verified.claims();
        event.mandate = Some(claims.jti.clone());
        event.chain = Some(Box::new(RecordedChain::of(claims)));
        event.session = Some(claims.sid.clone());
        event.scope = Some(claims.scope.clone());
        event.epoch = Some(claims.mdt.rev.epoch);
    }

    /// Lets it go, now that its issue is recorded.
    pub(crate) fn release(self, _receipt: Receipt) -> Issued {
        Issued {
            token: self.token,
            verified: self.verified,
        }
    }
}

impl Issued {
    /// The token. A secret: it goes into one place of one answer.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// What it says.
    pub(crate) const fn claims(&self) -> &Claims {
        self.verified.claims()
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").finish_non_exhaustive()
    }
}

/// Everything that the decision rests on, once more, at the newest state that is applied.
fn still_holds(
    service: &Service,
    question: &Question<'_>,
    granted: &Granted,
    permitted: &Permitted,
    session: &InSession,
    verified: &VerifiedMandate,
) -> Result<(), Unminted> {
    let Question {
        holder,
        subject,
        target,
        normal: _,
    } = question;
    let state = service.authority.read();
    let now_s = service.clock.unix_ms() / 1000;
    let refused = |reason| Err(Unminted::Refused(reason));
    // Under the state's lock: what this confirmation covers is in the state that is looked at.
    if !service.is_fresh() {
        return refused(Reason::IssuerUnavailable);
    }
    let Some(zone) = state.zone(&holder.zone().name) else {
        return Err(Unminted::Moved);
    };
    let application = &holder.application().name;
    if !zone.is_active(application) || target.delegatee().is_some_and(|name| !zone.is_active(name))
    {
        return refused(Reason::ApplicationInactive);
    }
    let resource = &target.entry().resource;
    let same_target = zone
        .catalog
        .by_name(&resource.name)
        .is_some_and(|entry| Arc::ptr_eq(entry, target.entry()));
    let same_policy = matches!(
        &zone.policy,
        Some(ZonePolicy::Ready(policy)) if Arc::ptr_eq(policy, permitted.policy())
    );
    // The session of what is narrowed is in its lineage, where its revocation shows.
    let same_session = subject.narrowed().is_some()
        || zone
            .sessions
            .find(
                subject.caller().map(|caller| caller.claims().sid.as_str()),
                application,
                holder.spiffe_id().as_str(),
            )
            .is_some_and(|id| id == session.id());
    // A key that was replaced meanwhile signs no more, not even what was begun before.
    let same_key = zone
        .keys
        .signing()
        .is_some_and(|kid| **kid == *verified.kid());
    if !same_target
        || !same_key
        || !same_policy
        || !same_session
        || !subject.still_holds(zone, now_s)
    {
        return Err(Unminted::Moved);
    }
    if !zone.has_grant(subject.grantee(holder), &granted.grant().id) {
        return refused(Reason::NoGrant);
    }
    let holds = match target.operation() {
        Some(operation) => verified
            .present(Presentation {
                now: now_s,
                presenter: Presenter::Peer(Some(holder.spiffe_id().as_str())),
                resource,
                operation,
                revocations: &zone.revocations,
            })
            .map(|_permit| ()),
        None => verified.holds(now_s, &zone.revocations),
    };
    match holds {
        Ok(()) => Ok(()),
        Err(reason @ (Reason::Revoked | Reason::Suspended)) => refused(reason),
        Err(reason) => {
            tracing::error!(%reason, zone = %zone.zone.name, "our own mandate would be refused");
            refused(Reason::IssuerUnavailable)
        }
    }
}
