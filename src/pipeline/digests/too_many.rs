//! More different issues than `mail.max_issues`: a hold that names the feeds.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::{Basis, DigestError};
use crate::digest::plan::PlannedIssue;
use crate::digest::{CORRECTION, REMINDER, URGENT};
use crate::pipeline::Press;
use crate::store::StoreError;

/// Feeds that are named at most.
const NAMED: usize = 5;

fn subject(digest: &str) -> String {
    format!("issues of {digest}")
}

/// How many different issues a run may have: as the config says, or an operator.
pub(super) async fn allowance(press: &Press, digest: &str) -> Result<usize, StoreError> {
    let approved = press.store.approved(&subject(digest)).await?;
    Ok(press.config.mail.max_issues.max(approved.unwrap_or(0)))
}

/// Whether an operator is asked about the digest. Planning it again before would come to the
/// same; where the config allows as many by now, nobody is asked any more.
pub(super) async fn is_asked(press: &Press, digest: &str) -> Result<bool, StoreError> {
    let subject = subject(digest);
    let Some(asked) = press.store.asked(&subject).await? else { return Ok(false) };
    if asked > press.config.mail.max_issues {
        return Ok(true);
    }
    press.store.drop_approval(&subject, press.clock.now()).await?;
    Ok(false)
}

/// The digests that an operator is asked about.
pub(super) async fn asked_about(press: &Press) -> Result<HashSet<String>, StoreError> {
    let own = press.config.digests.iter().map(|digest| digest.name.as_str());
    let mut asked = HashSet::new();
    for digest in own.chain([URGENT, CORRECTION, REMINDER]) {
        if is_asked(press, digest).await? {
            asked.insert(digest.to_owned());
        }
    }
    Ok(asked)
}

/// More different issues than a run may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TooMany {
    pub limit: usize,
    /// The feeds that make most of them differ.
    pub feeds: String,
}

impl TooMany {
    pub(super) fn of(basis: &Basis, limit: usize, issues: &[Arc<PlannedIssue>]) -> Self {
        let mut by_feed: BTreeMap<usize, usize> = BTreeMap::new();
        for issue in issues {
            let mut feeds: Vec<usize> = issue.lines.iter().map(|line| line.feed).collect();
            feeds.dedup();
            for feed in feeds {
                *by_feed.entry(feed).or_default() += 1;
            }
        }
        let mut most: Vec<(usize, usize)> = by_feed.into_iter().collect();
        most.sort_by_key(|(feed, issues)| (std::cmp::Reverse(*issues), *feed));
        let name = |(feed, _): &(usize, usize)| format!("`{}`", basis.feeds[*feed].name);
        let feeds: Vec<String> = most.iter().take(NAMED).map(name).collect();
        Self { limit, feeds: feeds.join(", ") }
    }
}

/// Asks an operator whether there may be twice as many; the rest is not even planned.
pub(super) async fn ask(
    press: &Press,
    basis: &Basis,
    limit: usize,
    issues: &[Arc<PlannedIssue>],
) -> Result<DigestError, StoreError> {
    let digest = basis.digest.name.clone();
    let TooMany { limit, feeds } = TooMany::of(basis, limit, issues);
    let error = DigestError::TooMany { digest, limit, feeds };
    let subject = subject(&basis.digest.name);
    let twice = limit.saturating_mul(2);
    press.store.hold_approval(&subject, twice, &error.to_string(), press.clock.now()).await?;
    Ok(error)
}
