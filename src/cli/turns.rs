//! Whose turn it is: one process at a time scans, plans and sends.

use tokio::sync::watch;

use super::failure::Failure;
use super::output::Output;
use super::session::{self, LOOK};
use crate::pipeline::digests::settle;
use crate::pipeline::publish::PublishReport;
use crate::pipeline::requests::ScanAnswer;
use crate::pipeline::{Press, feeds, leaving, people, scan};
use crate::store::RequestKind;
use crate::store::lock::{self, Asked, Holder, StoreLock};

pub(super) enum Turn {
    /// Nobody else's until the lock is dropped.
    Ours(StoreLock),
    /// A daemon's: it is asked for what is to be done.
    Daemons,
}

/// What a scan of now found.
pub(super) struct Scanned {
    pub report: PublishReport,
    pub turn: Turn,
}

/// A command's place behind those that hold the lock.
pub(super) struct Turns<'a> {
    press: &'a Press,
    command: &'static str,
    output: Output,
    stop: &'a watch::Receiver<bool>,
    /// Whom it waits for, as was told.
    waits_for: Option<Holder>,
}

impl<'a> Turns<'a> {
    pub(super) fn new(
        press: &'a Press,
        command: &'static str,
        output: Output,
        stop: &'a watch::Receiver<bool>,
    ) -> Self {
        Self { press, command, output, stop, waits_for: None }
    }

    /// Whose turn it is now. Behind another command it waits, and says for whom.
    pub(super) async fn next(&mut self) -> Result<Turn, Failure> {
        loop {
            match lock::ask(&self.press.config.store_path, self.command)? {
                Asked::Taken(lock) => {
                    // Before anything is planned.
                    leaving::catch_up(self.press).await?;
                    return Ok(Turn::Ours(lock));
                }
                Asked::HeldBy(Some(holder)) if holder.is_daemon() => return Ok(Turn::Daemons),
                Asked::HeldBy(holder) => self.tell(holder),
            }
            if *self.stop.borrow() {
                return Err(Failure::new(anyhow::anyhow!("stopped before anything was done")));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn tell(&mut self, holder: Option<Holder>) {
        let Some(holder) = holder.filter(|one| self.waits_for.as_ref() != Some(one)) else {
            return;
        };
        let Holder { command, process } = &holder;
        self.output.note(&format!("waiting for `{command}` (process {process}) to end"));
        self.waits_for = Some(holder);
    }

    /// Scans, or has the daemon scan: what it finds is numbered as it will be when it goes out.
    /// Where the turn is ours it stays so, and nobody else plans meanwhile.
    pub(super) async fn scan(&mut self) -> Result<Scanned, Failure> {
        let press = self.press;
        loop {
            match self.next().await? {
                Turn::Ours(lock) => {
                    people::add_stand_ins(press).await?;
                    let report = scan::scan(press).await?;
                    // What a new text ends, and who is to get it then, is part of a plan.
                    settle(press).await?;
                    // A feed that an entry makes is one that people may follow.
                    feeds::place(press).await?;
                    return Ok(Scanned { report, turn: Turn::Ours(lock) });
                }
                Turn::Daemons => {
                    match session::ask_and_wait(press, RequestKind::Scan, "", self.stop).await? {
                        Some(ScanAnswer::Done(report)) => {
                            return Ok(Scanned { report: *report, turn: Turn::Daemons });
                        }
                        Some(ScanAnswer::Failed(fault)) => return Err(session::failure(fault)),
                        None if *self.stop.borrow() => {
                            let stopped = anyhow::anyhow!("stopped before anything was done");
                            return Err(Failure::new(stopped));
                        }
                        // It ended: somebody else takes its turn.
                        None => {}
                    }
                }
            }
        }
    }
}
