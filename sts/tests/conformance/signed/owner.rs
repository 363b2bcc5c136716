//! Owners of applications, and what they sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::edge::Statement;
use caracal_store::model::{Change, Delegation};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

use crate::support::World;

/// Who signs for whom they own; an intruder has a key as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    OfPayout = 61,
    OfWorker = 62,
    Nobody = 66,
}

impl Owner {
    pub(super) fn key(self) -> SigningKey {
        SigningKey::from_slice(&[self as u8; 32]).unwrap()
    }

    /// The public half as configurations have it.
    pub(super) fn point(self) -> String {
        let point = self.key().verifying_key().to_sec1_point(false);
        URL_SAFE_NO_PAD.encode(point.as_bytes())
    }

    /// The delegation with this owner's signature, for a resource by its usual identifier.
    pub(super) fn sign(self, mut delegation: Delegation) -> Delegation {
        let uri = format!("https://{}.internal", delegation.resource);
        let statement = Statement {
            zone: &"acme".parse().unwrap(),
            id: &delegation.id,
            from: &delegation.from,
            to: &delegation.to,
            resource: &uri.parse().unwrap(),
            scopes: &delegation.scopes,
            max_depth: delegation.max_depth,
            max_lifetime: delegation.max_lifetime,
            expires_at: delegation.expires_at,
        };
        let signature: Signature = self.key().sign(&statement.message());
        let signature: [u8; 64] = signature.to_bytes().into();
        delegation.signature = Some(signature.into());
        delegation
    }
}

/// What the bank's operator knows of owners.
pub(super) fn delegators() -> Value {
    json!({"payout": [Owner::OfPayout.point()], "worker": [Owner::OfWorker.point()]})
}

/// An unsigned delegation without bounds in time.
pub(super) fn delegation(
    id: &str,
    (from, to): (&str, &str),
    (resource, scopes): (&str, &str),
    max_depth: u8,
) -> Delegation {
    let delegation = json!({"id": id, "from": from, "to": to, "resource": resource,
        "scopes": scopes.split(' ').collect::<Vec<_>>(), "expires_at": null, "max_lifetime": null,
        "max_depth": max_depth});
    serde_json::from_value(delegation).unwrap()
}

/// Has the service register it.
pub(super) async fn register(world: &World, delegation: Delegation) {
    let seq = world.commit(Change::DelegationCreated(delegation)).await;
    world.applied(seq).await;
}
