//! Fits the licence calls together: trust, policy, types, the store, and what each caller may do.

use crate::domain::recognition::Recognition;
use crate::edge::clock::Clock;
use crate::edge::config;
use crate::edge::config::Config;
use crate::edge::library::Library;
use crate::edge::licences::Both;
use crate::edge::licences::LicenceSource;
use crate::edge::licences::Licences;
use crate::edge::licences::PlatformSettings;
use crate::edge::platform;
use crate::edge::platform::Platform;
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
    let mut licences = Licences::open(settings, &files, recognition, earlier, clock)?;
    if let Some(platform) = &settings.platform {
        let platform = connect(config, platform, clock).map_err(|error| vec![error])?;
        licences.source = Some(match licences.source.take() {
            None => platform,
            Some(folder) => Arc::new(Both { folder, platform }),
        });
    }
    Ok(Some(Arc::new(licences)))
}

/// The sharing platform, as the system of its name says that it is reached.
fn connect(config: &Config, settings: &PlatformSettings, clock: &Clock) -> Result<Arc<dyn LicenceSource>, String> {
    let system = config.systems.get(settings.system).ok_or("证照来源所指的系统不在配置中")?;
    let platform = Platform::start(platform::Settings {
        upstream: system.upstream.clone(),
        breaker: system.breaker,
        deadline: system.deadline,
        access_id: settings.access_id.clone(),
        access_token: settings.access_token.clone(),
        key: Arc::clone(&settings.key),
        clock: clock.clone(),
    });
    platform.map(|platform| Arc::new(platform) as Arc<dyn LicenceSource>).map_err(|error| format!("证照来源：{error}"))
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
