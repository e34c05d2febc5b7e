//! What other processes ask for, and facts about the store itself.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::{During, Result};
use crate::store::{Request, RequestKind, StoreError};

pub(super) async fn settle_fact(
    writer: &mut SqliteConnection,
    name: &str,
    value: &str,
) -> Result<String> {
    // Those who only look have nothing to write, and need not wait for who does.
    if let Some(settled) = fact(writer, name).await? {
        return Ok(settled);
    }
    sqlx::query("insert into meta (name, value) values ($1, $2) on conflict do nothing")
        .bind(name)
        .bind(value)
        .execute(&mut *writer)
        .await
        .during("remember a fact")?;
    sqlx::query_scalar("select value from meta where name = $1")
        .bind(name)
        .fetch_one(writer)
        .await
        .during("read a fact")
}

pub(super) async fn fact(reader: &mut SqliteConnection, name: &str) -> Result<Option<String>> {
    sqlx::query_scalar("select value from meta where name = $1")
        .bind(name)
        .fetch_optional(reader)
        .await
        .during("read a fact about the store")
}

pub(super) async fn set_fact(writer: &mut SqliteConnection, name: &str, value: &str) -> Result<()> {
    sqlx::query(
        "insert into meta (name, value) values ($1, $2)
         on conflict (name) do update set value = excluded.value",
    )
    .bind(name)
    .bind(value)
    .execute(writer)
    .await
    .during("keep a fact about the store")?;
    Ok(())
}

pub(super) async fn add(
    writer: &mut SqliteConnection,
    kind: RequestKind,
    argument: &str,
    now: DateTime<Utc>,
) -> Result<i64> {
    sqlx::query_scalar(
        "insert into request (kind, argument, requested_at) values ($1, $2, $3) returning id",
    )
    .bind(kind.as_str())
    .bind(argument)
    .bind(now.timestamp())
    .fetch_one(writer)
    .await
    .during("add a request")
}

pub(super) async fn take(
    writer: &mut SqliteConnection,
    now: DateTime<Utc>,
) -> Result<Option<Request>> {
    let row: Option<(i64, String, String)> = sqlx::query_as(
        "update request set taken_at = $1
         where id = (select min(id) from request where finished_at is null and taken_at is null)
         returning id, kind, argument",
    )
    .bind(now.timestamp())
    .fetch_optional(writer)
    .await
    .during("take a request")?;
    row.map(|(id, kind, argument)| {
        let kind = match kind.as_str() {
            "scan" => RequestKind::Scan,
            "send" => RequestKind::Send,
            _ => return Err(StoreError::Value { what: "request", value: kind }),
        };
        Ok(Request { id, kind, argument })
    })
    .transpose()
}

pub(super) async fn finish(
    writer: &mut SqliteConnection,
    id: i64,
    outcome: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query("update request set finished_at = $2, outcome = $3 where id = $1")
        .bind(id)
        .bind(now.timestamp())
        .bind(outcome)
        .execute(writer)
        .await
        .during("finish a request")?;
    Ok(())
}

pub(super) async fn outcome(reader: &mut SqliteConnection, id: i64) -> Result<Option<String>> {
    sqlx::query_scalar("select outcome from request where id = $1 and finished_at is not null")
        .bind(id)
        .fetch_optional(reader)
        .await
        .during("read a request")
}
