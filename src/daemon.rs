//! The daemon: everything that can wake the program, and what it then does.
//!
//! One loop scans, plans and answers requests, one step at a time, so that nothing overlaps;
//! one task sends; the web server reads. The scheduler only wakes us: what is due is asked
//! of `digest::schedule`.

mod documents;
mod hubs;
mod recovery;
mod requests;
mod rounds;
mod sender;
mod wake;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::content::{Problem, Severity};
use crate::pipeline::digests::{
    DigestError, PlannedRun, Started, plan_due, plan_immediate, plan_told, settle, start_with,
};
use crate::pipeline::people::PeopleError;
use crate::pipeline::publish::{PublishReport, PublishingError};
use crate::pipeline::scan::{self, Scanned};
use crate::pipeline::{Press, joining, leaving, people};
use crate::store::{OutdatedRun, StoreError};
use crate::subscribers::joining::Joining;
use crate::subscribers::journal::JournalError;
use crate::subscribers::leaving::Leaving;
use crate::web::{self, DocumentSet, ListenError};
use hubs::Hubs;
use requests::Awaited;
use rounds::Rounds;
use sender::{News, Sender};
use wake::{Wake, Waker};

/// After a file event: more often follow than not.
const SETTLE: Duration = Duration::from_millis(200);

/// How long what fails at its moment waits until it is tried again.
const PUT_OFF: TimeDelta = TimeDelta::minutes(1);

#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    People(#[from] PeopleError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the task that sends or the one that serves ended by itself")]
    Ended,
    #[error("could not start the scheduler")]
    Scheduler(#[source] tokio_cron_scheduler::JobSchedulerError),
}

/// The loop and what it holds.
struct Daemon {
    press: Press,
    documents: watch::Sender<Arc<DocumentSet>>,
    sender: Sender,
    awaited: Vec<Awaited>,
    /// The day on which the documents were brought up to what the store says; absent where
    /// that is still to be done.
    published_on: Option<NaiveDate>,
    /// Whether archives are still to be made.
    has_archives_to_make: bool,
    hubs: Hubs,
    /// What the log has told already.
    told_problems: Vec<Problem>,
    told_holds: Vec<String>,
    rounds: Rounds,
    /// When the clock alone changes an entry next.
    next_moment: Option<DateTime<Utc>>,
    /// Nothing is planned before, nor sent but answers: what was withdrawn meanwhile is not known.
    has_scanned: bool,
}

/// Runs until `stop` turns true. The caller holds the lock.
pub async fn run(press: Press, stop: watch::Receiver<bool>) -> Result<(), DaemonError> {
    let listener = web::listen(press.config.web.listen).await?;
    let address = listener.local_addr().unwrap_or(press.config.web.listen);
    let leaving = Arc::new(Leaving::open(&press.config.store_path)?);
    if let Err(error) = leaving::apply_all(&press, &leaving).await {
        warn!("{}; it is tried again", chain(&error));
    }
    // Before the first request is answered: a feed that stands is never "not found".
    let (documents, served) = watch::channel(documents::standing(&press).await);
    let mut tasks = JoinSet::new();
    let joining = Arc::new(Joining::open(&press.config.store_path)?);
    tasks.spawn(leaving::carry(press.clone(), Arc::clone(&leaving), stop.clone()));
    let site = web::site(press.clone(), served, Arc::clone(&leaving), Arc::clone(&joining));
    tasks.spawn(web::serve(listener, site, stop.clone()));
    info!("serving http://{address}/");
    // Who leaves needs nothing of it.
    if !recovery::recover(&press, &mut stop.clone()).await? {
        while tasks.join_next().await.is_some() {}
        return Ok(());
    }

    let (news_sender, news) = mpsc::unbounded_channel();
    let sender = Sender::start(&press, leaving, &mut tasks, news_sender, stop.clone());
    let wake = sender.waker();
    tasks.spawn(joining::carry(press.clone(), joining, wake, stop.clone()));
    let hubs = Hubs::start(&press, &mut tasks, stop.clone());
    let (wakes_in, wakes) = mpsc::unbounded_channel();
    let alarms = Waker::start(wakes_in, press.config.content.scan, &press.config.content.folder)
        .await
        .map_err(DaemonError::Scheduler)?;
    let content = &press.config.content;
    let rounds = Rounds::new(content.scan, content.scan_full, alarms.has_events());
    let daemon = Daemon {
        press,
        documents,
        sender,
        awaited: Vec::new(),
        published_on: None,
        has_archives_to_make: false,
        hubs,
        told_problems: Vec::new(),
        told_holds: Vec::new(),
        rounds,
        next_moment: None,
        has_scanned: false,
    };
    let stopped = stop.clone();
    let mut work = Box::pin(daemon.work(wakes, news, stop));
    tokio::select! {
        () = &mut work => {}
        _ = tasks.join_next() => {
            if !*stopped.borrow() {
                return Err(DaemonError::Ended);
            }
            work.await;
        }
    }
    info!("stopping");
    alarms.stop().await;
    while tasks.join_next().await.is_some() {}
    info!("stopped");
    Ok(())
}

impl Daemon {
    async fn work(
        mut self,
        mut wakes: mpsc::UnboundedReceiver<Wake>,
        mut news: mpsc::UnboundedReceiver<News>,
        mut stop: watch::Receiver<bool>,
    ) {
        self.scan_and_publish().await;
        self.send_due(self.press.clock.now()).await;
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                Some(news) = news.recv() => self.hear(news).await,
                Some(wake) = wakes.recv() => self.wake(wake, &mut wakes).await,
                () = std::future::ready(()), if self.has_archives_to_make => {
                    self.make_archives().await;
                }
                else => break,
            }
        }
    }

    async fn wake(&mut self, wake: Wake, wakes: &mut mpsc::UnboundedReceiver<Wake>) {
        let mut is_scan_due = self.asks_for_scan(&wake);
        let mut is_minute = wake == Wake::Minute;
        let mut paths = wake.paths();
        if wake == Wake::Look {
            self.pass_time().await;
            if !self.answer_requests().await {
                return;
            }
        }
        if is_scan_due && !paths.is_empty() {
            // Events come in swarms: one scan for all that are there by now.
            tokio::time::sleep(SETTLE).await;
        }
        while let Ok(more) = wakes.try_recv() {
            is_scan_due |= self.asks_for_scan(&more);
            is_minute |= more == Wake::Minute;
            paths.extend(more.paths());
        }
        if is_scan_due {
            let is_second_look = self.rounds.is_second_look_due();
            let has_changed = self.scan_and_publish().await;
            if has_changed && !is_second_look && paths.is_empty() && self.rounds.has_events() {
                self.miss_events(wakes).await;
            }
        }
        if is_minute {
            self.send_due(self.press.clock.now()).await;
        }
    }

    fn asks_for_scan(&self, wake: &Wake) -> bool {
        match wake {
            Wake::Files(_) => true,
            Wake::Interval => self.rounds.is_due(self.press.clock.now()),
            Wake::Minute | Wake::Look => false,
        }
    }

    /// A walk found what no event told of. It may be on its way; if not, there are none.
    async fn miss_events(&mut self, wakes: &mut mpsc::UnboundedReceiver<Wake>) {
        tokio::time::sleep(SETTLE).await;
        let mut has_come = false;
        let mut others = Vec::new();
        while let Ok(wake) = wakes.try_recv() {
            has_come |= matches!(wake, Wake::Files(_));
            others.push(wake);
        }
        if has_come {
            self.scan_and_publish().await;
        } else {
            self.rounds.lose_events();
            warn!(
                "files changed and the system did not tell: from now on the content folder is \
                 scanned at each `content.scan`"
            );
        }
        if others.contains(&Wake::Minute) {
            self.send_due(self.press.clock.now()).await;
        }
    }

    /// Numbers what an embargo, an expiry or the end of a notice changes, at its moment.
    async fn pass_time(&mut self) {
        let now = self.press.clock.now();
        if self.next_moment.is_none_or(|next| next > now) {
            return;
        }
        // Should it fail, it is tried again, but not at each look.
        self.next_moment = Some(now + PUT_OFF);
        if !self.rounds.has_events() {
            // A later `publish_at` may stand in the file by now, and nobody has told.
            self.scan_and_publish().await;
            return;
        }
        match self.try_pass_time().await {
            Ok(report) => {
                self.log(&report);
                self.tell().await;
                let plans = plan_immediate(&self.press).await;
                self.start_all(plans).await;
            }
            Err(error) => error!("could not publish what is due: {}", self.told(&error)),
        }
    }

    async fn try_pass_time(&mut self) -> anyhow::Result<PublishReport> {
        let published_on = self.published_on.take();
        let mut report = scan::pass_time(&self.press).await?;
        self.supersede().await;
        self.next_moment = self.press.store.next_moment().await?;
        self.publish_what_changed(published_on, &mut report).await?;
        Ok(report)
    }

    /// Scans, publishes what changed, and starts the digest `immediate`. Whether anything
    /// changed.
    async fn scan_and_publish(&mut self) -> bool {
        match self.try_scan().await {
            Ok(report) => {
                self.log(&report);
                // After every scan: what an earlier one numbered may still be to be mailed.
                self.tell().await;
                let plans = plan_immediate(&self.press).await;
                self.start_all(plans).await;
                !report.changes.is_empty()
            }
            Err(error) => {
                error!("could not scan and publish: {}", self.told(&error));
                self.rounds.failed(self.press.clock.now());
                false
            }
        }
    }

    /// One scan, and when to look again.
    async fn scan(&mut self) -> Result<PublishReport, PublishingError> {
        let Scanned { report, file_systems } = scan::scan_folder(&self.press).await?;
        self.has_scanned = true;
        // Before anything is made of it: what was withdrawn must not go to anybody else.
        self.supersede().await;
        let is_second_look_due =
            !report.moving.is_empty() || self.press.store.has_missing().await?;
        self.rounds.walked(self.press.clock.now(), is_second_look_due);
        self.next_moment = self.press.store.next_moment().await?;
        if self.rounds.has_events()
            && let Some((folder, name)) = rounds::without_events(&file_systems)
        {
            self.rounds.lose_events();
            info!(
                folder = %folder.display(),
                "part of the content lies on {name}, which tells of no changes: it is scanned \
                 at each `content.scan`"
            );
        }
        Ok(report)
    }

    async fn try_scan(&mut self) -> anyhow::Result<PublishReport> {
        people::add_stand_ins(&self.press).await?;
        // Not until it is done: what a scan numbered is published, though the scan fail after.
        let published_on = self.published_on.take();
        let mut report = self.scan().await?;
        self.publish_what_changed(published_on, &mut report).await?;
        Ok(report)
    }

    /// Ends runs whose text is outdated, and starts what does not wait for a digest's moment:
    /// urgent news, corrections, reminders.
    async fn tell(&mut self) {
        self.supersede().await;
        let plans = plan_told(&self.press, self.press.clock.now()).await;
        self.start_all(plans).await;
    }

    /// Ends runs whose text is outdated; only then is news sent.
    async fn supersede(&mut self) {
        match settle(&self.press).await {
            Ok(superseded) => {
                for OutdatedRun { run, reason } in superseded {
                    info!(run, "a run was superseded: {reason}");
                }
                self.sender.begin();
            }
            Err(error) => error!("could not look at the open runs: {}", self.told(&error.into())),
        }
    }

    async fn send_due(&mut self, now: DateTime<Utc>) {
        if !self.has_scanned {
            return;
        }
        self.tell().await;
        let plans = plan_due(&self.press, now).await;
        self.start_all(plans).await;
        if !self.press.config.mail.windows.is_always() {
            // What waited for a window to open.
            let plans = plan_immediate(&self.press).await;
            self.start_all(plans).await;
        }
    }

    async fn start_all(&mut self, plans: Result<Vec<PlannedRun>, DigestError>) {
        let plans = match plans {
            Ok(plans) => plans,
            Err(error) => {
                error!("could not plan digests: {}", self.told(&error.into()));
                self.rounds.failed(self.press.clock.now());
                return;
            }
        };
        for plan in &plans {
            let digest = plan.digest();
            match start_with(&self.press, plan, &[]).await {
                Ok(Started::Run(run)) => {
                    let people = plan.plan.recipients;
                    info!(run, people, "digest `{digest}` goes out");
                    self.sender.wake();
                }
                Ok(Started::Held(waiting)) => {
                    let (hold, people) = (waiting.hold, waiting.recipients);
                    warn!(hold, people, "digest `{digest}` waits for `approve {hold}`");
                }
                Ok(Started::Nothing | Started::Changed(_)) => {
                    info!("digest `{digest}`: nothing new");
                }
                Err(error) => {
                    error!("digest `{digest}` was not sent: {}", self.told(&error.into()));
                    self.rounds.failed(self.press.clock.now());
                }
            }
        }
    }

    /// An error on one line, with the remedy where we know it.
    fn told(&self, error: &anyhow::Error) -> String {
        if is_full_disk(error) {
            let store = self.press.config.store_path.display();
            return format!("{error:#} (make room on the disk of `{store}`; it is tried again)");
        }
        let hint = error.downcast_ref().and_then(PublishingError::hint);
        hint.map_or_else(|| format!("{error:#}"), |hint| format!("{error:#} ({hint})"))
    }

    /// Tells what changed, and what is held back, each once until that changes.
    fn log(&mut self, report: &PublishReport) {
        let errors = report.problems.iter().filter(|p| p.severity == Severity::Error);
        for problem in errors.filter(|p| !self.told_problems.contains(p)) {
            warn!(path = %problem.path, line = problem.line, "held back: {}", problem.message);
        }
        for hold in report.holds.iter().filter(|hold| !self.told_holds.contains(&hold.reason)) {
            warn!(hold = hold.id, "on hold until `approve {}`: {}", hold.id, hold.reason);
        }
        self.told_holds = report.holds.iter().map(|hold| hold.reason.clone()).collect();
        self.told_problems.clone_from(&report.problems);
        log_changes(report);
    }
}

/// Whether the store's disk is full, or fails.
fn is_full_disk(error: &anyhow::Error) -> bool {
    let of_publishing = || match error.downcast_ref()? {
        PublishingError::Store(error) => Some(error),
        _ => None,
    };
    let of_digests = || match error.downcast_ref()? {
        DigestError::Store(error) => Some(error),
        _ => None,
    };
    let of_people = || match error.downcast_ref()? {
        PeopleError::Store(error) => Some(error),
        _ => None,
    };
    let store = error.downcast_ref().or_else(of_publishing).or_else(of_digests);
    store.or_else(of_people).is_some_and(StoreError::is_full_disk)
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn log_changes(report: &PublishReport) {
    if !report.changes.is_empty() || !report.documents_written.is_empty() {
        info!(
            changes = report.changes.values().sum::<u64>(),
            told = report.told,
            written = report.documents_written.len(),
            removed = report.documents_removed.len(),
            "published what changed"
        );
    }
    if report.adopted > 0 {
        info!(
            changes = report.adopted,
            "this was the first scan: what was there is mailed to nobody (`content.first_scan`)"
        );
    }
}

/// The content folder as file events name it.
fn absolute(folder: &std::path::Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}
