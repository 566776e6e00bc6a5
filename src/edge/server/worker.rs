//! The worker threads: each listens on the same address, runs its connections, and drains when told.
//!
//! It deliberately shares nothing between workers but two counters, the TLS configuration and the word to drain.

use crate::edge::metrics::{Held, Metrics};
use crate::edge::server::connection;
use crate::edge::server::{Handler, Settings};
use socket2::{Domain, Protocol, Socket, Type};
use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, watch};

/// Connections that the kernel keeps for a worker that is busy.
const BACKLOG: i32 = 1024;
/// Pause after a failed accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// One listening socket per worker on one address, over which the kernel spreads new connections.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
    address: SocketAddr,
}

impl Listeners {
    /// Binds `workers` sockets to `address`; port 0 lets the kernel choose one port for all. A second gateway of the
    /// same user can bind the same address too and then gets its share of the connections: what keeps two from running
    /// by mistake is the ledger.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(address: SocketAddr, workers: usize) -> io::Result<Self> {
        let first = listen(address)?;
        let address = first.local_addr()?;
        let mut sockets = vec![first];
        for _ in 1..workers {
            sockets.push(listen(address)?);
        }
        Ok(Self { sockets, address })
    }

    /// The address that was bound.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The running server. Dropping it begins a drain without waiting for it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    drain: watch::Sender<bool>,
    counts: Arc<Counts>,
    threads: Vec<JoinHandle<usize>>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicUsize,
    exchanges: AtomicUsize,
    /// Bytes of bodies in hand, small ones not counted.
    body_bytes: AtomicUsize,
}

impl Running {
    /// The address that is listened on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections now.
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// Exchanges now.
    pub fn exchanges(&self) -> usize {
        self.counts.exchanges.load(Ordering::Relaxed)
    }

    /// Begins to drain: no new connections, an end to idle ones, and `Settings::drain` for what is in hand.
    pub fn drain(&self) {
        self.drain.send_replace(true);
    }

    /// Waits for the drain to end; gives the number of exchanges that were still running and had to be left.
    pub fn join(self) -> usize {
        self.threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    }
}

/// Starts one thread per listener; `factory` builds each worker's handler on the worker's own thread.
///
/// # Errors
/// When a thread or its runtime cannot be made; the workers started until then drain.
pub fn start<F>(settings: &Settings, listeners: Listeners, factory: F) -> io::Result<Running>
where
    F: Fn(usize) -> Rc<dyn Handler> + Send + Sync + 'static,
{
    let factory = Arc::new(factory);
    let counts = Arc::new(Counts::default());
    let (drain, drained) = watch::channel(false);
    let (ready, started) = mpsc::channel();
    let mut threads = Vec::with_capacity(listeners.sockets.len());
    let workers = listeners.sockets.len();
    for (index, socket) in listeners.sockets.into_iter().enumerate() {
        let worker = Worker { settings: settings.clone(), socket, counts: Arc::clone(&counts), drain: drained.clone() };
        let (factory, ready) = (Arc::clone(&factory), ready.clone());
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || worker.run(|| factory(index), &ready))?;
        threads.push(thread);
    }
    drop(ready);
    for _ in 0..workers {
        started.recv().unwrap_or_else(|_| Err(io::Error::other("a worker ended while starting")))?;
    }
    Ok(Running { address: listeners.address, drain, counts, threads })
}

struct Worker {
    settings: Settings,
    socket: TcpListener,
    counts: Arc<Counts>,
    drain: watch::Receiver<bool>,
}

/// What the connections of one worker share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) handler: Rc<dyn Handler>,
    pub(super) draining: Cell<bool>,
    /// Rung once, when `draining` turns true.
    pub(super) drain_bell: Notify,
    counts: Arc<Counts>,
    connections: Cell<usize>,
    exchanges: Cell<usize>,
    /// Rung when a connection or exchange of this worker ends while draining.
    ended: Notify,
}

impl Shared {
    /// Counts an exchange in; the guard counts it out.
    pub(super) fn enter_exchange(self: &Rc<Self>) -> EnteredExchange {
        self.exchanges.set(self.exchanges.get() + 1);
        let before = self.counts.exchanges.fetch_add(1, Ordering::Relaxed);
        EnteredExchange { over_limit: before >= self.settings.exchanges_max, shared: Rc::clone(self) }
    }

    /// Takes `bytes` more of the bodies in hand, unless there would be too many; the guard gives them back.
    pub(super) fn hold_bytes(self: &Rc<Self>, held: &mut Option<HeldBytes>, bytes: usize) -> bool {
        let before = self.counts.body_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.settings.bodies_bytes_max {
            self.counts.body_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        held.get_or_insert_with(|| HeldBytes { bytes: 0, counts: Arc::clone(&self.counts) }).bytes += bytes;
        true
    }

    /// Counts a connection in, unless there are too many.
    fn enter_connection(self: &Rc<Self>) -> Option<EnteredConnection> {
        if self.counts.connections.fetch_add(1, Ordering::Relaxed) >= self.settings.connections_max {
            self.counts.connections.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        self.connections.set(self.connections.get() + 1);
        let counted = self.settings.metrics.as_ref().map(Metrics::connection_opened);
        Some(EnteredConnection { shared: Rc::clone(self), _counted: counted })
    }

    async fn all_ended(&self) {
        while self.connections.get() + self.exchanges.get() > 0 {
            self.ended.notified().await;
        }
    }

    fn ended(&self) {
        if self.draining.get() {
            self.ended.notify_one();
        }
    }
}

/// One exchange in hand.
pub(super) struct EnteredExchange {
    pub(super) over_limit: bool,
    shared: Rc<Shared>,
}

impl Drop for EnteredExchange {
    fn drop(&mut self) {
        self.shared.exchanges.set(self.shared.exchanges.get() - 1);
        self.shared.counts.exchanges.fetch_sub(1, Ordering::Relaxed);
        self.shared.ended();
    }
}

/// Bytes of one body in hand.
pub(super) struct HeldBytes {
    bytes: usize,
    counts: Arc<Counts>,
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.counts.body_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct EnteredConnection {
    shared: Rc<Shared>,
    _counted: Option<Held>,
}

impl Drop for EnteredConnection {
    fn drop(&mut self) {
        self.shared.connections.set(self.shared.connections.get() - 1);
        self.shared.counts.connections.fetch_sub(1, Ordering::Relaxed);
        self.shared.ended();
    }
}

impl Worker {
    fn run(self, handler: impl FnOnce() -> Rc<dyn Handler>, ready: &mpsc::Sender<io::Result<()>>) -> usize {
        let runtime = match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => runtime,
            Err(error) => {
                // Nobody listens any more only when starting has failed already.
                let _ = ready.send(Err(error));
                return 0;
            }
        };
        let left = runtime.block_on(async {
            let listener = match tokio::net::TcpListener::from_std(self.socket) {
                Ok(listener) => listener,
                Err(error) => {
                    let _ = ready.send(Err(error));
                    return 0;
                }
            };
            let shared = Rc::new(Shared {
                settings: self.settings,
                handler: handler(),
                draining: Cell::new(false),
                drain_bell: Notify::new(),
                counts: self.counts,
                connections: Cell::new(0),
                exchanges: Cell::new(0),
                ended: Notify::new(),
            });
            let _ = ready.send(Ok(()));
            accept(&listener, &shared, self.drain).await;
            drop(listener);
            shared.draining.set(true);
            shared.drain_bell.notify_waiters();
            let in_time = tokio::time::timeout(shared.settings.drain, shared.all_ended()).await;
            if in_time.is_ok() { 0 } else { shared.exchanges.get() }
        });
        // Not to wait for a stuck name look-up in the blocking pool.
        runtime.shutdown_background();
        left
    }
}

/// Accepts until told to drain.
async fn accept(listener: &tokio::net::TcpListener, shared: &Rc<Shared>, mut drain: watch::Receiver<bool>) {
    let mut refusing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = drain.wait_for(|drain| *drain) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let entered = shared.enter_connection();
                if refusing != entered.is_none() {
                    refusing = entered.is_none();
                    tracing::warn!(refusing, limit = shared.settings.connections_max, "connections at their limit");
                }
                if let Some(entered) = entered {
                    let shared = Rc::clone(shared);
                    tokio::task::spawn_local(async move {
                        connection::serve(stream, peer, shared).await;
                        drop(entered);
                    });
                }
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
