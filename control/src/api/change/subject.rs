//! What the ledger is told about a change.

use caracal_store::model::{Change, Proof, RevocationTarget, Session};

use crate::api::recorder::Subject;

/// What a change is about.
pub(super) fn of(change: &Change) -> Subject {
    let about = |detail: String| Subject {
        detail,
        ..Subject::default()
    };
    match change {
        Change::ZoneCreated(zone) => about(format!("zone {} created", zone.name)),
        Change::ApplicationCreated(application) => Subject {
            application: Some(application.name.to_string()),
            ..about(format!("application {} created", application.name))
        },
        Change::CredentialAdded(credential) => Subject {
            application: Some(credential.application.to_string()),
            ..about(format!(
                "credential {} ({}) added",
                credential.id,
                kind(&credential.proof)
            ))
        },
        Change::CredentialRevoked(which) => Subject {
            application: Some(which.application.to_string()),
            ..about(format!("credential {} revoked", which.id))
        },
        Change::IssuerCreated(issuer) => {
            about(format!("issuer {} trusted: {}", issuer.name, issuer.issuer))
        }
        Change::IssuerRemoved(name) => about(format!("issuer {name} removed")),
        Change::ResourcePut(resource) => Subject {
            resource: Some(resource.uri.to_string()),
            ..about(format!("resource {} put", resource.name))
        },
        Change::GrantCreated(grant) => Subject {
            application: Some(grant.application.to_string()),
            grant: Some(grant.id.clone()),
            scope: Some(grant.scopes.to_string()),
            ..about(format!("grant {} created", grant.id))
        },
        Change::DelegationCreated(delegation) => Subject {
            application: Some(delegation.to.to_string()),
            scope: Some(delegation.scopes.to_string()),
            ..about(format!(
                "delegation {} created: {} may have {} act",
                delegation.id, delegation.from, delegation.to
            ))
        },
        Change::PolicyActivated(policy) => Subject {
            policy: Some(policy.digest.clone()),
            ..about(format!("policy {} activated", policy.digest))
        },
        Change::KeyPublished(key) => about(format!("key {} published", key.kid)),
        Change::KeyActivated(activation) => about(format!("key {} activated", activation.kid)),
        Change::KeyDropped(kid) => about(format!("key {kid} dropped")),
        Change::KeyRevoked(revocation) => of_key_revocation(&revocation.kid),
        Change::PointCreated(point) => about(format!("enforcement point {} created", point.name)),
        Change::SessionOpened(session) => Subject {
            session: Some(session.id.clone()),
            ..about(format!("session {} opened", session.id))
        },
        Change::SessionDeclared(declared) => of_declaration(&declared.session),
        Change::Revoked(record) => of_revocation(&record.target),
        Change::Suspended(suspension) => Subject {
            detail: format!("{} suspended", suspension.target),
            ..of_revocation(&suspension.target)
        },
        Change::Resumed(suspension) => Subject {
            detail: format!("{} resumed", suspension.target),
            ..of_revocation(&suspension.target)
        },
    }
}

/// What the declaration of a session is about.
pub(super) fn of_declaration(session: &Session) -> Subject {
    Subject {
        detail: format!("session {} declared", session.id),
        application: Some(session.application.to_string()),
        session: Some(session.id.clone()),
        ..Subject::default()
    }
}

/// What a revocation is about.
pub(super) fn of_revocation(target: &RevocationTarget) -> Subject {
    let plain = Subject {
        detail: format!("{target} revoked"),
        ..Subject::default()
    };
    match target {
        RevocationTarget::Mandate(id) => Subject {
            mandate: Some(id.clone()),
            ..plain
        },
        RevocationTarget::Session(id) => Subject {
            session: Some(id.clone()),
            ..plain
        },
        RevocationTarget::Grant(id) => Subject {
            grant: Some(id.clone()),
            ..plain
        },
        RevocationTarget::Application(name) => Subject {
            application: Some(name.to_string()),
            ..plain
        },
        RevocationTarget::Delegation(_)
        | RevocationTarget::Resource(_)
        | RevocationTarget::Zone => plain,
    }
}

/// What a rotation is about: the next key takes over, whichever it is.
pub(super) fn of_rotation() -> Subject {
    Subject {
        detail: "signing key rotated".to_owned(),
        ..Subject::default()
    }
}

/// What the revocation of a key is about.
pub(super) fn of_key_revocation(kid: &str) -> Subject {
    Subject {
        detail: format!("key {kid} revoked"),
        ..Subject::default()
    }
}

const fn kind(proof: &Proof) -> &'static str {
    match proof {
        Proof::Spiffe { .. } => "SPIFFE ID",
        Proof::Secret { .. } => "secret",
        Proof::PublicKey { .. } => "public key",
        Proof::JwksUri { .. } => "published keys",
        Proof::Kubernetes(_) => "kubernetes service account",
    }
}
