//! Signatures are made beside the conversations with the relay: one takes several times as long
//! as everything else about a message together.
//!
//! There is a thread for each core and no more, so that none is in another's way. Where many
//! wait, each thread takes a few at once and wakes the conversations for all of them together.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::answers::{Asker, answer};

/// Most messages that a thread takes at once: what is done first waits for the others.
const LARGEST: usize = 16;

/// The threads that sign. They end with this.
pub(super) struct Signing<T>(Arc<Desk<T>>);

struct Desk<T> {
    jobs: Mutex<Jobs<T>>,
    has_changed: Condvar,
}

struct Jobs<T> {
    waiting: VecDeque<Job<T>>,
    is_closed: bool,
}

/// The work, and who waits for what it makes.
type Job<T> = (Box<dyn FnOnce() -> T + Send>, Asker<T>);

impl<T: Send + 'static> Signing<T> {
    pub(super) fn start() -> Self {
        let jobs = Mutex::new(Jobs { waiting: VecDeque::new(), is_closed: false });
        let desk = Arc::new(Desk { jobs, has_changed: Condvar::new() });
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        for _ in 0..threads {
            let desk = Arc::clone(&desk);
            let work = move || desk.work(threads);
            thread::Builder::new().name("signing".into()).spawn(work).expect("a thread starts");
        }
        Self(desk)
    }

    pub(super) async fn make(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (asker, made) = Asker::new();
        self.0.jobs().waiting.push_back((Box::new(work), asker));
        self.0.has_changed.notify_one();
        made.await.expect("signing does not panic")
    }
}

impl<T> Drop for Signing<T> {
    /// Nobody is left who waits.
    fn drop(&mut self) {
        let mut jobs = self.0.jobs();
        jobs.is_closed = true;
        jobs.waiting.clear();
        self.0.has_changed.notify_all();
    }
}

impl<T> Desk<T> {
    fn jobs(&self) -> MutexGuard<'_, Jobs<T>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Desk<T> {
    fn work(&self, threads: usize) {
        loop {
            let is_idle = |jobs: &mut Jobs<T>| jobs.waiting.is_empty() && !jobs.is_closed;
            let woken = self.has_changed.wait_while(self.jobs(), is_idle);
            let jobs = woken.unwrap_or_else(PoisonError::into_inner).share(threads);
            if jobs.is_empty() {
                break;
            }
            answer(jobs.into_iter().map(|(work, asker)| (asker, work())).collect());
        }
    }
}

impl<T> Jobs<T> {
    /// What one of so many threads takes of what waits.
    fn share(&mut self, threads: usize) -> Vec<Job<T>> {
        let share = self.waiting.len().div_ceil(threads).min(LARGEST);
        self.waiting.drain(..share).collect()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn everybody_gets_what_was_made_for_him() {
        let signing = Signing::start();
        let made = join_all((0..200).map(|number| signing.make(move || number))).await;
        assert_eq!(made, (0..200).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_thread_takes_its_share_and_never_too_many() {
        let jobs = |number| {
            let waiting = (0..number).map(|_| -> Job<()> { (Box::new(|| ()), Asker::new().0) });
            Jobs { waiting: waiting.collect(), is_closed: false }
        };
        assert_eq!(jobs(5).share(2).len(), 3);
        assert_eq!(jobs(1).share(2).len(), 1);
        assert_eq!(jobs(200).share(2).len(), LARGEST);
        assert_eq!(jobs(0).share(2).len(), 0);
    }

    /// Its threads hold the desk.
    #[tokio::test]
    async fn the_threads_end_with_it() {
        let signing = Signing::<()>::start();
        let desk = Arc::downgrade(&signing.0);
        drop(signing);
        while desk.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
