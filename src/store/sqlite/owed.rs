//! What people are owed when mail to them was not sent.
//!
//! For each feed their next plan begins right before the oldest news that the issue they did not
//! get had from it, or that it holds too: not where the run's window did, for a new reader's plan
//! began later, and that of somebody who changed to another digest began earlier. What was
//! cancelled of urgent news is owed to all their subscriptions of its feeds, whatever the digest.
//! Who left is owed it too, should they take that back.

use sqlx::SqliteConnection;

use super::outbox::NEVER;
use super::{During, Result, moment};
use crate::store::KnownCancellations;

/// States of a run whose window is covered; with `was_open`, one that was superseded then.
/// Asked of a run `x`.
macro_rules! has_covered {
    () => {
        "(x.was_open = 1 or x.state in ('expanding', 'sending', 'paused', 'complete', 'empty',
            'cancelled'))"
    };
}

/// Where the next window of the digest with the id `$digest` begins.
macro_rules! covered {
    ($digest:literal) => {
        concat!(
            "max((select registered_seq from digest where id = ",
            $digest,
            "), coalesce((select max(x.to_seq) from run x where x.digest_id = ",
            $digest,
            " and x.advances = 1 and ",
            $crate::store::sqlite::owed::has_covered!(),
            "), 0))"
        )
    };
}

/// Number of the last cancellation of any run that people are owed for.
macro_rules! newest_cancellation {
    () => {
        "(select coalesce(max(last_cancellation), 0) from run where last_cancellation > 0)"
    };
}

/// When the reader of a subscription `c` began to follow its feed: not when they took an end back
/// (reason `undo`, once the wording) or chose another digest, and under an older name where the
/// feed was renamed since, once or more often.
macro_rules! joined_at {
    () => {
        "coalesce((select max(k.at) from consent k
             where k.subscriber_id = c.subscriber_id and k.action = 'confirmed'
                 and k.reason is not 'undo' and k.wording is not 'undo'
                 and k.feed in (
                     with recursive named(feed) as (
                         select c.feed union
                         select substr(m.reason, length('feed renamed from ') + 1)
                         from named join consent m on m.feed = named.feed
                         where m.subscriber_id = c.subscriber_id and m.action = 'changed'
                             and m.reason like 'feed renamed from %')
                     select feed from named)),
             c.confirmed_at, c.requested_at)"
    };
}

/// Owes the deliveries `d` of the run `?1` to the people from `?3` to `?4` for which `$unsent`
/// holds; `?2` stands for no bound. A value that stands is only ever lowered, and where none
/// does the digest itself may begin earlier.
///
/// Each feed of theirs that holds an entry owes it, for they may leave the one it stands under;
/// what came before they followed that feed it does not owe.
macro_rules! owe {
    ($unsent:literal) => {
        concat!(
            "with lines(issue_id, feed, entry_id, told) as materialized (
                 select e.issue_id, e.feed, e.entry_id, max(h.seq)
                 from run r join issue i on i.run_id = r.id
                 join issue_entry e on e.issue_id = i.id
                 left join change h on h.entry_id = e.entry_id and h.tell = 'followers'
                     and h.seq <= r.to_seq
                 where r.id = ?1 and i.id in (select d.issue_id from delivery d
                     where d.run_id = ?1 and d.subscriber_id between ?3 and ?4 and ",
            $unsent,
            ") group by e.issue_id, e.feed, e.entry_id),
             holders(entry_id, feed) as materialized (
                 select e.id, f.name
                 from (select distinct entry_id from lines where told is not null) l
                 join entry e on e.id = l.entry_id
                 cross join feed f
                 cross join feed_entry m on m.feed_id = f.id and m.entry_id = e.id
                     and m.updated_at = coalesce(e.stands_at, e.updated_at)),
             begins(issue_id, feed, brought, held) as materialized (
                 select issue_id, feed, min(brought), min(held)
                 from (select l.issue_id, l.feed, coalesce(min(l.told) - 1, r.from_seq) as brought,
                         null as held
                     from lines l join run r on r.id = ?1 group by l.issue_id, l.feed
                     union all
                     select l.issue_id, h.feed, null, min(l.told) - 1
                     from lines l join holders h on h.entry_id = l.entry_id and h.feed <> l.feed
                     group by l.issue_id, h.feed)
                 group by issue_id, feed),
             -- Once for a page of people: a digest may have thousands of runs.
             covered(digest_id, seq) as materialized (select w.id, ",
            $crate::store::sqlite::owed::covered!("w.id"),
            " from digest w),
             missed(subscriber_id, feed, seq) as materialized (
                 select c.subscriber_id, c.feed, min(coalesce(b.brought, ?2),
                     case
                     when b.held is null or b.held >= b.brought then ?2
                     -- Nearly everybody came before.
                     when coalesce(c.confirmed_at, c.requested_at) < (select h.numbered_at
                         from change h where h.seq = b.held + 1) then b.held
                     else coalesce((select max(h.seq) from change h where h.seq > b.held
                         and h.numbered_at <= ",
            joined_at!(),
            "), b.held) end)
                 from delivery d
                 join run r on r.id = d.run_id
                 join digest g on g.id = r.digest_id
                     and g.name not in ('correction', 'reminder')
                 join begins b on b.issue_id = d.issue_id
                 join subscription c on c.subscriber_id = d.subscriber_id and c.feed = b.feed
                     and c.state in ('confirmed', 'ended')
                 where d.run_id = ?1 and d.subscriber_id between ?3 and ?4 and ",
            $unsent,
            ")
             update subscription set owed_from = m.seq
             from missed m join run r on r.id = ?1
             where subscription.subscriber_id = m.subscriber_id and subscription.feed = m.feed
               and m.seq < coalesce(subscription.owed_from,
                 case when subscription.digest_id = r.digest_id and r.advances = 1 then ?2
                 else (select w.seq from covered w
                     where w.digest_id = subscription.digest_id) end)"
        )
    };
}

pub(super) use {covered, has_covered, newest_cancellation};

/// What is about to be cancelled because its run was.
pub(super) const OWE_UNSENT: &str = owe!("d.state in ('pending', 'claimed') and d.unknowns = 0");

/// Gives who joined a feed within the window of the run `?1` the beginning back that the run
/// cleared, where it had nothing from that feed for them and does not reach them, from `?2` to
/// `?3`: who takes its place would bring what was told before they came.
pub(super) const OWE_JOINED: &str = concat!(
    "with joined(subscriber_id, feed, seq) as materialized (
        select c.subscriber_id, c.feed,
            (select max(h.seq) from change h where h.seq > r.from_seq and h.seq <= r.to_seq
                and h.numbered_at < ",
    joined_at!(),
    ")
        from run r
        join delivery d on d.run_id = r.id and d.subscriber_id between ?2 and ?3
            and d.state in ('pending', 'claimed') and d.unknowns = 0
        join subscription c on c.subscriber_id = d.subscriber_id and c.state = 'confirmed'
            and c.digest_id = r.digest_id and c.owed_from is null
            -- Nearly everybody came before.
            and c.confirmed_at > (select h.numbered_at from change h where h.seq > r.from_seq
                order by h.seq limit 1)
        where r.id = ?1)
    update subscription set owed_from = joined.seq from joined
    where subscription.subscriber_id = joined.subscriber_id
        and subscription.feed = joined.feed and joined.seq is not null"
);

/// What has expired.
pub(super) const OWE_EXPIRED: &str = owe!("d.state = 'cancelled'");

/// What was cancelled, from the moment `?5` on, of what a plan left out because it was to come.
const OWE_LATE: &str =
    owe!("d.state = 'cancelled' and d.reason <> 'suppressed' and d.changed_at >= ?5");

/// Whenever deliveries of the run `?1` were cancelled that their people are owed.
pub(super) const NUMBER_CANCELLATION: &str =
    concat!("update run set last_cancellation = 1 + ", newest_cancellation!(), " where id = ?1");

/// Owes people from `first` to `last` what was cancelled while a run was planned that covers it,
/// or clears what they were owed; not that of the run `besides`.
pub(super) async fn owe_late(
    writer: &mut SqliteConnection,
    known: KnownCancellations,
    besides: i64,
    (first, last): (i64, i64),
) -> Result<()> {
    let action = "record what was cancelled meanwhile";
    let late: Vec<i64> = sqlx::query_scalar(
        "select id from run where last_cancellation > 0 and last_cancellation > $1 and id <> $2",
    )
    .bind(known.newest)
    .bind(besides)
    .fetch_all(&mut *writer)
    .await
    .during(action)?;
    for run in late {
        let owe = sqlx::query(OWE_LATE).bind(run).bind(NEVER).bind(first).bind(last);
        owe.bind(known.at.timestamp()).execute(&mut *writer).await.during(action)?;
    }
    Ok(())
}

/// The same, of a run that is expanded.
pub(super) async fn owe_late_of(
    writer: &mut SqliteConnection,
    run: i64,
    people: (i64, i64),
) -> Result<()> {
    let known: Option<(i64, i64)> = sqlx::query_as(
        "select known_cancellation, known_at from run
         where id = $1 and known_cancellation is not null",
    )
    .bind(run)
    .fetch_optional(&mut *writer)
    .await
    .during("read a run")?;
    let Some((newest, at)) = known else { return Ok(()) };
    owe_late(writer, KnownCancellations { newest, at: moment(at) }, run, people).await
}

/// What was taken from who left: whoever only changed to another digest, or follows another feed
/// that holds it, has yet to get it.
pub(super) const OWE_LEFT: &str = owe!("d.state = 'cancelled' and d.reason = 'left'");

#[cfg(test)]
mod tests {
    use rusqlite::{StatementStatus, params};

    use super::OWE_UNSENT;
    use crate::store::sqlite::made::{Made, at};
    use crate::store::sqlite::outbox::NEVER;
    use crate::store::{Cancellation, Store};

    /// `owed_from` of a person, by feed.
    fn owed(made: &Made, person: i64) -> Vec<String> {
        made.query(&format!(
            "select feed || ' ' || coalesce(owed_from, 'as usual') from subscription
             where subscriber_id = {person} order by feed"
        ))
    }

    async fn cancel(made: &Made, run: i64) {
        let by = "mei".to_owned();
        let cancellation = Cancellation { run, reason: None, by, token_key: 1 };
        made.store.cancel_run(&cancellation, at(1)).await.unwrap();
    }

    /// The entry of [`Made::run`] is told as change number `seq`.
    fn tell(made: &Made, seq: i64) {
        made.open()
            .execute(
                "insert into change (seq, entry_id, revision, class, tell, numbered_at)
                 values (?1, 1, 1, 'new', 'followers', 0)",
                [seq],
            )
            .unwrap();
    }

    #[tokio::test]
    async fn what_is_owed_begins_right_before_the_oldest_news_of_the_issue() {
        // Somebody who joined at 5, and somebody who was owed from before the run's window.
        for seq in [6, 2] {
            let made = Made::new().await;
            let run = made.run("daily", 1..=1);
            tell(&made, seq);
            cancel(&made, run).await;
            assert_eq!(owed(&made, 1), [format!("all {}", seq - 1)]);
        }
    }

    #[tokio::test]
    async fn a_feed_owes_nothing_from_before_its_own_news() {
        let made = Made::new().await;
        let run = made.run("daily", 1..=1);
        tell(&made, 6);
        made.change(
            "insert into change (seq, entry_id, revision, class, tell, numbered_at)
             values (9, 2, 1, 'new', 'followers', 0);
             insert into issue_entry (issue_id, position, feed, entry_id, revision)
             select issue_id, 1, 'events', 2, 1 from issue_entry where position = 0;
             insert into subscription (subscriber_id, feed, digest_id, state, requested_at)
             select 1, 'events', digest_id, 'confirmed', 0 from subscription
             where subscriber_id = 1",
        );
        cancel(&made, run).await;
        assert_eq!(owed(&made, 1), ["all 5", "events 8"]);
    }

    #[tokio::test]
    async fn a_cancelled_run_gives_who_joined_a_feed_in_its_window_their_beginning_back() {
        let made = Made::new().await;
        let run = made.run("daily", 1..=1);
        tell(&made, 6);
        made.change(
            "insert into change (seq, entry_id, revision, class, tell, numbered_at)
             values (8, 2, 1, 'new', 'followers', 200);
             insert into subscription (subscriber_id, feed, digest_id, state, requested_at,
                 confirmed_at)
             select 1, 'events', digest_id, 'confirmed', 100, 100 from subscription;
             insert into consent (subscriber_id, feed, digest, action, at, source)
             values (1, 'events', 'daily', 'confirmed', 100, 'form')",
        );
        cancel(&made, run).await;
        assert_eq!(owed(&made, 1), ["all 5", "events 6"]);
    }

    #[tokio::test]
    async fn a_held_run_that_is_cancelled_is_owed_to_who_had_no_place_in_it_too() {
        let made = Made::new().await;
        let run = made.run("daily", 1..=4);
        // Of 2 to 4 nobody is in it: 3 was owed something when it was planned, 4 rests.
        made.change(
            "delete from delivery where subscriber_id > 1;
             update subscription set owed_from = 2 where subscriber_id = 3;
             update subscriber set paused_at = 1 where id = 4;
             update run set state = 'held';
             insert into run_page (run_id, page, recipients, owed)
                 select id, 0, '[]', '[[3, \"all\", 2]]' from run",
        );
        cancel(&made, run).await;
        let owed: Vec<_> = (1..=4).flat_map(|person| owed(&made, person)).collect();
        assert_eq!(owed, ["all 3", "all 3", "all 2", "all as usual"]);
    }

    #[tokio::test]
    async fn urgent_news_is_owed_to_every_digest_that_has_gone_past_it() {
        let made = Made::new().await;
        made.run("daily", 1..=1);
        made.change(
            "update run set state = 'complete', from_seq = 0;
             insert into digest (name, registered_seq, registered_at) values ('weekly', 0, 0);
             insert into subscription (subscriber_id, feed, digest_id, state, requested_at)
             values (1, 'events', (select id from digest where name = 'daily'), 'confirmed', 0)",
        );
        let run = made.run("urgent", 2..=3);
        tell(&made, 8);
        made.change(
            "update subscription set digest_id = (select id from digest where name = 'daily')
             where subscriber_id = 2;
             update subscription set digest_id = (select id from digest where name = 'weekly')
             where subscriber_id = 3",
        );
        cancel(&made, run).await;
        assert_eq!(owed(&made, 2), ["all 7"], "the daily one has covered it");
        assert_eq!(owed(&made, 3), ["all as usual"], "the weekly one begins before it anyway");
        assert_eq!(owed(&made, 1), ["all as usual", "events as usual"]);
    }

    #[tokio::test]
    async fn the_runs_of_a_digest_are_looked_at_once_for_a_page_of_people() {
        let made = Made::new().await;
        let run = made.run("daily", 1..=100);
        let owe = || {
            made.change("update subscription set owed_from = null");
            let store = made.open();
            let mut owe = store.prepare(OWE_UNSENT).unwrap();
            assert_eq!(owe.execute(params![run, NEVER, 1, 100]).unwrap(), 100);
            owe.get_status(StatementStatus::VmStep)
        };
        made.change(
            "insert into digest (name, registered_seq, registered_at) values ('weekly', 0, 0);
             update subscription set digest_id = (select id from digest where name = 'weekly')",
        );
        let add_runs =
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100)
             insert into run (digest_id, key, from_seq, to_seq, state, created_at)
             select id, i, 0, i, 'complete', 0 from n, digest where name = 'weekly'";
        let run = "insert into run (digest_id, key, from_seq, to_seq, state, created_at)
             select id, 'first', 0, 100, 'complete', 0 from digest where name = 'weekly'";
        made.change(run);
        let with_one = owe();
        made.change(add_runs);
        let more = owe() - with_one;
        assert!(more < 100 * 50, "{more} steps more for 100 runs");
    }
}
