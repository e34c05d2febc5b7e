//! What auditors ask, through the program itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::office::{Done, Office};

fn done(office: &Office, arguments: &[&str]) -> String {
    let done = office.run(arguments);
    assert_eq!(done.code, 0, "{done:?}");
    done.stdout
}

fn json(office: &Office, arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&done(office, &[arguments, &["--json"]].concat())).unwrap()
}

/// An office that rehearsed one digest of two releases to three people.
fn office() -> Office {
    let office = Office::new();
    office.release("a-new-bridge", "It opens today.");
    office.release("an-old-ferry", "It sails no more.");
    office.subscribe(3, "daily");
    done(&office, &["publish-now"]);
    office
}

#[test]
fn who_got_an_entry_is_counted_by_revision_and_run() {
    let office = office();
    let asked = json(&office, &["who-got", "bridge"]);
    assert_eq!(asked["entry"]["title"], "a new bridge");
    assert_eq!(asked["entry"]["path"], "_posts/a-new-bridge.md");
    assert_eq!(asked["runs"][0]["digest"], "daily");
    assert_eq!(asked["runs"][0]["revision"], 1);
    assert_eq!(asked["runs"][0]["deliveries"], serde_json::json!({"rehearsed": 3}));
    for same in [
        "_posts/a-new-bridge.md",
        "content/_posts/a-new-bridge.md",
        "./content/_posts/a-new-bridge.md",
        office.path("content/_posts/a-new-bridge.md").to_str().unwrap(),
        "https://press.example.org/news/a-new-bridge/",
    ] {
        assert_eq!(json(&office, &["who-got", same]), asked, "{same}");
    }
    let id = asked["entry"]["id"].as_str().unwrap();
    assert_eq!(json(&office, &["who-got", id]), asked);
    let text = done(&office, &["who-got", "A NEW BRIDGE"]);
    assert!(text.ends_with("revision 1\n    3 rehearsed\nin all: 3 rehearsed\n"), "{text}");
}

#[test]
fn people_are_listed_by_number_and_by_address_only_where_asked() {
    let office = office();
    let text = done(&office, &["who-got", "bridge", "--list"]);
    assert!(text.contains("\n1 rehearsed run "), "{text}");
    assert!(!text.contains('@'), "{text}");
    let rows = json(&office, &["who-got", "bridge", "--list"]);
    let people: Vec<i64> =
        rows.as_array().unwrap().iter().map(|row| row["subscriber"].as_i64().unwrap()).collect();
    assert_eq!(people, [1, 2, 3]);
    assert!(rows[0].get("address").is_none());
    let rows = json(&office, &["who-got", "bridge", "--list", "--addresses"]);
    assert_eq!(rows[2]["address"], "reader3@example.org");
    assert_eq!(office.run(&["who-got", "bridge", "--addresses"]).code, 2);
}

#[test]
fn an_entry_that_is_not_clear_is_asked_for_and_an_unknown_one_refused() {
    let office = office();
    let Done { code, stderr, .. } = office.run(&["who-got", "_posts/"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("`_posts/` may mean several entries:"), "{stderr}");
    assert!(stderr.contains("_posts/a-new-bridge.md (a new bridge)"), "{stderr}");
    assert!(stderr.contains("_posts/an-old-ferry.md (an old ferry)"), "{stderr}");
    let Done { code, stderr, .. } = office.run(&["who-got", "100%"]);
    assert_eq!(code, 2);
    assert_eq!(
        stderr,
        "error: there is no entry `100%`\n\
         hint: give its file, id or address, or a part of one of them or of its title\n"
    );
    std::fs::remove_file(office.path("content/_posts/an-old-ferry.md")).unwrap();
    let gone = json(&office, &["who-got", "content/_posts/an-old-ferry.md"]);
    assert_eq!(gone["entry"]["title"], "an old ferry");
}

#[test]
fn what_a_person_got_is_told_with_its_entries() {
    let office = office();
    let got = json(&office, &["what-got", "reader2@example.org"]);
    assert_eq!(got["subscriber"], 2);
    let delivery = &got["deliveries"][0];
    assert_eq!(delivery["state"], "rehearsed");
    assert_eq!(delivery["digest"], "daily");
    let titles: Vec<_> =
        delivery["entries"].as_array().unwrap().iter().map(|entry| &entry["title"]).collect();
    assert_eq!(titles.len(), 2);
    assert!(delivery["entries"][0]["revision"] == 1 && delivery["entries"][0]["feed"] == "all");
    let text = done(&office, &["what-got", "reader2@example.org"]);
    assert!(text.contains("    - a new bridge, revision 1, in all\n"), "{text}");
    let unknown = office.run(&["what-got", "nobody@example.org"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("nobody has the address `nobody@example.org`"));
    assert_eq!(office.run(&["what-got", "nobody"]).code, 2);
}

#[test]
fn verify_holds_after_work_and_names_the_line_that_was_changed() {
    let office = office();
    done(&office, &["pause", "daily"]);
    done(&office, &["resume", "daily"]);
    done(&office, &["subscribers", "remove", "reader1@example.org"]);
    let report = json(&office, &["verify"]);
    assert_eq!(report["broken"], serde_json::json!([]));
    let lines: Vec<_> =
        report["chains"].as_array().unwrap().iter().map(|chain| chain["lines"].as_u64()).collect();
    // The run of `immediate` had nothing for anybody.
    assert_eq!(lines, [Some(1), Some(2), Some(1), Some(2)]);
    let text = done(&office, &["verify"]);
    assert!(text.ends_with("the audit ledger holds, and agrees with the store\n"), "{text}");

    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    store
        .execute("update audit set said = replace(said, '3', '4') where kind = 'run'", [])
        .unwrap();
    let done = office.run(&["verify"]);
    assert_eq!(done.code, 1);
    assert!(done.stderr.starts_with("error: run 20"), "{done:?}");
    assert!(done.stderr.contains(" line 1: its hash is not that of what it says"), "{done:?}");
}

#[test]
fn a_run_shows_its_plan_its_issues_and_who_decided_what() {
    let office = Office::with_relay("smtp://127.0.0.1:1");
    office.release("a-new-bridge", "It opens today.");
    office.subscribe(1, "daily");
    let mut sending = office.command(&["publish-now", "--yes"]).spawn().unwrap();
    let shown = |key: &str| {
        let done = office.run(&["runs", "show", "1", "--json"]);
        (done.code == 0).then(|| done.json()[key].clone())
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while shown("state").is_none_or(|state| state != "sending") {
        assert!(std::time::Instant::now() < deadline);
    }
    sending.kill().unwrap();
    sending.wait().unwrap();
    as_mei(&office, &["pause", "daily", "--reason", "wrong figure"]);
    as_mei(&office, &["resume", "daily"]);
    as_mei(&office, &["cancel", "1", "--yes", "--reason", "no longer true"]);
    let run = json(&office, &["runs", "show", "1"]);
    assert_eq!(run["plan"].as_str().unwrap().len(), 64);
    assert_eq!(run["issue_list"][0]["subject"], "a new bridge – Test Office");
    let decisions: Vec<String> = run["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {} {}", one["what"], one["by"], one["reason"], one["is_wider"]))
        .collect();
    assert_eq!(
        decisions,
        [
            r#""paused" "mei" "wrong figure" true"#,
            r#""resumed" "mei" null true"#,
            r#""cancelled" "mei" "no longer true" false"#,
        ]
    );
    let text = done(&office, &["runs", "show", "1"]);
    assert!(text.contains("cancelled     by mei at "), "{text}");
    assert!(json(&office, &["verify"])["broken"].as_array().unwrap().is_empty());
}

/// What `mei` does.
fn as_mei(office: &Office, arguments: &[&str]) {
    let output = office.command(arguments).env("SUDO_USER", "mei").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// An office whose daily digest waits for a word, with its held run.
fn with_held_run() -> (Office, String) {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    let always = "at: '0 8 * * *', approve: always";
    office.write("config/tidings.yaml", config.replace("at: '0 8 * * *'", always));
    office.release("a-new-bridge", "It opens today.");
    office.subscribe(2, "daily");
    let held = office.run(&["publish-now", "--json"]);
    assert_eq!(held.code, 4, "{held:?}");
    let run = held.json()["held"][0]["run"].to_string();
    (office, run)
}

#[test]
fn the_ledger_holds_when_a_held_run_is_cancelled() {
    let (office, run) = with_held_run();
    done(&office, &["verify"]);
    done(&office, &["cancel", &run, "--yes"]);
    done(&office, &["verify"]);
}

#[test]
fn a_run_that_was_held_shows_who_let_it_go() {
    let (office, run) = with_held_run();
    let hold = json(&office, &["status"])["holds"][0]["id"].to_string();
    as_mei(&office, &["approve", &hold]);
    done(&office, &["publish-now"]);
    let decisions = json(&office, &["runs", "show", &run])["decisions"].clone();
    assert_eq!((&decisions[0]["what"], &decisions[0]["by"]), (&"approved".into(), &"mei".into()));
    let text = done(&office, &["runs", "show", &run]);
    assert!(text.contains("\napproved      by mei at "), "{text}");
    done(&office, &["verify"]);
}

#[test]
fn a_ledger_that_nobody_can_read_stops_nobody_from_leaving() {
    let office = office();
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    store.execute("update audit set said = 'no JSON'", []).unwrap();
    done(&office, &["subscribers", "remove", "reader1@example.org"]);
    store.execute("update audit set day = 'some day' where kind <> 'consent'", []).unwrap();
    done(&office, &["pause", "daily"]);
    done(&office, &["runs", "show", "1"]);
    let verified = office.run(&["verify"]);
    assert_eq!(verified.code, 1, "{verified:?}");
    assert!(verified.stderr.contains("plan: a line has `some day` for its day"), "{verified:?}");
}

#[test]
fn auditors_are_answered_beside_a_daemon() {
    let office = office();
    let daemon = office.daemon();
    assert!(!json(&office, &["who-got", "bridge"])["runs"].as_array().unwrap().is_empty());
    done(&office, &["what-got", "reader1@example.org"]);
    done(&office, &["verify"]);
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn the_newest_twenty_runs_are_listed_and_all_where_asked() {
    let office = office();
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    let add = "insert into run (digest_id, key, from_seq, to_seq, state, created_at)
         values (1, ?1, 0, 0, 'expired', 0)";
    let first = json(&office, &["runs", "--all"]).as_array().unwrap().len();
    for n in first..20 {
        store.execute(add, [format!("old:{n}")]).unwrap();
    }
    let count = |arguments| json(&office, arguments).as_array().unwrap().len();
    assert!(!office.run(&["runs"]).stderr.contains("--all"));
    store.execute(add, ["old:20"]).unwrap();
    assert_eq!((count(&["runs"]), count(&["runs", "--all"])), (20, 21));
    let said = office.run(&["runs"]).stderr;
    assert_eq!(said, "not listed: older ones; `tidings runs --all` has all\n");
    assert_eq!(office.run(&["runs", "--all", "show", "1"]).code, 2);
}

#[test]
fn runs_that_found_nothing_new_are_counted_and_not_listed() {
    let office = office();
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    let add = "insert into run (digest_id, key, from_seq, to_seq, state, created_at)
         values (1, ?1, 0, 0, 'empty', 0)";
    for key in ["seq:8", "seq:9"] {
        store.execute(add, [key]).unwrap();
    }
    let count = |arguments| json(&office, arguments).as_array().unwrap().len();
    assert_eq!(count(&["runs", "--all"]), count(&["runs"]) + 2);
    let said = office.run(&["runs"]).stderr;
    assert_eq!(said, "not listed: 2 runs that found nothing new; `tidings runs --all` has all\n");
}

#[test]
fn the_key_of_a_run_is_told_in_words() {
    let office = office();
    let said = done(&office, &["runs", "show", "1"]);
    assert!(said.contains("\n              `publish-now`, up to change 2\n"), "{said}");
}

#[test]
fn a_run_of_what_people_were_owed_shows_no_empty_window() {
    let office = office();
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    store.execute("update run set from_seq = to_seq", []).unwrap();
    let text = done(&office, &["runs", "show", "1"]);
    assert!(text.contains("\nwindow        nothing new; what people were owed\n"), "{text}");
}

/// The last migration that a store had.
fn version(store: &rusqlite::Connection) -> i64 {
    let sql = "select max(version) from _sqlx_migrations";
    store.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn who_only_reads_leaves_a_store_of_an_earlier_version_as_it_is() {
    let office = office();
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    let newest = version(&store);
    let sql = "drop index run_by_cancellation; alter table run drop column last_cancellation; \
               alter table run drop column known_cancellation; alter table run drop column known_at; drop table errand; \
               drop table asked; delete from _sqlx_migrations where version >= 13";
    store.execute_batch(sql).unwrap();
    for reads in [
        &["verify"][..],
        &["who-got", "bridge"],
        &["what-got", "reader1@example.org"],
        &["runs"],
        &["status"],
        &["outbox"],
        &["list", "pending"],
        &["subscribers", "list"],
        &["show", "content/_posts/a-new-bridge.md"],
    ] {
        let refused = office.run(reads);
        assert_eq!(refused.code, 1, "{reads:?} {refused:?}");
        assert!(
            refused.stderr.contains("tidings.db` is of an earlier version\nhint: "),
            "{refused:?}"
        );
    }
    done(&office, &["verify", "--at", "2031-01-01T09:00:00+08:00"]);
    assert_eq!(version(&store), 12);
    done(&office, &["publish-now"]);
    assert_eq!(version(&store), newest);
    done(&office, &["verify"]);
}

#[test]
fn the_ledger_names_no_address() {
    let office = office();
    done(&office, &["subscribers", "remove", "reader1@example.org"]);
    let store = rusqlite::Connection::open(office.path("var/tidings.db")).unwrap();
    let mut said = store.prepare("select said from audit").unwrap();
    let said: Vec<String> =
        said.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(said.iter().any(|line| line.contains(r#""subscriber":1"#)), "{said:?}");
    assert!(!said.iter().any(|line| line.contains('@')), "{said:?}");
}
