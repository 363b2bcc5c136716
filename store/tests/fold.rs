//! The tables are the fold of the log, whatever was asked for and in whatever order.

#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a step that fails here fails its test"
)]

mod fixture;

use std::collections::BTreeMap;

use caracal_store::Store;
use caracal_store::model::{
    Change, KEY_SETTLING_MS, KeyActivation, KeyState, LogEntry, PointRole, RevocationRecord,
    RevocationTarget, Session, SessionTerms, SigningKey, Suspension,
};
use fixture::{
    AT_MS, Database, Fixture, NOW_S, application, child, credential, delegation, grant, issuer,
    name, point, policy, resource, resumed, revoked, session, suspended, zone,
};
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Debug, Clone)]
enum Step {
    Commit(Change),
    Key(u8),
    ActivateKey(u8, Option<u8>),
    DropKey(u8, u64),
    RevokeKey(u8),
    Revoke(String, u64),
    Declare(Session, bool),
}

/// Few names, so that steps collide, refer to each other, and are refused often.
fn step() -> impl Strategy<Value = Step> {
    let id = 0_u8..3;
    prop_oneof![
        (id.clone(), id.clone())
            .prop_map(|(a, w)| Step::Commit(application(&format!("a{a}"), &[&format!("w{w}")]))),
        (id.clone(), id.clone(), id.clone()).prop_map(|(r, h, s)| Step::Commit(resource(
            &format!("r{r}"),
            &format!("https://r{r}.bank"),
            &[&format!("h{h}.bank")],
            &[&format!("s{s}")],
        ))),
        (id.clone(), id.clone(), id.clone(), id.clone()).prop_map(|(g, a, r, s)| Step::Commit(
            grant(
                &format!("grt_{g}"),
                &format!("a{a}"),
                &format!("r{r}"),
                &format!("s{s}")
            )
        )),
        id.clone()
            .prop_map(|p| Step::Commit(policy(&format!("package caracal.policy # {p}")))),
        (id.clone(), id.clone(), id.clone()).prop_map(|(p, w, r)| Step::Commit(point(
            &format!("p{p}"),
            &format!("w{w}"),
            PointRole::Resource,
            &[&format!("r{r}")],
        ))),
        (id.clone(), id.clone(), id.clone()).prop_map(|(s, a, w)| Step::Commit(session(
            &format!("ses_{s}"),
            &format!("a{a}"),
            &format!("w{w}"),
        ))),
        (id.clone(), id.clone(), id.clone(), id.clone()).prop_map(|(s, a, w, p)| Step::Commit(
            child(
                &format!("ses_{s}"),
                &format!("a{a}"),
                &format!("w{w}"),
                &format!("ses_{p}"),
            )
        )),
        declaration(),
        (id.clone(), id.clone(), id.clone(), id.clone()).prop_map(|(d, a, b, r)| Step::Commit(
            delegation(
                &format!("dlg_{d}"),
                &format!("a{a}"),
                &format!("a{b}"),
                &format!("r{r}"),
                "s0",
            )
        )),
        suspendable().prop_map(|target| Step::Commit(suspended(&target))),
        suspendable().prop_map(|target| Step::Commit(resumed(&target))),
        id.clone().prop_map(Step::Key),
        (id.clone(), proptest::option::of(id.clone()))
            .prop_map(|(key, replaces)| Step::ActivateKey(key, replaces)),
        (id.clone(), 0_u64..3).prop_map(|(key, late)| Step::DropKey(key, late)),
        id.clone().prop_map(Step::RevokeKey),
        (id.clone(), id.clone(), id.clone()).prop_map(|(c, a, w)| Step::Commit(credential(
            &format!("crd_{c}"),
            &format!("a{a}"),
            json!({"kind": "spiffe", "spiffe_id": fixture::spiffe(&format!("w{w}"))}),
        ))),
        (id.clone(), id.clone(), id.clone()).prop_map(|(c, a, i)| Step::Commit(credential(
            &format!("crd_{c}"),
            &format!("a{a}"),
            json!({"kind": "kubernetes", "issuer": format!("https://i{i}"), "namespace": "n",
                "service_account": "s"}),
        ))),
        (id.clone(), id.clone())
            .prop_map(|(c, a)| Step::Commit(revoked(&format!("a{a}"), &format!("crd_{c}"),))),
        (id.clone(), id.clone()).prop_map(|(i, u)| Step::Commit(issuer(
            &format!("i{i}"),
            &format!("https://i{u}"),
            "kubernetes",
        ))),
        id.clone()
            .prop_map(|i| Step::Commit(Change::IssuerRemoved(name(&format!("i{i}"))))),
        (
            prop_oneof![
                id.clone().prop_map(|n| format!("mandate/m{n}")),
                suspendable(),
                id.prop_map(|n| format!("resource/r{n}")),
                Just("zone".to_owned()),
            ],
            0_u64..100,
        )
            .prop_map(|(target, late)| Step::Revoke(target, NOW_S + late)),
    ]
}

fn declaration() -> impl Strategy<Value = Step> {
    let id = 0_u8..3;
    let terms = any::<(bool, bool)>();
    (id.clone(), id.clone(), id, terms).prop_map(|(s, a, w, (is_leased, takes_over))| {
        let session = Session {
            id: format!("ses_d{s}"),
            application: name(&format!("a{a}")),
            holder: fixture::spiffe(&format!("w{w}")),
            opened_at: NOW_S,
            parent: None,
            terms: Some(SessionTerms {
                lease_s: is_leased.then_some(30),
                ..SessionTerms::default()
            }),
        };
        Step::Declare(session, takes_over)
    })
}

fn suspendable() -> impl Strategy<Value = String> {
    (
        prop_oneof![
            Just("session/ses_"),
            Just("grant/grt_"),
            Just("delegation/dlg_"),
            Just("application/a"),
        ],
        0_u8..3,
    )
        .prop_map(|(kind, number)| format!("{kind}{number}"))
}

/// The state as somebody sees it who has the log only.
#[derive(Debug, Default, PartialEq)]
struct State {
    objects: BTreeMap<(&'static str, String), Value>,
    revoked: Vec<(&'static str, String)>,
    active_policy: Option<String>,
    revocations: BTreeMap<String, (u64, u64, u64)>,
    suspensions: BTreeMap<String, u64>,
    keys: BTreeMap<String, KeyState>,
}

impl State {
    fn of_log(entries: &[LogEntry]) -> Self {
        let mut state = Self::default();
        for entry in entries {
            let (kind, id, value) = match &entry.change {
                Change::ZoneCreated(new) => ("zone", new.name.to_string(), json!(new)),
                Change::ApplicationCreated(new) => {
                    ("application", new.name.to_string(), json!(new))
                }
                Change::CredentialAdded(new) => ("credential", new.id.clone(), json!(new)),
                Change::CredentialRevoked(which) => {
                    state.revoked.push(("credential", which.id.clone()));
                    continue;
                }
                Change::IssuerCreated(new) => ("issuer", new.name.to_string(), json!(new)),
                Change::IssuerRemoved(name) => {
                    state.objects.remove(&("issuer", name.to_string()));
                    continue;
                }
                Change::ResourcePut(new) => ("resource", new.name.to_string(), json!(new)),
                Change::GrantCreated(new) => ("grant", new.id.clone(), json!(new)),
                Change::DelegationCreated(new) => ("delegation", new.id.clone(), json!(new)),
                Change::Suspended(new) => {
                    state.suspensions.insert(new.target.to_string(), new.id);
                    continue;
                }
                Change::Resumed(ended) => {
                    state.suspensions.remove(&ended.target.to_string());
                    continue;
                }
                Change::PointCreated(new) => ("point", new.name.to_string(), json!(new)),
                Change::SessionOpened(new) => ("session", new.id.clone(), json!(new)),
                Change::SessionDeclared(new) => {
                    new.ended.iter().for_each(|record| state.revoke(record));
                    ("session", new.session.id.clone(), json!(new.session))
                }
                Change::PolicyActivated(new) => {
                    state.active_policy = Some(new.digest.clone());
                    ("policy", new.digest.clone(), json!(new.source))
                }
                Change::KeyPublished(key) => {
                    state.keys.insert(key.kid.clone(), KeyState::Published);
                    continue;
                }
                Change::KeyActivated(KeyActivation { kid, replaces }) => {
                    state.keys.insert(kid.clone(), KeyState::Active);
                    if let Some(replaced) = replaces {
                        state.keys.insert(replaced.clone(), KeyState::Retired);
                    }
                    continue;
                }
                Change::KeyDropped(kid) => {
                    state.keys.insert(kid.clone(), KeyState::Dropped);
                    continue;
                }
                Change::KeyRevoked(revoked) => {
                    state.keys.insert(revoked.kid.clone(), KeyState::Revoked);
                    if let Some(successor) = &revoked.successor {
                        state.keys.insert(successor.clone(), KeyState::Active);
                    }
                    state.revoke(&revoked.mandates);
                    continue;
                }
                Change::Revoked(record) => {
                    state.revoke(record);
                    continue;
                }
            };
            state.objects.insert((kind, id), value);
        }
        state.revoked.sort_unstable();
        state.revoked.dedup();
        state
    }

    fn revoke(&mut self, record: &RevocationRecord) {
        let target = record.target.to_string();
        let (_, until, expires) = self.revocations.get(&target).copied().unwrap_or_default();
        let stricter = (
            record.id,
            until.max(record.issued_until),
            expires.max(record.expires),
        );
        self.revocations.insert(target, stricter);
        match &record.target {
            RevocationTarget::Session(id) => self.revoked.push(("session", id.clone())),
            RevocationTarget::Grant(id) => self.revoked.push(("grant", id.clone())),
            RevocationTarget::Delegation(id) => self.revoked.push(("delegation", id.clone())),
            RevocationTarget::Application(id) => self.revoked.push(("application", id.to_string())),
            RevocationTarget::Mandate(_)
            | RevocationTarget::Resource(_)
            | RevocationTarget::Zone => {}
        }
    }

    async fn of_tables(store: &Store) -> Self {
        let bank = name("bank");
        let mut state = Self::default();
        for zone in store.zones().await.unwrap() {
            state
                .objects
                .insert(("zone", zone.item.name.to_string()), json!(zone.item));
        }
        for one in store.applications(&bank).await.unwrap() {
            state.put(
                "application",
                one.item.name.to_string(),
                json!(one.item),
                one.revoked,
            );
        }
        for application in store.applications(&bank).await.unwrap() {
            let held = store.credentials(&bank, &application.item.name).await;
            for one in held.unwrap() {
                let id = one.item.id.clone();
                state.put("credential", id, json!(one.item), one.revoked);
            }
        }
        for one in store.issuers(&bank).await.unwrap() {
            let name = one.item.name.to_string();
            state.put("issuer", name, json!(one.item), false);
        }
        for one in store.resources(&bank).await.unwrap() {
            state.put(
                "resource",
                one.item.name.to_string(),
                json!(one.item),
                false,
            );
        }
        for one in store.grants(&bank).await.unwrap() {
            state.put("grant", one.item.id.clone(), json!(one.item), one.revoked);
        }
        for one in store.delegations(&bank).await.unwrap() {
            state.put(
                "delegation",
                one.item.id.clone(),
                json!(one.item),
                one.revoked,
            );
        }
        for one in store.suspensions(&bank).await.unwrap() {
            let Suspension { target, id } = one.item;
            state.suspensions.insert(target.to_string(), id);
        }
        for one in store.points(&bank).await.unwrap() {
            state.put("point", one.item.name.to_string(), json!(one.item), false);
        }
        for one in store.sessions(&bank).await.unwrap() {
            state.put("session", one.item.id.clone(), json!(one.item), one.revoked);
        }
        for version in store.policies(&bank).await.unwrap() {
            let policy = store.policy(&bank, &version.digest).await.unwrap().unwrap();
            state.put(
                "policy",
                version.digest.clone(),
                json!(policy.source),
                false,
            );
            if version.active {
                assert_eq!(state.active_policy.replace(version.digest), None);
            }
        }
        for key in store.keys(&bank).await.unwrap() {
            state.keys.insert(key.kid, key.state);
        }
        for one in store.revocations(&bank).await.unwrap() {
            let record = one.item;
            let rest = (record.id, record.issued_until, record.expires);
            state.revocations.insert(record.target.to_string(), rest);
        }
        state.revoked.sort_unstable();
        state
    }

    fn put(&mut self, kind: &'static str, id: String, value: Value, revoked: bool) {
        if revoked {
            self.revoked.push((kind, id.clone()));
        }
        self.objects.insert((kind, id), value);
    }
}

async fn run(steps: Vec<Step>, database: Database) {
    let fixture = Fixture::empty(database).await;
    fixture.commit(zone("bank")).await.unwrap();
    let mut expected = 1;
    for step in steps {
        let result = match step {
            Step::Commit(change) => fixture.commit(change).await,
            Step::Key(id) => {
                let key = SigningKey {
                    kid: format!("k{id}"),
                    point: "point".to_owned(),
                };
                fixture
                    .store
                    .publish_key(&name("bank"), key, b"sealed", AT_MS)
                    .await
            }
            Step::ActivateKey(key, replaces) => {
                let kid = |id: u8| format!("k{id}");
                let activation = KeyActivation {
                    kid: kid(key),
                    replaces: replaces.map(kid),
                };
                let at_ms = AT_MS + KEY_SETTLING_MS;
                let store = &fixture.store;
                store
                    .activate_key(&name("bank"), activation, at_ms, None)
                    .await
            }
            Step::DropKey(key, hours) => {
                let (kid, at_ms) = (format!("k{key}"), AT_MS + hours * 3_600_000);
                fixture.store.drop_key(&name("bank"), &kid, at_ms).await
            }
            Step::RevokeKey(key) => {
                let kid = format!("k{key}");
                fixture
                    .store
                    .revoke_key(&name("bank"), &kid, AT_MS, None)
                    .await
            }
            Step::Revoke(target, now_s) => {
                let target = target.parse().unwrap();
                fixture
                    .store
                    .revoke(&name("bank"), target, now_s, None)
                    .await
            }
            Step::Declare(session, takes_over) => {
                fixture
                    .store
                    .declare_session(&name("bank"), session, takes_over, AT_MS, None)
                    .await
            }
        };
        if let Ok(committed) = result {
            expected += 1;
            assert_eq!(committed.seq, expected, "positions have no gap");
        }
    }
    let log = fixture.store.entries_after(0, 10_000).await.unwrap();
    assert_eq!(log.len() as u64, expected);
    assert_eq!(fixture.store.head().await.unwrap(), expected);
    assert_eq!(State::of_log(&log), State::of_tables(&fixture.store).await);
}

fn run_on(steps: Vec<Step>, database: Database) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(steps, database));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_tables_are_the_fold_of_the_log(steps in proptest::collection::vec(step(), 1..60)) {
        run_on(steps.clone(), Database::Sqlite);
        run_on(steps, Database::Postgres);
    }
}
