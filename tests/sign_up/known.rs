//! Forms for people who are known already: they gain what they confirm, and lose nothing.

use chrono::TimeDelta;

use crate::support::counter::{Counter, hidden};
use crate::{DAILY, READER};

#[tokio::test(flavor = "multi_thread")]
async fn who_paused_and_signs_up_again_gets_the_news() {
    let counter = Counter::open().await;
    let manage = counter.reader(READER).await.manage;
    let form = hidden(&counter.get(&manage).await, "form");
    let pause = [("form", &*form), ("action", "save"), ("paused", "yes")];
    assert!(counter.post(&manage, &pause).await.text().contains("Saved"));
    assert_eq!(counter.rows("select paused_at is not null from subscriber"), ["1"]);
    counter.forward(TimeDelta::days(1));
    counter.sign_up(READER, &DAILY).await;
    counter.work().await;
    assert_eq!(counter.rows("select paused_at is not null from subscriber"), ["1"]);
    let done = counter.press(&counter.mail_to(READER).link("confirm"), "confirm").await;
    assert!(done.text().contains("You will get our news"), "{}", done.text());
    counter.send_news("bridge").await;
    let news = counter.mail_to(READER);
    assert!(news.text().contains("bridge"), "{}", news.text());
}
