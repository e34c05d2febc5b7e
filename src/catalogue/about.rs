//! What a scan asks of the store before it compares: no more than it may touch.
//!
//! A folder of a hundred thousand files brings one changed file at a time. The comparison is
//! exact as long as it is given every entry that the files read, the files gone and the clock
//! can touch, and the ids and seconds that a new file might take.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

use super::diff::NOTICE;
use super::identity::first_choice;
use super::seconds::start_of;
use super::{Context, Scanned};
use crate::content::{DateValue, Draft};
use crate::model::EntryId;

/// A question about what is known; [`Known`](super::Known) is the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Entries whose file is at one of these paths.
    pub paths: Vec<String>,
    /// Entries with one of these ids.
    pub ids: Vec<EntryId>,
    /// Ids, with or without `-N` behind them, that may be in use.
    pub id_choices: Vec<EntryId>,
    /// Spans of time, from and up to, in which seconds may be in use; seconds since 1970.
    pub spans: Vec<(i64, i64)>,
    /// Entries that wait for a moment up to this one, or expire by it.
    pub now: DateTime<Utc>,
    /// Withdrawn entries whose notice has stood since this moment or longer.
    pub notices_until: DateTime<Utc>,
}

impl About {
    /// What a comparison of these drafts and of files `gone` has to know.
    pub fn of(scanned: &Scanned, gone: &[String], context: &Context) -> Self {
        let mut about = Self::time(context.now);
        let drafts = &scanned.drafts;
        about.paths = drafts.iter().map(|draft| draft.path.clone()).collect();
        about.paths.extend(gone.iter().cloned());
        about.paths.extend(scanned.standing.iter().map(|standing| standing.path.clone()));
        about.ids = drafts.iter().filter_map(|draft| draft.pinned_id.clone()).collect();
        let unpinned = drafts.iter().filter(|draft| draft.pinned_id.is_none());
        about.id_choices = unpinned
            .map(|draft| first_choice(&context.site_host, context.since, &draft.path))
            .collect();
        let days: BTreeSet<NaiveDate> =
            drafts.iter().flat_map(|draft| days(draft, context.zone)).collect();
        about.spans = days
            .into_iter()
            .map(|day| {
                let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
                let start = |day| start_of(day, context.zone).timestamp();
                // A day may be longer than most where a clock is put back.
                (start(day), start(next).max(start(day) + 86_400))
            })
            .collect();
        if !drafts.is_empty() {
            let now = context.now.timestamp();
            about.spans.push((now - 86_400, now + 1));
        }
        about
    }

    /// What the clock alone can touch.
    pub fn time(now: DateTime<Utc>) -> Self {
        Self {
            paths: Vec::new(),
            ids: Vec::new(),
            id_choices: Vec::new(),
            spans: Vec::new(),
            now,
            notices_until: now - NOTICE,
        }
    }
}

/// Days of which a draft may be given a second.
fn days(draft: &Draft, zone: Tz) -> impl Iterator<Item = NaiveDate> {
    let values = [draft.published.value, draft.updated].into_iter().flatten();
    values
        .flat_map(move |value| match value {
            DateValue::Day(day) => [Some(day), None],
            // Where it is taken, the next free one may be of the day after.
            DateValue::At(moment) => {
                let day = moment.with_timezone(&zone).date_naive();
                [Some(day), day.succ_opt()]
            }
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::catalogue::diff::tests::{at, draft, embargo, on, pinned};
    use crate::catalogue::{Announce, Standing};
    use crate::words::Wordbook;
    use std::sync::Arc;

    fn context() -> Context {
        Context {
            now: at("11-21T12:00").to_utc(),
            zone: chrono_tz::Asia::Singapore,
            site_host: "press.example".into(),
            since: "2026-01-01".parse().unwrap(),
            announce: Announce::Recent,
            max_age: TimeDelta::days(7),
            words: Arc::clone(Wordbook::builtin()),
        }
    }

    fn seconds(time: &str) -> i64 {
        at(time).timestamp()
    }

    #[test]
    fn a_question_names_every_path_that_was_read_is_there_or_gone() {
        let standing = vec![Standing { path: "c.md".into(), is_other: true }];
        let scanned = Scanned {
            drafts: vec![Box::new(draft("a.md")), Box::new(pinned("b.md", "one"))],
            standing,
        };
        let about = About::of(&scanned, &["d.md".into()], &context());
        assert_eq!(about.paths, ["a.md", "b.md", "d.md", "c.md"]);
        assert_eq!(about.ids, [EntryId::new("tag:pinned:one")]);
        assert_eq!(about.id_choices, [EntryId::new("tag:press.example,2026-01-01:a")]);
    }

    #[test]
    fn it_names_each_day_of_which_a_second_is_wanted_once_and_the_day_up_to_now() {
        let exact = Draft { published: embargo("11-22T09:00"), ..draft("c.md") };
        let updated = Some(DateValue::Day("2026-11-02".parse().unwrap()));
        let updated = Draft { updated, published: on("10-01"), ..draft("d.md") };
        let drafts = vec![draft("a.md"), draft("b.md"), exact, updated];
        let scanned =
            Scanned { drafts: drafts.into_iter().map(Box::new).collect(), standing: vec![] };
        let about = About::of(&scanned, &[], &context());
        let now = seconds("11-21T12:00");
        let spans = [
            (seconds("10-01T00:00"), seconds("10-02T00:00")),
            (seconds("11-02T00:00"), seconds("11-03T00:00")),
            (seconds("11-22T00:00"), seconds("11-23T00:00")),
            (seconds("11-23T00:00"), seconds("11-24T00:00")),
            (now - 86_400, now + 1),
        ];
        assert_eq!(about.spans, spans);
    }

    #[test]
    fn where_nothing_was_read_the_clock_alone_is_asked_about() {
        let about = About::of(&Scanned::default(), &[], &context());
        assert_eq!(about, About::time(context().now));
        assert_eq!(about.spans, []);
        assert_eq!(about.notices_until, at("10-22T12:00").to_utc());
    }
}
