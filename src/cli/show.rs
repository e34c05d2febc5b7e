//! `show FILE`: a content file as it would be published.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::check::content_path;
use super::failure::{Failure, HELD_BACK};
use super::output::{Output, problem_lines};
use super::{Global, session};
use crate::catalogue::{Known, preview};
use crate::config::{Config, Environment};
use crate::content::{Draft, DraftKind, Outcome, Problem, PublishedSource, Reading, read};
use crate::dates::event_when;
use crate::model::{Enclosure, EntryId, Event, Language};
use crate::pipeline::scan::{comparison_context, outcome_of};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;

#[derive(Debug, Args)]
pub(super) struct Show {
    /// File in the content folder
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
    link: &'a str,
    language: &'a Language,
    categories: &'a [String],
    event: Option<&'a Event>,
    enclosures: &'a [Enclosure],
    summary: &'a str,
    problems: &'a [Problem],
}

/// A file that is no item.
#[derive(Debug, Serialize)]
struct NoItem<'a> {
    kind: &'static str,
    problems: &'a [Problem],
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Show,
    output: Output,
) -> Result<u8, Failure> {
    let config = session::config(global, environment, output)?;
    let path = content_path(&config, &args.file)?;
    let bytes = fs::read(&args.file).map_err(|error| Failure {
        hint: Some("name a file that is there and can be read".into()),
        ..Failure::new(
            anyhow::Error::from(error).context(format!("could not read `{}`", args.file.display())),
        )
    })?;
    let reading = read(&path, &bytes, &config.content.rules);
    for line in reading.problems.iter().flat_map(problem_lines) {
        if !output.is_json {
            output.note(&line);
        }
    }
    match &reading.outcome {
        Outcome::Draft(draft) => show_draft(global, &config, draft, &reading, args, output).await,
        outcome => {
            let kind = outcome_of(&reading).as_str();
            output.data(&format!("`{path}`: {}, not published", kind.replace('_', " ")));
            output.json(&NoItem { kind, problems: &reading.problems });
            Ok(if *outcome == Outcome::HeldBack { HELD_BACK } else { 0 })
        }
    }
}

async fn show_draft(
    global: &Global,
    config: &Config,
    draft: &Draft,
    reading: &Reading,
    args: &Show,
    output: Output,
) -> Result<u8, Failure> {
    let known = known_entries(config).await?;
    let context = comparison_context(config, session::clock(global).now(), false);
    let entry = preview(draft.clone(), &known, &context);
    let shown = Shown {
        id: entry.id.clone(),
        kind: draft.kind,
        title: &entry.title,
        published: entry.published.to_rfc3339(),
        published_source: draft.published.source,
        updated: entry.updated.to_rfc3339(),
        link: entry.link.as_str(),
        language: &entry.language,
        categories: &entry.categories,
        event: entry.event.as_ref(),
        enclosures: &entry.enclosures,
        summary: &entry.summary,
        problems: &reading.problems,
    };
    output.json(&shown);
    let kind = match draft.kind {
        DraftKind::Release => "release",
        DraftKind::Event => "event",
        DraftKind::Page => "page, not published",
    };
    let mut lines = vec![
        ("title", shown.title.to_owned()),
        ("kind", kind.to_owned()),
        ("id", shown.id.to_string()),
        ("link", shown.link.to_owned()),
        ("published", format!("{} ({})", shown.published, source_name(shown.published_source))),
        ("updated", shown.updated.clone()),
        ("language", shown.language.to_string()),
        ("categories", shown.categories.join(", ")),
        ("when", entry.event.as_ref().map(event_when).unwrap_or_default()),
        ("where", entry.event.as_ref().and_then(|e| e.venue.clone()).unwrap_or_default()),
        ("notice", draft.notes.withdrawn.clone().unwrap_or_default()),
        ("correction", draft.notes.correction.clone().unwrap_or_default()),
        ("change", draft.notes.change.clone().unwrap_or_default()),
        ("summary", shown.summary.to_owned()),
    ];
    if draft.is_unpublished {
        lines.push(("state", "draft: not published".to_owned()));
    } else if entry.published.to_utc() > context.now {
        lines.push(("state", "waits for its time of publication".to_owned()));
    }
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        output.data(&format!("{name:<11}{value}"));
    }
    for enclosure in shown.enclosures {
        output.data(&format!("{:<11}{} ({})", "file", enclosure.url, enclosure.media_type));
    }
    if args.html {
        output.data("");
        output.data(&entry.content_html);
    } else if !entry.content_text.is_empty() {
        output.data("");
        output.data(&entry.content_text);
    }
    Ok(0)
}

/// What the store knows; nothing where there is none yet.
async fn known_entries(config: &Config) -> Result<Known, Failure> {
    if !config.store_path.exists() {
        return Ok(Known::default());
    }
    let store = SqliteStore::open(&config.store_path).await?;
    Ok(Known::all(store.known_entries().await?))
}

fn source_name(source: PublishedSource) -> &'static str {
    match source {
        PublishedSource::PublishAt => "from `publish_at`",
        PublishedSource::Date => "from `date`",
        PublishedSource::FileName => "from the file name",
        PublishedSource::Body => "from the head of the text",
        PublishedSource::FirstSeen => "when it was first seen",
    }
}
