//! A press office that a history happens to, with what an onlooker writes down about it.
//!
//! Content is scanned, runs are planned, expanded and claimed by the program's own code; only the
//! relay is played, so that a history takes a second.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use tidings::config::Uncertain;
use tidings::digest::windows::WindowState;
use tidings::mail::reply::Reply;
use tidings::mail::smtp::Refusal;
use tidings::mail::verdict::Recipient;
use tidings::model::Seq;
use tidings::outbox::lane::Lane;
use tidings::outbox::{Attempt, Outcome, Step, is_expired, next_step};
use tidings::pipeline::digests::{
    PlannedRun, plan_by_hand, plan_due, plan_immediate, plan_told, settle, start,
};
use tidings::pipeline::people::{Consent, subscribe};
use tidings::pipeline::send::outbox;
use tidings::pipeline::{feeds, scan};
use tidings::store::{
    Claim, ClaimRequest, DeliveryKeys, DeliveryResult, EndOfSubscription, NewPause, PauseScope,
    Subscribed,
};
use tidings::subscribers::import::Row;

use super::act::Act;
use super::support::desk::Desk;

/// Shortly before the clocks change where they do.
const START: &str = "2026-10-23T12:00:00Z";
const PEOPLE: usize = 8;
const FEEDS: [&str; 4] = ["all", "releases", "events", "category-transport"];
const DIGESTS: [&str; 3] = ["daily", "weekly", "immediate"];
const CATEGORIES: [&str; 2] = ["transport", "culture"];
const LANGUAGES: [&str; 2] = ["en", "zh"];

/// A content file and what its author has done to it.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) name: String,
    category: &'static str,
    language: &'static str,
    pub(crate) group: Option<String>,
    pub(crate) publish_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    start: Option<DateTime<Utc>>,
    body: usize,
    note: Option<usize>,
    correction: Option<usize>,
    is_withdrawn: bool,
    is_deleted: bool,
}

impl Item {
    /// Whether its readers were to have it for good.
    pub(crate) fn is_lasting(&self) -> bool {
        self.expires_at.is_none() && !self.is_withdrawn && !self.is_deleted
    }

    fn text(&self) -> String {
        let mut front = format!(
            "title: {0}\nlayout: post\npermalink: /news/{0}/\ncategory: {1}\nlanguage: {2}\n",
            self.name, self.category, self.language
        );
        let mut line = |key: &str, value: String| front.push_str(&format!("{key}: {value}\n"));
        if let Some(group) = &self.group {
            line("translationKey", group.clone());
        }
        if let Some(at) = self.publish_at {
            line("publish_at", at.to_rfc3339());
        }
        if let Some(at) = self.expires_at {
            line("expires_at", at.to_rfc3339());
        }
        if let Some(start) = self.start {
            line("event", format!("{{start: '{}', venue: Hall}}", start.to_rfc3339()));
        }
        if let Some(note) = self.note {
            line("change_note", format!("Note {note}."));
        }
        if let Some(correction) = self.correction {
            line("correction", format!("Correction {correction}."));
        }
        if self.is_withdrawn {
            line("withdrawn", "Issued in error.".to_owned());
        }
        format!("---\n{front}---\nVersion {} of it.\n", self.body)
    }
}

/// Followers' news, as it was numbered.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) seq: Seq,
    pub(crate) row: i64,
    pub(crate) revision: i64,
    pub(crate) name: String,
    /// Feeds that selected it then.
    pub(crate) feeds: BTreeSet<String>,
}

/// One person's choice of a feed, from a change on.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) person: i64,
    pub(crate) feed: String,
    pub(crate) from_seq: Seq,
    pub(crate) has_ended: bool,
}

/// What the relay and the machine have in mind.
#[derive(Debug, Default)]
struct Weather {
    is_outage: bool,
    crash: Option<(usize, bool)>,
    loses_next: bool,
    refuses_next: bool,
}

pub(crate) struct PressOffice {
    pub(crate) desk: Desk,
    zone: Tz,
    pub(crate) items: Vec<Item>,
    /// By number of the address.
    people: BTreeMap<usize, i64>,
    languages: HashMap<usize, &'static str>,
    pub(crate) choices: Vec<Choice>,
    pub(crate) suppressed: BTreeSet<i64>,
    pub(crate) told: Vec<Told>,
    told_upto: Seq,
    weather: Weather,
    has_crashed: bool,
    /// Kinds of acts that took place.
    pub(crate) happened: Vec<&'static str>,
}

impl PressOffice {
    pub(crate) async fn open(zone: &str) -> Self {
        let config = |text: &str| {
            text.replace("Asia/Singapore", zone).replace(
                "daily, at: '0 8 * * *'}",
                "daily, at: '0 8 * * *'}\n  - {name: weekly, at: '0 17 * * FRI', uncertain: hold}",
            )
        };
        let mut office = Self {
            desk: Desk::open_with(START, config).await,
            zone: zone.parse().unwrap(),
            items: Vec::new(),
            people: BTreeMap::new(),
            languages: HashMap::new(),
            choices: Vec::new(),
            suppressed: BTreeSet::new(),
            told: Vec::new(),
            told_upto: 0,
            weather: Weather::default(),
            has_crashed: false,
            happened: Vec::new(),
        };
        office.scan().await;
        office
    }

    /// Whether it could take place. Weather counts when it strikes.
    pub(crate) async fn carry_out(&mut self, act: &Act) {
        self.pass(TimeDelta::minutes(1));
        let took_place = match act {
            Act::Publish { is_event, category, language } => {
                let mut item = self.item(CATEGORIES[category % 2], LANGUAGES[language % 2]);
                item.start = is_event.then(|| self.desk.now() + TimeDelta::days(30));
                self.write(item)
            }
            Act::Translate(n) => self.translate(*n),
            Act::Embargo { hours } => {
                let mut item = self.item("transport", "en");
                item.publish_at = Some(self.desk.now() + TimeDelta::hours(*hours));
                self.write(item)
            }
            Act::Expire { hours } => {
                let mut item = self.item("culture", "en");
                item.expires_at = Some(self.desk.now() + TimeDelta::hours(*hours));
                self.write(item)
            }
            Act::Edit(n) => self.edit(*n, |_, _| {}),
            Act::Update(n) => self.edit(*n, |item, n| item.note = Some(n)),
            Act::Correct(n) => self.edit(*n, |item, n| item.correction = Some(n)),
            Act::Withdraw(n) => self.edit(*n, |item, _| item.is_withdrawn = true),
            Act::Postpone(n) => self.postpone(*n),
            Act::Delete(n) => self.delete(*n),
            Act::Join { person, feed, digest, language } => {
                self.join(person % PEOPLE, FEEDS[feed % 4], DIGESTS[digest % 3], language % 2).await
            }
            Act::Switch { person, digest } => {
                self.switch(person % PEOPLE, DIGESTS[digest % 3]).await
            }
            Act::Leave { person, feed } => self.leave(person % PEOPLE, FEEDS[feed % 4]).await,
            Act::Suppress(person) => self.suppress(person % PEOPLE).await,
            Act::Pause(digest) => self.pause(DIGESTS[digest % 3]).await,
            Act::Resume => self.resume().await,
            Act::Wait { hours } => {
                self.wait(TimeDelta::hours(*hours)).await;
                true
            }
            Act::Sleep { hours } => {
                self.pass(TimeDelta::hours(*hours));
                self.tick().await;
                true
            }
            Act::Outage => {
                self.weather.is_outage = true;
                false
            }
            Act::Crash { after, has_intent } => {
                self.weather.crash = Some((*after, *has_intent));
                false
            }
            Act::Lose => {
                self.weather.loses_next = true;
                false
            }
            Act::Refuse => {
                self.weather.refuses_next = true;
                false
            }
            Act::ByHand { keeps_window } => self.by_hand(!keeps_window).await,
        };
        if took_place {
            self.happened.push(act.kind());
        }
        self.scan().await;
        self.tell().await;
        self.send().await;
    }

    /// Pauses end, the weather is fair, and three weeks pass.
    pub(crate) async fn come_to_rest(&mut self) {
        while self.resume().await {}
        self.weather = Weather::default();
        self.wait(TimeDelta::days(21)).await;
    }

    fn pass(&self, time: TimeDelta) {
        self.desk.clock.set(&(self.desk.now() + time).to_rfc3339());
    }

    /// Time passes, and somebody is awake whenever a digest is due.
    async fn wait(&mut self, time: TimeDelta) {
        let end = self.desk.now() + time;
        loop {
            let next = self.next_tick().min(end);
            self.desk.clock.set(&next.to_rfc3339());
            self.tick().await;
            if next == end {
                return;
            }
        }
    }

    /// The next 08:00 or 17:00.
    fn next_tick(&self) -> DateTime<Utc> {
        let half_hour = TimeDelta::minutes(30);
        let now = self.desk.now();
        let mut next = now - TimeDelta::seconds(now.timestamp().rem_euclid(1_800)) + half_hour;
        loop {
            let local = next.with_timezone(&self.zone);
            if matches!((local.hour(), local.minute()), (8 | 17, 0)) {
                return next;
            }
            next += half_hour;
        }
    }

    async fn tick(&mut self) {
        self.scan().await;
        self.tell().await;
        let now = self.desk.now();
        self.start(plan_due(&self.desk.press, now).await.unwrap()).await;
        self.send().await;
    }

    /// What goes out with a scan, as the daemon does it.
    async fn tell(&self) {
        let press = &self.desk.press;
        settle(press).await.unwrap();
        self.start(plan_told(press, press.clock.now()).await.unwrap()).await;
        self.start(plan_immediate(press).await.unwrap()).await;
    }

    async fn scan(&mut self) {
        scan::scan(&self.desk.press).await.unwrap();
        let store = &self.desk.press.store;
        let newest = store.newest_seq().await.unwrap();
        let definitions = feeds::definitions(&self.desk.press).await.unwrap();
        for told in store.told_changes(self.told_upto, newest).await.unwrap() {
            let selecting = definitions.iter().filter(|feed| feed.select.selects(&told.entry));
            self.told.push(Told {
                seq: told.seq,
                row: told.row,
                revision: told.told_revision,
                name: told.entry.title.clone(),
                feeds: selecting.map(|feed| feed.name.clone()).collect(),
            });
        }
        self.told_upto = newest;
    }

    async fn start(&self, runs: Vec<PlannedRun>) {
        for run in &runs {
            start(&self.desk.press, run).await.unwrap();
        }
    }

    async fn by_hand(&self, advances: bool) -> bool {
        let runs = plan_by_hand(&self.desk.press, &[], advances).await.unwrap();
        let is_any = !runs.is_empty();
        self.start(runs).await;
        is_any
    }

    fn item(&self, category: &'static str, language: &'static str) -> Item {
        Item {
            name: format!("news-{}", self.items.len()),
            category,
            language,
            group: None,
            publish_at: None,
            expires_at: None,
            start: None,
            body: 1,
            note: None,
            correction: None,
            is_withdrawn: false,
            is_deleted: false,
        }
    }

    fn write(&mut self, item: Item) -> bool {
        self.desk.put(&format!("_posts/{}.md", item.name), &item.text());
        match self.items.iter_mut().find(|other| other.name == item.name) {
            Some(known) => *known = item,
            None => self.items.push(item),
        }
        true
    }

    /// The n-th of those that stand and can be changed.
    fn standing(&self, n: usize) -> Option<Item> {
        let standing: Vec<&Item> =
            self.items.iter().filter(|item| !item.is_deleted && !item.is_withdrawn).collect();
        (!standing.is_empty()).then(|| standing[n % standing.len()].clone())
    }

    fn edit(&mut self, n: usize, change: impl Fn(&mut Item, usize)) -> bool {
        let Some(mut item) = self.standing(n) else { return false };
        item.body += 1;
        let version = item.body;
        change(&mut item, version);
        self.write(item)
    }

    fn postpone(&mut self, n: usize) -> bool {
        let events: Vec<Item> =
            self.items.iter().filter(|i| i.start.is_some() && i.is_lasting()).cloned().collect();
        let Some(mut item) = (!events.is_empty()).then(|| events[n % events.len()].clone()) else {
            return false;
        };
        item.start = item.start.map(|start| start + TimeDelta::days(1));
        self.write(item)
    }

    fn translate(&mut self, n: usize) -> bool {
        let Some(mut original) = self.standing(n) else { return false };
        let group = original.group.clone().unwrap_or_else(|| format!("group-{}", original.name));
        if self.items.iter().filter(|item| item.group.as_deref() == Some(&group)).count() > 1 {
            return false;
        }
        let other = if original.language == "en" { "zh" } else { "en" };
        let mut item = self.item(original.category, other);
        item.group = Some(group.clone());
        item.publish_at = original.publish_at;
        item.expires_at = original.expires_at;
        item.start = original.start;
        original.group = Some(group);
        original.body += 1;
        self.write(original) && self.write(item)
    }

    fn delete(&mut self, n: usize) -> bool {
        let Some(mut item) = self.standing(n) else { return false };
        self.desk.remove(&format!("_posts/{}.md", item.name));
        item.is_deleted = true;
        let name = item.name.clone();
        *self.items.iter_mut().find(|other| other.name == name).unwrap() = item;
        true
    }

    async fn join(&mut self, person: usize, feed: &str, digest: &str, language: usize) -> bool {
        if self.running(person).iter().any(|choice| choice.feed == feed) {
            return false;
        }
        self.languages.insert(person, LANGUAGES[language]);
        if self.subscribe(person, feed, digest).await == Subscribed::Suppressed {
            return false;
        }
        let id = self.people[&person];
        let from_seq = self.desk.press.store.newest_seq().await.unwrap();
        let feed = feed.to_owned();
        self.choices.push(Choice { person: id, feed, from_seq, has_ended: false });
        true
    }

    /// All feeds of a person go to another digest.
    async fn switch(&mut self, person: usize, digest: &str) -> bool {
        let feeds: Vec<String> =
            self.running(person).into_iter().map(|choice| choice.feed.clone()).collect();
        let mut has_changed = false;
        for feed in feeds {
            has_changed |= self.subscribe(person, &feed, digest).await == Subscribed::Changed;
        }
        has_changed
    }

    async fn subscribe(&mut self, person: usize, feed: &str, digest: &str) -> Subscribed {
        let address = format!("reader{person}@example.org");
        let row = Row {
            line: 1,
            address: address.parse().unwrap(),
            language: self.languages[&person].parse().unwrap(),
            feed: feed.to_owned(),
            digest: digest.to_owned(),
        };
        let consent = Consent {
            source: "form",
            wording: "yes".to_owned(),
            is_confirmed: true,
            is_rehearsal: false,
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

    async fn leave(&mut self, person: usize, feed: &str) -> bool {
        if !self.running(person).iter().any(|choice| choice.feed == feed) {
            return false;
        }
        let subscriber = self.people[&person];
        let end = EndOfSubscription {
            subscriber,
            digest: None,
            feed: Some(feed.to_owned()),
            source: "form".to_owned(),
            reason: "left".to_owned(),
        };
        self.desk.press.store.end_subscriptions(&end, self.desk.now()).await.unwrap();
        let is_it = |choice: &&mut Choice| choice.person == subscriber && choice.feed == feed;
        self.choices.iter_mut().filter(is_it).for_each(|choice| choice.has_ended = true);
        true
    }

    /// As a complaint would: no command does it yet.
    async fn suppress(&mut self, person: usize) -> bool {
        let Some(id) = self.people.get(&person).copied() else { return false };
        // Some have to be left.
        if self.suppressed.len() >= PEOPLE / 2 || self.suppressed.contains(&id) {
            return false;
        }
        let mut connection = super::check::connect(self).await;
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

    async fn pause(&self, digest: &str) -> bool {
        let scope = PauseScope::Digest(digest.to_owned());
        let pause = NewPause { scope, reason: None, by: "mei".to_owned() };
        self.desk.press.store.pause(&pause, self.desk.now()).await.unwrap().is_new
    }

    /// Ends one pause.
    async fn resume(&self) -> bool {
        let store = &self.desk.press.store;
        let Some(pause) = store.pauses().await.unwrap().into_iter().next() else { return false };
        let scope = PauseScope::Digest(pause.digest.unwrap());
        store.resume(&scope, "mei", self.desk.now()).await.unwrap().is_some()
    }

    /// Everything that is due goes out, as far as the weather lets it.
    async fn send(&mut self) {
        let press = self.desk.press.clone();
        let terms = outbox(&press, std::sync::Arc::new(|| {})).terms.clone();
        if std::mem::take(&mut self.has_crashed) {
            let resends = terms.iter().filter(|(_, terms)| terms.uncertain == Uncertain::Resend);
            let resends: Vec<String> = resends.map(|(digest, _)| digest.clone()).collect();
            press.store.recover(&resends, self.desk.now()).await.unwrap();
        }
        let mut sent = 0;
        loop {
            self.expand().await;
            let mut claims = Vec::new();
            for lane in Lane::ALL {
                claims.extend(press.store.claim_due(&self.request(lane)).await.unwrap());
            }
            if claims.is_empty() {
                break;
            }
            if std::mem::take(&mut self.weather.is_outage) {
                self.happened.push("outage");
                let later = self.desk.now() + TimeDelta::minutes(5);
                let back: Vec<_> = claims.into_iter().map(|claim| (claim, Some(later))).collect();
                press.store.release(&back).await.unwrap();
                break;
            }
            for claim in claims {
                if let Some((_, has_intent)) = self.weather.crash.take_if(|(n, _)| *n <= sent) {
                    self.happened.push("crash");
                    if has_intent {
                        press.store.intend(&claim, &[], self.desk.now()).await.unwrap();
                    }
                    self.has_crashed = true;
                    return;
                }
                let terms = terms.get(&claim.digest).copied().unwrap_or_default();
                let step = self.deliver(&claim, terms).await;
                sent += usize::from(matches!(step, Some(Step::Accepted { .. })));
                if let Some(step) = step {
                    let Claim { run, subscriber, fence, .. } = claim;
                    let result = DeliveryResult { run, subscriber, fence, step };
                    press.store.record_results(&[result], self.desk.now()).await.unwrap();
                }
            }
        }
        press.store.complete_runs(self.desk.now()).await.unwrap();
    }

    async fn expand(&self) {
        let press = &self.desk.press;
        for run in press.store.open_runs().await.unwrap() {
            let keys = DeliveryKeys { token: press.keys.token_key(), dkim_selector: None };
            while run.state == "expanding"
                && press.store.expand(run.id, keys, self.desk.now()).await.unwrap().is_some()
            {
            }
        }
    }

    fn request(&self, lane: Lane) -> ClaimRequest {
        let now = self.desk.now();
        ClaimRequest {
            owner: "history".to_owned(),
            lane,
            now,
            lease_until: now + TimeDelta::minutes(15),
            limit: 100,
            may_be_stand_in: false,
            windows: WindowState::Open,
        }
    }

    /// One message, as the relay takes it.
    async fn deliver(
        &mut self,
        claim: &Claim,
        terms: tidings::outbox::sender::Terms,
    ) -> Option<Step> {
        let now = self.desk.now();
        if is_expired(claim.created_at, terms.expires_after, now) {
            return Some(Step::Expired { code: String::new(), reply: "too late".to_owned() });
        }
        let intent = self.desk.press.store.intend(claim, &[], now).await.unwrap()?;
        let outcome = if std::mem::take(&mut self.weather.refuses_next) {
            self.happened.push("refuse");
            let reply = Reply { code: 550, enhanced: None, text: "no such user".to_owned() };
            Outcome::Refused(Refusal { class: Recipient::Gone, reply })
        } else if std::mem::take(&mut self.weather.loses_next) {
            self.happened.push("lose");
            Outcome::Lost
        } else {
            Outcome::Accepted("2.0.0 Ok".to_owned())
        };
        let attempt = Attempt {
            number: intent.attempt,
            unknowns: claim.unknowns,
            created_at: claim.created_at,
            expires_after: terms.expires_after,
            uncertain: terms.uncertain,
        };
        Some(next_step(attempt, outcome, now))
    }
}
