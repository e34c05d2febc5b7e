//! Runs as they come: urgent news at once, reminders on their day to whoever chose events.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sqlx::FromRow;
use tidings::digest::{REMINDER, URGENT};
use tidings::store::Claim;

use super::check::{connect, story};
use super::item::Item;
use super::office::{PressOffice, REMINDED, Told};

#[derive(Debug, FromRow)]
struct Run {
    id: i64,
    digest: String,
    key: String,
    state: String,
    recipients: i64,
}

/// What there is to say of the runs that began since it was last asked.
pub(crate) async fn since(office: &mut PressOffice) -> Result<(), String> {
    let runs: Vec<Run> = sqlx::query_as(
        "select r.id, g.name as digest, r.key, r.state, coalesce(r.recipients, 0) as recipients
         from run r join digest g on g.id = r.digest_id
         where r.id > $1 and r.state <> 'planned' order by r.id",
    )
    .bind(office.seen_run)
    .fetch_all(&mut connect(office).await)
    .await
    .unwrap();
    for run in &runs {
        office.seen_run = run.id;
        if run.state == "held" {
            office.happened.push("held");
        }
        if run.digest == URGENT && run.recipients > 0 {
            office.happened.push("urgent told");
        }
        if run.digest == REMINDER {
            reminded(office, run).await?;
        }
    }
    urgent_is_told(office).await
}

/// Nothing urgent waits for anything but an operator.
async fn urgent_is_told(office: &PressOffice) -> Result<(), String> {
    let is_lasting =
        |name: &str| office.items.iter().any(|item| item.name == name && item.is_lasting());
    let is_meant = |told: &&Told| told.is_urgent && is_lasting(&told.name);
    let Some(told) = office.told.iter().rev().find(is_meant) else { return Ok(()) };
    let store = &office.desk.press.store;
    let covered = store.digest_progress(URGENT).await.unwrap().unwrap().covered_seq;
    let held = store.held_runs().await.unwrap();
    let is_held = held.iter().any(|held| held.digest == URGENT && held.to_seq >= told.seq);
    let is_asked = store.asked("issues of urgent").await.unwrap().is_some();
    if covered >= told.seq || is_held || is_asked {
        return Ok(());
    }
    let runs = story(office, 0).await;
    Err(format!("{told:?} was not told at once: up to {covered}\n{runs}"))
}

/// A day's reminders go to everybody who chose events and is there, where there is one ahead.
async fn reminded(office: &mut PressOffice, run: &Run) -> Result<(), String> {
    // One that takes the place of another serves those whom it left.
    let Ok(day) = run.key.parse::<NaiveDate>() else { return Ok(()) };
    let reached: BTreeSet<i64> =
        sqlx::query_scalar("select subscriber_id from delivery where run_id = $1")
            .bind(run.id)
            .fetch_all(&mut connect(office).await)
            .await
            .unwrap()
            .into_iter()
            .collect();
    if !reached.is_empty() {
        office.happened.push("reminded");
    }
    let now = office.desk.now();
    let is_due = |item: &&Item| {
        let day_of = |at: DateTime<Utc>| at.with_timezone(&office.place.zone).date_naive();
        let start = item.start.filter(|start| *start > now);
        let is_it = |start| day_of(start) == day + TimeDelta::days(REMINDED.into());
        !item.is_called_off && !item.is_withdrawn && start.is_some_and(is_it)
    };
    let due: Vec<&Item> = office.items.iter().filter(is_due).collect();
    let followers = || {
        let follows = office.choices.iter().filter(|c| c.feed == "events" && c.was_running(now));
        let people = follows.map(|choice| choice.person);
        people.filter(|person| {
            !office.suppressed.contains(person) && !office.resting.contains_key(person)
        })
    };
    // A file that is missing for the first time may have been moved.
    let is_certain = due.iter().any(|item| !item.is_deleted);
    let certain: BTreeSet<i64> = followers().filter(|_| is_certain).collect();
    let possible: BTreeSet<i64> = followers().filter(|_| !due.is_empty()).collect();
    if certain.is_subset(&reached) && reached.is_subset(&possible) {
        return Ok(());
    }
    let person = *reached.symmetric_difference(&certain).next().expect("they differ");
    let fault = format!("reminders {} reached {reached:?}, not {certain:?}: {due:?}", run.key);
    Err(format!("{fault}\n{}", story(office, person).await))
}

/// What a reminder says, at the moment it goes out: it takes place, then and not yet.
pub(crate) async fn reminder_goes_out(office: &mut PressOffice, claim: &Claim) {
    let lines: Vec<(String, String)> = sqlx::query_as(
        "select v.fields ->> 'title', v.fields ->> '$.event.start' from issue_entry e
         join revision v on v.entry_id = e.entry_id and v.revision = e.revision
         where e.issue_id = $1",
    )
    .bind(claim.issue)
    .fetch_all(&mut connect(office).await)
    .await
    .unwrap();
    let now = office.desk.now();
    for (name, start) in lines {
        let start: DateTime<Utc> = start.parse().unwrap();
        let item = office.items.iter().find(|item| item.name == name).unwrap();
        let is_true = item.start.is_some_and(|at| at.timestamp() == start.timestamp());
        if !is_true || start <= now || item.is_called_off || item.is_withdrawn {
            office.faults.push(format!("reminded at {now} of {start}: {item:?}"));
        }
    }
}
