//! What an author is told where several files, or the folder itself, go wrong: to the letter,
//! and the same by `check` as by a scan.
//!
//! What is wrong with one file alone is in `content_bad_input.rs`.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use std::cell::Cell;
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use support::office::Office;
use tidings::content::{Rules, scan};

/// Writes a file below `content/`, old enough to be read at once.
fn write(office: &Office, path: &str, text: impl AsRef<[u8]>) {
    let path = format!("content/{path}");
    office.write(&path, text);
    office.settle(&path);
}

/// A release with an address of its own and these further lines of front matter.
fn post(office: &Office, name: &str, lines: &str) {
    let text = format!(
        "---\ntitle: Title of {name}\npermalink: /news/{name}/\ndate: 2026-11-01\n{lines}---\n\
         Text of {name}.\n"
    );
    write(office, &format!("news/{name}.md"), text);
}

/// What is told of a problem: where, then what and the way out.
fn told(problem: &Value) -> String {
    let text = |key: &str| problem[key].as_str().unwrap();
    let optional = |key: &str| match &problem[key] {
        Value::Null => String::new(),
        Value::String(value) => format!(", {key} {value}"),
        value => format!(", {key} {value}"),
    };
    let (line, field, value) = (optional("line"), optional("field"), optional("value"));
    let (severity, path) = (text("severity"), text("path"));
    format!("{severity} {path}{line}{field}{value}\n{}; {}", text("message"), text("remedy"))
}

/// Compares what `check` tells with what is expected, and with what a first scan and one
/// after it tell. `files` is how many are what.
fn check(office: &Office, files: &Value, expected: &[&str]) {
    let has_error = expected.iter().any(|problem| problem.starts_with("error"));
    let code = if has_error { 3 } else { 0 };
    let checked = office.run(&["check", "--json"]);
    let report = checked.json();
    let problems: Vec<String> = report["problems"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(problems, expected);
    assert_eq!((checked.code, &report["files"]), (code, files));
    for nth in ["first", "second"] {
        let published = office.run(&["publish-now", "--feeds-only", "--json"]);
        let scan = &published.json()["scan"];
        assert_eq!(scan["problems"], report["problems"], "{nth} scan");
        assert_eq!((published.code, &scan["files"]), (code, files), "{nth} scan");
    }
}

fn fifo(office: &Office, path: &str) {
    let path = office.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
}

// Several files.

#[test]
fn notices_that_replace_each_other_in_a_ring() {
    let office = Office::new();
    post(&office, "a", "withdrawn: In error\nreplaced_by: /news/b/\n");
    post(&office, "b", "withdrawn: In error\nreplaced_by: /news/a/\n");
    post(&office, "c", "withdrawn: In error\nreplaced_by: /news/a/\n");
    let said = "`replaced_by` leads back here, so readers are sent round in a circle; \
                let one of the notices point to a page that is not withdrawn";
    check(
        &office,
        &json!({"release": 3}),
        &[
            &format!(
                "warning news/a.md, field replaced_by, value https://press.example.org/news/b/\n{said}"
            ),
            &format!(
                "warning news/b.md, field replaced_by, value https://press.example.org/news/a/\n{said}"
            ),
        ],
    );
}

#[test]
fn two_files_with_one_id() {
    let office = Office::new();
    for name in ["a", "b", "c"] {
        post(&office, name, "id: tag:press.example.org,2026:one\n");
    }
    let said = "`news/a.md` has the same `id`; \
                give each file an `id` of its own, or remove it from one of them";
    let of = |name: &str| {
        format!("error news/{name}.md, field id, value tag:press.example.org,2026:one\n{said}")
    };
    check(&office, &json!({"release": 1, "held_back": 2}), &[&of("b"), &of("c")]);
}

#[test]
fn two_files_with_one_address() {
    let office = Office::new();
    post(&office, "a", "");
    let text = "---\ntitle: Another\npermalink: /news/a/\ndate: 2026-11-02\n---\nText.\n";
    write(&office, "news/b.md", text);
    check(
        &office,
        &json!({"release": 2}),
        &["warning news/b.md, field permalink, value https://press.example.org/news/a/\n\
           `news/a.md` has the same address `https://press.example.org/news/a/`; \
           give one of them another `permalink`; a reader of the site finds one of them alone"],
    );
}

#[test]
fn two_files_whose_paths_give_one_id() {
    let office = Office::new();
    post(&office, "a", "");
    let text = "---\ntitle: Another\npermalink: /news/other/\ndate: 2026-11-02\n---\nText.\n";
    write(&office, "news/a.markdown", text);
    check(
        &office,
        &json!({"release": 2}),
        &["warning news/a.md, field id, value tag:press.example.org,2026-01-01:news/a-2\n\
           the id of this path is taken, so a number was added to it; \
           write an `id` of its own into the front matter"],
    );
}

#[test]
fn paths_that_differ_in_case_or_unicode_form_alone() {
    let office = Office::new();
    post(&office, "caf\u{e9}", "");
    post(&office, "cafe\u{301}", "");
    post(&office, "rates", "");
    post(&office, "Rates", "");
    let said = |path: &str, other: &str| {
        format!(
            "warning {path}\nits path differs from `{other}` in case or Unicode form alone; \
             rename one of them: on many computers one would overwrite the other"
        )
    };
    check(
        &office,
        &json!({"release": 4}),
        &[
            &said("news/caf\u{e9}.md", "news/cafe\u{301}.md"),
            &said("news/rates.md", "news/Rates.md"),
        ],
    );
}

// The folder.

#[test]
fn the_output_folder_and_the_content_folder_may_not_contain_each_other() {
    for (content, output) in
        [("content", "content/public"), ("public/content", "public"), ("content", "content")]
    {
        let office = Office::new();
        fs::create_dir_all(office.path(content)).unwrap();
        let config = office.read("config/tidings.yaml");
        let config = config.replace("content: {", &format!("content: {{folder: {content}, "));
        office.write("config/tidings.yaml", format!("{config}output: {{folder: {output}}}\n"));
        let done = office.run(&["publish-now", "--feeds-only"]);
        let whole = |path: &str| office.path("").canonicalize().unwrap().join(path);
        let said = format!(
            "error: output folder `{}` and content folder `{}` contain each other\n\
             hint: name an `output.folder` beside the content folder: what is published must not \
             be read as content\n",
            whole(output).display(),
            whole(content).display(),
        );
        assert_eq!((done.code, done.stderr), (2, said));
        assert!(!office.path(output).join("feeds").exists());
    }
}

#[test]
fn what_is_no_ordinary_file() {
    let office = Office::new();
    post(&office, "a", "");
    office.write("secret.md", "---\ntitle: Secret\n---\nSecret.\n");
    office.write("elsewhere/b.md", "---\ntitle: Elsewhere\n---\nElsewhere.\n");
    fifo(&office, "content/news/pipe.md");
    symlink(office.path("secret.md"), office.path("content/news/out.md")).unwrap();
    symlink(office.path("nothing.md"), office.path("content/news/nowhere.md")).unwrap();
    symlink(office.path("elsewhere"), office.path("content/news/elsewhere")).unwrap();
    check(
        &office,
        &json!({"release": 1}),
        &[
            "error news/elsewhere\nit is a link to a folder, which is not followed; \
             put the folder itself into the content folder",
            "error news/nowhere.md\nit is a link that leads nowhere; \
             remove it, or put the file itself there",
            "error news/out.md\nit is a link that leads out of the content folder; \
             put the file itself into the folder",
            "error news/pipe.md\nit is not an ordinary file; remove it from the content folder",
        ],
    );
}

/// Whether this user may not read what is forbidden to everybody: the superuser may.
fn is_forbidden(office: &Office, path: &str) -> bool {
    fs::set_permissions(office.path(path), fs::Permissions::from_mode(0o0)).unwrap();
    fs::File::open(office.path(path)).is_err()
}

#[test]
fn a_file_and_a_folder_that_may_not_be_read() {
    let office = Office::new();
    post(&office, "a", "");
    post(&office, "b", "");
    write(&office, "closed/c.md", "---\ntitle: C\n---\nText.\n");
    if !is_forbidden(&office, "content/news/b.md") || !is_forbidden(&office, "content/closed") {
        return; // Nothing is forbidden to the superuser.
    }
    check(
        &office,
        &json!({"release": 1}),
        &[
            "error closed\nit could not be read; let the user that runs tidings read it",
            "error news/b.md\nthe file could not be read: Permission denied (os error 13); \
             let the user that runs tidings read it",
        ],
    );
    fs::set_permissions(office.path("content/closed"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_file_of_ten_megabytes() {
    let office = Office::new();
    let head = "---\ntitle: Long\npermalink: /news/long/\ndate: 2026-11-01\n---\n";
    write(&office, "news/long.md", format!("{head}{}", "a word ".repeat(1_500_000)));
    let size_bytes = fs::metadata(office.path("content/news/long.md")).unwrap().len();
    assert!(size_bytes > 10_000_000);
    check(
        &office,
        &json!({"held_back": 1}),
        &[&format!(
            "error news/long.md\nthe file is {size_bytes} bytes long, more than 5242880; \
             split the text, or offer the long part as a file with `file_url`"
        )],
    );
}

/// Scans `content/` while `then` happens: before the pause that fresh files are given, or
/// without one before any file is opened. Returns the files that were read, those that moved,
/// and those that vanished.
fn scan_while(office: &Office, is_fresh: bool, then: impl Fn()) -> [Vec<String>; 3] {
    let rules = Rules {
        site_url: "https://press.example.org/".parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    };
    let modified = fs::metadata(office.path("content/news/a.md")).unwrap().modified().unwrap();
    let modified: DateTime<Utc> = modified.into();
    let pauses = Cell::new(0);
    let now = || {
        if !is_fresh {
            then();
        }
        modified + if is_fresh { TimeDelta::zero() } else { TimeDelta::days(1) }
    };
    let pause = |_| {
        pauses.set(pauses.get() + 1);
        then();
    };
    let scan = scan(&office.path("content"), &rules, &HashMap::new(), &now, &pause).unwrap();
    assert_eq!(pauses.get(), u32::from(is_fresh));
    assert_eq!((&scan.problems, &scan.gone), (&vec![], &vec![]));
    [scan.files.into_iter().map(|file| file.path).collect(), scan.moving, scan.vanished]
}

#[test]
fn a_file_that_vanishes_while_it_is_read_is_no_problem() {
    for is_fresh in [true, false] {
        let office = Office::new();
        post(&office, "a", "");
        post(&office, "b", "");
        let vanish = || fs::remove_file(office.path("content/news/b.md")).unwrap();
        let found = scan_while(&office, is_fresh, vanish);
        let expected = [vec!["news/a.md".to_owned()], vec![], vec!["news/b.md".to_owned()]];
        assert_eq!(found, expected, "fresh: {is_fresh}");
    }
}

#[test]
fn a_file_that_is_written_while_it_is_read_waits_for_the_next_scan() {
    for is_fresh in [true, false] {
        let office = Office::new();
        post(&office, "a", "");
        post(&office, "b", "");
        let write = || office.write("content/news/b.md", "---\ntitle: half a fi");
        let found = scan_while(&office, is_fresh, write);
        let expected = [vec!["news/a.md".to_owned()], vec!["news/b.md".to_owned()], vec![]];
        assert_eq!(found, expected, "fresh: {is_fresh}");
    }
}

// All at once.

#[test]
fn a_first_scan_finds_what_check_finds_in_a_folder_with_every_problem() {
    let office = Office::new();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/content");
    for fixture in fs::read_dir(fixtures).unwrap() {
        let name = fixture.as_ref().unwrap().file_name();
        let path = format!("_posts/2026-11-21-{}", name.to_str().unwrap());
        write(&office, &path, fs::read(fixture.unwrap().path()).unwrap());
    }
    for name in ["ring-1", "ring-2"] {
        let other = if name == "ring-1" { "ring-2" } else { "ring-1" };
        post(&office, name, &format!("withdrawn: Off\nreplaced_by: /news/{other}/\n"));
    }
    for name in ["twin-1", "twin-2", "Twin-1"] {
        post(&office, name, "id: tag:press.example.org,2026:twin\n");
    }
    post(&office, "draft", "draft: true\nid: tag:press.example.org,2026:twin\n");
    post(&office, "expired", "expires_at: 2026-11-02T00:00:00Z\n");
    write(&office, "news/twin-1.html", "---\ntitle: T\npermalink: /news/ring-1/\n---\nText\n");
    write(&office, "news/long.md", vec![b'a'; 6_000_000]);
    fifo(&office, "content/news/pipe.md");
    symlink("/", office.path("content/news/root.md")).unwrap();
    let checked = office.run(&["check", "--json"]);
    let report = checked.json();
    let count = |severity: &str| {
        let problems = report["problems"].as_array().unwrap();
        problems.iter().filter(|problem| problem["severity"] == severity).count()
    };
    assert_eq!(
        (&report["errors"], &report["warnings"]),
        (&json!(count("error")), &json!(count("warning")))
    );
    assert!(count("error") > 40 && count("warning") > 10, "{report}");
    for nth in ["first", "second"] {
        let published = office.run(&["publish-now", "--feeds-only", "--json"]);
        let scan = &published.json()["scan"];
        assert_eq!(scan["problems"], report["problems"], "{nth} scan");
        assert_eq!(scan["files"], report["files"], "{nth} scan");
        assert_eq!((checked.code, published.code), (3, 3));
    }
}
