//! What `publish-now` says it did.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::brakes::{Chosen, OVERRIDE, Stopped, opening};
use super::{exit_code, shown};
use crate::cli::approve::{hold_lines, named, short};
use crate::cli::failure::{FAILED, Failure, ON_HOLD};
use crate::cli::output::{Output, count, file_kinds, listed, problem_lines};
use crate::cli::pause::{stopped, stops, told};
use crate::cli::session::opening_after;
use crate::config::Relay;
use crate::content::Severity;
use crate::digest::CORRECTION;
use crate::pipeline::Press;
use crate::pipeline::digests::PlannedRun;
use crate::pipeline::publish::PublishReport;
use crate::pipeline::requests::{Fault, LeftOut};
use crate::pipeline::send::{RunReport, rehearsals, run_reports};
use crate::store::{HeldRun, PauseRecord, RefusedDelivery, Untold};

/// Everything, for scripts.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub scan: PublishReport,
    /// What was new, by digest.
    pub digests: Vec<DigestReport>,
    /// What is new and waits for the end of a pause: no run of it is made before.
    pub waiting: Vec<DigestReport>,
    pub runs: Vec<RunReport>,
    /// Deliveries of these runs that had found their end before this call, by state.
    pub earlier: BTreeMap<String, u64>,
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

/// What a call did, before it is told.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub digests: Vec<DigestReport>,
    pub waiting: Vec<DigestReport>,
    /// Runs that it was about.
    pub runs: Vec<i64>,
    /// Those of them that were open before, as they stood then.
    pub before: Vec<RunReport>,
    pub left_out: Vec<LeftOut>,
    pub stopped: Option<Stopped>,
    pub fault: Option<Fault>,
    /// Nothing was to be sent, so that nothing is missing.
    pub is_dry_run: bool,
}

/// Shows what goes on and what is kept back, before anybody is asked; `before` are the runs that
/// are open.
pub(super) async fn begin(
    press: &Press,
    output: Output,
    before: Vec<RunReport>,
    chosen: &Chosen,
) -> Result<Done, Failure> {
    show_open_runs(output, &before, chosen.stopped.as_ref());
    let digests = chosen.shown().map(DigestReport::of).collect();
    let waiting: Vec<DigestReport> = chosen.waiting.iter().map(DigestReport::of).collect();
    show_pauses(output, press, &press.store.pauses().await?, &waiting);
    Ok(Done { digests, waiting, before, ..Done::default() })
}

/// Says what became of it all, and puts it together for scripts.
pub(super) async fn finish(
    press: &Press,
    output: Output,
    scan: PublishReport,
    done: Done,
) -> Result<Report, Failure> {
    let runs = run_reports(press, &done.runs).await?;
    let (now, earlier) = tallies(&runs, &done.before);
    let pauses = press.store.pauses().await?;
    let held = press.store.held_runs().await?;
    if let Some(Fault { message, hint }) = done.fault.clone() {
        output.error(&Failure { hint, ..Failure::new(anyhow::anyhow!(message)) });
    }
    line(output, "Mail", &mail(&runs, &now, &done));
    if !earlier.is_empty() {
        line(output, "", &format!("before this call: {}", counted(&earlier)));
    }
    show_runs(press, output, &runs, &pauses).await?;
    show_rehearsed(press, output, &now);
    for digest in &done.waiting {
        let wish = pauses.iter().find(|pause| pause.stops_digest(&digest.digest));
        let wish = wish.map_or("tidings resume".to_owned(), resume_of);
        line(output, "", &format!("digest {} is paused: `{wish}` lets it go", digest.digest));
    }
    show_places(press, output, &runs);
    show_window(output, press).await?;
    show_held(output, press, &held);
    show_left_out(output, &done.left_out);
    let Done { digests, waiting, left_out, stopped, fault, is_dry_run, .. } = done;
    let is_stopped = stopped.is_some() || !held.is_empty();
    let is_partly_sent = !is_dry_run && is_partly_sent(&runs, &waiting);
    let code = exit_code(&scan, is_stopped, is_partly_sent, fault.as_ref());
    let exit_code = code_of(&left_out, code);
    let rest = Report { held, stopped, fault, exit_code, ..Report::default() };
    Ok(Report { scan, digests, waiting, runs, earlier, left_out, ..rest })
}

/// Whether mail is still to go out: of a run, or of a digest that is not planned under its pause.
fn is_partly_sent(runs: &[RunReport], waiting: &[DigestReport]) -> bool {
    !waiting.is_empty() || runs.iter().any(|run| !matches!(&*run.state, "complete" | "superseded"))
}

/// Deliveries by state: as this call left them, and those that had found their end before it.
fn tallies(
    runs: &[RunReport],
    before: &[RunReport],
) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let (mut now, mut earlier): (BTreeMap<String, u64>, BTreeMap<String, u64>) = Default::default();
    for run in runs {
        let before = before.iter().find(|known| known.run == run.run);
        for (state, count) in &run.deliveries {
            let known = before.and_then(|known| known.deliveries.get(state)).copied();
            let known = known.filter(|_| is_end(state)).unwrap_or(0).min(*count);
            *now.entry(state.clone()).or_default() += count - known;
            *earlier.entry(state.clone()).or_default() += known;
        }
    }
    now.retain(|_, count| *count > 0);
    earlier.retain(|_, count| *count > 0);
    (now, earlier)
}

/// Whether a delivery in this state stays as it is, unless an operator says otherwise.
fn is_end(state: &str) -> bool {
    matches!(state, "accepted" | "rejected" | "rehearsed" | "cancelled")
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
    if scan.adopted > 0 {
        let why = "this is the first scan (`content.first_scan: adopt`): what was there already \
                   goes into the feeds and is mailed to nobody. What comes from now on is news; \
                   so is what gets a `change_note`";
        output.say_paragraph(&format!("{:11}", ""), why);
    }
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

/// What an earlier call left open, unless it does not go on now.
fn show_open_runs(output: Output, runs: &[RunReport], stopped: Option<&Stopped>) {
    if stopped.is_some_and(|stopped| stopped.is_other_plan) {
        return;
    }
    // A paused one does not go on; its pause is told.
    for run in runs.iter().filter(|run| run.state != "paused") {
        let RunReport { digest, key, recipients, deliveries, .. } = run;
        let ended = deliveries.iter().filter(|(state, _)| is_end(state));
        let done: u64 = ended.map(|(_, n)| n).sum();
        let done =
            if done > 0 { format!(": {done} of {recipients} were done") } else { String::new() };
        line(output, "Goes on", &format!("{digest} {key}, begun by an earlier call{done}"));
    }
}

/// What is kept from being sent, before anybody is asked whether to send; `waiting` is what would
/// go out without.
fn show_pauses(output: Output, press: &Press, pauses: &[PauseRecord], waiting: &[DigestReport]) {
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
fn show_held(output: Output, press: &Press, held: &[HeldRun]) {
    for run in held {
        output.note(&format!("hold {}: {} waits for a word", run.hold, named(run)));
        output.note(&format!("hint: `tidings approve {}` lets it go", short(&run.plan)));
    }
    if let (Some(opens), false) = (opening_after(press, press.clock.now()), held.is_empty()) {
        output.note(&format!("it then waits for the send window: {opens}"));
    }
}

/// Digests that could not be sent.
fn show_left_out(output: Output, left_out: &[LeftOut]) {
    for LeftOut { digest, message, hint, .. } in left_out {
        output.error(&Failure {
            hint: hint.clone(),
            ..Failure::new(anyhow::anyhow!("nothing of `{digest}` was sent: {message}"))
        });
    }
}

/// The exit code `code`, or that of the digests that could not be sent, where it is higher.
fn code_of(left_out: &[LeftOut], code: u8) -> u8 {
    let code_of = |one: &LeftOut| if one.is_on_hold { ON_HOLD } else { FAILED };
    left_out.iter().map(code_of).fold(code, u8::max)
}

/// What became of the mail, in one line.
fn mail(runs: &[RunReport], now: &BTreeMap<String, u64>, done: &Done) -> String {
    let is_for_nobody = done.digests.iter().all(|plan| plan.recipients == 0);
    if !now.is_empty() {
        counted(now)
    } else if !runs.is_empty() || !is_for_nobody || done.stopped.is_some() {
        "none: not sent this time".to_owned()
    } else if !done.waiting.is_empty() {
        "none: what is new is paused".to_owned()
    } else {
        "none: nothing is new for anybody".to_owned()
    }
}

/// `2 accepted, 1 uncertain`.
fn counted(states: &BTreeMap<String, u64>) -> String {
    let states: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    states.join(", ")
}

/// Which runs are not as they should be, and what to do about them.
async fn show_runs(
    press: &Press,
    output: Output,
    runs: &[RunReport],
    pauses: &[PauseRecord],
) -> Result<(), Failure> {
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
    for run in runs {
        match &*run.state {
            "paused" => {
                let wish = pauses.iter().find(|pause| stops(pause, run.run, &run.digest));
                let wish = wish.map_or("tidings resume".to_owned(), resume_of);
                line(output, "", &format!("run {} is paused: `{wish}` goes on with it", run.run));
            }
            "cancelled" => line(output, "", &format!("run {} was cancelled", run.run)),
            "superseded" => {
                let by = match press.store.successor(run.run).await? {
                    Some(next) => format!("run {next}, with a newer text"),
                    None => "a newer text".to_owned(),
                };
                line(output, "", &format!("run {} made way for {by}", run.run));
            }
            _ => {}
        }
    }
    show_refused(press, output, runs).await
}

/// People that are named of those whom the relay refused.
const REFUSED: u32 = 3;

/// Whom the relay refused, by their numbers, and where to look.
async fn show_refused(press: &Press, output: Output, runs: &[RunReport]) -> Result<(), Failure> {
    for run in runs {
        let Some(rejected) = run.deliveries.get("rejected") else { continue };
        let refused = press.store.refused(run.run, REFUSED).await?;
        let number = |one: &RefusedDelivery| one.subscriber.to_string();
        let mut people: Vec<String> = refused.iter().map(number).collect();
        let more = rejected.saturating_sub(people.len() as u64);
        if more > 0 {
            people.push(format!("{more} more"));
        }
        let (digest, key) = (&run.digest, &run.key);
        let text = format!("refused in {digest} {key}: subscriber {}", listed(&people));
        output.say_paragraph(&format!("{:11}", ""), &text);
        if let Some(first) = refused.first() {
            let text = format!("`tidings what-got {}` shows what it said", first.subscriber);
            output.say_paragraph(&format!("{:11}", ""), &text);
        }
    }
    Ok(())
}

/// Where mail lies that `mail.allow` kept from the relay.
fn show_rehearsed(press: &Press, output: Output, now: &BTreeMap<String, u64>) {
    let is_sent = matches!(press.config.mail.relay, Relay::Smtp(_));
    if let (true, Some(rehearsed)) = (is_sent, now.get("rehearsed")) {
        let mails = count(*rehearsed, "e-mail is", "e-mails are");
        line(output, "", &format!("{mails} outside `mail.allow`: written, not sent, to"));
        line(output, "", &shown(&rehearsals(&press.config).join("new")));
    }
}

/// Where to look.
fn show_places(press: &Press, output: Output, runs: &[RunReport]) {
    line(output, "Look at", &shown(&press.config.output_folder.join("index.html")));
    if let (Relay::Maildir(folder), false) = (&press.config.mail.relay, runs.is_empty()) {
        line(output, "", &shown(&folder.join("new")));
    }
}

/// What is open and waits for a send window.
async fn show_window(output: Output, press: &Press) -> Result<(), Failure> {
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
