//! A bounded cache in two generations: constant-time, no list to keep in order, no timer.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;

/// Hashes a token by its last bytes alone: they are the end of an ECDSA signature that verified,
/// hence as good as random, and a kilobyte needs no hashing for each request. Only verified tokens
/// are keys, and equality is of the whole token.
#[derive(Debug, Clone, Copy, Default)]
pub struct TailHash;

/// See [`TailHash`].
#[derive(Debug, Default)]
pub struct TailHasher(u64);

impl BuildHasher for TailHash {
    type Hasher = TailHasher;

    fn build_hasher(&self) -> TailHasher {
        TailHasher::default()
    }
}

impl Hasher for TailHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(tail) = bytes.last_chunk() {
            // Base64url uses 6 of 8 bits; the multiplication spreads them over all 64.
            self.0 = u64::from_le_bytes(*tail).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
}

/// Remembers at most `capacity` values; what was not used for a whole generation goes first.
#[derive(Debug)]
pub struct GenerationCache<V, H = RandomState> {
    young: HashMap<Box<[u8]>, Rc<V>, H>,
    old: HashMap<Box<[u8]>, Rc<V>, H>,
    generation: usize,
}

impl<V, H: BuildHasher + Default> GenerationCache<V, H> {
    /// A cache for at most `capacity` values.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            generation: (capacity / 2).max(1),
        }
    }

    /// The value under `key`; using it keeps it.
    pub fn get(&mut self, key: &[u8]) -> Option<Rc<V>> {
        if let Some(value) = self.young.get(key) {
            return Some(Rc::clone(value));
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.put(key, Rc::clone(&value));
        Some(value)
    }

    /// Remembers a value.
    pub fn insert(&mut self, key: &[u8], value: V) -> Rc<V> {
        let value = Rc::new(value);
        self.old.remove(key);
        self.put(key.into(), Rc::clone(&value));
        value
    }

    fn put(&mut self, key: Box<[u8]>, value: Rc<V>) {
        if self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Forgets one value.
    pub fn remove(&mut self, key: &[u8]) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// How many values are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut cache = GenerationCache::<_>::new(8);
        cache.insert(b"hot", 0);
        for number in 0..100_u8 {
            cache.insert(&[number], 1);
            assert!(cache.get(b"hot").is_some());
        }
        assert!(cache.get(&[0]).is_none());
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_its_capacity(keys in proptest::collection::vec(0..50_u8, 0..300)) {
            let mut cache = GenerationCache::<_>::new(16);
            for key in keys {
                if cache.get(&[key]).is_none() {
                    cache.insert(&[key], key);
                }
                prop_assert!(cache.len() <= 16);
                let kept = cache.get(&[key]);
                prop_assert_eq!(kept.as_deref(), Some(&key));
            }
        }
    }
}
