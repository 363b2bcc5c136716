//! Requests to a witness.

use crate::merkle::{Frontier, Hash, verify_consistency};
use crate::note::{Checkpoint, Note};
use crate::witness::{AddCheckpoint, judge};

/// Leaves of the tree that the witness has cosigned.
const KNOWN: u8 = 5;

/// The input is the body of a request. A request that is read is written as it was read, and has no
/// more proof than a tree needs. Whatever the checkpoint in it says, signed or not: a witness that
/// knows a tree is moved from it only by a proof that holds, and never back; and one that knows none
/// takes no proof at all.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn witness_request(data: &[u8]) -> bool {
    let Ok(request) = AddCheckpoint::parse(data) else {
        return false;
    };
    assert_eq!(request.to_text().as_bytes(), data);
    assert!(request.proof.len() <= 63);
    let Ok(note) = Note::parse(request.note) else {
        return false;
    };
    let Ok(checkpoint) = Checkpoint::from_text(note.text()) else {
        return false;
    };
    let known = known();
    let new = (checkpoint.size, checkpoint.root);
    if judge(Some(known), &request, &checkpoint).is_ok() {
        assert_eq!(request.old, known.0);
        assert_eq!(verify_consistency(known, new, &request.proof), Ok(()));
        assert!(checkpoint.size > known.0 || new == known, "back");
    }
    if judge(None, &request, &checkpoint).is_ok() {
        assert!(request.old == 0 && request.proof.is_empty());
        assert!(checkpoint.size > 0 || checkpoint.root == Hash::empty());
    }
    true
}

fn known() -> (u64, Hash) {
    let mut frontier = Frontier::new();
    for leaf in 0..KNOWN {
        frontier.append(Hash::leaf(&[leaf]));
    }
    (frontier.size(), frontier.root())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::consistency_proof;

    fn request(old: u8, size: u8) -> String {
        let leaves: Vec<Hash> = (0..size).map(|leaf| Hash::leaf(&[leaf])).collect();
        let mut frontier = Frontier::new();
        for leaf in &leaves {
            frontier.append(*leaf);
        }
        let (size, root) = (frontier.size(), frontier.root());
        let origin = "audit.example/log/prod".to_owned();
        let text = Checkpoint { origin, size, root }.to_text();
        let request = AddCheckpoint {
            old: old.into(),
            proof: consistency_proof(&leaves, old.into()).unwrap_or_default(),
            note: &format!("{text}\n\u{2014} audit.example/log/prod AAAAAAAA\n"),
        };
        request.to_text()
    }

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let grown = request(5, 11);
        let seeds = [
            ("good-grown", grown.clone()),
            ("good-same", request(5, 5)),
            ("good-first", request(0, 5)),
            ("good-empty", request(0, 0)),
            ("good-back", request(3, 5)),
            ("bad-old", grown.replace("old 5", "old 05")),
            ("bad-proof", grown.replacen("=\n", "\n", 1)),
            ("bad-end", grown.trim_end().to_owned()),
            ("bad-root", grown.replace("\n11\n", "\n11\nA")),
            ("bad-blank", grown.replacen("\n\n", "\n", 1)),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("witness_request", &seeds, witness_request).unwrap();
    }
}
