//! Deliveries of unknown fate, and what an operator found out about them.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::outbox::{AT_ONCE, NEVER};
use super::{During, Result, audit, cancel, json, moment, pauses, runs, supersede};
use crate::audit::Said;
use crate::store::{OutdatedRun, Resolution, UncertainRecord};

#[derive(FromRow)]
struct Row {
    run_id: i64,
    digest: String,
    key: String,
    subscriber_id: i64,
    unknowns: i64,
    changed_at: i64,
    resend_at: Option<i64>,
    token_key: i64,
    dated_at: i64,
}

pub(super) async fn uncertain(
    reader: &mut SqliteConnection,
    run: Option<i64>,
) -> Result<Vec<UncertainRecord>> {
    // The first condition is that of the index `delivery_due`: few rows of millions.
    let rows: Vec<Row> = sqlx::query_as(
        "select d.run_id, g.name as digest, r.key, d.subscriber_id, d.unknowns, d.changed_at,
             iif(d.next_at < $2 and r.state in ('sending', 'paused'), d.next_at, null)
                 as resend_at, d.token_key, d.dated_at
         from delivery d join run r on r.id = d.run_id join digest g on g.id = r.digest_id
         where d.state in ('pending', 'uncertain') and d.state = 'uncertain'
           and ($1 is null or d.run_id = $1)
         order by d.changed_at, d.run_id, d.subscriber_id",
    )
    .bind(run)
    .bind(NEVER)
    .fetch_all(reader)
    .await
    .during("read the uncertain deliveries")?;
    let records = rows.into_iter().map(|row| UncertainRecord {
        run: row.run_id,
        digest: row.digest,
        key: row.key,
        subscriber: row.subscriber_id,
        unknowns: row.unknowns.cast_unsigned(),
        since: moment(row.changed_at),
        resend_at: row.resend_at.map(moment),
        token_key: row.token_key,
        dated_at: moment(row.dated_at),
    });
    Ok(records.collect())
}

pub(super) async fn resolve(
    writer: &mut SqliteConnection,
    run: i64,
    subscribers: &[i64],
    resolution: Resolution,
    by: &str,
    now: DateTime<Utc>,
) -> Result<u64> {
    // `unknowns` counts copies that may have gone out beyond the one that is known of: what was
    // found out leaves it, so that a copy found sent does not count as one sent twice.
    let sql = match resolution {
        Resolution::Sent => {
            "update delivery set state = 'accepted', unknowns = max(unknowns - 1, 0),
                 next_at = $3, reply_code = null, reply = $4, changed_at = $5
             where run_id = $1 and state = 'uncertain'
               and ($2 = '[]' or subscriber_id in (select value from json_each($2)))"
        }
        Resolution::Unsent => {
            "update delivery set state = 'pending', unknowns = 0,
                 next_at = $6, reply_code = null, reply = $4, changed_at = $5
             where run_id = $1 and state = 'uncertain'
               and ($2 = '[]' or subscriber_id in (select value from json_each($2)))"
        }
        Resolution::Resend => {
            "update delivery set next_at = $6, reply = $4
             where run_id = $1 and state = 'uncertain'
               and ($2 = '[]' or subscriber_id in (select value from json_each($2)))
               and exists (select 1 from run r where r.id = $1
                    and r.state in ('sending', 'paused', 'complete'))"
        }
    };
    let reply = match resolution {
        Resolution::Sent => format!("found sent by {by}"),
        Resolution::Unsent => format!("found unsent by {by}"),
        Resolution::Resend => format!("sent once more by {by}"),
    };
    let resolved = sqlx::query(sql)
        .bind(run)
        .bind(json(&subscribers))
        .bind(NEVER)
        .bind(reply)
        .bind(now.timestamp())
        .bind(AT_ONCE)
        .execute(&mut *writer)
        .await
        .during("resolve deliveries")?
        .rows_affected();
    if resolved > 0 {
        let as_said = match resolution {
            Resolution::Sent => "sent",
            Resolution::Unsent => "unsent",
            Resolution::Resend => "resend",
        };
        let (as_said, by) = (as_said.to_owned(), by.to_owned());
        let said = Said::Resolved { run, resolution: as_said, deliveries: resolved, by };
        audit::append(writer, &said, now).await?;
        match resolution {
            Resolution::Sent => runs::recount(writer, run, now).await?,
            Resolution::Unsent | Resolution::Resend => {
                reopen(writer, run, subscribers, now).await?;
            }
        }
    }
    Ok(resolved)
}

/// A run that was complete sends again, unless its text is outdated by now. One that was
/// cancelled does not: what it never sent is owed now.
pub(super) async fn reopen(
    writer: &mut SqliteConnection,
    run: i64,
    subscribers: &[i64],
    now: DateTime<Utc>,
) -> Result<()> {
    let reopened = sqlx::query(
        "update run set state = 'sending', finished_at = null, counts = null, resent = null
         where id = $1 and state = 'complete'",
    )
    .bind(run)
    .execute(&mut *writer)
    .await
    .during("open a run again")?;
    if reopened.rows_affected() > 0 {
        audit::append(writer, &Said::Reopened { run }, now).await?;
        make_way(writer, run, now).await?;
    }
    pauses::settle(writer).await?;
    cancel::end_late(writer, run, subscribers, now).await?;
    runs::recount(writer, run, now).await?;
    runs::count_cancelled(writer, now).await
}

/// While the run was complete nobody ended it when its text was corrected.
async fn make_way(writer: &mut SqliteConnection, run: i64, now: DateTime<Utc>) -> Result<()> {
    let outdated = supersede::outdated(&mut *writer).await?;
    if let Some(OutdatedRun { reason, .. }) = outdated.into_iter().find(|one| one.run == run) {
        supersede::begin(writer, run, &reason, now).await?;
    }
    Ok(())
}
