//! Makes the issues of a run: each is rendered, encoded and checked before it is stored.

use std::io::Write;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Basis, DigestError, Occasion};
use crate::digest::plan::{Line, PlannedIssue, issue_hash};
use crate::digest::render::{IssueContent, RenderedIssue, Section, lint, render, render_web};
use crate::hash::hash;
use crate::mail::lint::{Mailing, lint_issue};
use crate::mail::message::{IssueHeaders, Personal, encode};
use crate::outbox::sender::{manage_url, unsubscribe_url};
use crate::pipeline::Press;
use crate::store::{NewIssue, Rendering};

/// Makes issues on all cores; in their order.
pub(super) fn make_issues(
    press: &Press,
    basis: &Basis,
    issues: &[Arc<PlannedIssue>],
) -> Result<Vec<NewIssue>, DigestError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let slice = issues.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let makers: Vec<_> = issues
            .chunks(slice)
            .map(|issues| {
                scope.spawn(move || {
                    issues.iter().map(|issue| make_issue(press, basis, issue)).collect()
                })
            })
            .collect();
        let made: Vec<Result<Vec<NewIssue>, DigestError>> =
            makers.into_iter().map(|maker| maker.join().expect("a panic ends all")).collect();
        Ok(made.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    })
}

pub(super) fn make_issue(
    press: &Press,
    basis: &Basis,
    issue: &PlannedIssue,
) -> Result<NewIssue, DigestError> {
    let made = compose(press, basis, issue)?;
    Ok(NewIssue {
        hash: made.hash,
        language: issue.language.clone(),
        subject: made.rendered.subject,
        lines: issue
            .lines
            .iter()
            .map(|line| {
                let change = &basis.changes[line.change];
                (basis.feeds[line.feed].name.clone(), change.row, change.entry.revision)
            })
            .collect(),
        mail: compressed(&made.mail),
        web: compressed(made.web.as_bytes()),
    })
}

/// An issue as its readers get it, before anything personal stands in it.
pub(super) struct Composed {
    pub(super) hash: String,
    pub(super) rendered: RenderedIssue,
    pub(super) web: String,
    pub(super) mail: Vec<u8>,
}

/// Renders an issue and checks it. What is wrong with one entry, or with the only one, is told
/// with its name.
pub(super) fn compose(
    press: &Press,
    basis: &Basis,
    issue: &PlannedIssue,
) -> Result<Composed, DigestError> {
    compose_lines(press, basis, issue).map_err(|error| {
        let alone = |line: &&Line| {
            let issue =
                PlannedIssue { language: issue.language.clone(), lines: vec![**line], shown: 1 };
            compose_lines(press, basis, &issue).is_err()
        };
        let culprit = if let [line] = &issue.lines[..] {
            Some(line)
        } else {
            // Where every entry fails alone, none of them is the cause.
            let mut culprits = issue.lines.iter().filter(alone);
            let culprit = culprits.next();
            culprit.filter(|_| issue.lines.len() > culprits.count() + 1)
        };
        let Some(line) = culprit else { return error };
        let entry = &basis.changes[line.change].entry;
        let (title, id) = (entry.title.clone(), entry.id.as_str().to_owned());
        DigestError::Entry { title, id, source: Box::new(error) }
    })
}

fn compose_lines(
    press: &Press,
    basis: &Basis,
    issue: &PlannedIssue,
) -> Result<Composed, DigestError> {
    let config = &press.config;
    let hash_of_issue = issue_hash(&basis.question(), issue);
    let web_url = format!("{}issues/{hash_of_issue}", config.web.public_url);
    let content = |lines: &[Line]| IssueContent {
        digest: &basis.digest.name,
        language: &issue.language,
        sections: sections(basis, lines),
        more: issue.lines.len() - lines.len(),
        web_url: &web_url,
        sender: config.mail.legal.as_ref(),
        now: moment(press, basis),
    };
    let failed = |source| DigestError::Render { digest: basis.digest.name.clone(), source };
    let shown = content(&issue.lines[..issue.shown]);
    let rendered = render(&press.templates, &config.site, &shown).map_err(failed)?;
    if let Some(finding) = lint(&rendered).into_iter().next() {
        return Err(DigestError::Unfit { digest: basis.digest.name.clone(), finding });
    }
    let web = render_web(&press.templates, &config.site, &content(&issue.lines)).map_err(failed)?;
    let feedback_id =
        format!("{}:{}:digest:{}", &hash_of_issue[..12], basis.digest.name, press.site_host());
    let headers = IssueHeaders {
        from: &config.mail.from,
        reply_to: config.mail.reply_to.as_ref(),
        digest: &basis.digest.name,
        site_host: press.site_host(),
        web_url: &web_url,
        feedback_id: &feedback_id,
        unsubscribe_address: config.mail.unsubscribe_address.as_ref(),
    };
    let mail = encode(&rendered, &headers);
    check_structure(press, &basis.digest.name, &mail, Mailing::List)?;
    Ok(Composed { hash: hash_of_issue, rendered, web, mail })
}

/// The moment a run speaks from: the one it was due, else that of its newest entry, so that the
/// same news gives the same bytes whenever it is sent.
fn moment(press: &Press, basis: &Basis) -> DateTime<Utc> {
    let newest = || basis.changes.iter().map(|change| change.entry.updated.to_utc()).max();
    match &basis.occasion {
        Occasion::Scheduled(due) => due.moment,
        Occasion::ByHand | Occasion::Immediate | Occasion::Succession(_) => {
            newest().unwrap_or_else(|| press.clock.now())
        }
    }
}

/// Octets of a message: a tenth of what most relays take, and twice as much as an HTML part of
/// 100 KB and its text come to in any script.
const MOST_OCTETS: usize = 1_000_000;

/// An issue that some receiver could misread goes to nobody: it is looked at as the message
/// of a made-up person whose address and token are as long as they get.
pub(in crate::pipeline) fn check_structure(
    press: &Press,
    digest: &str,
    mail: &[u8],
    mailing: Mailing,
) -> Result<(), DigestError> {
    let address = format!("{}@{}example.org", "a".repeat(64), "a23456789.".repeat(17));
    let token = "a".repeat(TOKEN_CHARS);
    let url = unsubscribe_url(&press.config.web.public_url, &token);
    let message_id = format!("{token}@{}", press.config.mail.from.address.domain());
    let sample = Personal {
        address: &address.parse().expect("this is an address"),
        message_id: &message_id,
        answers: Some(&message_id),
        date: DateTime::<Utc>::UNIX_EPOCH.fixed_offset(),
        unsubscribe_url: &url,
        unsubscribe_token: &token,
        manage_url: &manage_url(&press.config.web.public_url, &token),
        errand_url: Some(&url),
    };
    match lint_issue(mail, &sample, MOST_OCTETS, mailing).into_iter().next() {
        Some(finding) => Err(DigestError::Unfit { digest: digest.to_owned(), finding }),
        None => Ok(()),
    }
}

/// As long as `subscribers::token` makes them.
const TOKEN_CHARS: usize = 55;

/// Lines as sections, one per feed.
fn sections<'a>(basis: &'a Basis, lines: &[Line]) -> Vec<Section<'a>> {
    lines
        .chunk_by(|a, b| a.feed == b.feed)
        .map(|lines| Section {
            feed_title: &basis.feeds[lines[0].feed].title,
            entries: lines.iter().map(|line| &basis.changes[line.change].entry).collect(),
        })
        .collect()
}

/// Compressed with gzip, whose header holds no time here: equal bytes give equal bytes.
pub(in crate::pipeline) fn compressed(bytes: &[u8]) -> Rendering {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("writing to memory does not fail");
    let compressed = encoder.finish().expect("writing to memory does not fail");
    Rendering { hash: hash(bytes), bytes: compressed }
}
