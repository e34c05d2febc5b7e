//! What holds runs back: their first few deliveries, send windows, an operator's word.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::outbox::NEVER;
use super::{During, Result, audit, json, planning};
use crate::audit::Said;
use crate::model::EntryId;
use crate::outbox::lane::PASS_WINDOWS;
use crate::store::{Brake, HeldRun, Override, Person, ReleasedRun, RunEntries, SubscriberRange};

/// Plans that are remembered: more than anybody looks back at, and their length together.
const KEPT_PLANS: i64 = 200;
const KEPT_BYTES: i64 = 64 * 1024 * 1024;

pub(super) async fn waiting_for_window(reader: &mut SqliteConnection) -> Result<u64> {
    let waiting: i64 = sqlx::query_scalar(
        "select coalesce(sum((select count(*) from delivery d where d.run_id = r.id
                and d.state in ('pending', 'uncertain') and d.next_at < $1)), 0)
         from run r join digest g on g.id = r.digest_id
         where r.state = 'sending' and r.passes_windows = 0
             and g.name not in (select value from json_each($2))",
    )
    .bind(NEVER)
    .bind(json(&PASS_WINDOWS))
    .fetch_one(reader)
    .await
    .during("count what waits for a send window")?;
    Ok(waiting.cast_unsigned())
}

pub(super) async fn widen_canary(writer: &mut SqliteConnection, run: i64, by: u64) -> Result<()> {
    sqlx::query(
        "update run set canary = (select d.subscriber_id from delivery d
             where d.run_id = run.id and d.subscriber_id > run.canary
             order by d.subscriber_id limit 1 offset $2)
         where id = $1 and canary is not null",
    )
    .bind(run)
    .bind(i64::try_from(by).unwrap_or(i64::MAX) - 1)
    .execute(writer)
    .await
    .during("widen a canary")?;
    Ok(())
}

pub(super) async fn end_canary(writer: &mut SqliteConnection, run: i64) -> Result<()> {
    sqlx::query("update run set canary = null where id = $1")
        .bind(run)
        .execute(writer)
        .await
        .during("end a canary")?;
    Ok(())
}

pub(super) async fn override_run(
    writer: &mut SqliteConnection,
    run: i64,
    overrides: &[Override],
) -> Result<()> {
    sqlx::query(
        // What was overridden before stays, and once it passes the windows it does.
        "update run set passes_windows = passes_windows or $3,
             overrides = (select json_group_array(json(value)) from
                 (select value from json_each(coalesce(run.overrides, '[]'))
                  union all select value from json_each($2)))
         where id = $1 and (state = 'planned'
             or (state in ('expanding', 'sending', 'paused') and passes_windows = 0))",
    )
    .bind(run)
    .bind(json(&overrides))
    .bind(overrides.iter().any(|one| one.brake == Brake::SendWindow))
    .execute(writer)
    .await
    .during("remember what was overridden")?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    run: i64,
    hold: i64,
    digest: String,
    key: String,
    from_seq: i64,
    to_seq: i64,
    recipients: i64,
    plan: Option<String>,
}

impl From<Row> for HeldRun {
    fn from(row: Row) -> Self {
        Self {
            run: row.run,
            hold: row.hold,
            digest: row.digest,
            key: row.key,
            from_seq: row.from_seq,
            to_seq: row.to_seq,
            recipients: row.recipients.cast_unsigned(),
            plan: row.plan.unwrap_or_default(),
        }
    }
}

pub(super) async fn hold(
    writer: &mut SqliteConnection,
    run: i64,
    plan_hash: &str,
    recipients: u64,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Option<HeldRun>> {
    if !planning::finish(writer, run, "held", (plan_hash, recipients), now).await? {
        return Ok(None);
    }
    let hold: i64 = sqlx::query_scalar(
        "insert into hold (kind, subject, reason, created_at)
         values ('approval', 'run:' || $1, $2, $3) returning id",
    )
    .bind(run)
    .bind(reason)
    .bind(now.timestamp())
    .fetch_one(&mut *writer)
    .await
    .during("hold a run")?;
    audit::held(writer, run, hold, now).await?;
    Ok(held_runs(writer).await?.into_iter().find(|held| held.run == run))
}

pub(super) async fn held_runs(reader: &mut SqliteConnection) -> Result<Vec<HeldRun>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select r.id as run, h.id as hold, d.name as digest, r.key, r.from_seq, r.to_seq,
             r.recipients, r.plan_hash as plan
         from run r join digest d on d.id = r.digest_id
         join hold h on h.kind = 'approval' and h.subject = 'run:' || r.id
             and h.released_at is null
         where r.state = 'held' order by r.id",
    )
    .fetch_all(reader)
    .await
    .during("read the held runs")?;
    Ok(rows.into_iter().map(HeldRun::from).collect())
}

pub(super) async fn held_recipients(
    reader: &mut SqliteConnection,
    run: i64,
    of: SubscriberRange,
) -> Result<Vec<(i64, String)>> {
    sqlx::query_as(
        "select p.value->>0, i.hash
         from run_page rp cross join json_each(rp.recipients) as p
         cross join issue i on i.id = p.value->>1
         where rp.run_id = $1 and rp.upto_subscriber > $2 and rp.after_subscriber < $3
             and p.value->>0 > $2 and p.value->>0 <= $3
         order by 1",
    )
    .bind(run)
    .bind(of.after)
    .bind(of.upto)
    .fetch_all(reader)
    .await
    .during("read who is to get a held run")
}

pub(super) async fn release(
    writer: &mut SqliteConnection,
    released: &ReleasedRun,
    now: DateTime<Utc>,
) -> Result<bool> {
    let action = "let a run go";
    if !planning::step(writer, released.run, "held", "expanding").await? {
        return Ok(false);
    }
    let leavers: BTreeSet<i64> = released.leavers.iter().copied().collect();
    sqlx::query(
        // Its mail grows old from here on: when it was held, the hold says.
        "update run set recipients = recipients - $2, created_at = $3 where id = $1",
    )
    .bind(released.run)
    .bind(i64::try_from(leavers.len()).unwrap_or(i64::MAX))
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?;
    if !leavers.is_empty() {
        sqlx::query(
            "update run_page set recipients = (select json_group_array(json(p.value))
                 from json_each(run_page.recipients) as p
                 where p.value->>0 not in (select value from json_each($2)))
             where run_id = $1",
        )
        .bind(released.run)
        .bind(json(&leavers))
        .execute(&mut *writer)
        .await
        .during(action)?;
    }
    end_hold(writer, released.run, &released.by, now).await?;
    approved(writer, released.run, &released.by, now).await?;
    audit::opened(writer, released.run, now).await?;
    Ok(true)
}

/// The word stands in the audit ledger before what it opened.
async fn approved(
    writer: &mut SqliteConnection,
    run: i64,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let holds: Vec<(i64, String, String)> = sqlx::query_as(
        "select id, subject, reason from hold
         where kind = 'approval' and subject = 'run:' || $1 order by id desc limit 1",
    )
    .bind(run)
    .fetch_all(&mut *writer)
    .await
    .during("let a run go")?;
    for (hold, subject, reason) in holds {
        let (kind, by) = ("approval".to_owned(), by.to_owned());
        let said = Said::Approved { hold, kind, subject, reason, by };
        audit::append(writer, &said, now).await?;
    }
    Ok(())
}

pub(super) async fn supersede(
    writer: &mut SqliteConnection,
    run: i64,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let action = "replace a held run";
    if !planning::step(writer, run, "held", "superseded").await? {
        return Ok(false);
    }
    sqlx::query(
        // Nothing of its window was told: the next one begins where it did.
        "update run set advances = 0, reason = $2, finished_at = $3 where id = $1",
    )
    .bind(run)
    .bind(reason)
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?;
    sqlx::query("delete from run_page where run_id = $1")
        .bind(run)
        .execute(&mut *writer)
        .await
        .during(action)?;
    end_hold(writer, run, audit::PROGRAM, now).await?;
    audit::superseded(writer, run, reason, now).await?;
    Ok(true)
}

async fn end_hold(
    writer: &mut SqliteConnection,
    run: i64,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "update hold set released_at = $2, released_by = $3
         where kind = 'approval' and subject = 'run:' || $1 and released_at is null",
    )
    .bind(run)
    .bind(now.timestamp())
    .bind(by)
    .execute(writer)
    .await
    .during("end a hold")?;
    Ok(())
}

pub(super) async fn keep_plan(
    writer: &mut SqliteConnection,
    hash: &str,
    facts: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let action = "remember a plan";
    sqlx::query(
        "insert into plan (hash, facts, made_at) values ($1, $2, $3)
         -- Who was to get it is not known to all who keep a plan.
         on conflict (hash) do update set made_at = excluded.made_at,
             facts = iif(octet_length(excluded.facts) > octet_length(facts),
                 excluded.facts, facts)",
    )
    .bind(hash)
    .bind(facts)
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?;
    sqlx::query(
        "delete from plan where hash in
             (select hash from (select hash,
                      row_number() over newest as place, sum(octet_length(facts)) over newest as bytes
                  from plan window newest as (order by made_at desc, hash))
              where place > $1 or (bytes > $2 and place > 1))
             and hash not in (select plan_hash from run where state = 'held'
                 and plan_hash is not null)",
    )
    .bind(KEPT_PLANS)
    .bind(KEPT_BYTES)
    .execute(writer)
    .await
    .during(action)?;
    Ok(())
}

pub(super) async fn kept_plans(
    reader: &mut SqliteConnection,
    prefix: &str,
) -> Result<Vec<(String, String)>> {
    sqlx::query_as("select hash, facts from plan where substr(hash, 1, length($1)) = $1")
        .bind(prefix)
        .fetch_all(reader)
        .await
        .during("read a plan")
}

pub(super) async fn people(
    reader: &mut SqliteConnection,
    digests: &[i64],
    of: SubscriberRange,
) -> Result<Vec<Person>> {
    let rows: Vec<(i64, String, bool, bool)> = sqlx::query_as(
        "select s.id, s.domain, s.paused_at is not null,
             exists (select 1 from suppression x where x.lookup = s.lookup)
         from subscriber s
         where s.id > $2 and s.id <= $3 and s.erased_at is null
             and exists (select 1 from subscription c where c.subscriber_id = s.id
                 and c.digest_id in (select value from json_each($1))
                 and c.state = 'confirmed')
         order by s.id",
    )
    .bind(json(&digests))
    .bind(of.after)
    .bind(of.upto)
    .fetch_all(reader)
    .await
    .during("read who follows a digest")?;
    let person = |(subscriber, domain, is_paused, is_suppressed)| Person {
        subscriber,
        domain,
        is_paused,
        is_suppressed,
    };
    Ok(rows.into_iter().map(person).collect())
}

pub(super) async fn readers_by_language(
    reader: &mut SqliteConnection,
) -> Result<Vec<(String, u64)>> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select s.language, count(*) from subscriber s
         where s.erased_at is null and s.is_rehearsal = 0
             and exists (select 1 from subscription c where c.subscriber_id = s.id
                 and c.state in ('pending', 'confirmed'))
         group by s.language order by s.language",
    )
    .fetch_all(reader)
    .await
    .during("read the languages of readers")?;
    Ok(rows.into_iter().map(|(language, n)| (language, n.cast_unsigned())).collect())
}

pub(super) async fn untold_news(
    reader: &mut SqliteConnection,
    after: i64,
    upto: i64,
) -> Result<u64> {
    let untold: i64 = sqlx::query_scalar(
        "select count(*) from change c join entry e on e.id = c.entry_id
         where c.tell = 'nobody' and c.seq > $1 and c.seq <= $2 and c.class = 'new'
             and e.state = 'public'",
    )
    .bind(after)
    .bind(upto)
    .fetch_one(reader)
    .await
    .during("count the news that nobody is told of")?;
    Ok(untold.cast_unsigned())
}

pub(super) async fn last_run_entries(
    reader: &mut SqliteConnection,
    digest: i64,
) -> Result<Option<RunEntries>> {
    let action = "read the last run of a digest";
    let last: Option<(i64, String)> = sqlx::query_as(
        "select id, key from run where digest_id = $1
             and state in ('expanding', 'sending', 'paused', 'complete')
         order by id desc limit 1",
    )
    .bind(digest)
    .fetch_optional(&mut *reader)
    .await
    .during(action)?;
    let Some((run, key)) = last else { return Ok(None) };
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select e.iri, r.revision from run_entry r join entry e on e.id = r.entry_id
         where r.run_id = $1 order by r.entry_id",
    )
    .bind(run)
    .fetch_all(reader)
    .await
    .during(action)?;
    let entries = rows.into_iter().map(|(iri, revision)| (EntryId::new(iri), revision)).collect();
    Ok(Some(RunEntries { run, key, entries }))
}
