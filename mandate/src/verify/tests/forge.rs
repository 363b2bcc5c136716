//! Mandates as they are issued, and as nobody issues them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};

use super::super::*;
use crate::chain::{CHAIN_VERSION, Chain, Holding};
use crate::claims::Confirmation;
use crate::jws::mint;
use crate::key::{PublicKey, SIGNATURE_BYTES, SignError, Signer};

pub(super) const NOW: u64 = 1_790_000_000;
pub(super) const HOLDER: &str = "spiffe://caracal.dev/payout";

pub(super) struct TestKey {
    pub(super) private: SigningKey,
    pub(super) public: PublicKey,
}

impl TestKey {
    pub(super) fn new(seed: u8) -> Self {
        let private = SigningKey::from_slice(&[seed; 32]).unwrap();
        let point = private.verifying_key().to_sec1_point(false);
        let public = PublicKey::from_sec1(point.as_bytes()).unwrap();
        Self { private, public }
    }
}

impl Signer for TestKey {
    fn kid(&self) -> &str {
        self.public.kid()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignError> {
        let signature: Signature = self.private.sign(message);
        Ok(signature.to_bytes().into())
    }
}

struct Portable;

impl SignatureVerifier for Portable {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let key = VerifyingKey::from_sec1_bytes(key.sec1()).unwrap();
        Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}

pub(super) fn claims() -> Claims {
    let scopes = ScopeSet::parse("accounts:read payments:write").unwrap();
    let mut claims = Claims {
        iss: "https://sts.caracal.dev/zones/prod".to_owned(),
        sub: "payout".to_owned(),
        aud: "https://mercury-bank.internal".parse().unwrap(),
        client_id: "payout".parse().unwrap(),
        zone: "prod".parse().unwrap(),
        sid: "ses_1".to_owned(),
        grant: "grt_1".to_owned(),
        jti: "mdt_1".to_owned(),
        iat: NOW,
        exp: NOW + 300,
        scope: scopes.to_string(),
        usage: MandateUse::Execute,
        cnf: Confirmation {
            spiffe_id: HOLDER.parse().unwrap(),
        },
        act: None,
        may_act: None,
        from: Vec::new(),
        through: Vec::new(),
        via: Vec::new(),
        edges: Vec::new(),
        mdt: Chain {
            v: CHAIN_VERSION,
            rev: Version::default(),
            resources: vec![],
            scopes: vec![],
            hops: vec![],
        },
    };
    claims.mdt = root(&claims, Version { term: 1, epoch: 7 });
    claims
}

/// The chain of one hop that the claims need.
pub(super) fn root(claims: &Claims, rev: Version) -> Chain {
    let scopes = ScopeSet::parse(&claims.scope).unwrap();
    let holding = Holding {
        leaf: claims.leaf(&scopes),
        beyond: &[],
        by: "",
        depth: 0,
    };
    Chain::root(holding, rev).unwrap()
}

/// Changes the claims and keeps the chain in step with them.
pub(super) fn changed(change: impl FnOnce(&mut Claims)) -> Claims {
    let mut claims = claims();
    change(&mut claims);
    claims.mdt = root(&claims, claims.mdt.rev);
    claims
}

pub(super) fn check(token: &str) -> Result<VerifiedMandate, Reason> {
    check_with(token, None)
}

/// The same where signatures of delegators are demanded.
pub(super) fn check_with(
    token: &str,
    delegators: Option<&Delegators>,
) -> Result<VerifiedMandate, Reason> {
    let mut keys = KeySet::default();
    keys.insert(TestKey::new(1).public);
    let zone = "prod".parse().unwrap();
    let trust = Trust {
        zone: &zone,
        issuer: "https://sts.caracal.dev/zones/prod",
        keys: &keys,
        delegators,
    };
    verify(token.as_bytes(), trust, &Portable)
}

pub(super) fn minted(claims: &Claims) -> String {
    mint(claims, &TestKey::new(1)).unwrap()
}

/// Signs any header and payload with the zone's own key.
pub(super) fn signed(header: &str, payload: &[u8]) -> String {
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = TestKey::new(1).sign(input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(super) fn payload() -> Vec<u8> {
    serde_json::to_vec(&claims()).unwrap()
}

pub(super) fn header(extra: &str) -> String {
    let kid = TestKey::new(1).public.kid().to_owned();
    format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"at+jwt"{extra}}}"#)
}

pub(super) fn bank() -> Resource {
    let operation = |name: &str, scopes: &str| Operation {
        name: name.parse().unwrap(),
        method: "POST".parse().unwrap(),
        path: format!("/{name}").parse().unwrap(),
        scopes: ScopeSet::parse(scopes).unwrap(),
        irreversible: false,
    };
    Resource {
        name: "bank".parse().unwrap(),
        uri: "https://mercury-bank.internal".parse().unwrap(),
        hosts: vec!["mercury-bank.internal".parse().unwrap()],
        operations: vec![
            operation("pay", "payments:write"),
            operation("both", "accounts:read payments:write"),
            operation("wire", "payments:write payments:wire"),
        ],
        application: None,
    }
}

pub(super) fn present_at(
    mandate: &VerifiedMandate,
    now: u64,
    presenter: Presenter<'_>,
    operation: usize,
    revocations: &RevocationSet,
) -> Result<(), Reason> {
    let resource = bank();
    let operation = &resource.operations[operation];
    let presentation = Presentation {
        now,
        presenter,
        resource: &resource,
        operation,
        revocations,
    };
    mandate.present(presentation).map(|_| ())
}

pub(super) fn present(mandate: &VerifiedMandate) -> Result<(), Reason> {
    present_at(
        mandate,
        NOW,
        Presenter::Peer(Some(HOLDER)),
        0,
        &RevocationSet::default(),
    )
}
