//! What is new about an event, in words, where its author did not say.

use crate::dates::event_when;
use crate::model::{Event, EventStatus};

/// What changed of time, place and status; `None` where nothing did that a reader must know.
pub(super) fn what_changed(old: Option<&Event>, new: Option<&Event>) -> Option<String> {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(new)) => return Some(format!("The time is {}.", event_when(new))),
        (Some(old), None) => {
            return Some(format!("The time is open. Before: {}.", event_when(old)));
        }
        (None, None) => return None,
    };
    let status = (old.status != new.status).then(|| match new.status {
        EventStatus::Cancelled => "The event is cancelled.".to_owned(),
        EventStatus::Postponed => "The event is postponed.".to_owned(),
        EventStatus::Confirmed => "The event takes place after all.".to_owned(),
    });
    let is_same_time = (old.start, old.end) == (new.start, new.end);
    let time = (!is_same_time)
        .then(|| format!("New time: {}. Before: {}.", event_when(new), event_when(old)));
    let place = (old.venue != new.venue).then(|| match (&old.venue, &new.venue) {
        (Some(old), Some(new)) => format!("New place: {new}. Before: {old}."),
        (None, Some(new)) => format!("The place is {new}."),
        (Some(old), None) => format!("The place is open. Before: {old}."),
        (None, None) => String::new(),
    });
    let parts: Vec<String> = [status, time, place].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventTime;

    fn event(start: &str, venue: Option<&str>, status: EventStatus) -> Event {
        Event {
            start: EventTime::At(start.parse().unwrap()),
            end: None,
            venue: venue.map(str::to_owned),
            online_url: None,
            registration_url: None,
            status,
        }
    }

    #[test]
    fn time_place_and_status_are_told_with_what_they_were() {
        let ten = "2026-11-27T10:00:00+08:00";
        let old = event(ten, Some("Hall A"), EventStatus::Confirmed);
        let check = |new: Event, expected: Option<&str>| {
            assert_eq!(what_changed(Some(&old), Some(&new)).as_deref(), expected);
        };
        check(old.clone(), None);
        check(
            event(ten, Some("Hall B"), EventStatus::Confirmed),
            Some("New place: Hall B. Before: Hall A."),
        );
        check(
            event(ten, None, EventStatus::Cancelled),
            Some("The event is cancelled. The place is open. Before: Hall A."),
        );
        check(
            event("2026-11-28T14:00:00+08:00", Some("Hall A"), EventStatus::Confirmed),
            Some(
                "New time: Saturday 28 November 2026, 14:00 (UTC+08:00). Before: Friday 27 \
                 November 2026, 10:00 (UTC+08:00).",
            ),
        );
    }
}
