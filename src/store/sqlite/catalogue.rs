//! Entries as readers see them, and the numbered changes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, from_json};
use crate::model::{Entry, Seq};
use crate::store::{Body, BodyAtSource, ToldChange};

pub(super) async fn public_entries(reader: &mut SqliteConnection) -> Result<Vec<Entry>> {
    let rows: Vec<String> = sqlx::query_scalar(
        "select r.fields
         from entry e join revision r on r.entry_id = e.id and r.revision = e.revision
         where e.state in ('public', 'withdrawn')
         order by e.updated_at desc, e.iri",
    )
    .fetch_all(reader)
    .await
    .during("read the entries")?;
    rows.iter().map(|fields| from_json("entry", fields)).collect()
}

/// HTML and text where they are stored, path of the file, hash of the body.
type BodyRow = (Option<String>, Option<String>, Option<String>, String);

pub(super) async fn fill_bodies(
    reader: &mut SqliteConnection,
    entries: &mut [Entry],
) -> Result<Vec<BodyAtSource>> {
    let mut missing = Vec::new();
    for (index, entry) in entries.iter_mut().enumerate() {
        let body: Option<BodyRow> = sqlx::query_as(
            "select b.html, b.text, e.path, r.body_hash from entry e
             join revision r on r.entry_id = e.id and r.revision = $2
             left join body b on b.hash = r.body_hash
             where e.iri = $1",
        )
        .bind(entry.id.as_str())
        .bind(entry.revision)
        .fetch_optional(&mut *reader)
        .await
        .during("read a body")?;
        match body {
            Some((Some(html), Some(text), ..)) => {
                entry.content_html = html;
                entry.content_text = text;
            }
            Some((_, _, path, body_hash)) => missing.push(BodyAtSource { index, path, body_hash }),
            None => {}
        }
    }
    Ok(missing)
}

pub(super) async fn keep_bodies(writer: &mut SqliteConnection, bodies: &[Body]) -> Result<()> {
    for body in bodies {
        sqlx::query(
            "insert into body (hash, html, text) values ($1, $2, $3) on conflict do nothing",
        )
        .bind(&body.hash)
        .bind(&body.html)
        .bind(&body.text)
        .execute(&mut *writer)
        .await
        .during("store a body")?;
    }
    Ok(())
}

pub(super) async fn entry_counts(reader: &mut SqliteConnection) -> Result<HashMap<String, u64>> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("select state, count(*) from entry group by state")
            .fetch_all(reader)
            .await
            .during("count the entries")?;
    Ok(rows.into_iter().map(|(state, count)| (state, count.cast_unsigned())).collect())
}

pub(super) async fn newest_seq(
    reader: &mut SqliteConnection,
    before: Option<DateTime<Utc>>,
) -> Result<Seq> {
    sqlx::query_scalar("select coalesce(max(seq), 0) from change where numbered_at < $1")
        .bind(before.map_or(i64::MAX, |moment| moment.timestamp()))
        .fetch_one(reader)
        .await
        .during("read the newest change")
}

pub(super) async fn told_changes(
    reader: &mut SqliteConnection,
    after: Seq,
    upto: Seq,
) -> Result<Vec<ToldChange>> {
    #[derive(FromRow)]
    struct Row {
        seq: i64,
        entry_id: i64,
        told_revision: i64,
        body_hash: String,
        fields: String,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select c.seq, c.entry_id, c.revision as told_revision, r.body_hash, r.fields
         from change c
         join entry e on e.id = c.entry_id and e.state = 'public'
         join revision r on r.entry_id = e.id and r.revision = e.revision
         where c.tell = 'followers' and $1 < c.seq and c.seq <= $2
           and not exists (select 1 from change n where n.entry_id = c.entry_id
                and n.tell = 'followers' and c.seq < n.seq and n.seq <= $2)
         order by c.seq",
    )
    .bind(after)
    .bind(upto)
    .fetch_all(reader)
    .await
    .during("read the changes")?;
    rows.into_iter()
        .map(|row| {
            Ok(ToldChange {
                seq: row.seq,
                row: row.entry_id,
                told_revision: row.told_revision,
                body_hash: row.body_hash,
                entry: from_json("entry", &row.fields)?,
            })
        })
        .collect()
}
