//! The journal against everything that can cut it off or spoil it.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::OnceLock;

use proptest::prelude::*;
use tempfile::TempDir;

use super::half::{START, framed_len};
use super::*;

/// A few records of 100 octets in each half.
const SMALL: u64 = START + 1_000;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With these files.
    fn of(files: &[Vec<u8>; 2]) -> Self {
        let place = Self::new();
        for (half, bytes) in ["leaving-a", "leaving-b"].iter().zip(files) {
            fs::write(place.folder.path().join(half), bytes).unwrap();
        }
        place
    }

    fn files(&self) -> [Vec<u8>; 2] {
        ["leaving-a", "leaving-b"].map(|half| fs::read(self.folder.path().join(half)).unwrap())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("leaving")
    }

    fn open(&self) -> Journal {
        Journal::open(&self.path(), SMALL, Applied::Stay).unwrap()
    }

    fn open_wiping(&self) -> Journal {
        Journal::open(&self.path(), SMALL, Applied::AreWiped).unwrap()
    }

    /// Of these records those that can be read in its files, applied or not.
    fn found(&self, numbers: std::ops::Range<usize>) -> Vec<usize> {
        let files = self.files();
        let is_there = |record: &str| {
            let holds = |file: &Vec<u8>| file.windows(record.len()).any(|w| w == record.as_bytes());
            files.iter().any(holds)
        };
        numbers.filter(|number| is_there(&record(*number))).collect()
    }

    fn file(&self, half: &str) -> File {
        File::options().read(true).write(true).open(self.folder.path().join(half)).unwrap()
    }
}

/// What waits, oldest first.
fn waiting(journal: &Journal) -> Vec<String> {
    let text = |record: &[u8]| String::from_utf8(record.to_vec()).unwrap();
    journal.waiting().map_or(Vec::new(), |batch| batch.records().map(text).collect())
}

/// A record of 100 octets with its frame.
fn record(number: usize) -> String {
    let length = 100 - usize::try_from(framed_len(0)).unwrap();
    format!("{number:0length$}")
}

async fn append(journal: &Journal, numbers: std::ops::Range<usize>) {
    for number in numbers {
        journal.append(record(number).as_bytes()).await.unwrap();
    }
}

async fn apply(journal: &Journal) -> Vec<String> {
    let records = waiting(journal);
    journal.applied(journal.next().await).await.unwrap();
    records
}

fn records(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(record).collect()
}

#[tokio::test]
async fn what_was_appended_and_not_applied_is_there_after_a_restart() {
    let place = Place::new();
    let journal = place.open();
    append(&journal, 0..3).await;
    assert_eq!(apply(&journal).await, records(0..3));
    append(&journal, 3..5).await;
    drop(journal);
    let journal = place.open();
    assert_eq!(waiting(&journal), records(3..5));
    append(&journal, 5..6).await;
    drop(journal);
    let journal = place.open();
    assert_eq!(apply(&journal).await, records(3..6));
    drop(journal);
    assert_eq!(waiting(&place.open()), [""; 0]);
}

#[tokio::test]
async fn what_is_applied_is_wiped_and_what_waits_is_not() {
    let place = Place::new();
    let journal = place.open_wiping();
    append(&journal, 0..3).await;
    assert_eq!(place.found(0..3), [0, 1, 2]);
    apply(&journal).await;
    assert_eq!(place.found(0..3), [0; 0]);
    // Into both halves.
    append(&journal, 3..16).await;
    drop(journal);
    let journal = place.open_wiping();
    assert_eq!(place.found(0..16), (3..16).collect::<Vec<_>>());
    assert_eq!(apply(&journal).await, records(3..16));
    assert_eq!(place.found(0..16), [0; 0]);
    append(&journal, 16..17).await;
    drop(journal);
    assert_eq!(waiting(&place.open_wiping()), records(16..17));
}

/// A crash between the new head and the zeros leaves what one leaves that never wipes.
#[tokio::test]
async fn what_a_crash_left_is_wiped_at_the_next_start() {
    let place = Place::new();
    let journal = place.open();
    append(&journal, 0..3).await;
    apply(&journal).await;
    append(&journal, 3..4).await;
    drop(journal);
    assert_eq!(place.found(0..4), [1, 2, 3]);
    let journal = place.open_wiping();
    assert_eq!(place.found(0..4), [3]);
    assert_eq!(waiting(&journal), records(3..4));
    drop(journal);
    assert_eq!(waiting(&place.open()), records(3..4));
}

#[tokio::test]
async fn a_batch_comes_again_until_it_is_applied() {
    let place = Place::new();
    let journal = place.open();
    append(&journal, 0..2).await;
    let batch = journal.next().await;
    append(&journal, 2..3).await;
    assert_eq!(waiting(&journal), records(0..3));
    journal.applied(batch).await.unwrap();
    assert_eq!(waiting(&journal), records(2..3));
    // Its half holds one that is not applied: after a crash all of them come again.
    drop(journal);
    assert_eq!(waiting(&place.open()), records(0..3));
}

#[tokio::test]
async fn its_files_lie_on_the_disk_before_the_first_record_and_are_nobody_elses() {
    let place = Place::new();
    let journal = place.open();
    let stats = || ["leaving-a", "leaving-b"].map(|half| place.file(half).metadata().unwrap());
    for stat in stats() {
        assert_eq!(stat.len(), SMALL);
        assert!(stat.blocks() * 512 >= SMALL, "{}", stat.blocks());
        assert_eq!(stat.permissions().mode() & 0o777, 0o600);
    }
    let blocks = || stats().map(|stat| (stat.len(), stat.blocks()));
    let before = blocks();
    for number in 0..20 {
        append(&journal, number..number + 1).await;
    }
    assert_eq!(blocks(), before, "a record needs no room");
}

#[tokio::test]
async fn one_that_came_back_with_holes_or_shorter_is_filled() {
    let place = Place::new();
    let journal = place.open();
    append(&journal, 0..2).await;
    drop(journal);
    let file = place.file("leaving-a");
    file.set_len(START + 200).unwrap();
    file.set_len(SMALL).unwrap();
    place.file("leaving-b").set_len(10).unwrap();
    let journal = place.open();
    for half in ["leaving-a", "leaving-b"] {
        let stat = place.file(half).metadata().unwrap();
        assert!(stat.len() == SMALL && stat.blocks() * 512 >= SMALL, "{half}: {}", stat.blocks());
    }
    assert_eq!(waiting(&journal), records(0..2));
}

#[tokio::test]
async fn under_a_load_that_never_ends_it_never_stops() {
    let place = Place::new();
    let journal = place.open();
    append(&journal, 0..1).await;
    let mut seen = Vec::new();
    // There is always one that waits, so that no half is ever empty by chance.
    for number in 1..200 {
        let batch = journal.next().await;
        append(&journal, number..number + 1).await;
        seen.extend(batch.records().map(|r| String::from_utf8(r.to_vec()).unwrap()));
        journal.applied(batch).await.unwrap();
    }
    seen.extend(apply(&journal).await);
    assert_eq!(seen, records(0..200));
    drop(journal);
    assert_eq!(waiting(&place.open()), [""; 0]);
}

#[tokio::test]
async fn when_both_files_are_full_it_says_so_and_loses_nothing() {
    let place = Place::new();
    let journal = place.open();
    append(&journal, 0..20).await;
    let error = journal.append(record(20).as_bytes()).await.unwrap_err();
    assert!(matches!(error, JournalError::Full { .. }), "{error}");
    let error = journal.append(&[0; 1_000]).await.unwrap_err();
    assert!(matches!(error, JournalError::TooLarge { bytes: 1_000 }), "{error}");
    drop(journal);
    let journal = place.open();
    assert!(journal.append(record(20).as_bytes()).await.is_err(), "nor after a restart");
    assert_eq!(apply(&journal).await, records(0..20));
    append(&journal, 20..40).await;
    assert_eq!(waiting(&journal), records(20..40));
}

#[tokio::test]
async fn what_lies_in_a_file_from_before_it_began_anew_takes_no_room() {
    let place = Place::new();
    let journal = place.open();
    append(&journal, 0..10).await;
    apply(&journal).await;
    append(&journal, 10..12).await;
    drop(journal);
    let journal = place.open();
    append(&journal, 12..30).await;
    assert_eq!(waiting(&journal), records(10..30));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_each_kept_once() {
    let place = Place::new();
    let journal = Arc::new(Journal::open(&place.path(), 1 << 20, Applied::Stay).unwrap());
    let tasks: Vec<_> = (0..500)
        .map(|number| {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move { journal.append(record(number).as_bytes()).await.unwrap() })
        })
        .collect();
    let mut positions = Vec::new();
    for task in tasks {
        positions.push(task.await.unwrap());
    }
    positions.sort();
    positions.dedup();
    assert_eq!(positions.len(), 500);
    assert_eq!(journal.newest(), positions[499]);
    let mut found = waiting(&journal);
    found.sort();
    assert_eq!(found, records(0..500));
}

#[tokio::test]
async fn who_waits_for_a_record_hears_when_it_is_applied() {
    let place = Place::new();
    let journal = Arc::new(place.open());
    // Nothing was ever appended.
    journal.settled(journal.newest()).await;
    append(&journal, 0..1).await;
    let first = journal.newest();
    let waits = {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move { journal.settled(first).await })
    };
    tokio::task::yield_now().await;
    assert!(!waits.is_finished());
    apply(&journal).await;
    waits.await.unwrap();
}

#[tokio::test]
async fn one_process_at_a_time_works_with_it() {
    let place = Place::new();
    let journal = place.open();
    let error = Journal::open(&place.path(), SMALL, Applied::Stay).unwrap_err();
    assert!(matches!(error, JournalError::InUse { .. }), "{error}");
    drop(journal);
    place.open();
}

#[tokio::test]
async fn where_a_file_cannot_be_made_the_error_names_it() {
    let place = Place::new();
    fs::create_dir(place.folder.path().join("leaving-b")).unwrap();
    let error = Journal::open(&place.path(), SMALL, Applied::Stay).unwrap_err();
    assert!(error.to_string().ends_with("/leaving-b`"), "{error}");
}

/// The first half has begun anew and is full again, with 10 records; the other half has 5.
async fn used(place: &Place) -> Vec<String> {
    let journal = place.open();
    append(&journal, 0..8).await;
    apply(&journal).await;
    append(&journal, 8..18).await;
    apply(&journal).await;
    append(&journal, 18..33).await;
    drop(journal);
    records(18..33)
}

/// As a write leaves it that did not reach the disk whole.
#[tokio::test]
async fn a_torn_record_ends_what_is_found_and_the_next_takes_its_place() {
    let place = Place::new();
    let all = used(&place).await;
    let torn = START + 4 * 100 + 50;
    place.file("leaving-b").write_all_at(&[7; 3], torn).unwrap();
    let journal = place.open();
    assert_eq!(waiting(&journal), all[..14]);
    append(&journal, 40..41).await;
    drop(journal);
    assert_eq!(waiting(&place.open()).last(), Some(&record(40)));
}

/// As [`used`] leaves them: what is harmed is a copy.
static USED: OnceLock<[Vec<u8>; 2]> = OnceLock::new();

#[derive(Debug, Clone)]
enum Harm {
    Flip { half: usize, bit: u64 },
    Cut { half: usize, length: u64 },
    Noise { half: usize, at: u64, bytes: Vec<u8> },
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (0..2_usize, 0..SMALL * 8).prop_map(|(half, bit)| Harm::Flip { half, bit }),
        (0..2_usize, 0..SMALL).prop_map(|(half, length)| Harm::Cut { half, length }),
        (0..2_usize, 0..SMALL, prop::collection::vec(any::<u8>(), 1..300))
            .prop_map(|(half, at, bytes)| Harm::Noise { half, at, bytes }),
    ]
}

impl Harm {
    /// Does it; gives the half and from which octet on nothing is promised.
    fn inflict(&self, place: &Place) -> (usize, u64) {
        let file = |half: usize| place.file(["leaving-a", "leaving-b"][half]);
        match *self {
            Self::Flip { half, bit } => {
                let mut byte = [0];
                // Where the file was cut before, there is none.
                let _ = file(half).read_at(&mut byte, bit / 8);
                file(half).write_all_at(&[byte[0] ^ 1 << (bit % 8)], bit / 8).unwrap();
                (half, bit / 8)
            }
            Self::Cut { half, length } => {
                file(half).set_len(length).unwrap();
                (half, length)
            }
            Self::Noise { half, at, ref bytes } => {
                file(half).write_all_at(bytes, at).unwrap();
                (half, at)
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Nothing that lies before the harm is lost, nothing is made up, the order stays, and the
    /// journal goes on.
    #[test]
    fn no_harm_makes_it_panic_or_lose_what_lies_before(harms in prop::collection::vec(harm(), 1..3)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let files = USED.get_or_init(|| {
            let place = Place::new();
            runtime.block_on(used(&place));
            place.files()
        });
        runtime.block_on(async {
            let (place, all) = (Place::of(files), records(18..33));
            let mut safe = [SMALL; 2];
            for harm in &harms {
                let (half, at) = harm.inflict(&place);
                safe[half] = safe[half].min(at);
            }
            let journal = place.open();
            let found = waiting(&journal);
            // `used` leaves 10 records in the first half and 5 in the second.
            for (nth, record) in all.iter().enumerate() {
                let end = START + 100 * (nth as u64 % 10 + 1);
                if end <= safe[nth / 10] {
                    prop_assert!(found.contains(record), "{nth} of {found:?}");
                }
            }
            prop_assert!(found.is_sorted(), "{found:?}");
            prop_assert!(found.iter().all(|record| records(0..33).contains(record)));
            prop_assert!(journal.append(b"after it").await.is_ok() || !found.is_empty());
            Ok(())
        })?;
    }
}
