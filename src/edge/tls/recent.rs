//! A map of bounded size that forgets what was used longest ago.

use std::collections::HashMap;
use std::hash::Hash;

#[derive(Debug)]
pub(super) struct Recent<K, V> {
    entries: HashMap<K, (u64, V)>,
    capacity: usize,
    /// Counts uses; no clock is needed for an order.
    uses: u64,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// Keeps at most `capacity` entries, at least one.
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity: capacity.max(1), uses: 0 }
    }

    /// The value of `key`, which counts as used now.
    pub(super) fn find(&mut self, key: &K) -> Option<&mut V> {
        let (used, value) = self.entries.get_mut(key)?;
        self.uses += 1;
        *used = self.uses;
        Some(value)
    }

    /// Stores `value`, and drops the entry used longest ago when there is no room. The search for it looks at every
    /// entry: what is stored here costs far more to make than a few thousand comparisons.
    pub(super) fn store(&mut self, key: K, value: V) {
        if self.entries.len() >= self.capacity && !self.entries.contains_key(&key) {
            let oldest = self.entries.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
        self.uses += 1;
        self.entries.insert(key, (self.uses, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_used_longest_ago_goes_first() {
        let mut recent = Recent::new(2);
        recent.store("a", 1);
        recent.store("b", 2);
        assert_eq!(recent.find(&"a"), Some(&mut 1));
        recent.store("c", 3);
        assert_eq!(recent.find(&"b"), None);
        recent.store("a", 4);
        assert_eq!((recent.find(&"a").copied(), recent.find(&"c").copied()), (Some(4), Some(3)));
    }
}
