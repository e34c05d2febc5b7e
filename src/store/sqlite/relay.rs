//! Why no mail goes out, as a daemon that sends leaves it for those who ask.

use sqlx::SqliteConnection;

use super::{During, Result, moment};
use crate::store::RelayFault;

pub(super) async fn failed(writer: &mut SqliteConnection, fault: &RelayFault) -> Result<()> {
    sqlx::query(
        "insert or replace into relay_fault (id, since_at, tries, next_at, error, hint)
         values (1, $1, $2, $3, $4, $5)",
    )
    .bind(fault.since.timestamp())
    .bind(fault.tries)
    .bind(fault.next_at.timestamp())
    .bind(&fault.error)
    .bind(&fault.hint)
    .execute(writer)
    .await
    .during("remember why no mail goes out")?;
    Ok(())
}

pub(super) async fn works(writer: &mut SqliteConnection) -> Result<()> {
    sqlx::query("delete from relay_fault")
        .execute(writer)
        .await
        .during("remember that mail goes out")?;
    Ok(())
}

pub(super) async fn fault(reader: &mut SqliteConnection) -> Result<Option<RelayFault>> {
    let row: Option<(i64, u32, i64, String, Option<String>)> =
        sqlx::query_as("select since_at, tries, next_at, error, hint from relay_fault")
            .fetch_optional(reader)
            .await
            .during("read why no mail goes out")?;
    Ok(row.map(|(since_at, tries, next_at, error, hint)| RelayFault {
        since: moment(since_at),
        tries,
        next_at: moment(next_at),
        error,
        hint,
    }))
}
