//! Group commit: what many connections want written at the same moment goes to the disk in one
//! transaction, so that one sync pays for all of them.
//!
//! It has a thread and a database connection of its own: every message passes here twice.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use tokio::sync::{Mutex, oneshot};

use super::Result;
use super::ledger::{Ask, Key, Ledger};
use crate::answers::{Asker, answer};
use crate::failpoint;
use crate::store::{Canary, Claim, ClaimRequest, DeliveryResult, Intent, StoreError};

/// Most orders of one transaction.
const LARGEST: usize = 1_024;

/// A transaction waits so long, look after look, for connections that are about to ask: a sync
/// costs as much as ten messages do. Where they are quick it goes on soon, where they are slow it
/// looks seldom.
const WAITS: [Duration; 4] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(200),
    Duration::from_micros(400),
];

/// Connections that are silent for so long are not waited for.
const LEFT: Duration = Duration::from_secs(1);

/// What somebody wants done, and who waits for it.
#[derive(Debug)]
struct Order {
    work: Work,
    asker: Asker<Result<Outcome>>,
}

#[derive(Debug)]
enum Work {
    /// What one connection wants written: results, and leave to write the next dot.
    Write {
        results: Vec<DeliveryResult>,
        ask: Option<Ask>,
        now: DateTime<Utc>,
    },
    Claim(ClaimRequest),
    Canaries,
    /// Each with when it is due again.
    Release(Vec<(Key, Option<DateTime<Utc>>)>),
}

#[derive(Debug)]
enum Outcome {
    Written(Option<Intent>),
    Claimed(Vec<Claim>),
    Canaries(Vec<Canary>),
    Released,
}

/// Hands orders to the one thread that writes them. It ends with the last handle.
#[derive(Debug)]
pub(super) struct GroupCommit {
    orders: mpsc::Sender<Order>,
}

impl GroupCommit {
    /// `writer` is held while a transaction lasts: SQLite has one writer at a time, and who
    /// waits here waits in turn.
    pub(super) async fn start(
        path: &Path,
        writer: Arc<Mutex<SqliteConnection>>,
    ) -> std::result::Result<Self, rusqlite::Error> {
        let (orders, waiting) = mpsc::channel();
        let (opened, open) = oneshot::channel();
        let path = path.to_owned();
        let work = move || match super::ledger::open(&path) {
            Err(error) => drop(opened.send(Err(error))),
            Ok(connection) => match Ledger::new(&connection) {
                Err(error) => drop(opened.send(Err(error))),
                Ok(ledger) => {
                    let _ = opened.send(Ok(()));
                    write_all(ledger, &writer, &waiting);
                }
            },
        };
        thread::Builder::new().name("ledger".into()).spawn(work).expect("a thread starts");
        open.await.expect("opening does not panic")?;
        Ok(Self { orders })
    }

    /// Returns when all of it is on the disk.
    pub(super) async fn write(
        &self,
        results: &[DeliveryResult],
        claim: Option<&Claim>,
        now: DateTime<Utc>,
    ) -> Result<Option<Intent>> {
        let work = Work::Write { results: results.to_vec(), ask: claim.map(Ask::of), now };
        match self.order(work).await? {
            Outcome::Written(intent) => Ok(intent),
            _ => Err(StoreError::Closed),
        }
    }

    pub(super) async fn claim_due(&self, request: &ClaimRequest) -> Result<Vec<Claim>> {
        match self.order(Work::Claim(request.clone())).await? {
            Outcome::Claimed(claims) => Ok(claims),
            _ => Err(StoreError::Closed),
        }
    }

    pub(super) async fn canaries(&self) -> Result<Vec<Canary>> {
        match self.order(Work::Canaries).await? {
            Outcome::Canaries(canaries) => Ok(canaries),
            _ => Err(StoreError::Closed),
        }
    }

    pub(super) async fn release(&self, claims: &[(Claim, Option<DateTime<Utc>>)]) -> Result<()> {
        let claims = claims.iter().map(|(claim, next_at)| (Key::of(claim), *next_at)).collect();
        self.order(Work::Release(claims)).await.map(|_| ())
    }

    async fn order(&self, work: Work) -> Result<Outcome> {
        let (asker, done) = Asker::new();
        self.orders.send(Order { work, asker }).map_err(|_| StoreError::Closed)?;
        done.await.map_err(|_| StoreError::Closed)?
    }
}

fn write_all(
    mut ledger: Ledger<'_>,
    writer: &Mutex<SqliteConnection>,
    waiting: &mpsc::Receiver<Order>,
) {
    // Messages under way: each connection has one, and brings its result when it asks again.
    let mut under_way = 0_usize;
    loop {
        let first = if under_way == 0 {
            waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            waiting.recv_timeout(LEFT)
        };
        let first = match first {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                under_way = 0;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let mut orders = gather(first, waiting, under_way);
        let _turn = writer.blocking_lock();
        // Those who came while somebody else was writing go with it.
        take(&mut orders, waiting);
        let is_write = |order: &Order| matches!(order.work, Work::Write { .. });
        let (messages, others): (Vec<_>, Vec<_>) = orders.into_iter().partition(is_write);
        if !messages.is_empty() {
            let (begun, ended) = write(&mut ledger, messages);
            under_way = (under_way + begun).saturating_sub(ended);
        }
        // Results are never lost with a claim that fails.
        for order in others {
            write(&mut ledger, vec![order]);
        }
    }
}

/// What was ordered, and what is ordered in a moment by half of those with a message under way.
fn gather(first: Order, waiting: &mpsc::Receiver<Order>, under_way: usize) -> Vec<Order> {
    let mut orders = vec![first];
    take(&mut orders, waiting);
    for wait in WAITS {
        if orders.len() * 2 >= under_way.min(LARGEST) {
            break;
        }
        thread::sleep(wait);
        take(&mut orders, waiting);
    }
    orders
}

fn take(orders: &mut Vec<Order>, waiting: &mpsc::Receiver<Order>) {
    orders.extend(waiting.try_iter().take(LARGEST - orders.len()));
}

/// One transaction; how many messages it began and ended.
fn write(ledger: &mut Ledger<'_>, orders: Vec<Order>) -> (usize, usize) {
    let results = |order: &Order| match &order.work {
        Work::Write { results, .. } => results.len(),
        Work::Claim(_) | Work::Canaries | Work::Release(_) => 0,
    };
    let results: usize = orders.iter().map(results).sum();
    let is_intent = |outcome: &Outcome| matches!(outcome, Outcome::Written(Some(_)));
    let written = ledger.transact(|ledger| {
        let outcomes: Vec<Outcome> =
            orders.iter().map(|order| carry_out(ledger, &order.work)).collect::<Result<_>>()?;
        if outcomes.iter().any(is_intent) {
            failpoint::reach("before-intent");
        }
        if results > 0 {
            failpoint::reach("before-result-commit");
        }
        Ok(outcomes)
    });
    let mut intents = 0;
    let answers: Vec<Result<Outcome>> = match written {
        Ok(outcomes) => {
            if results > 0 {
                failpoint::reach("after-result-commit");
            }
            intents = outcomes.iter().filter(|outcome| is_intent(outcome)).count();
            outcomes.into_iter().map(Ok).collect()
        }
        Err(error) => {
            let error = Arc::new(error);
            orders.iter().map(|_| Err(StoreError::Shared(Arc::clone(&error)))).collect()
        }
    };
    // Who asked may be gone: then the crash rules find the intent.
    answer(orders.into_iter().map(|order| order.asker).zip(answers).collect());
    (intents, results)
}

fn carry_out(ledger: &mut Ledger<'_>, work: &Work) -> Result<Outcome> {
    Ok(match work {
        Work::Write { results, ask, now } => {
            for result in results {
                ledger.settle(result, *now)?;
            }
            let given = ask.as_ref().map(|ask| ledger.intend(ask, *now)).transpose()?;
            Outcome::Written(given.flatten())
        }
        Work::Canaries => Outcome::Canaries(ledger.canaries()?),
        Work::Claim(request) => Outcome::Claimed(ledger.claim_due(request)?),
        Work::Release(claims) => {
            for (claim, next_at) in claims {
                ledger.release(claim, *next_at)?;
            }
            Outcome::Released
        }
    })
}

#[cfg(test)]
mod tests;
