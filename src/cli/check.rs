//! `check`: reads content and reports what there is to mend. Writes nothing.
//!
//! Problems are grouped by what is wrong: five thousand of them are mostly one habit of an
//! editor five thousand times over, and are mended in one go.

mod groups;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;

use clap::Args;
use serde::Serialize;

use super::failure::{Failure, HELD_BACK, USAGE};
use super::output::{Output, count, file_kinds};
use super::{Global, session};
use crate::catalogue::{Address, EntryState, Known, Replacement, Scanned, Step, clashes, diff};
use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::content::{self, Draft, DraftKind, Outcome, Problem, Reading, Severity, read};
use crate::model::Language;
use crate::pipeline::publish::PublishingError;
use crate::pipeline::scan::{comparison_context, outcome_of};
use crate::pipeline::trial::try_templates;
use crate::store::FileOutcome;
use crate::templates::Templates;
use crate::words::Wordbook;
use groups::{Group, group};

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Files and folders to read; without any, the whole content folder
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// Name every file, not the first ones of each kind of problem alone
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    /// Files by what they are.
    files: BTreeMap<FileOutcome, u64>,
    errors: usize,
    warnings: usize,
    /// Paths that an error stops.
    held_back: BTreeSet<&'a str>,
    /// Still being written, so not read.
    moving: &'a [String],
    /// Problems by what is wrong, gravest and most frequent first.
    groups: Vec<Group<'a>>,
    /// Every problem, gravest first.
    problems: &'a [Problem],
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Check,
    output: Output,
) -> Result<u8, Failure> {
    let config = session::config(global, environment, output)?;
    if let Some(user) = config.mail.relay.lacks_password_of() {
        output.warn(&format!(
            "`mail.relay` has the user `{user}` and no password is given here: whoever sends \
             needs `TIDINGS_SMTP_PASSWORD`, or `mail.password_file`"
        ));
    }
    session::warn_without_law(&config, output);
    let templates = Templates::load(&config.templates_folder)?;
    session::warn_of_strays(&templates, output);
    try_templates(&templates, &config.site)?;
    let in_use = config.languages.iter().chain([&config.site.language]);
    for remark in templates.remarks(in_use.map(Language::as_str)) {
        output.note(&format!("note: {remark}"));
    }
    let is_lost = tell_lost(global, environment, &config, output).await;
    let clock = session::clock(global);
    let found = look(&config, clock.as_ref(), &args.paths)?;
    let report = report(&found);
    for (index, group) in report.groups.iter().enumerate() {
        if index > 0 {
            output.data("");
        }
        groups::show(output, group, args.all);
    }
    show_totals(output, &config, &found, &report);
    output.json(&report);
    let config_code = if is_lost { USAGE } else { 0 };
    Ok(if report.errors > 0 { HELD_BACK } else { config_code })
}

/// Says so where people follow what the config no longer has; nothing would be sent then. Where
/// there is no store yet nobody follows anything.
async fn tell_lost(
    global: &Global,
    environment: &Environment,
    config: &Config,
    output: Output,
) -> bool {
    if global.at.is_some() || !config.store_path.exists() {
        return false;
    }
    let quiet = Output { is_quiet: true, ..output };
    let looked = async {
        let looking = session::look(global, environment, quiet).await?;
        session::refuse_lost(&looking.press).await
    };
    match looked.await {
        Ok(()) => false,
        Err(failure) if failure.code == USAGE => {
            output.error(&failure);
            true
        }
        Err(failure) => {
            let error = failure.error;
            output.warn(&format!("could not look whether people follow what is lost: {error:#}"));
            false
        }
    }
}

/// What was read: a small record of each file, for there may be many. Bodies go as they come.
#[derive(Debug, Default)]
struct Found {
    outcomes: BTreeMap<String, FileOutcome>,
    /// Releases and events, without what they say.
    #[expect(clippy::vec_box, reason = "as a comparison takes them, each to go as it is used")]
    drafts: Vec<Box<Draft>>,
    /// Gravest first.
    problems: Vec<Problem>,
    moving: Vec<String>,
}

impl Found {
    fn take(&mut self, path: String, reading: Reading) {
        let outcome = outcome_of(&reading);
        if self.outcomes.insert(path, outcome).is_some() {
            // Named twice, as a file and with its folder.
            return;
        }
        self.problems.extend(reading.problems);
        if let Outcome::Draft(mut draft) = reading.outcome
            && draft.kind != DraftKind::Page
        {
            for text in [&mut draft.content_html, &mut draft.content_text, &mut draft.summary] {
                *text = String::new();
            }
            self.drafts.push(draft);
        }
    }

    /// Adds what is wrong between files, such as the same id twice.
    fn compare(&mut self, config: &Config, clock: &dyn Clock) {
        self.drafts.sort_by(|a, b| a.path.cmp(&b.path));
        let drafts = std::mem::take(&mut self.drafts);
        let scanned = Scanned { drafts, ..Scanned::default() };
        // How changes are told is no matter here.
        let words = Arc::clone(Wordbook::builtin());
        let context = comparison_context(config, words, clock.now(), true);
        let found = diff(&Known::default(), scanned, &context);
        let (addresses, replacements) = addresses(&found.steps);
        let mut problems = found.problems;
        problems.extend(clashes(&addresses, &replacements));
        for problem in problems.iter().filter(|p| p.severity == Severity::Error) {
            self.outcomes.insert(problem.path.clone(), FileOutcome::HeldBack);
        }
        self.problems.extend(problems);
        self.problems.sort();
    }
}

/// Addresses of what would be accepted, and what stands in the place of what was withdrawn.
fn addresses(steps: &[Step]) -> (Vec<Address>, Vec<Replacement>) {
    let mut addresses = Vec::new();
    let mut replacements = Vec::new();
    for step in steps {
        let Step::Accept(accepted) = step else { continue };
        let (path, link) = (accepted.path.clone(), accepted.entry.link.to_string());
        if accepted.state == EntryState::Withdrawn {
            let by = accepted.entry.notes.replaced_by.as_ref();
            replacements.extend(by.map(|by| Replacement { path, link, by: by.to_string() }));
        } else {
            addresses.push(Address { path, link });
        }
    }
    (addresses, replacements)
}

fn report(found: &Found) -> Report<'_> {
    let mut files: BTreeMap<FileOutcome, u64> = BTreeMap::new();
    for outcome in found.outcomes.values() {
        *files.entry(*outcome).or_default() += 1;
    }
    let errors = found.problems.iter().filter(|p| p.severity == Severity::Error);
    Report {
        files,
        errors: errors.clone().count(),
        warnings: found.problems.len() - errors.clone().count(),
        held_back: errors.map(|p| p.path.as_str()).collect(),
        moving: &found.moving,
        groups: group(&found.problems),
        problems: &found.problems,
    }
}

/// How much was read, and what becomes of it.
fn show_totals(output: Output, config: &Config, found: &Found, report: &Report<'_>) {
    if !report.groups.is_empty() {
        output.say("");
    }
    for path in &found.moving {
        output.note(&format!("`{path}` is still being written and was not read"));
    }
    let total: u64 = report.files.values().sum();
    if total == 0 && report.groups.is_empty() {
        output.say(&format!("no content files in `{}`", config.content.folder.display()));
        return output.say("content files end in `.md`, `.markdown`, `.mdx` or `.html`");
    }
    let kinds = file_kinds(|kind| report.files.get(&kind).copied().unwrap_or(0));
    output.say_paragraph("", &format!("{}: {kinds}", count(total, "file", "files")));
    let counts = format!(
        "{}, {}",
        count(report.errors as u64, "error", "errors"),
        count(report.warnings as u64, "warning", "warnings"),
    );
    if report.groups.is_empty() {
        return output.say(&format!("{counts}: nothing to mend"));
    }
    output.say(&counts);
    let held_back = report.held_back.len() as u64;
    if held_back > 0 {
        let files = count(held_back, "file", "files");
        output.say(&format!("held back:     {files}; what readers have of them stays as it is"));
    }
    let warned: BTreeSet<&str> = found.problems.iter().map(|p| p.path.as_str()).collect();
    let goes_on =
        |outcome: &FileOutcome| matches!(outcome, FileOutcome::Release | FileOutcome::Event);
    let going: Vec<&str> = found
        .outcomes
        .iter()
        .filter(|(path, outcome)| goes_on(outcome) && !report.held_back.contains(path.as_str()))
        .map(|(path, _)| path.as_str())
        .collect();
    let with_warnings = going.iter().filter(|path| warned.contains(**path)).count();
    let going = count(going.len() as u64, "release or event", "releases and events");
    let with_warnings = match with_warnings {
        0 => String::new(),
        n => format!(", {n} with warnings"),
    };
    output.say(&format!("not held back: {going}{with_warnings}"));
}

/// Reads the named files and folders, or without any the whole content folder.
fn look(config: &Config, clock: &dyn Clock, paths: &[PathBuf]) -> Result<Found, Failure> {
    let mut found = Found::default();
    let mut folders = Vec::new();
    for path in paths.iter().map(|path| located(config, path)) {
        if path.is_dir() {
            folders.push(folder_path(config, &path)?);
        } else {
            let (name, bytes) = read_named(config, &path)?;
            found.take(name.clone(), read(&name, &bytes, &config.content.rules));
        }
    }
    if paths.is_empty() {
        folders.push(String::new());
    }
    if !folders.is_empty() {
        let is_named = |path: &str| folders.iter().any(|folder| is_below(path, folder));
        read_folder(config, clock, &is_named, &mut found)?;
    }
    found.compare(config, clock);
    Ok(found)
}

/// Reads the content folder, and keeps what is asked for.
fn read_folder(
    config: &Config,
    clock: &dyn Clock,
    is_named: &dyn Fn(&str) -> bool,
    found: &mut Found,
) -> Result<(), Failure> {
    let content = &config.content;
    let nothing = HashMap::new();
    let scan =
        content::scan(&content.folder, &content.rules, &nothing, &|| clock.now(), &thread::sleep)
            .map_err(PublishingError::from)?;
    for file in scan.files.into_iter().filter(|file| is_named(&file.path)) {
        found.take(file.path, file.reading);
    }
    found.problems.extend(scan.problems.into_iter().filter(|p| is_named(&p.path)));
    found.moving = scan.moving.into_iter().filter(|path| is_named(path)).collect();
    Ok(())
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where a file or folder lies that may be named from the content folder on too.
pub(super) fn located(config: &Config, path: &Path) -> PathBuf {
    let below = config.content.folder.join(path);
    if !path.exists() && below.exists() { below } else { path.to_owned() }
}

/// A named file: its path from the content folder on, and its bytes.
pub(super) fn read_named(config: &Config, file: &Path) -> Result<(String, Vec<u8>), Failure> {
    let failed = |error: anyhow::Error| Failure {
        hint: Some("name a file that is there and can be read".into()),
        ..Failure::new(error.context(format!("could not read `{}`", file.display())))
    };
    let metadata = fs::metadata(file).map_err(|error| failed(error.into()))?;
    if !metadata.is_file() {
        // Reading a pipe would wait for somebody to write into it.
        return Err(failed(anyhow::anyhow!("it is not an ordinary file")));
    }
    let path = content_path(config, file)?;
    let bytes = fs::read(file).map_err(|error| failed(error.into()))?;
    Ok((path, bytes))
}

/// A named folder's path from the content folder on; empty for that folder itself.
fn folder_path(config: &Config, folder: &Path) -> Result<String, Failure> {
    let content = &config.content.folder;
    match inside(config, folder) {
        Some(path) => as_text(&path),
        None => Err(Failure::usage(
            format!("`{}` is not in the content folder", folder.display()),
            format!("name a folder in `{}`, or set `content.folder`", content.display()),
        )),
    }
}

/// Path of a file from the content folder on: kind, address and id come from it. A file
/// elsewhere is taken under its name as it was given.
fn content_path(config: &Config, file: &Path) -> Result<String, Failure> {
    let inside = inside(config, file);
    let path = as_text(inside.as_deref().unwrap_or(file))?;
    Ok(path.trim_start_matches(['/', '.']).to_owned())
}

/// Path from the content folder on of a file in it, which may be gone, by a path that leads into
/// that folder.
pub(super) fn path_in_content(config: &Config, file: &Path) -> Option<String> {
    let gone = || {
        let plain = |path: &Path| path.components().filter(|c| *c != Component::CurDir).collect();
        let (file, folder): (PathBuf, PathBuf) = (plain(file), plain(&config.content.folder));
        file.strip_prefix(folder).ok().map(Path::to_owned)
    };
    inside(config, file).or_else(gone)?.to_str().map(str::to_owned)
}

fn inside(config: &Config, path: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(path).ok()?;
    let folder = fs::canonicalize(&config.content.folder).ok()?;
    path.strip_prefix(folder).ok().map(Path::to_owned)
}

fn as_text(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Failure::usage(
            format!("the name `{}` is not UTF-8", path.display()),
            "rename the file; its name becomes part of an address",
        )
    })
}
