//! The output folder as its readers and its operators see it: while it is written to, after
//! a kill at any moment, on a full disk and on one that cannot be written.

#![expect(clippy::print_stdout, reason = "a skipped test and a child say so")]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use tidings::feeds::Document;
use tidings::publish::twins::Coding;
use tidings::publish::{OutputFolder, PublishError, Published, open};

const FEEDS: usize = 6;
/// Tells a process that it is to publish, where, and from which generation on.
const CHILD: &str = "TIDINGS_TEST_PUBLISHER";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.at("content")).unwrap();
        place
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(path)
    }

    fn open(&self) -> OutputFolder {
        open(&self.at("out"), &self.at("content")).unwrap()
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.at("out").join(path)).unwrap()
    }

    /// Stages and puts in place these alone.
    fn add(&self, documents: &[Document], remove: &[&str]) -> Published {
        let publication = self.open().begin().unwrap();
        let staged = documents.iter().map(|d| publication.stage(d).unwrap()).collect();
        let remove: Vec<String> = remove.iter().map(|&path| path.to_owned()).collect();
        publication.put_in_place(staged, &remove).unwrap()
    }

    fn names(&self) -> BTreeSet<String> {
        let out = self.at("out");
        let files = walkdir::WalkDir::new(&out).into_iter().map(Result::unwrap);
        let files = files.filter(|file| !file.file_type().is_dir());
        let name = |file: walkdir::DirEntry| {
            file.path().strip_prefix(&out).unwrap().to_str().unwrap().to_owned()
        };
        files.map(name).collect()
    }
}

/// A document whose first line says which it is, so that any part of it tells the rest.
fn document(path: &str, generation: u64) -> Document {
    let bytes = format!("{generation} {path}\n").repeat(400).into_bytes();
    Document { path: path.into(), bytes }
}

fn page(generation: u64) -> String {
    format!("pages/{generation}.html")
}

/// What is published as one generation; the index names all others and comes after them.
fn generation(number: u64) -> Vec<Document> {
    let mut set: Vec<Document> =
        (0..FEEDS).map(|feed| document(&format!("feeds/{feed}.atom"), number)).collect();
    set.push(document(&page(number), number));
    let names: Vec<&str> = set.iter().map(|document| document.path.as_str()).collect();
    let index = format!("{number} index.html\n{}\n", names.join("\n")).into_bytes();
    set.push(Document { path: "index.html".into(), bytes: index });
    set
}

fn with_twins(documents: &[Document]) -> BTreeSet<String> {
    let mut names = BTreeSet::from([".tidings".to_owned()]);
    for document in documents {
        names.insert(document.path.clone());
        if document.bytes.len() >= 200 {
            names.extend(Coding::ALL.map(|coding| coding.path(&document.path)));
        }
    }
    names
}

fn decode(coding: Coding, twin: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    match coding {
        Coding::Gzip => GzDecoder::new(twin).read_to_end(&mut decoded),
        Coding::Brotli => brotli::Decompressor::new(twin, 4096).read_to_end(&mut decoded),
    }
    .unwrap();
    decoded
}

/// Fails unless these bytes are one whole generation of the document.
fn assert_whole(path: &str, bytes: &[u8]) {
    let text = str::from_utf8(bytes).unwrap();
    let number = text.split(' ').next().and_then(|n| n.parse().ok());
    let number: u64 = number.unwrap_or_else(|| panic!("`{path}` is no document: {text:.40}"));
    let whole = generation(number).into_iter().find(|document| document.path == path);
    assert!(whole.is_some_and(|whole| whole.bytes == bytes), "`{path}` is half a document");
}

fn read_if_there(path: &Path) -> Option<Vec<u8>> {
    match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// Reads all as a reader would who begins with the index. Returns how much there was.
fn look(out: &Path) -> usize {
    let Some(index) = read_if_there(&out.join("index.html")) else { return 0 };
    assert_whole("index.html", &index);
    let text = String::from_utf8(index.clone()).unwrap();
    for path in text.lines().skip(1) {
        match read_if_there(&out.join(path)) {
            Some(bytes) => assert_whole(path, &bytes),
            // The next generation may have come meanwhile: then the index names it no more.
            None => assert_ne!(
                read_if_there(&out.join("index.html")).as_ref(),
                Some(&index),
                "the index names `{path}`, which is missing"
            ),
        }
        for coding in Coding::ALL {
            if let Some(twin) = read_if_there(&out.join(coding.path(path))) {
                assert_whole(path, &decode(coding, &twin));
            }
        }
    }
    text.lines().count()
}

#[test]
fn each_document_has_its_twins_and_the_mark_lists_them() {
    let place = Place::new();
    let published = place.add(&generation(1), &[]);
    assert_eq!(published.written.last().map(String::as_str), Some("index.html"));
    assert_eq!(place.names(), with_twins(&generation(1)));
    for document in &generation(1)[..FEEDS] {
        for coding in Coding::ALL {
            let twin = place.read(&coding.path(&document.path));
            assert_eq!(decode(coding, &twin), document.bytes);
        }
    }
    let mark = String::from_utf8(place.read(".tidings")).unwrap();
    let listed: BTreeSet<String> = mark.lines().skip(1).map(str::to_owned).collect();
    assert_eq!(
        listed,
        with_twins(&generation(1)).into_iter().filter(|f| f != ".tidings").collect()
    );
}

#[test]
fn a_document_that_is_not_staged_stays_and_batches_add_up() {
    let place = Place::new();
    place.add(&generation(1), &[]);
    let archives: Vec<Document> =
        (1..=3).map(|n| document(&format!("feeds/0/archive/{n}.atom"), 1)).collect();
    for archive in &archives {
        assert_eq!(
            place.add(std::slice::from_ref(archive), &[]).written,
            std::slice::from_ref(&archive.path)
        );
    }
    assert_eq!(place.names(), with_twins(&[generation(1), archives].concat()));
}

#[test]
fn what_is_removed_goes_with_its_twins_and_what_is_staged_is_not_removed() {
    let place = Place::new();
    place.add(&generation(1), &[]);
    let feed = document("feeds/0.atom", 2);
    let published =
        place.add(std::slice::from_ref(&feed), &["feeds/0.atom", "feeds/1.atom", "../content"]);
    assert_eq!(published.removed, ["feeds/1.atom"]);
    let left: Vec<Document> =
        generation(1).into_iter().filter(|document| document.path != "feeds/1.atom").collect();
    assert_eq!(place.names(), with_twins(&left));
    assert_eq!(place.read("feeds/0.atom"), feed.bytes);
    assert!(place.at("content").exists());
}

#[test]
fn a_document_that_becomes_small_loses_its_twins() {
    let place = Place::new();
    place.add(&[document("a.html", 1)], &[]);
    let small = [Document { path: "a.html".into(), bytes: b"gone".to_vec() }];
    assert_eq!(place.add(&small, &[]).written, ["a.html"]);
    assert_eq!(place.names(), with_twins(&small));
    assert_eq!(place.add(&small, &[]).unchanged, 1);
}

#[test]
fn a_twin_of_somebody_else_is_refused_by_name() {
    let place = Place::new();
    place.add(&[document("b.html", 1)], &[]);
    fs::write(place.at("out/a.html.gz"), "theirs").unwrap();
    let error = place.open().begin().unwrap().stage(&document("a.html", 1)).unwrap_err();
    assert!(matches!(&error, PublishError::ForeignFile { path, .. } if path == "a.html.gz"));
    assert_eq!(place.read("a.html.gz"), b"theirs");
}

#[test]
fn what_somebody_spoils_or_loses_shows_without_reading_and_is_made_up_for() {
    let place = Place::new();
    let set = [document("feeds/0.atom", 1)];
    for file in ["feeds/0.atom", "feeds/0.atom.gz", "feeds/0.atom.br"] {
        let recorded = place.add(&set, &[]).documents.remove(0);
        assert_eq!(place.open().stat_of("feeds/0.atom").unwrap(), recorded.stat);
        fs::remove_file(place.at("out").join(file)).unwrap();
        assert_ne!(place.open().stat_of("feeds/0.atom").unwrap(), recorded.stat, "{file} lost");
        fs::write(place.at("out").join(file), "spoilt").unwrap();
        assert_ne!(place.open().stat_of("feeds/0.atom").unwrap(), recorded.stat, "{file} spoilt");
        assert_eq!(place.add(&set, &[]).written, ["feeds/0.atom"], "{file}");
        assert_eq!(place.add(&set, &[]).unchanged, 1);
        look(&place.at("out"));
    }
    assert_eq!(place.open().stat_of("feeds/none.atom").unwrap(), "- - -");
}

#[test]
fn several_threads_stage_at_once() {
    let place = Place::new();
    let publication = place.open().begin().unwrap();
    let set = generation(1);
    let staged = thread::scope(|scope| {
        let workers: Vec<_> =
            set.iter().map(|document| scope.spawn(|| publication.stage(document))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap().unwrap()).collect()
    });
    let published = publication.put_in_place(staged, &[]).unwrap();
    assert_eq!(published.written.len(), set.len());
    assert_eq!(look(&place.at("out")), FEEDS + 2);
}

#[test]
fn a_publication_that_is_given_up_leaves_the_old_set_and_nothing_else() {
    let place = Place::new();
    place.add(&generation(1), &[]);
    let publication = place.open().begin().unwrap();
    publication.stage(&document("feeds/0.atom", 2)).unwrap();
    assert!(place.at("out/.tidings-staging").exists());
    drop(publication);
    assert_eq!(place.names(), with_twins(&generation(1)));
    assert_eq!(place.read("feeds/0.atom"), document("feeds/0.atom", 1).bytes);
}

#[test]
fn two_staged_documents_at_one_path_are_refused_before_anything_is_written() {
    let place = Place::new();
    let publication = place.open().begin().unwrap();
    let staged = [1, 2].map(|n| publication.stage(&document("a.html", n)).unwrap());
    let error = publication.put_in_place(staged.into(), &[]).unwrap_err();
    assert_eq!(error.to_string(), "two documents have the path `a.html`");
    assert_eq!(place.names(), BTreeSet::new());
}

#[test]
fn a_reader_never_sees_half_a_document_nor_a_page_that_names_a_missing_one() {
    let place = Place::new();
    let folder = place.open();
    folder.publish(&generation(1)).unwrap();
    let is_over = AtomicBool::new(false);
    let looks = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(look(folder.path()), FEEDS + 2);
                looks += 1;
            }
            looks
        });
        for number in 2..60 {
            folder.publish(&generation(number)).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(looks > 10, "only {looks} looks");
}

#[test]
fn killed_at_any_moment_the_next_publish_finishes_the_set() {
    let place = Place::new();
    let out = place.at("out");
    let begun = Instant::now();
    place.open().publish(&generation(1)).unwrap();
    let one_publish = u64::try_from(begun.elapsed().as_micros()).unwrap();
    let mut random = 20_261_121_u64;
    for round in 1..=30 {
        let mut publisher = publisher(&place, "forever", round * 1000);
        let mut lines = BufReader::new(publisher.stdout.take().unwrap()).lines();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let generations = random >> 33 & 3;
        lines.find(|line| line.as_ref().unwrap().ends_with(&format!("begins {generations}")));
        let deadline = Instant::now() + Duration::from_micros((random >> 40) % one_publish);
        while Instant::now() < deadline {
            thread::yield_now();
        }
        publisher.kill().unwrap();
        publisher.wait().unwrap();

        look(&out);
        let next = generation(round * 1000 + 999);
        place.open().publish(&next).unwrap();
        assert_eq!(look(&out), FEEDS + 2);
        assert_eq!(place.names(), with_twins(&next), "after round {round}");
    }
}

#[test]
fn what_was_put_in_place_before_a_failure_is_known_as_ours() {
    let place = Place::new();
    place.add(&[document("b.html", 1)], &[]);
    fs::remove_file(place.at("out/b.html")).unwrap();
    fs::create_dir_all(place.at("out/b.html/theirs")).unwrap();
    let publication = place.open().begin().unwrap();
    let staged = ["a.html", "b.html"].map(|path| publication.stage(&document(path, 2)).unwrap());
    let error = publication.put_in_place(staged.into(), &[]).unwrap_err();
    assert!(error.to_string().starts_with("could not put in place `"), "{error}");
    assert!(place.names().contains("a.html"));
    let publication = place.open().begin().unwrap();
    assert_eq!(publication.documents().collect::<Vec<_>>(), ["a.html", "b.html"]);
}

#[test]
fn a_full_disk_keeps_the_old_set_and_says_so() {
    // Room for one generation beside the other, and for no third one.
    check_disk("size=400k,nr_inodes=60", "full");
}

#[test]
fn a_disk_that_cannot_be_written_keeps_the_old_set_and_says_so() {
    check_disk("size=10m", "read-only");
}

/// Has a publisher work on a disk of its own, which ends with it.
fn check_disk(options: &str, how: &str) {
    let place = Place::new();
    fs::create_dir(place.at("out")).unwrap();
    let script = "mount -t tmpfs -o \"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"";
    let unshare = ["--map-root-user", "--mount"];
    match Command::new("unshare").args(unshare).arg("true").output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return println!("skipped: unshare is not installed");
        }
        tried if !tried.as_ref().unwrap().status.success() => {
            return println!("skipped: unshare is not allowed");
        }
        _ => {}
    }
    let mut command = Command::new("unshare");
    command.args(unshare).args(["sh", "-c", script, "sh", options]).arg(place.at("out"));
    command.arg(std::env::current_exe().unwrap());
    command.args(["publishes_where_it_is_told", "--exact", "--nocapture"]);
    command.env(CHILD, format!("{how} 1 {}", place.0.path().display()));
    let done = command.output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(told.contains("the old set stands"), "{told}{}", String::from_utf8_lossy(&done.stderr));
}

/// This program once more, as a publisher that can be killed.
fn publisher(place: &Place, how: &str, first: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["publishes_where_it_is_told", "--exact", "--nocapture"]);
    command.env(CHILD, format!("{how} {first} {}", place.0.path().display()));
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// The part of another process; by itself there is nothing to do.
#[test]
fn publishes_where_it_is_told() {
    #[expect(clippy::disallowed_methods, reason = "another test says so to its child")]
    let Ok(told) = std::env::var(CHILD) else { return };
    let mut told = told.splitn(3, ' ');
    let mut next = || told.next().unwrap();
    let (how, first, at) = (next(), next().parse().unwrap(), Path::new(next()));
    let folder = open(&at.join("out"), &at.join("content")).unwrap();
    match how {
        "forever" => publish_forever(&folder, first),
        "full" => publish_until_full(&folder),
        _ => publish_read_only(&folder),
    }
}

fn publish_forever(folder: &OutputFolder, first: u64) {
    for number in 0.. {
        println!("begins {number}");
        folder.publish(&generation(first + number)).unwrap();
    }
}

fn publish_until_full(folder: &OutputFolder) {
    folder.publish(&generation(1)).unwrap();
    let mut too_much = generation(2);
    too_much.extend((0..50).map(|n| document(&format!("more/{n}.atom"), 2)));
    let error = folder.publish(&too_much).unwrap_err();
    assert!(error.hint().contains("make room on the disk"), "{error:?}");
    assert_old_set(folder);
}

fn publish_read_only(folder: &OutputFolder) {
    folder.publish(&generation(1)).unwrap();
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(folder.path()).status();
    assert!(remounted.unwrap().success());
    assert_eq!(folder.publish(&generation(1)).unwrap().unchanged, FEEDS + 2);
    let error = folder.publish(&generation(2)).unwrap_err();
    assert!(error.hint().contains("let the user that runs Tidings write there"), "{error:?}");
    assert_old_set(folder);
}

fn assert_old_set(folder: &OutputFolder) {
    for document in generation(1) {
        assert_eq!(fs::read(folder.path().join(&document.path)).unwrap(), document.bytes);
    }
    assert!(!folder.path().join(".tidings-staging").exists());
    assert_eq!(folder.publish(&generation(1)).unwrap().unchanged, FEEDS + 2);
    println!("the old set stands");
}
