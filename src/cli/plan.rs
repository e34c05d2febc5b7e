//! `plan`: what would go out now, to whom, and why others get nothing.
//!
//! It scans as `publish-now` does, so that a plan with its hash can be sent exactly so; it
//! writes no document and sends nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::approve::short;
use super::failure::{FAILED, Failure, HELD_BACK, ON_HOLD};
use super::output::{Output, count, cut};
use super::publish_now::{check_digests, stop_on_signals};
use super::turns::{Scanned, Turns};
use super::{Global, session};
use crate::config::Environment;
use crate::pipeline::digests::TooMany;
use crate::pipeline::digests::outlook::{DigestOutlook, LeftOut, Outlook, Preview, outlook};
use crate::pipeline::requests::Fault;

#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Plan this digest alone; may be given more than once
    #[arg(long, value_name = "NAME")]
    digest: Vec<String>,
    /// Write each issue to this folder: HTML, text, and its web copy
    #[arg(long, value_name = "DIR")]
    html: Option<PathBuf>,
}

/// Domains that are named; the rest is counted.
const DOMAINS: usize = 10;

/// Issues and entries that are listed of one digest.
const LISTED: usize = 10;

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Plan,
    output: Output,
) -> Result<u8, Failure> {
    let press = session::open(global, environment, output).await?;
    session::refuse_unfit(&press, output).await?;
    check_digests(&press, &args.digest)?;
    let stop = stop_on_signals();
    let Scanned { report: scan, turn } = Turns::new(&press, "plan", output, &stop).scan().await?;
    drop(turn);
    if let Some(folder) = &args.html {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    }
    let mut written = Ok(());
    let outlook = outlook(&press, &args.digest, |preview| {
        if let (Some(folder), Ok(())) = (&args.html, &written) {
            written = write(folder, preview);
        }
    })
    .await?;
    written?;
    show(output, &outlook, global.at.is_some());
    if let Some(folder) = &args.html {
        output.paragraph("written to ", &folder.display().to_string());
    }
    output.json(&outlook);
    show_faults(output, &outlook);
    let is_on_hold = !press.store.open_holds().await?.is_empty() || outlook.waits_for_word();
    Ok(exit_code(scan.is_held_back(), is_on_hold, outlook.has_fault()))
}

/// That of a `publish-now` which sends what was shown: the highest that applies.
fn exit_code(is_held_back: bool, is_on_hold: bool, has_fault: bool) -> u8 {
    match (is_on_hold, is_held_back, has_fault) {
        (true, _, _) => ON_HOLD,
        (false, true, _) => HELD_BACK,
        (false, false, true) => FAILED,
        (false, false, false) => 0,
    }
}

/// Digests of which nothing would be sent, told last: they are what there is to mend.
fn show_faults(output: Output, outlook: &Outlook) {
    for digest in &outlook.digests {
        let Some(Fault { message, hint }) = digest.fault.clone() else { continue };
        let name = &digest.digest;
        let error = anyhow::anyhow!("nothing of `{name}` would be sent: {message}");
        output.error(&Failure { hint, ..Failure::new(error) });
    }
}

fn write(folder: &Path, preview: Preview<'_>) -> Result<(), Failure> {
    let name = format!("{}-{}", preview.digest, short(preview.hash));
    for (end, text) in [(".html", preview.html), (".txt", preview.text), ("-web.html", preview.web)]
    {
        let path = folder.join(format!("{name}{end}"));
        fs::write(&path, text).map_err(|error| unwritable(&path, error))?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: io::Error) -> Failure {
    let failure =
        anyhow::Error::from(error).context(format!("could not write `{}`", path.display()));
    let hint = Some("name a folder that can be written to".to_owned());
    Failure { hint, ..Failure::new(failure) }
}

fn show(output: Output, outlook: &Outlook, is_copy: bool) {
    for digest in &outlook.digests {
        show_digest(output, digest);
    }
    let line = |name: &str, text: &str| output.paragraph(&format!("{name:<10} "), text);
    let mut waiting = Vec::new();
    if outlook.embargoed > 0 {
        waiting.push(count(outlook.embargoed, "entry waits", "entries wait") + " for its time");
    }
    if outlook.files_on_hold > 0 {
        waiting.push(count(outlook.files_on_hold, "file is", "files are") + " on hold");
    }
    if !waiting.is_empty() {
        line("not yet", &waiting.join(", "));
    }
    if let Some(opens) = &outlook.opens_at {
        line("window", &format!("closed: nothing but urgent news goes out before {opens}"));
    }
    match &outlook.plan {
        Some(hash) => {
            line("plan", hash);
            let command = format!("`tidings publish-now --plan {}`", short(hash));
            if is_copy {
                line("", "of the time that was asked for: it is known to nobody else");
            } else if outlook.waits_for_word() {
                line("", &format!("{command} holds what waits for a word, and sends the rest"));
            } else if outlook.has_fault() {
                line("", &format!("{command} sends exactly this, less what cannot be made"));
            } else {
                line("", &format!("{command} sends exactly this"));
            }
        }
        None => line("plan", "nothing would go out now"),
    }
}

fn show_digest(output: Output, digest: &DigestOutlook) {
    let line = |name: &str, text: &str| output.paragraph(&format!("{name:<10} "), text);
    let paused = if digest.is_paused { " (paused)" } else { "" };
    if digest.recipients == 0 {
        line(&digest.digest, &format!("nothing new for anybody{paused}"));
        show_left_out(output, &digest.left_out);
        return;
    }
    if let Some(TooMany { limit, feeds }) = &digest.too_many {
        let text = format!(
            "on hold{paused}: more than {limit} different issues; they differ by the feeds {feeds}"
        );
        line(&digest.digest, &text);
        line("", "`tidings publish-now` asks for a word, and `approve` gives it");
        return;
    }
    let entries = count(digest.entries.len() as u64, "entry", "entries");
    let issues = match &digest.fault {
        None => format!(" in {}", count(digest.issues.len() as u64, "issue", "issues")),
        Some(_) => String::new(),
    };
    let people = count(digest.recipients, "person", "people");
    let (first, last) = (digest.from_seq + 1, digest.to_seq);
    let window =
        if first == last { format!("change {last}") } else { format!("changes {first} to {last}") };
    let head = &digest.digest;
    line(head, &format!("{entries}{issues} to {people}, {window}{paused}"));
    if digest.is_on_hold {
        line("", "on hold for its many issues: `tidings status` shows the hold");
    }
    if digest.needs_approval {
        line("", "waits for a word: `approve` of the digest");
    }
    if digest.fault.is_some() {
        line("", "nothing of it would be sent: see the error below");
    }
    show_entries(output, digest);
    show_issues(output, digest);
    show_people(output, digest);
    show_left_out(output, &digest.left_out);
}

fn show_entries(output: Output, digest: &DigestOutlook) {
    for entry in digest.entries.iter().take(LISTED) {
        let mark = if entry.is_again { "again" } else { "new" };
        output.data(&cut(&format!("  {mark:<9}{}", entry.title), 0));
    }
    more(output, digest.entries.len());
}

fn show_issues(output: Output, digest: &DigestOutlook) {
    for issue in digest.issues.iter().take(LISTED) {
        let size = issue.size_bytes.div_ceil(1024);
        let people = count(issue.recipients, "person", "people");
        let entries = count(issue.entries as u64, "entry", "entries");
        let hash = short(&issue.hash);
        let text = format!("{hash} {}, {entries}, {size} KiB, {people}: ", issue.language);
        output.data(&cut(&format!("  issue    {text}{}", issue.subject), 0));
    }
    more(output, digest.issues.len());
}

/// By feed and domain, and what is different from the last run.
fn show_people(output: Output, digest: &DigestOutlook) {
    let line = |name: &str, text: &str| output.paragraph(&format!("{name:<10} "), text);
    let counted = |list: &[(String, u64)]| {
        let parts: Vec<String> = list.iter().map(|(name, n)| format!("{name} {n}")).collect();
        parts.join(", ")
    };
    line("  feeds", &counted(&digest.feeds));
    let (named, rest) = digest.domains.split_at(digest.domains.len().min(DOMAINS));
    let mut domains = counted(named);
    if !rest.is_empty() {
        let people: u64 = rest.iter().map(|(_, n)| n).sum();
        let others = count(rest.len() as u64, "other domain", "other domains");
        domains = format!("{domains}, {others} {people}");
    }
    line("  domains", &domains);
    if let Some(last) = &digest.last_run {
        let against = format!(
            "run {} ({}): {} new, {} again; of what it had {} left out now",
            last.run,
            last.key,
            last.new,
            last.again,
            count(last.dropped, "entry is", "entries are")
        );
        line("  against", &against);
    }
}

fn more(output: Output, length: usize) {
    if length > LISTED {
        output.data(&format!("           and {} more", length - LISTED));
    }
}

fn show_left_out(output: Output, left: &LeftOut) {
    let people =
        |n: u64, what: &str| (n > 0).then(|| format!("{} {what}", count(n, "person", "people")));
    let parts: Vec<String> = [
        people(left.paused, "paused"),
        people(left.suppressed, "suppressed"),
        people(left.already_received, "with all of it already, or by another digest"),
        (left.translations > 0).then(|| {
            let copies = count(left.translations, "copy", "copies");
            format!("{copies} of an entry in another language than the reader's")
        }),
        (left.too_old > 0).then(|| {
            let entries = count(left.too_old, "entry", "entries");
            format!("{entries} older than `content.max_age`, or from the first scan (`change_note` tells them)")
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !parts.is_empty() {
        output.paragraph("  left out ", &parts.join("; "));
    }
}
