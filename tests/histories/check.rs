//! What must be true of every history.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tidings::digest::{REMINDER, URGENT};

use super::office::{PressOffice, Told};

/// One entry in one person's mail.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Line {
    subscriber_id: i64,
    state: String,
    digest: String,
    entry_id: i64,
    revision: i64,
    /// When the event begins, as this revision says.
    start: Option<String>,
}

impl Line {
    /// Whether the person has it, as far as anybody can know.
    fn is_reached(&self) -> bool {
        matches!(self.state.as_str(), "accepted" | "uncertain")
    }
}

pub(crate) async fn connect(office: &PressOffice) -> SqliteConnection {
    let path = &office.desk.press.config.store_path;
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

/// Everybody has what they were owed, once.
pub(crate) async fn deliveries(office: &PressOffice) -> Result<(), String> {
    let lines: Vec<Line> = sqlx::query_as(
        "select d.subscriber_id, d.state, g.name as digest, e.entry_id, e.revision,
             v.fields ->> '$.event.start' as start
         from delivery d join run r on r.id = d.run_id join digest g on g.id = r.digest_id
         join issue_entry e on e.issue_id = d.issue_id
         join revision v on v.entry_id = e.entry_id and v.revision = e.revision
         order by d.run_id, d.subscriber_id, e.position",
    )
    .fetch_all(&mut connect(office).await)
    .await
    .unwrap();
    if let Some(open) =
        lines.iter().find(|line| matches!(&*line.state, "pending" | "claimed" | "intent"))
    {
        return Err(format!("still open: {open:?}"));
    }
    let (reminders, news): (Vec<&Line>, Vec<&Line>) =
        lines.iter().partition(|line| line.digest == REMINDER);
    let mut by_person: BTreeMap<(i64, i64), Vec<&Line>> = BTreeMap::new();
    for line in news {
        by_person.entry((line.subscriber_id, line.entry_id)).or_default().push(line);
    }
    let mut found = everybody(office, &by_person).and_then(|()| reminded_once(&reminders));
    for ((person, _), lines) in &by_person {
        let checked = once(office, lines).and_then(|()| entitled(office, lines));
        found = found.and(checked.map_err(|fault| (*person, fault)));
    }
    match found {
        Ok(()) => Ok(()),
        Err((person, fault)) => Err(format!("{fault}\n{}", story(office, person).await)),
    }
}

/// What an investigator asks first: the runs, and what became of this person.
pub(crate) async fn story(office: &PressOffice, person: i64) -> String {
    let mut connection = connect(office).await;
    let lines: Vec<String> = sqlx::query_scalar(
        "select line from (
             select r.created_at as at, 1 as place, 'run ' || r.id || ' ' || g.name || ' ' || r.key
                 || ' (' || r.from_seq || ', ' || r.to_seq || '] ' || r.state
                 || iif(r.advances, '', ', keeps its window')
                 || coalesce(': ' || (select d.state || coalesce(' ' || d.reason, '')
                     || (select group_concat(' ' || e.entry_id || '@' || e.revision, '')
                         from issue_entry e where e.issue_id = d.issue_id) from delivery d
                     where d.run_id = r.id and d.subscriber_id = $1), '') as line
             from run r join digest g on g.id = r.digest_id
             union all
             select at, 0, action || ' ' || feed || ' ' || digest from consent
             where subscriber_id = $1
             union all
             select numbered_at, 0, 'change ' || seq || ' of ' || entry_id || ' ' || class || ' '
                 || tell from change)
         order by at, place",
    )
    .bind(person)
    .fetch_all(&mut connection)
    .await
    .unwrap();
    lines.join("\n")
}

/// Nobody is reminded of one beginning twice.
fn reminded_once(lines: &[&Line]) -> Result<(), (i64, String)> {
    let mut known = HashSet::new();
    for line in lines.iter().filter(|line| line.is_reached()) {
        if !known.insert((line.subscriber_id, line.entry_id, &line.start)) {
            return Err((line.subscriber_id, format!("reminded twice: {line:?}")));
        }
    }
    Ok(())
}

/// Each revision once, and another one only when there was something to say.
fn once(office: &PressOffice, lines: &[&Line]) -> Result<(), String> {
    let reached: Vec<&&Line> = lines.iter().filter(|line| line.is_reached()).collect();
    for pair in reached.windows(2) {
        let (earlier, later) = (pair[0].revision, pair[1].revision);
        let is_news = office
            .told
            .iter()
            .any(|told| told.row == pair[1].entry_id && told.is_between(earlier, later));
        if later <= earlier || !(is_news || pair[1].digest == "correction") {
            return Err(format!("twice: {:?} and {:?}", pair[0], pair[1]));
        }
    }
    Ok(())
}

impl Told {
    fn is_between(&self, after: i64, upto: i64) -> bool {
        (after + 1..=upto).contains(&self.revision)
    }
}

/// Nobody has what was told before they came, nor what they never followed, nor what is not
/// urgent as if it were.
fn entitled(office: &PressOffice, lines: &[&Line]) -> Result<(), String> {
    for line in lines.iter().filter(|line| line.is_reached() && line.digest != "correction") {
        let is_its =
            |told: &&Told| told.row == line.entry_id && (told.is_urgent || line.digest != URGENT);
        let is_followed = office.told.iter().filter(is_its).any(|told| {
            office.choices.iter().any(|choice| {
                choice.person == line.subscriber_id
                    && choice.from_seq < told.seq
                    && choice.holds(&told.feeds)
            })
        });
        if !is_followed {
            return Err(format!("nobody asked for {line:?}"));
        }
    }
    Ok(())
}

/// What was told to somebody who follows it to this day has arrived.
fn everybody(
    office: &PressOffice,
    lines: &BTreeMap<(i64, i64), Vec<&Line>>,
) -> Result<(), (i64, String)> {
    let items: HashMap<&str, _> =
        office.items.iter().map(|item| (item.name.as_str(), item)).collect();
    let choices = office
        .choices
        .iter()
        .filter(|choice| !choice.has_ended && !office.suppressed.contains(&choice.person));
    for choice in choices {
        let due = office.told.iter().filter(|told| {
            told.seq > choice.from_seq.max(choice.passed_upto)
                && told.feeds.contains(&choice.feed)
                && items[told.name.as_str()].is_lasting()
        });
        for told in due {
            let of = |row: i64| lines.get(&(choice.person, row)).map_or(&[][..], Vec::as_slice);
            if of(told.row).iter().any(|line| line.state == "rejected") {
                continue;
            }
            let has_it =
                of(told.row).iter().any(|line| line.is_reached() && line.revision >= told.revision);
            // One may have become a translation of the other when it was told already.
            let group = |told: &Told| items[told.name.as_str()].group.as_deref();
            let has_other = group(told).is_some()
                && office.told.iter().any(|other| {
                    other.row != told.row
                        && group(other) == group(told)
                        && of(other.row).iter().any(|l| l.is_reached() || l.state == "rejected")
                });
            if !has_it && !has_other {
                let fault = format!("{told:?} never reached {choice:?}: {:?}", of(told.row));
                return Err((choice.person, fault));
            }
        }
    }
    Ok(())
}
