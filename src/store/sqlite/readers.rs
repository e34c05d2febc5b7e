//! Whom a plan goes through: confirmed subscriptions of people, some at a time.

use sqlx::SqliteConnection;

use super::{During, PEOPLE, Result, json};
use crate::model::{Language, Seq};
use crate::store::{Audience, StoreError, SubscriberRange, Subscription};

pub(super) async fn next_range(
    reader: &mut SqliteConnection,
    digests: &[i64],
    after: i64,
) -> Result<Option<SubscriberRange>> {
    let (first, upto): (Option<i64>, Option<i64>) = sqlx::query_as(
        "select
             min((select c.subscriber_id from subscription c where c.digest_id = j.value
                 and c.state = 'confirmed' and c.subscriber_id > $2
                 order by c.subscriber_id limit 1)),
             min((select c.subscriber_id from subscription c where c.digest_id = j.value
                 and c.state = 'confirmed' and c.subscriber_id > $2
                 order by c.subscriber_id limit 1 offset $3))
         from json_each($1) as j",
    )
    .bind(json(&digests))
    .bind(after)
    .bind(PEOPLE - 1)
    .fetch_one(reader)
    .await
    .during("read the subscriptions")?;
    Ok(first.map(|_| SubscriberRange { after, upto: upto.unwrap_or(i64::MAX) }))
}

/// Subscriber, feed, language, `owed_from`, whether they are paused.
type Row = (i64, String, String, Option<Seq>, bool);

/// Confirmed subscriptions of the people from `$2` to `$3` who are not suppressed.
macro_rules! subscriptions {
    ($of_these:literal) => {
        concat!(
            "select c.subscriber_id, c.feed, s.language, c.owed_from, s.paused_at is not null
             from subscription c join subscriber s on s.id = c.subscriber_id
             where ",
            $of_these,
            "c.state = 'confirmed' and s.is_rehearsal = $1
               and c.subscriber_id > $2 and c.subscriber_id <= $3 and s.erased_at is null
               and not exists (select 1 from suppression x where x.lookup = s.lookup)
             order by c.subscriber_id, c.feed"
        )
    };
}

pub(super) async fn subscriptions(
    reader: &mut SqliteConnection,
    digest: i64,
    audience: Audience,
    of: SubscriberRange,
) -> Result<Vec<Subscription>> {
    let rows: Vec<Row> = sqlx::query_as(subscriptions!("c.digest_id = $4 and "))
        .bind(audience == Audience::Rehearsal)
        .bind(of.after)
        .bind(of.upto)
        .bind(digest)
        .fetch_all(reader)
        .await
        .during("read the subscriptions")?;
    rows.into_iter().map(subscription).collect()
}

/// Confirmed subscriptions to any digest.
pub(super) async fn followers(
    reader: &mut SqliteConnection,
    audience: Audience,
    of: SubscriberRange,
) -> Result<Vec<Subscription>> {
    let rows: Vec<Row> = sqlx::query_as(subscriptions!("s.paused_at is null and "))
        .bind(audience == Audience::Rehearsal)
        .bind(of.after)
        .bind(of.upto)
        .fetch_all(reader)
        .await
        .during("read the subscriptions")?;
    rows.into_iter().map(subscription).collect()
}

/// From its columns.
fn subscription((subscriber, feed, language, owed_from, is_paused): Row) -> Result<Subscription> {
    let language = language
        .parse::<Language>()
        .map_err(|_| StoreError::Value { what: "language", value: language.clone() })?;
    Ok(Subscription { subscriber, feed, language, owed_from, is_paused })
}

pub(super) async fn lowest_owed(
    reader: &mut SqliteConnection,
    digest: i64,
    audience: Audience,
    below: Seq,
) -> Result<Option<Seq>> {
    sqlx::query_scalar(
        "select min(c.owed_from)
         from subscription c join subscriber s on s.id = c.subscriber_id
         where c.digest_id = $1 and c.state = 'confirmed' and c.owed_from < $3
           and s.is_rehearsal = $2 and s.erased_at is null
           and not exists (select 1 from suppression x where x.lookup = s.lookup)",
    )
    .bind(digest)
    .bind(audience == Audience::Rehearsal)
    .bind(below)
    .fetch_one(reader)
    .await
    .during("read what people are owed")
}
