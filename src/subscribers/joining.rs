//! Who signs up, from their form until the store knows it: a journal of forms.
//!
//! A form is answered before the store is looked at, so that nobody learns from the answer, or
//! from how long it takes, whether an address is known.

use std::path::Path;

use tokio::sync::Notify;
use tracing::error;

use super::journal::{Applied, Batch, Journal, JournalError};
use crate::store::SignUp;

/// Of each of the two files: some thousand forms.
const CAPACITY_BYTES: u64 = 4 << 20;

/// First octet of a record, should there ever be another kind.
const VERSION: u8 = 1;

/// Forms on their way into the store.
#[derive(Debug)]
pub struct Joining {
    journal: Journal,
    /// Somebody asked for something on a page of theirs, which the store has already.
    asked: Notify,
}

/// The oldest forms that the store does not have.
#[derive(Debug)]
pub struct Forms {
    pub sign_ups: Vec<SignUp>,
    batch: Batch,
}

impl Joining {
    /// Its files lie beside the store: `joining-a` and `joining-b`.
    pub fn open(store: &Path) -> Result<Self, JournalError> {
        let path = store.with_file_name("joining");
        let journal = Journal::open(&path, CAPACITY_BYTES, Applied::AreWiped)?;
        Ok(Self { journal, asked: Notify::new() })
    }

    /// Keeps a form: whatever happens, it is looked at when this returns.
    pub async fn keep(&self, sign_up: &SignUp) -> Result<(), JournalError> {
        self.journal.append(&to_record(sign_up)).await.map(drop)
    }

    /// The oldest forms that the store does not have, as soon as there are any; until they are
    /// [`Joining::applied`] the same again.
    pub async fn next(&self) -> Forms {
        let batch = self.journal.next().await;
        let sign_ups = batch.records().filter_map(|record| {
            let sign_up = from_record(record);
            if sign_up.is_none() {
                error!("the journal of forms has a record of another version: it is passed over");
            }
            sign_up
        });
        Forms { sign_ups: sign_ups.collect(), batch }
    }

    /// The store has these forms.
    pub async fn applied(&self, forms: Forms) -> Result<(), JournalError> {
        self.journal.applied(forms.batch).await
    }

    /// Waits until the store has every form that was kept so far.
    pub async fn settled(&self) {
        self.journal.settled(self.journal.newest()).await;
    }

    /// Tells that the store has an errand whose mail is to be made.
    pub fn tell(&self) {
        self.asked.notify_one();
    }

    /// Waits until somebody [tells](Self::tell).
    pub async fn told(&self) {
        self.asked.notified().await;
    }
}

fn to_record(sign_up: &SignUp) -> Vec<u8> {
    let mut record = vec![VERSION];
    serde_json::to_writer(&mut record, sign_up).expect("a form is always JSON");
    record
}

fn from_record(record: &[u8]) -> Option<SignUp> {
    let (&VERSION, json) = record.split_first()? else { return None };
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SealedAddress;

    #[tokio::test]
    async fn a_form_is_read_back_as_it_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("tidings.db");
        let sign_up = SignUp {
            address: SealedAddress {
                lookup: vec![1, 2],
                mailbox: vec![3],
                key: 1,
                cipher: vec![255, 0],
                domain: "example.org".into(),
            },
            wants: [("all".to_owned(), "daily".to_owned())].into(),
            language: "zh".parse().unwrap(),
            source: "form".into(),
            wording: "你同意".into(),
            asked_at: "2026-11-22T09:00:07Z".parse().unwrap(),
        };
        Joining::open(&store).unwrap().keep(&sign_up).await.unwrap();
        // Another process finds it.
        let joining = Joining::open(&store).unwrap();
        let forms = joining.next().await;
        assert_eq!(forms.sign_ups, [sign_up]);
        joining.applied(forms).await.unwrap();
        assert_eq!(from_record(b""), None);
        assert_eq!(from_record(b"\x01{}"), None);
    }
}
