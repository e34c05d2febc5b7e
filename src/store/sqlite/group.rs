//! Group commit: what many connections want written at the same moment goes to the disk in one
//! transaction, so that one sync pays for all of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::values::MOST_ROWS;
use super::{During, Result, begin, outbox};
use crate::failpoint;
use crate::store::{Claim, DeliveryResult, Intent, StoreError};

/// Most orders of one transaction.
const LARGEST: usize = 1_024;

/// What one connection wants written: results, and leave to write the next dot.
#[derive(Debug)]
struct Order {
    results: Vec<DeliveryResult>,
    ask: Option<Ask>,
    now: DateTime<Utc>,
    answer: oneshot::Sender<Result<Option<Intent>>>,
}

/// A claim that is to become an intent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) run: i64,
    pub(super) subscriber: i64,
    pub(super) fence: i64,
    pub(super) may_be_stand_in: bool,
}

/// Hands orders to the one task that writes them. It ends with the last handle.
#[derive(Debug)]
pub(super) struct GroupCommit {
    orders: mpsc::UnboundedSender<Order>,
}

impl GroupCommit {
    pub(super) fn start(writer: Arc<Mutex<SqliteConnection>>) -> Self {
        let (orders, waiting) = mpsc::unbounded_channel();
        tokio::spawn(write_all(writer, waiting));
        Self { orders }
    }

    /// Returns when all of it is on the disk.
    pub(super) async fn write(
        &self,
        results: &[DeliveryResult],
        claim: Option<&Claim>,
        now: DateTime<Utc>,
    ) -> Result<Option<Intent>> {
        let (answer, written) = oneshot::channel();
        let ask = claim.map(|claim| Ask {
            run: claim.run,
            subscriber: claim.subscriber,
            fence: claim.fence,
            may_be_stand_in: claim.may_be_stand_in,
        });
        let order = Order { results: results.to_vec(), ask, now, answer };
        self.orders.send(order).map_err(|_| StoreError::Closed)?;
        written.await.map_err(|_| StoreError::Closed)?
    }
}

async fn write_all(
    writer: Arc<Mutex<SqliteConnection>>,
    mut waiting: mpsc::UnboundedReceiver<Order>,
) {
    let mut orders = Vec::new();
    while waiting.recv_many(&mut orders, LARGEST).await > 0 {
        let mut writer = writer.lock().await;
        // Those who came while somebody else was writing go with them.
        while orders.len() < LARGEST
            && let Ok(order) = waiting.try_recv()
        {
            orders.push(order);
        }
        let written = write(&mut writer, &orders).await;
        drop(writer);
        answer(orders.drain(..), written);
    }
}

/// One transaction; the intents that were given.
async fn write(
    writer: &mut SqliteConnection,
    orders: &[Order],
) -> Result<Vec<((i64, i64), Intent)>> {
    let action = "record results and intents";
    let now = orders.iter().map(|order| order.now).max().unwrap_or_default();
    let results: Vec<&DeliveryResult> = orders.iter().flat_map(|order| &order.results).collect();
    let asks: Vec<Ask> = orders.iter().filter_map(|order| order.ask).collect();
    let are_few = results.len().max(asks.len()) <= MOST_ROWS;
    if are_few && results.iter().all(|result| outbox::is_end(&result.step)) {
        return outbox::end_and_intend(writer, &results, &asks, now).await;
    }
    let mut transaction = begin(writer, action).await?;
    outbox::record_results(&mut transaction, &results, now).await?;
    let intents = outbox::intend(&mut transaction, &asks, now).await?;
    if !intents.is_empty() {
        failpoint::reach("before-intent");
    }
    if !results.is_empty() {
        failpoint::reach("before-result-commit");
    }
    transaction.commit().await.during(action)?;
    if !results.is_empty() {
        failpoint::reach("after-result-commit");
    }
    Ok(intents)
}

/// Who asked may be gone: then the crash rules find the intent.
fn answer(orders: impl Iterator<Item = Order>, written: Result<Vec<((i64, i64), Intent)>>) {
    match written {
        Ok(intents) => {
            let intents: std::collections::HashMap<_, _> = intents.into_iter().collect();
            for order in orders {
                let key = order.ask.map(|ask| (ask.run, ask.subscriber));
                let intent = key.and_then(|key| intents.get(&key)).copied();
                let _ = order.answer.send(Ok(intent));
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
