//! Work that may have to wait for a device, done beside the thread of the worker that asks for it.
//!
//! rustls and TLCP sign and decrypt while they are polled, and a device that hangs answers at its deadline only: on the
//! worker's own thread every other connection would wait with it. So each poll of such a handshake is made on a thread
//! that may wait, and the worker goes on. The socket stays registered with the worker; nothing is read or written twice.
//! `docs/decisions/0007-handshakes-aside.md` tells why it is done so.

use std::sync::Arc;
use std::sync::LazyLock;
use std::task::{Context, Poll, Wake, Waker};
use tokio::sync::{Notify, Semaphore};

/// Polls at one time in the whole process: far more than a device has sessions, far fewer than would be felt as threads.
/// Further ones wait for their turn, which costs no thread, and their own deadlines end them.
const POLLS_MAX: usize = 64;

static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(POLLS_MAX)));

/// The thread or the runtime went away before there was an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Whoever polls is told by it to poll again.
#[derive(Default)]
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// What `future` gives. Dropping this drops it too, a poll under way first coming to its end.
///
/// # Errors
/// When the runtime ends meanwhile, or `future` panics.
pub async fn run<F>(future: F) -> Result<F::Output, Gone>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let mut future = Box::pin(future);
    let bell = Arc::new(Bell::default());
    loop {
        let turn = Arc::clone(&TURNS).acquire_owned().await.map_err(|_| Gone)?;
        let waker = Waker::from(Arc::clone(&bell));
        let poll = move || {
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            drop(turn);
            (future, polled)
        };
        let (again, polled) = tokio::task::spawn_blocking(poll).await.map_err(|_| Gone)?;
        if let Poll::Ready(outcome) = polled {
            return Ok(outcome);
        }
        future = again;
        // A bell that rang during the poll is heard here.
        bell.0.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    #[test]
    fn the_thread_goes_on_while_a_poll_waits_and_sockets_wake_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut peer, _) = listener.accept().await.unwrap();
            let (release, held) = mpsc::channel();
            let aside = run(async move {
                let first = stream.read_u8().await.unwrap();
                let released: u8 = held.recv().unwrap();
                let second = stream.read_u8().await.unwrap();
                (first, released, second)
            });
            let here = async move {
                peer.write_all(&[1]).await.unwrap();
                // The other one may be waiting for this thread by now: were it on the same, nothing would come.
                tokio::task::yield_now().await;
                release.send(2).unwrap();
                tokio::task::yield_now().await;
                peer.write_all(&[3]).await.unwrap();
                peer
            };
            let (outcome, _peer) = tokio::join!(aside, here);
            assert_eq!(outcome, Ok((1, 2, 3)));
        });
    }

    #[test]
    fn a_panic_is_told_and_gives_its_turn_back() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for _ in 0..=POLLS_MAX {
                assert_eq!(run(async { panic!("as asked for") }).await, Err::<(), _>(Gone));
            }
        });
    }
}
