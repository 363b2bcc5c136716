//! Proofs that the ledger gives, checked by Go's `CheckRecord` and `CheckTree`.

use super::*;
use crate::tlog_proof::TlogProof;

/// What the verifier says of a proof, and of what it is about.
fn check(published: &Published, kind: &str, proof: &str, about: &[u8]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let (file, beside) = (folder.path().join("proof"), folder.path().join("about"));
    std::fs::write(&file, proof).unwrap();
    std::fs::write(&beside, about).unwrap();
    let key = published.place.signer().verifier().for_zone(ZONE).to_text();
    let output = Command::new(tool("CARACAL_CLIENTS", "clients").join("tlog/run"))
        .arg(kind)
        .arg(file)
        .arg(key)
        .arg(beside)
        .output()
        .unwrap();
    let said = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.code() {
        Some(0) => Ok(said(output.stdout)),
        Some(1) => Err(said(output.stderr)),
        status => panic!("{status:?}: {}", said(output.stderr)),
    }
}

#[tokio::test]
async fn others_check_the_proofs_that_the_ledger_gives() {
    let published = Published::new();
    let mut sizes = vec![1_u64, 256, 300, 1000];
    let mut notes = Vec::new();
    for size in &sizes {
        published.grow(*size).await;
        let ledger = published.place.open().await;
        notes.push(ledger.checkpoint(ZONE).await.unwrap().unwrap());
    }
    let ledger = published.place.open().await;
    for index in [0, 1, 255, 256, 299, 511, 512, 999] {
        let entry = ledger.entry(ZONE, index).await.unwrap().unwrap();
        let proof = ledger.inclusion(ZONE, index, None).await.unwrap();
        let receipt = ledger.receipt(ZONE, index, None).await.unwrap();
        for text in [proof.to_text(), receipt.to_text()] {
            let said = check(&published, "inclusion", &text, &entry);
            assert_eq!(said, Ok(format!("ok inclusion {index}\n")));
            let turned = text.replacen("index ", "index 1", 1);
            assert!(check(&published, "inclusion", &turned, &entry).is_err());
            assert!(check(&published, "inclusion", &text, b"another").is_err());
        }
        let moved = TlogProof::parse(&proof.to_text()).unwrap();
        assert_eq!(moved, proof);
    }
    let newest = sizes.pop().unwrap();
    for (older, note) in sizes.iter().zip(&notes) {
        let proof = ledger.consistency(ZONE, *older, None).await.unwrap();
        let text = proof.to_text();
        let said = check(&published, "consistency", &text, note.as_bytes());
        assert_eq!(said, Ok(format!("ok consistency {older}\n")), "to {newest}");
        let other = text.replacen("old ", "old 1", 1);
        assert!(check(&published, "consistency", &other, note.as_bytes()).is_err());
        let newer = notes.last().unwrap().as_bytes();
        assert!(check(&published, "consistency", &text, newer).is_err());
    }
}
