//! What somebody might try at the pages, and that it comes to nothing: the tests of the table in
//! `docs/security.md`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

#[path = "threats/answers.rs"]
mod answers;
#[path = "threats/connections.rs"]
mod connections;
#[path = "threats/crawler.rs"]
mod crawler;
#[path = "threats/fields.rs"]
mod fields;
#[path = "threats/forms.rs"]
mod forms;
#[path = "threats/logs.rs"]
mod logs;
#[path = "threats/races.rs"]
mod races;
#[path = "threats/tokens.rs"]
mod tokens;

const READER: &str = "reader@example.org";

/// A page and the token in its address.
fn split(link: &str) -> (&str, &str) {
    link[1..].split_once('/').unwrap()
}
