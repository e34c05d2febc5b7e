use proptest::prelude::*;

use super::*;
use crate::config::Sender;
use crate::digest::render::{RenderedIssue, Slot};
use crate::mail::message::{IssueHeaders, encode};
use crate::model::Address;

const URL: &str = "https://press.example.org/unsubscribe/afasaaaaaaaaaaaaa7aaaa";

fn encoded(subject: &str, name: &str, text: &str, html: &str) -> Vec<u8> {
    let slot = Slot::Unsubscribe.marker();
    let issue = RenderedIssue {
        subject: subject.into(),
        text: format!("{text}\n{slot}\n"),
        html: format!("<p>{html}</p><a href=\"{slot}\">Leave</a>"),
        more: 0,
    };
    let from = Sender { name: Some(name.into()), address: address("press@example.org") };
    let headers = IssueHeaders {
        from: &from,
        reply_to: Some(&from),
        digest: "daily",
        site_host: "press.example.org",
        web_url: "https://press.example.org/issues/abc",
        feedback_id: "1:daily:digest:press.example.org",
        unsubscribe_address: Some(&address("leave@example.org")),
    };
    encode(&issue, &headers)
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn personal(address: &Address) -> Personal<'_> {
    Personal {
        address,
        message_id: "m1@example.org",
        answers: None,
        date: "2026-11-21T08:00:00+08:00".parse().unwrap(),
        unsubscribe_url: URL,
        unsubscribe_token: "afasaa",
        manage_url: "https://press.example.org/manage/afasab",
        errand_url: None,
    }
}

fn findings(encoded: &[u8]) -> Vec<String> {
    lint_issue(encoded, &personal(&address("mei@example.org")), 1_000_000, Mailing::List)
}

/// The findings of a good message with `from` replaced.
fn check(from: &str, to: &str, expected: &[&str]) {
    let encoded = encoded("News", "Press", "Text", "Text");
    let message = Issue::prepare(&encoded).unwrap().message(&personal(&address("mei@example.org")));
    let text = String::from_utf8(message.unstuffed()).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    let changed: Vec<u8> = text.replace(from, to).chars().map(|c| c as u8).collect();
    assert_eq!(lint(&changed, 1_000_000, Mailing::List), expected, "{from:?} to {to:?}");
}

#[test]
fn a_usual_issue_has_nothing_wrong() {
    assert_eq!(findings(&encoded("Größe", "Press, Office", "Text", "Text")), [""; 0]);
}

#[test]
fn fields_stand_once_and_say_something() {
    check("Subject: News\r\n", "", &["the field `Subject` is missing"]);
    let twice = "Subject: News\r\nsubject: a\r\n";
    check("Subject: News\r\n", twice, &["the field `Subject` stands 2 times"]);
    let twice = "Subject: News\r\nCc: a@b.cc\r\nCc: a@b.cc\r\n";
    check("Subject: News\r\n", twice, &["the field `Cc` stands 2 times"]);
    check("Subject: News", "Subject: ", &["the field `Subject` is empty"]);
    let blank = "Subject: News\r\n \r\n a\r\n";
    check("Subject: News\r\n", blank, &["a line of the header is blank"]);
    check(
        "Subject: News\r\n",
        "Subject: News\r\na b\r\n",
        &["the header has a line that is no field"],
    );
}

#[test]
fn octets_are_those_of_mail() {
    check("Subject: News", "Subject: N\u{e9}ws", &["it is not 7-bit"]);
    check(
        "Subject: News",
        "Subject: \0d\0",
        &["it holds a NUL, or a place that was not filled in"],
    );
    let bare = "it holds a CR or LF that is not part of a CRLF";
    check("Subject: News", "Subject: N\rws", &[bare]);
    check("Subject: News", "Subject: N\nws", &[bare]);
    let long = format!("Subject: {}", "a".repeat(990));
    check("Subject: News", &long, &["a line has 999 octets, more than 998"]);
    check("Subject: News", &long[..998], &[]);
    check("--\r\n", "--", &["its last line is not ended", "its last boundary is not closed"]);
}

#[test]
fn one_web_address_begins_the_field_that_unsubscribes() {
    let first = "`List-Unsubscribe` does not begin with its one web address";
    let field = format!("<{URL}>");
    check(&format!("Unsubscribe: {field}"), "Unsubscribe: <mailto:a@b.cc>", &[first]);
    check(&format!("{field},\r\n "), &format!("{field}, {field}, "), &[first]);
    check(&format!("Unsubscribe: {field},\r\n "), "Unsubscribe: ", &[first]);
    let broken = "an address in `List-Unsubscribe` is broken over lines";
    check("<https://press.example.org/unsub", "<https://press.example.org/\r\n unsub", &[broken]);
    let post = "`List-Unsubscribe-Post` does not say `List-Unsubscribe=One-Click`";
    check("=One-Click", "=one-click", &[post]);
}

#[test]
fn both_parts_are_there_between_boundaries() {
    let form = "it is not `multipart/alternative` with a boundary";
    check("multipart/alternative", "multipart/mixed", &[form]);
    check("boundary=", "border=", &[form]);
    let html = "part 2 is not `text/html` with a text";
    check("text/html", "text/plain", &[html]);
    let encoded = encoded("News", "Press", "", "");
    let message = Issue::prepare(&encoded).unwrap().message(&personal(&address("mei@example.org")));
    let text = String::from_utf8(message.unstuffed()).unwrap();
    let boundary = text.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
    let again = text.replace("Leave", &format!("\r\n--{boundary}\r\n"));
    assert_eq!(lint(again.as_bytes(), 1_000_000, Mailing::List), ["its boundary stands in a part"]);
}

#[test]
fn what_is_too_large_is_told_with_its_size() {
    let encoded = encoded("News", "Press", "Text", "Text");
    let mei = address("mei@example.org");
    let length = Issue::prepare(&encoded).unwrap().message(&personal(&mei)).size_bytes();
    assert_eq!(lint_issue(&encoded, &personal(&mei), length, Mailing::List), [""; 0]);
    let expected = format!("it has {length} octets, more than {}", length - 1);
    assert_eq!(lint_issue(&encoded, &personal(&mei), length - 1, Mailing::List), [expected]);
}

#[test]
fn an_issue_whose_places_cannot_be_filled_in_is_told() {
    let text = String::from_utf8(encoded("News", "Press", "Text", "Text")).unwrap();
    let expected = ["it has a personal place where none can be filled in"];
    assert_eq!(findings(text.replace("\0d\0", "\0x\0").as_bytes()), expected);
    assert_eq!(findings(b""), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Nothing an author or operator writes makes a message that is misread.
    #[test]
    fn hostile_words_leave_the_structure_alone(
        subject in "[\\PC\r\n\t=?<>,:; ]{1,200}",
        name in "\\PC{1,60}",
        text in "[\\PC\r\n\t. =-]{0,300}",
        html in "[\\PC\r\n\t. =-]{0,300}",
    ) {
        prop_assume!(!subject.trim().is_empty());
        let found = findings(&encoded(&subject, &name, &text, &html));
        prop_assert!(found.is_empty(), "{found:?}");
    }
}
