//! Deliveries: claims, intents, results, and what a crash leaves behind.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::query::QueryAs;
use sqlx::sqlite::SqliteArguments;
use sqlx::{FromRow, SqlStr, Sqlite, SqliteConnection};

use super::group::Ask;
use super::values::{MOST_ROWS, Sized, in_all_sizes, places};
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

#[derive(FromRow)]
struct SendingRun {
    id: i64,
    digest: String,
    created_at: i64,
}

/// Runs that send, of the digests of one lane, oldest first.
async fn sending_runs(reader: &mut SqliteConnection, lane: Lane) -> Result<Vec<SendingRun>> {
    let all_reserved: Vec<&str> =
        Lane::ALL.iter().flat_map(|lane| lane.digests()).copied().collect();
    let (names, is_rest) = match lane {
        Lane::Digests => (all_reserved, true),
        lane => (lane.digests().to_vec(), false),
    };
    sqlx::query_as(
        "select r.id, d.name as digest, r.created_at
         from run r join digest d on d.id = r.digest_id
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
        subscriber_id: i64,
        issue_id: i64,
        fence: i64,
        attempt: i64,
        unknowns: i64,
        token_key: i64,
        dated_at: i64,
        next_at: i64,
        address_version: i64,
        key_id: Option<i64>,
        cipher: Option<Vec<u8>>,
        domain: String,
        dkim_selector: Option<String>,
    }
    let action = "claim deliveries";
    let mut claims: Vec<Claim> = Vec::new();
    let mut left = request.limit;
    for run in sending_runs(writer, request.lane).await? {
        if left == 0 {
            break;
        }
        let mut rows: Vec<Row> = sqlx::query_as(
            "update delivery set state = 'claimed', owner = $4, lease_until = $5,
                 fence = fence + 1, changed_at = $2
             where run_id = $1 and subscriber_id in (select subscriber_id from delivery
                where run_id = $1 and state in ('pending', 'uncertain') and next_at <= $2
                order by next_at, subscriber_id limit $3)
             returning subscriber_id, issue_id, fence, attempt, unknowns, token_key, dated_at,
                 next_at, address_version,
                 (select a.key_id from address a where a.subscriber_id = delivery.subscriber_id
                    and a.version = delivery.address_version) as key_id,
                 (select a.cipher from address a where a.subscriber_id = delivery.subscriber_id
                    and a.version = delivery.address_version) as cipher,
                 (select domain from subscriber where id = delivery.subscriber_id) as domain",
        )
        .bind(run.id)
        .bind(request.now.timestamp())
        .bind(left)
        .bind(&request.owner)
        .bind(request.lease_until.timestamp())
        .fetch_all(&mut *writer)
        .await
        .during(action)?;
        left = left.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        rows.sort_unstable_by_key(|row| (row.next_at, row.subscriber_id));
        claims.extend(rows.into_iter().filter_map(|row| {
            Some(Claim {
                run: run.id,
                subscriber: row.subscriber_id,
                issue: row.issue_id,
                digest: run.digest.clone(),
                fence: row.fence,
                attempt: u32::try_from(row.attempt).unwrap_or(u32::MAX),
                unknowns: u32::try_from(row.unknowns).unwrap_or(u32::MAX),
                may_be_stand_in: request.may_be_stand_in,
                token_key: row.token_key,
                dated_at: moment(row.dated_at),
                created_at: moment(run.created_at),
                address_key: row.key_id?,
                address_version: row.address_version,
                address_cipher: row.cipher?,
                domain: row.domain,
                dkim_selector: row.dkim_selector,
            })
        }));
    }
    Ok(claims)
}

/// One transaction in one go: results that end deliveries, and leave to write more dots.
/// Nothing hangs on them that would have to be written along, as on those that end unsent.
static ENDS_AND_INTENTS: Sized = Sized::new(|| {
    in_all_sizes(|rows| {
        let ends = results_statement(1, rows);
        let intents = intents_statement(1 + rows * RESULT_COLUMNS, rows);
        format!("begin immediate; {ends}; {intents}; commit")
    })
});

static RESULTS: Sized = Sized::new(|| {
    in_all_sizes(|rows| {
        format!("{} returning run_id, subscriber_id, state", results_statement(1, rows))
    })
});

static INTENTS: Sized = Sized::new(|| in_all_sizes(|rows| intents_statement(1, rows)));

const ASK_COLUMNS: usize = 4;

/// `$1` is the time.
fn intents_statement(before: usize, rows: usize) -> String {
    let places = places(before, rows, ASK_COLUMNS);
    format!(
        "with j(run, person, fence, stand_in) as (values {places})
         update delivery as d set state = 'intent', attempt = d.attempt + 1, changed_at = $1
         from j
         where d.run_id = j.run and d.subscriber_id = j.person
           and d.fence = j.fence and d.state = 'claimed'
           and exists (select 1 from subscriber s where s.id = d.subscriber_id
                and s.erased_at is null and (j.stand_in or s.is_rehearsal = 0)
                and not exists (select 1 from suppression x where x.lookup = s.lookup))
           and exists (select 1 from run r join digest g on g.id = r.digest_id
                where r.id = d.run_id and r.state = 'sending' and case
                    when g.name in ('self', 'notice', 'reminder') then true
                    when g.name = 'confirm' then exists (select 1 from subscription c
                        where c.subscriber_id = d.subscriber_id and c.state = 'pending')
                    else exists (select 1 from subscription c
                        where c.subscriber_id = d.subscriber_id and c.state = 'confirmed'
                          and (g.name in ('urgent', 'correction') or c.digest_id = g.id)
                          and exists (select 1 from issue_entry i
                                where i.issue_id = d.issue_id and i.feed = c.feed)) end)
         returning run_id, subscriber_id, attempt"
    )
}

/// An intent that was given, by run and subscriber.
pub(super) type Given = ((i64, i64), Intent);

/// The last look before the dot: who left or was suppressed since the plan gets nothing.
/// Returns the intents that were given.
pub(super) async fn intend(
    writer: &mut SqliteConnection,
    asks: &[Ask],
    now: DateTime<Utc>,
) -> Result<Vec<Given>> {
    let mut given = Vec::with_capacity(asks.len());
    for asks in asks.chunks(MOST_ROWS) {
        let (text, room) = INTENTS.of(asks.len());
        let query = sqlx::query_as(SqlStr::from_static(text)).bind(now.timestamp());
        let rows = bind_asks(query, asks, room).fetch_all(&mut *writer).await;
        given.extend(rows.during("record intents")?.into_iter().map(intent));
    }
    refuse_others(writer, asks, &given, now).await?;
    Ok(given)
}

/// As [`record_results`] and [`intend`] in one transaction of its own, and in one message to
/// the thread that writes; only for results that [`is_end`], and no more than [`MOST_ROWS`].
pub(super) async fn end_and_intend(
    writer: &mut SqliteConnection,
    results: &[&DeliveryResult],
    asks: &[Ask],
    now: DateTime<Utc>,
) -> Result<Vec<Given>> {
    let (text, room) = ENDS_AND_INTENTS.of(results.len().max(asks.len()));
    let query = sqlx::query_as(SqlStr::from_static(text)).bind(now.timestamp());
    let query = bind_asks(bind_results(query, results, room), asks, room);
    let rows = match query.fetch_all(&mut *writer).await {
        Ok(rows) => rows,
        Err(error) => {
            // It fails where there is no transaction left to undo.
            let _ = sqlx::query("rollback").execute(writer).await;
            return Err(error).during("record results and intents");
        }
    };
    let given: Vec<Given> = rows.into_iter().map(intent).collect();
    // Until then they are claims of ours: certainly unsent.
    refuse_others(writer, asks, &given, now).await?;
    Ok(given)
}

/// Whether nothing follows from this result for others.
pub(super) fn is_end(step: &Step) -> bool {
    match step {
        Step::Accepted { .. }
        | Step::Rejected { .. }
        | Step::Uncertain { .. }
        | Step::Rehearsed { .. } => true,
        Step::Retry { .. } | Step::Unsent { .. } | Step::Expired { .. } => false,
    }
}

fn bind_asks<'q>(mut query: Query<'q, Row>, asks: &[Ask], room: usize) -> Query<'q, Row> {
    for at in 0..room {
        query = match asks.get(at) {
            Some(ask) => {
                query.bind(ask.run).bind(ask.subscriber).bind(ask.fence).bind(ask.may_be_stand_in)
            }
            None => (0..ASK_COLUMNS).fold(query, |query, _| query.bind(None::<i64>)),
        };
    }
    query
}

/// Run, subscriber and attempt.
type Row = (i64, i64, i64);

fn intent((run, subscriber, attempt): Row) -> Given {
    ((run, subscriber), Intent { attempt: u32::try_from(attempt).unwrap_or(u32::MAX) })
}

async fn refuse_others(
    writer: &mut SqliteConnection,
    asks: &[Ask],
    given: &[Given],
    now: DateTime<Utc>,
) -> Result<()> {
    if given.len() == asks.len() {
        return Ok(());
    }
    let given: HashSet<(i64, i64)> = given.iter().map(|(key, _)| *key).collect();
    let refused: Vec<(i64, i64, i64)> = asks
        .iter()
        .filter(|ask| !given.contains(&(ask.run, ask.subscriber)))
        .map(|ask| (ask.run, ask.subscriber, ask.fence))
        .collect();
    refuse(writer, json(&refused), now).await
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
    let mut settled: Vec<(i64, i64, String)> = Vec::with_capacity(results.len());
    for results in results.chunks(MOST_ROWS) {
        let (text, room) = RESULTS.of(results.len());
        let query = sqlx::query_as(SqlStr::from_static(text)).bind(now.timestamp());
        let rows = bind_results(query, results, room).fetch_all(&mut *writer).await;
        settled.extend(rows.during("record results")?);
    }
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

const RESULT_COLUMNS: usize = 11;

/// `$1` is the time. A copy that may have arrived is not given up as unsent: it would be owed
/// again.
fn results_statement(before: usize, rows: usize) -> String {
    let places = places(before, rows, RESULT_COLUMNS);
    format!(
        "with j(run, person, fence, state, next_at, code, reply, path, unknowns, reason,
             uncharged) as (values {places})
         update delivery as d set
             state = iif(j.reason = 'expired' and d.unknowns > 0, 'uncertain', j.state),
             next_at = j.next_at, reply_code = j.code, reply = j.reply, path = j.path,
             unknowns = d.unknowns + j.unknowns,
             reason = iif(j.reason = 'expired' and d.unknowns > 0, null, j.reason),
             attempt = d.attempt + iif(d.state = 'claimed', 1, 0) - j.uncharged,
             owner = null, lease_until = null, changed_at = $1
         from j
         where d.run_id = j.run and d.subscriber_id = j.person
           and d.fence = j.fence and d.state in ('claimed', 'intent')"
    )
}

type Query<'q, O> = QueryAs<'q, Sqlite, O, SqliteArguments>;

fn bind_results<'q, O>(
    mut query: Query<'q, O>,
    results: &[&'q DeliveryResult],
    room: usize,
) -> Query<'q, O> {
    for at in 0..room {
        query = match results.get(at) {
            Some(result) => {
                let record = Record::of(&result.step);
                query
                    .bind(result.run)
                    .bind(result.subscriber)
                    .bind(result.fence)
                    .bind(record.state)
                    .bind(record.next_at)
                    .bind(record.code)
                    .bind(record.reply)
                    .bind(record.path)
                    .bind(record.unknowns)
                    .bind(record.reason)
                    .bind(record.uncharged)
            }
            None => (0..RESULT_COLUMNS).fold(query, |query, _| query.bind(None::<i64>)),
        };
    }
    query
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
