//! Digests, runs, and the expansion of a plan into deliveries.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::outbox::NEVER;
use super::{During, Result, audit, corrections, from_json, json, moment, owed, planning};
use crate::audit::Totals;
use crate::config::RESERVED_DIGESTS;
use crate::outbox::canary::FIRST;
use crate::store::{DeliveryKeys, DigestProgress, IssueRecord, QuietRun, QuietState, RunRecord};

pub(super) async fn register_digests(
    writer: &mut SqliteConnection,
    names: &[String],
    now: DateTime<Utc>,
) -> Result<()> {
    for name in names {
        sqlx::query(
            "insert into digest (name, registered_seq, registered_at)
             select $1, coalesce((select max(seq) from change), 0), $2 where true
             on conflict (name) do nothing",
        )
        .bind(name)
        .bind(now.timestamp())
        .execute(&mut *writer)
        .await
        .during("register digests")?;
    }
    Ok(())
}

pub(super) async fn digest_progress(
    reader: &mut SqliteConnection,
    name: &str,
) -> Result<Option<DigestProgress>> {
    let row: Option<(i64, i64, i64, i64)> = sqlx::query_as(concat!(
        "select d.id, d.registered_at, ",
        owed::covered!("d.id"),
        ", ",
        owed::newest_cancellation!(),
        " from digest d where d.name = $1"
    ))
    .bind(name)
    .fetch_optional(reader)
    .await
    .during("read a digest")?;
    Ok(row.map(|(id, registered_at, covered_seq, newest_cancellation)| DigestProgress {
        id,
        covered_seq,
        registered_at: moment(registered_at),
        newest_cancellation,
    }))
}

pub(super) async fn newest_due_key(
    reader: &mut SqliteConnection,
    digest: i64,
    now: DateTime<Utc>,
) -> Result<Option<String>> {
    sqlx::query_scalar(
        "select max(key) from run where digest_id = $1 and due_at <= $2 and state <> 'planned'",
    )
    .bind(digest)
    .bind(now.timestamp())
    .fetch_one(reader)
    .await
    .during("read a digest")
}

pub(super) async fn record_quiet(
    writer: &mut SqliteConnection,
    run: &QuietRun,
    now: DateTime<Utc>,
) -> Result<bool> {
    let state = match run.state {
        QuietState::Empty => "empty",
        QuietState::Expired => "expired",
    };
    let done = sqlx::query(
        "insert into run (digest_id, key, due_at, from_seq, to_seq, state, reason, created_at,
             finished_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         on conflict (digest_id, key) do nothing",
    )
    .bind(run.digest)
    .bind(&run.key)
    .bind(run.due_at.map(|at| at.timestamp()))
    .bind(run.from_seq)
    .bind(run.to_seq)
    .bind(state)
    .bind(&run.reason)
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during("record a run")?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    if run.state == QuietState::Empty {
        owed::owe_late(writer, run.known, 0, (i64::MIN, i64::MAX)).await?;
    }
    audit::quiet(writer, run.digest, &run.key, now).await?;
    Ok(true)
}

/// Of what people were owed when a run was planned what those are owed who are in it. Of a run
/// that brings nothing the others keep theirs: who rested when it was planned may be back.
fn of_recipients(owed: &str, recipients: &str) -> Result<String> {
    let recipients: Vec<(i64, i64)> = from_json("people of a run", recipients)?;
    let recipients: HashSet<i64> = recipients.into_iter().map(|(who, _)| who).collect();
    let mut owed: Vec<(i64, String, i64)> = from_json("what people are owed", owed)?;
    owed.retain(|(who, ..)| recipients.contains(who));
    Ok(json(&owed))
}

/// A page of a plan, with its run's digest and state.
#[derive(FromRow)]
struct Page {
    number: i64,
    recipients: String,
    owed: String,
    after_subscriber: i64,
    upto_subscriber: i64,
    digest_id: i64,
    state: String,
    to_seq: i64,
}

pub(super) async fn expand(
    writer: &mut SqliteConnection,
    run: i64,
    keys: DeliveryKeys<'_>,
    now: DateTime<Utc>,
) -> Result<Option<u64>> {
    let action = "expand a run";
    let page: Option<Page> = sqlx::query_as(
        "select p.page as number, p.recipients, p.owed, p.after_subscriber, p.upto_subscriber,
             r.digest_id, r.state, r.to_seq
         from run_page p join run r on r.id = p.run_id and r.state <> 'planned'
         where p.run_id = $1 order by p.page limit 1",
    )
    .bind(run)
    .fetch_optional(&mut *writer)
    .await
    .during(action)?;
    let Some(page) = page else {
        sqlx::query(
            // The others wait for the first of them; what is urgent waits for nobody.
            "update run set state = 'sending', canary = (select d.subscriber_id from delivery d
                 where d.run_id = run.id and (select name from digest where id = run.digest_id)
                     not in (select value from json_each($2))
                 order by d.subscriber_id limit 1 offset $3)
             where id = $1 and state = 'expanding'",
        )
        .bind(run)
        .bind(json(&RESERVED_DIGESTS))
        .bind(FIRST.cast_signed() - 1)
        .execute(&mut *writer)
        .await
        .during(action)?;
        super::pauses::settle(writer).await?;
        return Ok(None);
    };
    let added = sqlx::query(
        // Due at once, whatever the clock says: it may be set back before they are claimed. Who
        // changed to another digest or left a feed since is found by the intent, which says what
        // they are owed.
        "insert into delivery (run_id, subscriber_id, issue_id, address_version, token_key,
             dkim_selector, dated_at, state, next_at, changed_at)
         select $1, s.id, j.value->>1, coalesce(e.address_version, s.address_version), $3, $5, $4,
             'pending', 0, $4
         from json_each($2) as j
         join subscriber s on s.id = j.value->>0
         join run r on r.id = $1
         left join errand e on e.run_id = $1 and e.subscriber_id = s.id
         where s.erased_at is null
           and not exists (select 1 from suppression x where x.lookup = s.lookup)
           and (e.id is not null or exists (select 1 from subscription c
                where c.subscriber_id = s.id and c.state = 'confirmed'))
         on conflict (run_id, subscriber_id) do nothing",
    )
    .bind(run)
    .bind(&page.recipients)
    .bind(keys.token)
    .bind(now.timestamp())
    .bind(keys.dkim_selector)
    .execute(&mut *writer)
    .await
    .during(action)?
    .rows_affected();
    pass_over_leavers(writer, run, &page, keys, now).await?;
    corrections::thread(writer, run, &page.recipients).await?;
    let owed = match &*page.state {
        "expanding" => page.owed,
        _ => of_recipients(&page.owed, &page.recipients)?,
    };
    planning::clear_owed(writer, page.digest_id, &owed, page.to_seq).await?;
    let people = (page.after_subscriber.saturating_add(1), page.upto_subscriber);
    owed::owe_late_of(writer, run, people).await?;
    sqlx::query("delete from run_page where run_id = $1 and page = $2")
        .bind(run)
        .bind(page.number)
        .execute(writer)
        .await
        .during(action)?;
    Ok(Some(added))
}

/// Who left everything since the plan has a delivery that says so, and is owed what it would have
/// brought, should they take that back.
async fn pass_over_leavers(
    writer: &mut SqliteConnection,
    run: i64,
    page: &Page,
    keys: DeliveryKeys<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let action = "expand a run";
    let left = sqlx::query(
        "insert into delivery (run_id, subscriber_id, issue_id, address_version, token_key,
             dated_at, state, reason, next_at, changed_at)
         select $1, s.id, j.value->>1, s.address_version, $3, $4, 'cancelled', 'left', $5, $4
         from json_each($2) as j
         join subscriber s on s.id = j.value->>0 and s.erased_at is null
         where not exists (select 1 from suppression x where x.lookup = s.lookup)
           and not exists (select 1 from errand e where e.run_id = $1 and e.subscriber_id = s.id)
           and exists (select 1 from subscription c
                where c.subscriber_id = s.id and c.state = 'ended')
           and not exists (select 1 from subscription c
                where c.subscriber_id = s.id and c.state = 'confirmed')
         on conflict (run_id, subscriber_id) do nothing",
    )
    .bind(run)
    .bind(&page.recipients)
    .bind(keys.token)
    .bind(now.timestamp())
    .bind(NEVER)
    .execute(&mut *writer)
    .await
    .during(action)?;
    if left.rows_affected() > 0 {
        sqlx::query(owed::OWE_LEFT)
            .bind(run)
            .bind(NEVER)
            .bind(page.after_subscriber.saturating_add(1))
            .bind(page.upto_subscriber)
            .execute(&mut *writer)
            .await
            .during(action)?;
        let number = sqlx::query(owed::NUMBER_CANCELLATION).bind(run);
        number.execute(writer).await.during(action)?;
    }
    Ok(())
}

#[derive(FromRow)]
struct RunRow {
    id: i64,
    digest: String,
    key: String,
    state: String,
    from_seq: i64,
    to_seq: i64,
    recipients: i64,
}

impl From<RunRow> for RunRecord {
    fn from(row: RunRow) -> Self {
        Self {
            id: row.id,
            digest: row.digest,
            key: row.key,
            state: row.state,
            from_seq: row.from_seq,
            to_seq: row.to_seq,
            recipients: row.recipients.cast_unsigned(),
        }
    }
}

pub(super) async fn open_runs(reader: &mut SqliteConnection) -> Result<Vec<RunRecord>> {
    let rows: Vec<RunRow> = sqlx::query_as(
        "select r.id, d.name as digest, r.key, r.state, r.from_seq, r.to_seq, r.recipients
         from run r join digest d on d.id = r.digest_id
         where r.state not in ('planned', 'complete', 'empty', 'cancelled', 'expired',
             'superseded')
         order by r.id",
    )
    .fetch_all(reader)
    .await
    .during("read the open runs")?;
    Ok(rows.into_iter().map(RunRecord::from).collect())
}

pub(super) async fn run(reader: &mut SqliteConnection, run: i64) -> Result<Option<RunRecord>> {
    let row: Option<RunRow> = sqlx::query_as(
        "select r.id, d.name as digest, r.key, r.state, r.from_seq, r.to_seq, r.recipients
         from run r join digest d on d.id = r.digest_id where r.id = $1",
    )
    .bind(run)
    .fetch_optional(reader)
    .await
    .during("read a run")?;
    Ok(row.map(RunRecord::from))
}

pub(super) async fn run_counts(
    reader: &mut SqliteConnection,
    run: i64,
) -> Result<HashMap<String, u64>> {
    let kept: Option<String> = sqlx::query_scalar("select counts from run where id = $1")
        .bind(run)
        .fetch_optional(&mut *reader)
        .await
        .during("read a run's counts")?
        .flatten();
    let counted = match kept {
        Some(text) => Counted::kept(&text, 0)?,
        None => count(reader, run).await?,
    };
    Ok(counted.by_state.into_iter().collect())
}

/// What became of a run's deliveries.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// Those without any are left out.
    pub(super) by_state: BTreeMap<String, u64>,
    /// Accepted after an outcome that was never known.
    pub(super) resent: u64,
}

impl Counted {
    /// As a complete run keeps it.
    pub(super) fn kept(by_state: &str, resent: i64) -> Result<Self> {
        let mut by_state: BTreeMap<String, u64> = from_json("counts of a run", by_state)?;
        by_state.retain(|_, count| *count > 0);
        Ok(Self { by_state, resent: resent.cast_unsigned() })
    }

    pub(super) fn into_totals(self) -> Totals {
        Totals { deliveries: self.by_state, resent: self.resent }
    }
}

/// Counts a run's deliveries: in one pass, where groups would sort all of them first.
pub(super) async fn count(reader: &mut SqliteConnection, run: i64) -> Result<Counted> {
    let (by_state, resent): (String, i64) = sqlx::query_as(
        "select json_object(
                'pending', count(*) filter (where state = 'pending'),
                'claimed', count(*) filter (where state = 'claimed'),
                'intent', count(*) filter (where state = 'intent'),
                'accepted', count(*) filter (where state = 'accepted'),
                'rejected', count(*) filter (where state = 'rejected'),
                'uncertain', count(*) filter (where state = 'uncertain'),
                'rehearsed', count(*) filter (where state = 'rehearsed'),
                'cancelled', count(*) filter (where state = 'cancelled')),
            count(*) filter (where state = 'accepted' and unknowns > 0)
         from delivery where run_id = $1",
    )
    .bind(run)
    .fetch_one(reader)
    .await
    .during("count a run's deliveries")?;
    Counted::kept(&by_state, resent)
}

/// The counts that a run at its end keeps.
pub(super) async fn kept(reader: &mut SqliteConnection, run: i64) -> Result<Option<Counted>> {
    let row: Option<(Option<String>, Option<i64>)> =
        sqlx::query_as("select counts, resent from run where id = $1")
            .bind(run)
            .fetch_optional(reader)
            .await
            .during("read a run's counts")?;
    let Some((Some(by_state), resent)) = row else { return Ok(None) };
    Counted::kept(&by_state, resent.unwrap_or(0)).map(Some)
}

/// A run at its end keeps its counts: listing it looks at no delivery.
async fn keep_counts(writer: &mut SqliteConnection, run: i64, now: DateTime<Utc>) -> Result<()> {
    let counted = count(&mut *writer, run).await?;
    sqlx::query("update run set counts = $2, resent = $3 where id = $1")
        .bind(run)
        .bind(json(&counted.by_state))
        .bind(counted.resent.cast_signed())
        .execute(&mut *writer)
        .await
        .during("keep a run's counts")?;
    audit::ended(writer, run, counted.into_totals(), now).await
}

/// Counts what a person settled of a run at its end.
pub(super) async fn recount(
    writer: &mut SqliteConnection,
    run: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let is_kept: bool = sqlx::query_scalar(
        "select exists (select 1 from run where id = $1
             and (state = 'complete' or counts is not null))",
    )
    .bind(run)
    .fetch_one(&mut *writer)
    .await
    .during("keep a run's counts")?;
    if is_kept { keep_counts(writer, run, now).await } else { Ok(()) }
}

/// Cancelled and superseded runs keep their counts when nothing of them is open or in hand any
/// more.
pub(super) async fn count_cancelled(
    writer: &mut SqliteConnection,
    now: DateTime<Utc>,
) -> Result<()> {
    let runs: Vec<i64> = sqlx::query_scalar(
        // The first condition on deliveries is that of the index `delivery_due`.
        "select id from run where (state = 'cancelled' or was_open = 1) and counts is null
           and not exists (select 1 from run_page p where p.run_id = run.id)
           and not exists (select 1 from delivery d where d.run_id = run.id
               and d.state in ('pending', 'uncertain') and d.state = 'pending')
           and not exists (select 1 from delivery d
               where d.run_id = run.id and d.lease_until is not null)",
    )
    .fetch_all(&mut *writer)
    .await
    .during("count cancelled runs")?;
    for run in runs {
        keep_counts(writer, run, now).await?;
    }
    Ok(())
}

pub(super) async fn complete(
    writer: &mut SqliteConnection,
    now: DateTime<Utc>,
) -> Result<Vec<i64>> {
    let runs: Vec<i64> = sqlx::query_scalar(
        // A pause may have come when nothing was left to send. What is pending falls due. Each
        // condition is that of an index: what is settled, a million by and by, is not looked at.
        "update run set state = 'complete', finished_at = $1
         where state in ('sending', 'paused')
           and not exists (select 1 from delivery d where d.run_id = run.id
               and d.state in ('pending', 'uncertain') and d.next_at < $2)
           and not exists (select 1 from delivery d
               where d.run_id = run.id and d.lease_until is not null)
         returning id",
    )
    .bind(now.timestamp())
    .bind(super::outbox::NEVER)
    .fetch_all(&mut *writer)
    .await
    .during("complete runs")?;
    for run in &runs {
        keep_counts(writer, *run, now).await?;
    }
    count_cancelled(writer, now).await?;
    Ok(runs)
}

pub(super) async fn issue(
    reader: &mut SqliteConnection,
    issue: i64,
) -> Result<Option<IssueRecord>> {
    let row: Option<(i64, String, String, Vec<u8>)> = sqlx::query_as(
        "select i.id, i.hash, i.subject, r.bytes
         from issue i join rendering r on r.hash = i.mail_rendering where i.id = $1",
    )
    .bind(issue)
    .fetch_optional(reader)
    .await
    .during("read an issue")?;
    Ok(row.map(|(id, hash, subject, mail)| IssueRecord { id, hash, subject, mail }))
}

pub(super) async fn web_copy(
    reader: &mut SqliteConnection,
    issue_hash: &str,
) -> Result<Option<Vec<u8>>> {
    sqlx::query_scalar(
        "select r.bytes from issue i join rendering r on r.hash = i.web_rendering
         where i.hash = $1 limit 1",
    )
    .bind(issue_hash)
    .fetch_optional(reader)
    .await
    .during("read a web copy")
}
