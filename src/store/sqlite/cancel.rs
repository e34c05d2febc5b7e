//! Runs that end before their time, by an operator or because a newer text took their place:
//! what was not sent is owed.
//!
//! The run is marked first, and its deliveries are ended page by page, each in a transaction of
//! its own: a daemon that sends waits for the writer only so long. A cancellation that was cut
//! off is finished by the next start; every step can be repeated.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::outbox::NEVER;
use super::owed::{NUMBER_CANCELLATION, OWE_JOINED, OWE_UNSENT};
use super::{During, Result, SqliteStore, audit, runs};
use crate::audit::Said;
use crate::failpoint;
use crate::store::{Cancellation, Cancelled, DeliveryKeys};

/// People whose deliveries are ended in one transaction: a sender waits for each.
const PAGE: i64 = 5_000;

impl SqliteStore {
    /// Ends what is open of a cancelled run, a page in each transaction.
    pub(super) async fn end_run(
        &self,
        run: i64,
        token_key: i64,
        now: DateTime<Utc>,
    ) -> Result<Cancelled> {
        let action = "cancel a run";
        loop {
            let is_more = self
                .write(action, async |writer| expand(writer, run, token_key, now).await)
                .await?;
            failpoint::reach("at-cancel-page");
            if !is_more {
                break;
            }
        }
        let (mut after, mut cancelled) = (i64::MIN, 0);
        loop {
            let ended =
                self.write(action, async |writer| end_page(writer, run, after, now).await).await?;
            failpoint::reach("at-cancel-page");
            let Some((last, ended)) = ended else { break };
            (after, cancelled) = (last, cancelled + ended);
        }
        let uncertain = self
            .write(action, async |writer| {
                let uncertain = uncertain(writer, run).await?;
                runs::count_cancelled(writer, now).await?;
                Ok(uncertain)
            })
            .await?;
        Ok(Cancelled { cancelled, uncertain })
    }
}

/// From here on nothing of the run is claimed, and no intent is made. `false` where it is at its
/// end already, or there is none.
pub(super) async fn begin(
    writer: &mut SqliteConnection,
    cancellation: &Cancellation,
    now: DateTime<Utc>,
) -> Result<bool> {
    let was_held: Option<bool> = sqlx::query_scalar("select state = 'held' from run where id = $1")
        .bind(cancellation.run)
        .fetch_optional(&mut *writer)
        .await
        .during("cancel a run")?;
    let begun = sqlx::query(
        "update run set state = 'cancelled', finished_at = $2, reason = $3
         where id = $1 and state not in
             ('planned', 'complete', 'empty', 'cancelled', 'expired', 'superseded')",
    )
    .bind(cancellation.run)
    .bind(now.timestamp())
    .bind(said(cancellation))
    .execute(&mut *writer)
    .await
    .during("cancel a run")?;
    if begun.rows_affected() == 0 {
        return Ok(false);
    }
    if was_held == Some(true) {
        owe_everybody(writer, cancellation.run).await?;
    }
    let Cancellation { run, by, reason, .. } = cancellation.clone();
    audit::append(writer, &Said::Cancelled { run, by, reason }, now).await?;
    Ok(true)
}

/// A run that was held brought nobody anything, and who has a place in it was said when it was
/// planned: what was to come to somebody another way then may have been cancelled since.
async fn owe_everybody(writer: &mut SqliteConnection, run: i64) -> Result<()> {
    sqlx::query(
        "update subscription set owed_from = r.from_seq
         from run r join subscriber s on s.paused_at is null
         where r.id = $1 and r.advances = 1 and subscription.digest_id = r.digest_id
             and subscription.state = 'confirmed' and subscription.owed_from is null
             and s.id = subscription.subscriber_id",
    )
    .bind(run)
    .execute(writer)
    .await
    .during("cancel a run")?;
    Ok(())
}

/// Cancelled and superseded runs of which something is open still: nothing looks at all of a
/// run whose last messages are in hand.
pub(super) async fn cut_off(reader: &mut SqliteConnection) -> Result<Vec<i64>> {
    sqlx::query_scalar(
        "select id from run where (state = 'cancelled' or was_open = 1) and counts is null
           and (exists (select 1 from run_page p where p.run_id = run.id)
             or exists (select 1 from delivery d where d.run_id = run.id
                 and d.state in ('pending', 'uncertain') and d.next_at < $1)
             or exists (select 1 from delivery d where d.run_id = run.id
                 and d.lease_until is not null and d.state = 'claimed'))
         order by id",
    )
    .bind(NEVER)
    .fetch_all(reader)
    .await
    .during("read the cancelled runs")
}

/// Everybody who was planned has a delivery that says what became of it. Turns one page of them
/// into deliveries; `false` where there is none.
pub(super) async fn expand(
    writer: &mut SqliteConnection,
    run: i64,
    token_key: i64,
    now: DateTime<Utc>,
) -> Result<bool> {
    let keys = DeliveryKeys { token: token_key, dkim_selector: None };
    Ok(runs::expand(writer, run, keys, now).await?.is_some())
}

/// Ends what is open to the people next after `after`: who is the last of them, and how many
/// were cancelled. `None` where nobody is left.
pub(super) async fn end_page(
    writer: &mut SqliteConnection,
    run: i64,
    after: i64,
    now: DateTime<Utc>,
) -> Result<Option<(i64, u64)>> {
    let last: Option<i64> = sqlx::query_scalar(
        "select max(subscriber_id) from (select subscriber_id from delivery
             where run_id = $1 and subscriber_id > $2 order by subscriber_id limit $3)",
    )
    .bind(run)
    .bind(after)
    .bind(PAGE)
    .fetch_one(&mut *writer)
    .await
    .during("cancel deliveries")?;
    let Some(last) = last else { return Ok(None) };
    let cancelled = end_open(writer, run, (after.saturating_add(1), last), now).await?;
    Ok(Some((last, cancelled)))
}

/// Deliveries of unknown fate, when all the others are ended.
pub(super) async fn uncertain(reader: &mut SqliteConnection, run: i64) -> Result<u64> {
    let uncertain: i64 = sqlx::query_scalar(
        "select count(*) from delivery where run_id = $1 and state in ('uncertain', 'intent')",
    )
    .bind(run)
    .fetch_one(reader)
    .await
    .during("cancel a run")?;
    Ok(uncertain.cast_unsigned())
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
    let joined = sqlx::query(OWE_JOINED).bind(run).bind(first).bind(last);
    joined.execute(&mut *writer).await.during(action)?;
    let cancelled = in_range(CANCEL_UNSENT)
        .bind(now.timestamp())
        .execute(&mut *writer)
        .await
        .during(action)?
        .rows_affected();
    in_range(KEEP_UNCERTAIN).execute(&mut *writer).await.during(action)?;
    if cancelled > 0 {
        sqlx::query(NUMBER_CANCELLATION).bind(run).execute(writer).await.during(action)?;
    }
    Ok(cancelled)
}

/// A claim is certainly unsent, but for a copy before it that may have arrived. An intent is
/// left to its result, or to the rules of a crash.
pub(super) const CANCEL_UNSENT: &str = "
    update delivery set state = 'cancelled', owner = null,
        reason = iif((select state from run where id = ?1) = 'superseded', 'superseded',
            'operator'),
        lease_until = null, next_at = ?2, changed_at = ?5
    where run_id = ?1 and subscriber_id between ?3 and ?4
      and state in ('pending', 'claimed') and unknowns = 0";

pub(super) const KEEP_UNCERTAIN: &str = "
    update delivery set state = 'uncertain', owner = null, lease_until = null, next_at = ?2
    where run_id = ?1 and subscriber_id between ?3 and ?4
      and state in ('pending', 'claimed', 'uncertain') and unknowns > 0";
