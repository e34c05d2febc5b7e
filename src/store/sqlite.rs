//! The embedded store: one SQLite file in WAL mode, every commit on disk before it counts.
//!
//! One connection writes, a few read. Every write begins `immediate`, so that two processes
//! wait for each other instead of failing half-way.

mod audit;
mod brakes;
mod cancel;
mod catalogue;
mod choices;
mod content;
mod corrections;
mod documents;
mod errands;
mod feeds;
mod finishing;
mod group;
mod holds;
mod intake;
mod known;
mod leaving;
mod ledger;
#[cfg(test)]
pub(crate) mod made;
mod opening;
mod outbox;
mod owed;
mod pauses;
mod people;
mod personal;
mod placing;
mod planning;
mod readers;
mod receivers;
mod relay;
mod renaming;
mod requests;
mod runs;
mod runs_seen;
mod scan;
mod supersede;
mod told;
mod uncertain;
mod values;
mod writing;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection, Sqlite, SqliteConnection};
use tokio::sync::Mutex;

use self::group::GroupCommit;
use super::{
    AskedFor, Audience, AuditReport, Body, BodyAtSource, Canary, Cancellation, Cancelled, Change,
    Choices, Claim, ClaimRequest, ComeBack, Correction, DeliveryCounts, DeliveryKeys,
    DeliveryResult, DigestProgress, DocumentRecord, EndOfSubscription, EntryFound, ErrandRecord,
    ErrandRun, EventMember, FeedLists, FeedRecord, FileOutcome, Finished, Followed, HeldRun,
    HoldRecord, Intent, IssueRecord, KnownCancellations, KnownFile, Leave, ListsAsked, Member,
    NewFeed, NewPause, NewRun, NewSubscription, OutdatedRun, Override, OwnErrand, PastHold,
    PauseRecord, PauseScope, Paused, Person, PersonDelivery, PersonRecord, PersonalData,
    PingRecord, Placement, Placing, PublicationRecord, QuietRun, Received, ReceivedCopy, Receiver,
    Recovered, Refused, RefusedDelivery, RelayFault, ReleasedRun, Request, RequestKind, Resolution,
    Result, RunAudit, RunDetails, RunEntries, RunPage, RunReceivers, RunRecord, RunsAsked, ScanEnd,
    ScanRecord, SignUp, Store, StoreError, Subscribed, SubscriberRange, SubscriberRecord,
    Subscription, Suspects, ToldChange, UncertainRecord, UnservedRun, Untold, WayOut,
};
use crate::catalogue::{About, Held, Known, KnownEntry, NOTICE};
use crate::content::Problem;
use crate::failpoint;
use crate::model::{Entry, Revision, Seq, Timestamp};

/// How long a write waits for another process's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// People of one page, for each digest.
const PEOPLE: i64 = 5_000;

/// Pages a connection may keep, in KiB below zero. What is read again and again is little, and
/// what a count, a plan or a run goes through is read once.
const CACHE: &str = "-1024";

/// What is deleted is overwritten: an address that was erased stands on no page of the file.
const SECURE_DELETE: &str = "on";

#[derive(Debug)]
pub struct SqliteStore {
    writer: Arc<Mutex<SqliteConnection>>,
    group: GroupCommit,
    readers: SqlitePool,
}

impl SqliteStore {
    async fn reader(&self) -> Result<PoolConnection<Sqlite>> {
        self.readers.acquire().await.during("read the store")
    }
}

/// Says what was being done when a statement failed.
trait During<T> {
    fn during(self, action: &'static str) -> Result<T>;
}

impl<T> During<T> for std::result::Result<T, sqlx::Error> {
    fn during(self, action: &'static str) -> Result<T> {
        self.map_err(|source| StoreError::Query { action, source })
    }
}

impl<T> During<T> for rusqlite::Result<T> {
    fn during(self, action: &'static str) -> Result<T> {
        self.map_err(|source| StoreError::Ledger { action, source })
    }
}

/// A moment from its column.
fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

/// A moment from its column, with the offset beside it in seconds east.
fn timestamp(seconds: i64, offset: i64) -> Timestamp {
    let offset = i32::try_from(offset).ok().and_then(chrono::FixedOffset::east_opt);
    let utc = moment(seconds);
    offset.map_or_else(|| utc.fixed_offset(), |offset| utc.with_timezone(&offset))
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("records are always JSON")
}

fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|_| StoreError::Value { what, value: text.chars().take(80).collect() })
}

#[async_trait]
impl Store for SqliteStore {
    async fn settle_fact(&self, name: &str, value: &str) -> Result<String> {
        requests::settle_fact(&mut *self.writer().await, name, value).await
    }

    async fn fact(&self, name: &str) -> Result<Option<String>> {
        requests::fact(&mut *self.reader().await?, name).await
    }

    async fn set_fact(&self, name: &str, value: &str) -> Result<()> {
        requests::set_fact(&mut *self.writer().await, name, value).await
    }

    async fn is_new(&self) -> Result<bool> {
        content::is_new(&mut *self.reader().await?).await
    }

    async fn known_folders(&self) -> Result<HashMap<String, String>> {
        let mut reader = self.reader().await?;
        let mut folders = content::known_folders(&mut reader).await?;
        for path in content::folders_with_files(&mut reader).await? {
            folders.entry(path).or_default();
        }
        Ok(folders)
    }

    async fn known_files(&self, folders: &[String]) -> Result<Vec<KnownFile>> {
        content::known_files(&mut *self.reader().await?, folders).await
    }

    async fn file_counts(&self) -> Result<BTreeMap<FileOutcome, u64>> {
        content::file_counts(&mut *self.reader().await?).await
    }

    async fn known(&self, about: &About) -> Result<Known> {
        known::known(&mut *self.reader().await?, about).await
    }

    async fn known_entries(&self) -> Result<Vec<KnownEntry>> {
        known::known_entries(&mut *self.reader().await?).await
    }

    async fn accept_scan(&self, scan: &ScanRecord, now: DateTime<Utc>) -> Result<Vec<Change>> {
        self.write_much("remember a scan", async |writer| {
            content::record_files(writer, scan).await?;
            let changes = scan::apply(writer, &scan.steps, now).await?;
            scan::hold(writer, scan, now).await?;
            Ok(changes)
        })
        .await
    }

    async fn suspects(&self, links: &[&str]) -> Result<Suspects> {
        known::suspects(&mut *self.reader().await?, links).await
    }

    async fn end_scan(&self, end: &ScanEnd) -> Result<()> {
        self.write("remember folders", async |writer| {
            content::end_scan(writer, end).await?;
            for (name, value) in &end.facts {
                requests::set_fact(writer, name, value).await?;
            }
            Ok(())
        })
        .await
    }

    async fn next_moment(&self) -> Result<Option<DateTime<Utc>>> {
        known::next_moment(&mut *self.reader().await?, NOTICE.num_seconds()).await
    }

    async fn has_missing(&self) -> Result<bool> {
        known::has_missing(&mut *self.reader().await?).await
    }

    async fn held(&self) -> Result<Held> {
        holds::held(&mut *self.reader().await?).await
    }

    async fn open_holds(&self) -> Result<Vec<HoldRecord>> {
        holds::open_holds(&mut *self.reader().await?, None).await
    }

    async fn release_hold(
        &self,
        hold: i64,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<HoldRecord>> {
        self.write("let a hold go", async |writer| holds::release(writer, hold, by, now).await)
            .await
    }

    async fn hold_approval(
        &self,
        subject: &str,
        number: usize,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.write("remember a hold", async |writer| {
            holds::hold_approval(writer, subject, number, reason, now).await
        })
        .await
    }

    async fn drop_approval(&self, subject: &str, now: DateTime<Utc>) -> Result<()> {
        self.write("end a hold", async |writer| holds::drop_approval(writer, subject, now).await)
            .await
    }

    async fn asked(&self, subject: &str) -> Result<Option<usize>> {
        holds::approval(&mut *self.reader().await?, subject, false).await
    }

    async fn approved(&self, subject: &str) -> Result<Option<usize>> {
        holds::approval(&mut *self.reader().await?, subject, true).await
    }

    async fn problems(&self) -> Result<Vec<Problem>> {
        content::problems(&mut *self.reader().await?).await
    }

    async fn public_entries(&self) -> Result<Vec<Entry>> {
        catalogue::public_entries(&mut *self.reader().await?).await
    }

    async fn fill_bodies(&self, entries: &mut [Entry]) -> Result<Vec<BodyAtSource>> {
        catalogue::fill_bodies(&mut *self.reader().await?, entries).await
    }

    async fn keep_bodies(&self, bodies: &[Body]) -> Result<()> {
        self.write("store bodies", async |writer| catalogue::keep_made(writer, bodies).await).await
    }

    async fn entry_counts(&self) -> Result<HashMap<String, u64>> {
        catalogue::entry_counts(&mut *self.reader().await?).await
    }

    async fn register_feeds(&self, feeds: &[NewFeed], now: DateTime<Utc>) -> Result<()> {
        self.write("register feeds", async |writer| feeds::register(writer, feeds, now).await).await
    }

    async fn feeds(&self) -> Result<Vec<FeedRecord>> {
        feeds::feeds(&mut *self.reader().await?).await
    }

    async fn placed_seq(&self) -> Result<Seq> {
        let placed = requests::fact(&mut *self.reader().await?, "placed_seq").await?;
        Ok(placed.and_then(|seq| seq.parse().ok()).unwrap_or(0))
    }

    async fn placements(&self, after: Seq, is_all: bool) -> Result<Vec<Placement>> {
        feeds::placements(&mut *self.reader().await?, after, is_all).await
    }

    async fn place(&self, placing: &Placing, now: DateTime<Utc>) -> Result<()> {
        self.write_much("place entries in feeds", async |writer| {
            placing::place(writer, placing, now).await
        })
        .await
    }

    async fn feed_lists(&self, asked: &ListsAsked) -> Result<FeedLists> {
        feeds::lists(&mut *self.reader().await?, asked).await
    }

    async fn feed_heads(&self, length: usize) -> Result<Vec<(i64, i64)>> {
        feeds::heads(&mut *self.reader().await?, length).await
    }

    async fn events(&self, since: i64) -> Result<Vec<EventMember>> {
        feeds::events(&mut *self.reader().await?, since).await
    }

    async fn stale_archives(&self, feed: i64, limit: usize) -> Result<Vec<u64>> {
        feeds::stale_archives(&mut *self.reader().await?, feed, limit).await
    }

    async fn archive_members(&self, feed: i64, number: u64) -> Result<Vec<Member>> {
        feeds::archive_members(&mut *self.reader().await?, feed, number).await
    }

    async fn entries(&self, rows: &[i64]) -> Result<Vec<Entry>> {
        feeds::entries(&mut *self.reader().await?, rows).await
    }

    async fn record_publication(
        &self,
        publication: &PublicationRecord,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.write("remember documents", async |writer| {
            documents::record(writer, publication, now).await
        })
        .await
    }

    async fn documents(&self) -> Result<Vec<DocumentRecord>> {
        documents::documents(&mut *self.reader().await?).await
    }

    async fn record_copies(&self, copies: &[(String, Option<String>)]) -> Result<()> {
        self.write("remember copies", async |writer| documents::record_copies(writer, copies).await)
            .await
    }

    async fn due_pings(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<PingRecord>> {
        documents::due_pings(&mut *self.reader().await?, now, limit).await
    }

    async fn next_ping(&self) -> Result<Option<DateTime<Utc>>> {
        documents::next_ping(&mut *self.reader().await?).await
    }

    async fn pings(&self) -> Result<u64> {
        documents::pings(&mut *self.reader().await?).await
    }

    async fn settle_ping(&self, ping: &PingRecord, next: Option<DateTime<Utc>>) -> Result<()> {
        self.write("remember what hubs were told", async |writer| {
            documents::settle_ping(writer, ping, next).await
        })
        .await
    }

    async fn followed(&self) -> Result<Vec<Followed>> {
        feeds::followed(&mut *self.reader().await?).await
    }

    async fn move_subscriptions(&self, old: &str, new: &str, now: DateTime<Utc>) -> Result<u64> {
        self.write("move subscriptions", async |writer| {
            renaming::move_subscriptions(writer, old, new, now).await
        })
        .await
    }

    async fn register_digests(&self, names: &[String], now: DateTime<Utc>) -> Result<()> {
        self.write("register digests", async |writer| {
            runs::register_digests(writer, names, now).await
        })
        .await
    }

    async fn digest_progress(&self, name: &str) -> Result<Option<DigestProgress>> {
        runs::digest_progress(&mut *self.reader().await?, name).await
    }

    async fn newest_due_key(&self, digest: i64, now: DateTime<Utc>) -> Result<Option<String>> {
        runs::newest_due_key(&mut *self.reader().await?, digest, now).await
    }

    async fn newest_seq(&self) -> Result<Seq> {
        catalogue::newest_seq(&mut *self.reader().await?, None).await
    }

    async fn newest_seq_before(&self, moment: DateTime<Utc>) -> Result<Seq> {
        catalogue::newest_seq(&mut *self.reader().await?, Some(moment)).await
    }

    async fn told_changes(&self, after: Seq, upto: Seq) -> Result<Vec<ToldChange>> {
        catalogue::told_changes(&mut *self.reader().await?, after, upto, None).await
    }

    async fn told_translations(&self, groups: &[String], upto: Seq) -> Result<Vec<ToldChange>> {
        catalogue::told_changes(&mut *self.reader().await?, 0, upto, Some(groups)).await
    }

    async fn next_subscribers(
        &self,
        digests: &[i64],
        after: i64,
    ) -> Result<Option<SubscriberRange>> {
        readers::next_range(&mut *self.reader().await?, digests, after).await
    }

    async fn subscriptions(
        &self,
        digest: i64,
        audience: Audience,
        of: SubscriberRange,
    ) -> Result<Vec<Subscription>> {
        readers::subscriptions(&mut *self.reader().await?, digest, audience, of).await
    }

    async fn lowest_owed(
        &self,
        digest: i64,
        audience: Audience,
        below: Seq,
    ) -> Result<Option<Seq>> {
        readers::lowest_owed(&mut *self.reader().await?, digest, audience, below).await
    }

    async fn received(&self, entries: &[i64], by: SubscriberRange) -> Result<Received> {
        planning::received(&mut *self.reader().await?, entries, by).await
    }

    async fn begin_run(&self, run: &NewRun, now: DateTime<Utc>) -> Result<Option<i64>> {
        self.write("begin a run", async |writer| {
            planning::drop_begun(writer).await?;
            planning::begin(writer, run, now).await
        })
        .await
    }

    async fn plan_page(&self, run: i64, page: &RunPage) -> Result<()> {
        self.write("plan a run", async |writer| {
            planning::add_page(writer, run, page).await?;
            failpoint::reach("at-plan-page");
            Ok(())
        })
        .await
    }

    async fn open_run(
        &self,
        run: i64,
        plan_hash: &str,
        recipients: u64,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        failpoint::reach("before-run-opens");
        self.write("open a run", async |writer| {
            planning::open(writer, run, plan_hash, recipients, now).await
        })
        .await
    }

    async fn drop_begun_run(&self) -> Result<()> {
        self.write("drop a run", async |writer| planning::drop_begun(writer).await).await
    }

    async fn record_quiet_run(&self, run: &QuietRun, now: DateTime<Utc>) -> Result<bool> {
        self.write("record a run", async |writer| runs::record_quiet(writer, run, now).await).await
    }

    async fn begin_with_digest(&self, subscriber: i64, digest: i64) -> Result<()> {
        planning::begin_with_digest(&mut *self.writer().await, subscriber, digest).await
    }

    async fn clear_owed(
        &self,
        digest: i64,
        owed_read: &[(i64, String, Seq)],
        to_seq: Seq,
        known: KnownCancellations,
    ) -> Result<()> {
        let people = owed_read.iter().map(|(subscriber, ..)| *subscriber);
        let Some((first, last)) = people.clone().min().zip(people.max()) else { return Ok(()) };
        self.write("clear what people were owed", async |writer| {
            planning::clear_owed(writer, digest, &json(&owed_read), to_seq).await?;
            owed::owe_late(writer, known, 0, (first, last)).await
        })
        .await
    }

    async fn expand(
        &self,
        run: i64,
        keys: DeliveryKeys<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<u64>> {
        self.write("expand a run", async |writer| {
            let added = runs::expand(writer, run, keys, now).await?;
            failpoint::reach("at-expand-page");
            Ok(added)
        })
        .await
    }

    async fn open_runs(&self) -> Result<Vec<RunRecord>> {
        runs::open_runs(&mut *self.reader().await?).await
    }

    async fn run(&self, run: i64) -> Result<Option<RunRecord>> {
        runs::run(&mut *self.reader().await?, run).await
    }

    async fn run_counts(&self, run: i64) -> Result<HashMap<String, u64>> {
        runs::run_counts(&mut *self.reader().await?, run).await
    }

    async fn complete_runs(&self, now: DateTime<Utc>) -> Result<Vec<i64>> {
        self.write("complete runs", async |writer| runs::complete(writer, now).await).await
    }

    async fn issue(&self, issue: i64) -> Result<Option<IssueRecord>> {
        runs::issue(&mut *self.reader().await?, issue).await
    }

    async fn web_copy(&self, issue_hash: &str) -> Result<Option<Vec<u8>>> {
        runs::web_copy(&mut *self.reader().await?, issue_hash).await
    }

    async fn followers(
        &self,
        audience: Audience,
        of: SubscriberRange,
    ) -> Result<Vec<Subscription>> {
        readers::followers(&mut *self.reader().await?, audience, of).await
    }

    async fn pass_over(&self, digest: &str, upto: Seq) -> Result<()> {
        told::pass_over(&mut *self.writer().await, digest, upto).await
    }

    async fn events_starting(
        &self,
        first: NaiveDate,
        last: NaiveDate,
        seq: Seq,
    ) -> Result<Vec<ToldChange>> {
        told::events_starting(&mut *self.reader().await?, (first, last), seq).await
    }

    async fn untold_corrections(&self) -> Result<Vec<Correction>> {
        corrections::untold(&mut *self.reader().await?).await
    }

    async fn receivers(
        &self,
        entry: i64,
        before: Revision,
        of: SubscriberRange,
    ) -> Result<Vec<Receiver>> {
        corrections::receivers(&mut *self.reader().await?, entry, before, of).await
    }

    async fn unreachable(&self, entry: i64, before: Revision, feeds: &[String]) -> Result<Untold> {
        corrections::unreachable(&mut *self.reader().await?, entry, before, feeds).await
    }

    async fn outdated_runs(&self) -> Result<Vec<OutdatedRun>> {
        supersede::outdated(&mut *self.reader().await?).await
    }

    async fn open_reminders(&self) -> Result<Vec<(i64, Entry)>> {
        supersede::open_reminders(&mut *self.reader().await?).await
    }

    async fn supersede_run(
        &self,
        outdated: &OutdatedRun,
        token_key: i64,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let OutdatedRun { run, reason } = outdated;
        let begun = self
            .write("supersede a run", async |writer| {
                supersede::begin(writer, *run, reason, now).await
            })
            .await?;
        failpoint::reach("at-supersede");
        if begun {
            self.end_run(*run, token_key, now).await?;
        }
        Ok(())
    }

    async fn unserved_runs(&self) -> Result<Vec<UnservedRun>> {
        supersede::unserved_runs(&mut *self.reader().await?).await
    }

    async fn unserved(&self, run: i64, of: SubscriberRange) -> Result<HashSet<i64>> {
        supersede::unserved(&mut *self.reader().await?, run, of).await
    }

    async fn succeed_run(&self, run: i64) -> Result<()> {
        failpoint::reach("before-succession");
        supersede::succeeded(&mut *self.writer().await, run).await
    }

    async fn recover(&self, resend: &[String], now: DateTime<Utc>) -> Result<Recovered> {
        self.write("recover the outbox", async |writer| outbox::recover(writer, resend, now).await)
            .await
    }

    async fn claim_due(&self, claim: &ClaimRequest) -> Result<Vec<Claim>> {
        self.group.claim_due(claim).await
    }

    async fn intend(
        &self,
        claim: &Claim,
        results: &[DeliveryResult],
        now: DateTime<Utc>,
    ) -> Result<Option<Intent>> {
        self.group.write(results, Some(claim), now).await
    }

    async fn record_results(&self, results: &[DeliveryResult], now: DateTime<Utc>) -> Result<()> {
        self.group.write(results, None, now).await.map(|_| ())
    }

    async fn release(&self, claims: &[(Claim, Option<DateTime<Utc>>)]) -> Result<()> {
        self.group.release(claims).await
    }

    async fn unreject(&self, run: i64, subscribers: &[i64], now: DateTime<Utc>) -> Result<u64> {
        outbox::unreject(&mut *self.writer().await, run, subscribers, now).await
    }

    async fn pause_refused(
        &self,
        run: i64,
        reason: &str,
        subscribers: &[i64],
        now: DateTime<Utc>,
    ) -> Result<u64> {
        self.write("pause sending", async |writer| {
            pauses::pause(writer, &NewPause::of_run(run, reason), now).await?;
            let freed = outbox::unreject(writer, run, subscribers, now).await?;
            brakes::end_canary(writer, run).await?;
            Ok(freed)
        })
        .await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        outbox::next_due(&mut *self.reader().await?, false).await
    }

    async fn open_deliveries(&self) -> Result<u64> {
        outbox::open(&mut *self.reader().await?).await
    }

    async fn next_due_past_windows(&self) -> Result<Option<DateTime<Utc>>> {
        outbox::next_due(&mut *self.reader().await?, true).await
    }

    async fn readers_by_language(&self) -> Result<Vec<(String, u64)>> {
        brakes::readers_by_language(&mut *self.reader().await?).await
    }

    async fn waiting_for_window(&self) -> Result<u64> {
        brakes::waiting_for_window(&mut *self.reader().await?).await
    }

    async fn canaries(&self) -> Result<Vec<Canary>> {
        self.group.canaries().await
    }

    async fn widen_canary(&self, run: i64, by: u64) -> Result<()> {
        brakes::widen_canary(&mut *self.writer().await, run, by).await
    }

    async fn end_canary(&self, run: i64) -> Result<()> {
        brakes::end_canary(&mut *self.writer().await, run).await
    }

    async fn relay_failed(&self, fault: &RelayFault) -> Result<()> {
        relay::failed(&mut *self.writer().await, fault).await
    }

    async fn relay_works(&self) -> Result<()> {
        relay::works(&mut *self.writer().await).await
    }

    async fn relay_fault(&self) -> Result<Option<RelayFault>> {
        relay::fault(&mut *self.reader().await?).await
    }

    async fn override_run(&self, run: i64, overrides: &[Override]) -> Result<()> {
        brakes::override_run(&mut *self.writer().await, run, overrides).await
    }

    async fn hold_run(
        &self,
        run: i64,
        plan_hash: &str,
        recipients: u64,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<HeldRun>> {
        self.write("hold a run", async |writer| {
            brakes::hold(writer, run, plan_hash, recipients, reason, now).await
        })
        .await
    }

    async fn held_runs(&self) -> Result<Vec<HeldRun>> {
        brakes::held_runs(&mut *self.reader().await?).await
    }

    async fn past_hold(&self, what: &str) -> Result<Option<PastHold>> {
        holds::past(&mut *self.reader().await?, what).await
    }

    async fn held_recipients(&self, run: i64, of: SubscriberRange) -> Result<Vec<(i64, String)>> {
        brakes::held_recipients(&mut *self.reader().await?, run, of).await
    }

    async fn release_run(&self, released: &ReleasedRun, now: DateTime<Utc>) -> Result<bool> {
        self.write("let a run go", async |writer| brakes::release(writer, released, now).await)
            .await
    }

    async fn supersede_held(&self, run: i64, reason: &str, now: DateTime<Utc>) -> Result<bool> {
        self.write("replace a held run", async |writer| {
            brakes::supersede(writer, run, reason, now).await
        })
        .await
    }

    async fn keep_plan(&self, hash: &str, facts: &str, now: DateTime<Utc>) -> Result<()> {
        brakes::keep_plan(&mut *self.writer().await, hash, facts, now).await
    }

    async fn kept_plans(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        brakes::kept_plans(&mut *self.reader().await?, prefix).await
    }

    async fn people(&self, digests: &[i64], of: SubscriberRange) -> Result<Vec<Person>> {
        brakes::people(&mut *self.reader().await?, digests, of).await
    }

    async fn untold_news(&self, after: Seq, upto: Seq) -> Result<u64> {
        brakes::untold_news(&mut *self.reader().await?, after, upto).await
    }

    async fn last_run_entries(&self, digest: i64) -> Result<Option<RunEntries>> {
        brakes::last_run_entries(&mut *self.reader().await?, digest).await
    }

    async fn delivery_counts(&self) -> Result<DeliveryCounts> {
        outbox::counts(&mut *self.reader().await?).await
    }

    async fn pause(&self, pause: &NewPause, now: DateTime<Utc>) -> Result<Paused> {
        self.write("pause sending", async |writer| pauses::pause(writer, pause, now).await).await
    }

    async fn pause_run(&self, run: i64, reason: &str, now: DateTime<Utc>) -> Result<Paused> {
        self.pause(&NewPause::of_run(run, reason), now).await
    }

    async fn resume(
        &self,
        scope: &PauseScope,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<PauseRecord>> {
        self.write("resume sending", async |writer| pauses::resume(writer, scope, by, now).await)
            .await
    }

    async fn pauses(&self) -> Result<Vec<PauseRecord>> {
        pauses::pauses(&mut *self.reader().await?).await
    }

    async fn cancel_run(
        &self,
        cancellation: &Cancellation,
        now: DateTime<Utc>,
    ) -> Result<Option<Cancelled>> {
        let begun = self
            .write("cancel a run", async |writer| cancel::begin(writer, cancellation, now).await)
            .await?;
        if !begun {
            return Ok(None);
        }
        failpoint::reach("at-cancel-page");
        self.end_run(cancellation.run, cancellation.token_key, now).await.map(Some)
    }

    async fn end_cancelled(&self, token_key: i64, now: DateTime<Utc>) -> Result<()> {
        let cut_off = cancel::cut_off(&mut *self.reader().await?).await?;
        for run in cut_off {
            self.end_run(run, token_key, now).await?;
        }
        Ok(())
    }

    async fn runs(&self, asked: RunsAsked) -> Result<Vec<RunDetails>> {
        runs_seen::runs(&mut *self.reader().await?, asked).await
    }

    async fn empty_runs_since(&self, run: i64) -> Result<u64> {
        runs_seen::empty_since(&mut *self.reader().await?, run).await
    }

    async fn successor(&self, run: i64) -> Result<Option<i64>> {
        runs_seen::successor(&mut *self.reader().await?, run).await
    }

    async fn refused(&self, run: i64, most: u32) -> Result<Vec<RefusedDelivery>> {
        runs_seen::refused(&mut *self.reader().await?, run, most).await
    }

    async fn uncertain(&self, run: Option<i64>) -> Result<Vec<UncertainRecord>> {
        uncertain::uncertain(&mut *self.reader().await?, run).await
    }

    async fn resolve(
        &self,
        run: i64,
        subscribers: &[i64],
        resolution: Resolution,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<u64> {
        self.write("resolve deliveries", async |writer| {
            uncertain::resolve(writer, run, subscribers, resolution, by, now).await
        })
        .await
    }

    async fn subscribe(
        &self,
        rows: &[NewSubscription],
        now: DateTime<Utc>,
    ) -> Result<Vec<Subscribed>> {
        self.write_much("add subscriptions", async |writer| {
            intake::subscribe(writer, rows, now).await
        })
        .await
    }

    async fn subscribers(&self, after: i64) -> Result<Vec<SubscriberRecord>> {
        people::subscribers(&mut *self.reader().await?, after).await
    }

    async fn subscription_counts(&self) -> Result<BTreeMap<String, u64>> {
        people::counts(&mut *self.reader().await?).await
    }

    async fn running_subscriptions(&self, subscriber: i64) -> Result<u64> {
        people::running(&mut *self.reader().await?, subscriber).await
    }

    async fn subscriber_by_lookup(&self, lookup: &[u8]) -> Result<Option<i64>> {
        people::subscriber_by_lookup(&mut *self.reader().await?, lookup).await
    }

    async fn has_real_subscribers(&self) -> Result<bool> {
        people::has_real(&mut *self.reader().await?).await
    }

    async fn end_subscriptions(&self, end: &EndOfSubscription, now: DateTime<Utc>) -> Result<u64> {
        self.write("end subscriptions", async |writer| {
            people::end_subscriptions(writer, end, now).await
        })
        .await
    }

    async fn leave_all(&self, leaves: &[Leave], now: DateTime<Utc>) -> Result<u64> {
        let ended = self
            .write("end subscriptions", async |writer| {
                let ended = leaving::leave_all(writer, leaves, now).await?;
                failpoint::reach("before-leave-commit");
                Ok(ended)
            })
            .await?;
        failpoint::reach("after-leave-commit");
        Ok(ended)
    }

    async fn last_left(
        &self,
        run: i64,
        subscriber: i64,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>> {
        leaving::last_left(&mut *self.reader().await?, (run, subscriber), since).await
    }

    async fn take_back_end(&self, back: &ComeBack, now: DateTime<Utc>) -> Result<u64> {
        self.write("take back the end of a subscription", async |writer| {
            choices::take_back_end(writer, back, now).await
        })
        .await
    }

    async fn person(&self, subscriber: i64) -> Result<Option<PersonRecord>> {
        choices::person(&mut *self.reader().await?, subscriber).await
    }

    async fn choose(&self, choices: &Choices, now: DateTime<Utc>) -> Result<u64> {
        self.write("change subscriptions", async |writer| {
            choices::choose(writer, choices, now).await
        })
        .await
    }

    async fn sign_up(&self, sign_up: &SignUp, now: DateTime<Utc>) -> Result<AskedFor> {
        let answer = self
            .write("write down what somebody asks for", async |writer| {
                let answer = errands::sign_up(writer, sign_up, now).await?;
                failpoint::reach("before-sign-up-commit");
                Ok(answer)
            })
            .await;
        failpoint::reach("after-sign-up-commit");
        answer
    }

    async fn ask(&self, asked: &OwnErrand, now: DateTime<Utc>) -> Result<AskedFor> {
        self.write("write down what somebody asks for", async |writer| {
            errands::ask(writer, asked, now).await
        })
        .await
    }

    async fn waiting_errands(
        &self,
        digest: &str,
        after: i64,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<ErrandRecord>> {
        errands::waiting(&mut *self.reader().await?, digest, after, limit, now).await
    }

    async fn start_errands(&self, run: &ErrandRun, now: DateTime<Utc>) -> Result<i64> {
        self.write("start a run for errands", async |writer| errands::start(writer, run, now).await)
            .await
    }

    async fn errand(&self, run: i64, subscriber: i64) -> Result<Option<ErrandRecord>> {
        errands::by_mail(&mut *self.reader().await?, run, subscriber).await
    }

    async fn finish_errand(
        &self,
        run: i64,
        subscriber: i64,
        wording: &str,
        now: DateTime<Utc>,
    ) -> Result<Finished> {
        self.write("do what a link stands for", async |writer| {
            finishing::finish(writer, (run, subscriber), wording, now).await
        })
        .await
    }

    async fn refuse_errand(
        &self,
        run: i64,
        subscriber: i64,
        now: DateTime<Utc>,
    ) -> Result<Refused> {
        self.write("do what a link stands for", async |writer| {
            finishing::refuse(writer, (run, subscriber), now).await
        })
        .await
    }

    async fn open_errand(&self, run: i64, subscriber: i64, now: DateTime<Utc>) -> Result<bool> {
        self.write("do what a link stands for", async |writer| {
            finishing::open(writer, (run, subscriber), now).await
        })
        .await
    }

    async fn end_expired_errands(&self, now: DateTime<Utc>) -> Result<u64> {
        self.write("do what a link stands for", async |writer| {
            finishing::end_expired(writer, now).await
        })
        .await
    }

    async fn is_former(&self, run: i64, subscriber: i64) -> Result<bool> {
        errands::is_former(&mut *self.reader().await?, (run, subscriber)).await
    }

    async fn personal_data(&self, subscriber: i64) -> Result<Option<PersonalData>> {
        personal::personal_data(&mut *self.reader().await?, subscriber).await
    }

    async fn erase(&self, subscriber: i64, source: &str, now: DateTime<Utc>) -> Result<bool> {
        self.write("erase a person", async |writer| {
            personal::erase(writer, subscriber, source, now).await
        })
        .await
    }

    async fn way_out(&self, run: i64, subscriber: i64) -> Result<WayOut> {
        leaving::way_out(&mut *self.reader().await?, run, subscriber).await
    }

    async fn delivery_state(&self, run: i64, subscriber: i64) -> Result<Option<String>> {
        people::delivery_state(&mut *self.reader().await?, run, subscriber).await
    }

    async fn entries_like(&self, asked: &str) -> Result<Vec<EntryFound>> {
        receivers::entries_like(&mut *self.reader().await?, asked).await
    }

    async fn receivers_by_run(&self, entry: i64) -> Result<Vec<RunReceivers>> {
        receivers::by_run(&mut *self.reader().await?, entry).await
    }

    async fn received_copies(&self, entry: i64, run: i64, after: i64) -> Result<Vec<ReceivedCopy>> {
        receivers::receivers(&mut *self.reader().await?, entry, run, after).await
    }

    async fn deliveries_of(&self, subscriber: i64) -> Result<Vec<PersonDelivery>> {
        receivers::of_person(&mut *self.reader().await?, subscriber).await
    }

    async fn run_audit(&self, run: i64) -> Result<RunAudit> {
        receivers::run_audit(&mut *self.reader().await?, run).await
    }

    async fn verify_audit(&self) -> Result<AuditReport> {
        let mut reader = self.reader().await?;
        let mut transaction = reader.begin().await.during("read the audit ledger")?;
        audit::verify(&mut transaction).await
    }

    async fn request(&self, kind: RequestKind, argument: &str, now: DateTime<Utc>) -> Result<i64> {
        requests::add(&mut *self.writer().await, kind, argument, now).await
    }

    async fn take_request(&self, now: DateTime<Utc>) -> Result<Option<Request>> {
        requests::take(&mut *self.writer().await, now).await
    }

    async fn finish_request(&self, id: i64, outcome: &str, now: DateTime<Utc>) -> Result<()> {
        requests::finish(&mut *self.writer().await, id, outcome, now).await
    }

    async fn request_outcome(&self, id: i64) -> Result<Option<String>> {
        requests::outcome(&mut *self.reader().await?, id).await
    }
}
