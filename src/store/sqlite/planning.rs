//! A plan as it is written: a run that is begun, planned page by page, and opened.
//!
//! Until it is opened it is in `planned` and counts for nothing: nobody is claimed from it, its
//! window is not covered, nobody is about to get what it says. A process that dies meanwhile
//! leaves a run that the next one drops.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::{During, Result, audit, json, owed};
use crate::model::Seq;
use crate::store::{NewIssue, NewRun, Received, Rendering, RunPage, SubscriberRange};

pub(super) async fn received(
    reader: &mut SqliteConnection,
    entries: &[i64],
    by: SubscriberRange,
) -> Result<Received> {
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        // Who stands in a page that is not expanded yet is about to get it. A reminder is no
        // news: one that does not arrive must not cost its reader the news. What a digest
        // rehearsed lies behind it; what was urgent lies behind no digest, and counts by itself.
        "with asked(entry_id) as materialized (select value from json_each($1)),
             issues(id, run_id, is_urgent) as materialized (
                 select distinct i.id, i.run_id, g.name = 'urgent' from asked a
                 join issue_entry ie on ie.entry_id = a.entry_id
                 join issue i on i.id = ie.issue_id
                 join run r on r.id = i.run_id
                 join digest g on g.id = r.digest_id and g.name <> 'reminder')
         select d.subscriber_id, ie.entry_id, ie.revision
         from (select distinct run_id, is_urgent from issues) r
         cross join delivery d on d.run_id = r.run_id
             and d.subscriber_id > $2 and d.subscriber_id <= $3
         cross join issue_entry ie on ie.issue_id = d.issue_id
         where (d.state not in ('rejected', 'cancelled', 'rehearsed')
                 or d.state = 'rehearsed' and r.is_urgent)
             and ie.entry_id in (select entry_id from asked)
         union all
         select p.value->>0, ie.entry_id, ie.revision
         from run_page rp
         cross join run r on r.id = rp.run_id
         cross join json_each(rp.recipients) as p
         cross join issue_entry ie on ie.issue_id = p.value->>1
         where rp.upto_subscriber > $2 and rp.after_subscriber < $3
             and r.state not in ('planned', 'held')
             and rp.run_id in (select run_id from issues)
             and p.value->>0 > $2 and p.value->>0 <= $3
             and ie.entry_id in (select entry_id from asked)",
    )
    .bind(json(&entries))
    .bind(by.after)
    .bind(by.upto)
    .fetch_all(reader)
    .await
    .during("read what people have received")?;
    let mut received = Received::default();
    for (subscriber, entry, revision) in rows {
        let newest = received.entry((subscriber, entry)).or_insert(revision);
        *newest = revision.max(*newest);
    }
    Ok(received)
}

pub(super) async fn begin(
    writer: &mut SqliteConnection,
    run: &NewRun,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    sqlx::query_scalar(concat!(
        "insert into run (digest_id, key, due_at, from_seq, to_seq, advances, state, created_at,
             known_cancellation, known_at)
         values ($1, $2, $3, $4, $5, $6, 'planned', $7, iif($6, ",
        owed::newest_cancellation!(),
        ", null), $7) on conflict (digest_id, key) do nothing returning id"
    ))
    .bind(run.digest)
    .bind(&run.key)
    .bind(run.due_at.map(|at| at.timestamp()))
    .bind(run.from_seq)
    .bind(run.to_seq)
    .bind(run.advances)
    .bind(now.timestamp())
    .fetch_optional(writer)
    .await
    .during("begin a run")
}

pub(super) async fn drop_begun(writer: &mut SqliteConnection) -> Result<()> {
    for sql in [
        "delete from run_page where run_id in (select id from run where state = 'planned')",
        "delete from issue_entry where issue_id in (select i.id from issue i
             join run r on r.id = i.run_id where r.state = 'planned')",
        "delete from issue where run_id in (select id from run where state = 'planned')",
        "delete from run_entry where run_id in (select id from run where state = 'planned')",
        "delete from pause where run_id in (select id from run where state = 'planned')",
        "delete from run where state = 'planned'",
    ] {
        sqlx::query(sql).execute(&mut *writer).await.during("drop a run")?;
    }
    Ok(())
}

pub(super) async fn add_page(
    writer: &mut SqliteConnection,
    run: i64,
    page: &RunPage,
) -> Result<()> {
    let action = "plan a run";
    for issue in &page.issues {
        add_issue(writer, run, issue).await?;
    }
    let issues: Vec<i64> = sqlx::query_scalar("select id from issue where run_id = $1 order by id")
        .bind(run)
        .fetch_all(&mut *writer)
        .await
        .during(action)?;
    let recipients: Vec<(i64, i64)> =
        page.recipients.iter().map(|(subscriber, issue)| (*subscriber, issues[*issue])).collect();
    sqlx::query(
        "insert into run_page (run_id, page, recipients, after_subscriber, upto_subscriber, owed)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(run)
    .bind(i64::try_from(page.number).unwrap_or(i64::MAX))
    .bind(json(&recipients))
    .bind(page.subscribers.after)
    .bind(page.subscribers.upto)
    .bind(json(&page.owed_read))
    .execute(writer)
    .await
    .during(action)?;
    Ok(())
}

pub(super) async fn add_issue(
    writer: &mut SqliteConnection,
    run: i64,
    issue: &NewIssue,
) -> Result<i64> {
    let action = "store an issue";
    for Rendering { hash, bytes } in [&issue.mail, &issue.web] {
        sqlx::query("insert into rendering (hash, bytes) values ($1, $2) on conflict do nothing")
            .bind(hash)
            .bind(bytes)
            .execute(&mut *writer)
            .await
            .during(action)?;
    }
    let id: i64 = sqlx::query_scalar(
        "insert into issue (run_id, hash, language, subject, mail_rendering, web_rendering)
         values ($1, $2, $3, $4, $5, $6) returning id",
    )
    .bind(run)
    .bind(&issue.hash)
    .bind(issue.language.as_str())
    .bind(&issue.subject)
    .bind(&issue.mail.hash)
    .bind(&issue.web.hash)
    .fetch_one(&mut *writer)
    .await
    .during(action)?;
    for (position, (feed, entry, revision)) in issue.lines.iter().enumerate() {
        sqlx::query(
            "insert into issue_entry (issue_id, position, feed, entry_id, revision)
             values ($1, $2, $3, $4, $5)",
        )
        .bind(id)
        .bind(i64::try_from(position).unwrap_or(i64::MAX))
        .bind(feed)
        .bind(entry)
        .bind(revision)
        .execute(&mut *writer)
        .await
        .during(action)?;
        sqlx::query(
            "insert into run_entry (run_id, entry_id, revision) values ($1, $2, $3)
             on conflict do nothing",
        )
        .bind(run)
        .bind(entry)
        .bind(revision)
        .execute(&mut *writer)
        .await
        .during(action)?;
    }
    Ok(id)
}

pub(super) async fn open(
    writer: &mut SqliteConnection,
    run: i64,
    plan_hash: &str,
    recipients: u64,
    now: DateTime<Utc>,
) -> Result<bool> {
    let is_open = finish(writer, run, "expanding", (plan_hash, recipients), now).await?;
    if is_open {
        audit::opened(writer, run, now).await?;
    }
    Ok(is_open)
}

/// Takes a run that is planned to its end, with the hash of its plan and its people, into its
/// next state. `false` where it is none any more.
pub(super) async fn finish(
    writer: &mut SqliteConnection,
    run: i64,
    state: &str,
    (plan_hash, recipients): (&str, u64),
    now: DateTime<Utc>,
) -> Result<bool> {
    if !step(writer, run, "planned", state).await? {
        return Ok(false);
    }
    sqlx::query("update run set plan_hash = $2, recipients = $3 where id = $1")
        .bind(run)
        .bind(plan_hash)
        .bind(recipients.cast_signed())
        .execute(&mut *writer)
        .await
        .during("finish a plan")?;
    audit::overridden(writer, run, now).await?;
    Ok(true)
}

/// Takes a run from one state into another; `false` where it is not in it.
pub(super) async fn step(
    writer: &mut SqliteConnection,
    run: i64,
    from: &str,
    to: &str,
) -> Result<bool> {
    let taken = sqlx::query("update run set state = $3 where id = $1 and state = $2")
        .bind(run)
        .bind(from)
        .bind(to)
        .execute(writer)
        .await
        .during("change the state of a run")?;
    Ok(taken.rows_affected() > 0)
}

pub(super) async fn begin_with_digest(
    writer: &mut SqliteConnection,
    subscriber: i64,
    digest: i64,
) -> Result<()> {
    let sql =
        "update subscription set owed_from = null where subscriber_id = $1 and digest_id = $2";
    sqlx::query(sql)
        .bind(subscriber)
        .bind(digest)
        .execute(writer)
        .await
        .during("begin a subscription with its digest")?;
    Ok(())
}

/// A value lowered or set since stays, and so does one that went to another digest, or of somebody
/// who left and may take it back. Where urgent news has yet to come, which says by the value what
/// was told before its reader came, it is raised to the end of the run, `to_seq`: for the digest
/// that is the same.
pub(super) async fn clear_owed(
    writer: &mut SqliteConnection,
    digest: i64,
    owed: &str,
    to_seq: Seq,
) -> Result<()> {
    sqlx::query(concat!(
        // The plus keeps SQLite from going through all followers of the digest for each value.
        "update subscription set owed_from = case when owed_from > ",
        owed::covered!("(select id from digest where name = 'urgent')"),
        " then max(owed_from, $3) end
         from json_each($1) as j
         where subscriber_id = j.value->>0 and feed = j.value->>1 and owed_from = j.value->>2
           and state = 'confirmed' and +digest_id = $2"
    ))
    .bind(owed)
    .bind(digest)
    .bind(to_seq)
    .execute(writer)
    .await
    .during("clear what people were owed")?;
    Ok(())
}
