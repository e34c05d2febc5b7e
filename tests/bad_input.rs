//! What the program says when something around it is wrong: one message that names the
//! thing and the remedy, and the right exit code.

#![expect(clippy::print_stdout, reason = "a skipped test says so")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::office::Office;

/// Runs a command that must fail, and compares all that it prints on stderr.
fn check(office: &Office, arguments: &[&str], code: i32, stderr: &str) {
    let done = office.run(arguments);
    let said = done.stderr.replace(office.path("").to_str().unwrap(), "OFFICE/");
    assert_eq!((done.code, said.as_str()), (code, stderr), "{}", done.stdout);
}

#[test]
fn a_missing_config() {
    let office = Office::new();
    fs::remove_file(office.path("config/tidings.yaml")).unwrap();
    check(
        &office,
        &["publish-now"],
        2,
        "error: could not read config `config/tidings.yaml`: No such file or directory (os error 2)\n\
         hint: name the file with `--config FILE`, or run `tidings` where `config/tidings.yaml` is\n",
    );
}

#[test]
fn an_unknown_key_with_the_nearest_one_there_is() {
    let office = Office::new();
    office.write("config/tidings.yaml", "site:\n  titel: Office\n");
    check(
        &office,
        &["publish-now"],
        2,
        "error: `config/tidings.yaml` line 2: unknown key `titel`\nhint: did you mean `title`?\n",
    );
}

#[test]
fn a_content_folder_that_is_not_there() {
    let office = Office::new();
    fs::remove_dir(office.path("content")).unwrap();
    check(
        &office,
        &["publish-now"],
        2,
        "error: the content folder `content` does not exist\n\
         hint: create it, or name another as `content.folder`\n",
    );
}

#[test]
fn an_output_folder_with_somebody_elses_files() {
    let office = Office::new();
    office.release("a-new-bridge", "It opens today.");
    office.write("public/thesis.txt", "mine");
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.stderr.contains("has no `.tidings` mark and is not empty: it holds `thesis.txt`"));
    assert!(done.stderr.contains("\nhint: name an empty or new folder as `output.folder`"));
    assert_eq!(office.read("public/thesis.txt"), "mine");
    assert!(office.mails().is_empty());
    // Nothing is lost: with the folder freed, all of it goes out.
    office.subscribe(1, "daily");
    fs::remove_file(office.path("public/thesis.txt")).unwrap();
    assert_eq!(office.run(&["publish-now"]).code, 0);
    assert!(office.read("public/feeds/all.atom").contains("It opens today."));
}

#[test]
fn a_file_that_is_not_utf_8() {
    let office = Office::new();
    office.write("content/_posts/2026-11-01-x.md", b"---\ntitle: \xff\n---\ntext\n");
    office.settle("content/_posts/2026-11-01-x.md");
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.stderr.contains("error: `_posts/2026-11-01-x.md` line 2: "), "{done:?}");
    assert!(done.stderr.contains("UTF-8"), "{done:?}");
}

#[test]
fn broken_yaml() {
    let office = Office::new();
    office.write("content/_posts/2026-11-01-x.md", "---\ntitle: Rates: up\n---\ntext\n");
    office.settle("content/_posts/2026-11-01-x.md");
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.stderr.contains("error: `_posts/2026-11-01-x.md` line 2: "), "{done:?}");
    assert!(done.stderr.contains("hint: "), "{done:?}");
}

#[test]
fn an_address_without_a_dot() {
    let office = Office::new();
    let arguments = [
        "subscribers",
        "add",
        "mei@localhost",
        "--feed",
        "all",
        "--digest",
        "daily",
        "--consent",
        "form",
        "--confirmed",
    ];
    check(
        &office,
        &arguments,
        2,
        "error: `mei@localhost` is not an e-mail address: the domain has no dot\n\
         hint: write it as `name@example.org`\n",
    );
}

#[test]
fn a_feed_or_digest_that_the_config_does_not_have() {
    let office = Office::new();
    let arguments = [
        "subscribers",
        "add",
        "mei@example.org",
        "--feed",
        "sport",
        "--digest",
        "daily",
        "--consent",
        "form",
    ];
    check(
        &office,
        &arguments,
        2,
        "error: there is no feed `sport`; there are `all`, `events`, `releases`\n\
         hint: use a name the config has\n",
    );
    check(
        &office,
        &["publish-now", "--digest", "hourly"],
        2,
        "error: there is no digest `hourly`\nhint: the config has `immediate`, `daily`\n",
    );
}

#[test]
fn a_list_with_a_bad_line_is_told_and_the_rest_is_imported() {
    let office = Office::new();
    office.write(
        "people.csv",
        "address,language,feed,digest\nmei@example.org,en,all,daily\nmei@localhost,en,all,daily\n",
    );
    check(
        &office,
        &["subscribers", "import", "people.csv", "--consent", "form", "--confirmed"],
        1,
        "error: `people.csv` line 3: `mei@localhost` is not an e-mail address: the domain has no dot\n",
    );
    assert_eq!(
        office.run(&["subscribers", "list"]).stdout,
        "mei@example.org en all daily confirmed\n"
    );
}

#[test]
fn a_list_with_another_separator_is_told_which() {
    let office = Office::new();
    for (separator, name) in [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")] {
        let fields = ["address", "language", "feed", "digest"].join(separator);
        office.write("people.csv", format!("\u{feff}{fields}\n"));
        check(
            &office,
            &["subscribers", "import", "people.csv", "--consent", "form"],
            2,
            &format!(
                "error: could not import `people.csv`: its fields are separated by {name}, not \
                 by commas\n\
                 hint: save it again with commas: `address,language,feed,digest`\n"
            ),
        );
    }
}

/// Who left is not brought back by a list, and a dry run knows it.
#[test]
fn a_dry_run_of_an_import_counts_as_the_import_does() {
    let office = Office::new();
    let list = "address,language,feed,digest\nmei@example.org,en,all,daily\n\
                ali@example.org,en,all,daily\nann@localhost,en,all,daily\n";
    let rest = ["--consent", "form", "--confirmed"];
    let import = |more: &[&str]| {
        office.run(&[&["subscribers", "import", "people.csv"], &rest[..], more].concat())
    };
    office.write("people.csv", list);
    assert_eq!(import(&[]).stdout, "2 added and 1 refused\n");
    assert_eq!(office.run(&["subscribers", "remove", "mei@example.org"]).code, 0);
    office.write("people.csv", format!("{list}new@example.org,en,all,daily\n"));
    for more in [&[][..], &["--returning"]] {
        let before = office.run(&["subscribers", "list"]).stdout;
        let dry = import(&[more, &["--dry-run"]].concat());
        let dry_json = import(&[more, &["--dry-run", "--json"]].concat()).json();
        assert_eq!(office.run(&["subscribers", "list"]).stdout, before);
        let done = import(more);
        assert_eq!(dry.stdout, format!("would be: {}", done.stdout));
        assert_eq!(dry.stderr, done.stderr);
        assert_eq!(dry.code, done.code);
        assert_eq!(dry_json["refused"][0]["line"], 4);
        let counts = if more.is_empty() { "left" } else { "added" };
        assert_eq!(dry_json["rows"][counts], 1, "{dry_json}");
    }
}

#[test]
fn a_list_of_subscribers_names_who_paused() {
    let office = Office::new();
    office.subscribe(2, "daily");
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    store.execute_batch("update subscriber set paused_at = 1 where id = 1").unwrap();
    let listed = office.run(&["subscribers", "list"]);
    assert_eq!(
        listed.stdout,
        "reader1@example.org en all daily confirmed (paused)\n\
         reader2@example.org en all daily confirmed\n"
    );
    assert_eq!(listed.stderr, "2 subscriptions of 2 people, 1 of them paused\n");
    let listed = office.run(&["subscribers", "list", "--json"]).json();
    assert_eq!((&listed[0]["paused"], &listed[1]["paused"]), (&true.into(), &false.into()));
}

/// Root may write anywhere: there the store is tried where no folder can be.
#[test]
fn a_var_that_cannot_be_written() {
    let office = Office::new();
    office.write("var", "a file in the way");
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stderr.contains("could not create folder `var`"), "{done:?}");
    assert!(
        done.stderr.contains(
            "hint: let the user that runs tidings write there, or name another `store.url`"
        ),
        "{done:?}"
    );
    fs::remove_file(office.path("var")).unwrap();
    fs::create_dir(office.path("var")).unwrap();
    fs::set_permissions(office.path("var"), fs::Permissions::from_mode(0o500)).unwrap();
    let done = office.run(&["publish-now"]);
    assert!(done.code == 1 || rustix::process::geteuid().is_root(), "{done:?}");
}

/// What SQLite says of such a file names neither it nor a remedy.
#[test]
fn a_store_that_is_damaged_or_none() {
    let office = Office::new();
    assert_eq!(office.run(&["publish-now", "--feeds-only"]).code, 0);
    let path = office.path("var/tidings.db");
    // The last to close brings what lies beside the file into it.
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("select 1 from sqlite_schema")
        .unwrap();
    let store = fs::read(&path).unwrap();
    let remedy = "hint: end the daemon and bring back a backup: docs/operating.md, \
                  \"var/, and how to back it up\"\n";
    let damaged = [&store[..4096], vec![0xa5; store.len() - 4096].as_slice()].concat();
    for (bytes, fault) in
        [(damaged.as_slice(), "it is damaged"), (b"no database, but a text", "it is no database")]
    {
        office.write("var/tidings.db", bytes);
        let open = format!("error: could not open store `var/tidings.db`: {fault}\n{remedy}");
        for command in [&["status"], &["publish-now"], &["runs"], &["verify"]] {
            check(&office, command, 1, &open);
        }
        let copy = office.run(&["--at", "2031-01-01T00:00:00Z", "status"]);
        assert!(copy.stderr.ends_with(&open), "{copy:?}");
    }
}

/// Root may write any file, but not on a disk that nobody may write.
#[test]
fn a_store_that_may_only_be_read() {
    const SCRIPT: &str = r#"
mount --bind var var && mount -o remount,bind,ro var || exit 9
"$0" status && "$0" pause daily; echo "exit code $?"
"$0" publish-now; echo "exit code $?"
"#;
    let unshare = ["--map-root-user", "--mount"];
    match Command::new("unshare").args(unshare).arg("true").output() {
        Err(_) => return println!("skipped: unshare is not installed"),
        Ok(tried) if !tried.status.success() => {
            return println!("skipped: unshare is not allowed");
        }
        Ok(_) => {}
    }
    let office = Office::new();
    assert_eq!(office.run(&["publish-now", "--feeds-only"]).code, 0);
    // What lies beside the file stays there while somebody has it open.
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    store.execute_batch("select 1 from sqlite_schema").unwrap();
    let run = || {
        let mut command = Command::new("unshare");
        command.args(unshare).args(["sh", "-c", SCRIPT, env!("CARGO_BIN_EXE_tidings")]);
        let done = command.current_dir(office.path("")).output().unwrap();
        String::from_utf8([done.stdout, done.stderr].concat()).unwrap()
    };
    let said = run();
    for part in [
        "exit code 1\nexit code 1\n",
        "error: could not pause sending: the store `var/tidings.db` may only be read\n\
         hint: let the user that runs tidings write that file, those beside it and their \
         folder\n",
        "error: could not lock `var/tidings.db.lock`: Read-only file system",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    drop(store);
    let said = run();
    let told = "error: could not open store `var/tidings.db`: nothing can be written beside it\n";
    assert!(said.contains(told), "{said}");
}

#[test]
fn keys_of_another_store() {
    let office = Office::new();
    assert_eq!(office.run(&["publish-now", "--feeds-only"]).code, 0);
    fs::remove_dir_all(office.path("var/keys")).unwrap();
    check(
        &office,
        &["status"],
        1,
        "error: the key folder `var/keys` is not the one this store was made with\n\
         hint: bring back the key folder this store was made with; without it no address can be read\n",
    );
}

#[test]
fn a_template_with_a_mistake() {
    let office = Office::new();
    office.write("templates/mail/digest.txt", "{{ nonsense }}");
    office.release("a-new-bridge", "It opens today.");
    office.subscribe(1, "daily");
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stderr.contains("nonsense"), "{done:?}");
    assert!(office.mails().is_empty());
    fs::remove_dir_all(office.path("templates")).unwrap();
    assert_eq!(office.run(&["publish-now"]).code, 0);
    assert_eq!(office.mails().len(), 1);
}

#[test]
fn a_template_that_is_misnamed() {
    let office = Office::new();
    office.write("templates/mail/digset.txt", "{{ title }}");
    office.write("templates/parts/foot.txt", "{{ title }}");
    let builtin = tidings::templates::Templates::builtin();
    let (_, text) = builtin.sources().find(|(name, _)| *name == "mail/digest.txt").unwrap();
    let included = format!("{text}{{% if false %}}{{% include \"parts/foot.txt\" %}}{{% endif %}}");
    office.write("templates/mail/digest.txt", included.replace("{{ title }}", ""));
    office.write("templates/parts/foot.txt", "Thank you.\n");
    let warning = "warning: the template `mail/digset.txt` replaces none and is not used: is it \
                   meant to be `mail/digest.txt`?\n";
    for command in [&["check"][..], &["publish-now"]] {
        let done = office.run(command);
        assert_eq!((done.code, done.stderr.as_str()), (0, warning), "{done:?}");
    }
}

#[test]
fn a_digest_that_people_follow_and_the_config_lost_is_told_by_check() {
    let office = Office::new();
    assert_eq!(office.run(&["check"]).code, 0);
    assert!(!office.path("var").exists());
    office.subscribe(2, "daily");
    let config = office.read("config/tidings.yaml");
    office.write("config/tidings.yaml", config.replace("name: daily", "name: morning"));
    let done = office.run(&["check"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.stderr.contains("digest `daily`"), "{done:?}");
    assert!(done.stderr.contains("2 "), "{done:?}");
}

#[test]
fn readers_of_a_language_that_was_taken_out_are_told_by_check_and_plan() {
    let office = Office::new();
    office.subscribe(1, "daily");
    let config = office.read("config/tidings.yaml");
    office.write(
        "config/tidings.yaml",
        config.replace("since:", "languages: [fr], language: fr, since:"),
    );
    for command in ["check", "plan"] {
        let done = office.run(&[command]);
        assert_eq!(done.code, 2, "{done:?}");
        assert!(done.stderr.contains("`en`"), "{done:?}");
    }
}

#[test]
fn a_maildir_that_cannot_be_written() {
    let office = Office::new();
    office.subscribe(2, "daily");
    office.release("a-new-bridge", "It opens today.");
    office.write("var/mail/new", "a file in the way");
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 5, "{done:?}");
    assert!(done.stderr.contains("error: could not write to Maildir `var/mail`: "), "{done:?}");
    assert!(done.stderr.contains("hint: make the folder writable"), "{done:?}");
    assert!(done.stdout.contains("Mail       2 pending"), "{done:?}");
    fs::remove_file(office.path("var/mail/new")).unwrap();
    let done = office.run(&["publish-now"]);
    assert!(done.stdout.contains("Mail       2 rehearsed"), "{done:?}");
    assert_eq!(office.mails().len(), 2);
}

#[test]
fn a_file_refused_for_its_id_is_published_once_the_other_is_gone() {
    let office = Office::new();
    for name in ["a", "b"] {
        let path = format!("content/_posts/2026-11-01-{name}.md");
        let text = format!(
            "---\ntitle: News {name}\nid: 'tag:press.example.org,2026:x'\npermalink: /{name}/\n---\nText {name}.\n"
        );
        office.write(&path, text);
        office.settle(&path);
    }
    let done = office.run(&["publish-now"]);
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.stderr.contains("has the same `id`"), "{done:?}");
    fs::remove_file(office.path("content/_posts/2026-11-01-a.md")).unwrap();
    assert_eq!(office.run(&["publish-now"]).code, 0);
    assert!(office.read("public/feeds/all.atom").contains("Text b."));
}
