//! Forms that are not ours, come in a coding of their own, or come twice.

use axum::http::StatusCode;
use chrono::TimeDelta;
use futures_util::future::join_all;

use crate::READER;
use crate::support::counter::{Counter, FORM, Links, encoded, find_hidden, hidden};
use crate::support::served::Answer;

/// Every button there is, by the name of its page.
const BUTTONS: [(&str, &[(&str, &str)]); 9] = [
    ("confirm", &[("action", "confirm")]),
    ("confirm", &[("action", "refuse")]),
    ("manage", &[("action", "save"), ("feed.all", ""), ("paused", "yes"), ("language", "zh")]),
    ("manage", &[("action", "leave")]),
    ("manage", &[("action", "data")]),
    ("manage", &[("action", "undo"), ("left", "1763697600"), ("seal", "")]),
    ("self", &[("action", "open")]),
    ("self", &[("action", "change"), ("address", "thief@example.org")]),
    ("self", &[("action", "erase"), ("sure", "yes")]),
];

/// A reader whose links all still work: one sign-up waits, and their data was not looked at.
async fn links(counter: &Counter, address: &str) -> Vec<(&'static str, String)> {
    let links = counter.reader(address).await;
    counter.forward(TimeDelta::days(1));
    counter.sign_up(address, &[("feed.events", "daily")]).await;
    counter.work().await;
    let confirm = counter.mail_to(address).link("confirm");
    counter.press(&links.manage, "data").await;
    counter.work().await;
    let own = counter.mail_to(address).link("self");
    vec![("confirm", confirm), ("manage", links.manage), ("self", own)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_or_of_another_reader_does_nothing() {
    let counter = Counter::open().await;
    let mut forms = vec![String::new(), "0".repeat(32)];
    for (_, link) in links(&counter, "other@example.org").await {
        forms.push(hidden(&counter.get(&link).await, "form"));
    }
    let ours = links(&counter, READER).await;
    let before = counter.everything();
    for (page, button) in BUTTONS {
        let link = &ours.iter().find(|(name, _)| *name == page).unwrap().1;
        for form in &forms {
            let fields = [&[("form", &**form)], button].concat();
            let answer = counter.post(link, &fields).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{page} {button:?}");
        }
        let answer = counter.post(link, button).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{page} {button:?} without a seal");
    }
    counter.work().await;
    assert_eq!(counter.everything(), before);
}

/// The fields of a form as multipart (RFC 7578).
fn multipart(fields: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    fields.iter().map(part).collect::<String>() + "--x--\r\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_in_another_coding_does_nothing() {
    let counter = Counter::open().await;
    let ours = links(&counter, READER).await;
    let form = counter.form().await;
    let mut sign_up: Vec<(&str, &str)> = form.iter().map(|(k, v)| (*k, &**v)).collect();
    sign_up.extend([("address", "new@example.org"), ("feed.all", "daily")]);
    let mut posts = vec![("/subscribe".to_owned(), sign_up)];
    let mut seals = Vec::new();
    for (_, link) in &ours {
        seals.push(hidden(&counter.get(link).await, "form"));
    }
    for (page, button) in BUTTONS {
        let at = ours.iter().position(|(name, _)| *name == page).unwrap();
        posts.push((ours[at].1.clone(), [&[("form", &*seals[at])], button].concat()));
    }
    let before = counter.everything();
    for (link, fields) in &posts {
        let plain = encoded(fields);
        let json = serde_json::to_string(&fields).unwrap();
        for (kind, body) in [
            ("", &*plain),
            ("text/plain", &*plain),
            ("application/x-www-form-urlencoded-not", &*plain),
            ("multipart/form-data; boundary=x", &*multipart(fields)),
            ("application/json", &*json),
        ] {
            let answer = counter.send(link, kind, "", body.to_owned()).await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{link} {kind}");
        }
        let not_text = counter.send(link, FORM, "", vec![0xff; 100]).await;
        assert_eq!(not_text.status, StatusCode::BAD_REQUEST, "{link}");
    }
    counter.work().await;
    assert_eq!(counter.everything(), before);
}

/// Rows of consent by what they say.
fn consents(counter: &Counter) -> Vec<String> {
    counter.rows("select feed, action, count(*) from consent group by feed, action order by 1, 2")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_pressed_twice_counts_once() {
    let counter = Counter::open().await;
    let ours = links(&counter, READER).await;
    let twice = async |page: &str, button: &[(&str, &str)]| {
        let link = &ours.iter().find(|(name, _)| *name == page).unwrap().1;
        let form = hidden(&counter.get(link).await, "form");
        let fields = [&[("form", &*form)], button].concat();
        let answers = join_all((0..4).map(|_| counter.post(link, &fields))).await;
        assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "{answers:?}");
    };
    twice("confirm", &[("action", "confirm")]).await;
    let confirmed =
        ["all|confirmed|1", "all|requested|1", "events|confirmed|1", "events|requested|1"];
    assert_eq!(consents(&counter), confirmed);
    let mails = counter.sink.accepted().len();
    counter.forward(TimeDelta::minutes(11));
    twice("manage", &[("action", "data")]).await;
    counter.work().await;
    assert_eq!(counter.sink.accepted().len(), mails + 1);
    twice("manage", &[("action", "leave")]).await;
    let left = ["all|confirmed|1", "all|ended|1", "all|requested|1", "events|confirmed|1"];
    assert_eq!(consents(&counter)[..4], left);
    assert_eq!(consents(&counter)[4..], ["events|ended|1", "events|requested|1"]);

    let form = counter.form().await;
    let mut fields: Vec<(&str, &str)> = form.iter().map(|(k, v)| (*k, &**v)).collect();
    fields.extend([("address", "new@example.org"), ("feed.all", "daily")]);
    join_all((0..4).map(|_| counter.post("/subscribe", &fields))).await;
    counter.work().await;
    assert_eq!(counter.mails_to("new@example.org").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_twice_is_erased_once() {
    let counter = Counter::open().await;
    let own = counter.reader(READER).await.own;
    let form = hidden(&counter.press(&own, "open").await, "form");
    let fields = [("form", &*form), ("action", "erase"), ("sure", "yes")];
    let answers = join_all((0..4).map(|_| counter.post(&own, &fields))).await;
    let failed = |status: StatusCode| status == StatusCode::INTERNAL_SERVER_ERROR;
    assert!(!answers.iter().any(|answer| failed(answer.status)), "{answers:?}");
    assert_eq!(consents(&counter), ["all|confirmed|1", "all|ended|1", "all|requested|1"]);
    assert_eq!(counter.rows("select * from address"), [""; 0]);
}

/// A double click over the turn of a second shows the answer to the second one.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_press_keeps_the_undo_of_the_first() {
    let counter = Counter::open().await;
    let Links { manage, unsubscribe, .. } = counter.reader(READER).await;
    let form = hidden(&counter.get(&manage).await, "form");
    let more = [("form", &*form), ("action", "save"), ("feed.events", "immediate")];
    counter.post(&manage, &more).await;
    let running = || counter.rows("select feed from subscription where state = 'confirmed'");
    let leave = async |link: &str| {
        counter.forward(TimeDelta::seconds(1));
        counter.post(link, &[("form", &form), ("action", "leave")]).await
    };
    let undo = async |link: &str, page: &Answer| {
        let [left, seal] = ["left", "seal"].map(|name| hidden(page, name));
        let fields = [("form", &*form), ("action", "undo"), ("left", &*left), ("seal", &*seal)];
        counter.post(link, &fields).await
    };
    for (link, ended) in [(&unsubscribe, vec!["all"]), (&manage, vec!["all", "events"])] {
        leave(link).await;
        let second = leave(link).await;
        assert_eq!(running().len(), 2 - ended.len());
        let back = undo(link, &second).await;
        assert!(back.text().contains("as it was before"), "{}", back.text());
        assert_eq!(running(), ["all", "events"]);
    }
    // What a link does not end it does not bring back.
    leave(&manage).await;
    undo(&unsubscribe, &leave(&unsubscribe).await).await;
    assert_eq!(running(), ["all"]);

    leave(&unsubscribe).await;
    counter.forward(TimeDelta::hours(1));
    let late = leave(&unsubscribe).await;
    assert!(late.text().contains("was stopped before"), "{}", late.text());
    assert_eq!(find_hidden(&late, "left"), None);
    assert_eq!(find_hidden(&leave(&manage).await, "left"), None);
}
