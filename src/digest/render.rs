//! Renders one issue of a digest: subject, HTML with inlined CSS, designed plain text.

use crate::model::{Entry, Language};

/// Place in a rendered issue that is filled in per recipient.
///
/// A slot stands in the text as one character of a private use plane, which the content
/// pipeline strips from what authors write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Address of the page that ends the subscription.
    Unsubscribe,
}

impl Slot {
    pub const fn marker(self) -> char {
        match self {
            Self::Unsubscribe => '\u{F0100}',
        }
    }
}

/// What one issue says, before it is rendered.
#[derive(Debug, Clone)]
pub struct IssueContent<'a> {
    /// Name of the digest, such as `daily`.
    pub digest: &'a str,
    pub language: &'a Language,
    /// One section per feed, in config order; no entry stands twice.
    pub sections: Vec<Section<'a>>,
    /// Entries left out because the issue is capped; the web copy has them.
    pub more: usize,
    /// Address of the web copy.
    pub web_url: &'a str,
}

#[derive(Debug, Clone)]
pub struct Section<'a> {
    pub feed_title: &'a str,
    pub entries: Vec<&'a Entry>,
}

/// An issue ready to be put into a message; texts may hold [`Slot`] markers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedIssue {
    pub subject: String,
    pub html: String,
    pub text: String,
}
