//! The mail that answers people, as somebody would get it who asked now.

use std::collections::BTreeMap;

use super::{DigestPreview, IssuePreview, Parts, reader, said};
use crate::feeds::FeedDefinition;
use crate::model::Language;
use crate::outbox::sender::{confirm_url, self_url};
use crate::pipeline::digests::DigestError;
use crate::pipeline::digests::preview::{TOKEN, message};
use crate::pipeline::{Press, errands};
use crate::store::ErrandRecord;
use crate::subscribers::errand::ErrandKind;

/// For each kind its mails, one for each language that people can choose.
pub(super) fn answers(press: &Press, feeds: &[FeedDefinition]) -> Vec<DigestPreview> {
    ErrandKind::ALL.map(|kind| answer(press, feeds, kind)).into()
}

fn answer(press: &Press, feeds: &[FeedDefinition], kind: ErrandKind) -> DigestPreview {
    let mut preview = DigestPreview { name: kind.name().to_owned(), ..DigestPreview::default() };
    for language in press.languages() {
        match made(press, feeds, kind, &language) {
            Ok(made) => preview.made.push(made),
            Err(error) => preview.fault = Some(said(error)),
        }
    }
    preview.issues = preview.made.len();
    preview
}

fn made(
    press: &Press,
    feeds: &[FeedDefinition],
    kind: ErrandKind,
    language: &Language,
) -> Result<IssuePreview, DigestError> {
    let now = press.clock.now();
    let wants = match (kind, press.config.digests.first()) {
        (ErrandKind::Confirm, Some(digest)) => {
            feeds.iter().take(2).map(|feed| (feed.name.clone(), digest.name.clone())).collect()
        }
        _ => BTreeMap::new(),
    };
    let errand = ErrandRecord {
        id: 0,
        subscriber: 0,
        kind,
        language: language.clone(),
        wants,
        asked_at: now,
        expires_at: now + kind.lasts(),
        opened_at: None,
        outcome: None,
        is_known: false,
        address: None,
    };
    let issue = errands::issue(press, feeds, &errand)?;
    let public_url = &press.config.web.public_url;
    let url = match kind {
        ErrandKind::Confirm | ErrandKind::Move => Some(confirm_url(public_url, TOKEN)),
        ErrandKind::SelfService => Some(self_url(public_url, TOKEN)),
        ErrandKind::Moved => None,
    };
    let message = message(press, &issue.mail.bytes, &reader(), url.as_deref());
    Ok(IssuePreview {
        language: issue.language.as_str().to_owned(),
        subject: issue.subject,
        parts: Parts::of(&message),
        message,
        web_copy: String::new(),
    })
}
