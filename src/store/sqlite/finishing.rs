//! How errands end: done, refused, opened once, or too late.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::SqliteConnection;

use super::errands::{Destination, Row, add, by_mail, errands, forget_questions};
use super::people::{Follow, end, follow, keep_change, keep_ends, running, settle};
use super::personal::forget;
use super::{During, Result, audit, from_json};
use crate::store::{EndOfSubscription, ErrandRecord, Finished, Outcome, Refused, StoreError};
use crate::subscribers::errand::ErrandKind;

const FINISH: &str = "do what a link stands for";

/// Why what was asked for ends, in the log of consents.
const NOT_ME: &str = "not me";
const TOO_LATE: &str = "not confirmed in time";

/// Does what somebody asked for, who has the mail in hand.
pub(super) async fn finish(
    writer: &mut SqliteConnection,
    (run, who): (i64, i64),
    wording: &str,
    now: DateTime<Utc>,
) -> Result<Finished> {
    let Some(errand) = by_mail(writer, run, who).await? else { return Ok(Finished::Unknown) };
    if !errand.is_open(now) {
        return Ok(Finished::Before);
    }
    match errand.kind {
        ErrandKind::Confirm => confirm(writer, &errand, wording, now).await?,
        ErrandKind::Move => {
            if !move_to(writer, &errand, wording, now).await? {
                return Ok(Finished::Taken);
            }
        }
        ErrandKind::SelfService | ErrandKind::Moved => return Ok(Finished::Unknown),
    }
    close(writer, errand.id, Outcome::Done, now).await?;
    Ok(Finished::Done)
}

async fn confirm(
    writer: &mut SqliteConnection,
    errand: &ErrandRecord,
    wording: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    for (feed, digest) in &errand.wants {
        let is_known: bool =
            sqlx::query_scalar("select exists (select 1 from digest where name = $1)")
                .bind(digest)
                .fetch_one(&mut *writer)
                .await
                .during(FINISH)?;
        if is_known {
            let wanted = Follow { feed, digest, is_confirmed: true, source: "page", wording };
            follow(writer, errand.subscriber, &wanted, now).await?;
        }
    }
    // Who wants news again has ended their pause.
    let person = (Some(errand.language.as_str()), false);
    settle(writer, errand.subscriber, person, ("page", wording), now).await?;
    audit::consents(writer, now).await
}

/// Makes the address that the mail reached theirs. `false` where somebody else gets mail there.
async fn move_to(
    writer: &mut SqliteConnection,
    errand: &ErrandRecord,
    wording: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let (to, version, old): (String, i64, i64) = sqlx::query_as(
        "select e.wants, e.address_version, s.address_version
         from errand e join subscriber s on s.id = e.subscriber_id where e.id = $1",
    )
    .bind(errand.id)
    .fetch_one(&mut *writer)
    .await
    .during(FINISH)?;
    let Destination { lookup, domain, .. } = from_json("new address", &to)?;
    let lookup = data_encoding::HEXLOWER
        .decode(lookup.as_bytes())
        .map_err(|_| StoreError::Value { what: "address", value: lookup.clone() })?;
    let other: Option<i64> =
        sqlx::query_scalar("select id from subscriber where lookup = $1 and id <> $2")
            .bind(&lookup)
            .bind(errand.subscriber)
            .fetch_optional(&mut *writer)
            .await
            .during(FINISH)?;
    if let Some(other) = other
        && !give_way(writer, other, now).await?
    {
        return Ok(false);
    }
    sqlx::query(
        "update subscriber set lookup = $2, domain = $3, address_version = $4 where id = $1",
    )
    .bind(errand.subscriber)
    .bind(&lookup)
    .bind(&domain)
    .bind(version)
    .execute(&mut *writer)
    .await
    .during(FINISH)?;
    // What waits goes there too. A copy that may have arrived is not sent to anybody else, and mail
    // that answers goes where it was asked for.
    sqlx::query(
        "update delivery set address_version = $2
         where subscriber_id = $1 and state = 'pending' and unknowns = 0
             and not exists (select 1 from errand e
                 where e.run_id = delivery.run_id and e.subscriber_id = $1)",
    )
    .bind(errand.subscriber)
    .bind(version)
    .execute(&mut *writer)
    .await
    .during(FINISH)?;
    keep_change(writer, errand.subscriber, "address", ("page", wording), now).await?;
    audit::consents(writer, now).await?;
    // The old address is told, should it have been somebody else who had the link.
    let words = ("page", "");
    let language = errand.language.as_str();
    let notice = ErrandKind::Moved;
    let told =
        add(writer, errand.subscriber, notice, language, &BTreeMap::new(), words, now).await?;
    sqlx::query("update errand set address_version = $2 where id = $1")
        .bind(told)
        .bind(old)
        .execute(writer)
        .await
        .during(FINISH)?;
    Ok(true)
}

/// Unties somebody who gets nothing from their address: whoever holds it in hand is one person
/// with them. What they agreed to and ended stays under their number. `false` where they get
/// something.
async fn give_way(writer: &mut SqliteConnection, who: i64, now: DateTime<Utc>) -> Result<bool> {
    let gets_something: bool = sqlx::query_scalar(
        "select exists (select 1 from subscription c join subscriber s on s.id = c.subscriber_id
             where s.id = $1 and c.state = 'confirmed' and s.is_rehearsal = 0)",
    )
    .bind(who)
    .fetch_one(&mut *writer)
    .await
    .during(FINISH)?;
    if gets_something {
        return Ok(false);
    }
    // Their links say that they are too old, and not that the address is deleted.
    sqlx::query(
        "update errand set ended_at = $2, outcome = 'expired'
         where subscriber_id = $1 and ended_at is null",
    )
    .bind(who)
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(FINISH)?;
    forget(writer, who, ("page", "address"), now).await?;
    Ok(true)
}

/// Ends an errand that somebody else asked for, and with one sign-up all others that wait. Who
/// never confirmed anything is forgotten, whoever else entered them: it is their word.
pub(super) async fn refuse(
    writer: &mut SqliteConnection,
    (run, who): (i64, i64),
    now: DateTime<Utc>,
) -> Result<Refused> {
    let Some(errand) = by_mail(writer, run, who).await? else { return Ok(Refused::Unknown) };
    if !errand.is_open(now) {
        return Ok(Refused::Before);
    }
    let is_sign_up = errand.kind == ErrandKind::Confirm;
    let mut refused = vec![errand];
    if is_sign_up {
        refused.extend(other_sign_ups(writer, &refused[0]).await?);
    }
    for errand in &refused {
        close(writer, errand.id, Outcome::Refused, now).await?;
    }
    for errand in &refused {
        give_up(writer, errand, NOT_ME, now).await?;
    }
    let is_forgotten = is_sign_up && !keeps_address(writer, who).await?;
    if is_forgotten {
        forget(writer, who, ("page", NOT_ME), now).await?;
    }
    audit::consents(writer, now).await?;
    Ok(if is_forgotten { Refused::Forgotten } else { Refused::Kept })
}

/// Whether they ever confirmed anything, or still may. The log alone says so for good: a
/// subscription forgets it when it is begun anew.
async fn keeps_address(reader: &mut SqliteConnection, who: i64) -> Result<bool> {
    sqlx::query_scalar(
        "select exists (select 1 from consent where subscriber_id = $1 and action = 'confirmed'
             and source <> 'rehearsal')
         or exists (select 1 from errand where subscriber_id = $1 and ended_at is null)",
    )
    .bind(who)
    .fetch_one(reader)
    .await
    .during(FINISH)
}

/// What else was asked for in the name of the same person, and is not confirmed either.
async fn other_sign_ups(
    reader: &mut SqliteConnection,
    errand: &ErrandRecord,
) -> Result<Vec<ErrandRecord>> {
    let rows: Vec<Row> = sqlx::query_as(errands!(
        "e.subscriber_id = $1 and e.kind = 'confirm' and e.ended_at is null and e.id <> $2"
    ))
    .bind(errand.subscriber)
    .bind(errand.id)
    .fetch_all(reader)
    .await
    .during(FINISH)?;
    rows.into_iter().map(Row::record).collect()
}

/// What was asked for and not confirmed is ended, and a new address forgotten.
async fn give_up(
    writer: &mut SqliteConnection,
    errand: &ErrandRecord,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    if errand.kind == ErrandKind::Move {
        // It never was theirs.
        sqlx::query(
            "delete from address where subscriber_id = $1
                 and version = (select address_version from errand where id = $2)
                 and version <> (select address_version from subscriber where id = $1)",
        )
        .bind(errand.subscriber)
        .bind(errand.id)
        .execute(writer)
        .await
        .during(FINISH)?;
        return Ok(());
    }
    if errand.kind != ErrandKind::Confirm {
        return Ok(());
    }
    let states: BTreeMap<String, String> = sqlx::query_as(
        // What waits by another's word than a form's goes on waiting.
        "select c.feed, c.state from subscription c where c.subscriber_id = $1
             and (c.state = 'ended' and c.confirmed_at is not null
                 or c.state = 'pending' and not exists (select 1 from consent k
                     where k.subscriber_id = $1 and k.feed = c.feed and k.action = 'requested'
                         and k.at = c.requested_at
                         and k.source <> (select source from errand where id = $2)))",
    )
    .bind(errand.subscriber)
    .bind(errand.id)
    .fetch_all(&mut *writer)
    .await
    .during(FINISH)?
    .into_iter()
    .collect();
    for (feed, digest) in &errand.wants {
        match states.get(feed).map(String::as_str) {
            Some("pending") => {
                let ended = EndOfSubscription {
                    subscriber: errand.subscriber,
                    digest: None,
                    feed: Some(feed.clone()),
                    source: "page".into(),
                    reason: reason.into(),
                };
                end(writer, &ended, now).await?;
            }
            // They had left it, and the form changed nothing of that.
            Some(_) => {
                let asked = [(feed.clone(), digest.clone())];
                keep_ends(writer, errand.subscriber, &asked, "page", reason, now).await?;
            }
            None => {}
        }
    }
    Ok(())
}

async fn close(
    writer: &mut SqliteConnection,
    errand: i64,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<()> {
    let outcome = match outcome {
        Outcome::Done => "done",
        Outcome::Refused => "refused",
        Outcome::Expired => "expired",
    };
    // Where a move leads to is not needed any more, and would outlive the address.
    sqlx::query(
        "update errand set ended_at = $2, outcome = $3, wants = iif(kind = 'move', '{}', wants)
         where id = $1 and ended_at is null",
    )
    .bind(errand)
    .bind(now.timestamp())
    .bind(outcome)
    .execute(writer)
    .await
    .during(FINISH)?;
    Ok(())
}

/// Opens the page behind a link that opens once; `false` where it was opened before, or is too
/// late.
pub(super) async fn open(
    writer: &mut SqliteConnection,
    (run, who): (i64, i64),
    now: DateTime<Utc>,
) -> Result<bool> {
    let opened = sqlx::query(
        "update errand set opened_at = $3
         where run_id = $1 and subscriber_id = $2 and kind = 'self' and opened_at is null
             and ended_at is null and expires_at > $3",
    )
    .bind(run)
    .bind(who)
    .bind(now.timestamp())
    .execute(writer)
    .await
    .during(FINISH)?;
    Ok(opened.rows_affected() == 1)
}

/// Ends what nobody finished in time; gives how many.
pub(super) async fn end_expired(writer: &mut SqliteConnection, now: DateTime<Utc>) -> Result<u64> {
    let rows: Vec<Row> = sqlx::query_as(errands!(
        "e.ended_at is null and e.expires_at <= $1 order by e.id limit 1000"
    ))
    .bind(now.timestamp())
    .fetch_all(&mut *writer)
    .await
    .during(FINISH)?;
    let mut ended = 0;
    for row in rows {
        let errand = row.record()?;
        if errand.kind == ErrandKind::Moved && !forget_former(writer, &errand, now).await? {
            continue;
        }
        close(writer, errand.id, Outcome::Expired, now).await?;
        give_up(writer, &errand, TOO_LATE, now).await?;
        let who = errand.subscriber;
        if errand.kind == ErrandKind::Confirm
            && !keeps_address(writer, who).await?
            && running(writer, who).await? == 0
        {
            forget(writer, who, ("page", TOO_LATE), now).await?;
        }
        ended += 1;
    }
    audit::consents(writer, now).await?;
    forget_questions(writer, now).await?;
    Ok(ended)
}

/// Deletes the address that a person had before a change, once it has been told. Where mail to it
/// is still under way that waits for another day: `false`.
///
/// What comes back from it later needs no address: its delivery names the version that it went to.
async fn forget_former(
    writer: &mut SqliteConnection,
    told: &ErrandRecord,
    now: DateTime<Utc>,
) -> Result<bool> {
    let is_under_way: bool = sqlx::query_scalar(
        "select exists (select 1 from delivery d join errand e on e.id = $1
             where d.subscriber_id = e.subscriber_id and d.address_version = e.address_version
                 and d.state in ('pending', 'claimed', 'intent', 'uncertain'))",
    )
    .bind(told.id)
    .fetch_one(&mut *writer)
    .await
    .during(FINISH)?;
    let sql = if is_under_way {
        "update errand set expires_at = $2 where id = $1"
    } else {
        "delete from address where (subscriber_id, version) in (
             select e.subscriber_id, e.address_version from errand e
             join subscriber s on s.id = e.subscriber_id
             where e.id = $1 and e.address_version < s.address_version)"
    };
    sqlx::query(sql)
        .bind(told.id)
        .bind((now + TimeDelta::days(1)).timestamp())
        .execute(writer)
        .await
        .during(FINISH)?;
    Ok(!is_under_way)
}
