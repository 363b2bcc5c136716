//! A bounded cache in two generations: constant-time, no list to keep in order, no timer.

use std::collections::HashMap;
use std::rc::Rc;

/// Remembers at most `capacity` values; what was not used for a whole generation goes first.
#[derive(Debug)]
pub struct GenerationCache<V> {
    young: HashMap<Box<[u8]>, Rc<V>>,
    old: HashMap<Box<[u8]>, Rc<V>>,
    generation: usize,
}

impl<V> GenerationCache<V> {
    /// A cache for at most `capacity` values.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
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
        let mut cache = GenerationCache::new(8);
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
            let mut cache = GenerationCache::new(16);
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
