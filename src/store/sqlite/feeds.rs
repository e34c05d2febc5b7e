//! Feeds: which entries stand in them, and what of it their documents show.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, from_json, json, timestamp};
use crate::catalogue::EntryState;
use crate::feeds::facets::{Facet, Facets};
use crate::feeds::{ARCHIVE_LENGTH, Tombstone};
use crate::model::{Entry, EntryId, Seq};
use crate::store::{
    EventMember, FeedLists, FeedRecord, Followed, ListsAsked, Member, NewFeed, Placement,
    StoreError,
};

pub(super) async fn register(
    writer: &mut SqliteConnection,
    feeds: &[NewFeed],
    now: DateTime<Utc>,
) -> Result<()> {
    let rows: Vec<_> = feeds
        .iter()
        .map(|feed| {
            let (facet, value) = feed.origin.as_ref().map(|(f, v)| (f.as_str(), v)).unzip();
            (&feed.name, &feed.title, facet, value)
        })
        .collect();
    sqlx::query(
        "insert into feed (name, title, facet, value, registered_at)
         select j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, $2
         from json_each($1) as j where true
         on conflict (name) do update set facet = excluded.facet, value = excluded.value,
             title = case when excluded.facet is null then excluded.title else feed.title end
         where excluded.facet is not feed.facet or excluded.facet is null",
    )
    .bind(json(&rows))
    .bind(now.timestamp())
    .execute(writer)
    .await
    .during("register feeds")?;
    Ok(())
}

pub(super) async fn feeds(reader: &mut SqliteConnection) -> Result<Vec<FeedRecord>> {
    #[derive(FromRow)]
    struct Row {
        id: i64,
        name: String,
        title: String,
        facet: Option<String>,
        value: Option<String>,
        selection: String,
        members: i64,
        is_stale: bool,
        made_of: String,
        told_at: Option<i64>,
        told_offset: Option<i64>,
        closed_archives: i64,
        stale_archives: i64,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select id, name, title, facet, value, selection, members, is_stale, made_of, told_at,
             told_offset,
             coalesce((select max(number) from archive a where a.feed_id = feed.id), 0)
                 as closed_archives,
             (select count(*) from archive a where a.feed_id = feed.id and a.is_stale = 1)
                 as stale_archives
         from feed order by name",
    )
    .fetch_all(reader)
    .await
    .during("read the feeds")?;
    let feed = |row: Row| {
        let facet = row.facet.and_then(|text| Facet::ALL.into_iter().find(|f| f.as_str() == text));
        FeedRecord {
            id: row.id,
            name: row.name,
            title: row.title,
            origin: facet.zip(row.value),
            selection: row.selection,
            members: row.members.cast_unsigned(),
            is_stale: row.is_stale,
            made_of: row.made_of,
            told: row.told_at.zip(row.told_offset).map(|(at, offset)| timestamp(at, offset)),
            closed_archives: row.closed_archives.cast_unsigned(),
            stale_archives: row.stale_archives.cast_unsigned(),
        }
    };
    Ok(rows.into_iter().map(feed).collect())
}

pub(super) async fn placements(
    reader: &mut SqliteConnection,
    after: Seq,
    is_all: bool,
) -> Result<Vec<Placement>> {
    #[derive(FromRow)]
    #[expect(clippy::struct_excessive_bools, reason = "the columns of the query")]
    struct Row {
        id: i64,
        iri: String,
        state: String,
        published_at: i64,
        updated_at: i64,
        first_accepted_at: i64,
        stood_at: Option<i64>,
        is_displaced: bool,
        is_changed: bool,
        has_turned: bool,
        was_withdrawn: bool,
        removed_note: Option<String>,
        removed_at: Option<i64>,
        facets: String,
        fields: Option<String>,
    }
    // What never changed before `after` stands nowhere; in a first scan that is everything.
    let rows: Vec<Row> = sqlx::query_as(
        "with changed as (select entry_id, max(class in ('withdrawn', 'removed', 'reinstated'))
             as has_turned from change where seq > $1 group by entry_id),
         asked as (select entry_id from changed
             union select entry_id from change where $2)
         select e.id, e.iri, e.state, e.published_at, e.updated_at, e.first_accepted_at,
             case when $1 > 0 and exists (select 1 from change o
                 where o.entry_id = e.id and o.seq <= $1)
                 then coalesce(e.stands_at, e.updated_at) end as stood_at,
             e.stands_at is not null as is_displaced,
             c.entry_id is not null as is_changed, coalesce(c.has_turned, 0) as has_turned,
             coalesce(e.state = 'removed' and (select o.class = 'withdrawn' from change o
                 where o.entry_id = e.id and o.class in ('new', 'withdrawn', 'reinstated')
                 order by o.seq desc limit 1), 0) as was_withdrawn,
             case when e.state = 'removed' then (select o.note from change o
                 where o.entry_id = e.id and o.class = 'removed' order by o.seq desc limit 1)
                 end as removed_note,
             case when e.state = 'removed' then (select max(o.numbered_at) from change o
                 where o.entry_id = e.id and o.class = 'removed') end as removed_at,
             e.facets,
             case when e.facets = '' then (select r.fields from revision r
                 where r.entry_id = e.id and r.revision = e.revision) end as fields
         from asked a join entry e on e.id = a.entry_id
         left join changed c on c.entry_id = e.id",
    )
    .bind(after)
    .bind(is_all)
    .fetch_all(reader)
    .await
    .during("read what feeds select by")?;
    rows.into_iter()
        .map(|row| {
            let facets = match &row.fields {
                // An earlier version kept none.
                Some(fields) => Facets::of(&from_json::<Entry>("entry", fields)?),
                None => from_json("facets", &row.facets)?,
            };
            Ok(Placement {
                row: row.id,
                id: EntryId::new(row.iri),
                state: state_of(row.state)?,
                published_at: row.published_at,
                updated_at: row.updated_at,
                first_accepted_at: row.first_accepted_at,
                stood_at: row.stood_at,
                is_displaced: row.is_displaced,
                is_changed: row.is_changed,
                has_turned: row.has_turned,
                was_withdrawn: row.was_withdrawn,
                removed: row.removed_at.map(|at| (row.removed_note.unwrap_or_default(), at)),
                facets,
            })
        })
        .collect()
}

fn state_of(text: String) -> Result<EntryState> {
    text.parse().map_err(|()| StoreError::Value { what: "state", value: text })
}

#[derive(FromRow)]
struct MemberRow {
    id: i64,
    revision: i64,
    state: String,
}

fn members(rows: Vec<MemberRow>) -> Result<Vec<Member>> {
    rows.into_iter()
        .map(|MemberRow { id, revision, state }| {
            Ok(Member { row: id, revision, state: state_of(state)? })
        })
        .collect()
}

pub(super) async fn lists(reader: &mut SqliteConnection, asked: &ListsAsked) -> Result<FeedLists> {
    let action = "read a feed";
    let mut newest: Vec<MemberRow> = sqlx::query_as(
        "select e.id, e.revision, e.state from feed_entry f join entry e on e.id = f.entry_id
         where f.feed_id = $1 order by f.updated_at desc, e.iri limit $2",
    )
    .bind(asked.feed)
    .bind(i64::try_from(asked.length).unwrap_or(i64::MAX))
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    if let Some(position) = asked.after_position {
        let open = archive_rows(reader, asked.feed, position, position + ARCHIVE_LENGTH).await?;
        let known: std::collections::HashSet<i64> = newest.iter().map(|row| row.id).collect();
        newest.extend(open.into_iter().filter(|row| !known.contains(&row.id)));
    }
    let events: Vec<MemberRow> = sqlx::query_as(
        "select e.id, e.revision, e.state from feed_event v join entry e on e.id = v.entry_id
         where v.feed_id = $1 and v.last_day >= $2 order by v.last_day, e.iri",
    )
    .bind(asked.feed)
    .bind(asked.events_since)
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    let tombstones: Vec<(String, i64)> = sqlx::query_as(
        "select e.iri, t.buried_at from tombstone t join entry e on e.id = t.entry_id
         where t.feed_id = $1 and t.buried_at > $2 order by t.buried_at desc, e.iri",
    )
    .bind(asked.feed)
    .bind(asked.tombstones_since.timestamp())
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    let tombstone = |(iri, at)| Tombstone { id: EntryId::new(iri), at: timestamp(at, 0) };
    Ok(FeedLists {
        newest: members(newest)?,
        events: members(events)?,
        tombstones: tombstones.into_iter().map(tombstone).collect(),
    })
}

/// What stands in the history at positions `after < position <= upto` and still in the feed.
async fn archive_rows(
    reader: &mut SqliteConnection,
    feed: i64,
    after: u64,
    upto: u64,
) -> Result<Vec<MemberRow>> {
    sqlx::query_as(
        "select e.id, e.revision, e.state from archive_entry a join entry e on e.id = a.entry_id
         join feed_entry f on f.feed_id = a.feed_id
             and f.updated_at = coalesce(e.stands_at, e.updated_at) and f.entry_id = e.id
         where a.feed_id = $1 and $2 < a.position and a.position <= $3
         order by a.position",
    )
    .bind(feed)
    .bind(after.cast_signed())
    .bind(upto.cast_signed())
    .fetch_all(reader)
    .await
    .during("read an archive")
}

pub(super) async fn archive_members(
    reader: &mut SqliteConnection,
    feed: i64,
    number: u64,
) -> Result<Vec<Member>> {
    let upto = number * ARCHIVE_LENGTH;
    members(archive_rows(reader, feed, upto - ARCHIVE_LENGTH, upto).await?)
}

pub(super) async fn stale_archives(
    reader: &mut SqliteConnection,
    feed: i64,
    limit: usize,
) -> Result<Vec<u64>> {
    let numbers: Vec<i64> = sqlx::query_scalar(
        "select number from archive where feed_id = $1 and is_stale = 1 order by number limit $2",
    )
    .bind(feed)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(reader)
    .await
    .during("read the archives")?;
    Ok(numbers.into_iter().map(i64::cast_unsigned).collect())
}

pub(super) async fn entries(reader: &mut SqliteConnection, rows: &[i64]) -> Result<Vec<Entry>> {
    let fields: Vec<String> = sqlx::query_scalar(
        "select r.fields from json_each($1) as j join entry e on e.id = j.value
         join revision r on r.entry_id = e.id and r.revision = e.revision order by j.key",
    )
    .bind(json(&rows))
    .fetch_all(reader)
    .await
    .during("read the entries")?;
    fields.iter().map(|fields| from_json("entry", fields)).collect()
}

pub(super) async fn followed(reader: &mut SqliteConnection) -> Result<Vec<Followed>> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "select s.feed, d.name, count(*) from subscription s
         join digest d on d.id = s.digest_id
         join subscriber p on p.id = s.subscriber_id and p.is_rehearsal = 0
             and p.erased_at is null
         where s.state in ('pending', 'confirmed') group by s.feed, d.name
         order by s.feed, d.name",
    )
    .fetch_all(reader)
    .await
    .during("read what is followed")?;
    let followed = |(feed, digest, n): (String, String, i64)| Followed {
        feed,
        digest,
        followers: n.cast_unsigned(),
    };
    Ok(rows.into_iter().map(followed).collect())
}

pub(super) async fn heads(reader: &mut SqliteConnection, length: usize) -> Result<Vec<(i64, i64)>> {
    let action = "read the feeds";
    let feeds: Vec<i64> = sqlx::query_scalar("select id from feed where members > 0")
        .fetch_all(&mut *reader)
        .await
        .during(action)?;
    let mut heads = Vec::new();
    // One after another: within one statement each row of a feed would ask for its first ones.
    for feed in feeds {
        let newest: Vec<i64> = sqlx::query_scalar(
            "select entry_id from feed_entry where feed_id = $1
             order by updated_at desc, entry_id limit $2",
        )
        .bind(feed)
        .bind(i64::try_from(length).unwrap_or(i64::MAX))
        .fetch_all(&mut *reader)
        .await
        .during(action)?;
        heads.extend(newest.into_iter().map(|entry| (feed, entry)));
    }
    Ok(heads)
}

pub(super) async fn events(reader: &mut SqliteConnection, since: i64) -> Result<Vec<EventMember>> {
    let rows: Vec<(String, i64, i64, String)> = sqlx::query_as(
        "select e.iri, e.id, e.revision, e.state from entry e where e.id in (
             select entry_id from feed_event where last_day >= $1) order by e.iri",
    )
    .bind(since)
    .fetch_all(reader)
    .await
    .during("read the events")?;
    rows.into_iter()
        .map(|(iri, row, revision, state)| {
            let member = Member { row, revision, state: state_of(state)? };
            Ok(EventMember { id: EntryId::new(iri), member })
        })
        .collect()
}
