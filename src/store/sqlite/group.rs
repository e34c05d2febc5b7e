//! Group commit: what many connections want written at the same moment goes to the disk in one
//! transaction, so that one sync pays for all of them.
//!
//! It has a thread and a database connection of its own: every message passes here twice.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use tokio::sync::{Mutex, oneshot};

use super::Result;
use super::ledger::{Ask, Key, Ledger};
use crate::failpoint;
use crate::store::{Claim, ClaimRequest, DeliveryResult, Intent, StoreError};

/// Most orders of one transaction.
const LARGEST: usize = 1_024;

/// What somebody wants done, and who waits for it.
#[derive(Debug)]
struct Order {
    work: Work,
    answer: oneshot::Sender<Result<Outcome>>,
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
    Release {
        claims: Vec<Key>,
        next_at: DateTime<Utc>,
    },
}

#[derive(Debug)]
enum Outcome {
    Written(Option<Intent>),
    Claimed(Vec<Claim>),
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
            Outcome::Claimed(_) | Outcome::Released => Err(StoreError::Closed),
        }
    }

    pub(super) async fn claim_due(&self, request: &ClaimRequest) -> Result<Vec<Claim>> {
        match self.order(Work::Claim(request.clone())).await? {
            Outcome::Claimed(claims) => Ok(claims),
            Outcome::Written(_) | Outcome::Released => Err(StoreError::Closed),
        }
    }

    pub(super) async fn release(&self, claims: &[Claim], next_at: DateTime<Utc>) -> Result<()> {
        let claims = claims.iter().map(Key::of).collect();
        self.order(Work::Release { claims, next_at }).await.map(|_| ())
    }

    async fn order(&self, work: Work) -> Result<Outcome> {
        let (answer, done) = oneshot::channel();
        self.orders.send(Order { work, answer }).map_err(|_| StoreError::Closed)?;
        done.await.map_err(|_| StoreError::Closed)?
    }
}

fn write_all(
    mut ledger: Ledger<'_>,
    writer: &Mutex<SqliteConnection>,
    waiting: &mpsc::Receiver<Order>,
) {
    while let Ok(first) = waiting.recv() {
        let _turn = writer.blocking_lock();
        // Those who came while somebody else was writing go with it.
        let orders = [first].into_iter().chain(waiting.try_iter()).take(LARGEST);
        let is_write = |order: &Order| matches!(order.work, Work::Write { .. });
        let (writes, others): (Vec<_>, Vec<_>) = orders.partition(is_write);
        if !writes.is_empty() {
            write(&mut ledger, writes);
        }
        // Results are never lost with a claim that fails.
        for order in others {
            write(&mut ledger, vec![order]);
        }
    }
}

/// One transaction. Who asked may be gone: then the crash rules find the intent.
fn write(ledger: &mut Ledger<'_>, orders: Vec<Order>) {
    let has_results =
        |order: &Order| matches!(&order.work, Work::Write { results, .. } if !results.is_empty());
    let has_results = orders.iter().any(has_results);
    let written = ledger.transact(|ledger| {
        let outcomes: Vec<Outcome> =
            orders.iter().map(|order| carry_out(ledger, &order.work)).collect::<Result<_>>()?;
        if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Written(Some(_)))) {
            failpoint::reach("before-intent");
        }
        if has_results {
            failpoint::reach("before-result-commit");
        }
        Ok(outcomes)
    });
    match written {
        Ok(outcomes) => {
            if has_results {
                failpoint::reach("after-result-commit");
            }
            for (order, outcome) in orders.into_iter().zip(outcomes) {
                let _ = order.answer.send(Ok(outcome));
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for order in orders {
                let _ = order.answer.send(Err(StoreError::Shared(Arc::clone(&error))));
            }
        }
    }
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
        Work::Claim(request) => Outcome::Claimed(ledger.claim_due(request)?),
        Work::Release { claims, next_at } => {
            for claim in claims {
                ledger.release(claim, *next_at)?;
            }
            Outcome::Released
        }
    })
}
