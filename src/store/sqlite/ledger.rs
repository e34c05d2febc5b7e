//! What every message passes through: claims, intents and results, over prepared statements of
//! one connection.
//!
//! It speaks to SQLite directly. What a statement costs here is a third of what it costs to
//! hand it to another thread and its rows back (`docs/decisions/018`).

mod claims;

use std::collections::HashMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Statement, params};

use self::claims::{DUE, DUE_FIRST, claim_of};
use super::cancel::{CANCEL_UNSENT, KEEP_UNCERTAIN};
use super::outbox::{AT_ONCE, NEVER};
use super::owed::{NUMBER_CANCELLATION, OWE_EXPIRED, OWE_JOINED, OWE_LEFT, OWE_UNSENT};
use super::{BUSY_TIMEOUT, CACHE, During, Result, SECURE_DELETE};
use crate::outbox::Step;
use crate::store::{Canary, Claim, DeliveryResult, Intent};

/// A claim by its delivery and fence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    run: i64,
    subscriber: i64,
    fence: i64,
}

impl Key {
    pub(super) fn of(claim: &Claim) -> Self {
        Self { run: claim.run, subscriber: claim.subscriber, fence: claim.fence }
    }
}

/// A claim that is to become an intent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    key: Key,
    /// Intents before this one.
    attempt: u32,
    may_be_stand_in: bool,
}

impl Ask {
    pub(super) fn of(claim: &Claim) -> Self {
        let Claim { attempt, may_be_stand_in, .. } = *claim;
        Self { key: Key::of(claim), attempt, may_be_stand_in }
    }
}

/// Opens the file of a store that stands and is up to this version.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", CACHE)?;
    connection.pragma_update(None, "secure_delete", SECURE_DELETE)?;
    // What a statement may have to undo is kept in memory beyond 64 KiB too: a full `/tmp` is no
    // reason to lose the results of messages in flight.
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// A run as the statements of one transaction see it.
#[derive(Debug, Clone, Copy)]
struct Run {
    is_sending: bool,
    /// Cancelled or superseded: what comes back unsent goes the way of the others.
    is_cancelled: bool,
    consent: Consent,
}

/// Whose consent a mail needs at the moment it goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consent {
    /// It answers what the person did a moment ago.
    None,
    /// What the person asked for is still open.
    Errand,
    /// A confirmed subscription of a feed in the issue.
    Feed,
    /// The same, or of one that holds the entry too.
    Holding,
    /// The same, or of one that brought the old text.
    Corrected,
    /// The same, with this digest.
    Digest(i64),
}

pub(super) struct Ledger<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    rollback: Statement<'c>,
    run: Statement<'c>,
    intend: Statement<'c>,
    refuse: Statement<'c>,
    settle: Statement<'c>,
    settle_and_tell: Statement<'c>,
    claim: Statement<'c>,
    /// Of a run whose others wait for its first few.
    claim_first: Statement<'c>,
    release: Statement<'c>,
    /// Runs that were looked at in this transaction.
    runs: HashMap<i64, Run>,
}

impl<'c> Ledger<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            begin: connection.prepare("begin immediate")?,
            commit: connection.prepare("commit")?,
            rollback: connection.prepare("rollback")?,
            run: connection.prepare(RUN)?,
            intend: connection.prepare(INTEND)?,
            refuse: connection.prepare(REFUSE)?,
            settle: connection.prepare(SETTLE)?,
            settle_and_tell: connection.prepare(&format!("{SETTLE} returning state"))?,
            claim: connection.prepare(&claim_of(DUE))?,
            claim_first: connection.prepare(&claim_of(DUE_FIRST))?,
            release: connection.prepare(RELEASE)?,
            runs: HashMap::new(),
        })
    }

    /// All of `work` is on the disk, or nothing.
    pub(super) fn transact<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let action = "write to the outbox";
        self.runs.clear();
        self.begin.execute([]).during(action)?;
        let written = work(self).and_then(|written| {
            self.commit.execute([]).during(action)?;
            Ok(written)
        });
        // On a full disk SQLite may have ended it itself (<https://sqlite.org/lang_transaction.html>,
        // "Response To Errors Within A Transaction").
        if written.is_err() && !self.connection.is_autocommit() {
            self.rollback.execute([]).during(action)?;
        }
        written
    }

    /// The last look before the dot: who left or was suppressed since the plan gets nothing.
    pub(super) fn intend(&mut self, ask: &Ask, now: DateTime<Utc>) -> Result<Option<Intent>> {
        let action = "record an intent";
        let Ask { key: Key { run: id, subscriber, fence }, attempt, may_be_stand_in } = *ask;
        let Some(run) = self.run(id)? else { return Ok(None) };
        let now = now.timestamp();
        if run.is_sending {
            let (consent, digest) = match run.consent {
                Consent::None => (0, None),
                Consent::Errand => (1, None),
                Consent::Feed => (2, None),
                Consent::Holding | Consent::Corrected => (3, None),
                Consent::Digest(digest) => (2, Some(digest)),
            };
            let values = params![id, subscriber, fence, now, may_be_stand_in, consent, digest];
            if self.intend.execute(values).during(action)? == 1 {
                return Ok(Some(Intent { attempt: attempt + 1 }));
            }
        }
        // Our claim, and no leave. A run that was paused meanwhile gets its delivery back.
        let refused = self
            .refuse
            .execute(params![id, subscriber, fence, now, run.is_sending, NEVER])
            .during(action)?;
        let owes = matches!(run.consent, Consent::Digest(_) | Consent::Holding);
        if refused == 1 && run.is_sending && owes {
            // Who changed to another digest, or left one feed of several, follows the others still.
            self.owe(OWE_LEFT, id, subscriber)?;
        }
        Ok(None)
    }

    pub(super) fn settle(&mut self, result: &DeliveryResult, now: DateTime<Utc>) -> Result<()> {
        let action = "record a result";
        let record = Record::of(&result.step);
        let values = params![
            result.run,
            result.subscriber,
            result.fence,
            now.timestamp(),
            record.state,
            record.next_at,
            record.code,
            record.reply,
            record.path,
            record.unknowns,
            record.reason,
            record.uncharged,
        ];
        if is_end(&result.step) {
            self.settle.execute(values).during(action)?;
            return Ok(());
        }
        let state: Option<String> =
            self.settle_and_tell.query_row(values, |row| row.get(0)).optional().during(action)?;
        match state.as_deref() {
            Some("cancelled") => self.owe(OWE_EXPIRED, result.run, result.subscriber),
            Some("pending") => self.end_late(result.run, result.subscriber, now),
            _ => Ok(()),
        }
    }

    /// What became of the first deliveries of runs whose others wait for that.
    pub(super) fn canaries(&self) -> Result<Vec<Canary>> {
        let action = "look at the first deliveries of a run";
        let canary = |row: &Row<'_>| {
            Ok(Canary {
                run: row.get(0)?,
                first: row.get::<_, u32>(1)?.into(),
                open: row.get::<_, u32>(2)?.into(),
                in_hand: row.get::<_, u32>(3)?.into(),
                put_off: row.get::<_, u32>(4)?.into(),
                laid_aside: row.get::<_, u32>(5)?.into(),
                refused: row.get::<_, u32>(6)?.into(),
                reply: row.get(7)?,
            })
        };
        let mut canaries = self.connection.prepare(CANARIES).during(action)?;
        let canaries = canaries.query_map([LAID_ASIDE], canary).during(action)?;
        canaries.collect::<rusqlite::Result<_>>().during(action)
    }

    /// A delivery that was uncertain stays so: it waits for its one resend.
    pub(super) fn release(&mut self, claim: &Key, next_at: Option<DateTime<Utc>>) -> Result<()> {
        let Key { run, subscriber, fence } = *claim;
        let next_at = next_at.map_or(AT_ONCE, |at| at.timestamp());
        self.release.execute(params![run, subscriber, fence, next_at]).during("release claims")?;
        Ok(())
    }

    fn run(&mut self, id: i64) -> Result<Option<Run>> {
        if let Some(run) = self.runs.get(&id) {
            return Ok(Some(*run));
        }
        let run = |row: &Row<'_>| {
            let (state, name): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(Run {
                is_sending: state == "sending",
                is_cancelled: matches!(state.as_str(), "cancelled" | "superseded"),
                consent: match name.as_str() {
                    "notice" => Consent::None,
                    "confirm" | "self" => Consent::Errand,
                    "reminder" => Consent::Feed,
                    "urgent" => Consent::Holding,
                    "correction" => Consent::Corrected,
                    _ => Consent::Digest(row.get(2)?),
                },
            })
        };
        let run = self.run.query_row([id], run).optional().during("read a run")?;
        self.runs.extend(run.map(|run| (id, run)));
        Ok(run)
    }

    /// What was not sent is owed, in the feeds that hold it.
    fn owe(&self, sql: &str, run: i64, subscriber: i64) -> Result<()> {
        let action = "record what a person is owed";
        let owed = self.connection.execute(sql, params![run, NEVER, subscriber, subscriber]);
        owed.during(action)?;
        self.connection.execute(NUMBER_CANCELLATION, [run]).during(action)?;
        Ok(())
    }

    /// A delivery that came back unsent to a run that was cancelled meanwhile goes the way of
    /// the others.
    fn end_late(&mut self, run: i64, subscriber: i64, now: DateTime<Utc>) -> Result<()> {
        if !self.run(run)?.is_some_and(|run| run.is_cancelled) {
            return Ok(());
        }
        let action = "cancel deliveries";
        let connection = self.connection;
        let (first, last) = (subscriber, subscriber);
        let owe = params![run, NEVER, first, last];
        connection.execute(OWE_UNSENT, owe).during(action)?;
        connection.execute(OWE_JOINED, params![run, first, last]).during(action)?;
        let cancel = params![run, NEVER, first, last, now.timestamp()];
        connection.execute(CANCEL_UNSENT, cancel).during(action)?;
        connection.execute(NUMBER_CANCELLATION, [run]).during(action)?;
        let keep = params![run, NEVER, first, last];
        connection.execute(KEEP_UNCERTAIN, keep).during(action)?;
        Ok(())
    }
}

/// Whether nothing follows from this result for others.
fn is_end(step: &Step) -> bool {
    match step {
        Step::Accepted { .. }
        | Step::Rejected { .. }
        | Step::Uncertain { .. }
        | Step::Rehearsed { .. } => true,
        Step::Retry { .. }
        | Step::Unsent { .. }
        | Step::LaidAside { .. }
        | Step::Expired { .. } => false,
    }
}

/// A step as the columns it changes.
struct Record<'a> {
    state: &'static str,
    next_at: i64,
    code: Option<&'a str>,
    reply: Option<&'a str>,
    path: Option<&'a str>,
    unknowns: i64,
    reason: Option<&'static str>,
    /// Attempts that do not count after all.
    uncharged: i64,
}

impl<'a> Record<'a> {
    fn of(step: &'a Step) -> Self {
        let end = |state| Self {
            state,
            next_at: NEVER,
            code: None,
            reply: None,
            path: None,
            unknowns: 0,
            reason: None,
            uncharged: 0,
        };
        match step {
            Step::Accepted { reply } => {
                Self { code: Some("250"), reply: Some(reply), ..end("accepted") }
            }
            Step::Rejected { code, reply } => {
                Self { code: Some(code), reply: Some(reply), ..end("rejected") }
            }
            Step::Retry { at, code, reply } => Self {
                next_at: at.timestamp(),
                code: Some(code),
                reply: Some(reply),
                ..end("pending")
            },
            Step::Unsent { at, reply } => {
                Self { next_at: at.timestamp(), reply: Some(reply), uncharged: 1, ..end("pending") }
            }
            Step::LaidAside { at, reply } => Self {
                next_at: at.timestamp(),
                code: Some(LAID_ASIDE),
                reply: Some(reply),
                uncharged: 1,
                ..end("pending")
            },
            Step::Uncertain { resend_at } => Self {
                next_at: resend_at.map_or(NEVER, |at| at.timestamp()),
                unknowns: 1,
                ..end("uncertain")
            },
            Step::Rehearsed { path } => Self { path: Some(path), ..end("rehearsed") },
            Step::Expired { code, reply } => Self {
                code: Some(code),
                reply: Some(reply),
                reason: Some("expired"),
                ..end("cancelled")
            },
        }
    }
}

/// Stands for the relay's code with a delivery at which it failed until that was laid aside.
const LAID_ASIDE: &str = "aside";

/// Deferred is an outcome: the relay knows the sender and the person. What was put off is due
/// from a moment of its own on, and stays put off when that comes. A run whose first are gone is
/// told too, so that its others do not wait for nobody.
const CANARIES: &str = "
    with first as (
        select r.id as run, d.*, d.state = 'pending' and d.attempt = 0 as is_untried
        from run r left join delivery d on d.run_id = r.id and d.subscriber_id <= r.canary
        where r.state = 'sending' and r.canary is not null)
    select run, count(subscriber_id),
        count(*) filter (where lease_until is not null or (is_untried and next_at = 0)),
        count(*) filter (where lease_until is not null),
        count(*) filter (where is_untried and next_at > 0 and reply_code is not ?1),
        count(*) filter (where is_untried and next_at > 0 and reply_code is ?1),
        count(*) filter (where state = 'rejected'),
        max(case when state = 'rejected' then reply_code || ' ' || reply
            when is_untried and next_at > 0 and reply_code is ?1 then reply end)
    from first group by run";

const RUN: &str = "
    select r.state, g.name, g.id from run r join digest g on g.id = r.digest_id where r.id = ?1";

const INTEND: &str = "
    update delivery as d set state = 'intent', attempt = d.attempt + 1, changed_at = ?4
    where d.run_id = ?1 and d.subscriber_id = ?2 and d.fence = ?3 and d.state = 'claimed'
      and exists (select 1 from subscriber s where s.id = ?2
        and s.erased_at is null and (?5 or s.is_rehearsal = 0)
        and not exists (select 1 from suppression x where x.lookup = s.lookup))
      and case ?6
        when 0 then true
        when 1 then exists (select 1 from errand e
            where e.run_id = ?1 and e.subscriber_id = ?2 and e.ended_at is null
              and e.expires_at > ?4
              and not exists (select 1 from suppression x
                where x.lookup = unhex(e.wants ->> '$.lookup')))
        else exists (select 1 from subscription c
            where c.subscriber_id = ?2 and c.state = 'confirmed'
              and (?7 is null or c.digest_id = ?7)
              and exists (select 1 from issue_entry i
                where i.issue_id = d.issue_id and (i.feed = c.feed or (?6 = 3 and (
                  exists (select 1 from feed f join entry e on e.id = i.entry_id
                    join feed_entry m on m.feed_id = f.id and m.entry_id = e.id
                      and m.updated_at = coalesce(e.stands_at, e.updated_at)
                    where f.name = c.feed)
                  or exists (select 1 from delivery o
                    join issue_entry x on x.issue_id = o.issue_id
                    where o.run_id = d.answers_run and o.subscriber_id = ?2
                      and x.entry_id = i.entry_id and x.feed = c.feed)))))) end";

/// A copy that may have arrived stays unknown: what is cancelled was not sent.
const REFUSE: &str = "
    update delivery as d set
        state = iif(d.unknowns > 0, 'uncertain', iif(?5, 'cancelled', 'pending')),
        next_at = iif(d.unknowns > 0 and ?5, ?6, d.next_at),
        reason = case
            when not ?5 or d.unknowns > 0 then null
            when exists (select 1 from suppression x join subscriber s on s.lookup = x.lookup
                where s.id = ?2) then 'suppressed'
            else 'left' end,
        owner = null, lease_until = null, changed_at = ?4
    where d.run_id = ?1 and d.subscriber_id = ?2 and d.fence = ?3 and d.state = 'claimed'";

/// A copy that may have arrived is not given up as unsent: it would be owed again.
const SETTLE: &str = "
    update delivery set
        state = iif(?11 = 'expired' and unknowns > 0, 'uncertain', ?5),
        next_at = ?6, reply_code = ?7, reply = ?8, path = ?9,
        unknowns = unknowns + ?10,
        reason = iif(?11 = 'expired' and unknowns > 0, null, ?11),
        attempt = attempt + iif(state = 'claimed', 1, 0) - ?12,
        owner = null, lease_until = null, changed_at = ?4
    where run_id = ?1 and subscriber_id = ?2 and fence = ?3 and state in ('claimed', 'intent')";

const RELEASE: &str = "
    update delivery set state = iif(unknowns > 0, 'uncertain', 'pending'), owner = null,
        lease_until = null, next_at = ?4
    where run_id = ?1 and subscriber_id = ?2 and fence = ?3 and state = 'claimed'";

#[cfg(test)]
mod tests;
