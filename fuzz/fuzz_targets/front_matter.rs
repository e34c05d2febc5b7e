//! Arbitrary bytes as the front matter of a file; the first byte chooses its path.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidings_fuzz::check;

const PATHS: &[&str] = &[
    "_posts/2026-01-01-a.md",
    "content/events/2026-01-01-a.md",
    "content/fr/news/a/index.md",
    "about.html",
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, front_matter)) = data.split_first() else { return };
    let path = PATHS[usize::from(*choice) % PATHS.len()];
    check(path, &[b"---\n", front_matter, b"\n---\nOne [two](/three).\n"].concat());
    check(path, &[b"---\ntitle: A\nlayout: post\n", front_matter, b"\n---\nOne.\n"].concat());
});
