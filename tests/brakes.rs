//! What keeps mail back: send windows, the allow list, the first few of a run, an operator's word.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

#[path = "brakes/approval.rs"]
mod approval;
#[path = "brakes/bad_input.rs"]
mod bad_input;
#[path = "brakes/plan.rs"]
mod plan;
#[path = "support/relay.rs"]
mod relay;
#[path = "brakes/sending.rs"]
mod sending;
#[path = "brakes/windows.rs"]
mod windows;

use std::ops::Deref;
use std::sync::Arc;

use support::desk::Desk;
use tidings::pipeline::digests::{plan_due, plan_immediate, plan_told, settle, start};
use tidings::pipeline::scan;
use tidings::pipeline::send::{carry, outbox};
use tidings::store::HeldRun;
use tokio::sync::{Notify, watch};

/// A desk that has digests to send, with a clock of the test's own.
pub(crate) struct Mailroom(Desk);

impl Deref for Mailroom {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.0
    }
}

impl Mailroom {
    /// An office with readers of a digest, at 20:00 on Friday 20 November 2026, Singapore time;
    /// `from` of its config is `to`.
    pub(crate) async fn open(readers: usize, digest: &str, edits: &[(&str, &str)]) -> Self {
        let edit = |config: &str| {
            edits.iter().fold(config.to_owned(), |config, (from, to)| {
                assert!(config.contains(from), "{from}");
                config.replace(from, to)
            })
        };
        let room = Self(Desk::open_with("2026-11-20T12:00:00Z", edit).await);
        room.scan().await;
        room.office.subscribe(readers, digest);
        room
    }

    pub(crate) async fn scan(&self) {
        scan::scan(&self.press).await.unwrap();
    }

    pub(crate) async fn news(&self, name: &str) {
        self.office.news(name, "It opens today.");
        self.scan().await;
    }

    /// The clock reaches `moment` and a minute's tick comes; returns mails written so far.
    pub(crate) async fn tick(&self, moment: &str) -> usize {
        self.clock.set(moment);
        for plan in plan_due(&self.press, self.now()).await.unwrap() {
            start(&self.press, &plan).await.unwrap();
        }
        for plan in plan_immediate(&self.press).await.unwrap() {
            start(&self.press, &plan).await.unwrap();
        }
        self.send().await
    }

    /// What does not wait for a digest's moment is started, and sent where it may be; returns
    /// mails written so far.
    pub(crate) async fn tell(&self, moment: &str) -> usize {
        self.clock.set(moment);
        settle(&self.press).await.unwrap();
        for plan in plan_told(&self.press, self.now()).await.unwrap() {
            start(&self.press, &plan).await.unwrap();
        }
        self.send().await
    }

    /// Writes urgent news and scans it.
    pub(crate) async fn urgent(&self, name: &str, body: &str) {
        let text = format!(
            "---\ntitle: {name}\nlayout: post\npermalink: /news/{name}/\nurgent: true\n---\n{body}\n"
        );
        self.put(&format!("_posts/{name}.md"), &text);
        self.scan().await;
    }

    /// The runs that wait for a word.
    pub(crate) async fn held(&self) -> Vec<HeldRun> {
        self.press.store.held_runs().await.unwrap()
    }

    /// Sends what may go out; returns mails written so far.
    pub(crate) async fn send(&self) -> usize {
        let (_stop, stopped) = watch::channel(false);
        let outbox = outbox(&self.press, Arc::new(|| {}));
        carry(&self.press, &outbox, &stopped, &Notify::new()).await.unwrap();
        self.office.mails().len()
    }

    /// Key and state of each run that had something, oldest first.
    pub(crate) async fn runs(&self) -> Vec<String> {
        let asked = tidings::store::RunsAsked::Newest(50);
        let mut runs = self.press.store.runs(asked).await.unwrap();
        runs.reverse();
        runs.retain(|run| run.state != "empty");
        runs.iter().map(|run| format!("{} {}", run.key, run.state)).collect()
    }
}
