//! A journal: what readers were promised is on the disk before they are answered, though the
//! store be busy or the disk full.
//!
//! It is two files that are written full once, so that what is written into them later needs no
//! room. Records are appended to one of them; when it is full, to the other, while those of the
//! first are applied to the store. A file whose records are all applied begins anew. After a
//! crash each record that was answered for and is not known to be applied comes again: applying
//! one twice must do no harm.

mod half;

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use rustix::fs::{FlockOperation, flock};
use tokio::sync::watch;

use self::half::{Half, framed_len};
use crate::answers::{Asker, answer};

/// Most records of one write, which one sync pays for.
const LARGEST_WRITE: usize = 1_024;

/// Most records that are to be applied at once: the store does nothing else meanwhile.
const LARGEST_BATCH: usize = 500;

#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    #[error("could not work with the journal `{path}`")]
    File { path: PathBuf, source: Arc<io::Error> },
    #[error("another process works with the journal `{path}`")]
    InUse { path: PathBuf },
    #[error("the journal `{path}` is full: the store has taken nothing from it for long")]
    Full { path: PathBuf },
    #[error("a record of {bytes} octets is too large for the journal")]
    TooLarge { bytes: usize },
    #[error("the journal's thread ended")]
    Closed,
}

type Result<T> = std::result::Result<T, JournalError>;

/// What becomes of records in their file once the store has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// They stay until others are written over them.
    Stay,
    /// Zeros are written over them: somebody may be forgotten who stands in them.
    AreWiped,
}

/// The place of a record among all that were ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

/// The oldest records that are not applied.
#[derive(Debug)]
pub struct Batch {
    records: Vec<Arc<[u8]>>,
    newest: Position,
}

impl Batch {
    /// Oldest first.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.records.iter().map(AsRef::as_ref)
    }

    pub fn newest(&self) -> Position {
        self.newest
    }
}

/// Takes records until they are applied. Its thread ends with it.
#[derive(Debug)]
pub struct Journal {
    /// Absent only while it is dropped.
    orders: Option<mpsc::Sender<Order>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and the runtime both see.
#[derive(Debug)]
struct Shared {
    /// Durable and not applied, with their numbers.
    waiting: Mutex<VecDeque<(u64, Arc<[u8]>)>>,
    /// Number of the newest durable record; 0 before the first.
    newest: watch::Sender<u64>,
    /// Number of the newest record that is applied, with all before it.
    applied: watch::Sender<u64>,
}

#[derive(Debug)]
enum Order {
    Append(Append),
    /// All up to this number are applied.
    Applied(u64, Asker<Result<()>>),
}

#[derive(Debug)]
struct Append {
    record: Arc<[u8]>,
    asker: Asker<Result<Position>>,
}

impl Journal {
    /// Opens `PATH-a` and `PATH-b` of so many octets each, or makes them. One process at a time.
    ///
    /// What was appended before and is not known to be applied waits for [`Journal::next`].
    pub fn open(path: &Path, capacity_bytes: u64, applied: Applied) -> Result<Self> {
        let [a, b] = Self::files(path);
        let lock = lock(&a)?;
        let open = |path: &Path| {
            Half::open(path, capacity_bytes, applied).map_err(|source| failed(path, source))
        };
        let ((a, records), (b, others)) = (open(&a)?, open(&b)?);
        let halves = [a, b];
        let mut records: Vec<_> = records.into_iter().chain(others).collect();
        records.sort_by_key(|(number, _)| *number);
        let next = halves.iter().map(Half::next_number).max().unwrap_or(0).max(1);
        let applied_upto = records.first().map_or(next, |(number, _)| *number) - 1;
        let waiting = records.into_iter().map(|(number, record)| (number, record.into()));
        let shared = Arc::new(Shared {
            waiting: Mutex::new(waiting.collect()),
            newest: watch::Sender::new(next - 1),
            applied: watch::Sender::new(applied_upto),
        });
        let active = usize::from(halves[1].last() > halves[0].last());
        let (orders, ordered) = mpsc::channel();
        let writer = Writer { halves, active, next, shared: Arc::clone(&shared), _lock: lock };
        let thread = thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.work(&ordered))
            .map_err(|source| failed(path, source))?;
        Ok(Self { orders: Some(orders), shared, thread: Some(thread) })
    }

    /// The files of a journal.
    pub fn files(path: &Path) -> [PathBuf; 2] {
        ["-a", "-b"].map(|end| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        })
    }

    /// Appends a record; it is on the disk when this returns.
    pub async fn append(&self, record: &[u8]) -> Result<Position> {
        let record = record.into();
        self.order(|asker| Order::Append(Append { record, asker })).await
    }

    /// The oldest records that are not applied, as soon as there are any. Until they are said to
    /// be applied each call gives them again.
    pub async fn next(&self) -> Batch {
        let mut newest = self.shared.newest.subscribe();
        loop {
            if let Some(batch) = self.waiting() {
                return batch;
            }
            newest.changed().await.expect("we hold the sender");
        }
    }

    /// As [`Journal::next`], without waiting.
    pub fn waiting(&self) -> Option<Batch> {
        let waiting = self.shared.waiting();
        let oldest = || waiting.iter().take(LARGEST_BATCH);
        let newest = Position(oldest().next_back()?.0);
        let records = oldest().map(|(_, record)| Arc::clone(record)).collect();
        Some(Batch { records, newest })
    }

    /// The store has them: they are not asked for again, but after a crash.
    pub async fn applied(&self, batch: Batch) -> Result<()> {
        let Position(upto) = batch.newest;
        self.shared.waiting().retain(|(number, _)| *number > upto);
        self.shared.applied.send_if_modified(|applied| {
            let is_news = upto > *applied;
            *applied = upto.max(*applied);
            is_news
        });
        self.order(|asker| Order::Applied(upto, asker)).await
    }

    /// Waits until everything up to this record is applied.
    pub async fn settled(&self, position: Position) {
        let mut applied = self.shared.applied.subscribe();
        applied.wait_for(|applied| *applied >= position.0).await.expect("we hold the sender");
    }

    /// The newest record that is on the disk.
    pub fn newest(&self) -> Position {
        Position(*self.shared.newest.borrow())
    }

    async fn order<T>(&self, order: impl FnOnce(Asker<Result<T>>) -> Order) -> Result<T> {
        let (asker, done) = Asker::new();
        let orders = self.orders.as_ref().ok_or(JournalError::Closed)?;
        orders.send(order(asker)).map_err(|_| JournalError::Closed)?;
        done.await.map_err(|_| JournalError::Closed)?
    }
}

impl Drop for Journal {
    /// Whoever opens the files next finds them free.
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<(u64, Arc<[u8]>)>> {
        // Nobody panics while holding it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread works with.
struct Writer {
    halves: [Half; 2],
    /// Which of them is appended to.
    active: usize,
    /// Number of the next record.
    next: u64,
    shared: Arc<Shared>,
    /// Held as long as the files are written.
    _lock: File,
}

impl Writer {
    fn work(mut self, ordered: &mpsc::Receiver<Order>) {
        // What comes while one sync lasts goes with the next.
        while let Ok(first) = ordered.recv() {
            let mut appends = VecDeque::new();
            let mut applied = Vec::new();
            for order in std::iter::once(first).chain(ordered.try_iter()).take(LARGEST_WRITE) {
                match order {
                    Order::Append(append) => appends.push_back(append),
                    Order::Applied(upto, asker) => applied.push((upto, asker)),
                }
            }
            // First, so that there is room.
            for (upto, asker) in applied {
                let outcome = self.begin_anew(upto);
                answer(vec![(asker, outcome)]);
            }
            self.append(appends);
        }
    }

    fn append(&mut self, mut appends: VecDeque<Append>) {
        while let Some(first) = appends.front() {
            let length = first.record.len();
            if let Err(error) = self.turn_to_room(length) {
                let refused = appends.pop_front().expect("there is a first");
                answer(vec![(refused.asker, Err(error))]);
                continue;
            }
            let room = self.halves[self.active].room();
            let ends = appends.iter().scan(0, |end, append| {
                *end += framed_len(append.record.len());
                Some(*end)
            });
            let count = ends.take_while(|end| *end <= room).count();
            self.write(appends.drain(..count).collect());
        }
    }

    /// Sees to it that the half that is appended to has room for a record of this length.
    fn turn_to_room(&mut self, length: usize) -> Result<()> {
        let [active, other] = [self.active, 1 - self.active];
        if !self.halves[active].could_hold(length) {
            return Err(JournalError::TooLarge { bytes: length });
        }
        if framed_len(length) <= self.halves[active].room() {
            return Ok(());
        }
        if self.halves[other].last().is_some() {
            return Err(JournalError::Full { path: self.halves[active].path.clone() });
        }
        self.active = other;
        Ok(())
    }

    /// One write and one sync, and an answer for each.
    fn write(&mut self, appends: Vec<Append>) {
        let records: Vec<&[u8]> = appends.iter().map(|append| &*append.record).collect();
        let half = &mut self.halves[self.active];
        let first = self.next;
        let outcome = half.append(first, &records).map_err(|source| failed(&half.path, source));
        if outcome.is_ok() {
            self.next += records.len() as u64;
            let records = appends.iter().map(|append| Arc::clone(&append.record));
            self.shared.waiting().extend((first..).zip(records));
            self.shared.newest.send_replace(self.next - 1);
        }
        let answered = (first..)
            .zip(appends)
            .map(|(number, append)| (append.asker, outcome.clone().map(|()| Position(number))));
        answer(answered.collect());
    }

    /// Halves whose records are all applied take new ones from their start.
    fn begin_anew(&mut self, upto: u64) -> Result<()> {
        for half in &mut self.halves {
            if half.last().is_some_and(|last| last <= upto) {
                half.begin_anew(self.next).map_err(|source| failed(&half.path, source))?;
            }
        }
        Ok(())
    }
}

fn failed(path: &Path, source: io::Error) -> JournalError {
    JournalError::File { path: path.to_owned(), source: Arc::new(source) }
}

/// Two that wrote one journal would overwrite each other's records.
fn lock(path: &Path) -> Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|source| failed(path, source))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(JournalError::InUse { path: path.to_owned() }),
        Err(error) => Err(failed(path, error.into())),
    }
}

#[cfg(test)]
mod tests;
