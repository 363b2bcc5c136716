//! Credentials of applications.

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::name::Name;
use caracal_mandate::spiffe::SpiffeId;
use caracal_store::Revocable;
use caracal_store::model::{
    Change, Credential, CredentialRef, JwkSet, KeysUrl, Proof, SECRET_PREFIX, SecretHash,
    ServiceAccount,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{Items, Made, Removed};
use super::error::ApiError;
use super::extract::{Body, IdempotencyKey};
use super::id::{Kind, new_id};
use super::{Api, Authority};

/// What a caller says of a new credential; id, time and secret are the server's.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCredential {
    proof: NewProof,
    expires_at: Option<u64>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
enum NewProof {
    Spiffe {
        spiffe_id: SpiffeId,
    },
    Secret {},
    /// A JWK or a JWK set.
    PublicKey {
        jwks: Value,
    },
    JwksUri {
        jwks_uri: KeysUrl,
    },
    Kubernetes(ServiceAccount),
}

/// A credential as it is shown: of a secret, nothing but that there is one.
#[derive(Serialize)]
pub(super) struct Shown {
    id: String,
    application: Name,
    created_at: u64,
    expires_at: Option<u64>,
    proof: ShownProof,
    /// The secret itself, in the one answer that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum ShownProof {
    Spiffe { spiffe_id: SpiffeId },
    Secret {},
    PublicKey { jwks: JwkSet },
    JwksUri { jwks_uri: KeysUrl },
    Kubernetes(ServiceAccount),
}

impl From<Credential> for Shown {
    fn from(credential: Credential) -> Self {
        let Credential {
            id,
            application,
            created_at,
            expires_at,
            proof,
        } = credential;
        let proof = match proof {
            Proof::Spiffe { spiffe_id } => ShownProof::Spiffe { spiffe_id },
            Proof::Secret { sha256: _ } => ShownProof::Secret {},
            Proof::PublicKey { jwks } => ShownProof::PublicKey { jwks },
            Proof::JwksUri { jwks_uri } => ShownProof::JwksUri { jwks_uri },
            Proof::Kubernetes(account) => ShownProof::Kubernetes(account),
        };
        Self {
            id,
            application,
            created_at,
            expires_at,
            proof,
            secret: None,
        }
    }
}

type Place = Result<Path<(String, String)>, axum::extract::rejection::PathRejection>;

pub(super) async fn add<A: Authority>(
    State(api): State<Api<A>>,
    place: Place,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewCredential>,
) -> Result<Made<Shown>, ApiError> {
    let (zone, application) = names(place)?;
    let now = api.clock.unix_ms().div_euclid(1000);
    if new.expires_at.is_some_and(|second| second <= now) {
        return Err(ApiError::invalid(
            "expires_at is not in the future: give a later Unix second, or leave it out",
        ));
    }
    let asked = (&application, &new);
    let id = new_id(
        Kind::Credential,
        &zone,
        key.as_deref(),
        &asked,
        &*api.random,
    )?;
    let NewCredential { proof, expires_at } = new;
    let mut secret = None;
    let proof = match proof {
        NewProof::Spiffe { spiffe_id } => Proof::Spiffe { spiffe_id },
        NewProof::Secret {} => {
            let text = secret.insert(api.new_secret()?);
            let sha256 = SecretHash::of(text);
            Proof::Secret { sha256 }
        }
        NewProof::PublicKey { jwks } => {
            let jwks = JwkSet::from_document(jwks);
            let jwks = jwks.map_err(|error| ApiError::invalid(format!("jwks: {error}")))?;
            Proof::PublicKey { jwks }
        }
        NewProof::JwksUri { jwks_uri } => Proof::JwksUri { jwks_uri },
        NewProof::Kubernetes(account) => Proof::Kubernetes(account),
    };
    let credential = Credential {
        id,
        application,
        created_at: now,
        expires_at,
        proof,
    };
    let change = Change::CredentialAdded(credential.clone());
    let committed = api.change(&zone, change, key).await?;
    let shown = Shown {
        // What was generated for a repeated request is no secret of anybody.
        secret: secret.filter(|_| !committed.replayed),
        ..credential.into()
    };
    Ok(Made::new(shown, committed))
}

pub(super) async fn list<A: Authority>(
    State(api): State<Api<A>>,
    place: Place,
) -> Result<Json<Items<Revocable<Shown>>>, ApiError> {
    let (zone, application) = names(place)?;
    api.require_application(&zone, &application).await?;
    let held = api.store.credentials(&zone, &application).await;
    let items = held.map_err(ApiError::read)?.into_iter().map(|one| {
        let Revocable { item, seq, revoked } = one;
        let item = item.into();
        Revocable { item, seq, revoked }
    });
    let items = items.collect();
    Ok(Json(Items { items }))
}

pub(super) async fn revoke<A: Authority>(
    State(api): State<Api<A>>,
    path: Result<Path<(String, String, String)>, axum::extract::rejection::PathRejection>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Removed, ApiError> {
    let Path((zone, application, id)) =
        path.map_err(|error| ApiError::invalid(error.body_text()))?;
    let (zone, application) = names(Ok(Path((zone, application))))?;
    let change = Change::CredentialRevoked(CredentialRef { application, id });
    Ok(api.change(&zone, change, key).await?.into())
}

fn names(place: Place) -> Result<(Name, Name), ApiError> {
    let Path((zone, application)) = place.map_err(|error| ApiError::invalid(error.body_text()))?;
    let name = |text: &str, what: &str| {
        let parsed: Result<Name, _> = text.parse();
        parsed.map_err(|error| ApiError::invalid(format!("{what} in the path: {error}")))
    };
    Ok((name(&zone, "zone")?, name(&application, "application")?))
}

impl<A: Authority> Api<A> {
    fn new_secret(&self) -> Result<String, ApiError> {
        let mut bytes = [0_u8; 32];
        let filled = self.random.fill(&mut bytes);
        filled.map_err(|_| ApiError::internal("the system's source of randomness failed"))?;
        let mut secret = SECRET_PREFIX.to_owned();
        URL_SAFE_NO_PAD.encode_string(bytes, &mut secret);
        Ok(secret)
    }

    async fn require_application(&self, zone: &Name, application: &Name) -> Result<(), ApiError> {
        self.require_zone(zone).await?;
        let known = self
            .store
            .applications(zone)
            .await
            .map_err(ApiError::read)?;
        if known.iter().any(|one| one.item.name == *application) {
            Ok(())
        } else {
            Err(ApiError::no_application(zone, application))
        }
    }
}
