//! Corrections and withdrawals reach exactly those who have an older text and still follow it.

use std::collections::BTreeSet;

use sqlx::FromRow;
use tidings::model::Seq;

use super::check::{connect, story};
use super::office::PressOffice;
use super::people::Choice;

/// A change that receivers are told, as it was numbered.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Correction {
    pub(crate) seq: Seq,
    pub(crate) entry_id: i64,
    pub(crate) revision: i64,
    pub(crate) title: String,
    pub(crate) is_withdrawal: bool,
}

/// A delivery that brings the entry of a correction.
#[derive(Debug, FromRow)]
struct Copy {
    subscriber_id: i64,
    revision: i64,
    state: String,
}

/// What has been numbered since.
pub(crate) async fn after(office: &PressOffice, seq: Seq) -> Vec<Correction> {
    sqlx::query_as(
        "select c.seq, c.entry_id, c.revision, c.class = 'withdrawn' as is_withdrawal,
             r.fields ->> 'title' as title
         from change c join revision r on r.entry_id = c.entry_id and r.revision = c.revision
         where c.tell = 'receivers' and c.seq > $1 order by c.seq",
    )
    .bind(seq)
    .fetch_all(&mut connect(office).await)
    .await
    .unwrap()
}

/// Whoever is told a correction is who is to be told; one that waits is looked at later.
pub(crate) async fn receivers(office: &mut PressOffice) -> Result<(), String> {
    let mut waiting = Vec::new();
    for correction in std::mem::take(&mut office.corrections) {
        if !is_told(office, &correction).await? {
            waiting.push(correction);
        }
    }
    office.corrections = waiting;
    Ok(())
}

async fn is_told(office: &mut PressOffice, told: &Correction) -> Result<bool, String> {
    let mut connection = connect(office).await;
    let run: Option<i64> = sqlx::query_scalar(
        "select r.id from run r join digest g on g.id = r.digest_id
         where g.name = 'correction' and r.key = 'seq:' || $1 and r.state <> 'planned'",
    )
    .bind(told.seq)
    .fetch_optional(&mut connection)
    .await
    .unwrap();
    let Some(run) = run else { return Ok(false) };
    let reached: BTreeSet<i64> =
        sqlx::query_scalar("select subscriber_id from delivery where run_id = $1")
            .bind(run)
            .fetch_all(&mut connection)
            .await
            .unwrap()
            .into_iter()
            .collect();
    let copies: Vec<Copy> = sqlx::query_as(
        "select d.subscriber_id, e.revision, d.state
         from issue_entry e join delivery d on d.issue_id = e.issue_id
         where e.entry_id = $1 and d.run_id < $2",
    )
    .bind(told.entry_id)
    .bind(run)
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let state: String = sqlx::query_scalar("select state from entry where id = $1")
        .bind(told.entry_id)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let is_current = state == if told.is_withdrawal { "withdrawn" } else { "public" };
    let [certain, possible] =
        if is_current { expected(office, told, &copies) } else { Default::default() };
    if certain.is_subset(&reached) && reached.is_subset(&possible) {
        office.happened.extend(reached.first().map(|_| "receivers told"));
        let theirs = reached.iter().map(|person| (told.clone(), run, *person));
        office.corrected.extend(theirs);
        return Ok(true);
    }
    let person = *reached
        .difference(&possible)
        .chain(certain.difference(&reached))
        .next()
        .expect("one of them is no subset");
    let fault = format!("{told:?} reached {reached:?}, not {certain:?}: {copies:?}");
    Err(format!("{fault}\n{}", story(office, person).await))
}

/// Who has, or may have, an older text and no newer one, and follows what selects it: those who
/// must be told, and those who may, for a newer text was on its way to them and did not arrive.
fn expected(office: &PressOffice, told: &Correction, copies: &[Copy]) -> [BTreeSet<i64>; 2] {
    let feeds = office.items.iter().find(|item| item.name == told.title).unwrap().feeds();
    let now = office.desk.now();
    let follows = |choice: &&Choice| {
        choice.was_running(now)
            && choice.holds(&feeds)
            && !office.suppressed.contains(&choice.person)
            && !office.resting.contains_key(&choice.person)
    };
    let of = |person: i64| copies.iter().filter(move |copy| copy.subscriber_id == person);
    let is_old = |copy: &Copy| {
        copy.revision < told.revision && matches!(&*copy.state, "accepted" | "uncertain")
    };
    let followers = office.choices.iter().filter(follows).map(|choice| choice.person);
    let with_old: BTreeSet<i64> = followers.filter(|person| of(*person).any(is_old)).collect();
    let is_new = |copy: &&Copy| copy.revision >= told.revision;
    let is_there = |copy: &Copy| !matches!(&*copy.state, "rejected" | "cancelled");
    let is_certain = |person: &i64| !of(*person).any(|copy| is_new(&copy));
    let is_possible = |person: &i64| !of(*person).filter(is_new).any(is_there);
    [
        with_old.iter().copied().filter(is_certain).collect(),
        with_old.iter().copied().filter(is_possible).collect(),
    ]
}

/// At rest whoever was told a correction has it, unless they left what holds the entry, it was
/// refused or given up, or an operator or a newer text ended it.
pub(crate) async fn arrived(office: &PressOffice) -> Result<(), String> {
    let mut connection = connect(office).await;
    for (told, run, person) in &office.corrected {
        let item = office.items.iter().find(|item| item.name == told.title).unwrap();
        let follows = office.choices.iter().any(|choice| {
            choice.person == *person
                && !choice.has_ended
                && choice.from_seq < told.seq
                && choice.holds(&item.feeds())
        });
        if !follows || office.suppressed.contains(person) {
            continue;
        }
        let fate: Option<String> = sqlx::query_scalar(
            "select state || coalesce(' ' || reason, '') from delivery
             where run_id = $1 and subscriber_id = $2",
        )
        .bind(run)
        .bind(person)
        .fetch_optional(&mut connection)
        .await
        .unwrap();
        let has_newer: bool = sqlx::query_scalar(
            "select exists (select 1 from delivery d
                 join issue_entry e on e.issue_id = d.issue_id
                 where d.subscriber_id = $1 and e.entry_id = $2 and e.revision >= $3
                     and d.state in ('accepted', 'uncertain'))",
        )
        .bind(person)
        .bind(told.entry_id)
        .bind(told.revision)
        .fetch_one(&mut connection)
        .await
        .unwrap();
        let is_settled = matches!(
            fate.as_deref(),
            Some("rejected" | "cancelled operator" | "cancelled superseded" | "cancelled expired")
        );
        if !has_newer && !is_settled {
            let fault = format!("{told:?} of run {run} never reached {person}: {fate:?}");
            return Err(format!("{fault}\n{}", story(office, *person).await));
        }
    }
    Ok(())
}
