//! Builds everything from a checked configuration, swaps it at a reload, and drains.
//!
//! A reload replaces callers, systems, limits, mappings and certificates, all or nothing. Listeners, the ledger and
//! the clock window with its memory of nonces stay as they were at the start.

mod fitting;
mod licences;
mod told;
pub(crate) mod unknown;

pub use fitting::check;

use crate::domain::fault::Fault;
use crate::domain::mapping::Level;
use crate::domain::mapping::Program;
use crate::domain::value::Date;
use crate::edge::admin::Admin;
use crate::edge::admin::Check;
use crate::edge::admin::Operations;
use crate::edge::clock::Clock;
use crate::edge::clock::Milliseconds;
use crate::edge::config;
use crate::edge::config::Config;
use crate::edge::config::LedgerChoice;
use crate::edge::drift::Drift;
use crate::edge::ledger::Ledger;
use crate::edge::ledger::Outcome;
use crate::edge::ledger::memory::Memory;
use crate::edge::ledger::sqlite;
use crate::edge::ledger::sqlite::Sqlite;
use crate::edge::library::Library;
use crate::edge::limit::Limiter;
use crate::edge::metrics::LedgerGroup;
use crate::edge::metrics::LedgerState;
use crate::edge::metrics::Metrics;
use crate::edge::nonces::Nonces;
use crate::edge::server;
use crate::edge::server::Listeners;
use crate::edge::server::Running;
use crate::edge::trouble::in_words;
use crate::edge::upstream::Breaker;
use crate::exchange::Arrived;
use crate::exchange::Caller;
use crate::exchange::Exchange;
use crate::exchange::Relay;
use crate::exchange::Shared;
use crate::exchange::State;
use crate::exchange::Target;
use arc_swap::ArcSwap;
use futures_util::future::LocalBoxFuture;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use told::tell;
use told::tell_certificates;
use told::watch_devices;

/// Where the configuration comes from, for the start and for every reload.
pub type Source = Box<dyn Fn() -> Result<(Config, Library), Vec<String>> + Send + Sync>;

/// A configuration file and the mapping directory that it names.
pub fn from_file(path: PathBuf) -> Source {
    Box::new(move || {
        let (config, warnings) = Config::load(&path).map_err(|problems| texts(&problems))?;
        for warning in &warnings {
            tracing::warn!(%warning, "configuration");
        }
        let library = Library::load(&config.mappings_directory).map_err(|error| vec![error.to_string()])?;
        Ok((config, library))
    })
}

/// The running gateway.
pub struct App {
    running: Option<Running>,
    admin: Admin,
    inner: Arc<Inner>,
}

/// What outlives a reload.
struct Inner {
    source: Source,
    state: Arc<ArcSwap<State>>,
    ledger: Arc<dyn Ledger>,
    metrics: Metrics,
    drift: Arc<Drift>,
    clock: Clock,
    tls: Option<server::TlsSlot>,
    draining: AtomicBool,
    /// One reload at a time.
    reloading: Mutex<()>,
}

impl App {
    /// Starts a gateway.
    ///
    /// # Errors
    /// All problems of the configuration or the mappings, or why an address or the ledger cannot be had.
    pub fn start(source: Source, clock: Clock) -> Result<Self, Vec<String>> {
        let (config, library) = source()?;
        let metrics = Metrics::new();
        let state = build(&config, &library, 1, None, &metrics, &clock)?;
        let now = clock.now();
        let ledger = open_ledger(&config.ledger, now)?;
        let highest = ledger.sequence_highest().map_err(|fault| vec![fault.window_text()])?;
        let nonces = Arc::new(Nonces::new(state.clock_window_seconds, config.identify.nonces_max));
        let state = Arc::new(ArcSwap::from_pointee(state));
        let drift = Arc::new(Drift::default());
        let shared = Shared {
            state: Arc::clone(&state),
            ledger: Arc::clone(&ledger),
            nonces,
            sequence: Arc::new(AtomicU64::new(highest + 1)),
            metrics: metrics.clone(),
            drift: Arc::clone(&drift),
            clock: clock.clone(),
        };
        let mut settings = config.listen.server.clone();
        settings.clock = clock.clone();
        settings.metrics = Some(metrics.clone());
        watch_devices(&metrics, &config);
        let cannot = |what: &str, address: SocketAddr| {
            let what = what.to_owned();
            move |error: std::io::Error| vec![format!("{what} {address} 无法监听：{}", in_words(&error))]
        };
        let listeners =
            Listeners::bind(config.listen.data, settings.workers).map_err(cannot("业务入口", config.listen.data))?;
        let tls = settings.tls.clone();
        let running = server::start(&settings, listeners, move |_| {
            Rc::new(Worker(Rc::new(Exchange::new(shared.clone())))) as Rc<dyn server::Handler>
        });
        let running = running.map_err(cannot("业务入口", config.listen.data))?;
        let inner = Arc::new(Inner {
            source,
            state,
            ledger,
            metrics,
            drift,
            clock,
            tls,
            draining: AtomicBool::new(false),
            reloading: Mutex::new(()),
        });
        inner.metrics.config_reloaded(now);
        tell_certificates(&inner.metrics, &config, now);
        let operations: Arc<dyn Operations> = Arc::clone(&inner) as Arc<dyn Operations>;
        let admin = Admin::start(config.listen.admin, operations).map_err(cannot("管理入口", config.listen.admin))?;
        Ok(Self { running: Some(running), admin, inner })
    }

    /// The data address.
    pub fn data_address(&self) -> Option<SocketAddr> {
        self.running.as_ref().map(Running::address)
    }

    /// The admin address.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address()
    }

    /// The ledger, for those who look at it from outside.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.inner.ledger
    }

    /// The metrics text.
    pub fn metrics(&self) -> String {
        self.inner.metrics()
    }

    /// Takes configuration and mappings anew, all or nothing.
    ///
    /// # Errors
    /// All problems; everything stays as it was then.
    pub fn reload(&self) -> Result<String, Vec<String>> {
        self.inner.reload()
    }

    /// Stops taking connections, lets what is in hand end, closes the ledger. Gives the number of exchanges that had
    /// to be left; the ledger shows them as unknown after the next start.
    pub fn drain(mut self) -> usize {
        self.inner.draining.store(true, Ordering::Release);
        let left = self.running.take().map_or(0, |running| {
            running.drain();
            running.join()
        });
        self.inner.ledger.shut_down();
        if let Some(licences) = &self.inner.state.load().licences {
            licences.store.shut_down();
        }
        left
    }
}

/// One worker's handler.
struct Worker(Rc<Exchange>);

impl server::Handler for Worker {
    fn before_body(&self, head: server::Head<'_>) -> Result<(), Fault> {
        self.0.before_body(head.uri.path(), head.headers, head.certificate_sha256)
    }

    fn handle(self: Rc<Self>, arrived: server::Arrived) -> LocalBoxFuture<'static, server::Answer> {
        let exchange = Rc::clone(&self.0);
        Box::pin(async move {
            let server::Arrived { method, uri, headers, body, certificate_sha256, received_at, peer: _ } = arrived;
            let answer = exchange.run(Arrived { method, uri, headers, body, certificate_sha256, received_at }).await;
            server::Answer { status: answer.status, headers: answer.headers, body: answer.body }
        })
    }
}

impl Inner {
    fn take_anew(&self) -> Result<String, Vec<String>> {
        let (config, library) = (self.source)()?;
        let earlier = self.state.load_full();
        let state = build(&config, &library, earlier.generation + 1, Some(&earlier), &self.metrics, &self.clock)?;
        let summary = format!(
            "映射版本 {}，来文系统 {} 个，被调系统 {} 个；监听、台账与时钟窗口的改动须重启",
            &state.program.version()[..12],
            state.callers.len(),
            state.targets.len()
        );
        if let (Some(slot), Some(fresh)) = (&self.tls, &config.listen.server.tls) {
            slot.store(fresh.load_full());
        }
        self.state.store(Arc::new(state));
        tell_certificates(&self.metrics, &config, self.clock.now());
        watch_devices(&self.metrics, &config);
        Ok(summary)
    }
}

impl Operations for Inner {
    fn checks(&self) -> Vec<Check> {
        let outcome = |well: bool, reason: &str| if well { Ok(()) } else { Err(reason.to_owned()) };
        vec![
            Check {
                name: "mappings",
                outcome: outcome(
                    self.state.load().program.pairs().next().is_some(),
                    "没有开通任何事项，请检查映射目录",
                ),
            },
            Check {
                name: "ledger",
                outcome: outcome(
                    self.ledger.healthy(),
                    &self.ledger.failure().map_or_else(
                        || "台账写入失败，已停止转发，请检查磁盘后重启".to_owned(),
                        |reason| format!("台账写入失败（{reason}），已停止转发，请检查磁盘后重启"),
                    ),
                ),
            },
            Check {
                name: "licences",
                outcome: outcome(
                    self.state.load().licences.as_ref().is_none_or(|licences| licences.store.healthy()),
                    "证照库写入失败，已停止受理证照业务，请检查磁盘后重启",
                ),
            },
            Check {
                name: "draining",
                outcome: outcome(!self.draining.load(Ordering::Acquire), "正在停机，不再接收新请求"),
            },
        ]
    }

    fn metrics(&self) -> String {
        if let Ok(groups) = self.ledger.summary() {
            let groups: Vec<LedgerGroup> = groups
                .into_iter()
                .map(|group| LedgerGroup {
                    state: match group.outcome {
                        Some(Outcome::Unknown) if group.resolved => LedgerState::Resolved,
                        None => LedgerState::Open,
                        Some(Outcome::NotDelivered) => LedgerState::NotDelivered,
                        Some(Outcome::Answered) => LedgerState::Answered,
                        Some(Outcome::Unknown) => LedgerState::Unknown,
                    },
                    money: group.money,
                    count: group.count,
                    oldest_opened_at: group.oldest_opened_at,
                })
                .collect();
            self.metrics.ledger_counted(self.ledger.healthy(), &groups, self.clock.now());
        }
        if let Some(licences) = &self.state.load().licences {
            licences.tell(&self.metrics, self.clock.now());
        }
        for target in &self.state.load().targets {
            target.metrics.circuit_counted(target.breaker.is_open());
        }
        self.metrics.calendar_counted(calendar_seconds_left(&self.state.load().program, self.clock.now()));
        self.metrics.encode()
    }

    fn unknown(&self) -> Result<String, String> {
        unknown::list(&*self.ledger)
    }

    fn resolve(&self, body: &[u8]) -> Result<String, String> {
        unknown::resolve(&*self.ledger, body, self.clock.now())
    }

    fn drift(&self) -> String {
        self.drift.json().to_string()
    }

    fn reload(&self) -> Result<String, Vec<String>> {
        let _turn = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        match self.take_anew() {
            Ok(summary) => {
                self.metrics.config_reloaded(self.clock.now());
                Ok(summary)
            }
            Err(problems) => {
                self.metrics.config_reload_refused(problems.len());
                Err(problems)
            }
        }
    }
}

/// Seconds from now to the end of the last day (Asia/Shanghai) of the program's calendar, below 0 once it is past.
fn calendar_seconds_left(program: &Program, now: Milliseconds) -> Option<i64> {
    let last = program.catalogue().calendar.last()?;
    let end = Date::from_days(last.days() + 1)?;
    Some((end.epoch_milliseconds() - now).div_euclid(1_000))
}

fn texts<T: std::fmt::Display>(problems: &[T]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn open_ledger(choice: &LedgerChoice, now: i64) -> Result<Arc<dyn Ledger>, Vec<String>> {
    Ok(match choice {
        LedgerChoice::Memory => Arc::new(Memory::new()),
        LedgerChoice::Sqlite { file, group_max, queue_max } => {
            let settings = sqlite::Settings { file: file.clone(), group_max: *group_max, queue_max: *queue_max };
            Arc::new(Sqlite::open(&settings, now).map_err(|error| vec![error.to_string()])?)
        }
    })
}

fn build(
    config: &Config,
    library: &Library,
    generation: u64,
    earlier: Option<&State>,
    metrics: &Metrics,
    clock: &Clock,
) -> Result<State, Vec<String>> {
    let program = check(config, library)?;
    for warning in program.warnings().iter().filter(|warning| warning.level == Level::Warning) {
        tracing::warn!(%warning, "mappings");
    }
    let callers = config.callers.iter().map(|caller| build_caller(config, caller, earlier, metrics, clock)).collect();
    let breaker = |system: &config::System| {
        let before = earlier.and_then(|state| state.targets.iter().find(|target| *target.name == *system.name));
        // A reload must not send to a city that is down, unless it is another place that is called now.
        let same = |target: &&Target| {
            target.upstream.leads_to(&system.upstream) && *target.breaker.settings() == system.breaker
        };
        before
            .filter(same)
            .map_or_else(|| Arc::new(Breaker::new(system.breaker, clock.clone())), |target| Arc::clone(&target.breaker))
    };
    let targets = config.systems.iter().map(|system| Target {
        name: system.name.as_str().into(),
        city: system.city.clone(),
        profile: system.profile.clone(),
        upstream: system.upstream.clone(),
        breaker: breaker(system),
        deadline: system.deadline,
        settings: system.settings.iter().map(|(name, value)| (name.clone(), value.reveal().clone())).collect(),
        sign: system.sign.clone(),
        metrics: metrics.upstream(&system.name),
    });
    let relays = config.relays.iter().map(|relay| Relay {
        path: relay.path.clone(),
        target: relay.system,
        callers: relay.callers.clone(),
    });
    let licences = licences::build(config, library, earlier, clock)?;
    tell(&program, metrics);
    // Nonces are remembered for the window of the start, so a reload must not take older requests than that.
    let window = earlier.map_or_else(
        || u32::try_from(config.identify.clock_window.as_secs()).unwrap_or(u32::MAX),
        |state| state.clock_window_seconds,
    );
    let mut state = State::new(generation, program, callers, targets.collect(), relays.collect(), window, metrics);
    state.licences = licences;
    Ok(state)
}

fn build_caller(
    config: &Config,
    caller: &config::Caller,
    earlier: Option<&State>,
    metrics: &Metrics,
    clock: &Clock,
) -> Caller {
    let limiter = Limiter::new(config.limits[caller.limit].clone(), clock.clone());
    // A reload must not give anybody a second day.
    if let Some(before) = earlier.and_then(|state| state.callers.iter().find(|before| *before.name == *caller.name)) {
        limiter.carry_over(&before.limiter);
    }
    let allow = caller.clone();
    Caller {
        name: caller.name.as_str().into(),
        city: caller.city.clone(),
        profile: caller.profile.clone(),
        signature: caller.signature.clone(),
        certificates_sha256: caller.certificates_sha256.clone(),
        limiter: Arc::new(limiter),
        may: Box::new(move |matter, city| allow.may(matter, city)),
        licences: caller.licences.as_ref().map(licences::access),
        metrics: metrics.client(&caller.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mapping::Files;
    use std::path::Path;

    #[test]
    fn the_calendar_ends_with_its_last_local_day() {
        let mut files = Library::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings")).unwrap().files;
        let left = |files: &Files, now: Milliseconds| calendar_seconds_left(&Program::compile(files).unwrap(), now);
        // The last day loaded is 2026-12-31: in Asia/Shanghai it ends at 2026-12-31T16:00:00Z.
        let end = 1_798_732_800_000;
        assert_eq!(left(&files, end), Some(0));
        assert_eq!(left(&files, end - 60 * 86_400_000), Some(60 * 86_400));
        assert_eq!(left(&files, end + 1), Some(-1));
        files.0.insert("calendar.csv".to_owned(), "date,kind,holiday\n".to_owned());
        assert_eq!(left(&files, 0), None);
    }
}
