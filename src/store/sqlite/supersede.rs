//! Runs that a newer text ends: which they are, and whom they leave.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, audit, from_json};
use crate::model::{Entry, Seq};
use crate::store::{OutdatedRun, SubscriberRange, UnservedRun};

/// Open runs with an entry that was corrected or withdrawn after they were planned, or that is
/// gone; of reminders, also with an event that changed.
pub(super) async fn outdated(reader: &mut SqliteConnection) -> Result<Vec<OutdatedRun>> {
    #[derive(FromRow)]
    struct Row {
        run: i64,
        name: String,
        class: String,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select r.id as run, coalesce((select nullif(v.fields ->> 'title', '') from revision v
                 where v.entry_id = e.id and v.revision = e.revision), e.iri) as name,
             iif(e.state = 'removed', 'removed', (select c.class from change c
                 where c.entry_id = e.id and c.revision > h.revision
                   and (c.class in ('correction', 'withdrawn')
                     or (g.name = 'reminder' and c.class = 'major'))
                 order by c.seq desc limit 1)) as class
         from run r join digest g on g.id = r.digest_id
         join run_entry h on h.run_id = r.id join entry e on e.id = h.entry_id
         where r.state not in ('complete', 'empty', 'cancelled', 'expired', 'superseded')
           and r.state in ('expanding', 'sending', 'paused') and class is not null
         order by r.id, e.iri",
    )
    .fetch_all(reader)
    .await
    .during("look for outdated runs")?;
    let mut outdated: Vec<OutdatedRun> = Vec::new();
    for Row { run, name, class } in rows {
        if outdated.last().is_some_and(|last| last.run == run) {
            continue;
        }
        let fate = match class.as_str() {
            "correction" => "was corrected",
            "withdrawn" => "was withdrawn",
            "removed" => "is gone",
            _ => "changed",
        };
        outdated.push(OutdatedRun { run, reason: format!("`{name}` {fate}") });
    }
    Ok(outdated)
}

/// Open runs of reminders, with the entries they tell of as these are now.
pub(super) async fn open_reminders(reader: &mut SqliteConnection) -> Result<Vec<(i64, Entry)>> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "select r.id, v.fields
         from run r join digest g on g.id = r.digest_id and g.name = 'reminder'
         join run_entry h on h.run_id = r.id join entry e on e.id = h.entry_id
         join revision v on v.entry_id = e.id and v.revision = e.revision
         where r.state not in ('complete', 'empty', 'cancelled', 'expired', 'superseded')
           and r.state in ('expanding', 'sending', 'paused')
         order by r.id, e.iri",
    )
    .fetch_all(reader)
    .await
    .during("look for outdated runs")?;
    rows.into_iter().map(|(run, fields)| Ok((run, from_json("entry", &fields)?))).collect()
}

/// From here on nothing of the run is claimed, and no intent is made. Whoever has the old text of
/// a correction is told by the next one: nobody is planned anew.
pub(super) async fn begin(
    writer: &mut SqliteConnection,
    run: i64,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let begun = sqlx::query(
        "update run set state = 'superseded', was_open = 1, finished_at = $2, reason = $3,
             is_succeeded = (select g.name = 'correction' from digest g
                 where g.id = run.digest_id)
         where id = $1 and state in ('expanding', 'sending', 'paused')",
    )
    .bind(run)
    .bind(now.timestamp())
    .bind(reason)
    .execute(&mut *writer)
    .await
    .during("supersede a run")?;
    let is_begun = begun.rows_affected() > 0;
    if is_begun {
        audit::superseded(writer, run, reason, now).await?;
    }
    Ok(is_begun)
}

/// Superseded runs of which nothing is in hand any more, and whose people nobody planned anew.
pub(super) async fn unserved_runs(reader: &mut SqliteConnection) -> Result<Vec<UnservedRun>> {
    let rows: Vec<(i64, String, String, Seq, Seq, bool)> = sqlx::query_as(
        "select r.id, g.name, r.key, r.from_seq, r.to_seq, r.advances
         from run r join digest g on g.id = r.digest_id
         where r.was_open = 1 and r.is_succeeded = 0 and r.counts is not null order by r.id",
    )
    .fetch_all(reader)
    .await
    .during("look for superseded runs")?;
    let run = |(run, digest, key, from_seq, to_seq, advances)| UnservedRun {
        run,
        digest,
        key,
        from_seq,
        to_seq,
        advances,
    };
    Ok(rows.into_iter().map(run).collect())
}

/// Those whom it left.
pub(super) async fn unserved(
    reader: &mut SqliteConnection,
    run: i64,
    of: SubscriberRange,
) -> Result<HashSet<i64>> {
    let people: Vec<i64> = sqlx::query_scalar(
        "select subscriber_id from delivery
         where run_id = $1 and subscriber_id > $2 and subscriber_id <= $3
           and state = 'cancelled' and reason = 'superseded'",
    )
    .bind(run)
    .bind(of.after)
    .bind(of.upto)
    .fetch_all(reader)
    .await
    .during("read whom a run left")?;
    Ok(people.into_iter().collect())
}

pub(super) async fn succeeded(writer: &mut SqliteConnection, run: i64) -> Result<()> {
    sqlx::query("update run set is_succeeded = 1 where id = $1")
        .bind(run)
        .execute(writer)
        .await
        .during("remember who takes the place of a run")?;
    Ok(())
}
