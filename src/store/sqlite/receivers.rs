//! Who got an entry, what a person got, and what was decided about a run.
//!
//! Deliveries are kept by run and person. From an entry its issues are found by index, and of
//! their runs each delivery is looked at once; a person's deliveries are found by index.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, from_json, moment};
use crate::audit::Said;
use crate::store::{
    Decision, DeliveredEntry, EntryFound, IssueLine, PersonDelivery, ReceivedCopy, RunAudit,
    RunReceivers,
};

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
    let action = "count who got an entry";
    let rows: Vec<(i64, String, String, i64)> = sqlx::query_as(
        "select distinct r.id, g.name, r.key, ie.revision
         from issue_entry ie join issue i on i.id = ie.issue_id
         join run r on r.id = i.run_id join digest g on g.id = r.digest_id
         where ie.entry_id = $1 order by r.id, ie.revision",
    )
    .bind(entry)
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    let mut runs = Vec::with_capacity(rows.len());
    for (run, digest, key, revision) in rows {
        // One pass for each: joined with its issues, or in groups, a million deliveries take nine
        // times as long.
        let counts: String = sqlx::query_scalar(
            "with asked(issue_id) as materialized (
                 select i.id from issue_entry ie
                 join issue i on i.id = ie.issue_id and i.run_id = $2
                 where ie.entry_id = $1 and ie.revision = $3)
             select json_object(
                 'accepted', count(*) filter (where state = 'accepted'),
                 'uncertain', count(*) filter (where state = 'uncertain'),
                 'rejected', count(*) filter (where state = 'rejected'),
                 'cancelled', count(*) filter (where state = 'cancelled'),
                 'rehearsed', count(*) filter (where state = 'rehearsed'),
                 'pending', count(*) filter (where state in ('pending', 'claimed', 'intent')))
             from delivery where run_id = $2 and issue_id in asked",
        )
        .bind(entry)
        .bind(run)
        .bind(revision)
        .fetch_one(&mut *reader)
        .await
        .during(action)?;
        let mut deliveries: BTreeMap<String, u64> = from_json("counts of an entry", &counts)?;
        deliveries.retain(|_, count| *count > 0);
        if !deliveries.is_empty() {
            runs.push(RunReceivers { run, digest, key, revision, deliveries });
        }
    }
    Ok(runs)
}

pub(super) async fn receivers(
    reader: &mut SqliteConnection,
    entry: i64,
    run: i64,
    after: i64,
) -> Result<Vec<ReceivedCopy>> {
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
    let receiver = |row: Row| ReceivedCopy {
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
        reply: Option<String>,
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
             d.reply, d.dated_at, d.changed_at, ie.feed, e.iri, ie.revision, v.fields ->> 'title' as title
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
                reply: row.reply,
                made_at: moment(row.dated_at),
                changed_at: moment(row.changed_at),
                entries: Vec::new(),
            });
        }
        deliveries.last_mut().expect("one was put there").entries.extend(entry);
    }
    Ok(deliveries)
}

pub(super) async fn run_audit(reader: &mut SqliteConnection, run: i64) -> Result<RunAudit> {
    let action = "read what was decided about a run";
    let plan: Option<String> = sqlx::query_scalar("select plan_hash from run where id = $1")
        .bind(run)
        .fetch_optional(&mut *reader)
        .await
        .during(action)?
        .flatten();
    let issues: Vec<(String, String, String)> =
        sqlx::query_as("select hash, language, subject from issue where run_id = $1 order by id")
            .bind(run)
            .fetch_all(&mut *reader)
            .await
            .during(action)?;
    let issue = |(hash, language, subject)| IssueLine { hash, language, subject };
    Ok(RunAudit {
        plan,
        issue_list: issues.into_iter().map(issue).collect(),
        decisions: decisions(reader, run).await?,
    })
}

/// What a run is, to tell which decisions were about it.
#[derive(Debug, FromRow)]
struct Decided {
    id: i64,
    digest: String,
    created_at: i64,
    finished_at: Option<i64>,
}

async fn decisions(reader: &mut SqliteConnection, run: i64) -> Result<Vec<Decision>> {
    let action = "read what was decided about a run";
    let run: Option<Decided> = sqlx::query_as(
        "select r.id, d.name as digest, r.created_at, r.finished_at
         from run r join digest d on d.id = r.digest_id where r.id = $1",
    )
    .bind(run)
    .fetch_optional(&mut *reader)
    .await
    .during(action)?;
    let Some(run) = run else { return Ok(Vec::new()) };
    let lines: Vec<(i64, String)> =
        sqlx::query_as("select at, said from audit where kind = 'approval' order by day, number")
            .fetch_all(reader)
            .await
            .during(action)?;
    // What nobody can read tells nothing here: `verify` names it.
    let said = |(at, said): (i64, String)| Some((moment(at), serde_json::from_str(&said).ok()?));
    Ok(lines.into_iter().filter_map(said).filter_map(|(at, said)| run.decision(at, said)).collect())
}

impl Decided {
    /// What a line says about it. A pause of its digest, or of all sending, was one of the run
    /// while it was there.
    fn decision(&self, at: DateTime<Utc>, said: Said) -> Option<Decision> {
        let while_there = self.created_at <= at.timestamp()
            && self.finished_at.is_none_or(|finished_at| at.timestamp() <= finished_at);
        let is_about = |digest: &Option<String>, run: Option<i64>| match (run, digest) {
            (Some(run), _) => run == self.id,
            (None, Some(digest)) => while_there && *digest == self.digest,
            (None, None) => while_there,
        };
        let (what, by, reason, is_wider) = match said {
            Said::Approved { subject, by, .. } if subject == format!("run:{}", self.id) => {
                ("approved", by, None, false)
            }
            Said::Overridden { run, brake, reason, by } if run == self.id => {
                ("overridden", by, Some(format!("{}, {reason}", brake.as_str())), false)
            }
            Said::Superseded { run, reason, by } if run == self.id => {
                ("superseded", by, Some(reason), false)
            }
            Said::Paused { digest, run, by, reason } if is_about(&digest, run) => {
                ("paused", by, reason, run.is_none())
            }
            Said::Resumed { digest, run, by } if is_about(&digest, run) => {
                ("resumed", by, None, run.is_none())
            }
            Said::Cancelled { run, by, reason } if run == self.id => {
                ("cancelled", by, reason, false)
            }
            Said::Resolved { run, resolution, by, .. } if run == self.id => {
                ("resolved", by, Some(resolution), false)
            }
            _ => return None,
        };
        Some(Decision { at, what: what.to_owned(), by, reason, is_wider })
    }
}
