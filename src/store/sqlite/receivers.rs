//! Who got an entry, and what a person got.
//!
//! Deliveries are kept by run and person. From an entry its issues are found by index, and of
//! their runs each delivery is looked at once; a person's deliveries are found by index.

use std::collections::BTreeMap;

use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, moment};
use crate::store::{DeliveredEntry, EntryFound, PersonDelivery, Receiver, RunReceivers};

/// Entries that are named where more than one is meant.
const FOUND: i64 = 21;

/// Receivers that are read at once.
const PAGE: i64 = 5_000;

#[derive(FromRow)]
struct EntryRow {
    id: i64,
    iri: String,
    path: Option<String>,
    link: Option<String>,
    title: String,
    state: String,
    revision: i64,
}

pub(super) async fn entries_like(
    reader: &mut SqliteConnection,
    asked: &str,
) -> Result<Vec<EntryFound>> {
    let exact = entries(
        reader,
        "select e.id, e.iri, e.path, e.link, coalesce(v.fields ->> 'title', '') as title, e.state,
             e.revision
         from entry e left join revision v on v.entry_id = e.id and v.revision = e.revision
         where e.iri = $1 or e.path = $1 or e.link = $1 order by e.updated_at desc limit $2",
        asked,
    );
    let exact = exact.await?;
    if !exact.is_empty() {
        return Ok(exact);
    }
    // `like` compares letters without their case.
    let escaped = asked.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    entries(
        reader,
        "select e.id, e.iri, e.path, e.link, coalesce(v.fields ->> 'title', '') as title, e.state,
             e.revision
         from entry e left join revision v on v.entry_id = e.id and v.revision = e.revision
         where v.fields ->> 'title' like $1 escape '\\' or e.path like $1 escape '\\'
             or e.link like $1 escape '\\' or e.iri like $1 escape '\\'
         order by e.updated_at desc limit $2",
        &format!("%{escaped}%"),
    )
    .await
}

async fn entries(
    reader: &mut SqliteConnection,
    sql: &'static str,
    asked: &str,
) -> Result<Vec<EntryFound>> {
    let rows: Vec<EntryRow> = sqlx::query_as(sql)
        .bind(asked)
        .bind(FOUND)
        .fetch_all(reader)
        .await
        .during("look for an entry")?;
    let found = |row: EntryRow| EntryFound {
        row: row.id,
        id: row.iri,
        path: row.path,
        link: row.link,
        title: row.title,
        state: row.state,
        revision: row.revision,
    };
    Ok(rows.into_iter().map(found).collect())
}

pub(super) async fn by_run(reader: &mut SqliteConnection, entry: i64) -> Result<Vec<RunReceivers>> {
    let rows: Vec<(i64, String, String, i64, String, i64)> = sqlx::query_as(
        "with asked(issue_id, run_id, revision) as materialized (
             select distinct i.id, i.run_id, ie.revision
             from issue_entry ie join issue i on i.id = ie.issue_id where ie.entry_id = $1),
             counted(run_id, revision, state, n) as materialized (
             select d.run_id, a.revision,
                 iif(d.state in ('claimed', 'intent'), 'pending', d.state), count(*)
             from (select distinct run_id from asked) r
             cross join delivery d on d.run_id = r.run_id
             cross join asked a on a.issue_id = d.issue_id
             group by 1, 2, 3)
         select c.run_id, g.name, r.key, c.revision, c.state, c.n
         from counted c join run r on r.id = c.run_id join digest g on g.id = r.digest_id
         order by c.run_id, c.revision, c.state",
    )
    .bind(entry)
    .fetch_all(reader)
    .await
    .during("count who got an entry")?;
    let mut runs: Vec<RunReceivers> = Vec::new();
    for (run, digest, key, revision, state, n) in rows {
        let is_same = |last: &&mut RunReceivers| last.run == run && last.revision == revision;
        let deliveries = match runs.last_mut().filter(is_same) {
            Some(last) => &mut last.deliveries,
            None => {
                let deliveries = BTreeMap::new();
                runs.push(RunReceivers { run, digest, key, revision, deliveries });
                &mut runs.last_mut().expect("one was put there").deliveries
            }
        };
        deliveries.insert(state, n.cast_unsigned());
    }
    Ok(runs)
}

pub(super) async fn receivers(
    reader: &mut SqliteConnection,
    entry: i64,
    run: i64,
    after: i64,
) -> Result<Vec<Receiver>> {
    #[derive(FromRow)]
    struct Row {
        subscriber_id: i64,
        revision: i64,
        state: String,
        changed_at: i64,
        key_id: Option<i64>,
        cipher: Option<Vec<u8>>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "with asked(issue_id, revision) as materialized (
             select i.id, max(ie.revision) from issue_entry ie
             join issue i on i.id = ie.issue_id and i.run_id = $2
             where ie.entry_id = $1 group by i.id)
         select d.subscriber_id,
             (select revision from asked q where q.issue_id = d.issue_id) as revision,
             iif(d.state in ('claimed', 'intent'), 'pending', d.state) as state, d.changed_at,
             a.key_id, a.cipher
         from delivery d left join address a
             on a.subscriber_id = d.subscriber_id and a.version = d.address_version
         where d.run_id = $2 and d.subscriber_id > $3
             and d.issue_id in (select issue_id from asked)
         order by d.subscriber_id limit $4",
    )
    .bind(entry)
    .bind(run)
    .bind(after)
    .bind(PAGE)
    .fetch_all(reader)
    .await
    .during("list who got an entry")?;
    let receiver = |row: Row| Receiver {
        subscriber: row.subscriber_id,
        revision: row.revision,
        state: row.state,
        changed_at: moment(row.changed_at),
        address: row.key_id.zip(row.cipher),
    };
    Ok(rows.into_iter().map(receiver).collect())
}

pub(super) async fn of_person(
    reader: &mut SqliteConnection,
    subscriber: i64,
) -> Result<Vec<PersonDelivery>> {
    #[derive(FromRow)]
    struct Row {
        run_id: i64,
        digest: String,
        key: String,
        subject: String,
        state: String,
        reason: Option<String>,
        dated_at: i64,
        changed_at: i64,
        feed: Option<String>,
        iri: Option<String>,
        revision: Option<i64>,
        title: Option<String>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select d.run_id, g.name as digest, r.key, i.subject,
             iif(d.state in ('claimed', 'intent'), 'pending', d.state) as state, d.reason,
             d.dated_at, d.changed_at, ie.feed, e.iri, ie.revision, v.fields ->> 'title' as title
         from delivery d
         join run r on r.id = d.run_id
         join digest g on g.id = r.digest_id
         join issue i on i.id = d.issue_id
         left join issue_entry ie on ie.issue_id = d.issue_id
         left join entry e on e.id = ie.entry_id
         left join revision v on v.entry_id = ie.entry_id and v.revision = ie.revision
         where d.subscriber_id = $1
         order by d.run_id, ie.position",
    )
    .bind(subscriber)
    .fetch_all(reader)
    .await
    .during("list what a person got")?;
    let mut deliveries: Vec<PersonDelivery> = Vec::new();
    for row in rows {
        let entry = row.iri.zip(row.revision).map(|(id, revision)| DeliveredEntry {
            id,
            title: row.title.unwrap_or_default(),
            feed: row.feed.unwrap_or_default(),
            revision,
        });
        if deliveries.last().is_none_or(|last| last.run != row.run_id) {
            deliveries.push(PersonDelivery {
                run: row.run_id,
                digest: row.digest,
                key: row.key,
                subject: row.subject,
                state: row.state,
                reason: row.reason,
                made_at: moment(row.dated_at),
                changed_at: moment(row.changed_at),
                entries: Vec::new(),
            });
        }
        deliveries.last_mut().expect("one was put there").entries.extend(entry);
    }
    Ok(deliveries)
}
