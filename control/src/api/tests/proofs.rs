//! Proofs over HTTP, checked as a client with nothing but the key checks them.

use caracal_audit::witness::AddCheckpoint;
use caracal_audit::{CheckpointVerifier, LogTrust, TlogProof, merkle};

use caracal_store::DatabaseUrl;

use super::*;

impl Fixture {
    async fn text(&self, path: &str) -> (StatusCode, String) {
        let request = Request::builder()
            .uri(format!("/v1/zones/bank/audit{path}"))
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(Body::empty())
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn trust(&self) -> LogTrust {
        let key = CheckpointVerifier::from_text(&self.ledger.verifier_key()).unwrap();
        LogTrust::new(key, None)
    }

    pub(crate) fn verifier_key(&self) -> String {
        self.ledger.verifier_key()
    }

    pub(crate) fn ledger_place(&self) -> DatabaseUrl {
        self.directory.path().join("ledger.db").as_path().into()
    }

    /// The newest checkpoint, when it covers more than so many entries.
    pub(crate) async fn beyond(&self, size: u64) -> String {
        for _ in 0..200 {
            let (status, note) = self.text("/checkpoint").await;
            let opened = self.trust().open(&note);
            if status == StatusCode::OK && opened.unwrap().checkpoint.size > size {
                return note;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no checkpoint for more than {size} entries");
    }
}

#[tokio::test]
async fn what_is_recorded_is_proven_to_a_client_that_has_the_key_alone() {
    let fixture = Fixture::bank().await;
    let older = fixture.beyond(0).await;
    let older = fixture.trust().open(&older).unwrap().checkpoint;
    let (status, proof) = fixture.text("/entries/0/proof").await;
    assert_eq!(status, StatusCode::OK);
    let proof = TlogProof::parse(&proof).unwrap();
    let (status, entry) = fixture.text("/entries/0").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(proof.extra(), Some(entry.as_bytes()));
    proof.verify(entry.as_bytes(), &fixture.trust()).unwrap();
    let app = json!({"name": "another", "spiffe_ids": ["spiffe://corp.example/another"]});
    fixture.post("/v1/zones/bank/applications", app).await;
    let newer = fixture.beyond(older.size).await;
    let newer = fixture.trust().open(&newer).unwrap().checkpoint;
    let (status, step) = fixture
        .text(&format!("/consistency?from={}", older.size))
        .await;
    assert_eq!(status, StatusCode::OK);
    let step = AddCheckpoint::parse(step.as_bytes()).unwrap();
    assert_eq!(step.old, older.size);
    assert_eq!(fixture.trust().open(step.note).unwrap().checkpoint, newer);
    let (older, newer) = ((older.size, older.root), (newer.size, newer.root));
    assert_eq!(
        merkle::verify_consistency(older, newer, &step.proof),
        Ok(())
    );
    let (_, before) = fixture
        .text(&format!("/entries/0/proof?size={}", older.0))
        .await;
    let before = TlogProof::parse(&before).unwrap();
    assert_eq!(before.checkpoint().size, older.0);
}

#[tokio::test]
async fn what_cannot_be_proven_is_told_with_its_reason() {
    let fixture = Fixture::bank().await;
    fixture.beyond(0).await;
    for (path, status, code) in [
        ("/entries/1000000", 404, "not_found"),
        ("/entries/1000000/proof", 404, "not_found"),
        ("/entries/0/proof?size=999", 404, "not_found"),
        ("/entries/x", 400, "invalid_request"),
        ("/entries/-1/proof", 400, "invalid_request"),
        ("/entries/0/proof?from=1", 400, "invalid_request"),
        ("/consistency", 400, "invalid_request"),
        ("/consistency?from=0", 404, "not_found"),
        ("/consistency?from=999", 400, "invalid_request"),
    ] {
        let (got, body) = fixture.text(path).await;
        assert_eq!(got.as_u16(), status, "{path}: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["error"], code, "{path}");
    }
    let (status, body) = fixture.get("/v1/zones/empty/audit/checkpoint").await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (409, &json!("not_covered"))
    );
}

#[tokio::test]
async fn proofs_are_for_administrators() {
    let fixture = Fixture::bank().await;
    for path in [
        "checkpoint",
        "entries/0",
        "entries/0/proof",
        "consistency?from=1",
    ] {
        let uri = format!("/v1/zones/bank/audit/{path}");
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        assert_eq!(fixture.send(request).await.0, StatusCode::UNAUTHORIZED);
    }
}
