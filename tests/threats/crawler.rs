//! Programs that follow every link of a mail before its reader does.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use chrono::TimeDelta;

use crate::support::counter::{Counter, Mail};

/// Where the links of a page lead, as paths; those within it are left out.
fn links_of(page: &str, text: &str) -> Vec<String> {
    let base = url::Url::parse("https://press.example.org").unwrap().join(page).unwrap();
    let attributes = ["href=\"", "action=\""];
    let targets = attributes.iter().flat_map(|name| text.split(name).skip(1));
    let targets = targets.filter_map(|rest| rest.split('"').next());
    let joined = targets.filter_map(|target| base.join(target).ok());
    let ours = joined.filter(|url| url.host_str() == Some("press.example.org"));
    ours.map(|url| url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_every_link_of_a_weeks_mails_changes_nothing() {
    let counter = Counter::open().await;
    let readers = ["a@example.org", "b@example.org", "c@example.org"];
    counter.reader(readers[0]).await;
    counter.subscribe(readers[1], "all").await;
    for day in 1..=7 {
        counter.send_news(&format!("news-of-day-{day}")).await;
        counter.forward(TimeDelta::days(1));
    }
    // What waits for an answer lies among them.
    counter.sign_up(readers[2], &[("feed.events", "immediate")]).await;
    let manage = counter.mail_to(readers[0]).link("manage");
    counter.press(&manage, "data").await;
    counter.work().await;
    let mails = readers.map(|reader| counter.mails_to(reader));
    let mut to_follow: Vec<String> = mails.iter().flatten().flat_map(Mail::links).collect();
    assert!(to_follow.len() > 40, "{to_follow:?}");
    let before = counter.everything();
    let (mut followed, mut found) = (BTreeSet::new(), 0);
    while let Some(link) = to_follow.pop() {
        if !followed.insert(link.clone()) {
            continue;
        }
        let head = counter.head(&link).await;
        let page = counter.get(&link).await;
        assert_eq!(head.status, page.status, "{link}");
        assert!(head.body.is_empty(), "{link}");
        found += usize::from(page.status == StatusCode::OK);
        to_follow.extend(links_of(&link, &page.text()));
    }
    for page in ["/confirm/", "/self/", "/manage/", "/unsubscribe/", "/issues/"] {
        assert!(followed.iter().any(|link| link.starts_with(page)), "{page}: {followed:?}");
    }
    assert!(found > 40, "{found} of {followed:?}");
    // Nor is anything on its way into the store.
    counter.leaving.all_settled().await;
    counter.work().await;
    assert_eq!(counter.everything(), before);
}
