//! Runs that an operator ends: what was not sent is owed.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::outbox::NEVER;
use super::{During, Result, runs};
use crate::store::{Cancellation, Cancelled, DeliveryKeys};

pub(super) async fn cancel_run(
    writer: &mut SqliteConnection,
    cancellation: &Cancellation,
    now: DateTime<Utc>,
) -> Result<Option<Cancelled>> {
    let action = "cancel a run";
    let run = cancellation.run;
    let is_open: bool = sqlx::query_scalar(
        "select exists (select 1 from run where id = $1 and state not in
             ('planned', 'complete', 'empty', 'cancelled', 'expired', 'superseded'))",
    )
    .bind(run)
    .fetch_one(&mut *writer)
    .await
    .during(action)?;
    if !is_open {
        return Ok(None);
    }
    // Everybody who was planned has a delivery that says what became of it.
    let keys = DeliveryKeys { token: cancellation.token_key, dkim_selector: None };
    while runs::expand(writer, run, keys, now).await?.is_some() {}
    let cancelled = end_open(writer, run, EVERYBODY, now).await?;
    let uncertain: i64 = sqlx::query_scalar(
        "select count(*) from delivery where run_id = $1 and state in ('uncertain', 'intent')",
    )
    .bind(run)
    .fetch_one(&mut *writer)
    .await
    .during(action)?;
    sqlx::query("update run set state = 'cancelled', finished_at = $2, reason = $3 where id = $1")
        .bind(run)
        .bind(now.timestamp())
        .bind(said(cancellation))
        .execute(writer)
        .await
        .during(action)?;
    Ok(Some(Cancelled { cancelled, uncertain: uncertain.cast_unsigned() }))
}

fn said(cancellation: &Cancellation) -> String {
    match &cancellation.reason {
        Some(reason) => format!("{reason} ({})", cancellation.by),
        None => format!("cancelled by {}", cancellation.by),
    }
}

/// First and last subscriber of those whose deliveries are ended.
type Range = (i64, i64);

const EVERYBODY: Range = (i64::MIN, i64::MAX);

/// Deliveries that came back unsent to a run that was cancelled meanwhile go the way of the
/// others.
pub(super) async fn end_late(
    writer: &mut SqliteConnection,
    run: i64,
    subscribers: &[i64],
    now: DateTime<Utc>,
) -> Result<()> {
    let is_cancelled: bool = sqlx::query_scalar(
        "select exists (select 1 from run where id = $1 and state in ('cancelled', 'superseded'))",
    )
    .bind(run)
    .fetch_one(&mut *writer)
    .await
    .during("cancel a delivery")?;
    if !is_cancelled {
        return Ok(());
    }
    if subscribers.is_empty() {
        end_open(writer, run, EVERYBODY, now).await?;
    }
    for subscriber in subscribers {
        end_open(writer, run, (*subscriber, *subscriber), now).await?;
    }
    Ok(())
}

/// Ends what is open of a run to people in a range, and owes it to them.
async fn end_open(
    writer: &mut SqliteConnection,
    run: i64,
    (first, last): Range,
    now: DateTime<Utc>,
) -> Result<u64> {
    let action = "cancel deliveries";
    let in_range = |sql| sqlx::query(sql).bind(run).bind(NEVER).bind(first).bind(last);
    in_range(OWE_UNSENT).execute(&mut *writer).await.during(action)?;
    let cancelled = in_range(CANCEL_UNSENT)
        .bind(now.timestamp())
        .execute(&mut *writer)
        .await
        .during(action)?
        .rows_affected();
    in_range(KEEP_UNCERTAIN).execute(writer).await.during(action)?;
    Ok(cancelled)
}

/// What is about to be cancelled is owed: the next plan of these people begins where the run's
/// did, in the feeds that brought it. A value that stands is only ever lowered.
pub(super) const OWE_UNSENT: &str = "
    update subscription set owed_from = min(coalesce(owed_from, ?2), r.from_seq)
    from delivery d join run r on r.id = d.run_id
    where d.run_id = ?1 and d.subscriber_id between ?3 and ?4
      and d.state in ('pending', 'claimed') and d.unknowns = 0
      and subscription.subscriber_id = d.subscriber_id
      and subscription.digest_id = r.digest_id and subscription.state = 'confirmed'
      and subscription.feed in (select i.feed from issue_entry i
        where i.issue_id = d.issue_id)";

/// A claim is certainly unsent, but for a copy before it that may have arrived. An intent is
/// left to its result, or to the rules of a crash.
pub(super) const CANCEL_UNSENT: &str = "
    update delivery set state = 'cancelled', reason = 'operator', owner = null,
        lease_until = null, next_at = ?2, changed_at = ?5
    where run_id = ?1 and subscriber_id between ?3 and ?4
      and state in ('pending', 'claimed') and unknowns = 0";

pub(super) const KEEP_UNCERTAIN: &str = "
    update delivery set state = 'uncertain', owner = null, lease_until = null, next_at = ?2
    where run_id = ?1 and subscriber_id between ?3 and ?4
      and state in ('pending', 'claimed', 'uncertain') and unknowns > 0";
