//! What a reader can remember of an entry, and the same from a JSON Feed of ours.

use chrono::DateTime;
use serde_json::Value;

/// An entry as a reader shows it; times in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    pub id: String,
    pub title: String,
    pub published: i64,
    /// Absent where the reader keeps one time alone.
    pub updated: Option<i64>,
}

/// An event as a calendar shows it: id, title, start, end, status. Moments are in UTC.
pub type EventItem = [String; 5];

pub fn without_updates(items: Vec<Item>) -> Vec<Item> {
    items.into_iter().map(|item| Item { updated: None, ..item }).collect()
}

/// Fails with what differs, where what was read is not what was expected, both by id.
#[track_caller]
pub fn check(read: &[Item], expected: &[Item], what: &str) {
    let unexpected: Vec<&Item> = read.iter().filter(|item| !expected.contains(item)).collect();
    let missing: Vec<&Item> = expected.iter().filter(|item| !read.contains(item)).collect();
    assert!(read == expected, "{what}: read {unexpected:#?}\ninstead of {missing:#?}");
}

/// The items of a JSON Feed, by id.
pub fn published(feed: &[u8]) -> Vec<Item> {
    let mut items: Vec<Item> = items(feed).iter().map(item).collect();
    items.sort();
    items
}

fn items(feed: &[u8]) -> Vec<Value> {
    let feed: Value = serde_json::from_slice(feed).unwrap();
    feed["items"].as_array().unwrap().clone()
}

fn item(item: &Value) -> Item {
    let text = |key: &str| item[key].as_str().unwrap().to_owned();
    Item {
        id: text("id"),
        title: text("title"),
        published: seconds(&text("date_published")),
        updated: Some(seconds(&text("date_modified"))),
    }
}

/// The events of a JSON Feed, by id.
pub fn events(feed: &[u8]) -> Vec<EventItem> {
    let items = items(feed);
    let mut events: Vec<EventItem> = items
        .iter()
        .filter(|item| item["_tidings"]["event"].is_object())
        .map(|item| {
            let event = &item["_tidings"]["event"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            [
                text(&item["id"]),
                text(&item["title"]),
                moment(&text(&event["start"])),
                moment(&text(&event["end"])),
                text(&event["status"]).to_uppercase().replace("POSTPONED", "TENTATIVE"),
            ]
        })
        .collect();
    events.sort();
    events
}

/// A moment in UTC; a day and nothing as they are.
fn moment(text: &str) -> String {
    DateTime::parse_from_rfc3339(text)
        .map_or_else(|_| text.to_owned(), |time| time.to_utc().to_rfc3339())
}

fn seconds(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp()
}
