//! Who left, from their click until the store knows it: a journal of clicks, and for the sender
//! whose click the store may not know yet.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::error;

use super::journal::{Applied, Batch, Journal, JournalError, Position};
use crate::store::{Leave, LeftBy};

/// Of each of the two files: more than 40,000 clicks.
const CAPACITY_BYTES: u64 = 2 << 20;

/// First octet of a record, should there ever be another kind.
const VERSION: u8 = 1;
const RECORD_LEN: usize = 2 + 3 * 8;

/// Clicks on their way into the store.
#[derive(Debug)]
pub struct Leaving {
    /// So long a page waits for the store, which has a click within milliseconds when all is
    /// well.
    pub patience: Duration,
    /// So long a message to somebody who clicked just now does: as long as a write of the store
    /// waits for another process.
    pub mail_patience: Duration,
    journal: Journal,
    /// What an earlier process was told, and may not have brought into the store.
    from_before: Position,
    /// The newest click of each person whose clicks are not all in the store.
    people: Mutex<HashMap<i64, Position>>,
    /// When each person clicked last, of those who did in this second.
    moments: Mutex<HashMap<i64, DateTime<Utc>>>,
}

/// The oldest clicks that the store does not have.
#[derive(Debug)]
pub struct Clicks {
    pub leaves: Vec<Leave>,
    batch: Batch,
}

impl Clicks {
    fn of(batch: Batch) -> Self {
        let leaves = batch.records().filter_map(|record| {
            let leave = from_record(record);
            if leave.is_none() {
                error!("the journal of clicks has a record of another version: it is passed over");
            }
            leave
        });
        Self { leaves: leaves.collect(), batch }
    }
}

impl Leaving {
    /// Its files lie beside the store: `leaving-a` and `leaving-b`.
    pub fn open(store: &Path) -> Result<Self, JournalError> {
        let journal =
            Journal::open(&store.with_file_name("leaving"), CAPACITY_BYTES, Applied::Stay)?;
        let from_before = journal.newest();
        Ok(Self {
            patience: Duration::from_secs(1),
            mail_patience: Duration::from_secs(30),
            journal,
            from_before,
            people: Mutex::default(),
            moments: Mutex::default(),
        })
    }

    /// Whether there ever was a click to keep.
    pub fn is_there(store: &Path) -> bool {
        Journal::files(&store.with_file_name("leaving")).iter().any(|file| file.exists())
    }

    /// When a click of now counts: in a second that no other of the same person has, so that an
    /// end which was taken back is told from the next one.
    pub fn moment(&self, subscriber: i64, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &DateTime<Utc>| (0..60).contains(&(at.timestamp() - now.timestamp()));
        moments.retain(|_, at| is_recent(at));
        let at = moments.get(&subscriber).map_or(now, |last| *last + TimeDelta::seconds(1));
        moments.insert(subscriber, at);
        at
    }

    /// Keeps a click: whatever happens, they have left when this returns.
    pub async fn keep(&self, leave: &Leave) -> Result<Position, JournalError> {
        let position = self.journal.append(&to_record(leave)).await?;
        self.people().insert(leave.subscriber, position);
        Ok(position)
    }

    /// The oldest clicks that the store does not have, as soon as there are any; until they are
    /// [`Leaving::applied`] the same again.
    pub async fn next(&self) -> Clicks {
        Clicks::of(self.journal.next().await)
    }

    /// As [`Leaving::next`], without waiting.
    pub fn waiting(&self) -> Option<Clicks> {
        self.journal.waiting().map(Clicks::of)
    }

    /// The store has these clicks.
    pub async fn applied(&self, clicks: Clicks) -> Result<(), JournalError> {
        let newest = clicks.batch.newest();
        let applied = self.journal.applied(clicks.batch).await;
        self.people().retain(|_, position| *position > newest);
        applied
    }

    /// Waits until the store has this click.
    pub async fn settled(&self, position: Position) {
        self.journal.settled(position).await;
    }

    /// Waits until the store has every click there was up to now.
    pub async fn all_settled(&self) {
        self.journal.settled(self.journal.newest()).await;
    }

    /// Waits until the store has every click of this person that was answered.
    pub async fn settled_of(&self, subscriber: i64) {
        self.journal.settled(self.from_before).await;
        let newest = self.people().get(&subscriber).copied();
        if let Some(newest) = newest {
            self.journal.settled(newest).await;
        }
    }

    fn people(&self) -> MutexGuard<'_, HashMap<i64, Position>> {
        // Nobody panics while holding it.
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn to_record(leave: &Leave) -> [u8; RECORD_LEN] {
    let mut record = [0; RECORD_LEN];
    record[0] = VERSION;
    record[1] = match leave.by {
        LeftBy::OneClick => b'o',
        LeftBy::Page => b'p',
    };
    for (nth, number) in [leave.run, leave.subscriber, leave.at.timestamp()].iter().enumerate() {
        record[2 + nth * 8..][..8].copy_from_slice(&number.to_be_bytes());
    }
    record
}

fn from_record(record: &[u8]) -> Option<Leave> {
    let record: &[u8; RECORD_LEN] = record.try_into().ok()?;
    let by = match (record[0], record[1]) {
        (VERSION, b'o') => LeftBy::OneClick,
        (VERSION, b'p') => LeftBy::Page,
        _ => return None,
    };
    let number = |nth: usize| {
        let bytes = &record[2 + nth * 8..][..8];
        i64::from_be_bytes(bytes.try_into().expect("eight bytes were taken"))
    };
    let at = DateTime::from_timestamp(number(2), 0)?;
    Some(Leave { run: number(0), subscriber: number(1), by, at })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn leave(subscriber: i64) -> Leave {
        let at = "2026-11-22T09:00:07Z".parse().unwrap();
        Leave { run: 7, subscriber, by: LeftBy::Page, at }
    }

    #[test]
    fn a_click_is_read_back_as_it_was_kept() {
        for by in [LeftBy::OneClick, LeftBy::Page] {
            let leave = Leave { by, ..leave(1_200_000) };
            assert_eq!(from_record(&to_record(&leave)), Some(leave));
        }
        for record in [&b""[..], &[0; RECORD_LEN], &[1; RECORD_LEN], &[1; RECORD_LEN + 1]] {
            assert_eq!(from_record(record), None);
        }
    }

    #[tokio::test]
    async fn the_sender_waits_for_who_clicked_and_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let leaving = Arc::new(Leaving::open(&folder.path().join("tidings.db")).unwrap());
        leaving.keep(&leave(1)).await.unwrap();
        leaving.settled_of(2).await;
        let waits = {
            let leaving = Arc::clone(&leaving);
            tokio::spawn(async move { leaving.settled_of(1).await })
        };
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        let clicks = leaving.next().await;
        assert_eq!(clicks.leaves, [leave(1)]);
        leaving.applied(clicks).await.unwrap();
        waits.await.unwrap();
        assert!(leaving.people().is_empty());
    }

    #[tokio::test]
    async fn after_a_restart_it_waits_for_all_that_was_kept_before() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("tidings.db");
        Leaving::open(&store).unwrap().keep(&leave(1)).await.unwrap();
        let leaving = Arc::new(Leaving::open(&store).unwrap());
        let waits = {
            let leaving = Arc::clone(&leaving);
            tokio::spawn(async move { leaving.settled_of(2).await })
        };
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        leaving.applied(leaving.waiting().unwrap()).await.unwrap();
        waits.await.unwrap();
    }
}
