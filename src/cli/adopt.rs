//! `adopt`: a new store takes ids and dates over from the documents of the lost one.

use std::fs;
use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::failure::{Failure, HELD_BACK};
use super::output::{Output, count};
use super::{Global, session};
use crate::catalogue::{Adoption, Former};
use crate::config::Environment;
use crate::content::{Problem, Severity};
use crate::dates::day;
use crate::feeds::former::FormerEntries;
use crate::pipeline::publish::PublishReport;
use crate::pipeline::{Press, scan};
use crate::publish::atom_documents;
use crate::store::lock::{self, Asked};

#[derive(Debug, Args)]
pub(super) struct Adopt {
    /// Say what would be taken over, on a private copy, and remember nothing
    #[arg(long)]
    dry_run: bool,
}

/// Everything, for scripts.
#[derive(Debug, Serialize)]
struct Report {
    /// Atom documents that were read.
    documents: usize,
    adopted: Vec<AdoptedFile>,
    /// Former entries that no file matches.
    unmatched: Vec<Former>,
    /// Files that no document knows.
    unknown: Vec<String>,
    problems: Vec<Problem>,
}

/// A file with the id that it has again.
#[derive(Debug, Serialize)]
struct AdoptedFile {
    path: String,
    id: String,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Adopt,
    output: Output,
) -> Result<u8, Failure> {
    let config = session::config(global, environment, output)?;
    let folder = config.output_folder.clone();
    let (documents, former) = read_documents(&folder)?;
    let clock = session::clock(global);
    let press = if args.dry_run || global.at.is_some() {
        session::open_private(config, clock, output).await?
    } else {
        session::open_with(config, clock).await?
    };
    let _lock = match lock::ask(&press.config.store_path, "adopt")? {
        Asked::Taken(lock) => lock,
        Asked::HeldBy(holder) => {
            let holder = holder.map_or("another process".into(), |holder| {
                format!("`{}` (process {})", holder.command, holder.process)
            });
            return Err(Failure {
                hint: Some("end it first; it works with the store that is to be made anew".into()),
                ..Failure::new(anyhow::anyhow!("{holder} uses the store"))
            });
        }
    };
    refuse_a_store_in_use(&press).await?;
    let (scan, adoption) = scan::adopt(&press, former).await?;
    let code = if scan.is_held_back() { HELD_BACK } else { 0 };
    show(output, &folder, documents, &scan, &adoption);
    output.json(&report(documents, scan, adoption));
    Ok(code)
}

/// How many Atom documents lie in the output folder, and the entries that they show.
fn read_documents(folder: &Path) -> Result<(usize, Vec<Former>), Failure> {
    let could_not_read = |path: &Path| format!("could not read `{}`", path.display());
    let failed = |path: &Path, error: anyhow::Error, hint: &str| Failure {
        hint: Some(hint.into()),
        ..Failure::new(error.context(could_not_read(path)))
    };
    let readable = "let the user that runs tidings read it";
    let documents =
        atom_documents(folder).map_err(|error| failed(folder, error.into(), readable))?;
    if documents.is_empty() {
        return Err(Failure::usage(
            format!("there is no Atom document in `{}`", folder.join("feeds").display()),
            "bring the output folder back, from a backup or the web server; without it run \
             `tidings publish-now`: ids come from paths then",
        ));
    }
    let mut former = FormerEntries::default();
    for path in &documents {
        let bytes = fs::read(path).map_err(|error| failed(path, error.into(), readable))?;
        // What is passed over here would be lost for ever.
        former.read(&bytes).map_err(|error| {
            failed(path, error.into(), "bring it back from a backup, or move it away to go on")
        })?;
    }
    Ok((documents.len(), former.into_list()))
}

async fn refuse_a_store_in_use(press: &Press) -> Result<(), Failure> {
    if press.store.is_new().await? {
        return Ok(());
    }
    let store = press.config.store_path.display();
    Err(Failure::usage(
        format!("the store `{store}` has scanned the content folder already"),
        format!(
            "it knows its entries; only where it is of no use any more, move `{store}` and the \
             files `{store}-*` away and run this again: subscribers and what was sent go with it"
        ),
    ))
}

fn report(documents: usize, scan: PublishReport, adoption: Adoption) -> Report {
    let adopted = adoption.adopted.into_iter();
    Report {
        documents,
        adopted: adopted.map(|(path, id)| AdoptedFile { path, id: id.to_string() }).collect(),
        unmatched: adoption.unmatched,
        unknown: adoption.unknown,
        problems: scan.problems,
    }
}

fn show(
    output: Output,
    folder: &Path,
    documents: usize,
    scan: &PublishReport,
    adoption: &Adoption,
) {
    let Adoption { adopted, unmatched, unknown } = adoption;
    let former = adopted.len() + unmatched.len();
    let line = |heading: &str, text: &str| output.say_paragraph(&format!("{heading:<11}"), text);
    line(
        "Read",
        &format!(
            "{} in {}, with {}",
            count(documents as u64, "Atom document", "Atom documents"),
            folder.display(),
            count(former as u64, "entry", "entries"),
        ),
    );
    line("Adopted", &count(adopted.len() as u64, "entry", "entries"));
    if !unknown.is_empty() {
        let files = count(unknown.len() as u64, "file", "files");
        line("New", &format!("{files} that no document knows; `--json` names them"));
    }
    if !unmatched.is_empty() {
        let entries = count(unmatched.len() as u64, "entry", "entries");
        line(
            "Not found",
            &format!("{entries} without a file, which the next `publish-now` drops:"),
        );
    }
    for former in unmatched {
        let address = former.link.as_deref().unwrap_or(former.id.as_str());
        output.data(&format!("  {}  {}", day(former.published), former.title));
        output.data(&format!("      {address}"));
    }
    let held_back = scan.problems.iter().filter(|p| p.severity == Severity::Error).count();
    if held_back > 0 {
        let errors = count(held_back as u64, "error", "errors");
        output.note(&format!(
            "{errors}; `tidings check` shows them: a file that is held back is matched with nothing"
        ));
    }
}
