//! Pauses: what is kept from being sent until somebody resumes it.
//!
//! A pause is a row; what it means is written into the states of runs, `sending` or `paused`,
//! in the same transaction. So claims and intents, which look at the run's state alone, know of
//! no pauses, and cost no more for them.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, audit, moment};
use crate::audit::Said;
use crate::store::{NewPause, PauseRecord, PauseScope, Paused};

#[derive(FromRow)]
struct Row {
    id: i64,
    digest: Option<String>,
    run_id: Option<i64>,
    reason: Option<String>,
    paused_by: String,
    paused_at: i64,
}

impl From<Row> for PauseRecord {
    fn from(row: Row) -> Self {
        Self {
            digest: row.digest,
            run: row.run_id,
            reason: row.reason,
            by: row.paused_by,
            since: moment(row.paused_at),
        }
    }
}

pub(super) async fn pause(
    writer: &mut SqliteConnection,
    pause: &NewPause,
    now: DateTime<Utc>,
) -> Result<Paused> {
    let action = "pause sending";
    let (digest, run) = columns(&pause.scope);
    let added = sqlx::query(
        "insert into pause (digest, run_id, reason, paused_at, paused_by)
         values ($1, $2, $3, $4, $5) on conflict do nothing",
    )
    .bind(digest)
    .bind(run)
    .bind(&pause.reason)
    .bind(now.timestamp())
    .bind(&pause.by)
    .execute(&mut *writer)
    .await
    .during(action)?
    .rows_affected();
    settle(writer).await?;
    if added > 0 {
        let said = Said::Paused {
            digest: digest.map(str::to_owned),
            run,
            by: pause.by.clone(),
            reason: pause.reason.clone(),
        };
        audit::append(writer, &said, now).await?;
    }
    let row = standing(writer, &pause.scope).await?;
    let row = row.ok_or(sqlx::Error::RowNotFound).during(action)?;
    Ok(Paused { pause: row.into(), is_new: added > 0 })
}

pub(super) async fn resume(
    writer: &mut SqliteConnection,
    scope: &PauseScope,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Option<PauseRecord>> {
    let Some(row) = standing(writer, scope).await? else { return Ok(None) };
    sqlx::query("update pause set resumed_at = $2, resumed_by = $3 where id = $1")
        .bind(row.id)
        .bind(now.timestamp())
        .bind(by)
        .execute(&mut *writer)
        .await
        .during("resume sending")?;
    settle(writer).await?;
    let said = Said::Resumed { digest: row.digest.clone(), run: row.run_id, by: by.to_owned() };
    audit::append(writer, &said, now).await?;
    Ok(Some(row.into()))
}

pub(super) async fn pauses(reader: &mut SqliteConnection) -> Result<Vec<PauseRecord>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select p.id, p.digest, p.run_id, p.reason, p.paused_by, p.paused_at from pause p
         left join run r on r.id = p.run_id
         where p.resumed_at is null and (r.id is null or r.state not in
             ('complete', 'empty', 'cancelled', 'expired', 'superseded'))
         order by p.id",
    )
    .fetch_all(reader)
    .await
    .during("read the pauses")?;
    Ok(rows.into_iter().map(PauseRecord::from).collect())
}

/// Brings the states of runs up to what the pauses say.
pub(super) async fn settle(writer: &mut SqliteConnection) -> Result<()> {
    for sql in [
        "update run set state = 'paused' where state = 'sending' and exists (
             select 1 from pause p where p.resumed_at is null and
                 (p.run_id = run.id or (p.run_id is null and (p.digest is null
                  or p.digest = (select name from digest where id = run.digest_id)))))",
        "update run set state = 'sending' where state = 'paused' and not exists (
             select 1 from pause p where p.resumed_at is null and
                 (p.run_id = run.id or (p.run_id is null and (p.digest is null
                  or p.digest = (select name from digest where id = run.digest_id)))))",
    ] {
        sqlx::query(sql).execute(&mut *writer).await.during("pause and resume runs")?;
    }
    Ok(())
}

async fn standing(reader: &mut SqliteConnection, scope: &PauseScope) -> Result<Option<Row>> {
    let (digest, run) = columns(scope);
    sqlx::query_as(
        "select id, digest, run_id, reason, paused_by, paused_at from pause
         where resumed_at is null and digest is $1 and run_id is $2",
    )
    .bind(digest)
    .bind(run)
    .fetch_optional(reader)
    .await
    .during("read a pause")
}

fn columns(scope: &PauseScope) -> (Option<&str>, Option<i64>) {
    match scope {
        PauseScope::All => (None, None),
        PauseScope::Digest(name) => (Some(name), None),
        PauseScope::Run(run) => (None, Some(*run)),
    }
}
