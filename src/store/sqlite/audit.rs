//! The audit ledger: written in the transaction that does what it tells of, and checked against
//! the rows.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::{FromRow, SqliteConnection};

use super::{During, Result, from_json, moment, requests, runs};
use crate::audit::{
    Broken, Chain, Consents, Ended, Head, Held, Kind, Line, Opened, Place, Quiet, Said, Totals,
};
use crate::hash::Hasher;
use crate::store::{AuditChain, AuditReport, Override};

/// Who decides where nobody does.
pub(super) const PROGRAM: &str = "tidings";

const WRITE: &str = "write the audit ledger";
const READ: &str = "read the audit ledger";

/// Where the last row of consent is noted that a line tells of.
const TOLD_CONSENT: &str = "audit_told_consent";

/// Where the newest line of a kind is noted.
fn fact(kind: Kind) -> String {
    format!("audit_head_{}", kind.as_str())
}

pub(super) async fn append(
    writer: &mut SqliteConnection,
    said: &Said,
    now: DateTime<Utc>,
) -> Result<()> {
    let kind = said.kind();
    let noted = noted(writer, kind).await?;
    // What is no day in the place of one is passed over: it is no place to go on behind.
    let newest: Option<(String, i64)> = sqlx::query_as(
        "select day, number from audit where kind = $1 and date(day) is day
         order by day desc, number desc limit 1",
    )
    .bind(kind.as_str())
    .fetch_optional(&mut *writer)
    .await
    .during(WRITE)?;
    let newest = newest.and_then(|(day, number)| place(&day, number));
    // They differ where somebody meddled. The ledger goes on behind both: `verify` tells, and
    // nobody's unsubscribe fails for it.
    let head = match (noted, newest) {
        (Some(noted), Some(place)) if place > noted.place => Some(Head { place, ..noted }),
        (None, Some(place)) => Some(Head { place, hash: String::new() }),
        (noted, _) => noted,
    };
    let line = Line::after(head.as_ref(), now, said);
    sqlx::query(
        "insert into audit (kind, day, number, at, said, hash) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(kind.as_str())
    .bind(line.place.day.to_string())
    .bind(line.place.number.cast_signed())
    .bind(line.at.timestamp())
    .bind(&line.said)
    .bind(&line.hash)
    .execute(&mut *writer)
    .await
    .during(WRITE)?;
    requests::set_fact(writer, &fact(kind), &line.head().to_fact()).await
}

async fn noted(reader: &mut SqliteConnection, kind: Kind) -> Result<Option<Head>> {
    let text = requests::fact(reader, &fact(kind)).await?;
    Ok(text.as_deref().and_then(Head::from_fact))
}

fn place(day: &str, number: i64) -> Option<Place> {
    Some(Place { day: day.parse().ok()?, number: number.cast_unsigned() })
}

/// Tells of a run that was opened just now.
pub(super) async fn opened(
    writer: &mut SqliteConnection,
    run: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(Planned { run, .. }) = planned(writer, run).await? else { return Ok(()) };
    append(writer, &Said::Opened(run), now).await
}

/// Tells of a run that waits for a word from now on.
pub(super) async fn held(
    writer: &mut SqliteConnection,
    run: i64,
    hold: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(Planned { run, .. }) = planned(writer, run).await? else { return Ok(()) };
    append(writer, &Said::Held(Held { hold, run }), now).await
}

/// Tells what was overridden for a run that is planned to its end. Before, it may be dropped and
/// its number given to another one.
pub(super) async fn overridden(
    writer: &mut SqliteConnection,
    run: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(Planned { run: planned, .. }) = planned(writer, run).await? else { return Ok(()) };
    for Override { brake, reason, by } in planned.overrides {
        append(writer, &Said::Overridden { run, brake, reason, by }, now).await?;
    }
    Ok(())
}

/// Tells of a run that the program ended before its time.
pub(super) async fn superseded(
    writer: &mut SqliteConnection,
    run: i64,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let (reason, by) = (reason.to_owned(), PROGRAM.to_owned());
    append(writer, &Said::Superseded { run, reason, by }, now).await
}

/// A run as a line of its plan has it.
#[derive(Debug)]
struct Planned {
    run: Opened,
    /// Whether it waits for a word.
    is_held: bool,
}

impl Planned {
    /// Whether it is what was held. Let go, those who left are taken from it; superseded, its
    /// window is left to another run.
    fn was_held_as(&self, held: &Opened) -> bool {
        let mut held = held.clone();
        if !self.is_held {
            (held.advances, held.recipients) = (self.run.advances, self.run.recipients);
        }
        self.run == held
    }
}

async fn planned(reader: &mut SqliteConnection, run: i64) -> Result<Option<Planned>> {
    #[derive(FromRow)]
    struct Row {
        digest: String,
        key: String,
        from_seq: i64,
        to_seq: i64,
        advances: bool,
        plan_hash: Option<String>,
        issues: i64,
        recipients: i64,
        overrides: Option<String>,
        is_held: bool,
    }
    let row: Option<Row> = sqlx::query_as(
        "select d.name as digest, r.key, r.from_seq, r.to_seq, r.advances, r.plan_hash,
             (select count(*) from issue i where i.run_id = r.id) as issues, r.recipients,
             r.overrides, r.state = 'held' as is_held
         from run r join digest d on d.id = r.digest_id where r.id = $1",
    )
    .bind(run)
    .fetch_optional(reader)
    .await
    .during(READ)?;
    let Some(row) = row else { return Ok(None) };
    let overrides = row.overrides.map(|text| from_json("overrides of a run", &text)).transpose()?;
    Ok(Some(Planned {
        run: Opened {
            run,
            digest: row.digest,
            key: row.key,
            from_seq: row.from_seq,
            to_seq: row.to_seq,
            advances: row.advances,
            plan: row.plan_hash.unwrap_or_default(),
            issues: row.issues.cast_unsigned(),
            recipients: row.recipients.cast_unsigned(),
            overrides: overrides.unwrap_or_default(),
        },
        is_held: row.is_held,
    }))
}

/// Tells of a due moment that was recorded just now, and at which nothing is sent.
pub(super) async fn quiet(
    writer: &mut SqliteConnection,
    digest: i64,
    key: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let run: Option<i64> =
        sqlx::query_scalar("select id from run where digest_id = $1 and key = $2")
            .bind(digest)
            .bind(key)
            .fetch_optional(&mut *writer)
            .await
            .during(WRITE)?;
    let Some(run) = run else { return Ok(()) };
    match quiet_row(writer, run).await? {
        Some(quiet) => append(writer, &Said::Quiet(quiet), now).await,
        None => Ok(()),
    }
}

async fn quiet_row(reader: &mut SqliteConnection, run: i64) -> Result<Option<Quiet>> {
    let row: Option<(String, String, i64, i64, String)> = sqlx::query_as(
        "select d.name, r.key, r.from_seq, r.to_seq, r.state
         from run r join digest d on d.id = r.digest_id where r.id = $1",
    )
    .bind(run)
    .fetch_optional(reader)
    .await
    .during(READ)?;
    Ok(row.map(|(digest, key, from_seq, to_seq, state)| Quiet {
        run,
        digest,
        key,
        from_seq,
        to_seq,
        state,
    }))
}

/// Tells of a run at its end with these totals.
pub(super) async fn ended(
    writer: &mut SqliteConnection,
    run: i64,
    totals: Totals,
    now: DateTime<Utc>,
) -> Result<()> {
    let state: String = sqlx::query_scalar("select state from run where id = $1")
        .bind(run)
        .fetch_one(&mut *writer)
        .await
        .during(WRITE)?;
    append(writer, &Said::Ended(Ended { run, state, totals }), now).await
}

/// Tells of all rows of consent that no line tells of yet: those of this transaction. The first
/// line of a store that is older than its ledger tells of all rows from before it.
pub(super) async fn consents(writer: &mut SqliteConnection, now: DateTime<Utc>) -> Result<()> {
    let told = told_consent(writer).await?;
    let Some(consents) = consent_rows(writer, told, i64::MAX).await? else { return Ok(()) };
    let last = consents.last.to_string();
    append(writer, &Said::Consents(consents), now).await?;
    requests::set_fact(writer, TOLD_CONSENT, &last).await
}

/// The last row of consent that a line tells of. Who meddles with that line is told of by
/// `verify`, and keeps nobody from leaving: it is noted a second time.
async fn told_consent(reader: &mut SqliteConnection) -> Result<i64> {
    let newest: Option<String> = sqlx::query_scalar(
        "select said from audit where kind = 'consent' order by day desc, number desc limit 1",
    )
    .fetch_optional(&mut *reader)
    .await
    .during(WRITE)?;
    let Some(newest) = newest else { return Ok(0) };
    if let Ok(Said::Consents(consents)) = serde_json::from_str(&newest) {
        return Ok(consents.last);
    }
    let noted = requests::fact(reader, TOLD_CONSENT).await?;
    Ok(noted.and_then(|noted| noted.parse().ok()).unwrap_or(0))
}

#[derive(FromRow)]
struct ConsentPage {
    count: i64,
    first: Option<i64>,
    last: Option<i64>,
    lowest_subscriber: Option<i64>,
    highest_subscriber: Option<i64>,
    requested: i64,
    confirmed: i64,
    changed: i64,
    ended: i64,
    says: Option<String>,
}

/// Rows of consent that are read at once.
const CONSENTS: i64 = 5_000;

/// Rows of consent behind `after`, up to `last`; `None` where there is none.
async fn consent_rows(
    reader: &mut SqliteConnection,
    after: i64,
    last: i64,
) -> Result<Option<Consents>> {
    let mut hasher = Hasher::default();
    let mut found: Option<Consents> = None;
    let mut after = after;
    loop {
        // As one text: an import would pay more for each row by itself than for writing it.
        // `quote` is as SQL writes values, so that no two rows give the same text.
        let page: ConsentPage = sqlx::query_as(
            "select count(*) as count, min(id) as first, max(id) as last,
                 min(subscriber_id) as lowest_subscriber, max(subscriber_id) as highest_subscriber,
                 count(*) filter (where action = 'requested') as requested,
                 count(*) filter (where action = 'confirmed') as confirmed,
                 count(*) filter (where action = 'changed') as changed,
                 count(*) filter (where action = 'ended') as ended,
                 group_concat(id || ',' || subscriber_id || ',' || quote(feed) || ','
                     || quote(digest) || ',' || action || ',' || at || ',' || quote(source)
                     || ',' || quote(wording) || ',' || quote(reason), char(10) order by id)
                     as says
             from (select * from consent where id > $1 and id <= $2 order by id limit $3)",
        )
        .bind(after)
        .bind(last)
        .bind(CONSENTS)
        .fetch_one(&mut *reader)
        .await
        .during(READ)?;
        let (Some(first), Some(newest), Some(says)) = (page.first, page.last, &page.says) else {
            return Ok(found.map(|found| Consents { rows: hasher.finish(), ..found }));
        };
        hasher.add(says.as_bytes());
        hasher.add(b"\n");
        let one =
            page.lowest_subscriber.filter(|_| page.lowest_subscriber == page.highest_subscriber);
        let found = found.get_or_insert_with(|| Consents {
            first,
            last: newest,
            count: 0,
            actions: BTreeMap::new(),
            subscriber: one,
            rows: String::new(),
        });
        found.last = newest;
        found.count += page.count.cast_unsigned();
        found.subscriber = found.subscriber.filter(|person| Some(*person) == one);
        for (action, count) in [
            ("requested", page.requested),
            ("confirmed", page.confirmed),
            ("changed", page.changed),
            ("ended", page.ended),
        ] {
            if count > 0 {
                *found.actions.entry(action.to_owned()).or_default() += count.cast_unsigned();
            }
        }
        after = newest;
    }
}

/// Lines that are read at once.
const PAGE: i64 = 1_000;

async fn lines(
    reader: &mut SqliteConnection,
    kind: Kind,
    after: Option<Place>,
) -> Result<Vec<std::result::Result<Line, Broken>>> {
    let (day, number) =
        after.map_or((String::new(), 0), |after| (after.day.to_string(), after.number));
    let rows: Vec<(String, i64, i64, String, String)> = sqlx::query_as(
        "select day, number, at, said, hash from audit
         where kind = $1 and (day, number) > ($2, $3) order by day, number limit $4",
    )
    .bind(kind.as_str())
    .bind(day)
    .bind(number.cast_signed())
    .bind(PAGE)
    .fetch_all(reader)
    .await
    .during(READ)?;
    let line = |(day, number, at, said, hash): (String, _, _, _, _)| match place(&day, number) {
        Some(place) => Ok(Line { kind, place, at: moment(at), said, hash }),
        None => Err(Broken::Day { kind, day }),
    };
    Ok(rows.into_iter().map(line).collect())
}

/// What the lines told of, to compare with the rows when all were read.
#[derive(Default)]
struct Told {
    /// Runs of the chain of plans.
    planned: HashSet<i64>,
    /// Runs of the chain of totals, with what their newest line says.
    ended: HashMap<i64, (Place, Option<Ended>)>,
    /// The last row of consent.
    consent: i64,
}

/// Checks all chains, and what they say against the rows, as of one moment: `reader` is in a
/// transaction. Of each kind the first line that does not hold is told.
pub(super) async fn verify(reader: &mut SqliteConnection) -> Result<AuditReport> {
    let mut report = AuditReport::default();
    let mut told = Told::default();
    for kind in Kind::ALL {
        let noted = noted(reader, kind).await?;
        let mut chain = Chain::new(kind);
        let broken = match check_lines(reader, &mut chain, &mut told).await? {
            Some(broken) => Some(broken),
            None => match kind {
                Kind::Run => totals_that_differ(reader, &told).await?,
                Kind::Consent => untold_consent(reader, &told, noted.as_ref()).await?,
                Kind::Plan | Kind::Approval => None,
            },
        };
        let (lines, days) = (chain.lines, chain.days);
        // A line that does not hold comes before what is wrong at the end.
        let (head, broken) = match (broken, chain.end(noted.as_ref())) {
            (Some(broken), _) | (None, Err(broken)) => (None, Some(broken)),
            (None, Ok(head)) => (head, None),
        };
        report.broken.extend(broken);
        report.chains.push(AuditChain { kind, days, lines, head });
    }
    if report.broken.is_empty() {
        report.broken.extend(untold_run(reader, &told).await?);
    }
    Ok(report)
}

async fn check_lines(
    reader: &mut SqliteConnection,
    chain: &mut Chain,
    told: &mut Told,
) -> Result<Option<Broken>> {
    let mut after = None;
    loop {
        let page = lines(reader, chain.kind(), after).await?;
        if page.is_empty() {
            return Ok(None);
        }
        for line in page {
            let line = match line.and_then(|line| chain.add(&line).map(|()| line)) {
                Ok(line) => line,
                Err(broken) => return Ok(Some(broken)),
            };
            if let Some(what) = differs(reader, &line, told).await? {
                return Ok(Some(Broken::Rows { kind: line.kind, place: line.place, what }));
            }
            after = Some(line.place);
        }
    }
}

/// What the rows say otherwise than a line.
async fn differs(
    reader: &mut SqliteConnection,
    line: &Line,
    told: &mut Told,
) -> Result<Option<String>> {
    // What a later version says is chained like all else.
    let Ok(said) = serde_json::from_str::<Said>(&line.said) else { return Ok(None) };
    Ok(match said {
        Said::Opened(opened) => {
            told.planned.insert(opened.run);
            let row = planned(reader, opened.run).await?;
            let is_so = row.is_some_and(|row| row.run == opened);
            (!is_so).then(|| format!("run {}", opened.run))
        }
        Said::Held(Held { run, .. }) => {
            told.planned.insert(run.run);
            let row = planned(reader, run.run).await?;
            let is_so = row.is_some_and(|row| row.was_held_as(&run));
            (!is_so).then(|| format!("run {}", run.run))
        }
        Said::Quiet(quiet) => {
            told.planned.insert(quiet.run);
            let row = quiet_row(reader, quiet.run).await?;
            (row.as_ref() != Some(&quiet)).then(|| format!("run {}", quiet.run))
        }
        Said::Ended(ended) => {
            told.ended.insert(ended.run, (line.place, Some(ended)));
            None
        }
        Said::Reopened { run } => {
            told.ended.insert(run, (line.place, None));
            None
        }
        Said::Consents(consents) => {
            let rows = consent_rows(reader, told.consent, consents.last).await?;
            told.consent = consents.last;
            let what = || format!("rows {} to {} of consent", consents.first, consents.last);
            (rows.as_ref() != Some(&consents)).then(what)
        }
        _ => None,
    })
}

/// Counts the deliveries of runs at their end again.
async fn totals_that_differ(reader: &mut SqliteConnection, told: &Told) -> Result<Option<Broken>> {
    let mut ended: Vec<_> = told.ended.iter().collect();
    ended.sort_by_key(|(_, (place, _))| *place);
    for (run, (place, ended)) in ended {
        let Some(ended) = ended else { continue };
        let counted = runs::count(reader, *run).await?.into_totals();
        let kept = runs::kept(reader, *run).await?.map(runs::Counted::into_totals);
        let what = if counted != ended.totals {
            format!("the deliveries of run {run}, counted again")
        } else if kept.as_ref() != Some(&counted) {
            format!("the counts of run {run}")
        } else {
            continue;
        };
        return Ok(Some(Broken::Rows { kind: Kind::Run, place: *place, what }));
    }
    Ok(None)
}

async fn untold_consent(
    reader: &mut SqliteConnection,
    told: &Told,
    noted: Option<&Head>,
) -> Result<Option<Broken>> {
    // A store that is older than its ledger has rows that nobody told of yet.
    let Some(head) = noted else { return Ok(None) };
    let first: Option<i64> = sqlx::query_scalar("select min(id) from consent where id > $1")
        .bind(told.consent)
        .fetch_one(reader)
        .await
        .during(READ)?;
    let what = |first| format!("no line tells of row {first} of consent");
    Ok(first.map(|first| Broken::Rows {
        kind: Kind::Consent,
        place: head.place,
        what: what(first),
    }))
}

/// The first run that is planned to its end and of which no line tells, or not of its end. Those
/// of before the ledger's first line are older than it.
async fn untold_run(reader: &mut SqliteConnection, told: &Told) -> Result<Option<Broken>> {
    let Some(first) = told.planned.iter().min() else { return Ok(None) };
    let rows: Vec<(i64, bool)> = sqlx::query_as(
        "select r.id, r.counts is not null from run r
         where r.id >= $1 and r.state <> 'planned' order by r.id",
    )
    .bind(first)
    .fetch_all(reader)
    .await
    .during(READ)?;
    let is_told = |run: &i64, is_counted: bool| {
        told.planned.contains(run)
            && (!is_counted || matches!(told.ended.get(run), Some((_, Some(_)))))
    };
    let untold = rows.iter().find(|(run, is_counted)| !is_told(run, *is_counted));
    Ok(untold.map(|(run, _)| Broken::Unknown { run: *run }))
}

#[cfg(test)]
mod tests;
