//! People who move to another address, and those who had it before.

use chrono::TimeDelta;
use tidings::pipeline::errands::end_expired;

use crate::support::counter::{Counter, Links, hidden};

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
