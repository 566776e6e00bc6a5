//! What an exchange leans on: who may call, what is translated, which systems are called. Built whole from a checked
//! configuration and a compiled mapping set, never changed, and swapped as one at a reload.

use crate::domain::fault::Fault;
use crate::domain::headers::Family;
use crate::domain::headers::Fields;
use crate::domain::headers::Signature;
use crate::domain::mapping::Pair;
use crate::domain::mapping::Program;
use crate::domain::masked::Masked;
use crate::domain::sm::sm2::PublicKey;
use crate::edge::licences::Licences;
use crate::edge::limit::Limiter;
use crate::edge::metrics::ClientHandles;
use crate::edge::metrics::MatterHandles;
use crate::edge::metrics::Metrics;
use crate::edge::metrics::ProfileHandles;
use crate::edge::metrics::UpstreamHandles;
use crate::edge::upstream;
use crate::edge::upstream::Breaker;
use http::HeaderMap;
use http::HeaderValue;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// By asking city, handling city and matter.
type MatterMetrics = FxHashMap<String, FxHashMap<String, FxHashMap<Arc<str>, MatterHandles>>>;

/// Leave to use a matter: given the matter's code and the handling city's name.
pub type Permission = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// A system that calls.
pub struct Caller {
    pub name: Arc<str>,
    pub city: String,
    pub profile: String,
    /// Its key, secret and family of header fields.
    pub signature: Option<Signature>,
    pub certificates_sha256: Vec<[u8; 32]>,
    pub limiter: Arc<Limiter>,
    pub may: Permission,
    /// What it may do with licences; `None`: nothing.
    pub licences: Option<LicenceAccess>,
    pub metrics: ClientHandles,
}

/// What a caller may do with licences.
pub struct LicenceAccess {
    /// Leave to use licences for a matter, by its code.
    pub may: Box<dyn Fn(&str) -> bool + Send + Sync>,
    /// True: may ask for the verdict at another time than now.
    pub other_times: bool,
    /// True: may read the usage receipts of all callers.
    pub receipts: bool,
    /// True: may put trust lists, which their operator has signed.
    pub trust_lists: bool,
    pub share: Option<ShareAccess>,
}

/// How a caller uses the calls of a sharing platform.
pub struct ShareAccess {
    /// The token that goes with its name; `None`: certificate or header signature only.
    pub token: Option<Masked<Vec<u8>>>,
    /// The matter that a call without one is for.
    pub matter: String,
    /// Answers are encrypted to this key.
    pub encrypt_to: Option<PublicKey>,
}

/// A system that is called.
pub struct Target {
    pub name: Arc<str>,
    pub city: String,
    pub profile: String,
    pub upstream: upstream::Settings,
    pub breaker: Arc<Breaker>,
    pub deadline: Duration,
    /// Values of `@setting.…`.
    pub settings: BTreeMap<String, String>,
    /// Who we are there, and how we show it.
    pub sign: Option<Signature>,
    pub metrics: UpstreamHandles,
}

/// A path that is forwarded as it is.
pub struct Relay {
    pub path: String,
    pub target: usize,
    /// Callers that may use it; empty: everybody.
    pub callers: Vec<usize>,
}

/// Everything that a reload replaces.
pub struct State {
    /// Rises with every reload: a worker builds its pools anew when it sees another.
    pub generation: u64,
    pub program: Program,
    pub callers: Vec<Caller>,
    pub targets: Vec<Target>,
    pub relays: Vec<Relay>,
    pub clock_window_seconds: u32,
    /// `None`: there are no licence calls.
    pub licences: Option<Arc<Licences>>,
    by_key: FxHashMap<String, usize>,
    /// The exchange families in use, one for each prefix.
    exchanges: Vec<Fields>,
    by_certificate: FxHashMap<[u8; 32], usize>,
    /// Profiles by the HTTP paths that they serve.
    by_path: FxHashMap<String, Vec<String>>,
    matters: MatterMetrics,
    unidentified: MatterHandles,
    profiles: FxHashMap<String, ProfileHandles>,
}

impl State {
    /// Puts the parts together.
    pub fn new(
        generation: u64,
        program: Program,
        callers: Vec<Caller>,
        targets: Vec<Target>,
        relays: Vec<Relay>,
        clock_window_seconds: u32,
        metrics: &Metrics,
    ) -> Self {
        let by_key = callers
            .iter()
            .enumerate()
            .filter_map(|(index, caller)| Some((caller.signature.as_ref()?.key.clone(), index)));
        let mut exchanges: Vec<Fields> = Vec::new();
        for signature in callers.iter().filter_map(|caller| caller.signature.as_ref()) {
            if let Family::Exchange(fields) = &signature.family
                && !exchanges.iter().any(|known| known.requester == fields.requester)
            {
                exchanges.push(fields.clone());
            }
        }
        let certificates = callers
            .iter()
            .enumerate()
            .flat_map(|(index, caller)| caller.certificates_sha256.iter().map(move |print| (*print, index)));
        let mut by_path: FxHashMap<String, Vec<String>> = FxHashMap::default();
        for system in program.systems() {
            for service in &system.profile.services {
                let profiles = by_path.entry(service.path.clone()).or_default();
                if !profiles.contains(&system.profile.name) {
                    profiles.push(system.profile.name.clone());
                }
            }
        }
        let mut matters = MatterMetrics::default();
        let cities = &program.catalogue().cities;
        for (from, to) in cities
            .iter()
            .flat_map(|from| cities.iter().map(move |to| (from, to)))
            .filter(|(from, to)| from.name != to.name)
        {
            let direction = format!("{}_to_{}", from.name, to.name);
            let handles =
                program.catalogue().matters.values().map(|matter| {
                    (Arc::clone(&matter.code), metrics.matter(&matter.code, &matter.archetype, &direction))
                });
            matters.entry(from.name.clone()).or_default().insert(to.name.clone(), handles.collect());
        }
        let profiles =
            program.systems().map(|system| (system.profile.name.clone(), metrics.profile(&system.profile.name)));
        Self {
            generation,
            by_key: by_key.collect(),
            exchanges,
            by_certificate: certificates.collect(),
            by_path,
            matters,
            unidentified: metrics.unidentified(),
            profiles: profiles.collect(),
            program,
            callers,
            targets,
            relays,
            clock_window_seconds,
            licences: None,
        }
    }

    /// The caller with an application key.
    pub(super) fn caller_by_key(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// The requester that a request names in the field of an exchange family.
    pub(super) fn exchange_requester<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        self.exchanges.iter().find_map(|fields| headers.get(&fields.requester))
    }

    /// The caller that showed a certificate.
    pub(super) fn caller_by_certificate(&self, print: &[u8; 32]) -> Option<usize> {
        self.by_certificate.get(print).copied()
    }

    /// A profile that serves an HTTP path: whose words a fault is told in before the caller is known.
    pub(super) fn profile_by_path(&self, path: &str) -> Option<&str> {
        self.by_path.get(path).and_then(|profiles| profiles.first()).map(String::as_str)
    }

    /// The target that runs a profile in a city.
    pub(super) fn target(&self, city: &str, profile: &str) -> Option<usize> {
        self.targets.iter().position(|target| target.city == city && target.profile == profile)
    }

    /// The target of a pair, or the fault of none being configured.
    pub(super) fn target_of(&self, city: &str, title: &str, pair: &Pair) -> Result<usize, Fault> {
        self.target(city, &pair.to)
            .ok_or_else(|| Fault::NotServed { matter: pair.matter.code.to_string(), city: title.to_owned() })
    }

    pub(super) fn matter_metrics(&self, from: &str, to: &str, matter: &str) -> &MatterHandles {
        let found = self.matters.get(from).and_then(|matters| matters.get(to)).and_then(|matters| matters.get(matter));
        found.unwrap_or(&self.unidentified)
    }

    pub(super) fn profile_metrics(&self, profile: &str) -> Option<&ProfileHandles> {
        self.profiles.get(profile)
    }

    pub(super) const fn unidentified(&self) -> &MatterHandles {
        &self.unidentified
    }
}
