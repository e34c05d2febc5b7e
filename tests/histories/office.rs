//! A press office that a history happens to, with what an onlooker writes down about it.
//!
//! Content is scanned, runs are planned, expanded and claimed by the program's own code; only the
//! relay is played, so that a history takes a second.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use tidings::model::Seq;
use tidings::outbox::sender::Terms;
use tidings::pipeline::digests::{plan_due, plan_immediate, plan_told, settle};
use tidings::pipeline::send::outbox;
use tidings::pipeline::{feeds, scan};

use super::act::Act;
use super::corrections::Correction;
use super::item::Item;
use super::people::Choice;
use super::relay::Weather;
use super::support::desk::Desk;
use super::zone::{Place, WEEKLY_AT, Wish};
use super::{corrections, embargo, runs};

/// So many days before an event.
pub(crate) const REMINDED: u32 = 2;

const FEEDS: [&str; 4] = ["all", "releases", "events", "category-transport"];
const DIGESTS: [&str; 3] = ["daily", "weekly", "immediate"];
const CATEGORIES: [&str; 2] = ["transport", "culture"];
const LANGUAGES: [&str; 2] = ["en", "zh"];

/// Followers' news, as it was numbered.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) seq: Seq,
    pub(crate) row: i64,
    pub(crate) revision: i64,
    pub(crate) name: String,
    /// Feeds that select it.
    pub(crate) feeds: BTreeSet<String>,
    pub(crate) is_urgent: bool,
}

pub(crate) struct PressOffice {
    pub(crate) desk: Desk,
    pub(crate) place: Place,
    pub(crate) terms: HashMap<String, Terms>,
    pub(crate) items: Vec<Item>,
    /// By number of the address.
    pub(crate) people: BTreeMap<usize, i64>,
    pub(crate) languages: HashMap<usize, &'static str>,
    pub(crate) choices: Vec<Choice>,
    /// Who left, and when.
    pub(crate) leavers: Vec<(i64, DateTime<Utc>)>,
    /// Names that feeds of the config had, the newest last.
    pub(crate) names: BTreeMap<&'static str, Vec<String>>,
    /// Releases stand in the feed of all news alone.
    pub(crate) is_merged: bool,
    pub(crate) suppressed: BTreeSet<i64>,
    /// Who wants no mail for now, and since when.
    pub(crate) resting: BTreeMap<i64, DateTime<Utc>>,
    /// Runs of each digest that its next window begins behind.
    pub(crate) run_counts: BTreeMap<String, i64>,
    pub(crate) told: Vec<Told>,
    pub(crate) told_upto: Seq,
    /// What has been numbered and not been seen to be told.
    pub(crate) corrections: Vec<Correction>,
    /// What is on its way since: a correction, its run and its reader.
    pub(crate) corrected: Vec<(Correction, i64, i64)>,
    /// The newest issue that was looked into.
    pub(crate) seen_issue: i64,
    pub(crate) seen_run: i64,
    /// Operators let go whatever waits.
    is_at_rest: bool,
    pub(crate) weather: Weather,
    pub(crate) has_crashed: bool,
    /// Kinds of acts that took place.
    pub(crate) happened: Vec<&'static str>,
    /// What was seen to be wrong while mail went out.
    pub(crate) faults: Vec<String>,
}

impl PressOffice {
    pub(crate) async fn open(place: Place) -> Self {
        let (hour, minute) = place.daily_at;
        let (daily_at, weekly_at) =
            (format!("{minute} {hour} * * *"), format!("0 {} * * FRI", WEEKLY_AT.0));
        let weekly =
            format!("name: weekly, at: '{weekly_at}', uncertain: hold, approve: {}", place.approve);
        let reminders = format!("reminders: {{days: [{REMINDED}], at: '{daily_at}'}}");
        let config = |text: &str| {
            text.replace("Asia/Singapore", place.zone.name())
                .replace("0 8 * * *'}", &format!("{daily_at}'}}\n  - {{{weekly}}}"))
                .replace("mail: {", &format!("{reminders}\nmail: {{max_issues: 2, "))
        };
        let desk = Desk::open_with(&place.start.to_rfc3339(), config).await;
        let terms = outbox(&desk.press, std::sync::Arc::new(|| {})).terms.clone();
        let mut office = Self {
            desk,
            place,
            terms,
            items: Vec::new(),
            people: BTreeMap::new(),
            languages: HashMap::new(),
            choices: Vec::new(),
            leavers: Vec::new(),
            names: FEEDS.map(|feed| (feed, vec![feed.to_owned()])).into(),
            is_merged: false,
            suppressed: BTreeSet::new(),
            resting: BTreeMap::new(),
            run_counts: BTreeMap::new(),
            told: Vec::new(),
            told_upto: 0,
            corrections: Vec::new(),
            corrected: Vec::new(),
            seen_issue: 0,
            seen_run: 0,
            is_at_rest: false,
            weather: Weather::default(),
            has_crashed: false,
            happened: Vec::new(),
            faults: Vec::new(),
        };
        office.scan().await;
        office
    }

    /// What took place is counted; weather when it strikes.
    pub(crate) async fn carry_out(&mut self, act: &Act) -> Result<(), String> {
        self.pass(TimeDelta::minutes(1));
        let took_place = match act {
            Act::Publish { event, category, language } => {
                let mut item = self.item(CATEGORIES[category % 2], LANGUAGES[language % 2]);
                item.start = event.map(|hours| self.desk.now() + TimeDelta::hours(hours));
                self.write(item)
            }
            Act::Alert { category, language } => {
                let item = self.item(CATEGORIES[category % 2], LANGUAGES[language % 2]);
                self.write(Item { is_urgent: true, ..item })
            }
            Act::Translate(n) => self.translate(*n),
            Act::Embargo(wish) => self.embargo(self.item("transport", "en"), wish),
            Act::Move(n, wish) => self.move_embargo(*n, wish),
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
            Act::CallOff(n) => self.call_off(*n),
            Act::Alarm(n) => self.edit(*n, |item, n| {
                item.note = Some(n);
                item.is_urgent = true;
            }),
            Act::Delete(n) => self.delete(*n),
            Act::Join { person, feed, digest, language } => {
                self.join(*person, FEEDS[feed % 4], DIGESTS[digest % 3], *language).await
            }
            Act::Switch { person, digest } => self.switch(*person, DIGESTS[digest % 3]).await,
            Act::Leave { person, feed } => self.leave(*person, FEEDS[feed % 4]).await,
            Act::Click(n) => self.click(*n).await,
            Act::Waver => {
                self.weather.wavers = true;
                false
            }
            Act::Undo => self.undo().await,
            Act::Rename(feed) => {
                self.weather.renames = Some(FEEDS[feed % 3]);
                false
            }
            Act::Merge => {
                self.weather.merges = true;
                false
            }
            Act::Suppress(person) => self.suppress(*person).await,
            Act::Rest(person) => self.rest(*person).await,
            Act::Return(n) => self.come_back(*n).await,
            Act::Pause(digest) => self.pause(DIGESTS[digest % 3]).await,
            Act::Resume => self.resume().await,
            Act::Approve => self.approve().await,
            Act::Cancel(n) => self.cancel(*n).await,
            Act::Cross(n) => {
                self.weather.crosses = Some(*n);
                false
            }
            Act::Wait { hours } => {
                self.wait(TimeDelta::hours(*hours)).await?;
                true
            }
            Act::Sleep { hours } => {
                self.pass(TimeDelta::hours(*hours));
                self.tick().await?;
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
        if act.is_quiet() {
            return Ok(());
        }
        self.scan().await;
        self.tell().await;
        self.send().await;
        self.look().await
    }

    /// What must be true at any time.
    async fn look(&mut self) -> Result<(), String> {
        if !self.faults.is_empty() {
            return Err(self.faults.remove(0));
        }
        embargo::mail(self).await?;
        corrections::receivers(self).await?;
        self.look_at_resting().await?;
        runs::since(self).await
    }

    /// Pauses end, the weather is fair, nothing is left on hold, and a fortnight passes.
    pub(crate) async fn come_to_rest(&mut self) -> Result<(), String> {
        while self.resume().await {}
        while self.come_back(0).await {}
        self.weather = Weather::default();
        self.is_at_rest = true;
        self.wait(TimeDelta::days(5)).await?;
        // A digest without a schedule brings what it owes with the next news.
        let [release, mut event] =
            [0, 1].map(|n| Item::new(self.items.len() + n, "transport", "en"));
        event.start = Some(self.desk.now() + TimeDelta::days(30));
        self.write(release);
        self.write(event);
        self.wait(TimeDelta::days(10)).await?;
        embargo::documents(self).await
    }

    fn pass(&self, time: TimeDelta) {
        self.desk.clock.set(&(self.desk.now() + time).to_rfc3339());
    }

    /// Time passes, and somebody is awake whenever a digest is due and an embargo ends.
    async fn wait(&mut self, time: TimeDelta) -> Result<(), String> {
        let end = self.desk.now() + time;
        loop {
            let now = self.desk.now();
            let embargo = self.next_embargo();
            let next = self.place.next_tick(now).min(embargo.unwrap_or(end)).min(end);
            self.desk.clock.set(&next.to_rfc3339());
            self.tick().await?;
            if embargo == Some(next) {
                embargo::documents(self).await?;
            }
            if next == end {
                return Ok(());
            }
        }
    }

    /// The next second before or at the end of an embargo.
    fn next_embargo(&self) -> Option<DateTime<Utc>> {
        let ends = self.items.iter().filter_map(|item| Some(item.embargo.as_ref()?.ends_at));
        let moments = ends.flat_map(|end| [end - TimeDelta::seconds(1), end]);
        moments.filter(|at| *at > self.desk.now()).min()
    }

    async fn tick(&mut self) -> Result<(), String> {
        self.scan().await;
        self.tell().await;
        let now = self.desk.now();
        let due = plan_due(&self.desk.press, now).await.unwrap();
        self.start(due).await;
        while self.is_at_rest && self.approve_all().await {
            self.tell().await;
        }
        self.send().await;
        self.look().await
    }

    /// What goes out with a scan, as the daemon does it.
    async fn tell(&mut self) {
        let press = self.desk.press.clone();
        settle(&press).await.unwrap();
        self.start(plan_told(&press, press.clock.now()).await.unwrap()).await;
        self.start(plan_immediate(&press).await.unwrap()).await;
    }

    /// Takes the content in, and writes down what was told.
    async fn scan(&mut self) {
        scan::scan(&self.desk.press).await.unwrap();
        let store = &self.desk.press.store;
        let newest = store.newest_seq().await.unwrap();
        if newest == self.told_upto {
            return;
        }
        // Feeds of a category are made when something is published there.
        feeds::place(&self.desk.press).await.unwrap();
        for told in store.told_changes(self.told_upto, newest).await.unwrap() {
            let name = told.entry.title.clone();
            let feeds = self.items.iter().find(|item| item.name == name).unwrap().feeds();
            let (seq, row, revision) = (told.seq, told.row, told.told_revision);
            let is_urgent = told.entry.urgent;
            self.told.push(Told { seq, row, revision, name, feeds, is_urgent });
        }
        self.corrections.extend(corrections::after(self, self.told_upto).await);
        self.told_upto = newest;
    }

    fn item(&self, category: &'static str, language: &'static str) -> Item {
        Item::new(self.items.len(), category, language)
    }

    /// Writes something that waits.
    fn embargo(&mut self, mut item: Item, wish: &Wish) -> bool {
        let embargo = wish.embargo(&self.place, self.desk.now());
        let is_by = |change: DateTime<Utc>| (embargo.ends_at - change).abs() <= TimeDelta::hours(3);
        if self.place.change.is_some_and(is_by) {
            self.happened.push("by a change");
        }
        item.embargo = Some(embargo);
        self.write(item)
    }

    /// Its author has another time in mind.
    fn move_embargo(&mut self, n: usize, wish: &Wish) -> bool {
        let now = self.desk.now();
        let waiting: Vec<&Item> =
            self.items.iter().filter(|i| i.is_waiting(now) && i.is_lasting()).collect();
        let item = (!waiting.is_empty()).then(|| waiting[n % waiting.len()].clone());
        item.is_some_and(|item| self.embargo(item, wish))
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

    fn call_off(&mut self, n: usize) -> bool {
        let is_on = |item: &&Item| item.start.is_some() && !item.is_called_off && item.is_lasting();
        let events: Vec<&Item> = self.items.iter().filter(is_on).collect();
        let Some(item) = events.get(n % events.len().max(1)) else { return false };
        self.write(Item { is_called_off: true, ..(*item).clone() })
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
        item.embargo.clone_from(&original.embargo);
        item.expires_at = original.expires_at;
        item.start = original.start;
        item.is_called_off = original.is_called_off;
        item.is_urgent = original.is_urgent;
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
}
