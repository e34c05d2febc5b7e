//! Buttons that are pressed at the same moment.

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::TimeDelta;
use futures_util::future::join_all;
use tidings::store::Choices;

use crate::READER;
use crate::support::counter::{Counter, FORM, find_hidden, hidden, in_time};
use crate::support::served::Answer;

/// Posts all of these at once.
async fn at_once(counter: &Arc<Counter>, posts: &[(&str, Vec<(&str, &str)>)]) -> Vec<Answer> {
    let post = |(link, fields): &(&str, Vec<(&str, &str)>)| {
        let counter = Arc::clone(counter);
        let link = (*link).to_owned();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let fields: Vec<(String, String)> = fields.iter().map(owned).collect();
        tokio::spawn(async move {
            let fields: Vec<_> = fields.iter().map(|(k, v)| (&**k, &**v)).collect();
            counter.post(&link, &fields).await
        })
    };
    let tasks: Vec<_> = posts.iter().map(post).collect();
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// How many pages say this.
fn count(pages: &[Answer], text: &str) -> usize {
    pages.iter().filter(|page| page.text().contains(text)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_confirms_and_refuses_at_once_gets_one_of_both() {
    let counter = Arc::new(Counter::open().await);
    for round in 0..10 {
        let address = format!("reader{round}@example.org");
        counter.sign_up(&address, &[("feed.all", "daily"), ("feed.events", "daily")]).await;
        counter.work().await;
        let link = counter.mail_to(&address).link("confirm");
        let form = hidden(&counter.get(&link).await, "form");
        let fields = |action| (&*link, vec![("form", &*form), ("action", action)]);
        let first = if round % 2 == 0 { ["confirm", "refuse"] } else { ["refuse", "confirm"] };
        let posts: Vec<_> = (0..12).map(|n| fields(first[n % 2])).collect();
        let pages = at_once(&counter, &posts).await;
        let failed = pages.iter().any(|page| page.status == StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!failed, "{pages:?}");

        let person = round + 1;
        let row = |sql: &str| counter.rows(&format!("{sql} = {person}")).join(" ");
        let states = row("select state from subscription where subscriber_id");
        let addresses = row("select count(*) from address where subscriber_id");
        let outcome = row("select outcome from errand where subscriber_id");
        let actions = row("select action from consent where subscriber_id");
        let known = row("select lookup is not null from subscriber where id");
        let whole = format!("{outcome}: {states}; {addresses} {known}; {actions}");
        match count(&pages, "You will get our news") {
            1 => {
                let kept = "confirmed confirmed; 1 1; requested requested confirmed confirmed";
                assert_eq!(whole, format!("done: {kept}"));
                assert_eq!(count(&pages, "We deleted your address"), 0);
            }
            0 => {
                let gone = "ended ended; 0 0; requested requested ended ended";
                assert_eq!(whole, format!("refused: {gone}"));
                // Whoever comes after the refusal is told of it.
                assert_eq!(count(&pages, "We deleted your address"), 12);
            }
            more => panic!("{more} confirmations: {whole}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_confirms_and_erases_at_once_is_erased() {
    let counter = Arc::new(Counter::open().await);
    for round in 0..5 {
        let address = format!("reader{round}@example.org");
        let manage = counter.reader(&address).await.manage;
        // They ask for more, which waits for a confirmation, and for their data.
        counter.forward(TimeDelta::days(1));
        counter.sign_up(&address, &[("feed.events", "daily")]).await;
        counter.work().await;
        let confirm = counter.mail_to(&address).link("confirm");
        let form = hidden(&counter.get(&confirm).await, "form");
        counter.press(&manage, "data").await;
        counter.work().await;
        let own = counter.mail_to(&address).link("self");
        let opened = hidden(&counter.press(&own, "open").await, "form");
        let erase = vec![("form", &*opened), ("action", "erase"), ("sure", "yes")];
        let posts: Vec<_> = (0..12)
            .map(|n| match n % 2 {
                0 => (&*confirm, vec![("form", &*form), ("action", "confirm")]),
                _ => (&*own, erase.clone()),
            })
            .collect();
        let pages = at_once(&counter, &posts).await;
        let failed = pages.iter().any(|page| page.status == StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!failed, "{pages:?}");
        assert_eq!(counter.rows("select * from address"), [""; 0], "round {round}");
        assert_eq!(counter.rows("select id from subscriber where erased_at is null"), [""; 0]);
        let running = "select * from subscription where state <> 'ended'";
        assert_eq!(counter.rows(running), [""; 0]);
        assert_eq!(counter.rows("select id from errand where ended_at is null"), [""; 0]);
        // Whoever confirmed before was erased after it: no consent begins behind the end.
        let last = "select action from consent order by id desc limit 1";
        assert_eq!(counter.rows(last), ["ended"]);
    }
}

/// While the store is busy a click waits in its journal, and what its reader does next behind it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_pressed_after_leaving_waits_until_the_store_knows_of_it() {
    let counter = Counter::hasty().await;
    let links = counter.reader(READER).await;
    counter.forward(TimeDelta::days(1));
    counter.sign_up(READER, &[("feed.events", "daily")]).await;
    counter.work().await;
    let confirm = counter.mail_to(READER).link("confirm");
    counter.press(&links.manage, "data").await;
    counter.work().await;
    let own = counter.mail_to(READER).link("self");
    let form = async |link: &str| hidden(&counter.get(link).await, "form");
    let (save, yes, open) = (form(&links.manage).await, form(&confirm).await, form(&own).await);

    let database = counter.database();
    database.execute_batch("begin immediate").unwrap();
    let before = counter.everything();
    let left = counter.send(&links.unsubscribe, FORM, "", "List-Unsubscribe=One-Click").await;
    assert_eq!(left.status, StatusCode::OK);
    let posts = [
        (&links.manage, "save", &save),
        (&confirm, "confirm", &yes),
        (&confirm, "refuse", &yes),
        (&own, "open", &open),
    ];
    for (link, action, form) in posts {
        let answer = in_time(counter.post(link, &[("form", form), ("action", action)])).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{action}");
    }
    assert_eq!(counter.everything(), before);

    database.execute_batch("rollback").unwrap();
    in_time(counter.leaving.all_settled()).await;
    let done = counter.press(&confirm, "confirm").await;
    assert!(done.text().contains("You will get our news"), "{}", done.text());
    let states = counter.rows("select feed, state from subscription order by feed");
    assert_eq!(states, ["all|ended", "events|confirmed"]);
    let opened = counter.press(&own, "open").await;
    assert!(opened.text().contains(READER), "{}", opened.text());
}

/// Pages that were opened before stay open in other tabs.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_is_not_brought_back_by_an_older_page() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    let left = counter.post(&links.unsubscribe, &[]).await;
    let undo = [("left", &*hidden(&left, "left")), ("seal", &*hidden(&left, "seal"))];
    let form = hidden(&counter.press(&links.own, "open").await, "form");
    let erase = [("form", &*form), ("action", "erase"), ("sure", "yes")];
    let erased = counter.post(&links.own, &erase).await;
    assert!(erased.text().contains("Your data is erased"), "{}", erased.text());

    let before = counter.everything();
    let back = counter.post(&links.unsubscribe, &undo).await.text();
    assert!(back.contains("was stopped before") && !back.contains("goes on"), "{back}");
    assert_eq!(find_hidden(&counter.post(&links.unsubscribe, &[]).await, "left"), None);
    // A form that was looked at before the erasure, and comes to the store behind it.
    let store = &counter.desk.press.store;
    let choices = Choices {
        subscriber: 1,
        follows: [("all".to_owned(), Some("daily".to_owned()))].into(),
        language: Some("zh".parse().unwrap()),
        is_paused: true,
        source: "page".into(),
        wording: "test".into(),
    };
    assert_eq!(store.choose(&choices, counter.desk.now()).await.unwrap(), 0);
    assert_eq!(counter.everything(), before);

    // Nor does anybody count whom an earlier version brought back so.
    counter.database().execute("update subscription set state = 'confirmed'", []).unwrap();
    assert!(!store.has_real_subscribers().await.unwrap());
    assert_eq!(store.followed().await.unwrap(), []);
}
