//! The log of accepted messages: a line is on disk before the client hears 250.
//!
//! A line `accepted NUMBER CONNECTION GO_AHEAD_AT RECIPIENT MESSAGE_ID SHA256` for each message
//! and recipient, with tabs between; behind it `answered NUMBER` once the 250 was written, or
//! `unanswered NUMBER` where the client was found gone. There is no time in it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use tokio::sync::oneshot;

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// From 1, in the order of the log.
    pub number: usize,
    pub connection: usize,
    /// Running number of the moment just before the 354 was written. The client's intent is
    /// later than this.
    pub go_ahead_at: u64,
    pub recipient: String,
    /// Without the angle brackets; empty where there is none.
    pub message_id: String,
    /// Of the message as it was before dots were doubled; lower-case hex.
    pub hash: String,
    /// Whether the 250 could be written; `None` where the server ended before it was tried.
    pub is_answered: Option<bool>,
}

/// What is written of a message.
pub(super) struct Entry {
    pub(super) connection: usize,
    pub(super) go_ahead_at: u64,
    pub(super) recipient: String,
    pub(super) message_id: String,
    pub(super) hash: String,
}

enum Task {
    Accept(Entry, oneshot::Sender<usize>),
    Outcome { number: usize, is_answered: bool, done: oneshot::Sender<usize> },
}

/// Writes the log from a thread of its own; what comes in together shares one fsync.
pub(super) struct Log {
    tasks: mpsc::Sender<Task>,
    ticks: AtomicU64,
}

impl Log {
    /// Goes on behind what is in the file.
    pub(super) fn open(path: &Path) -> Self {
        let earlier = if path.exists() { read(path) } else { Vec::new() };
        let ticks = earlier.iter().map(|line| line.go_ahead_at).max().unwrap_or_default();
        let file = File::options().create(true).append(true).open(path).unwrap();
        let (tasks, queue) = mpsc::channel();
        std::thread::spawn(move || write(file, &queue, earlier.len()));
        Self { tasks, ticks: AtomicU64::new(ticks + 1) }
    }

    /// Now, as a running number.
    pub(super) fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// Returns the line's number once it is on disk.
    pub(super) async fn accept(&self, entry: Entry) -> usize {
        let (done, wait) = oneshot::channel();
        self.tasks.send(Task::Accept(entry, done)).expect("the log is written");
        wait.await.expect("the log is written")
    }

    pub(super) async fn outcome(&self, number: usize, is_answered: bool) {
        let (done, wait) = oneshot::channel();
        let task = Task::Outcome { number, is_answered, done };
        self.tasks.send(task).expect("the log is written");
        wait.await.expect("the log is written");
    }
}

fn write(mut file: File, queue: &mpsc::Receiver<Task>, mut number: usize) {
    while let Ok(first) = queue.recv() {
        let mut text = String::new();
        let mut waiting = Vec::new();
        let mut has_accepted = false;
        for task in std::iter::once(first).chain(queue.try_iter()) {
            match task {
                Task::Accept(entry, done) => {
                    number += 1;
                    has_accepted = true;
                    text.push_str(&line(number, &entry));
                    waiting.push((done, number));
                }
                Task::Outcome { number, is_answered, done } => {
                    let word = if is_answered { "answered" } else { "unanswered" };
                    text.extend([word, "\t", &number.to_string(), "\n"]);
                    waiting.push((done, number));
                }
            }
        }
        file.write_all(text.as_bytes()).unwrap();
        if has_accepted {
            file.sync_data().unwrap();
        }
        for (done, number) in waiting {
            // A conversation that was ended meanwhile does not wait any more.
            let _ = done.send(number);
        }
    }
}

fn line(number: usize, entry: &Entry) -> String {
    let Entry { connection, go_ahead_at, recipient, message_id, hash } = entry;
    format!("accepted\t{number}\t{connection}\t{go_ahead_at}\t{recipient}\t{message_id}\t{hash}\n")
}

/// Reads a log; panics where it is not one.
pub fn read(path: &Path) -> Vec<LogLine> {
    parse(&fs::read_to_string(path).unwrap())
}

pub fn parse(text: &str) -> Vec<LogLine> {
    let mut lines = Vec::new();
    let mut outcomes = HashMap::new();
    // The last line may be half written while the server runs.
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["accepted", number, connection, go_ahead_at, recipient, message_id, hash] => {
                lines.push(LogLine {
                    number: number.parse().unwrap(),
                    connection: connection.parse().unwrap(),
                    go_ahead_at: go_ahead_at.parse().unwrap(),
                    recipient: recipient.to_owned(),
                    message_id: message_id.to_owned(),
                    hash: hash.to_owned(),
                    is_answered: None,
                });
            }
            [word @ ("answered" | "unanswered"), number] => {
                outcomes.insert(number.parse::<usize>().unwrap(), word == "answered");
            }
            _ => panic!("not a line of the log: {line:?}"),
        }
    }
    for line in &mut lines {
        line.is_answered = outcomes.get(&line.number).copied();
    }
    lines
}
