//! What `publish-now` says it did.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::brakes::{OVERRIDE, Stopped, opening};
use super::shown;
use crate::cli::approve::{hold_lines, short};
use crate::cli::failure::{FAILED, Failure, ON_HOLD};
use crate::cli::output::{Output, count, file_kinds, problem_lines};
use crate::cli::pause::{stopped, stops, told};
use crate::config::Relay;
use crate::content::Severity;
use crate::digest::CORRECTION;
use crate::pipeline::Press;
use crate::pipeline::digests::PlannedRun;
use crate::pipeline::publish::PublishReport;
use crate::pipeline::requests::{Fault, LeftOut};
use crate::pipeline::send::{RunReport, rehearsals};
use crate::store::{HeldRun, PauseRecord, Untold};

/// Everything, for scripts.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub scan: PublishReport,
    /// What was new, by digest.
    pub digests: Vec<DigestReport>,
    /// What is new and waits for the end of a pause: no run of it is made before.
    pub waiting: Vec<DigestReport>,
    pub runs: Vec<RunReport>,
    /// Digests that were not sent, and why.
    pub left_out: Vec<LeftOut>,
    /// What waits for an operator's word.
    pub held: Vec<HeldRun>,
    /// Why nothing new was sent.
    pub stopped: Option<Stopped>,
    pub fault: Option<Fault>,
    /// Hubs that did not take what changed; they are told again.
    pub hubs_not_told: Vec<String>,
    pub exit_code: u8,
}

#[derive(Debug, Serialize)]
pub(super) struct DigestReport {
    pub digest: String,
    pub entries: usize,
    pub issues: usize,
    pub recipients: u64,
    /// Of a correction: who has the old text and cannot be told, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untold: Option<Untold>,
    pub from_seq: i64,
    pub to_seq: i64,
    pub plan: String,
}

impl DigestReport {
    pub(super) fn of(run: &PlannedRun) -> Self {
        Self {
            digest: run.digest().to_owned(),
            entries: run.entry_count(),
            issues: run.plan.issues.len(),
            recipients: run.plan.recipients,
            untold: (run.digest() == CORRECTION).then(|| run.untold()),
            from_seq: run.plan.window.from_seq,
            to_seq: run.plan.window.to_seq,
            plan: run.plan.hash.clone(),
        }
    }
}

impl fmt::Display for DigestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.recipients == 0 {
            write!(f, "{}: to nobody", self.digest)?;
        } else {
            write!(
                f,
                "{}: {} in {} to {}",
                self.digest,
                count(self.entries as u64, "entry", "entries"),
                count(self.issues as u64, "issue", "issues"),
                count(self.recipients, "person", "people"),
            )?;
        }
        match self.untold.as_ref().map(reasons).filter(|reasons| !reasons.is_empty()) {
            Some(reasons) => write!(f, "; not told: {reasons}"),
            None => Ok(()),
        }
    }
}

/// Why people with an old text cannot be told, with how many each time.
fn reasons(untold: &Untold) -> String {
    let Untold { left, paused, suppressed, erased, refused } = *untold;
    [
        (left, "left"),
        (paused, "paused"),
        (suppressed, "suppressed"),
        (erased, "erased"),
        (refused, "refused before"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, why)| format!("{count} {why}"))
    .collect::<Vec<_>>()
    .join(", ")
}

/// Whether mail is still to go out: of a run, or of a digest that is not planned under its pause.
pub(super) fn is_partly_sent(runs: &[RunReport], waiting: &[DigestReport]) -> bool {
    !waiting.is_empty() || runs.iter().any(|run| !matches!(&*run.state, "complete" | "superseded"))
}

pub(super) fn show_scan(output: Output, press: &Press, scan: &PublishReport) {
    for problem in scan.problems.iter().filter(|p| p.severity == Severity::Error) {
        for line in problem_lines(problem) {
            output.note(&line);
        }
    }
    let warnings = scan.problems.iter().filter(|p| p.severity == Severity::Warning).count();
    if warnings > 0 {
        let warnings = count(warnings as u64, "warning", "warnings");
        output.note(&format!("{warnings}; `tidings check` shows them"));
    }
    let total = scan.files.values().sum();
    line(
        output,
        "Found",
        &format!("{} in {}", count(total, "file", "files"), shown(&press.config.content.folder)),
    );
    if total > 0 {
        line(output, "", &kinds(scan));
    }
    let mut changes: Vec<String> =
        scan.changes.iter().map(|(class, n)| format!("{n} {class}")).collect();
    if changes.is_empty() {
        changes.push("none".into());
    }
    if scan.waiting > 0 {
        let waiting = count(scan.waiting, "entry waits", "entries wait");
        changes.push(format!("{waiting} for the time of publication"));
    }
    line(output, "Changes", &changes.join(", "));
    // Those of runs are told with their runs.
    for text in scan.holds.iter().filter(|hold| hold.plan.is_none()).flat_map(hold_lines) {
        output.note(&text);
    }
    for path in &scan.moving {
        output.note(&format!("`{path}` is still being written: it waits for the next scan"));
    }
    let written = scan.documents_written.len() as u64;
    let removed = match scan.documents_removed.len() {
        0 => String::new(),
        n => format!(", {n} removed"),
    };
    line(
        output,
        "Documents",
        &format!(
            "{written} written to {}{removed}, {} unchanged",
            shown(&press.config.output_folder),
            scan.documents_unchanged,
        ),
    );
    show_copies(output, press, scan);
}

/// What went to the object store, where there is one.
fn show_copies(output: Output, press: &Press, scan: &PublishReport) {
    if let Some(bucket) = &press.config.bucket {
        let copies = count(scan.documents_uploaded as u64, "document", "documents");
        line(output, "Bucket", &format!("{copies} copied to {bucket}"));
        if let Some(Fault { message, hint }) = scan.bucket_fault.clone() {
            output.error(&Failure { hint, ..Failure::new(anyhow::anyhow!(message)) });
        }
    }
}

/// A line under its heading; one that goes on has a blank heading.
fn line(output: Output, heading: &str, text: &str) {
    output.say(&format!("{heading:<11}{text}"));
}

fn kinds(scan: &PublishReport) -> String {
    file_kinds(|kind| scan.files.get(kind.as_str()).copied().unwrap_or(0))
}

pub(super) fn show_open_runs(output: Output, runs: &[RunReport]) {
    // A paused one does not go on; its pause is told.
    for run in runs.iter().filter(|run| run.state != "paused") {
        line(output, "Goes on", &format!("{} {} of an earlier run", run.digest, run.key));
    }
}

/// What is kept from being sent, before anybody is asked whether to send; `waiting` is what would
/// go out without.
pub(super) fn show_pauses(
    output: Output,
    press: &Press,
    pauses: &[PauseRecord],
    waiting: &[DigestReport],
) {
    for pause in pauses {
        let text = format!("{}, {}", stopped(pause), told(press, pause));
        output.say_paragraph(&format!("{:<11}", "Paused"), &text);
    }
    for (at, digest) in waiting.iter().enumerate() {
        line(output, if at == 0 { "Waits" } else { "" }, &digest.to_string());
    }
}

pub(super) fn show_plans(output: Output, press: &Press, plans: &[&PlannedRun]) {
    // What nobody gets is told only where somebody should have.
    let told = plans.iter().filter(|run| !run.is_empty() || run.untold().total() > 0);
    for (at, run) in told.enumerate() {
        let text = DigestReport::of(run).to_string();
        output.say_paragraph(&format!("{:<11}", if at == 0 { "Digests" } else { "" }), &text);
    }
    let is_stand_in = plans.iter().any(|run| run.is_rehearsed_by_stand_ins());
    if let (true, Some(path)) = (is_stand_in, &press.config.rehearsal_subscribers) {
        line(output, "", &format!("nobody has subscribed: {} stands in", shown(path)));
    }
}

/// Runs that wait for an operator's word.
pub(super) fn show_held(output: Output, press: &Press, held: &[HeldRun]) {
    for run in held {
        let HeldRun { hold, digest, key, recipients, plan, .. } = run;
        let people = count(*recipients, "person", "people");
        output.note(&format!("hold {hold}: digest `{digest}` {key} to {people} waits for a word"));
        output.note(&format!("hint: `tidings approve {}` lets it go", short(plan)));
    }
    let opens = press.config.mail.windows.opens(press.clock.now());
    if let (Some(opens), false) = (opens.filter(|at| *at > press.clock.now()), held.is_empty()) {
        let zone = &press.config.mail.windows.zone;
        output.note(&format!("it then waits for the send window: {}", opens.with_timezone(zone)));
    }
}

/// Digests that could not be sent.
pub(super) fn show_left_out(output: Output, left_out: &[LeftOut]) {
    for LeftOut { digest, message, hint, .. } in left_out {
        output.error(&Failure {
            hint: hint.clone(),
            ..Failure::new(anyhow::anyhow!("nothing of `{digest}` was sent: {message}"))
        });
    }
}

/// The exit code `code`, or that of the digests that could not be sent, where it is higher.
pub(super) fn code_of(left_out: &[LeftOut], code: u8) -> u8 {
    let code_of = |one: &LeftOut| if one.is_on_hold { ON_HOLD } else { FAILED };
    left_out.iter().map(code_of).fold(code, u8::max)
}

/// What became of the runs, and where to look.
pub(super) fn show_runs(
    output: Output,
    press: &Press,
    runs: &[RunReport],
    plans: &[DigestReport],
    waiting: &[DigestReport],
    pauses: &[PauseRecord],
    fault: Option<&Fault>,
) {
    if let Some(fault) = fault {
        output.error(&Failure {
            hint: fault.hint.clone(),
            ..Failure::new(anyhow::anyhow!(fault.message.clone()))
        });
    }
    let is_for_nobody = plans.iter().all(|plan| plan.recipients == 0);
    if runs.is_empty() && is_for_nobody && !waiting.is_empty() {
        line(output, "Mail", "none: what is new is paused");
    } else if runs.is_empty() && is_for_nobody {
        line(output, "Mail", "none: nothing is new for anybody");
    } else if runs.is_empty() {
        line(output, "Mail", "none: not sent this time");
    } else {
        let mut states: BTreeMap<&str, u64> = BTreeMap::new();
        for (state, n) in runs.iter().flat_map(|run| &run.deliveries) {
            *states.entry(state).or_default() += n;
        }
        let states: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
        line(output, "Mail", &states.join(", "));
        let is_open = |run: &&RunReport| {
            !matches!(&*run.state, "complete" | "cancelled" | "paused" | "superseded")
        };
        let open = runs.iter().filter(is_open).count() as u64;
        if open > 0 {
            let (runs, them) =
                (count(open, "run is", "runs are"), if open == 1 { "it" } else { "them" });
            line(output, "", &format!("{runs} not complete; the next run goes on with {them}"));
        }
        let unknown: u64 = runs.iter().filter_map(|run| run.deliveries.get("uncertain")).sum();
        if unknown > 0 {
            let mails = count(unknown, "e-mail is", "e-mails are");
            line(output, "", &format!("{mails} of unknown fate: `tidings outbox` lists them"));
        }
        for run in runs.iter().filter(|run| run.state == "paused") {
            let wish = pauses.iter().find(|pause| stops(pause, run.run, &run.digest));
            let wish = wish.map_or("tidings resume".to_owned(), resume_of);
            line(output, "", &format!("run {} is paused: `{wish}` goes on with it", run.run));
        }
        for run in runs.iter().filter(|run| run.state == "cancelled") {
            line(output, "", &format!("run {} was cancelled", run.run));
        }
        for run in runs.iter().filter(|run| run.state == "superseded") {
            line(output, "", &format!("run {} made way for a newer text", run.run));
        }
    }
    let is_sent = matches!(press.config.mail.relay, Relay::Smtp(_));
    let rehearsed: u64 = runs.iter().filter_map(|run| run.deliveries.get("rehearsed")).sum();
    if is_sent && rehearsed > 0 {
        let mails = count(rehearsed, "e-mail is", "e-mails are");
        line(output, "", &format!("{mails} outside `mail.allow`: written, not sent, to"));
        line(output, "", &shown(&rehearsals(&press.config).join("new")));
    }
    for digest in waiting {
        let wish = pauses.iter().find(|pause| pause.stops_digest(&digest.digest));
        let wish = wish.map_or("tidings resume".to_owned(), resume_of);
        line(output, "", &format!("digest {} is paused: `{wish}` lets it go", digest.digest));
    }
    line(output, "Look at", &shown(&press.config.output_folder.join("index.html")));
    if let (Relay::Maildir(folder), false) = (&press.config.mail.relay, runs.is_empty()) {
        line(output, "", &shown(&folder.join("new")));
    }
}

/// What is open and waits for a send window.
pub(super) async fn show_window(output: Output, press: &Press) -> Result<(), Failure> {
    let waiting = press.store.waiting_for_window().await?;
    if waiting > 0 && !press.config.mail.windows.is_open(press.clock.now()) {
        let mails = count(waiting, "e-mail waits", "e-mails wait");
        output.note(&format!("{mails} for the send window; {}", opening(press)));
        output.note(&format!("hint: {OVERRIDE}"));
    }
    Ok(())
}

/// The command that lifts a pause.
fn resume_of(pause: &PauseRecord) -> String {
    match (&pause.digest, pause.run) {
        (Some(digest), _) => format!("tidings resume {digest}"),
        (None, Some(run)) => format!("tidings resume {run}"),
        (None, None) => "tidings resume".to_owned(),
    }
}
