//! Deliveries as a whole: what a crash leaves behind, what is due, how many there are.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::{During, Result, json, moment};
use crate::outbox::lane::PASS_WINDOWS;
use crate::store::{DeliveryCounts, Recovered};

/// [`crate::outbox::AT_ONCE`] in its column.
pub(super) const AT_ONCE: i64 = 0;

/// `next_at` of a delivery that does not fall due by itself.
pub(super) const NEVER: i64 = i64::MAX;

pub(super) async fn recover(
    writer: &mut SqliteConnection,
    resend: &[String],
    now: DateTime<Utc>,
) -> Result<Recovered> {
    let action = "recover the outbox";
    let released = sqlx::query(
        "update delivery set state = iif(unknowns > 0, 'uncertain', 'pending'), owner = null,
             lease_until = null, changed_at = $1
         where lease_until is not null and state = 'claimed'",
    )
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?
    .rows_affected();
    let uncertain = sqlx::query(
        "update delivery set state = 'uncertain', owner = null, lease_until = null,
             unknowns = unknowns + 1, changed_at = $1,
             next_at = iif(unknowns = 0 and (select d.name from run r join digest d
                    on d.id = r.digest_id where r.id = run_id)
                in (select value from json_each($2)), $4, $3)
         where lease_until is not null and state = 'intent'",
    )
    .bind(now.timestamp())
    .bind(json(&resend))
    .bind(NEVER)
    .bind(AT_ONCE)
    .execute(writer)
    .await
    .during(action)?
    .rows_affected();
    Ok(Recovered { released, uncertain })
}

pub(super) async fn unreject(
    writer: &mut SqliteConnection,
    run: i64,
    subscribers: &[i64],
    now: DateTime<Utc>,
) -> Result<u64> {
    let freed = sqlx::query(
        "update delivery set state = 'pending', next_at = $4, changed_at = $3
         where run_id = $1 and state = 'rejected'
           and subscriber_id in (select value from json_each($2))",
    )
    .bind(run)
    .bind(json(&subscribers))
    .bind(now.timestamp())
    .bind(AT_ONCE)
    .execute(writer)
    .await
    .during("undo refusals")?;
    Ok(freed.rows_affected())
}

/// Of all sending runs, or of those alone that go out whatever the send windows say.
pub(super) async fn next_due(
    reader: &mut SqliteConnection,
    past_windows: bool,
) -> Result<Option<DateTime<Utc>>> {
    let seconds: Option<i64> = sqlx::query_scalar(
        // Of a run whose first deliveries are still open, these alone fall due: as the ledger
        // counts them.
        "select min(iif(r.canary is not null and exists (select 1 from delivery f
                where f.run_id = r.id and f.subscriber_id <= r.canary
                  and (f.lease_until is not null
                      or (f.state = 'pending' and f.attempt = 0 and f.next_at = 0))),
            (select min(+f.next_at) from delivery f where f.run_id = r.id
                and f.subscriber_id <= r.canary
                and f.state in ('pending', 'uncertain') and f.next_at < $1),
            (select min(d.next_at) from delivery d where d.run_id = r.id
                and d.state in ('pending', 'uncertain') and d.next_at < $1)))
         from run r where r.state = 'sending'
             and (not $2 or r.passes_windows = 1
                 or (select name from digest g where g.id = r.digest_id)
                    in (select value from json_each($3)))",
    )
    .bind(NEVER)
    .bind(past_windows)
    .bind(json(&PASS_WINDOWS))
    .fetch_one(reader)
    .await
    .during("read the next due delivery")?;
    Ok(seconds.map(moment))
}

/// Each condition is that of an index: what is settled, a million by and by, is not looked at.
pub(super) async fn open(reader: &mut SqliteConnection) -> Result<u64> {
    let open: i64 = sqlx::query_scalar(
        "select coalesce(sum((select count(*) from delivery d where d.run_id = r.id
                and d.state in ('pending', 'uncertain') and d.next_at < $1)), 0)
            + (select count(*) from delivery d where d.lease_until is not null)
         from run r where r.state in ('expanding', 'sending')",
    )
    .bind(NEVER)
    .fetch_one(reader)
    .await
    .during("count the open deliveries")?;
    Ok(open.cast_unsigned())
}

pub(super) async fn counts(reader: &mut SqliteConnection) -> Result<DeliveryCounts> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "select state, count(*), sum(iif(state = 'accepted' and unknowns > 0, 1, 0))
         from delivery group by state",
    )
    .fetch_all(reader)
    .await
    .during("count the deliveries")?;
    let mut counts = DeliveryCounts { by_state: HashMap::new(), resent: 0 };
    for (state, count, resent) in rows {
        counts.by_state.insert(state, count.cast_unsigned());
        counts.resent += resent.cast_unsigned();
    }
    Ok(counts)
}
