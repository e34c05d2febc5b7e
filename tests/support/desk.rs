//! A press office worked with through the library, with a clock of the test's own.

use std::sync::Arc;

use tidings::clock::Clock;
use tidings::config::{self, Environment};
use tidings::pipeline::publish::PublishReport;
use tidings::pipeline::{Press, publish, scan};
use tidings::store::sqlite::SqliteStore;
use tidings::subscribers::keys::Keys;
use tidings::templates::Templates;

use super::clock::TestClock;
use super::office::Office;

pub struct Desk {
    pub office: Office,
    pub clock: Arc<TestClock>,
    pub press: Press,
}

impl Desk {
    /// An office without content, at `moment`.
    pub async fn open(moment: &str) -> Self {
        Self::open_with(moment, str::to_owned).await
    }

    /// As [`Desk::open`], with a config that `edit` made of the usual one.
    pub async fn open_with(moment: &str, edit: impl Fn(&str) -> String) -> Self {
        let office = Office::new();
        let clock = Arc::new(TestClock::at(moment));
        Self::with(office, clock, edit).await
    }

    /// The same office under another config.
    pub async fn reopen(self, edit: impl Fn(&str) -> String) -> Self {
        Self::with(self.office, self.clock, edit).await
    }

    async fn with(office: Office, clock: Arc<TestClock>, edit: impl Fn(&str) -> String) -> Self {
        let path = office.path("config/tidings.yaml");
        // Whatever the test puts there is no mass change.
        let text = edit(&office.read("config/tidings.yaml"));
        let text = text.replace("scan: 1s}", "scan: 1s, max_new: 5000}");
        office.write("config/tidings.yaml", text);
        let config = config::load(&path, &Environment::default()).unwrap();
        let store = SqliteStore::open(&config.store_path).await.unwrap();
        let keys = Keys::open(&config.keys_folder).unwrap();
        let press = Press {
            config: Arc::new(config),
            store: Arc::new(store),
            keys: Arc::new(keys),
            clock: clock.clone(),
            templates: Arc::new(Templates::builtin()),
        };
        press.store.settle_fact("lookup_key_check", &press.keys.check_value()).await.unwrap();
        Self { office, clock, press }
    }

    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }

    /// Writes a content file, old enough not to look as if it were still being written.
    pub fn put(&self, path: &str, text: &str) {
        let path = format!("content/{path}");
        self.office.write(&path, text);
        let file = std::fs::File::options().append(true).open(self.office.path(&path)).unwrap();
        file.set_modified((self.now() - chrono::TimeDelta::minutes(1)).into()).unwrap();
    }

    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.office.path(&format!("content/{path}"))).unwrap();
    }

    /// Scans and publishes once, as `publish-now --feeds-only` does.
    pub async fn publish(&self) -> PublishReport {
        let mut report = scan::scan(&self.press).await.unwrap();
        publish::publish(&self.press, &mut report).await.unwrap();
        report
    }

    /// Makes the archives that a publish left, and then what refers to them.
    pub async fn make_archives(&self) {
        let mut report = PublishReport::default();
        while publish::make_archives(&self.press, &mut report).await.unwrap() {}
        publish::publish(&self.press, &mut report).await.unwrap();
    }
}
