//! Feeds, documents and hubs.

use std::collections::BTreeMap;

use tidings::feeds::facets::{Facet, Facets};
use tidings::store::{
    AskedFor, DocumentRecord, FeedRecord, LeftBy, ListsAsked, MadeFeed, NewFeed, PingRecord,
    Placed, Placement, Placing, PublicationRecord, SealedAddress, SignUp,
};

use super::*;

pub(super) async fn register_feeds(store: &dyn Store, names: &[&str]) {
    let feed = |name: &&str| NewFeed { name: (*name).into(), title: "T".into(), origin: None };
    let feeds: Vec<NewFeed> = names.iter().map(feed).collect();
    store.register_feeds(&feeds, at(0)).await.unwrap();
}

async fn feed(store: &dyn Store, name: &str) -> FeedRecord {
    let feeds = store.feeds().await.unwrap();
    feeds.into_iter().find(|feed| feed.name == name).unwrap()
}

/// Puts everything that changed into the feeds of these names.
pub(super) async fn place(store: &dyn Store, names: &[&str]) {
    let after = store.placed_seq().await.unwrap();
    let mut feeds = Vec::new();
    for name in names {
        feeds.push(feed(store, name).await.id);
    }
    let placed = |placement: Placement| Placed {
        row: placement.row,
        updated_at: placement.updated_at,
        stood_at: placement.stood_at,
        is_displaced: placement.is_displaced,
        is_changed: placement.is_changed,
        has_turned: placement.has_turned,
        feeds: if placement.state == EntryState::Public { feeds.clone() } else { Vec::new() },
        last_day: placement.facets.last_day,
        stays_cancelled: false,
        buried_at: placement.removed.map(|(_, at)| at),
    };
    let placements = store.placements(after, false).await.unwrap();
    let placing = Placing {
        entries: placements.into_iter().map(placed).collect(),
        upto: store.newest_seq().await.unwrap(),
        ..Placing::default()
    };
    store.place(&placing, at(1)).await.unwrap();
}

async fn newest(store: &dyn Store, name: &str, length: usize) -> Vec<i64> {
    let asked = ListsAsked {
        feed: feed(store, name).await.id,
        length,
        after_position: None,
        events_since: 0,
        tombstones_since: at(-60),
    };
    let lists = store.feed_lists(&asked).await.unwrap();
    lists.newest.iter().map(|member| member.row).collect()
}

#[test]
fn an_entry_stands_in_its_feeds_until_it_is_placed_elsewhere() {
    check(async |store| {
        register_feeds(store, &["all", "other"]).await;
        scan(store, vec![news("a"), news("b")]).await;
        place(store, &["all", "other"]).await;
        let (a, b) = (row_of(store, "a").await, row_of(store, "b").await);
        assert_eq!(newest(store, "all", 9).await, [a, b]);
        assert_eq!((feed(store, "other").await.members, store.placed_seq().await.unwrap()), (2, 2));
        let revision = acceptance("a", Some(a), 2, told(ChangeClass::Minor, Tell::Nobody));
        scan(store, vec![revision]).await;
        place(store, &["all"]).await;
        assert_eq!(newest(store, "all", 9).await, [a, b]);
        assert_eq!(newest(store, "other", 9).await, [b]);
        assert_eq!(newest(store, "all", 1).await, [a]);
        assert_eq!(feed(store, "other").await.members, 1);
    });
}

#[test]
fn a_feed_is_stale_until_its_documents_are_made_and_again_when_a_member_changes() {
    check(async |store| {
        register_feeds(store, &["all", "other"]).await;
        let made = |feed: &FeedRecord| PublicationRecord {
            feeds: vec![MadeFeed {
                feed: feed.id,
                made_of: "hash".into(),
                told: at(0).fixed_offset(),
            }],
            ..PublicationRecord::default()
        };
        for name in ["all", "other"] {
            let feed = feed(store, name).await;
            assert!(feed.is_stale);
            store.record_publication(&made(&feed), at(0)).await.unwrap();
        }
        scan(store, vec![news("a")]).await;
        place(store, &["all"]).await;
        let all = feed(store, "all").await;
        assert_eq!((all.is_stale, all.made_of.as_str()), (true, "hash"));
        assert_eq!(all.told, Some(at(0).fixed_offset()));
        assert!(!feed(store, "other").await.is_stale);
    });
}

#[test]
fn a_feed_made_from_a_value_keeps_its_title_and_one_of_the_config_does_not() {
    check(async |store| {
        let made = |title: &str| NewFeed {
            name: "category-a".into(),
            title: title.into(),
            origin: Some((Facet::Category, "a".into())),
        };
        for title in ["First", "Second"] {
            store.register_feeds(&[made(title)], at(0)).await.unwrap();
            let named = NewFeed { name: "all".into(), title: title.into(), origin: None };
            store.register_feeds(&[named], at(0)).await.unwrap();
        }
        let feeds = store.feeds().await.unwrap();
        let titles: Vec<&str> = feeds.iter().map(|feed| feed.title.as_str()).collect();
        assert_eq!(titles, ["Second", "First"]);
        assert_eq!(feeds[1].origin, Some((Facet::Category, "a".into())));
    });
}

#[test]
fn a_document_keeps_its_time_while_its_bytes_are_equal() {
    check(async |store| {
        let document = |hash: &str, minutes| DocumentRecord {
            path: "a".into(),
            hash: hash.into(),
            size_bytes: 1,
            changed_at: at(minutes),
            stat: format!("stat {minutes}"),
            made_of: String::new(),
            bucket_tag: None,
        };
        let record = async |hash: &str, minutes| {
            let documents = vec![document(hash, minutes)];
            let record = PublicationRecord { documents, ..PublicationRecord::default() };
            store.record_publication(&record, at(minutes)).await.unwrap();
            let found = store.documents().await.unwrap().pop().unwrap();
            (found.changed_at, found.stat)
        };
        assert_eq!(record("x", 0).await, (at(0), "stat 0".into()));
        assert_eq!(record("x", 1).await, (at(0), "stat 1".into()));
        assert_eq!(record("y", 2).await, (at(2), "stat 2".into()));
        store.record_copies(&[("a".into(), Some("tag".into()))]).await.unwrap();
        let found = store.documents().await.unwrap().pop().unwrap();
        assert_eq!(found.bucket_tag.as_deref(), Some("tag"));
        let record =
            PublicationRecord { removed: vec!["a".into()], ..PublicationRecord::default() };
        store.record_publication(&record, at(3)).await.unwrap();
        assert_eq!(store.documents().await.unwrap(), []);
    });
}

#[test]
fn a_hub_is_told_again_later_and_of_what_changed_meanwhile() {
    check(async |store| {
        let ping = |generation, attempts| PingRecord {
            hub: "hub".into(),
            topic: "topic".into(),
            generation,
            attempts,
        };
        let publish = async || {
            let pings = vec![("hub".into(), "topic".into())];
            let record = PublicationRecord { pings, ..PublicationRecord::default() };
            store.record_publication(&record, at(0)).await.unwrap();
        };
        publish().await;
        assert_eq!(store.due_pings(at(0), 9).await.unwrap(), [ping(0, 0)]);
        store.settle_ping(&ping(0, 0), Some(at(5))).await.unwrap();
        assert_eq!(store.due_pings(at(4), 9).await.unwrap(), []);
        assert_eq!(store.pings().await.unwrap(), 1);
        assert_eq!(store.next_ping().await.unwrap(), Some(at(5)));
        assert_eq!(store.due_pings(at(5), 9).await.unwrap(), [ping(0, 1)]);
        // The topic changes while its hub is being told: it has to be told once more.
        publish().await;
        store.settle_ping(&ping(0, 1), None).await.unwrap();
        assert_eq!(store.due_pings(at(5), 9).await.unwrap(), [ping(1, 0)]);
        publish().await;
        store.settle_ping(&ping(1, 0), None).await.unwrap();
        store.settle_ping(&ping(2, 0), None).await.unwrap();
        assert_eq!(store.next_ping().await.unwrap(), None);
    });
}

#[test]
fn the_readers_of_a_renamed_feed_come_along_once() {
    check(async |store| {
        register(store).await;
        subscribe(store, subscription(1, "old", "daily")).await;
        subscribe(store, subscription(2, "old", "daily")).await;
        subscribe(store, subscription(2, "new", "weekly")).await;
        subscribe(store, subscription(3, "other", "daily")).await;
        assert_eq!(store.move_subscriptions("old", "new", at(1)).await.unwrap(), 1);
        assert_eq!(store.move_subscriptions("old", "new", at(2)).await.unwrap(), 0);
        let followed = store.followed().await.unwrap();
        let followed: Vec<_> =
            followed.iter().map(|f| (f.feed.as_str(), f.digest.as_str(), f.followers)).collect();
        assert_eq!(followed, [("new", "daily", 1), ("new", "weekly", 1), ("other", "daily", 1)]);
    });
}

/// Feed, digest and state of each subscription of a person.
async fn subscriptions_of(store: &dyn Store, person: i64) -> Vec<String> {
    let data = store.personal_data(person).await.unwrap().unwrap();
    let rows = data.subscriptions.iter();
    rows.map(|(feed, digest, state, _)| format!("{feed} {digest} {state}")).collect()
}

/// What the log of consents says of a person last.
async fn last_consent(store: &dyn Store, person: i64) -> String {
    let data = store.personal_data(person).await.unwrap().unwrap();
    let last = data.consents.last().unwrap();
    format!("{} {} {}", last.feed, last.action, last.reason.clone().unwrap_or_default())
}

#[test]
fn who_follows_the_old_name_and_has_yet_to_confirm_the_new_keeps_their_subscription() {
    check(async |store| {
        with_readers(store, 1).await;
        store.register_digests(&["confirm".into()], at(0)).await.unwrap();
        let wants = &[("everything", "weekly")];
        assert_eq!(store.sign_up(&sign_up(1, wants), at(0)).await.unwrap(), AskedFor::Waits);
        rename(store).await;
        assert_eq!(subscriptions_of(store, 1).await, ["everything daily confirmed"]);
        assert_eq!(last_consent(store, 1).await, "everything changed feed renamed from all");
        store.end_expired_errands(at(60 * 24 * 9)).await.unwrap();
        assert_eq!(subscriptions_of(store, 1).await, ["everything daily confirmed"]);
    });
}

#[test]
fn who_left_the_new_name_is_still_known_as_somebody_who_left() {
    check(async |store| {
        register(store).await;
        subscribe(store, subscription(1, "everything", "daily")).await;
        leave(store, 1, None).await;
        subscribe(store, pending(1)).await;
        rename(store).await;
        let imported =
            NewSubscription { brings_back: false, ..subscription(1, "everything", "daily") };
        assert_eq!(subscribe(store, imported).await, Subscribed::Left);
        assert_eq!(last_consent(store, 1).await, "all ended feed renamed from all");
    });
}

#[test]
fn who_left_the_old_name_is_still_known_whatever_a_form_asks_for() {
    check(async |store| {
        with_readers(store, 1).await;
        leave(store, 1, None).await;
        subscribe(store, NewSubscription { feed: "everything".into(), ..pending(1) }).await;
        rename(store).await;
        let imported =
            NewSubscription { brings_back: false, ..subscription(1, "everything", "daily") };
        assert_eq!(subscribe(store, imported).await, Subscribed::Left);
        assert_eq!(come_back(store, 1, at(0), at(6)).await, 1);
    });
}

#[test]
fn who_follows_both_names_is_owed_what_the_old_one_had_yet_to_bring() {
    check(async |store| {
        register(store).await;
        let followed = [("all", "weekly"), ("everything", "daily")];
        for (feed, digest) in followed {
            subscribe(store, subscription(1, feed, digest)).await;
        }
        scan(store, vec![news("a"), news("b")]).await;
        // The daily one brought it, but for what stands in the other feed alone.
        let owed_read = vec![(1, "everything".into(), 0)];
        let run = Planned { owed_read, ..run_of(store, "k", &[(1, 0)]).await };
        let run = start_run(store, &run).await.unwrap();
        expand_all(store, run).await;
        assert_eq!(owed(store, "daily").await, [("everything".into(), None)]);
        rename(store).await;
        assert_eq!(owed(store, "daily").await, [("everything".into(), Some(0))]);
        assert_eq!(owed(store, "weekly").await, []);
        assert_eq!(last_consent(store, 1).await, "all ended feed renamed from all");
    });
}

#[test]
fn who_follows_both_names_is_owed_no_less_than_they_were() {
    check(async |store| {
        register(store).await;
        subscribe(store, subscription(1, "everything", "daily")).await;
        scan(store, vec![news("a")]).await;
        subscribe(store, subscription(1, "all", "daily")).await;
        rename(store).await;
        assert_eq!(owed(store, "daily").await, [("everything".into(), Some(0))]);
    });
}

fn wants(feeds: &[(&str, &str)]) -> BTreeMap<String, String> {
    feeds.iter().map(|(feed, digest)| ((*feed).to_owned(), (*digest).to_owned())).collect()
}

fn sign_up(person: u8, asked: &[(&str, &str)]) -> SignUp {
    SignUp {
        address: SealedAddress {
            lookup: vec![person],
            mailbox: Vec::new(),
            key: 1,
            cipher: vec![person],
            domain: "example.org".into(),
        },
        wants: wants(asked),
        language: "en".parse().unwrap(),
        source: "form".into(),
        wording: "yes".into(),
        asked_at: at(0),
    }
}

async fn rename(store: &dyn Store) {
    store.move_subscriptions("all", "everything", at(5)).await.unwrap();
}

#[test]
fn mail_on_its_way_goes_out_though_its_feed_was_renamed() {
    check(async |store| {
        sending(store, 1).await;
        rename(store).await;
        attempt(store, 6).await;
    });
}

#[test]
fn what_a_renamed_feed_did_not_bring_is_owed_under_its_new_name() {
    check(async |store| {
        with_readers(store, 2).await;
        let owed_read = (1..=2).map(|person| (person, "all".into(), 0)).collect();
        let plan = Planned { owed_read, ..run_of(store, "k", &[(1, 0), (2, 0)]).await };
        let run = start_run(store, &plan).await.unwrap();
        // Before its pages are expanded: they name the feed too.
        rename(store).await;
        expand_all(store, run).await;
        let id = digest(store, "daily").await;
        let owed = async || {
            let rows = subscriptions(store, id, Audience::Real).await;
            rows.into_iter().map(|row| (row.feed, row.owed_from)).collect::<Vec<_>>()
        };
        let row = |owed_from| ("everything".to_owned(), owed_from);
        assert_eq!(owed().await, [row(None), row(None)]);
        let claim = claim(store, 6, 1).await.remove(0);
        assert!(intend(store, &claim).await);
        record(store, &claim, expired()).await;
        assert_eq!(owed().await, [row(Some(0)), row(None)]);
    });
}

#[test]
fn a_link_of_urgent_news_ends_its_feed_under_the_new_name() {
    check(async |store| {
        let recipients = with_readers(store, 1).await;
        store.register_digests(&["urgent".into()], at(0)).await.unwrap();
        let urgent = digest(store, "urgent").await;
        let plan = Planned { digest: urgent, ..run_of(store, "k", &recipients).await };
        let run = start_run(store, &plan).await.unwrap();
        expand_all(store, run).await;
        rename(store).await;
        let way_out = store.way_out(run, 1).await.unwrap();
        assert_eq!(way_out.feeds.unwrap(), ["everything"]);
        assert_eq!(way_out.running_subscriptions, 1);
        let leave = Leave { run, subscriber: 1, by: LeftBy::OneClick, at: at(6) };
        assert_eq!(store.leave_all(&[leave], at(6)).await.unwrap(), 1);
        assert_eq!(store.running_subscriptions(1).await.unwrap(), 0);
    });
}

#[test]
fn an_end_is_taken_back_under_the_new_name() {
    check(async |store| {
        with_readers(store, 2).await;
        for person in [1, 2] {
            assert_eq!(leave(store, person, None).await, 1);
        }
        subscribe(store, subscription(2, "everything", "weekly")).await;
        rename(store).await;
        for (person, expected) in [(1, 1), (2, 0)] {
            let back = come_back(store, person, at(0), at(6)).await;
            assert_eq!(back, expected);
            let follows = store.person(person).await.unwrap().unwrap().follows;
            assert_eq!(follows.keys().collect::<Vec<_>>(), ["everything"]);
        }
    });
}

#[test]
fn a_confirmation_that_is_pressed_after_a_rename_goes_to_the_new_name() {
    check(async |store| {
        register(store).await;
        store.register_digests(&["confirm".into()], at(0)).await.unwrap();
        let asked: [&[_]; 3] = [
            &[("all", "daily"), ("events", "weekly")],
            &[("all", "daily"), ("everything", "weekly")],
            &[("events", "daily")],
        ];
        for (person, asked) in (1..).zip(asked) {
            let sign_up = sign_up(person, asked);
            assert_eq!(store.sign_up(&sign_up, at(0)).await.unwrap(), AskedFor::Waits);
        }
        rename(store).await;
        let waiting = store.waiting_errands("confirm", 0, 9, at(0)).await.unwrap();
        let wanted: Vec<_> = waiting.into_iter().map(|errand| errand.wants).collect();
        let expected: [&[_]; 3] = [
            &[("everything", "daily"), ("events", "weekly")],
            &[("everything", "weekly")],
            &[("events", "daily")],
        ];
        assert_eq!(wanted, expected.map(wants));
    });
}

#[test]
fn an_operator_lets_a_number_go() {
    check(async |store| {
        let ask = async |number| {
            store.hold_approval("each:tag", number, "too many", at(0)).await.unwrap();
        };
        assert_eq!(store.approved("each:tag").await.unwrap(), None);
        ask(1_200).await;
        ask(1_300).await;
        assert_eq!(store.asked("each:tag").await.unwrap(), Some(1_300));
        let holds = store.open_holds().await.unwrap();
        assert_eq!((holds.len(), holds[0].kind.as_str()), (1, "approval"));
        store.release_hold(holds[0].id, "test", at(1)).await.unwrap().unwrap();
        assert_eq!(store.approved("each:tag").await.unwrap(), Some(1_300));
        assert_eq!(store.approved("each:category").await.unwrap(), None);
    });
}

/// What a store of an earlier version keeps no facets of is read from the entries themselves.
pub(super) async fn facets_are_known(store: &dyn Store, entry: &Entry) {
    let placements = store.placements(0, true).await.unwrap();
    assert_eq!(placements.len(), 2);
    assert!(placements.iter().all(|placement| placement.facets == Facets::of(entry)));
}
