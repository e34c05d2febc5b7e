//! All that is kept of one person, and how it is untied from their address.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::people::end;
use super::{During, Result, audit, moment};
use crate::store::{ConsentRecord, EndOfSubscription, OtherAddress, PersonalData};

const ERASE: &str = "erase a person";

/// Ends everything of a person and unties what is kept from their address.
pub(super) async fn erase(
    writer: &mut SqliteConnection,
    who: i64,
    source: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    if is_erased(writer, who).await? {
        return Ok(false);
    }
    forget(writer, who, (source, "erased"), now).await?;
    audit::consents(writer, now).await?;
    Ok(true)
}

/// Whether nobody is behind a number any more, or never was: nothing begins for them.
pub(super) async fn is_erased(reader: &mut SqliteConnection, who: i64) -> Result<bool> {
    sqlx::query_scalar(
        "select not exists (select 1 from subscriber where id = $1 and erased_at is null)",
    )
    .bind(who)
    .fetch_one(reader)
    .await
    .during("look whether a person was erased")
}

/// Nothing runs any more, and nothing ties a number to an address.
pub(super) async fn forget(
    writer: &mut SqliteConnection,
    who: i64,
    (source, reason): (&str, &str),
    now: DateTime<Utc>,
) -> Result<()> {
    let ended = EndOfSubscription {
        subscriber: who,
        digest: None,
        feed: None,
        source: source.to_owned(),
        reason: reason.to_owned(),
    };
    end(writer, &ended, now).await?;
    for sql in [
        "update subscriber set lookup = null, domain = '', erased_at = $2
             where id = $1 and erased_at is null",
        // Its mail has nowhere to go.
        "update errand set ended_at = coalesce(ended_at, $2),
             outcome = coalesce(outcome, 'refused'), wants = '{}'
             where subscriber_id = $1 and (ended_at is null or wants <> '{}')",
        "update delivery set state = 'cancelled', reason = 'left', next_at = 9223372036854775807,
             changed_at = $2
             where subscriber_id = $1 and state = 'pending' and unknowns = 0",
    ] {
        sqlx::query(sql)
            .bind(who)
            .bind(now.timestamp())
            .execute(&mut *writer)
            .await
            .during(ERASE)?;
    }
    sqlx::query("delete from address where subscriber_id = $1")
        .bind(who)
        .execute(writer)
        .await
        .during(ERASE)?;
    Ok(())
}

/// Everything that is kept of a person; `None` for one who is unknown or erased.
pub(super) async fn personal_data(
    reader: &mut SqliteConnection,
    who: i64,
) -> Result<Option<PersonalData>> {
    #[derive(FromRow)]
    struct Person {
        created_at: i64,
        language: String,
        paused_at: Option<i64>,
        key_id: i64,
        cipher: Vec<u8>,
    }
    #[derive(FromRow)]
    struct Consent {
        feed: String,
        digest: String,
        action: String,
        at: i64,
        source: String,
        wording: Option<String>,
        reason: Option<String>,
    }
    let action = "read what is kept of a person";
    let person: Option<Person> = sqlx::query_as(
        "select s.created_at, s.language, s.paused_at, a.key_id, a.cipher
         from subscriber s
         join address a on a.subscriber_id = s.id and a.version = s.address_version
         where s.id = $1 and s.erased_at is null",
    )
    .bind(who)
    .fetch_optional(&mut *reader)
    .await
    .during(action)?;
    let Some(person) = person else { return Ok(None) };
    let others: Vec<(i64, Vec<u8>, bool)> = sqlx::query_as(
        "select a.key_id, a.cipher, a.version < s.address_version
         from address a join subscriber s on s.id = a.subscriber_id
         where a.subscriber_id = $1 and a.version <> s.address_version order by a.version",
    )
    .bind(who)
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    let others = others.into_iter();
    let others = others.map(|(key, cipher, is_former)| OtherAddress { key, cipher, is_former });
    let subscriptions: Vec<(String, String, String, i64)> = sqlx::query_as(
        "select c.feed, g.name, c.state, coalesce(c.ended_at, c.confirmed_at, c.requested_at)
         from subscription c join digest g on g.id = c.digest_id
         where c.subscriber_id = $1 order by c.feed",
    )
    .bind(who)
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    let consents: Vec<Consent> = sqlx::query_as(
        "select feed, digest, action, at, source, wording, reason
         from consent where subscriber_id = $1 order by id",
    )
    .bind(who)
    .fetch_all(&mut *reader)
    .await
    .during(action)?;
    let deliveries: Vec<(String, i64)> = sqlx::query_as(
        "select state, count(*) from delivery where subscriber_id = $1 group by state",
    )
    .bind(who)
    .fetch_all(reader)
    .await
    .during(action)?;
    Ok(Some(PersonalData {
        created_at: moment(person.created_at),
        language: person.language,
        paused_at: person.paused_at.map(moment),
        address_key: person.key_id,
        address_cipher: person.cipher,
        other_addresses: others.collect(),
        subscriptions: subscriptions
            .into_iter()
            .map(|(feed, digest, state, since)| (feed, digest, state, moment(since)))
            .collect(),
        consents: consents
            .into_iter()
            .map(|row| ConsentRecord {
                feed: row.feed,
                digest: row.digest,
                action: row.action,
                at: moment(row.at),
                source: row.source,
                wording: row.wording,
                reason: row.reason,
            })
            .collect(),
        deliveries: deliveries.into_iter().map(|(state, n)| (state, n.unsigned_abs())).collect(),
    }))
}
