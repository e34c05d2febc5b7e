//! Many subscriptions at once, as a list brings them.
//!
//! What most rows of a list need, a new person or one more feed of a known one, is written for
//! many in one statement. A row that changes something goes its own way, behind those before it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteArguments;
use sqlx::{FromRow, SqlStr, Sqlite, SqliteConnection};

use super::values::{MOST_ROWS, Sized, in_all_sizes, places};
use super::{During, Result, audit, people};
use crate::store::{NewSubscription, Subscribed};

pub(super) async fn subscribe(
    writer: &mut SqliteConnection,
    rows: &[NewSubscription],
    now: DateTime<Utc>,
) -> Result<Vec<Subscribed>> {
    let names: Vec<(String, i64)> = sqlx::query_as("select name, id from digest")
        .fetch_all(&mut *writer)
        .await
        .during(ACTION)?;
    let digests: HashMap<String, i64> = names.into_iter().collect();
    let mut answers = Vec::with_capacity(rows.len());
    for page in rows.chunks(MOST_ROWS) {
        let found = look_up(writer, page).await?;
        let last: i64 = sqlx::query_scalar("select coalesce(max(id), 0) from subscriber")
            .fetch_one(&mut *writer)
            .await
            .during(ACTION)?;
        let sorted = sort(page, &found, &digests, last);
        insert(writer, &PEOPLE, &sorted.people, now, |query, (id, row)| {
            query
                .bind(*id)
                .bind(&row.lookup[..])
                .bind(&row.domain[..])
                .bind(row.language.as_str())
                .bind(row.is_rehearsal)
        })
        .await?;
        insert(writer, &ADDRESSES, &sorted.people, now, |query, (id, row)| {
            query.bind(*id).bind(row.address_key).bind(&row.address_cipher[..])
        })
        .await?;
        insert(writer, &SUBSCRIPTIONS, &sorted.subscriptions, now, |query, (id, row)| {
            query.bind(*id).bind(&row.feed[..]).bind(digests[&row.digest]).bind(state(row))
        })
        .await?;
        insert(writer, &CONSENTS, &sorted.subscriptions, now, |query, (id, row)| {
            let action = if row.is_confirmed { "confirmed" } else { "requested" };
            query
                .bind(*id)
                .bind(&row.feed[..])
                .bind(&row.digest[..])
                .bind(action)
                .bind(&row.source[..])
                .bind(&row.wording[..])
        })
        .await?;
        for (row, answer) in page.iter().zip(sorted.answers) {
            answers.push(match answer {
                Some(answer) => answer,
                None => people::subscribe(&mut *writer, row, now).await?,
            });
        }
    }
    audit::consents(writer, now).await?;
    Ok(answers)
}

const ACTION: &str = "add subscriptions";

fn state(row: &NewSubscription) -> &'static str {
    if row.is_confirmed { "confirmed" } else { "pending" }
}

/// What the store holds for a row.
#[derive(Debug, FromRow)]
struct Found {
    id: Option<i64>,
    language: Option<String>,
    is_rehearsal: Option<bool>,
    /// Of the subscription to the row's feed.
    state: Option<String>,
    digest_id: Option<i64>,
    is_suppressed: bool,
}

/// Rows by what is to be done for them.
#[derive(Debug, Default)]
struct Sorted<'a> {
    /// New ones, with their numbers.
    people: Vec<(i64, &'a NewSubscription)>,
    /// New ones, with the numbers of their people.
    subscriptions: Vec<(i64, &'a NewSubscription)>,
    /// By row; `None` where the row goes its own way.
    answers: Vec<Option<Subscribed>>,
}

/// The one of a row's address.
#[derive(Debug, Clone, Copy)]
struct Person<'a> {
    id: i64,
    language: &'a str,
    is_rehearsal: bool,
}

/// State and digest of a subscription.
type Standing<'a> = (&'a str, Option<i64>);

fn sort<'a>(
    rows: &'a [NewSubscription],
    found: &'a [Found],
    digests: &HashMap<String, i64>,
    mut last: i64,
) -> Sorted<'a> {
    let mut sorted = Sorted::default();
    let mut people: HashMap<&[u8], Person<'_>> = HashMap::new();
    let mut subscriptions: HashMap<(&[u8], &str), Standing<'_>> = HashMap::new();
    // Whoever has a row that goes its own way has all later ones go behind it.
    let mut apart: HashSet<&[u8]> = HashSet::new();
    for (row, found) in rows.iter().zip(found) {
        let lookup = &row.lookup[..];
        if let (Some(id), Some(language)) = (found.id, &found.language) {
            let is_rehearsal = found.is_rehearsal == Some(true);
            people.entry(lookup).or_insert(Person { id, language, is_rehearsal });
        }
        if let Some(state) = &found.state {
            subscriptions.entry((lookup, &row.feed)).or_insert((state, found.digest_id));
        }
        let digest = digests.get(&row.digest).copied();
        let person = people.get(lookup).copied();
        let known = subscriptions.get(&(lookup, &row.feed[..])).copied();
        let is_as_known = person.is_none_or(|person| {
            person.is_rehearsal == row.is_rehearsal
                && (person.language == row.language.as_str() || !row.is_confirmed)
        });
        let answer = if apart.contains(lookup) || digest.is_none() {
            None
        } else if found.is_suppressed {
            Some(Subscribed::Suppressed)
        } else if !is_as_known {
            None
        } else if known.is_none() && (found.id.is_none() || row.brings_back) {
            let id = person.map_or_else(
                || {
                    last += 1;
                    let language = row.language.as_str();
                    let is_rehearsal = row.is_rehearsal;
                    people.insert(lookup, Person { id: last, language, is_rehearsal });
                    sorted.people.push((last, row));
                    last
                },
                |person| person.id,
            );
            sorted.subscriptions.push((id, row));
            subscriptions.insert((lookup, &row.feed), (state(row), digest));
            Some(Subscribed::Added)
        } else {
            // Who is known may have left.
            (known == Some((state(row), digest))).then_some(Subscribed::Unchanged)
        };
        if answer.is_none() {
            apart.insert(lookup);
        }
        sorted.answers.push(answer);
    }
    sorted
}

/// What the store holds for each row, in their order.
async fn look_up(writer: &mut SqliteConnection, rows: &[NewSubscription]) -> Result<Vec<Found>> {
    let (text, room) = LOOK_UP.of(rows.len());
    let mut query = sqlx::query_as(SqlStr::from_static(text));
    for at in 0..room {
        query = match rows.get(at) {
            Some(row) => query
                .bind(i64::try_from(at).unwrap_or(i64::MAX))
                .bind(&row.lookup[..])
                .bind(&row.feed[..]),
            None => query.bind(None::<i64>).bind(None::<i64>).bind(None::<i64>),
        };
    }
    query.fetch_all(writer).await.during(ACTION)
}

static LOOK_UP: Sized = Sized::new(|| {
    in_all_sizes(|rows| {
        format!(
            "with j(number, lookup, feed) as (values {})
             select s.id, s.language, s.is_rehearsal, c.state, c.digest_id,
                 exists (select 1 from suppression x where x.lookup = j.lookup) as is_suppressed
             from j left join subscriber s on s.lookup = j.lookup
             left join subscription c on c.subscriber_id = s.id and c.feed = j.feed
             where j.lookup is not null order by j.number",
            places(rows, 3)
        )
    })
});

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

/// A statement that inserts rows of so many columns, behind the time.
struct Insert {
    columns: usize,
    statement: Sized,
}

async fn insert<'q>(
    writer: &mut SqliteConnection,
    insert: &'static Insert,
    rows: &[(i64, &'q NewSubscription)],
    now: DateTime<Utc>,
    bind: impl Fn(Query<'q>, &(i64, &'q NewSubscription)) -> Query<'q>,
) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let (text, room) = insert.statement.of(rows.len());
    let mut query = sqlx::query(SqlStr::from_static(text)).bind(now.timestamp());
    for at in 0..room {
        query = match rows.get(at) {
            Some(row) => bind(query, row),
            None => (0..insert.columns).fold(query, |query, _| query.bind(None::<i64>)),
        };
    }
    query.execute(writer).await.during(ACTION)?;
    Ok(())
}

static PEOPLE: Insert = Insert {
    columns: 5,
    statement: Sized::new(|| {
        in_all_sizes(|rows| {
            format!(
                "with t(now) as (values (?)), j(id, lookup, domain, language, is_rehearsal) as (values {})
                 insert into subscriber
                     (id, lookup, address_version, domain, language, is_rehearsal, created_at)
                 select id, lookup, 1, domain, language, is_rehearsal, now from t, j
                 where id is not null",
                places(rows, 5)
            )
        })
    }),
};

static ADDRESSES: Insert = Insert {
    columns: 3,
    statement: Sized::new(|| {
        in_all_sizes(|rows| {
            format!(
                "with t(now) as (values (?)), j(id, key_id, cipher) as (values {})
                 insert into address (subscriber_id, version, key_id, cipher)
                 select id, 1, key_id, cipher from t, j where id is not null",
                places(rows, 3)
            )
        })
    }),
};

/// A new reader is owed what comes from now on.
static SUBSCRIPTIONS: Insert = Insert {
    columns: 4,
    statement: Sized::new(|| {
        in_all_sizes(|rows| {
            format!(
                "with t(now) as (values (?)), j(id, feed, digest_id, state) as (values {})
                 insert into subscription
                     (subscriber_id, feed, digest_id, state, owed_from, requested_at, confirmed_at)
                 select id, feed, digest_id, state,
                     iif(state = 'confirmed', (select coalesce(max(seq), 0) from change), null),
                     now, iif(state = 'confirmed', now, null)
                 from t, j where id is not null",
                places(rows, 4)
            )
        })
    }),
};

static CONSENTS: Insert = Insert {
    columns: 6,
    statement: Sized::new(|| {
        in_all_sizes(|rows| {
            format!(
                "with t(now) as (values (?)),
                     j(id, feed, digest, action, source, wording) as (values {})
                 insert into consent (subscriber_id, feed, digest, action, at, source, wording)
                 select id, feed, digest, action, now, source, wording from t, j
                 where id is not null",
                places(rows, 6)
            )
        })
    }),
};

#[cfg(test)]
mod tests {
    use sqlx::Connection;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;
    use crate::store::Store;
    use crate::store::sqlite::SqliteStore;

    #[tokio::test]
    async fn what_is_found_stands_in_the_order_of_the_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tidings.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let options = SqliteConnectOptions::new().filename(&path);
        let mut writer = SqliteConnection::connect_with(&options).await.unwrap();
        let row = |person: u8| NewSubscription {
            lookup: vec![person],
            address_key: 1,
            address_cipher: vec![person],
            domain: "example.org".into(),
            language: "en".parse().unwrap(),
            feed: "all".into(),
            digest: "daily".into(),
            is_confirmed: true,
            is_rehearsal: false,
            brings_back: true,
            source: "test".into(),
            wording: "news".into(),
        };
        store.register_digests(&["daily".into()], DateTime::UNIX_EPOCH).await.unwrap();
        store.subscribe(&[row(1), row(2), row(3)], DateTime::UNIX_EPOCH).await.unwrap();
        let found = look_up(&mut writer, &[row(3), row(9), row(1), row(2)]).await.unwrap();
        let people: Vec<_> = found.iter().map(|found| found.id).collect();
        assert_eq!(people, [Some(3), None, Some(1), Some(2)]);
    }
}
