//! Somebody who can write whatever they like into the authority database, and has no owner's key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caracal_mandate::claims::Claims;
use caracal_mandate::edge::Edge;
use caracal_mandate::jws::mint;
use caracal_mandate::key::{PublicKey, SIGNATURE_BYTES, SignError, Signer};
use caracal_mandate::scope::ScopeSet;
use caracal_store::model::{Change, Delegation, Grant, GrantConditions, SigningKey};
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer as _;
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};

use super::gate::Gate;
use super::owner::{Owner, delegation, delegators, register};
use super::{READ, unsigned};
use crate::called::{CLERK_API, CLERK_BASIC, act, call, strangers};
use crate::support::jwt::claims;
use crate::support::{BANK, PAYOUT_BASIC, WORKER_BASIC, World, now};

const PAY: &str = "/2";

/// The tables and the log, past the service.
struct Intruder(SqliteConnection);

impl Intruder {
    async fn enter(world: &World) -> Self {
        let connection = SqliteConnection::connect(&world.place().to_string()).await;
        Self(connection.unwrap())
    }

    /// Another delegation in the place of one, wherever it stands.
    async fn rewrite(&mut self, id: &str, change: impl Fn(&mut Delegation)) {
        let sql = "SELECT seq, payload FROM authority_log WHERE kind = 'delegation_created'";
        let rows: Vec<(i64, String)> = sqlx::query_as(sql).fetch_all(&mut self.0).await.unwrap();
        let of_that_id =
            rows.iter().find_map(
                |(seq, payload)| match serde_json::from_str(payload).unwrap() {
                    Change::DelegationCreated(one) if one.id == id => Some((*seq, one)),
                    _ => None,
                },
            );
        let (seq, mut new) = of_that_id.unwrap();
        change(&mut new);
        let definition = serde_json::to_string(&new).unwrap();
        let sql = "UPDATE delegations SET id = $1, delegator = $2, delegate = $3, resource = $4, \
                   definition = $5 WHERE seq = $6";
        let row = sqlx::query(sql)
            .bind(&new.id)
            .bind(new.from.as_str())
            .bind(new.to.as_str())
            .bind(new.resource.as_str())
            .bind(definition)
            .bind(seq);
        assert_eq!(row.execute(&mut self.0).await.unwrap().rows_affected(), 1);
        let payload = serde_json::to_string(&Change::DelegationCreated(new)).unwrap();
        let sql = "UPDATE authority_log SET payload = $1 WHERE seq = $2";
        let entry = sqlx::query(sql).bind(payload).bind(seq);
        assert_eq!(entry.execute(&mut self.0).await.unwrap().rows_affected(), 1);
    }

    /// A change that nobody made, at the end of the log.
    async fn append(&mut self, change: &Change) -> i64 {
        let sql = "UPDATE meta SET head = head + 1 RETURNING head";
        let (seq,): (i64,) = sqlx::query_as(sql).fetch_one(&mut self.0).await.unwrap();
        let sql = "INSERT INTO authority_log (seq, zone, at_ms, kind, payload) \
                   VALUES ($1, 'acme', $2, $3, $4)";
        let entry = sqlx::query(sql)
            .bind(seq)
            .bind(i64::try_from(now() * 1000).unwrap())
            .bind(change.kind())
            .bind(serde_json::to_string(change).unwrap());
        entry.execute(&mut self.0).await.unwrap();
        seq
    }

    /// A delegation that nobody made.
    async fn insert(&mut self, new: Delegation) {
        let definition = serde_json::to_string(&new).unwrap();
        let seq = self.append(&Change::DelegationCreated(new.clone())).await;
        let sql = "INSERT INTO delegations (id, zone, delegator, delegate, resource, definition, seq) \
                   VALUES ($1, 'acme', $2, $3, $4, $5, $6)";
        let row = sqlx::query(sql)
            .bind(&new.id)
            .bind(new.from.as_str())
            .bind(new.to.as_str())
            .bind(new.resource.as_str())
            .bind(definition)
            .bind(seq);
        row.execute(&mut self.0).await.unwrap();
    }
}

/// What `payout`'s owner signed: `worker` may read at the bank for 40 s at a time, and call `clerk`, who is
/// to do nothing there.
async fn world() -> World {
    let world = strangers().await;
    for mut new in [
        delegation(
            "dlg_bank",
            ("payout", "worker"),
            ("bank", "accounts:read"),
            0,
        ),
        delegation(
            "dlg_clerk",
            ("payout", "worker"),
            ("clerk-api", "clerk:call"),
            1,
        ),
        delegation("dlg_mail", ("payout", "clerk"), ("mail", "mail:send"), 0),
    ] {
        if new.id == "dlg_bank" {
            (new.max_lifetime, new.expires_at) = (Some(40), Some(now() + 60));
        }
        register(&world, Owner::OfPayout.sign(new)).await;
    }
    world
}

/// Who gets more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Worker,
    Clerk,
}

/// One way to more.
#[derive(Debug, Clone, Copy)]
enum Way {
    Scopes,
    Lifetime,
    End,
    Delegate,
    Resource,
    Unsigned,
    SignedByIntruder,
    SignatureOfAnother,
    Further,
}

const WAYS: [Way; 9] = [
    Way::Scopes,
    Way::Lifetime,
    Way::End,
    Way::Delegate,
    Way::Resource,
    Way::Unsigned,
    Way::SignedByIntruder,
    Way::SignatureOfAnother,
    Way::Further,
];

/// Takes it; who gets something by it then, and what for.
async fn take(way: Way, intruder: &mut Intruder) -> (Who, &'static str) {
    let pays = "accounts:read payments:write";
    let to_clerk = || delegation("dlg_new", ("payout", "clerk"), ("bank", pays), 2);
    match way {
        Way::Scopes => {
            let scopes = ScopeSet::parse(pays).unwrap();
            let widen = |one: &mut Delegation| one.scopes = scopes.clone();
            intruder.rewrite("dlg_bank", widen).await;
            (Who::Worker, "payments:write")
        }
        Way::Lifetime => {
            let lengthen = |one: &mut Delegation| one.max_lifetime = None;
            intruder.rewrite("dlg_bank", lengthen).await;
            (Who::Worker, "accounts:read")
        }
        Way::End => {
            let lengthen = |one: &mut Delegation| one.expires_at = None;
            intruder.rewrite("dlg_bank", lengthen).await;
            (Who::Worker, "accounts:read")
        }
        Way::Delegate => {
            let redirect = |one: &mut Delegation| one.to = "clerk".parse().unwrap();
            intruder.rewrite("dlg_bank", redirect).await;
            (Who::Clerk, "accounts:read")
        }
        Way::Resource => {
            let scopes = ScopeSet::parse("accounts:read").unwrap();
            let redirect = |one: &mut Delegation| {
                one.resource = "bank".parse().unwrap();
                one.scopes = scopes.clone();
            };
            intruder.rewrite("dlg_mail", redirect).await;
            (Who::Clerk, "accounts:read")
        }
        Way::Unsigned => {
            intruder.insert(to_clerk()).await;
            (Who::Clerk, "payments:write")
        }
        Way::SignedByIntruder => {
            intruder.insert(Owner::Nobody.sign(to_clerk())).await;
            (Who::Clerk, "payments:write")
        }
        Way::SignatureOfAnother => {
            let signed = delegation(
                "dlg_bank",
                ("payout", "worker"),
                ("bank", "accounts:read"),
                0,
            );
            let mut new = to_clerk();
            new.signature = Owner::OfPayout.sign(signed).signature;
            intruder.insert(new).await;
            (Who::Clerk, "payments:write")
        }
        Way::Further => {
            let deepen = |one: &mut Delegation| one.max_depth = 2;
            intruder.rewrite("dlg_bank", deepen).await;
            let further = delegation("dlg_new", ("worker", "clerk"), ("bank", pays), 0);
            intruder.insert(Owner::Nobody.sign(further)).await;
            (Who::Clerk, "accounts:read")
        }
    }
}

/// What an application obtains at the bank, called by `payout`, or by `worker` on its behalf.
async fn obtained(world: &World, way: Way, who: Who, scope: &str) -> String {
    let called_with = match (way, who) {
        (_, Who::Worker) => call(world).await,
        (Way::Further, _) => {
            let first = call(world).await;
            let second = act(world, &first, CLERK_API, "clerk:call", WORKER_BASIC);
            second.await.token()
        }
        _ => {
            let more = [("resource", CLERK_API), ("scope", "clerk:call")];
            world.issue(&more, PAYOUT_BASIC).await.token()
        }
    };
    let auth = match who {
        Who::Worker => WORKER_BASIC,
        Who::Clerk => CLERK_BASIC,
    };
    act(world, &called_with, BANK, scope, auth).await.token()
}

#[tokio::test]
async fn whoever_writes_into_the_database_widens_nothing_where_signatures_are_demanded() {
    for way in WAYS {
        let mut world = world().await;
        let mut intruder = Intruder::enter(&world).await;
        let (who, scope) = take(way, &mut intruder).await;
        world.restart().await;
        let token = obtained(&world, way, who, scope).await;
        let path = if scope == "accounts:read" { READ } else { PAY };
        let mut believing = Gate::open(&world, None).await;
        assert_eq!(
            believing.says(&token, path),
            Ok(()),
            "{way:?}: it was taken"
        );
        let mut demanding = Gate::open(&world, Some(delegators())).await;
        assert_eq!(demanding.says(&token, path), unsigned(), "{way:?}");
    }
}

/// A key whose public half is written into the log: the points are told of it.
struct OwnKey(PublicKey);

impl OwnKey {
    fn new() -> Self {
        let point = Owner::Nobody.key().verifying_key().to_sec1_point(false);
        Self(PublicKey::from_sec1(point.as_bytes()).unwrap())
    }
}

impl Signer for OwnKey {
    fn kid(&self) -> &str {
        self.0.kid()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignError> {
        let signature: Signature = Owner::Nobody.key().sign(message);
        Ok(signature.to_bytes().into())
    }
}

/// `payout`'s own mandate, made one that it passed on to `worker`.
fn forged(own: &str, edges: &Value) -> Claims {
    let mut claims: Claims = serde_json::from_value(claims(own)).unwrap();
    let mut last = claims.mdt.hops[0].clone();
    claims.mdt.hops[0].depth = 5;
    "ses_forged".clone_into(&mut last.session);
    last.application = "worker".parse().unwrap();
    last.depth = 0;
    claims.sid.clone_from(&last.session);
    claims.client_id = last.application.clone();
    claims.mdt.hops.push(last);
    claims.edges = serde_json::from_value(edges.clone()).unwrap();
    claims
}

#[tokio::test]
async fn not_even_who_mints_mandates_by_a_key_of_their_own_passes_on_what_nobody_signed() {
    let mut world = world().await;
    let called_with = call(&world).await;
    let signed = act(&world, &called_with, BANK, "accounts:read", WORKER_BASIC).await;
    let edges = claims(&signed.token())["edges"].clone();
    let own = world.own(PAYOUT_BASIC, "payments:write").await;
    let key = OwnKey::new();
    let mut intruder = Intruder::enter(&world).await;
    let published = SigningKey {
        kid: key.kid().to_owned(),
        point: URL_SAFE_NO_PAD.encode(key.0.sec1()),
    };
    intruder.append(&Change::KeyPublished(published)).await;
    world.restart().await;
    let mut believing = Gate::open(&world, None).await;
    let mut demanding = Gate::open(&world, Some(delegators())).await;
    let mut widened: Vec<Edge> = serde_json::from_value(edges.clone()).unwrap();
    widened[0].scopes = ScopeSet::parse("accounts:read payments:write").unwrap();
    for edges in [Value::Array(Vec::new()), edges, serde_json::json!(widened)] {
        let token = mint(&forged(&own, &edges), &key).unwrap();
        assert_eq!(believing.says(&token, PAY), Ok(()));
        assert_eq!(demanding.says(&token, PAY), unsigned());
    }
}

/// What docs/delegation.md says of it: signatures are about what is passed on, not about whose it was.
#[tokio::test]
async fn a_grant_that_nobody_made_is_not_what_signatures_of_delegators_keep_out() {
    let mut world = world().await;
    let mut intruder = Intruder::enter(&world).await;
    let grant = Grant {
        id: "grt_forged".to_owned(),
        application: "worker".parse().unwrap(),
        resource: "bank".parse().unwrap(),
        scopes: ScopeSet::parse("payments:write").unwrap(),
        expires_at: None,
        max_lifetime: None,
        conditions: GrantConditions::default(),
    };
    intruder.append(&Change::GrantCreated(grant)).await;
    world.restart().await;
    let own = world.own(WORKER_BASIC, "payments:write").await;
    let mut demanding = Gate::open(&world, Some(delegators())).await;
    assert_eq!(demanding.says(&own, PAY), Ok(()));
}
