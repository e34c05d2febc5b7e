//! Readers who left by a link in a mail.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::people::keep_ends;
use super::{During, Result, audit, from_json, moment, owed};
use crate::store::{Leave, WayOut};

pub(super) async fn leave_all(
    writer: &mut SqliteConnection,
    leaves: &[Leave],
    now: DateTime<Utc>,
) -> Result<u64> {
    let mut ended = 0;
    for leave in leaves {
        ended += end(writer, leave, now).await?;
    }
    audit::consents(writer, now).await?;
    Ok(ended)
}

/// What brought a mail: a digest, or feeds whatever the digest. Where neither is known any more,
/// or never was, everything is meant.
#[derive(Debug, Default, FromRow)]
pub(super) struct Brought {
    pub digest: Option<i64>,
    /// As JSON.
    pub feeds: Option<String>,
}

/// Where the delivery is gone its run still says which digest it was, or which feeds it may have
/// come from.
pub(super) async fn brought(
    reader: &mut SqliteConnection,
    run: i64,
    subscriber: i64,
) -> Result<Brought> {
    if run == Leave::EVERYTHING {
        return Ok(Brought::default());
    }
    let brought: Option<Brought> = sqlx::query_as(
        "select iif(x.is_told, null, x.digest_id) as digest,
             iif(x.is_told, (select nullif(json_group_array(distinct e.feed), '[]')
                 from issue i join issue_entry e on e.issue_id = i.id
                 where i.run_id = x.id and i.id = coalesce(x.issue_id, i.id)), null) as feeds
         from (select r.id, r.digest_id, d.issue_id,
                   g.name in ('urgent', 'correction', 'reminder') as is_told
               from run r join digest g on g.id = r.digest_id
               left join delivery d on d.run_id = r.id and d.subscriber_id = $2
               where r.id = $1) x",
    )
    .bind(run)
    .bind(subscriber)
    .fetch_optional(reader)
    .await
    .during("look up what a mail belongs to")?;
    Ok(brought.unwrap_or_default())
}

/// Subscriptions that ran when they clicked end at that moment, with a line of consent for each;
/// one that was begun since stays. An end that is recorded already is not repeated: its reader
/// may have taken it back.
async fn end(writer: &mut SqliteConnection, leave: &Leave, now: DateTime<Utc>) -> Result<u64> {
    let Brought { digest, feeds } = brought(writer, leave.run, leave.subscriber).await?;
    // Begun in the future is begun before the clock was put back.
    let ended: Vec<(String, String)> = sqlx::query_as(concat!(
        "update subscription set state = 'ended', ended_at = $2, end_reason = 'left',
             owed_from = iif(state = 'pending', null, coalesce(owed_from, ",
        owed::covered!("subscription.digest_id"),
        "))
         where subscriber_id = $1 and state in ('confirmed', 'pending')
           and (coalesce(confirmed_at, requested_at) <= $2
                or coalesce(confirmed_at, requested_at) > $3)
           and ($4 is null or digest_id = $4)
           and ($5 is null or feed in (select value from json_each($5)))
           and not exists (select 1 from consent x
               where x.subscriber_id = $1 and x.feed = subscription.feed
                 and x.action = 'ended' and x.reason = 'left' and x.at = $2)
         returning feed, (select name from digest where id = digest_id)"
    ))
    .bind(leave.subscriber)
    .bind(leave.at.timestamp())
    .bind(now.timestamp())
    .bind(digest)
    .bind(&feeds)
    .fetch_all(&mut *writer)
    .await
    .during("end a subscription")?;
    keep_ends(writer, leave.subscriber, &ended, leave.by.as_str(), "left", leave.at).await?;
    Ok(ended.len() as u64)
}

/// What a link ends, by the same rule as the click.
pub(super) async fn way_out(
    reader: &mut SqliteConnection,
    run: i64,
    subscriber: i64,
) -> Result<WayOut> {
    #[derive(Default, FromRow)]
    struct Row {
        digest: Option<String>,
        language: Option<String>,
        key_id: Option<i64>,
        cipher: Option<Vec<u8>>,
        running: i64,
    }
    let action = "look up what a link ends";
    let Brought { digest, feeds } = brought(reader, run, subscriber).await?;
    // Only where the mail went to: the link may be in other hands than another address.
    let row: Option<Row> = sqlx::query_as(
        "select (select name from digest where id = $3) as digest, s.language, a.key_id, a.cipher,
             (select count(*) from subscription c where c.subscriber_id = s.id
                 and c.state in ('confirmed', 'pending') and ($3 is null or c.digest_id = $3)
                 and ($4 is null or c.feed in (select value from json_each($4)))) as running
         from subscriber s
         left join delivery d on d.run_id = $1 and d.subscriber_id = s.id
         left join address a on a.subscriber_id = s.id and a.version = d.address_version
         where s.id = $2",
    )
    .bind(run)
    .bind(subscriber)
    .bind(digest)
    .bind(&feeds)
    .fetch_optional(reader)
    .await
    .during(action)?;
    let row = row.unwrap_or_default();
    Ok(WayOut {
        digest: row.digest,
        feeds: feeds.map(|feeds| from_json("feeds", &feeds)).transpose()?,
        running_subscriptions: row.running.cast_unsigned(),
        language: row.language,
        address: row.key_id.zip(row.cipher),
    })
}

/// When they last left what a link ends, by the same rule.
pub(super) async fn last_left(
    reader: &mut SqliteConnection,
    (run, who): (i64, i64),
    since: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let Brought { digest, feeds } = brought(reader, run, who).await?;
    let left: Option<i64> = sqlx::query_scalar(
        "select max(c.ended_at) from subscription c join subscriber s on s.id = c.subscriber_id
         where s.id = $1 and s.erased_at is null
             and c.state = 'ended' and c.end_reason = 'left' and c.ended_at >= $2
             and ($3 is null or c.digest_id = $3)
             and ($4 is null or c.feed in (select value from json_each($4)))",
    )
    .bind(who)
    .bind(since.timestamp())
    .bind(digest)
    .bind(&feeds)
    .fetch_one(reader)
    .await
    .during("look up when a reader left")?;
    Ok(left.map(moment))
}
