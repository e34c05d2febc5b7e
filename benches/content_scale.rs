//! What content costs at scale, whole processes: a first scan beside Hugo, an unchanged folder
//! beside `find`, one changed post.
//!
//! Run it with `cargo bench --bench content_scale`, or with another number of posts as
//! `cargo bench --bench content_scale -- 5000`. Needs GNU `time`, `timeout` and `find`; without
//! Hugo that column is left out. The processes take turns, so that whatever else the machine
//! does weighs on all of them alike.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

#[path = "support/processes.rs"]
mod processes;
mod support;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use processes::{
    LIMIT_SECONDS, PREPARATION_LIMIT_SECONDS, ROUNDS, are_there, check_public, command, is_there,
    measure, milliseconds, print, print_ratio, publish_now, set_back,
};

const POSTS: usize = 50_000;

const OFFICE: &str = "\
site: {title: Press Office, url: 'https://press.example.org/', since: 2026-01-01, \
       time_zone: Asia/Singapore}
mail: {from: 'Press Office <press@press.example.org>'}
feeds: [{name: all, title: All news}]
digests: [{name: daily, at: '0 8 * * *'}]
";

/// Feeds only: one RSS document of the newest 50, as ours. Pages must be known to be listed,
/// and with no format of their own none is written.
const HUGO_SITE: &str = "\
baseURL: https://press.example.org/
title: Press Office
disableKinds: [section, taxonomy, term, sitemap, robotsTXT, '404']
outputs: {home: [RSS], page: []}
frontmatter: {date: [':filename', ':default']}
markup: {goldmark: {renderer: {unsafe: true}}}
";

/// Hugo's own template holds summaries; this one the whole content, as our documents.
const HUGO_RSS: &str = r#"{{ printf "<?xml version=\"1.0\" encoding=\"utf-8\"?>" | safeHTML }}
<rss version="2.0"><channel>
<title>{{ site.Title }}</title><link>{{ .Permalink }}</link><description>News</description>
{{- range first 50 site.RegularPages.ByDate.Reverse }}
<item><title>{{ .Title }}</title><link>{{ .Permalink }}</link><guid>{{ .Permalink }}</guid>
<pubDate>{{ .Date.Format "Mon, 02 Jan 2006 15:04:05 -0700" | safeHTML }}</pubDate>
<description>{{ .Content | html }}</description></item>
{{- end }}
</channel></rss>
"#;

fn main() {
    // Cargo adds `--bench` to whatever it is given.
    let posts = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(POSTS);
    if !are_there(&[("/usr/bin/time", "time"), ("timeout", "coreutils"), ("find", "findutils")]) {
        return;
    }
    let office = Office::new(posts);
    first_scan(&office, posts);
    one_changed(&office);
    drop(office);
    unchanged(2 * posts);
}

/// A fresh office reads all posts into an empty store, and writes its documents.
fn first_scan(office: &Office, posts: usize) {
    println!("\nfirst scan of {posts} posts, medians of {ROUNDS}");
    let hugo = HugoSite::new();
    if hugo.is_none() {
        println!("no `hugo` to compare with: install it with `apt-get install hugo`");
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        office.forget();
        ours.push(measure(&mut office.publish()));
        if let Some(hugo) = &hugo {
            theirs.push(measure(&mut hugo.build(&office.content())));
            hugo.check(posts);
        }
    }
    let ours = print("tidings publish-now, nothing known", &ours);
    let theirs = print("hugo, feeds only", &theirs);
    if let (Some(ours), Some(theirs)) = (&ours, &theirs) {
        print_ratio(ours, theirs, "hugo");
    }
    if ours.is_some() {
        check_public(office.folder.path(), posts);
    }
}

/// The newest post gets another text, so that the documents change as well.
fn one_changed(office: &Office) {
    println!("\none changed post, medians of {ROUNDS}");
    let (mut idle, mut changed) = (Vec::new(), Vec::new());
    if measure(&mut office.prepare()).is_none() {
        return println!("skipped: the folder was not read in {PREPARATION_LIMIT_SECONDS} s");
    }
    for round in 0..ROUNDS {
        idle.push(measure(&mut office.publish()));
        let words = format!("Edited in round {round}.");
        office.edit_newest(&words);
        changed.push(measure(&mut office.publish()));
        let document = fs::read_to_string(office.folder.path().join("public/feeds/all.rss"));
        assert!(document.unwrap().contains(&words), "the change was not published");
    }
    let idle = print("nothing changed", &idle);
    let changed = print("one post changed", &changed);
    if let (Some(idle), Some(changed)) = (idle, changed) {
        let more_ms = milliseconds(changed.wall) - milliseconds(idle.wall);
        println!("{:<36}{more_ms:>9.0} ms", "the change alone");
    }
}

/// Every file is known: a walk and a look at each file's stat.
fn unchanged(posts: usize) {
    println!("\nsecond pass over {posts} unchanged files, medians of {ROUNDS}");
    let office = Office::new(posts);
    if measure(&mut office.prepare()).is_none() {
        return println!("skipped: the folder was not read in {PREPARATION_LIMIT_SECONDS} s");
    }
    let (mut ours, mut find) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(measure(&mut office.publish()));
        let content = office.content();
        let arguments = ["-type", "f", "-printf", "%T@ %s %p\n"].map(OsStr::new);
        find.push(measure(command(LIMIT_SECONDS, "find", &[content.as_os_str()]).args(arguments)));
    }
    let ours = print("tidings publish-now, all known", &ours);
    let find = print("find -type f -printf '%T@ %s %p\\n'", &find);
    if let (Some(ours), Some(find)) = (&ours, &find) {
        print_ratio(ours, find, "find");
    }
}

/// A press office of its own in a temporary folder.
struct Office {
    folder: tempfile::TempDir,
    newest: PathBuf,
}

impl Office {
    fn new(posts: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("config")).unwrap();
        fs::write(folder.path().join("config/tidings.yaml"), OFFICE).unwrap();
        let paths = support::make_posts(&folder.path().join("content"), posts);
        for path in &paths {
            set_back(path, Duration::from_mins(1));
        }
        // File names begin with the day.
        let newest = paths.into_iter().max_by_key(|path| path.file_name().map(OsStr::to_owned));
        Self { folder, newest: newest.expect("at least one post") }
    }

    fn content(&self) -> PathBuf {
        self.folder.path().join("content")
    }

    /// Back to an empty store and no documents.
    fn forget(&self) {
        for name in ["var", "public"] {
            let _ = fs::remove_dir_all(self.folder.path().join(name));
        }
    }

    fn publish(&self) -> Command {
        publish_now(self.folder.path(), LIMIT_SECONDS)
    }

    /// As [`Office::publish`], where the time it takes is not the question.
    fn prepare(&self) -> Command {
        publish_now(self.folder.path(), PREPARATION_LIMIT_SECONDS)
    }

    /// Another text, from a time that is past and not the one before.
    fn edit_newest(&self, words: &str) {
        let mut file = File::options().append(true).open(&self.newest).unwrap();
        writeln!(file, "\n{words}").unwrap();
        drop(file);
        set_back(&self.newest, Duration::from_secs(10));
    }
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
        fs::create_dir_all(folder.path().join("layouts/_default")).unwrap();
        fs::write(folder.path().join("config.yaml"), HUGO_SITE).unwrap();
        fs::write(folder.path().join("layouts/_default/rss.xml"), HUGO_RSS).unwrap();
        Some(Self { folder })
    }

    fn build(&self, content: &Path) -> Command {
        let _ = fs::remove_dir_all(self.folder.path().join("public"));
        let mut command =
            command(LIMIT_SECONDS, "hugo", &["--quiet", "--contentDir"].map(OsStr::new));
        command.arg(content).current_dir(self.folder.path());
        command
    }

    fn check(&self, posts: usize) {
        let document = fs::read_to_string(self.folder.path().join("public/index.xml")).unwrap();
        assert_eq!(document.matches("<item>").count(), posts.min(50));
    }
}
