//! `who-got ENTRY`: how many got which revision of an entry, run by run, and who.
//!
//! Reads alone: no lock is taken, and it works beside a daemon.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::Global;
use super::check::path_in_content;
use super::failure::Failure;
use super::output::{Output, count, listed};
use super::session::{self, local};
use crate::config::Environment;
use crate::pipeline::Press;
use crate::store::{EntryFound, ReceivedCopy, RunReceivers};

/// Entries that are named where more than one is meant.
const NAMED: usize = 20;

#[derive(Debug, Args)]
pub(super) struct WhoGot {
    /// File, id or address of the entry, or a part of one of them or of the title
    entry: String,
    /// List the subscribers by their numbers; with --json the list is all that is printed
    #[arg(long)]
    list: bool,
    /// List them with their e-mail addresses
    #[arg(long, requires = "list")]
    addresses: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    entry: &'a EntryFound,
    runs: &'a [RunReceivers],
    /// By state, over all runs and revisions.
    deliveries: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Row {
    subscriber: i64,
    run: i64,
    revision: i64,
    state: String,
    at: DateTime<Utc>,
    /// Where it was asked for, and the person was not erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &WhoGot,
    output: Output,
) -> Result<u8, Failure> {
    let looking = session::look(global, environment, output).await?;
    let press = &looking.press;
    let entry = find(press, &args.entry).await?;
    let runs = press.store.receivers_by_run(entry.row).await?;
    if !(args.list && output.is_json) {
        show(output, &entry, &runs);
    }
    if args.list {
        list(press, args, &entry, &runs, output).await?;
    }
    Ok(0)
}

/// The one entry that is meant.
async fn find(press: &Press, asked: &str) -> Result<EntryFound, Failure> {
    let mut found = Vec::new();
    // A path as the shell names it is one file's, and never a part of a title.
    if let Some(path) = path_in_content(&press.config, Path::new(asked)) {
        found = press.store.entries_like(&path).await?;
        found.retain(|entry| entry.path.as_deref() == Some(path.as_str()));
    }
    if found.is_empty() {
        found = press.store.entries_like(asked).await?;
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Failure::usage(
            format!("there is no entry `{asked}`"),
            "give its file, id or address, or a part of one of them or of its title",
        )),
        n => {
            let more = if n > NAMED { "more than 20 entries" } else { "several entries" };
            let names = found.iter().take(NAMED);
            let names: Vec<String> =
                names.map(|entry| format!("  {} ({})", place(entry), entry.title)).collect();
            Err(Failure::usage(
                format!("`{asked}` may mean {more}:\n{}", names.join("\n")),
                "give more of it, or the whole path",
            ))
        }
    }
}

fn place(entry: &EntryFound) -> &str {
    entry.path.as_deref().unwrap_or(&entry.id)
}

fn show(output: Output, entry: &EntryFound, runs: &[RunReceivers]) {
    let mut all = BTreeMap::new();
    for (state, n) in runs.iter().flat_map(|run| &run.deliveries) {
        *all.entry(state.clone()).or_default() += n;
    }
    output.paragraph("", &entry.title);
    output.paragraph("", &entry.id);
    for run in runs {
        let RunReceivers { run: number, digest, key, revision, deliveries } = run;
        output.paragraph("", &format!("run {number} ({digest} {key}), revision {revision}"));
        output.paragraph("    ", &counted(deliveries));
    }
    if runs.is_empty() {
        output.data("nobody got it by mail");
    } else {
        output.paragraph("in all: ", &counted(&all));
    }
    output.json(&Report { entry, runs, deliveries: all });
}

fn counted(deliveries: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = deliveries.iter().map(|(state, n)| format!("{n} {state}")).collect();
    listed(&parts)
}

async fn list(
    press: &Press,
    args: &WhoGot,
    entry: &EntryFound,
    runs: &[RunReceivers],
    output: Output,
) -> Result<(), Failure> {
    let mut rows = output.json_list();
    let mut numbers: Vec<i64> = runs.iter().map(|run| run.run).collect();
    numbers.dedup();
    for run in numbers {
        let mut after = i64::MIN;
        loop {
            let page = press.store.received_copies(entry.row, run, after).await?;
            let Some(last) = page.last() else { break };
            after = last.subscriber;
            for receiver in page {
                let address = if args.addresses { address(press, &receiver)? } else { None };
                let ReceivedCopy { subscriber, revision, state, changed_at: at, .. } = receiver;
                let row = Row { subscriber, run, revision, state, at, address };
                output.data(&line(press, &row));
                rows.add(&row);
            }
        }
    }
    let listed = rows.end();
    output.say(&count(listed, "delivery", "deliveries"));
    Ok(())
}

fn address(press: &Press, receiver: &ReceivedCopy) -> Result<Option<String>, Failure> {
    let Some((key, cipher)) = &receiver.address else { return Ok(None) };
    Ok(Some(press.keys.open_address(*key, cipher)?.as_str().to_owned()))
}

fn line(press: &Press, row: &Row) -> String {
    let address = row.address.as_ref().map(|address| format!(" {address}")).unwrap_or_default();
    format!(
        "{} {} run {} revision {} {}{address}",
        row.subscriber,
        row.state,
        row.run,
        row.revision,
        local(press, row.at)
    )
}
