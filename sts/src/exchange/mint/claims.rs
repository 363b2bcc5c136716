//! What a new mandate says, put together from the evidence and nothing else.

use caracal_mandate::chain::{Chain, Leaf};
use caracal_mandate::claims::{Claims, Confirmation, MandateUse, MayAct};
use caracal_mandate::reason::Reason;
use caracal_mandate::version::Version;

use crate::exchange::{Granted, InSession, Permitted, Question};

/// How often authority may be passed on from its root.
const DELEGATIONS: u8 = 5;

/// What is new with each mandate.
pub(super) struct Moment {
    pub(super) jti: String,
    pub(super) now_s: u64,
    pub(super) rev: Version,
}

pub(super) fn of(
    question: &Question<'_>,
    granted: &Granted,
    permitted: &Permitted,
    session: &InSession,
    moment: Moment,
) -> Result<Claims, Reason> {
    let Question {
        holder,
        subject,
        target,
        normal: _,
    } = question;
    let Moment { jti, now_s, rev } = moment;
    let application = &holder.application().name;
    let resource = &target.entry().resource.uri;
    let scopes = permitted.scopes();
    let expires = now_s.saturating_add(permitted.lifetime_s());
    // The lifetime was measured a moment ago; what bounds it ends at a fixed second.
    let ends = [subject.expires(), granted.until()];
    let expires = ends.into_iter().flatten().fold(expires, u64::min);
    if expires <= now_s {
        return Err(Reason::NoGrant);
    }
    let leaf = Leaf {
        session: session.id(),
        application,
        resource,
        scopes,
        expires,
    };
    Ok(Claims {
        iss: holder.zone().issuer.clone(),
        sub: subject.sub(holder),
        aud: resource.clone(),
        client_id: application.clone(),
        zone: holder.zone().name.clone(),
        sid: session.id().as_ref().to_owned(),
        grant: granted.grant().id.clone(),
        jti,
        iat: now_s,
        exp: expires,
        scope: scopes.to_string(),
        usage: match target.delegatee() {
            None => MandateUse::Execute,
            Some(_) => MandateUse::Delegate,
        },
        cnf: Confirmation {
            spiffe_id: holder.spiffe_id().clone(),
        },
        act: subject.act(holder),
        may_act: target.delegatee().cloned().map(|sub| MayAct { sub }),
        from: subject.ancestors(),
        mdt: chain(question, leaf, rev)?,
    })
}

fn chain(question: &Question<'_>, leaf: Leaf<'_>, rev: Version) -> Result<Chain, Reason> {
    let Question {
        subject, target, ..
    } = question;
    let passes_on = target.delegatee().is_some();
    let Some(parent) = subject.parent() else {
        // An execution mandate delegates nothing, so no hop may follow: depth 0.
        return Ok(Chain::root(
            leaf,
            rev,
            if passes_on { DELEGATIONS } else { 0 },
        ));
    };
    let parent = &parent.claims().mdt;
    if subject.narrowed().is_some() {
        return parent.narrow(leaf, rev).map_err(|_| Reason::SubjectInvalid);
    }
    let left = parent.hops.last().map_or(0, |hop| hop.depth);
    let depth = match (passes_on, left.saturating_sub(1)) {
        (false, _) => 0,
        // Whoever redeems it needs a hop as well.
        (true, 0) => return Err(Reason::DelegationDenied),
        (true, left) => left,
    };
    // What is left for it to refuse: too many hops, and a session that is in the chain already.
    let chain = parent.delegate(leaf, rev, depth);
    chain.map_err(|_| Reason::DelegationDenied)
}
