//! One writer: does something at random to the service and to the model, and holds them against each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use caracal_mandate::reason::Reason;
use caracal_store::model::{
    Application, Change, Delegation, Proof, RevocationTarget, SecretHash, Suspension,
};
use serde_json::json;

use super::counts::Counts;
use super::model::{Mandate, Model, Permission, Scopes};
use super::point::Point;
use super::random::Random;
use super::rights::rights;
use crate::support::jwt::claims;
use crate::support::{ACCESS_TOKEN, Auth, BANK, Reply, TOKEN_EXCHANGE, World};

/// Agents of one writer at a time.
const AGENTS: usize = 4;
/// Most permissions of a kind; beyond that the oldest is revoked.
const PERMISSIONS: usize = 30;
/// Mandates that are remembered, the newest ones.
const MANDATES: usize = 24;
/// Scopes at the bank.
const AT_BANK: [&str; 2] = ["accounts:read", "payments:write"];

pub(super) struct Actor {
    world: Arc<World>,
    point: Point,
    random: Random,
    writer: u64,
    number: u64,
    agents: Vec<String>,
    model: Model,
    mandates: Vec<Mandate>,
    counts: Counts,
}

fn api(agent: &str) -> String {
    format!("https://{agent}.internal")
}

impl Actor {
    pub(super) async fn new(world: Arc<World>, point: Point, writer: u64, seed: u64) -> Self {
        let mut actor = Self {
            world,
            point,
            random: Random::new(seed),
            writer,
            number: 0,
            agents: Vec::new(),
            model: Model::default(),
            mandates: Vec::new(),
            counts: Counts::default(),
        };
        for _ in 0..AGENTS {
            actor.hire().await;
        }
        for _ in 0..PERMISSIONS {
            actor.grant().await;
            actor.delegate().await;
        }
        actor
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) async fn play(&mut self, operations: u64) {
        for _ in 0..operations {
            match self.random.below(100) {
                0..28 => self.present().await,
                28..56 => self.act().await,
                56..74 => self.ask().await,
                74..80 => self.grant().await,
                80..88 => self.delegate().await,
                88..91 => self.suspend().await,
                91..96 => self.resume().await,
                96 => self.take_over().await,
                _ => self.revoke_something().await,
            }
        }
    }

    /// A name that nothing else has.
    fn new_name(&mut self, kind: &str) -> String {
        self.number += 1;
        format!("{kind}{}-{}", self.writer, self.number)
    }

    /// Commits, and waits until service and point know.
    async fn change(&mut self, change: Change) {
        self.counts.changes += 1;
        let seq = self.world.commit(change).await;
        self.known(seq).await;
    }

    async fn known(&self, seq: u64) {
        self.world.applied(seq).await;
        self.point.wait(seq).await;
    }

    /// A new agent, with a resource that it answers at.
    async fn hire(&mut self) {
        let name = self.new_name("a");
        self.change(Change::ApplicationCreated(Application {
            name: name.parse().unwrap(),
            spiffe_ids: vec![workload(&name).parse().unwrap()],
        }))
        .await;
        let sha256 = SecretHash::of(&secret(&name));
        let credential = format!("crd_{name}");
        self.world
            .credential(&credential, &name, Proof::Secret { sha256 })
            .await;
        let resource = json!({"name": name, "uri": api(&name), "hosts": [format!("{name}.internal")],
            "application": name, "operations": [
                {"name": "call", "method": "POST", "path": "/", "scopes": ["call"]}]});
        self.change(Change::ResourcePut(
            serde_json::from_value(resource).unwrap(),
        ))
        .await;
        self.model.agents.insert(api(&name), name.clone());
        self.agents.push(name);
    }

    fn agent(&mut self) -> String {
        self.random.one(&self.agents).unwrap().clone()
    }

    /// Somewhere, and something that can be done there.
    fn somewhere(&mut self, bank: usize) -> (String, Scopes) {
        if !self.random.percent(bank) {
            return (api(&self.agent()), Scopes::from(["call".to_owned()]));
        }
        let scopes = match self.random.below(4) {
            0 => &AT_BANK[..],
            1 => &AT_BANK[1..],
            _ => &AT_BANK[..1],
        };
        (
            BANK.to_owned(),
            scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        )
    }

    async fn grant(&mut self) {
        let (id, application) = (self.new_name("grt_"), self.agent());
        let (at, scopes) = self.somewhere(50);
        let name = self.name_of(&at);
        let wanted = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
        if !self
            .model
            .revoked
            .contains(&format!("application/{application}"))
        {
            self.counts.changes += 1;
            self.world
                .grant(&id, &application, &name, &wanted, None)
                .await;
            let permission = Permission {
                id,
                application,
                to: String::new(),
                from_session: None,
                at,
                scopes,
                depth: 0,
            };
            self.model.grants.push(permission);
        }
        if self.model.grants.len() > PERMISSIONS {
            let oldest = self.model.grants[0].id.clone();
            self.revoke(&format!("grant/{oldest}")).await;
        }
    }

    fn name_of(&self, at: &str) -> String {
        self.model
            .agents
            .get(at)
            .map_or("bank", String::as_str)
            .to_owned()
    }

    async fn delegate(&mut self) {
        let (from, to) = (self.agent(), self.agent());
        if from == to {
            return;
        }
        let (at, scopes) = self.somewhere(60);
        let delegation = Permission {
            id: self.new_name("dlg_"),
            from_session: self.a_session_of(&from),
            application: from,
            to,
            at,
            scopes,
            depth: u64::try_from(self.random.below(4)).unwrap(),
        };
        let change = json!({"id": delegation.id, "from": delegation.application, "to": delegation.to,
            "resource": self.name_of(&delegation.at), "scopes": delegation.scopes,
            "expires_at": null, "max_lifetime": null, "max_depth": delegation.depth,
            "from_session": delegation.from_session});
        let change: Delegation = serde_json::from_value(change).unwrap();
        self.change(Change::DelegationCreated(change)).await;
        self.model.delegations.push(delegation);
        if self.model.delegations.len() > PERMISSIONS {
            let oldest = self.model.delegations[0].id.clone();
            self.revoke(&format!("delegation/{oldest}")).await;
        }
    }

    /// An open session of an application, now and then.
    fn a_session_of(&mut self, application: &str) -> Option<String> {
        if !self.random.percent(8) {
            return None;
        }
        let of_it = self.model.sessions.iter();
        let of_it = of_it.filter(|((_, who), _)| who == application);
        let open = of_it.map(|(_, session)| session.clone());
        let open = open.filter(|id| !self.model.revoked.contains(&format!("session/{id}")));
        self.random.one(&open.collect::<Vec<_>>()).cloned()
    }

    /// An agent is started anew in a session that is declared: what it was in is over.
    async fn take_over(&mut self) {
        let (who, id) = (self.agent(), self.new_name("ses_"));
        let holder = workload(&who);
        self.counts.changes += 1;
        let declared = self
            .world
            .declare((&id, &who, &holder), None, json!({}), true);
        let seq = declared.await.unwrap();
        self.point.wait(seq).await;
        let key = (String::new(), who);
        if let Some(before) = self.model.sessions.insert(key, id) {
            self.model.revoked.insert(format!("session/{before}"));
        }
    }

    /// Something that a mandate descends from, or any permission.
    fn something(&mut self) -> Option<String> {
        let mut all: BTreeSet<String> = BTreeSet::new();
        if let Some(mandate) = self.random.one(&self.mandates) {
            all.extend(mandate.lineage.iter().cloned());
        }
        all.extend(
            self.model
                .grants
                .iter()
                .map(|one| format!("grant/{}", one.id)),
        );
        all.extend(
            self.model
                .delegations
                .iter()
                .map(|one| format!("delegation/{}", one.id)),
        );
        all.retain(|id| !self.model.revoked.contains(id));
        // An application for good only now and then: its agent has to be replaced.
        if !self.random.percent(10) {
            all.retain(|id| !id.starts_with("application/"));
        }
        let all: Vec<_> = all.into_iter().collect();
        self.random.one(&all).cloned()
    }

    fn suspension(target: &str) -> Suspension {
        let target: RevocationTarget = target.parse().unwrap();
        let id = target
            .revocation_id(&"acme".parse().unwrap(), None)
            .unwrap()
            .0;
        Suspension { target, id }
    }

    async fn suspend(&mut self) {
        let Some(target) = self.something() else {
            return;
        };
        if target.starts_with("mandate/") || self.model.suspended.contains(&target) {
            return;
        }
        self.change(Change::Suspended(Self::suspension(&target)))
            .await;
        self.model.suspended.insert(target);
    }

    async fn resume(&mut self) {
        let suspended: Vec<_> = self.model.suspended.iter().cloned().collect();
        if let Some(target) = self.random.one(&suspended) {
            self.change(Change::Resumed(Self::suspension(target))).await;
            self.model.suspended.remove(target);
        }
    }

    async fn revoke_something(&mut self) {
        if let Some(target) = self.something() {
            self.revoke(&target).await;
        }
    }

    async fn revoke(&mut self, target: &str) {
        self.counts.changes += 1;
        let seq = self.world.revoke(target).await;
        self.known(seq).await;
        self.model.revoked.insert(target.to_owned());
        self.model
            .grants
            .retain(|one| format!("grant/{}", one.id) != target);
        self.model
            .delegations
            .retain(|one| format!("delegation/{}", one.id) != target);
        if let Some(name) = target.strip_prefix("application/") {
            self.agents.retain(|agent| agent != name);
            self.model.grants.retain(|one| one.application != name);
            self.model.delegations.retain(|one| one.application != name);
            self.hire().await;
        }
    }

    /// Asks for a mandate of its own: mostly for what somebody once was granted.
    async fn ask(&mut self) {
        let granted = self.random.one(&self.model.grants).cloned();
        let (who, at, scopes) = match granted {
            Some(grant) if self.random.percent(75) => (grant.application, grant.at, grant.scopes),
            _ => {
                let (at, scopes) = self.somewhere(25);
                (self.agent(), at, scopes)
            }
        };
        let expected = self.model.own(&who, &at, &scopes);
        let reply = self.request(&who, None, &at, &scopes).await;
        self.compare(expected, &reply, "", &who);
    }

    /// Asks with a mandate that somebody called with.
    async fn act(&mut self) {
        let with_all = self.random.percent(20);
        let calls = self.mandates.iter().filter(|one| one.may_act.is_some());
        let calls = calls.filter(|one| with_all || self.model.holds(one));
        let calls: Vec<_> = calls.cloned().collect();
        let Some(by) = self.random.one(&calls).cloned() else {
            return self.ask().await;
        };
        let named = by.may_act.clone().unwrap();
        let is_named = self.random.percent(92) && self.agents.contains(&named);
        let who = if is_named { named } else { self.agent() };
        let passed_on = self.model.delegations.iter();
        let passed_on =
            passed_on.filter(|one| one.to == who && Some(&one.application) == by.path.last());
        let passed_on: Vec<_> = passed_on.cloned().collect();
        let (at, scopes) = match self.random.one(&passed_on).cloned() {
            Some(one) if self.random.percent(75) => (one.at, one.scopes),
            _ => self.somewhere(50),
        };
        // Its own holder would only narrow it.
        if by.path.last() == Some(&who) {
            return;
        }
        let expected = self.model.passed_on(&by, &who, &at, &scopes);
        let reply = self.request(&who, Some(&by.token), &at, &scopes).await;
        let below = by.sessions.last().unwrap();
        self.compare(expected, &reply, below, &who);
    }

    /// A policy that had no time to come to a decision is a no of the machine's and not of the service's:
    /// asked again.
    async fn request(&self, who: &str, by: Option<&str>, at: &str, scopes: &Scopes) -> Reply {
        for _ in 0..3 {
            let reply = self.request_once(who, by, at, scopes).await;
            if !reply.text.contains(Reason::PolicyFailed.as_str()) {
                return reply;
            }
        }
        self.request_once(who, by, at, scopes).await
    }

    async fn request_once(&self, who: &str, by: Option<&str>, at: &str, scopes: &Scopes) -> Reply {
        let scopes = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
        let mut form = vec![("resource", at), ("scope", &scopes)];
        match by {
            None => form.push(("grant_type", "client_credentials")),
            Some(token) => form.extend([
                ("grant_type", TOKEN_EXCHANGE),
                ("subject_token", token),
                ("subject_token_type", ACCESS_TOKEN),
            ]),
        }
        let secret = secret(who);
        World::token_at(
            self.world.http,
            [127, 0, 0, 1],
            &form,
            Auth::Basic(who, &secret),
        )
        .await
    }

    /// What the service did and what the model says. What only the service can know, names of what it
    /// made, is taken from the token, and has to be what it may be.
    fn compare(
        &mut self,
        expected: Option<(Mandate, Vec<String>)>,
        reply: &Reply,
        below: &str,
        who: &str,
    ) {
        let Some((mut mandate, grants)) = expected else {
            assert_ne!(
                reply.status, 200,
                "issued, and the model refuses: {}",
                reply.text
            );
            assert_ne!(reply.status, 503, "no refusal: {}", reply.text);
            self.counts.not_issued += 1;
            return;
        };
        assert_eq!(
            reply.status, 200,
            "{}; the model issues {mandate:#?}",
            reply.text
        );
        mandate.token = reply.token();
        let claims = claims(&mandate.token);
        let text = |name: &str| claims[name].as_str().unwrap().to_owned();
        assert!(
            grants.contains(&text("grant")),
            "{} of {grants:?}",
            text("grant")
        );
        assert_eq!(rights(&claims), mandate.rights, "{claims:#}");
        assert_eq!(
            claims["may_act"]["sub"].as_str(),
            mandate.may_act.as_deref()
        );
        let path = claims["mdt"]["ch"].as_array().unwrap().iter();
        let path: Vec<_> = path
            .map(|hop| hop[1].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(path, mandate.path);
        let session = text("sid");
        if let Some(open) = self.model.session(below, who) {
            assert_eq!(*open, session);
        }
        let key = (below.to_owned(), who.to_owned());
        self.model.sessions.insert(key, session.clone());
        mandate.sessions.push(session.clone());
        mandate.lineage.extend([
            format!("session/{session}"),
            format!("grant/{}", text("grant")),
            format!("mandate/{}", text("jti")),
        ]);
        self.counts.issued += 1;
        self.counts.deep += u64::from(mandate.path.len() > 2);
        self.mandates.push(mandate);
        if self.mandates.len() > MANDATES {
            self.mandates.remove(0);
        }
    }

    /// Presents a mandate at the bank.
    async fn present(&mut self) {
        let at_bank = self.mandates.iter().filter(|one| one.at == BANK);
        let at_bank: Vec<_> = at_bank.cloned().collect();
        let Some(mandate) = self.random.one(&at_bank) else {
            return self.ask().await;
        };
        let scope = AT_BANK[self.random.below(2)];
        let said = self.point.present(&mandate.token, scope).await;
        let holds = self.model.holds(mandate);
        let allowed = holds && mandate.scopes.contains(scope);
        match said {
            Ok(()) => {
                assert!(allowed, "passed, and the model refuses: {mandate:#?}");
                self.counts.passed += 1;
            }
            Err(reason) => {
                assert!(!allowed, "{reason}, and the model lets pass: {mandate:#?}");
                let because_it_ended = matches!(reason, Reason::Revoked | Reason::Suspended);
                assert_eq!(because_it_ended, !holds, "{reason}");
                self.counts.not_passed += 1;
            }
        }
    }
}

fn workload(name: &str) -> String {
    format!("spiffe://d.example/ns/graph/sa/{name}")
}

fn secret(name: &str) -> String {
    format!("cs_{:0>43}", name.replace('-', ""))
}
