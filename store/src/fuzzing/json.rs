//! Documents: sets of keys, conditions of grants, entries of the log.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "an overflow breaks the law as well"
)]

use std::fmt::Debug;

use caracal_mandate::catalog::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::jwk::{Algorithm, KeyMaterial, MAX_KEYS};
use crate::model::{
    Application, Change, Credential, EnforcementPoint, Grant, GrantConditions, JwkSet, Policy,
    RevocationTarget, TrustedIssuer, Zone,
};

/// A document that is read is written with the same meaning. A set of keys has no key twice and no
/// more than the bound, each key verifies the algorithms of its own kind alone, and a set in which
/// every key is demanded to be usable is the set of those that are.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn json(data: &[u8]) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(data) else {
        return false;
    };
    if let Ok(issuer) = serde_json::from_value::<TrustedIssuer>(document.clone()) {
        let _sound = issuer.validate();
    }
    if let Ok(resource) = serde_json::from_value::<Resource>(document.clone()) {
        let _sound = resource.validate();
    }
    conditions(&document);
    let read = [
        keys(&document),
        stays::<GrantConditions>(&document),
        stays::<Grant>(&document),
        stays::<Zone>(&document),
        stays::<Application>(&document),
        stays::<EnforcementPoint>(&document),
        stays::<Policy>(&document),
        stays::<Credential>(&document),
        stays::<TrustedIssuer>(&document),
        stays::<RevocationTarget>(&document),
        stays::<Resource>(&document),
        stays::<Change>(&document),
    ];
    read.contains(&true)
}

fn stays<T: Serialize + DeserializeOwned + PartialEq + Debug>(document: &Value) -> bool {
    let Ok(read) = serde_json::from_value::<T>(document.clone()) else {
        return false;
    };
    let written = serde_json::to_value(&read).ok();
    let again = written.and_then(|written| serde_json::from_value::<T>(written).ok());
    assert_eq!(again.as_ref(), Some(&read));
    true
}

fn keys(document: &Value) -> bool {
    let usable = JwkSet::usable(document.clone());
    let all = JwkSet::from_document(document.clone());
    assert!(
        all.is_err() || all == usable,
        "what is demanded of all is true of each"
    );
    let Ok(keys) = usable else {
        return false;
    };
    assert!((1..=MAX_KEYS).contains(&keys.iter().len()));
    for key in &keys {
        assert_eq!(keys.get(key.kid()), Some(key), "a kid names one key");
        let algorithms = [
            Algorithm::Es256,
            Algorithm::Rs256,
            Algorithm::Ps256,
            Algorithm::Ed25519,
        ];
        for algorithm in algorithms.into_iter().filter(|one| key.permits(*one)) {
            let is_its_own = match key.material() {
                KeyMaterial::P256 { .. } => algorithm == Algorithm::Es256,
                KeyMaterial::Rsa { n, e } => {
                    assert!((256..=512).contains(&n.len()) && (3..=4).contains(&e.len()));
                    matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256)
                }
                KeyMaterial::Ed25519(_) => algorithm == Algorithm::Ed25519,
            };
            assert!(is_its_own);
        }
    }
    stays_set(&keys);
    true
}

fn stays_set(keys: &JwkSet) {
    let written = serde_json::to_value(keys).ok();
    let again = written.and_then(|written| serde_json::from_value(written).ok());
    assert_eq!(again.as_ref(), Some(keys));
}

/// A window closes after the moment at which it is open, and within a week.
fn conditions(document: &Value) {
    const WEEK_S: u64 = 7 * 24 * 3600;
    let Ok(conditions) = serde_json::from_value::<GrantConditions>(document.clone()) else {
        return;
    };
    let Some(window) = conditions.window else {
        return;
    };
    let now_s = conditions.not_before.unwrap_or(1_790_000_000);
    if let Some(closes_at) = window.closes_at(now_s) {
        assert!(
            closes_at > now_s && closes_at - now_s <= 2 * WEEK_S,
            "{window}"
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    /// The key of RFC 7515 Appendix A.3, and the one of RFC 8037 Appendix A.2.
    const EC: &str = r#"{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    const OKP: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"b","use":"sig","alg":"EdDSA",
"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn rsa() -> String {
        format!(
            r#"{{"kty":"RSA","kid":"c","alg":"PS256","e":"AQAB","n":"{}w"}}"#,
            "_".repeat(341)
        )
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let grant = json!({
            "id": "grt_1", "application": "payout", "resource": "bank", "scopes": ["a", "b"],
            "expires_at": 9, "max_lifetime": 60, "conditions": {
                "not_before": 1_790_000_000,
                "window": {"days": ["mon", "fri"], "from": "22:00", "to": "06:00"},
                "on_behalf_of": {"issuers": ["idp"], "acr_values": ["urn:mfa"], "max_age": 60},
            },
        });
        let set = format!(r#"{{"keys":[{EC},{OKP},{},{{"kty":"oct"}}]}}"#, rsa());
        let resource = json!({
            "name": "bank", "uri": "https://bank", "hosts": ["bank.internal"],
            "operations": [{"name": "read", "method": "GET", "path": "/{id}", "scopes": ["a"]}],
        });
        let credential = json!({
            "id": "crd_1", "application": "payout", "created_at": 1, "expires_at": null,
            "proof": {"kind": "kubernetes", "issuer": "https://k8s", "namespace": "n", "service_account": "s"},
        });
        let seeds = [
            ("good-key", EC.to_owned()),
            ("good-rsa", rsa()),
            ("good-keys", set.clone()),
            ("good-grant", grant.to_string()),
            ("good-conditions", grant["conditions"].to_string()),
            ("good-resource", resource.to_string()),
            ("good-credential", credential.to_string()),
            (
                "good-change",
                json!({"kind": "grant_created", "value": grant}).to_string(),
            ),
            ("bad-private", EC.replace("\"kid\"", "\"d\":\"AA\",\"kid\"")),
            ("bad-point", EC.replace("x_FE", "x_FF")),
            ("bad-twice", set.replace("\"b\"", "\"a\"")),
            ("bad-short", rsa().replace("____", "")),
            ("bad-json", set.replace(']', "")),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("json", &seeds, super::json).unwrap();
    }
}
