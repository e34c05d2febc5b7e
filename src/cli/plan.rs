//! `plan`: what would go out now, to whom, and why others get nothing.
//!
//! It scans as `publish-now` does, so that a plan with its hash can be sent exactly so; it
//! writes no document and sends nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::approve::short;
use super::failure::{Failure, HELD_BACK, ON_HOLD};
use super::output::{Output, count, cut};
use super::publish_now::{check_digests, stop_on_signals};
use super::{Global, session};
use crate::config::Environment;
use crate::pipeline::digests::outlook::{DigestOutlook, LeftOut, Outlook, Preview, outlook};
use crate::pipeline::digests::{TooMany, settle};
use crate::pipeline::publish::PublishReport;
use crate::pipeline::requests::ScanAnswer;
use crate::pipeline::{Press, feeds, people, scan};
use crate::store::RequestKind;
use crate::store::lock::{self, Asked};

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
    session::refuse_unfit(&press).await?;
    check_digests(&press, &args.digest)?;
    let scan = take_up(&press, output).await?;
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
    let code = if scan.is_held_back() { HELD_BACK } else { 0 };
    Ok(if press.store.open_holds().await?.is_empty() { code } else { ON_HOLD })
}

/// Scans, or has the daemon scan: what it finds is numbered as it will be when it goes out.
async fn take_up(press: &Press, output: Output) -> Result<PublishReport, Failure> {
    let stop = stop_on_signals();
    let mut has_told = false;
    loop {
        match lock::ask(&press.config.store_path, "plan")? {
            Asked::Taken(_lock) => {
                people::add_stand_ins(press).await?;
                let report = scan::scan(press).await?;
                // What a new text ends, and who is to get it then, is part of the plan.
                settle(press).await?;
                // A feed that an entry makes is one that people may follow.
                feeds::place(press).await?;
                return Ok(report);
            }
            Asked::HeldBy(Some(holder)) if holder.is_daemon() => {
                let asked = session::ask_and_wait(press, RequestKind::Scan, "", &stop).await?;
                match asked {
                    Some(ScanAnswer::Done(report)) => return Ok(*report),
                    Some(ScanAnswer::Failed(fault)) => return Err(session::failure(fault)),
                    None => {}
                }
            }
            Asked::HeldBy(holder) => {
                if let (Some(holder), false) = (holder, has_told) {
                    let (command, process) = (&holder.command, holder.process);
                    output.note(&format!("waiting for `{command}` (process {process}) to end"));
                    has_told = true;
                }
            }
        }
        if *stop.borrow() {
            return Err(Failure::new(anyhow::anyhow!("stopped before anything was planned")));
        }
        tokio::time::sleep(session::LOOK).await;
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
    let line = |name: &str, text: &str| output.paragraph(&format!("{name:<11}"), text);
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
            let waits = |digest: &DigestOutlook| digest.recipients > 0 && digest.needs_approval;
            if is_copy {
                line("", "of the time that was asked for: it is known to nobody else");
            } else if outlook.digests.iter().any(waits) {
                line("", &format!("{command} holds what waits for a word, and sends the rest"));
            } else {
                line("", &format!("{command} sends exactly this"));
            }
        }
        None => line("plan", "nothing would go out now"),
    }
}

fn show_digest(output: Output, digest: &DigestOutlook) {
    let line = |name: &str, text: &str| output.paragraph(&format!("{name:<11}"), text);
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
    let issues = count(digest.issues.len() as u64, "issue", "issues");
    let people = count(digest.recipients, "person", "people");
    let (first, last) = (digest.from_seq + 1, digest.to_seq);
    let window =
        if first == last { format!("change {last}") } else { format!("changes {first} to {last}") };
    let head = &digest.digest;
    line(head, &format!("{entries} in {issues} to {people}, {window}{paused}"));
    if digest.is_on_hold {
        line("", "on hold for its many issues: `tidings status` shows the hold");
    }
    if digest.needs_approval {
        line("", "waits for a word: `approve` of the digest");
    }
    for entry in digest.entries.iter().take(LISTED) {
        let mark = if entry.is_again { "again" } else { "new" };
        output.data(&cut(&format!("  {mark:<9}{}", entry.title), 0));
    }
    more(output, digest.entries.len());
    for issue in digest.issues.iter().take(LISTED) {
        let size = issue.size_bytes.div_ceil(1024);
        let people = count(issue.recipients, "person", "people");
        let entries = count(issue.entries as u64, "entry", "entries");
        let hash = short(&issue.hash);
        let text = format!("{hash} {}, {entries}, {size} KiB, {people}: ", issue.language);
        output.data(&cut(&format!("  issue    {text}{}", issue.subject), 0));
    }
    more(output, digest.issues.len());
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
            "run {} ({}): {} new, {} again, {} dropped",
            last.run, last.key, last.new, last.again, last.dropped
        );
        line("  against", &against);
    }
    show_left_out(output, &digest.left_out);
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
            format!("{entries} older than `content.max_age`, or from the first scan")
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !parts.is_empty() {
        output.paragraph("  left out ", &parts.join("; "));
    }
}
