//! Entries, revisions and the numbered changes.

use std::collections::HashMap;

use chrono::{DateTime, FixedOffset, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, from_json, json, moment};
use crate::catalogue::{Acceptance, EntryState, KnownEntry, NewChange, Step};
use crate::model::{Entry, EntryId, Seq, Timestamp};
use crate::store::{Change, StoreError, ToldChange};

pub(super) async fn known_entries(reader: &mut SqliteConnection) -> Result<Vec<KnownEntry>> {
    #[derive(FromRow)]
    struct Row {
        id: i64,
        path: Option<String>,
        state: String,
        published_source: String,
        expires_at: Option<i64>,
        fingerprint: String,
        body_hash: String,
        acted: String,
        missing_scans: i64,
        fields: String,
        was_public: bool,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select e.id, e.path, e.state, e.published_source, e.expires_at, e.fingerprint,
                e.body_hash, e.acted, e.missing_scans, r.fields,
                exists (select 1 from change c where c.entry_id = e.id) as was_public
         from entry e join revision r on r.entry_id = e.id and r.revision = e.revision
         order by e.id",
    )
    .fetch_all(reader)
    .await
    .during("read the catalogue")?;
    rows.into_iter()
        .map(|row| {
            let state = row.state.parse::<EntryState>().map_err(|()| StoreError::Value {
                what: "entry state",
                value: row.state.clone(),
            })?;
            Ok(KnownEntry {
                row: row.id,
                entry: from_json("entry", &row.fields)?,
                path: row.path,
                state,
                published_source: from_json("publication source", &row.published_source)?,
                expires_at: row.expires_at.map(in_utc),
                fingerprint: row.fingerprint,
                body_hash: row.body_hash,
                acted: from_json("notes", &row.acted)?,
                missing_scans: u32::try_from(row.missing_scans).unwrap_or(u32::MAX),
                was_public: row.was_public,
            })
        })
        .collect()
}

fn in_utc(seconds: i64) -> Timestamp {
    moment(seconds).with_timezone(&FixedOffset::east_opt(0).expect("UTC is an offset"))
}

/// Applies the steps of a scan in order, and numbers the changes among them.
pub(super) async fn apply(
    writer: &mut SqliteConnection,
    steps: &[Step],
    now: DateTime<Utc>,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for step in steps {
        match step {
            Step::Accept(acceptance) => {
                let row = accept(writer, acceptance, now).await?;
                if let Some(change) = &acceptance.change {
                    changes.push(number(writer, row, change, now).await?);
                }
            }
            Step::Settle { row, state, change } => {
                set_state(writer, *row, *state).await?;
                if let Some(change) = change {
                    changes.push(number(writer, *row, change, now).await?);
                }
            }
            Step::Missing { row, scans } => set_missing(writer, *row, *scans).await?,
            Step::Found { row } => set_missing(writer, *row, 0).await?,
        }
    }
    Ok(changes)
}

async fn accept(
    writer: &mut SqliteConnection,
    acceptance: &Acceptance,
    now: DateTime<Utc>,
) -> Result<i64> {
    let action = "accept an entry";
    let Acceptance { row, path, state, entry, .. } = acceptance;
    // A file that is news of its own now frees the path of the removed entry before it.
    sqlx::query("update entry set path = null where path = $1 and iri <> $2")
        .bind(path)
        .bind(entry.id.as_str())
        .execute(&mut *writer)
        .await
        .during(action)?;
    let source = json(&acceptance.published_source);
    let id: i64 = if let Some(row) = row {
        sqlx::query_scalar(
            "update entry set path = $2, state = $3, revision = $4, kind = $5,
                 published_at = $6, published_offset = $7, published_source = $8,
                 updated_at = $9, updated_offset = $10, expires_at = $11, fingerprint = $12,
                 body_hash = $13, acted = $14, missing_scans = 0
             where id = $1 returning id",
        )
        .bind(row)
    } else {
        sqlx::query_scalar(
            "insert into entry (iri, path, state, revision, kind, published_at,
                 published_offset, published_source, updated_at, updated_offset, expires_at,
                 fingerprint, body_hash, acted, first_accepted_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
             returning id",
        )
        .bind(entry.id.as_str())
    }
    .bind(path)
    .bind(state.as_str())
    .bind(entry.revision)
    .bind(entry.kind.as_str())
    .bind(entry.published.timestamp())
    .bind(i64::from(entry.published.offset().local_minus_utc()))
    .bind(source)
    .bind(entry.updated.timestamp())
    .bind(i64::from(entry.updated.offset().local_minus_utc()))
    .bind(acceptance.expires_at.map(|at| at.timestamp()))
    .bind(&acceptance.fingerprint)
    .bind(&acceptance.body_hash)
    .bind(json(&acceptance.acted))
    .bind(now.timestamp())
    .fetch_one(&mut *writer)
    .await
    .during(action)?;
    sqlx::query("insert into body (hash, html, text) values ($1, $2, $3) on conflict do nothing")
        .bind(&acceptance.body_hash)
        .bind(&entry.content_html)
        .bind(&entry.content_text)
        .execute(&mut *writer)
        .await
        .during(action)?;
    let fields =
        Entry { content_html: String::new(), content_text: String::new(), ..entry.clone() };
    sqlx::query(
        "insert into revision (entry_id, revision, fields, body_hash, accepted_at)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(id)
    .bind(entry.revision)
    .bind(json(&fields))
    .bind(&acceptance.body_hash)
    .bind(now.timestamp())
    .execute(writer)
    .await
    .during(action)?;
    Ok(id)
}

async fn set_state(writer: &mut SqliteConnection, row: i64, state: EntryState) -> Result<()> {
    sqlx::query("update entry set state = $2, missing_scans = 0 where id = $1")
        .bind(row)
        .bind(state.as_str())
        .execute(writer)
        .await
        .during("change an entry's state")?;
    Ok(())
}

async fn set_missing(writer: &mut SqliteConnection, row: i64, scans: u32) -> Result<()> {
    sqlx::query("update entry set missing_scans = $2 where id = $1")
        .bind(row)
        .bind(i64::from(scans))
        .execute(writer)
        .await
        .during("note a missing file")?;
    Ok(())
}

/// Gives a change the next number. Changes are never deleted, so no number is used twice.
async fn number(
    writer: &mut SqliteConnection,
    row: i64,
    change: &NewChange,
    now: DateTime<Utc>,
) -> Result<Change> {
    let (seq, revision, iri): (i64, i64, String) = sqlx::query_as(
        "insert into change (seq, entry_id, revision, class, tell, numbered_at, note)
         select coalesce((select max(seq) from change), 0) + 1, e.id, e.revision, $2, $3, $4, $5
         from entry e where e.id = $1
         returning seq, revision, (select iri from entry where id = entry_id)",
    )
    .bind(row)
    .bind(change.class.as_str())
    .bind(change.tell.as_str())
    .bind(now.timestamp())
    .bind(&change.note)
    .fetch_one(writer)
    .await
    .during("number a change")?;
    Ok(Change { seq, entry: EntryId::new(iri), revision, class: change.class, tell: change.tell })
}

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

pub(super) async fn fill_bodies(
    reader: &mut SqliteConnection,
    entries: &mut [Entry],
) -> Result<()> {
    for entry in entries {
        let body: Option<(String, String)> = sqlx::query_as(
            "select b.html, b.text from entry e
             join revision r on r.entry_id = e.id and r.revision = $2
             join body b on b.hash = r.body_hash
             where e.iri = $1",
        )
        .bind(entry.id.as_str())
        .bind(entry.revision)
        .fetch_optional(&mut *reader)
        .await
        .during("read a body")?;
        if let Some((html, text)) = body {
            entry.content_html = html;
            entry.content_text = text;
        }
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
