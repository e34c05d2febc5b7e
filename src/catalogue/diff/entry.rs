//! Drafts beside entries: what one becomes, and whether it says anything else.

use crate::catalogue::{Acted, KnownEntry};
use crate::content::{DateValue, Draft, DraftKind};
use crate::model::{Entry, EntryId, Kind, Timestamp};

pub(super) fn entry_of(
    draft: Draft,
    id: EntryId,
    published: Timestamp,
    updated: Timestamp,
    revision: i64,
) -> Entry {
    Entry {
        id,
        kind: kind_of(&draft),
        title: draft.title,
        link: draft.link,
        published,
        updated,
        revision,
        revised: None,
        sequence: 0,
        language: draft.language,
        translation_key: draft.translation_key,
        categories: draft.categories,
        tags: draft.tags,
        agency: draft.agency,
        summary: draft.summary,
        content_html: draft.content_html,
        content_text: draft.content_text,
        image: draft.image,
        enclosures: draft.enclosures,
        event: draft.event,
        notes: draft.notes,
        urgent: draft.urgent,
    }
}

fn kind_of(draft: &Draft) -> Kind {
    if draft.kind == DraftKind::Event { Kind::Event } else { Kind::Release }
}

/// Whether the bodies agree: as readers see them where both were made, else as written.
pub(super) fn has_same_body(draft: &Draft, known: &KnownEntry) -> bool {
    match (&draft.body_hash, &known.body_hash) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => draft.source_hash == known.source_hash,
    }
}

/// Whether readers would see no difference; known entries come without their bodies.
pub(super) fn says_the_same(
    draft: &Draft,
    known: &KnownEntry,
    published: Timestamp,
    updated: Timestamp,
) -> bool {
    let Entry {
        id: _,
        kind,
        title,
        link,
        published: known_published,
        updated: known_updated,
        revision: _,
        revised: _,
        sequence: _,
        language,
        translation_key,
        categories,
        tags,
        agency,
        summary,
        content_html: _,
        content_text: _,
        image,
        enclosures,
        event,
        notes,
        urgent,
    } = &known.entry;
    has_same_body(draft, known)
        && kind_of(draft) == *kind
        && draft.title == *title
        && draft.link == *link
        && published == *known_published
        && updated == *known_updated
        && draft.language == *language
        && draft.translation_key == *translation_key
        && draft.categories == *categories
        && draft.tags == *tags
        && draft.agency == *agency
        && draft.summary == *summary
        && draft.image == *image
        && draft.enclosures == *enclosures
        && draft.event == *event
        && draft.notes == *notes
        && draft.urgent == *urgent
}

/// What has acted once this draft is accepted, after what had `before` it.
pub(super) fn acted_of(draft: &Draft, before: &Acted) -> Acted {
    let with = |acted: &[String], value: Option<String>| {
        let value = value.filter(|value| !acted.contains(value));
        acted.iter().cloned().chain(value).collect()
    };
    let updated = draft.updated.map(|value| match value {
        DateValue::At(moment) => moment.to_rfc3339(),
        DateValue::Day(day) => day.to_string(),
    });
    Acted {
        updated: with(&before.updated, updated),
        change: with(&before.change, draft.notes.change.clone()),
        correction: with(&before.correction, draft.notes.correction.clone()),
        withdrawn: with(&before.withdrawn, draft.notes.withdrawn.clone()),
    }
}

pub(super) type EventFacts<'a> = Option<(
    crate::model::EventTime,
    Option<crate::model::EventTime>,
    Option<&'a str>,
    crate::model::EventStatus,
)>;

/// Time, place and status: what a reader who goes there must know.
pub(super) fn event_facts(entry: &Entry) -> EventFacts<'_> {
    entry.event.as_ref().map(|e| (e.start, e.end, e.venue.as_deref(), e.status))
}

pub(super) fn draft_event_facts(draft: &Draft) -> EventFacts<'_> {
    draft.event.as_ref().map(|e| (e.start, e.end, e.venue.as_deref(), e.status))
}

/// Whether a calendar has to be told: title, time, place and status, and whether it takes
/// place at all.
pub(super) fn is_other_appointment(draft: &Draft, known: &Entry) -> bool {
    draft.title != known.title
        || draft_event_facts(draft) != event_facts(known)
        || draft.notes.withdrawn.is_some() != known.notes.withdrawn.is_some()
}
