//! How mails look, to programs that judge mails: `html-validate`, Can I email, axe in Chromium,
//! `SpamAssassin`. Each sample issue goes through all of them.
//!
//! `TIDINGS_PICTURES` names a folder for pictures of each, at 360 and 600 pixels, light and dark.
//!
//! What is installed from npm lies in the folder that `TIDINGS_NODE_MODULES` names. A test that
//! misses its program says so and is skipped.

#![expect(clippy::unwrap_used, reason = "a test stops where its own data is wrong")]
#![allow(clippy::print_stdout, reason = "says what was not tested")]
#![allow(clippy::allow_attributes, reason = "not every file below prints")]

#[path = "mail_look/browser.rs"]
mod browser;
#[path = "support/chromium.rs"]
mod chromium;
#[path = "support/news.rs"]
mod news;
#[path = "readers/program.rs"]
#[expect(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod program;

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::DateTime;
use serde_json::{Value, json};
use tidings::config::Sender;
use tidings::digest::render::answer::{Answer, render_answer, sample_answers};
use tidings::digest::render::samples::samples;
use tidings::digest::render::{RenderedIssue, Slot, render};
use tidings::feeds::Site;
use tidings::mail::message::{IssueHeaders, Personal, encode, splice};
use tidings::subscribers::errand::{CONFIRM, ErrandKind};
use tidings::templates::Templates;

const UNSUBSCRIBE: &str = "https://press.example.org/unsubscribe/TOKEN";
const ERRAND: &str = "https://press.example.org/confirm/TOKEN";

/// Mail that answers one person, by name, in each of our languages.
fn answers() -> Vec<(&'static str, RenderedIssue)> {
    let site = Site { title: "Harbour City Office".into(), ..news::site() };
    let of_kind = |kind: ErrandKind, is_known: bool| match kind {
        ErrandKind::Confirm if is_known => ["more-en", "more-zh", "more-ms", "more-ta"],
        ErrandKind::Confirm => ["confirm-en", "confirm-zh", "confirm-ms", "confirm-ta"],
        ErrandKind::SelfService => ["self-en", "self-zh", "self-ms", "self-ta"],
        ErrandKind::Move => ["move-en", "move-zh", "move-ms", "move-ta"],
        ErrandKind::Moved => ["moved-en", "moved-zh", "moved-ms", "moved-ta"],
    };
    let mut answers = Vec::new();
    for answer in sample_answers() {
        for name in of_kind(answer.kind, answer.is_known) {
            let language = name.rsplit('-').next().unwrap();
            let answer = Answer { language, ..answer.clone() };
            answers.push((name, render_answer(&Templates::builtin(), &site, &answer).unwrap()));
        }
    }
    answers
}

/// The samples by name, as our own templates render them.
fn issues() -> Vec<(&'static str, RenderedIssue)> {
    let site = Site { title: "Harbour City Office".into(), ..news::site() };
    samples()
        .iter()
        .map(|sample| {
            (sample.name, render(&Templates::builtin(), &site, &sample.content()).unwrap())
        })
        .collect()
}

/// HTML parts as a reader gets them.
fn pages() -> Vec<(&'static str, String)> {
    let marker = Slot::Unsubscribe.marker();
    let whole = |issue: RenderedIssue| {
        let html = issue.html.replace(marker, UNSUBSCRIBE);
        html.replace(Slot::Errand.marker(), ERRAND)
            .replace(Slot::Address.marker(), "mei@example.com")
    };
    issues().into_iter().chain(answers()).map(|(name, issue)| (name, whole(issue))).collect()
}

/// Where npm put `package`, or a skip.
fn node_modules(package: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test is told where the packages are")]
    let folder = PathBuf::from(std::env::var_os("TIDINGS_NODE_MODULES").unwrap_or_default());
    let has_node = Command::new("node").arg("--version").output().is_ok();
    if !has_node || !folder.join(package).is_dir() {
        println!("skipped: {package} is not installed");
        return None;
    }
    Some(folder)
}

/// What a script of ours finds in the HTML parts.
fn findings(package: &str, script: &str) -> Option<Value> {
    let modules = node_modules(package)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail_look").join(script);
    let pages: Vec<Value> =
        pages().into_iter().map(|(name, html)| json!({"name": name, "html": html})).collect();
    let mut node = Command::new("node");
    let output =
        program::output(node.arg(script).arg(modules), Value::from(pages).to_string().as_bytes());
    Some(serde_json::from_slice(&output).unwrap())
}

#[test]
fn html_validate_finds_no_error() {
    if let Some(found) = findings("html-validate", "validate.mjs") {
        assert_eq!(found, json!([]));
    }
}

#[test]
fn gmail_outlook_and_apple_mail_know_all_that_the_mail_stands_on() {
    if let Some(found) = findings("@jsx-email/doiuse-email", "support.mjs") {
        assert_eq!(found, json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_no_violation_in_light_and_in_dark() {
    let Some(modules) = node_modules("axe-core") else { return };
    let Some(driver) = chromium::driver() else { return };
    let axe = std::fs::read_to_string(modules.join("axe-core/axe.min.js")).unwrap();
    for is_dark in [false, true] {
        let browser = browser::browser(&driver, is_dark).await;
        for (name, html) in pages() {
            let found = browser::violations(&browser, &axe, &html, is_dark).await;
            assert_eq!(found, json!([]), "{name}, dark: {is_dark}");
        }
        browser.close().await.unwrap();
    }
}

/// Pictures for people to look at: `NAME-600-light.png` and so on.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_taken_where_a_folder_is_named() {
    #[expect(clippy::disallowed_methods, reason = "whoever wants pictures says where")]
    let Some(folder) = std::env::var_os("TIDINGS_PICTURES").map(PathBuf::from) else { return };
    let Some(driver) = chromium::driver() else { return };
    std::fs::create_dir_all(&folder).unwrap();
    let widths = [360, 600];
    for (name, html) in pages() {
        for (is_dark, scheme) in [(false, "light"), (true, "dark")] {
            let pictures = browser::pictures(&driver, &html, is_dark, &widths).await;
            for (picture, width) in pictures.into_iter().zip(widths) {
                let file = folder.join(format!("{name}-{width}-{scheme}.png"));
                std::fs::write(file, picture).unwrap();
            }
        }
    }
}

#[test]
fn spamassassin_takes_no_sample_for_spam() {
    if program::find("spamassassin", "--version").is_none() {
        return;
    }
    let messages = issues().into_iter().map(|(name, issue)| (name, message(&issue), MOST));
    let answers = answers().into_iter().map(|(name, issue)| (name, answer(&issue), MOST_OF_ANSWER));
    for (name, message, most) in messages.chain(answers) {
        let mut spamassassin = Command::new("spamassassin");
        // Local rules alone: nothing is asked of anybody.
        let judged = program::output(spamassassin.args(["--local", "--test-mode"]), &message);
        let judged = String::from_utf8_lossy(&judged);
        let score = judged.split("score=").nth(1).and_then(|rest| rest.split_whitespace().next());
        let score: f64 = score.unwrap().parse().unwrap();
        assert!(score < most, "{name}: {judged}");
    }
}

/// What says that it is a mailing list, and of which kind, makes up for a rule or two that some
/// text of an author may break.
const MOST: f64 = -0.5;

/// An answer has nothing of that, and all its text is ours: no rule speaks against it.
const MOST_OF_ANSWER: f64 = 0.1;

/// The message of a made-up person.
fn message(issue: &RenderedIssue) -> Vec<u8> {
    message_of(issue, "daily", "https://press.example.org/issues/4f2a9c")
}

/// The same of mail that answers them, which has no web copy.
fn answer(issue: &RenderedIssue) -> Vec<u8> {
    message_of(issue, CONFIRM, "")
}

fn message_of(issue: &RenderedIssue, digest: &str, web_url: &str) -> Vec<u8> {
    let from = Sender {
        name: Some("Harbour City Press Office".to_owned()),
        address: "news@press.example.org".parse().unwrap(),
    };
    let headers = IssueHeaders {
        from: &from,
        reply_to: None,
        digest,
        site_host: "press.example.org",
        web_url,
        feedback_id: "4f2a9c:daily:digest:press.example.org",
        unsubscribe_address: None,
    };
    let personal = Personal {
        address: &"mei@example.com".parse().unwrap(),
        answers: None,
        message_id: "4f2a9c@press.example.org",
        date: DateTime::parse_from_rfc3339("2026-03-01T08:00:00+08:00").unwrap(),
        unsubscribe_url: UNSUBSCRIBE,
        unsubscribe_token: "TOKEN",
        manage_url: "https://press.example.org/manage/afasab",
        errand_url: Some(ERRAND),
    };
    splice(&encode(issue, &headers), &personal).unwrap()
}
