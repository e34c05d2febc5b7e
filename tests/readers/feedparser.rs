//! feedparser, the library that most readers in Python stand on.

use std::process::Command;

use serde_json::Value;

use super::item::Item;
use super::program;

/// Fetches each address; a feed that is not well-formed, or of an unknown kind, ends it.
const READ: &str = r#"
import sys, json, calendar, feedparser
seconds = lambda time: time and calendar.timegm(time)
for address in json.load(sys.stdin):
    feed = feedparser.parse(address)
    assert not feed.bozo, (address, feed.bozo_exception)
    assert feed.version in ("rss20", "atom10"), (address, feed.version)
    print(json.dumps([[entry.id, entry.title, seconds(entry.published_parsed),
        seconds(entry.get("updated_parsed") if "updated" in entry else None)]
        for entry in feed.entries]))
"#;

/// The items of each address, by id. RSS has no `updated` where it is `published`.
pub fn read(python: &str, addresses: &[String]) -> Vec<Vec<Item>> {
    let input = serde_json::to_vec(addresses).unwrap();
    let output = program::output(Command::new(python).args(["-c", READ]), &input);
    let lines = str::from_utf8(&output).unwrap().lines();
    lines.map(|line| items(&serde_json::from_str(line).unwrap())).collect()
}

fn items(read: &Value) -> Vec<Item> {
    let item = |item: &Value| {
        let published = item[2].as_i64().unwrap();
        Item {
            id: item[0].as_str().unwrap().to_owned(),
            title: item[1].as_str().unwrap().to_owned(),
            published,
            updated: Some(item[3].as_i64().unwrap_or(published)),
        }
    };
    let mut items: Vec<Item> = read.as_array().unwrap().iter().map(item).collect();
    items.sort();
    items
}
