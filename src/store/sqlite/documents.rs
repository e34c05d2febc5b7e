//! What was published: documents, and the hubs that are to be told of them.

use chrono::{DateTime, Utc};
use serde_json::json as array;
use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, json, moment};
use crate::store::{DocumentRecord, PingRecord, PublicationRecord};

pub(super) async fn record(
    writer: &mut SqliteConnection,
    publication: &PublicationRecord,
    now: DateTime<Utc>,
) -> Result<()> {
    let action = "remember documents";
    let row = |document: &DocumentRecord| {
        let DocumentRecord { path, hash, size_bytes, changed_at, stat, made_of, .. } = document;
        array!([path, hash, size_bytes, changed_at.timestamp(), stat, made_of])
    };
    let rows: Vec<_> = publication.documents.iter().map(row).collect();
    sqlx::query(
        "insert into document (path, hash, size_bytes, changed_at, stat, made_of)
         select j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4,
             j.value ->> 5
         from json_each($1) as j where true
         on conflict (path) do update set hash = excluded.hash,
             size_bytes = excluded.size_bytes, stat = excluded.stat, made_of = excluded.made_of,
             changed_at = case when document.hash = excluded.hash then document.changed_at
                 else excluded.changed_at end",
    )
    .bind(json(&rows))
    .execute(&mut *writer)
    .await
    .during(action)?;
    sqlx::query("delete from document where path in (select value from json_each($1))")
        .bind(json(&publication.removed))
        .execute(&mut *writer)
        .await
        .during(action)?;
    let feed = |made: &crate::store::MadeFeed| {
        let offset = made.told.offset().local_minus_utc();
        array!([made.feed, made.made_of, made.told.timestamp(), offset])
    };
    let feeds: Vec<_> = publication.feeds.iter().map(feed).collect();
    sqlx::query(
        "update feed set is_stale = 0, made_of = j.value ->> 1, told_at = j.value ->> 2,
             told_offset = j.value ->> 3
         from json_each($1) as j where feed.id = j.value ->> 0",
    )
    .bind(json(&feeds))
    .execute(&mut *writer)
    .await
    .during(action)?;
    sqlx::query(
        "update archive set is_stale = 0 where (feed_id, number) in (
             select j.value ->> 0, j.value ->> 1 from json_each($1) as j)",
    )
    .bind(json(&publication.archives))
    .execute(&mut *writer)
    .await
    .during(action)?;
    sqlx::query(
        "insert into ping (hub, topic, next_at)
         select j.value ->> 0, j.value ->> 1, $2 from json_each($1) as j where true
         on conflict (hub, topic) do update set generation = ping.generation + 1, attempts = 0,
             next_at = excluded.next_at",
    )
    .bind(json(&publication.pings))
    .bind(now.timestamp())
    .execute(writer)
    .await
    .during("remember what hubs are to be told")?;
    Ok(())
}

pub(super) async fn documents(reader: &mut SqliteConnection) -> Result<Vec<DocumentRecord>> {
    #[derive(FromRow)]
    struct Row {
        path: String,
        hash: String,
        size_bytes: i64,
        changed_at: i64,
        stat: String,
        made_of: String,
        bucket_tag: Option<String>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select path, hash, size_bytes, changed_at, stat, made_of, bucket_tag
         from document order by path",
    )
    .fetch_all(reader)
    .await
    .during("read the documents")?;
    Ok(rows
        .into_iter()
        .map(|row| DocumentRecord {
            path: row.path,
            hash: row.hash,
            size_bytes: row.size_bytes.cast_unsigned(),
            changed_at: moment(row.changed_at),
            stat: row.stat,
            made_of: row.made_of,
            bucket_tag: row.bucket_tag,
        })
        .collect())
}

pub(super) async fn record_copies(
    writer: &mut SqliteConnection,
    copies: &[(String, Option<String>)],
) -> Result<()> {
    sqlx::query(
        "update document set bucket_tag = j.value ->> 1
         from json_each($1) as j where document.path = j.value ->> 0",
    )
    .bind(json(&copies))
    .execute(writer)
    .await
    .during("remember copies")?;
    Ok(())
}

pub(super) async fn due_pings(
    reader: &mut SqliteConnection,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<PingRecord>> {
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "select hub, topic, generation, attempts from ping where next_at <= $1
         order by next_at, hub, topic limit $2",
    )
    .bind(now.timestamp())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(reader)
    .await
    .during("read what hubs are to be told")?;
    let ping = |(hub, topic, generation, attempts)| PingRecord {
        hub,
        topic,
        generation,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    };
    Ok(rows.into_iter().map(ping).collect())
}

pub(super) async fn next_ping(reader: &mut SqliteConnection) -> Result<Option<DateTime<Utc>>> {
    let next: Option<i64> = sqlx::query_scalar("select min(next_at) from ping")
        .fetch_one(reader)
        .await
        .during("read what hubs are to be told")?;
    Ok(next.map(moment))
}

pub(super) async fn pings(reader: &mut SqliteConnection) -> Result<u64> {
    let count: i64 = sqlx::query_scalar("select count(*) from ping")
        .fetch_one(reader)
        .await
        .during("count what hubs are to be told")?;
    Ok(count.cast_unsigned())
}

/// A topic that changed while its hub was being told is of another generation, and stays.
pub(super) async fn settle_ping(
    writer: &mut SqliteConnection,
    ping: &PingRecord,
    next: Option<DateTime<Utc>>,
) -> Result<()> {
    let query = match next {
        Some(next) => sqlx::query(
            "update ping set attempts = attempts + 1, next_at = $4
             where hub = $1 and topic = $2 and generation = $3",
        )
        .bind(&ping.hub)
        .bind(&ping.topic)
        .bind(ping.generation)
        .bind(next.timestamp()),
        None => sqlx::query("delete from ping where hub = $1 and topic = $2 and generation = $3")
            .bind(&ping.hub)
            .bind(&ping.topic)
            .bind(ping.generation),
    };
    query.execute(writer).await.during("remember what hubs were told")?;
    Ok(())
}
