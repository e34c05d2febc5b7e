//! Remembers what a scan found: entries, revisions, numbered changes, holds.
//!
//! A first scan brings tens of thousands of rows, so one statement takes in many.

use chrono::{DateTime, Utc};
use serde_json::{Value, json as array};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{During, Result, catalogue, json};
use crate::catalogue::{Acceptance, NewChange, Step};
use crate::feeds::facets::Facets;
use crate::model::{Entry, Timestamp};
use crate::store::{Change, ScanRecord};

/// Steps that are looked at together.
const PAGE: usize = 2_000;
/// Rows of one statement with a bound value for each column.
const ROWS: usize = 100;

/// Applies the steps of a scan in order, and numbers the changes among them.
pub(super) async fn apply(
    writer: &mut SqliteConnection,
    steps: &[Step],
    now: DateTime<Utc>,
) -> Result<Vec<Change>> {
    free_paths(writer, steps).await?;
    let mut next_row = newest(writer, "select coalesce(max(id), 0) from entry").await?;
    let mut seq = newest(writer, "select coalesce(max(seq), 0) from change").await?;
    let mut changes = Vec::new();
    for page in steps.chunks(PAGE) {
        let mut accepted = Vec::new();
        let mut states = Vec::new();
        let mut missing = Vec::new();
        let mut numbered = Vec::new();
        for step in page {
            let (row, revision, change) = match step {
                Step::Accept(acceptance) => {
                    let row = acceptance.row.unwrap_or_else(|| {
                        next_row += 1;
                        next_row
                    });
                    accepted.push((row, acceptance.as_ref()));
                    (row, Some(acceptance.entry.revision), acceptance.change.as_ref())
                }
                Step::Settle { row, state, change, .. } => {
                    states.push(array!([row, state.as_str()]));
                    (*row, None, change.as_ref())
                }
                Step::Missing { row, scans } => {
                    missing.push(array!([row, scans]));
                    continue;
                }
                Step::Found { row } => {
                    missing.push(array!([row, 0]));
                    continue;
                }
            };
            if let Some(NewChange { class, tell, note }) = change {
                seq += 1;
                numbered.push((seq, row, class.as_str(), tell.as_str(), note, revision));
                changes.push(Change { seq, class: *class, tell: *tell });
            }
        }
        accept(writer, &accepted, now).await?;
        keep_new_bodies(writer, page).await?;
        set_states(writer, &states).await?;
        set_missing(writer, &missing).await?;
        number(writer, &numbered, now).await?;
    }
    Ok(changes)
}

async fn newest(writer: &mut SqliteConnection, question: &'static str) -> Result<i64> {
    sqlx::query_scalar(question).fetch_one(writer).await.during("read the newest number")
}

/// A file that is news of its own now frees the path of the entry before it; and where two
/// files changed places, neither finds its path taken.
async fn free_paths(writer: &mut SqliteConnection, steps: &[Step]) -> Result<()> {
    let paths: Vec<&str> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Accept(acceptance) => Some(acceptance.path.as_str()),
            _ => None,
        })
        .collect();
    for page in paths.chunks(PAGE) {
        sqlx::query("update entry set path = null where path in (select value from json_each($1))")
            .bind(json(&page))
            .execute(&mut *writer)
            .await
            .during("accept entries")?;
    }
    Ok(())
}

/// Takes in entries by row, with a revision each.
async fn accept(
    writer: &mut SqliteConnection,
    accepted: &[(i64, &Acceptance)],
    now: DateTime<Utc>,
) -> Result<()> {
    let mut pages = accepted.chunks(ROWS).map(|rows| statements(rows, now));
    let mut next = pages.next();
    while let Some([mut entries, mut revisions]) = next {
        let running = async {
            entries.build().execute(&mut *writer).await.during("accept entries")?;
            revisions.build().execute(&mut *writer).await.during("accept entries")
        };
        // The next page is made ready while the database works on this one.
        let (done, following) = tokio::join!(running, async { pages.next() });
        done?;
        next = following;
    }
    Ok(())
}

/// What takes in a page of entries and their revisions. Columns are bound one by one: as JSON,
/// taking long texts apart again costs more than all else of a first scan's writing.
fn statements(rows: &[(i64, &Acceptance)], now: DateTime<Utc>) -> [QueryBuilder<Sqlite>; 2] {
    let mut entries = QueryBuilder::new(
        "insert into entry (id, iri, path, state, revision, kind, published_at,
             published_offset, updated_at, updated_offset, published_source, expires_at,
             source_hash, acted, link, facets, first_accepted_at) ",
    );
    entries.push_values(rows, |mut columns, (row, acceptance)| {
        let entry = acceptance.entry.as_ref();
        let offset = |at: Timestamp| i64::from(at.offset().local_minus_utc());
        columns
            .push_bind(*row)
            .push_bind(entry.id.as_str())
            .push_bind(acceptance.path.as_str())
            .push_bind(acceptance.state.as_str())
            .push_bind(entry.revision)
            .push_bind(entry.kind.as_str())
            .push_bind(entry.published.timestamp())
            .push_bind(offset(entry.published))
            .push_bind(entry.updated.timestamp())
            .push_bind(offset(entry.updated))
            .push_bind(json(&acceptance.published_source))
            .push_bind(acceptance.expires_at.map(|at| at.timestamp()))
            .push_bind(acceptance.source_hash.as_str())
            .push_bind(json(&acceptance.acted))
            .push_bind(entry.link.as_str())
            .push_bind(json(&Facets::of(entry)))
            .push_bind(now.timestamp());
    });
    entries.push(
        " on conflict (id) do update set path = excluded.path, state = excluded.state,
             revision = excluded.revision, kind = excluded.kind,
             published_at = excluded.published_at,
             published_offset = excluded.published_offset, updated_at = excluded.updated_at,
             updated_offset = excluded.updated_offset,
             published_source = excluded.published_source, expires_at = excluded.expires_at,
             source_hash = excluded.source_hash, acted = excluded.acted,
             link = excluded.link, facets = excluded.facets, missing_scans = 0,
             stands_at = coalesce(entry.stands_at, entry.updated_at)",
    );
    let mut revisions = QueryBuilder::new(
        "insert into revision (entry_id, revision, fields, body_hash, accepted_at) ",
    );
    revisions.push_values(rows, |mut columns, (row, acceptance)| {
        columns
            .push_bind(*row)
            .push_bind(acceptance.entry.revision)
            .push_bind(fields(&acceptance.entry))
            .push_bind(acceptance.body_hash.as_deref())
            .push_bind(now.timestamp());
    });
    [entries, revisions]
}

/// An entry as `revision.fields` has it: without its body.
fn fields(entry: &Entry) -> String {
    if entry.content_html.is_empty() && entry.content_text.is_empty() {
        return json(entry);
    }
    json(&Entry { content_html: String::new(), content_text: String::new(), ..entry.clone() })
}

/// Stores the bodies that came along; where a scan let them go, what wants one makes it.
async fn keep_new_bodies(writer: &mut SqliteConnection, steps: &[Step]) -> Result<()> {
    for step in steps {
        let Step::Accept(acceptance) = step else { continue };
        let Entry { content_html, content_text, .. } = acceptance.entry.as_ref();
        if let Some(hash) = acceptance.body_hash.as_ref().filter(|_| !content_html.is_empty()) {
            catalogue::keep_body(writer, hash, content_html, content_text).await?;
        }
    }
    Ok(())
}

async fn set_states(writer: &mut SqliteConnection, rows: &[Value]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update entry set state = j.value ->> 1, missing_scans = 0
         from json_each($1) as j where entry.id = j.value ->> 0",
    )
    .bind(json(&rows))
    .execute(writer)
    .await
    .during("change the state of entries")?;
    Ok(())
}

async fn set_missing(writer: &mut SqliteConnection, rows: &[Value]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update entry set missing_scans = j.value ->> 1
         from json_each($1) as j where entry.id = j.value ->> 0",
    )
    .bind(json(&rows))
    .execute(writer)
    .await
    .during("note missing files")?;
    Ok(())
}

/// Number, entry, class, whom it is told, note; the revision where it is not the newest.
type NumberedRow<'a> = (i64, i64, &'static str, &'static str, &'a Option<String>, Option<i64>);

/// Gives changes their numbers. They are never deleted, so no number is used twice.
async fn number(
    writer: &mut SqliteConnection,
    rows: &[NumberedRow<'_>],
    now: DateTime<Utc>,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into change (seq, entry_id, revision, class, tell, numbered_at, note)
         select j.value ->> 0, e.id, coalesce(j.value ->> 5, e.revision), j.value ->> 2,
             j.value ->> 3, $2, j.value ->> 4
         from json_each($1) as j join entry e on e.id = j.value ->> 1",
    )
    .bind(json(&rows))
    .bind(now.timestamp())
    .execute(writer)
    .await
    .during("number changes")?;
    Ok(())
}

/// Remembers what a scan holds back, and forgets what needs no holding any more.
pub(super) async fn hold(
    writer: &mut SqliteConnection,
    scan: &ScanRecord,
    now: DateTime<Utc>,
) -> Result<()> {
    let action = "remember a hold";
    // A hold that was let go while this scan went on is for the next one to take up.
    sqlx::query(
        "delete from hold_item where path in (select value from json_each($1))
             or hold_id in (select value from json_each($2))",
    )
    .bind(json(&scan.resolved))
    .bind(json(&scan.taken_up))
    .execute(&mut *writer)
    .await
    .during(action)?;
    sqlx::query(
        "update hold set released_at = $1, released_by = 'the files are as they were'
         where kind = 'mass_change' and released_at is null
             and not exists (select 1 from hold_item h where h.hold_id = hold.id)",
    )
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?;
    let Some(hold) = &scan.hold else { return Ok(()) };
    let id: i64 = sqlx::query_scalar(
        "insert into hold (kind, subject, reason, created_at)
         values ('mass_change', 'scan', $1, $2) returning id",
    )
    .bind(&hold.reason)
    .bind(now.timestamp())
    .fetch_one(&mut *writer)
    .await
    .during(action)?;
    for page in hold.items.chunks(PAGE) {
        let rows: Vec<_> = page.iter().map(|item| (&item.path, item.what.as_str())).collect();
        sqlx::query(
            "insert into hold_item (path, hold_id, what)
             select j.value ->> 0, $2, j.value ->> 1 from json_each($1) as j where true
             on conflict (path) do update set hold_id = excluded.hold_id, what = excluded.what",
        )
        .bind(json(&rows))
        .bind(id)
        .execute(&mut *writer)
        .await
        .during(action)?;
    }
    Ok(())
}
