//! Policies that name witnesses.

use std::collections::HashSet;

use crate::TrustPolicy;

/// The input is the text of a policy. One that is read has witnesses of different names and keys, is
/// content with all of them or with nobody, and never with fewer after one more has cosigned; comments
/// and the order of blanks in it mean nothing.
///
/// # Panics
/// When the input breaks the law.
#[must_use]
pub fn trust_policy(data: &[u8]) -> bool {
    let Ok(policy) = TrustPolicy::parse(data) else {
        return false;
    };
    let names: Vec<_> = policy
        .witnesses()
        .iter()
        .map(|witness| witness.name.as_str())
        .collect();
    let different: HashSet<_> = names.iter().collect();
    assert_eq!(different.len(), names.len());
    for (place, one) in policy.witnesses().iter().enumerate() {
        let mut before = policy.witnesses().iter().take(place);
        assert!(!before.any(|other| other.verifier.is_same_key(&one.verifier)));
    }
    // Whoever more cosigned, more is not less.
    let mut enough = policy.is_quorum([]);
    for count in 0..=names.len() {
        let now = policy.is_quorum(names.iter().copied().take(count));
        assert!(now || !enough);
        enough = now;
    }
    assert!(enough, "all of them are enough");
    let commented = [b"# comment\n".as_slice(), data].concat();
    let blank = data
        .split(|byte| *byte == b'\n')
        .map(|line| [b"\t ".as_slice(), line].concat())
        .collect::<Vec<_>>();
    let mut blank = blank.join(&b'\n');
    // What stands after the end of the last line.
    blank.truncate(blank.len().saturating_sub(2));
    for same in [commented, blank] {
        // Longer by this, it may be too long.
        if let Ok(same) = TrustPolicy::parse(&same) {
            assert_eq!(same, policy);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pkcs8;
    use crate::{CheckpointSigner, CosignatureSigner};

    #[test]
    fn seeds_are_read_as_their_names_say() {
        let witness = |seed| {
            let signer = CosignatureSigner::from_pkcs8("w.example", &pkcs8(seed)).unwrap();
            signer.verifier().to_text()
        };
        let log = CheckpointSigner::from_pkcs8("audit.example/log", &pkcs8(7)).unwrap();
        let log = log.verifier().to_text();
        let (a, b) = (witness(8), witness(9));
        let start = format!("log {log}\nwitness a {a} https://a.example/w\nwitness b {b}\n");
        let groups = format!("{start}# both\ngroup g any a b\ngroup h all g\nquorum h\n");
        let seeds = [
            ("good-groups", groups.clone()),
            ("good-one", format!("{start}quorum a\n")),
            ("good-none", "quorum none\n".to_owned()),
            ("bad-threshold", groups.replace("any", "3")),
            ("bad-member", groups.replace("all g", "all h")),
            ("bad-twice", groups.replace("all g", "all a")),
            ("bad-key", groups.replace(&a, &b)),
            ("bad-no-quorum", start),
            ("bad-end", "quorum none".to_owned()),
        ];
        let seeds = seeds.map(|(name, text)| (name, text.into_bytes()));
        caracal_seeds::hold("trust_policy", &seeds, trust_policy).unwrap();
    }
}
