//! What the policy says, and how long the mandate may live.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use caracal_mandate::claims::MAX_LIFETIME_SECONDS;
use caracal_mandate::event::Event;
use caracal_mandate::reason::Reason;
use caracal_mandate::scope::{Scope, ScopeSet};

use super::{Granted, Holder, Question, Seen, Subject};
use crate::authority::ZonePolicy;
use crate::metrics::Evaluated;
use crate::policy::{
    ApplicationInput, CompiledPolicy, Decision, Denial, GrantInput, InputDocument, OperationInput,
    PolicyInput, RequestInput, ResourceInput, SessionInput, SubjectInput,
};
use crate::request::note;
use crate::service::Service;
use crate::telemetry;

/// The policy's yes, and the lifetime that everything together leaves.
#[derive(Debug)]
pub(crate) struct Permitted {
    policy: Arc<CompiledPolicy>,
    lifetime_s: u64,
    scopes: ScopeSet,
    seen: Seen,
}

impl Permitted {
    pub(super) async fn ask(
        service: &Service,
        question: &Question<'_>,
        granted: &Granted,
        now_s: u64,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let Question {
            holder, subject, ..
        } = question;
        if let Some(sub) = on_behalf(holder, subject) {
            note(event, &sub);
        }
        let (policy, seen) = {
            let state = service.authority.read();
            let zone = state
                .zone(&holder.zone().name)
                .ok_or(Reason::PolicyMissing)?;
            let policy = match zone.policy.as_ref().ok_or(Reason::PolicyMissing)? {
                ZonePolicy::Ready(policy) => Arc::clone(policy),
                ZonePolicy::Broken => return Err(Reason::PolicyFailed),
            };
            (policy, Seen::by(zone, question))
        };
        event.policy = Some(policy.digest().as_str().to_owned());
        let input = InputDocument::from(&input(question, granted, &seen, now_s));
        let started_us = service.clock.monotonic_us();
        let evaluating = telemetry::child("evaluate policy");
        let decided = service.policies.evaluate(Arc::clone(&policy), input).await;
        drop(evaluating);
        let evaluated = match &decided {
            Ok(Decision::Allow(_)) => Evaluated::Allow,
            Ok(Decision::Deny(_)) => Evaluated::Deny,
            Err(_) => Evaluated::Error,
        };
        let took_us = service.clock.monotonic_us().saturating_sub(started_us);
        service.metrics.evaluated(evaluated, took_us);
        let decision = decided.map_err(|error| {
            tracing::warn!(%error, zone = %holder.zone().name, "the policy came to no decision");
            note(event, &error.to_string());
            Reason::PolicyFailed
        })?;
        let narrowing = match decision {
            Decision::Allow(narrowing) => narrowing,
            Decision::Deny(denial) => {
                note(event, &denial.to_string());
                return Err(denied(&denial, subject, &seen));
            }
        };
        let scopes = narrowed(granted.scopes(), narrowing.scopes.as_ref());
        // An operation needs all of its scopes, and a mandate without any is good for nothing.
        if scopes.is_empty()
            || (question.target.operation().is_some() && scopes != *granted.scopes())
        {
            note(event, "the policy takes scopes away");
            return Err(Reason::PolicyDenied);
        }
        let bounds = Bounds {
            grant: granted.grant().max_lifetime,
            delegation: granted.max_lifetime(),
            default_s: service.config.default_lifetime_s,
            policy: narrowing.max_lifetime,
            granted_until: granted.until(),
            subject_until: subject.expires(),
        };
        let lifetime_s = bounds.lifetime(now_s);
        if lifetime_s == 0 {
            return Err(Reason::NoGrant);
        }
        Ok(Self {
            policy,
            lifetime_s,
            scopes,
            seen,
        })
    }

    /// The session that it decided on.
    pub(super) const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The policy that said yes.
    pub(crate) const fn policy(&self) -> &Arc<CompiledPolicy> {
        &self.policy
    }

    /// What is issued: the granted scopes without those that the policy takes away.
    pub(crate) const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// Seconds, at least 1.
    pub(crate) const fn lifetime_s(&self) -> u64 {
        self.lifetime_s
    }
}

/// A policy that asks for a caller, or for a declared session, gets the reason that says so.
fn denied(denial: &Denial, subject: &Subject, seen: &Seen) -> Reason {
    let missing = [
        (Reason::CallerMissing, subject.caller().is_none()),
        (Reason::SessionMissing, !seen.is_declared()),
    ];
    let asks = |reason: Reason| denial.reasons.iter().any(|one| one == reason.as_str());
    let missing = missing.into_iter();
    let mut asked = missing.filter(|(reason, is_missing)| *is_missing && asks(*reason));
    asked
        .next()
        .map_or(Reason::PolicyDenied, |(reason, _)| reason)
}

/// The granted scopes that are also in `allowed`; the policy adds nothing.
fn narrowed(granted: &ScopeSet, allowed: Option<&BTreeSet<String>>) -> ScopeSet {
    let Some(allowed) = allowed else {
        return granted.clone();
    };
    let kept = granted
        .iter()
        .filter(|scope| allowed.contains(scope.as_str()));
    // Members of a set are distinct, so it is one; an empty one is refused.
    ScopeSet::new(kept.cloned()).unwrap_or_default()
}

/// On whose behalf, where that is not the application itself.
fn on_behalf(holder: &Holder, subject: &Subject) -> Option<String> {
    let sub = subject.sub(holder);
    (sub != holder.application().name.as_str()).then(|| format!("for {sub}"))
}

/// All that bounds the life of a mandate.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    grant: Option<u64>,
    delegation: Option<u64>,
    default_s: u64,
    policy: Option<u64>,
    granted_until: Option<u64>,
    subject_until: Option<u64>,
}

impl Bounds {
    /// The minimum, in seconds from now.
    fn lifetime(self, now_s: u64) -> u64 {
        let left = |until: u64| until.saturating_sub(now_s);
        [
            // A grant that says how long has said it; the default is for those that do not.
            self.grant.or(Some(self.default_s)),
            Some(MAX_LIFETIME_SECONDS),
            self.delegation,
            self.policy,
            self.granted_until.map(left),
            self.subject_until.map(left),
        ]
        .into_iter()
        .flatten()
        .fold(u64::MAX, u64::min)
    }
}

fn input<'a>(
    question: &'a Question<'_>,
    granted: &'a Granted,
    seen: &'a Seen,
    now_s: u64,
) -> PolicyInput<'a> {
    let Question {
        holder,
        subject,
        target,
        normal,
    } = question;
    let resource = &target.entry().resource;
    PolicyInput {
        zone: holder.zone().name.as_str(),
        application: ApplicationInput {
            name: holder.application().name.as_str(),
            spiffe_id: holder.spiffe_id().as_str(),
        },
        resource: ResourceInput {
            name: resource.name.as_str(),
            uri: resource.uri.as_str(),
        },
        operation: target.operation().map(|operation| OperationInput {
            name: operation.name.as_str(),
            method: operation.method.as_str(),
            path: operation.path.to_string(),
        }),
        scopes: granted.scopes().iter().map(Scope::as_str).collect(),
        grant: GrantInput {
            id: &granted.grant().id,
        },
        subject: subject_input(holder, subject),
        delegation: subject.path(holder),
        session: SessionInput {
            declared: seen.is_declared(),
            labels: Cow::Borrowed(seen.labels()),
        },
        request: normal.as_ref().map(|normal| RequestInput {
            method: normal.method,
            path: normal.path.as_str(),
            host: &normal.host,
        }),
        now: now_s,
    }
}

fn subject_input<'a>(holder: &'a Holder, subject: &'a Subject) -> SubjectInput<'a> {
    if let Some(human) = subject.human() {
        return SubjectInput {
            kind: "user",
            id: human.subject(),
            issuer: Some(human.issuer()),
            acr: human.acr(),
            auth_time: human.auth_time(),
        };
    }
    let own = holder.application().name.as_str();
    let sub = subject.parent().map_or(own, |parent| &parent.claims().sub);
    let (kind, issuer, id) = match sub
        .strip_prefix("user:")
        .and_then(|user| user.split_once(':'))
    {
        Some((issuer, id)) => ("user", Some(issuer), id),
        None => ("application", None, sub),
    };
    // What was said about the user's authentication was said to who took the ID token.
    SubjectInput {
        kind,
        id,
        issuer,
        acr: None,
        auth_time: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifetime_is_the_shortest_of_all_bounds() {
        for (grant, default_s, policy, granted_until, subject_until, expected) in [
            (None, 300, None, None, None, 300),
            (None, 5000, Some(9000), None, None, MAX_LIFETIME_SECONDS),
            (Some(60), 300, Some(90), None, None, 60),
            (Some(60), 300, Some(30), None, Some(1060), 30),
            (Some(60), 300, Some(30), Some(1010), None, 10),
            (None, 300, None, Some(1000), None, 0),
            (
                Some(3000),
                300,
                Some(4000),
                None,
                None,
                MAX_LIFETIME_SECONDS,
            ),
            (None, 300, None, None, Some(1020), 20),
            (None, 300, None, None, Some(999), 0),
        ] {
            let bounds = Bounds {
                grant,
                delegation: None,
                default_s,
                policy,
                granted_until,
                subject_until,
            };
            assert_eq!(bounds.lifetime(1000), expected, "{bounds:?}");
            let passed_on = Bounds {
                delegation: Some(7),
                ..bounds
            };
            assert_eq!(passed_on.lifetime(1000), expected.min(7), "{passed_on:?}");
        }
    }
}
