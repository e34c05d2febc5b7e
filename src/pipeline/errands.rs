//! Errands: makes the mail that answers what people asked for on a page.

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use tracing::{info, warn};

use super::Press;
use super::digests::{DigestError, check_structure, compressed};
use super::feeds;
use crate::digest::render::answer::{Answer, lint_answer, render_answer};
use crate::failpoint;
use crate::feeds::FeedDefinition;
use crate::hash::hash;
use crate::mail::lint::Mailing;
use crate::mail::message::{IssueHeaders, encode};
use crate::model::Language;
use crate::store::{ErrandRecord, ErrandRun, NewIssue};
use crate::subscribers::errand::{CONFIRM, ErrandKind, NOTICE, SELF};

/// Errands that are read at once, and that one run answers at most.
const MOST: usize = 1_000;

/// Starts runs for all errands that wait for their mail; gives how many they answer. An errand
/// whose mail cannot be made waits on, and keeps no other back.
pub async fn answer_errands(press: &Press) -> Result<usize, DigestError> {
    let mut answered = 0;
    for digest in [CONFIRM, SELF, NOTICE] {
        let mut after = 0;
        loop {
            let errands =
                press.store.waiting_errands(digest, after, MOST, press.clock.now()).await?;
            let Some(last) = errands.last() else { break };
            // What cannot be made is left where it is, and the next are looked at.
            after = last.id;
            answered += answer_page(press, digest, errands).await?;
        }
    }
    Ok(answered)
}

/// Starts runs until each of these errands has its mail, or cannot have it.
async fn answer_page(
    press: &Press,
    digest: &'static str,
    mut errands: Vec<ErrandRecord>,
) -> Result<usize, DigestError> {
    let mut answered = 0;
    loop {
        let run = run(press, digest, &errands).await?;
        if run.recipients.is_empty() {
            return Ok(answered);
        }
        failpoint::reach("before-answer-commit");
        let id = press.store.start_errands(&run, press.clock.now()).await?;
        failpoint::reach("after-answer-commit");
        info!(run = id, digest, people = run.recipients.len(), "people are answered");
        answered += run.recipients.len();
        let started: HashSet<i64> = run.recipients.iter().map(|(errand, ..)| *errand).collect();
        errands.retain(|errand| !started.contains(&errand.id));
    }
}

/// What makes two answers the same mail.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    kind: ErrandKind,
    language: Language,
    wants: BTreeMap<String, String>,
    is_known: bool,
    /// The day on which they were asked for, at the site's place.
    day: NaiveDate,
}

async fn run(
    press: &Press,
    digest: &'static str,
    errands: &[ErrandRecord],
) -> Result<ErrandRun, DigestError> {
    let feeds = feeds::definitions(press).await?;
    let zone = press.config.site.time_zone;
    let mut known: BTreeMap<Alike, Option<usize>> = BTreeMap::new();
    let (mut issues, mut recipients) = (Vec::new(), Vec::new());
    let mut people = HashSet::new();
    for errand in errands {
        // One mail of a run to each person: who asked twice gets the second by the next.
        if people.contains(&errand.subscriber) {
            continue;
        }
        let alike = Alike {
            kind: errand.kind,
            language: errand.language.clone(),
            wants: errand.wants.clone(),
            is_known: errand.is_known,
            day: errand.asked_at.with_timezone(&zone).date_naive(),
        };
        let made = *known.entry(alike).or_insert_with(|| match issue(press, &feeds, errand) {
            Ok(issue) => {
                issues.push(issue);
                Some(issues.len() - 1)
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                warn!(digest, "mail that answers people cannot be made: {error:#}");
                None
            }
        });
        if let Some(issue) = made {
            people.insert(errand.subscriber);
            recipients.push((errand.id, errand.subscriber, issue));
        }
    }
    Ok(ErrandRun { digest, issues, recipients })
}

/// The mail that answers an errand.
pub(super) fn issue(
    press: &Press,
    feeds: &[FeedDefinition],
    errand: &ErrandRecord,
) -> Result<NewIssue, DigestError> {
    let config = &press.config;
    let digest = errand.kind.digest();
    let title = |name: &'_ str| feeds.iter().find(|feed| feed.name == name);
    let wants = errand.wants.iter().map(|(feed, digest)| {
        (title(feed).map_or(feed.as_str(), |feed| feed.title.as_str()), digest.as_str())
    });
    let answer = Answer {
        kind: errand.kind,
        language: errand.language.as_str(),
        wants: wants.collect(),
        asked_at: errand.asked_at.with_timezone(&config.site.time_zone).fixed_offset(),
        is_known: errand.is_known,
        has_languages: config.languages.len() > 1,
        sender: config.mail.legal.as_ref(),
    };
    let failed = |source| DigestError::Render { digest: digest.to_owned(), source };
    let rendered = render_answer(&press.templates, &config.site, &answer).map_err(failed)?;
    let findings = lint_answer(&press.templates, &config.site, &answer, &rendered);
    if let Some(finding) = findings.into_iter().next() {
        return Err(DigestError::Unfit { digest: digest.to_owned(), finding });
    }
    let headers = IssueHeaders {
        from: &config.mail.from,
        reply_to: config.mail.reply_to.as_ref(),
        digest,
        site_host: press.site_host(),
        // Mail to one person has no copy for others.
        web_url: "",
        feedback_id: &format!("{digest}:{}:answer:{}", errand.kind.name(), press.site_host()),
        unsubscribe_address: None,
    };
    let mail = encode(&rendered, &headers);
    check_structure(press, digest, &mail, Mailing::Answer)?;
    Ok(NewIssue {
        hash: hash(&mail),
        language: errand.language.clone(),
        subject: rendered.subject,
        lines: Vec::new(),
        mail: compressed(&mail),
        web: compressed(b""),
    })
}

/// Ends what nobody finished in time.
pub async fn end_expired(press: &Press) {
    match press.store.end_expired_errands(press.clock.now()).await {
        Ok(0) => {}
        Ok(ended) => info!(ended, "links in mail ran out unused"),
        Err(error) => warn!("could not end what ran out: {error}"),
    }
}
