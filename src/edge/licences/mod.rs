//! What the licence calls lean on: trust, policy, the store, limits against harvesting, where licences come from.
//!
//! It decides nothing about a call; that story is told in `exchange::licences`. Identifiers, holders and operators
//! leave this module only as HMAC-SM3 values under the key of the configuration.

mod harvest;
mod lists;
mod receipts;
mod retention;
mod schema;
mod source;
mod sqlite;
mod store;

pub use harvest::Harvest;
pub use harvest::Rates;
pub use harvest::Subject;
pub use source::Both;
pub use source::Folder;
pub use source::Found;
pub use source::LicenceSource;
pub use source::SourceFault;
pub use source::Wanted;
pub use sqlite::Sqlite;
pub use sqlite::StoreError;
pub use store::Anchor;
pub use store::Binding;
pub use store::CodeState;
pub use store::CodeUse;
pub use store::Conclusion;
pub use store::Digest;
pub use store::ListSeen;
pub use store::NewCode;
pub use store::Page;
pub use store::Pending;
pub use store::Receipt;
pub use store::ReceiptEntry;
pub use store::ReportEntry;
pub use store::Store;
pub use store::StoreFault;

use crate::domain::key::Key;
use crate::domain::licence::Known;
use crate::domain::licence::Memory;
use crate::domain::licence::Operator;
use crate::domain::licence::Policy;
use crate::domain::licence::Trust;
use crate::domain::licence::TrustList;
use crate::domain::masked::Masked;
use crate::domain::recognition::Recognition;
use crate::domain::sm::mac::MacKey;
use crate::edge::clock::Clock;
use crate::edge::clock::Milliseconds;
use crate::edge::metrics::Metrics;
use arc_swap::ArcSwap;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What `[licences]` of the configuration says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of anchors, intermediates, revocation lists and signed trust lists.
    pub trust_directory: PathBuf,
    /// Name and text of the policy file, where one is named.
    pub policy: Option<(String, String)>,
    /// The store's file.
    pub store_file: PathBuf,
    /// How long a one-time code is good.
    pub code_lasts: Duration,
    pub rates: Rates,
    /// Key of the HMAC-SM3 values.
    pub digest_key: Masked<Vec<u8>>,
    /// Verifications at one time.
    pub verifications_max: usize,
    pub waits: Waits,
    pub retention: Retention,
    /// Folder of licence files to query and fetch from.
    pub source_directory: Option<PathBuf>,
    /// The sharing platform to query, fetch from and ask.
    pub platform: Option<PlatformSettings>,
}

/// What `[licences.source]` of the configuration says.
#[derive(Clone, Debug)]
pub struct PlatformSettings {
    /// Number of the system that is the platform.
    pub system: usize,
    /// Who we are there.
    pub access_id: String,
    pub access_token: Masked<Vec<u8>>,
    /// The key under which its answers come.
    pub key: Arc<dyn Key>,
}

/// How long a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// For its turn to verify.
    pub turn: Duration,
    /// For a licence from its source.
    pub source: Duration,
}

/// For how many days reports and receipts are kept; none for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    pub reports_days: Option<u32>,
    pub receipts_days: Option<u32>,
}

/// Milliseconds between two looks for what is too old.
const PRUNE_EVERY: Milliseconds = 60_000;
const DAY: Milliseconds = 86_400_000;

/// Everything that licence calls share; made anew at a reload, with the store and the counts carried over.
pub struct Licences {
    pub trust: ArcSwap<Trust>,
    pub trust_directory: PathBuf,
    pub policy: Arc<Policy>,
    /// Types, and what they are on the other side.
    pub recognition: Recognition,
    /// Codes of the types.
    pub kinds: BTreeSet<String>,
    pub store: Arc<dyn Store>,
    pub store_file: PathBuf,
    pub harvest: Arc<Harvest>,
    pub source: Option<Arc<dyn LicenceSource>>,
    pub code_lasts: Duration,
    /// Turns of the verifications at one time.
    pub turns: Arc<Semaphore>,
    pub waits: Waits,
    retention: Retention,
    /// When what is too old was last looked for.
    pruned_at: AtomicI64,
    key: MacKey,
}

impl Licences {
    /// Puts the parts together: `files` are those of the folder of trust, `earlier` stood here before a reload.
    ///
    /// # Errors
    /// All that is wrong with trust and policy; or that the store cannot be opened, or the folder of licences not be
    /// read. In Chinese.
    pub fn open(
        settings: &Settings,
        files: &[(String, Vec<u8>)],
        recognition: Recognition,
        earlier: Option<&Self>,
        clock: &Clock,
    ) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let of_store = |error: &dyn fmt::Display| vec![format!("证照库 {}：{error}", settings.store_file.display())];
        let store = match earlier.filter(|earlier| earlier.store_file == settings.store_file) {
            Some(earlier) => Arc::clone(&earlier.store),
            None => Arc::new(Sqlite::open(&settings.store_file).map_err(|error| of_store(&error))?) as Arc<dyn Store>,
        };
        let failed = |_| of_store(&"已停止写入，请检查磁盘后重启");
        let known = known(&*store, files).map_err(failed)?;
        let trust = Trust::of_folder(files, &known).map_err(|faults| problems.extend(texts(&faults))).ok();
        let policy = match &settings.policy {
            None => Some(Policy::default()),
            Some((file, text)) => Policy::read(file, text).map_err(|faults| problems.extend(texts(&faults))).ok(),
        };
        let (Some(trust), Some(policy)) = (trust, policy) else { return Err(problems) };
        remember(&*store, &trust, files).map_err(failed)?;
        let harvest = match earlier.filter(|earlier| earlier.harvest.rates() == settings.rates) {
            Some(earlier) => Arc::clone(&earlier.harvest),
            None => Arc::new(Harvest::new(settings.rates, clock.clone())),
        };
        let source = match &settings.source_directory {
            None => None,
            Some(folder) => {
                let read = Folder::read(folder, &trust, &policy, clock.now() / 1000)
                    .map_err(|error| vec![format!("证照目录 {}：{error}", folder.display())])?;
                tracing::info!(licences = read.len(), refused = read.refused(), "licence folder indexed");
                Some(Arc::new(read) as Arc<dyn LicenceSource>)
            }
        };
        Ok(Self {
            trust: ArcSwap::from_pointee(trust),
            trust_directory: settings.trust_directory.clone(),
            policy: Arc::new(policy),
            kinds: recognition.catalogue().iter().filter_map(|kind| kind.code.clone()).collect(),
            recognition,
            store,
            store_file: settings.store_file.clone(),
            harvest,
            source,
            code_lasts: settings.code_lasts,
            turns: Arc::new(Semaphore::new(settings.verifications_max)),
            waits: settings.waits,
            retention: settings.retention,
            pruned_at: AtomicI64::new(i64::MIN),
            key: MacKey::new(settings.digest_key.reveal()),
        })
    }

    /// What is remembered of the trust lists that were ever taken, so that none before them is taken again; `files` are
    /// those of the folder of trust. It waits for the store.
    ///
    /// # Errors
    /// Where the store takes no work.
    pub fn known(&self, files: &[(String, Vec<u8>)]) -> Result<Known, StoreFault> {
        known(&*self.store, files)
    }

    /// Takes a trust whose files lie in their folder already, and keeps its lists in memory for later starts.
    ///
    /// # Errors
    /// Where the store takes no work; the trust is in use then.
    pub fn take(&self, trust: Trust, files: &[(String, Vec<u8>)]) -> Result<(), StoreFault> {
        let trust = Arc::new(trust);
        self.trust.store(Arc::clone(&trust));
        remember(&*self.store, &trust, files)
    }

    /// Has reports and receipts taken away that are too old, every minute at most. Nobody waits for it.
    pub fn prune(&self, now: Milliseconds) {
        let last = self.pruned_at.load(Ordering::Relaxed);
        let is_due = self.retention != Retention::default() && now.saturating_sub(last) >= PRUNE_EVERY;
        if !is_due || self.pruned_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let before = |days: Option<u32>| {
            days.map_or(Milliseconds::MIN, |days| now.saturating_sub(Milliseconds::from(days).saturating_mul(DAY)))
        };
        self.store.prune(before(self.retention.reports_days), before(self.retention.receipts_days));
    }

    /// Tells the store and the trust to the metrics.
    pub fn tell(&self, metrics: &Metrics, now: Milliseconds) {
        self.prune(now);
        metrics.licence_counted(self.store.healthy(), self.store.waiting());
        let trust = self.trust.load();
        let lists: Vec<(&str, i64)> = trust.lists().iter().map(|list| (list.province(), list.next_update())).collect();
        let revocations: Vec<(&str, i64)> = trust.revocation_lists().collect();
        metrics.licence_trust_counted(&lists, &revocations, now);
    }

    /// The matter that the policy is asked about: none where no policy file is named, since the policy that is built in
    /// knows no matter; whose matters a caller may use is asked before.
    pub fn matter<'m>(&self, code: &'m str) -> Option<&'m str> {
        self.policy.version().map(|_| code)
    }

    /// The value that stands for `text` in receipts and limits. `what` keeps an identifier and a holder of the same
    /// text apart.
    pub fn pseudonym(&self, what: &'static str, text: &str) -> Digest {
        self.key.tag(&[what.as_bytes(), b"\0", text.as_bytes()])
    }
}

fn known(store: &dyn Store, files: &[(String, Vec<u8>)]) -> Result<Known, StoreFault> {
    let pins = Trust::pins(files);
    let memory = |list: ListSeen| {
        // Whoever pins another operator by hand does so because the announced ones sign no more.
        let operators = if list.pins == pins { list.operators } else { Vec::new() };
        let operators = operators.iter().filter_map(|bytes| Operator::of_bytes(bytes).ok()).collect();
        (list.province, Memory { sequence: list.sequence, digest: Some(list.digest), operators })
    };
    Ok(store.lists()?.into_iter().map(memory).collect())
}

fn remember(store: &dyn Store, trust: &Trust, files: &[(String, Vec<u8>)]) -> Result<(), StoreFault> {
    let pins = Trust::pins(files);
    let seen = |list: &TrustList| ListSeen {
        province: list.province().to_owned(),
        sequence: list.sequence(),
        digest: *list.digest(),
        operators: list.memory().operators.iter().map(|operator| operator.der().to_vec()).collect(),
        pins,
    };
    store.remember(trust.lists().iter().map(seen).collect())
}

fn texts<T: fmt::Display>(faults: &[T]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}
