//! What each stage of reading one file costs, in microseconds of one thread.
//!
//! The stages cannot be called one by one from outside, so each is the difference between two
//! sets of files that are alike but for what the stage works on. Run it with
//! `cargo bench --bench read_stages`. Needs no network and nothing installed.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

mod support;

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use tidings::content::{Outcome, Rules, read};

const POSTS: usize = 2_000;
const ROUNDS: usize = 5;

/// A path below the content folder, and the text of the file.
type Post = (String, String);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let paths = support::make_posts(folder.path(), POSTS);
    let whole: Vec<Post> = paths.iter().map(|path| load(path, folder.path())).collect();
    let (with_html, plain): (Vec<Post>, Vec<Post>) =
        whole.iter().cloned().partition(|(_, text)| text.contains("<table"));
    let sets: [Vec<Post>; 6] = [
        whole.iter().map(|post| with_body(post, |_| "One.".to_owned())).collect(),
        plain.iter().map(|post| with_body(post, without_marks)).collect(),
        plain,
        with_html.iter().map(|post| with_body(post, without_table)).collect(),
        with_html,
        whole,
    ];
    let rules = rules();
    assert!(sets.iter().flatten().all(|post| is_draft(post, &rules)));

    let mut loading = Vec::new();
    let mut reading: [Vec<f64>; 6] = Default::default();
    // In turns, so that whatever else the machine does weighs on all of them.
    for _ in 0..ROUNDS {
        loading.push(microseconds_each(&paths, |path| std::fs::read(path).unwrap().len()));
        for (times, posts) in reading.iter_mut().zip(&sets) {
            times.push(microseconds_each(posts, |post| is_draft(post, &rules)));
        }
    }
    let [no_body, no_marks, plain, no_table, with_html, all] = reading.map(median);
    println!("{POSTS} posts, microseconds for each, medians of {ROUNDS}");
    for (name, microseconds) in [
        ("file from the system's cache", median(loading)),
        ("post with a body of one word", no_body),
        ("    3 KB of text add", no_marks - no_body),
        ("    emphasis, links and lists add", plain - no_marks),
        ("post in plain Markdown", plain),
        ("    a table in HTML adds", with_html - no_table),
        ("post with a table in HTML", with_html),
        ("all posts, two of five with a table", all),
    ] {
        println!("{name:<38}{microseconds:>8.1}");
    }
}

fn load(path: &Path, folder: &Path) -> Post {
    let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    (name, std::fs::read_to_string(path).unwrap())
}

fn with_body((path, text): &Post, change: impl Fn(&str) -> String) -> Post {
    let at = text.rfind("---\n").unwrap() + 4;
    (path.clone(), format!("{}{}", &text[..at], change(&text[at..])))
}

fn without_marks(body: &str) -> String {
    body.chars().map(|c| if "*[]()-/".contains(c) { ' ' } else { c }).collect()
}

fn without_table(body: &str) -> String {
    body.split_inclusive('\n').filter(|line| !line.starts_with('<')).collect()
}

fn rules() -> Rules {
    Rules {
        site_url: "https://press.example.org/".parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    }
}

fn is_draft((path, text): &Post, rules: &Rules) -> bool {
    matches!(read(path, text.as_bytes(), rules).outcome, Outcome::Draft(_))
}

fn microseconds_each<T, R>(all: &[T], run: impl Fn(&T) -> R) -> f64 {
    let start = Instant::now();
    for one in all {
        black_box(run(one));
    }
    start.elapsed().div_f64(f64::from(u32::try_from(all.len()).unwrap())).as_secs_f64() * 1e6
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
