//! A whole service on a real store and a real ledger, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use caracal_audit::{CheckpointSigner, Ledger, ListQuery};
use caracal_mandate::event::Event;
use caracal_mandate::lease::Reading;
use caracal_mandate::name::Name;
use caracal_mandate::scope::ScopeSet;
use caracal_store::Store;
use caracal_store::model::{
    Application, Change, EnforcementPoint, Grant, GrantConditions, PointRole, Policy,
    RevocationTarget, Zone,
};

use crate::clock::{Clock, SystemClock, SystemRandom};
use crate::config::StsConfig;
use crate::keys::{KeyEncryptionKey, KeyStorage};
use crate::policy::PolicyDigest;
use crate::request::Asked;
use crate::service::Service;
use crate::start::Sts;

pub(crate) const PAYOUT: &str = "spiffe://d.example/payout";
pub(crate) const OTHER: &str = "spiffe://d.example/other";
pub(crate) const GATEWAY: &str = "spiffe://d.example/gateway";
pub(crate) const BANK_POINT: &str = "spiffe://d.example/bank";
pub(crate) const GRANT: &str = "grt_AAAAAAAAAAAAAAAAAAAAAA";
pub(crate) const ALLOW_ALL: &str = "package caracal.policy\nallow := true\n";

/// The machine's clock, with parts that can be pushed forward.
pub(crate) struct TestClock {
    system: SystemClock,
    skipped_ms: AtomicU64,
    skipped_unix_ms: AtomicU64,
}

impl TestClock {
    pub(crate) fn skip(&self, ms: u64) {
        self.skipped_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Pushes the time of day forward, as if it had been slewed there: leases do not notice.
    pub(crate) fn skip_unix(&self, ms: u64) {
        self.skipped_unix_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn unix_ms(&self) -> u64 {
        self.system
            .unix_ms()
            .saturating_add(self.skipped_unix_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        self.system
            .monotonic_ms()
            .saturating_add(self.skipped_ms.load(Ordering::SeqCst))
    }

    fn reading(&self) -> Reading {
        Reading {
            monotonic_ms: self.monotonic_ms(),
            unix_ms: self.system.unix_ms(),
        }
    }
}

struct LedgerClock(Arc<TestClock>);

impl caracal_audit::Clock for LedgerClock {
    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }
}

pub(crate) struct World {
    pub(crate) sts: Sts,
    pub(crate) store: Store,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) zone: Name,
    pub(crate) kek: [u8; 32],
    _directory: tempfile::TempDir,
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

/// A request that everything below allows.
pub(crate) fn asked() -> Asked<'static> {
    Asked {
        method: "GET",
        path: "/accounts/42?full=1",
        host: "bank.internal:8443",
        principal: "",
        caller: "",
        request_id: "r-1",
        shadow: false,
        malformed: None,
        native: false,
    }
}

impl World {
    /// A service whose zone has a key and nothing else.
    pub(crate) async fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock {
            system: SystemClock::new(),
            skipped_ms: AtomicU64::new(0),
            skipped_unix_ms: AtomicU64::new(0),
        });
        let store = Store::open(&directory.path().join("authority.db"))
            .await
            .unwrap();
        let signer = CheckpointSigner::generate("test").unwrap();
        let ledger_clock = Arc::new(LedgerClock(Arc::clone(&clock)));
        let path = directory.path().join("ledger.db");
        let ledger = Ledger::open(&path, signer, ledger_clock).await.unwrap();
        let (kek, kek_bytes) = KeyEncryptionKey::generate().unwrap();
        let random = Arc::new(SystemRandom::new());
        let config = StsConfig::default();
        let sts = Sts::start(
            store.clone(),
            ledger.clone(),
            kek,
            clock.clone(),
            random,
            config,
        )
        .await
        .unwrap();
        let world = Self {
            sts,
            store,
            ledger,
            clock,
            zone: name("acme"),
            kek: *kek_bytes,
            _directory: directory,
        };
        let issuer = "https://sts.example/zones/acme".to_owned();
        world
            .commit(Change::ZoneCreated(Zone {
                name: world.zone.clone(),
                issuer,
            }))
            .await;
        world.sts.ensure_zone_key(&world.zone).await.unwrap();
        world
    }

    /// Another service on the same state.
    pub(crate) async fn replica(&self, keys: KeyStorage) -> Sts {
        let (store, ledger) = (self.store.clone(), self.ledger.clone());
        let (clock, random) = (self.clock.clone(), Arc::new(SystemRandom::new()));
        let config = StsConfig::default();
        Sts::start(store, ledger, keys, clock, random, config)
            .await
            .unwrap()
    }

    /// Everything but a grant and a policy.
    pub(crate) async fn bare() -> Self {
        let world = Self::empty().await;
        for (application, id) in [("payout", PAYOUT), ("other", OTHER)] {
            let application = Application {
                name: name(application),
                spiffe_ids: vec![id.parse().unwrap()],
            };
            world.commit(Change::ApplicationCreated(application)).await;
        }
        for (resource, host) in [("bank", "bank.internal"), ("mail", "mail.internal")] {
            let resource = serde_json::json!({
                "name": resource, "uri": format!("https://{host}"), "hosts": [host],
                "operations": [
                    {"name": "read", "method": "GET", "path": "/accounts/{id}", "scopes": ["accounts:read"]},
                    {"name": "pay", "method": "POST", "path": "/payments", "scopes": ["payments:write"]},
                ],
            });
            world
                .commit(Change::ResourcePut(
                    serde_json::from_value(resource).unwrap(),
                ))
                .await;
        }
        world
            .point("gateway", GATEWAY, PointRole::Gateway, &[])
            .await;
        world
            .point("bank-point", BANK_POINT, PointRole::Resource, &["bank"])
            .await;
        world
    }

    /// A world in which [`asked`] is allowed for [`PAYOUT`].
    pub(crate) async fn open() -> Self {
        let world = Self::bare().await;
        world.grant(GRANT, None).await;
        world.policy(ALLOW_ALL).await;
        world
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        self.sts.service()
    }

    pub(crate) async fn commit(&self, change: Change) -> u64 {
        let at_ms = self.clock.unix_ms();
        let committed = self
            .store
            .commit(&self.zone, change, at_ms, None)
            .await
            .unwrap();
        self.applied(committed.seq).await
    }

    pub(crate) async fn applied(&self, seq: u64) -> u64 {
        assert!(
            self.service()
                .authority
                .wait_for(seq, Duration::from_secs(5))
                .await
        );
        seq
    }

    pub(crate) async fn grant(&self, id: &str, expires_at: Option<u64>) {
        let grant = Grant {
            id: id.to_owned(),
            application: name("payout"),
            resource: name("bank"),
            scopes: scopes("accounts:read"),
            expires_at,
            max_lifetime: None,
            conditions: GrantConditions::default(),
        };
        self.commit(Change::GrantCreated(grant)).await;
    }

    pub(crate) async fn policy(&self, source: &str) {
        let digest = PolicyDigest::of(source).as_str().to_owned();
        self.commit(Change::PolicyActivated(Policy {
            digest,
            source: source.to_owned(),
        }))
        .await;
    }

    async fn point(&self, point: &str, id: &str, role: PointRole, resources: &[&str]) {
        let point = EnforcementPoint {
            name: name(point),
            spiffe_id: id.parse().unwrap(),
            role,
            resources: resources.iter().map(|resource| name(resource)).collect(),
        };
        self.commit(Change::PointCreated(point)).await;
    }

    pub(crate) async fn revoke(&self, target: &str) -> u64 {
        let target: RevocationTarget = target.parse().unwrap();
        let now_s = self.clock.unix_ms() / 1000;
        let committed = self
            .store
            .revoke(&self.zone, target, now_s, None)
            .await
            .unwrap();
        self.applied(committed.seq).await
    }

    /// Events of a zone, newest first.
    pub(crate) async fn events(&self, zone: &str) -> Vec<Event> {
        let query = ListQuery {
            zone: zone.to_owned(),
            ..ListQuery::default()
        };
        let entries = self.ledger.list(query).await.unwrap();
        entries
            .into_iter()
            .map(|entry| entry.record.unwrap().event)
            .collect()
    }
}
