//! Links that were changed, used elsewhere, too late or twice, or came to somebody else.

use axum::http::StatusCode;
use chrono::TimeDelta;
use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};

use crate::support::counter::{Counter, FORM, Mail, find_hidden, hidden};
use crate::{READER, split};

/// The body of a mail program's click, which no page but one takes for anything.
const ONE_CLICK: &str = "List-Unsubscribe=One-Click&action=confirm&form=";

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_any_bit_flipped_opens_and_does_nothing() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    let before = counter.everything();
    for link in links.all() {
        let (page, token) = split(link);
        assert_eq!(counter.get(link).await.status, StatusCode::OK);
        let made_up = counter.get(&format!("/{page}/x")).await;
        let bytes = BASE32_NOPAD_NOCASE.decode(token.as_bytes()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let link = format!("/{page}/{}", BASE32_NOPAD.encode(&flipped).to_ascii_lowercase());
            let shown = counter.get(&link).await;
            assert_eq!(shown.status, StatusCode::NOT_FOUND, "{link} bit {bit}");
            assert_eq!(shown.body, made_up.body, "{link} bit {bit}: nothing is told");
            let done = counter.send(&link, FORM, "", ONE_CLICK).await;
            assert_eq!(done.status, StatusCode::NOT_FOUND, "{link} bit {bit}");
        }
    }
    assert_eq!(counter.everything(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_no_page_but_its_own() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    let before = counter.everything();
    for (page, _) in links.all().map(split) {
        for (other, token) in links.all().map(split) {
            let link = format!("/{page}/{token}");
            let expected = if page == other { StatusCode::OK } else { StatusCode::NOT_FOUND };
            assert_eq!(counter.get(&link).await.status, expected, "{link} of {other}");
            if page != other {
                let done = counter.send(&link, FORM, "", ONE_CLICK).await;
                assert_eq!(done.status, expected, "{link} of {other}");
            }
        }
    }
    assert_eq!(counter.everything(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_survive_mail_programs_that_fold_case_or_pad() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    for link in links.all() {
        let (page, token) = split(link);
        let upper = token.to_ascii_uppercase();
        for token in [upper, format!("{token}="), format!("{token}."), format!("{token}%3E")] {
            let link = format!("/{page}/{token}");
            assert_eq!(counter.get(&link).await.status, StatusCode::OK, "{link}");
        }
    }
    let upper = links.manage.replace("/manage/", "").to_ascii_uppercase();
    let left = counter.press(&format!("/manage/{upper}"), "leave").await;
    assert_eq!(left.status, StatusCode::OK, "its form works too");
    assert_eq!(counter.rows("select state from subscription"), ["ended"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_used_does_nothing_again() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    // The form as it was before.
    let form = hidden(&counter.get(&links.own).await, "form");
    let confirm = counter.get(&links.confirm).await;
    assert!(confirm.text().contains("This was confirmed before"), "{}", confirm.text());
    let open = [("form", &*form), ("action", "open")];
    assert!(counter.post(&links.own, &open).await.text().contains(READER));
    let before = counter.everything();
    let again = [counter.get(&links.own).await, counter.post(&links.own, &open).await];
    for page in again {
        assert!(!page.text().contains(READER), "{}", page.text());
        assert!(page.text().contains("This link was used before"), "{}", page.text());
    }
    assert_eq!(counter.everything(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_ones_data_works_for_an_hour() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    let closed = hidden(&counter.get(&links.own).await, "form");
    let opened = counter.press(&links.own, "open").await;
    let form = hidden(&opened, "form");
    counter.forward(TimeDelta::hours(1));
    let before = counter.everything();
    for fields in [
        [("form", &*closed), ("action", "open"), ("sure", "")],
        [("form", &*form), ("action", "erase"), ("sure", "yes")],
        [("form", &*form), ("action", "change"), ("address", "new@example.org")],
    ] {
        let late = counter.post(&links.own, &fields).await;
        assert!(!late.text().contains(READER), "{fields:?}: {}", late.text());
    }
    assert_eq!(counter.everything(), before);
}

/// Whoever gets a mail that was sent on has its links, and no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_forwarded_mail_reaches_nobodys_data() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    counter.press(&links.own, "open").await;
    let mails = counter.mails_to(READER);
    let asked = counter.press(&links.manage, "data").await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(!asked.text().contains("/self/"), "the link is mailed: {}", asked.text());
    for link in mails.iter().flat_map(Mail::links) {
        let page = counter.get(&link).await;
        assert!(!page.text().contains(READER), "{link}: {}", page.text());
    }
    // Before its reader opens it, the link shows nothing, and what is on the page cannot be asked
    // for past it.
    counter.forward(TimeDelta::minutes(11));
    counter.press(&links.manage, "data").await;
    counter.work().await;
    let own = counter.mail_to(READER).link("self");
    assert_ne!(own, links.own);
    let closed = counter.get(&own).await;
    assert!(!closed.text().contains(READER), "{}", closed.text());
    let form = hidden(&closed, "form");
    let before = counter.everything();
    for (action, name, value) in
        [("erase", "sure", "yes"), ("change", "address", "thief@example.org")]
    {
        let fields = [("form", &*form), ("action", action), (name, value)];
        assert_eq!(counter.post(&own, &fields).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(counter.everything(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_came_to_a_former_address_end_mail_and_open_nothing() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    let save = hidden(&counter.get(&links.manage).await, "form");
    let open = hidden(&counter.press(&links.own, "open").await, "form");
    let change = [("form", &*open), ("action", "change"), ("address", "new@example.org")];
    counter.post(&links.own, &change).await;
    counter.work().await;
    // Until it is confirmed nothing has changed.
    assert_eq!(counter.get(&links.manage).await.status, StatusCode::OK);
    counter.press(&counter.mail_to("new@example.org").link("confirm"), "confirm").await;
    counter.work().await;

    let before = counter.everything();
    for link in [&links.manage, &links.confirm, &links.own] {
        let page = counter.get(link).await;
        assert_eq!(page.status, StatusCode::GONE, "{link}");
        assert!(!page.text().contains("@example.org"), "{link}: {}", page.text());
    }
    for (link, action, form) in [
        (&links.manage, "save", &save),
        (&links.manage, "data", &save),
        (&links.own, "erase", &open),
        (&links.own, "change", &open),
    ] {
        let fields =
            [("form", &**form), ("action", action), ("sure", "yes"), ("address", "t@example.org")];
        assert_eq!(counter.post(link, &fields).await.status, StatusCode::GONE, "{link} {action}");
    }
    assert_eq!(counter.everything(), before);
    counter.send_news("bridge").await;
    let manage = counter.mail_to("new@example.org").link("manage");
    let page = counter.get(&manage).await;
    assert!(page.text().contains("n***@example.org"), "{}", page.text());

    for (link, fields) in
        [(&links.unsubscribe, vec![]), (&links.manage, vec![("form", &*save), ("action", "leave")])]
    {
        let left = counter.post(link, &fields).await;
        assert_eq!(left.status, StatusCode::OK);
        assert!(!left.text().contains("n***@example.org"), "{}", left.text());
        assert_eq!(counter.rows("select state from subscription"), ["ended"]);
        // What somebody else ended they are not offered to take back.
        counter.forward(TimeDelta::seconds(1));
        assert_eq!(find_hidden(&counter.post(link, &fields).await, "left"), None);
        let form = hidden(&counter.get(&manage).await, "form");
        counter.post(&manage, &[("form", &form), ("feed.all", "daily")]).await;
        assert_eq!(counter.rows("select state from subscription"), ["confirmed"]);
        counter.forward(TimeDelta::hours(1));
    }
}
