//! A content file, and what its author has done to it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::zone::Embargo;

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "an author may do each by itself")]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) category: &'static str,
    pub(crate) language: &'static str,
    pub(crate) group: Option<String>,
    pub(crate) embargo: Option<Embargo>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) start: Option<DateTime<Utc>>,
    pub(crate) body: usize,
    pub(crate) note: Option<usize>,
    pub(crate) correction: Option<usize>,
    pub(crate) is_urgent: bool,
    pub(crate) is_called_off: bool,
    pub(crate) is_withdrawn: bool,
    pub(crate) is_deleted: bool,
}

impl Item {
    /// The n-th of a history. No name is part of another.
    pub(crate) fn new(n: usize, category: &'static str, language: &'static str) -> Self {
        Self {
            name: format!("news-{n:04}"),
            category,
            language,
            group: None,
            embargo: None,
            expires_at: None,
            start: None,
            body: 1,
            note: None,
            correction: None,
            is_urgent: false,
            is_called_off: false,
            is_withdrawn: false,
            is_deleted: false,
        }
    }

    /// Whether its readers were to have it for good.
    pub(crate) fn is_lasting(&self) -> bool {
        self.expires_at.is_none() && !self.is_withdrawn && !self.is_deleted
    }

    /// Whether nobody may know of it yet.
    pub(crate) fn is_waiting(&self, now: DateTime<Utc>) -> bool {
        self.embargo.as_ref().is_some_and(|embargo| embargo.ends_at > now)
    }

    /// Feeds that select it.
    pub(crate) fn feeds(&self) -> BTreeSet<String> {
        let kind = if self.start.is_some() { "events" } else { "releases" };
        let category = format!("category-{}", self.category);
        BTreeSet::from(["all".to_owned(), kind.to_owned(), category])
    }

    pub(crate) fn text(&self) -> String {
        let mut front = format!(
            "title: {0}\nlayout: post\npermalink: /news/{0}/\ncategory: {1}\nlanguage: {2}\n",
            self.name, self.category, self.language
        );
        let mut line = |key: &str, value: String| front += &[key, ": ", &value, "\n"].concat();
        if let Some(group) = &self.group {
            line("translationKey", group.clone());
        }
        if let Some(embargo) = &self.embargo {
            line(embargo.key, embargo.value.clone());
        }
        if let Some(at) = self.expires_at {
            line("expires_at", at.to_rfc3339());
        }
        if let Some(start) = self.start {
            let status = if self.is_called_off { "cancelled" } else { "confirmed" };
            let start = start.to_rfc3339();
            line("event", format!("{{start: '{start}', venue: Hall, status: {status}}}"));
        }
        if let Some(note) = self.note {
            line("change_note", format!("Note {note}."));
        }
        if let Some(correction) = self.correction {
            line("correction", format!("Correction {correction}."));
        }
        if self.is_urgent {
            line("urgent", "true".to_owned());
        }
        if self.is_withdrawn {
            line("withdrawn", "Issued in error.".to_owned());
        }
        format!("---\n{front}---\nVersion {} of {}.\n", self.body, self.name)
    }
}
