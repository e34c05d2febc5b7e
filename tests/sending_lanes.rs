//! Lanes with made deliveries: what goes first, what a backlog leaves to the lanes behind it,
//! and whose consent each lane asks for before the dot.
//!
//! Only digests have a producer yet, so the other runs are put into the store by hand, with the
//! issue of a digest's run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

#[path = "support/relay.rs"]
mod relay;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use relay::{Act, Gate, Moment, Phase, Relay, Settings};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use support::office::{Done, Office};

/// An office whose digest waits for a relay that was closed so far.
struct Case {
    office: Office,
    is_closed: Arc<AtomicBool>,
}

/// A relay that answers as `script` says once it is open.
async fn relay(
    script: impl Fn(&Moment<'_>) -> Act + Send + Sync + 'static,
) -> (Relay, Arc<AtomicBool>) {
    relay_with(Settings::default(), script).await
}

async fn relay_with(
    settings: Settings,
    script: impl Fn(&Moment<'_>) -> Act + Send + Sync + 'static,
) -> (Relay, Arc<AtomicBool>) {
    let is_closed = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&is_closed);
    let relay = Relay::start(settings, move |moment| {
        if moment.is(Phase::Greeting) && flag.load(Ordering::SeqCst) {
            Act::reply("421 4.3.2 not open yet").and_close()
        } else {
            script(moment)
        }
    })
    .await;
    (relay, is_closed)
}

impl Case {
    /// Readers 1 and so on, all in the backlog of the digest; then the relay opens.
    async fn new(
        relay: &Relay,
        is_closed: Arc<AtomicBool>,
        readers: usize,
        connections: usize,
    ) -> Self {
        let office = Office::with_relay(&relay.url());
        let config = office.read("config/tidings.yaml");
        let limits = format!("limits: {{connections: {connections}}}, relay: '");
        office.write("config/tidings.yaml", config.replace("relay: '", &limits));
        office.subscribe(readers, "daily");
        office.news("a-new-bridge", "The bridge opens **today**.");
        let case = Self { office, is_closed };
        assert_eq!(case.publish().await.code, 5);
        case.is_closed.store(false, Ordering::SeqCst);
        case
    }

    async fn publish(&self) -> Done {
        self.office.run_async(&["publish-now", "--yes"]).await
    }

    async fn store(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.office.path("var/tidings.db"));
        options.connect().await.unwrap()
    }

    /// Takes readers out of the digest's run into a run of their own under a reserved name.
    async fn make_run(&self, digest: &str, readers: RangeInclusive<i64>) {
        let mut store = self.store().await;
        let (first, last) = readers.into_inner();
        for sql in [
            "insert or ignore into digest (name, registered_seq, registered_at) values ($1, 0, 0)",
            "insert into run (digest_id, key, from_seq, to_seq, advances, state, recipients,
                 created_at)
             select (select id from digest where name = $1), 'made', from_seq, to_seq, 0,
                 'sending', $3 - $2 + 1, created_at from run where id = 1",
            "insert into issue (run_id, hash, language, subject, mail_rendering, web_rendering)
             select (select max(id) from run), hash, language, subject, mail_rendering,
                 web_rendering from issue where run_id = 1",
            "insert into issue_entry (issue_id, position, feed, entry_id, revision)
             select (select max(id) from issue), position, feed, entry_id, revision
             from issue_entry where issue_id = 1",
            "insert into delivery (run_id, subscriber_id, issue_id, address_version, token_key,
                 dated_at, state, next_at, changed_at)
             select (select max(id) from run), subscriber_id, (select max(id) from issue),
                 address_version, token_key, dated_at, 'pending', 0, 0
             from delivery where run_id = 1 and subscriber_id between $2 and $3",
            "delete from delivery where run_id = 1 and subscriber_id between $2 and $3",
            "update run set recipients = (select count(*) from delivery where run_id = 1)
             where id = 1",
            // Who is to confirm has not confirmed.
            "insert into errand (subscriber_id, kind, run_id, address_version, language, source,
                 wording, asked_at, expires_at)
             select subscriber_id, 'confirm', run_id, address_version, 'en', 'form', '', 0,
                 9223372036854775807
             from delivery where $1 = 'confirm' and run_id = (select max(id) from run)
                 and subscriber_id between $2 and $3",
        ] {
            sqlx::query(sql).bind(digest).bind(first).bind(last).execute(&mut store).await.unwrap();
        }
    }

    /// Runs a statement of a test's own.
    async fn change(&self, sql: &'static str) {
        sqlx::query(sql).execute(&mut self.store().await).await.unwrap();
    }

    /// Subscribers of a run by what became of their delivery.
    async fn fates(&self, digest: &'static str) -> BTreeMap<i64, String> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "select d.subscriber_id, d.state || iif(d.reason is null, '', ' ' || d.reason)
             from delivery d join run r on r.id = d.run_id join digest g on g.id = r.digest_id
             where g.name = $1",
        )
        .bind(digest)
        .fetch_all(&mut self.store().await)
        .await
        .unwrap();
        rows.into_iter().collect()
    }
}

fn number(recipient: &str) -> i64 {
    recipient.trim_start_matches("reader").split('@').next().unwrap().parse().unwrap()
}

/// Digests by the number of their reader, ten for each made lane.
fn lane(reader: i64) -> &'static str {
    match reader {
        1..=10 => "confirm",
        11..=20 => "urgent",
        21..=30 => "correction",
        _ => "daily",
    }
}

/// Made last to first: the order in the store says nothing.
async fn make_all(case: &Case) {
    case.make_run("correction", 21..=30).await;
    case.make_run("urgent", 11..=20).await;
    case.make_run("confirm", 1..=10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmations_go_before_urgent_before_corrections_before_digests() {
    let (relay, is_closed) = relay(|_| Act::usual()).await;
    let case = Case::new(&relay, is_closed, 50, 1).await;
    make_all(&case).await;
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    let mut order: Vec<_> =
        relay.lines().iter().map(|line| lane(number(&line.recipient))).collect();
    assert_eq!(order.len(), 50);
    order.dedup();
    assert_eq!(order, ["confirm", "urgent", "correction", "daily"]);
}

/// Ten of each lane before the digests wait, and all connections are at work.
#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_leaves_the_lanes_behind_it_their_share() {
    let gate = Gate::new();
    let held = gate.clone();
    let (relay, is_closed) = relay(move |moment| match moment.phase {
        Phase::Dot => Act::usual().held_by(&held),
        _ => Act::usual(),
    })
    .await;
    // As many connections as sending begins with.
    let case = Case::new(&relay, is_closed, 50, 5).await;
    make_all(&case).await;
    let (done, in_hand) = tokio::join!(case.publish(), async {
        gate.wait_until_held(5).await;
        let mut in_hand: BTreeMap<&str, usize> = BTreeMap::new();
        for digest in ["confirm", "urgent", "correction", "daily"] {
            let fates = case.fates(digest).await;
            in_hand.insert(digest, fates.values().filter(|state| *state == "intent").count());
        }
        gate.release();
        in_hand
    });
    assert_eq!(done.code, 0, "{done:?}");
    let expected = [("confirm", 1), ("correction", 1), ("daily", 1), ("urgent", 2)];
    assert_eq!(in_hand, BTreeMap::from(expected));
    assert_eq!(relay.lines().len(), 50);
}

/// The digest's own share goes on while a lane before it is stuck at the relay.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_stands_still_does_not_stop_the_later_ones() {
    let gate = Gate::new();
    let held = gate.clone();
    let (relay, is_closed) = relay(move |moment| {
        let is_urgent = moment.is(Phase::Dot) && number(moment.recipient) <= 40;
        if is_urgent { Act::usual().held_by(&held) } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, is_closed, 70, 5).await;
    case.make_run("urgent", 1..=40).await;
    let (done, ()) = tokio::join!(case.publish(), async {
        // All of the digest, past forty that are before it and get no further.
        relay.wait_for(30).await;
        assert!(relay.lines().iter().all(|line| number(&line.recipient) > 40));
        gate.release();
    });
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(relay.lines().len(), 70);
}

/// Each reply takes a while, so that the digests take several seconds in all.
#[tokio::test(flavor = "multi_thread")]
async fn what_begins_while_digests_go_out_does_not_wait_for_them() {
    let settings = Settings { reply_delay: Duration::from_millis(5), ..Settings::default() };
    let (relay, is_closed) = relay_with(settings, |_| Act::usual()).await;
    let case = Case::new(&relay, is_closed, 300, 1).await;
    let (done, ()) = tokio::join!(case.publish(), async {
        relay.wait_for(20).await;
        // They have their digest, and get this as well.
        case.make_run("urgent", 1..=10).await;
    });
    assert_eq!(done.code, 0, "{done:?}");
    let order: Vec<i64> = relay.lines().iter().map(|line| number(&line.recipient)).collect();
    assert_eq!(order.len(), 310);
    let last_urgent = order.iter().rposition(|reader| *reader <= 10).unwrap();
    let digests_behind = order.len() - 1 - last_urgent;
    assert!(digests_behind >= 50, "{digests_behind}: {order:?}");
    assert_eq!(relay.faults(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_last_reply_is_awaited_does_not_wait_for_it() {
    let gate = Gate::new();
    let held = gate.clone();
    let (relay, is_closed) = relay(move |moment| {
        let is_last = moment.is(Phase::Dot) && number(moment.recipient) == 30;
        if is_last { Act::usual().held_by(&held) } else { Act::usual() }
    })
    .await;
    let case = Case::new(&relay, is_closed, 40, 5).await;
    case.make_run("urgent", 31..=40).await;
    let in_2100 = "update delivery set next_at = 4102444800 where subscriber_id > 30";
    case.change(in_2100).await;
    let (done, ()) = tokio::join!(case.publish(), async {
        gate.wait_until_held(1).await;
        relay.wait_for(29).await;
        case.change("update delivery set next_at = 0 where subscriber_id > 30").await;
        relay.wait_for(39).await;
        gate.release();
    });
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(relay.lines().len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_lane_asks_for_its_own_consent() {
    let (relay, is_closed) = relay(|_| Act::usual()).await;
    let case = Case::new(&relay, is_closed, 32, 5).await;
    make_all(&case).await;
    // To confirm: one has confirmed by now, one was not meant, one is suppressed.
    case.change("update errand set ended_at = 0, outcome = 'done' where subscriber_id = 1").await;
    case.change("update errand set ended_at = 0, outcome = 'refused' where subscriber_id = 2")
        .await;
    // News and corrections: left, not confirmed, in a feed that did not bring it; and by
    // another digest, which does not matter.
    case.change("update subscription set state = 'ended' where subscriber_id in (2, 11, 21, 31)")
        .await;
    case.change("update subscription set state = 'pending' where subscriber_id in (12, 22, 32)")
        .await;
    case.change("update subscription set feed = 'events' where subscriber_id in (13, 23)").await;
    case.change(
        "update subscription set digest_id = (select id from digest where name = 'immediate')
         where subscriber_id in (14, 24)",
    )
    .await;
    case.change(
        "insert into suppression (lookup, reason, since_at)
         select lookup, 'hard bounce', 0 from subscriber where id in (3, 15, 25)",
    )
    .await;
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    let expected = |reader: i64| match reader {
        1 | 2 | 11..=13 | 21..=23 | 31 | 32 => "cancelled left",
        3 | 15 | 25 => "cancelled suppressed",
        _ => "accepted",
    };
    let mut accepted = Vec::new();
    for digest in ["confirm", "urgent", "correction", "daily"] {
        for (reader, fate) in case.fates(digest).await {
            assert_eq!(lane(reader), digest);
            assert_eq!(fate, expected(reader), "reader {reader} of `{digest}`");
            if fate == "accepted" {
                accepted.push(format!("reader{reader}@example.org"));
            }
        }
    }
    accepted.sort();
    assert_eq!(relay.recipients(), accepted);
}
