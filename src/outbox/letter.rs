//! From a claim to the message of one person.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use data_encoding::BASE32_NOPAD;
use flate2::read::GzDecoder;
use tokio::sync::Mutex;
use url::Url;

use super::sender::{Outbox, SendError};
use crate::mail::dkim::Signer;
use crate::mail::message::{Issue, Message, Personal};
use crate::model::Address;
use crate::store::Claim;
use crate::subscribers::errand;
use crate::subscribers::keys::{KeyError, Keys};
use crate::subscribers::token::{self, Purpose, Subject};

/// Prepared issues kept at once. Most runs have a handful; where there are more, each is read
/// again when its turn comes.
const ISSUES: usize = 64;

/// Issues that were prepared, by number.
#[derive(Default)]
pub(super) struct Issues(Mutex<HashMap<i64, Issue>>);

impl Issues {
    pub(super) async fn get(&self, outbox: &Outbox, number: i64) -> Result<Issue, SendError> {
        let mut issues = self.0.lock().await;
        if let Some(issue) = issues.get(&number) {
            return Ok(issue.clone());
        }
        let unreadable = || SendError::Issue(number);
        let record = outbox.store.issue(number).await?.ok_or_else(unreadable)?;
        let mut bytes = Vec::new();
        GzDecoder::new(&record.mail[..]).read_to_end(&mut bytes).map_err(|_| unreadable())?;
        let issue = Issue::prepare(&bytes).ok_or_else(unreadable)?;
        if issues.len() >= ISSUES {
            issues.clear();
        }
        issues.insert(number, issue.clone());
        Ok(issue)
    }
}

/// The key that signs the message of a claim. It is signed or not as it was planned, so that a
/// second copy is the same.
fn signer<'a>(outbox: &'a Outbox, claim: &Claim) -> Option<&'a Arc<Signer>> {
    outbox.signer.as_ref().filter(|_| claim.dkim_selector.is_some())
}

/// The selector of a copy that may have arrived and that today's key cannot make again.
fn lost_selector<'a>(claim: &'a Claim, today: Option<&str>) -> Option<&'a str> {
    let first = claim.dkim_selector.as_deref()?;
    (claim.unknowns > 0 && today != Some(first)).then_some(first)
}

/// A message with the address it goes to.
pub(super) type Made = Result<(Address, Message), SendError>;

/// Makes the message of a claim: equal claims of one delivery make equal bytes.
pub(super) fn message(
    outbox: &Outbox,
    issue: &Issue,
    claim: &Claim,
    address: &Address,
) -> Result<Message, SendError> {
    let today = outbox.signer.as_ref().map(|signer| signer.selector());
    if let Some(selector) = lost_selector(claim, today) {
        return Err(SendError::Selector(selector.to_owned()));
    }
    let lost_key = || KeyError::Missing(claim.token_key);
    let subject = Subject { run: claim.run, subscriber: claim.subscriber };
    let token =
        |purpose| token::make(&outbox.keys, claim.token_key, purpose, subject).ok_or_else(lost_key);
    let unsubscribe = token(Purpose::Unsubscribe)?;
    let unsubscribe_url = unsubscribe_url(&outbox.public_url, &unsubscribe);
    let manage_url = manage_url(&outbox.public_url, &token(Purpose::Manage)?);
    let errand_url = match claim.digest.as_str() {
        errand::CONFIRM => Some(confirm_url(&outbox.public_url, &token(Purpose::Confirm)?)),
        errand::SELF => Some(self_url(&outbox.public_url, &token(Purpose::SelfService)?)),
        _ => None,
    };
    let answers = claim
        .answers
        .map(|answered| {
            let subject = Subject { run: answered.run, subscriber: claim.subscriber };
            let (key, dated_at) = (answered.token_key, answered.dated_at);
            message_id(&outbox.keys, key, subject, dated_at, &outbox.from)
                .ok_or(KeyError::Missing(key))
        })
        .transpose()?;
    let message_id =
        message_id(&outbox.keys, claim.token_key, subject, claim.dated_at, &outbox.from)
            .ok_or_else(lost_key)?;
    let personal = Personal {
        address,
        message_id: &message_id,
        answers: answers.as_deref(),
        date: claim.dated_at.with_timezone(&outbox.zone).fixed_offset(),
        unsubscribe_url: &unsubscribe_url,
        unsubscribe_token: &unsubscribe,
        manage_url: &manage_url,
        errand_url: errand_url.as_deref(),
    };
    Ok(match signer(outbox, claim) {
        Some(signer) => issue.signed_message(&personal, signer),
        None => issue.message(&personal),
    })
}

/// Where a token ends a subscription.
pub fn unsubscribe_url(public_url: &Url, token: &str) -> String {
    format!("{public_url}unsubscribe/{token}")
}

/// Where a token changes what its reader gets.
pub fn manage_url(public_url: &Url, token: &str) -> String {
    format!("{public_url}manage/{token}")
}

/// Where a token confirms what its reader asked for.
pub fn confirm_url(public_url: &Url, token: &str) -> String {
    format!("{public_url}confirm/{token}")
}

/// Where a token opens what is kept of its reader.
pub fn self_url(public_url: &Url, token: &str) -> String {
    format!("{public_url}self/{token}")
}

/// Fixed with the delivery: a resend has the same (RFC 5322, 3.6.4). `None` where the key is
/// lost.
pub fn message_id(
    keys: &Keys,
    token_key: i64,
    delivery: Subject,
    dated_at: DateTime<Utc>,
    from: &Address,
) -> Option<String> {
    let numbers = [delivery.run, delivery.subscriber, dated_at.timestamp()];
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
    let tag = keys.sign(token_key, &[b"message-id", &bytes])?;
    let name = BASE32_NOPAD.encode(&tag.as_ref()[..16]).to_ascii_lowercase();
    Some(format!("{name}@{}", from.domain()))
}

/// Name of the file that rehearses a delivery.
pub(super) fn maildir_name(claim: &Claim, public_url: &Url) -> String {
    let host = public_url.host_str().unwrap_or("localhost");
    format!("{}.R{}S{}.{host}", claim.dated_at.timestamp(), claim.run, claim.subscriber)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::made;

    #[test]
    fn only_a_second_copy_depends_on_the_key_of_the_first() {
        let claim = |unknowns, selector: Option<&str>| Claim {
            unknowns,
            dkim_selector: selector.map(str::to_owned),
            ..made::claim(1)
        };
        let second = claim(1, Some("s2025"));
        assert_eq!(lost_selector(&second, Some("s2025")), None);
        assert_eq!(lost_selector(&second, Some("s2026")), Some("s2025"));
        assert_eq!(lost_selector(&second, None), Some("s2025"));
        assert_eq!(lost_selector(&claim(0, Some("s2025")), Some("s2026")), None);
        assert_eq!(lost_selector(&claim(1, None), Some("s2026")), None);
    }
}
