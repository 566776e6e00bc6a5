//! What is shown of a configuration in force: mapping set, certificates, devices.

use crate::domain::mapping::Program;
use crate::edge::clock::Milliseconds;
use crate::edge::config::Config;
use crate::edge::keys;
use crate::edge::metrics::DeviceHandles;
use crate::edge::metrics::DeviceOperation;
use crate::edge::metrics::DeviceOutcome;
use crate::edge::metrics::MappingFacts;
use crate::edge::metrics::MatterFacts;
use crate::edge::metrics::Metrics;
use std::sync::Arc;
use std::time::Duration;

/// Shows when the certificates and revocation lists in use end.
pub(super) fn tell_certificates(metrics: &Metrics, config: &Config, now: Milliseconds) {
    metrics.certificates_loaded(&ends(&config.certificates), now);
    metrics.revocation_lists_loaded(&ends(&config.revocation_lists), now);
}

fn ends(all: &[(String, i64)]) -> Vec<(&str, i64)> {
    all.iter().map(|(file, ends)| (file.as_str(), *ends)).collect()
}

/// Counts the calls to cryptographic devices.
pub(super) fn watch_devices(metrics: &Metrics, config: &Config) {
    for (name, device) in &config.devices {
        device.watch(Arc::new(Watched(metrics.device(name))));
    }
}

struct Watched(DeviceHandles);

impl keys::Watch for Watched {
    fn called(&self, operation: keys::Operation, outcome: keys::CallOutcome, elapsed: Duration) {
        let operation = match operation {
            keys::Operation::Decrypt => DeviceOperation::Decrypt,
            keys::Operation::Find => DeviceOperation::Find,
            keys::Operation::Sign => DeviceOperation::Sign,
        };
        let outcome = match outcome {
            keys::CallOutcome::Ok => DeviceOutcome::Ok,
            keys::CallOutcome::Error => DeviceOutcome::Error,
            keys::CallOutcome::TimedOut => DeviceOutcome::TimedOut,
            keys::CallOutcome::Refused => DeviceOutcome::Refused,
        };
        self.0.called(operation, outcome, elapsed);
    }
}

/// Shows the mapping set in force.
pub(super) fn tell(program: &Program, metrics: &Metrics) {
    let catalogue = program.catalogue();
    let matters: Vec<_> = catalogue
        .matters
        .values()
        .map(|matter| MatterFacts { code: &matter.code, title: &matter.title, class: &matter.archetype })
        .collect();
    let tables: Vec<_> = catalogue.tables.keys().map(String::as_str).collect();
    let cities = || catalogue.cities.iter();
    let directions: Vec<String> = cities()
        .flat_map(|from| {
            cities().filter(move |to| to.name != from.name).map(move |to| format!("{}_to_{}", from.name, to.name))
        })
        .collect();
    let directions: Vec<_> = directions.iter().map(String::as_str).collect();
    metrics.mapping_loaded(&MappingFacts {
        version: program.version(),
        matters: &matters,
        tables: &tables,
        directions: &directions,
    });
}
