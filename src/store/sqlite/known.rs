//! What a scan asks before it compares.

use std::collections::HashSet;

use chrono::{DateTime, FixedOffset, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::content::UNREAD;
use super::{During, Result, from_json, json, moment};
use crate::catalogue::{About, Address, EntryState, Known, KnownEntry, Replacement};
use crate::model::{EntryId, Timestamp};
use crate::store::{StoreError, Suspects};

#[derive(FromRow)]
struct Row {
    id: i64,
    path: Option<String>,
    state: String,
    published_source: String,
    expires_at: Option<i64>,
    source_hash: String,
    body_hash: Option<String>,
    acted: String,
    missing_scans: i64,
    fields: String,
    was_public: bool,
}

impl Row {
    fn known(self) -> Result<KnownEntry> {
        let state = self
            .state
            .parse::<EntryState>()
            .map_err(|()| StoreError::Value { what: "entry state", value: self.state.clone() })?;
        Ok(KnownEntry {
            row: self.id,
            entry: from_json("entry", &self.fields)?,
            path: self.path,
            state,
            published_source: from_json("publication source", &self.published_source)?,
            expires_at: self.expires_at.map(in_utc),
            source_hash: self.source_hash,
            body_hash: self.body_hash,
            acted: from_json("notes", &self.acted)?,
            missing_scans: u32::try_from(self.missing_scans).unwrap_or(u32::MAX),
            was_public: self.was_public,
        })
    }
}

fn in_utc(seconds: i64) -> Timestamp {
    moment(seconds).with_timezone(&FixedOffset::east_opt(0).expect("UTC is an offset"))
}

pub(super) async fn known_entries(reader: &mut SqliteConnection) -> Result<Vec<KnownEntry>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select e.id, e.path, e.state, e.published_source, e.expires_at, e.source_hash,
             r.body_hash, e.acted,
             e.missing_scans, r.fields,
             exists (select 1 from change c where c.entry_id = e.id) as was_public
         from entry e join revision r on r.entry_id = e.id and r.revision = e.revision
         order by e.id",
    )
    .fetch_all(reader)
    .await
    .during("read the catalogue")?;
    rows.into_iter().map(Row::known).collect()
}

pub(super) async fn known(reader: &mut SqliteConnection, about: &About) -> Result<Known> {
    let ids: Vec<&str> = about.ids.iter().map(EntryId::as_str).collect();
    let rows: Vec<Row> = sqlx::query_as(
        "with touched as (
             select e.id from json_each($1) as j join entry e on e.path = j.value
             union select e.id from json_each($2) as j join entry e on e.iri = j.value
             union select id from entry where missing_scans > 0
             union select id from entry where state = 'waiting' and published_at <= $3
             union select id from entry where expires_at <= $3 and state <> 'removed'
             union select id from entry where state = 'withdrawn' and updated_at <= $4)
         select e.id, e.path, e.state, e.published_source, e.expires_at, e.source_hash,
             r.body_hash, e.acted,
             e.missing_scans, r.fields,
             exists (select 1 from change c where c.entry_id = e.id) as was_public
         from touched t join entry e on e.id = t.id
         join revision r on r.entry_id = e.id and r.revision = e.revision
         order by e.id",
    )
    .bind(json(&about.paths))
    .bind(json(&ids))
    .bind(about.now.timestamp())
    .bind(about.notices_until.timestamp())
    .fetch_all(&mut *reader)
    .await
    .during("read the catalogue")?;
    let current: i64 = sqlx::query_scalar("select count(*) from entry where state <> 'removed'")
        .fetch_one(&mut *reader)
        .await
        .during("count the entries")?;
    Ok(Known {
        entries: rows.into_iter().map(Row::known).collect::<Result<_>>()?,
        taken_ids: taken_ids(reader, about).await?,
        taken_seconds: taken_seconds(reader, &about.spans).await?,
        current: current.cast_unsigned(),
    })
}

/// Which choices are in use, and with them every number that was put behind one.
async fn taken_ids(reader: &mut SqliteConnection, about: &About) -> Result<HashSet<EntryId>> {
    let asked: Vec<&str> = about.id_choices.iter().chain(&about.ids).map(EntryId::as_str).collect();
    let taken: Vec<String> =
        sqlx::query_scalar("select e.iri from json_each($1) as j join entry e on e.iri = j.value")
            .bind(json(&asked))
            .fetch_all(&mut *reader)
            .await
            .during("read the ids in use")?;
    // `.` follows `-` in ASCII: between the two lies every id with a hyphen behind it.
    let numbered: Vec<String> = sqlx::query_scalar(
        "select e.iri from json_each($1) as j
         join entry e on e.iri > j.value || '-' and e.iri < j.value || '.'",
    )
    .bind(json(&taken))
    .fetch_all(reader)
    .await
    .during("read the ids in use")?;
    Ok(taken.into_iter().chain(numbered).map(EntryId::new).collect())
}

async fn taken_seconds(
    reader: &mut SqliteConnection,
    spans: &[(i64, i64)],
) -> Result<HashSet<i64>> {
    let seconds: Vec<i64> = sqlx::query_scalar(
        "select e.published_at from json_each($1) as j
         join entry e on e.published_at >= j.value ->> 0 and e.published_at < j.value ->> 1
         union select e.updated_at from json_each($1) as j
         join entry e on e.updated_at >= j.value ->> 0 and e.updated_at < j.value ->> 1",
    )
    .bind(json(&spans))
    .fetch_all(reader)
    .await
    .during("read the seconds in use")?;
    Ok(seconds.into_iter().collect())
}

pub(super) async fn suspects(reader: &mut SqliteConnection, links: &[&str]) -> Result<Suspects> {
    // An address is shared anew where an entry came to it, and no longer where it was told of.
    let addresses: Vec<(String, String)> = sqlx::query_as(
        "with asked as (
             select value as link from json_each($1)
             union select value from problem where position >= $2 and field = 'permalink')
         select e.path, e.link from asked a
         join entry e on e.link = a.link
             and e.path is not null and e.state in ('waiting', 'public')
         where (select count(*) from entry b where b.link = a.link
             and b.path is not null and b.state in ('waiting', 'public')) > 1",
    )
    .bind(json(&links))
    .bind(UNREAD)
    .fetch_all(&mut *reader)
    .await
    .during("compare addresses")?;
    // Few are withdrawn: with a condition on the path, too, all others would be looked at.
    let replacements: Vec<(Option<String>, Option<String>, Option<String>)> = sqlx::query_as(
        "select e.path, e.link, json_extract(r.fields, '$.notes.replaced_by')
         from entry e join revision r on r.entry_id = e.id and r.revision = e.revision
         where e.state = 'withdrawn'",
    )
    .fetch_all(reader)
    .await
    .during("compare notices")?;
    let address = |(path, link)| Address { path, link };
    let replacement = |(path, link, by): (Option<String>, Option<String>, Option<String>)| {
        Some(Replacement { path: path?, link: link?, by: by? })
    };
    Ok(Suspects {
        addresses: addresses.into_iter().map(address).collect(),
        replacements: replacements.into_iter().filter_map(replacement).collect(),
    })
}

pub(super) async fn next_moment(
    reader: &mut SqliteConnection,
    notice_seconds: i64,
) -> Result<Option<DateTime<Utc>>> {
    let next: Option<i64> = sqlx::query_scalar(
        "select min(at) from (
             select min(published_at) as at from entry
                 where state = 'waiting' and missing_scans = 0
             union all select min(expires_at) from entry
                 where expires_at is not null and state <> 'removed' and missing_scans = 0
             union all select min(updated_at) + $1 from entry
                 where state = 'withdrawn' and missing_scans = 0)",
    )
    .bind(notice_seconds)
    .fetch_one(reader)
    .await
    .during("read the next moment")?;
    Ok(next.map(moment))
}

pub(super) async fn has_missing(reader: &mut SqliteConnection) -> Result<bool> {
    // A vanished item on hold stays missing until somebody decides.
    sqlx::query_scalar(
        "select exists (select 1 from entry e where e.missing_scans > 0
             and not exists (select 1 from hold_item h where h.path = e.path))",
    )
    .fetch_one(reader)
    .await
    .during("look for missing files")
}
