//! What a new mandate says, put together from the evidence and nothing else.

use caracal_mandate::chain::{Chain, Holding, Leaf};
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
    let ends = [subject.expires(), granted.until(), session.until()];
    let expires = ends.into_iter().flatten().fold(expires, u64::min);
    if expires <= now_s {
        return Err(Reason::NoGrant);
    }
    let depth = depth(question, granted)?;
    let usage = match target.delegatee() {
        None => MandateUse::Execute,
        Some(_) => MandateUse::Delegate,
    };
    // Who is called may act in turn, if anything is left for it to do.
    let called = target.entry().resource.application.as_ref();
    let called = called.filter(|_| depth > 0 && !granted.beyond().is_empty());
    let may_act = target.delegatee().or(called);
    let holding = Holding {
        leaf: Leaf {
            session: session.id(),
            application,
            resource,
            scopes,
            expires,
            passes_on: called.is_some(),
        },
        beyond: if called.is_some() {
            granted.beyond()
        } else {
            &[]
        },
        by: granted.by().map_or("", |by| &by.id),
        depth: if may_act.is_some() { depth } else { 0 },
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
        usage,
        cnf: Confirmation {
            spiffe_id: holder.spiffe_id().clone(),
        },
        act: subject.act(holder),
        may_act: may_act.cloned().map(|sub| MayAct { sub }),
        from: subject.ancestors(),
        through: subject.grants_above(&granted.grant().id),
        via: subject.delegations_above(granted.via()),
        edges: granted.edges().to_vec(),
        mdt: chain(question, holding, rev)?,
    })
}

/// How often what is issued may be passed on, if it may be at all.
fn depth(question: &Question<'_>, granted: &Granted) -> Result<u8, Reason> {
    let Question {
        subject, target, ..
    } = question;
    let Some(parent) = subject.parent() else {
        return Ok(DELEGATIONS);
    };
    let left = parent.claims().mdt.hops.last().map_or(0, |hop| hop.depth);
    if subject.narrowed().is_some() {
        return Ok(left);
    }
    let most = granted.by().map_or(u8::MAX, |by| by.max_depth);
    let depth = left.saturating_sub(1).min(most);
    // Whoever redeems it needs a hop as well.
    if target.delegatee().is_some() && depth == 0 {
        return Err(Reason::DelegationDenied);
    }
    Ok(depth)
}

fn chain(question: &Question<'_>, holding: Holding<'_>, rev: Version) -> Result<Chain, Reason> {
    let subject = &question.subject;
    let Some(parent) = subject.parent() else {
        // More rights than a table takes.
        return Chain::root(holding, rev).map_err(|_| Reason::ScopeExceeded);
    };
    let parent = &parent.claims().mdt;
    if subject.narrowed().is_some() {
        let narrowed = parent.narrow(holding.leaf, rev);
        return narrowed.map_err(|_| Reason::SubjectInvalid);
    }
    // What is left for it to refuse: too many hops, and a session that is in the chain already.
    let chain = parent.delegate(holding, rev);
    chain.map_err(|_| Reason::DelegationDenied)
}
