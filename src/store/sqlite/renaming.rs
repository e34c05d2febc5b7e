//! Subscriptions to a feed that has another name now.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::{During, Result, audit, owed};

/// Which of two subscriptions of a person stays where their feeds become one: what runs before
/// what was left, for that is touched by nothing but their own word, and either before what a
/// form asked for.
macro_rules! weight {
    ($row:literal) => {
        concat!(
            "case when ",
            $row,
            ".state = 'confirmed' then 3 when ",
            $row,
            ".state = 'pending' then 1 when ",
            $row,
            ".confirmed_at is not null and ",
            $row,
            ".end_reason <> 'moved' then 2 else 0 end"
        )
    };
}

pub(super) async fn move_subscriptions(
    writer: &mut SqliteConnection,
    old: &str,
    new: &str,
    now: DateTime<Utc>,
) -> Result<u64> {
    let action = "move subscriptions";
    for sql in GIVE_WAY {
        let give_way = sqlx::query(sql).bind(old).bind(new).bind(now.timestamp());
        give_way.execute(&mut *writer).await.during(action)?;
    }
    let moved =
        sqlx::query("update subscription set feed = $2 where feed = $1 and state <> 'ended'")
            .bind(old)
            .bind(new)
            .execute(&mut *writer)
            .await
            .during(action)?;
    for sql in RENAME {
        sqlx::query(sql).bind(old).bind(new).execute(&mut *writer).await.during(action)?;
    }
    audit::consents(writer, now).await?;
    Ok(moved.rows_affected())
}

/// Who has subscriptions to both feeds, `$1` and `$2`, keeps one; then what is left of `$1` and
/// runs can have the new name, which the log of consents says beforehand, as of `$3`.
const GIVE_WAY: [&str; 5] = [
    // A form that asked for it can still be confirmed.
    concat!(
        "delete from subscription where feed = $2 and exists (select 1 from subscription o
             where o.subscriber_id = subscription.subscriber_id and o.feed = $1 and ",
        weight!("o"),
        " > ",
        weight!("subscription"),
        ")"
    ),
    // What the other one had yet to bring is owed by this one.
    concat!(
        "with covered(digest_id, seq) as materialized (select w.id, ",
        owed::covered!("w.id"),
        " from digest w),
         ours(subscriber_id, seq) as (select o.subscriber_id, coalesce(o.owed_from, w.seq)
             from subscription o join covered w on w.digest_id = o.digest_id
             where o.feed = $1 and o.state = 'confirmed')
         update subscription set owed_from = ours.seq from ours
         where subscription.subscriber_id = ours.subscriber_id and subscription.feed = $2
             and subscription.state = 'confirmed'
             and ours.seq < coalesce(subscription.owed_from,
                 (select w.seq from covered w where w.digest_id = subscription.digest_id))"
    ),
    "insert into consent (subscriber_id, feed, digest, action, at, source, reason)
     select o.subscriber_id, $1, d.name, 'ended', $3, 'config', 'feed renamed from ' || $1
     from subscription o join digest d on d.id = o.digest_id
     where o.feed = $1 and o.state <> 'ended' and exists (select 1 from subscription s
         where s.subscriber_id = o.subscriber_id and s.feed = $2)",
    "update subscription set state = 'ended', ended_at = $3, end_reason = 'moved'
     where feed = $1 and state <> 'ended' and exists (select 1 from subscription s
         where s.subscriber_id = subscription.subscriber_id and s.feed = $2)",
    "insert into consent (subscriber_id, feed, digest, action, at, source, reason)
     select s.subscriber_id, $2, d.name, 'changed', $3, 'config', 'feed renamed from ' || $1
     from subscription s join digest d on d.id = s.digest_id
     where s.feed = $1 and s.state <> 'ended'",
];

/// Whatever else names the feed `$1` says `$2` from now on, so that mail on its way, what is owed
/// for it, its links and what somebody has yet to confirm find their subscription.
const RENAME: [&str; 5] = [
    // Who left may take it back, unless they follow the new name already.
    "update subscription set feed = $2 where feed = $1 and state = 'ended'
         and not exists (select 1 from subscription o
             where o.subscriber_id = subscription.subscriber_id and o.feed = $2)",
    "update subscription set end_reason = 'moved' where feed = $1 and end_reason = 'left'",
    "update issue_entry set feed = $2 where feed = $1",
    "update run_page set owed = (select json_group_array(json_array(j.value->>0,
             iif(j.value->>1 = $1, $2, j.value->>1), j.value->>2)) from json_each(owed) as j)
     where owed <> '[]'",
    // Who asked for both is to have the digest they chose for the new name.
    r#"update errand set wants = json_remove(
             json_set(wants, '$."' || $2 || '"', coalesce(wants->>$2, wants->>$1)),
             '$."' || $1 || '"')
     where kind = 'confirm' and ended_at is null and wants->>$1 is not null"#,
];
