//! A disk without room, before and while mail goes out.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::relay::{Act, Gate, Phase, Relay};
use super::support::office::Office;
use super::{Room, deliveries, start_and_send};

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
    let unshare = ["--map-root-user", "--mount"];
    match Command::new("unshare").args(unshare).arg("true").output() {
        Err(_) => return println!("skipped: unshare is not installed"),
        Ok(tried) if !tried.status.success() => {
            return println!("skipped: unshare is not allowed");
        }
        Ok(_) => {}
    }
    let gate = Gate::new();
    let (held, count) = (gate.clone(), AtomicUsize::new(0));
    let relay = Relay::playing(move |moment| {
        let is_it = moment.is(Phase::Logged) && count.fetch_add(1, Ordering::SeqCst) >= SENT;
        if is_it { Act::usual().held_by(&held) } else { Act::usual() }
    })
    .await;
    let office = Office::with_relay(&relay.url());
    office.subscribe(READERS, "daily");
    office.release("a-new-bridge", "The bridge opens **today**.");
    let mut script = Command::new("unshare")
        .args(unshare)
        .args(["sh", "-c", SCRIPT, env!("CARGO_BIN_EXE_tidings")])
        .current_dir(office.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
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
