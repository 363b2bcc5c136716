//! The law of the management API's bodies.

use caracal_mandate::catalog::Resource;
use caracal_store::model::{Application, EnforcementPoint, Zone};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::credentials::NewCredential;
use super::delegations::NewDelegation;
use super::extract::object;
use super::grants::NewGrant;
use super::issuers::NewIssuer;
use super::policies::NewPolicy;
use super::revocations::NewRevocation;

/// A body that is taken is a JSON object, and written again it is taken for the same.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn management(data: &[u8]) -> bool {
    let read = [
        stays::<NewGrant>(data),
        stays::<NewDelegation>(data),
        stays::<Application>(data),
        stays::<EnforcementPoint>(data),
        stays::<Resource>(data),
        stays::<Zone>(data),
        // Keys are kept as they are sent until they are read, with numbers that no key has.
        object::<NewCredential>(data).is_ok(),
        object::<NewIssuer>(data).is_ok(),
        object::<NewPolicy>(data).is_ok(),
        object::<NewRevocation>(data).is_ok(),
    ];
    let taken = read.contains(&true);
    assert!(!taken || serde_json::from_slice::<Value>(data).is_ok_and(|body| body.is_object()));
    taken
}

fn stays<T: Serialize + DeserializeOwned>(data: &[u8]) -> bool {
    let Ok(read) = object::<T>(data) else {
        return false;
    };
    let written = serde_json::to_vec(&read).unwrap_or_default();
    let again = object::<T>(&written)
        .ok()
        .and_then(|again| serde_json::to_vec(&again).ok());
    assert_eq!(again, Some(written));
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let grant = json!({
            "application": "payout", "resource": "bank", "scopes": ["a"], "max_lifetime": 60,
            "conditions": {"window": {"days": ["mon"], "from": "08:00", "to": "18:00"}},
        });
        let mut listed = grant.clone();
        listed["conditions"]["window"] = json!([grant["conditions"]["window"]]);
        let credential =
            json!({"proof": {"kind": "spiffe", "spiffe_id": "spiffe://d/p"}, "expires_at": 9});
        let account = json!({"kind": "kubernetes", "issuer": "https://k8s", "namespace": "n", "service_account": "s"});
        let issuer = json!({
            "name": "idp", "issuer": "https://idp", "purpose": "human", "audiences": ["sts"],
            "jwks_uri": "https://idp/keys",
        });
        let resource = json!({
            "name": "bank", "uri": "https://bank", "hosts": ["bank.internal"],
            "operations": [{"name": "read", "method": "GET", "path": "/{id}", "scopes": ["a"]}],
        });
        let seeds = [
            ("good-grant", grant.to_string()),
            (
                "good-delegation",
                json!({"from": "boss", "to": "payer", "resource": "bank", "scopes": ["a"],
                    "max_depth": 1})
                .to_string(),
            ),
            (
                "bad-depth",
                json!({"from": "boss", "to": "payer", "resource": "bank", "scopes": ["a"],
                    "max_depth": -1})
                .to_string(),
            ),
            ("good-credential", credential.to_string()),
            (
                "good-secret",
                json!({"proof": {"kind": "secret"}}).to_string(),
            ),
            ("good-account", json!({"proof": account}).to_string()),
            ("good-issuer", issuer.to_string()),
            ("good-resource", resource.to_string()),
            (
                "good-policy",
                json!({"source": "package caracal.policy\nallow := true"}).to_string(),
            ),
            (
                "good-revocation",
                json!({"target": "session/ses_1", "wait": true}).to_string(),
            ),
            (
                "bad-array",
                json!(["payout", "bank", ["a"], null, null, {}]).to_string(),
            ),
            (
                "bad-member",
                grant.to_string().replace("max_lifetime", "max_life"),
            ),
            (
                "bad-scopes",
                grant.to_string().replace("[\"a\"]", "[\"a\",\"a\"]"),
            ),
            ("bad-conditions", listed.to_string()),
            ("bad-json", credential.to_string().replace('}', "")),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("management", &seeds, super::management).unwrap();
    }
}
