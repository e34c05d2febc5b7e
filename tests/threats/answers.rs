//! What every answer says of itself to browsers, caches and search engines.

use axum::http::StatusCode;
use chrono::TimeDelta;
use tidings::words::Wordbook;

use crate::READER;
use crate::support::counter::{Counter, FORM, hidden};
use crate::support::served::{self, Answer};

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// Of what acts for one person: kept by nobody, found by nobody, told to nobody.
fn check_private(answer: &Answer, what: &str) {
    assert_eq!(answer.field("cache-control"), "no-store", "{what}: {answer:?}");
    check_safe(answer, what);
}

fn check_safe(answer: &Answer, what: &str) {
    assert_eq!(answer.field("content-security-policy"), POLICY, "{what}: {answer:?}");
    assert_eq!(answer.field("referrer-policy"), "no-referrer", "{what}: {answer:?}");
    assert_eq!(answer.field("x-robots-tag"), "noindex", "{what}: {answer:?}");
    assert_eq!(answer.field("x-content-type-options"), "nosniff", "{what}: {answer:?}");
    assert!(!answer.fields.contains_key("set-cookie"), "{what}: {answer:?}");
    let text = answer.text();
    for loads in ["<script", "<link", "<img", "<iframe", "src=", "@import", "url(", "http-equiv"] {
        assert!(!text.contains(loads), "{what} loads something by {loads}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_page_answers_is_said_in_the_readers_language() {
    let counter = Counter::open().await;
    let [form, chinese] = [&format!("content-type: {FORM}"), "accept-language: zh-SG, en;q=0.5"];
    let send = async |method: &str, path: &str, body: Vec<u8>| {
        served::send(&counter.router, method, path, &[form, chinese], body).await
    };
    let large = send("POST", "/subscribe", vec![b'a'; 20_000]).await;
    let method = send("DELETE", "/subscribe", Vec::new()).await;
    let broken = send("POST", "/subscribe", vec![0xff; 10]).await;
    assert_eq!(method.field("allow"), "GET,HEAD,POST");
    for (answer, status, key) in [
        (large, StatusCode::PAYLOAD_TOO_LARGE, "error-large-title"),
        (method, StatusCode::METHOD_NOT_ALLOWED, "error-method-title"),
        (broken, StatusCode::BAD_REQUEST, "error-request-title"),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        let title = Wordbook::builtin().words("zh").say(key, &[]);
        assert!(answer.text().contains(&format!("<h1>{title}</h1>")), "{}", answer.text());
        assert_eq!(answer.field("content-type"), "text/html; charset=utf-8");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_private_and_loads_nothing() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    let issue = counter.mails_to(READER)[1].links();
    let issue = issue.iter().find(|link| link.starts_with("/issues/")).unwrap();
    let copy = counter.get(issue).await;
    assert_eq!(
        (copy.status, copy.field("cache-control")),
        (StatusCode::OK, "public, max-age=86400")
    );
    check_safe(&copy, "a web copy");

    for link in links.all().into_iter().chain(["/subscribe", "/subscribe?lang=zh"]) {
        let page = counter.get(link).await;
        assert_eq!(page.status, StatusCode::OK, "{link}");
        check_private(&page, link);
        check_private(&counter.head(link).await, link);
        check_private(&counter.send(link, "text/plain", "", "").await, "another type");
        check_private(&counter.send(link, FORM, "", vec![b'a'; 20_000]).await, "a large body");
        check_private(&counter.send(link, FORM, "", vec![0xff; 10]).await, "no text");
    }
    for path in ["/none", "/confirm/x", "/manage/x", "/self/x", "/unsubscribe/x", "/issues/x"] {
        let page = counter.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        check_private(&page, path);
    }
    check_private(&counter.post("/healthz", &[]).await, "another method");
    check_private(&counter.press(&links.own, "open").await, "their data");
    check_private(&counter.sign_up(READER, &[("feed.all", "daily")]).await, "signed up");
    check_private(&counter.sign_up("reader", &[]).await, "a form with a fault");
    let rush = async {
        let [(_, opened), (_, seal)] = counter.form().await;
        loop {
            let fields = [("opened", &*opened), ("seal", &seal), ("address", READER)];
            let fields = [&fields[..], &[("feed.all", "daily")]].concat();
            let answer = counter.post("/subscribe", &fields).await;
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                break answer;
            }
        }
    };
    check_private(&rush.await, "a rush");
    counter.forward(TimeDelta::hours(1));
    check_private(&counter.get(&links.own).await, "too late");
    let form = hidden(&counter.get(&links.manage).await, "form");
    check_private(&counter.post(&links.manage, &[("form", &form)]).await, "who chose");
    check_private(&counter.press(&links.manage, "leave").await, "who left");
    // The store fails.
    counter.database().execute_batch("drop table errand").unwrap();
    let failed = counter.get(&links.confirm).await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    check_private(&failed, "a failure");
}

/// The click counts without the store, so the page that leads to it is there without it too.
#[tokio::test(flavor = "multi_thread")]
async fn the_button_to_leave_is_there_when_the_store_cannot_be_read() {
    let counter = Counter::open().await;
    let link = counter.reader(READER).await.unsubscribe;
    let gone = "pragma foreign_keys = off; drop table errand; drop table delivery";
    counter.database().execute_batch(gone).unwrap();
    for (language, title) in [("en", "Stop the mail of this kind?"), ("zh", "停止这类电邮吗？")]
    {
        let page = counter.get(&format!("{link}?lang={language}")).await;
        assert_eq!(page.status, StatusCode::OK);
        let text = page.text();
        assert!(text.contains(&format!("<h1>{title}</h1>")), "{text}");
        assert!(text.contains("<button type=\"submit\">"), "{text}");
        assert!(!text.contains("@example.org"), "{text}");
    }
}
