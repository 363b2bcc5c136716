//! What the tables hold, for people.

use caracal_mandate::catalog::Resource;
use caracal_mandate::name::Name;
use serde::{Deserialize, Serialize};
use sqlx::Error;

use crate::log::{json, name};
use crate::model::{
    Application, Credential, Delegation, EnforcementPoint, Grant, Policy, RevocationRecord,
    Session, SessionState, Suspension, TrustedIssuer, Zone,
};
use crate::number::{id, second, unsigned};
use crate::read::ReadError;
use crate::store::Store;

/// Most sessions and revocations that one call lists; the newest ones.
pub const MAX_LISTED: i64 = 1000;

/// An object and the log position of its last change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// The object.
    #[serde(flatten)]
    pub item: T,
    /// Position.
    pub seq: u64,
}

/// An object that can be revoked for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocable<T> {
    /// The object.
    #[serde(flatten)]
    pub item: T,
    /// Position of its creation.
    pub seq: u64,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// A session, and what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedSession {
    /// The session.
    #[serde(flatten)]
    pub item: Session,
    /// Position of its opening; of two executions of a workload the later has the greater one.
    pub seq: u64,
    /// Whether it was ended.
    pub revoked: bool,
    /// Unix milliseconds by which its next heartbeat has to come, if it needs any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until_ms: Option<u64>,
}

impl TrackedSession {
    /// Its state at a moment, whatever that of those above it is.
    #[must_use]
    pub fn state(&self, now_ms: u64, is_suspended: bool) -> SessionState {
        let terms = self.item.terms.as_ref();
        let ends = terms.and_then(|terms| terms.expires_at);
        let ends = ends.map(|second| second.saturating_mul(1000));
        let is_over = |end: Option<u64>| end.is_some_and(|end| end <= now_ms);
        if self.revoked {
            SessionState::Terminated
        } else if is_over(ends) || is_over(self.lease_until_ms) {
            SessionState::Expired
        } else if is_suspended {
            SessionState::Suspended
        } else {
            SessionState::Active
        }
    }
}

/// A version of a zone's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// Digest.
    pub digest: String,
    /// Whether it is the zone's policy now.
    pub active: bool,
    /// Position of its last activation.
    pub seq: u64,
}

impl Store {
    /// Every zone, by name.
    pub async fn zones(&self) -> Result<Vec<Listed<Zone>>, ReadError> {
        let rows: Vec<(String, String, i64)> = self
            .fetch_all(sqlx::query_as(
                "SELECT name, issuer, seq FROM zones ORDER BY name",
            ))
            .await?;
        let zones = rows.into_iter().map(|(zone, issuer, seq)| {
            Ok(Listed {
                item: Zone {
                    name: name(&zone)?,
                    issuer,
                },
                seq: unsigned(seq)?,
            })
        });
        Ok(zones.collect::<Result<_, Error>>()?)
    }

    /// One zone.
    pub async fn zone(&self, zone: &Name) -> Result<Option<Zone>, ReadError> {
        let row: Option<(String,)> = self
            .fetch_optional(
                sqlx::query_as("SELECT issuer FROM zones WHERE name = $1").bind(zone.as_str()),
            )
            .await?;
        Ok(row.map(|(issuer,)| Zone {
            name: zone.clone(),
            issuer,
        }))
    }

    /// Applications of a zone, by name.
    pub async fn applications(
        &self,
        zone: &Name,
    ) -> Result<Vec<Revocable<Application>>, ReadError> {
        revocable(
            self.fetch_all(
                sqlx::query_as(
                    "SELECT definition, seq, revoked_seq FROM applications \
                 WHERE zone = $1 ORDER BY name",
                )
                .bind(zone.as_str()),
            )
            .await?,
        )
    }

    /// Credentials of an application, oldest first. What expired is listed too.
    pub async fn credentials(
        &self,
        zone: &Name,
        application: &Name,
    ) -> Result<Vec<Revocable<Credential>>, ReadError> {
        revocable(
            self.fetch_all(
                sqlx::query_as(
                    "SELECT definition, seq, revoked_seq FROM credentials \
                 WHERE zone = $1 AND application = $2 ORDER BY seq",
                )
                .bind(zone.as_str())
                .bind(application.as_str()),
            )
            .await?,
        )
    }

    /// Trusted issuers of a zone, by name.
    pub async fn issuers(&self, zone: &Name) -> Result<Vec<Listed<TrustedIssuer>>, ReadError> {
        listed(
            self.fetch_all(
                sqlx::query_as("SELECT definition, seq FROM issuers WHERE zone = $1 ORDER BY name")
                    .bind(zone.as_str()),
            )
            .await?,
        )
    }

    /// Resources of a zone, by name.
    pub async fn resources(&self, zone: &Name) -> Result<Vec<Listed<Resource>>, ReadError> {
        listed(
            self.fetch_all(
                sqlx::query_as(
                    "SELECT definition, seq FROM resources WHERE zone = $1 ORDER BY name",
                )
                .bind(zone.as_str()),
            )
            .await?,
        )
    }

    /// Grants of a zone, oldest first.
    pub async fn grants(&self, zone: &Name) -> Result<Vec<Revocable<Grant>>, ReadError> {
        revocable(
            self.fetch_all(
                sqlx::query_as(
                    "SELECT definition, seq, revoked_seq FROM grants WHERE zone = $1 ORDER BY seq",
                )
                .bind(zone.as_str()),
            )
            .await?,
        )
    }

    /// Delegations of a zone, oldest first.
    pub async fn delegations(&self, zone: &Name) -> Result<Vec<Revocable<Delegation>>, ReadError> {
        revocable(
            self.fetch_all(
                sqlx::query_as(
                    "SELECT definition, seq, revoked_seq FROM delegations \
                     WHERE zone = $1 ORDER BY seq",
                )
                .bind(zone.as_str()),
            )
            .await?,
        )
    }

    /// What is suspended in a zone, oldest first.
    pub async fn suspensions(&self, zone: &Name) -> Result<Vec<Listed<Suspension>>, ReadError> {
        let rows: Vec<(String, i64, i64)> = self
            .fetch_all(
                sqlx::query_as(
                    "SELECT target, hit_id, seq FROM suspensions WHERE zone = $1 ORDER BY seq",
                )
                .bind(zone.as_str()),
            )
            .await?;
        let suspensions = rows.into_iter().map(|(target, hit_id, seq)| {
            let target = target
                .parse()
                .map_err(|error| Error::Decode(Box::new(error)))?;
            Ok(Listed {
                item: Suspension {
                    target,
                    id: id(hit_id),
                },
                seq: unsigned(seq)?,
            })
        });
        Ok(suspensions.collect::<Result<_, Error>>()?)
    }

    /// Policy versions of a zone, the active one first.
    pub async fn policies(&self, zone: &Name) -> Result<Vec<PolicyVersion>, ReadError> {
        let rows: Vec<(String, i64)> = self
            .fetch_all(
                sqlx::query_as(
                    "SELECT digest, seq FROM policies WHERE zone = $1 ORDER BY seq DESC",
                )
                .bind(zone.as_str()),
            )
            .await?;
        let versions = rows.into_iter().enumerate().map(|(index, (digest, seq))| {
            Ok(PolicyVersion {
                digest,
                active: index == 0,
                seq: unsigned(seq)?,
            })
        });
        Ok(versions.collect::<Result<_, Error>>()?)
    }

    /// One policy version with its source.
    pub async fn policy(&self, zone: &Name, digest: &str) -> Result<Option<Policy>, ReadError> {
        let row: Option<(String,)> = self
            .fetch_optional(
                sqlx::query_as("SELECT source FROM policies WHERE zone = $1 AND digest = $2")
                    .bind(zone.as_str())
                    .bind(digest),
            )
            .await?;
        Ok(row.map(|(source,)| Policy {
            digest: digest.to_owned(),
            source,
        }))
    }

    /// Enforcement points of a zone, by name.
    pub async fn points(&self, zone: &Name) -> Result<Vec<Listed<EnforcementPoint>>, ReadError> {
        listed(
            self.fetch_all(
                sqlx::query_as("SELECT definition, seq FROM points WHERE zone = $1 ORDER BY name")
                    .bind(zone.as_str()),
            )
            .await?,
        )
    }

    /// The newest sessions of a zone, newest first, at most [`MAX_LISTED`].
    pub async fn sessions(&self, zone: &Name) -> Result<Vec<TrackedSession>, ReadError> {
        let rows: Vec<(String, i64, Option<i64>, Option<i64>)> = self
            .fetch_all(
                sqlx::query_as(
                    "SELECT s.definition, s.seq, s.revoked_seq, l.until_ms FROM sessions AS s \
                     LEFT JOIN session_leases AS l ON l.session = s.id \
                     WHERE s.zone = $1 ORDER BY s.seq DESC LIMIT $2",
                )
                .bind(zone.as_str())
                .bind(MAX_LISTED),
            )
            .await?;
        let items = rows.into_iter().map(|(definition, seq, revoked, until)| {
            let item = json(&definition)?;
            Ok(TrackedSession {
                item,
                seq: unsigned(seq)?,
                revoked: revoked.is_some(),
                lease_until_ms: until.map(unsigned).transpose()?,
            })
        });
        Ok(items.collect::<Result<_, Error>>()?)
    }

    /// The newest revocations of a zone, newest first, at most [`MAX_LISTED`]. What was revoked
    /// twice stands there once, in its stricter form.
    pub async fn revocations(
        &self,
        zone: &Name,
    ) -> Result<Vec<Listed<RevocationRecord>>, ReadError> {
        let rows: Vec<(String, i64, i64, i64, i64)> = self
            .fetch_all(
                sqlx::query_as(
                    "SELECT target, hit_id, issued_until, expires, seq FROM revocations \
             WHERE zone = $1 ORDER BY seq DESC LIMIT $2",
                )
                .bind(zone.as_str())
                .bind(MAX_LISTED),
            )
            .await?;
        let records = rows
            .into_iter()
            .map(|(target, hit_id, issued_until, expires, seq)| {
                let target = target
                    .parse()
                    .map_err(|error| Error::Decode(Box::new(error)))?;
                let item = RevocationRecord {
                    target,
                    id: id(hit_id),
                    issued_until: second(issued_until)?,
                    expires: unsigned(expires)?,
                };
                Ok(Listed {
                    item,
                    seq: unsigned(seq)?,
                })
            });
        Ok(records.collect::<Result<_, Error>>()?)
    }
}

fn listed<T: serde::de::DeserializeOwned>(
    rows: Vec<(String, i64)>,
) -> Result<Vec<Listed<T>>, ReadError> {
    let items = rows.into_iter().map(|(definition, seq)| {
        Ok(Listed {
            item: json(&definition)?,
            seq: unsigned(seq)?,
        })
    });
    Ok(items.collect::<Result<_, Error>>()?)
}

fn revocable<T: serde::de::DeserializeOwned>(
    rows: Vec<(String, i64, Option<i64>)>,
) -> Result<Vec<Revocable<T>>, ReadError> {
    let items = rows.into_iter().map(|(definition, seq, revoked)| {
        let item = json(&definition)?;
        Ok(Revocable {
            item,
            seq: unsigned(seq)?,
            revoked: revoked.is_some(),
        })
    });
    Ok(items.collect::<Result<_, Error>>()?)
}
