//! Scheduled digests with a real store and a clock of the test's own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use support::desk::Desk;
use tidings::config::{self, Config, Environment, FirstScan};
use tidings::pipeline::digests::{plan_all_by_hand, plan_due, start};
use tidings::pipeline::send::{carry, outbox};
use tidings::pipeline::{Press, scan};
use tidings::store::{Choices, NewPause, PauseScope};
use tokio::sync::watch;

/// A desk that has digests to send.
struct Mailroom(Desk);

impl Deref for Mailroom {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        &self.0
    }
}

impl Mailroom {
    /// An office with two readers of the daily digest, at 20:00 on Friday 20 November.
    async fn open() -> Self {
        let room = Self(Desk::open("2026-11-20T12:00:00Z").await);
        room.scan().await;
        room.office.subscribe(2, "daily");
        room
    }

    async fn scan(&self) {
        scan::scan(&self.press).await.unwrap();
    }

    async fn news(&self, name: &str) {
        self.office.news(name, "It opens today.");
        self.scan().await;
    }

    /// The clock reaches `moment` and a minute's tick comes; returns mails written so far.
    async fn tick(&self, moment: &str) -> usize {
        self.clock.set(moment);
        for plan in plan_due(&self.press, self.now()).await.unwrap() {
            start(&self.press, &plan).await.unwrap();
        }
        self.send(false).await
    }

    /// Sends what is there, or stops before; returns mails written so far.
    async fn send(&self, is_stopped: bool) -> usize {
        let (_stop, stopped) = watch::channel(is_stopped);
        carry(
            &self.press,
            &outbox(&self.press, Arc::new(|| {})),
            &stopped,
            &tokio::sync::Notify::new(),
        )
        .await
        .unwrap();
        self.office.mails().len()
    }

    async fn pause(&self, scope: PauseScope) {
        let pause = NewPause { scope, reason: None, by: "mei".into() };
        assert!(self.press.store.pause(&pause, self.now()).await.unwrap().is_new);
    }

    async fn resume(&self, scope: &PauseScope) {
        let resumed = self.press.store.resume(scope, "mei", self.now()).await.unwrap();
        assert!(resumed.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_goes_out_at_its_minute_and_once() {
    let desk = Mailroom::open().await;
    desk.news("a-new-bridge").await;
    assert_eq!(desk.tick("2026-11-20T23:59:00Z").await, 0);
    assert_eq!(desk.tick("2026-11-21T00:00:00Z").await, 2);
    assert_eq!(desk.tick("2026-11-21T00:01:00Z").await, 2);
    assert_eq!(desk.tick("2026-11-22T00:00:00Z").await, 2, "nothing new, no mail");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_stopped_leaves_the_pages_of_a_plan_to_the_next_start() {
    let room = Mailroom::open().await;
    room.news("a-new-bridge").await;
    room.clock.set("2026-11-21T00:00:30Z");
    for plan in plan_due(&room.press, room.now()).await.unwrap() {
        start(&room.press, &plan).await.unwrap();
    }
    assert_eq!(room.send(true).await, 0);
    let open = room.press.store.open_runs().await.unwrap();
    assert_eq!(open.iter().map(|run| &*run.state).collect::<Vec<_>>(), ["expanding"]);
    assert_eq!(room.send(false).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn news_numbered_after_the_due_moment_waits_for_the_next_one() {
    let desk = Mailroom::open().await;
    desk.clock.set("2026-11-21T00:00:05Z");
    desk.news("a-new-bridge").await;
    assert_eq!(desk.tick("2026-11-21T00:00:30Z").await, 0);
    assert_eq!(desk.tick("2026-11-22T00:00:00Z").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_slept_sends_one_issue_over_all_it_missed() {
    let desk = Mailroom::open().await;
    desk.news("a-new-bridge").await;
    desk.clock.set("2026-11-22T12:00:00Z");
    desk.news("a-second-bridge").await;
    assert_eq!(desk.tick("2026-11-23T05:00:00Z").await, 2);
    assert!(desk.office.mails()[0].contains("a-new-bridge"));
    assert!(desk.office.mails()[0].contains("a-second-bridge"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_more_than_a_day_late_drops_the_mail_and_keeps_the_news() {
    let desk = Mailroom::open().await;
    let path = desk.office.path("config/tidings.yaml");
    let weekly = std::fs::read_to_string(&path)
        .unwrap()
        .replace("{name: daily, at: '0 8 * * *'}", "{name: daily, at: '0 8 * * FRI'}");
    std::fs::write(&path, weekly).unwrap();
    let config = config::load(&path, &Environment::default()).unwrap();
    let press = Press { config: Arc::new(config), ..desk.press.clone() };
    let desk = Mailroom(Desk { press, ..desk.0 });
    desk.news("a-new-bridge").await;
    // Due on Friday the 27th at 08:00; the host wakes two days later.
    assert_eq!(desk.tick("2026-11-29T00:00:00Z").await, 0);
    assert_eq!(desk.tick("2026-12-04T00:00:00Z").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_pause_one_issue_covers_all_its_moments() {
    for scope in [PauseScope::All, PauseScope::Digest("daily".into())] {
        let desk = Mailroom::open().await;
        desk.pause(scope.clone()).await;
        desk.news("a-new-bridge").await;
        assert_eq!(desk.tick("2026-11-21T00:00:00Z").await, 0);
        desk.news("a-second-bridge").await;
        assert_eq!(desk.tick("2026-11-22T00:00:00Z").await, 0);
        assert_eq!(desk.tick("2026-11-23T00:00:00Z").await, 0);
        assert!(desk.press.store.open_runs().await.unwrap().is_empty(), "{scope:?}");

        desk.clock.set("2026-11-23T05:00:00Z");
        desk.resume(&scope).await;
        assert_eq!(desk.tick("2026-11-23T05:01:00Z").await, 2, "{scope:?}");
        let mail = &desk.office.mails()[0];
        assert!(mail.contains("a-new-bridge") && mail.contains("a-second-bridge"), "{mail}");
        assert_eq!(desk.tick("2026-11-24T00:00:00Z").await, 2, "nothing is left for the next");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_another_digest_or_a_run_leaves_the_moments_of_this_one() {
    let desk = Mailroom::open().await;
    desk.news("a-new-bridge").await;
    desk.pause(PauseScope::Digest("immediate".into())).await;
    assert_eq!(desk.tick("2026-11-21T00:00:00Z").await, 2);
    desk.pause(PauseScope::Run(1)).await;
    desk.clock.set("2026-11-21T12:00:00Z");
    desk.news("a-second-bridge").await;
    assert_eq!(desk.tick("2026-11-22T00:00:00Z").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_ends_too_late_drops_the_mail_and_keeps_the_news() {
    let desk = Desk::open_with("2026-11-20T12:00:00Z", |config| {
        config.replace("at: '0 8 * * *'", "at: '0 8 * * *', late: skip")
    });
    let desk = Mailroom(desk.await);
    desk.scan().await;
    desk.office.subscribe(2, "daily");
    desk.pause(PauseScope::All).await;
    desk.news("a-new-bridge").await;
    assert_eq!(desk.tick("2026-11-21T00:00:00Z").await, 0);
    desk.resume(&PauseScope::All).await;
    assert_eq!(desk.tick("2026-11-21T00:11:00Z").await, 0);
    assert_eq!(desk.tick("2026-11-22T00:00:00Z").await, 2);
    assert!(desk.office.mails()[0].contains("a-new-bridge"));
}

/// Somebody with one feed in a paused digest and the other in one that is not.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_paused_digest_keeps_back_is_not_kept_from_the_others() {
    let desk = Mailroom::open().await;
    let list = "address,language,feed,digest\nreader1@example.org,en,releases,immediate\n";
    desk.office.write("people.csv", list);
    let import = ["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"];
    assert_eq!(desk.office.run(&import).code, 0);
    // It comes first in the config.
    desk.pause(PauseScope::Digest("immediate".into())).await;
    desk.news("a-new-bridge").await;
    let plan = plan_all_by_hand(&desk.press, &[], true).await.unwrap();
    let people: Vec<_> = plan.runs.iter().map(|run| run.plan.recipients).collect();
    assert_eq!(people, [2]);
    assert!(plan.waiting.is_empty(), "daily brings it to everybody: {plan:?}");
    desk.pause(PauseScope::All).await;
    let plan = plan_all_by_hand(&desk.press, &[], true).await.unwrap();
    assert!(plan.runs.is_empty() && !plan.waiting.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_passes_by_who_rests_also_if_it_never_brought_them_anything() {
    let room = Mailroom::open().await;
    let reader = |is_paused| Choices {
        subscriber: 1,
        follows: BTreeMap::new(),
        language: None,
        is_paused,
        source: "page".into(),
        wording: "no mail for now".into(),
    };
    room.press.store.choose(&reader(true), room.now()).await.unwrap();
    room.news("a-new-bridge").await;
    assert_eq!(room.tick("2026-11-21T00:00:00Z").await, 1);
    room.news("a-second-bridge").await;
    room.press.store.choose(&reader(false), room.now()).await.unwrap();
    assert_eq!(room.tick("2026-11-22T00:00:00Z").await, 3);
    let told = |name: &str| room.office.mails().iter().filter(|m| m.contains(name)).count();
    assert_eq!(told("a-new-bridge"), 1, "it was brought while they rested");
    assert_eq!(told("a-second-bridge"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_passes_by_who_rests_also_if_they_were_owed_something_from_before() {
    let room = Mailroom::open().await;
    let chooses = async |digest: &str, is_paused| {
        let choices = Choices {
            subscriber: 1,
            follows: [("all".into(), Some(digest.into()))].into(),
            language: None,
            is_paused,
            source: "page".into(),
            wording: "yes".into(),
        };
        room.press.store.choose(&choices, room.now()).await.unwrap();
    };
    chooses("immediate", false).await;
    room.news("a-new-bridge").await;
    assert_eq!(room.tick("2026-11-21T00:00:00Z").await, 1);
    // The other digest has yet to bring it, and this one has been past it.
    chooses("daily", true).await;
    room.news("a-second-bridge").await;
    assert_eq!(room.tick("2026-11-22T00:00:00Z").await, 2);
    chooses("daily", false).await;
    room.news("a-third-bridge").await;
    assert_eq!(room.tick("2026-11-23T00:00:00Z").await, 4);
    let told = |name: &str| room.office.mails().iter().filter(|m| m.contains(name)).count();
    let told = ["a-new-bridge", "a-second-bridge", "a-third-bridge"].map(told);
    assert_eq!(told, [1, 1, 2], "it was brought while they rested");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_reader_is_not_sent_what_came_before_them() {
    let desk = Mailroom::open().await;
    desk.news("a-new-bridge").await;
    desk.office.subscribe(3, "daily");
    assert_eq!(desk.tick("2026-11-21T00:00:00Z").await, 2);
    desk.clock.set("2026-11-21T04:00:00Z");
    desk.news("a-second-bridge").await;
    assert_eq!(desk.tick("2026-11-22T00:00:00Z").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embargo_ends_at_its_moment_and_then_it_is_news() {
    let desk = Mailroom::open().await;
    desk.office.write(
        "content/_posts/secret.md",
        "---\ntitle: Secret\nlayout: post\npermalink: /secret/\n\
         publish_at: 2026-11-21T09:00:00+08:00\n---\nNot before nine.\n",
    );
    desk.office.settle("content/_posts/secret.md");
    desk.scan().await;
    assert_eq!(desk.tick("2026-11-21T00:00:00Z").await, 0);
    desk.clock.set("2026-11-21T00:59:59Z");
    desk.scan().await;
    assert_eq!(desk.press.store.entry_counts().await.unwrap().get("public"), None);
    desk.clock.set("2026-11-21T01:00:00Z");
    desk.scan().await;
    assert_eq!(desk.press.store.entry_counts().await.unwrap().get("public"), Some(&1));
    assert_eq!(desk.tick("2026-11-22T00:00:00Z").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_first_scan_that_was_cut_off_is_no_news() {
    let desk = Mailroom::open().await;
    let mut config = Config::clone(&desk.press.config);
    config.content.first_scan = FirstScan::Adopt;
    let press = Press { config: Arc::new(config), ..desk.press.clone() };
    let desk = Mailroom(Desk { press, ..desk.0 });
    let store = desk.press.store.clone();
    let told = async || store.told_changes(0, 9).await.unwrap().len();
    desk.news("first-slice").await;
    store.set_fact("first_scan", "running").await.unwrap();
    desk.news("second-slice").await;
    assert_eq!(store.entry_counts().await.unwrap().get("public"), Some(&2));
    assert_eq!(told().await, 0);
    assert_eq!(store.fact("first_scan").await.unwrap().as_deref(), Some("done"));
    desk.news("ferry").await;
    assert_eq!(told().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_a_year_ahead_silences_no_digest() {
    let desk = Mailroom::open().await;
    desk.news("a-new-bridge").await;
    assert_eq!(desk.tick("2026-11-21T00:00:00Z").await, 2);
    assert_eq!(desk.tick("2027-11-21T00:00:00Z").await, 2);
    desk.clock.set("2026-11-21T04:00:00Z");
    desk.news("a-second-bridge").await;
    assert_eq!(desk.tick("2026-11-21T04:01:00Z").await, 2, "today's was sent");
    assert_eq!(desk.tick("2026-11-22T00:00:00Z").await, 4);
    assert_eq!(desk.tick("2027-11-21T00:00:00Z").await, 4, "that moment has its run");
}
