//! Whom a run looks at, page by page: what they follow, and what they have.

use std::collections::HashSet;

use super::Basis;
use crate::digest::receivers;
use crate::pipeline::Press;
use crate::store::{Received, StoreError, SubscriberRange, Subscription};

/// Whose subscriptions a run goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Those to its digest.
    OfDigest,
    /// All of its feeds, whatever the digest: for urgent news.
    Followers,
    /// The same, of those who have an older text of its one entry: for corrections.
    Receivers,
    /// The same, whatever people have: for reminders.
    Reminded,
}

/// What some people follow, and what they have of the entries that a run is about.
pub(super) async fn read_people(
    press: &Press,
    basis: &Basis,
    people: SubscriberRange,
) -> Result<(Vec<Subscription>, Received), StoreError> {
    let store = &press.store;
    let followers = || store.followers(basis.audience, people);
    let mut subscriptions = match basis.readers {
        Readers::OfDigest => store.subscriptions(basis.progress.id, basis.audience, people).await?,
        // What is owed from before is brought by each person's own digest.
        Readers::Followers => {
            let from_seq = basis.window.from_seq;
            let clamped = |s: Subscription| {
                let owed_from = s.owed_from.map(|owed| owed.max(from_seq));
                Subscription { owed_from, ..s }
            };
            followers().await?.into_iter().map(clamped).collect()
        }
        Readers::Receivers => receivers_of(press, basis, people).await?,
        Readers::Reminded => {
            let at_all = |s| Subscription { owed_from: None, ..s };
            followers().await?.into_iter().map(at_all).collect()
        }
    };
    if let Some(run) = basis.succeeds {
        let left = store.unserved(run, people).await?;
        subscriptions.retain(|subscription| left.contains(&subscription.subscriber));
    }
    let received = match basis.readers {
        Readers::Reminded => Received::default(),
        _ if subscriptions.is_empty() => Received::default(),
        _ => store.received(&basis.rows(), people).await?,
    };
    Ok((subscriptions, received))
}

async fn receivers_of(
    press: &Press,
    basis: &Basis,
    people: SubscriberRange,
) -> Result<Vec<Subscription>, StoreError> {
    let Some(told) = basis.changes.first() else { return Ok(Vec::new()) };
    let receivers = press.store.receivers(told.row, told.told_revision, people).await?;
    if receivers.is_empty() {
        return Ok(Vec::new());
    }
    let subscriptions = press.store.followers(basis.audience, people).await?;
    let selecting: HashSet<&str> = basis.selecting.iter().map(String::as_str).collect();
    Ok(receivers::told(&receivers, subscriptions, &selecting))
}
