//! What is remembered: the one place that knows SQL.
//!
//! [`Store`] speaks in verbs of the domain; each method is one transaction, and each can be
//! repeated after a crash. "Not found" is `None`; unique keys, not prior checks, prevent
//! duplicates. [`sqlite`] implements it in one embedded file.

mod error;
pub mod lock;
pub mod records;
pub mod sqlite;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use crate::catalogue::{About, Held, Known, KnownEntry};
use crate::content::Problem;
use crate::model::{Entry, Revision, Seq};
pub use error::{FileFault, StoreError};
pub use records::*;

pub type Result<T> = std::result::Result<T, StoreError>;

/// Everything that is remembered between two starts.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// A fact about the store itself; `value` is kept where none stands yet.
    async fn settle_fact(&self, name: &str, value: &str) -> Result<String>;

    async fn fact(&self, name: &str) -> Result<Option<String>>;

    /// Puts a fact in the place of what stood there.
    async fn set_fact(&self, name: &str, value: &str) -> Result<()>;

    // Content.

    /// Whether nothing was ever scanned into it.
    async fn is_new(&self) -> Result<bool>;

    /// Signatures of the folders in which every file is settled.
    async fn known_folders(&self) -> Result<HashMap<String, String>>;

    /// Files that lie directly in one of `folders`.
    async fn known_files(&self, folders: &[String]) -> Result<Vec<KnownFile>>;

    /// How many files were found to be what.
    async fn file_counts(&self) -> Result<BTreeMap<FileOutcome, u64>>;

    /// All that a scan which touches this has to know.
    async fn known(&self, about: &About) -> Result<Known>;

    /// Every entry, for those who list them.
    async fn known_entries(&self) -> Result<Vec<KnownEntry>>;

    /// Remembers a scan: files, entries, revisions, problems, holds; numbers its changes in
    /// order.
    async fn accept_scan(&self, scan: &ScanRecord, now: DateTime<Utc>) -> Result<Vec<Change>>;

    /// What is odd between entries, as of now: those at one of `links` or at an address that
    /// was told of as shared, and withdrawn ones.
    async fn suspects(&self, links: &[&str]) -> Result<Suspects>;

    /// Remembers what was found of the folder as a whole, after the scan itself was accepted;
    /// without it the next scan looks at the same folders again.
    async fn end_scan(&self, end: &ScanEnd) -> Result<()>;

    /// When the clock alone changes an entry next: an embargo passes, something expires, a
    /// notice has stood long enough. What a missing file was is for the scans to say.
    async fn next_moment(&self) -> Result<Option<DateTime<Utc>>>;

    /// Whether a file is missing and a second look must say if it is gone for good.
    async fn has_missing(&self) -> Result<bool>;

    /// Paths on hold, and those that were let go and are not yet taken up.
    async fn held(&self) -> Result<Held>;

    /// Holds that wait for an operator, oldest first.
    async fn open_holds(&self) -> Result<Vec<HoldRecord>>;

    /// Lets a hold go; the next scan takes up what it kept back. `None` where no hold with
    /// this number waits.
    async fn release_hold(
        &self,
        hold: i64,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<HoldRecord>>;

    /// Asks an operator whether `subject` may have `number`; asked again, the newer number
    /// counts.
    async fn hold_approval(
        &self,
        subject: &str,
        number: usize,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<()>;

    /// Asks no more about `subject`: the config says what may be.
    async fn drop_approval(&self, subject: &str, now: DateTime<Utc>) -> Result<()>;

    /// The number that waits for an operator's word on `subject`.
    async fn asked(&self, subject: &str) -> Result<Option<usize>>;

    /// The greatest number that an operator has let go for `subject`.
    async fn approved(&self, subject: &str) -> Result<Option<usize>>;

    /// What there is to mend as of the last scan, gravest first.
    async fn problems(&self) -> Result<Vec<Problem>>;

    /// Every entry that readers see, withdrawn ones with their notice, bodies left empty.
    async fn public_entries(&self) -> Result<Vec<Entry>>;

    /// Fills in the bodies of the revisions at hand, and says which are not stored.
    async fn fill_bodies(&self, entries: &mut [Entry]) -> Result<Vec<BodyAtSource>>;

    /// Stores bodies that were made after their scan.
    async fn keep_bodies(&self, bodies: &[Body]) -> Result<()>;

    /// How many entries stand in each state.
    async fn entry_counts(&self) -> Result<HashMap<String, u64>>;

    // Feeds and documents.

    /// Remembers feeds under their names; known ones keep what is known of them.
    async fn register_feeds(&self, feeds: &[NewFeed], now: DateTime<Utc>) -> Result<()>;

    /// Every feed that was ever registered, by name.
    async fn feeds(&self) -> Result<Vec<FeedRecord>>;

    /// Number of the newest change whose entry has its place in feeds.
    async fn placed_seq(&self) -> Result<Seq>;

    /// Entries that changed after `seq`, or all that were ever public, as they are now.
    async fn placements(&self, after: Seq, is_all: bool) -> Result<Vec<Placement>>;

    /// Gives entries their places in feeds; feeds that gain, lose or keep a changed one become
    /// stale, and so do closed archives in which one has turned.
    async fn place(&self, placing: &Placing, now: DateTime<Utc>) -> Result<()>;

    /// What stands in the documents of a feed.
    async fn feed_lists(&self, asked: &ListsAsked) -> Result<FeedLists>;

    /// The newest entries of every feed: feed and row.
    async fn feed_heads(&self, length: usize) -> Result<Vec<(i64, i64)>>;

    /// Events of all feeds that end on this day or later, in days since 1970; by id.
    async fn events(&self, since: i64) -> Result<Vec<EventMember>>;

    /// Archives of a feed that are to be made, oldest first.
    async fn stale_archives(&self, feed: i64, limit: usize) -> Result<Vec<u64>>;

    /// What stands in an archive.
    async fn archive_members(&self, feed: i64, number: u64) -> Result<Vec<Member>>;

    /// The newest revisions of entries by row, in that order; bodies left empty.
    async fn entries(&self, rows: &[i64]) -> Result<Vec<Entry>>;

    /// Remembers what a publish did.
    async fn record_publication(
        &self,
        publication: &PublicationRecord,
        now: DateTime<Utc>,
    ) -> Result<()>;

    async fn documents(&self) -> Result<Vec<DocumentRecord>>;

    /// Remembers the copies in an object store: path and tag.
    async fn record_copies(&self, copies: &[(String, Option<String>)]) -> Result<()>;

    /// Hubs to be told now, longest waiting first.
    async fn due_pings(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<PingRecord>>;

    /// When the next hub is to be told.
    async fn next_ping(&self) -> Result<Option<DateTime<Utc>>>;

    /// How many topics hubs are still to be told of.
    async fn pings(&self) -> Result<u64>;

    /// Remembers how telling a hub went: to be tried again at `next`, or done with.
    async fn settle_ping(&self, ping: &PingRecord, next: Option<DateTime<Utc>>) -> Result<()>;

    /// What people follow: feeds and digests with a subscription that has not ended.
    async fn followed(&self) -> Result<Vec<Followed>>;

    /// How many people read in which language: those with a subscription that has not ended.
    async fn readers_by_language(&self) -> Result<Vec<(String, u64)>>;

    /// Moves the subscriptions of one feed to another; who follows both keeps the other's.
    /// Returns how many moved.
    async fn move_subscriptions(&self, old: &str, new: &str, now: DateTime<Utc>) -> Result<u64>;

    // Digests and runs.

    /// Registers digests; a new one's first window begins at the newest change of now.
    async fn register_digests(&self, names: &[String], now: DateTime<Utc>) -> Result<()>;

    async fn digest_progress(&self, name: &str) -> Result<Option<DigestProgress>>;

    /// Key of the newest scheduled run of a digest with a moment that has come; one of a time
    /// when the clock was ahead is passed over.
    async fn newest_due_key(&self, digest: i64, now: DateTime<Utc>) -> Result<Option<String>>;

    /// Number of the newest change; 0 before the first.
    async fn newest_seq(&self) -> Result<Seq>;

    /// Number of the last change numbered before `moment`; 0 where there is none.
    async fn newest_seq_before(&self, moment: DateTime<Utc>) -> Result<Seq>;

    /// Changes told to followers with `after < seq <= upto`, of entries still public, each
    /// entry once at its newest told change; bodies left empty.
    async fn told_changes(&self, after: Seq, upto: Seq) -> Result<Vec<ToldChange>>;

    /// Of all changes up to `upto` those of entries in one of these groups of translations.
    async fn told_translations(&self, groups: &[String], upto: Seq) -> Result<Vec<ToldChange>>;

    /// The next people with a confirmed subscription to one of `digests`, behind the subscriber
    /// `after`: a page that memory has room for. `None` behind the last.
    async fn next_subscribers(
        &self,
        digests: &[i64],
        after: i64,
    ) -> Result<Option<SubscriberRange>>;

    /// Confirmed subscriptions to a digest of people who are not suppressed, by subscriber.
    async fn subscriptions(
        &self,
        digest: i64,
        audience: Audience,
        of: SubscriberRange,
    ) -> Result<Vec<Subscription>>;

    /// The lowest `owed_from` below `below` of these subscriptions.
    async fn lowest_owed(&self, digest: i64, audience: Audience, below: Seq)
    -> Result<Option<Seq>>;

    /// Which of `entries` people have, or are about to get, at which revision: deliveries
    /// that are not rejected, cancelled or rehearsed.
    async fn received(&self, entries: &[i64], by: SubscriberRange) -> Result<Received>;

    /// Begins a run, to be planned page by page; `None` where the key is taken. A run whose
    /// planning was cut off is dropped: one at a time is planned, by who holds the lock.
    async fn begin_run(&self, run: &NewRun, now: DateTime<Utc>) -> Result<Option<i64>>;

    /// Adds the next page of the plan of a run that was begun.
    async fn plan_page(&self, run: i64, page: &RunPage) -> Result<()>;

    /// Lets a run go that was planned to its end, for so many recipients; until then it is none
    /// for anybody else. `false` where it was not begun, or dropped.
    async fn open_run(
        &self,
        run: i64,
        plan_hash: &str,
        recipients: u64,
        now: DateTime<Utc>,
    ) -> Result<bool>;

    /// Drops a run that was begun and not opened.
    async fn drop_begun_run(&self) -> Result<()>;

    /// Records a due moment at which nothing is sent.
    async fn record_quiet_run(&self, run: &QuietRun, now: DateTime<Utc>) -> Result<bool>;

    /// The next window of a person who follows by this digest begins where the digest's does.
    async fn begin_with_digest(&self, subscriber: i64, digest: i64) -> Result<()>;

    /// Clears `owed_from` of subscriptions to a digest, exactly the values that were read:
    /// (subscriber, feed, value). One lowered or set since stays; while urgent news is to come it
    /// is raised to the end of the run, `to_seq`. What was cancelled since `known` is owed.
    async fn clear_owed(
        &self,
        digest: i64,
        owed_read: &[(i64, String, Seq)],
        to_seq: Seq,
        known: KnownCancellations,
    ) -> Result<()>;

    /// Adds one delivery per recipient of the run's next page, passing over those who are
    /// suppressed; a subscriber who has one already is left alone. That of who left is cancelled
    /// and not counted, and owed to them should they come back. What the page read of `owed_from`
    /// is cleared as in [`Store::clear_owed`]. Without a page left the run goes on to sending and
    /// the answer is `None`.
    async fn expand(
        &self,
        run: i64,
        keys: DeliveryKeys<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<u64>>;

    /// Runs that are not at their end, oldest first.
    async fn open_runs(&self) -> Result<Vec<RunRecord>>;

    async fn run(&self, run: i64) -> Result<Option<RunRecord>>;

    /// Deliveries of a run by state.
    async fn run_counts(&self, run: i64) -> Result<HashMap<String, u64>>;

    /// Ends every run in `sending` that has no open delivery, and keeps its counts; returns them.
    async fn complete_runs(&self, now: DateTime<Utc>) -> Result<Vec<i64>>;

    async fn issue(&self, issue: i64) -> Result<Option<IssueRecord>>;

    /// Bytes of the web copy of an issue, by the issue's hash, still compressed.
    async fn web_copy(&self, issue_hash: &str) -> Result<Option<Vec<u8>>>;

    // What is told whatever people's digests are.

    /// Confirmed subscriptions to any digest of people neither paused nor suppressed, by
    /// subscriber.
    async fn followers(&self, audience: Audience, of: SubscriberRange)
    -> Result<Vec<Subscription>>;

    /// Moves the beginning of a digest's next window on: nothing up to there is for it.
    async fn pass_over(&self, digest: &str, upto: Seq) -> Result<()>;

    /// Public events whose start falls into these days by the author's calendar, each as a
    /// change numbered `seq`; bodies left empty.
    async fn events_starting(
        &self,
        first: NaiveDate,
        last: NaiveDate,
        seq: Seq,
    ) -> Result<Vec<ToldChange>>;

    /// Corrections and withdrawals numbered since the digest `correction` was registered that
    /// have no run yet, in order.
    async fn untold_corrections(&self) -> Result<Vec<Correction>>;

    /// Who has a text of an entry before this revision, or may have it.
    async fn receivers(
        &self,
        entry: i64,
        before: Revision,
        of: SubscriberRange,
    ) -> Result<Vec<Receiver>>;

    /// How many people with a text before this revision cannot be told; `feeds` select the
    /// entry now.
    async fn unreachable(&self, entry: i64, before: Revision, feeds: &[String]) -> Result<Untold>;

    /// Open runs with a text that was corrected, withdrawn or removed since they were planned.
    async fn outdated_runs(&self) -> Result<Vec<OutdatedRun>>;

    /// Open runs of reminders, each with every entry that it tells of, as this is now.
    async fn open_reminders(&self) -> Result<Vec<(i64, Entry)>>;

    /// Ends a run because its text is outdated, as [`Store::cancel_run`] does. A supersession
    /// that was cut off is finished by [`Store::end_cancelled`].
    async fn supersede_run(
        &self,
        outdated: &OutdatedRun,
        token_key: i64,
        now: DateTime<Utc>,
    ) -> Result<()>;

    /// Superseded runs whose people were not yet planned anew, oldest first; one of which
    /// something is in hand is left out.
    async fn unserved_runs(&self) -> Result<Vec<UnservedRun>>;

    /// Those whom a superseded run left without its issue.
    async fn unserved(&self, run: i64, of: SubscriberRange) -> Result<HashSet<i64>>;

    /// Remembers that the people of a superseded run were planned anew.
    async fn succeed_run(&self, run: i64) -> Result<()>;

    // Outbox.

    /// What whoever takes the lock does first: claims go back to pending (certainly
    /// unsent), intents become uncertain. Uncertain deliveries of `resend` digests that
    /// were unknown once fall due again.
    async fn recover(&self, resend: &[String], now: DateTime<Utc>) -> Result<Recovered>;

    /// Claims up to `limit` due deliveries of sending runs, oldest due first.
    async fn claim_due(&self, claim: &ClaimRequest) -> Result<Vec<Claim>>;

    /// Writes `results`, then makes `claim` an intent if its fence, run, consent and
    /// suppression still allow; else it is cancelled or let go and the answer is `None`.
    async fn intend(
        &self,
        claim: &Claim,
        results: &[DeliveryResult],
        now: DateTime<Utc>,
    ) -> Result<Option<Intent>>;

    /// Writes results that no further intent will carry.
    async fn record_results(&self, results: &[DeliveryResult], now: DateTime<Utc>) -> Result<()>;

    /// Gives claims back unsent, each due again at its moment, or at once.
    async fn release(&self, claims: &[(Claim, Option<DateTime<Utc>>)]) -> Result<()>;

    /// Undoes the refusals of these people: they are pending again. Returns how many.
    async fn unreject(&self, run: i64, subscribers: &[i64], now: DateTime<Utc>) -> Result<u64>;

    /// Pauses a run that was refused as a whole, and undoes the refusals of these people: they
    /// are pending again. Returns how many. When it goes on, nobody waits for its first.
    async fn pause_refused(
        &self,
        run: i64,
        reason: &str,
        subscribers: &[i64],
        now: DateTime<Utc>,
    ) -> Result<u64>;

    /// When the next delivery of a sending run falls due.
    async fn next_due(&self) -> Result<Option<DateTime<Utc>>>;

    /// Deliveries that are still to go out of runs that are sent now: looks at no others.
    async fn open_deliveries(&self) -> Result<u64>;

    /// As [`Store::next_due`], of mail that goes out whatever the send windows say.
    async fn next_due_past_windows(&self) -> Result<Option<DateTime<Utc>>>;

    /// Open deliveries of sending runs that go out in a send window alone.
    async fn waiting_for_window(&self) -> Result<u64>;

    /// What became of the first deliveries of the runs whose others wait for that.
    async fn canaries(&self) -> Result<Vec<Canary>>;

    /// Counts so many more people among the first of a run; where there are no more than that,
    /// the others wait no longer.
    async fn widen_canary(&self, run: i64, by: u64) -> Result<()>;

    /// The others of a run wait no longer.
    async fn end_canary(&self, run: i64) -> Result<()>;

    /// Remembers why no mail goes out, in the place of what was remembered before.
    async fn relay_failed(&self, fault: &RelayFault) -> Result<()>;

    /// Mail goes out again.
    async fn relay_works(&self) -> Result<()>;

    /// What a daemon that sends saw last. Where none runs, it may be long ago.
    async fn relay_fault(&self) -> Result<Option<RelayFault>>;

    // Brakes.

    /// Remembers what an operator overrode for a run that was begun, or waits for a window.
    async fn override_run(&self, run: i64, overrides: &[Override]) -> Result<()>;

    /// As [`Store::open_run`], but the run waits for an operator's word. `None` where it was not
    /// begun, or dropped.
    async fn hold_run(
        &self,
        run: i64,
        plan_hash: &str,
        recipients: u64,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<HeldRun>>;

    /// Runs that wait for an operator's word, oldest first.
    async fn held_runs(&self) -> Result<Vec<HeldRun>>;

    /// A hold that waits no longer, by its number or by the beginning of the hash of its run's
    /// plan; the newest of several.
    async fn past_hold(&self, what: &str) -> Result<Option<PastHold>>;

    /// Who is to get which issue of a held run, by its hash; by subscriber.
    async fn held_recipients(&self, run: i64, of: SubscriberRange) -> Result<Vec<(i64, String)>>;

    /// Lets a held run go, without those who left it. `false` where it is held no longer.
    async fn release_run(&self, released: &ReleasedRun, now: DateTime<Utc>) -> Result<bool>;

    /// Ends a held run whose window a later one takes over.
    async fn supersede_held(&self, run: i64, reason: &str, now: DateTime<Utc>) -> Result<bool>;

    /// Remembers what a plan was made of.
    async fn keep_plan(&self, hash: &str, facts: &str, now: DateTime<Utc>) -> Result<()>;

    /// Hash and facts of the plans that were kept and whose hash begins so.
    async fn kept_plans(&self, prefix: &str) -> Result<Vec<(String, String)>>;

    /// People with a confirmed subscription to one of `digests`, and what keeps them from mail.
    async fn people(&self, digests: &[i64], of: SubscriberRange) -> Result<Vec<Person>>;

    /// New entries with `after < seq <= upto` that nobody is told of: too old, or there already
    /// when the folder was first scanned.
    async fn untold_news(&self, after: Seq, upto: Seq) -> Result<u64>;

    /// The entries of the newest run of a digest that went out.
    async fn last_run_entries(&self, digest: i64) -> Result<Option<RunEntries>>;

    /// All deliveries by state.
    async fn delivery_counts(&self) -> Result<DeliveryCounts>;

    // What operators do with sending.

    /// Keeps all, a digest or a run from being sent: nothing of it is claimed any more, and
    /// no intent is made of a claim. What was paused already stays so, as it was.
    async fn pause(&self, pause: &NewPause, now: DateTime<Utc>) -> Result<Paused>;

    /// As [`Store::pause`], by the program itself.
    async fn pause_run(&self, run: i64, reason: &str, now: DateTime<Utc>) -> Result<Paused>;

    /// Lifts the pause with this scope; others go on. `None` where none stood.
    async fn resume(
        &self,
        scope: &PauseScope,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<PauseRecord>>;

    /// Pauses that stand, oldest first; none of runs that are at their end.
    async fn pauses(&self) -> Result<Vec<PauseRecord>>;

    /// Ends a run: what is open is cancelled and owed, what is uncertain counts as sent. At
    /// once nothing more of it is sent; the rest goes on in steps between which others write.
    /// `None` where the run is at its end already, or there is none.
    async fn cancel_run(
        &self,
        cancellation: &Cancellation,
        now: DateTime<Utc>,
    ) -> Result<Option<Cancelled>>;

    /// Finishes cancellations that were cut off.
    async fn end_cancelled(&self, token_key: i64, now: DateTime<Utc>) -> Result<()>;

    async fn runs(&self, asked: RunsAsked) -> Result<Vec<RunDetails>>;

    /// Runs from this number on that found nothing new for anybody.
    async fn empty_runs_since(&self, run: i64) -> Result<u64>;

    /// The run that took over the window of a superseded one, where one did.
    async fn successor(&self, run: i64) -> Result<Option<i64>>;

    /// The first so many people whom the relay refused in a run, with what it said.
    async fn refused(&self, run: i64, most: u32) -> Result<Vec<RefusedDelivery>>;

    /// Deliveries of unknown fate, of a run or of all, oldest first.
    async fn uncertain(&self, run: Option<i64>) -> Result<Vec<UncertainRecord>>;

    /// Settles deliveries of a run that are uncertain: those of `subscribers`, or all where
    /// that is empty. A run that is to send again is open again. Returns how many there were.
    async fn resolve(
        &self,
        run: i64,
        subscribers: &[i64],
        resolution: Resolution,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<u64>;

    // People.

    /// Adds or changes subscriptions, in one transaction; one answer per row, in order.
    async fn subscribe(
        &self,
        rows: &[NewSubscription],
        now: DateTime<Utc>,
    ) -> Result<Vec<Subscribed>>;

    /// Subscriptions of the next people behind the subscriber `after`, a page of them; none
    /// behind the last.
    async fn subscribers(&self, after: i64) -> Result<Vec<SubscriberRecord>>;

    /// Subscriptions by state; those of the rehearsal's stand-ins as `rehearsal`.
    async fn subscription_counts(&self) -> Result<BTreeMap<String, u64>>;

    /// Subscriptions of one person that have not ended.
    async fn running_subscriptions(&self, subscriber: i64) -> Result<u64>;

    async fn subscriber_by_lookup(&self, lookup: &[u8]) -> Result<Option<i64>>;

    /// Whether anybody but the rehearsal's stand-ins is subscribed.
    async fn has_real_subscribers(&self) -> Result<bool>;

    /// Ends confirmed and pending subscriptions; open deliveries are left to the check
    /// before the dot. Returns how many ended.
    async fn end_subscriptions(&self, end: &EndOfSubscription, now: DateTime<Utc>) -> Result<u64>;

    /// Ends what people left by a link in a mail: what the mail belongs to, as far as it was
    /// begun before they clicked. In one transaction, and safe to repeat. Returns how many ended.
    async fn leave_all(&self, leaves: &[Leave], now: DateTime<Utc>) -> Result<u64>;

    /// When a person last left what a link ends, if not before `since`.
    async fn last_left(
        &self,
        run: i64,
        subscriber: i64,
        since: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>>;

    /// Takes back the end of subscriptions that their reader left at one moment. Returns how many
    /// go on.
    async fn take_back_end(&self, back: &ComeBack, now: DateTime<Utc>) -> Result<u64>;

    /// What a person follows; `None` for one who is unknown or erased.
    async fn person(&self, subscriber: i64) -> Result<Option<PersonRecord>>;

    /// Does what a person chose, at once. Returns how much of it was new.
    async fn choose(&self, choices: &Choices, now: DateTime<Utc>) -> Result<u64>;

    // Errands.

    /// Writes down who asks to be signed up, if they may be written to.
    async fn sign_up(&self, sign_up: &SignUp, now: DateTime<Utc>) -> Result<AskedFor>;

    /// Writes down what a known person asks for on a page of theirs.
    async fn ask(&self, asked: &OwnErrand, now: DateTime<Utc>) -> Result<AskedFor>;

    /// Errands whose mail by this digest is still to be made, behind number `after`, oldest first.
    async fn waiting_errands(
        &self,
        digest: &str,
        after: i64,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<ErrandRecord>>;

    /// Starts a run whose mail answers errands: it is there ready to be expanded, or not at all.
    async fn start_errands(&self, run: &ErrandRun, now: DateTime<Utc>) -> Result<i64>;

    /// The errand whose mail went to a person by a run.
    async fn errand(&self, run: i64, subscriber: i64) -> Result<Option<ErrandRecord>>;

    /// Does what was asked for; `wording` is what the page said that it was pressed on.
    async fn finish_errand(
        &self,
        run: i64,
        subscriber: i64,
        wording: &str,
        now: DateTime<Utc>,
    ) -> Result<Finished>;

    /// Ends an errand that its person never asked for. An address that nothing else goes to is
    /// forgotten.
    async fn refuse_errand(&self, run: i64, subscriber: i64, now: DateTime<Utc>)
    -> Result<Refused>;

    /// Opens the page behind a link that opens once; `false` where it was opened, or is too late.
    async fn open_errand(&self, run: i64, subscriber: i64, now: DateTime<Utc>) -> Result<bool>;

    /// Ends errands that nobody finished in time, as if they were refused; gives how many. What is
    /// kept for a time alone, and is past it, is deleted: addresses before a change, and when an
    /// address was asked to confirm.
    async fn end_expired_errands(&self, now: DateTime<Utc>) -> Result<u64>;

    /// Whether the mail of a run to a person went to an address for which they have another now.
    async fn is_former(&self, run: i64, subscriber: i64) -> Result<bool>;

    /// Everything that is kept of a person; `None` for one who is unknown or erased.
    async fn personal_data(&self, subscriber: i64) -> Result<Option<PersonalData>>;

    /// Ends everything of a person and unties what is kept from their address; `false` for one who
    /// is unknown or erased.
    async fn erase(&self, subscriber: i64, source: &str, now: DateTime<Utc>) -> Result<bool>;

    /// What the link to leave ends that the mail of a run to a person has.
    async fn way_out(&self, run: i64, subscriber: i64) -> Result<WayOut>;

    async fn delivery_state(&self, run: i64, subscriber: i64) -> Result<Option<String>>;

    // Audit.

    /// Entries with this id, path or address; else those with it as a part of one of these or of
    /// their title, the newest first: as many as somebody looks through.
    async fn entries_like(&self, asked: &str) -> Result<Vec<EntryFound>>;

    /// How many got which revision of an entry, by run.
    async fn receivers_by_run(&self, entry: i64) -> Result<Vec<RunReceivers>>;

    /// The next people behind the subscriber `after` whose delivery of a run holds an entry, a
    /// page of them; none behind the last.
    async fn received_copies(&self, entry: i64, run: i64, after: i64) -> Result<Vec<ReceivedCopy>>;

    /// All deliveries of a person with what they hold, oldest first.
    async fn deliveries_of(&self, subscriber: i64) -> Result<Vec<PersonDelivery>>;

    /// What auditors ask of a run beside its numbers.
    async fn run_audit(&self, run: i64) -> Result<RunAudit>;

    /// Checks the audit ledger, and what it says against the rows, as of one moment.
    async fn verify_audit(&self) -> Result<AuditReport>;

    // Other processes.

    async fn request(&self, kind: RequestKind, argument: &str, now: DateTime<Utc>) -> Result<i64>;

    /// Takes the oldest request that waits.
    async fn take_request(&self, now: DateTime<Utc>) -> Result<Option<Request>>;

    async fn finish_request(&self, id: i64, outcome: &str, now: DateTime<Utc>) -> Result<()>;

    /// The outcome of a finished request.
    async fn request_outcome(&self, id: i64) -> Result<Option<String>>;
}
