//! Subscribers, their consent and its end.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::{During, PEOPLE, Result, audit, owed};
use crate::store::{EndOfSubscription, NewSubscription, Subscribed, SubscriberRecord};

pub(super) async fn subscribe(
    writer: &mut SqliteConnection,
    row: &NewSubscription,
    now: DateTime<Utc>,
) -> Result<Subscribed> {
    let action = "add a subscription";
    let is_suppressed: bool =
        sqlx::query_scalar("select exists (select 1 from suppression where lookup = $1)")
            .bind(&row.lookup)
            .fetch_one(&mut *writer)
            .await
            .during(action)?;
    if is_suppressed {
        return Ok(Subscribed::Suppressed);
    }
    let is_real: bool = sqlx::query_scalar(
        "select exists (select 1 from subscriber where lookup = $1 and is_rehearsal = 0)",
    )
    .bind(&row.lookup)
    .fetch_one(&mut *writer)
    .await
    .during(action)?;
    if row.is_rehearsal && is_real {
        // A list of stand-ins is no consent: who left is not brought back by it.
        return Ok(Subscribed::Unchanged);
    }
    if !row.brings_back && has_left(writer, row).await? {
        return Ok(Subscribed::Left);
    }
    let (subscriber, language_changed) = subscriber(writer, row, now).await?;
    let follows = Follow {
        feed: &row.feed,
        digest: &row.digest,
        is_confirmed: row.is_confirmed,
        source: &row.source,
        wording: &row.wording,
    };
    match follow(writer, subscriber, &follows, now).await? {
        Subscribed::Unchanged if language_changed => Ok(Subscribed::Changed),
        answer => Ok(answer),
    }
}

/// Whether they left this feed, or left and get nothing at all now.
async fn has_left(reader: &mut SqliteConnection, row: &NewSubscription) -> Result<bool> {
    sqlx::query_scalar(
        "with theirs as (select c.feed, c.state, c.end_reason
             from subscriber s join subscription c on c.subscriber_id = s.id
             where s.lookup = $1)
         select exists (select 1 from theirs
             where state = 'ended' and end_reason in ('left', 'removed', 'not me')
                 and (feed = $2 or not exists (select 1 from theirs where state = 'confirmed')))",
    )
    .bind(&row.lookup)
    .bind(&row.feed)
    .fetch_one(reader)
    .await
    .during("look whether somebody left")
}

/// What somebody agreed to, where, and in which words.
pub(super) struct Follow<'a> {
    pub feed: &'a str,
    pub digest: &'a str,
    pub is_confirmed: bool,
    pub source: &'a str,
    pub wording: &'a str,
}

/// What a form asks for that anybody may have filled in. Who left can still take it back, and is
/// known as somebody who left: what they ended, and what waits for their word already, is touched
/// by nothing but that.
pub(super) async fn request(
    writer: &mut SqliteConnection,
    subscriber: i64,
    row: &Follow<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    let is_theirs: bool = sqlx::query_scalar(
        "select exists (select 1 from subscription where subscriber_id = $1 and feed = $2
             and (state = 'ended' and confirmed_at is not null or state = 'pending'))",
    )
    .bind(subscriber)
    .bind(row.feed)
    .fetch_one(&mut *writer)
    .await
    .during("add a subscription")?;
    if is_theirs {
        keep_consent(writer, subscriber, row, "requested", now).await
    } else {
        follow(writer, subscriber, row, now).await.map(drop)
    }
}

/// One subscription, and its row of the consent log.
pub(super) async fn follow(
    writer: &mut SqliteConnection,
    subscriber: i64,
    row: &Follow<'_>,
    now: DateTime<Utc>,
) -> Result<Subscribed> {
    let action = "add a subscription";
    let digest: i64 = sqlx::query_scalar("select id from digest where name = $1")
        .bind(row.digest)
        .fetch_one(&mut *writer)
        .await
        .during(action)?;
    let before: Option<(String, i64)> = sqlx::query_as(
        "select state, digest_id from subscription where subscriber_id = $1 and feed = $2",
    )
    .bind(subscriber)
    .bind(row.feed)
    .fetch_optional(&mut *writer)
    .await
    .during(action)?;
    let before = before.as_ref().map(|(state, digest)| (state.as_str(), *digest));
    let (answer, log) = match (before, row.is_confirmed) {
        (Some(("confirmed", old)), true) if old == digest => {
            return Ok(Subscribed::Unchanged);
        }
        // Without consent on file nothing that runs is touched.
        (Some(("confirmed", _)), false) => return Ok(Subscribed::Unchanged),
        (Some(("confirmed", _)), true) => (Subscribed::Changed, "changed"),
        (Some(("pending", _)), true) => (Subscribed::Confirmed, "confirmed"),
        (Some(("pending", old)), false) if old == digest => return Ok(Subscribed::Unchanged),
        (_, true) => (Subscribed::Added, "confirmed"),
        (_, false) => (Subscribed::Added, "requested"),
    };
    // A new reader is owed what comes from now on; who changes to another digest is owed
    // what the old one would have brought them, and nothing from before they joined.
    sqlx::query(concat!(
        "insert into subscription
             (subscriber_id, feed, digest_id, state, owed_from, requested_at, confirmed_at)
         values ($1, $2, $3, $4,
             iif($4 = 'confirmed', (select coalesce(max(seq), 0) from change), null),
             $5, iif($4 = 'confirmed', $5, null))
         on conflict (subscriber_id, feed) do update set
             owed_from = case
                 when excluded.state <> 'confirmed' then null
                 when subscription.state = 'confirmed' then coalesce(
                     subscription.owed_from,
                     ",
        owed::covered!("subscription.digest_id"),
        ")
                 else excluded.owed_from end,
             digest_id = excluded.digest_id, state = excluded.state,
             requested_at = excluded.requested_at, confirmed_at = excluded.confirmed_at,
             ended_at = null, end_reason = null"
    ))
    .bind(subscriber)
    .bind(row.feed)
    .bind(digest)
    .bind(if row.is_confirmed { "confirmed" } else { "pending" })
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?;
    keep_consent(writer, subscriber, row, log, now).await?;
    Ok(answer)
}

async fn keep_consent(
    writer: &mut SqliteConnection,
    subscriber: i64,
    row: &Follow<'_>,
    action: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "insert into consent (subscriber_id, feed, digest, action, at, source, wording)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(subscriber)
    .bind(row.feed)
    .bind(row.digest)
    .bind(action)
    .bind(now.timestamp())
    .bind(row.source)
    .bind(row.wording)
    .execute(writer)
    .await
    .during("add a subscription")?;
    Ok(())
}

/// What a person changed that belongs to no one subscription: `paused`, `resumed`, `address`, or
/// `language` with the new one behind it. It stands in the log of consents without a feed.
pub(super) async fn keep_change(
    writer: &mut SqliteConnection,
    subscriber: i64,
    what: &str,
    (source, wording): (&str, &str),
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(
        "insert into consent (subscriber_id, feed, digest, action, at, source, wording, reason)
         values ($1, '', '', 'changed', $2, $3, $4, $5)",
    )
    .bind(subscriber)
    .bind(now.timestamp())
    .bind(source)
    .bind(wording)
    .bind(what)
    .execute(writer)
    .await
    .during("keep what a person changed")?;
    Ok(())
}

/// Pause and language as they shall be, with a line in the log of consents for each that was not
/// so; gives how many. A language that is absent stays.
pub(super) async fn settle(
    writer: &mut SqliteConnection,
    subscriber: i64,
    (language, is_paused): (Option<&str>, bool),
    (source, wording): (&str, &str),
    now: DateTime<Utc>,
) -> Result<u64> {
    let action = "change a subscriber";
    let before: Option<(String, bool)> =
        sqlx::query_as("select language, paused_at is not null from subscriber where id = $1")
            .bind(subscriber)
            .fetch_optional(&mut *writer)
            .await
            .during(action)?;
    let Some((old_language, was_paused)) = before else { return Ok(0) };
    let new_language = language.filter(|language| *language != old_language);
    let pause = (is_paused != was_paused).then_some(if is_paused { "paused" } else { "resumed" });
    let changed: Vec<String> = pause
        .map(str::to_owned)
        .into_iter()
        .chain(new_language.map(|language| format!("language {language}")))
        .collect();
    if changed.is_empty() {
        return Ok(0);
    }
    sqlx::query(
        "update subscriber set language = coalesce($2, language),
             paused_at = iif($3, coalesce(paused_at, $4), null)
         where id = $1",
    )
    .bind(subscriber)
    .bind(new_language)
    .bind(is_paused)
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?;
    for what in &changed {
        keep_change(writer, subscriber, what, (source, wording), now).await?;
    }
    Ok(changed.len() as u64)
}

/// Finds or adds the person behind an address, and says whether their language changed.
///
/// A stand-in of the rehearsal who subscribes for real becomes a real subscriber, and what
/// they stood in for ends. A real one never becomes a stand-in.
pub(super) async fn subscriber(
    writer: &mut SqliteConnection,
    row: &NewSubscription,
    now: DateTime<Utc>,
) -> Result<(i64, bool)> {
    let action = "add a subscriber";
    let known: Option<(i64, String, bool)> =
        sqlx::query_as("select id, language, is_rehearsal from subscriber where lookup = $1")
            .bind(&row.lookup)
            .fetch_optional(&mut *writer)
            .await
            .during(action)?;
    if let Some((id, language, is_rehearsal)) = known {
        if is_rehearsal && !row.is_rehearsal {
            sqlx::query("update subscriber set is_rehearsal = 0 where id = $1")
                .bind(id)
                .execute(&mut *writer)
                .await
                .during(action)?;
            let stood_in = EndOfSubscription {
                subscriber: id,
                digest: None,
                feed: None,
                source: row.source.clone(),
                reason: "rehearsal".into(),
            };
            end(writer, &stood_in, now).await?;
        }
        let language_changed = language != row.language.as_str() && row.is_confirmed;
        if language_changed {
            sqlx::query("update subscriber set language = $2 where id = $1")
                .bind(id)
                .bind(row.language.as_str())
                .execute(&mut *writer)
                .await
                .during(action)?;
            let what = format!("language {}", row.language);
            let said = (&*row.source, &*row.wording);
            keep_change(writer, id, &what, said, now).await?;
        }
        return Ok((id, language_changed));
    }
    let id: i64 = sqlx::query_scalar(
        "insert into subscriber
             (lookup, address_version, domain, language, is_rehearsal, created_at)
         values ($1, 1, $2, $3, $4, $5) returning id",
    )
    .bind(&row.lookup)
    .bind(&row.domain)
    .bind(row.language.as_str())
    .bind(row.is_rehearsal)
    .bind(now.timestamp())
    .fetch_one(&mut *writer)
    .await
    .during(action)?;
    sqlx::query(
        "insert into address (subscriber_id, version, key_id, cipher) values ($1, 1, $2, $3)",
    )
    .bind(id)
    .bind(row.address_key)
    .bind(&row.address_cipher)
    .execute(writer)
    .await
    .during(action)?;
    Ok((id, false))
}

pub(super) async fn subscribers(
    reader: &mut SqliteConnection,
    after: i64,
) -> Result<Vec<SubscriberRecord>> {
    #[derive(FromRow)]
    struct Row {
        id: i64,
        key_id: i64,
        version: i64,
        cipher: Vec<u8>,
        language: String,
        is_rehearsal: bool,
        is_paused: bool,
        feed: String,
        digest: String,
        state: String,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select s.id, a.key_id, a.version, a.cipher, s.language, s.is_rehearsal,
                s.paused_at is not null as is_paused, c.feed, d.name as digest, c.state
         from (select * from subscriber p where id > $1
             and exists (select 1 from subscription where subscriber_id = p.id)
             and exists (select 1 from address where subscriber_id = p.id)
             order by id limit $2) s
         join address a on a.subscriber_id = s.id and a.version = s.address_version
         join subscription c on c.subscriber_id = s.id
         join digest d on d.id = c.digest_id
         order by s.id, c.feed",
    )
    .bind(after)
    .bind(PEOPLE)
    .fetch_all(reader)
    .await
    .during("read the subscribers")?;
    Ok(rows
        .into_iter()
        .map(|row| SubscriberRecord {
            id: row.id,
            address_key: row.key_id,
            address_version: row.version,
            address_cipher: row.cipher,
            language: row.language,
            is_rehearsal: row.is_rehearsal,
            is_paused: row.is_paused,
            feed: row.feed,
            digest: row.digest,
            state: row.state,
        })
        .collect())
}

pub(super) async fn counts(reader: &mut SqliteConnection) -> Result<BTreeMap<String, u64>> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select iif(s.is_rehearsal = 1, 'rehearsal', c.state), count(*)
         from subscription c join subscriber s on s.id = c.subscriber_id group by 1",
    )
    .fetch_all(reader)
    .await
    .during("count the subscriptions")?;
    Ok(rows.into_iter().map(|(state, count)| (state, count.cast_unsigned())).collect())
}

pub(super) async fn running(reader: &mut SqliteConnection, subscriber: i64) -> Result<u64> {
    let count: i64 = sqlx::query_scalar(
        "select count(*) from subscription where subscriber_id = $1 and state <> 'ended'",
    )
    .bind(subscriber)
    .fetch_one(reader)
    .await
    .during("count the subscriptions")?;
    Ok(count.cast_unsigned())
}

pub(super) async fn subscriber_by_lookup(
    reader: &mut SqliteConnection,
    lookup: &[u8],
) -> Result<Option<i64>> {
    sqlx::query_scalar("select id from subscriber where lookup = $1")
        .bind(lookup)
        .fetch_optional(reader)
        .await
        .during("look up a subscriber")
}

pub(super) async fn has_real(reader: &mut SqliteConnection) -> Result<bool> {
    sqlx::query_scalar(
        "select exists (select 1 from subscriber s join subscription c
             on c.subscriber_id = s.id
             where s.is_rehearsal = 0 and s.erased_at is null
                 and c.state in ('confirmed', 'pending'))",
    )
    .fetch_one(reader)
    .await
    .during("look for subscribers")
}

pub(super) async fn end_subscriptions(
    writer: &mut SqliteConnection,
    end_of: &EndOfSubscription,
    now: DateTime<Utc>,
) -> Result<u64> {
    let ended = end(writer, end_of, now).await?;
    audit::consents(writer, now).await?;
    Ok(ended)
}

/// Ends subscriptions, with a line of consent for each.
pub(super) async fn end(
    writer: &mut SqliteConnection,
    end: &EndOfSubscription,
    now: DateTime<Utc>,
) -> Result<u64> {
    let action = "end a subscription";
    // Where their next window would begin is kept, for whoever thinks better of it.
    let ended: Vec<(String, String)> = sqlx::query_as(concat!(
        "update subscription set state = 'ended', ended_at = $2, end_reason = $3,
             owed_from = iif(state = 'pending', null, coalesce(owed_from, ",
        owed::covered!("subscription.digest_id"),
        "))
         where subscriber_id = $1 and state in ('confirmed', 'pending')
           and ($4 is null or digest_id = (select id from digest where name = $4))
           and ($5 is null or feed = $5)
         returning feed, (select name from digest where id = digest_id)"
    ))
    .bind(end.subscriber)
    .bind(now.timestamp())
    .bind(&end.reason)
    .bind(&end.digest)
    .bind(&end.feed)
    .fetch_all(&mut *writer)
    .await
    .during(action)?;
    keep_ends(writer, end.subscriber, &ended, &end.source, &end.reason, now).await?;
    Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
}

/// A line of consent for each subscription, feed and digest, that ended.
pub(super) async fn keep_ends(
    writer: &mut SqliteConnection,
    subscriber: i64,
    ended: &[(String, String)],
    source: &str,
    reason: &str,
    at: DateTime<Utc>,
) -> Result<()> {
    for (feed, digest) in ended {
        sqlx::query(
            "insert into consent (subscriber_id, feed, digest, action, at, source, reason)
             values ($1, $2, $3, 'ended', $4, $5, $6)",
        )
        .bind(subscriber)
        .bind(feed)
        .bind(digest)
        .bind(at.timestamp())
        .bind(source)
        .bind(reason)
        .execute(&mut *writer)
        .await
        .during("end a subscription")?;
    }
    Ok(())
}

pub(super) async fn delivery_state(
    reader: &mut SqliteConnection,
    run: i64,
    subscriber: i64,
) -> Result<Option<String>> {
    sqlx::query_scalar("select state from delivery where run_id = $1 and subscriber_id = $2")
        .bind(run)
        .bind(subscriber)
        .fetch_optional(reader)
        .await
        .during("look up a delivery")
}
