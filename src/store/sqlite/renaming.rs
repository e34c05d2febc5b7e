//! Subscriptions to a feed that has another name now.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::{During, Result, audit};

pub(super) async fn move_subscriptions(
    writer: &mut SqliteConnection,
    old: &str,
    new: &str,
    now: DateTime<Utc>,
) -> Result<u64> {
    let action = "move subscriptions";
    // Who follows both has one of the new name already.
    sqlx::query(
        "update subscription set state = 'ended', ended_at = $3, end_reason = 'moved'
         where feed = $1 and state <> 'ended' and exists (select 1 from subscription o
             where o.subscriber_id = subscription.subscriber_id and o.feed = $2
                 and o.state <> 'ended')",
    )
    .bind(old)
    .bind(new)
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?;
    sqlx::query(
        "insert into consent (subscriber_id, feed, digest, action, at, source, reason)
         select s.subscriber_id, $2, d.name, 'changed', $3, 'config', 'feed renamed from ' || $1
         from subscription s join digest d on d.id = s.digest_id
         where s.feed = $1 and s.state <> 'ended'",
    )
    .bind(old)
    .bind(new)
    .bind(now.timestamp())
    .execute(&mut *writer)
    .await
    .during(action)?;
    sqlx::query(
        "delete from subscription where feed = $2 and state = 'ended' and exists (
             select 1 from subscription o where o.subscriber_id = subscription.subscriber_id
                 and o.feed = $1 and o.state <> 'ended')",
    )
    .bind(old)
    .bind(new)
    .execute(&mut *writer)
    .await
    .during(action)?;
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
