//! Readers: they join, change, leave, rest and return.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use tidings::model::Seq;
use tidings::pipeline::feeds;
use tidings::pipeline::people::{Consent, subscribe};
use tidings::store::{Choices, ComeBack, EndOfSubscription, Leave, LeftBy, Subscribed};
use tidings::subscribers::import::Row;

use super::check;
use super::office::PressOffice;

const PEOPLE: usize = 12;
const ALL: &str = "all";
const RELEASES: &str = "releases";
const LANGUAGES: [&str; 2] = ["en", "zh"];

/// One person's choice of a feed, from a change on.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) person: i64,
    pub(crate) feed: String,
    pub(crate) digest: String,
    pub(crate) from_seq: Seq,
    /// The digest went up to here while its reader rested.
    pub(crate) passed_upto: Seq,
    pub(crate) has_ended: bool,
    pub(crate) ended_at: Option<DateTime<Utc>>,
    /// Its feed went into that of all news, so that its reader may get anything from then on, and
    /// what they had not got yet.
    pub(crate) is_merged: bool,
}

impl Choice {
    /// Whether it ran when what goes out at this moment was planned.
    pub(crate) fn was_running(&self, now: DateTime<Utc>) -> bool {
        !self.has_ended || self.ended_at == Some(now)
    }

    /// Whether what stands in these feeds may come by it.
    pub(crate) fn holds(&self, feeds: &BTreeSet<String>) -> bool {
        feeds.contains(&self.feed) || self.is_merged
    }

    fn end(&mut self, at: DateTime<Utc>) {
        self.has_ended = true;
        self.ended_at = Some(at);
    }
}

impl PressOffice {
    pub(crate) async fn join(
        &mut self,
        person: usize,
        feed: &str,
        digest: &str,
        language: usize,
    ) -> bool {
        let person = person % PEOPLE;
        let feed = if self.is_merged && feed == RELEASES { ALL } else { feed };
        if self.follows(person, feed) {
            return false;
        }
        self.languages.insert(person, LANGUAGES[language % 2]);
        if self.subscribe(person, feed, digest).await == Subscribed::Suppressed {
            return false;
        }
        let id = self.people[&person];
        let from_seq = self.desk.press.store.newest_seq().await.unwrap();
        self.choices.push(Choice {
            person: id,
            feed: feed.to_owned(),
            digest: digest.to_owned(),
            from_seq,
            passed_upto: from_seq,
            has_ended: false,
            ended_at: None,
            is_merged: false,
        });
        true
    }

    fn follows(&self, person: usize, feed: &str) -> bool {
        let name = self.name_of(feed);
        self.running(person).iter().any(|choice| self.name_of(&choice.feed) == name)
    }

    /// All feeds of a person go to another digest.
    pub(crate) async fn switch(&mut self, person: usize, digest: &str) -> bool {
        let person = person % PEOPLE;
        let feeds: Vec<String> =
            self.running(person).into_iter().map(|choice| choice.feed.clone()).collect();
        let id = self.people.get(&person).copied();
        // What is suppressed stays as it is.
        if id.is_some_and(|id| self.suppressed.contains(&id)) {
            return false;
        }
        let mut has_changed = false;
        for feed in feeds {
            has_changed |= self.subscribe(person, &feed, digest).await == Subscribed::Changed;
        }
        let is_theirs = |choice: &&mut Choice| Some(choice.person) == id && !choice.has_ended;
        let theirs = self.choices.iter_mut().filter(is_theirs);
        theirs.for_each(|choice| digest.clone_into(&mut choice.digest));
        has_changed
    }

    async fn subscribe(&mut self, person: usize, feed: &str, digest: &str) -> Subscribed {
        let address = format!("reader{person}@example.org");
        let row = Row {
            line: 1,
            address: address.parse().unwrap(),
            language: self.languages[&person].parse().unwrap(),
            feed: self.name_of(feed),
            digest: digest.to_owned(),
        };
        let consent = Consent {
            source: "form",
            wording: "yes".to_owned(),
            is_confirmed: true,
            is_rehearsal: false,
            brings_back: true,
        };
        let press = &self.desk.press;
        let lookup = press.keys.lookup(&row.address);
        let answer = subscribe(press, &[row], &consent).await.unwrap()[0];
        if let Some(id) = press.store.subscriber_by_lookup(&lookup).await.unwrap() {
            self.people.insert(person, id);
        }
        answer
    }

    fn running(&self, person: usize) -> Vec<&Choice> {
        let id = self.people.get(&person);
        let is_theirs = |choice: &&Choice| Some(&choice.person) == id && !choice.has_ended;
        self.choices.iter().filter(is_theirs).collect()
    }

    pub(crate) async fn leave(&mut self, person: usize, feed: &str) -> bool {
        let person = person % PEOPLE;
        if !self.follows(person, feed) {
            return false;
        }
        let subscriber = self.people[&person];
        let end = EndOfSubscription {
            subscriber,
            digest: None,
            feed: Some(self.name_of(feed)),
            source: "form".to_owned(),
            reason: "left".to_owned(),
        };
        let now = self.desk.now();
        self.desk.press.store.end_subscriptions(&end, now).await.unwrap();
        let name = self.name_of(feed);
        for at in 0..self.choices.len() {
            let is_it = self.name_of(&self.choices[at].feed) == name;
            let choice = &mut self.choices[at];
            if choice.person == subscriber && is_it && !choice.has_ended {
                choice.end(now);
            }
        }
        self.leavers.push((subscriber, now));
        true
    }

    /// By the link in a mail: all that its digest brings ends, or the feeds that brought it.
    pub(crate) async fn click(&mut self, n: usize) -> bool {
        let mails: Vec<(i64, i64, String, String)> = sqlx::query_as(
            "select d.run_id, d.subscriber_id, g.name,
                 (select group_concat(distinct e.feed) from issue_entry e
                     where e.issue_id = d.issue_id)
             from delivery d join run r on r.id = d.run_id join digest g on g.id = r.digest_id
             where d.state in ('accepted', 'uncertain') order by d.run_id desc, d.subscriber_id
             limit 60",
        )
        .fetch_all(&mut check::connect(self).await)
        .await
        .unwrap();
        let Some((run, subscriber, digest, feeds)) = mails.get(n % mails.len().max(1)) else {
            return false;
        };
        let is_told = matches!(digest.as_str(), "urgent" | "correction" | "reminder");
        let names: Vec<&str> = feeds.split(',').collect();
        let now = self.desk.now();
        let ended: Vec<usize> = (0..self.choices.len())
            .filter(|at| {
                let choice = &self.choices[*at];
                let is_it = if is_told {
                    names.contains(&&*self.name_of(&choice.feed))
                } else {
                    choice.digest == *digest
                };
                choice.person == *subscriber && !choice.has_ended && is_it
            })
            .collect();
        let leave = Leave { run: *run, subscriber: *subscriber, by: LeftBy::OneClick, at: now };
        let count = self.desk.press.store.leave_all(&[leave], now).await.unwrap();
        let rows: BTreeSet<String> =
            ended.iter().map(|at| self.name_of(&self.choices[*at].feed)).collect();
        if count != rows.len() as u64 {
            self.faults.push(format!(
                "a click of {subscriber} in a mail of run {run} ended {count}, not {ended:?}"
            ));
        }
        for at in &ended {
            self.choices[*at].end(now);
        }
        self.leavers.push((*subscriber, now));
        !ended.is_empty()
    }

    /// Everything, by their own page.
    pub(crate) async fn waver(&mut self, subscriber: i64) {
        let end = EndOfSubscription {
            subscriber,
            digest: None,
            feed: None,
            source: "page".to_owned(),
            reason: "left".to_owned(),
        };
        let now = self.desk.now();
        self.desk.press.store.end_subscriptions(&end, now).await.unwrap();
        let is_it = |choice: &&mut Choice| choice.person == subscriber && !choice.has_ended;
        self.choices.iter_mut().filter(is_it).for_each(|choice| choice.end(now));
        self.leavers.push((subscriber, now));
        self.happened.push("waver");
    }

    /// Who left last takes it back, where nothing of the same is followed by now.
    pub(crate) async fn undo(&mut self) -> bool {
        let Some((subscriber, at)) = self.leavers.pop() else { return false };
        let back = ComeBack {
            run: Leave::EVERYTHING,
            subscriber,
            left_at: at,
            source: "page".into(),
            wording: "test".into(),
        };
        let store = &self.desk.press.store;
        let count = store.take_back_end(&back, self.desk.now()).await.unwrap();
        let running: BTreeSet<String> = self
            .choices
            .iter()
            .filter(|choice| choice.person == subscriber && !choice.has_ended)
            .map(|choice| self.name_of(&choice.feed))
            .collect();
        let mut back = BTreeSet::new();
        for index in 0..self.choices.len() {
            let name = self.name_of(&self.choices[index].feed);
            let choice = &mut self.choices[index];
            let is_it =
                choice.person == subscriber && choice.ended_at == Some(at) && choice.has_ended;
            if is_it && !running.contains(&name) {
                choice.has_ended = false;
                back.insert(name);
            }
        }
        if back.len() as u64 != count {
            self.faults.push(format!("{subscriber} took {count} ends back, not {back:?}"));
        }
        count > 0
    }

    /// What a feed is called by now.
    pub(crate) fn name_of(&self, feed: &str) -> String {
        let feed = if self.is_merged && feed == RELEASES { ALL } else { feed };
        let names = self.names.get(feed);
        names.and_then(|names| names.last()).map_or_else(|| feed.to_owned(), Clone::clone)
    }

    /// In the config, which is read again.
    pub(crate) async fn rename(&mut self, feed: &'static str) {
        if self.is_merged && feed == RELEASES {
            return;
        }
        let names = self.names.get_mut(feed).unwrap();
        let old = names.last().unwrap().clone();
        let new = format!("{feed}-{}", names.len());
        let was = names.join(", ");
        let line = |name: &str, was: &str| {
            if was.is_empty() {
                format!("{{name: {name}, ")
            } else {
                format!("{{name: {name}, was: [{was}], ")
            }
        };
        let before = line(&old, &names[..names.len() - 1].join(", "));
        names.push(new.clone());
        let text = self.desk.office.read("config/tidings.yaml");
        assert!(text.contains(&before), "{before} in {text}");
        self.desk.office.write("config/tidings.yaml", text.replace(&before, &line(&new, &was)));
        self.read_config().await;
        self.happened.push("rename");
    }

    async fn read_config(&mut self) {
        let path = self.desk.office.path("config/tidings.yaml");
        let config = tidings::config::load(&path, &tidings::config::Environment::default());
        self.desk.press.config = std::sync::Arc::new(config.unwrap());
        feeds::move_renamed(&self.desk.press).await.unwrap();
        feeds::place(&self.desk.press).await.unwrap();
    }

    /// The feed of releases becomes another name of that of all news.
    pub(crate) async fn merge(&mut self) {
        if self.is_merged {
            return;
        }
        let text = self.desk.office.read("config/tidings.yaml");
        let releases = self.names[RELEASES].clone();
        let names = self.names.get_mut(ALL).unwrap();
        names.splice(0..0, releases);
        let (name, was) = names.split_last().unwrap();
        let line = format!("  - {{name: {name}, was: [{}], title: All news}}", was.join(", "));
        let lines = text.lines().filter(|line| !line.contains("title: Releases"));
        let lines = lines.map(|old| if old.contains("title: All news") { &*line } else { old });
        let text = lines.collect::<Vec<_>>().join("\n") + "\n";
        self.desk.office.write("config/tidings.yaml", text);
        self.read_config().await;
        self.is_merged = true;
        let upto = self.desk.press.store.newest_seq().await.unwrap();
        let people: BTreeSet<i64> = self.choices.iter().map(|choice| choice.person).collect();
        for person in people {
            self.merge_choices(person, upto);
        }
        self.happened.push("merge");
    }

    /// Who followed both keeps the choice of all news; who followed the releases has one now.
    fn merge_choices(&mut self, person: i64, upto: Seq) {
        let last = |feed: &str| {
            self.choices.iter().rposition(|choice| choice.person == person && choice.feed == feed)
        };
        let (Some(old), new) = (last(RELEASES), last(ALL)) else { return };
        let new_runs = new.is_some_and(|new| !self.choices[new].has_ended);
        if self.choices[old].has_ended {
            if new.is_some() {
                // It cannot be taken back any more.
                self.choices[old].ended_at = None;
            }
            self.choices[old].is_merged = true;
            return;
        }
        if new_runs {
            let digest = self.choices[new.unwrap()].digest.clone();
            self.choices[old].digest = digest;
        } else {
            if let Some(new) = new {
                self.choices[new].ended_at = None;
            }
            let (feed, from_seq, passed_upto) = (ALL.to_owned(), upto, upto);
            let old = self.choices[old].clone();
            self.choices.push(Choice { feed, from_seq, passed_upto, ..old });
        }
        self.choices[old].is_merged = true;
    }

    /// As a complaint would: no command does it yet.
    pub(crate) async fn suppress(&mut self, person: usize) -> bool {
        let Some(id) = self.people.get(&(person % PEOPLE)).copied() else { return false };
        // Some have to be left.
        if self.suppressed.len() >= PEOPLE / 2 || self.suppressed.contains(&id) {
            return false;
        }
        let mut connection = check::connect(self).await;
        sqlx::query(
            "insert into suppression (lookup, reason, since_at)
             select lookup, 'complaint', 0 from subscriber where id = $1",
        )
        .bind(id)
        .execute(&mut connection)
        .await
        .unwrap();
        self.suppressed.insert(id);
        true
    }

    /// A reader wants no mail for now, as the page `/manage` does it.
    pub(crate) async fn rest(&mut self, person: usize) -> bool {
        let Some(id) = self.people.get(&(person % PEOPLE)).copied() else { return false };
        // Some have to be left.
        if self.resting.len() >= PEOPLE / 3 || self.resting.contains_key(&id) {
            return false;
        }
        self.resting.insert(id, self.desk.now());
        self.choose(id, true).await
    }

    /// The n-th of those who rest wants mail again.
    pub(crate) async fn come_back(&mut self, n: usize) -> bool {
        let resting: Vec<i64> = self.resting.keys().copied().collect();
        let Some(id) = resting.get(n % resting.len().max(1)).copied() else { return false };
        self.resting.remove(&id);
        self.choose(id, false).await
    }

    async fn choose(&self, subscriber: i64, is_paused: bool) -> bool {
        let choices = Choices {
            subscriber,
            follows: BTreeMap::new(),
            language: None,
            is_paused,
            source: "page".to_owned(),
            wording: "no mail for now".to_owned(),
        };
        self.desk.press.store.choose(&choices, self.desk.now()).await.unwrap() > 0
    }

    /// Who rests gets nothing that is planned meanwhile, and their digests pass them by.
    pub(crate) async fn look_at_resting(&mut self) -> Result<(), String> {
        let mut connection = check::connect(self).await;
        for (person, since) in &self.resting {
            let got: Option<i64> = sqlx::query_scalar(
                "select run_id from delivery
                 where subscriber_id = $1 and dated_at > $2 and state <> 'cancelled'",
            )
            .bind(person)
            .bind(since.timestamp())
            .fetch_optional(&mut connection)
            .await
            .unwrap();
            if let Some(run) = got {
                let story = check::story(self, *person).await;
                return Err(format!(
                    "run {run} goes to {person}, who rests since {since}\n{story}"
                ));
            }
        }
        let runs: Vec<(String, i64, Seq)> = sqlx::query_as(
            "select g.name, count(*), max(r.to_seq) from run r join digest g on g.id = r.digest_id
             where r.advances = 1 and (r.was_open = 1 or r.state in
                 ('expanding', 'sending', 'paused', 'complete', 'empty', 'cancelled'))
             group by g.name",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        for (digest, count, covered) in runs {
            if self.run_counts.insert(digest.clone(), count) != Some(count) {
                self.pass_by(&digest, covered);
            }
        }
        Ok(())
    }

    fn pass_by(&mut self, digest: &str, covered: Seq) {
        for choice in &mut self.choices {
            let is_passed = !choice.has_ended && choice.digest == digest;
            if is_passed && self.resting.contains_key(&choice.person) {
                choice.passed_upto = choice.passed_upto.max(covered);
                self.happened.push("passed by");
            }
        }
    }
}
