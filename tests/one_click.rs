//! Unsubscribing works when little else does: on a full disk, while the store is busy, under a
//! storm, and killed at any step. Signing up is kept in the same way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod support;

#[path = "one_click/signing_up.rs"]
mod signing_up;

use std::io::{BufRead, BufReader, Write};
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use support::desk::Desk;
use support::disk;
use support::office::Office;
use tidings::pipeline::digests::{plan_by_hand, start};
use tidings::pipeline::send::{carry, outbox_beside};
use tidings::pipeline::{leaving, scan};
use tidings::store::{Leave, LeftBy};
use tidings::subscribers::keys::Keys;
use tidings::subscribers::leaving::Leaving;
use tidings::subscribers::token::{self, Purpose, Subject};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};

/// An office that has sent one run, to one reader, and has so many more.
fn office(readers: usize) -> Office {
    let office = Office::new();
    office.release("a-new-bridge", "The bridge opens **today**.");
    office.subscribe(1, "daily");
    assert_eq!(office.run(&["publish-now"]).code, 0);
    office.subscribe(readers, "daily");
    office
}

/// The way out of so many readers, as in a mail of the first run.
fn ways_out(office: &Office, readers: usize) -> Vec<String> {
    let token = tokens(office, Purpose::Unsubscribe);
    let way_out = |subscriber| format!("/unsubscribe/{}", token(subscriber));
    (1..=i64::try_from(readers).unwrap()).map(way_out).collect()
}

/// What the links in a mail of the first run have, by reader.
fn tokens(office: &Office, purpose: Purpose) -> impl Fn(i64) -> String {
    let keys = Keys::open(&office.path("var/keys")).unwrap();
    move |subscriber| {
        let subject = Subject { run: 1, subscriber };
        token::make(&keys, keys.token_key(), purpose, subject).unwrap()
    }
}

async fn store(office: &Office) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(office.path("var/tidings.db"));
    options.busy_timeout(Duration::from_mins(1)).connect().await.unwrap()
}

async fn count(store: &mut SqliteConnection, sql: &'static str) -> usize {
    let count: i64 = sqlx::query_scalar(sql).fetch_one(store).await.unwrap();
    usize::try_from(count).unwrap()
}

const ENDED: &str = "select count(*) from subscription where state = 'ended'";
const CONSENTS: &str = "select count(*) from consent where action = 'ended' and reason = 'left'";

/// A connection that is kept.
struct Client {
    stream: tokio::io::BufReader<TcpStream>,
}

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

impl Client {
    async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream: tokio::io::BufReader::new(stream) }
    }

    /// Status and page; nothing where the server ended.
    async fn post(&mut self, path: &str, body: &str) -> Option<(u16, String)> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: press.example.org\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.ok()?;
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if status.is_none() {
                status = Some(line.split(' ').nth(1)?.parse().ok()?);
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut page = vec![0; length];
        self.stream.read_exact(&mut page).await.ok()?;
        Some((status?, String::from_utf8(page).unwrap()))
    }
}

/// Clicks each of these over some connections; how many were answered with 200.
async fn storm(address: &str, ways_out: Vec<String>, connections: usize) -> usize {
    let share = ways_out.len().div_ceil(connections);
    let clients: Vec<_> = ways_out
        .chunks(share)
        .map(|paths| {
            let (address, paths) = (address.to_owned(), paths.to_vec());
            tokio::spawn(async move {
                let mut client = Client::connect(&address).await;
                let mut answered = 0;
                for path in paths {
                    let (status, page) = client.post(&path, ONE_CLICK).await.unwrap();
                    assert_eq!(status, 200);
                    assert!(page.contains("You are unsubscribed"), "{page}");
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    answered
}

const CLICKS: usize = 10_000;

/// A daemon with the store on a disk of its own. At each word a step: the disk is filled; what the
/// store says is written down; there is room; the daemon ends. Where there is a file `dies`, a
/// process has died with mail in hand, and the disk is full from the start.
const SCRIPT: &str = r#"
mkdir room && cp -a var/. room/ && mount -t tmpfs -o size=48m tmpfs var && cp -a room/. var/ || exit 9
if [ -e dies ]; then
    TIDINGS_FAILPOINT=after-claim:1 "$0" publish-now --yes >dead.txt 2>&1 </dev/null
    cat /dev/zero >var/filler 2>/dev/null
fi
"$0" daemon >daemon.txt 2>&1 </dev/null & daemon=$!
while read -r word; do
    case $word in
    fill) cat /dev/zero >var/filler 2>/dev/null ;;
    look) "$0" status --json >status.json 2>/dev/null </dev/null ;;
    room) rm var/filler ;;
    end) kill "$daemon"; wait "$daemon"; cp -a var last; exit ;;
    esac
    echo "$word"
done
"#;

/// The script at work; dropped, it reads the end of its words and ends.
struct Disk {
    script: Child,
    said: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Disk {
    fn start(office: &Office) -> Self {
        let mut script = disk::start(office, SCRIPT);
        let said = BufReader::new(script.stdout.take().unwrap()).lines();
        Self { script, said }
    }

    fn step(&mut self, word: &str) {
        writeln!(self.script.stdin.as_mut().unwrap(), "{word}").unwrap();
        assert_eq!(self.said.next().unwrap().unwrap(), word);
    }

    fn end(mut self) {
        writeln!(self.script.stdin.as_mut().unwrap(), "end").unwrap();
        self.script.wait().unwrap();
    }
}

/// Waits until the daemon's log has this; gives the log.
async fn told(office: &Office, text: &str) -> String {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let log = std::fs::read_to_string(office.path("daemon.txt")).unwrap_or_default();
        if log.contains(text) {
            return log;
        }
        assert!(Instant::now() < deadline, "no `{text}`: {log}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_clicks_on_a_full_disk_is_answered_and_applied_when_there_is_room() {
    if !disk::may_mount() {
        return;
    }
    let office = office(CLICKS);
    let ways_out = ways_out(&office, CLICKS);
    let mut disk = Disk::start(&office);
    let log = told(&office, "serving http://").await;
    let (_, rest) = log.split_once("serving http://").unwrap();
    let address = rest.split('/').next().unwrap().to_owned();
    disk.step("fill");

    let form = signing_up::form(&office, "new");
    let (status, page) = Client::connect(&address).await.post("/subscribe", &form).await.unwrap();
    assert!(status == 200 && page.contains("Check your mail"), "{page}");
    let begun = Instant::now();
    assert_eq!(storm(&address, ways_out, 50).await, CLICKS);
    println!("{CLICKS} clicks were answered in {:?}", begun.elapsed());
    told(&office, "make room on the disk of `").await;
    let ended = |disk: &mut Disk| {
        disk.step("look");
        let status: serde_json::Value = serde_json::from_str(&office.read("status.json")).unwrap();
        status["subscribers"]["ended"].as_u64().unwrap_or(0)
    };
    assert!(ended(&mut disk) < CLICKS as u64, "there was no room for all of them");

    disk.step("room");
    let begun = Instant::now();
    let deadline = begun + Duration::from_mins(3);
    while ended(&mut disk) < CLICKS as u64 {
        assert!(Instant::now() < deadline, "{}", office.read("daemon.txt"));
    }
    println!("they were in the store {:?} after there was room", begun.elapsed());
    told(&office, "people are answered").await;
    disk.end();
    let log = office.read("daemon.txt");
    assert_eq!(log.matches("readers who leave are answered").count(), 1, "told once: {log}");
    let options = SqliteConnectOptions::new().filename(office.path("last/tidings.db"));
    let mut last = options.connect().await.unwrap();
    assert_eq!(count(&mut last, CONSENTS).await, CLICKS, "each once");
    let answered = "select count(*) from errand where run_id is not null";
    assert_eq!(count(&mut last, answered).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_on_a_full_disk_readers_leave_all_the_same() {
    if !disk::may_mount() {
        return;
    }
    let office = office(1);
    let ways_out = ways_out(&office, 1);
    // The journals have their room.
    office.daemon().stop();
    office.news("a-second-bridge", "It opens **tomorrow**.");
    office.write("dies", "");
    let mut disk = Disk::start(&office);
    let log = told(&office, "nothing is sent before").await;
    let (_, rest) = log.split_once("serving http://").unwrap();
    let address = rest.split('/').next().unwrap().to_owned();
    assert_eq!(storm(&address, ways_out, 1).await, 1);
    disk.step("room");
    told(&office, "a delivery was not sent").await;
    disk.end();
    let options = SqliteConnectOptions::new().filename(office.path("last/tidings.db"));
    let mut last = options.connect().await.unwrap();
    assert_eq!(count(&mut last, CONSENTS).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_process_has_the_store_clicks_are_answered() {
    const READERS: usize = 30;
    let office = office(READERS);
    let ways_out = ways_out(&office, READERS);
    let daemon = office.daemon();
    let mut store = store(&office).await;
    sqlx::query("begin exclusive").execute(&mut store).await.unwrap();
    let (button, rest) = ways_out.split_last().unwrap();
    assert_eq!(storm(daemon.address(), rest.to_vec(), 5).await, READERS - 1);
    let mut client = Client::connect(daemon.address()).await;
    let (status, page) = client.post(button, "").await.unwrap();
    assert_eq!(status, 200);
    assert!(page.contains("You are unsubscribed") && page.contains("within a minute"), "{page}");
    // What they choose next waits for it.
    let (status, page) = client.post(button, "left=1&seal=x").await.unwrap();
    assert_eq!(status, 503);
    assert!(page.contains("Please try again in a minute"), "{page}");
    assert_eq!(count(&mut store, ENDED).await, 0);

    sqlx::query("commit").execute(&mut store).await.unwrap();
    let deadline = Instant::now() + Duration::from_mins(2);
    while count(&mut store, ENDED).await < READERS {
        assert!(Instant::now() < deadline, "{:?}", daemon.stop());
    }
    assert_eq!(count(&mut store, CONSENTS).await, READERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_process_has_the_store_who_stops_everything_is_answered() {
    let office = office(1);
    let list = "address,language,feed,digest\nreader1@example.org,en,events,immediate\n";
    office.write("more.csv", list);
    let import = ["subscribers", "import", "more.csv", "--consent", "test", "--confirmed"];
    assert_eq!(office.run(&import).code, 0);
    let daemon = office.daemon();
    let page = format!("/manage/{}", tokens(&office, Purpose::Manage)(1));
    let shown = daemon.get(&page);
    let (_, rest) = shown.split_once("name=\"form\" value=\"").unwrap();
    let form = rest.split('"').next().unwrap();
    let mut store = store(&office).await;
    sqlx::query("begin exclusive").execute(&mut store).await.unwrap();
    let mut client = Client::connect(daemon.address()).await;
    let mut press = async |action| {
        let body = format!("form={form}&action={action}");
        client.post(&page, &body).await.unwrap()
    };
    // A click that waits keeps nobody from the next.
    for _ in 0..2 {
        let (status, page) = press("leave").await;
        assert_eq!(status, 200);
        assert!(
            page.contains("You are unsubscribed") && page.contains("within a minute"),
            "{page}"
        );
    }
    assert_eq!(press("save").await.0, 503, "what they choose next waits for it");
    assert_eq!(count(&mut store, ENDED).await, 0);

    sqlx::query("commit").execute(&mut store).await.unwrap();
    let deadline = Instant::now() + Duration::from_mins(2);
    while count(&mut store, ENDED).await < 2 {
        assert!(Instant::now() < deadline, "{:?}", daemon.stop());
    }
    assert_eq!(count(&mut store, CONSENTS).await, 2, "of both digests");
}

/// A step at which the daemon dies of a click.
struct Point {
    name: &'static str,
    /// Whether the click is on the disk by then.
    is_kept: bool,
}

const POINTS: [Point; 8] = [
    Point { name: "before-journal-write", is_kept: false },
    // What was written is there after a kill, though not after a power cut.
    Point { name: "before-journal-sync", is_kept: true },
    Point { name: "after-journal-sync", is_kept: true },
    Point { name: "before-leave-commit", is_kept: true },
    Point { name: "after-leave-commit", is_kept: true },
    Point { name: "before-journal-reset", is_kept: true },
    Point { name: "mid-journal-reset", is_kept: true },
    Point { name: "after-journal-reset", is_kept: true },
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_a_click_that_was_answered_counts_and_once() {
    for Point { name, is_kept } in POINTS {
        let office = office(1);
        let way_out = ways_out(&office, 1).remove(0);
        let daemon = office.dying_daemon(&format!("{name}:1"));
        let answer = Client::connect(daemon.address()).await.post(&way_out, ONE_CLICK).await;
        assert!(daemon.was_killed(), "{name} is not reached");
        assert!(answer.is_none() || is_kept, "{name}: it was answered and is not kept");

        // Whoever takes the lock brings it in before anything else.
        let mut store = store(&office).await;
        for _ in 0..2 {
            assert_eq!(office.run(&["publish-now"]).code, 0);
            assert_eq!(count(&mut store, ENDED).await, usize::from(is_kept), "{name}");
            assert_eq!(count(&mut store, CONSENTS).await, usize::from(is_kept), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_comes_again_after_it_was_taken_back_ends_nothing() {
    let office = office(1);
    let way_out = ways_out(&office, 1).remove(0);
    let daemon = office.dying_daemon("before-journal-reset:1");
    let _ = Client::connect(daemon.address()).await.post(&way_out, ONE_CLICK).await;
    assert!(daemon.was_killed());
    let mut store = store(&office).await;
    assert_eq!(count(&mut store, ENDED).await, 1);
    // As the page takes it back.
    sqlx::query("update subscription set state = 'confirmed', ended_at = null, end_reason = null")
        .execute(&mut store)
        .await
        .unwrap();
    assert_eq!(office.run(&["publish-now"]).code, 0);
    assert_eq!(count(&mut store, ENDED).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_clicked_is_not_mailed_though_the_store_does_not_know_yet() {
    let desk = Desk::open("2026-11-20T12:00:00Z").await;
    scan::scan(&desk.press).await.unwrap();
    desk.office.subscribe(3, "daily");
    desk.office.news("a-new-bridge", "It opens today.");
    scan::scan(&desk.press).await.unwrap();
    let plan = plan_by_hand(&desk.press, &[], true).await.unwrap().remove(0);
    let run = start(&desk.press, &plan).await.unwrap().unwrap();

    let mut leaving = Leaving::open(&desk.press.config.store_path).unwrap();
    leaving.mail_patience = Duration::ZERO;
    let leaving = Arc::new(leaving);
    let click = Leave { run, subscriber: 1, by: LeftBy::OneClick, at: desk.now() };
    leaving.keep(&click).await.unwrap();
    let outbox = outbox_beside(Arc::clone(&leaving), &desk.press, Arc::new(|| {}));
    let (_stop, stopped) = watch::channel(false);
    let send = || carry(&desk.press, &outbox, &stopped, &NOBODY);
    let is_theirs = |mail: &String| mail.contains("reader1@example.org");
    let error = send().await.unwrap_err();
    assert_eq!(error.to_string(), "the store does not take that readers unsubscribed");
    assert!(!desk.office.mails().iter().any(is_theirs));

    leaving::apply_all(&desk.press, &leaving).await.unwrap();
    send().await.unwrap();
    assert_eq!(desk.office.mails().len(), 2);
    assert!(!desk.office.mails().iter().any(is_theirs));
}

/// Starts no other run meanwhile.
static NOBODY: Notify = Notify::const_new();
