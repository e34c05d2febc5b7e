//! Who is told what whatever their digest is: urgent news, corrections, withdrawals, reminders;
//! and what becomes of a run whose text is corrected in the middle. With a clock of the test's
//! own and a relay on this machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

#[path = "digests_told/closed.rs"]
mod closed;
#[path = "digests_told/corrections.rs"]
mod corrections;
#[path = "digests_told/daemon.rs"]
mod daemon;
#[path = "digests_told/kills.rs"]
mod kills;
#[path = "digests_told/reminders.rs"]
mod reminders;
#[path = "digests_told/urgent.rs"]
mod urgent;
#[path = "digests_told/windows.rs"]
mod windows;

use std::fmt::Write;
use std::ops::Deref;
use std::sync::Arc;

use mail_parser::{Message, MessageParser};
use support::desk::Desk;
use support::sink::{Play, Sink};
use tidings::pipeline::digests::approval::{Word, let_go};
use tidings::pipeline::digests::{
    ByHand, plan_all_by_hand, plan_due, plan_immediate, plan_told, settle, start,
};
use tidings::pipeline::feeds::place;
use tidings::pipeline::people::{Consent, subscribe};
use tidings::pipeline::scan;
use tidings::pipeline::send::{carry, outbox};
use tidings::store::{
    ComeBack, EndOfSubscription, Leave, NewPause, PauseScope, Resolution, RunsAsked,
};
use tidings::subscribers::import::Row;
use tokio::sync::watch;

/// Twenty o'clock on Friday 20 November 2026, in Singapore.
const BEGINNING: &str = "2026-11-20T12:00:00Z";

/// A desk whose mail goes to a relay of the test's own.
struct Room {
    desk: Desk,
    relay: Sink,
}

impl Deref for Room {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.desk
    }
}

impl Room {
    async fn open() -> Self {
        Self::with(Sink::start().await, str::to_owned).await
    }

    /// With a relay that plays by a script, and a config that `edit` made of the usual one.
    async fn with(relay: Sink, edit: impl Fn(&str) -> String) -> Self {
        let desk = Desk::open_with(BEGINNING, |config| {
            edit(&config.replace("maildir:var/mail", &relay.url()))
                .replace("{name: daily", "{name: weekly, at: '0 17 * * FRI'}\n  - {name: daily")
        });
        let room = Self { desk: desk.await, relay };
        room.scan().await;
        room
    }

    /// Subscribes people, one a line: `reader1 all daily`.
    fn people(&self, lines: &[&str]) {
        let mut list = "address,language,feed,digest\n".to_owned();
        for line in lines {
            let [name, feed, digest] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            writeln!(list, "{name}@example.org,en,{feed},{digest}").unwrap();
        }
        self.office.write("people.csv", list);
        self.run(&["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"]);
    }

    /// Changes the store as nothing in this version does.
    fn change(&self, sql: &str) {
        let store = rusqlite::Connection::open(self.office.path("var/tidings.db")).unwrap();
        store.execute_batch(sql).unwrap();
    }

    fn run(&self, arguments: &[&str]) {
        let done = self.office.run(arguments);
        assert_eq!(done.code, 0, "{done:?}");
    }

    /// Writes a release with more front matter, such as `correction: …`.
    fn release(&self, name: &str, more: &str, body: &str) {
        let text = format!(
            "---\ntitle: {name}\nlayout: post\npermalink: /news/{name}/\n{more}\n---\n{body}\n"
        );
        self.put(&format!("_posts/{name}.md"), &text);
    }

    async fn scan(&self) {
        scan::scan(&self.press).await.unwrap();
    }

    /// What the daemon does at a minute, after a scan; returns who got what since the last time,
    /// as `reader1: SUBJECT`.
    async fn minute(&self, moment: &str) -> Vec<String> {
        self.plan_at(moment).await;
        self.send().await
    }

    /// The same, but for the mails.
    async fn plan_at(&self, moment: &str) {
        // What is numbered at the very moment waits for the next.
        self.scan().await;
        self.clock.set(moment);
        self.scan().await;
        place(&self.press).await.unwrap();
        settle(&self.press).await.unwrap();
        for plan in plan_told(&self.press, self.now()).await.unwrap() {
            start(&self.press, &plan).await.unwrap();
        }
        for plan in plan_immediate(&self.press).await.unwrap() {
            start(&self.press, &plan).await.unwrap();
        }
        for plan in plan_due(&self.press, self.now()).await.unwrap() {
            start(&self.press, &plan).await.unwrap();
        }
    }

    /// One person, by the clock of the room, which says when they came: `reader1 all daily`.
    async fn comes(&self, line: &str) {
        let [name, feed, digest] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let row = Row {
            line: 0,
            address: format!("{name}@example.org").parse().unwrap(),
            language: "en".parse().unwrap(),
            feed: feed.into(),
            digest: digest.into(),
        };
        let consent = Consent {
            source: "test",
            wording: "test".into(),
            is_confirmed: true,
            is_rehearsal: false,
            brings_back: true,
        };
        subscribe(&self.press, &[row], &consent).await.unwrap();
    }

    async fn number_of(&self, reader: &str) -> i64 {
        let address = format!("{reader}@example.org").parse().unwrap();
        let lookup = self.press.keys.lookup(&address);
        self.press.store.subscriber_by_lookup(&lookup).await.unwrap().unwrap()
    }

    /// A reader leaves one feed.
    async fn leaves(&self, reader: &str, feed: &str) {
        let leave = EndOfSubscription {
            subscriber: self.number_of(reader).await,
            digest: None,
            feed: Some(feed.into()),
            source: "test".into(),
            reason: "left".into(),
        };
        assert_eq!(self.press.store.end_subscriptions(&leave, self.now()).await.unwrap(), 1);
    }

    /// What `publish-now` does; returns who got what.
    async fn publish_now(&self, moment: &str, advances: bool) -> Vec<String> {
        self.clock.set(moment);
        self.scan().await;
        settle(&self.press).await.unwrap();
        let ByHand { runs, .. } = plan_all_by_hand(&self.press, &[], advances).await.unwrap();
        for plan in &runs {
            start(&self.press, plan).await.unwrap();
        }
        self.send().await
    }

    async fn send(&self) -> Vec<String> {
        let before = self.relay.accepted().len();
        let (_stop, stopped) = watch::channel(false);
        let outbox = outbox(&self.press, Arc::new(|| {}));
        carry(&self.press, &outbox, &stopped, &tokio::sync::Notify::new()).await.unwrap();
        let mut mails: Vec<String> = self.relay.accepted()[before..]
            .iter()
            .map(|mail| {
                let subject = parsed(&mail.message).subject().unwrap().to_owned();
                let (reader, _) = mail.recipient.split_once('@').unwrap();
                format!("{reader}: {}", subject.replace(" – Test Office", ""))
            })
            .collect();
        mails.sort();
        mails
    }

    /// The newest mail to a reader.
    fn mail_to(&self, reader: &str) -> String {
        let is_theirs = |recipient: &str| recipient.starts_with(&format!("{reader}@"));
        let accepted = self.relay.accepted();
        let mut theirs = accepted.iter().rev().filter(|mail| is_theirs(&mail.recipient));
        theirs.next().unwrap().message.clone()
    }

    /// An operator's word for the run that waits.
    async fn let_go(&self) {
        let held = self.press.store.held_runs().await.unwrap();
        let word = let_go(&self.press, &held[0], "mei").await.unwrap();
        assert!(matches!(word, Word::LetGo { .. }), "{word:?}");
    }

    async fn pause(&self, scope: PauseScope) {
        let pause = NewPause { scope, reason: None, by: "mei".into() };
        self.press.store.pause(&pause, self.now()).await.unwrap();
    }

    async fn resume(&self, scope: &PauseScope) {
        self.press.store.resume(scope, "mei", self.now()).await.unwrap();
    }

    /// Digest, key and state of every run that sent something, oldest first.
    async fn runs(&self) -> Vec<String> {
        let mut runs = self.press.store.runs(RunsAsked::Newest(100)).await.unwrap();
        runs.retain(|run| run.state != "empty");
        runs.reverse();
        runs.iter().map(|run| format!("{} {} {}", run.digest, run.key, run.state)).collect()
    }
}

fn parsed(message: &str) -> Message<'_> {
    MessageParser::default().parse(message.as_bytes()).unwrap()
}

/// A relay that puts these readers off until they were asked so often.
async fn putting_off(readers: &'static [&'static str], times: usize) -> Sink {
    Sink::playing(move |address, before| {
        let is_meant = readers.iter().any(|reader| address.starts_with(&format!("{reader}@")));
        if is_meant && before < times {
            Play::RefuseRecipient("451 4.7.1 later")
        } else {
            Play::Accept
        }
    })
    .await
}
