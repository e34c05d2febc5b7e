//! `check`: reads content and reports what there is to mend. Writes nothing.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use clap::Args;
use serde::Serialize;

use super::failure::{Failure, HELD_BACK};
use super::output::{Output, count, listed, problem_lines};
use super::{Global, session};
use crate::catalogue::{Known, Scanned, diff};
use crate::config::{Config, Environment};
use crate::content::{self, DraftKind, Outcome, Problem, Reading, Severity, read};
use crate::pipeline::publish::PublishingError;
use crate::pipeline::scan::{comparison_context, outcome_of};
use crate::store::FileOutcome;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Files to read; without any, the whole content folder
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Files by what they are.
    files: BTreeMap<FileOutcome, u64>,
    errors: usize,
    warnings: usize,
    /// Gravest first.
    problems: Vec<Problem>,
}

pub(super) fn run(
    global: &Global,
    environment: &Environment,
    args: &Check,
    output: Output,
) -> Result<u8, Failure> {
    let config = session::config(global, environment, output)?;
    let (readings, mut problems) = if args.files.is_empty() {
        read_folder(global, &config)?
    } else {
        (read_files(&config, &args.files)?, Vec::new())
    };
    let mut files: BTreeMap<FileOutcome, u64> = BTreeMap::new();
    for (_, reading) in &readings {
        *files.entry(outcome_of(reading)).or_default() += 1;
        problems.extend(reading.problems.iter().cloned());
    }
    problems.extend(clashes(global, &config, &readings));
    problems.sort();
    let errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    for line in problems.iter().flat_map(problem_lines) {
        output.data(&line);
    }
    let total = readings.len() as u64;
    let kinds: Vec<String> =
        files.iter().map(|(kind, n)| format!("{n} {}", kind.as_str().replace('_', " "))).collect();
    output.say(&format!(
        "{}{}: {}, {}",
        count(total, "file", "files"),
        if kinds.is_empty() { String::new() } else { format!(" ({})", listed(&kinds)) },
        count(errors as u64, "error", "errors"),
        count(warnings as u64, "warning", "warnings"),
    ));
    let code = if errors > 0 { HELD_BACK } else { 0 };
    output.json(&Report { files, errors, warnings, problems });
    Ok(code)
}

type Readings = Vec<(String, Reading)>;

fn read_folder(global: &Global, config: &Config) -> Result<(Readings, Vec<Problem>), Failure> {
    let clock = session::clock(global);
    let scan = content::scan(
        &config.content.folder,
        &config.content.rules,
        &HashMap::new(),
        &|| clock.now(),
        &thread::sleep,
    )
    .map_err(PublishingError::from)?;
    let readings = scan.files.into_iter().map(|file| (file.path, file.reading));
    Ok((readings.collect(), scan.problems))
}

fn read_files(config: &Config, files: &[PathBuf]) -> Result<Readings, Failure> {
    files
        .iter()
        .map(|file| {
            let path = content_path(config, file)?;
            let bytes = fs::read(file).map_err(|error| {
                let error = anyhow::Error::from(error);
                Failure {
                    hint: Some("name a file that is there and can be read".into()),
                    ..Failure::new(error.context(format!("could not read `{}`", file.display())))
                }
            })?;
            let reading = read(&path, &bytes, &config.content.rules);
            Ok((path, reading))
        })
        .collect()
}

/// Path of a file from the content folder on: kind, address and id come from it. A file
/// elsewhere is taken under its name as it was given.
pub(super) fn content_path(config: &Config, file: &Path) -> Result<String, Failure> {
    let inside = fs::canonicalize(file).ok().and_then(|file| {
        let folder = fs::canonicalize(&config.content.folder).ok()?;
        file.strip_prefix(folder).ok().map(Path::to_owned)
    });
    let path = inside.as_deref().unwrap_or(file);
    let text = path.to_str().ok_or_else(|| {
        Failure::usage(
            format!("the name `{}` is not UTF-8", file.display()),
            "rename the file; its name becomes part of an address",
        )
    })?;
    Ok(text.trim_start_matches(['/', '.']).to_owned())
}

/// What is wrong between files: the same id twice.
fn clashes(global: &Global, config: &Config, readings: &Readings) -> Vec<Problem> {
    let mut scanned = Scanned::default();
    for (_, reading) in readings {
        if let Outcome::Draft(draft) = &reading.outcome
            && draft.kind != DraftKind::Page
        {
            scanned.drafts.push((**draft).clone());
        }
    }
    let context = comparison_context(config, session::clock(global).now(), true);
    diff(&Known::default(), scanned, &context).problems
}
