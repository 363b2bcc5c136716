//! The last step: sign, prove that the filters will accept it, and that nothing moved meanwhile.

use std::fmt;
use std::sync::Arc;

use caracal_mandate::chain::{Chain, Leaf};
use caracal_mandate::claims::{Claims, Confirmation, MandateUse};
use caracal_mandate::event::Event;
use caracal_mandate::jws::mint;
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::{Presentation, Presenter, Trust, VerifiedMandate, verify};
use caracal_mandate::version::Version;

use super::{Granted, Holder, InSession, Permitted, Target, Unminted};
use crate::authority::ZonePolicy;
use crate::clock::new_id;
use crate::keys::Es256;
use crate::recorder::Receipt;
use crate::service::Service;

/// A signed mandate that nobody has seen. It comes out only against a [`Receipt`].
pub(crate) struct Minted {
    token: String,
    verified: VerifiedMandate,
}

/// A mandate whose issue is recorded.
pub(crate) struct Issued {
    token: String,
}

impl Minted {
    pub(crate) async fn mint(
        service: &Service,
        holder: &Holder,
        target: &Target,
        granted: &Granted,
        permitted: &Permitted,
        session: &InSession,
    ) -> Result<Self, Unminted> {
        let unavailable = |_| Unminted::Refused(Reason::IssuerUnavailable);
        let zone = holder.zone();
        let (rev, keys, kid) = {
            let state = service.authority.read();
            let zone = state.zone(&zone.name).ok_or(Unminted::Moved)?;
            let rev = service.authority.version(state.applied());
            (rev, Arc::clone(&zone.keys), zone.signing_kid.clone())
        };
        let kid = kid.ok_or(Unminted::Refused(Reason::IssuerUnavailable))?;
        let key = service
            .keys
            .get(&zone.name, &kid)
            .await
            .map_err(unavailable)?;
        let jti = new_id(&*service.random, "mdt_")
            .map_err(|_| Unminted::Refused(Reason::IssuerUnavailable))?;
        let now_s = service.clock.unix_ms() / 1000;
        let claims = claims(holder, target, granted, permitted, session, jti, now_s, rev);
        let token = mint(&claims, &*key).map_err(|error| {
            tracing::error!(%error, zone = %zone.name, "a mandate could not be signed");
            Unminted::Refused(Reason::IssuerUnavailable)
        })?;
        let trust = Trust {
            zone: &zone.name,
            issuer: &zone.issuer,
            keys: &keys,
        };
        let verified = verify(token.as_bytes(), trust, &Es256).map_err(|reason| {
            tracing::error!(%reason, zone = %zone.name, "our own mandate does not verify");
            Unminted::Refused(Reason::IssuerUnavailable)
        })?;
        still_holds(
            service, holder, target, granted, permitted, session, &verified,
        )?;
        Ok(Self { token, verified })
    }

    /// Fills in what the record of the issue says.
    pub(crate) fn describe(&self, event: &mut Event) {
        let claims = self.verified.claims();
        event.mandate = Some(claims.jti.clone());
        event.session = Some(claims.sid.clone());
        event.scope = Some(claims.scope.clone());
        event.epoch = Some(claims.mdt.rev.epoch);
    }

    /// Lets it go, now that its issue is recorded.
    pub(crate) fn release(self, _receipt: Receipt) -> Issued {
        Issued { token: self.token }
    }
}

impl Issued {
    /// The token. A secret: it goes into one header of one answer.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").finish_non_exhaustive()
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "all the evidence there is, each of its own type"
)]
fn claims(
    holder: &Holder,
    target: &Target,
    granted: &Granted,
    permitted: &Permitted,
    session: &InSession,
    jti: String,
    now_s: u64,
    rev: Version,
) -> Claims {
    let application = &holder.application().name;
    let resource = &target.entry().resource.uri;
    let scopes = &target.operation().scopes;
    let expires = now_s.saturating_add(permitted.lifetime_s());
    // An execution mandate delegates nothing, so no hop may follow: depth 0.
    let leaf = Leaf {
        session: session.id(),
        application,
        resource,
        scopes,
        expires,
    };
    Claims {
        iss: holder.zone().issuer.clone(),
        sub: application.as_str().to_owned(),
        aud: resource.clone(),
        client_id: application.clone(),
        zone: holder.zone().name.clone(),
        sid: session.id().as_ref().to_owned(),
        grant: granted.grant().id.clone(),
        jti,
        iat: now_s,
        exp: expires,
        scope: scopes.to_string(),
        usage: MandateUse::Execute,
        cnf: Confirmation {
            spiffe_id: holder.spiffe_id().clone(),
        },
        mdt: Chain::root(leaf, rev, 0),
    }
}

/// Everything that the decision rests on, once more, at the newest state that is applied.
fn still_holds(
    service: &Service,
    holder: &Holder,
    target: &Target,
    granted: &Granted,
    permitted: &Permitted,
    session: &InSession,
    verified: &VerifiedMandate,
) -> Result<(), Unminted> {
    let state = service.authority.read();
    let refused = |reason| Err(Unminted::Refused(reason));
    // Under the state's lock: what this confirmation covers is in the state that is looked at.
    if !service
        .authority
        .is_fresh(service.clock.monotonic_ms(), service.config.lease_ms)
    {
        return refused(Reason::IssuerUnavailable);
    }
    let Some(zone) = state.zone(&holder.zone().name) else {
        return Err(Unminted::Moved);
    };
    let application = &holder.application().name;
    if !zone.is_active(application) {
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
    let same_session = zone
        .session(application, holder.spiffe_id().as_str())
        .is_some_and(|id| id == session.id());
    if !same_target || !same_policy || !same_session {
        return Err(Unminted::Moved);
    }
    if !zone.has_grant(application, &granted.grant().id) {
        return refused(Reason::NoGrant);
    }
    let presented = verified.present(Presentation {
        now: service.clock.unix_ms() / 1000,
        presenter: Presenter::Peer(Some(holder.spiffe_id().as_str())),
        resource,
        operation: target.operation(),
        revocations: &zone.revocations,
    });
    match presented {
        Ok(_permit) => Ok(()),
        Err(Reason::Revoked) => refused(Reason::Revoked),
        Err(reason) => {
            tracing::error!(%reason, zone = %zone.zone.name, "our own mandate would be refused");
            refused(Reason::IssuerUnavailable)
        }
    }
}
