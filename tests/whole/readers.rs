//! A daemon publishes generation after generation, and readers of the folder and of the
//! server look all the time.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::look::look;
use super::support::office::Daemon;
use super::{FIRST, office, publish, put, put_first_releases, put_release};

const GENERATIONS: usize = 30;

#[test]
fn readers_who_loop_never_see_half_a_document_nor_a_link_to_a_missing_one() {
    let office = office();
    put_first_releases(&office);
    publish(&office);
    let daemon = office.daemon();
    let is_over = AtomicBool::new(false);
    let read_file = |path: &str| match fs::read(office.path("public").join(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        bytes => Some(bytes.unwrap()),
    };
    let (in_folder, by_http) = thread::scope(|scope| {
        let in_folder = scope.spawn(|| looks(&is_over, read_file));
        let by_http = scope.spawn(|| looks(&is_over, |path| get(&daemon, path)));
        for generation in 0..GENERATIONS {
            if in_folder.is_finished() || by_http.is_finished() {
                break;
            }
            put_release(&office, FIRST + generation);
            let event = "kind: event\nevent: {start: 2091-02-03}";
            put(&office, &format!("event-{generation}"), FIRST + generation, event, "Come.");
            if let Some(old) = generation.checked_sub(3) {
                fs::remove_file(office.path(&format!("content/_posts/event-{old}.md"))).unwrap();
            }
            daemon.wait_for("/feeds/all.json", &format!("release-{}", FIRST + generation));
        }
        is_over.store(true, Ordering::Relaxed);
        (in_folder.join().unwrap(), by_http.join().unwrap())
    });
    println!("{in_folder} looks at the folder, {by_http} at the server");
    assert!(in_folder > 10 && by_http > 10, "{in_folder} and {by_http} looks");
    assert!(office.path("public/feeds/all/archive/1.atom").exists());
}

/// Looks until it is over; returns how often.
fn looks(is_over: &AtomicBool, read: impl Fn(&str) -> Option<Vec<u8>>) -> usize {
    let mut looks = 0;
    while !is_over.load(Ordering::Relaxed) {
        let count = look(&read);
        assert!(count > 20, "only {count} documents");
        looks += 1;
    }
    looks
}

/// A document as the daemon answers it, whole or not at all.
fn get(daemon: &Daemon, path: &str) -> Option<Vec<u8>> {
    let answer = daemon.get(&format!("/{path}"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if head.starts_with("HTTP/1.1 404 ") {
        return None;
    }
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{path}: {head}");
    Some(body.as_bytes().to_vec())
}
