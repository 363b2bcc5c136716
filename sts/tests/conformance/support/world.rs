//! The zone: who is in it, and what they may do.

use std::path::Path;
use std::sync::Arc;

use caracal_audit::{CheckpointSigner, Ledger, ListQuery};
use caracal_mandate::event::Event;
use caracal_mandate::name::Name;
use caracal_mandate::scope::ScopeSet;
use caracal_store::model::{
    Application, Change, Credential, EnforcementPoint, Grant, GrantConditions, PointRole, Policy,
    Proof, SecretHash, Session, TrustedIssuer, Zone,
};
use caracal_store::{CommitError, DatabaseUrl, Store};
use caracal_sts::{
    Clock as _, KeyEncryptionKey, PolicyDigest, Sts, StsConfig, SystemClock, SystemRandom,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::check::BANK_POINT;
use super::jwt::Key;
use super::now;
use super::pki::Pki;

pub(crate) const PAYOUT: &str = "spiffe://d.example/ns/agents/sa/payout";
pub(crate) const WORKER: &str = "spiffe://d.example/ns/agents/sa/worker";
pub(crate) const TWIN_A: &str = "spiffe://d.example/ns/agents/sa/twin-a";
const TWIN_B: &str = "spiffe://d.example/ns/agents/sa/twin-b";
pub(crate) const PAYOUT_SECRET: &str = "cs_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
pub(crate) const WORKER_SECRET: &str = "cs_1123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
pub(crate) const TWIN_SECRET: &str = "cs_2123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
pub(crate) const UNBOUND_SECRET: &str = "cs_3123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
pub(crate) const BANK: &str = "https://bank.internal";
pub(crate) const KUBERNETES: &str = "https://kubernetes.default.svc";

const POLICY: &str = r#"package caracal.policy
default allow := false
allow if input.resource.name != "mail"
deny contains "delegation is frozen" if {
    count(input.delegation) > 1
    "payments:freeze" in input.scopes
}
deny contains "not this human" if input.subject.id == "mallory"
"#;

struct LedgerClock(Arc<SystemClock>);

impl caracal_audit::Clock for LedgerClock {
    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }
}

/// The running service with a zone `acme`.
pub(crate) struct World {
    pub(crate) sts: Sts,
    pub(crate) store: Store,
    ledger: Ledger,
    pub(crate) pki: Pki,
    pub(crate) https: u16,
    pub(crate) http: u16,
    pub(crate) grpc: u16,
    /// Signs assertions of `payout`.
    pub(crate) client_key: Key,
    /// Signs ID tokens.
    pub(crate) idp: Key,
    /// Signs tokens of service accounts.
    pub(crate) cluster: Key,
    zone: Name,
    place: DatabaseUrl,
    kek: [u8; 32],
    directory: tempfile::TempDir,
}

/// A service that is started, with a ledger of its own.
async fn service(
    place: &DatabaseUrl,
    kek: [u8; 32],
    directory: &Path,
    config: StsConfig,
) -> (Sts, Store, Ledger) {
    let clock = Arc::new(SystemClock::new());
    let store = Store::connect(place).await.unwrap();
    let signer = CheckpointSigner::generate("test").unwrap();
    let ledger_clock = Arc::new(LedgerClock(Arc::clone(&clock)));
    let path = directory.join("ledger.db");
    let ledger = Ledger::open(&path, signer, ledger_clock).await.unwrap();
    let kek = KeyEncryptionKey::from_bytes(kek);
    let random = Arc::new(SystemRandom::new());
    let sts = Sts::start(store.clone(), ledger.clone(), kek, clock, random, config);
    (sts.await.unwrap(), store, ledger)
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(StsConfig::default()).await
    }

    pub(crate) async fn start_with(config: StsConfig) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("authority.db");
        Self::start_at(directory, file.as_path().into(), config).await
    }

    /// A zone in an empty database.
    pub(crate) async fn start_on(place: DatabaseUrl, config: StsConfig) -> Self {
        Self::start_at(tempfile::tempdir().unwrap(), place, config).await
    }

    async fn start_at(directory: tempfile::TempDir, place: DatabaseUrl, config: StsConfig) -> Self {
        let (_, kek) = KeyEncryptionKey::generate().unwrap();
        let (sts, store, ledger) = service(&place, *kek, directory.path(), config).await;
        let tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pki = Pki::new();
        let world = Self {
            https: tls.local_addr().unwrap().port(),
            http: plain.local_addr().unwrap().port(),
            grpc: grpc.local_addr().unwrap().port(),
            client_key: Key::new(11, "payout-1"),
            idp: Key::new(22, "idp-1"),
            cluster: Key::new(33, "cluster-1"),
            zone: "acme".parse().unwrap(),
            sts,
            store,
            ledger,
            pki,
            place,
            kek: *kek,
            directory,
        };
        world.populate().await;
        world.serve(tls, plain, grpc);
        world
    }

    /// The service once more, on whatever stands in the database by now: it plays the whole log.
    pub(crate) async fn restart(&mut self) {
        let directory = self.directory.path().join(self.grpc.to_string());
        std::fs::create_dir(&directory).unwrap();
        let config = StsConfig::default();
        let started = service(&self.place, self.kek, &directory, config).await;
        (self.sts, self.store, self.ledger) = started;
        let tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.https = tls.local_addr().unwrap().port();
        self.http = plain.local_addr().unwrap().port();
        self.grpc = grpc.local_addr().unwrap().port();
        self.serve(tls, plain, grpc);
    }

    /// Where the authority database is.
    pub(crate) const fn place(&self) -> &DatabaseUrl {
        &self.place
    }

    fn serve(&self, tls: TcpListener, plain: TcpListener, grpc: TcpListener) {
        let sts = self.sts.clone();
        let files = self.pki.server(self.directory.path());
        let (service, identity) = (sts.clone(), files.clone());
        tokio::spawn(async move {
            service
                .serve_grpc(grpc, identity, std::future::pending())
                .await
        });
        let service = sts.clone();
        tokio::spawn(async move {
            service
                .serve_http(tls, Some(files), std::future::pending())
                .await
        });
        tokio::spawn(async move { sts.serve_http(plain, None, std::future::pending()).await });
    }

    /// Another process on the same database, and the port of its plain listener.
    pub(crate) async fn replica(&self, config: StsConfig) -> (Sts, u16) {
        let directory = self.directory.path().join("replica");
        std::fs::create_dir(&directory).unwrap();
        let (sts, ..) = service(&self.place, self.kek, &directory, config).await;
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = plain.local_addr().unwrap().port();
        let service = sts.clone();
        tokio::spawn(async move {
            service
                .serve_http(plain, None, std::future::pending())
                .await
        });
        (sts, port)
    }

    async fn populate(&self) {
        let issuer = self.issuer();
        self.commit(Change::ZoneCreated(Zone {
            name: self.zone.clone(),
            issuer,
        }))
        .await;
        self.sts.ensure_zone_key(&self.zone).await.unwrap();
        for (name, ids) in [
            ("payout", &[PAYOUT][..]),
            ("worker", &[WORKER]),
            ("twin", &[TWIN_A, TWIN_B]),
            ("unbound", &[]),
        ] {
            self.commit(Change::ApplicationCreated(Application {
                name: name.parse().unwrap(),
                spiffe_ids: ids.iter().map(|id| id.parse().unwrap()).collect(),
            }))
            .await;
        }
        for (name, scopes) in [
            (
                "bank",
                &["accounts:read", "payments:freeze", "payments:write"][..],
            ),
            ("mail", &["mail:send"]),
            ("vault", &["secrets:read"]),
        ] {
            let operations: Vec<_> = scopes.iter().enumerate().map(|(index, scope)| {
                json!({"name": format!("op-{index}"), "method": "GET", "path": format!("/{index}"), "scopes": [scope]})
            }).collect();
            let resource = json!({"name": name, "uri": format!("https://{name}.internal"), "hosts": [format!("{name}.internal")], "operations": operations});
            self.commit(Change::ResourcePut(
                serde_json::from_value(resource).unwrap(),
            ))
            .await;
        }
        self.commit(Change::PointCreated(EnforcementPoint {
            name: "bank-point".parse().unwrap(),
            spiffe_id: BANK_POINT.parse().unwrap(),
            role: PointRole::Resource,
            resources: vec!["bank".parse().unwrap()],
        }))
        .await;
        for issuer in [
            json!({"name": "corp", "issuer": "https://idp.example", "purpose": "human", "audiences": ["caracal"],
                "jwks": self.idp.jwks(), "jwks_uri": null, "subject_claim": "sub", "max_token_age": 600}),
            json!({"name": "cluster", "issuer": KUBERNETES, "purpose": "kubernetes", "audiences": ["caracal"],
                "jwks": self.cluster.jwks(), "jwks_uri": null, "subject_claim": "sub", "max_token_age": 3600}),
        ] {
            let issuer: TrustedIssuer = serde_json::from_value(issuer).unwrap();
            self.commit(Change::IssuerCreated(issuer)).await;
        }
        for (application, secret) in [
            ("payout", PAYOUT_SECRET),
            ("worker", WORKER_SECRET),
            ("twin", TWIN_SECRET),
            ("unbound", UNBOUND_SECRET),
        ] {
            let sha256 = SecretHash::of(secret);
            self.credential(
                &format!("crd_{application}"),
                application,
                Proof::Secret { sha256 },
            )
            .await;
        }
        let jwks = serde_json::from_value(self.client_key.jwks()).unwrap();
        self.credential("crd_key", "payout", Proof::PublicKey { jwks })
            .await;
        let account =
            json!({"issuer": KUBERNETES, "namespace": "agents", "service_account": "twin-a"});
        let account = serde_json::from_value(account).unwrap();
        self.credential("crd_account", "twin", Proof::Kubernetes(account))
            .await;
        self.grant(
            "grt_payout_bank",
            "payout",
            "bank",
            "accounts:read payments:freeze payments:write",
            None,
        )
        .await;
        self.grant("grt_payout_mail", "payout", "mail", "mail:send", None)
            .await;
        self.grant("grt_twin_bank", "twin", "bank", "accounts:read", None)
            .await;
        self.grant("grt_unbound_bank", "unbound", "bank", "accounts:read", None)
            .await;
        let source = POLICY.to_owned();
        let digest = PolicyDigest::of(&source).as_str().to_owned();
        let seq = self
            .commit(Change::PolicyActivated(Policy { digest, source }))
            .await;
        self.applied(seq).await;
    }

    /// The zone's issuer: the origin of the TLS listener, and a path.
    pub(crate) fn issuer(&self) -> String {
        format!("https://localhost:{}/zones/acme", self.https)
    }

    pub(crate) async fn commit(&self, change: Change) -> u64 {
        self.store
            .commit(&self.zone, change, now() * 1000, None)
            .await
            .unwrap()
            .seq
    }

    /// Declares a session, and waits until this service knows; the position.
    pub(crate) async fn declare(
        &self,
        (id, application, holder): (&str, &str, &str),
        parent: Option<&str>,
        terms: Value,
        takes_over: bool,
    ) -> Result<u64, CommitError> {
        let session = Session {
            id: id.to_owned(),
            application: application.parse().unwrap(),
            holder: holder.parse().unwrap(),
            opened_at: now(),
            parent: parent.map(str::to_owned),
            terms: Some(serde_json::from_value(terms).unwrap()),
        };
        let (store, now_ms) = (&self.store, now() * 1000);
        let declared = store.declare_session(&self.zone, session, takes_over, now_ms, None);
        let seq = declared.await?.seq;
        self.applied(seq).await;
        Ok(seq)
    }

    /// Makes this the zone's policy.
    pub(crate) async fn activate(&self, source: &str) {
        let policy = Policy::new(source.to_owned());
        let seq = self.commit(Change::PolicyActivated(policy)).await;
        self.applied(seq).await;
    }

    pub(crate) async fn credential(&self, id: &str, application: &str, proof: Proof) {
        let seq = self.commit(Change::CredentialAdded(Credential {
            id: id.to_owned(),
            application: application.parse().unwrap(),
            created_at: now(),
            expires_at: None,
            proof,
        }));
        let seq = seq.await;
        self.applied(seq).await;
    }

    /// Trusts an issuer for what it publishes.
    pub(crate) async fn issuer_at(&self, name: &str, issuer: &str, purpose: &str, jwks_uri: &str) {
        let issuer = json!({"name": name, "issuer": issuer, "purpose": purpose,
            "audiences": ["caracal"], "jwks": null, "jwks_uri": jwks_uri, "subject_claim": "sub",
            "max_token_age": 600});
        let issuer = serde_json::from_value(issuer).unwrap();
        let seq = self.commit(Change::IssuerCreated(issuer)).await;
        self.applied(seq).await;
    }

    /// Trusts a further issuer of humans by its keys.
    pub(crate) async fn issuer_with(&self, name: &str, issuer: &str, jwks: &Value) {
        let issuer = json!({"name": name, "issuer": issuer, "purpose": "human",
            "audiences": ["caracal"], "jwks": jwks, "jwks_uri": null, "subject_claim": "sub",
            "max_token_age": 600});
        let issuer = serde_json::from_value(issuer).unwrap();
        let seq = self.commit(Change::IssuerCreated(issuer)).await;
        self.applied(seq).await;
    }

    /// Trusts an issuer no more.
    pub(crate) async fn forget_issuer(&self, name: &str) {
        let seq = self.commit(Change::IssuerRemoved(name.parse().unwrap()));
        let seq = seq.await;
        self.applied(seq).await;
    }

    pub(crate) async fn grant(
        &self,
        id: &str,
        application: &str,
        resource: &str,
        scopes: &str,
        expires_at: Option<u64>,
    ) {
        let seq = self
            .commit(Change::GrantCreated(Grant {
                id: id.to_owned(),
                application: application.parse().unwrap(),
                resource: resource.parse().unwrap(),
                scopes: ScopeSet::parse(scopes).unwrap(),
                expires_at,
                max_lifetime: None,
                conditions: GrantConditions::default(),
            }))
            .await;
        self.applied(seq).await;
    }

    /// A further resource, with one operation and the scope `files:read`.
    pub(crate) async fn resource(&self, name: &str, uri: &str) {
        let operation =
            json!({"name": "read", "method": "GET", "path": "/{id}", "scopes": ["files:read"]});
        let hosts = [format!("{name}.internal")];
        let resource = json!({"name": name, "uri": uri, "hosts": hosts, "operations": [operation]});
        let resource = serde_json::from_value(resource).unwrap();
        let seq = self.commit(Change::ResourcePut(resource)).await;
        self.applied(seq).await;
    }

    /// A further zone with nothing in it but `payout`, who has a secret there.
    pub(crate) async fn empty_zone(&self) {
        let zone: Name = "empty".parse().unwrap();
        let issuer = format!("https://localhost:{}/zones/empty", self.https);
        let mut seq = 0;
        for change in [
            Change::ZoneCreated(Zone {
                name: zone.clone(),
                issuer,
            }),
            Change::ApplicationCreated(Application {
                name: "payout".parse().unwrap(),
                spiffe_ids: Vec::new(),
            }),
            Change::CredentialAdded(Credential {
                id: "crd_elsewhere".to_owned(),
                application: "payout".parse().unwrap(),
                created_at: now(),
                expires_at: None,
                proof: Proof::Secret {
                    sha256: SecretHash::of(PAYOUT_SECRET),
                },
            }),
        ] {
            let committed = self.store.commit(&zone, change, now() * 1000, None).await;
            seq = committed.unwrap().seq;
        }
        self.applied(seq).await;
    }

    /// A grant of the vault to an application, under conditions.
    pub(crate) async fn grant_if(&self, id: &str, application: &str, conditions: Value) {
        let grant = json!({"id": id, "application": application, "resource": "vault",
            "scopes": ["secrets:read"], "expires_at": null, "max_lifetime": null,
            "conditions": conditions});
        let grant = serde_json::from_value(grant).unwrap();
        let seq = self.commit(Change::GrantCreated(grant)).await;
        self.applied(seq).await;
    }

    /// Revokes, and waits until this service knows; the position.
    pub(crate) async fn revoke(&self, target: &str) -> u64 {
        let target = target.parse().unwrap();
        let revoked = self.store.revoke(&self.zone, target, now(), None).await;
        let seq = revoked.unwrap().seq;
        self.applied(seq).await;
        seq
    }

    /// A call that is answered from a state at `seq` or later.
    pub(crate) async fn applied(&self, seq: u64) {
        let bound = std::time::Duration::from_secs(5);
        assert!(
            self.sts.wait_read(seq, bound).await,
            "the service follows the log"
        );
    }

    /// Events of the zone, newest first.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let query = ListQuery {
            zone: "acme".to_owned(),
            ..ListQuery::default()
        };
        let entries = self.ledger.list(query).await.unwrap();
        entries
            .into_iter()
            .map(|entry| entry.record.unwrap().event)
            .collect()
    }

    /// Claims of an assertion of `payout` that is good.
    pub(crate) fn assertion(&self, jti: &str) -> Value {
        json!({"iss": "payout", "sub": "payout", "aud": self.issuer(), "jti": jti, "iat": now(), "exp": now() + 60})
    }

    /// Claims of an ID token that is good.
    pub(crate) fn id_token() -> Value {
        json!({"iss": "https://idp.example", "sub": "alice", "aud": "caracal", "iat": now() - 5, "exp": now() + 200,
            "auth_time": now() - 10, "acr": "urn:mfa"})
    }
}
