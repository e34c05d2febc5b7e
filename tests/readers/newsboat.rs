//! newsboat, a reader for terminals, and what it keeps in its cache.

use std::process::Command;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use super::item::Item;
use super::program;

/// The items of an address, by id.
pub async fn read(newsboat: &str, address: &str) -> Vec<Item> {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    std::fs::write(at("urls"), format!("{address}\n")).unwrap();
    std::fs::write(at("config"), "").unwrap();
    let mut command = Command::new(newsboat);
    command.env("HOME", home.path()).env("LC_ALL", "C.UTF-8").arg("-u").arg(at("urls"));
    command.arg("-c").arg(at("cache.db")).arg("-C").arg(at("config")).args(["-x", "reload"]);
    program::output(&mut command, b"");
    let options = SqliteConnectOptions::new().filename(at("cache.db"));
    let mut cache = SqliteConnection::connect_with(&options).await.unwrap();
    let query = "select guid, title, pubdate from rss_item order by guid";
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as(query).fetch_all(&mut cache).await.unwrap();
    rows.into_iter()
        .map(|(id, title, published)| Item { id, title, published, updated: None })
        .collect()
}
