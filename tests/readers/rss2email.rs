//! rss2email, which makes a mail of each new item; here into a Maildir.

use std::path::Path;
use std::process::Command;

use mail_parser::{HeaderValue, Message, MessageParser};

use super::item::Item;
use super::program;

/// RSS leaves open whether a title is HTML, and this reader takes one with whole tags for it.
pub fn as_guessed(mut items: Vec<Item>) -> Vec<Item> {
    for item in &mut items {
        item.title = item.title.replace("&amp;", "&").replace("<b>bold</b>", "**bold**");
    }
    items
}

/// A reader with one subscription, whose mails are dated as items are.
pub struct Reader {
    program: String,
    home: tempfile::TempDir,
}

const CONFIG: &str = "\
[DEFAULT]
from = reader@example.org
to = reader@example.org
email-protocol = maildir
maildir-path = {home}/mail
maildir-mailbox = news
date-header = True
date-header-order = issued
bonus-header =
";

impl Reader {
    pub fn subscribe(program: &str, address: &str) -> Self {
        let reader = Self { program: program.to_owned(), home: tempfile::tempdir().unwrap() };
        let home = reader.home.path();
        std::fs::create_dir(home.join("mail")).unwrap();
        let config = CONFIG.replace("{home}", home.to_str().unwrap());
        std::fs::write(home.join("config"), config).unwrap();
        reader.call(&["add", "news", address]);
        reader
    }

    fn call(&self, arguments: &[&str]) {
        let mut command = Command::new(&self.program);
        let at = |name: &str| self.home.path().join(name);
        command.env("HOME", self.home.path()).env("LC_ALL", "C.UTF-8");
        command.arg("-c").arg(at("config")).arg("-d").arg(at("data.json")).args(arguments);
        program::output(&mut command, b"");
    }

    /// Fetches, and returns all items that were ever mailed, by id.
    pub fn run(&self) -> Vec<Item> {
        self.call(&["run"]);
        let folder = self.home.path().join("mail/news/new");
        let mut items: Vec<Item> =
            std::fs::read_dir(folder).unwrap().map(|mail| item(&mail.unwrap().path())).collect();
        items.sort();
        items
    }
}

fn item(mail: &Path) -> Item {
    let bytes = std::fs::read(mail).unwrap();
    let message = MessageParser::default().parse(&bytes).unwrap();
    Item {
        id: field(&message, "X-RSS-ID"),
        title: message.subject().unwrap().to_owned(),
        published: message.date().unwrap().to_timestamp(),
        updated: None,
    }
}

fn field(message: &Message<'_>, name: &str) -> String {
    match message.header(name) {
        Some(HeaderValue::Text(text)) => text.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}
