//! The host's shared data, which several VMs have.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::SharedData;
#[cfg(test)]
use super::board::{Entry, Slot};

/// A value and its version.
type Versioned = (Vec<u8>, u32);

/// A map that all of its clones are.
#[derive(Clone, Default)]
pub(crate) struct SharedMemory {
    values: Rc<RefCell<HashMap<String, Versioned>>>,
    /// How often another worker comes first from now on.
    contention: Rc<RefCell<u32>>,
}

impl SharedMemory {
    pub(crate) fn contend(&self, times: u32) {
        *self.contention.borrow_mut() = times;
    }

    pub(crate) fn everything(&self) -> Vec<u8> {
        let values = self.values.borrow();
        let bytes = values.values().flat_map(|(bytes, _)| bytes.iter().copied());
        bytes.collect()
    }

    pub(crate) fn overwrite(&self, with: &[u8]) {
        for (bytes, _) in self.values.borrow_mut().values_mut() {
            *bytes = with.to_vec();
        }
    }
}

impl SharedData for SharedMemory {
    fn get(&self, key: &str) -> Option<Versioned> {
        self.values.borrow().get(key).cloned()
    }

    fn set(&self, key: &str, value: &[u8], version: u32) -> bool {
        let mut values = self.values.borrow_mut();
        let now = values.get(key).map_or(0, |(_, version)| *version);
        let mut contention = self.contention.borrow_mut();
        if *contention > 0 {
            *contention -= 1;
            if let Some(value) = values.get_mut(key) {
                value.1 += 1;
            }
            return false;
        }
        let current = version == 0 || version == now;
        if current {
            values.insert(key.to_owned(), (value.to_vec(), now + 1));
        }
        current
    }
}

/// A slot with so many calls that are under way until then.
#[cfg(test)]
pub(crate) fn slot(count: u8, expires: u64) -> Slot {
    let entry = |number: u8| Entry {
        trace: vec![number; 16],
        mark: vec![number; 8],
        caller: vec![number; 8],
        open: 1,
        expires,
        lingers_until: 0,
        sealed: vec![number; 40],
    };
    Slot {
        entries: (0..count).map(entry).collect(),
    }
}
