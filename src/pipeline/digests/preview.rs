//! The issues of a planned run as their first reader would get them; nothing is stored.

use std::io::Read;

use flate2::read::GzDecoder;

use super::issues::make_issue;
use super::{DigestError, PlannedRun};
use crate::mail::message::{Issue, Personal};
use crate::model::Address;
use crate::outbox::sender::{manage_url, unsubscribe_url};
use crate::pipeline::Press;

/// One issue as it would go out now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeIssue {
    pub language: String,
    pub subject: String,
    /// The whole message, as a mailbox keeps it.
    pub message: String,
    pub web_copy: String,
}

/// Makes at most `limit` issues of a run, each as the message to `address`.
pub fn issues(
    press: &Press,
    run: &PlannedRun,
    limit: usize,
    address: &Address,
) -> Vec<Result<MadeIssue, DigestError>> {
    let make = |issue| {
        let made = make_issue(press, &run.basis, issue)?;
        Ok(MadeIssue {
            language: made.language.as_str().to_owned(),
            subject: made.subject,
            message: message(press, &made.mail.bytes, address, None),
            web_copy: text(&unpacked(&made.web.bytes)),
        })
    };
    run.plan.issues.iter().take(limit).map(|issue| make(issue)).collect()
}

/// An issue that is kept compressed, as the message to `address`.
pub fn message(
    press: &Press,
    compressed: &[u8],
    address: &Address,
    errand_url: Option<&str>,
) -> String {
    let url = &press.config.web.public_url;
    let personal = Personal {
        address,
        message_id: &format!("{TOKEN}@{}", press.config.mail.from.address.domain()),
        answers: None,
        date: press.clock.now().with_timezone(&press.config.site.time_zone).fixed_offset(),
        unsubscribe_url: &unsubscribe_url(url, TOKEN),
        unsubscribe_token: TOKEN,
        manage_url: &manage_url(url, TOKEN),
        errand_url,
    };
    let issue = Issue::prepare(unpacked(compressed)).expect("what was encoded can be taken apart");
    text(&issue.message(&personal).unstuffed())
}

/// In place of the token that only a real mail has.
pub const TOKEN: &str = "preview";

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut unpacked).expect("it was packed just now");
    unpacked
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
