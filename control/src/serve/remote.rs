//! Token services of other processes in the management API's terms: gRPC with mutual TLS.
//!
//! What one of them has to do, the first that can be reached does; repeated calls carry an idempotency
//! key, so that one whose answer was lost happens once. What all of them know is asked of all, and one
//! that does not answer is said to be silent, never left out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::name::Name;
use caracal_mandate::version::Version;
use caracal_proto::operations::operations_client::OperationsClient;
use caracal_proto::operations::{
    EnsureKeyRequest, KeptInRequest, KeyStepResponse, Point, PointsRequest, RevokeKeyRequest,
    RotateKeyRequest, WaitAppliedRequest,
};
use caracal_store::{Committed, Store};
use caracal_sts::policy::PolicyRunner;
use caracal_sts::{AckReport, KeyChange, KeyStatus, PointStatus, Random, TlsFiles};
use tokio::task::JoinSet;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};
use tonic::{Code, Request, Status};

use crate::api::{
    Authority, AuthorityError, KeyListError, KeyStepError, Points, PolicyRefusal, RefusalKind,
};

/// How long a connection and an answer may take. A step of a key waits for its own follower.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
const CALL_PATIENCE: Duration = Duration::from_secs(10);

/// How long a token service may take to show that it is there.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);

type Client = OperationsClient<Channel>;

/// All of them. A cheap handle.
#[derive(Clone)]
pub(super) struct TokenServices {
    services: Arc<[(String, Client)]>,
    policies: Arc<PolicyRunner>,
    store: Store,
    random: Arc<dyn Random>,
}

impl TokenServices {
    /// Connects when there is something to ask.
    pub(super) fn new(
        places: &[Uri],
        tls: &TlsFiles,
        store: Store,
        random: Arc<dyn Random>,
    ) -> anyhow::Result<Self> {
        let read = |path: &std::path::Path| {
            std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
        };
        let identity = Identity::from_pem(read(&tls.cert)?, read(&tls.key)?);
        let authority = Certificate::from_pem(read(&tls.ca)?);
        let tls = ClientTlsConfig::new()
            .identity(identity)
            .ca_certificate(authority);
        let mut services = Vec::new();
        for place in places {
            let endpoint = Endpoint::from(place.clone())
                .tls_config(tls.clone())
                .context("--tls-cert, --tls-key and --tls-ca are no identity")?
                .connect_timeout(CONNECT_PATIENCE)
                .tcp_nodelay(true)
                .http2_keep_alive_interval(Duration::from_secs(10))
                .keep_alive_timeout(Duration::from_secs(5));
            let client = OperationsClient::new(endpoint.connect_lazy());
            services.push((place.to_string(), client));
        }
        Ok(Self {
            services: services.into(),
            policies: Arc::default(),
            store,
            random,
        })
    }

    /// Asks one after the other until one answers.
    async fn first<T, F>(&self, ask: impl Fn(Client) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let mut last = Status::unavailable("there is no token service");
        for (place, client) in &*self.services {
            let asked = tokio::time::timeout(CALL_PATIENCE, ask(client.clone())).await;
            let refused = match asked {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => status,
                Err(_) => Status::unavailable("no answer in time"),
            };
            let code = refused.code();
            tracing::warn!(%place, %code, text = refused.message(), "a token service said no");
            let text = format!("token service {place}: {}", refused.message());
            last = Status::new(code, text);
            // What was decided there would be decided so everywhere.
            if !matches!(
                code,
                Code::Unavailable | Code::Unknown | Code::Internal | Code::PermissionDenied
            ) {
                break;
            }
        }
        Err(last)
    }

    /// Asks all at the same time; those that do not answer have none.
    async fn all<T, F>(
        &self,
        ask: impl Fn(Client) -> F,
        patience: Duration,
    ) -> Vec<(String, Option<T>)>
    where
        T: Send + 'static,
        F: Future<Output = Result<tonic::Response<T>, Status>> + Send + 'static,
    {
        let mut asked = JoinSet::new();
        for (place, client) in self.services.iter().cloned() {
            let answer = ask(client);
            asked.spawn(async move {
                let text = match tokio::time::timeout(patience, answer).await {
                    Ok(Ok(answer)) => return (place, Some(answer.into_inner())),
                    Ok(Err(status)) => status.message().to_owned(),
                    Err(_) => "no answer in time".to_owned(),
                };
                tracing::warn!(%place, text, "a token service is silent");
                (place, None)
            });
        }
        let mut answers = asked.join_all().await;
        answers.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        answers
    }

    /// One for a caller that gave none: then it is safe to ask the next service as well.
    fn idempotency(&self, given: Option<&str>) -> Result<String, KeyStepError> {
        if let Some(given) = given {
            return Ok(given.to_owned());
        }
        let mut bytes = [0_u8; 16];
        let filled = self.random.fill(&mut bytes);
        filled.map_err(|error| KeyStepError::Elsewhere {
            kind: RefusalKind::Unavailable,
            text: error.to_string(),
        })?;
        Ok(format!("control-{}", URL_SAFE_NO_PAD.encode(bytes)))
    }
}

impl Authority for TokenServices {
    async fn ensure_zone_key(&self, zone: &Name) -> Result<(), AuthorityError> {
        let zone = zone.to_string();
        let made = self.first(|mut client| {
            let zone = zone.clone();
            async move { client.ensure_key(EnsureKeyRequest { zone }).await }
        });
        let made = made.await.map(|_| ());
        made.map_err(|status| AuthorityError(status.message().to_owned()))
    }

    async fn zone_keys(&self, zone: &Name) -> Result<Vec<KeyStatus>, KeyListError> {
        let records = self.store.keys(zone).await?;
        let zone = zone.to_string();
        let asked = self.first(|mut client| {
            let zone = zone.clone();
            async move { client.kept_in(KeptInRequest { zone }).await }
        });
        let mut places: HashMap<String, String> = match asked.await {
            Ok(answer) => answer.places,
            Err(status) => return Err(AuthorityError(status.message().to_owned()).into()),
        };
        let keys = records.into_iter().map(|record| KeyStatus {
            kept_in: places.remove(&record.kid),
            record,
        });
        Ok(keys.collect())
    }

    async fn rotate_key(
        &self,
        zone: &Name,
        idempotency: Option<&str>,
    ) -> Result<KeyChange, KeyStepError> {
        let request = RotateKeyRequest {
            zone: zone.to_string(),
            idempotency_key: self.idempotency(idempotency)?,
        };
        let step = self.first(|mut client| {
            let request = request.clone();
            async move { client.rotate_key(request).await }
        });
        step.await
            .map(key_change)
            .map_err(|status| refusal(&status))
    }

    async fn revoke_key(
        &self,
        zone: &Name,
        kid: &str,
        idempotency: Option<&str>,
    ) -> Result<KeyChange, KeyStepError> {
        let request = RevokeKeyRequest {
            zone: zone.to_string(),
            kid: kid.to_owned(),
            idempotency_key: self.idempotency(idempotency)?,
        };
        let step = self.first(|mut client| {
            let request = request.clone();
            async move { client.revoke_key(request).await }
        });
        step.await
            .map(key_change)
            .map_err(|status| refusal(&status))
    }

    /// Here: a policy is the same everywhere, and none of it is a secret of the token service.
    async fn check_policy(&self, source: &str) -> Result<(), PolicyRefusal> {
        let checked = self.policies.compile(source.into()).await;
        checked
            .map(|_| ())
            .map_err(|error| PolicyRefusal(error.to_string()))
    }

    async fn points(&self) -> Points {
        let ask = |mut client: Client| async move { client.points(PointsRequest {}).await };
        let mut points = Points {
            items: Vec::new(),
            complete: true,
        };
        for (_, answer) in self.all(ask, LOOK_PATIENCE).await {
            match answer {
                Some(answer) => points
                    .items
                    .extend(answer.points.into_iter().filter_map(point)),
                None => points.complete = false,
            }
        }
        points
    }

    /// There is none in this process.
    async fn wait_read(&self, _: u64, _: Duration) {}

    async fn wait_applied(&self, zone: &Name, seq: u64, bound: Duration) -> AckReport {
        let bound_ms = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        let zone = zone.to_string();
        let started = tokio::time::Instant::now();
        // From now on, whatever becomes of the calls: then everybody silent is closed.
        let closed = started.checked_add(bound).unwrap_or(started);
        let ask = |mut client: Client| {
            let message = WaitAppliedRequest {
                zone: zone.clone(),
                seq,
                bound_ms,
            };
            async move { client.wait_applied(Request::new(message)).await }
        };
        let answers = self.all(ask, bound).await;
        let mut report = AckReport {
            acked: 0,
            expected: 0,
            silent: Vec::new(),
            waited_ms: 0,
            bound_ms,
        };
        for (place, answer) in answers {
            let Some(answer) = answer else {
                report.expected = report.expected.saturating_add(1);
                report
                    .silent
                    .push(format!("points of token service {place}"));
                continue;
            };
            report.acked = report.acked.saturating_add(count(answer.acked));
            report.expected = report.expected.saturating_add(count(answer.expected));
            report.silent.extend(answer.silent);
        }
        if !report.silent.is_empty() {
            tokio::time::sleep_until(closed).await;
        }
        let waited = u64::try_from(started.elapsed().as_millis());
        report.waited_ms = waited.unwrap_or(u64::MAX);
        report
    }

    async fn troubles(&self) -> Vec<String> {
        let ask = |mut client: Client| async move { client.points(PointsRequest {}).await };
        let silent = self.all(ask, LOOK_PATIENCE).await.into_iter();
        let silent = silent.filter(|(_, answer)| answer.is_none());
        silent
            .map(|(place, _)| format!("token service {place} does not answer"))
            .collect()
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn key_change(answer: KeyStepResponse) -> KeyChange {
    let KeyStepResponse {
        seq,
        replayed,
        signing,
    } = answer;
    KeyChange {
        committed: Committed { seq, replayed },
        signing,
    }
}

fn refusal(status: &Status) -> KeyStepError {
    let kind = match status.code() {
        Code::NotFound => RefusalKind::NotFound,
        Code::FailedPrecondition => RefusalKind::State,
        Code::Aborted => RefusalKind::IdempotencyConflict,
        Code::InvalidArgument | Code::AlreadyExists => RefusalKind::Invalid,
        _ => RefusalKind::Unavailable,
    };
    KeyStepError::Elsewhere {
        kind,
        text: status.message().to_owned(),
    }
}

/// A point, if its zone can be one's name.
fn point(point: Point) -> Option<PointStatus> {
    let Point {
        zone,
        spiffe_id,
        instance,
        boot,
        role,
        term,
        epoch,
        last_ping_age_ms,
        lease_ms,
        connected_ms,
        software,
        mode,
        last_error,
        streams,
        lease_remaining_ms,
    } = point;
    Some(PointStatus {
        zone: zone.parse().ok()?,
        spiffe_id,
        instance,
        boot,
        role,
        applied: Version { term, epoch },
        last_ping_age_ms,
        lease_ms,
        connected_ms,
        software,
        mode,
        lease_remaining_ms,
        streams,
        last_error,
    })
}
