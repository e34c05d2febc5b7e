//! What urgent news and reminders are about, whatever people's digests are.

use chrono::NaiveDate;
use sqlx::SqliteConnection;

use super::{During, Result, from_json};
use crate::model::Seq;
use crate::store::ToldChange;

/// The window of a digest begins behind `upto`: nothing before is for it.
pub(super) async fn pass_over(
    writer: &mut SqliteConnection,
    digest: &str,
    upto: Seq,
) -> Result<()> {
    sqlx::query("update digest set registered_seq = $2 where name = $1 and registered_seq < $2")
        .bind(digest)
        .bind(upto)
        .execute(writer)
        .await
        .during("pass over what a digest does not bring")?;
    Ok(())
}

/// Public events that start in these days, by the author's calendar; `seq` stands for the moment.
pub(super) async fn events_starting(
    reader: &mut SqliteConnection,
    (first, last): (NaiveDate, NaiveDate),
    seq: Seq,
) -> Result<Vec<ToldChange>> {
    let rows: Vec<(i64, String, String)> = sqlx::query_as(
        "select e.id, coalesce(nullif(e.source_hash, ''), r.body_hash, ''), r.fields
         from entry e join revision r on r.entry_id = e.id and r.revision = e.revision
         where e.kind = 'event' and e.state = 'public'
           and substr(json_extract(r.fields, '$.event.start'), 1, 10) between $1 and $2
         order by e.id",
    )
    .bind(first.to_string())
    .bind(last.to_string())
    .fetch_all(reader)
    .await
    .during("read the events ahead")?;
    let told = |(row, body_hash, fields): (i64, String, String)| {
        let entry: crate::model::Entry = from_json("entry", &fields)?;
        Ok(ToldChange { seq, row, told_revision: entry.revision, body_hash, entry })
    };
    rows.into_iter().map(told).collect()
}
