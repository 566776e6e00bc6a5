//! Hands a group of answers to the futures that wait for them, with one wake-up for each event loop.
//!
//! Waking a task from another thread costs a system call each time, and the event loop starts at the first one,
//! against the thread that still hands out the rest. So the writer wakes one waiter of each thread, the first, and
//! that one wakes the others of its thread from inside, which is cheap. It deliberately knows nothing of ledgers.
//!
//! Nobody is forgotten because of this: a waker stands in a [`Group`] only while its waiter owes the group a
//! [`Group::wake_thread`], and the waiter pays that when it is polled and also when it is dropped.

use crate::domain::fault::Fault;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

/// A pair: what is given to the one is the answer of the other.
pub(super) fn pair<T>() -> (Giver<T>, Waiter<T>) {
    let slot = Arc::new(Slot(Mutex::new(State { answer: None, waiting: None, owed: None })));
    (Giver { slot: Arc::clone(&slot), given: false }, Waiter { slot })
}

struct Slot<T>(Mutex<State<T>>);

struct State<T> {
    answer: Option<Result<T, Fault>>,
    /// Who is woken, and on which thread it was polled.
    waiting: Option<(ThreadId, Waker)>,
    /// The group whose waiters on that thread this waiter wakes in turn.
    owed: Option<(Arc<Group>, ThreadId)>,
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing under this lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakers of those whose answers lie ready.
#[derive(Default)]
pub(super) struct Group(Mutex<Vec<(ThreadId, Waker)>>);

impl Group {
    fn lock(&self) -> MutexGuard<'_, Vec<(ThreadId, Waker)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the first waiter of each thread. Call it once, after the last answer of the group was given.
    pub(super) fn wake_first_of_each_thread(&self) {
        let mut seen = Vec::new();
        let mut first = Vec::new();
        self.lock().retain(|(thread, waker)| {
            let known = seen.contains(thread);
            if !known {
                seen.push(*thread);
                first.push(waker.clone());
            }
            known
        });
        // Outside the lock: a waker may poll at once.
        first.into_iter().for_each(Waker::wake);
    }

    /// Wakes all that wait on `thread`.
    fn wake_thread(&self, thread: ThreadId) {
        let here: Vec<_> = self.lock().extract_if(.., |(found, _)| *found == thread).collect();
        for (_, waker) in here {
            waker.wake();
        }
    }
}

/// The side that answers. Dropped without an answer, it refuses.
pub(super) struct Giver<T> {
    slot: Arc<Slot<T>>,
    given: bool,
}

impl<T> Giver<T> {
    /// Lays the answer ready; the waiter hears of it when `group` is woken.
    pub(super) fn give(mut self, answer: Result<T, Fault>, group: &Arc<Group>) {
        self.given = true;
        let mut state = self.slot.lock();
        state.answer = Some(answer);
        if let Some((thread, waker)) = state.waiting.take() {
            state.owed = Some((Arc::clone(group), thread));
            // Under both locks, so that the waiter cannot go away between owing and standing in the group.
            group.lock().push((thread, waker));
        }
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        if self.given {
            return;
        }
        let waiting = {
            let mut state = self.slot.lock();
            state.answer = Some(Err(Fault::LedgerUnavailable));
            state.waiting.take()
        };
        if let Some((_, waker)) = waiting {
            waker.wake();
        }
    }
}

/// The side that waits.
pub(super) struct Waiter<T> {
    slot: Arc<Slot<T>>,
}

impl<T> Future for Waiter<T> {
    type Output = Result<T, Fault>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.lock();
        let Some(answer) = state.answer.take() else {
            state.waiting = Some((thread::current().id(), context.waker().clone()));
            return Poll::Pending;
        };
        let owed = state.owed.take();
        drop(state);
        if let Some((group, thread)) = owed {
            group.wake_thread(thread);
        }
        Poll::Ready(answer)
    }
}

impl<T> Drop for Waiter<T> {
    fn drop(&mut self) {
        let owed = {
            let mut state = self.slot.lock();
            state.waiting = None;
            state.owed.take()
        };
        if let Some((group, thread)) = owed {
            group.wake_thread(thread);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A waiter, and how often it was woken.
    struct Watched {
        waiter: Waiter<usize>,
        count: Arc<Count>,
    }

    impl Watched {
        fn poll(&mut self) -> Poll<Result<usize, Fault>> {
            let waker = Waker::from(Arc::clone(&self.count));
            Pin::new(&mut self.waiter).poll(&mut Context::from_waker(&waker))
        }

        fn woken(&self) -> usize {
            self.count.0.load(Ordering::SeqCst)
        }
    }

    /// Waiters that were polled on a thread of their own.
    fn waiting(count: usize) -> (Vec<Giver<usize>>, Vec<Watched>) {
        let make = move || {
            let mut pairs: Vec<_> = (0..count).map(|_| pair()).collect();
            let (givers, waiters): (Vec<_>, Vec<_>) = pairs.drain(..).unzip();
            let mut watched: Vec<_> =
                waiters.into_iter().map(|waiter| Watched { waiter, count: Arc::default() }).collect();
            assert!(watched.iter_mut().all(|one| one.poll().is_pending()));
            (givers, watched)
        };
        thread::spawn(make).join().unwrap()
    }

    fn give_all(givers: Vec<Giver<usize>>, group: &Arc<Group>) {
        for (number, giver) in givers.into_iter().enumerate() {
            giver.give(Ok(number), group);
        }
    }

    fn woken(watched: &[Watched]) -> Vec<usize> {
        watched.iter().map(Watched::woken).collect()
    }

    #[test]
    fn one_is_woken_and_wakes_the_rest() {
        let group = Arc::default();
        let (givers, mut watched) = waiting(4);
        give_all(givers, &group);
        assert_eq!(woken(&watched), [0, 0, 0, 0], "nobody before the group is complete");
        group.wake_first_of_each_thread();
        assert_eq!(woken(&watched), [1, 0, 0, 0]);
        assert_eq!(watched[0].poll(), Poll::Ready(Ok(0)));
        assert_eq!(woken(&watched), [1, 1, 1, 1]);
        for (number, one) in watched.iter_mut().enumerate().skip(1) {
            assert_eq!(one.poll(), Poll::Ready(Ok(number)));
        }
        assert_eq!(woken(&watched), [1, 1, 1, 1]);
    }

    #[test]
    fn each_thread_has_its_first() {
        let group = Arc::default();
        let (givers, mut here) = waiting(2);
        let (other_givers, mut there) = waiting(2);
        give_all(givers, &group);
        give_all(other_givers, &group);
        group.wake_first_of_each_thread();
        assert_eq!((woken(&here), woken(&there)), (vec![1, 0], vec![1, 0]));
        assert!(here[0].poll().is_ready());
        assert_eq!((woken(&here), woken(&there)), (vec![1, 1], vec![1, 0]));
        assert!(there[0].poll().is_ready());
        assert_eq!(woken(&there), [1, 1]);
    }

    #[test]
    fn a_first_that_goes_away_wakes_the_rest_too() {
        let group = Arc::default();
        let (givers, mut watched) = waiting(3);
        give_all(givers, &group);
        group.wake_first_of_each_thread();
        drop(watched.remove(0));
        assert_eq!(woken(&watched), [1, 1]);
    }

    #[test]
    fn one_that_goes_away_before_the_group_is_complete_is_no_first() {
        let group = Arc::default();
        let (mut givers, mut watched) = waiting(3);
        let last = givers.split_off(1);
        give_all(givers, &group);
        let gone = watched.remove(0);
        let count = Arc::clone(&gone.count);
        drop(gone);
        give_all(last, &group);
        let before = count.0.load(Ordering::SeqCst);
        group.wake_first_of_each_thread();
        assert_eq!(count.0.load(Ordering::SeqCst), before);
        assert_eq!(woken(&watched), [1, 0]);
    }

    #[test]
    fn one_that_was_not_polled_yet_finds_its_answer() {
        let group = Arc::default();
        let (giver, waiter) = pair();
        giver.give(Ok(7), &group);
        group.wake_first_of_each_thread();
        let mut late = Watched { waiter, count: Arc::default() };
        assert_eq!(late.poll(), Poll::Ready(Ok(7)));
    }

    #[test]
    fn one_that_asks_early_wakes_the_rest() {
        let group = Arc::default();
        let (givers, mut watched) = waiting(3);
        give_all(givers, &group);
        assert_eq!(watched[1].poll(), Poll::Ready(Ok(1)));
        assert_eq!((watched[0].woken(), watched[2].woken()), (1, 1));
        group.wake_first_of_each_thread();
        assert_eq!((watched[0].woken(), watched[2].woken()), (1, 1));
    }

    #[test]
    fn without_an_answer_it_is_a_refusal() {
        let (givers, mut watched) = waiting(1);
        drop(givers);
        assert_eq!(watched[0].woken(), 1);
        assert_eq!(watched[0].poll(), Poll::Ready(Err(Fault::LedgerUnavailable)));
    }
}
