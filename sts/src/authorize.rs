//! The decision about one request, for a point that cannot make it alone.

use caracal_mandate::event::{Action, Event, Outcome};
use caracal_mandate::head::is_one_token;
use caracal_mandate::reason::Reason;
use caracal_mandate::verify::{Presentation, Presenter, Trust, verify};

use std::sync::Arc;

use crate::exchange::{Called, Caller};
use crate::keys::Es256;
use crate::metrics;
use crate::recorder::Receipt;
use crate::request::{Asked, Normal, Refused, draft};
use crate::service::Service;

/// Evidence that one request is allowed and that this is recorded.
#[derive(Debug)]
pub(crate) struct Authorized {
    _receipt: Receipt,
}

/// What the request's one `authorization` header says after `Bearer`, or why it says nothing.
pub(crate) type Credential<'a> = Result<&'a [u8], Reason>;

impl Service {
    /// Decides by the filter's own order and rules.
    pub(crate) async fn authorize(
        &self,
        peer: Option<&str>,
        asked: &Asked<'_>,
        credential: Credential<'_>,
    ) -> Result<Authorized, Refused> {
        let started_us = self.clock.monotonic_us();
        let decided = self.answer_authorize(peer, asked, credential).await;
        let took_us = self.clock.monotonic_us().saturating_sub(started_us);
        let refused = decided.as_ref().err().map(|refused| refused.reason);
        self.metrics
            .decided(metrics::Asked::Authorize, refused, took_us);
        decided
    }

    async fn answer_authorize(
        &self,
        peer: Option<&str>,
        asked: &Asked<'_>,
        credential: Credential<'_>,
    ) -> Result<Authorized, Refused> {
        let action = if asked.native {
            Action::Request
        } else {
            Action::Authorize
        };
        let mut event = draft(
            &self.recorder,
            action,
            self.clock.unix_ms(),
            asked.request_id,
        );
        event.shadow = asked.shadow;
        match self.decide_authorize(peer, asked, credential, &mut event) {
            Ok(()) => {
                event.outcome = Outcome::Allow;
                match self.record(event).await {
                    Ok(receipt) => Ok(Authorized { _receipt: receipt }),
                    Err(_) => Err(Reason::AuditUnavailable.into()),
                }
            }
            Err(refused) => Err(self.record_refusal(event, refused).await),
        }
    }

    fn decide_authorize(
        &self,
        peer: Option<&str>,
        asked: &Asked<'_>,
        credential: Credential<'_>,
        event: &mut Event,
    ) -> Result<(), Refused> {
        let caller = Caller::authenticate(&self.authority, peer, event)?;
        if caller.point().is_none() && asked.native {
            return Err(Reason::CallerNotTrusted.into());
        }
        // From here on the event is about the peer of the request, not about the point.
        event.holder = (!asked.principal.is_empty()).then(|| asked.principal.to_owned());
        // What is readable in two ways is refused for that, whatever is known: the filter's order.
        let normal = Normal::read(asked, event)?;
        self.check_fresh()?;
        let (zone, keys, target) = {
            let state = self.authority.read();
            let zone = state.zone(caller.zone()).ok_or(Reason::CallerUnknown)?;
            let target = Called::resolve(zone, &caller, &normal, event)?;
            if !caller.guards(target.entry()) {
                return Err(Reason::CallerNotTrusted.into());
            }
            (
                Arc::clone(&zone.zone),
                Arc::clone(zone.keys.verifying()),
                target,
            )
        };
        let refused = |reason| target.refused(reason);
        let token = credential.map_err(refused)?;
        let trust = Trust {
            zone: &zone.name,
            issuer: &zone.issuer,
            keys: &keys,
            delegators: None,
        };
        // Outside of the lock: this is the one expensive step.
        let mandate = verify(token, trust, &Es256).map_err(|reason| match reason {
            Reason::MandateEncoding if !is_one_token(token) => refused(Reason::MalformedCredential),
            reason => refused(reason),
        })?;
        let claims = mandate.claims();
        event.application = Some(claims.client_id.as_str().to_owned());
        event.grant = Some(claims.grant.clone());
        event.mandate = Some(claims.jti.clone());
        event.session = Some(claims.sid.clone());
        let state = self.authority.read();
        // Checked under the lock, so that the revocations are at least as new as the confirmation.
        self.check_fresh()?;
        event.epoch = Some(state.applied());
        let zone = state.zone(caller.zone()).ok_or(Reason::CallerUnknown)?;
        let presentation = Presentation {
            now: self.clock.unix_ms() / 1000,
            presenter: Presenter::Peer((!asked.principal.is_empty()).then_some(asked.principal)),
            resource: &target.entry().resource,
            operation: target.operation(),
            revocations: &zone.revocations,
        };
        mandate
            .present(presentation)
            .map(|_permit| ())
            .map_err(refused)
    }
}
