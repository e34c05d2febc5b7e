//! Runs as operators see them.

use sqlx::{FromRow, SqliteConnection};

use super::runs::{Counted, count};
use super::{During, Result, from_json, moment};
use crate::store::{RefusedDelivery, RunDetails, RunsAsked};

#[derive(FromRow)]
struct Row {
    id: i64,
    digest: String,
    key: String,
    state: String,
    reason: Option<String>,
    from_seq: i64,
    to_seq: i64,
    advances: bool,
    issues: i64,
    recipients: i64,
    due_at: Option<i64>,
    created_at: i64,
    finished_at: Option<i64>,
    counts: Option<String>,
    resent: Option<i64>,
    overrides: Option<String>,
}

pub(super) async fn runs(
    reader: &mut SqliteConnection,
    asked: RunsAsked,
) -> Result<Vec<RunDetails>> {
    let action = "read the runs";
    let (one, is_unsettled, limit) = match asked {
        RunsAsked::Newest(limit) | RunsAsked::NewestWithNews(limit) => {
            (None, false, i64::from(limit))
        }
        RunsAsked::One(run) => (Some(run), false, 1),
        RunsAsked::Unsettled => (None, true, i64::MAX),
    };
    let has_news = matches!(asked, RunsAsked::NewestWithNews(_));
    let mut rows: Vec<Row> = sqlx::query_as(
        "select r.id, d.name as digest, r.key, r.state, r.reason, r.from_seq, r.to_seq,
             r.advances, (select count(*) from issue i where i.run_id = r.id) as issues,
             r.recipients, r.due_at, r.created_at, r.finished_at, r.counts, r.resent,
             r.overrides
         from run r join digest d on d.id = r.digest_id
         where ($1 is null or r.id = $1) and (not $2
             or r.state not in ('complete', 'empty', 'cancelled', 'expired', 'superseded')
             or r.id in (select run_id from delivery
                  where state in ('pending', 'uncertain') and state = 'uncertain'))
             and (not $4 or (r.state <> 'empty'
                 and not (r.state = 'complete' and d.name in ('confirm', 'self', 'notice'))))
         order by r.id desc limit $3",
    )
    .bind(one)
    .bind(is_unsettled)
    .bind(limit)
    .bind(has_news)
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    if is_unsettled {
        rows.reverse();
    }
    let mut runs = Vec::with_capacity(rows.len());
    for row in rows {
        let counted = match &row.counts {
            Some(counts) => Counted::kept(counts, row.resent.unwrap_or(0))?,
            None => count(&mut *reader, row.id).await?,
        };
        runs.push(details(row, counted)?);
    }
    Ok(runs)
}

pub(super) async fn empty_since(reader: &mut SqliteConnection, run: i64) -> Result<u64> {
    let runs: i64 =
        sqlx::query_scalar("select count(*) from run where id >= $1 and state = 'empty'")
            .bind(run)
            .fetch_one(reader)
            .await
            .during("count the runs")?;
    Ok(runs.cast_unsigned())
}

pub(super) async fn successor(reader: &mut SqliteConnection, run: i64) -> Result<Option<i64>> {
    sqlx::query_scalar(
        "select min(next.id) from run r join run next on next.digest_id = r.digest_id
             and next.id > r.id and next.from_seq <= r.from_seq and next.to_seq >= r.to_seq
             and next.state not in ('planned', 'empty')
         where r.id = $1 and r.state = 'superseded'",
    )
    .bind(run)
    .fetch_one(reader)
    .await
    .during("look for the run that took over")
}

pub(super) async fn refused(
    reader: &mut SqliteConnection,
    run: i64,
    most: u32,
) -> Result<Vec<RefusedDelivery>> {
    let rows: Vec<(i64, Option<String>)> = sqlx::query_as(
        "select subscriber_id, reply from delivery where run_id = $1 and state = 'rejected'
         order by subscriber_id limit $2",
    )
    .bind(run)
    .bind(most)
    .fetch_all(reader)
    .await
    .during("read whom the relay refused")?;
    let refused = |(subscriber, reply): (_, Option<String>)| RefusedDelivery {
        subscriber,
        reply: reply.unwrap_or_default(),
    };
    Ok(rows.into_iter().map(refused).collect())
}

fn details(row: Row, counted: Counted) -> Result<RunDetails> {
    let overrides = row.overrides.map(|text| from_json("overrides of a run", &text)).transpose()?;
    Ok(RunDetails {
        overrides: overrides.unwrap_or_default(),
        run: row.id,
        digest: row.digest,
        key: row.key,
        state: row.state,
        reason: row.reason,
        from_seq: row.from_seq,
        to_seq: row.to_seq,
        advances: row.advances,
        issues: row.issues.cast_unsigned(),
        recipients: row.recipients.cast_unsigned(),
        due_at: row.due_at.map(moment),
        created_at: moment(row.created_at),
        finished_at: row.finished_at.map(moment),
        deliveries: counted.by_state,
        resent: counted.resent,
    })
}
