//! Entries as readers see them, and the numbered changes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, from_json, json};
use crate::model::{Entry, Seq};
use crate::store::{Body, BodyAtSource, ToldChange};

pub(super) async fn public_entries(reader: &mut SqliteConnection) -> Result<Vec<Entry>> {
    let rows: Vec<String> = sqlx::query_scalar(
        "select r.fields from entry e
         join revision r on r.entry_id = e.id and r.revision = e.revision
         where e.state not in ('waiting', 'removed') order by e.updated_at desc, e.iri",
    )
    .fetch_all(reader)
    .await
    .during("read the entries")?;
    rows.iter().map(|fields| from_json("entry", fields)).collect()
}

pub(super) async fn fill_bodies(
    reader: &mut SqliteConnection,
    entries: &mut [Entry],
) -> Result<Vec<BodyAtSource>> {
    #[derive(FromRow)]
    struct Row {
        position: i64,
        id: i64,
        path: Option<String>,
        source_hash: String,
        body_hash: Option<String>,
        html: Option<String>,
        text: Option<String>,
    }
    let asked: Vec<(&str, i64)> = entries.iter().map(|e| (e.id.as_str(), e.revision)).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "select j.key as position, e.id, e.path, e.source_hash, r.body_hash, b.html, b.text
         from json_each($1) as j join entry e on e.iri = j.value ->> 0
         join revision r on r.entry_id = e.id and r.revision = j.value ->> 1
         left join body b on b.hash = r.body_hash order by j.key",
    )
    .bind(json(&asked))
    .fetch_all(reader)
    .await
    .during("read bodies")?;
    let mut missing = Vec::new();
    for Row { position, id: row, path, source_hash, body_hash, html, text } in rows {
        let index = usize::try_from(position).unwrap_or(usize::MAX);
        match (html, text, entries.get_mut(index)) {
            (Some(html), Some(text), Some(entry)) => {
                entry.content_html = html;
                entry.content_text = text;
            }
            _ => missing.push(BodyAtSource { index, row, path, source_hash, body_hash }),
        }
    }
    Ok(missing)
}

pub(super) async fn keep_made(writer: &mut SqliteConnection, bodies: &[Body]) -> Result<()> {
    for Body { row, revision, hash, html, text } in bodies {
        keep_body(writer, hash, html, text).await?;
        sqlx::query(
            "update revision set body_hash = $3
             where entry_id = $1 and revision = $2 and body_hash is null",
        )
        .bind(row)
        .bind(revision)
        .bind(hash)
        .execute(&mut *writer)
        .await
        .during("store a body")?;
    }
    Ok(())
}

/// Stores a body; one that is there already is left alone.
pub(super) async fn keep_body(
    writer: &mut SqliteConnection,
    hash: &str,
    html: &str,
    text: &str,
) -> Result<()> {
    sqlx::query("insert into body (hash, html, text) values ($1, $2, $3) on conflict do nothing")
        .bind(hash)
        .bind(html)
        .bind(text)
        .execute(writer)
        .await
        .during("store a body")?;
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
    groups: Option<&[String]>,
) -> Result<Vec<ToldChange>> {
    #[derive(FromRow)]
    struct Row {
        seq: i64,
        entry_id: i64,
        told_revision: i64,
        body_hash: String,
        fields: String,
        /// What is new, where the author did not say so.
        note: Option<String>,
    }
    // The hash of the body as written, where there is one: it is there before the body is.
    let rows: Vec<Row> = sqlx::query_as(
        "select c.seq, c.entry_id, c.revision as told_revision,
             coalesce(nullif(e.source_hash, ''), r.body_hash, '') as body_hash, r.fields,
             iif(c.class = 'major', c.note, null) as note
         from change c
         join entry e on e.id = c.entry_id and e.state = 'public'
         join revision r on r.entry_id = e.id and r.revision = e.revision
         where c.tell = 'followers' and $1 < c.seq and c.seq <= $2
           and not exists (select 1 from change n where n.entry_id = c.entry_id
                and n.tell = 'followers' and c.seq < n.seq and n.seq <= $2)
           and ($3 is null or json_extract(r.fields, '$.translation_key')
                in (select value from json_each($3)))
         order by c.seq",
    )
    .bind(after)
    .bind(upto)
    .bind(groups.map(|groups| json(&groups)))
    .fetch_all(reader)
    .await
    .during("read the changes")?;
    rows.into_iter()
        .map(|row| {
            let mut entry: Entry = from_json("entry", &row.fields)?;
            // An older note may stand in the file still.
            entry.notes.change = row.note.or(entry.notes.change.take());
            // Who has the text that was wrong is told by a mail of its own.
            entry.notes.correction = None;
            Ok(ToldChange {
                seq: row.seq,
                row: row.entry_id,
                told_revision: row.told_revision,
                body_hash: row.body_hash,
                entry,
            })
        })
        .collect()
}
