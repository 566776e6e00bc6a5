//! Chains that were verified before, so that a caller who comes again costs no signatures.
//!
//! Bounded: when it is full, the oldest entry goes. Only what was good is kept, and only for as long as it stays so.

use crate::domain::sm;
use crate::domain::sm::sm3;
use crate::domain::x509::Certificate;
use crate::domain::x509::Path;
use crate::domain::x509::Purpose;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Chains kept: more than the systems of two cities, about 20 MB at the very most.
const CHAINS_MAX: usize = 4_096;

type Name = [u8; sm::DIGEST_BYTES];

#[derive(Debug, Default)]
pub(super) struct Verified(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    chains: HashMap<Name, Arc<Path>>,
    order: VecDeque<Name>,
}

/// A name for the whole question: what for, which certificate, which others came with it.
pub(super) fn name(purpose: Purpose, leaf: &Certificate, others: &[Certificate]) -> Name {
    let mut digest = sm3::Sm3::new();
    digest.update(&[purpose as u8]);
    for certificate in std::iter::once(leaf).chain(others) {
        digest.update(&(certificate.der().len() as u64).to_be_bytes());
        digest.update(certificate.der());
    }
    digest.finish()
}

impl Verified {
    pub(super) fn find(&self, name: &Name) -> Option<Arc<Path>> {
        // A thread that panicked while it held the lock left whole entries.
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.chains.get(name).cloned()
    }

    pub(super) fn keep(&self, name: Name, path: Arc<Path>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.chains.insert(name, path).is_some() {
            return;
        }
        kept.order.push_back(name);
        if kept.order.len() > CHAINS_MAX
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.chains.remove(&oldest);
        }
    }
}
