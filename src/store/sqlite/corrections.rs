//! Corrections and withdrawals: which are to be told, who has the old text, and which mail a
//! correction answers.

use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, from_json, json};
use crate::model::Revision;
use crate::store::{Correction, Receiver, SubscriberRange, ToldChange, Untold};

/// Changes told to receivers since the digest was registered, whose key nobody took yet.
pub(super) async fn untold(reader: &mut SqliteConnection) -> Result<Vec<Correction>> {
    #[derive(FromRow)]
    struct Row {
        seq: i64,
        entry_id: i64,
        revision: i64,
        note: Option<String>,
        is_withdrawal: bool,
        is_current: bool,
        is_in_hand: bool,
        body_hash: String,
        fields: String,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select c.seq, c.entry_id, c.revision, c.note, c.class = 'withdrawn' as is_withdrawal,
             e.state = iif(c.class = 'withdrawn', 'withdrawn', 'public') as is_current,
             exists (select 1 from delivery d
                 join issue_entry i on i.issue_id = d.issue_id and i.entry_id = c.entry_id
                     and i.revision < c.revision
                 where d.lease_until is not null) as is_in_hand,
             coalesce(nullif(e.source_hash, ''), r.body_hash, '') as body_hash, r.fields
         from digest g join change c on c.tell = 'receivers' and c.seq > g.registered_seq
         join entry e on e.id = c.entry_id
         join revision r on r.entry_id = e.id and r.revision = e.revision
         where g.name = 'correction' and not exists (select 1 from run x
             where x.digest_id = g.id and x.key = 'seq:' || c.seq and x.state <> 'planned')
         order by c.seq",
    )
    .fetch_all(reader)
    .await
    .during("read the corrections")?;
    let correction = |row: Row| {
        let mut told = ToldChange {
            seq: row.seq,
            row: row.entry_id,
            told_revision: row.revision,
            body_hash: row.body_hash,
            entry: from_json("entry", &row.fields)?,
        };
        // An edit since may have taken the author's words out of the file again.
        let notes = &mut told.entry.notes;
        let words = if row.is_withdrawal { &mut notes.withdrawn } else { &mut notes.correction };
        *words = words.take().or(row.note);
        let told = row.is_current.then_some(told);
        Ok(Correction { told, seq: row.seq, is_in_hand: row.is_in_hand })
    };
    rows.into_iter().map(correction).collect()
}

/// Who has, or may have, a text of `entry` before this revision.
pub(super) async fn receivers(
    reader: &mut SqliteConnection,
    entry: i64,
    before: Revision,
    of: SubscriberRange,
) -> Result<Vec<Receiver>> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "with held(issue_id, run_id, feed) as materialized (
             select i.id, i.run_id, e.feed from issue_entry e join issue i on i.id = e.issue_id
             where e.entry_id = $1 and e.revision < $2)
         select distinct d.subscriber_id, h.feed
         from (select distinct run_id from held) r
         cross join delivery d on d.run_id = r.run_id
             and d.subscriber_id > $3 and d.subscriber_id <= $4
         join held h on h.issue_id = d.issue_id
         where d.state in ('accepted', 'uncertain')
         order by d.subscriber_id, h.feed",
    )
    .bind(entry)
    .bind(before)
    .bind(of.after)
    .bind(of.upto)
    .fetch_all(reader)
    .await
    .during("read who has the old text")?;
    Ok(rows.into_iter().map(|(subscriber, feed)| Receiver { subscriber, feed }).collect())
}

/// How many of them, and of those to whom it was refused, cannot be told. `feeds` select the
/// entry today.
pub(super) async fn unreachable(
    reader: &mut SqliteConnection,
    entry: i64,
    before: Revision,
    feeds: &[String],
) -> Result<Untold> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "with held(issue_id, run_id, feed, is_old) as materialized (
             select i.id, i.run_id, e.feed, e.revision < $2
             from issue_entry e join issue i on i.id = e.issue_id where e.entry_id = $1),
         copy(subscriber_id, feed, state, is_old) as materialized (
             select d.subscriber_id, h.feed, d.state, h.is_old
             from (select distinct run_id from held) r
             cross join delivery d on d.run_id = r.run_id
             join held h on h.issue_id = d.issue_id),
         person(id, has_old, has_new) as (
             select subscriber_id, max(is_old and state in ('accepted', 'uncertain')),
                 max(not is_old and state not in ('rejected', 'cancelled', 'rehearsed'))
             from copy where state in ('accepted', 'uncertain', 'rejected') or not is_old
             group by subscriber_id)
         select case
                 when p.has_old = 0 then 'refused'
                 when s.erased_at is not null then 'erased'
                 when exists (select 1 from suppression x where x.lookup = s.lookup)
                     then 'suppressed'
                 when not exists (select 1 from subscription c
                     where c.subscriber_id = p.id and c.state = 'confirmed'
                       and (c.feed in (select value from json_each($3))
                         or c.feed in (select feed from copy
                             where copy.subscriber_id = p.id and copy.is_old
                               and copy.state in ('accepted', 'uncertain')))) then 'left'
                 when s.paused_at is not null then 'paused'
                 else '' end as reason, count(*)
         from person p join subscriber s on s.id = p.id
         where p.has_new = 0 and (p.has_old or exists (select 1 from copy
             where copy.subscriber_id = p.id and copy.is_old and copy.state = 'rejected'))
         group by reason",
    )
    .bind(entry)
    .bind(before)
    .bind(json(&feeds))
    .fetch_all(reader)
    .await
    .during("count who cannot be told")?;
    let mut untold = Untold::default();
    for (reason, count) in rows {
        let count = count.cast_unsigned();
        match reason.as_str() {
            "left" => untold.left = count,
            "paused" => untold.paused = count,
            "suppressed" => untold.suppressed = count,
            "erased" => untold.erased = count,
            "refused" => untold.refused = count,
            _ => {}
        }
    }
    Ok(untold)
}

/// Says of the new deliveries of a page which mail each answers: the newest that brought an
/// older text. One whose mail an operator found unsent meanwhile is none.
pub(super) async fn thread(
    writer: &mut SqliteConnection,
    run: i64,
    recipients: &str,
) -> Result<()> {
    let action = "thread a correction";
    let is_correction: bool = sqlx::query_scalar(
        "select g.name = 'correction' from run r join digest g on g.id = r.digest_id
         where r.id = $1",
    )
    .bind(run)
    .fetch_one(&mut *writer)
    .await
    .during(action)?;
    if !is_correction {
        return Ok(());
    }
    for sql in [THREAD, DROP_UNTHREADED] {
        let done = sqlx::query(sql).bind(run).bind(recipients).execute(&mut *writer).await;
        done.during(action)?;
    }
    Ok(())
}

// Both look at the people of the page alone: a run has hundreds of pages.

const THREAD: &str = "
    with held(issue_id, run_id) as materialized (
        select i.id, i.run_id from run_entry own
        join issue_entry e on e.entry_id = own.entry_id and e.revision < own.revision
        join issue i on i.id = e.issue_id where own.run_id = $1),
    answered(subscriber_id, run_id) as materialized (
        select j.value->>0, (select d.run_id
            from (select distinct run_id from held) h
            cross join delivery d on d.run_id = h.run_id
                and d.subscriber_id = j.value->>0
            where d.state in ('accepted', 'uncertain')
              and d.issue_id in (select issue_id from held)
            order by d.dated_at desc, d.run_id desc limit 1)
        from json_each($2) as j)
    update delivery set answers_run = a.run_id from answered a
    where delivery.run_id = $1 and delivery.subscriber_id = a.subscriber_id
      and delivery.answers_run is null";

const DROP_UNTHREADED: &str = "
    delete from delivery where run_id = $1
      and subscriber_id in (select j.value->>0 from json_each($2) as j)
      and answers_run is null and state = 'pending'";

#[cfg(test)]
mod tests {
    use rusqlite::{StatementStatus, params};

    use super::{DROP_UNTHREADED, THREAD};
    use crate::store::sqlite::made::Made;

    #[tokio::test]
    async fn a_page_costs_the_same_however_many_the_run_has_already() {
        let steps = async |people: i64| {
            let made = Made::new().await;
            let old = made.run("daily", 1..=1);
            let run = made.run("correction", 2..=people);
            made.change(&format!(
                "insert into run_entry values ({run}, 1, 2);
                 update delivery set state = 'accepted' where run_id = {old};
                 insert into delivery (run_id, subscriber_id, issue_id, address_version,
                     token_key, dated_at, state, next_at, changed_at)
                 select {run}, 1, issue_id, 1, 1, 0, 'pending', 0, 0 from delivery
                 where run_id = {run} limit 1"
            ));
            let store = made.open();
            let mut steps = 0;
            for sql in [THREAD, DROP_UNTHREADED] {
                let mut statement = store.prepare(sql).unwrap();
                statement.execute(params![run, "[[1, 1], [2, 1]]"]).unwrap();
                steps += statement.get_status(StatementStatus::VmStep);
            }
            let left = made.query(&format!(
                "select subscriber_id || ' ' || coalesce(answers_run, 'nothing') from delivery
                 where run_id = {run} and subscriber_id < 4"
            ));
            assert_eq!(left, [format!("1 {old}"), "3 nothing".into()], "2 has no old text");
            steps
        };
        let (few, many) = (steps(10).await, steps(400).await);
        assert!(many < few + 100, "{few} steps with 10 people, {many} with 400");
    }
}
