//! Builds messages: encoded once per issue, personal parts put in per recipient.
//!
//! The form is `multipart/alternative` (RFC 2046, 5.1.4), quoted-printable (RFC 2045, 6.7),
//! 7-bit with CRLF. The boundary comes from the content, so that equal input gives equal
//! bytes.

mod issue;
mod splice;

use lettre::message::header::{HeaderName, HeaderValue, Headers, ReplyTo, Subject};
use lettre::message::{Mailbox, Mailboxes, header};

use crate::config::Sender;
use crate::digest::CORRECTION;
use crate::digest::render::{RenderedIssue, Slot};
use crate::hash::hash;
use crate::model::Address;
use crate::outbox::lane::Lane;

pub use issue::{Issue, Message};
use splice::Place;
pub use splice::{Personal, splice};

/// What all messages of an issue say in their headers.
#[derive(Debug, Clone)]
pub struct IssueHeaders<'a> {
    pub from: &'a Sender,
    pub reply_to: Option<&'a Sender>,
    pub digest: &'a str,
    /// Host of the site: the domain of the List-Id (RFC 2919).
    pub site_host: &'a str,
    /// Web copy of this issue (RFC 2369, 3.6).
    pub web_url: &'a str,
    /// For the reports of mailbox providers; at most four parts joined by colons.
    pub feedback_id: &'a str,
    /// Where an unsubscribe by mail would go (RFC 2369, 3.2).
    pub unsubscribe_address: Option<&'a Address>,
}

/// Encodes an issue, with marked places where [`Issue`] puts the personal parts.
pub fn encode(issue: &RenderedIssue, headers: &IssueHeaders<'_>) -> Vec<u8> {
    let boundary =
        format!("=_{}", &hash(format!("{}\0{}", issue.text, issue.html).as_bytes())[..32]);
    let part = |media_type: &str, text: &str| {
        format!(
            "--{boundary}\r\nContent-Type: {media_type}; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n",
            quoted_printable(text)
        )
    };
    [
        header_block(issue, headers),
        format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n \
             boundary=\"{boundary}\"\r\n\r\n"
        ),
        part("text/plain", &issue.text),
        part("text/html", &issue.html),
        format!("--{boundary}--\r\n"),
    ]
    .concat()
    .into_bytes()
}

fn header_block(issue: &RenderedIssue, headers: &IssueHeaders<'_>) -> String {
    let mut block = Headers::new();
    block.set(header::From::from(Mailboxes::from(mailbox(headers.from))));
    if let Some(reply_to) = headers.reply_to {
        block.set(ReplyTo::from(Mailboxes::from(mailbox(reply_to))));
    }
    block.set(Subject::from(issue.subject.clone()));
    if Lane::of(headers.digest) != Lane::Confirmations {
        add_list_fields(&mut block, headers);
    }
    // RFC 3834, 5: nobody is to answer this automatically.
    block.insert_raw(raw("Auto-Submitted", "auto-generated".into()));
    block.insert_raw(raw("Feedback-ID", headers.feedback_id.to_owned()));
    // RFC 5322, 3.6.4: a correction stands with the mail that brought the old text.
    let thread = if headers.digest == CORRECTION {
        let answers = Place::Answers.marker();
        format!("In-Reply-To: <{answers}>\r\nReferences: <{answers}>\r\n")
    } else {
        String::new()
    };
    format!(
        "Date: {}\r\nMessage-ID: <{}>\r\n{thread}To: {}\r\n{block}",
        Place::Date.marker(),
        Place::MessageId.marker(),
        Place::To.marker(),
    )
}

/// What mail to a list has, and an answer to one person has not.
fn add_list_fields(block: &mut Headers, headers: &IssueHeaders<'_>) {
    block.insert_raw(raw("List-Id", format!("<{}.{}>", headers.digest, headers.site_host)));
    // RFC 8058, 3.1: one https URI stands first; RFC 2369 lets a mailto follow. The fold
    // stands between the two, never inside one.
    let by_mail = headers.unsubscribe_address.map_or(String::new(), |address| {
        format!(
            ",\r\n <mailto:{}?subject=unsubscribe%20{}>",
            address.as_str(),
            Place::UnsubscribeToken.marker()
        )
    });
    block.insert_raw(raw(
        "List-Unsubscribe",
        format!("<{}>{by_mail}", Place::HeaderUnsubscribe.marker()),
    ));
    block.insert_raw(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into()));
    // RFC 2369, 3.4: nobody may post here, so that no mail program offers to answer a list.
    block.insert_raw(raw("List-Post", "NO".into()));
    block.insert_raw(raw("List-Archive", format!("<{}>", headers.web_url)));
}

/// A field that is written as it stands.
fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(
        HeaderName::new_from_ascii_str(name),
        value.clone(),
        value,
    )
}

fn mailbox(sender: &Sender) -> Mailbox {
    let email = sender.address.as_str().parse().expect("our addresses are narrower than lettre's");
    Mailbox::new(sender.name.clone(), email)
}

/// Encodes a text; at each slot the line is broken softly on both sides, so that whatever
/// is put in there keeps the lines within 76 characters (RFC 2045, 6.7, rule 5).
fn quoted_printable(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    let encoded = |part: &str| match part.chars().next_back().and_then(Slot::of) {
        Some(slot) => {
            let text = &part[..part.len() - slot.marker().len_utf8()];
            let place = Place::in_body(slot).marker();
            format!("{}=\r\n{place}=\r\n", quoted_printable::encode_to_str(text))
        }
        None => quoted_printable::encode_to_str(part),
    };
    text.split_inclusive(|c| Slot::of(c).is_some()).map(encoded).collect()
}

#[cfg(test)]
mod tests;
