//! Which public keys are worth a table: the ones that come again.
//!
//! The book is plain data. Who shares it between threads locks it for [`KnownKeys::look`] and [`KnownKeys::keep`], which
//! take well under a microsecond and a few, and makes the table (half a millisecond) without the lock:
//!
//! ```text
//! match book.lock().look(key) {
//!     Look::Known(known) => known.verify(..),
//!     Look::New => key.verify(..),
//!     Look::Worth => { let known = Arc::new(KnownKey::new(key)); book.lock().keep(&known); known.verify(..) }
//! }
//! ```
//!
//! A key should be looked up when it is trusted (its certificate verified), so that strangers cannot fill the book.
//! Where that is not known before, [`KnownKeys::find`] the key, verify, and look it up when the signature was right.

use crate::domain::sm::sm2::known::KnownKey;
use crate::domain::sm::sm2::public::PUBLIC_KEY_BYTES;
use crate::domain::sm::sm2::public::PublicKey;
use std::collections::HashMap;
use std::sync::Arc;

/// The sight at which a key is worth a table: making it costs about ten verifications without one.
const WORTH: u32 = 3;

/// Keys that are counted for each one that has a table.
const SIGHTS_EACH: usize = 8;

/// What the book knows of a key.
pub enum Look {
    /// Its table.
    Known(Arc<KnownKey>),
    /// Too little to make one.
    New,
    /// That it comes again: make a table and [`KnownKeys::keep`] it.
    Worth,
}

/// A bounded book of known keys.
pub struct KnownKeys {
    tables_max: usize,
    tables: HashMap<[u8; PUBLIC_KEY_BYTES], Kept>,
    sights: HashMap<[u8; PUBLIC_KEY_BYTES], u32>,
}

struct Kept {
    known: Arc<KnownKey>,
    /// How often it was looked up; halved when a place is needed.
    uses: u32,
}

impl KnownKeys {
    /// An empty book for at most `tables_max` tables of 86 KiB.
    pub fn new(tables_max: usize) -> Self {
        Self { tables_max, tables: HashMap::new(), sights: HashMap::new() }
    }

    /// The table of `key`, if it has one. A key without is not counted.
    pub fn find(&mut self, key: &PublicKey) -> Option<Arc<KnownKey>> {
        let kept = self.tables.get_mut(&key.to_bytes())?;
        kept.uses = kept.uses.saturating_add(1);
        Some(Arc::clone(&kept.known))
    }

    /// What is known of `key`, which is counted.
    pub fn look(&mut self, key: &PublicKey) -> Look {
        let bytes = key.to_bytes();
        if let Some(kept) = self.tables.get_mut(&bytes) {
            kept.uses = kept.uses.saturating_add(1);
            return Look::Known(Arc::clone(&kept.known));
        }
        if self.tables_max == 0 {
            return Look::New;
        }
        if self.sights.len() >= self.tables_max.saturating_mul(SIGHTS_EACH) && !self.sights.contains_key(&bytes) {
            // Forget what came once or twice; all counts together would only grow.
            self.sights.clear();
        }
        let sights = self.sights.entry(bytes).or_insert(0);
        *sights = sights.saturating_add(1);
        if *sights >= WORTH { Look::Worth } else { Look::New }
    }

    /// Takes a table into the book; the least used one makes room.
    pub fn keep(&mut self, known: &Arc<KnownKey>) {
        let bytes = known.public().to_bytes();
        self.sights.remove(&bytes);
        if self.tables_max == 0 || self.tables.contains_key(&bytes) {
            return;
        }
        if self.tables.len() >= self.tables_max {
            let least = self.tables.iter().min_by_key(|(bytes, kept)| (kept.uses, **bytes));
            if let Some(least) = least.map(|(bytes, _)| *bytes) {
                self.tables.remove(&least);
            }
            for kept in self.tables.values_mut() {
                kept.uses /= 2;
            }
        }
        self.tables.insert(bytes, Kept { known: Arc::clone(known), uses: WORTH });
    }

    /// Tables in the book.
    pub fn len(&self) -> usize {
        self.tables.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sm::sm2::PrivateKey;

    fn key(number: u8) -> PublicKey {
        *PrivateKey::generate(&[number; 48]).public()
    }

    /// Looks `key` up and makes its table when it is worth one.
    fn meet(book: &mut KnownKeys, key: &PublicKey) -> &'static str {
        match book.look(key) {
            Look::Known(known) => {
                assert!(known.public() == key);
                "known"
            }
            Look::New => "new",
            Look::Worth => {
                book.keep(&Arc::new(KnownKey::new(key)));
                "worth"
            }
        }
    }

    #[test]
    fn the_third_sight_is_worth_a_table() {
        let mut book = KnownKeys::new(2);
        assert!(book.is_empty());
        let sights: Vec<&str> = (0..5).map(|_| meet(&mut book, &key(1))).collect();
        assert_eq!(sights, ["new", "new", "worth", "known", "known"]);
        assert_eq!(meet(&mut book, &key(2)), "new");
        assert_eq!(book.len(), 1);
        assert!(book.find(&key(1)).is_some());
        assert!((0..9).all(|_| book.find(&key(3)).is_none()));
        assert_eq!(meet(&mut book, &key(3)), "new", "finding counts nothing");
    }

    #[test]
    fn the_least_used_makes_room() {
        let mut book = KnownKeys::new(2);
        for (number, times) in [(1, 9), (2, 3), (3, 3)] {
            for _ in 0..times {
                meet(&mut book, &key(number));
            }
        }
        assert_eq!(book.len(), 2);
        assert_eq!(meet(&mut book, &key(1)), "known");
        assert_eq!(meet(&mut book, &key(3)), "known");
        assert_eq!(meet(&mut book, &key(2)), "new");
    }

    #[test]
    fn strangers_do_not_grow_the_book() {
        let mut book = KnownKeys::new(1);
        for number in 0..100 {
            meet(&mut book, &key(number));
        }
        assert!(book.is_empty());
        assert!(book.sights.len() <= SIGHTS_EACH);
        let mut none = KnownKeys::new(0);
        assert!((0..5).all(|_| meet(&mut none, &key(1)) == "new"));
    }
}
