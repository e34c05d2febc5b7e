//! sfeed, a parser that writes one line for each item.

use std::process::Command;

use super::item::Item;
use super::program;

/// The items of a document, by id.
pub fn read(sfeed: &str, document: &[u8]) -> Vec<Item> {
    let output = program::output(&mut Command::new(sfeed), document);
    let mut items: Vec<Item> = str::from_utf8(&output).unwrap().lines().map(item).collect();
    items.sort();
    items
}

/// Time, title, link, content, its type, id, and more, between tabs.
fn item(line: &str) -> Item {
    let fields: Vec<&str> = line.split('\t').collect();
    Item {
        id: fields[5].to_owned(),
        title: fields[1].to_owned(),
        published: fields[0].parse().unwrap(),
        updated: None,
    }
}
