//! Holds that wait for an operator.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, audit, moment};
use crate::audit::Said;
use crate::catalogue::Held;
use crate::store::{HoldRecord, PastHold};

pub(super) async fn held(reader: &mut SqliteConnection) -> Result<Held> {
    let rows: Vec<(String, i64, bool)> = sqlx::query_as(
        "select i.path, i.hold_id, h.released_at is not null
         from hold_item i join hold h on h.id = i.hold_id",
    )
    .fetch_all(reader)
    .await
    .during("read what is on hold")?;
    let mut held = Held::default();
    for (path, hold, is_released) in rows {
        if is_released {
            held.let_go.insert(path);
            held.released.push(hold);
        } else {
            held.waiting.insert(path, hold);
        }
    }
    held.released.sort_unstable();
    held.released.dedup();
    Ok(held)
}

/// Those that wait; with `id` that one alone.
pub(super) async fn open_holds(
    reader: &mut SqliteConnection,
    id: Option<i64>,
) -> Result<Vec<HoldRecord>> {
    let action = "read the holds";
    let rows: Vec<(i64, String, String, i64, Option<String>)> = sqlx::query_as(
        // One of a run lasts no longer than the run is held: it may have been cancelled.
        "select h.id, h.kind, h.reason, h.created_at, r.plan_hash from hold h
         left join run r on h.kind = 'approval' and h.subject = 'run:' || r.id
             and r.state = 'held'
         where h.released_at is null and ($1 is null or h.id = $1)
             and (h.subject not like 'run:%' or r.id is not null)
         order by h.id",
    )
    .bind(id)
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    let mut holds = Vec::with_capacity(rows.len());
    for (id, kind, reason, created_at, plan) in rows {
        let items: Vec<(String, i64)> =
            sqlx::query_as("select what, count(*) from hold_item where hold_id = $1 group by what")
                .bind(id)
                .fetch_all(&mut *reader)
                .await
                .during(action)?;
        let items: BTreeMap<String, u64> =
            items.into_iter().map(|(what, count)| (what, count.cast_unsigned())).collect();
        holds.push(HoldRecord { id, kind, reason, items, created_at: moment(created_at), plan });
    }
    Ok(holds)
}

/// One that waits no longer: by its number, or by the beginning of its run's plan.
pub(super) async fn past(reader: &mut SqliteConnection, what: &str) -> Result<Option<PastHold>> {
    #[derive(FromRow)]
    struct Row {
        id: i64,
        released_at: Option<i64>,
        released_by: Option<String>,
        run: Option<i64>,
    }
    let row: Option<Row> = sqlx::query_as(
        "select h.id, h.released_at, h.released_by, r.id as run from hold h
         left join run r on h.kind = 'approval' and h.subject = 'run:' || r.id
         where (h.released_at is not null or (r.id is not null and r.state <> 'held'))
             and (h.id = $1 or (length($2) >= 8 and substr(r.plan_hash, 1, length($2)) = $2))
         order by h.id desc limit 1",
    )
    .bind(what.parse::<i64>().ok())
    .bind(what)
    .fetch_optional(reader)
    .await
    .during("read the holds")?;
    Ok(row.map(|row| PastHold {
        id: row.id,
        released: row.released_at.map(moment).zip(row.released_by),
        run: row.run,
    }))
}

pub(super) async fn release(
    writer: &mut SqliteConnection,
    id: i64,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Option<HoldRecord>> {
    let Some(hold) = open_holds(writer, Some(id)).await?.pop() else { return Ok(None) };
    let subject: String = sqlx::query_scalar(
        "update hold set released_at = $2, released_by = $3 where id = $1 returning subject",
    )
    .bind(id)
    .bind(now.timestamp())
    .bind(by)
    .fetch_one(&mut *writer)
    .await
    .during("let a hold go")?;
    let HoldRecord { kind, reason, .. } = hold.clone();
    let said = Said::Approved { hold: id, kind, subject, reason, by: by.to_owned() };
    audit::append(writer, &said, now).await?;
    Ok(Some(hold))
}

/// What waits for a word on a number: `subject` and the number asked for. One hold at a time
/// asks for a subject.
pub(super) async fn hold_approval(
    writer: &mut SqliteConnection,
    subject: &str,
    number: usize,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let asked = format!("{subject}:{number}");
    let action = "remember a hold";
    let waiting = sqlx::query(
        "update hold set subject = $2, reason = $3
         where kind = 'approval' and released_at is null and subject like $1 || ':%'",
    )
    .bind(subject)
    .bind(&asked)
    .bind(reason)
    .execute(&mut *writer)
    .await
    .during(action)?;
    if waiting.rows_affected() == 0 {
        sqlx::query(
            "insert into hold (kind, subject, reason, created_at) values ('approval', $1, $2, $3)",
        )
        .bind(&asked)
        .bind(reason)
        .bind(now.timestamp())
        .execute(writer)
        .await
        .during(action)?;
    }
    Ok(())
}

/// The greatest number that was asked for `subject` and is, or is not, let go.
pub(super) async fn approval(
    reader: &mut SqliteConnection,
    subject: &str,
    is_released: bool,
) -> Result<Option<usize>> {
    let number: Option<i64> = sqlx::query_scalar(
        "select max(cast(substr(subject, length($1) + 2) as integer)) from hold
         where kind = 'approval' and (released_at is not null) = $2 and subject like $1 || ':%'
             and released_by is not 'config'",
    )
    .bind(subject)
    .bind(is_released)
    .fetch_one(reader)
    .await
    .during("read the holds")?;
    Ok(number.and_then(|number| usize::try_from(number).ok()))
}

pub(super) async fn drop_approval(
    writer: &mut SqliteConnection,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let ended: Vec<(i64, String, String, String)> = sqlx::query_as(
        "update hold set released_at = $2, released_by = 'config'
         where kind = 'approval' and released_at is null and subject like $1 || ':%'
         returning id, kind, subject, reason",
    )
    .bind(subject)
    .bind(now.timestamp())
    .fetch_all(&mut *writer)
    .await
    .during("end a hold")?;
    for (hold, kind, subject, reason) in ended {
        audit::append(writer, &Said::Lapsed { hold, kind, subject, reason }, now).await?;
    }
    Ok(())
}
