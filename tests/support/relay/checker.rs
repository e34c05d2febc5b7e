//! Compares the log of a relay with the store: nobody lost, nobody doubled, nobody who left.
//!
//! The store does not keep Message-IDs, so a person's messages (lines with one Message-ID) are
//! matched with the person's deliveries: every message needs a delivery that allows so many
//! copies, and every accepted delivery a message.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::ledger::{self, Delivery, Ledger};
use super::log::LogLine;

/// What the test knows and the store does not say.
#[derive(Debug, Default)]
pub struct Known {
    /// Subscribers by the address that the relay hears.
    pub people: HashMap<String, i64>,
    /// Who has a delivery in which run. A run that is not here is compared by number alone.
    pub planned: BTreeMap<i64, BTreeSet<i64>>,
    pub left: Vec<Left>,
    /// Deliveries may be under way still.
    pub may_be_open: bool,
}

/// An unsubscribe that was answered.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    pub subscriber: i64,
    /// `Relay::mark` just after the answer. What got its 354 later has its intent later.
    pub answered_at: u64,
}

/// Something that must not be. Subscribers, runs and lines of the log by number, no addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    RowCount {
        run: i64,
        planned: i64,
        rows: usize,
    },
    NoRow {
        run: i64,
        subscriber: i64,
    },
    RowNotPlanned {
        run: i64,
        subscriber: i64,
    },
    Open {
        run: i64,
        subscriber: i64,
        state: String,
    },
    /// Nobody we know has this recipient's address.
    Stranger {
        line: usize,
    },
    NoMessageId {
        line: usize,
    },
    /// Two persons got one Message-ID.
    SharedMessageId {
        lines: Vec<usize>,
    },
    /// So many deliveries say accepted, and only so many messages were answered with 250.
    Lost {
        subscriber: i64,
        accepted: usize,
        messages: usize,
    },
    /// Copies of each message, and how many each delivery allows.
    TooMany {
        subscriber: i64,
        copies: Vec<usize>,
        allowed: Vec<usize>,
    },
    /// One Message-ID, and not the same bytes.
    Differing {
        subscriber: i64,
        lines: Vec<usize>,
    },
    AfterLeaving {
        subscriber: i64,
        line: usize,
    },
}

/// Everything that is wrong; empty when all is well.
pub async fn check(store: &Path, log: &[LogLine], known: &Known) -> Vec<Finding> {
    compare(&ledger::read(store).await, log, known)
}

/// Copies beyond the first of each message.
pub fn copies(log: &[LogLine]) -> usize {
    let messages: BTreeSet<_> =
        log.iter().map(|line| (&line.recipient, &line.message_id)).collect();
    log.len() - messages.len()
}

/// How many of these addresses a text holds: logs and reports must have none.
pub fn addresses_in(text: &str, people: &HashMap<String, i64>) -> usize {
    people.keys().filter(|address| text.contains(address.as_str())).count()
}

fn compare(ledger: &Ledger, log: &[LogLine], known: &Known) -> Vec<Finding> {
    let mut findings = rows(ledger, known);
    if !known.may_be_open {
        findings.extend(open(&ledger.deliveries));
    }
    findings.extend(message_ids(log));
    let mut lines: BTreeMap<i64, Vec<&LogLine>> = BTreeMap::new();
    for line in log {
        match known.people.get(&line.recipient) {
            Some(subscriber) => lines.entry(*subscriber).or_default().push(line),
            None => findings.push(Finding::Stranger { line: line.number }),
        }
    }
    let mut deliveries: BTreeMap<i64, Vec<&Delivery>> = BTreeMap::new();
    for delivery in &ledger.deliveries {
        deliveries.entry(delivery.subscriber_id).or_default().push(delivery);
    }
    let everybody: BTreeSet<i64> = lines.keys().chain(deliveries.keys()).copied().collect();
    for subscriber in everybody {
        let lines = lines.get(&subscriber).map_or(&[][..], Vec::as_slice);
        let deliveries = deliveries.get(&subscriber).map_or(&[][..], Vec::as_slice);
        findings.extend(person(subscriber, lines, deliveries));
    }
    for left in &known.left {
        let is_theirs =
            |line: &&LogLine| known.people.get(&line.recipient) == Some(&left.subscriber);
        let late = log.iter().filter(is_theirs).filter(|line| line.go_ahead_at > left.answered_at);
        findings.extend(
            late.map(|line| Finding::AfterLeaving {
                subscriber: left.subscriber,
                line: line.number,
            }),
        );
    }
    findings
}

/// Everybody planned has one delivery in each run, and nobody else has.
fn rows(ledger: &Ledger, known: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    for run in &ledger.runs {
        // Pages of the plan are turned into rows until this state is over.
        if matches!(run.state.as_str(), "due" | "planned" | "checked" | "held" | "expanding") {
            continue;
        }
        let found: Vec<i64> = ledger
            .deliveries
            .iter()
            .filter(|delivery| delivery.run_id == run.id)
            .map(|delivery| delivery.subscriber_id)
            .collect();
        if i64::try_from(found.len()) != Ok(run.recipients) {
            let (run, planned) = (run.id, run.recipients);
            findings.push(Finding::RowCount { run, planned, rows: found.len() });
        }
        if let Some(planned) = known.planned.get(&run.id) {
            let found: BTreeSet<i64> = found.into_iter().collect();
            let run = run.id;
            let missing = planned.difference(&found);
            findings.extend(missing.map(|&subscriber| Finding::NoRow { run, subscriber }));
            let added = found.difference(planned);
            findings.extend(added.map(|&subscriber| Finding::RowNotPlanned { run, subscriber }));
        }
    }
    let is_there = |run: &&i64| ledger.runs.iter().all(|there| there.id != **run);
    for run in known.planned.keys().filter(is_there) {
        let people = &known.planned[run];
        findings.extend(people.iter().map(|&subscriber| Finding::NoRow { run: *run, subscriber }));
    }
    findings
}

/// Uncertain is open for as long as it waits for its resend.
fn open(deliveries: &[Delivery]) -> Vec<Finding> {
    let is_open = |d: &&Delivery| match d.state.as_str() {
        "pending" | "claimed" | "intent" => true,
        "uncertain" => d.next_at < i64::MAX,
        _ => false,
    };
    let finding = |d: &Delivery| Finding::Open {
        run: d.run_id,
        subscriber: d.subscriber_id,
        state: d.state.clone(),
    };
    deliveries.iter().filter(is_open).map(finding).collect()
}

fn message_ids(log: &[LogLine]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut lines: BTreeMap<&str, Vec<&LogLine>> = BTreeMap::new();
    for line in log {
        if line.message_id.is_empty() {
            findings.push(Finding::NoMessageId { line: line.number });
        } else {
            lines.entry(&line.message_id).or_default().push(line);
        }
    }
    for lines in lines.values() {
        if lines.iter().any(|line| line.recipient != lines[0].recipient) {
            let lines = lines.iter().map(|line| line.number).collect();
            findings.push(Finding::SharedMessageId { lines });
        }
    }
    findings
}

/// One person's messages against the same person's deliveries.
fn person(subscriber: i64, lines: &[&LogLine], deliveries: &[&Delivery]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut messages: BTreeMap<&str, Vec<&LogLine>> = BTreeMap::new();
    for line in lines {
        messages.entry(&line.message_id).or_default().push(line);
    }
    for copies in messages.values() {
        if copies.iter().any(|line| line.hash != copies[0].hash) {
            let lines = copies.iter().map(|line| line.number).collect();
            findings.push(Finding::Differing { subscriber, lines });
        }
    }

    let mut copies: Vec<usize> = messages.values().map(Vec::len).collect();
    copies.sort_unstable_by(|a, b| b.cmp(a));
    let mut allowed: Vec<usize> = deliveries.iter().map(|delivery| most(delivery)).collect();
    allowed.sort_unstable_by(|a, b| b.cmp(a));
    let is_too_many = |(at, copies): (usize, &usize)| allowed.get(at).is_none_or(|n| n < copies);
    let is_doubled = copies.iter().enumerate().any(is_too_many);
    if is_doubled {
        findings.push(Finding::TooMany { subscriber, copies, allowed });
    }

    // A 250 that could not be written told the client nothing.
    let was_told = |copies: &&Vec<&LogLine>| copies.iter().any(|l| l.is_answered != Some(false));
    let mut told: Vec<usize> = messages.values().filter(was_told).map(Vec::len).collect();
    told.sort_unstable();
    let mut accepted: Vec<usize> = deliveries
        .iter()
        .filter(|d| d.state == "accepted")
        .map(|delivery| most(delivery))
        .collect();
    accepted.sort_unstable();
    // Where there are too many, that was said already.
    let is_unmatched = |(at, most): (usize, &usize)| {
        told.get(at).is_none_or(|copies| copies > most && !is_doubled)
    };
    if accepted.iter().enumerate().any(is_unmatched) {
        let (accepted, messages) = (accepted.len(), told.len());
        findings.push(Finding::Lost { subscriber, accepted, messages });
    }
    findings
}

/// How many copies a delivery may have left with the relay: one for each attempt whose end
/// nobody knew, and the one that was accepted or is under way.
fn most(delivery: &Delivery) -> usize {
    let unknowns = usize::try_from(delivery.unknowns).unwrap();
    unknowns + usize::from(matches!(delivery.state.as_str(), "accepted" | "intent"))
}
