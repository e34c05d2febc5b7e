//! What a comparison finds to mend.

use crate::catalogue::KnownEntry;
use crate::content::{DateValue, Draft, Problem, PublishedSource, Severity};
use crate::model::EntryId;

pub(super) fn same_id(draft: &Draft, id: &EntryId, other: Option<&str>) -> Problem {
    let other = other.map_or("another file".to_owned(), |path| format!("`{path}`"));
    Problem {
        severity: Severity::Error,
        path: draft.path.clone(),
        line: None,
        field: Some("id".into()),
        value: Some(id.to_string()),
        message: format!("{other} has the same `id`"),
        remedy: "give each file an `id` of its own, or remove it from one of them".into(),
    }
}

pub(super) fn title_and_date_changed(known: &KnownEntry, draft: &Draft) -> Problem {
    Problem {
        severity: Severity::Error,
        path: draft.path.clone(),
        line: None,
        field: Some("title".into()),
        value: Some(draft.title.chars().take(80).collect()),
        message: format!(
            "title and date both changed; readers know this file as `{}`",
            known.entry.title
        ),
        remedy: "for other news give it a new `id`; for the same news add a `change_note`".into(),
    }
}

pub(super) fn published_already(draft: &Draft, value: DateValue) -> Problem {
    let field = match draft.published.source {
        PublishedSource::PublishAt => "publish_at",
        _ => "date",
    };
    Problem {
        severity: Severity::Warning,
        path: draft.path.clone(),
        line: None,
        field: Some(field.into()),
        value: Some(match value {
            DateValue::At(moment) => moment.to_rfc3339(),
            DateValue::Day(day) => day.to_string(),
        }),
        message: format!("this is published already, and a later `{field}` does not take it back"),
        remedy: format!("use `withdrawn` to take it back, or restore the former `{field}`"),
    }
}

/// The id that a path would have is taken.
pub(in crate::catalogue) fn id_taken(path: &str, id: &EntryId) -> Problem {
    Problem {
        severity: Severity::Warning,
        path: path.to_owned(),
        line: None,
        field: Some("id".into()),
        value: Some(id.to_string()),
        message: "the id of this path is taken, so a number was added to it".into(),
        remedy: "write an `id` of its own into the front matter".into(),
    }
}
