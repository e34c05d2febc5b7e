//! Runs as operators see them.

use std::collections::BTreeMap;

use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, moment};
use crate::store::{RunDetails, RunsAsked};

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
}

pub(super) async fn runs(
    reader: &mut SqliteConnection,
    asked: RunsAsked,
) -> Result<Vec<RunDetails>> {
    let action = "read the runs";
    let (one, is_unsettled, limit) = match asked {
        RunsAsked::Newest(limit) => (None, false, i64::from(limit)),
        RunsAsked::One(run) => (Some(run), false, 1),
        RunsAsked::Unsettled => (None, true, i64::MAX),
    };
    let mut rows: Vec<Row> = sqlx::query_as(
        "select r.id, d.name as digest, r.key, r.state, r.reason, r.from_seq, r.to_seq,
             r.advances, (select count(*) from issue i where i.run_id = r.id) as issues,
             r.recipients, r.due_at, r.created_at, r.finished_at
         from run r join digest d on d.id = r.digest_id
         where ($1 is null or r.id = $1) and (not $2
             or r.state not in ('complete', 'empty', 'cancelled', 'expired', 'superseded')
             or r.id in (select run_id from delivery
                  where state in ('pending', 'uncertain') and state = 'uncertain'))
         order by r.id desc limit $3",
    )
    .bind(one)
    .bind(is_unsettled)
    .bind(limit)
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    if is_unsettled {
        rows.reverse();
    }
    let mut runs = Vec::with_capacity(rows.len());
    for row in rows {
        let counts: Vec<(String, i64, i64)> = sqlx::query_as(
            "select state, count(*), sum(iif(state = 'accepted' and unknowns > 0, 1, 0))
             from delivery where run_id = $1 group by state",
        )
        .bind(row.id)
        .fetch_all(&mut *reader)
        .await
        .during(action)?;
        let resent = counts.iter().map(|(_, _, resent)| resent.cast_unsigned()).sum();
        let deliveries = counts.into_iter().map(|(state, n, _)| (state, n.cast_unsigned()));
        runs.push(details(row, deliveries.collect(), resent));
    }
    Ok(runs)
}

fn details(row: Row, deliveries: BTreeMap<String, u64>, resent: u64) -> RunDetails {
    RunDetails {
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
        deliveries,
        resent,
    }
}
