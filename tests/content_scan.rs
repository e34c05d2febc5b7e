//! Scanning a folder: what is read, what waits, what is refused.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::cell::Cell;
use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tidings::content::{FileStat, Outcome, Rules, Scan, ScanError, scan};

const POST: &str = "---\ntitle: A\n---\ntext\n";

fn rules() -> Rules {
    Rules {
        site_url: "https://press.example/".parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// A scan long after the files were written.
fn look(folder: &Path, known: &HashMap<String, FileStat>) -> Scan {
    let later = || DateTime::from_timestamp(4_000_000_000, 0).unwrap();
    scan(folder, &rules(), known, &later, &|_| panic!("nothing to wait for")).unwrap()
}

fn paths(scan: &Scan) -> Vec<&str> {
    scan.files.iter().map(|file| file.path.as_str()).collect()
}

fn known(scan: &Scan) -> HashMap<String, FileStat> {
    scan.files.iter().map(|file| (file.path.clone(), file.stat)).collect()
}

fn modified(folder: &Path, path: &str) -> DateTime<Utc> {
    fs::metadata(folder.join(path)).unwrap().modified().unwrap().into()
}

#[test]
fn content_files_are_read_in_the_order_of_their_paths() {
    let folder = folder(&[
        ("_posts/2026-01-02-b.md", POST),
        ("_posts/2026-01-01-新闻 & a.markdown", POST),
        ("a.MD", POST),
        ("c.mdx", POST),
        ("d.html", POST),
        ("site-config.yml", "x: y"),
        ("files/e.pdf", "pdf"),
        (".git/f.md", POST),
        (".hidden.md", POST),
    ]);
    let scan = look(folder.path(), &HashMap::new());
    assert_eq!(
        paths(&scan),
        [
            "_posts/2026-01-01-新闻 & a.markdown",
            "_posts/2026-01-02-b.md",
            "a.MD",
            "c.mdx",
            "d.html"
        ]
    );
    assert_eq!(scan.problems, []);
    assert_eq!(scan.moving, Vec::<String>::new());
}

#[test]
fn an_unchanged_file_is_not_opened_again() {
    let folder = folder(&[("a.md", POST), ("b.md", POST)]);
    let first = look(folder.path(), &HashMap::new());
    write(folder.path(), "b.md", "---\ntitle: B\n---\nlonger text\n");
    let second = look(folder.path(), &known(&first));
    assert_eq!((paths(&second), second.unchanged), (vec!["b.md"], 1));
}

#[test]
fn a_fresh_file_is_looked_at_again_after_one_pause() {
    let folder = folder(&[("a.md", POST), ("b.md", POST), ("c.md", POST)]);
    let now = modified(folder.path(), "c.md") + TimeDelta::milliseconds(500);
    let pauses = Cell::new(0);
    let pause = |length: Duration| {
        assert_eq!(length, Duration::from_secs(1));
        pauses.set(pauses.get() + 1);
        write(folder.path(), "b.md", "---\ntitle: still being writ");
        fs::remove_file(folder.path().join("c.md")).unwrap();
    };
    let scan = scan(folder.path(), &rules(), &HashMap::new(), &|| now, &pause).unwrap();
    assert_eq!(pauses.get(), 1);
    assert_eq!(paths(&scan), ["a.md"]);
    assert_eq!(scan.moving, ["b.md"]);
}

#[test]
fn links_out_of_the_folder_and_special_files_are_refused() {
    let outside = folder(&[("secret.md", POST)]);
    let folder = folder(&[("a.md", POST)]);
    symlink(outside.path().join("secret.md"), folder.path().join("out.md")).unwrap();
    symlink(folder.path().join("a.md"), folder.path().join("in.md")).unwrap();
    symlink(outside.path(), folder.path().join("elsewhere")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("pipe.md"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let scan = look(folder.path(), &HashMap::new());
    assert_eq!(paths(&scan), ["a.md", "in.md"]);
    let problems: Vec<(&str, &str)> =
        scan.problems.iter().map(|p| (p.path.as_str(), p.message.as_str())).collect();
    assert_eq!(
        problems,
        [
            ("elsewhere", "it is a link to a folder, which is not followed"),
            ("out.md", "it is a link that leads out of the content folder"),
            ("pipe.md", "it is not an ordinary file"),
        ]
    );
}

#[test]
fn a_name_that_is_not_utf8_is_a_problem_of_its_own() {
    let folder = folder(&[("a.md", POST)]);
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.md");
    if fs::write(folder.path().join(name), POST).is_err() {
        return; // This file system takes UTF-8 names only.
    }
    let scan = look(folder.path(), &HashMap::new());
    assert_eq!(paths(&scan), ["a.md"]);
    assert_eq!(scan.problems[0].message, "its name is not UTF-8");
    assert_eq!(scan.problems[0].remedy, "rename it");
}

#[test]
fn a_file_offered_by_a_post_has_its_length_where_it_is_at_hand() {
    let post = |url: &str| format!("---\ntitle: A\nfile_url: {url}\n---\n");
    let folder = folder(&[
        ("_posts/2026-01-01-a.md", &post("/files/a b.pdf")),
        ("_posts/2026-01-02-b.md", &post("/files/none.pdf")),
        ("_posts/2026-01-03-c.md", &post("https://other.example/files/a%20b.pdf")),
        ("files/a b.pdf", "12345"),
    ]);
    let scan = look(folder.path(), &HashMap::new());
    let lengths: Vec<Option<u64>> = scan
        .files
        .iter()
        .map(|file| match &file.reading.outcome {
            Outcome::Draft(draft) => draft.enclosures[0].length_bytes,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lengths, [Some(5), None, None]);
}

#[test]
fn a_folder_that_cannot_be_scanned_says_why_and_what_to_do() {
    let folder = folder(&[("a.md", POST)]);
    let fails = |path: &Path| -> ScanError {
        scan(path, &rules(), &HashMap::new(), &|| panic!("no clock"), &|_| {}).unwrap_err()
    };
    let missing = folder.path().join("none");
    assert_eq!(
        fails(&missing).to_string(),
        format!("the content folder `{}` does not exist", missing.display())
    );
    assert_eq!(fails(&missing).hint(), "create it, or name another as `content.folder`");
    let file = folder.path().join("a.md");
    assert_eq!(
        fails(&file).to_string(),
        format!("the content folder `{}` is not a folder", file.display())
    );
}

#[test]
fn a_huge_file_is_held_back_unread() {
    let folder = folder(&[("a.md", POST)]);
    let file = fs::File::create(folder.path().join("b.md")).unwrap();
    file.set_len(6 * 1024 * 1024).unwrap();
    let scan = look(folder.path(), &HashMap::new());
    let reading = &scan.files[1].reading;
    assert_eq!(reading.outcome, Outcome::HeldBack);
    assert_eq!(reading.problems[0].message, "the file is 6291456 bytes long, more than 5242880");
}
