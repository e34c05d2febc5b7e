//! What feeds cost at scale, whole processes: eight feeds in all formats beside Hugo's eight
//! RSS files, the archives of everything, one new post.
//!
//! Run it with `cargo bench --bench feeds_scale`, or with another number of posts and some of
//! its parts (`anew`, `new`, `archives`) as `cargo bench --bench feeds_scale -- 5000 new`. Needs GNU `time` and `timeout`; without Hugo the
//! comparison is left out. The processes take turns, so that whatever else the machine does
//! weighs on all of them alike.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

#[path = "support/processes.rs"]
mod processes;
mod support;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use processes::{
    Cost, LIMIT_SECONDS, PREPARATION_LIMIT_SECONDS, ROUNDS, are_there, check_public, command,
    is_there, measure, milliseconds, print, print_ratio, publish_now, set_back,
};
use serde_json::{Value, json};
use walkdir::WalkDir;

const POSTS: usize = 50_000;
const PARTS: [&str; 3] = ["anew", "new", "archives"];
const ARCHIVES_LIMIT_SECONDS: u64 = 600;
/// Entries of a subscription document, and of an archive.
const ENTRIES: usize = 50;
/// Feeds by category, beside the one of everything.
const TOPICS: usize = 7;
/// Categories of the posts that are made.
const CATEGORIES: usize = 20;
/// The category of each new post; the post of this number has it too.
const NEW_TOPIC: usize = 3;

/// Feeds only: one of the home page, and one of a page for each topic, which costs Hugo less
/// than a format of the home page for each. Posts must be pages to be listed, and with no
/// format of their own none is written.
const HUGO_SITE: &str = "\
baseURL: https://press.example.org/
title: Press Office
disableKinds: [section, taxonomy, term, sitemap, robotsTXT, '404']
frontmatter: {date: [':filename', ':default']}
markup: {goldmark: {renderer: {unsafe: true}}}
outputs: {home: [RSS], page: []}
";
const HUGO_ALL: &str = r#"(where site.RegularPages "Section" "!=" "feeds")"#;
const HUGO_TOPIC: &str = r#"(where site.RegularPages "Params.category" .Params.topic)"#;

/// As Hugo's own template: summaries. `PAGES` are those of the feed.
const HUGO_RSS: &str = r#"{{ printf "<?xml version=\"1.0\" encoding=\"utf-8\"?>" | safeHTML }}
<rss version="2.0"><channel>
<title>{{ site.Title }}</title><link>{{ .Permalink }}</link><description>News</description>
{{- range first 50 PAGES.ByDate.Reverse }}
<item><title>{{ .Title }}</title><link>{{ .Permalink }}</link><guid>{{ .Permalink }}</guid>
<pubDate>{{ .Date.Format "Mon, 02 Jan 2006 15:04:05 -0700" | safeHTML }}</pubDate>
<description>{{ .Summary | html }}</description></item>
{{- end }}
</channel></rss>
"#;

fn main() {
    // Cargo adds `--bench` to whatever it is given.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let posts = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(POSTS);
    let named: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|name| PARTS.contains(name)).collect();
    let is_wanted = |part| named.is_empty() || named.contains(&part);
    assert!(posts > NEW_TOPIC, "at least {} posts", NEW_TOPIC + 1);
    if !are_there(&[("/usr/bin/time", "time"), ("timeout", "coreutils")]) {
        return;
    }
    let content = Content::new(posts);
    let hugo = HugoSite::new();
    if hugo.is_none() {
        println!("no `hugo` to compare with: install it with `apt-get install hugo`");
    }
    let office = Office::new(&content, &eight_feeds());
    if is_wanted("anew") {
        eight_anew(&content, &office, hugo.as_ref());
    }
    if is_wanted("new") {
        one_new(&content, &office);
    }
    drop(office);
    if is_wanted("archives") {
        archives(&content, hugo.as_ref());
    }
}

/// An empty store and no documents.
fn eight_anew(content: &Content, office: &Office, hugo: Option<&HugoSite>) {
    println!("\n8 feeds of {} posts anew, medians of {ROUNDS}", content.posts);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(measure(&mut office.publish_anew(LIMIT_SECONDS)));
        theirs.extend(hugo.map(|hugo| hugo.measure(content)));
    }
    let ours = print("8 feeds, all formats, full text", &ours);
    let theirs = print("hugo, 8 RSS files of summaries", &theirs);
    if let (Some(ours), Some(theirs)) = (&ours, &theirs) {
        print_ratio(ours, theirs, "hugo");
        print_memory_ratio(ours, theirs);
    }
    if ours.is_some() {
        office.check(content.posts);
    }
}

/// A post is new; only what its feeds consist of is written.
fn one_new(content: &Content, office: &Office) {
    println!("\none new post, 8 feeds, medians of {ROUNDS}");
    // Feeds that the new post is not in: what its scan alone takes.
    let others: Vec<Value> = eight_feeds().into_iter().skip(NEW_TOPIC + 2).collect();
    let scanning = Office::new(content, &others);
    for office in [office, &scanning] {
        if measure(&mut office.publish(PREPARATION_LIMIT_SECONDS)).is_none() {
            return println!("skipped: the folder was not read in {PREPARATION_LIMIT_SECONDS} s");
        }
    }
    let (mut idle, mut scan, mut new, mut live) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        idle.push(measure(&mut office.publish(LIMIT_SECONDS)));
        let before = office.files();
        let title = content.add(round);
        let elsewhere = scanning.files();
        scan.push(measure(&mut scanning.publish(LIMIT_SECONDS)));
        assert!(elsewhere == scanning.files(), "a document of another feed was written");
        let start = office.mark();
        new.push(measure(&mut office.publish(LIMIT_SECONDS)));
        live.push(office.newest_document(&before).duration_since(start).unwrap());
        office.check_written(&before, &title);
    }
    print("nothing changed", &idle);
    let scan = print("one new post, in no feed", &scan);
    print("one new post", &new);
    live.sort();
    let live = live[live.len() / 2];
    println!("{:<36}{:>9.0} ms wall", "until its last document is live", milliseconds(live));
    if let Some(scan) = scan {
        let more = milliseconds(live) - milliseconds(scan.wall);
        println!("{:<36}{more:>9.0} ms wall", "beyond the scan");
    }
    content.remove_added();
}

/// One feed of everything, anew, without its archives and with them.
fn archives(content: &Content, hugo: Option<&HugoSite>) {
    println!("\narchives of {} posts, medians of {ROUNDS}", content.posts);
    let [without, with] = [false, true].map(|has| Office::new(content, &[one_feed(has)]));
    let (mut plain, mut archived, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(measure(&mut without.publish_anew(LIMIT_SECONDS)));
        archived.push(measure(&mut with.publish_anew(ARCHIVES_LIMIT_SECONDS)));
        theirs.extend(hugo.map(|hugo| hugo.measure(content)));
    }
    print("1 feed", &plain);
    let is_done = print("1 feed with archives", &archived).is_some();
    let theirs = print("hugo, 8 RSS files of summaries", &theirs);
    let archives_ms = print_difference("the archives alone", &plain, &archived);
    if let (Some(archives_ms), Some(theirs)) = (archives_ms, theirs) {
        println!("{:<36}{:>9.2} wall", "times hugo", archives_ms / milliseconds(theirs.wall));
    }
    if is_done {
        with.check_archives(content.posts);
    }
}

/// Everything, and the first categories.
fn feed_names() -> Vec<String> {
    let topics = (0..TOPICS).map(|topic| format!("topic-{topic}"));
    std::iter::once("all".to_owned()).chain(topics).collect()
}

fn eight_feeds() -> Vec<Value> {
    let topic = |topic| {
        json!({
            "name": format!("topic-{topic}"),
            "title": format!("Topic {topic}"),
            "select": {"all": [{"category": format!("topic {topic}")}]},
        })
    };
    std::iter::once(one_feed(false)).chain((0..TOPICS).map(topic)).collect()
}

fn one_feed(has_archives: bool) -> Value {
    json!({"name": "all", "title": "All news", "archive": has_archives})
}

/// Entries that a document of this feed holds, of so many posts.
fn entries_of(feed: &str, posts: usize) -> usize {
    let all = match feed.strip_prefix("topic-") {
        Some(topic) => {
            let topic: usize = topic.parse().unwrap();
            (topic..posts).step_by(CATEGORIES).count()
        }
        None => posts,
    };
    all.min(ENTRIES)
}

/// The posts, shared by all offices and Hugo.
struct Content {
    folder: tempfile::TempDir,
    posts: usize,
    /// What a new post is made from.
    sample: PathBuf,
}

impl Content {
    fn new(posts: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = support::make_posts(folder.path(), posts);
        for path in &paths {
            set_back(path, Duration::from_mins(1));
        }
        Self { folder, posts, sample: paths[NEW_TOPIC].clone() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A post newer than all others; returns its title.
    fn add(&self, round: usize) -> String {
        let title = format!("New in round {round}");
        let old = fs::read_to_string(&self.sample).unwrap();
        let text = old
            .replace(&format!("title: Notice {NEW_TOPIC} on"), &format!("title: {title} on"))
            .replace(&format!("/media/notice-{NEW_TOPIC}/"), &format!("/media/new-{round}/"));
        let path = self.path_of_added(round);
        fs::write(&path, text).unwrap();
        set_back(&path, Duration::from_mins(1));
        title
    }

    fn path_of_added(&self, round: usize) -> PathBuf {
        self.sample.with_file_name(format!("2026-01-{:02}-new-{round}.md", round + 1))
    }

    /// Back to the posts that there were.
    fn remove_added(&self) {
        for round in 0..ROUNDS {
            fs::remove_file(self.path_of_added(round)).unwrap();
        }
    }
}

/// A press office in a temporary folder, with its content elsewhere.
struct Office {
    folder: tempfile::TempDir,
}

impl Office {
    fn new(content: &Content, feeds: &[Value]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "site": {
                "title": "Press Office",
                "url": "https://press.example.org/",
                "since": "2026-01-01",
                "time_zone": "Asia/Singapore",
            },
            "content": {"folder": content.path()},
            "mail": {"from": "Press Office <press@press.example.org>"},
            "feeds": feeds,
            "digests": [{"name": "daily", "at": "0 8 * * *"}],
        });
        fs::create_dir(folder.path().join("config")).unwrap();
        // Every JSON text is one of YAML.
        fs::write(folder.path().join("config/tidings.yaml"), config.to_string()).unwrap();
        Self { folder }
    }

    fn publish(&self, limit_seconds: u64) -> Command {
        publish_now(self.folder.path(), limit_seconds)
    }

    /// From an empty store and no documents.
    fn publish_anew(&self, limit_seconds: u64) -> Command {
        for name in ["var", "public"] {
            let _ = fs::remove_dir_all(self.folder.path().join(name));
        }
        self.publish(limit_seconds)
    }

    fn public(&self) -> PathBuf {
        self.folder.path().join("public")
    }

    /// All entries in all formats, with their texts and twins.
    fn check(&self, posts: usize) {
        check_public(self.folder.path(), posts);
        for feed in feed_names() {
            let read = |end: &str| {
                let path = self.public().join(format!("feeds/{feed}{end}"));
                for coding in [".gz", ".br"] {
                    let twin = self.public().join(format!("feeds/{feed}{end}{coding}"));
                    assert!(twin.is_file(), "no {}", twin.display());
                }
                fs::read_to_string(path).unwrap()
            };
            let entries = entries_of(&feed, posts);
            assert_eq!(read(".rss").matches("<content:encoded>").count(), entries, "{feed}.rss");
            assert_eq!(read(".atom").matches("<content ").count(), entries, "{feed}.atom");
            let json: Value = serde_json::from_str(&read(".json")).unwrap();
            let with_text = json["items"].as_array().unwrap().iter();
            let with_text = with_text.filter(|item| item["content_html"].is_string());
            assert_eq!(with_text.count(), entries, "{feed}.json");
            assert!(read(".ics").starts_with("BEGIN:VCALENDAR"));
            assert!(read("/index.html").contains("Notice "));
        }
    }

    /// Each 50 posts close an archive.
    fn check_archives(&self, posts: usize) {
        check_public(self.folder.path(), posts);
        for format in ["atom", "json"] {
            let archives = self.files().into_keys();
            let is_one = |path: &PathBuf| {
                path.starts_with("feeds/all/archive") && path.extension() == Some(format.as_ref())
            };
            assert_eq!(archives.filter(is_one).count(), posts / ENTRIES, "{format}");
        }
    }

    /// The published files and when each was written.
    fn files(&self) -> BTreeMap<PathBuf, SystemTime> {
        let public = self.public();
        let files = WalkDir::new(&public).into_iter().map(Result::unwrap);
        files
            .filter(|file| file.file_type().is_file())
            .map(|file| {
                let modified = file.metadata().unwrap().modified().unwrap();
                (file.path().strip_prefix(&public).unwrap().to_owned(), modified)
            })
            .collect()
    }

    /// When the last document that was written since `before` was put in place: a rename sets
    /// the time of change. Twins do not count.
    fn newest_document(&self, before: &BTreeMap<PathBuf, SystemTime>) -> SystemTime {
        let after = self.files();
        let is_twin = |path: &Path| path.extension().is_some_and(|end| end == "gz" || end == "br");
        let written = after.iter().filter(|(path, at)| before[*path] != **at && !is_twin(path));
        written.map(|(path, _)| changed_at(&self.public().join(path))).max().unwrap()
    }

    /// Writes a file and returns when, by the clock of the file system.
    fn mark(&self) -> SystemTime {
        let path = self.folder.path().join("mark");
        fs::write(&path, "").unwrap();
        changed_at(&path)
    }

    /// Only the two feeds of the new post, and the lists of feeds, may be other files now.
    fn check_written(&self, before: &BTreeMap<PathBuf, SystemTime>, title: &str) {
        let after = self.files();
        assert!(after.keys().eq(before.keys()), "other files than before");
        let own = ["all", &format!("topic-{NEW_TOPIC}")];
        for (path, _) in after.iter().filter(|(path, modified)| before[*path] != **modified) {
            let is_list = ["index.html", "feeds.opml"].iter().any(|list| is_or_twin(path, list));
            let is_own = own.iter().any(|feed| {
                let formats = [".rss", ".atom", ".json", "/index.html"];
                formats.iter().any(|end| is_or_twin(path, &format!("feeds/{feed}{end}")))
            });
            assert!(is_list || is_own, "{} was written", path.display());
        }
        for path in own.map(|feed| self.public().join(format!("feeds/{feed}.atom"))) {
            assert!(fs::read_to_string(&path).unwrap().contains(title), "{}", path.display());
        }
    }
}

/// When a file was last written, renamed or linked.
fn changed_at(path: &Path) -> SystemTime {
    let file = path.metadata().unwrap();
    let since = Duration::from_secs(file.ctime().unsigned_abs());
    SystemTime::UNIX_EPOCH + since + Duration::from_nanos(file.ctime_nsec().unsigned_abs())
}

/// Whether `path` is this document or one of its twins.
fn is_or_twin(path: &Path, document: &str) -> bool {
    let rest = path.to_str().and_then(|path| path.strip_prefix(document));
    matches!(rest, Some("" | ".gz" | ".br"))
}

/// A minimal Hugo site around somebody else's content folder.
struct HugoSite {
    folder: tempfile::TempDir,
}

impl HugoSite {
    fn new() -> Option<Self> {
        if !is_there("hugo") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let layouts = folder.path().join("layouts/_default");
        let pages = folder.path().join("pages");
        fs::create_dir_all(&layouts).unwrap();
        fs::create_dir(&pages).unwrap();
        fs::write(folder.path().join("layouts/index.rss.xml"), HUGO_RSS.replace("PAGES", HUGO_ALL))
            .unwrap();
        fs::write(layouts.join("single.rss.xml"), HUGO_RSS.replace("PAGES", HUGO_TOPIC)).unwrap();
        for topic in 0..TOPICS {
            let page = json!({
                "title": format!("Topic {topic}"),
                "url": format!("/topic-{topic}/"),
                "topic": format!("topic {topic}"),
                "outputs": ["RSS"],
            });
            // Every JSON text is one of YAML.
            let text = format!("---\n{page}\n---\n");
            fs::write(pages.join(format!("topic-{topic}.md")), text).unwrap();
        }
        Some(Self { folder })
    }

    fn build(&self, content: &Path) -> Command {
        let _ = fs::remove_dir_all(self.folder.path().join("public"));
        let mounts = json!([
            {"source": content, "target": "content"},
            {"source": "pages", "target": "content/feeds"},
        ]);
        let config = format!("{HUGO_SITE}module: {{mounts: {mounts}}}\n");
        fs::write(self.folder.path().join("config.yaml"), config).unwrap();
        let mut command = command(LIMIT_SECONDS, "hugo", &["--quiet"].map(OsStr::new));
        command.current_dir(self.folder.path());
        command
    }

    /// Builds anew; every file must hold its posts.
    fn measure(&self, content: &Content) -> Option<Cost> {
        let cost = measure(&mut self.build(content.path()))?;
        self.check(content.posts);
        Some(cost)
    }

    fn check(&self, posts: usize) {
        for feed in feed_names() {
            let name = if feed == "all" { "index.xml".into() } else { format!("{feed}/index.xml") };
            let path = self.folder.path().join("public").join(name);
            let document = fs::read_to_string(path).unwrap();
            let items = document.matches("<item>").count();
            assert_eq!(items, entries_of(&feed, posts), "hugo's {feed}");
            assert!(!document.contains("<description></description>"), "hugo's {feed}");
        }
    }
}

fn print_memory_ratio(ours: &Cost, theirs: &Cost) {
    let percent = 100 * ours.peak_kib / theirs.peak_kib;
    println!("{:<36}{percent:>8} % memory", "of hugo's");
}

/// Prints and returns the median, in milliseconds, of what each round took more than the one
/// beside it.
fn print_difference(name: &str, less: &[Option<Cost>], more: &[Option<Cost>]) -> Option<f64> {
    let differences = less.iter().zip(more).map(|(less, more)| {
        Some(milliseconds(more.as_ref()?.wall) - milliseconds(less.as_ref()?.wall))
    });
    let mut differences = differences.collect::<Option<Vec<f64>>>()?;
    differences.sort_by(f64::total_cmp);
    let median_ms = differences[differences.len() / 2];
    println!("{name:<36}{median_ms:>9.0} ms wall");
    Some(median_ms)
}
