//! What the policy says, and how long the mandate may live.

use std::sync::Arc;

use caracal_mandate::claims::MAX_LIFETIME_SECONDS;
use caracal_mandate::event::Event;
use caracal_mandate::reason::Reason;
use caracal_store::model::Grant;

use super::{Granted, Holder, Target};
use crate::authority::ZonePolicy;
use crate::policy::{
    ApplicationInput, CompiledPolicy, Decision, GrantInput, OperationInput, PolicyInput,
    RequestInput, ResourceInput,
};
use crate::request::Normal;
use crate::service::Service;

/// The policy's yes, and the lifetime that everything together leaves.
#[derive(Debug)]
pub(crate) struct Permitted {
    policy: Arc<CompiledPolicy>,
    lifetime_s: u64,
}

impl Permitted {
    pub(crate) async fn ask(
        service: &Service,
        holder: &Holder,
        target: &Target,
        granted: &Granted,
        normal: &Normal<'_>,
        now_s: u64,
        event: &mut Event,
    ) -> Result<Self, Reason> {
        let policy = {
            let state = service.authority.read();
            let zone = state
                .zone(&holder.zone().name)
                .ok_or(Reason::PolicyMissing)?;
            match zone.policy.as_ref().ok_or(Reason::PolicyMissing)? {
                ZonePolicy::Ready(policy) => Arc::clone(policy),
                ZonePolicy::Broken => return Err(Reason::PolicyFailed),
            }
        };
        event.policy = Some(policy.digest().as_str().to_owned());
        let input = input(holder, target, granted, normal, now_s)?;
        let decided = service.policies.evaluate(Arc::clone(&policy), input).await;
        let decision = decided.map_err(|error| {
            tracing::warn!(%error, zone = %holder.zone().name, "the policy came to no decision");
            event.detail = Some(error.to_string());
            Reason::PolicyFailed
        })?;
        let max_lifetime = match decision {
            Decision::Allow { max_lifetime } => max_lifetime,
            Decision::Deny { reasons } => {
                event.detail = (!reasons.is_empty()).then(|| reasons.join("; "));
                return Err(Reason::PolicyDenied);
            }
        };
        let lifetime_s = lifetime(
            granted.grant(),
            max_lifetime,
            service.config.default_lifetime_s,
            now_s,
        );
        if lifetime_s == 0 {
            return Err(Reason::NoGrant);
        }
        Ok(Self { policy, lifetime_s })
    }

    /// The policy that said yes.
    pub(crate) const fn policy(&self) -> &Arc<CompiledPolicy> {
        &self.policy
    }

    /// Seconds, at least 1.
    pub(crate) const fn lifetime_s(&self) -> u64 {
        self.lifetime_s
    }
}

/// The minimum of all that bound it.
fn lifetime(grant: &Grant, policy: Option<u64>, default_s: u64, now_s: u64) -> u64 {
    let left = grant
        .expires_at
        .map(|expires| expires.saturating_sub(now_s));
    [
        // A grant that says how long has said it; the default is for those that do not.
        grant.max_lifetime.or(Some(default_s)),
        Some(MAX_LIFETIME_SECONDS),
        policy,
        left,
    ]
    .into_iter()
    .flatten()
    .fold(u64::MAX, u64::min)
}

fn input(
    holder: &Holder,
    target: &Target,
    granted: &Granted,
    normal: &Normal<'_>,
    now_s: u64,
) -> Result<String, Reason> {
    let resource = &target.entry().resource;
    let operation = target.operation();
    let input = PolicyInput {
        zone: holder.zone().name.as_str(),
        application: ApplicationInput {
            name: holder.application().name.as_str(),
            spiffe_id: holder.spiffe_id().as_str(),
        },
        resource: ResourceInput {
            name: resource.name.as_str(),
            uri: resource.uri.as_str(),
        },
        operation: Some(OperationInput {
            name: operation.name.as_str(),
            method: operation.method.as_str(),
            path: operation.path.to_string(),
        }),
        scopes: operation
            .scopes
            .iter()
            .map(caracal_mandate::scope::Scope::as_str)
            .collect(),
        grant: GrantInput {
            id: &granted.grant().id,
        },
        request: RequestInput {
            method: normal.method,
            path: normal.path.as_str(),
            host: &normal.host,
        },
        now: now_s,
    };
    serde_json::to_string(&input).map_err(|_| Reason::PolicyFailed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifetime_is_the_shortest_of_all_bounds() {
        let grant = |expires_at, max_lifetime| Grant {
            id: "grt_1".to_owned(),
            application: "a".parse().unwrap(),
            resource: "r".parse().unwrap(),
            scopes: caracal_mandate::scope::ScopeSet::default(),
            expires_at,
            max_lifetime,
        };
        assert_eq!(lifetime(&grant(None, None), None, 300, 1000), 300);
        assert_eq!(
            lifetime(&grant(None, None), None, 5000, 1000),
            MAX_LIFETIME_SECONDS
        );
        assert_eq!(lifetime(&grant(None, Some(60)), Some(90), 300, 1000), 60);
        assert_eq!(lifetime(&grant(None, Some(60)), Some(30), 300, 1000), 30);
        assert_eq!(
            lifetime(&grant(Some(1010), Some(60)), Some(30), 300, 1000),
            10
        );
        assert_eq!(lifetime(&grant(Some(1000), None), None, 300, 1000), 0);
        assert_eq!(
            lifetime(&grant(None, Some(3000)), Some(4000), 300, 1000),
            MAX_LIFETIME_SECONDS
        );
    }
}
