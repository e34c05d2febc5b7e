//! Which feeds there are, and which entries stand in them.
//!
//! The config says which feeds there are; those of `each:` come with the values that entries
//! use, and stay. What changed since the last time gets its places, and nothing else is read.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;

use super::Press;
use crate::catalogue::{Departure, EntryState};
use crate::config::{Closed, Config, EachFeed, FeedConfig, NamedFeed};
use crate::feeds::facets::{Facet, Facets};
use crate::feeds::{FeedDefinition, Selection};
use crate::store::{FeedRecord, NewFeed, Placed, Placement, Placing, StoreError};

/// Facets of the lines with `each`, and how many feeds they may make, as of the last time.
const EACH_FACT: &str = "each";
/// The old names of feeds whose subscriptions have moved.
const RENAMED_FACT: &str = "renamed_feeds";

/// A feed that is published.
#[derive(Debug, Clone)]
pub struct ActiveFeed {
    pub record: FeedRecord,
    pub definition: FeedDefinition,
}

/// The feeds that are published today, those of `each:` among them, in config order.
pub async fn definitions(press: &Press) -> Result<Vec<FeedDefinition>, StoreError> {
    let active = active_feeds(press).await?;
    let mut definitions: Vec<FeedDefinition> = active.into_iter().map(|f| f.definition).collect();
    // Before anything was published, the config alone knows them.
    let known: HashSet<String> = definitions.iter().map(|feed| feed.name.clone()).collect();
    let named = named(&press.config).filter(|feed| !is_closed(feed, today(press)));
    let others = named.map(|feed| &feed.definition).filter(|feed| !known.contains(&feed.name));
    definitions.extend(others.cloned());
    Ok(definitions)
}

/// The feeds that are published today, as the store knows them, in config order.
pub(super) async fn active_feeds(press: &Press) -> Result<Vec<ActiveFeed>, StoreError> {
    Ok(active(&press.config, press.store.feeds().await?, today(press)))
}

/// Whether `each:` may yet make a feed of this name.
pub fn may_be_made(config: &Config, name: &str) -> bool {
    let is_named = named(config).any(|feed| feed.definition.name == name);
    !is_named && each(config).any(|each| each.facet.value_in(name).is_some())
}

/// Whether people may follow a feed of this name, as far as the config knows.
pub fn may_be_followed(press: &Press, name: &str) -> bool {
    let mut named = named(&press.config);
    named.any(|feed| goes_by(feed, name) && !is_closed(feed, today(press)))
        || may_be_made(&press.config, name)
}

fn goes_by(feed: &NamedFeed, name: &str) -> bool {
    feed.definition.name == name || feed.was.iter().any(|was| was == name)
}

/// What the feed that was called `name` when somebody asked for it is called now.
pub(super) fn name_today<'a>(config: &'a Config, name: &'a str) -> &'a str {
    let renamed = named(config).find(|feed| goes_by(feed, name));
    renamed.map_or(name, |feed| &feed.definition.name)
}

pub fn named(config: &Config) -> impl Iterator<Item = &NamedFeed> {
    config.feeds.iter().filter_map(|feed| match feed {
        FeedConfig::One(feed) => Some(feed.as_ref()),
        FeedConfig::Each(_) => None,
    })
}

fn each(config: &Config) -> impl Iterator<Item = &EachFeed> {
    config.feeds.iter().filter_map(|feed| match feed {
        FeedConfig::Each(each) => Some(each),
        FeedConfig::One(_) => None,
    })
}

pub fn is_closed(feed: &NamedFeed, today: NaiveDate) -> bool {
    matches!(&feed.closed, Some(Closed { from, .. }) if *from <= today)
}

pub fn today(press: &Press) -> NaiveDate {
    press.clock.now().with_timezone(&press.config.site.time_zone).date_naive()
}

/// The feeds of the config that are known and not closed, with those that `each:` made.
fn active(config: &Config, records: Vec<FeedRecord>, today: NaiveDate) -> Vec<ActiveFeed> {
    let named_by_config: HashSet<&str> =
        named(config).map(|feed| feed.definition.name.as_str()).collect();
    let mut by_name: BTreeMap<String, FeedRecord> =
        records.into_iter().map(|record| (record.name.clone(), record)).collect();
    let mut active = Vec::new();
    for feed in &config.feeds {
        match feed {
            FeedConfig::One(feed) if is_closed(feed, today) => {}
            FeedConfig::One(feed) => {
                let record = by_name.remove(&feed.definition.name);
                active.extend(
                    record.map(|record| ActiveFeed { record, definition: feed.definition.clone() }),
                );
            }
            FeedConfig::Each(each) => {
                let is_made = |record: &FeedRecord| {
                    let is_of_facet = matches!(&record.origin, Some((f, _)) if *f == each.facet);
                    // A feed of the config keeps its name against one made from a value.
                    is_of_facet && !named_by_config.contains(record.name.as_str())
                };
                let made = by_name.values().filter(|record| is_made(record));
                active.extend(made.map(|record| made_by(each, record)));
            }
        }
    }
    active
}

fn made_by(each: &EachFeed, record: &FeedRecord) -> ActiveFeed {
    let value = record.origin.as_ref().map_or("", |(_, value)| value);
    let EachFeed { facet, text, length, archive, .. } = *each;
    let definition = FeedDefinition {
        name: record.name.clone(),
        title: record.title.clone(),
        select: Selection::by(facet, value),
        text,
        length,
        archive,
    };
    ActiveFeed { record: record.clone(), definition }
}

/// Gives every entry that changed its places in feeds; returns the feeds as they are then.
pub async fn place(press: &Press) -> Result<Vec<ActiveFeed>, StoreError> {
    let store = &press.store;
    let now = press.clock.now();
    let mut records = store.feeds().await?;
    let mut config_feeds: Vec<NewFeed> = named(&press.config).map(new_feed).collect();
    config_feeds.retain(|feed| !is_registered(feed, &records));
    if !config_feeds.is_empty() {
        store.register_feeds(&config_feeds, now).await?;
        records = store.feeds().await?;
    }
    let (placed, newest) = (store.placed_seq().await?, store.newest_seq().await?);
    let allowed = allowed_feeds(press).await?;
    let is_each_new = store.fact(EACH_FACT).await?.unwrap_or_default() != allowed.fact;
    let mut feeds = active(&press.config, records.clone(), today(press));
    let dropped = dropped(&records, &feeds);
    let is_all = is_each_new || feeds.iter().any(|feed| !is_chosen(feed));
    if !is_all && placed == newest && dropped.is_empty() {
        return Ok(feeds);
    }
    // Before anything was placed, everything has changed.
    let mut placements = store.placements(placed, is_all && placed > 0).await?;
    placements.sort_by(|a, b| {
        let key = |p: &Placement| (p.first_accepted_at, p.published_at);
        key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
    });
    let is_whole = is_all || placed == 0;
    if make_feeds(press, &placements, is_whole, &allowed).await? {
        feeds = active(&press.config, store.feeds().await?, today(press));
    }
    let mut placing = placing(&feeds, &placements, newest);
    placing.chosen.extend(dropped.into_iter().map(|feed| (feed, String::new())));
    store.place(&placing, now).await?;
    if is_each_new {
        store.set_fact(EACH_FACT, &allowed.fact).await?;
    }
    Ok(active(&press.config, store.feeds().await?, today(press)))
}

/// Feeds that are published no more: they let their members go, so that one that comes back
/// chooses anew.
fn dropped(records: &[FeedRecord], active: &[ActiveFeed]) -> Vec<i64> {
    let active: HashSet<i64> = active.iter().map(|feed| feed.record.id).collect();
    let is_dropped = |record: &&FeedRecord| !active.contains(&record.id);
    let chosen = records.iter().filter(|record| !record.selection.is_empty());
    chosen.filter(is_dropped).map(|record| record.id).collect()
}

/// Whether the store has a feed under its name and title already.
fn is_registered(feed: &NewFeed, records: &[FeedRecord]) -> bool {
    let NewFeed { name, title, origin } = feed;
    records.iter().any(|r| r.name == *name && r.title == *title && r.origin == *origin)
}

fn new_feed(feed: &NamedFeed) -> NewFeed {
    let FeedDefinition { name, title, .. } = &feed.definition;
    NewFeed { name: name.clone(), title: title.clone(), origin: None }
}

/// What the members of a feed are chosen by; where it changes they are chosen anew.
fn selection_of(feed: &FeedDefinition) -> String {
    format!("{:?}{}", feed.select.named(), if feed.archive { " archive" } else { "" })
}

fn is_chosen(feed: &ActiveFeed) -> bool {
    feed.record.selection == selection_of(&feed.definition)
}

/// Where each entry belongs: pure, but for what it was given.
fn placing(feeds: &[ActiveFeed], placements: &[Placement], upto: i64) -> Placing {
    let chosen: HashSet<i64> =
        feeds.iter().filter(|feed| !is_chosen(feed)).map(|feed| feed.record.id).collect();
    let index = Index::new(feeds);
    let place = |placement: &Placement| {
        let is_shown = matches!(placement.state, EntryState::Public | EntryState::Withdrawn);
        let mut members = if is_shown { index.feeds_of(&placement.facets) } else { Vec::new() };
        members.retain(|feed| placement.is_changed || chosen.contains(feed));
        let departure = placement.removed.as_ref().filter(|_| !is_shown);
        Placed {
            row: placement.row,
            updated_at: placement.updated_at,
            stood_at: placement.stood_at,
            is_displaced: placement.is_displaced,
            is_changed: placement.is_changed,
            has_turned: placement.has_turned,
            feeds: members,
            last_day: placement.facets.last_day,
            stays_cancelled: placement.was_withdrawn,
            buried_at: departure
                .filter(|(note, _)| Departure::of(note).is_some_and(Departure::leaves_tombstone))
                .map(|(_, at)| *at),
        }
    };
    let is_open = |feed: &&ActiveFeed| chosen.contains(&feed.record.id);
    Placing {
        chosen: feeds
            .iter()
            .filter(is_open)
            .map(|feed| (feed.record.id, selection_of(&feed.definition)))
            .collect(),
        archived: feeds
            .iter()
            .filter(|feed| feed.definition.archive)
            .map(|feed| feed.record.id)
            .collect(),
        entries: placements.iter().map(place).collect(),
        upto,
    }
}

/// Feeds by what they select, so that hundreds made from values cost no more than one.
struct Index {
    by_value: HashMap<(Facet, String), i64>,
    others: Vec<(i64, Selection)>,
}

impl Index {
    fn new(feeds: &[ActiveFeed]) -> Self {
        let mut index = Self { by_value: HashMap::new(), others: Vec::new() };
        for feed in feeds {
            match &feed.record.origin {
                // A language takes in its variants, so that equal names are not enough.
                Some((facet, value)) if *facet != Facet::Language => {
                    index.by_value.insert((*facet, value.clone()), feed.record.id);
                }
                _ => index.others.push((feed.record.id, feed.definition.select.named())),
            }
        }
        index
    }

    fn feeds_of(&self, facets: &Facets) -> Vec<i64> {
        let others = self.others.iter().filter(|(_, select)| select.holds(facets));
        let mut feeds: Vec<i64> = others.map(|(feed, _)| *feed).collect();
        if !self.by_value.is_empty() {
            for facet in Facet::ALL {
                let values = facets.values(facet).into_iter();
                let made = values.filter_map(|value| self.by_value.get(&(facet, value.0)));
                feeds.extend(made);
            }
            feeds.sort_unstable();
            feeds.dedup();
        }
        feeds
    }
}

/// How many feeds each facet may make.
struct Allowed {
    by_facet: Vec<(Facet, usize)>,
    fact: String,
}

/// The limits of the config, raised by what an operator has let go.
async fn allowed_feeds(press: &Press) -> Result<Allowed, StoreError> {
    let mut by_facet = Vec::new();
    for EachFeed { facet, limit, .. } in each(&press.config) {
        let subject = hold_subject(*facet);
        let approved = press.store.approved(&subject).await?.unwrap_or(0);
        by_facet.push((*facet, (*limit).max(approved)));
    }
    let limits: Vec<String> =
        by_facet.iter().map(|(facet, n)| format!("{}:{n}", facet.as_str())).collect();
    let fact = limits.join(" ");
    Ok(Allowed { by_facet, fact })
}

fn hold_subject(facet: Facet) -> String {
    format!("each:{}", facet.as_str())
}

/// Makes the feeds of values that are new; more than are allowed wait for an operator, and
/// while they do no other one of the facet is made. `is_whole`: these are all entries, so that
/// what waits is counted anew. Whether any was made.
async fn make_feeds(
    press: &Press,
    placements: &[Placement],
    is_whole: bool,
    allowed: &Allowed,
) -> Result<bool, StoreError> {
    let store = &press.store;
    let records = store.feeds().await?;
    let named: HashSet<&str> = named(&press.config).map(|f| f.definition.name.as_str()).collect();
    let mut has_new = false;
    for (facet, limit) in &allowed.by_facet {
        let is_made = |record: &&FeedRecord| matches!(&record.origin, Some((f, _)) if f == facet);
        let made: HashSet<&str> =
            records.iter().filter(is_made).map(|record| record.name.as_str()).collect();
        let mut new = new_feeds(*facet, placements);
        new.retain(|feed| !made.contains(feed.name.as_str()) && !named.contains(&*feed.name));
        let subject = hold_subject(*facet);
        if new.is_empty() && !is_whole {
            continue;
        }
        // What waits was counted with those that are made.
        let waiting = if is_whole { None } else { store.asked(&subject).await? };
        let wanted = waiting.unwrap_or(made.len()) + new.len();
        if waiting.is_some() || wanted > *limit {
            let facet = facet.as_str();
            let reason = format!("`each: {facet}` would make {wanted} feeds; its limit is {limit}");
            store.hold_approval(&subject, wanted, &reason, press.clock.now()).await?;
            continue;
        }
        // The config allows it by now.
        store.drop_approval(&subject, press.clock.now()).await?;
        has_new |= !new.is_empty();
        store.register_feeds(&new, press.clock.now()).await?;
    }
    if is_whole {
        drop_others(press, allowed).await?;
    }
    Ok(has_new)
}

/// What waits for a line with `each` that the config no longer has waits no more.
async fn drop_others(press: &Press, allowed: &Allowed) -> Result<(), StoreError> {
    let is_allowed = |facet: &Facet| allowed.by_facet.iter().any(|(other, _)| other == facet);
    for facet in Facet::ALL.into_iter().filter(|facet| !is_allowed(facet)) {
        press.store.drop_approval(&hold_subject(facet), press.clock.now()).await?;
    }
    Ok(())
}

/// A feed for each value that public entries have of a facet.
///
/// Of several spellings the oldest entry's is the title, so that a later slip of the pen does
/// not rename a feed.
fn new_feeds(facet: Facet, placements: &[Placement]) -> Vec<NewFeed> {
    let is_shown = |p: &&Placement| matches!(p.state, EntryState::Public | EntryState::Withdrawn);
    let mut oldest_first: Vec<&Placement> = placements.iter().filter(is_shown).collect();
    oldest_first.sort_by(|a, b| (a.published_at, &a.id).cmp(&(b.published_at, &b.id)));
    let mut titles: BTreeMap<String, String> = BTreeMap::new();
    for value in oldest_first.iter().flat_map(|placement| placement.facets.values(facet)) {
        let title = value.title().to_owned();
        titles.entry(value.0).or_insert(title);
    }
    let feed = |(value, title): (String, String)| NewFeed {
        name: facet.feed_of(&value),
        title,
        origin: Some((facet, value)),
    };
    titles.into_iter().map(feed).collect()
}

/// Moves the subscriptions of feeds that had another name.
pub async fn move_renamed(press: &Press) -> Result<(), StoreError> {
    let renamed = named(&press.config)
        .flat_map(|feed| feed.was.iter().map(|old| (old.as_str(), feed.definition.name.as_str())));
    let renamed: Vec<(&str, &str)> = renamed.collect();
    let fact = format!("{renamed:?}");
    if renamed.is_empty() || press.store.fact(RENAMED_FACT).await?.as_deref() == Some(&fact) {
        return Ok(());
    }
    for (old, new) in &renamed {
        let moved = press.store.move_subscriptions(old, new, press.clock.now()).await?;
        if moved > 0 {
            tracing::info!(moved, "subscriptions to feed `{old}` moved to `{new}`");
        }
    }
    press.store.set_fact(RENAMED_FACT, &fact).await
}

/// What people follow and the config no longer has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    #[error("feed `{name}` is not in the config and has {}", people(*followers))]
    Feed { name: String, followers: u64 },
    #[error("digest `{name}` is not in the config and has {}", people(*followers))]
    Digest { name: String, followers: u64 },
    #[error("language `{name}` is not in `site.languages` and has {}", people(*followers))]
    Language { name: String, followers: u64 },
}

fn people(followers: u64) -> String {
    if followers == 1 { "1 follower".to_owned() } else { format!("{followers} followers") }
}

impl Lost {
    pub fn hint(&self) -> String {
        match self {
            Self::Feed { name, .. } => format!(
                "put it back; or move its readers to another feed with `was: [{name}]`; or end it \
                 with `{{name: {name}, closed: DATE}}`"
            ),
            Self::Digest { name, .. } => {
                format!("put `- name: {name}` back, or move its followers to another digest first")
            }
            Self::Language { name, .. } => format!(
                "put `{name}` back, or import its readers with another language: the row of a \
                 known address changes it"
            ),
        }
    }
}

/// The first feed, digest or language that people chose and that the config no longer has: their
/// mail would end without a word, or come in a language they did not choose.
pub async fn lost(press: &Press) -> Result<Option<Lost>, StoreError> {
    let config = &press.config;
    let has_feed = |name: &str| {
        let is_named =
            named(config).any(|f| f.definition.name == name || f.was.iter().any(|was| was == name));
        is_named || may_be_made(config, name)
    };
    let followed = press.store.followed().await?;
    let count = |is: &dyn Fn(&crate::store::Followed) -> bool| {
        followed.iter().filter(|f| is(f)).map(|f| f.followers).sum()
    };
    for one in &followed {
        if !has_feed(&one.feed) {
            let (name, followers) = (one.feed.clone(), count(&|f| f.feed == one.feed));
            return Ok(Some(Lost::Feed { name, followers }));
        }
        if config.digests.iter().all(|digest| digest.name != one.digest) {
            let (name, followers) = (one.digest.clone(), count(&|f| f.digest == one.digest));
            return Ok(Some(Lost::Digest { name, followers }));
        }
    }
    if config.languages.is_empty() {
        return Ok(None);
    }
    for (language, followers) in press.store.readers_by_language().await? {
        let is_gone = language.parse().is_ok_and(|language| !config.has_language(&language));
        if is_gone {
            return Ok(Some(Lost::Language { name: language, followers }));
        }
    }
    Ok(None)
}
