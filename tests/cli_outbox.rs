//! What operators do with sending, through the program itself.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use support::office::{Done, Office};
use support::sink::{Play, Sink};

/// Runs a command as mei; what it prints keeps to 80 columns, and names nobody's address.
fn run(office: &Office, arguments: &[&str]) -> Done {
    let done: Done = office.command(arguments).env("SUDO_USER", "mei").output().unwrap().into();
    assert!(!done.stdout.contains("reader"), "{done:?}");
    if !arguments.contains(&"--json") {
        for line in done.stdout.lines().chain(done.stderr.lines()) {
            let is_fixed = ["error: ", "hint: ", "Message-ID"].iter().any(|w| line.contains(w));
            assert!(is_fixed || line.chars().count() <= 80, "{line}");
        }
    }
    done
}

/// As [`run`], of a command that does its work.
fn done(office: &Office, arguments: &[&str]) -> String {
    let done = run(office, arguments);
    assert_eq!(done.code, 0, "{done:?}");
    done.stdout
}

fn json(office: &Office, arguments: &[&str]) -> Value {
    let mut arguments = arguments.to_vec();
    arguments.push("--json");
    let done = run(office, &arguments);
    assert_eq!(done.code, 0, "{done:?}");
    done.json()
}

/// A command that refuses with these two lines, and exit code 2.
fn refused(office: &Office, arguments: &[&str], error: &str, hint: &str) {
    let done = run(office, arguments);
    assert_eq!(done.code, 2, "{done:?}");
    assert_eq!(done.stderr, format!("error: {error}\nhint: {hint}\n"));
}

async fn publish(office: &Office) -> Done {
    office.run_async(&["publish-now", "--yes"]).await
}

fn deliveries(office: &Office, state: &str) -> u64 {
    json(office, &["status"])["deliveries"][state].as_u64().unwrap()
}

/// An office with news and `n` readers, whose mail goes to `sink`.
fn office(sink: &Sink, n: usize) -> Office {
    let office = Office::with_relay(&sink.url());
    office.subscribe(n, "daily");
    office.release("a-new-bridge", "The bridge opens **today**.");
    office
}

/// The reader whose first mail is lost in [`office_in_doubt`].
const IN_DOUBT: &str = "reader2@example.org";

/// An office whose first mail to one reader is lost after the dot, and is not sent again by itself.
async fn office_in_doubt() -> (Sink, Office) {
    let sink = Sink::losing_reply_about(IN_DOUBT).await;
    let office = office(&sink, 3);
    let config = office.read("config/tidings.yaml");
    let held = config.replace("at: '0 8 * * *'", "at: '0 8 * * *', uncertain: hold");
    office.write("config/tidings.yaml", held);
    assert_eq!(publish(&office).await.code, 0);
    assert_eq!(deliveries(&office, "uncertain"), 1);
    (sink, office)
}

#[test]
fn who_only_looks_makes_no_store() {
    let office = Office::new();
    let status = done(&office, &["status"]);
    assert!(status.starts_with("nothing was published yet"), "{status}");
    assert_eq!(json(&office, &["status"])["has_scanned"], false);
    assert_eq!(done(&office, &["runs"]), "no run was made yet\n");
    assert_eq!(json(&office, &["runs"]), Value::Array(Vec::new()));
    assert_eq!(done(&office, &["outbox"]), "nothing is open\n");
    assert_eq!(done(&office, &["resume"]), "not paused: all sending\n");
    for arguments in [&["cancel", "1"][..], &["runs", "show", "1"], &["outbox", "resend", "1"]] {
        refused(&office, arguments, "there is no run `1`", "no run was made yet");
    }
    assert!(!office.path("var").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_until_what_was_paused_is_resumed() {
    let sink = Sink::start().await;
    let office = office(&sink, 3);
    for (what, name) in [(None, "all sending"), (Some("daily"), "digest `daily`")] {
        let arguments = |verb| [verb].into_iter().chain(what).collect::<Vec<_>>();
        let mut pause = arguments("pause");
        pause.extend(["--reason", "typo"]);
        let said = done(&office, &pause);
        assert!(said.starts_with(&format!("paused: {name}\n")), "{said}");
        let again = done(&office, &pause);
        assert!(again.starts_with(&format!("already paused: {name}, by mei since ")), "{again}");
        assert!(again.ends_with(": typo\n"), "{again}");
        let stopped = publish(&office).await;
        assert_eq!(stopped.code, 5, "{stopped:?}");
        assert!(stopped.stdout.contains(&format!("Paused     {name}, by mei")), "{stopped:?}");
        assert!(stopped.stdout.contains("Waits      daily: 1 entry in 1 issue to 3 people\n"));
        let remedy = arguments("resume").join(" ");
        let hint = format!("digest daily is paused: `tidings {remedy}` lets it go\n");
        assert!(stopped.stdout.contains(&hint), "{stopped:?}");
        assert_eq!(done(&office, &["runs"]), "no run was made yet\n");
        let status = done(&office, &["status"]);
        assert!(status.contains("+08:00, but paused: no run is planned\n"), "{status}");
        assert!(status.contains(&format!("paused        {name}, by mei since ")), "{status}");
        let status = json(&office, &["status"]);
        assert_eq!(status["digests"][0]["is_paused"], what.is_none());
        assert_eq!(status["digests"][1]["is_paused"], true);
        let pause = &json(&office, &["status"])["pauses"][0];
        assert_eq!((&pause["reason"], &pause["by"]), (&"typo".into(), &"mei".into()));
        let resumed = done(&office, &arguments("resume"));
        assert!(resumed.starts_with(&format!("resumed: {name}\nit goes on with the next run")));
        assert_eq!(done(&office, &arguments("resume")), format!("not paused: {name}\n"));
    }
    assert!(sink.accepted().is_empty());
    assert_eq!(publish(&office).await.code, 0);
    assert_eq!(sink.accepted().len(), 3);
    refused(
        &office,
        &["pause", "1"],
        "run 1 (daily now:1) is at its end: complete",
        "`tidings runs` lists the newest runs; one that is sending can be paused",
    );
}

#[test]
fn a_pause_names_what_it_does_not_find() {
    let office = Office::new();
    refused(
        &office,
        &["pause", "monthly"],
        "there is no digest `monthly`",
        "the config has `daily`, `immediate`; a run is named by its number: `tidings runs` lists \
         them",
    );
    refused(&office, &["resume", "7"], "there is no run `7`", "no run was made yet");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_in_the_middle_leaves_the_rest_certainly_unsent() {
    let place: Arc<OnceLock<Office>> = Arc::default();
    let (office_of_sink, served) = (Arc::clone(&place), AtomicUsize::new(0));
    let sink = Sink::playing(move |_, _| {
        if served.fetch_add(1, Ordering::SeqCst) == 10 {
            let paused = office_of_sink.get().unwrap().run(&["pause", "1"]);
            assert_eq!(paused.code, 0, "{paused:?}");
        }
        Play::Accept
    })
    .await;
    let office = place.get_or_init(|| office(&sink, 60));
    let stopped = publish(office).await;
    assert_eq!(stopped.code, 5, "{stopped:?}");
    let sent = sink.accepted().len();
    // Ten before it, and what three other connections had in hand.
    assert!(sent <= 60 / 2, "{sent}");
    assert_eq!(deliveries(office, "accepted"), sent as u64);
    assert_eq!(deliveries(office, "pending"), 60 - sent as u64);
    assert!(done(office, &["resume", "1"]).starts_with("resumed: run 1 (daily now:1)\n"));
    assert_eq!(publish(office).await.code, 0);
    assert_eq!(sink.accepted().len(), 60);
    assert_eq!(deliveries(office, "accepted"), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_keeps_to_a_pause_and_goes_on_at_its_end() {
    let sink = Sink::start().await;
    let office = Office::with_relay(&sink.url());
    office.subscribe(3, "immediate");
    done(&office, &["pause"]);
    let daemon = office.daemon();
    for news in ["a-new-bridge", "a-second-bridge"] {
        office.news(news, "The bridge opens **today**.");
        let stopped = publish(&office).await;
        assert_eq!(stopped.code, 5, "{stopped:?}");
    }
    let stopped = office.run_async(&["publish-now", "--yes", "--json"]).await;
    let waiting = &stopped.json()["waiting"][0];
    assert_eq!((&waiting["digest"], &waiting["entries"]), (&"immediate".into(), &2.into()));
    assert!(sink.accepted().is_empty());
    let report = json(&office, &["resume"]);
    assert_eq!(report["is_taken_up"], true, "{report}");
    sink.wait_for(3).await;
    let (code, log) = daemon.stop();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("sent: 3 deliveries in "), "{log}");
    // One issue with all that is new.
    assert_eq!(sink.accepted().len(), 3);
    assert!(sink.accepted()[0].message.contains("a-second-bridge"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_under_way_waits_for_the_end_of_the_pause() {
    let sink = Sink::start().await;
    let address = sink.address;
    let office = office(&sink, 3);
    sink.stop().await;
    assert_eq!(publish(&office).await.code, 5);
    done(&office, &["pause", "daily", "--reason", "typo"]);
    let sink = Sink::at(address, true, |_, _| Play::Accept).await;
    let daemon = office.daemon();
    let stopped = publish(&office).await;
    assert_eq!(stopped.code, 5, "{stopped:?}");
    let status = done(&office, &["status"]);
    assert!(status.contains("run 1         daily now:1: paused, 3 pending\n"), "{status}");
    let hint = "run 1 is paused: `tidings resume daily` goes on with it\n";
    assert!(stopped.stdout.contains(hint), "{stopped:?}");
    let runs = done(&office, &["runs"]);
    assert!(runs.contains("run 1       daily now:1: paused by mei since "), "{runs}");
    assert!(sink.accepted().is_empty());
    done(&office, &["resume", "daily"]);
    sink.wait_for(3).await;
    assert_eq!(daemon.stop().0, 0);
    assert_eq!(sink.accepted().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_is_not_sent_and_its_news_comes_with_the_next() {
    let sink = Sink::start().await;
    let address = sink.address;
    let office = office(&sink, 3);
    sink.stop().await;
    assert_eq!(publish(&office).await.code, 5);
    refused(
        &office,
        &["cancel", "1"],
        "nobody is there to be asked: Cancel run 1 (daily now:1)? 3 e-mails will not be sent, 0 \
         went out; the news comes with each person's next issue.",
        "run it at a terminal, or add `--yes`",
    );
    let dry = done(&office, &["cancel", "1", "--dry-run"]);
    let would = "run 1 (daily now:1): 3 e-mails would not be sent; the news comes with each\nperson's next issue\n";
    assert_eq!(dry, would);
    assert_eq!(deliveries(&office, "pending"), 3);
    done(&office, &["pause", "1"]);
    let said = done(&office, &["cancel", "1", "--yes", "--reason", "wrong figure"]);
    assert_eq!(
        said,
        "cancelled: run 1 (daily now:1)\n\
         3 e-mails are not sent; the news comes with each person's next issue\n"
    );
    let again = done(&office, &["cancel", "1", "--yes"]);
    assert!(again.starts_with("run 1 (daily now:1) was cancelled already: "), "{again}");
    assert!(again.ends_with("wrong figure (mei)\n"), "{again}");
    assert_eq!(json(&office, &["cancel", "1"])["cancelled"], Value::Null);
    assert_eq!(deliveries(&office, "cancelled"), 3);
    let resumed = done(&office, &["resume", "1"]);
    assert!(!resumed.contains("goes on"), "{resumed}");

    let sink = Sink::at(address, true, |_, _| Play::Accept).await;
    assert_eq!(publish(&office).await.code, 0);
    assert_eq!(sink.accepted().len(), 3);
    let run = json(&office, &["runs", "show", "1"]);
    assert_eq!((&run["state"], &run["deliveries"]["cancelled"]), (&"cancelled".into(), &3.into()));
    refused(
        &office,
        &["cancel", "2", "--yes"],
        "run 2 (daily now:1+1) is at its end: complete",
        "what went out cannot be called back; withdraw the entry in its file to tell readers",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_is_cut_off_is_finished_by_the_next_start() {
    for number in 1..=4 {
        let sink = Sink::start().await;
        let address = sink.address;
        let office = office(&sink, 3);
        sink.stop().await;
        assert_eq!(publish(&office).await.code, 5);
        let mut cancel = office.command(&["cancel", "1", "--yes"]);
        let cancel = cancel.env("TIDINGS_FAILPOINT", format!("at-cancel-page:{number}"));
        assert_eq!(cancel.status().unwrap().code(), None, "it was killed");
        assert_eq!(json(&office, &["runs", "show", "1"])["state"], "cancelled");

        let sink = Sink::at(address, true, |_, _| Play::Accept).await;
        assert_eq!(publish(&office).await.code, 0, "{number}");
        assert_eq!(sink.accepted().len(), 3, "{number}: the next issue brings it");
        assert_eq!(deliveries(&office, "cancelled"), 3, "{number}");
        assert_eq!(deliveries(&office, "pending"), 0, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_doubt_is_named_by_its_message_id() {
    let (sink, office) = office_in_doubt().await;
    let listed = run(&office, &["outbox"]);
    assert!(listed.stdout.starts_with("run 1       daily now:1: complete\n"), "{listed:?}");
    assert!(listed.stdout.contains("3 people: 2 accepted and 1 uncertain\n"), "{listed:?}");
    assert!(listed.stdout.contains("            subscriber 2, since "), "{listed:?}");
    assert!(listed.stderr.contains("`tidings outbox resolve 1"), "{listed:?}");
    let listing = json(&office, &["outbox"]);
    let row = &listing["uncertain"][0];
    assert_eq!((&row["run"], &row["subscriber"]), (&1.into(), &2.into()));
    let id = row["message_id"].as_str().unwrap();
    assert!(sink.messages_to(IN_DOUBT)[0].contains(&format!("Message-ID: <{id}>\r\n")));
    assert!(listed.stdout.contains(id), "{listed:?}");
    let shown = done(&office, &["runs", "show", "1"]);
    assert!(shown.contains("deliveries    2 accepted and 1 uncertain\n"), "{shown}");
    assert!(shown.contains("uncertain     subscriber 2, since "), "{shown}");
    let status = done(&office, &["status"]);
    assert!(status.contains("1 e-mail is of unknown fate: `tidings outbox` lists them"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_relay_has_counts_as_accepted() {
    let (sink, office) = office_in_doubt().await;
    let dry = done(&office, &["outbox", "resolve", "1", "--sent", "--dry-run"]);
    assert_eq!(dry, "1 e-mail of run 1 (daily now:1) would be settled\n");
    let said = done(&office, &["outbox", "resolve", "1", "2", "--sent"]);
    assert_eq!(said, "1 e-mail of run 1 (daily now:1): found sent\n");
    let again = done(&office, &["outbox", "resolve", "1", "--sent"]);
    assert_eq!(again, "nothing of run 1 (daily now:1) is uncertain\n");
    let status = json(&office, &["status"]);
    assert_eq!((&status["deliveries"]["accepted"], &status["resent"]), (&3.into(), &0.into()));
    publish(&office).await;
    assert_eq!(sink.messages_to(IN_DOUBT).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_relay_never_had_is_sent_with_the_same_bytes() {
    let (sink, office) = office_in_doubt().await;
    let said = done(&office, &["outbox", "resolve", "1", "--unsent"]);
    assert!(said.starts_with("1 e-mail of run 1 (daily now:1): found unsent\n"), "{said}");
    assert_eq!(deliveries(&office, "pending"), 1);
    let goes_on = publish(&office).await;
    assert_eq!(goes_on.code, 0, "{goes_on:?}");
    assert!(goes_on.stdout.contains("Goes on    daily now:1"), "{goes_on:?}");
    let copies = sink.messages_to(IN_DOUBT);
    assert_eq!((copies.len(), &copies[0]), (2, &copies[1]));
    let status = json(&office, &["status"]);
    assert_eq!((&status["deliveries"]["accepted"], &status["resent"]), (&3.into(), &0.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_sent_once_more_by_a_daemon_and_counted() {
    let (sink, office) = office_in_doubt().await;
    refused(
        &office,
        &["outbox", "resend", "1"],
        "nobody is there to be asked: Send 1 e-mail of run 1 (daily now:1) once more? They may \
         arrive twice.",
        "run it at a terminal, or add `--yes`",
    );
    let daemon = office.daemon();
    let report = json(&office, &["outbox", "resend", "1", "--yes"]);
    assert_eq!((&report["deliveries"], &report["is_taken_up"]), (&1.into(), &true.into()));
    sink.wait_for(4).await;
    assert_eq!(daemon.stop().0, 0);
    let copies = sink.messages_to(IN_DOUBT);
    assert_eq!((copies.len(), &copies[0]), (2, &copies[1]));
    assert_eq!(json(&office, &["status"])["resent"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_refuses_what_is_not_in_doubt() {
    let (_sink, office) = office_in_doubt().await;
    let hint = "`tidings outbox` lists what is uncertain; nothing was changed";
    for (subscriber, state) in [("1", "it is `accepted`"), ("77", "it has no delivery")] {
        let error =
            format!("subscriber `{subscriber}` of run 1 (daily now:1) is not uncertain: {state}");
        refused(&office, &["outbox", "resolve", "1", "2", subscriber, "--sent"], &error, hint);
    }
    assert_eq!(deliveries(&office, "uncertain"), 1);
    let newest = "the newest is run 1 (daily now:1); `tidings runs` lists them";
    refused(&office, &["outbox", "resend", "9"], "there is no run `9`", newest);
    for arguments in [
        &["outbox", "resolve", "1"][..],
        &["outbox", "resolve", "1", "--sent", "--unsent"],
        &["outbox", "resolve", "one", "--sent"],
        &["cancel"],
        &["cancel", "daily"],
        &["runs", "show", "x"],
    ] {
        let done = run(&office, arguments);
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{done:?}");
        assert!(done.stderr.starts_with("error: "), "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_at_the_end_unless_nobody_wants_to_hear() {
    let sink = Sink::start().await;
    let office = office(&sink, 3);
    let told = publish(&office).await;
    assert!(told.stderr.starts_with("3 deliveries in "), "{told:?}");
    assert_eq!(told.stderr.lines().count(), 1, "{told:?}");
    office.news("a-second-bridge", "It opens tomorrow.");
    let quiet = office.run_async(&["publish-now", "--yes", "--quiet"]).await;
    assert_eq!(quiet.stderr, "", "{quiet:?}");
    office.news("a-third-bridge", "It opens later.");
    let daemon = office.daemon();
    let followed = publish(&office).await;
    assert!(followed.stderr.contains("\n3 deliveries in "), "{followed:?}");
    assert_eq!(daemon.stop().0, 0);
    assert_eq!(sink.accepted().len(), 9);
}

#[test]
fn only_who_sends_needs_the_password_of_the_relay() {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    let relay = config.replace("maildir:var/mail", "smtps://me@relay.example");
    office.write("config/tidings.yaml", relay);
    for arguments in [&["pause"][..], &["resume"], &["runs"], &["check"]] {
        let done = office.run(arguments);
        assert_eq!(done.code, 0, "{done:?}");
    }
    for arguments in [&["publish-now", "--yes"][..], &["daemon"]] {
        let done = office.run(arguments);
        assert_eq!(done.code, 2, "{done:?}");
        let told = "`mail.relay` has the user `me` and no password is given";
        assert!(done.stderr.contains(told), "{done:?}");
    }
}
