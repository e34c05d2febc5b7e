//! Makes documents and writes them beside their place, on all cores.
//!
//! Entries are read for some feeds at a time, so that memory does not grow with their number.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::thread;

use super::PublishingError;
use super::look::{Due, Standing, named_feeds};
use crate::feeds::calendar::event_path;
use crate::feeds::documents;
use crate::feeds::{
    Archive, Document, Feed, FeedDefinition, INDEX_PATH, OPML_PATH, SCRIPT_PATH, STYLE_PATH, Site,
    Tombstone,
};
use crate::model::{Entry, Timestamp};
use crate::pipeline::feeds::ActiveFeed;
use crate::pipeline::{Press, bodies};
use crate::publish::{Publication, PublishError, Staged};
use crate::store::{EventMember, MadeFeed, Member};
use crate::templates::Templates;

/// Entries in memory at once, with their bodies.
const ENTRIES: usize = 1_000;

/// In which order documents are put in place, by path: referred-to before referring.
pub(in crate::pipeline) fn rank(path: &str) -> u8 {
    match path {
        STYLE_PATH | SCRIPT_PATH => 0,
        INDEX_PATH => 6,
        OPML_PATH => 5,
        _ if path.starts_with("events/") => 1,
        _ if path.contains("/archive/") => 2,
        _ if path.ends_with("/index.html") => 4,
        _ => 3,
    }
}

/// What was made and waits to be put in place.
#[derive(Default)]
pub(super) struct Made {
    pub(super) staged: Vec<Staged>,
    pub(super) feeds: Vec<MadeFeed>,
    /// Feed and number.
    pub(super) archives: Vec<(i64, u64)>,
    /// Entries that say their summary alone.
    pub(super) stand_ins: u64,
    /// Paths of all events there are to be; absent where nobody looked.
    pub(super) events: Option<Vec<String>>,
    /// Of documents whose feed does not say it: what they were made of, by path.
    pub(super) sources: HashMap<String, String>,
}

/// Makes all documents of feeds that are due.
pub(super) async fn feeds(
    press: &Press,
    publication: &Arc<Publication>,
    standing: &Standing,
    all: &[ActiveFeed],
    due: Vec<Due>,
    made: &mut Made,
) -> Result<(), PublishingError> {
    let others: Arc<[FeedDefinition]> = named_feeds(press, all).cloned().collect();
    let mut rest = due.into_iter().peekable();
    while rest.peek().is_some() {
        let mut rows = BTreeSet::new();
        let mut batch = Vec::new();
        while let Some(due) = rest.next_if(|_| rows.len() < ENTRIES) {
            rows.extend(members_of(&due).map(|member| member.row));
            batch.push(due);
        }
        let entries = entries(press, rows, Keep::Bodies).await?;
        made.stand_ins += entries.stand_ins.len() as u64;
        let room = Room::new(press, publication, &others, standing);
        let has_stand_ins = !entries.stand_ins.is_empty();
        let staged = in_parallel(batch, move |due| room.feed(&due, &entries)).await;
        for one in staged {
            let (staged, feed) = one?;
            made.staged.extend(staged);
            // With a stand-in among them they are made again, whether or not anything changes.
            made.feeds.push(if has_stand_ins {
                MadeFeed { made_of: String::new(), ..feed }
            } else {
                feed
            });
        }
    }
    Ok(())
}

fn members_of(due: &Due) -> impl Iterator<Item = &Member> {
    due.lists.newest.iter().chain(&due.lists.events)
}

/// Makes archives: (feed, number) of each.
pub(super) async fn archives(
    press: &Press,
    publication: &Arc<Publication>,
    standing: &Standing,
    due: &[(ActiveFeed, u64)],
    made: &mut Made,
) -> Result<(), PublishingError> {
    let mut blocks = Vec::new();
    let mut rows = BTreeSet::new();
    for (feed, number) in due {
        let members = press.store.archive_members(feed.record.id, *number).await?;
        rows.extend(members.iter().map(|member| member.row));
        blocks.push((feed.clone(), *number, members));
    }
    let entries = entries(press, rows, Keep::Nothing).await?;
    made.stand_ins += entries.stand_ins.len() as u64;
    for (feed, number, members) in &blocks {
        // One that says a summary instead of a text is made again.
        if members.iter().all(|member| !entries.stand_ins.contains(&member.row)) {
            made.archives.push((feed.record.id, *number));
        }
    }
    let room = Room::new(press, publication, &Arc::default(), standing);
    let staged = in_parallel(blocks, move |(feed, number, members)| {
        room.archive(&feed, number, &members, &entries)
    });
    for one in staged.await {
        made.staged.extend(one?);
    }
    Ok(())
}

/// Makes events by themselves, where they are not there as they would be made now.
pub(super) async fn events(
    press: &Press,
    publication: &Arc<Publication>,
    standing: &Standing,
    events: &[EventMember],
    made: &mut Made,
) -> Result<(), PublishingError> {
    let mut wanted = Vec::new();
    let mut due = Vec::new();
    for event in events {
        let path = event_path(&event.id);
        let made_of = standing.made_of_event(&event.member);
        let is_same = standing.records.get(&path).is_some_and(|r| r.made_of == made_of);
        if is_same && standing.has(&path) {
            wanted.push(path);
        } else {
            due.push((event.member.row, made_of));
        }
    }
    for batch in due.chunks(ENTRIES) {
        let rows = batch.iter().map(|(row, _)| *row).collect();
        let entries = entries(press, rows, Keep::Nothing).await?;
        let room = Room::new(press, publication, &Arc::default(), standing);
        let rows: Vec<i64> = batch.iter().map(|(row, _)| *row).collect();
        let staged = in_parallel(rows, move |row| room.event(row, &entries)).await;
        for (one, (_, made_of)) in staged.into_iter().zip(batch) {
            let Some(staged) = one? else { continue };
            wanted.push(staged.path().to_owned());
            made.sources.insert(staged.path().to_owned(), made_of.clone());
            made.staged.push(staged);
        }
    }
    made.events = Some(wanted);
    Ok(())
}

/// Stages documents that are made already.
pub(super) fn stage(
    publication: &Publication,
    documents: impl IntoIterator<Item = Document>,
    made: &mut Made,
) -> Result<(), PublishError> {
    for document in documents {
        made.staged.push(publication.stage(&document)?);
    }
    Ok(())
}

/// What becomes of bodies that are not in the store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Bodies,
    /// An archive is made once: its bodies would only fill the store.
    Nothing,
}

/// Entries with their bodies.
struct Entries {
    by_row: HashMap<i64, Arc<Entry>>,
    /// Rows of those that say their summary alone.
    stand_ins: HashSet<i64>,
}

impl Entries {
    fn pick(&self, members: &[Member]) -> Vec<Arc<Entry>> {
        members.iter().filter_map(|member| self.by_row.get(&member.row).cloned()).collect()
    }
}

async fn entries(
    press: &Press,
    rows: BTreeSet<i64>,
    keep: Keep,
) -> Result<Entries, PublishingError> {
    let rows: Vec<i64> = rows.into_iter().collect();
    let mut entries = press.store.entries(&rows).await?;
    let stand_ins = match keep {
        Keep::Bodies => bodies::fill(press, &mut entries).await?,
        Keep::Nothing => bodies::borrow(press, &mut entries).await?,
    };
    let stand_ins = stand_ins.into_iter().map(|index| rows[index]).collect();
    let by_row = rows.into_iter().zip(entries.into_iter().map(Arc::new)).collect();
    Ok(Entries { by_row, stand_ins })
}

/// What rendering needs, on whatever thread.
struct Room {
    site: Site,
    templates: Arc<Templates>,
    publication: Arc<Publication>,
    others: Arc<[FeedDefinition]>,
    today: chrono::NaiveDate,
}

impl Room {
    fn new(
        press: &Press,
        publication: &Arc<Publication>,
        others: &Arc<[FeedDefinition]>,
        standing: &Standing,
    ) -> Self {
        Self {
            site: press.config.site.clone(),
            templates: press.templates.clone(),
            publication: publication.clone(),
            others: others.clone(),
            today: standing.today,
        }
    }

    fn feed(
        &self,
        due: &Due,
        entries: &Entries,
    ) -> Result<(Vec<Staged>, MadeFeed), PublishingError> {
        let ActiveFeed { record, definition } = &due.feed;
        let told = record.told.unwrap_or(self.site.since);
        let newest = entries.pick(&due.lists.newest);
        let here = |at: Timestamp| at.with_timezone(&self.site.time_zone).fixed_offset();
        let tombstones = due.lists.tombstones.iter();
        let tombstones = tombstones.map(|t| Tombstone { id: t.id.clone(), at: here(t.at) });
        let mut feed = Feed::new(definition.clone(), newest, tombstones.collect(), told);
        feed.archives = due.archives;
        let mut events = entries.pick(&due.lists.events);
        events.sort_by_key(|entry| (start_of(entry), entry.id.clone()));
        let formats = documents::formats(&feed, &events, &self.site, self.today)?;
        let page = documents::feed_page(
            &feed,
            &self.others,
            &events,
            &self.site,
            &self.templates,
            self.today,
        )?;
        let mut staged = Vec::new();
        for document in &formats {
            staged.push(self.publication.stage(document)?);
        }
        staged.push(self.publication.stage(&page)?);
        let made_of = due.made_of.clone();
        Ok((staged, MadeFeed { feed: record.id, made_of, told: feed.updated }))
    }

    /// Nothing where calendars have done with it.
    fn event(&self, row: i64, entries: &Entries) -> Result<Option<Staged>, PublishingError> {
        let entry = entries.by_row.get(&row);
        let Some(entry) = entry.filter(|entry| documents::is_shown(entry, self.today)) else {
            return Ok(None);
        };
        Ok(Some(self.publication.stage(&documents::event(entry, &self.site))?))
    }

    fn archive(
        &self,
        feed: &ActiveFeed,
        number: u64,
        members: &[Member],
        entries: &Entries,
    ) -> Result<Vec<Staged>, PublishingError> {
        let feed =
            Feed::new(feed.definition.clone(), entries.pick(members), Vec::new(), self.site.since);
        let Feed { definition, entries, updated, .. } = feed;
        let archive = Archive { definition, number, entries, updated };
        let [json, atom] = documents::archive(&archive, &self.site)?;
        let stage = |document| Ok(self.publication.stage(document)?);
        [&json, &atom].into_iter().map(stage).collect()
    }
}

/// When an event begins; days begin at midnight in Greenwich, which is only for their order.
fn start_of(entry: &Entry) -> Option<chrono::NaiveDateTime> {
    use crate::model::EventTime;
    entry.event.as_ref().map(|event| match event.start {
        EventTime::At(moment) => moment.naive_utc(),
        EventTime::Day(day) => day.and_time(chrono::NaiveTime::MIN),
    })
}

/// Works through `items` on all cores; results in the order of the items.
async fn in_parallel<T: Send + 'static, R: Send + 'static>(
    items: Vec<T>,
    work: impl Fn(T) -> R + Send + Sync + 'static,
) -> Vec<R> {
    let run = move || {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let items: Vec<(usize, T)> = items.into_iter().enumerate().collect();
        let queue = std::sync::Mutex::new(items.into_iter());
        let next = || queue.lock().expect("taking an item does not panic").next();
        let mut done: Vec<(usize, R)> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        std::iter::from_fn(|| next().map(|(n, item)| (n, work(item))))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().expect("rendering does not panic"))
                .collect()
        });
        done.sort_by_key(|(n, _)| *n);
        done.into_iter().map(|(_, result)| result).collect()
    };
    tokio::task::spawn_blocking(run).await.expect("rendering does not panic")
}

/// The newest change of all feeds, for what lists them.
pub(super) fn newest(feeds: &[ActiveFeed], made: &Made, site: &Site) -> Timestamp {
    let told = feeds.iter().filter_map(|feed| feed.record.told);
    told.chain(made.feeds.iter().map(|feed| feed.told)).fold(site.since, Timestamp::max)
}
