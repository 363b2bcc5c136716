//! Published vectors: the eight leaves of the Certificate Transparency tests, the hashes of the nodes above
//! them, and the proofs that the verifier tests of transparency-dev/merkle (v0.0.2, Apache-2.0) name. What
//! those tests do to a proof to make it wrong is done here as well.

use super::*;

const LEAVES: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
];
/// Of two leaves each.
const PAIRS: [&str; 4] = [
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
];
/// Of four.
const HALVES: [&str; 2] = [
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
];
/// Of the first 1 to 8 leaves.
const ROOTS: [&str; 8] = [
    LEAVES[0],
    PAIRS[0],
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    HALVES[0],
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// Index, size and proof.
const INCLUSION: [(u64, u64, &[&str]); 5] = [
    (0, 1, &[]),
    (0, 8, &[LEAVES[1], PAIRS[1], HALVES[1]]),
    (5, 8, &[LEAVES[4], PAIRS[3], HALVES[0]]),
    (2, 3, &[PAIRS[0]]),
    (1, 5, &[LEAVES[0], PAIRS[1], LEAVES[4]]),
];
/// Older size, newer size and proof.
const CONSISTENCY: [(u64, u64, &[&str]); 5] = [
    (1, 1, &[]),
    (1, 8, &[LEAVES[1], PAIRS[1], HALVES[1]]),
    (6, 8, &[PAIRS[2], PAIRS[3], HALVES[0]]),
    (2, 5, &[PAIRS[1], LEAVES[4]]),
    (6, 7, &[PAIRS[2], LEAVES[6], HALVES[0]]),
];

fn hash(hex: &str) -> Hash {
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    Hash::from_bytes(&pairs.map(byte).collect::<Vec<_>>()).unwrap()
}

fn hashes(hex: &[&str]) -> Vec<Hash> {
    hex.iter().copied().map(hash).collect()
}

fn root_of(size: u64) -> Hash {
    hash(ROOTS[usize::try_from(size).unwrap().saturating_sub(1)])
}

/// What can be done to the hashes of a proof, whatever it proves; each of these breaks it.
fn broken(proof: &[Hash], beside: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for at in 0..proof.len() {
        for bit in [0, 3, 255] {
            let mut turned = proof.to_vec();
            turned[at].0[bit / 8] ^= 1 << (bit % 8);
            all.push(turned);
        }
        let mut removed = proof.to_vec();
        removed.remove(at);
        all.push(removed);
    }
    for other in beside {
        all.push([&[*other][..], proof].concat());
        all.push([proof, &[*other][..]].concat());
    }
    if !proof.is_empty() {
        all.push(Vec::new());
    }
    all
}

#[test]
fn the_published_inclusion_proofs_are_made_and_accepted_and_none_that_was_changed() {
    let leaves = hashes(&LEAVES);
    for (index, size, proof) in INCLUSION {
        let at = usize::try_from(index).unwrap();
        let (leaf, root, proof) = (leaves[at], root_of(size), hashes(proof));
        let tree = &leaves[..usize::try_from(size).unwrap()];
        assert_eq!(inclusion_proof(tree, at).as_ref(), Some(&proof));
        let holds = |leaf, index, size, proof: &[Hash], root| {
            verify_inclusion(leaf, index, size, proof, root).is_ok()
        };
        assert!(holds(leaf, index, size, &proof, root));
        let wrong = Hash::empty();
        for index in [index.wrapping_sub(1), index + 1, index ^ 2] {
            assert!(!holds(leaf, index, size, &proof, root), "index {index}");
        }
        for size in [size * 2, size / 2] {
            assert!(!holds(leaf, index, size, &proof, root), "size {size}");
        }
        assert!(!holds(wrong, index, size, &proof, root));
        assert!(!holds(leaf, index, size, &proof, wrong));
        for broken in broken(&proof, &[wrong, root, leaf]) {
            assert!(!holds(leaf, index, size, &broken, root), "{broken:?}");
        }
    }
    assert!(verify_inclusion(leaves[0], 0, 0, &[], Hash::empty()).is_err());
}

#[test]
fn the_published_consistency_proofs_are_made_and_accepted_and_none_that_was_changed() {
    let leaves = hashes(&LEAVES);
    for (older, newer, proof) in CONSISTENCY {
        let (before, after, proof) = (root_of(older), root_of(newer), hashes(proof));
        let tree = &leaves[..usize::try_from(newer).unwrap()];
        let made = consistency_proof(tree, usize::try_from(older).unwrap());
        assert_eq!(made.as_ref(), Some(&proof));
        let holds = |older, newer, proof: &[Hash]| verify_consistency(older, newer, proof).is_ok();
        assert!(holds((older, before), (newer, after), &proof));
        for broken in broken(&proof, &[Hash::empty(), before, after]) {
            let refused = !holds((older, before), (newer, after), &broken);
            assert!(refused, "{older} to {newer}: {broken:?}");
        }
        let wrong = Hash::empty();
        assert!(!holds((older, wrong), (newer, after), &proof));
        assert!(!holds((older, before), (newer, wrong), &proof));
        assert!(older == newer || !holds((older, after), (newer, before), &proof));
        for (older, newer) in [
            (0, newer),
            (older + 1, newer),
            (older - 1, newer),
            (older ^ 2, newer),
            (older, newer * 2),
            (older, newer / 2),
            (newer + 1, newer),
        ] {
            let refused = !holds((older, before), (newer, after), &proof);
            assert!(refused, "{older} to {newer}");
        }
    }
    // Nothing is proven of the empty tree, not even by itself.
    let empty = (0, Hash::empty());
    assert!(verify_consistency(empty, empty, &[]).is_err());
}
