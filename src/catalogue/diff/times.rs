//! The times of an entry: its author's, or the moment at which a scan accepted it.

use super::Comparison;
use super::problems::published_already;
use crate::catalogue::{Acted, ChangeClass, EntryState, KnownEntry, NewChange};
use crate::content::{DateValue, Draft};
use crate::model::Timestamp;

impl Comparison<'_> {
    pub(super) fn is_redated(&self, known: &KnownEntry, draft: &Draft) -> bool {
        let zone = self.context.zone;
        let known_day = known.entry.published.with_timezone(&zone).date_naive();
        match draft.published.value {
            Some(DateValue::At(moment)) => moment.with_timezone(&zone).date_naive() != known_day,
            Some(DateValue::Day(day)) => day != known_day,
            None => false,
        }
    }

    /// `updated` stays with a minor edit; a significant one moves it to the author's own
    /// `updated` or to the moment accepted, never before `published`.
    pub(super) fn update_time(
        &mut self,
        known: &KnownEntry,
        draft: &Draft,
        acted: &Acted,
        change: Option<&NewChange>,
        published: Timestamp,
    ) -> Timestamp {
        let class = change.map(|c| c.class);
        let is_significant = matches!(
            class,
            Some(ChangeClass::Major | ChangeClass::Correction | ChangeClass::Withdrawn)
        );
        let updated = if is_significant {
            self.moment_of(draft.updated.filter(|_| acted.updated != known.acted.updated))
        } else if known.was_public || published == known.entry.published {
            known.entry.updated
        } else {
            self.second_of(draft, published)
        };
        updated.max(published)
    }

    /// Publication times that authors gave may be equal; in feeds each entry has a second of
    /// its own, at or after that.
    pub(super) fn second_of(&mut self, draft: &Draft, published: Timestamp) -> Timestamp {
        match draft.published.value {
            Some(DateValue::At(_)) => self.seconds.first_from(published),
            // It was given out already.
            Some(DateValue::Day(_)) | None => published,
        }
    }

    /// The author's own `updated`, or the moment accepted.
    pub(super) fn moment_of(&mut self, updated: Option<DateValue>) -> Timestamp {
        match updated {
            Some(DateValue::At(moment)) => moment,
            Some(DateValue::Day(day)) => self.seconds.first_of(day, self.context.zone),
            None => self.seconds.last_before(self.context.now, self.context.zone),
        }
    }

    /// The publication time; days and files without any get a second that is remembered.
    pub(super) fn publication_time(
        &mut self,
        draft: &Draft,
        known: Option<&KnownEntry>,
    ) -> Timestamp {
        let zone = self.context.zone;
        if let Some(known) = known {
            let is_shown = matches!(known.state, EntryState::Public | EntryState::Withdrawn);
            if let Some(value) = draft.published.value
                && is_shown
                && self.lies_ahead(draft)
            {
                self.diff.problems.push(published_already(draft, value));
                return known.entry.published;
            }
            match draft.published.value {
                None => return known.entry.published,
                Some(DateValue::Day(_)) if !self.is_redated(known, draft) => {
                    return known.entry.published;
                }
                Some(_) => {}
            }
        }
        match draft.published.value {
            Some(DateValue::At(moment)) => moment,
            Some(DateValue::Day(day)) => self.seconds.first_of(day, zone),
            None => self.seconds.last_before(self.context.now, zone),
        }
    }

    /// A day is never ahead on that day itself, whatever second it is given.
    pub(super) fn lies_ahead(&self, draft: &Draft) -> bool {
        match draft.published.value {
            Some(DateValue::At(moment)) => moment.to_utc() > self.context.now,
            Some(DateValue::Day(day)) => {
                day > self.context.now.with_timezone(&self.context.zone).date_naive()
            }
            None => false,
        }
    }
}
