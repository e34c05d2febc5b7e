//! `status`: what is published, waiting, pending and sent.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::approve::hold_lines;
use super::failure::Failure;
use super::output::{Output, count, file_kinds, listed};
use super::pause::{stopped, told};
use super::session::{local, opening_after};
use super::{Global, session};
use crate::config::Environment;
use crate::content::Severity;
use crate::digest::schedule::next;
use crate::outbox::ballast::Ballast;
use crate::pipeline::Press;
use crate::pipeline::mirror::is_mirror_behind;
use crate::pipeline::publish::archives_to_make;
use crate::pipeline::scan::file_counts;
use crate::pipeline::send::{RunReport, next_due, run_reports};
use crate::store::lock::{self, Holder};
use crate::store::{HoldRecord, PauseRecord, RelayFault};

/// States a delivery can have; those without any are told as 0.
const STATES: [&str; 8] =
    ["pending", "claimed", "intent", "accepted", "rejected", "uncertain", "rehearsed", "cancelled"];

#[derive(Debug, Serialize)]
struct Status {
    /// Whether the content folder was ever scanned into the store.
    has_scanned: bool,
    /// Who scans and sends now.
    holder: Option<Holder>,
    relay: String,
    /// Why the daemon that runs cannot send; null where it can, or none runs.
    relay_fault: Option<RelayFault>,
    entries: BTreeMap<String, u64>,
    files: BTreeMap<String, u64>,
    errors: usize,
    warnings: usize,
    newest_seq: i64,
    documents: usize,
    /// Archives that are still to be made.
    archives_to_make: u64,
    /// Topics that hubs are still to be told of.
    hub_topics: u64,
    /// Whether the object store lacks what the folder has.
    is_bucket_behind: bool,
    subscribers: BTreeMap<String, u64>,
    digests: Vec<DigestStatus>,
    deliveries: BTreeMap<String, u64>,
    /// When the first of those that are to go out falls due; null where none is, or where it
    /// waits for an operator.
    next_delivery_at: Option<DateTime<Utc>>,
    /// Accepted after an outcome that was never known: these may have arrived twice.
    resent: u64,
    open_runs: Vec<RunReport>,
    /// Octets that are left on the store's disk, where they are too few for a ballast; else null.
    room_left: Option<u64>,
    /// What is kept from being sent.
    pauses: Vec<PauseRecord>,
    /// When digests may go out again; null where they may now.
    window_opens_at: Option<String>,
    /// E-mails of runs under way that wait for that.
    waiting_for_window: u64,
    /// Patterns of `mail.allow`; mail to others is rehearsed. Null where all is sent.
    allow: Option<Vec<String>>,
    /// What waits for `approve`.
    holds: Vec<HoldRecord>,
}

#[derive(Debug, Serialize)]
struct DigestStatus {
    name: String,
    /// When it goes out next, at the digest's own offset.
    next: Option<String>,
    /// When a send window lets it go out, where that moment is outside them.
    goes_out: Option<String>,
    covered_seq: i64,
    /// No run of it is planned, whatever falls due.
    is_paused: bool,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    output: Output,
) -> Result<u8, Failure> {
    let looking = session::look(global, environment, output).await?;
    let status = read(&looking.press).await?;
    output.json(&status);
    show(&looking.press, output, &status);
    Ok(0)
}

async fn read(press: &Press) -> Result<Status, Failure> {
    let store = &press.store;
    let holder = lock::holder(&press.config.store_path);
    let is_daemon = holder.as_ref().is_some_and(Holder::is_daemon);
    let relay_fault = if is_daemon { store.relay_fault().await? } else { None };
    let now = press.clock.now();
    let problems = store.problems().await?;
    let errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
    let pauses = store.pauses().await?;
    let counts = store.delivery_counts().await?;
    let deliveries = STATES
        .iter()
        .map(|state| ((*state).to_owned(), counts.by_state.get(*state).copied().unwrap_or(0)));
    let open: Vec<i64> = store.open_runs().await?.iter().map(|run| run.id).collect();
    let windows = &press.config.mail.windows;
    let is_open = windows.is_open(now);
    let allow = &press.config.mail.allow;
    Ok(Status {
        has_scanned: !store.is_new().await?,
        holder,
        relay: press.config.mail.relay.to_string(),
        relay_fault,
        entries: store.entry_counts().await?.into_iter().collect(),
        files: file_counts(store.as_ref()).await?,
        errors,
        warnings: problems.len() - errors,
        newest_seq: store.newest_seq().await?,
        documents: store.documents().await?.len(),
        archives_to_make: archives_to_make(press).await?,
        hub_topics: store.pings().await?,
        is_bucket_behind: is_mirror_behind(press).await?,
        subscribers: store.subscription_counts().await?,
        digests: digests(press, &pauses).await?,
        deliveries: deliveries.collect(),
        next_delivery_at: next_due(press).await?.map(|due| due.max(now)),
        resent: counts.resent,
        open_runs: run_reports(press, &open).await?,
        room_left: Ballast::shortage(&press.config.store_path),
        pauses,
        window_opens_at: opening_after(press, now),
        waiting_for_window: if is_open { 0 } else { store.waiting_for_window().await? },
        allow: (!allow.is_empty()).then(|| allow.patterns()),
        holds: store.open_holds().await?,
    })
}

async fn digests(press: &Press, pauses: &[PauseRecord]) -> Result<Vec<DigestStatus>, Failure> {
    let mut digests = Vec::new();
    for digest in &press.config.digests {
        let progress = press.store.digest_progress(&digest.name).await?;
        let moment = digest.at.as_ref().and_then(|at| next(at, digest.zone, press.clock.now()));
        digests.push(DigestStatus {
            name: digest.name.clone(),
            next: moment.map(|moment| moment.with_timezone(&digest.zone).to_rfc3339()),
            goes_out: moment.and_then(|moment| opening_after(press, moment)),
            covered_seq: progress.map_or(0, |progress| progress.covered_seq),
            is_paused: pauses.iter().any(|pause| pause.stops_digest(&digest.name)),
        });
    }
    Ok(digests)
}

fn show(press: &Press, output: Output, status: &Status) {
    let lines = Lines { press, output };
    if !status.has_scanned {
        output.data("nothing was published yet: `tidings publish-now` does it");
    }
    show_process(&lines, status);
    show_content(&lines, status);
    show_digests(&lines, status);
    show_relay(&lines, status);
    show_deliveries(&lines, status);
    show_runs(&lines, status);
    for text in status.holds.iter().flat_map(hold_lines) {
        output.note(&text);
    }
}

/// Where lines go, each behind its name.
struct Lines<'a> {
    press: &'a Press,
    output: Output,
}

impl Lines<'_> {
    fn say(&self, name: &str, text: impl AsRef<str>) {
        self.output.paragraph(&format!("{name:<14}"), text.as_ref());
    }
}

fn show_process(lines: &Lines<'_>, status: &Status) {
    match &status.holder {
        Some(Holder { command, process }) => {
            lines.say("running", format!("{command} (process {process})"));
        }
        None => lines.say("running", "nothing"),
    }
    if let Some(left) = status.room_left {
        let store = lines.press.config.store_path.display();
        lines.say("disk", format!("nearly full: {} KiB are left beside `{store}`", left >> 10));
        lines.say("", "make room: on a full disk nothing is sent");
    }
}

fn show_content(lines: &Lines<'_>, status: &Status) {
    lines.say("entries", counted(&status.entries));
    let errors = count(status.errors as u64, "error", "errors");
    let warnings = count(status.warnings as u64, "warning", "warnings");
    lines.say("files", format!("{}; {errors}, {warnings}", files(&status.files)));
    lines.say("documents", status.documents.to_string());
    if status.archives_to_make > 0 {
        let archives = count(status.archives_to_make, "archive is", "archives are");
        lines.say("", format!("{archives} still to be made"));
    }
    if status.is_bucket_behind {
        lines.say("", "the object store is behind the output folder");
    }
    if status.hub_topics > 0 {
        let topics = count(status.hub_topics, "topic", "topics");
        lines.say("hubs", format!("{topics} to be told"));
    }
    lines.say("subscriptions", counted(&status.subscribers));
}

fn show_digests(lines: &Lines<'_>, status: &Status) {
    for digest in &status.digests {
        let when = digest.next.as_deref().unwrap_or("with each scan that finds news");
        let paused = if digest.is_paused { ", but paused: no run is planned" } else { "" };
        lines.say("digest", format!("{}: {when}{paused}", digest.name));
        if let Some(goes_out) = &digest.goes_out {
            lines.say("", format!("outside the send windows: it goes out {goes_out}"));
        }
    }
}

fn show_relay(lines: &Lines<'_>, status: &Status) {
    let press = lines.press;
    lines.say("relay", &status.relay);
    if let Some(fault) = &status.relay_fault {
        let since = local(press, fault.since);
        lines.say("", format!("no mail goes out since {since}: {}", fault.error));
        let tries = count(u64::from(fault.tries), "try", "tries");
        lines.say("", format!("{tries}; the next is {}", when(press, fault.next_at)));
    }
    if let Some(allow) = &status.allow {
        let mails = count(status.deliveries["rehearsed"], "e-mail was", "e-mails were");
        lines.say("", format!("only to {}; {mails} rehearsed, not sent", allow.join(", ")));
    }
    if let Some(opens) = &status.window_opens_at {
        let waiting = match status.waiting_for_window {
            0 => String::new(),
            n => format!("; {}", count(n, "e-mail waits", "e-mails wait")),
        };
        lines.say("send window", format!("closed until {opens}{waiting}"));
    }
}

fn show_deliveries(lines: &Lines<'_>, status: &Status) {
    let of = |state: &str| status.deliveries.get(state).copied().unwrap_or(0);
    let found: BTreeMap<String, u64> =
        status.deliveries.clone().into_iter().filter(|(_, n)| *n > 0).collect();
    lines.say("deliveries", counted(&found));
    if let (Some(next), None) = (status.next_delivery_at, &status.relay_fault) {
        lines.say("", format!("the next is due {}", when(lines.press, next)));
    }
    if status.holder.is_none() {
        show_leftovers(lines, of("claimed"), of("intent"));
    }
    if status.resent > 0 {
        let mails = count(status.resent, "e-mail", "e-mails");
        lines.say("", format!("{mails} of these may have arrived twice"));
    }
    if of("uncertain") > 0 {
        let mails = count(of("uncertain"), "e-mail is", "e-mails are");
        lines.say("", format!("{mails} of unknown fate: `tidings outbox` lists them"));
    }
}

/// What a process had in hand that was cut off: nobody has it now.
fn show_leftovers(lines: &Lines<'_>, claimed: u64, intent: u64) {
    if claimed + intent == 0 {
        return;
    }
    lines.say("", "nobody sends: the process that did was cut off with these in hand");
    if claimed > 0 {
        lines.say("", format!("{claimed} claimed: certainly not sent, the next start sends them"));
    }
    if intent > 0 {
        let text = "may have gone out; `uncertain` of the digest decides";
        lines.say("", format!("{intent} intent: {text}"));
    }
}

fn show_runs(lines: &Lines<'_>, status: &Status) {
    for run in &status.open_runs {
        let deliveries = counted(&run.deliveries);
        let text = format!("{} {}: {}, {deliveries}", run.digest, run.key, run.state);
        lines.say(&format!("run {}", run.run), text);
    }
    let is_under_way = |run: &RunReport| matches!(&*run.state, "expanding" | "sending");
    if status.holder.is_none() && status.open_runs.iter().any(is_under_way) {
        let text = "nothing runs: `tidings publish-now`, or the daemon when it starts, goes on";
        lines.say("", text);
    }
    for pause in &status.pauses {
        lines.say("paused", format!("{}, {}", stopped(pause), told(lines.press, pause)));
    }
}

/// A moment that lies ahead, or has come.
fn when(press: &Press, moment: DateTime<Utc>) -> String {
    if moment > press.clock.now() { local(press, moment) } else { "now".to_owned() }
}

fn files(counts: &BTreeMap<String, u64>) -> String {
    let kinds = file_kinds(|kind| counts.get(kind.as_str()).copied().unwrap_or(0));
    if kinds.is_empty() { "none".to_owned() } else { kinds }
}

fn counted(counts: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> =
        counts.iter().map(|(name, n)| format!("{n} {}", name.replace('_', " "))).collect();
    if parts.is_empty() { "none".to_owned() } else { listed(&parts) }
}
