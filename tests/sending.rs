//! Mail over a real SMTP conversation: everybody once, whatever the relay does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use mail_parser::{MessageParser, MimeHeaders};
use support::office::{Done, Office};
use support::sink::{Play, Sink};

fn expected(n: usize) -> Vec<String> {
    let mut list: Vec<_> = (1..=n).map(|i| format!("reader{i}@example.org")).collect();
    list.sort();
    list
}

async fn publish(office: &Office) -> Done {
    office.run_async(&["publish-now", "--yes"]).await
}

fn deliveries(office: &Office, state: &str) -> u64 {
    office.run(&["status", "--json"]).json()["deliveries"][state].as_u64().unwrap()
}

/// An office with news and `n` readers, whose mail goes to `sink`.
fn office(sink: &Sink, n: usize) -> Office {
    let office = Office::with_relay(&sink.url());
    office.subscribe(n, "daily");
    office.release("a-new-bridge", "The bridge opens **today**.");
    office
}

#[tokio::test(flavor = "multi_thread")]
async fn each_subscriber_gets_one_multipart_message() {
    let sink = Sink::start().await;
    let office = office(&sink, 40);
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(sink.recipients(), expected(40));
    assert_eq!(deliveries(&office, "accepted"), 40);
    for mail in sink.accepted() {
        let parsed = MessageParser::default().parse(mail.message.as_bytes()).unwrap();
        assert_eq!(parsed.content_type().unwrap().subtype(), Some("alternative"));
        assert!(parsed.body_text(0).unwrap().contains("a new bridge"), "{}", mail.message);
        assert!(parsed.body_html(0).unwrap().contains("a new bridge"));
        let to = parsed.to().unwrap().first().unwrap().address().unwrap();
        assert_eq!(to, mail.recipient);
        assert_eq!(mail.message.matches("\nList-Unsubscribe-Post: ").count(), 1);
    }
    let ids: std::collections::HashSet<String> = sink
        .accepted()
        .iter()
        .map(|mail| {
            MessageParser::default()
                .parse(mail.message.as_bytes())
                .unwrap()
                .message_id()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_sends_nothing_and_says_so() {
    let sink = Sink::start().await;
    let office = office(&sink, 3);
    publish(&office).await;
    let again = publish(&office).await;
    assert_eq!(again.code, 0);
    assert!(again.stdout.contains("Documents  0 written"), "{again:?}");
    assert!(again.stdout.contains("Mail       none: nothing is new"), "{again:?}");
    assert_eq!(sink.recipients(), expected(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_pipelining_is_spoken_to_step_by_step() {
    let sink = Sink::at("127.0.0.1:0".parse().unwrap(), false, |address, _| {
        if address == "reader2@example.org" {
            Play::RefuseRecipient("550 5.1.1 no such user")
        } else {
            Play::Accept
        }
    })
    .await;
    let office = office(&sink, 5);
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(deliveries(&office, "accepted"), 4);
    assert_eq!(deliveries(&office, "rejected"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_not_there_leaves_the_mail_pending_for_the_next_run() {
    let sink = Sink::start().await;
    let address = sink.address;
    let office = office(&sink, 5);
    sink.stop().await;
    let done = publish(&office).await;
    assert_eq!(done.code, 5, "{done:?}");
    assert!(done.stderr.contains(&format!("could not reach relay `smtp://{address}`")), "{done:?}");
    assert!(done.stderr.contains("hint: check `mail.relay`"), "{done:?}");
    assert!(office.path("public/feeds/all.atom").exists());
    assert_eq!(deliveries(&office, "pending"), 5);

    let sink = Sink::at(address, true, |_, _| Play::Accept).await;
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.contains("Goes on    daily now:1, begun by an earlier call\n"), "{done:?}");
    assert_eq!(sink.recipients(), expected(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_stops_in_the_middle_gets_the_rest_when_it_is_back() {
    let served = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&served);
    let sink = Sink::playing(move |_, _| {
        // From the 20th on nobody is served any more.
        if counter.fetch_add(1, Ordering::SeqCst) < 20 {
            Play::Accept
        } else {
            Play::HangUpBeforeGoAhead
        }
    })
    .await;
    let address = sink.address;
    let office = office(&sink, 60);
    let done = publish(&office).await;
    assert_eq!(done.code, 5, "{done:?}");
    let first = sink.stop().await;
    assert_eq!(first.len(), 20);
    assert_eq!(deliveries(&office, "accepted"), 20);
    assert_eq!(deliveries(&office, "uncertain"), 0);

    let sink = Sink::at(address, true, |_, _| Play::Accept).await;
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    let goes_on = "Goes on    daily now:1, begun by an earlier call: 20 of 60 were done\n\
                   Mail       40 accepted\n           before this call: 20 accepted\n";
    assert!(done.stdout.contains(goes_on), "{done:?}");
    let mut all: Vec<_> =
        first.into_iter().map(|mail| mail.recipient).chain(sink.recipients()).collect();
    all.sort();
    assert_eq!(all, expected(60));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_counted_and_sent_again_once_byte_for_byte() {
    let sink = Sink::losing_reply_about("reader2@example.org").await;
    let office = office(&sink, 3);
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    let copies = sink.messages_to("reader2@example.org");
    assert_eq!(copies.len(), 2);
    assert_eq!(copies[0], copies[1]);
    let status = office.run(&["status", "--json"]).json();
    assert_eq!(status["resent"], 1);
    assert_eq!(status["deliveries"]["accepted"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_refused_for_now_is_tried_again_later() {
    let sink = Sink::playing(|address, _| {
        if address == "reader1@example.org" {
            Play::RefuseRecipient("451 4.7.1 greylisted")
        } else {
            Play::Accept
        }
    })
    .await;
    let office = office(&sink, 3);
    let done = publish(&office).await;
    assert_eq!(done.code, 5, "{done:?}");
    assert_eq!(deliveries(&office, "accepted"), 2);
    assert_eq!(deliveries(&office, "pending"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_refused_after_the_dot_is_rejected_and_the_rest_goes_on() {
    let sink = Sink::playing(|address, _| {
        if address == "reader3@example.org" {
            Play::RefuseMessage("554 5.7.1 not wanted")
        } else {
            Play::Accept
        }
    })
    .await;
    let office = office(&sink, 6);
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(deliveries(&office, "rejected"), 1);
    assert_eq!(sink.accepted().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_after_the_plan_gets_no_mail() {
    let sink = Sink::playing(|_, _| Play::HangUpBeforeGoAhead).await;
    let address = sink.address;
    let office = office(&sink, 4);
    assert_eq!(publish(&office).await.code, 5);
    let removed = office.run(&["subscribers", "remove", "reader3@example.org"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    sink.stop().await;
    let sink = Sink::at(address, true, |_, _| Play::Accept).await;
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(
        sink.recipients(),
        ["reader1@example.org", "reader2@example.org", "reader4@example.org"]
    );
    assert_eq!(deliveries(&office, "cancelled"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_real_mail_needs_a_yes() {
    let sink = Sink::start().await;
    let office = office(&sink, 1);
    let done = office.run_async(&["publish-now"]).await;
    assert_eq!(done.code, 2, "{done:?}");
    assert_eq!(
        done.stderr,
        "error: nobody is there to be asked before mail is sent\n\
         hint: run it at a terminal, or add `--yes`\n"
    );
    assert!(sink.accepted().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_window_is_covered_again_by_the_next_run() {
    let office = Office::new();
    office.subscribe(2, "daily");
    office.release("a-new-bridge", "It opens today.");
    let kept = office.run_async(&["publish-now", "--keep-window"]).await;
    assert_eq!(kept.code, 0, "{kept:?}");
    assert_eq!(office.mails().len(), 2);
    let next = office.run_async(&["publish-now"]).await;
    assert!(next.stdout.contains("Mail       2 rehearsed"), "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsed_week_is_not_sent_when_the_office_goes_live() {
    let office = Office::new();
    office.subscribe(2, "daily");
    office.release("a-new-bridge", "It opens today.");
    assert_eq!(office.run_async(&["publish-now"]).await.code, 0);
    let sink = Sink::start().await;
    office.set_relay(&sink.url());
    let done = publish(&office).await;
    assert!(done.stdout.contains("Mail       none: nothing is new"), "{done:?}");
    office.news("a-second-bridge", "It opens tomorrow.");
    publish(&office).await;
    assert_eq!(sink.recipients(), expected(2));
    assert!(sink.accepted().iter().all(|mail| !mail.message.contains("a-new-bridge")));
}

#[test]
fn what_a_first_scan_takes_in_is_mailed_to_nobody_and_says_so() {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    office.write("config/tidings.yaml", config.replace("first_scan: announce, ", ""));
    office.subscribe(1, "daily");
    office.news("a-new-bridge", "It opens today.");
    let first = office.run(&["publish-now"]);
    assert!(first.stdout.contains("this is the first scan (`content.first_scan: adopt`)"));
    assert!(first.stdout.contains("Mail       none: nothing is new for anybody"), "{first:?}");
    office.news("a-new-bridge", "It opens today, at nine.");
    let second = office.run(&["publish-now"]);
    assert!(!second.stdout.contains("first scan"), "{second:?}");
    let noted = "---\ntitle: a-new-bridge\nlayout: post\npermalink: /news/a-new-bridge/\n\
                 change_note: It opens at ten.\n---\nIt opens today.\n";
    office.write("content/_posts/a-new-bridge.md", noted);
    office.settle("content/_posts/a-new-bridge.md");
    assert_eq!(office.run(&["publish-now"]).code, 0);
    assert_eq!(office.mails().len(), 1, "as it says, a `change_note` is news");
}

#[tokio::test(flavor = "multi_thread")]
async fn stand_ins_get_no_real_mail() {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    office.write(
        "config/tidings.yaml",
        format!("{config}rehearsal: {{subscribers: stand_ins.csv}}\n"),
    );
    office.write("stand_ins.csv", "address,language,feed,digest\nmei@example.org,en,all,daily\n");
    office.release("a-new-bridge", "It opens today.");
    office.write("var/mail/new", "a file in the way");
    assert_eq!(office.run_async(&["publish-now"]).await.code, 5);
    let sink = Sink::start().await;
    office.set_relay(&sink.url());
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert!(sink.accepted().is_empty());
    assert_eq!(deliveries(&office, "cancelled"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_a_feed_by_two_digests_gets_an_entry_once() {
    let sink = Sink::start().await;
    let office = Office::with_relay(&sink.url());
    office.write(
        "people.csv",
        "address,language,feed,digest\nmei@example.org,en,releases,immediate\n\
         mei@example.org,en,all,daily\n",
    );
    office.run(&["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"]);
    office.news("a-new-bridge", "It opens today.");
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(sink.recipients(), ["mei@example.org"]);
}

/// Writes a release without a date, in a category.
fn news_of(office: &Office, category: &str, title: &str, body: &str) {
    let name = title.to_lowercase().replace([' ', ':', '/', '.'], "-");
    let path = format!("content/_posts/{name}.md");
    office.write(
        &path,
        format!(
            "---\ntitle: {title:?}\nlayout: post\npermalink: /news/{name}/\n\
             category: {category}\n---\n{body}\n"
        ),
    );
    office.settle(&path);
}

/// As an author would title a link; a template's own links may not be called so.
#[tokio::test(flavor = "multi_thread")]
async fn no_title_of_an_author_stops_the_mail() {
    let sink = Sink::start().await;
    let office = Office::with_relay(&sink.url());
    office.subscribe(1, "daily");
    let titles = ["More", "Here", "https://vaccine.example.gov opens for bookings", "http://a.b"];
    for title in titles {
        news_of(&office, "transport", title, "It says more.");
    }
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    let [mail] = &sink.accepted()[..] else { panic!("{:?}", sink.recipients()) };
    let mail = MessageParser::default().parse(mail.message.as_bytes()).unwrap();
    let text = mail.body_text(0).unwrap();
    assert!(titles.iter().all(|title| text.contains(title)), "{text}");
    let check = office.run(&["check"]);
    assert_eq!(check.code, 0, "{check:?}");
    assert!(check.stdout.contains("`title` is all that links to it say"), "{}", check.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_one_digest_leaves_the_others_alone() {
    let sink = Sink::start().await;
    let office = Office::with_relay(&sink.url());
    news_of(&office, "transport", "An old bridge", "It stands.");
    news_of(&office, "air", "An old balloon", "It flies.");
    assert_eq!(office.run(&["publish-now", "--feeds-only"]).code, 0);
    office.write(
        "people.csv",
        "address,language,feed,digest\nreader1@example.org,en,category-transport,immediate\n\
         reader2@example.org,en,category-air,daily\n",
    );
    let import = ["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"];
    assert_eq!(office.run(&import).code, 0);
    news_of(&office, "transport", "A new bridge", "It opens.");
    news_of(&office, "air", "A zeppelin", "It sails.");
    let template = include_str!("../templates/mail/digest.html")
        .replace("<h3", "{% if \"zeppelin\" in entry.title %}<a href=\"/x\">It</a>{% endif %}<h3");
    office.write("templates/mail/digest.html", template);
    let done = publish(&office).await;
    assert_eq!(done.code, 1, "{done:?}");
    assert_eq!(sink.recipients(), expected(1));
    let said = "error: nothing of `daily` was sent: the entry `A zeppelin` (";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    let said = "an issue of the digest `daily` is not fit to send: the link `/x` is not absolute\n\
                hint: mend the template or the entry and run again";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    std::fs::remove_file(office.path("templates/mail/digest.html")).unwrap();
    let again = publish(&office).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(sink.recipients(), expected(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_one_digest_leaves_the_others_alone_beside_a_daemon_too() {
    let sink = Sink::start().await;
    let office = Office::with_relay(&sink.url());
    office.subscribe(1, "daily");
    office.run(&[
        "subscribers",
        "add",
        "reader2@example.org",
        "--feed",
        "releases",
        "--digest",
        "immediate",
        "--consent",
        "test",
        "--confirmed",
    ]);
    let daily = "{% if heading == \"Daily digest\" and \"zeppelin\" in entry.title %}<a href=\"/x\">It</a>{% endif %}<h3";
    let template = include_str!("../templates/mail/digest.html").replace("<h3", daily);
    office.write("templates/mail/digest.html", template);
    let daemon = office.daemon();
    news_of(&office, "air", "A zeppelin", "It sails.");
    let done = publish(&office).await;
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stderr.contains("error: nothing of `daily` was sent: "), "{done:?}");
    assert_eq!(daemon.stop().0, 0);
    assert!(!sink.recipients().contains(&"reader1@example.org".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_megabyte_of_body_is_mailed_in_short_and_one_of_title_is_held_back() {
    let sink = Sink::start().await;
    let office = Office::with_relay(&sink.url());
    office.subscribe(1, "daily");
    news_of(&office, "transport", "A long report", &"A line of a report.\n".repeat(52_429));
    news_of(&office, "transport", "An unbroken report", &"x".repeat(1 << 20));
    office.write(
        "content/_posts/long.md",
        format!("---\ntitle: {}\npermalink: /news/long/\n---\nText.\n", "x".repeat(1 << 20)),
    );
    office.settle("content/_posts/long.md");
    let done = publish(&office).await;
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.stderr.contains("the front matter is 10486"), "{}", done.stderr);
    let [mail] = &sink.accepted()[..] else { panic!("{:?}", sink.recipients()) };
    assert!(mail.message.len() < 50_000, "{}", mail.message.len());
    let mail = MessageParser::default().parse(mail.message.as_bytes()).unwrap();
    let text = mail.body_text(0).unwrap();
    assert!(text.contains("A long report") && text.contains("An unbroken report"), "{text}");
    assert!(office.read("public/feeds/all.atom").len() > 2 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_who_answers_for_the_mail_is_warned() {
    let sink = Sink::start().await;
    let office = office(&sink, 1);
    assert!(!publish(&office).await.stderr.contains("mail.legal"));
    let config = office.read("config/tidings.yaml").replace(", legal: {profile: none}", "");
    office.write("config/tidings.yaml", config);
    let said = "warning: `mail.legal` is missing: no law is checked";
    for arguments in [&["publish-now", "--yes"][..], &["check"]] {
        let done = office.run_async(arguments).await;
        assert!(done.stderr.contains(said), "{arguments:?}: {}", done.stderr);
    }
    assert!(office.daemon().stop().1.contains(said));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_is_named_by_number_with_what_the_relay_said() {
    let sink = Sink::playing(|address, _| match address {
        "reader2@example.org" => Play::RefuseRecipient("550 5.1.1 no such user"),
        _ => Play::Accept,
    })
    .await;
    let office = office(&sink, 3);
    let done = publish(&office).await;
    assert_eq!(done.code, 0, "{done:?}");
    let said = "refused in daily now:1: subscriber 2\n           `tidings what-got 2` shows";
    assert!(done.stdout.contains(said), "{done:?}");
    assert!(!done.stderr.contains("refused a recipient"), "it is said once: {done:?}");
    let got = office.run(&["what-got", "2"]).stdout;
    assert!(got.starts_with("subscriber 2, reader2@example.org\nrun 1 (daily now:1): rejected "));
    assert!(got.contains("\n    the relay said: no such user\n"), "{got}");
    let run = office.run(&["runs", "show", "1"]).stdout;
    assert!(run.contains("\nrefused       subscriber 2: no such user\n"), "{run}");
}
