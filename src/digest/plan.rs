//! Decides which issues a run sends, and to whom.
//!
//! A change counts by its number, never by its date, so a back-dated file is not missed.
//! Equal input gives the same issues in the same order, and so the same hash.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::feeds::FeedDefinition;
use crate::hash::{Hasher, hash};
use crate::model::{Language, Seq};
use crate::store::{Received, Subscription, ToldChange};

/// Half open: `from_seq < seq && seq <= to_seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from_seq: Seq,
    pub to_seq: Seq,
}

/// What a plan is made from, the same for everybody.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub digest: &'a str,
    pub window: Window,
    /// Behind `after`, which is the lowest `owed_from` or the window's beginning, up to its end;
    /// with older ones of the same groups of translations.
    pub after: Seq,
    pub changes: &'a [ToldChange],
    /// In config order.
    pub feeds: &'a [FeedDefinition],
    /// Language of the site: where a translation is not there in the reader's.
    pub site_language: &'a Language,
    /// Most entries that stand in one mail.
    pub cap: usize,
    /// Whatever else shapes the mail: templates, sender, addresses.
    pub shape: &'a str,
}

/// What is known of a plan when all its people were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub window: Window,
    /// In the order of their first readers.
    pub issues: Vec<Arc<PlannedIssue>>,
    /// How many people get one.
    pub recipients: u64,
    /// Covers digest, window, shape, and who gets what.
    pub hash: String,
}

/// What a plan says of one page of subscribers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPage {
    /// (subscriber, index into the plan's issues), by subscriber.
    pub recipients: Vec<(i64, usize)>,
    /// `owed_from` values that were read: (subscriber, feed, value).
    pub owed_read: Vec<(i64, String, Seq)>,
}

/// What people would get if less were left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unreduced {
    /// Who would get something if nobody had anything yet.
    pub people: u64,
    /// Entries over all people, with all translations.
    pub copies: u64,
}

/// One list of entries in one language; many recipients share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlannedIssue {
    pub language: Language,
    /// In reading order: feeds in config order, newest first in each.
    pub lines: Vec<Line>,
    /// Lines that stand in the mail; the others stand in the web copy.
    pub shown: usize,
}

/// An entry under the feed that brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// Index into the question's feeds.
    pub feed: usize,
    /// Index into the question's changes.
    pub change: usize,
}

/// A plan in the making. Its people come page by page, by rising number, and only their issues
/// and their count are kept, so that a million take no more room than a thousand.
#[derive(Debug)]
pub struct Planner<'a> {
    question: &'a Question<'a>,
    selected: Vec<Vec<usize>>,
    translations: Translations<'a>,
    issues: Vec<Arc<PlannedIssue>>,
    /// Index into `issues`.
    known: FxHashMap<Arc<PlannedIssue>, usize>,
    issue_hashes: Vec<String>,
    recipients: u64,
    hasher: Hasher,
}

impl<'a> Planner<'a> {
    pub fn new(question: &'a Question<'a>) -> Self {
        let Window { from_seq, to_seq } = question.window;
        let head = (question.digest, from_seq, to_seq, question.shape);
        let mut hasher = Hasher::default();
        hasher.add(&serde_json::to_vec(&head).expect("these values are always JSON"));
        Self {
            question,
            selected: select(question),
            translations: translations(question),
            issues: Vec::new(),
            known: FxHashMap::default(),
            issue_hashes: Vec::new(),
            recipients: 0,
            hasher,
        }
    }

    /// Issues so far.
    pub fn issues(&self) -> &[Arc<PlannedIssue>] {
        &self.issues
    }

    /// Their hashes, in the same order.
    pub fn issue_hashes(&self) -> &[String] {
        &self.issue_hashes
    }

    /// Plans for the next subscribers, given all subscriptions of each: the told entries of
    /// their feeds, each once, under the first of their feeds that has it, less what they have
    /// already. Who is paused gets nothing, and is owed no more than others when it is over.
    pub fn plan(&mut self, subscriptions: &[Subscription], received: &Received) -> PlannedPage {
        let awake = subscriptions.iter().filter(|subscription| !subscription.is_paused);
        let mut people: Vec<&Subscription> = awake.collect();
        people.sort_by_key(|subscription| subscription.subscriber);
        let mut recipients = Vec::new();
        for theirs in people.chunk_by(|a, b| a.subscriber == b.subscriber) {
            let subscriber = theirs[0].subscriber;
            let lines = self.lines_for(theirs, received);
            if !lines.is_empty() {
                let issue = self.issue(&theirs[0].language, lines);
                self.hasher.add(&subscriber.to_be_bytes());
                self.hasher.add(self.issue_hashes[issue].as_bytes());
                self.recipients += 1;
                recipients.push((subscriber, issue));
            }
        }
        // Who joined behind this window's end is still owed nothing from before that, and what was
        // lowered below where the changes begin since these were read is for the next plan.
        let read = self.question.after..=self.question.window.to_seq;
        let owed_read = subscriptions
            .iter()
            .filter_map(|s| Some((s.subscriber, s.feed.clone(), s.owed_from?)))
            .filter(|(_, _, owed)| read.contains(owed))
            .collect();
        PlannedPage { recipients, owed_read }
    }

    /// What the same people would get if less were left out.
    pub fn unreduced(&self, subscriptions: &[Subscription], received: &Received) -> Unreduced {
        let nothing = Received::default();
        let mut unreduced = Unreduced::default();
        for theirs in subscriptions.chunk_by(|a, b| a.subscriber == b.subscriber) {
            if theirs[0].is_paused {
                continue;
            }
            let theirs = Vec::from_iter(theirs);
            unreduced.people += u64::from(!self.news_for(&theirs, &nothing).is_empty());
            unreduced.copies += self.news_for(&theirs, received).len() as u64;
        }
        unreduced
    }

    pub fn finish(self) -> Plan {
        Plan {
            window: self.question.window,
            issues: self.issues,
            recipients: self.recipients,
            hash: self.hasher.finish(),
        }
    }

    /// Index of the issue that says this.
    fn issue(&mut self, language: &Language, lines: Vec<Line>) -> usize {
        let shown = lines.len().min(self.question.cap);
        let issue = PlannedIssue { language: language.clone(), lines, shown };
        if let Some(known) = self.known.get(&issue) {
            return *known;
        }
        let issue = Arc::new(issue);
        self.issue_hashes.push(issue_hash(self.question, &issue));
        self.known.insert(Arc::clone(&issue), self.issues.len());
        self.issues.push(issue);
        self.issues.len() - 1
    }

    fn lines_for(&self, person: &[&Subscription], received: &Received) -> Vec<Line> {
        let question = self.question;
        let subscriber = person[0].subscriber;
        let mut lines = self.news_for(person, received);
        let has = |row: i64| received.contains_key(&(subscriber, row));
        lines.retain(|line| {
            // Who has one translation is not mailed another for being translated.
            let told = &question.changes[line.change];
            let group = told.entry.translation_key.as_deref().map(|key| &self.translations[key]);
            has(told.row) || !group.is_some_and(|rows| rows.iter().any(|row| has(*row)))
        });
        one_of_each_translation(&mut lines, question, &person[0].language);
        lines
    }

    /// What is new to a person, in each language that it is there in.
    fn news_for(&self, person: &[&Subscription], received: &Received) -> Vec<Line> {
        let question = self.question;
        let subscriber = person[0].subscriber;
        let mut lines = Vec::new();
        let mut taken = FxHashSet::default();
        for (feed, definition) in question.feeds.iter().enumerate() {
            let Some(subscription) = person.iter().find(|s| s.feed == definition.name) else {
                continue;
            };
            let after = subscription.owed_from.unwrap_or(question.window.from_seq);
            for &change in &self.selected[feed] {
                let told = &question.changes[change];
                let has_it = received
                    .get(&(subscriber, told.row))
                    .is_some_and(|revision| *revision >= told.told_revision);
                let is_in_window = after < told.seq && told.seq <= question.window.to_seq;
                if is_in_window && !has_it && taken.insert(told.row) {
                    lines.push(Line { feed, change });
                }
            }
        }
        lines
    }
}

/// For each feed, by index, the changes it selects, newest first.
fn select(question: &Question<'_>) -> Vec<Vec<usize>> {
    let mut newest_first: Vec<usize> = (0..question.changes.len()).collect();
    newest_first.sort_by(|a, b| {
        let (a, b) = (&question.changes[*a], &question.changes[*b]);
        b.entry.updated.cmp(&a.entry.updated).then_with(|| a.entry.id.cmp(&b.entry.id))
    });
    let of_feed = |feed: &FeedDefinition| {
        let is_selected = |at: &usize| feed.select.selects(&question.changes[*at].entry);
        newest_first.iter().copied().filter(is_selected).collect()
    };
    question.feeds.iter().map(of_feed).collect()
}

/// Rows of the entries that are translations of one text, by their key.
type Translations<'a> = FxHashMap<&'a str, Vec<i64>>;

fn translations<'a>(question: &Question<'a>) -> Translations<'a> {
    let mut groups = Translations::default();
    for told in question.changes {
        if let Some(key) = &told.entry.translation_key {
            groups.entry(key).or_default().push(told.row);
        }
    }
    groups
}

/// Keeps one of each group of translations: the reader's language, else the site's, else
/// the oldest.
fn one_of_each_translation(lines: &mut Vec<Line>, question: &Question<'_>, reader: &Language) {
    let mut best: FxHashMap<&str, usize> = FxHashMap::default();
    let rank = |change: usize| {
        let entry = &question.changes[change].entry;
        let preference = if entry.language == *reader {
            0
        } else if entry.language == *question.site_language {
            1
        } else {
            2
        };
        (preference, entry.published, &entry.id)
    };
    for line in lines.iter() {
        if let Some(key) = &question.changes[line.change].entry.translation_key {
            let kept = best.entry(key).or_insert(line.change);
            if rank(line.change) < rank(*kept) {
                *kept = line.change;
            }
        }
    }
    lines.retain(|line| match &question.changes[line.change].entry.translation_key {
        Some(key) => best[key.as_str()] == line.change,
        None => true,
    });
}

/// Hash of what one issue says, so that the order of the changes is no part of it: the address
/// of its web copy.
pub fn issue_hash(question: &Question<'_>, issue: &PlannedIssue) -> String {
    let whole = (question.digest, question.shape, issue_key(question, issue));
    hash(&serde_json::to_vec(&whole).expect("these values are always JSON"))
}

type IssueKey<'a> = (&'a str, usize, Vec<(&'a str, &'a str, &'a str, String)>);

/// What makes two issues differ: language, cap, and each line with its heading and all its entry
/// says.
fn issue_key<'a>(question: &Question<'a>, issue: &'a PlannedIssue) -> IssueKey<'a> {
    let lines = issue.lines.iter().map(|line| {
        let told = &question.changes[line.change];
        let fields = serde_json::to_vec(&told.entry).expect("entries are always JSON");
        let says = hash(&[&fields[..], told.body_hash.as_bytes()].concat());
        let feed = &question.feeds[line.feed];
        (feed.name.as_str(), feed.title.as_str(), told.entry.id.as_str(), says)
    });
    (issue.language.as_str(), issue.shown, lines.collect())
}

#[cfg(test)]
mod tests;
