//! `check`, `show` and `list`: what an author and an operator are told about content.

#![expect(clippy::unwrap_used, reason = "a test fails where it panics")]

mod support;

use serde_json::{Value, json};
use support::office::{Done, Office};

/// Writes a file into the content folder, old enough to be read at once.
fn write(office: &Office, path: &str, text: &str) {
    let path = format!("content/{path}");
    office.write(&path, text);
    office.settle(&path);
}

/// A release with these further lines of front matter.
fn post(office: &Office, name: &str, lines: &str) {
    let path = format!("news/_posts/{name}.md");
    let text =
        format!("---\ntitle: Title of {name}\npermalink: /news/{name}/\n{lines}---\nSome text.\n");
    write(office, &path, &text);
}

fn publish(office: &Office, code: i32) {
    let done = office.run(&["publish-now", "--feeds-only"]);
    assert_eq!(done.code, code, "{done:?}");
}

fn assert_eighty_columns(done: &Done) {
    for line in done.stdout.lines().filter(|line| !line.trim_start().starts_with("news/")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

fn check(office: &Office, arguments: &[&str], code: i32, stdout: &str) {
    let done = office.run(arguments);
    assert_eq!((done.code, done.stdout.as_str()), (code, stdout), "{done:?}");
    assert_eighty_columns(&done);
}

#[test]
fn a_time_that_cannot_be_read_is_told_with_one_that_can() {
    let office = Office::new();
    for (time, fault) in [
        ("yesterday", "no time"),
        ("2031-01-01", "no time of day"),
        ("2031-01-01T09:00:00", "no time zone"),
        ("2031-13-01T09:00:00Z", "no time"),
    ] {
        let done = office.run(&["--at", time, "status"]);
        assert_eq!(done.code, 2, "{done:?}");
        let fault = if fault == "no time" { "it is no time" } else { &format!("it has {fault}") };
        assert_eq!(
            done.stderr,
            format!(
                "error: invalid value '{time}' for '--at <TIME>': {fault}; write it as \
                 `2026-11-21T09:00:00+08:00`\n\nFor more information, try '--help'.\n"
            )
        );
    }
    assert_eq!(office.run(&["--at", "2031-01-01T09:00:00+08:00", "status"]).code, 0);
}

// check

#[test]
fn check_says_that_there_is_nothing_to_mend() {
    let office = Office::new();
    post(&office, "2026-11-01-a", "");
    write(&office, "news/index.md", "---\ntitle: News\n---\n");
    check(
        &office,
        &["check"],
        0,
        "2 files: 1 release, 1 template\n0 errors, 0 warnings: nothing to mend\n",
    );
}

#[test]
fn check_says_that_a_folder_is_empty() {
    let office = Office::new();
    check(
        &office,
        &["check"],
        0,
        "no content files in `content`\n\
         content files end in `.md`, `.markdown`, `.mdx` or `.html`\n",
    );
    assert_eq!(office.run(&["check", "--json"]).json()["problems"], json!([]));
}

#[test]
fn check_groups_problems_by_what_is_wrong_errors_first() {
    let office = Office::new();
    for n in 1..=6 {
        write(
            &office,
            &format!("news/_posts/undated-{n}.md"),
            &format!("---\ntitle: Undated {n}\npermalink: /news/{n}/\n---\nSome text.\n"),
        );
    }
    post(&office, "2026-11-02-a", "date: 2026-11-02\ndate: 2026-11-03\n");
    post(&office, "2026-11-03-b", "tags: ferry\ntags: harbour\n");
    let expected = |left_out: &str| {
        format!(
            "\
error: `…` is given twice (2 files)
hint: keep one of the two
  news/_posts/2026-11-02-a.md:5  `date`
  news/_posts/2026-11-03-b.md:5  `tags`

warning: `date`: there is no publication date; the time it is first seen stands
         in for it (6 files)
hint: add `date: 2026-11-21`
  news/_posts/undated-1.md
  news/_posts/undated-2.md
  news/_posts/undated-3.md
{left_out}
8 files: 6 releases, 2 held back by errors
2 errors, 6 warnings
held back:     2 files; what readers have of them stays as it is
not held back: 6 releases and events, 6 with warnings
"
        )
    };
    check(&office, &["check"], 3, &expected("  … and 3 more; `--all` names them\n"));
    let all =
        "  news/_posts/undated-4.md\n  news/_posts/undated-5.md\n  news/_posts/undated-6.md\n";
    check(&office, &["check", "--all"], 3, &expected(all));
}

#[test]
fn check_reads_the_files_and_folders_it_is_given() {
    let office = Office::new();
    post(&office, "2026-11-01-a", "");
    post(&office, "2026-11-02-b", "publish_at: 2026-11-02T09:00:00\n");
    write(&office, "about.md", "---\ntitle: About\n---\nText\n");
    let one = "1 file: 1 release\n0 errors, 0 warnings: nothing to mend\n";
    check(&office, &["check", "content/news/_posts/2026-11-01-a.md"], 0, one);
    let folder = office.run(&["check", "content/news", "--json"]);
    assert_eq!(folder.code, 3);
    assert_eq!(folder.json()["files"], json!({"release": 1, "held_back": 1}));
    // Named twice, it is counted once.
    let twice = ["check", "content", "content/news/_posts/2026-11-02-b.md", "--json"];
    let twice = office.run(&twice).json();
    assert_eq!(twice["errors"], 1);
    assert_eq!(twice["files"], json!({"release": 1, "page": 1, "held_back": 1}));
    let elsewhere = office.run(&["check", "config"]);
    assert_eq!(elsewhere.code, 2);
    assert!(elsewhere.stderr.contains("error: `config` is not in the content folder\nhint: "));
    let missing = office.run(&["check", "content/none.md"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("error: could not read `content/none.md`: No such file"));
}

#[test]
fn check_does_not_wait_for_a_pipe() {
    let office = Office::new();
    let pipe = office.path("content/pipe.md");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    // Whoever reads the pipe finds it empty, so that a program that does so ends all the same.
    std::thread::spawn(move || std::fs::OpenOptions::new().write(true).open(pipe));
    let done = office.run(&["check", "content/pipe.md"]);
    assert_eq!(done.code, 1);
    assert!(done.stderr.contains("it is not an ordinary file"), "{done:?}");
}

#[test]
fn check_counts_a_file_that_another_file_holds_back() {
    let office = Office::new();
    post(&office, "2026-11-01-a", "id: tag:press.example.org,2026:a\n");
    post(&office, "2026-11-02-b", "id: tag:press.example.org,2026:a\n");
    let report = office.run(&["check", "--json"]).json();
    assert_eq!(report["files"], json!({"release": 1, "held_back": 1}));
    assert_eq!(report["held_back"], json!(["news/_posts/2026-11-02-b.md"]));
}

#[test]
fn check_gives_scripts_everything() {
    let office = Office::new();
    post(&office, "2026-11-02-a", "date: 2026-11-02\ndate: 2026-11-03\n");
    post(&office, "2026-11-03-b", "tags: ferry\ntags: harbour\n");
    let done = office.run(&["check", "--json"]);
    assert_eq!(done.code, 3);
    let problem = |path: &str, field: &str| {
        json!({
            "severity": "error",
            "path": path,
            "line": 5,
            "field": field,
            "value": null,
            "message": format!("`{field}` is given twice"),
            "remedy": "keep one of the two",
        })
    };
    let (a, b) = ("news/_posts/2026-11-02-a.md", "news/_posts/2026-11-03-b.md");
    let group = json!({
        "severity": "error",
        "field": null,
        "message": "`…` is given twice",
        "remedy": "keep one of the two",
        "files": 2,
        "count": 2,
    });
    let expected = json!({
        "files": {"held_back": 2},
        "errors": 2,
        "warnings": 0,
        "held_back": [a, b],
        "moving": [],
        "groups": [group],
        "problems": [problem(a, "date"), problem(b, "tags")],
    });
    assert_eq!(done.json(), expected);
}

#[test]
fn the_first_scan_counts_the_problems_that_check_counts() {
    let office = Office::new();
    post(&office, "2026-11-01-a", "date: 2026-11-05\n");
    post(&office, "2026-11-02-b", "publish_at: 2026-11-02T09:00:00\n");
    let check = office.run(&["check", "--json"]).json();
    let first = office.run(&["publish-now", "--feeds-only", "--json"]).json();
    assert_eq!(check["problems"], first["scan"]["problems"]);
    assert_eq!(check["files"], first["scan"]["files"]);
}

// show

#[test]
fn show_takes_a_file_as_the_shell_names_it_and_from_the_content_folder_on_and_an_id() {
    let office = Office::new();
    post(&office, "2026-11-01-a", "");
    publish(&office, 0);
    let shown = show(&office, "2026-11-01-a");
    let id = shown["id"].as_str().unwrap();
    for same in ["news/_posts/2026-11-01-a.md", id, "https://press.example.org/news/2026-11-01-a/"]
    {
        assert_eq!(office.run(&["show", same, "--json"]).json(), shown, "{same}");
    }
    let checked = office.run(&["check", "news/_posts/2026-11-01-a.md"]);
    assert!(checked.stdout.starts_with("1 file: 1 release\n"), "{checked:?}");
    let unknown = office.run(&["show", "tag:nothing"]);
    assert_eq!(unknown.code, 1);
    assert_eq!(
        unknown.stderr,
        "error: could not read `tag:nothing`: No such file or directory (os error 2)\n\
         hint: name a file that is there and can be read, or the id or address of an entry\n"
    );
}

fn show(office: &Office, name: &str) -> Value {
    office.run(&["show", &format!("content/news/_posts/{name}.md"), "--json"]).json()
}

/// Lines of `show` that begin with one of the names.
fn shown_lines(office: &Office, name: &str, names: &[&str]) -> Vec<String> {
    let done = office.run(&["show", &format!("content/news/_posts/{name}.md")]);
    let is_asked_for = |line: &&str| names.iter().any(|name| line.starts_with(&format!("{name} ")));
    done.stdout.lines().filter(is_asked_for).map(str::to_owned).collect()
}

#[test]
fn show_names_the_source_of_each_date() {
    let office = Office::new();
    let check = |name: &str, lines: &str, names: &[&str], expected: &[&str]| {
        post(&office, name, lines);
        assert_eq!(shown_lines(&office, name, names), expected, "{lines}");
    };
    check(
        "a",
        "publish_at: 2026-11-01T09:00:00+08:00\nexpiryDate: 2099-01-02\n",
        &["published", "updated", "expires"],
        &[
            "published  2026-11-01T09:00:00+08:00 (from `publish_at`, line 4)",
            "updated    2026-11-01T09:00:00+08:00 (the publication time)",
            "expires    2099-01-02T00:00:00+08:00 (from `expiryDate`, line 5)",
        ],
    );
    check(
        "2026-11-02-b",
        "",
        &["published"],
        &["published  2026-11-02T00:00:00+08:00 (from the file name)"],
    );
    check(
        "2026-11-02-c",
        "publishDate: 2026-11-12\ndate: 2026-12-01\nend_date: 2026-12-02\n",
        &["published", "start"],
        &[
            "published  2026-11-12T00:00:00+08:00 (from `publishDate`, line 4)",
            "start      2026-12-01 (from `date`, line 5)",
        ],
    );
    check(
        "2026-11-02-d",
        "date: 2026-11-02\nstart_date: 2026-12-01\n",
        &["published", "start"],
        &[
            "published  2026-11-02T00:00:00+08:00 (from `date`, line 4)",
            "start      2026-12-01 (from `start_date`, line 5)",
        ],
    );
    check(
        "2026-11-03-c",
        "end_date: 2026-12-02T20:00:00+08:00\ndate: 2026-12-01T19:00:00+08:00\n",
        &["published", "start", "end"],
        &[
            "published  2026-11-03T00:00:00+08:00 (from the file name)",
            "start      2026-12-01T19:00:00+08:00 (from `date`, line 5)",
            "end        2026-12-02T20:00:00+08:00 (from `end_date`, line 4)",
        ],
    );
    check(
        "2026-11-04-d",
        "date: 2026-11-04\nevent:\n  venue: Hall\n  start: 2026-12-01\n",
        &["published", "start"],
        &[
            "published  2026-11-04T00:00:00+08:00 (from `date`, line 4)",
            "start      2026-12-01 (from `event.start`, line 7)",
        ],
    );
    write(
        &office,
        "news/_posts/e.md",
        "---\ntitle: E\npermalink: /e/\n---\n\n_26 February 2021_\n\nText\n",
    );
    assert_eq!(
        shown_lines(&office, "e", &["published"]),
        ["published  2021-02-26T00:00:00+08:00 (from the text, line 6)"]
    );
}

#[test]
fn show_names_where_a_major_edit_took_its_time() {
    let office = Office::new();
    post(&office, "2026-11-02-a", "");
    post(&office, "2026-11-02-b", "");
    publish(&office, 0);
    post(&office, "2026-11-02-a", "updated: 2026-11-04T09:00:00+08:00\n");
    post(&office, "2026-11-02-b", "change_note: New dates.\n");
    let a = show(&office, "2026-11-02-a");
    assert_eq!(a["updated"], "2026-11-04T09:00:00+08:00");
    assert_eq!(a["sources"]["updated"], json!({"from": "updated", "line": 4}));
    assert_eq!(a["change"], json!({"class": "major", "tell": "followers"}));
    let b = show(&office, "2026-11-02-b");
    assert_eq!(b["sources"]["updated"], json!({"from": "accepted", "line": null}));
}

#[test]
fn show_tells_how_an_entry_stands() {
    let office = Office::new();
    let state = |name: &str| show(&office, name)["state"]["name"].as_str().unwrap().to_owned();
    post(&office, "2026-11-01-a", "");
    post(&office, "waits", "publish_at: 2099-01-01T09:00:00+08:00\n");
    post(&office, "2026-11-01-draft", "draft: true\n");
    post(&office, "2026-11-01-old", "expires_at: 2026-11-02\n");
    assert_eq!(state("2026-11-01-a"), "not_scanned");
    publish(&office, 0);
    assert_eq!(state("2026-11-01-a"), "public");
    assert_eq!(show(&office, "waits")["state"]["until"], "2099-01-01T09:00:00+08:00");
    assert_eq!(state("2026-11-01-draft"), "draft");
    assert_eq!(state("2026-11-01-old"), "expired");
    post(&office, "2026-11-01-a", "withdrawn: Issued in error.\n");
    publish(&office, 0);
    assert_eq!(state("2026-11-01-a"), "withdrawn");
    assert_eq!(
        shown_lines(&office, "waits", &["state"]),
        ["state      waits until 2099-01-01T09:00:00+08:00"]
    );
}

#[test]
fn show_warns_of_what_the_next_scan_would_refuse() {
    let office = Office::new();
    post(&office, "2026-11-01-a", "");
    publish(&office, 0);
    write(
        &office,
        "news/_posts/2026-11-01-a.md",
        "---\ntitle: Other news\npermalink: /news/2026-11-01-a/\ndate: 2026-11-09\n---\nText\n",
    );
    let done = office.run(&["show", "content/news/_posts/2026-11-01-a.md"]);
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.stderr.contains("title and date both changed"), "{done:?}");
    assert!(
        done.stdout.contains("state      held back by an error; readers see an earlier version\n"),
        "{done:?}"
    );
}

#[test]
fn show_tells_that_readers_still_see_what_a_broken_file_was() {
    let office = Office::new();
    post(&office, "2026-11-01-a", "");
    publish(&office, 0);
    post(&office, "2026-11-01-a", "publish_at: 2026-11-02T09:00:00\n");
    let done = office.run(&["show", "content/news/_posts/2026-11-01-a.md"]);
    assert_eq!(done.code, 3);
    assert!(
        done.stdout.contains("held back, not published\nreaders see the version of 2026-11-01")
    );
    let shown = show(&office, "2026-11-01-a");
    assert_eq!((&shown["kind"], &shown["state"]["is_public"]), (&json!("held_back"), &json!(true)));
}

#[test]
fn show_writes_nothing() {
    let office = Office::new();
    post(&office, "2026-11-01-a", "");
    show(&office, "2026-11-01-a");
    office.run(&["check"]);
    office.run(&["list", "pending"]);
    assert!(!office.path("var").exists() && !office.path("public").exists());
}

// list

/// Path and reason of each row.
fn list(office: &Office, arguments: &[&str]) -> Vec<(String, String)> {
    let done = office.run(&[&["list", "--json"], arguments].concat());
    assert_eq!(done.code, 0, "{done:?}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = done.json()["entries"].as_array().unwrap().clone();
    rows.iter().map(|row| (text(&row["path"]), text(&row["reason"]))).collect()
}

fn path(name: &str) -> String {
    format!("news/_posts/{name}.md")
}

#[test]
fn pending_is_what_is_not_public_yet_with_the_reason() {
    let office = Office::new();
    post(&office, "2026-11-01-a", "");
    post(&office, "2026-11-01-draft", "draft: true\n");
    post(&office, "later", "publish_at: 2099-06-01T09:00:00+08:00\n");
    post(&office, "soon", "publish_at: 2099-01-01T09:00:00+08:00\n");
    post(&office, "wrong", "publish_at: 2026-11-02T09:00:00\n");
    publish(&office, 3);
    post(&office, "2026-11-01-a", "publish_at: 2026-11-02T09:00:00\n");
    post(&office, "2026-11-03-new", "");
    publish(&office, 3);
    post(&office, "2026-11-04-newest", "");
    let reasons = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(name, reason)| (path(name), (*reason).to_owned())).collect()
    };
    let expected = reasons(&[
        ("soon", "embargo"),
        ("later", "embargo"),
        ("2026-11-01-a", "error"),
        ("wrong", "error"),
        ("2026-11-04-newest", "not_scanned"),
    ]);
    assert_eq!(list(&office, &["pending"]), expected);
    let ahead = reasons(&[("soon", "embargo"), ("later", "embargo")]);
    assert_eq!(list(&office, &["embargoed"]), ahead);
    // As of a later moment one of them has come.
    let later = ["embargoed", "--at", "2099-03-01T00:00:00+08:00"];
    assert_eq!(list(&office, &later), reasons(&[("later", "embargo")]));
}

#[test]
fn a_list_stands_in_eighty_columns_with_the_file_of_each_entry() {
    let office = Office::new();
    let title = "数".repeat(60);
    write(
        &office,
        "news/_posts/a.md",
        &format!(
            "---\ntitle: {title}\npermalink: /a/\npublish_at: 2099-01-01T09:00:00+08:00\n---\nText\n"
        ),
    );
    post(&office, "wrong", "publish_at: 2026-11-02T09:00:00\n");
    publish(&office, 3);
    let short = format!("{}…", "数".repeat(18));
    check(
        &office,
        &["list", "pending"],
        0,
        &format!(
            "\
why            public from                title
embargo        2099-01-01T09:00:00+08:00  {short}
  news/_posts/a.md
error          -                          (new file)
  news/_posts/wrong.md
    line 4: `publish_at` has no time zone: `2026-11-02T09:00:00`
2 entries
"
        ),
    );
}

#[test]
fn expired_and_withdrawn_entries_are_listed_with_their_time_and_reason() {
    let office = Office::new();
    post(&office, "2026-11-01-a", "expires_at: 2099-01-01\n");
    post(&office, "2026-11-01-b", "");
    publish(&office, 0);
    post(&office, "2026-11-01-a", "expires_at: 2026-11-02T09:00:00+08:00\n");
    post(
        &office,
        "2026-11-01-b",
        "updated: 2026-11-20T10:00:00+08:00\nwithdrawn: Issued in error.\nreplaced_by: /news/c/\n",
    );
    publish(&office, 0);
    check(
        &office,
        &["list", "expired"],
        0,
        "\
expired at                 title
2026-11-02T09:00:00+08:00  Title of 2026-11-01-a
  news/_posts/2026-11-01-a.md
1 entry
",
    );
    check(
        &office,
        &["list", "withdrawn"],
        0,
        "\
withdrawn at               title
2026-11-20T10:00:00+08:00  Title of 2026-11-01-b
  news/_posts/2026-11-01-b.md
    Issued in error.
    replaced by https://press.example.org/news/c/
    a notice stands in its place
1 entry
",
    );
}

#[test]
fn an_empty_list_is_a_sentence() {
    let office = Office::new();
    check(
        &office,
        &["list", "pending"],
        0,
        "the store is empty yet: `tidings publish-now` scans the content folder\n",
    );
    post(&office, "2026-11-01-a", "");
    publish(&office, 0);
    for (what, sentence) in [
        ("pending", "nothing is pending: all that may be public is"),
        ("embargoed", "no entry waits for its publication time"),
        ("expired", "no entry has expired"),
        ("withdrawn", "no entry is withdrawn"),
    ] {
        check(&office, &["list", what], 0, &format!("{sentence}\n"));
        assert_eq!(office.run(&["list", what, "--json"]).json()["entries"], json!([]));
    }
}

/// Digests and people are named as long as they like.
#[test]
fn what_an_operator_looks_at_stands_in_eighty_columns_whatever_the_names() {
    let office = Office::new();
    let digest = "a-weekly-summary-of-harbour-city";
    let config = office.read("config/tidings.yaml");
    office.write("config/tidings.yaml", config.replace("name: daily", &format!("name: {digest}")));
    let address = "firstname.lastname@press-and-communications.department.example.org";
    office.write(
        "people.csv",
        format!(
            "address,language,feed,digest\n{address},en,all,{digest}\n\
             {address},en,releases,{digest}\nmei@example.org,en,all,{digest}\n"
        ),
    );
    let import = ["subscribers", "import", "people.csv", "--consent", "x", "--confirmed"];
    assert_eq!(office.run(&import).code, 0);
    write(
        &office,
        "news/_posts/2026-11-01-a.md",
        &format!(
            "---\ntitle: {}\npermalink: /a/\ndate: 2026-11-01\n---\nText\n",
            "Ferries sail ".repeat(20)
        ),
    );
    let plan = office.run(&["plan"]);
    assert_eighty_columns(&plan);
    let head = format!("{digest} 1 entry in 1 issue to 2 people, change 1\n");
    assert!(plan.stdout.contains(&head), "{plan:?}");
    assert_eq!(office.run(&["publish-now"]).code, 0);
    for command in [&["status"][..], &["runs"], &["runs", "show", "1"], &["subscribers", "list"]] {
        let done = office.run(command);
        assert_eq!(done.code, 0, "{done:?}");
        assert_eighty_columns(&done);
    }
    assert_eq!(
        office.run(&["subscribers", "list"]).stdout,
        format!(
            "{address}\n    en all {digest} confirmed\n\
             {address}\n    en releases {digest} confirmed\n\
             mei@example.org en all {digest} confirmed\n"
        )
    );
}
