//! People who move to another address, and those who had it before.

use chrono::TimeDelta;
use tidings::pipeline::digests;
use tidings::pipeline::errands::{answer_errands, end_expired};
use tidings::store::DeliveryKeys;

use crate::support::counter::{Counter, Links, hidden};
use crate::{DAILY, READER};

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
    assert!(erased.text().contains("Your data is erased"), "{}", erased.text());

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

/// Moves a reader to the address of somebody else, and gives what the page says.
async fn moved(counter: &Counter, to: &str) -> String {
    let manage = counter.reader(READER).await.manage;
    let own = own(counter, &manage, READER).await;
    ask_to_move(counter, &own, to).await;
    let page = counter.press(&counter.mail_to(to).link("confirm"), "confirm").await.text();
    counter.work().await;
    counter.send_news("harbour").await;
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_to_an_address_that_gets_news_is_told_and_stays() {
    let counter = Counter::open().await;
    counter.subscribe(NEW, "all").await;
    let page = moved(&counter, NEW).await;
    assert!(page.contains("This address is signed up already"), "{page}");
    assert!(page.contains("r***@example.org"), "{page}");
    assert!(counter.mail_to(READER).text().contains("harbour"));
    assert_eq!(counter.rows("select count(*) from subscriber where erased_at is null"), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_to_an_address_that_somebody_left_gets_it() {
    let counter = Counter::open().await;
    let manage = counter.reader(NEW).await.manage;
    counter.press(&manage, "leave").await;
    let log = "select * from consent where subscriber_id = 1";
    let kept = counter.rows(log);
    let page = moved(&counter, NEW).await;
    assert!(page.contains("Your e-mail address is changed"), "{page}");
    let news = counter.mails_to(NEW).into_iter().filter(|mail| mail.text().contains("harbour"));
    assert_eq!(news.count(), 1);
    assert_eq!(counter.rows("select lookup, domain from subscriber where id = 1"), ["|"]);
    assert_eq!(counter.rows(log), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_to_an_address_that_nobody_confirmed_gets_it() {
    let counter = Counter::open().await;
    counter.sign_up(NEW, &DAILY).await;
    counter.work().await;
    let other = counter.mail_to(NEW).link("confirm");
    let page = moved(&counter, NEW).await;
    assert!(page.contains("Your e-mail address is changed"), "{page}");
    assert!(counter.mail_to(NEW).text().contains("harbour"));
    let late = counter.get(&other).await.text();
    assert!(late.contains("This link is too old"), "{late}");
    let running = "select subscriber_id from subscription where state <> 'ended'";
    assert_eq!(counter.rows(running), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_waits_goes_to_the_new_address() {
    let counter = Counter::open().await;
    let own = counter.reader(READER).await.own;
    ask_to_move(&counter, &own, NEW).await;
    counter.desk.put(
        "_posts/bridge.md",
        "---\ntitle: bridge\nlayout: post\npermalink: /news/bridge/\n---\nIt opens.\n",
    );
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

/// Opens the page of one's data and gives another address; the page it is answered with.
async fn answer_to(counter: &Counter, own: &str, to: &str) -> String {
    let form = hidden(&counter.press(own, "open").await, "form");
    let fields = [("form", &*form), ("action", "change"), ("address", to)];
    let page = counter.post(own, &fields).await.text();
    page.replace(&form, "FORM")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_is_answered_alike_whoever_has_it() {
    let counter = Counter::open().await;
    let to = ["fresh", "asked", "active", "never"].map(|name| format!("{name}@example.org"));
    let mut readers = Vec::new();
    for name in ["ann", "bob", "cai", "dot"] {
        let reader = format!("{name}@example.org");
        readers.push((counter.reader(&reader).await.own, reader));
    }
    counter.subscribe(&to[2], "all").await;
    counter.suppress(&to[3]);
    counter.sign_up(&to[1], &DAILY).await;
    counter.work().await;
    let before = to.each_ref().map(|to| counter.mails_to(to).len());
    let mut pages = Vec::new();
    for (to, (own, reader)) in to.iter().zip(&readers) {
        let page = answer_to(&counter, own, to).await;
        let listed = format!("not confirmed yet</dt><dd dir=\"ltr\">{to}<");
        assert!(page.contains(&listed), "{page}");
        let token = own.rsplit('/').next().unwrap();
        let page = page.replace(to, "TO").replace(reader, "READER").replace(token, "TOKEN");
        // Who came first had more mails.
        pages.push(page.replace(|c: char| c.is_ascii_digit(), "0"));
    }
    for page in &pages {
        assert_eq!(page, &pages[0]);
    }
    counter.work().await;
    let mails = to.each_ref().map(|to| counter.mails_to(to).len());
    let more: Vec<usize> = mails.into_iter().zip(before).map(|(now, then)| now - then).collect();
    // The second had been asked that day for another reason.
    assert_eq!(more, [1, 0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_must_not_be_written_to_is_not_even_by_a_mail_that_waits() {
    let counter = Counter::open().await;
    let own = counter.reader(READER).await.own;
    let form = hidden(&counter.press(&own, "open").await, "form");
    let fields = [("form", &*form), ("action", "change"), ("address", NEW)];
    counter.post(&own, &fields).await;
    let press = &counter.desk.press;
    answer_errands(press).await.unwrap();
    let keys = DeliveryKeys { token: press.keys.token_key(), dkim_selector: None };
    let run = counter.rows("select max(id) from run")[0].parse().unwrap();
    while press.store.expand(run, keys, counter.desk.now()).await.unwrap().is_some() {}
    assert_eq!(counter.rows("select count(*) from delivery where state = 'pending'"), ["1"]);
    counter.suppress(NEW);
    counter.send_mail().await;
    assert_eq!(counter.mails_to(NEW).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_the_address_they_have_is_told_so() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    let page = answer_to(&counter, &links.own, "Reader@Example.org").await;
    assert!(page.contains("the address we write to already"), "{page}");
    assert!(page.contains("role=\"alert\"") && page.contains("aria-invalid=\"true\""), "{page}");
    counter.work().await;
    assert_eq!(counter.get(&links.manage).await.status, axum::http::StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_addresses_that_look_alike_when_masked_are_told_apart() {
    let counter = Counter::open().await;
    let own = counter.reader(READER).await.own;
    ask_to_move(&counter, &own, "rest@example.org").await;
    let page = counter.get(&counter.mail_to("rest@example.org").link("confirm")).await.text();
    assert_eq!(page.matches("r***@example.org").count(), 1, "{page}");
    assert!(page.contains("instead of the other address"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_not_in_the_file_either() {
    let counter = Counter::open().await;
    let own = counter.reader(READER).await.own;
    let lookup = counter.desk.press.keys.lookup(&READER.parse().unwrap());
    let cipher: Vec<u8> =
        counter.database().query_row("select cipher from address", [], |row| row.get(0)).unwrap();
    let holds = || {
        counter.database().execute_batch("pragma wal_checkpoint(truncate)").unwrap();
        let file = std::fs::read(&counter.desk.press.config.store_path).unwrap();
        [&lookup, &cipher].map(|what| file.windows(what.len()).any(|window| window == *what))
    };
    assert_eq!(holds(), [true, true]);
    let form = hidden(&counter.press(&own, "open").await, "form");
    let erase = [("form", &*form), ("action", "erase"), ("sure", "yes")];
    let page = counter.post(&own, &erase).await.text();
    assert!(page.contains("Your data is erased"), "{page}");
    // Mails to the address are counted for thirty days, under its hash.
    counter.forward(TimeDelta::days(31));
    end_expired(&counter.desk.press).await;
    assert_eq!(holds(), [false, false]);
}

/// A link to all that is kept of whoever gets mail there.
async fn own_of(counter: &Counter, address: &str) -> String {
    counter.forward(TimeDelta::minutes(1));
    counter.send_news(&format!("news-{}", counter.desk.now().timestamp())).await;
    counter.press(&counter.mail_to(address).link("manage"), "data").await;
    counter.work().await;
    counter.mail_to(address).link("self")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_before_a_change_is_shown_and_kept_for_three_days() {
    let counter = Counter::open().await;
    let versions = || counter.rows("select version from address order by version");
    let tidy = || end_expired(&counter.desk.press);
    let own = counter.reader(READER).await.own;
    let form = hidden(&counter.press(&own, "open").await, "form");
    let change = |to| [("form", &*form), ("action", "change"), ("address", to)];
    let page = counter.post(&own, &change("typo@example.org")).await.text();
    let asked = "New e-mail address, not confirmed yet</dt><dd dir=\"ltr\">typo@example.org<";
    assert!(page.contains(asked) && page.contains("30 days"), "{page}");
    counter.work().await;
    counter.forward(TimeDelta::hours(72));
    tidy().await;
    assert_eq!(versions(), ["1"]);
    assert_eq!(counter.rows("select distinct wants from errand where kind = 'move'"), ["{}"]);

    let own = own_of(&counter, READER).await;
    let form = hidden(&counter.press(&own, "open").await, "form");
    let change = [("form", &*form), ("action", "change"), ("address", NEW)];
    counter.post(&own, &change).await;
    counter.work().await;
    assert_eq!(versions(), ["1", "3"], "what was asked for is not taken for another");
    counter.press(&counter.mail_to(NEW).link("confirm"), "confirm").await;
    counter.work().await;
    let page = counter.press(&own_of(&counter, NEW).await, "open").await.text();
    let former = "E-mail address before the change</dt><dd dir=\"ltr\">reader@example.org<";
    assert!(page.contains(former) && page.contains(NEW), "{page}");

    // A message that may be sent once more has to have where to go.
    let notice = "(select max(run_id) from errand where kind = 'moved')";
    let set = |state: &str| {
        let sql = format!("update delivery set state = '{state}' where run_id = {notice}");
        assert_eq!(counter.database().execute(&sql, []).unwrap(), 1);
    };
    set("uncertain");
    counter.forward(TimeDelta::hours(72));
    tidy().await;
    assert_eq!(versions(), ["1", "3"]);
    set("accepted");
    tidy().await;
    assert_eq!(versions(), ["1", "3"], "looked at again a day later");
    counter.forward(TimeDelta::days(1));
    tidy().await;
    assert_eq!(versions(), ["3"]);
    let page = counter.press(&own_of(&counter, NEW).await, "open").await.text();
    assert!(!page.contains(READER) && page.contains(NEW), "{page}");
    counter.forward(TimeDelta::days(30));
    tidy().await;
    assert_eq!(counter.rows("select * from asked"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_that_signed_up_meanwhile_stays_its_own() {
    let counter = Counter::open().await;
    let own = counter.reader(READER).await.own;
    ask_to_move(&counter, &own, NEW).await;
    let link = counter.mail_to(NEW).link("confirm");
    counter.forward(TimeDelta::hours(25));
    counter.sign_up(NEW, &[("feed.all", "daily")]).await;
    counter.work().await;
    counter.press(&counter.mail_to(NEW).link("confirm"), "confirm").await;
    let before = counter.everything();
    for _ in 0..2 {
        let page = counter.press(&link, "confirm").await.text();
        assert!(page.contains("This address is signed up already"), "{page}");
        assert!(page.contains("n***@example.org") && page.contains("r***@example.org"), "{page}");
    }
    assert_eq!(counter.everything(), before);
    counter.send_news("bridge").await;
    for address in [READER, NEW] {
        assert!(counter.mail_to(address).text().contains("bridge"), "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_that_is_not_confirmed_in_time_changes_nothing() {
    let counter = Counter::open().await;
    let own = counter.reader(READER).await.own;
    ask_to_move(&counter, &own, NEW).await;
    let link = counter.mail_to(NEW).link("confirm");
    let form = hidden(&counter.get(&link).await, "form");
    counter.forward(TimeDelta::hours(72));
    // Whether or not the clean-up has come by.
    for _ in 0..2 {
        let late = counter.post(&link, &[("form", &form), ("action", "confirm")]).await.text();
        assert!(late.contains("This link is too old"), "{late}");
        assert!(late.contains("It worked for 72 hours. Nothing was changed."), "{late}");
        end_expired(&counter.desk.press).await;
    }
    counter.send_news("bridge").await;
    assert!(counter.mail_to(READER).text().contains("bridge"));
    assert_eq!(counter.mails_to(NEW).len(), 1);
}
