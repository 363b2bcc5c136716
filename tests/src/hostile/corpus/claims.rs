//! Mandates with the zone's own signature that say what none may say here and now.

use caracal_mandate::reason::Reason::{
    self, AttenuationViolation, HolderMismatch, InsufficientScope, MandateAudience, MandateClaims,
    MandateExpired, MandateIssuer, MandateLifetime, MandateNotYetValid, MandateUse, MandateZone,
    Revoked,
};
use serde_json::{Map, Value, json};

use super::jws::case;
use super::{HONEST_LINE, Request, pay, read};
use crate::hostile::case::{Case, Expect};
use crate::hostile::class::{BINDING, CLAIMS};
use crate::hostile::site::{BANK, Kit, VAULT};

type Claims = Map<String, Value>;

pub(super) fn cases(kit: &Kit) -> Vec<Case> {
    [times(kit), forms(kit), chains(kit), bindings(kit)].concat()
}

fn set(claims: &mut Claims, name: &str, value: impl Into<Value>) {
    claims.insert(name.to_owned(), value.into());
}

fn number(claims: &Claims, name: &str) -> u64 {
    claims.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// Moves `exp` here and in the chain's last hop.
fn set_expiry(claims: &mut Claims, expires: u64) {
    set(claims, "exp", expires);
    if let Some(hop) = claims
        .get_mut("mdt")
        .and_then(|chain| chain.get_mut("ch")?.get_mut(0)?.get_mut(4))
    {
        *hop = expires.into();
    }
}

fn times(kit: &Kit) -> Vec<Case> {
    let token = |change: fn(&mut Claims)| kit.forge.with_claims(change);
    let case = |name: &str, change: fn(&mut Claims), reason: Reason| {
        case(CLAIMS, name, &token(change), reason)
    };
    vec![
        case(
            "expired an hour ago",
            |claims| {
                let issued = number(claims, "iat");
                set(claims, "iat", issued - 3900);
                set_expiry(claims, issued - 3600);
            },
            MandateExpired,
        ),
        case(
            "issued in an hour",
            |claims| {
                let issued = number(claims, "iat");
                set(claims, "iat", issued + 3600);
                set_expiry(claims, issued + 3900);
            },
            MandateNotYetValid,
        ),
        case(
            "for a year",
            |claims| {
                let issued = number(claims, "iat");
                set_expiry(claims, issued + 31_536_000);
            },
            MandateLifetime,
        ),
        case(
            "ends before it begins",
            |claims| {
                let issued = number(claims, "iat");
                set_expiry(claims, issued - 1);
            },
            MandateLifetime,
        ),
        case(
            "exp is 2^64 - 1",
            |claims| set_expiry(claims, u64::MAX),
            MandateLifetime,
        ),
        case(
            "exp below zero",
            |claims| set(claims, "exp", -1),
            MandateClaims,
        ),
        case(
            "exp as a fraction",
            |claims| set(claims, "exp", 1e12),
            MandateClaims,
        ),
        case(
            "exp as text",
            |claims| set(claims, "exp", "9999999999"),
            MandateClaims,
        ),
        case(
            "exp is null",
            |claims| set(claims, "exp", Value::Null),
            MandateClaims,
        ),
        case("no exp", |claims| drop(claims.remove("exp")), MandateClaims),
        case("no iat", |claims| drop(claims.remove("iat")), MandateClaims),
        case(
            "nbf in the past, which none has",
            |claims| set(claims, "nbf", 0),
            MandateClaims,
        ),
    ]
}

fn forms(kit: &Kit) -> Vec<Case> {
    let token = |change: fn(&mut Claims)| kit.forge.with_claims(change);
    let case = |name: &str, change: fn(&mut Claims), reason: Reason| {
        case(CLAIMS, name, &token(change), reason)
    };
    vec![
        case(
            "another issuer",
            |claims| set(claims, "iss", "https://evil.internal"),
            MandateIssuer,
        ),
        case(
            "issuer with a slash behind",
            |claims| set(claims, "iss", "https://sts.caracal.dev/payments/"),
            MandateIssuer,
        ),
        case(
            "no issuer",
            |claims| drop(claims.remove("iss")),
            MandateClaims,
        ),
        case(
            "another zone",
            |claims| set(claims, "zone", "other"),
            MandateZone,
        ),
        case(
            "no zone",
            |claims| drop(claims.remove("zone")),
            MandateClaims,
        ),
        case(
            "aud is a list",
            |claims| set(claims, "aud", json!([format!("http://{BANK}")])),
            MandateClaims,
        ),
        case(
            "aud is a list of two",
            |claims| {
                set(
                    claims,
                    "aud",
                    json!([format!("http://{VAULT}"), format!("http://{BANK}")]),
                );
            },
            MandateClaims,
        ),
        case("no aud", |claims| drop(claims.remove("aud")), MandateClaims),
        case(
            "aud is a wildcard",
            |claims| set(claims, "aud", "*"),
            MandateClaims,
        ),
        case(
            "aud in capitals",
            |claims| set(claims, "aud", "http://MERCURY-BANK.internal"),
            MandateClaims,
        ),
        case(
            "scope is a list",
            |claims| set(claims, "scope", json!(["accounts:read"])),
            MandateClaims,
        ),
        case(
            "scope is a wildcard",
            |claims| set(claims, "scope", "*"),
            MandateClaims,
        ),
        case(
            "scope twice",
            |claims| set(claims, "scope", "accounts:read accounts:read"),
            MandateClaims,
        ),
        case(
            "no scope",
            |claims| drop(claims.remove("scope")),
            MandateClaims,
        ),
        case(
            "a claim of nobody",
            |claims| set(claims, "admin", true),
            MandateClaims,
        ),
        case(
            "another use",
            |claims| set(claims, "use", "everything"),
            MandateClaims,
        ),
        case(
            "for delegation",
            |claims| {
                set(claims, "use", "delegate");
                set(claims, "may_act", json!({"sub": "payout-agent"}));
            },
            MandateUse,
        ),
        case(
            "an actor that is not the client",
            |claims| set(claims, "act", json!({"sub": "research-agent"})),
            MandateClaims,
        ),
        case("no jti", |claims| drop(claims.remove("jti")), MandateClaims),
    ]
}

fn chains(kit: &Kit) -> Vec<Case> {
    let token = |change: fn(&mut Value)| {
        kit.forge.with_claims(|claims| {
            if let Some(chain) = claims.get_mut("mdt") {
                change(chain);
            }
        })
    };
    let case = |name: &str, change: fn(&mut Value), reason: Reason| {
        case(BINDING, name, &token(change), reason)
    };
    vec![
        case("no chain", |chain| *chain = Value::Null, MandateClaims),
        case(
            "chain without hops",
            |chain| {
                drop(
                    chain
                        .as_object_mut()
                        .map(|chain| chain.insert("ch".to_owned(), json!([]))),
                );
            },
            AttenuationViolation,
        ),
        case(
            "chain of another layout",
            |chain| {
                drop(
                    chain
                        .as_object_mut()
                        .map(|chain| chain.insert("v".to_owned(), 1.into())),
                );
            },
            AttenuationViolation,
        ),
        case(
            "a hop with a bit beyond its table",
            |chain| replace(chain, "/ch/0/3", 3),
            AttenuationViolation,
        ),
        case(
            "a hop with no scope",
            |chain| replace(chain, "/ch/0/3", 0),
            AttenuationViolation,
        ),
        case(
            "a hop of another application",
            |chain| replace(chain, "/ch/0/1", "research-agent"),
            AttenuationViolation,
        ),
        case(
            "a hop of another session",
            |chain| replace(chain, "/ch/0/0", "ses_other"),
            AttenuationViolation,
        ),
        case(
            "a hop that ends before the mandate",
            |chain| replace(chain, "/ch/0/4", 1),
            AttenuationViolation,
        ),
        case(
            "a scope in the table that the mandate lacks",
            |chain| replace(chain, "/S", json!([["accounts:close"]])),
            AttenuationViolation,
        ),
        case(
            "a resource in the table that the mandate is not for",
            |chain| replace(chain, "/R", json!([format!("http://{VAULT}")])),
            AttenuationViolation,
        ),
        case(
            "a child with more scopes than its parent",
            |chain| {
                replace(chain, "/S", json!([["accounts:close", "accounts:read"]]));
                child(
                    chain,
                    |hop| {
                        replace(hop, "/3", 2);
                    },
                    |parent| replace(parent, "/3", 1),
                );
            },
            AttenuationViolation,
        ),
        case(
            "a child whose parent holds its scope at another resource",
            |chain| {
                let resources = [BANK, VAULT].map(|host| format!("http://{host}"));
                replace(chain, "/R", json!(resources));
                replace(chain, "/S", json!([["accounts:read"], ["accounts:read"]]));
                child(chain, |_| {}, |parent| replace(parent, "/3", 2));
            },
            AttenuationViolation,
        ),
        case(
            "a child that outlives its parent",
            |chain| child(chain, |_| {}, |parent| replace(parent, "/4", 1)),
            AttenuationViolation,
        ),
        case(
            "a child that may delegate as far as its parent",
            |chain| child(chain, |_| {}, |parent| replace(parent, "/5", 0)),
            AttenuationViolation,
        ),
        case(
            "one session twice",
            |chain| {
                let session = chain.pointer("/ch/0/0").cloned().unwrap_or_default();
                child(chain, |_| {}, |parent| replace(parent, "/0", session));
            },
            AttenuationViolation,
        ),
        case(
            "ten hops",
            |chain| {
                let Some(hops) = chain.get_mut("ch").and_then(Value::as_array_mut) else {
                    return;
                };
                let Some(leaf) = hops.pop() else { return };
                let parents = (1..10).rev().map(|depth: u64| {
                    let mut parent = leaf.clone();
                    replace(&mut parent, "/0", format!("ses_{depth}"));
                    replace(&mut parent, "/5", depth);
                    parent
                });
                hops.extend(parents.collect::<Vec<_>>());
                hops.push(leaf);
            },
            AttenuationViolation,
        ),
        Case::new(
            BINDING,
            "control: a child of a parent that holds as much passes",
            Request::new("GET", BANK, "/accounts/42")
                .mandate(&token(|chain| child(chain, |_| {}, |_| {}))),
            Expect::line(HONEST_LINE),
        ),
    ]
}

fn replace(value: &mut Value, path: &str, new: impl Into<Value>) {
    if let Some(place) = value.pointer_mut(path) {
        *place = new.into();
    }
}

/// Puts a parent in front of the last hop.
fn child(chain: &mut Value, change: impl FnOnce(&mut Value), of_parent: impl FnOnce(&mut Value)) {
    let Some(hops) = chain.get_mut("ch").and_then(Value::as_array_mut) else {
        return;
    };
    let Some(mut hop) = hops.pop() else { return };
    let mut parent = hop.clone();
    let depth = hop
        .pointer("/5")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    replace(&mut parent, "/5", depth + 1);
    replace(&mut parent, "/0", format!("ses_parent_{depth}"));
    of_parent(&mut parent);
    change(&mut hop);
    hops.extend([parent, hop]);
}

fn bindings(kit: &Kit) -> Vec<Case> {
    let forge = &kit.forge;
    let changed = |change: fn(&mut Claims)| forge.with_claims(change);
    let case = |name: &str, token: &str, reason| case(BINDING, name, token, reason);
    let holder =
        |id: &'static str| forge.with_claims(|claims| set(claims, "cnf", json!({"spiffe_id": id})));
    let all = ["accounts:close", "accounts:read"].map(str::to_owned);
    let close = Request::new("DELETE", BANK, "/accounts/42");
    let in_place = Case::new(
        BINDING,
        "control: a forged mandate that is as good as an issued one passes",
        Request::new("GET", BANK, "/accounts/42").mandate(&forge.for_scopes(&all)),
        Expect::line(HONEST_LINE),
    );
    vec![
        in_place,
        case("another workload's", &kit.stolen, HolderMismatch),
        case(
            "the holder in capitals",
            &holder("spiffe://CARACAL.dev/ns/agents/sa/payout"),
            MandateClaims,
        ),
        case(
            "the holder with a slash behind",
            &holder("spiffe://caracal.dev/ns/agents/sa/payout/"),
            MandateClaims,
        ),
        case(
            "a holder above",
            &holder("spiffe://caracal.dev/ns/agents/sa"),
            HolderMismatch,
        ),
        case(
            "a holder in another trust domain",
            &holder("spiffe://evil.dev/ns/agents/sa/payout"),
            HolderMismatch,
        ),
        case(
            "no holder",
            &changed(|claims| drop(claims.remove("cnf"))),
            MandateClaims,
        ),
        case(
            "an empty holder",
            &changed(|claims| set(claims, "cnf", json!({}))),
            MandateClaims,
        ),
        case(
            "a holder by key thumbprint",
            &changed(|claims| set(claims, "cnf", json!({"jkt": "x"}))),
            MandateClaims,
        ),
        case("revoked", &kit.revoked, Revoked),
        case("for another resource", &kit.atlas, MandateAudience),
        case(
            "scope widened beside the chain",
            &changed(|claims| set(claims, "scope", "accounts:close accounts:read")),
            AttenuationViolation,
        ),
        Case::new(
            BINDING,
            "for another operation",
            pay(kit).mandate(&kit.account).target("/payments"),
            Expect::Refused(Reason::MalformedCredential),
        ),
        Case::new(
            BINDING,
            "reading with a mandate for paying",
            Request::new("GET", BANK, "/accounts/42").mandate(&kit.payment),
            Expect::Refused(InsufficientScope),
        ),
        Case::new(
            BINDING,
            "closing with a mandate for reading",
            close.mandate(&kit.account),
            Expect::Refused(InsufficientScope),
        ),
        Case::new(
            BINDING,
            "auditing with a mandate for reading",
            read(kit).target("/accounts/summary"),
            Expect::Refused(InsufficientScope),
        ),
        Case::new(
            BINDING,
            "at another resource",
            read(kit).host(VAULT),
            Expect::Refused(MandateAudience),
        ),
        Case::new(
            BINDING,
            "issued on a state that is not known yet",
            Request::new("GET", BANK, "/accounts/42").mandate(&forge.with_claims(|claims| {
                if let Some(chain) = claims.get_mut("mdt") {
                    replace(chain, "/rev/epoch", 9_000_000);
                }
            })),
            Expect::line(HONEST_LINE),
        ),
    ]
}
