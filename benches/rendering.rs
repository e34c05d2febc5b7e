//! Renders, inlines and checks 10,000 distinct issues of 15 entries, on all cores.
//!
//! The budget is ten seconds on two cores. Run it with `cargo bench --bench rendering`. Needs no
//! network and nothing installed.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops where it fails")]

#[path = "../tests/support/news.rs"]
mod news;

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use mimalloc::MiMalloc;
use tidings::config::Legal;
use tidings::digest::render::samples::samples;
use tidings::digest::render::{IssueContent, Section, lint, render, render_web};
use tidings::feeds::Site;
use tidings::model::{Entry, Language};
use tidings::templates::Templates;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const ISSUES: usize = 10_000;
const ENTRIES: usize = 15;
const POOL: usize = 997;
const ROUNDS: usize = 3;

fn main() {
    let templates = Templates::builtin();
    let (site, pool, language, legal) = (site(), pool(), "en".parse().unwrap(), legal());
    let issue = |number: usize| issue(number, &pool, &language, &legal);

    let one = render(&templates, &site, &issue(0)).unwrap();
    println!(
        "an issue: {} KB of HTML, {} KB of text",
        one.html.len() / 1000,
        one.text.len() / 1000
    );
    let each = |name: &str, work: &dyn Fn(usize)| {
        let start = Instant::now();
        (0..500).for_each(work);
        println!("{name}: {:.0} µs each, one thread", start.elapsed().as_secs_f64() / 500.0 * 1e6);
    };
    each("render and inline", &|number| {
        black_box(render(&templates, &site, &issue(number)).unwrap());
    });
    each("check", &|_| {
        black_box(lint(&one));
    });
    each("web copy", &|number| {
        black_box(render_web(&templates, &site, &issue(number)).unwrap());
    });

    let cores = thread::available_parallelism().unwrap().get();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        thread::scope(|scope| {
            for core in 0..cores {
                let (templates, site) = (&templates, &site);
                scope.spawn(move || {
                    for number in (core..ISSUES).step_by(cores) {
                        let rendered = render(templates, site, &issue(number)).unwrap();
                        assert_eq!(lint(&rendered), [""; 0]);
                    }
                });
            }
        });
        let seconds = start.elapsed().as_secs_f64();
        println!("{ISSUES} issues of {ENTRIES} entries, {cores} cores: {seconds:.1} s");
    }
}

/// No two issues hold the same entries.
fn issue<'a>(
    number: usize,
    pool: &'a [Entry],
    language: &'a Language,
    legal: &'a Legal,
) -> IssueContent<'a> {
    let step = 1 + number / POOL;
    let entries = (0..ENTRIES).map(|n| &pool[(number + n * step) % POOL]).collect();
    IssueContent {
        digest: "daily",
        language,
        sections: vec![Section { feed_title: "All news", entries }],
        more: 0,
        web_url: "https://press.example.org/issues/4f2a",
        sender: Some(legal),
        now: "2026-03-01T00:00:00Z".parse().unwrap(),
    }
}

/// Releases and events in turns, of the kinds there are, each with a title of its own.
fn pool() -> Vec<Entry> {
    let samples = samples();
    let contents: Vec<IssueContent<'_>> = samples
        .iter()
        .filter(|sample| ["mixed", "events", "notices"].contains(&sample.name))
        .map(|sample| sample.content())
        .collect();
    let entries: Vec<&Entry> =
        contents.iter().flat_map(|c| &c.sections).flat_map(|s| s.entries.iter().copied()).collect();
    (0..POOL)
        .map(|n| {
            let entry = entries[n % entries.len()];
            Entry {
                title: format!("{} ({n})", entry.title),
                link: format!("{}{n}/", entry.link).parse().unwrap(),
                summary: format!("{} {}", entry.summary, "More is said of it here. ".repeat(6)),
                ..entry.clone()
            }
        })
        .collect()
}

fn legal() -> Legal {
    let given = |text: &str| Some(text.to_owned());
    Legal {
        organisation: given("Harbour City Council"),
        address: given("1 Pier Road, Singapore 099253"),
        contact: given("+65 6123 4567"),
        data_protection: given("dpo@press.example.org"),
        purpose: given("to send you the news you asked for"),
    }
}

fn site() -> Site {
    Site { title: "Harbour City Office".into(), ..news::site() }
}
