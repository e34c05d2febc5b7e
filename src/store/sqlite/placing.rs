//! Gives entries their places in feeds, calendars and archives.
//!
//! A first scan brings a row for each feed of each entry, so one statement takes in many, and
//! an entry's old places are found by the key they stand under, without an index of their own.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json as array};
use sqlx::{QueryBuilder, SqliteConnection};

use super::{During, Result, json};
use crate::catalogue::NOTICE;
use crate::store::{Placed, Placing};

const ACTION: &str = "place entries in feeds";
/// Rows in one statement.
const PAGE: usize = 5_000;
/// Rows in one statement with a bound value for each column, where there may be very many.
const BOUND_ROWS: usize = 1_000;
/// Entries of an archive.
const ARCHIVE_LENGTH: i64 = 50;

/// What stood where and what stands there now.
#[derive(Default)]
struct Moves {
    /// By feed: how many more members it has.
    gains: HashMap<i64, i64>,
    stale: HashSet<i64>,
}

pub(super) async fn place(
    writer: &mut SqliteConnection,
    placing: &Placing,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut moves = Moves::default();
    choose_anew(writer, placing).await?;
    let changed: Vec<&Placed> =
        placing.entries.iter().filter(|e| e.is_changed && e.stood_at.is_some()).collect();
    let left = leave(writer, &changed, &mut moves).await?;
    enter(writer, &placing.entries, &mut moves).await?;
    place_events(writer, placing, &changed).await?;
    bury(writer, &changed, &left, now).await?;
    for feed in &placing.archived {
        append_to_archive(writer, *feed, &placing.entries).await?;
    }
    reopen_archives(writer, &changed).await?;
    let is_displaced = |placed: &&Placed| placed.is_changed && placed.is_displaced;
    let rows: Vec<i64> =
        placing.entries.iter().filter(is_displaced).map(|placed| placed.row).collect();
    sqlx::query("update entry set stands_at = null where id in (select value from json_each($1))")
        .bind(json(&rows))
        .execute(&mut *writer)
        .await
        .during(ACTION)?;
    settle_feeds(writer, &moves).await?;
    sqlx::query(
        "insert into meta (name, value) values ('placed_seq', $1)
         on conflict (name) do update set value = excluded.value",
    )
    .bind(placing.upto.to_string())
    .execute(writer)
    .await
    .during(ACTION)?;
    Ok(())
}

/// Empties feeds that are chosen by something else from now on.
async fn choose_anew(writer: &mut SqliteConnection, placing: &Placing) -> Result<()> {
    for (feed, selection) in &placing.chosen {
        for statement in [
            "delete from feed_entry where feed_id = $1",
            "delete from feed_event where feed_id = $1",
        ] {
            sqlx::query(statement).bind(feed).execute(&mut *writer).await.during(ACTION)?;
        }
        sqlx::query("update feed set selection = $2, members = 0, is_stale = 1 where id = $1")
            .bind(feed)
            .bind(selection)
            .execute(&mut *writer)
            .await
            .during(ACTION)?;
    }
    Ok(())
}

/// Takes entries out of where they stood; says which left which feed.
async fn leave(
    writer: &mut SqliteConnection,
    changed: &[&Placed],
    moves: &mut Moves,
) -> Result<Vec<(i64, i64)>> {
    let mut left = Vec::new();
    for page in changed.chunks(PAGE) {
        let rows: Vec<(i64, i64)> =
            page.iter().filter_map(|placed| Some((placed.stood_at?, placed.row))).collect();
        let gone: Vec<(i64, i64)> = sqlx::query_as(
            "delete from feed_entry where (feed_id, updated_at, entry_id) in (
                 select f.id, j.value ->> 0, j.value ->> 1 from json_each($1) as j, feed f)
             returning feed_id, entry_id",
        )
        .bind(json(&rows))
        .fetch_all(&mut *writer)
        .await
        .during(ACTION)?;
        left.extend(gone);
    }
    for (feed, _) in &left {
        *moves.gains.entry(*feed).or_default() -= 1;
        moves.stale.insert(*feed);
    }
    Ok(left)
}

async fn enter(writer: &mut SqliteConnection, entries: &[Placed], moves: &mut Moves) -> Result<()> {
    let mut rows: Vec<(i64, i64, i64)> = Vec::new();
    for placed in entries {
        rows.extend(placed.feeds.iter().map(|feed| (*feed, placed.updated_at, placed.row)));
    }
    // In the order of the key each row goes behind the one before it.
    rows.sort_unstable_by_key(|(feed, updated_at, row)| (*feed, -updated_at, *row));
    for (feed, _, _) in &rows {
        *moves.gains.entry(*feed).or_default() += 1;
        moves.stale.insert(*feed);
    }
    for page in rows.chunks(BOUND_ROWS) {
        let mut insert =
            QueryBuilder::new("insert into feed_entry (feed_id, updated_at, entry_id) ");
        insert.push_values(page, |mut columns, (feed, updated_at, row)| {
            columns.push_bind(*feed).push_bind(*updated_at).push_bind(*row);
        });
        insert.push(" on conflict do nothing");
        insert.build().execute(&mut *writer).await.during(ACTION)?;
    }
    Ok(())
}

async fn place_events(
    writer: &mut SqliteConnection,
    placing: &Placing,
    changed: &[&Placed],
) -> Result<()> {
    let gone: Vec<i64> =
        changed.iter().filter(|placed| !placed.stays_cancelled).map(|p| p.row).collect();
    sqlx::query(
        "delete from feed_event where (feed_id, entry_id) in (
             select f.id, j.value from json_each($1) as j, feed f)",
    )
    .bind(json(&gone))
    .execute(&mut *writer)
    .await
    .during(ACTION)?;
    let mut rows: Vec<Value> = Vec::new();
    for placed in &placing.entries {
        let Some(day) = placed.last_day else { continue };
        rows.extend(placed.feeds.iter().map(|feed| array!([feed, placed.row, day])));
    }
    for page in rows.chunks(PAGE) {
        sqlx::query(
            "insert into feed_event (feed_id, entry_id, last_day)
             select j.value ->> 0, j.value ->> 1, j.value ->> 2 from json_each($1) as j where true
             on conflict (feed_id, entry_id) do update set last_day = excluded.last_day",
        )
        .bind(json(&page))
        .execute(&mut *writer)
        .await
        .during(ACTION)?;
    }
    Ok(())
}

/// Leaves a tombstone in each feed that a deleted entry stood in; one that is back has none.
async fn bury(
    writer: &mut SqliteConnection,
    changed: &[&Placed],
    left: &[(i64, i64)],
    now: DateTime<Utc>,
) -> Result<()> {
    let rows: Vec<i64> = changed.iter().map(|placed| placed.row).collect();
    sqlx::query(
        "delete from tombstone where buried_at <= $2
             or entry_id in (select value from json_each($1))",
    )
    .bind(json(&rows))
    .bind((now - NOTICE).timestamp())
    .execute(&mut *writer)
    .await
    .during(ACTION)?;
    let buried: HashMap<i64, i64> =
        changed.iter().filter_map(|placed| Some((placed.row, placed.buried_at?))).collect();
    let tombstones: Vec<(i64, i64, i64)> =
        left.iter().filter_map(|(feed, row)| Some((*feed, *row, *buried.get(row)?))).collect();
    sqlx::query(
        "insert into tombstone (feed_id, entry_id, buried_at)
         select j.value ->> 0, j.value ->> 1, j.value ->> 2 from json_each($1) as j where true
         on conflict do nothing",
    )
    .bind(json(&tombstones))
    .execute(writer)
    .await
    .during(ACTION)?;
    Ok(())
}

/// Positions are given once, in the order of the entries; every 50th closes an archive.
async fn append_to_archive(
    writer: &mut SqliteConnection,
    feed: i64,
    entries: &[Placed],
) -> Result<()> {
    let rows: Vec<i64> =
        entries.iter().filter(|placed| placed.feeds.contains(&feed)).map(|p| p.row).collect();
    for page in rows.chunks(PAGE) {
        sqlx::query(
            "insert into archive_entry (feed_id, position, entry_id)
             select $1, (select coalesce(max(position), 0) from archive_entry where feed_id = $1)
                 + row_number() over (order by j.key), j.value
             from json_each($2) as j
             where not exists (select 1 from archive_entry a
                 where a.entry_id = j.value and a.feed_id = $1)",
        )
        .bind(feed)
        .bind(json(&page))
        .execute(&mut *writer)
        .await
        .during(ACTION)?;
    }
    let (newest, closed): (i64, i64) = sqlx::query_as(
        "select (select coalesce(max(position), 0) from archive_entry where feed_id = $1),
             (select coalesce(max(number), 0) from archive where feed_id = $1)",
    )
    .bind(feed)
    .fetch_one(&mut *writer)
    .await
    .during(ACTION)?;
    let closing: Vec<i64> = (closed + 1..=newest / ARCHIVE_LENGTH).collect();
    sqlx::query("insert into archive (feed_id, number) select $1, value from json_each($2)")
        .bind(feed)
        .bind(json(&closing))
        .execute(writer)
        .await
        .during(ACTION)?;
    Ok(())
}

/// A closed archive is made again only where an entry in it was withdrawn or removed, or is
/// back.
async fn reopen_archives(writer: &mut SqliteConnection, changed: &[&Placed]) -> Result<()> {
    let turned: Vec<i64> =
        changed.iter().filter(|placed| placed.has_turned).map(|p| p.row).collect();
    sqlx::query(
        "update archive set is_stale = 1 where (feed_id, number) in (
             select a.feed_id, (a.position - 1) / $2 + 1
             from json_each($1) as j join archive_entry a on a.entry_id = j.value)",
    )
    .bind(json(&turned))
    .bind(ARCHIVE_LENGTH)
    .execute(writer)
    .await
    .during(ACTION)?;
    Ok(())
}

async fn settle_feeds(writer: &mut SqliteConnection, moves: &Moves) -> Result<()> {
    let rows: Vec<(i64, i64)> =
        moves.stale.iter().map(|id| (*id, moves.gains.get(id).copied().unwrap_or(0))).collect();
    sqlx::query(
        "update feed set is_stale = 1, members = members + (j.value ->> 1)
         from json_each($1) as j where feed.id = j.value ->> 0",
    )
    .bind(json(&rows))
    .execute(writer)
    .await
    .during(ACTION)?;
    Ok(())
}
