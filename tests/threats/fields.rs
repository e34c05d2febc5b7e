//! Fields that hold more than a field should: markup, and lines of a header.

use axum::http::StatusCode;
use chrono::TimeDelta;
use mail_parser::MessageParser;

use crate::support::counter::{Counter, encoded, find_hidden, hidden};
use crate::support::served::Answer;
use crate::{READER, split};

const MARKUP: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}";

/// Whatever a page shows of it, no program takes it for markup.
fn check_harmless(answer: &Answer, what: &str) {
    let text = String::from_utf8_lossy(&answer.body);
    for markup in ["<script", "<img", "\"'>", "javascript:", ">49<", " 49"] {
        assert!(!text.contains(markup), "{what}: {markup} in {text}");
    }
    for (name, value) in &answer.fields {
        let value = value.to_str().unwrap_or_default();
        assert!(!value.contains("script>"), "{what}: {name}: {value}");
    }
}

/// Names of all fields that some page looks at.
const FIELDS: [&str; 12] = [
    "address", "opened", "seal", "website", "language", "feed.all", "feed.<b>", "form", "action",
    "left", "paused", "sure",
];

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_any_field_is_text() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    let opened = hidden(&counter.press(&links.own, "open").await, "form");
    let query = encoded(&[("lang", MARKUP), ("feed", MARKUP), (MARKUP, MARKUP)]);
    for link in links.all().into_iter().chain(["/subscribe"]) {
        check_harmless(&counter.get(&format!("{link}?{query}")).await, link);
        let shown = find_hidden(&counter.get(link).await, "form").unwrap_or_default();
        let seal = if link == links.own { &opened } else { &shown };
        for field in FIELDS {
            for sealed in [true, false] {
                let seal = if sealed { &**seal } else { MARKUP };
                let action = if link == links.own { "change" } else { "save" };
                let mut fields = vec![("form", seal), ("action", action)];
                fields.retain(|(name, _)| *name != field);
                fields.extend([(field, MARKUP), (MARKUP, MARKUP)]);
                let answer = counter.post(&format!("{link}?{query}"), &fields).await;
                check_harmless(&answer, &format!("{link} {field} {sealed}"));
            }
        }
        let (page, token) = if link == "/subscribe" { ("x", "x") } else { split(link) };
        let odd = percent_encoding::utf8_percent_encode(MARKUP, percent_encoding::NON_ALPHANUMERIC);
        for path in [format!("/{page}/{token}{odd}"), format!("/{page}/{odd}"), format!("/{odd}")] {
            check_harmless(&counter.get(&path).await, &path);
            check_harmless(&counter.post(&path, &[(MARKUP, MARKUP)]).await, &path);
        }
        // What may stand behind a token.
        check_harmless(&counter.get(&format!("{link}%3E%3E%29")).await, link);
    }
}

/// Where a field is shown again, it is shown as it was written.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_shown_again_as_text() {
    let counter = Counter::open().await;
    let page = counter.sign_up(MARKUP, &[("feed.all", "daily")]).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    check_harmless(&page, "the address");
    let escaped = "value=\"&quot;&#39;&gt;&lt;script&gt;alert(1)";
    assert!(page.text().contains(escaped), "{}", page.text());
    let own = counter.reader(READER).await.own;
    let form = hidden(&counter.press(&own, "open").await, "form");
    let change = [("form", &*form), ("action", "change"), ("address", MARKUP)];
    let page = counter.post(&own, &change).await;
    check_harmless(&page, "the new address");
    assert!(page.text().contains("&lt;script&gt;"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_feeds_and_people_are_text() {
    let counter = Counter::open_with(|config| {
        let title = MARKUP.replace('\'', "''");
        config.replace("title: All news", &format!("title: '{title}'"))
    })
    .await;
    // An address may hold what markup is made of.
    let odd = "a'&b=`{x}`|c@example.org";
    let links = counter.reader(odd).await;
    let opened = counter.press(&links.own, "open").await;
    assert!(opened.text().contains("&lt;script&gt;"), "the title is shown: {}", opened.text());
    assert!(opened.text().contains("a&#39;&amp;b="), "{}", opened.text());
    check_harmless(&opened, "their data");
    for link in links.all().into_iter().chain(["/subscribe"]) {
        check_harmless(&counter.get(link).await, link);
    }
    for mail in counter.mails_to(odd) {
        let html = MessageParser::default().parse(&mail.message).unwrap();
        let html = html.body_html(0).unwrap().into_owned();
        assert!(!html.contains("<script") && !html.contains("<img src=x"), "{html}");
    }
}

/// Ways to put a line of one's own into a header.
const LINES: [&str; 14] = [
    "reader@example.org\r\nBcc: other@example.org",
    "reader@example.org\nBcc: other@example.org",
    "reader@example.org\rBcc: other@example.org",
    "reader\r\n@example.org",
    "reader@example.org\r\n\r\nBuy this",
    "reader@example.org, other@example.org",
    "reader@example.org>, <other@example.org",
    "Reader <reader@example.org>",
    "\"a\r\nBcc: other\"@example.org",
    "\"a b\"@example.org",
    "reader@example.org\u{2028}Bcc: other@example.org",
    "=?utf-8?q?a=0d=0abcc=3a_other=40example=2eorg?=@example.org",
    "=?utf-8?b?DQpCY2M6IG90aGVyQGV4YW1wbGUub3Jn?=@example.org",
    "reader@example.org%0d%0aBcc:other@example.org",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_field_puts_a_line_into_a_header() {
    let counter = Counter::open().await;
    let mut taken = 0;
    for line in LINES {
        let answer = counter.sign_up(line, &[("feed.all", "daily")]).await;
        assert_no_fields(&answer);
        taken += usize::from(answer.status == StatusCode::OK);
    }
    // All else is chosen from what there is; what is not there chooses nothing.
    for name in ["language", "feed.all", "feed.all\r\nX-Own: 1", "feed.events"] {
        let chosen = [("feed.releases", "daily"), (name, "daily\r\nX-Own: 1")];
        let answer = counter.sign_up(&format!("{taken}@example.org"), &chosen).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
        taken += 1;
    }
    counter.work().await;
    let mails = counter.sink.accepted();
    assert_eq!(mails.len(), taken);
    for mail in mails {
        let message = MessageParser::default().parse(&mail.message).unwrap();
        let to = message.to().unwrap();
        assert_eq!(to.iter().count(), 1, "{}", mail.message);
        assert_eq!(to.first().unwrap().address(), Some(&*mail.recipient), "{}", mail.message);
        let head = mail.message.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        for name in ["bcc", "cc", "x-own"] {
            assert!(!head.contains(&format!("\n{name}:")), "{}", mail.message);
        }
    }
}

/// No line of the answer's head comes from the request.
fn assert_no_fields(answer: &Answer) {
    for name in ["bcc", "x-own", "set-cookie"] {
        assert!(!answer.fields.contains_key(name), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_of_a_page_puts_a_line_into_the_answer() {
    let counter = Counter::open().await;
    let lines = "%0d%0aSet-Cookie:%20a=b%0d%0aX-Own:%201";
    counter.forward(TimeDelta::seconds(5));
    for path in ["/subscribe?lang=en", "/subscribe?lang=", "/feeds/all", "/confirm/", "/", "/x"] {
        for path in
            [format!("{path}{lines}"), format!("{path}/{lines}/"), format!("//{path}{lines}")]
        {
            let answer = counter.get(&path).await;
            assert_no_fields(&answer);
            assert!(answer.status.is_client_error() || answer.status.is_success(), "{answer:?}");
        }
    }
}
