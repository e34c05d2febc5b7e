//! What the store keeps of feeds: their members, their archives, their documents.

use chrono::{DateTime, Utc};

use crate::catalogue::EntryState;
use crate::feeds::Tombstone;
use crate::feeds::facets::{Facet, Facets};
use crate::model::{EntryId, Revision, Seq, Timestamp};

/// A feed as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRecord {
    pub id: i64,
    pub name: String,
    pub title: String,
    /// What `each:` made it from.
    pub origin: Option<(Facet, String)>,
    /// What its members were chosen by; empty where none were chosen yet.
    pub selection: String,
    /// Entries in it.
    pub members: u64,
    /// Whether something of it may have changed since its documents were made.
    pub is_stale: bool,
    /// Hash of all that its documents were made of.
    pub made_of: String,
    /// Newest change its documents have told of.
    pub told: Option<Timestamp>,
    /// Archives that have closed.
    pub closed_archives: u64,
    /// Archives to be made, or made again.
    pub stale_archives: u64,
}

/// A feed to be remembered under its name; one that is known keeps its title where `each:`
/// made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFeed {
    pub name: String,
    pub title: String,
    pub origin: Option<(Facet, String)>,
}

/// An entry as it is to be placed in feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub struct Placement {
    pub row: i64,
    pub id: EntryId,
    pub state: EntryState,
    pub published_at: i64,
    pub updated_at: i64,
    pub first_accepted_at: i64,
    /// Under which `updated_at` it stands in feeds; absent where it never stood in one.
    pub stood_at: Option<i64>,
    /// Whether that is kept apart from what it is updated to.
    pub is_displaced: bool,
    /// Whether it changed since entries were last placed.
    pub is_changed: bool,
    /// Whether it was withdrawn, removed or reinstated since.
    pub has_turned: bool,
    /// Whether its last word to readers was that it is withdrawn.
    pub was_withdrawn: bool,
    /// Of one that is removed: why, as the change has it, and when.
    pub removed: Option<(String, i64)>,
    pub facets: Facets,
}

/// Where entries stand from now on.
#[derive(Debug, Default)]
pub struct Placing {
    /// Feeds that are chosen anew, with what by: their members are dropped first.
    pub chosen: Vec<(i64, String)>,
    /// Feeds that keep archives.
    pub archived: Vec<i64>,
    /// In the order of the archives.
    pub entries: Vec<Placed>,
    /// Newest change that was looked at.
    pub upto: Seq,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub struct Placed {
    pub row: i64,
    pub updated_at: i64,
    /// As in [`Placement`]; its old places are left where `is_changed`.
    pub stood_at: Option<i64>,
    pub is_displaced: bool,
    pub is_changed: bool,
    pub has_turned: bool,
    /// Feeds that it is added to.
    pub feeds: Vec<i64>,
    pub last_day: Option<i64>,
    /// It stays in calendars, as cancelled.
    pub stays_cancelled: bool,
    /// When it was deleted, where the feeds that it stood in are to say so.
    pub buried_at: Option<i64>,
}

/// An event that a calendar may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMember {
    pub id: EntryId,
    pub member: Member,
}

/// An entry in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    pub row: i64,
    pub revision: Revision,
    pub state: EntryState,
}

/// What to look for in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListsAsked {
    pub feed: i64,
    /// How many of the newest.
    pub length: usize,
    /// Positions in the history after this one are shown too; absent without archives.
    pub after_position: Option<u64>,
    /// Events that end on this day or later, in days since 1970.
    pub events_since: i64,
    pub tombstones_since: DateTime<Utc>,
}

/// What stands in the documents of a feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedLists {
    /// Newest first, and what the open archive block holds besides.
    pub newest: Vec<Member>,
    pub events: Vec<Member>,
    pub tombstones: Vec<Tombstone>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRecord {
    pub path: String,
    pub hash: String,
    pub size_bytes: u64,
    /// When its bytes last changed.
    pub changed_at: DateTime<Utc>,
    /// Size and times of its files as they were put in place.
    pub stat: String,
    /// What it was made of, where its feed does not say.
    pub made_of: String,
    /// Tag of the copy in an object store.
    pub bucket_tag: Option<String>,
}

/// What a publish did, to be remembered at once.
#[derive(Debug, Default)]
pub struct PublicationRecord {
    /// Documents that were made; the time counts where their bytes changed.
    pub documents: Vec<DocumentRecord>,
    pub removed: Vec<String>,
    /// Feeds whose documents were looked at, each with what they are made of.
    pub feeds: Vec<MadeFeed>,
    /// Archives that were made: feed and number.
    pub archives: Vec<(i64, u64)>,
    /// Topics that hubs are to be told of: hub and topic.
    pub pings: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFeed {
    pub feed: i64,
    pub made_of: String,
    pub told: Timestamp,
}

/// A hub that is still to be told of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PingRecord {
    pub hub: String,
    pub topic: String,
    /// Which change of the topic it is to be told of.
    pub generation: i64,
    pub attempts: u32,
}

/// A feed and a digest that people follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    pub feed: String,
    pub digest: String,
    /// People who are not at their end with it.
    pub followers: u64,
}
