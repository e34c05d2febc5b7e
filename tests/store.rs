//! What every store promises, one suite over each implementation.

#![expect(clippy::unwrap_used, reason = "a test stops where its own data is wrong")]

#[path = "store/feeds.rs"]
mod feeds;
#[path = "store/leaving.rs"]
mod leaving;
#[path = "store/migrations.rs"]
mod migrations;
#[path = "store/operating.rs"]
mod operating;
#[path = "store/owed.rs"]
mod owed;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqlSafeStr, SqlStr, SqliteConnection};
use tidings::catalogue::{
    About, Acceptance, Acted, Cause, ChangeClass, EntryState, Held, HeldItem, HeldWhat, NewChange,
    Step as ScanStep, Tell,
};
use tidings::content::{FileStat, Problem, PublishedSource, Severity};
use tidings::digest::windows::WindowState;
use tidings::model::{Entry, EntryId, Kind, Notes};
use tidings::outbox::lane::Lane;
use tidings::outbox::{AT_ONCE, Step};
use tidings::store::sqlite::SqliteStore;
use tidings::store::{
    Audience, Body, BodyAtSource, Cancellation, Claim, ClaimRequest, ComeBack, DeliveryKeys,
    DeliveryResult, EndOfSubscription, FileOutcome, KnownCancellations, KnownFile, Leave, NewHold,
    NewIssue, NewRun, NewSubscription, QuietRun, QuietState, Received, Recovered, Rendering,
    RequestKind, RunPage, RunsAsked, ScanEnd, ScanRecord, Store, Subscribed, SubscriberRange,
    Subscription,
};

/// Runs a case over an empty store of each kind there is.
#[expect(clippy::needless_pass_by_value, reason = "a case reads better without `&`")]
fn check(case: impl AsyncFn(&dyn Store)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("var/tidings.db")).await.unwrap();
        case(&store).await;
    });
}

/// So many minutes after noon.
fn at(minutes: i64) -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
}

// Content.

fn acceptance(
    name: &str,
    row: Option<i64>,
    revision: i64,
    change: impl Into<Option<NewChange>>,
) -> ScanStep {
    let change = change.into();
    let entry = Entry {
        id: EntryId::new(format!("tag:press.example,2026-01-01:{name}")),
        kind: Kind::Release,
        title: format!("Title of {name}"),
        link: format!("https://press.example/{name}/").parse().unwrap(),
        published: at(0).fixed_offset(),
        updated: at(0).fixed_offset(),
        revision,
        revised: None,
        sequence: 0,
        language: "en".parse().unwrap(),
        translation_key: None,
        categories: vec![],
        tags: vec![],
        agency: None,
        summary: "Summary.".into(),
        content_html: format!("<p>{name} {revision}</p>"),
        content_text: format!("{name} {revision}"),
        image: None,
        enclosures: vec![],
        event: None,
        notes: Notes::default(),
        urgent: false,
    };
    ScanStep::Accept(Box::new(Acceptance {
        row,
        path: format!("{name}.md"),
        state: if change.is_some() { EntryState::Public } else { EntryState::Waiting },
        published_source: PublishedSource::Date,
        expires_at: None,
        source_hash: format!("source of {name} {revision}"),
        body_hash: Some(format!("{name} {revision}")),
        acted: Acted::default(),
        entry: Box::new(entry),
        change,
    }))
}

fn told(class: ChangeClass, tell: Tell) -> NewChange {
    NewChange { class, tell, note: None }
}

fn news(name: &str) -> ScanStep {
    acceptance(name, None, 1, told(ChangeClass::New, Tell::Followers))
}

async fn scan(store: &dyn Store, steps: Vec<ScanStep>) -> Vec<i64> {
    let record = ScanRecord { steps, ..ScanRecord::default() };
    let changes = store.accept_scan(&record, at(0)).await.unwrap();
    changes.iter().map(|change| change.seq).collect()
}

async fn row_of(store: &dyn Store, name: &str) -> i64 {
    let known = store.known_entries().await.unwrap();
    known.iter().find(|known| known.entry.id.as_str().ends_with(name)).unwrap().row
}

#[test]
fn what_a_scan_remembers_is_read_back() {
    check(async |store| {
        let stat = FileStat { size_bytes: 7, modified_ns: -1, inode: u64::MAX };
        let file = KnownFile { path: "a.md".into(), stat, outcome: FileOutcome::Release };
        let record = ScanRecord {
            files: vec![file.clone()],
            steps: vec![news("a")],
            ..ScanRecord::default()
        };
        let changes = store.accept_scan(&record, at(0)).await.unwrap();
        assert_eq!((changes.len(), changes[0].seq), (1, 1));
        assert_eq!(store.known_files(&[String::new()]).await.unwrap(), [file]);
        let known = store.known_entries().await.unwrap();
        assert_eq!(known[0].path.as_deref(), Some("a.md"));
        assert_eq!((known[0].state, known[0].was_public), (EntryState::Public, true));
        let mut entries = store.public_entries().await.unwrap();
        assert_eq!(entries[0].content_html, "");
        store.fill_bodies(&mut entries).await.unwrap();
        assert_eq!(entries[0].content_html, "<p>a 1</p>");
        assert_eq!(entries[0].content_text, "a 1");
        let gone = ScanRecord { gone: vec!["a.md".into()], ..ScanRecord::default() };
        store.accept_scan(&gone, at(1)).await.unwrap();
        assert_eq!(store.known_files(&[String::new()]).await.unwrap(), []);
    });
}

#[test]
fn an_entry_that_is_there_is_not_added_again_and_a_failed_scan_leaves_nothing() {
    check(async |store| {
        scan(store, vec![news("a")]).await;
        let again = ScanRecord { steps: vec![news("b"), news("a")], ..ScanRecord::default() };
        assert!(store.accept_scan(&again, at(0)).await.is_err());
        assert_eq!(store.known_entries().await.unwrap().len(), 1);
        assert_eq!(store.newest_seq().await.unwrap(), 1);
    });
}

#[test]
fn change_numbers_rise_in_the_order_of_the_steps_and_are_never_reused() {
    check(async |store| {
        assert_eq!(store.newest_seq().await.unwrap(), 0);
        assert_eq!(scan(store, vec![news("a"), news("b")]).await, [1, 2]);
        let row = row_of(store, "b").await;
        let removed = told(ChangeClass::Removed, Tell::Nobody);
        let settle = ScanStep::Settle {
            row,
            state: EntryState::Removed,
            change: Some(removed),
            cause: Cause::File,
        };
        assert_eq!(scan(store, vec![settle]).await, [3]);
        let waiting = acceptance("c", None, 1, None);
        assert_eq!(scan(store, vec![waiting]).await, [0; 0]);
        assert_eq!(scan(store, vec![news("d")]).await, [4]);
        assert_eq!(store.newest_seq().await.unwrap(), 4);
        assert_eq!(store.newest_seq_before(at(0)).await.unwrap(), 0);
        assert_eq!(store.newest_seq_before(at(1)).await.unwrap(), 4);
    });
}

#[test]
fn an_entry_that_was_never_public_leaves_without_a_change() {
    check(async |store| {
        scan(store, vec![acceptance("a", None, 1, None)]).await;
        let row = row_of(store, "a").await;
        scan(store, vec![ScanStep::Missing { row, scans: 1 }]).await;
        assert_eq!(store.known_entries().await.unwrap()[0].missing_scans, 1);
        let settle =
            ScanStep::Settle { row, state: EntryState::Removed, change: None, cause: Cause::File };
        assert_eq!(scan(store, vec![settle]).await, [0; 0]);
        let known = &store.known_entries().await.unwrap()[0];
        assert_eq!((known.state, known.was_public), (EntryState::Removed, false));
    });
}

#[test]
fn two_entries_that_swap_their_paths_keep_their_ids() {
    check(async |store| {
        scan(store, vec![news("a"), news("b")]).await;
        let (a, b) = (row_of(store, "a").await, row_of(store, "b").await);
        let moved = |name: &str, row, path: &str| {
            let change = told(ChangeClass::Moved, Tell::Nobody);
            let ScanStep::Accept(mut accept) = acceptance(name, Some(row), 2, change) else {
                unreachable!()
            };
            accept.path = path.into();
            ScanStep::Accept(accept)
        };
        scan(store, vec![moved("b", b, "a.md"), moved("a", a, "b.md")]).await;
        let known = store.known_entries().await.unwrap();
        let paths: HashMap<i64, _> = known.into_iter().map(|k| (k.row, k.path.unwrap())).collect();
        assert_eq!(paths, HashMap::from([(a, "b.md".into()), (b, "a.md".into())]));
    });
}

#[test]
fn old_translations_are_found_by_their_group() {
    check(async |store| {
        let of = |name: &str, group: &str| {
            let ScanStep::Accept(mut accepted) = news(name) else { panic!("{name} is no news") };
            accepted.entry.translation_key = Some(group.to_owned());
            ScanStep::Accept(accepted)
        };
        scan(store, vec![of("ferry", "1"), of("feri", "1"), of("bridge", "2"), news("storm")])
            .await;
        let found = store.told_translations(&["1".to_owned()], 9).await.unwrap();
        let (ferry, feri) = (row_of(store, "ferry").await, row_of(store, "feri").await);
        assert_eq!(found.iter().map(|told| told.row).collect::<Vec<_>>(), [ferry, feri]);
        let before = store.told_translations(&["1".to_owned()], 1).await.unwrap();
        assert_eq!(before.len(), 1);
    });
}

#[test]
fn followers_are_told_each_public_entry_once_at_its_newest_revision() {
    check(async |store| {
        scan(store, vec![news("a"), news("b")]).await;
        let (a, b) = (row_of(store, "a").await, row_of(store, "b").await);
        let major = acceptance("a", Some(a), 2, told(ChangeClass::Major, Tell::Followers));
        let minor = acceptance("a", Some(a), 3, told(ChangeClass::Minor, Tell::Nobody));
        scan(store, vec![major, minor]).await;
        let changes = store.told_changes(0, 9).await.unwrap();
        let read: Vec<_> =
            changes.iter().map(|c| (c.seq, c.row, c.told_revision, c.entry.revision)).collect();
        assert_eq!(read, [(2, b, 1, 1), (3, a, 2, 3)]);
        assert_eq!(store.told_changes(0, 1).await.unwrap()[0].told_revision, 1);
        assert_eq!(store.told_changes(3, 9).await.unwrap(), []);
        let removed = told(ChangeClass::Removed, Tell::Nobody);
        scan(
            store,
            vec![ScanStep::Settle {
                row: a,
                state: EntryState::Removed,
                change: Some(removed),
                cause: Cause::File,
            }],
        )
        .await;
        assert_eq!(store.told_changes(0, 9).await.unwrap().len(), 1);
    });
}

#[test]
fn problems_stand_until_their_file_is_read_again() {
    let problem = |path: &str, message: &str| Problem {
        severity: Severity::Warning,
        path: path.into(),
        line: None,
        field: None,
        value: None,
        message: message.into(),
        remedy: "mend it".into(),
    };
    let file = |path: &str| KnownFile {
        path: path.into(),
        stat: FileStat { size_bytes: 1, modified_ns: 1, inode: 1 },
        outcome: FileOutcome::Page,
    };
    check(async |store| {
        let remember = async |files: &[&str], problems: &[(&str, &str)]| {
            let record = ScanRecord {
                files: files.iter().map(|path| file(path)).collect(),
                problems: problems.iter().map(|(path, said)| problem(path, said)).collect(),
                ..ScanRecord::default()
            };
            store.accept_scan(&record, at(0)).await.unwrap();
        };
        let remember_of_folder = async |problems: &[(&str, &str)]| {
            let problems = problems.iter().map(|(path, said)| problem(path, said)).collect();
            store.end_scan(&ScanEnd { problems, ..ScanEnd::default() }).await.unwrap();
        };
        let told = async || {
            let problems = store.problems().await.unwrap();
            problems.into_iter().map(|p| format!("{} {}", p.path, p.message)).collect::<Vec<_>>()
        };
        remember(&["a", "b"], &[("a", "old"), ("a", "too"), ("b", "b")]).await;
        assert_eq!(told().await, ["a old", "a too", "b b"]);
        // A file may have a problem of the folder beside those of its last reading.
        remember(&["b"], &[]).await;
        remember_of_folder(&[("a", "of all"), ("link", "outside")]).await;
        assert_eq!(told().await, ["a old", "a too", "a of all", "link outside"]);
        remember(&["a"], &[]).await;
        assert_eq!(told().await, ["a of all", "link outside"]);
        remember_of_folder(&[]).await;
        assert_eq!(told().await, [""; 0]);
    });
}

/// An entry accepted with these changes to what [`news`] would be.
fn accepted_with(name: &str, change: impl FnOnce(&mut Acceptance)) -> ScanStep {
    let ScanStep::Accept(mut acceptance) = news(name) else { unreachable!() };
    change(&mut acceptance);
    ScanStep::Accept(acceptance)
}

fn waiting_until(name: &str, moment: DateTime<Utc>) -> ScanStep {
    accepted_with(name, |acceptance| {
        acceptance.state = EntryState::Waiting;
        acceptance.change = None;
        acceptance.entry.published = moment.fixed_offset();
    })
}

fn withdrawn_at(name: &str, moment: DateTime<Utc>) -> ScanStep {
    accepted_with(name, |acceptance| {
        acceptance.state = EntryState::Withdrawn;
        acceptance.entry.updated = moment.fixed_offset();
    })
}

fn expiring_at(name: &str, moment: DateTime<Utc>) -> ScanStep {
    accepted_with(name, |acceptance| acceptance.expires_at = Some(moment.fixed_offset()))
}

/// Last parts of the ids of what a question brings.
async fn asked(store: &dyn Store, about: &About) -> Vec<String> {
    let known = store.known(about).await.unwrap();
    let name = |id: &EntryId| id.as_str().rsplit_once(':').unwrap().1.to_owned();
    known.entries.iter().map(|known| name(&known.entry.id)).collect()
}

#[test]
fn a_question_brings_what_it_names_and_nothing_else() {
    check(async |store| {
        scan(store, vec![news("a"), news("b"), news("c"), news("d")]).await;
        assert_eq!(asked(store, &About::time(at(5))).await, [""; 0]);
        let paths = vec!["b.md".into(), "none.md".into()];
        let ids = vec![EntryId::new("tag:press.example,2026-01-01:c")];
        let about = About { paths, ids, ..About::time(at(5)) };
        assert_eq!(asked(store, &about).await, ["b", "c"]);
        assert_eq!(store.known(&about).await.unwrap().current, 4);
        let row = row_of(store, "d").await;
        scan(store, vec![ScanStep::Missing { row, scans: 1 }]).await;
        assert_eq!(asked(store, &About::time(at(5))).await, ["d"]);
    });
}

#[test]
fn a_question_brings_what_the_clock_touches_by_then() {
    check(async |store| {
        let month = TimeDelta::days(30);
        let steps = vec![
            news("public"),
            waiting_until("waits", at(10)),
            waiting_until("waits-longer", at(11)),
            expiring_at("expires", at(10)),
            expiring_at("expires-later", at(11)),
            withdrawn_at("notice", at(10) - month),
            withdrawn_at("newer-notice", at(11) - month),
        ];
        scan(store, steps).await;
        let names = ["waits", "expires", "notice"];
        assert_eq!(asked(store, &About::time(at(9))).await, [""; 0]);
        assert_eq!(asked(store, &About::time(at(10))).await, names);
        assert_eq!(store.next_moment().await.unwrap(), Some(at(10)));
        let known = store.known(&About::time(at(10))).await.unwrap();
        let settle = |known: &tidings::catalogue::KnownEntry| ScanStep::Settle {
            row: known.row,
            state: EntryState::Removed,
            change: None,
            cause: Cause::Time,
        };
        scan(store, known.entries.iter().map(settle).collect()).await;
        assert_eq!(store.next_moment().await.unwrap(), Some(at(11)));
        assert_eq!(store.known(&About::time(at(10))).await.unwrap().current, 4);
    });
}

#[test]
fn nothing_to_come_is_no_moment() {
    check(async |store| {
        assert_eq!(store.next_moment().await.unwrap(), None);
        scan(store, vec![news("a")]).await;
        assert_eq!(store.next_moment().await.unwrap(), None);
    });
}

#[test]
fn a_question_says_which_ids_and_seconds_are_in_use() {
    check(async |store| {
        let tag = |name: &str| EntryId::new(format!("tag:press.example,2026-01-01:{name}"));
        let names = ["a", "a-2", "a-3", "a.b", "ab", "b-2"];
        scan(store, names.iter().map(|name| news(name)).collect()).await;
        let second = withdrawn_at("late", at(90));
        scan(store, vec![second]).await;
        let about = About {
            id_choices: vec![tag("a"), tag("b"), tag("c")],
            spans: vec![
                (at(0).timestamp(), at(0).timestamp() + 1),
                (at(89).timestamp(), at(90).timestamp()),
            ],
            ..About::time(at(0))
        };
        let known = store.known(&about).await.unwrap();
        assert_eq!(known.taken_ids, ["a", "a-2", "a-3"].map(tag).into());
        assert_eq!(known.taken_seconds, HashSet::from([at(0).timestamp()]));
        let about = About { spans: vec![(at(90).timestamp(), i64::MAX)], ..about };
        let known = store.known(&about).await.unwrap();
        assert_eq!(known.taken_seconds, HashSet::from([at(90).timestamp()]));
    });
}

#[test]
fn a_folder_is_known_by_its_signature_while_it_is_settled() {
    let file = |path: &str| KnownFile {
        path: path.into(),
        stat: FileStat { size_bytes: 1, modified_ns: 1, inode: 1 },
        outcome: FileOutcome::Release,
    };
    check(async |store| {
        let files = vec![file("top.md"), file("a/1.md"), file("a/2.md"), file("a/b/3.md")];
        let record = ScanRecord { files, ..ScanRecord::default() };
        assert!(store.is_new().await.unwrap());
        store.accept_scan(&record, at(0)).await.unwrap();
        assert!(!store.is_new().await.unwrap());
        let known = async |store: &dyn Store| {
            let mut folders: Vec<_> = store.known_folders().await.unwrap().into_iter().collect();
            folders.sort();
            folders.into_iter().map(|(path, sign)| format!("{path}={sign}")).collect::<Vec<_>>()
        };
        assert_eq!(known(store).await, ["=", "a=", "a/b="], "a scan that was cut off");
        let folders = [("", "x"), ("a", "y"), ("a/b", "z")];
        let folders = folders.map(|(path, sign)| (path.into(), sign.into())).to_vec();
        let facts = vec![("rules", "1".to_owned())];
        let end = ScanEnd { folders, facts, ..ScanEnd::default() };
        store.end_scan(&end).await.unwrap();
        assert_eq!(known(store).await, ["=x", "a=y", "a/b=z"]);
        assert_eq!(store.fact("rules").await.unwrap().as_deref(), Some("1"));
        let gone = ScanRecord { gone: vec!["a/b/3.md".into()], ..ScanRecord::default() };
        store.accept_scan(&gone, at(1)).await.unwrap();
        let unsettled = vec!["a/b".into(), "a".into()];
        store.end_scan(&ScanEnd { unsettled, ..ScanEnd::default() }).await.unwrap();
        assert_eq!(known(store).await, ["=x", "a="]);
        let files = store.known_files(&["a".into()]).await.unwrap();
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a/1.md", "a/2.md"]);
        assert_eq!(store.file_counts().await.unwrap(), [(FileOutcome::Release, 3)].into());
    });
}

#[test]
fn a_body_that_was_let_go_is_asked_for_and_kept_once_made() {
    check(async |store| {
        let bare = accepted_with("a", |acceptance| {
            acceptance.entry.content_html.clear();
            acceptance.entry.content_text.clear();
            acceptance.body_hash = None;
        });
        scan(store, vec![bare, news("b")]).await;
        let mut entries = store.public_entries().await.unwrap();
        let missing = store.fill_bodies(&mut entries).await.unwrap();
        let row = row_of(store, "a").await;
        let expected = BodyAtSource {
            index: 0,
            row,
            path: Some("a.md".into()),
            source_hash: "source of a 1".into(),
            body_hash: None,
        };
        assert_eq!(missing, [expected]);
        assert_eq!(entries[1].content_html, "<p>b 1</p>");
        let body = |html: &str| Body {
            row,
            revision: 1,
            hash: "a 1".into(),
            html: html.into(),
            text: "made".into(),
        };
        store.keep_bodies(&[body("<p>made</p>")]).await.unwrap();
        store.keep_bodies(&[body("another")]).await.unwrap();
        let mut entries = store.public_entries().await.unwrap();
        assert_eq!(store.fill_bodies(&mut entries).await.unwrap(), []);
        assert_eq!(entries[0].content_html, "<p>made</p>");
        assert_eq!(entries[0].content_text, "made");
    });
}

// Holds.

fn hold(paths: &[&str]) -> ScanRecord {
    let item = |path: &&str| HeldItem { path: (*path).into(), what: HeldWhat::New };
    let items = paths.iter().map(item).collect();
    let hold = Some(NewHold { reason: "too many".into(), items });
    ScanRecord { hold, ..ScanRecord::default() }
}

async fn held(store: &dyn Store) -> Held {
    store.held().await.unwrap()
}

async fn open_holds(store: &dyn Store) -> Vec<(i64, u64)> {
    let holds = store.open_holds().await.unwrap();
    holds.iter().map(|hold| (hold.id, hold.items.values().sum())).collect()
}

#[test]
fn a_hold_waits_until_it_is_released_once_and_is_gone_once_it_is_taken_up() {
    check(async |store| {
        store.accept_scan(&hold(&["a", "b"]), at(0)).await.unwrap();
        store.accept_scan(&hold(&["c"]), at(1)).await.unwrap();
        assert_eq!(open_holds(store).await, [(1, 2), (2, 1)]);
        let waiting = [("a", 1), ("b", 1), ("c", 2)].map(|(path, hold)| (path.into(), hold));
        assert_eq!(held(store).await, Held { waiting: waiting.into(), ..Held::default() });
        let released = store.release_hold(1, "mei", at(2)).await.unwrap().unwrap();
        assert_eq!((released.reason.as_str(), released.created_at), ("too many", at(0)));
        assert_eq!(released.items, [("new".to_owned(), 2)].into());
        assert_eq!(store.release_hold(1, "mei", at(3)).await.unwrap(), None);
        assert_eq!(store.release_hold(9, "mei", at(3)).await.unwrap(), None);
        assert_eq!(open_holds(store).await, [(2, 1)]);
        let expected = Held {
            waiting: [("c".into(), 2)].into(),
            let_go: ["a".into(), "b".into()].into(),
            released: vec![1],
        };
        assert_eq!(held(store).await, expected);
        let taken_up = ScanRecord { taken_up: vec![1], ..ScanRecord::default() };
        store.accept_scan(&taken_up, at(4)).await.unwrap();
        assert_eq!(held(store).await.released, [0; 0]);
        assert_eq!(open_holds(store).await, [(2, 1)]);
    });
}

#[test]
fn a_hold_ends_with_the_last_path_it_keeps_back() {
    check(async |store| {
        store.accept_scan(&hold(&["a", "b"]), at(0)).await.unwrap();
        let resolved =
            |path: &str| ScanRecord { resolved: vec![path.into()], ..ScanRecord::default() };
        store.accept_scan(&resolved("a"), at(1)).await.unwrap();
        assert_eq!(open_holds(store).await, [(1, 1)]);
        store.accept_scan(&resolved("b"), at(2)).await.unwrap();
        assert_eq!(open_holds(store).await, []);
        assert_eq!(held(store).await, Held::default());
    });
}

#[test]
fn a_path_that_is_held_anew_belongs_to_the_newer_hold() {
    check(async |store| {
        store.accept_scan(&hold(&["a", "b"]), at(0)).await.unwrap();
        store.accept_scan(&hold(&["b", "c"]), at(1)).await.unwrap();
        assert_eq!(open_holds(store).await, [(1, 1), (2, 2)]);
    });
}

#[test]
fn a_scan_that_fails_leaves_neither_steps_nor_hold() {
    check(async |store| {
        scan(store, vec![news("a")]).await;
        let failing = ScanRecord { steps: vec![news("b"), news("a")], ..hold(&["c"]) };
        assert!(store.accept_scan(&failing, at(1)).await.is_err());
        assert_eq!(held(store).await, Held::default());
        assert_eq!(open_holds(store).await, []);
        let both = ScanRecord { steps: vec![news("b")], ..hold(&["c"]) };
        store.accept_scan(&both, at(2)).await.unwrap();
        assert_eq!(open_holds(store).await, [(1, 1)], "without the end of the scan");
        assert_eq!(store.newest_seq().await.unwrap(), 2);
    });
}

#[test]
fn a_vanished_file_on_hold_needs_no_second_look() {
    check(async |store| {
        scan(store, vec![news("a")]).await;
        let row = row_of(store, "a").await;
        scan(store, vec![ScanStep::Missing { row, scans: 1 }]).await;
        assert!(store.has_missing().await.unwrap());
        store.accept_scan(&hold(&["a.md"]), at(1)).await.unwrap();
        assert!(!store.has_missing().await.unwrap());
    });
}

// Migrations.

/// A store as the first migration alone made it, with these rows.
async fn store_of_the_first_version(path: &Path, statements: &[String]) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut writer = SqliteConnection::connect_with(&options).await.unwrap();
    let sql = SqlStr::from_static(include_str!("../migrations/sqlite/0001_initial.sql"));
    let first = Migration::new(1, "initial".into(), MigrationType::Simple, sql, false);
    Migrator::with_migrations(vec![first]).run(&mut writer).await.unwrap();
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement.clone()).into_sql_str())
            .execute(&mut writer)
            .await
            .unwrap();
    }
    writer.close().await.unwrap();
}

#[tokio::test]
async fn a_store_of_the_first_version_keeps_its_entries_notes_bodies_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidings.db");
    let ScanStep::Accept(acceptance) = news("a") else { unreachable!() };
    let bare = Entry {
        content_html: String::new(),
        content_text: String::new(),
        ..*acceptance.entry.clone()
    };
    let fields = serde_json::to_string(&bare).unwrap();
    let noon = at(0).timestamp();
    let entry = |id: i64, name: &str, acted: &str| {
        format!(
            "insert into entry values ({id}, 'tag:press.example,2026-01-01:{name}', '{name}.md',
                 'public', 1, 'release', {noon}, 0, '\"date\"', {noon}, 0, null, 'print', 'hash',
                 '{acted}', 0, {noon});
             insert into revision values ({id}, 1, '{fields}', 'hash', {noon});
             insert into change values ({id}, {id}, 1, 'new', 'followers', {noon}, null);"
        )
    };
    let statements = [
        "insert into body values ('hash', '<p>Body</p>', 'Body')".to_owned(),
        entry(
            1,
            "a",
            r#"{"updated":"2026-11-02","change":null,"correction":"4 %","withdrawn":null}"#,
        ),
        entry(
            2,
            "b",
            r#"{"updated":null,"change":"New dates","correction":null,"withdrawn":null}"#,
        ),
        "insert into source_file values ('top.md', 1, 2, 3, 'release'),
             ('news/_posts/新闻 a.md', 4, 5, 6, 'held_back'), ('a/b/c.md', 7, 8, 9, 'page')"
            .to_owned(),
    ];
    store_of_the_first_version(&path, &statements).await;
    let store = SqliteStore::open(&path).await.unwrap();
    let known = store.known_entries().await.unwrap();
    let acted = |updated: &[&str], change: &[&str], correction: &[&str]| {
        let owned = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect();
        let (updated, change, correction) = (owned(updated), owned(change), owned(correction));
        Acted { updated, change, correction, withdrawn: Vec::new() }
    };
    let found: Vec<_> = known.iter().map(|k| k.acted.clone()).collect();
    assert_eq!(found, [acted(&["2026-11-02"], &[], &["4 %"]), acted(&[], &["New dates"], &[])]);
    assert_eq!((&known[0].entry, known[0].was_public), (&bare, true));
    assert_eq!(
        (known[1].path.as_deref(), known[1].body_hash.as_deref()),
        (Some("b.md"), Some("hash"))
    );
    let mut entries = store.public_entries().await.unwrap();
    assert_eq!(store.fill_bodies(&mut entries[..1]).await.unwrap(), []);
    assert_eq!(entries[0].content_html, "<p>Body</p>");
    assert_eq!(store.told_changes(0, 9).await.unwrap().len(), 2);
    feeds::facets_are_known(&store, &bare).await;
    let folders: Vec<String> = store.known_folders().await.unwrap().into_keys().collect();
    let mut files = store.known_files(&folders).await.unwrap();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let files: Vec<_> =
        files.iter().map(|f| (f.path.as_str(), f.stat.size_bytes, f.outcome)).collect();
    let expected = [
        ("a/b/c.md", 7, FileOutcome::Page),
        // Read once more, for the second version tells an error in the file from one outside it.
        ("news/_posts/新闻 a.md", 4, FileOutcome::Refused),
        ("top.md", 1, FileOutcome::Release),
    ];
    assert_eq!(files, expected);
    // Both entries have one address, as two did that nobody compared before.
    assert_eq!(store.suspects(&["https://press.example/a/"]).await.unwrap().addresses.len(), 2);
    assert_eq!(scan(&store, vec![news("c")]).await, [3]);
    let mut reader =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
    let broken = sqlx::query("pragma foreign_key_check").fetch_all(&mut reader).await.unwrap();
    assert_eq!(broken.len(), 0);
}

// People.

fn subscription(person: u8, feed: &str, digest: &str) -> NewSubscription {
    NewSubscription {
        lookup: vec![person],
        address_key: 1,
        address_cipher: vec![person, person],
        domain: "example.org".into(),
        language: "en".parse().unwrap(),
        feed: feed.into(),
        digest: digest.into(),
        is_confirmed: true,
        is_rehearsal: false,
        brings_back: true,
        source: "test".into(),
        wording: "yes".into(),
    }
}

fn pending(person: u8) -> NewSubscription {
    NewSubscription { is_confirmed: false, ..subscription(person, "all", "daily") }
}

fn stand_in(person: u8) -> NewSubscription {
    NewSubscription { is_rehearsal: true, ..subscription(person, "all", "daily") }
}

async fn subscribe(store: &dyn Store, row: NewSubscription) -> Subscribed {
    store.subscribe(&[row], at(0)).await.unwrap()[0]
}

async fn register(store: &dyn Store) {
    store.register_digests(&["daily".into(), "weekly".into()], at(0)).await.unwrap();
}

async fn covered(store: &dyn Store, digest: &str) -> i64 {
    store.digest_progress(digest).await.unwrap().unwrap().covered_seq
}

async fn digest(store: &dyn Store, name: &str) -> i64 {
    store.digest_progress(name).await.unwrap().unwrap().id
}

/// `owed_from` of the only follower of a digest, by feed.
async fn owed(store: &dyn Store, name: &str) -> Vec<(String, Option<i64>)> {
    let id = digest(store, name).await;
    let rows = subscriptions(store, id, Audience::Real).await;
    rows.into_iter().map(|row| (row.feed, row.owed_from)).collect()
}

async fn leave(store: &dyn Store, person: u8, feed: Option<&str>) -> u64 {
    let subscriber = store.subscriber_by_lookup(&[person]).await.unwrap().unwrap();
    let end = EndOfSubscription {
        subscriber,
        digest: Some("daily".into()),
        feed: feed.map(Into::into),
        source: "one-click".into(),
        reason: "left".into(),
    };
    store.end_subscriptions(&end, at(0)).await.unwrap()
}

/// Takes back an end of everything.
async fn come_back(
    store: &dyn Store,
    subscriber: i64,
    left_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> u64 {
    let run = Leave::EVERYTHING;
    let back = ComeBack { run, subscriber, left_at, source: "page".into(), wording: "test".into() };
    store.take_back_end(&back, now).await.unwrap()
}

#[test]
fn a_digest_begins_at_the_newest_change_of_its_first_registration() {
    check(async |store| {
        assert_eq!(store.digest_progress("daily").await.unwrap(), None);
        scan(store, vec![news("a"), news("b")]).await;
        register(store).await;
        scan(store, vec![news("c")]).await;
        register(store).await;
        assert_eq!(covered(store, "daily").await, 2);
        let progress = store.digest_progress("daily").await.unwrap().unwrap();
        assert_eq!(progress.registered_at, at(0));
        assert_eq!(store.newest_due_key(progress.id, at(9)).await.unwrap(), None);
    });
}

#[test]
fn a_subscription_is_added_confirmed_changed_and_left_as_it_is() {
    check(async |store| {
        register(store).await;
        assert_eq!(subscribe(store, pending(1)).await, Subscribed::Added);
        assert_eq!(subscribe(store, pending(1)).await, Subscribed::Unchanged);
        assert_eq!(owed(store, "daily").await, []);
        assert_eq!(subscribe(store, subscription(1, "all", "daily")).await, Subscribed::Confirmed);
        assert_eq!(subscribe(store, subscription(1, "all", "daily")).await, Subscribed::Unchanged);
        assert_eq!(subscribe(store, pending(1)).await, Subscribed::Unchanged);
        assert_eq!(owed(store, "daily").await.len(), 1);
        assert_eq!(subscribe(store, subscription(1, "all", "weekly")).await, Subscribed::Changed);
        let chinese =
            NewSubscription { language: "zh".parse().unwrap(), ..subscription(1, "all", "weekly") };
        assert_eq!(subscribe(store, chinese).await, Subscribed::Changed);
        assert_eq!(owed(store, "daily").await, []);
        let weekly = digest(store, "weekly").await;
        let rows = subscriptions(store, weekly, Audience::Real).await;
        assert_eq!((rows.len(), rows[0].language.as_str()), (1, "zh"));
    });
}

#[test]
fn a_new_reader_is_owed_what_comes_from_now_on() {
    check(async |store| {
        register(store).await;
        scan(store, vec![news("a"), news("b")]).await;
        subscribe(store, pending(1)).await;
        scan(store, vec![news("c")]).await;
        subscribe(store, subscription(1, "all", "daily")).await;
        assert_eq!(owed(store, "daily").await, [("all".into(), Some(3))]);
        assert_eq!(leave(store, 1, None).await, 1);
        scan(store, vec![news("d")]).await;
        assert_eq!(subscribe(store, subscription(1, "all", "daily")).await, Subscribed::Added);
        assert_eq!(owed(store, "daily").await, [("all".into(), Some(4))]);
    });
}

#[test]
fn who_changes_to_another_digest_is_owed_what_the_old_one_had_not_covered() {
    check(async |store| {
        register(store).await;
        subscribe(store, subscription(1, "all", "daily")).await;
        scan(store, vec![news("a"), news("b"), news("c")]).await;
        let run = Planned { to_seq: 2, ..run_of(store, "k", &[(1, 0)]).await };
        let owed_read = vec![(1, "all".into(), 0)];
        let run = start_run(store, &Planned { owed_read, ..run }).await.unwrap();
        expand_all(store, run).await;
        assert_eq!(owed(store, "daily").await, [("all".into(), None)]);
        subscribe(store, subscription(1, "all", "weekly")).await;
        assert_eq!(owed(store, "weekly").await, [("all".into(), Some(2))]);
        // The weekly one would have begun there too.
        subscribe(store, subscription(1, "all", "daily")).await;
        assert_eq!(owed(store, "daily").await, [("all".into(), Some(2))]);
    });
}

#[test]
fn who_changes_to_another_digest_is_not_owed_what_came_before_them() {
    check(async |store| {
        register(store).await;
        scan(store, vec![news("a"), news("b")]).await;
        subscribe(store, subscription(1, "all", "daily")).await;
        subscribe(store, subscription(1, "all", "weekly")).await;
        assert_eq!(owed(store, "weekly").await, [("all".into(), Some(2))]);
    });
}

#[test]
fn a_stand_in_who_subscribes_becomes_real_and_no_longer_stands_in() {
    check(async |store| {
        register(store).await;
        let mut weekly = stand_in(1);
        (weekly.feed, weekly.digest) = ("events".into(), "weekly".into());
        store.subscribe(&[stand_in(1), weekly], at(0)).await.unwrap();
        assert!(!store.has_real_subscribers().await.unwrap());
        let daily = digest(store, "daily").await;
        let audience = async |whose| subscriptions(store, daily, whose).await.len();
        assert_eq!((audience(Audience::Real).await, audience(Audience::Rehearsal).await), (0, 1));
        assert_eq!(subscribe(store, subscription(1, "all", "daily")).await, Subscribed::Added);
        assert!(store.has_real_subscribers().await.unwrap());
        assert_eq!((audience(Audience::Real).await, audience(Audience::Rehearsal).await), (1, 0));
        assert_eq!(owed(store, "weekly").await, []);
        let said = store.verify_audit().await.unwrap();
        assert_eq!(said.broken, []);
    });
}

#[test]
fn a_list_of_stand_ins_brings_nobody_back_who_left() {
    check(async |store| {
        register(store).await;
        subscribe(store, subscription(1, "all", "daily")).await;
        leave(store, 1, None).await;
        assert_eq!(subscribe(store, stand_in(1)).await, Subscribed::Unchanged);
        assert_eq!(owed(store, "daily").await, []);
        assert!(!store.has_real_subscribers().await.unwrap());
    });
}

#[test]
fn ending_a_subscription_twice_ends_it_once() {
    check(async |store| {
        register(store).await;
        for feed in ["all", "events"] {
            subscribe(store, subscription(1, feed, "daily")).await;
        }
        subscribe(store, subscription(1, "releases", "weekly")).await;
        assert_eq!(leave(store, 1, Some("events")).await, 1);
        assert_eq!(leave(store, 1, None).await, 1);
        assert_eq!(leave(store, 1, None).await, 0);
        assert_eq!(owed(store, "weekly").await.len(), 1);
    });
}

// Runs.

/// A run of `daily` over everything, one issue with the entry `a` from the feed `all`.
/// A run with all its plan says.
#[derive(Clone)]
struct Planned {
    digest: i64,
    key: String,
    due_at: Option<DateTime<Utc>>,
    from_seq: i64,
    to_seq: i64,
    advances: bool,
    issues: Vec<NewIssue>,
    recipients: Vec<(i64, usize)>,
    owed_read: Vec<(i64, String, i64)>,
}

impl Planned {
    fn new_run(&self) -> NewRun {
        let Self { digest, due_at, from_seq, to_seq, advances, .. } = *self;
        NewRun { digest, key: self.key.clone(), due_at, from_seq, to_seq, advances }
    }

    /// Two people a page; the values that were read are in the first.
    fn pages(&self) -> Vec<RunPage> {
        let mut after = -1;
        let mut pages = Vec::new();
        for (number, recipients) in self.recipients.chunks(2).enumerate() {
            let upto = recipients.last().unwrap().0;
            pages.push(RunPage {
                number,
                subscribers: SubscriberRange { after, upto },
                issues: if number == 0 { self.issues.clone() } else { vec![] },
                recipients: recipients.to_vec(),
                owed_read: if number == 0 { self.owed_read.clone() } else { vec![] },
            });
            after = upto;
        }
        if pages.is_empty() && !self.owed_read.is_empty() {
            let (issues, owed_read) = (self.issues.clone(), self.owed_read.clone());
            let subscribers = SubscriberRange::ALL;
            pages.push(RunPage { number: 0, subscribers, issues, recipients: vec![], owed_read });
        }
        pages
    }
}

async fn start_run(store: &dyn Store, run: &Planned) -> Option<i64> {
    let id = store.begin_run(&run.new_run(), at(0)).await.unwrap()?;
    for page in run.pages() {
        store.plan_page(id, &page).await.unwrap();
    }
    assert!(store.open_run(id, "plan", run.recipients.len() as u64, at(0)).await.unwrap());
    Some(id)
}

async fn subscriptions(store: &dyn Store, digest: i64, whose: Audience) -> Vec<Subscription> {
    store.subscriptions(digest, whose, SubscriberRange::ALL).await.unwrap()
}

async fn received(store: &dyn Store, row: i64) -> Received {
    store.received(&[row], SubscriberRange::ALL).await.unwrap()
}

async fn run_of(store: &dyn Store, key: &str, recipients: &[(i64, usize)]) -> Planned {
    let rendering = |text: &str| Rendering { hash: text.into(), bytes: text.into() };
    let issue = NewIssue {
        hash: "issue".into(),
        language: "en".parse().unwrap(),
        subject: "News".into(),
        lines: vec![("all".into(), row_of(store, "a").await, 1)],
        mail: rendering("mail"),
        web: rendering("web"),
    };
    Planned {
        digest: digest(store, "daily").await,
        key: key.into(),
        due_at: None,
        from_seq: 0,
        to_seq: store.newest_seq().await.unwrap(),
        advances: true,
        issues: vec![issue],
        recipients: recipients.to_vec(),
        owed_read: vec![],
    }
}

/// An entry `a` and so many followers of it, by number from 1.
async fn with_readers(store: &dyn Store, readers: u8) -> Vec<(i64, usize)> {
    register(store).await;
    for person in 1..=readers {
        subscribe(store, subscription(person, "all", "daily")).await;
    }
    scan(store, vec![news("a")]).await;
    (1..=i64::from(readers)).map(|person| (person, 0)).collect()
}

async fn expand_all(store: &dyn Store, run: i64) {
    while store.expand(run, KEYS, at(0)).await.unwrap().is_some() {}
}

/// A run that sends to so many readers.
async fn sending(store: &dyn Store, readers: u8) -> i64 {
    let recipients = with_readers(store, readers).await;
    let run = run_of(store, "k", &recipients).await;
    let run = start_run(store, &run).await.unwrap();
    expand_all(store, run).await;
    run
}

const KNOWN: KnownCancellations = KnownCancellations { newest: 0, at: DateTime::<Utc>::UNIX_EPOCH };

const KEYS: DeliveryKeys<'_> = DeliveryKeys { token: 1, dkim_selector: Some("tidings") };

async fn claim(store: &dyn Store, minutes: i64, limit: u32) -> Vec<Claim> {
    claim_of(store, Lane::Digests, minutes, limit).await
}

async fn claim_of(store: &dyn Store, lane: Lane, minutes: i64, limit: u32) -> Vec<Claim> {
    let (now, lease_until) = (at(minutes), at(minutes + 15));
    let request = ClaimRequest {
        owner: "test".into(),
        lane,
        now,
        lease_until,
        limit,
        windows: WindowState::Open,
        may_be_stand_in: true,
    };
    store.claim_due(&request).await.unwrap()
}

async fn intend(store: &dyn Store, claim: &Claim) -> bool {
    store.intend(claim, &[], at(0)).await.unwrap().is_some()
}

fn result(claim: &Claim, step: Step) -> DeliveryResult {
    let Claim { run, subscriber, fence, .. } = *claim;
    DeliveryResult { run, subscriber, fence, step }
}

async fn release(
    store: &dyn Store,
    claims: impl IntoIterator<Item = &Claim>,
    next_at: DateTime<Utc>,
) {
    let claims: Vec<_> = claims.into_iter().map(|claim| (claim.clone(), Some(next_at))).collect();
    store.release(&claims).await.unwrap();
}

async fn record(store: &dyn Store, claim: &Claim, step: Step) {
    store.record_results(&[result(claim, step)], at(1)).await.unwrap();
}

/// Claims the one delivery that is due, and takes it to its intent.
async fn attempt(store: &dyn Store, minutes: i64) -> Claim {
    let claims = claim(store, minutes, 1).await;
    let [claim] = &claims[..] else { panic!("one delivery is due") };
    assert!(intend(store, claim).await);
    claim.clone()
}

async fn state(store: &dyn Store, run: i64, subscriber: i64) -> String {
    store.delivery_state(run, subscriber).await.unwrap().unwrap()
}

async fn counts(store: &dyn Store, run: i64) -> Vec<(String, u64)> {
    let mut counts: Vec<_> = store.run_counts(run).await.unwrap().into_iter().collect();
    counts.sort();
    counts
}

fn accepted() -> Step {
    Step::Accepted { reply: "queued".into() }
}

fn retry(minutes: i64) -> Step {
    Step::Retry { at: at(minutes), code: "451".into(), reply: "later".into() }
}

fn rejected() -> Step {
    Step::Rejected { code: "550".into(), reply: "no".into() }
}

fn expired() -> Step {
    Step::Expired { code: "451".into(), reply: "later".into() }
}

fn rehearsed() -> Step {
    Step::Rehearsed { path: "new/1".into() }
}

#[test]
fn a_second_run_with_the_same_key_adds_nothing() {
    check(async |store| {
        let recipients = with_readers(store, 2).await;
        let run = run_of(store, "k", &recipients).await;
        let first = start_run(store, &run).await;
        assert!(first.is_some());
        assert_eq!(start_run(store, &run).await, None);
        assert_eq!(store.open_runs().await.unwrap().len(), 1);
        let elsewhere = Planned { digest: digest(store, "weekly").await, ..run };
        assert!(start_run(store, &elsewhere).await.is_some());
    });
}

#[test]
fn a_run_clears_exactly_the_values_its_plan_read() {
    check(async |store| {
        with_readers(store, 1).await;
        subscribe(store, subscription(1, "events", "daily")).await;
        assert_eq!(
            owed(store, "daily").await,
            [("all".into(), Some(0)), ("events".into(), Some(1))]
        );
        let owed_read = vec![(1, "all".into(), 0), (1, "events".into(), 7)];
        let run = Planned { owed_read, ..run_of(store, "k", &[(1, 0)]).await };
        let run = start_run(store, &run).await.unwrap();
        expand_all(store, run).await;
        assert_eq!(owed(store, "daily").await, [("all".into(), None), ("events".into(), Some(1))]);
    });
}

#[test]
fn expanding_again_adds_no_delivery() {
    check(async |store| {
        let recipients = with_readers(store, 3).await;
        let run = run_of(store, "k", &recipients).await;
        let run = start_run(store, &run).await.unwrap();
        assert_eq!(claim(store, 0, 9).await, []);
        assert_eq!(store.expand(run, KEYS, at(0)).await.unwrap(), Some(2));
        assert_eq!(store.expand(run, KEYS, at(0)).await.unwrap(), Some(1));
        assert_eq!(store.run(run).await.unwrap().unwrap().state, "expanding");
        assert_eq!(claim(store, 0, 9).await, [], "not before the last page");
        assert_eq!(store.expand(run, KEYS, at(0)).await.unwrap(), None);
        assert_eq!(store.expand(run, KEYS, at(0)).await.unwrap(), None);
        assert_eq!(store.run(run).await.unwrap().unwrap().state, "sending");
        assert_eq!(counts(store, run).await, [("pending".into(), 3)]);
    });
}

#[test]
fn a_long_run_is_expanded_page_by_page() {
    check(async |store| {
        let mut recipients = with_readers(store, 1).await;
        // The others are unknown, and so passed over; they fill the first pages all the same.
        recipients.splice(0..0, (100..104).map(|person| (person, 0)));
        let run = run_of(store, "k", &recipients).await;
        let run = start_run(store, &run).await.unwrap();
        let mut pages = Vec::new();
        while let Some(added) = store.expand(run, KEYS, at(0)).await.unwrap() {
            pages.push(added);
        }
        assert_eq!(pages, [0, 0, 1]);
    });
}

#[test]
fn a_clock_set_back_after_the_expansion_makes_nobody_wait() {
    check(async |store| {
        sending(store, 3).await;
        assert!(store.next_due().await.unwrap().unwrap() < at(-6 * 60));
        assert_eq!(claim(store, -6 * 60, 9).await.len(), 3);
    });
}

#[test]
fn who_left_after_the_plan_gets_no_mail() {
    check(async |store| {
        let recipients = with_readers(store, 3).await;
        let run = run_of(store, "k", &recipients).await;
        let run = start_run(store, &run).await.unwrap();
        leave(store, 2, None).await;
        assert_eq!(store.expand(run, KEYS, at(0)).await.unwrap(), Some(1));
        assert_eq!(store.expand(run, KEYS, at(0)).await.unwrap(), Some(1));
        assert_eq!(store.expand(run, KEYS, at(0)).await.unwrap(), None);
        assert_eq!(state(store, run, 2).await, "cancelled");
        assert_eq!(claim(store, 0, 9).await.len(), 2);
    });
}

#[test]
fn a_digest_has_covered_what_its_runs_reached_that_advance() {
    check(async |store| {
        with_readers(store, 1).await;
        let quiet = async |key: &str, to_seq, state| {
            let run = QuietRun {
                digest: digest(store, "daily").await,
                key: key.into(),
                due_at: Some(at(0)),
                from_seq: 0,
                to_seq,
                state,
                reason: "nothing new".into(),
                known: KnownCancellations { newest: 0, at: at(0) },
            };
            store.record_quiet_run(&run, at(0)).await.unwrap()
        };
        assert!(quiet("2026-11-19T08:00", 9, QuietState::Expired).await);
        assert_eq!(covered(store, "daily").await, 0);
        let aside = Planned { advances: false, to_seq: 5, ..run_of(store, "now:5", &[]).await };
        start_run(store, &aside).await;
        assert_eq!(covered(store, "daily").await, 0);
        assert!(quiet("2026-11-20T08:00", 3, QuietState::Empty).await);
        assert!(!quiet("2026-11-20T08:00", 8, QuietState::Empty).await);
        assert_eq!(covered(store, "daily").await, 3);
        let run = Planned { to_seq: 4, ..run_of(store, "now:4", &[]).await };
        let run = start_run(store, &run).await.unwrap();
        assert_eq!(covered(store, "daily").await, 4);
        expand_all(store, run).await;
        store.complete_runs(at(0)).await.unwrap();
        assert_eq!(covered(store, "daily").await, 4);
        let progress = store.digest_progress("daily").await.unwrap().unwrap();
        let newest = async |now| store.newest_due_key(progress.id, now).await.unwrap();
        assert_eq!(newest(at(0)).await.as_deref(), Some("2026-11-20T08:00"));
        assert_eq!(newest(at(-1)).await, None, "its moment has not come");
    });
}

#[test]
fn a_run_is_complete_when_no_delivery_of_it_is_open() {
    check(async |store| {
        let run = sending(store, 2).await;
        assert_eq!(store.complete_runs(at(0)).await.unwrap(), [0; 0]);
        let claims = claim(store, 0, 2).await;
        record(store, &claims[0], accepted()).await;
        assert_eq!(store.complete_runs(at(0)).await.unwrap(), [0; 0]);
        record(store, &claims[1], Step::Uncertain { resend_at: Some(at(5)) }).await;
        assert_eq!(store.complete_runs(at(0)).await.unwrap(), [0; 0], "one is sent again");
        let again = attempt(store, 5).await;
        record(store, &again, Step::Uncertain { resend_at: None }).await;
        assert_eq!(store.complete_runs(at(0)).await.unwrap(), [run]);
        assert_eq!(store.complete_runs(at(0)).await.unwrap(), [0; 0]);
        assert_eq!(store.open_runs().await.unwrap(), []);
    });
}

#[test]
fn an_issue_and_its_web_copy_are_read_back() {
    check(async |store| {
        sending(store, 1).await;
        let claims = claim(store, 0, 1).await;
        let issue = store.issue(claims[0].issue).await.unwrap().unwrap();
        assert_eq!((issue.subject.as_str(), &issue.mail[..]), ("News", &b"mail"[..]));
        assert_eq!(store.web_copy("issue").await.unwrap().unwrap(), b"web");
        assert_eq!(store.web_copy("none").await.unwrap(), None);
        assert_eq!(store.issue(99).await.unwrap(), None);
    });
}

// Outbox.

#[test]
fn two_claims_share_no_delivery() {
    check(async |store| {
        sending(store, 3).await;
        let first = claim(store, 0, 2).await;
        let second = claim(store, 0, 2).await;
        let mut people: Vec<i64> =
            [&first[..], &second].concat().iter().map(|c| c.subscriber).collect();
        people.sort_unstable();
        assert_eq!((first.len(), people), (2, vec![1, 2, 3]));
        assert_eq!(first[0].address_cipher, [1, 1]);
        assert_eq!(claim(store, 0, 9).await, []);
    });
}

#[test]
fn an_intent_is_given_once_to_the_claim_that_holds_the_delivery() {
    check(async |store| {
        let run = sending(store, 1).await;
        let old = claim(store, 0, 1).await.remove(0);
        release(store, [&old], at(1)).await;
        assert_eq!(store.next_due().await.unwrap(), Some(at(1)));
        assert_eq!(claim(store, 0, 1).await, []);
        let new = claim(store, 1, 1).await.remove(0);
        assert!(!intend(store, &old).await, "its fence is an older one");
        assert_eq!(state(store, run, 1).await, "claimed");
        assert_eq!(store.intend(&new, &[], at(1)).await.unwrap().unwrap().attempt, 1);
        assert!(!intend(store, &new).await, "it has one already");
        record(store, &old, rejected()).await;
        assert_eq!(state(store, run, 1).await, "intent", "a late result of an old claim");
        release(store, [&old, &new], at(2)).await;
        assert_eq!(state(store, run, 1).await, "intent");
    });
}

#[test]
fn who_left_after_the_claim_gets_no_intent() {
    check(async |store| {
        let run = sending(store, 2).await;
        let claims = claim(store, 0, 2).await;
        leave(store, 1, None).await;
        assert!(!intend(store, &claims[0]).await);
        assert_eq!(state(store, run, 1).await, "cancelled");
        // Who goes to another digest gets the news from that one.
        subscribe(store, subscription(2, "all", "weekly")).await;
        assert!(!intend(store, &claims[1]).await);
        assert_eq!(counts(store, run).await, [("cancelled".into(), 2)]);
    });
}

#[test]
fn who_changed_to_another_digest_before_the_mail_is_owed_its_news() {
    for is_expanded in [false, true] {
        check(async |store| {
            let recipients = with_readers(store, 1).await;
            let plan = run_of(store, "k", &recipients).await;
            let plan = Planned { owed_read: vec![(1, "all".into(), 0)], ..plan };
            let run = start_run(store, &plan).await.unwrap();
            if is_expanded {
                expand_all(store, run).await;
            }
            subscribe(store, subscription(1, "all", "weekly")).await;
            // Its plan leaves out what is about to come.
            let owed_read = vec![(1, "all".into(), owed(store, "weekly").await[0].1.unwrap())];
            let weekly = Planned { digest: digest(store, "weekly").await, owed_read, ..plan };
            let weekly = start_run(store, &Planned { recipients: vec![], ..weekly }).await.unwrap();
            expand_all(store, weekly).await;
            assert_eq!(owed(store, "weekly").await, [("all".into(), None)]);
            expand_all(store, run).await;
            let claims = claim(store, 0, 1).await;
            assert!(!intend(store, &claims[0]).await);
            assert_eq!(owed(store, "weekly").await, [("all".into(), Some(0))]);
        });
    }
}

#[test]
fn an_intent_carries_the_results_before_it() {
    check(async |store| {
        let run = sending(store, 2).await;
        let claims = claim(store, 0, 2).await;
        assert!(intend(store, &claims[0]).await);
        let results = [result(&claims[0], accepted())];
        leave(store, 2, None).await;
        assert_eq!(store.intend(&claims[1], &results, at(1)).await.unwrap(), None);
        assert_eq!(state(store, run, 1).await, "accepted");
    });
}

#[test]
fn each_step_leaves_its_state() {
    for (step, expected) in [
        (accepted(), "accepted"),
        (rejected(), "rejected"),
        (retry(5), "pending"),
        (Step::Uncertain { resend_at: None }, "uncertain"),
        (rehearsed(), "rehearsed"),
        (expired(), "cancelled"),
    ] {
        check(async |store| {
            let run = sending(store, 1).await;
            let claim = attempt(store, 0).await;
            record(store, &claim, step.clone()).await;
            assert_eq!(state(store, run, 1).await, expected);
            let due = if expected == "pending" { Some(at(5)) } else { None };
            assert_eq!(store.next_due().await.unwrap(), due);
            record(store, &claim, rejected()).await;
            assert_eq!(state(store, run, 1).await, expected, "a second result changes nothing");
            let all = store.delivery_counts().await.unwrap();
            assert_eq!((all.by_state[expected], all.resent), (1, 0));
        });
    }
}

#[test]
fn a_refusal_before_the_intent_counts_as_an_attempt() {
    check(async |store| {
        sending(store, 1).await;
        let first = claim(store, 0, 1).await.remove(0);
        record(store, &first, retry(5)).await;
        let second = claim(store, 5, 1).await.remove(0);
        assert_eq!((first.attempt, second.attempt), (0, 1));
        assert_eq!(store.intend(&second, &[], at(5)).await.unwrap().unwrap().attempt, 2);
    });
}

#[test]
fn a_crash_returns_claims_and_makes_intents_uncertain() {
    check(async |store| {
        let run = sending(store, 3).await;
        let claims = claim(store, 0, 2).await;
        assert!(intend(store, &claims[0]).await);
        let recovered = store.recover(&["daily".into()], at(1)).await.unwrap();
        assert_eq!(recovered, Recovered { released: 1, uncertain: 1 });
        assert_eq!(counts(store, run).await, [("pending".into(), 2), ("uncertain".into(), 1)]);
        assert_eq!(store.recover(&["daily".into()], at(1)).await.unwrap(), Recovered::default());
        record(store, &claims[0], accepted()).await;
        assert_eq!(state(store, run, claims[0].subscriber).await, "uncertain", "a dead claim");
    });
}

#[test]
fn an_unknown_outcome_is_sent_again_once() {
    check(async |store| {
        let run = sending(store, 1).await;
        attempt(store, 0).await;
        store.recover(&["daily".into()], at(1)).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(AT_ONCE));
        let again = claim(store, 1, 1).await.remove(0);
        assert_eq!(again.unknowns, 1);
        release(store, [&again], at(2)).await;
        assert_eq!(state(store, run, 1).await, "uncertain", "unsent, it waits for its one resend");
        let again = claim(store, 2, 1).await.remove(0);
        store.recover(&["daily".into()], at(2)).await.unwrap();
        assert!(!intend(store, &again).await);
        assert_eq!(state(store, run, 1).await, "uncertain");
        attempt(store, 2).await;
        store.recover(&["daily".into()], at(3)).await.unwrap();
        assert_eq!(state(store, run, 1).await, "uncertain");
        assert_eq!(store.next_due().await.unwrap(), None);
        assert_eq!(claim(store, 100_000, 9).await, []);
        assert_eq!(store.complete_runs(at(4)).await.unwrap(), [run]);
    });
}

#[test]
fn an_unknown_outcome_of_a_digest_that_holds_is_not_sent_again() {
    check(async |store| {
        sending(store, 1).await;
        attempt(store, 0).await;
        store.recover(&["weekly".into()], at(1)).await.unwrap();
        assert_eq!(claim(store, 100_000, 9).await, []);
    });
}

#[test]
fn what_was_accepted_after_an_unknown_outcome_is_counted_as_resent() {
    check(async |store| {
        sending(store, 1).await;
        attempt(store, 0).await;
        store.recover(&["daily".into()], at(1)).await.unwrap();
        let again = attempt(store, 1).await;
        record(store, &again, accepted()).await;
        assert_eq!(store.delivery_counts().await.unwrap().resent, 1);
    });
}

#[test]
fn received_is_what_may_arrive_or_has() {
    for (step, counts) in [
        (accepted(), true),
        (retry(5), true),
        (Step::Uncertain { resend_at: None }, true),
        (rejected(), false),
        (expired(), false),
        (rehearsed(), false),
    ] {
        check(async |store| {
            sending(store, 1).await;
            let row = row_of(store, "a").await;
            let held = Received::from_iter([((1, row), 1)]);
            assert_eq!(received(store, row).await, held, "pending");
            assert_eq!(received(store, row + 1).await, Received::default());
            let claim = attempt(store, 0).await;
            assert_eq!(received(store, row).await, held, "intent");
            record(store, &claim, step.clone()).await;
            let expected = if counts { held } else { Received::default() };
            assert_eq!(received(store, row).await, expected, "{step:?}");
        });
    }
}

#[test]
fn who_stands_in_a_page_that_is_not_expanded_is_about_to_get_it() {
    check(async |store| {
        let recipients = with_readers(store, 1).await;
        let run = run_of(store, "k", &recipients).await;
        start_run(store, &run).await;
        let row = row_of(store, "a").await;
        assert_eq!(received(store, row).await, Received::from_iter([((1, row), 1)]));
    });
}

#[test]
fn a_run_whose_planning_was_cut_off_counts_for_nothing_and_is_dropped() {
    check(async |store| {
        let recipients = with_readers(store, 3).await;
        let owed_read = vec![(1, "all".into(), 0)];
        let run = Planned { owed_read, ..run_of(store, "k", &recipients).await };
        let run = Planned { due_at: Some(at(0)), ..run };
        let cut_off = store.begin_run(&run.new_run(), at(0)).await.unwrap().unwrap();
        store.plan_page(cut_off, &run.pages()[0]).await.unwrap();
        let row = row_of(store, "a").await;
        assert_eq!(received(store, row).await, Received::default());
        assert_eq!(covered(store, "daily").await, 0);
        let progress = store.digest_progress("daily").await.unwrap().unwrap();
        assert_eq!(store.newest_due_key(progress.id, at(0)).await.unwrap(), None);
        assert_eq!(store.open_runs().await.unwrap(), []);
        let cancellation =
            Cancellation { run: cut_off, reason: None, by: "mei".into(), token_key: 1 };
        assert_eq!(store.cancel_run(&cancellation, at(0)).await.unwrap(), None);
        assert_eq!(store.expand(cut_off, KEYS, at(0)).await.unwrap(), None);
        assert_eq!(store.complete_runs(at(0)).await.unwrap(), Vec::<i64>::new());
        let again = start_run(store, &run).await.unwrap();
        assert_eq!(received(store, row).await.len(), 3);
        expand_all(store, again).await;
        assert_eq!(counts(store, again).await, [("pending".into(), 3)]);
        assert_eq!(store.runs(RunsAsked::Newest(9)).await.unwrap().len(), 1);
    });
}

#[test]
fn what_some_people_received_is_read_page_by_page() {
    check(async |store| {
        let recipients = with_readers(store, 5).await;
        let run = run_of(store, "k", &recipients).await;
        let run = start_run(store, &run).await.unwrap();
        let row = row_of(store, "a").await;
        let by = async |after, upto| {
            let received = store.received(&[row], SubscriberRange { after, upto }).await.unwrap();
            let mut people: Vec<i64> = received.into_keys().map(|(person, _)| person).collect();
            people.sort_unstable();
            people
        };
        for _ in 0..4 {
            assert_eq!(by(1, 3).await, [2, 3]);
            assert_eq!(by(3, i64::MAX).await, [4, 5]);
            assert_eq!(by(-1, 0).await, [0; 0]);
            store.expand(run, KEYS, at(0)).await.unwrap();
        }
    });
}

#[test]
fn people_are_read_page_by_page() {
    check(async |store| {
        register(store).await;
        let rows = |digest: &str, people: std::ops::Range<u32>| -> Vec<NewSubscription> {
            let row = |person: u32| {
                let lookup = person.to_be_bytes().to_vec();
                NewSubscription { lookup, ..subscription(0, "all", digest) }
            };
            people.map(row).collect()
        };
        store.subscribe(&rows("daily", 0..6_000), at(0)).await.unwrap();
        store.subscribe(&rows("weekly", 6_000..6_003), at(0)).await.unwrap();
        let (daily, weekly) = (digest(store, "daily").await, digest(store, "weekly").await);
        let first = store.next_subscribers(&[weekly, daily], -1).await.unwrap().unwrap();
        assert_eq!(first, SubscriberRange { after: -1, upto: 5_000 });
        let read = store.subscriptions(daily, Audience::Real, first).await.unwrap();
        assert_eq!(read.len(), 5_000);
        let all_read: Vec<_> = read.iter().map(|s| (s.subscriber, "all".into(), 0)).collect();
        store.clear_owed(daily, &all_read[1..], 1, KNOWN).await.unwrap();
        let owed = store.subscriptions(daily, Audience::Real, first).await.unwrap();
        assert_eq!(owed.iter().filter(|s| s.owed_from.is_some()).count(), 1);
        let second = store.next_subscribers(&[weekly, daily], first.upto).await.unwrap().unwrap();
        assert_eq!(second, SubscriberRange { after: 5_000, upto: i64::MAX });
        let rest = store.subscriptions(daily, Audience::Real, second).await.unwrap();
        let others = store.subscriptions(weekly, Audience::Real, second).await.unwrap();
        assert_eq!((rest.len(), others.len()), (1_000, 3));
        assert_eq!(store.next_subscribers(&[weekly, daily], second.upto).await.unwrap(), None);
        let listed = store.subscribers(-1).await.unwrap();
        assert_eq!((listed.len(), listed[4_999].id), (5_000, 5_000));
        assert_eq!(store.subscribers(5_000).await.unwrap().len(), 1_003);
        assert_eq!(store.subscribers(6_003).await.unwrap(), []);
    });
}

#[test]
fn rows_of_a_list_are_taken_in_their_order() {
    check(async |store| {
        register(store).await;
        let row = |person: u8, feed: &str, digest: &str| subscription(person, feed, digest);
        let chinese =
            |row: NewSubscription| NewSubscription { language: "zh".parse().unwrap(), ..row };
        let rows = [
            (row(1, "all", "daily"), Subscribed::Added),
            (pending(2), Subscribed::Added),
            (row(1, "events", "weekly"), Subscribed::Added),
            (row(1, "all", "daily"), Subscribed::Unchanged),
            (row(2, "all", "daily"), Subscribed::Confirmed),
            (chinese(row(1, "events", "weekly")), Subscribed::Changed),
            (row(1, "events", "daily"), Subscribed::Changed),
            (row(3, "all", "daily"), Subscribed::Added),
            (row(1, "events", "weekly"), Subscribed::Changed),
            (row(1, "events", "daily"), Subscribed::Changed),
        ];
        let given: Vec<NewSubscription> = rows.iter().map(|(row, _)| row.clone()).collect();
        let expected: Vec<Subscribed> = rows.iter().map(|(_, answer)| *answer).collect();
        assert_eq!(store.subscribe(&given, at(0)).await.unwrap(), expected);
        let daily = subscriptions(store, digest(store, "daily").await, Audience::Real).await;
        let daily: Vec<_> = daily.iter().map(|s| (s.subscriber, &*s.feed)).collect();
        assert_eq!(daily, [(1, "all"), (1, "events"), (2, "all"), (3, "all")]);
        let last = row(1, "all", "daily");
        assert_eq!(
            subscribe(store, last).await,
            Subscribed::Unchanged,
            "the language is as it was"
        );
    });
}

#[test]
fn a_list_does_not_bring_back_who_left() {
    check(async |store| {
        register(store).await;
        for person in 1..=3 {
            subscribe(store, subscription(person, "all", "daily")).await;
        }
        subscribe(store, subscription(2, "events", "daily")).await;
        leave(store, 1, None).await;
        leave(store, 2, Some("all")).await;
        let listed = |person, feed| NewSubscription {
            brings_back: false,
            ..subscription(person, feed, "weekly")
        };
        let rows = [
            (listed(1, "all"), Subscribed::Left),
            // They left for good, whatever another list says they followed.
            (listed(1, "events"), Subscribed::Left),
            (listed(2, "all"), Subscribed::Left),
            (listed(2, "events"), Subscribed::Changed),
            (listed(3, "events"), Subscribed::Added),
            (listed(4, "all"), Subscribed::Added),
        ];
        let given: Vec<NewSubscription> = rows.iter().map(|(row, _)| row.clone()).collect();
        let expected: Vec<Subscribed> = rows.iter().map(|(_, answer)| *answer).collect();
        assert_eq!(store.subscribe(&given, at(9)).await.unwrap(), expected);
        assert_eq!(store.running_subscriptions(1).await.unwrap(), 0);
        // Somebody's own word, or an operator's on them, is newer.
        assert_eq!(subscribe(store, subscription(1, "all", "daily")).await, Subscribed::Added);
    });
}

#[test]
fn what_expired_unsent_is_owed_in_the_feeds_that_brought_it() {
    check(async |store| {
        let run = sending(store, 1).await;
        subscribe(store, subscription(1, "events", "daily")).await;
        let claim = attempt(store, 0).await;
        let older = Claim { fence: claim.fence - 1, ..claim.clone() };
        scan(store, vec![news("b")]).await;
        let owed_read = vec![(1, "all".into(), 0)];
        let later = Planned { from_seq: 1, owed_read, ..run_of(store, "later", &[]).await };
        let later = start_run(store, &later).await.unwrap();
        expand_all(store, later).await;
        record(store, &older, expired()).await;
        assert_eq!(
            owed(store, "daily").await[0],
            ("all".into(), None),
            "a dead claim owes nothing"
        );
        record(store, &claim, expired()).await;
        assert_eq!(state(store, run, 1).await, "cancelled");
        assert_eq!(
            owed(store, "daily").await,
            [("all".into(), Some(0)), ("events".into(), Some(1))]
        );
    });
}

#[test]
fn what_may_have_arrived_is_not_owed_when_its_resend_expires() {
    check(async |store| {
        let run = sending(store, 1).await;
        attempt(store, 0).await;
        store.recover(&["daily".into()], at(1)).await.unwrap();
        let again = attempt(store, 1).await;
        record(store, &again, expired()).await;
        assert_eq!(state(store, run, 1).await, "uncertain");
        assert_eq!(store.next_due().await.unwrap(), None);
        let row = row_of(store, "a").await;
        assert_eq!(received(store, row).await.len(), 1);
    });
}

/// There is no verb for it yet, so the address is suppressed in the file itself.
#[tokio::test]
async fn a_suppressed_address_gets_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidings.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let recipients = with_readers(&store, 3).await;
    let run = run_of(&store, "k", &recipients).await;
    let run = start_run(&store, &run).await.unwrap();
    let options = SqliteConnectOptions::new().filename(&path);
    let mut file = SqliteConnection::connect_with(&options).await.unwrap();
    let mut suppress = async |person: u8| {
        sqlx::query("insert into suppression (lookup, reason, since_at) values ($1, 'bounce', 0)")
            .bind(vec![person])
            .execute(&mut file)
            .await
            .unwrap();
    };
    suppress(1).await;
    expand_all(&store, run).await;
    assert_eq!(counts(&store, run).await, [("pending".into(), 2)]);
    let claims = claim(&store, 0, 2).await;
    suppress(2).await;
    assert!(!intend(&store, &claims[0]).await);
    assert!(intend(&store, &claims[1]).await);
    assert_eq!(state(&store, run, 2).await, "cancelled");
    let daily = digest(&store, "daily").await;
    assert_eq!(subscriptions(&store, daily, Audience::Real).await.len(), 1);
    let again = subscribe(&store, subscription(1, "all", "daily")).await;
    assert_eq!(again, Subscribed::Suppressed);
}

// Other processes.

#[test]
fn a_request_is_taken_once_and_its_outcome_read() {
    check(async |store| {
        let scan = store.request(RequestKind::Scan, "", at(0)).await.unwrap();
        let send = store.request(RequestKind::Send, "hash", at(0)).await.unwrap();
        let taken = store.take_request(at(1)).await.unwrap().unwrap();
        assert_eq!((taken.id, taken.kind), (scan, RequestKind::Scan));
        let taken = store.take_request(at(1)).await.unwrap().unwrap();
        assert_eq!((taken.id, taken.argument.as_str()), (send, "hash"));
        assert_eq!(store.take_request(at(1)).await.unwrap(), None);
        assert_eq!(store.request_outcome(scan).await.unwrap(), None);
        store.finish_request(scan, "done", at(2)).await.unwrap();
        assert_eq!(store.request_outcome(scan).await.unwrap().as_deref(), Some("done"));
        assert_eq!(store.request_outcome(send).await.unwrap(), None);
    });
}

#[test]
fn the_first_value_of_a_fact_stays() {
    check(async |store| {
        assert_eq!(store.settle_fact("keys", "one").await.unwrap(), "one");
        assert_eq!(store.settle_fact("keys", "two").await.unwrap(), "one");
    });
}
