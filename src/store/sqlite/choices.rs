//! What one person follows, and what they choose on a page of theirs.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::leaving::{Brought, brought};
use super::outbox::AT_ONCE;
use super::people::{Follow, end_subscriptions, follow, settle};
use super::personal::is_erased;
use super::{During, Result, audit, uncertain};
use crate::model::Language;
use crate::store::{Choices, ComeBack, EndOfSubscription, PersonRecord, Subscribed};

pub(super) async fn person(
    reader: &mut SqliteConnection,
    subscriber: i64,
) -> Result<Option<PersonRecord>> {
    #[derive(FromRow)]
    struct Row {
        language: String,
        is_paused: bool,
        key_id: i64,
        version: i64,
        cipher: Vec<u8>,
    }
    let action = "read a subscriber";
    let row: Option<Row> = sqlx::query_as(
        "select s.language, s.paused_at is not null as is_paused, a.key_id, a.version, a.cipher
         from subscriber s
         join address a on a.subscriber_id = s.id and a.version = s.address_version
         where s.id = $1 and s.erased_at is null",
    )
    .bind(subscriber)
    .fetch_optional(&mut *reader)
    .await
    .during(action)?;
    let Some(row) = row else { return Ok(None) };
    let follows: Vec<(String, String)> = sqlx::query_as(
        "select c.feed, d.name from subscription c join digest d on d.id = c.digest_id
         where c.subscriber_id = $1 and c.state = 'confirmed' order by c.feed",
    )
    .bind(subscriber)
    .fetch_all(reader)
    .await
    .during(action)?;
    Ok(Some(PersonRecord {
        language: row.language,
        is_paused: row.is_paused,
        address_key: row.key_id,
        address_version: row.version,
        address_cipher: row.cipher,
        follows: follows.into_iter().collect(),
    }))
}

pub(super) async fn choose(
    writer: &mut SqliteConnection,
    choices: &Choices,
    now: DateTime<Utc>,
) -> Result<u64> {
    if is_erased(writer, choices.subscriber).await? {
        return Ok(0);
    }
    let person = (choices.language.as_ref().map(Language::as_str), choices.is_paused);
    let said = (&*choices.source, &*choices.wording);
    let mut changed = settle(writer, choices.subscriber, person, said, now).await?;
    for (feed, digest) in &choices.follows {
        changed += if let Some(digest) = digest {
            let follows = Follow {
                feed,
                digest,
                is_confirmed: true,
                source: &choices.source,
                wording: &choices.wording,
            };
            let answer = follow(writer, choices.subscriber, &follows, now).await?;
            u64::from(answer != Subscribed::Unchanged)
        } else {
            let end = EndOfSubscription {
                subscriber: choices.subscriber,
                digest: None,
                feed: Some(feed.clone()),
                source: choices.source.clone(),
                reason: "left".into(),
            };
            end_subscriptions(writer, &end, now).await?
        };
    }
    audit::consents(writer, now).await?;
    Ok(changed)
}

/// Subscriptions that ended at one moment because their reader left go on as if they had not:
/// where their next window begins was kept. Who was erased since has nothing to go on with.
pub(super) async fn take_back_end(
    writer: &mut SqliteConnection,
    back: &ComeBack,
    now: DateTime<Utc>,
) -> Result<u64> {
    let ComeBack { run, subscriber, left_at, source, wording } = back;
    if is_erased(writer, *subscriber).await? {
        return Ok(0);
    }
    let Brought { digest, feeds } = brought(writer, *run, *subscriber).await?;
    let action = "take back the end of a subscription";
    let back: Vec<(String, String)> = sqlx::query_as(
        "update subscription set state = 'confirmed', ended_at = null, end_reason = null
         where subscriber_id = $1 and state = 'ended' and ended_at = $2 and end_reason = 'left'
             and confirmed_at is not null
             and ($3 is null or digest_id = $3)
             and ($4 is null or feed in (select value from json_each($4)))
         returning feed, (select name from digest where id = digest_id)",
    )
    .bind(subscriber)
    .bind(left_at.timestamp())
    .bind(digest)
    .bind(&feeds)
    .fetch_all(&mut *writer)
    .await
    .during(action)?;
    for (feed, digest) in &back {
        sqlx::query(
            "insert into consent
                 (subscriber_id, feed, digest, action, at, source, wording, reason)
             values ($1, $2, $3, 'confirmed', $4, $5, $6, 'undo')",
        )
        .bind(subscriber)
        .bind(feed)
        .bind(digest)
        .bind(now.timestamp())
        .bind(source)
        .bind(wording)
        .execute(&mut *writer)
        .await
        .during(action)?;
    }
    if !back.is_empty() {
        correct_after_all(writer, *subscriber, *left_at, now).await?;
    }
    audit::consents(writer, now).await?;
    Ok(back.len() as u64)
}

/// News that was taken from them since they left is owed; a correction is not, so it goes out.
async fn correct_after_all(
    writer: &mut SqliteConnection,
    subscriber: i64,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let runs: Vec<i64> = sqlx::query_scalar(
        "update delivery set state = 'pending', reason = null, next_at = $3, changed_at = $4
         where subscriber_id = $1 and state = 'cancelled' and reason = 'left'
             and changed_at >= $2 and unknowns = 0
             and run_id in (select r.id from run r
                 join digest g on g.id = r.digest_id and g.name = 'correction'
                 where r.state in ('expanding', 'sending', 'paused', 'complete'))
         returning run_id",
    )
    .bind(subscriber)
    .bind(since.timestamp())
    .bind(AT_ONCE)
    .bind(now.timestamp())
    .fetch_all(&mut *writer)
    .await
    .during("take back the end of a subscription")?;
    for run in runs {
        uncertain::reopen(writer, run, &[subscriber], now).await?;
    }
    Ok(())
}
