//! A disk without room, before and while mail goes out.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::time::{Duration, Instant};

use super::relay::{Gate, Relay};
use super::support::disk::{may_mount, start};
use super::support::office::Office;
use super::{Room, connect, deliveries, start_and_send};

#[tokio::test(flavor = "multi_thread")]
async fn where_no_room_can_be_kept_nothing_is_claimed() {
    let relay = Relay::usual().await;
    let room = Room::new(3).await;
    let store = room.store();
    let press = room.process(&store, &relay).await;
    let ballast = store.with_extension("ballast");
    fs::create_dir(&ballast).unwrap();
    let error = start_and_send(&press).await.unwrap_err();
    assert!(error.to_string().starts_with("could not keep room for results on the disk"));
    assert!(error.hint().unwrap().contains("make room on the disk"));
    assert!(deliveries(&store).await.values().all(|(state, _)| state == "pending"));
    assert!(relay.heard().is_empty());

    fs::remove_dir(&ballast).unwrap();
    start_and_send(&press).await.unwrap();
    assert_eq!(room.findings(&store, &relay.lines(), false).await, []);
    assert_eq!(relay.lines().len(), 3);
    assert_eq!(fs::metadata(&ballast).unwrap().len(), 4 << 20);
}

/// Sends with the store on a disk of its own, which is filled when the test says so; then once
/// more on the full disk, and once when there is room. Keeps the store as each leaves it.
const SCRIPT: &str = r#"
mkdir room && cp -a var/. room/ && mount -t tmpfs -o size=24m tmpfs var && cp -a room/. var/ || exit 9
"$0" publish-now --yes >first.txt 2>&1 </dev/null & sending=$!
read -r word
cat /dev/zero >var/filler 2>/dev/null
echo "full"
wait "$sending"; echo "first $?"
ls var | grep -c ballast
cp -a var first
cat /dev/zero >var/rest 2>/dev/null
"$0" publish-now --yes >second.txt 2>&1 </dev/null; echo "second $?"
rm var/filler var/rest
"$0" publish-now --yes >third.txt 2>&1 </dev/null; echo "third $?"
cp -a var third
"#;

const READERS: usize = 300;
/// So many have their 250 when the disk is full; the next are waiting for theirs.
const SENT: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_disk_that_fills_up_the_results_in_flight_are_recorded_and_sending_ends() {
    if !may_mount() {
        return;
    }
    let gate = Gate::new();
    let relay = Relay::answering_first(SENT, &gate).await;
    let office = Office::with_relay(&relay.url());
    office.subscribe(READERS, "daily");
    office.release("a-new-bridge", "The bridge opens **today**.");
    let mut script = start(&office, SCRIPT);
    let mut said = BufReader::new(script.stdout.take().unwrap()).lines().map(Result::unwrap);
    gate.wait_until_held(5).await;
    writeln!(script.stdin.as_mut().unwrap(), "now").unwrap();
    assert_eq!(said.next().as_deref(), Some("full"));
    gate.release();
    let rest: Vec<String> = said.collect();
    script.wait().unwrap();
    let told = office.read("first.txt");
    // The ballast is gone, and not made again while there is no room.
    assert_eq!(rest[..2], ["first 5", "0"], "{told}");
    assert!(told.contains("hint: make room on the disk"), "{told}");
    assert!(rest[2] != "second 0" && rest[3] == "third 0", "{rest:?}");

    // Everything that was in flight has its result, everything else was given back.
    let first = deliveries(&office.path("first/tidings.db")).await;
    let of = |wanted: &str| first.values().filter(|(state, _)| state == wanted).count();
    let accepted = of("accepted");
    assert!((SENT + 5..READERS).contains(&accepted), "{accepted}");
    assert_eq!(of("pending"), READERS - accepted, "{first:?}");
    let third = deliveries(&office.path("third/tidings.db")).await;
    assert!(third.values().all(|delivery| *delivery == ("accepted".to_owned(), 0)), "{third:?}");
    assert_eq!(relay.lines().len(), READERS, "nobody has a second copy");
}

/// A daemon with the store on a disk of its own. At each word a step: the disk is filled; so is
/// what the ballast gave up, whenever it is given up; there is room again; the daemon ends.
const DAEMON: &str = r#"
mkdir room && cp -a var/. room/ && mount -t tmpfs -o size=24m tmpfs var && cp -a room/. var/ || exit 9
"$0" daemon >daemon.txt 2>&1 </dev/null & daemon=$!
read -r word
cat /dev/zero >var/filler 2>/dev/null
echo "full"
read -r word
{ while cat /dev/zero >>var/rest 2>/dev/null || [ -e var/filler ]; do :; done; } & hog=$!
echo "kept full"
read -r word
"$0" status >status.txt 2>&1 </dev/null; echo "status $?"
read -r word
kill "$hog"; wait "$hog" 2>/dev/null; rm var/filler var/rest
echo "room"
read -r word
kill "$daemon"; wait "$daemon"; echo "daemon $?"
cp -a var last
"#;

/// Waits until the daemon's log has so many lines with this.
async fn told(office: &Office, text: &str, times: usize) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let log = fs::read_to_string(office.path("daemon.txt")).unwrap_or_default();
        if log.matches(text).count() >= times {
            return;
        }
        assert!(Instant::now() < deadline, "{times} times `{text}`: {log}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_on_a_full_disk_names_it_and_goes_on_by_itself_when_there_is_room() {
    if !may_mount() {
        return;
    }
    let gate = Gate::new();
    let relay = Relay::answering_first(SENT, &gate).await;
    let office = Office::with_relay(&relay.url());
    office.subscribe(READERS, "immediate");
    office.release("a-new-bridge", "The bridge opens **today**.");
    let mut script = start(&office, DAEMON);
    let mut words = script.stdin.take().unwrap();
    let mut said = BufReader::new(script.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut step = |reply: &str| {
        writeln!(words, "next").unwrap();
        assert_eq!(said.next().as_deref(), Some(reply));
    };
    gate.wait_until_held(5).await;
    step("full");
    gate.release();
    told(&office, "sending is stopped, no room beside `", 1).await;
    step("kept full");
    let refused = "could not keep room for results on the disk";
    told(&office, refused, 1).await;
    let sent = relay.lines().len();
    assert!(sent < READERS, "{sent}");
    // Neither does news come in, nor does it get lost.
    office.news("a-ferry", "It sails today.");
    told(&office, "could not scan and publish: ", 1).await;
    told(&office, refused, 2).await;
    assert_eq!(relay.lines().len(), sent, "nothing is sent before there is room");

    step("status 0");
    let status = office.read("status.txt");
    assert!(status.contains("disk          nearly full: 0 KiB are left beside `"), "{status}");
    assert!(status.contains("make room: on a full disk nothing is sent"), "{status}");
    step("room");
    relay.wait_for(2 * READERS).await;
    step("daemon 0");
    script.wait().unwrap();
    let log = office.read("daemon.txt");
    assert!(log.contains("(make room on the disk; what was sent is known"), "{log}");
    let full = "could not scan and publish: ";
    let line = log.lines().find(|line| line.contains(full)).unwrap();
    assert!(line.contains("(make room on the disk of `") && line.contains("tidings.db`"), "{line}");

    // The event came, when there was no room for what it told of.
    assert!(!log.contains("the system did not tell"), "{log}");

    let sql = "select count(*) from delivery where state = 'accepted' and unknowns = 0";
    let mut last = connect(&office.path("last/tidings.db")).await;
    let accepted: i64 = sqlx::query_scalar(sql).fetch_one(&mut last).await.unwrap();
    assert_eq!(accepted, i64::try_from(2 * READERS).unwrap(), "{log}");
    assert_eq!(relay.lines().len(), 2 * READERS, "nobody has a second copy");
}
