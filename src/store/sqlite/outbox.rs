//! Deliveries: claims, intents, results, and what a crash leaves behind.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{FromRow, SqliteConnection};

use super::group::Ask;
use super::{During, Result, json, moment};
use crate::outbox::Step;
use crate::outbox::lane::Lane;
use crate::store::{Claim, ClaimRequest, DeliveryCounts, DeliveryResult, Intent, Recovered};

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
         where state = 'claimed'",
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
                in (select value from json_each($2)), $1, $3)
         where state = 'intent'",
    )
    .bind(now.timestamp())
    .bind(json(&resend))
    .bind(NEVER)
    .execute(writer)
    .await
    .during(action)?
    .rows_affected();
    Ok(Recovered { released, uncertain })
}

/// Runs that send, of the digests of one lane, oldest first.
async fn sending_runs(reader: &mut SqliteConnection, lane: Lane) -> Result<Vec<i64>> {
    let all_reserved: Vec<&str> =
        Lane::ALL.iter().flat_map(|lane| lane.digests()).copied().collect();
    let (names, is_rest) = match lane {
        Lane::Digests => (all_reserved, true),
        lane => (lane.digests().to_vec(), false),
    };
    sqlx::query_scalar(
        "select r.id from run r join digest d on d.id = r.digest_id
         where r.state = 'sending'
           and (d.name in (select value from json_each($1))) <> $2
         order by r.id",
    )
    .bind(json(&names))
    .bind(is_rest)
    .fetch_all(reader)
    .await
    .during("claim deliveries")
}

pub(super) async fn claim_due(
    writer: &mut SqliteConnection,
    request: &ClaimRequest,
) -> Result<Vec<Claim>> {
    #[derive(FromRow)]
    struct Row {
        run_id: i64,
        subscriber_id: i64,
        issue_id: i64,
        digest: String,
        fence: i64,
        attempt: i64,
        unknowns: i64,
        token_key: i64,
        dated_at: i64,
        created_at: i64,
        address_version: i64,
        key_id: i64,
        cipher: Vec<u8>,
        domain: String,
        dkim_selector: Option<String>,
    }
    let action = "claim deliveries";
    let mut picked: Vec<(i64, i64)> = Vec::new();
    for run in sending_runs(writer, request.lane).await? {
        let left = i64::from(request.limit) - i64::try_from(picked.len()).unwrap_or(i64::MAX);
        if left <= 0 {
            break;
        }
        let due: Vec<(i64, i64)> = sqlx::query_as(
            "select run_id, subscriber_id from delivery
             where run_id = $1 and state in ('pending', 'uncertain') and next_at <= $2
             order by next_at, subscriber_id limit $3",
        )
        .bind(run)
        .bind(request.now.timestamp())
        .bind(left)
        .fetch_all(&mut *writer)
        .await
        .during(action)?;
        picked.extend(due);
    }
    if picked.is_empty() {
        return Ok(Vec::new());
    }
    let picked = json(&picked);
    sqlx::query(
        "update delivery set state = 'claimed', owner = $2, lease_until = $3,
             fence = fence + 1, changed_at = $4
         from json_each($1) as j
         where run_id = j.value->>0 and subscriber_id = j.value->>1",
    )
    .bind(&picked)
    .bind(&request.owner)
    .bind(request.lease_until.timestamp())
    .bind(request.now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?;
    let rows: Vec<Row> = sqlx::query_as(
        "select d.run_id, d.subscriber_id, d.issue_id, g.name as digest, d.fence, d.attempt,
                d.unknowns, d.token_key, d.dated_at, r.created_at, d.address_version, a.key_id,
                a.cipher, s.domain, d.dkim_selector
         from json_each($1) as j
         join delivery d on d.run_id = j.value->>0 and d.subscriber_id = j.value->>1
         join run r on r.id = d.run_id
         join digest g on g.id = r.digest_id
         join subscriber s on s.id = d.subscriber_id
         join address a on a.subscriber_id = d.subscriber_id and a.version = d.address_version",
    )
    .bind(&picked)
    .fetch_all(writer)
    .await
    .during(action)?;
    Ok(rows
        .into_iter()
        .map(|row| Claim {
            run: row.run_id,
            subscriber: row.subscriber_id,
            issue: row.issue_id,
            digest: row.digest,
            fence: row.fence,
            attempt: u32::try_from(row.attempt).unwrap_or(u32::MAX),
            unknowns: u32::try_from(row.unknowns).unwrap_or(u32::MAX),
            may_be_stand_in: request.may_be_stand_in,
            token_key: row.token_key,
            dated_at: moment(row.dated_at),
            created_at: moment(row.created_at),
            address_key: row.key_id,
            address_version: row.address_version,
            address_cipher: row.cipher,
            domain: row.domain,
            dkim_selector: row.dkim_selector,
        })
        .collect())
}

/// The last look before the dot: who left or was suppressed since the plan gets nothing.
/// Returns the intents that were given, by run and subscriber.
pub(super) async fn intend(
    writer: &mut SqliteConnection,
    asks: &[Ask],
    now: DateTime<Utc>,
) -> Result<Vec<((i64, i64), Intent)>> {
    if asks.is_empty() {
        return Ok(Vec::new());
    }
    let action = "record intents";
    let rows = |asks: &mut dyn Iterator<Item = &Ask>| {
        let row = |ask: &Ask| (ask.run, ask.subscriber, ask.fence, ask.may_be_stand_in);
        json(&asks.map(row).collect::<Vec<_>>())
    };
    let given: Vec<(i64, i64, i64)> = sqlx::query_as(
        "update delivery as d set state = 'intent', attempt = d.attempt + 1, changed_at = $2
         from json_each($1) as j
         where d.run_id = j.value->>0 and d.subscriber_id = j.value->>1
           and d.fence = j.value->>2 and d.state = 'claimed'
           and exists (select 1 from subscriber s where s.id = d.subscriber_id
                and s.erased_at is null and (j.value->>3 or s.is_rehearsal = 0)
                and not exists (select 1 from suppression x where x.lookup = s.lookup))
           and exists (select 1 from run r join digest g on g.id = r.digest_id
                where r.id = d.run_id and r.state = 'sending' and case
                    when g.name in ('self', 'notice', 'reminder') then true
                    when g.name = 'confirm' then exists (select 1 from subscription c
                        where c.subscriber_id = d.subscriber_id and c.state = 'pending')
                    else exists (select 1 from subscription c
                        where c.subscriber_id = d.subscriber_id and c.state = 'confirmed'
                          and (g.name in ('urgent', 'correction') or c.digest_id = g.id)
                          and c.feed in (select feed from issue_entry i
                                where i.issue_id = d.issue_id)) end)
         returning run_id, subscriber_id, attempt",
    )
    .bind(rows(&mut asks.iter()))
    .bind(now.timestamp())
    .fetch_all(&mut *writer)
    .await
    .during(action)?;
    if given.len() < asks.len() {
        let given: HashSet<(i64, i64)> = given.iter().map(|given| (given.0, given.1)).collect();
        let mut refused = asks.iter().filter(|ask| !given.contains(&(ask.run, ask.subscriber)));
        refuse(writer, rows(&mut refused), now).await?;
    }
    let intent = |attempt| Intent { attempt: u32::try_from(attempt).unwrap_or(u32::MAX) };
    Ok(given.into_iter().map(|(run, person, attempt)| ((run, person), intent(attempt))).collect())
}

/// Our claims, and no leave: the person left or must not be written to. A run that was paused
/// meanwhile gets its delivery back instead.
async fn refuse(writer: &mut SqliteConnection, asks: String, now: DateTime<Utc>) -> Result<()> {
    sqlx::query(
        "update delivery as d set
             state = iif((select state from run where id = d.run_id) = 'sending',
                 'cancelled', iif(d.unknowns > 0, 'uncertain', 'pending')),
             reason = case
                 when (select state from run where id = d.run_id) <> 'sending' then null
                 when exists (select 1 from suppression x join subscriber s
                     on s.lookup = x.lookup where s.id = d.subscriber_id) then 'suppressed'
                 else 'left' end,
             owner = null, lease_until = null, changed_at = $2
         from json_each($1) as j
         where d.run_id = j.value->>0 and d.subscriber_id = j.value->>1
           and d.fence = j.value->>2 and d.state = 'claimed'",
    )
    .bind(asks)
    .bind(now.timestamp())
    .execute(writer)
    .await
    .during("record refused intents")?;
    Ok(())
}

pub(super) async fn record_results(
    writer: &mut SqliteConnection,
    results: &[&DeliveryResult],
    now: DateTime<Utc>,
) -> Result<()> {
    if results.is_empty() {
        return Ok(());
    }
    let row = |result: &&DeliveryResult| {
        let DeliveryResult { run, subscriber, fence, step } = *result;
        let Record { state, next_at, code, reply, path, unknowns, reason, uncharged } =
            Record::of(step);
        json!([
            run, subscriber, fence, state, next_at, code, reply, path, unknowns, reason, uncharged
        ])
    };
    let rows = json(&results.iter().map(row).collect::<Vec<_>>());
    // A copy that may have arrived is not given up as unsent: it would be owed again.
    let settled: Vec<(i64, i64, String)> = sqlx::query_as(
        "update delivery as d set
             state = iif(j.value->>9 = 'expired' and d.unknowns > 0, 'uncertain', j.value->>3),
             next_at = j.value->>4, reply_code = j.value->>5, reply = j.value->>6,
             path = j.value->>7, unknowns = d.unknowns + (j.value->>8),
             reason = iif(j.value->>9 = 'expired' and d.unknowns > 0, null, j.value->>9),
             attempt = d.attempt + iif(d.state = 'claimed', 1, 0) - (j.value->>10),
             owner = null, lease_until = null, changed_at = $2
         from json_each($1) as j
         where d.run_id = j.value->>0 and d.subscriber_id = j.value->>1
           and d.fence = j.value->>2 and d.state in ('claimed', 'intent')
         returning run_id, subscriber_id, state",
    )
    .bind(rows)
    .bind(now.timestamp())
    .fetch_all(&mut *writer)
    .await
    .during("record results")?;
    let mut waiting_runs = BTreeSet::new();
    for (run, subscriber, state) in &settled {
        match state.as_str() {
            "cancelled" => owe(writer, *run, *subscriber).await?,
            "pending" => {
                waiting_runs.insert(*run);
            }
            _ => {}
        }
    }
    for run in waiting_runs {
        // Of a run that was cancelled while this one was in hand.
        super::cancel::end_late(writer, run, now).await?;
    }
    Ok(())
}

/// What was not sent is owed: the next plan of this person begins where the run's did, in
/// the feeds that brought it.
async fn owe(writer: &mut SqliteConnection, run: i64, subscriber: i64) -> Result<()> {
    sqlx::query(
        "update subscription set owed_from =
             min(coalesce(owed_from, $3), (select from_seq from run where id = $1))
         where subscriber_id = $2 and state = 'confirmed'
           and digest_id = (select digest_id from run where id = $1)
           and feed in (select i.feed from issue_entry i join delivery d
                on d.issue_id = i.issue_id where d.run_id = $1 and d.subscriber_id = $2)",
    )
    .bind(run)
    .bind(subscriber)
    .bind(NEVER)
    .execute(writer)
    .await
    .during("record what a person is owed")?;
    Ok(())
}

/// A step as the columns it changes.
struct Record<'a> {
    state: &'static str,
    next_at: i64,
    code: Option<&'a str>,
    reply: Option<&'a str>,
    path: Option<&'a str>,
    unknowns: i64,
    reason: Option<&'static str>,
    /// Attempts that do not count after all.
    uncharged: i64,
}

impl<'a> Record<'a> {
    fn of(step: &'a Step) -> Self {
        let end = |state| Self {
            state,
            next_at: NEVER,
            code: None,
            reply: None,
            path: None,
            unknowns: 0,
            reason: None,
            uncharged: 0,
        };
        match step {
            Step::Accepted { reply } => {
                Self { code: Some("250"), reply: Some(reply), ..end("accepted") }
            }
            Step::Rejected { code, reply } => {
                Self { code: Some(code), reply: Some(reply), ..end("rejected") }
            }
            Step::Retry { at, code, reply } => Self {
                next_at: at.timestamp(),
                code: Some(code),
                reply: Some(reply),
                ..end("pending")
            },
            Step::Unsent { at, reply } => {
                Self { next_at: at.timestamp(), reply: Some(reply), uncharged: 1, ..end("pending") }
            }
            Step::Uncertain { resend_at } => Self {
                next_at: resend_at.map_or(NEVER, |at| at.timestamp()),
                unknowns: 1,
                ..end("uncertain")
            },
            Step::Rehearsed { path } => Self { path: Some(path), ..end("rehearsed") },
            Step::Expired { code, reply } => Self {
                code: Some(code),
                reply: Some(reply),
                reason: Some("expired"),
                ..end("cancelled")
            },
        }
    }
}

pub(super) async fn release(
    writer: &mut SqliteConnection,
    claims: &[Claim],
    next_at: DateTime<Utc>,
) -> Result<()> {
    let keys: Vec<(i64, i64, i64)> =
        claims.iter().map(|c| (c.run, c.subscriber, c.fence)).collect();
    // A delivery that was uncertain stays so: it waits for its one resend.
    sqlx::query(
        "update delivery set state = iif(unknowns > 0, 'uncertain', 'pending'), owner = null,
             lease_until = null, next_at = $2
         from json_each($1) as j
         where run_id = j.value->>0 and subscriber_id = j.value->>1 and fence = j.value->>2
           and state = 'claimed'",
    )
    .bind(json(&keys))
    .bind(next_at.timestamp())
    .execute(writer)
    .await
    .during("release claims")?;
    Ok(())
}

pub(super) async fn unreject(
    writer: &mut SqliteConnection,
    run: i64,
    subscribers: &[i64],
    now: DateTime<Utc>,
) -> Result<u64> {
    let freed = sqlx::query(
        "update delivery set state = 'pending', next_at = $3, changed_at = $3
         where run_id = $1 and state = 'rejected'
           and subscriber_id in (select value from json_each($2))",
    )
    .bind(run)
    .bind(json(&subscribers))
    .bind(now.timestamp())
    .execute(writer)
    .await
    .during("undo refusals")?;
    Ok(freed.rows_affected())
}

pub(super) async fn next_due(reader: &mut SqliteConnection) -> Result<Option<DateTime<Utc>>> {
    let seconds: Option<i64> = sqlx::query_scalar(
        "select min(d.next_at) from delivery d
         join run r on r.id = d.run_id and r.state = 'sending'
         where d.state in ('pending', 'uncertain') and d.next_at < $1",
    )
    .bind(NEVER)
    .fetch_one(reader)
    .await
    .during("read the next due delivery")?;
    Ok(seconds.map(moment))
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
