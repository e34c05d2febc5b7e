//! `show FILE`: a content file as the next scan would publish it. Writes nothing.

mod sources;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::check::{located, read_named};
use super::failure::{Failure, HELD_BACK};
use super::output::{Output, problem_lines};
use super::{Global, session};
use crate::catalogue::{
    Acceptance, ChangeClass, EntryState, Held, Known, KnownEntry, NewChange, Scanned, Standing,
    Step, Tell, diff, preview,
};
use crate::config::{Config, Environment};
use crate::content::{
    DateValue, Draft, DraftKind, Outcome, Problem, PublishedSource, Severity, read,
};
use crate::dates::event_when;
use crate::model::{Enclosure, Entry, EntryId, Event, EventTime, Language};
use crate::pipeline::scan::{comparison_context, outcome_of};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::words::Wordbook;
use sources::{Source, Sources};

#[derive(Debug, Args)]
pub(super) struct Show {
    /// File in the content folder, or the id or address of its entry
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print the content as HTML too
    #[arg(long)]
    html: bool,
}

/// What scripts get; times are RFC 3339.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    id: EntryId,
    kind: DraftKind,
    title: &'a str,
    published: String,
    published_source: PublishedSource,
    updated: String,
    expires_at: Option<String>,
    /// Where in the file each date stands.
    sources: Sources,
    link: &'a str,
    language: &'a Language,
    categories: &'a [String],
    event: Option<&'a Event>,
    enclosures: &'a [Enclosure],
    summary: &'a str,
    state: State,
    /// What the next scan numbers; absent where readers see nothing new of it.
    change: Option<Upcoming>,
    problems: &'a [Problem],
}

/// A file that is no item, or held back.
#[derive(Debug, Serialize)]
struct NoItem<'a> {
    kind: &'static str,
    state: Option<State>,
    problems: &'a [Problem],
}

/// How an entry stands with its readers.
#[derive(Debug, Serialize)]
struct State {
    name: StateName,
    /// Until when it waits.
    until: Option<String>,
    /// Since when it is withdrawn or expired.
    since: Option<String>,
    /// The hold that keeps it back.
    hold: Option<i64>,
    /// Whether readers see an earlier version of it.
    is_public: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum StateName {
    /// Recognised and never published.
    Page,
    HeldBack,
    /// Part of a mass change that waits for `approve`.
    OnHold,
    /// Part of one that was approved: the next scan takes it up.
    Approved,
    Draft,
    Expired,
    Withdrawn,
    Public,
    /// Deleted, expired or a draft at the last scan.
    Removed,
    /// Its publication time lies ahead.
    Waiting,
    /// Its publication time has come since the last scan.
    Due,
    NotScanned,
}

#[derive(Debug, Serialize)]
struct Upcoming {
    class: ChangeClass,
    tell: Tell,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Show,
    output: Output,
) -> Result<u8, Failure> {
    let config = session::config(global, environment, output)?;
    let now = session::clock(global).now();
    let (known, held) = known(&config).await?;
    let (path, bytes) = read_asked(&config, &args.file, &known)?;
    let reading = read(&path, &bytes, &config.content.rules);
    let Outcome::Draft(draft) = &reading.outcome else {
        note(output, &reading.problems);
        let kind = outcome_of(&reading).as_str();
        let is_held_back = reading.outcome == Outcome::HeldBack;
        let known = known.entries.iter().find(|known| known.path.as_deref() == Some(&path));
        let state = is_held_back.then(|| held_back(known));
        output.data(&format!("`{path}`: {}, not published", kind.replace('_', " ")));
        if let Some(known) = known.filter(|known| is_shown(known)) {
            output.paragraph("", &format!("readers see the version of {}", known.entry.updated));
        }
        output.json(&NoItem { kind, state, problems: &reading.problems });
        return Ok(if is_held_back { HELD_BACK } else { 0 });
    };
    let compared = compare(&config, draft, &known, now);
    let problems = [reading.problems.as_slice(), &compared.problems].concat();
    note(output, &problems);
    let has_error = problems.iter().any(|p| p.severity == Severity::Error);
    let mut state = state(draft, &compared, has_error, now);
    if let Some(hold) = held.waiting.get(&path) {
        state.name = StateName::OnHold;
        state.hold = Some(*hold);
    } else if held.let_go.contains(&path) {
        state.name = StateName::Approved;
    }
    let shown = shown(draft, &bytes, &compared, state, &problems);
    output.json(&shown);
    print(output, draft, &compared.entry, &shown, args.html);
    Ok(if has_error { HELD_BACK } else { 0 })
}

/// The file that is asked for, or that of the entry whose id or address it is.
fn read_asked(config: &Config, asked: &Path, known: &Known) -> Result<(String, Vec<u8>), Failure> {
    let file = located(config, asked);
    if file.exists() {
        return read_named(config, &file);
    }
    let is_asked = |known: &&KnownEntry| {
        let entry = &known.entry;
        [entry.id.as_str(), entry.link.as_str()].iter().any(|name| asked.as_os_str() == *name)
    };
    match known.entries.iter().find(is_asked).and_then(|known| known.path.as_ref()) {
        Some(path) => read_named(config, &config.content.folder.join(path)),
        None => read_named(config, &file).map_err(|failure| Failure {
            hint: Some(
                "name a file that is there and can be read, or the id or address of an entry"
                    .into(),
            ),
            ..failure
        }),
    }
}

fn note(output: Output, problems: &[Problem]) {
    for line in problems.iter().flat_map(problem_lines).filter(|_| !output.is_json) {
        output.note(&line);
    }
}

fn is_shown(known: &KnownEntry) -> bool {
    matches!(known.state, EntryState::Public | EntryState::Withdrawn)
}

/// What the store knows; nothing where there is none yet.
async fn known(config: &Config) -> Result<(Known, Held), Failure> {
    if !config.store_path.exists() {
        return Ok(<(Known, Held)>::default());
    }
    SqliteStore::refuse_older(&config.store_path).await?;
    let store = SqliteStore::open(&config.store_path).await?;
    Ok((Known::all(store.known_entries().await?), store.held().await?))
}

/// A draft beside what is known of its entry.
struct Compared<'k> {
    /// As the next scan would leave it.
    entry: Entry,
    known: Option<&'k KnownEntry>,
    /// What the next scan would number.
    change: Option<NewChange>,
    problems: Vec<Problem>,
}

/// Compares as a scan would in which every other file is as it was.
fn compare<'k>(
    config: &Config,
    draft: &Draft,
    known: &'k Known,
    now: DateTime<Utc>,
) -> Compared<'k> {
    // How changes are told is no matter here.
    let words = Arc::clone(Wordbook::builtin());
    let context = comparison_context(config, words, now, known.entries.is_empty());
    let entry = preview(draft.clone(), known, &context);
    let same = known.entries.iter().find(|known| known.entry.id == entry.id);
    if draft.kind == DraftKind::Page {
        return Compared { entry, known: same, change: None, problems: Vec::new() };
    }
    let others = known.entries.iter().filter_map(|known| known.path.clone());
    let standing = others.filter(|path| *path != draft.path);
    let standing = standing.map(|path| Standing { path, is_other: false }).collect();
    let difference =
        diff(known, Scanned { drafts: vec![Box::new(draft.clone())], standing }, &context);
    let row = same.map(|known| known.row);
    let mut compared = Compared { entry, known: same, change: None, problems: Vec::new() };
    for step in difference.steps {
        match step {
            Step::Accept(acceptance) if acceptance.path == draft.path => {
                let Acceptance { entry, change, .. } = *acceptance;
                compared.entry = *entry;
                compared.change = change;
            }
            Step::Settle { row: settled, change, .. } if Some(settled) == row => {
                compared.change = change;
            }
            _ => {}
        }
    }
    let own = difference.problems.into_iter().filter(|problem| problem.path == draft.path);
    compared.problems = own.collect();
    compared
}

/// How the entry stands now, before the next scan.
fn state(draft: &Draft, compared: &Compared<'_>, has_error: bool, now: DateTime<Utc>) -> State {
    let plain = |name| State {
        name,
        until: None,
        since: None,
        hold: None,
        is_public: compared.known.is_some_and(is_shown),
    };
    let expired = draft.expires_at.filter(|at| *at <= now);
    let known = compared.known.map(|known| known.state);
    match (draft.kind, known) {
        (DraftKind::Page, _) => plain(StateName::Page),
        _ if has_error => plain(StateName::HeldBack),
        _ if draft.is_unpublished => plain(StateName::Draft),
        _ if expired.is_some() => {
            State { since: expired.map(|at| at.to_rfc3339()), ..plain(StateName::Expired) }
        }
        (_, Some(EntryState::Withdrawn)) => State {
            since: Some(compared.entry.updated.to_rfc3339()),
            ..plain(StateName::Withdrawn)
        },
        (_, Some(EntryState::Public)) => plain(StateName::Public),
        (_, Some(EntryState::Removed)) => plain(StateName::Removed),
        (_, Some(EntryState::Waiting) | None) if compared.entry.published > now => State {
            until: Some(compared.entry.published.to_rfc3339()),
            ..plain(StateName::Waiting)
        },
        (_, Some(EntryState::Waiting)) => plain(StateName::Due),
        (_, None) => plain(StateName::NotScanned),
    }
}

fn held_back(known: Option<&KnownEntry>) -> State {
    let is_public = known.is_some_and(is_shown);
    State { name: StateName::HeldBack, until: None, since: None, hold: None, is_public }
}

impl State {
    fn words(&self) -> String {
        let moment = |moment: &Option<String>| moment.clone().unwrap_or_default();
        let words = match self.name {
            StateName::Page => {
                "a page is never published; a date or `kind: release` makes it a release".to_owned()
            }
            StateName::HeldBack => "held back by an error".to_owned(),
            StateName::OnHold => {
                let hold = self.hold.unwrap_or_default();
                format!("on hold: `tidings approve {hold}` lets it go")
            }
            StateName::Approved => "approved: the next scan takes it up".to_owned(),
            StateName::Draft => "draft: not published".to_owned(),
            StateName::Expired => format!("expired since {}", moment(&self.since)),
            StateName::Withdrawn => format!("withdrawn since {}", moment(&self.since)),
            StateName::Removed => "was taken out of the feeds".to_owned(),
            StateName::Waiting => format!("waits until {}", moment(&self.until)),
            StateName::Due => "its time has come: the next scan publishes it".to_owned(),
            StateName::NotScanned => "not scanned yet".to_owned(),
            StateName::Public => "public".to_owned(),
        };
        let is_behind = matches!(
            self.name,
            StateName::HeldBack
                | StateName::OnHold
                | StateName::Draft
                | StateName::Expired
                | StateName::Waiting
        );
        let earlier =
            if is_behind && self.is_public { "; readers see an earlier version" } else { "" };
        format!("{words}{earlier}")
    }
}

impl Upcoming {
    fn words(&self) -> String {
        let told = match self.tell {
            Tell::Followers => "told to everyone who follows it",
            Tell::Receivers => "told to those who received the older text",
            Tell::Nobody => "nobody is mailed",
        };
        format!("{}, {told}", self.class.as_str())
    }
}

fn shown<'a>(
    draft: &'a Draft,
    bytes: &[u8],
    compared: &'a Compared<'_>,
    state: State,
    problems: &'a [Problem],
) -> Shown<'a> {
    let entry = &compared.entry;
    let updated_by_author = (entry.updated != entry.published).then(|| match draft.updated {
        Some(DateValue::At(moment)) => moment == entry.updated,
        // A day is given a second of its own.
        Some(DateValue::Day(day)) => day == entry.updated.date_naive(),
        None => false,
    });
    let change = compared.change.as_ref();
    Shown {
        id: entry.id.clone(),
        kind: draft.kind,
        title: &entry.title,
        published: entry.published.to_rfc3339(),
        published_source: draft.published.source,
        updated: entry.updated.to_rfc3339(),
        expires_at: draft.expires_at.map(|at| at.to_rfc3339()),
        sources: Sources::of(bytes, draft, updated_by_author),
        link: entry.link.as_str(),
        language: &entry.language,
        categories: &entry.categories,
        event: entry.event.as_ref(),
        enclosures: &entry.enclosures,
        summary: &entry.summary,
        state,
        change: change.map(|change| Upcoming { class: change.class, tell: change.tell }),
        problems,
    }
}

fn print(output: Output, draft: &Draft, entry: &Entry, shown: &Shown<'_>, with_html: bool) {
    let line = |name: &str, value: &str| {
        if !value.is_empty() {
            output.paragraph(&format!("{name:<11}"), value);
        }
    };
    let date = |name: &str, value: &str, source: Option<&Source>| {
        let source = source.map(Source::words).unwrap_or_default();
        line(name, &format!("{value} ({source})"));
    };
    let kind = match draft.kind {
        DraftKind::Release => "release",
        DraftKind::Event => "event",
        DraftKind::Page => "page, not published",
    };
    line("title", shown.title);
    line("kind", kind);
    line("state", &shown.state.words());
    line("next scan", &shown.change.as_ref().map(Upcoming::words).unwrap_or_default());
    line("id", shown.id.as_str());
    line("link", shown.link);
    date("published", &shown.published, Some(&shown.sources.published));
    date("updated", &shown.updated, Some(&shown.sources.updated));
    if let Some(expires_at) = &shown.expires_at {
        date("expires", expires_at, shown.sources.expires_at.as_ref());
    }
    line("language", shown.language.as_str());
    line("categories", &shown.categories.join(", "));
    if let Some(event) = &entry.event {
        line("when", &event_when(event));
        date("start", &event_time(event.start), shown.sources.event_start.as_ref());
        if let Some(end) = event.end {
            date("end", &event_time(end), shown.sources.event_end.as_ref());
        }
        line("where", event.venue.as_deref().unwrap_or_default());
    }
    line("notice", draft.notes.withdrawn.as_deref().unwrap_or_default());
    line("correction", draft.notes.correction.as_deref().unwrap_or_default());
    line("change", draft.notes.change.as_deref().unwrap_or_default());
    line("summary", shown.summary);
    for enclosure in shown.enclosures {
        line("file", &format!("{} ({})", enclosure.url, enclosure.media_type));
    }
    if with_html {
        output.data("");
        output.data(&entry.content_html);
    } else if !entry.content_text.is_empty() {
        output.data("");
        output.data(&entry.content_text);
    }
}

fn event_time(time: EventTime) -> String {
    match time {
        EventTime::At(moment) => moment.to_rfc3339(),
        EventTime::Day(day) => day.to_string(),
    }
}
