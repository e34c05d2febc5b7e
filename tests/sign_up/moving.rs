//! People who move to another address, and those who had it before.

use chrono::TimeDelta;
use tidings::pipeline::digests;
use tidings::pipeline::errands::end_expired;
use tidings::store::DeliveryKeys;

use crate::READER;
use crate::support::counter::{Counter, Links, hidden};

const NEW: &str = "new@example.org";

/// Opens the page of one's data, gives another address, and has the mail to it sent.
async fn ask_to_move(counter: &Counter, own: &str, to: &str) {
    let form = hidden(&counter.press(own, "open").await, "form");
    let fields = [("form", &*form), ("action", "change"), ("address", to)];
    let page = counter.post(own, &fields).await;
    let sent = "If we can write to the new address";
    assert!(page.text().contains(sent), "{}", page.text());
    counter.work().await;
}

/// A further link to one's data, a day later.
async fn own(counter: &Counter, manage: &str, address: &str) -> String {
    counter.forward(TimeDelta::days(1));
    counter.press(manage, "data").await;
    counter.work().await;
    counter.mail_to(address).link("self")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moved_and_was_erased_left_no_address_behind() {
    let addresses = ["mei@quay.test", "mei@pier.test", "mei@harbour.test"];
    let counter = Counter::open().await;
    let Links { manage, own: first, .. } = counter.reader(addresses[0]).await;
    ask_to_move(&counter, &first, addresses[1]).await;
    counter.forward(TimeDelta::hours(72));
    end_expired(&counter.desk.press).await;
    let second = own(&counter, &manage, addresses[0]).await;
    ask_to_move(&counter, &second, addresses[2]).await;
    let moved = counter.press(&counter.mail_to(addresses[2]).link("confirm"), "confirm").await;
    assert!(moved.text().contains("Your e-mail address is changed"), "{}", moved.text());
    counter.work().await;
    counter.send_news("bridge").await;
    let manage = counter.mail_to(addresses[2]).link("manage");
    let third = own(&counter, &manage, addresses[2]).await;
    let form = hidden(&counter.press(&third, "open").await, "form");
    let erase = [("form", &*form), ("action", "erase"), ("sure", "yes")];
    let erased = counter.post(&third, &erase).await;
    assert!(erased.text().contains("Everything is erased"), "{}", erased.text());

    let everything = counter.everything();
    for address in addresses {
        let lookup = counter.desk.press.keys.lookup(&address.parse().unwrap());
        let hex = data_encoding::HEXLOWER.encode(&lookup);
        let (_, domain) = address.split_once('@').unwrap();
        for trace in [hex, format!("{lookup:02x?}"), domain.to_owned()] {
            for (table, rows) in everything.iter().filter(|(table, _)| *table != "asked") {
                let found = rows.iter().find(|row| row.contains(&trace));
                assert_eq!(found, None, "{table} has {trace} of {address}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_waits_goes_to_the_new_address() {
    let counter = Counter::open().await;
    let own = counter.reader(READER).await.own;
    ask_to_move(&counter, &own, NEW).await;
    counter.desk.put("_posts/bridge.md", "---\ntitle: bridge\nlayout: post\n---\nIt opens.\n");
    counter.desk.publish().await;
    let press = &counter.desk.press;
    for run in digests::plan_by_hand(press, &[], true).await.unwrap() {
        let run = digests::start(press, &run).await.unwrap().unwrap();
        let keys = DeliveryKeys { token: press.keys.token_key(), dkim_selector: None };
        while press.store.expand(run, keys, counter.desk.now()).await.unwrap().is_some() {}
    }
    assert_eq!(counter.rows("select address_version from delivery where state = 'pending'"), ["1"]);
    let mails = counter.mails_to(READER).len();
    counter.press(&counter.mail_to(NEW).link("confirm"), "confirm").await;
    counter.send_mail().await;
    assert!(counter.mail_to(NEW).text().contains("bridge"));
    assert_eq!(counter.mails_to(READER).len(), mails);
    counter.work().await;
    let notice = counter.mail_to(READER);
    assert_eq!(notice.subject(), "Your e-mail address was changed – Test Office");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_mailed_more_than_three_links_to_their_data_a_day() {
    let counter = Counter::open().await;
    let Links { manage, .. } = counter.reader(READER).await;
    let asked = counter.get(&manage).await.text();
    let ask = async || {
        counter.forward(TimeDelta::minutes(11));
        let page = counter.press(&manage, "data").await.text();
        counter.work().await;
        let links = counter.mails_to(READER).into_iter();
        (page, links.filter(|mail| mail.subject().starts_with("Your link")).count())
    };
    let (first, mut mails) = ask().await;
    assert!(first.contains("The link is on its way") && !asked.contains("is on its way"));
    for _ in 0..6 {
        let (page, now) = ask().await;
        assert_eq!(page, first, "the same is said");
        mails = now;
    }
    assert_eq!(mails, 3);
    counter.forward(TimeDelta::hours(23));
    assert_eq!(ask().await.1, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_more_than_three_new_addresses_written_to_a_day() {
    let counter = Counter::open().await;
    let own = counter.reader(READER).await.own;
    let form = hidden(&counter.press(&own, "open").await, "form");
    let mut pages = Vec::new();
    for number in 0..5 {
        let address = format!("new{number}@example.org");
        let fields = [("form", &*form), ("action", "change"), ("address", &*address)];
        pages.push(counter.post(&own, &fields).await.text());
        counter.work().await;
        counter.forward(TimeDelta::minutes(11));
    }
    let sent = "If we can write to the new address";
    assert!(pages.iter().all(|page| page.contains(sent)), "the same is said");
    let is_new = |to: &String| to.starts_with("new");
    assert_eq!(counter.sink.recipients().into_iter().filter(is_new).count(), 3);
}
