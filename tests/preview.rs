//! The preview as a browser gets it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use support::desk::Desk;
use support::office::Office;
use tidings::pipeline::Press;
use tidings::pipeline::preview::{Preview as Made, Samples, make};
use tidings::templates::Templates;

/// A preview that serves; dropping it kills it.
struct Preview {
    child: Child,
    address: String,
}

impl Preview {
    fn of(office: &Office, arguments: &[&str]) -> Self {
        let arguments = [&["preview", "--listen", "127.0.0.1:0"], arguments].concat();
        let folder = office.path("tmp");
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = office.command(&arguments);
        command.env("TMPDIR", folder).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the preview ended: {said}");
            if let Some((_, rest)) = line.split_once("preview at http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
            said.push_str(&line);
        };
        std::thread::spawn(move || log.read_to_string(&mut said));
        Self { child, address }
    }

    /// Head and body of an answer.
    fn ask(&self, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, path: &str) -> String {
        self.ask(path, &self.address)
    }

    fn wait_for(&self, path: &str, text: &str) -> String {
        self.wait_within(Duration::from_secs(30), path, text)
    }

    fn wait_within(&self, time: Duration, path: &str, text: &str) -> String {
        let deadline = Instant::now() + time;
        loop {
            let answer = self.get(path);
            if answer.contains(text) {
                return answer;
            }
            assert!(Instant::now() < deadline, "no `{text}` at {path}: {answer}");
            std::thread::yield_now();
        }
    }

    fn stop(mut self) -> i32 {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Preview {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Readers of the daily digest, as a preview counts them.
async fn followers(press: &Press, before: &mut Made) -> u64 {
    *before = make(press, &mut Samples::new(), before).await;
    let daily = before.digests.iter().find(|digest| digest.name == "daily");
    daily.unwrap().recipients
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_are_planned_anew_only_where_something_changed() {
    let desk = Desk::open("2026-11-20T02:00:00Z").await;
    desk.put("_posts/a.md", "---\ntitle: A bridge\npermalink: /news/a/\n---\nIt opens.\n");
    desk.office.subscribe(5, "daily");
    // In a private copy nobody leaves: who does here is not missed before something changes.
    let leaves = |name: &str| {
        let address = format!("{name}@example.org");
        assert_eq!(desk.office.run(&["subscribers", "remove", &address]).code, 0);
    };
    let mut made = Made::default();
    assert_eq!(followers(&desk.press, &mut made).await, 5);
    leaves("reader1");
    desk.clock.set("2026-11-20T03:00:00Z");
    assert_eq!(followers(&desk.press, &mut made).await, 5);
    desk.put("_posts/b.md", "---\ntitle: A ferry\npermalink: /news/b/\n---\nIt sails.\n");
    assert_eq!(followers(&desk.press, &mut made).await, 4);
    leaves("reader2");
    assert_eq!(followers(&desk.press, &mut made).await, 4);
    // The moment of a digest passes.
    desk.clock.set("2026-11-21T00:01:00Z");
    assert_eq!(followers(&desk.press, &mut made).await, 3);
    leaves("reader3");
    let own = format!("{}our own text\n", include_str!("../templates/mail/digest.txt"));
    desk.office.write("templates/mail/digest.txt", own);
    let templates = Templates::load(&desk.office.path("templates")).unwrap();
    let press = Press { templates: Arc::new(templates), ..desk.press.clone() };
    assert_eq!(followers(&press, &mut made).await, 2);
}

/// An office with one release that nobody was told of yet.
fn office() -> Office {
    let office = Office::new();
    office.release("a-new-bridge", "It opens **today**.");
    office
}

#[test]
fn every_digest_feed_page_and_template_is_shown() {
    let office = office();
    let preview = Preview::of(&office, &[]);
    let index = preview.get("/");
    for text in [
        "/digests/daily/1",
        "/digests/immediate/1",
        "/answers/confirm/1",
        "/answers/moved/1",
        "a new bridge",
        "/documents/feeds/all.rss",
        "/documents/feeds/category-transport/index.html",
        "/documents/index.html",
        "/pages/unsubscribe",
        "/templates/mail/digest.html",
    ] {
        assert!(index.contains(text), "{text}: {index}");
    }
    let mail = preview.get("/digests/daily/1");
    assert!(
        mail.contains("<iframe sandbox") && mail.contains("/light/mail/digests/daily/1"),
        "{mail}"
    );
    assert!(preview.get("/light/mail/digests/daily/1").contains("<h1"));
    assert!(preview.get("/dark/mail/digests/daily/1").contains("(min-width:0)"));
    assert!(preview.get("/digests/daily/1/text").contains("a new bridge"));
    let source = preview.get("/digests/daily/1/source");
    assert!(source.contains("List-Unsubscribe: &lt;https://press.example.org/unsubscribe/preview"));
    assert!(preview.get("/digests/daily/1/copy").contains("/light/copy/digests/daily/1"));
    assert!(preview.get("/light/copy/digests/daily/1").contains("a new bridge"));
    assert!(preview.get("/documents/feeds/all.atom").contains("&lt;feed"));
    assert!(preview.get("/documents/feeds/all/index.html").contains("/light/site/feeds/all/"));
    assert!(preview.get("/light/site/feeds/all/index.html").contains("<h1>All news</h1>"));
    assert!(preview.get("/light/pages/en/unsubscribe").contains("<button"));
    let subscribe = preview.get("/light/pages/en/subscribe");
    assert!(subscribe.contains("All news") && !subscribe.contains("aria-invalid"), "{subscribe}");
    assert!(preview.get("/pages/confirm?dark").contains("/dark/pages/en/confirm"));
    assert!(preview.get("/light/pages/zh/data").contains("lang=\"zh\""));
    let mail = preview.get("/answers/confirm/1/text");
    assert!(mail.contains("All news: ") && mail.contains("/confirm/preview"), "{mail}");
    assert!(preview.get("/answers/confirm/1/copy").starts_with("HTTP/1.1 404"));
    assert!(preview.get("/templates/mail/digest.txt").contains("{% for"));
    assert!(preview.get("/documents/nothing.html").starts_with("HTTP/1.1 404"));
    assert!(preview.get("/light/site/../tidings.db").starts_with("HTTP/1.1 404"));
    assert!(preview.get("/light/site/%2e%2e/tidings.db").starts_with("HTTP/1.1 404"));
}

#[test]
fn a_digest_that_nobody_follows_says_so() {
    let office = office();
    let index = Preview::of(&office, &[]).get("/");
    assert_eq!(index.matches("Nobody follows by it yet").count(), 2, "{index}");
    office.subscribe(2, "daily");
    let index = Preview::of(&office, &[]).get("/");
    assert_eq!(index.matches("Nobody follows by it yet").count(), 1, "{index}");
    assert!(index.contains("One issue for 2 people."), "{index}");
}

#[test]
fn a_digest_that_would_wait_for_a_word_says_so() {
    let office = Office::new();
    let config = office.read("config/tidings.yaml");
    let approve = config.replace("at: '0 8 * * *'", "at: '0 8 * * *', approve: always");
    office.write("config/tidings.yaml", approve);
    office.subscribe(1, "daily");
    office.release("a-new-bridge", "It opens today.");
    let preview = Preview::of(&office, &[]);
    let page = preview.wait_for("/", "a new bridge");
    assert!(page.contains("It would wait for a word: somebody approves it"), "{page}");
}

#[test]
fn what_is_saved_is_shown() {
    let office = office();
    let preview = Preview::of(&office, &[]);
    assert!(!preview.get("/").contains("an-old-ferry"));
    office.news("an-old-ferry", "It sails no more.");
    preview.wait_for("/light/mail/digests/daily/1", "an-old-ferry");
    let own = include_str!("../templates/mail/digest.txt");
    office.write("templates/mail/digest.txt", format!("{own}our own text\n"));
    preview.wait_for("/templates/mail/digest.txt", "our own text");
}

#[test]
fn a_broken_template_is_told_with_its_line_and_the_last_good_one_stays() {
    let office = office();
    let good = include_str!("../templates/mail/digest.html").replace("<h1", "<h1 title=\"ours\"");
    office.write("templates/mail/digest.html", &good);
    let preview = Preview::of(&office, &[]);
    assert!(preview.get("/light/mail/digests/daily/1").contains("title=\"ours\""));
    office.write("templates/mail/digest.html", good.replace("{% endblock", "{% endblick"));
    office.write("templates/mail/digest.html", format!("{good}\n{{% if %}}"));
    let index = preview.wait_for("/", "templates/mail/digest.html");
    let index = if index.contains(" line ") { index } else { preview.wait_for("/", " line ") };
    assert!(index.contains("Something is wrong"), "{index}");
    assert!(preview.get("/light/mail/digests/daily/1").contains("title=\"ours\""));
    office.write("templates/mail/digest.html", format!("{good}\n{{{{ nobody }}}}"));
    preview.wait_for("/", "`nobody` is not known");
    assert!(preview.get("/light/mail/digests/daily/1").contains("title=\"ours\""));
    office.write("templates/mail/digest.html", &good);
    let deadline = Instant::now() + Duration::from_secs(30);
    while preview.get("/").contains("class=\"fault") {
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn a_template_with_an_endless_loop_is_told_and_a_mended_one_is_shown() {
    let office = office();
    let preview = Preview::of(&office, &[]);
    let good = include_str!("../templates/mail/digest.txt");
    let endless = "{% for a in range(end=90000) %}{% for b in range(end=90000) %}\
                   {% for c in range(end=90000) %}{% endfor %}{% endfor %}{% endfor %}";
    office.write("templates/mail/digest.txt", format!("{good}{endless}"));
    // The trial ends after half a minute.
    let index = preview.wait_within(Duration::from_mins(3), "/", "does not end");
    assert!(index.contains("a new bridge"), "{index}");
    office.write("templates/mail/digest.txt", format!("{good}our own text\n"));
    preview.wait_for("/digests/daily/1/text", "our own text");
    assert!(!preview.get("/").contains("does not end"));
    assert_eq!(preview.stop(), 0);
}

#[test]
fn it_ends_at_once_in_the_middle_of_a_trial_and_leaves_nothing_behind() {
    let office = office();
    let preview = Preview::of(&office, &[]);
    let endless = "{% for a in range(end=90000) %}{% for b in range(end=90000) %}\
                   {% for c in range(end=90000) %}{% endfor %}{% endfor %}{% endfor %}";
    office.write("templates/mail/digest.txt", endless);
    office.news("an-old-ferry", "It sails no more.");
    let start = Instant::now();
    while preview.get("/").contains("an-old-ferry") {
        assert!(start.elapsed() < Duration::from_secs(30));
    }
    let start = Instant::now();
    assert_eq!(preview.stop(), 0);
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(std::fs::read_dir(office.path("tmp")).unwrap().count(), 0);
}

#[test]
fn a_folder_of_templates_that_is_made_later_is_watched() {
    let office = office();
    let config = office.read("config/tidings.yaml").replace("scan: 1s", "scan: 1h");
    office.write("config/tidings.yaml", config);
    let preview = Preview::of(&office, &[]);
    let own = include_str!("../templates/mail/digest.txt");
    for text in ["our own text", "another text"] {
        office.write("templates/mail/digest.txt", format!("{own}{text}\n"));
        preview.wait_for("/digests/daily/1/text", text);
        std::fs::remove_dir_all(office.path("templates")).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while preview.get("/digests/daily/1/text").contains(text) {
            assert!(Instant::now() < deadline);
        }
    }
}

#[test]
fn urgent_news_corrections_and_reminders_are_shown() {
    let office = office();
    office.subscribe(2, "daily");
    assert_eq!(office.run(&["publish-now"]).code, 0);
    office.write(
        "content/_posts/storm.md",
        "---\ntitle: A storm\nlayout: post\npermalink: /news/storm/\nurgent: true\n---\nStay in.\n",
    );
    office.settle("content/_posts/storm.md");
    let preview = Preview::of(&office, &[]);
    let index = preview.get("/");
    assert!(index.contains("/digests/urgent/1"), "{index}");
    assert!(index.contains("One issue for 2 people."), "{index}");
    assert!(preview.get("/digests/urgent/1/text").contains("A storm"));
    assert!(!preview.get("/digests/daily/1/text").contains("A storm"));
}

#[test]
fn a_broken_file_is_told_with_its_line() {
    let office = office();
    let preview = Preview::of(&office, &[]);
    office.write("content/_posts/b.md", "---\ntitle: B\nlayout: post\ndate: 31/11/2026\n---\nb\n");
    office.settle("content/_posts/b.md");
    let index = preview.wait_for("/", "<code>_posts/b.md line 4</code>");
    assert!(index.contains("Error") && index.contains("a new bridge"), "{index}");
}

#[test]
fn a_page_hears_of_what_is_saved() {
    let office = office();
    let preview = Preview::of(&office, &[]);
    let mut stream = TcpStream::connect(&preview.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let host = &preview.address;
    write!(stream, "GET /events HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "data: 0"));
    office.release("an-old-ferry", "It sails no more.");
    assert!(lines.any(|line| line.starts_with("data: ") && line != "data: 0"));
}

#[test]
fn tomorrow_is_rehearsed_today() {
    let office = office();
    office.write(
        "content/_posts/later.md",
        "---\ntitle: Kept back\nlayout: post\npermalink: /news/later/\n\
         publish_at: 2031-05-03T09:00:00+08:00\n---\nNot yet.\n",
    );
    office.settle("content/_posts/later.md");
    assert!(!Preview::of(&office, &[]).get("/light/mail/digests/daily/1").contains("Kept back"));
    let preview = Preview::of(&office, &["--at", "2031-05-03T10:00:00+08:00"]);
    assert!(preview.get("/light/mail/digests/daily/1").contains("Kept back"));
    assert!(preview.get("/").contains("Saturday, 3 May 2031"));
}

#[test]
fn nothing_is_sent_or_written_and_the_copy_is_removed() {
    let office = office();
    office.subscribe(1, "daily");
    assert_eq!(office.run(&["publish-now"]).code, 0);
    let (mails, documents) = (office.mails(), office.documents());
    let daemon = office.daemon();
    let preview = Preview::of(&office, &[]);
    preview.get("/digests/daily/1");
    preview.get("/documents/feeds/all.atom");
    assert_eq!(std::fs::read_dir(office.path("tmp")).unwrap().count(), 1);
    assert_eq!(preview.stop(), 0);
    assert_eq!(std::fs::read_dir(office.path("tmp")).unwrap().count(), 0);
    assert_eq!((office.mails(), office.documents()), (mails, documents));
    assert_eq!(daemon.stop().0, 0);
}

#[test]
fn a_preview_of_nothing_makes_neither_store_nor_keys() {
    let office = office();
    let preview = Preview::of(&office, &[]);
    preview.get("/");
    assert_eq!(preview.stop(), 0);
    assert!(!office.path("var").exists());
    assert!(!office.path("public").exists());
}

#[test]
fn only_this_machine_is_answered() {
    let office = office();
    let preview = Preview::of(&office, &[]);
    assert!(preview.ask("/", "press.example.org").starts_with("HTTP/1.1 421"));
    assert!(preview.ask("/", "localhost").starts_with("HTTP/1.1 200"));
    let refused = office.run(&["preview", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("can be reached from other machines"), "{refused:?}");
}

#[test]
fn no_page_may_load_anything_from_elsewhere() {
    let office = office();
    office.release("with-an-image", "![A map](https://elsewhere.example.net/map.png)");
    let preview = Preview::of(&office, &[]);
    for path in [
        "/",
        "/digests/daily/1",
        "/light/mail/digests/daily/1",
        "/dark/copy/digests/daily/1",
        "/light/site/feeds/all/index.html",
        "/pages/unsubscribe",
        "/templates/mail/digest.html",
    ] {
        let answer = preview.get(path).to_lowercase();
        let (_, policy) = answer.split_once("content-security-policy: ").unwrap();
        let policy = policy.lines().next().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("http") && !policy.contains("img-src"), "{path}: {policy}");
        assert_eq!(policy.contains("sandbox"), path.contains("light") || path.contains("dark"));
    }
}
