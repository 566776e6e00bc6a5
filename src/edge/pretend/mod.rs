//! 两座模拟城市: upstream systems that speak the samples' dialects for real, for `jingyue demo`, for tests and for
//! vendors. They are a second opinion on what the gateway sends.
//!
//! They deliberately use nothing of `domain::format`, `domain::mapping` or the mapping files, keep nothing on disk,
//! and know only made-up persons and companies.
//!
//! | system | answers |
//! | --- | --- |
//! | `jingzhou-window` | SOAP, PACKAGE in CDATA: KSTB_SQ (withdrawal), KSTB_CX (business licence); any path |
//! | `yueyang-window` | JSON, header signature: `/gateway/api/{gjj/account,gjj/withdraw,gjj/transfer,gjj/transfer/close,gjj/transfer/progress,ent/licence,police/hukou-cert}`; pushes elsewhere below `gjj/transfer` |
//! | `jingzhou-police` | SOAP, PACKAGE in CDATA: ZAGL_SQKJHJZM (household certificate); any path |
//! | `jingzhou-fund` | form post with a GB18030 document: `/gjj/ws`, GJJ1001 (account query) |
//! | `fund-national` | message/head/body/field in GB18030: `/bdc/message`, BDC901, BDC904, BDC905, SBDC100 |
//! | `licence-sharing` | sharing platform of Hunan: `/CertShare/{queryCertInfo,queryCertInfoByHolderCode,downloadFile}`, answers under the gateway's sample key |
//!
//! With `port_base` the systems listen on that port and the next five, in the order of the table.
//!
//! # What a message can ask for
//!
//! A marker at the end of a free text (`queryPurpose`, `remark`, `certContent`, `resultMsg`, `reason`, `entName` or
//! `applicantName` of a transfer; CXYT, BZ, ZMSXNR_JYQK; `Remark`, `TranRstMsg`, `SocUnitName`, `EmpName`), or where
//! there is none, the last four digits of an amount (in fen) or letter number:
//!
//! | marker | digits | answer |
//! | --- | --- | --- |
//! | `【模拟:拒绝】` | 9961 | business refusal; a query finds nothing, a progress query says 13 |
//! | `【模拟:慢 3000】` | 9962 | the usual answer after that many milliseconds (600000 at most; by digits 3000) |
//! | `【模拟:断开】` | 9963 | request read and counted, connection closed |
//! | `【模拟:断开前】` | – | connection closed while the request still arrives, not counted |
//! | `【模拟:乱码】` | 9964 | status 200, bytes that are no document |
//! | `【模拟:错误 -50】` | 9965 | their error shape with that code (by digits: system busy) |
//! | `【模拟:缺字段】` | 9966 | an answer without a required element |
//! | `【模拟:未知代码】` | 9967 | an answer with a code outside the table |
//! | `【模拟:500】` | 9968 | HTTP status 500, a page for people |
//!
//! All other answers follow from the message and the clock alone: case, certificate and sequence numbers are derived
//! from the numbers in the request, so that the same request always gets the same ones, and the sample requests get
//! the sample answers.

pub mod behaviour;
pub mod check;
pub mod compare;
pub mod element;
pub mod fund_national;
pub mod jingzhou_fund;
pub mod jingzhou_police;
pub mod jingzhou_window;
pub mod json;
pub mod licence_sharing;
pub mod package;
pub mod register;
pub mod server;
pub mod signer;
pub mod text;
pub mod times;
pub mod world;
pub mod yueyang_answers;
pub mod yueyang_messages;
pub mod yueyang_window;

pub use signer::Signer;
pub use world::Clock;
pub use world::Received;

use crate::domain::masked::Masked;
use crate::edge::pretend::server::System;
use crate::edge::pretend::world::World;
use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// The systems, in the order of their ports.
const SYSTEMS: [System; 6] = [
    System { name: "jingzhou-window", turn: jingzhou_window::turn },
    System { name: "yueyang-window", turn: yueyang_window::turn },
    System { name: "jingzhou-police", turn: jingzhou_police::turn },
    System { name: "jingzhou-fund", turn: jingzhou_fund::turn },
    System { name: "fund-national", turn: fund_national::turn },
    System { name: "licence-sharing", turn: licence_sharing::turn },
];

/// What the cities are started with.
pub struct Options {
    /// The first of six ports on loopback; none: any free ports.
    pub port_base: Option<u16>,
    /// The secret with which requests to `yueyang-window` must be signed.
    pub secret: Masked<Vec<u8>>,
    /// The licence code (sqzcm) that the PACKAGE systems of Jingzhou ask for.
    pub licence_code: String,
    /// Where the time comes from.
    pub clock: Clock,
}

/// The running cities. Dropping them closes their listeners and connections.
pub struct Cities {
    addresses: [SocketAddr; SYSTEMS.len()],
    world: Arc<World>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Cities {
    /// Listens, and serves from a thread of its own.
    ///
    /// # Errors
    /// When a port is taken, or the operating system has no socket or thread to give.
    pub fn start(options: Options) -> io::Result<Self> {
        let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); SYSTEMS.len()];
        let mut listeners = Vec::with_capacity(SYSTEMS.len());
        for (address, step) in addresses.iter_mut().zip(0..) {
            let port = match options.port_base {
                Some(base) => base.checked_add(step).ok_or(io::ErrorKind::AddrNotAvailable)?,
                None => 0,
            };
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
            listener.set_nonblocking(true)?;
            *address = listener.local_addr()?;
            listeners.push(listener);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let world = Arc::new(World::new(options.clock, options.secret, options.licence_code));
        let (stop, stopped) = oneshot::channel::<()>();
        let shared = Arc::clone(&world);
        {
            let _inside = runtime.enter();
            for (listener, system) in listeners.into_iter().zip(SYSTEMS) {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                runtime.spawn(server::listen(listener, system, Arc::clone(&shared)));
            }
        }
        let thread = std::thread::Builder::new().name("pretend-cities".to_owned()).spawn(move || {
            // The sender is dropped or used when the cities are; either way this ends.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self { addresses, world, stop: Some(stop), thread: Some(thread) })
    }

    /// The names of the systems, in the order of their ports.
    pub fn systems() -> impl Iterator<Item = &'static str> {
        SYSTEMS.iter().map(|system| system.name)
    }

    /// Where a system listens.
    ///
    /// # Panics
    /// When there is no system of that name; see [`Cities::systems`].
    pub fn address(&self, system: &str) -> SocketAddr {
        let place = Self::systems().position(|name| name == system);
        self.addresses[place.expect("a name of Cities::systems, which callers write as a literal")]
    }

    /// Gives a licence of `licence-sharing` another status (`head.status`): 21 cancelled, 22 expired, 23 restricted.
    pub fn set_licence_status(&self, identifier: &str, status: i64) {
        self.world.set_licence_status(identifier, status);
    }

    /// Every request that was received and read to its end, oldest first; the last 10,000 or 64 MiB of them.
    pub fn received(&self) -> Vec<Received> {
        self.world.received()
    }
}

impl Drop for Cities {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told so already.
            let _ = thread.join();
        }
    }
}
