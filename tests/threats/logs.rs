//! What the log says of people: nothing.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use axum::http::StatusCode;
use tracing_subscriber::fmt::MakeWriter;

use crate::split;
use crate::support::counter::Counter;

/// The whole log of this process, at its most talkative.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

fn logged() -> String {
    String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap().to_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_and_no_token_is_logged() {
    LazyLock::force(&LOG);
    let counter = Counter::open().await;
    let people = ["quiet.person@example.org", "another.person@example.org", "not.fit@localhost"];
    let links = counter.reader(people[0]).await;
    counter.sign_up(people[2], &[("feed.all", "daily")]).await;
    let opened = counter.press(&links.own, "open").await;
    let form = crate::support::counter::hidden(&opened, "form");
    let change = [("form", &*form), ("action", "change"), ("address", people[1])];
    counter.post(&links.own, &change).await;
    counter.work().await;
    let moved = counter.mail_to(people[1]).link("confirm");
    counter.press(&moved, "confirm").await;
    counter.work().await;
    counter.send(&links.unsubscribe, "", "", "List-Unsubscribe=One-Click").await;
    // And when things go wrong.
    counter.get(&format!("{}x", links.manage)).await;
    let delivery_gone = "pragma foreign_keys = off; drop table errand; drop table delivery";
    counter.database().execute_batch(delivery_gone).unwrap();
    for link in [&links.confirm, &links.own, &moved] {
        let failed = counter.get(link).await;
        assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR, "{link}");
    }
    counter.get(&links.unsubscribe).await;
    let said = logged();
    for told in [
        "a reader confirmed",
        "a reader looks at their data",
        "people signed up",
        "errand",
        "a reader asks for their data: a mail will be made",
        "a reader asks for another address: a mail will be made",
    ] {
        assert!(said.contains(told), "the log is not that of this test: no `{told}`");
    }
    for person in people {
        assert!(!said.contains(person), "{person}");
        assert!(!said.contains(person.split('@').next().unwrap()), "{person}");
    }
    for link in [&*links.confirm, &links.manage, &links.unsubscribe, &links.own, &moved] {
        // The head of a token is its run and its reader, which may be told.
        let (page, token) = split(link);
        assert!(!said.contains(&token[30..]), "{page}");
    }
}
