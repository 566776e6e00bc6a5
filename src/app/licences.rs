//! Fits the licence calls together: trust, policy, types, the store, and what each caller may do.

use crate::domain::recognition::Recognition;
use crate::edge::clock::Clock;
use crate::edge::config;
use crate::edge::config::Config;
use crate::edge::library::Library;
use crate::edge::licences::Licences;
use crate::edge::trust;
use crate::exchange::LicenceAccess;
use crate::exchange::ShareAccess;
use crate::exchange::State;
use std::sync::Arc;

/// Reads trust and policy; the store and the counts of an earlier state are kept.
pub(super) fn build(
    config: &Config,
    library: &Library,
    earlier: Option<&State>,
    clock: &Clock,
) -> Result<Option<Arc<Licences>>, Vec<String>> {
    let Some(settings) = &config.licences else { return Ok(None) };
    let earlier = earlier.and_then(|state| state.licences.as_deref());
    let files = {
        let _turn = trust::turn();
        trust::read(&settings.trust_directory).map_err(|error| vec![error.to_string()])?
    };
    let recognition = Recognition::compile(&library.files).map_err(|faults| super::texts(&faults))?;
    Licences::open(settings, &files, recognition, earlier, clock).map(|licences| Some(Arc::new(licences)))
}

/// What a caller may do with licences, as the exchange asks it.
pub(super) fn access(access: &config::LicenceAccess) -> LicenceAccess {
    let matters = access.clone();
    LicenceAccess {
        may: Box::new(move |matter| matters.may(matter)),
        other_times: access.other_times,
        receipts: access.receipts,
        trust_lists: access.trust_lists,
        share: access.share.as_ref().map(|share| ShareAccess {
            token: share.token.clone(),
            matter: share.matter.clone(),
            encrypt_to: share.encrypt_to,
        }),
    }
}
