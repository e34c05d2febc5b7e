//! Forms for people who are known already: they gain what they confirm, and lose nothing.

use std::sync::Arc;

use chrono::TimeDelta;
use tidings::pipeline::errands::end_expired;
use tidings::pipeline::people::{self, Consent};
use tidings::store::{SealedAddress, SignUp};
use tidings::subscribers::import::Row;
use tidings::templates::Templates;

use crate::support::counter::{Counter, Links, find_hidden, hidden};
use crate::support::served::Answer;
use crate::{CONSENTS, DAILY, READER, SUBSCRIPTIONS, check_forgotten};

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

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_news_and_refuses_more_is_told_that_the_news_go_on() {
    let counter = Counter::open().await;
    counter.subscribe(READER, "all").await;
    counter.sign_up(READER, &[("feed.events", "daily")]).await;
    counter.work().await;
    let mail = counter.mail_to(READER);
    let text = mail.text().replace("\r\n", " ");
    assert!(text.contains("To have this request dropped at once"), "{text}");
    assert!(!text.contains("delete"), "{text}");
    let link = mail.link("confirm");
    let page = counter.get(&link).await.text();
    assert!(page.contains("Drop this request") && !page.contains("elete"), "{page}");
    let pages = [counter.press(&link, "refuse").await, counter.get(&link).await];
    for page in pages.map(|page| page.text()) {
        assert!(page.contains("What was asked for is dropped"), "{page}");
        assert!(page.contains("What you had before stays as it was"), "{page}");
        assert!(!page.contains("deleted"), "{page}");
    }
    counter.send_news("bridge").await;
    assert!(counter.mail_to(READER).text().contains("bridge"));
}

/// Somebody who left just now, and whom a stranger signs up.
async fn left(counter: &Counter) -> (String, Answer) {
    let manage = counter.reader(READER).await.manage;
    counter.forward(TimeDelta::days(1));
    let left = counter.press(&manage, "leave").await;
    assert!(left.text().contains("You get no more mail"), "{}", left.text());
    counter.sign_up(READER, &DAILY).await;
    counter.work().await;
    (manage, left)
}

const LEFT: [&str; 1] = ["all|ended|left|1|1"];
const ROWS: &str = "select feed, state, end_reason, confirmed_at is not null, \
                    owed_from is not null from subscription";

#[tokio::test(flavor = "multi_thread")]
async fn who_left_can_take_it_back_whoever_signs_them_up_meanwhile() {
    let counter = Counter::open().await;
    let (manage, page) = left(&counter).await;
    assert_eq!(counter.rows(ROWS), LEFT);
    let [form, at, seal] = ["form", "left", "seal"].map(|name| hidden(&page, name));
    let undo = [("form", &*form), ("action", "undo"), ("left", &*at), ("seal", &*seal)];
    let back = counter.post(&manage, &undo).await;
    assert!(back.text().contains("Everything is as it was before"), "{}", back.text());
    assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|confirmed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_stood_in_for_readers_is_forgotten_as_any_other() {
    for is_refused in [true, false] {
        let counter = Counter::open().await;
        let row = Row {
            line: 1,
            address: READER.parse().unwrap(),
            feed: "all".into(),
            digest: "daily".into(),
            language: "en".parse().unwrap(),
        };
        let consent = Consent {
            source: "rehearsal",
            wording: "test".into(),
            is_confirmed: true,
            is_rehearsal: true,
            brings_back: true,
        };
        people::subscribe(&counter.desk.press, &[row], &consent).await.unwrap();
        counter.sign_up(READER, &DAILY).await;
        counter.work().await;
        if is_refused {
            let link = counter.mail_to(READER).link("confirm");
            let page = counter.press(&link, "refuse").await.text();
            assert!(page.contains("We deleted your address"), "{page}");
        } else {
            counter.forward(TimeDelta::hours(72));
            end_expired(&counter.desk.press).await;
        }
        check_forgotten(&counter);
    }
}

/// However fast they are: the clock stands still.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_comes_back_and_leaves_again_has_left() {
    let counter = Counter::open().await;
    let links = counter.reader(READER).await;
    for (path, action) in
        [(&links.manage, "leave"), (&links.unsubscribe, ""), (&links.manage, "leave")]
    {
        let page = match action {
            "" => counter.post(path, &[]).await,
            _ => counter.press(path, action).await,
        };
        assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|ended"], "{path}: {}", page.text());
        let (left, seal) = (hidden(&page, "left"), hidden(&page, "seal"));
        let form = find_hidden(&page, "form").unwrap_or_default();
        let undo = [("form", &*form), ("left", &*left), ("seal", &seal), ("action", "undo")];
        let back = counter.post(path, &undo).await;
        assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|confirmed"], "{path}: {}", back.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_is_not_erased_by_a_form_that_nobody_answers() {
    for is_refused in [true, false] {
        let counter = Counter::open().await;
        left(&counter).await;
        if is_refused {
            counter.press(&counter.mail_to(READER).link("confirm"), "refuse").await;
        } else {
            counter.forward(TimeDelta::hours(72));
            end_expired(&counter.desk.press).await;
        }
        assert_eq!(counter.rows("select count(*) from address"), ["1"]);
        assert_eq!(counter.rows("select erased_at from subscriber"), [""]);
        assert_eq!(counter.rows("select id from errand where ended_at is null"), [""; 0]);
        assert_eq!(counter.rows(ROWS), LEFT);
        let reason = if is_refused { "|page||not me" } else { "|page||not confirmed in time" };
        let last = counter.rows(CONSENTS).pop().unwrap();
        assert!(last.starts_with("all|daily|ended|") && last.ends_with(reason), "{last}");
    }
}

/// Whom an operator entered waits for their word, and a form that nobody answers takes nothing of
/// that away. "This was not me" says it: they have the mail in hand.
#[tokio::test(flavor = "multi_thread")]
async fn who_an_operator_entered_is_not_erased_by_a_form() {
    let entered = "select feed, g.name, state from subscription c join digest g on g.id = digest_id
                   order by feed";
    let known = "select lookup is not null from subscriber";
    for wants in [("feed.events", "daily"), DAILY[0], ("feed.all", "immediate")] {
        let counter = Counter::open().await;
        let row = Row {
            line: 1,
            address: READER.parse().unwrap(),
            feed: "all".into(),
            digest: "daily".into(),
            language: "en".parse().unwrap(),
        };
        let consent = Consent {
            source: "operator",
            wording: "test".into(),
            is_confirmed: false,
            is_rehearsal: false,
            brings_back: true,
        };
        people::subscribe(&counter.desk.press, &[row], &consent).await.unwrap();
        counter.forward(TimeDelta::days(1));
        counter.sign_up(READER, &[wants]).await;
        counter.work().await;
        counter.forward(TimeDelta::hours(72));
        end_expired(&counter.desk.press).await;
        assert_eq!(counter.rows(entered)[0], "all|daily|pending", "{wants:?}");
        assert!(!counter.rows(entered)[1..].iter().any(|row| row.ends_with("pending")));
        assert_eq!(counter.rows(known), ["1"]);
        assert_eq!(counter.rows("select count(*) from address"), ["1"]);

        counter.sign_up(READER, &[wants]).await;
        counter.work().await;
        let link = counter.mail_to(READER).link("confirm");
        let pages = [counter.press(&link, "refuse").await, counter.get(&link).await];
        for page in pages.map(|page| page.text()) {
            assert!(page.contains("We deleted your address"), "{page}");
        }
        check_forgotten(&counter);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_and_confirms_gets_the_news_again() {
    let counter = Counter::open().await;
    left(&counter).await;
    counter.press(&counter.mail_to(READER).link("confirm"), "confirm").await;
    assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|confirmed"]);
    counter.send_news("bridge").await;
    assert!(counter.mail_to(READER).text().contains("bridge"));
}

/// Pause, language and address belong to no one subscription: they stand in the log without one.
#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_kept_and_shown() {
    let counter = Counter::open().await;
    let manage = counter.reader(READER).await.manage;
    let choose = async |language: &str, paused: Option<&str>| {
        let form = hidden(&counter.get(&manage).await, "form");
        let mut fields = vec![("form", &*form), ("action", "save"), ("language", language)];
        fields.extend(paused.map(|paused| ("paused", paused)));
        counter.post(&manage, &fields).await;
    };
    choose("en", Some("yes")).await;
    choose("en", Some("yes")).await;
    choose("zh", None).await;
    counter.press(&manage, "leave").await;
    counter.forward(TimeDelta::days(1));
    counter.press(&manage, "data").await;
    counter.work().await;
    let own = counter.mail_to(READER).link("self");
    let form = hidden(&counter.press(&own, "open").await, "form");
    let change = [("form", &*form), ("action", "change"), ("address", "new@example.org")];
    counter.post(&own, &change).await;
    counter.work().await;
    counter.press(&counter.mail_to("new@example.org").link("confirm"), "confirm").await;
    counter.forward(TimeDelta::days(1));
    // Who signs up again in another language changes that as well.
    counter.sign_up("new@example.org", &[DAILY[0], ("language", "en")]).await;
    counter.work().await;
    counter.press(&counter.mail_to("new@example.org").link("confirm"), "confirm").await;

    let kept = "select action, source, reason, wording is not null from consent where feed = ''";
    let expected = ["paused|1", "resumed|1", "language zh|1", "address|1", "language en|1"];
    assert_eq!(counter.rows(kept), expected.map(|row| format!("changed|page|{row}")));
    let report = counter.desk.press.store.verify_audit().await.unwrap();
    assert_eq!(report.broken, []);

    counter.send_news("bridge").await;
    let manage = counter.mail_to("new@example.org").link("manage");
    counter.press(&manage, "data").await;
    counter.work().await;
    let own = counter.mail_to("new@example.org").link("self");
    let page = counter.press(&own, "open").await.text();
    for what in ["You paused all mail", "You ended the pause", "You changed your e-mail address"] {
        assert!(page.contains(&format!("<dd>{what}</dd>")), "no {what}: {page}");
    }
    for name in ["中文", "English"] {
        assert!(page.contains(&format!("<dd>Language of the e-mails: {name}</dd>")), "{page}");
    }
}

/// As the page said it, in its language.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_button_said_is_kept_with_what_it_did() {
    let counter = Counter::open().await;
    let Links { manage, unsubscribe, own, .. } = counter.reader(READER).await;
    let in_chinese = |link: &str| format!("{link}?lang=zh");
    let newest = || counter.rows("select wording from consent order by id desc limit 1");
    let has_button = |page: &Answer, text: &str| {
        let page = page.text();
        assert!(page.contains(&format!(">{text}</button>")), "no button {text}: {page}");
    };
    let form = hidden(&counter.get(&manage).await, "form");
    let back = "撤销：照旧发送";
    for link in [&manage, &unsubscribe] {
        let link = in_chinese(link);
        let left = counter.post(&link, &[("form", &form), ("action", "leave")]).await;
        has_button(&left, back);
        let [at, seal] = ["left", "seal"].map(|name| hidden(&left, name));
        let undo = [("form", &*form), ("action", "undo"), ("left", &*at), ("seal", &*seal)];
        counter.post(&link, &undo).await;
        assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|confirmed"]);
        assert_eq!(newest(), [back]);
        counter.forward(TimeDelta::seconds(1));
    }

    let open = hidden(&counter.press(&own, "open").await, "form");
    let change = [("form", &*open), ("action", "change"), ("address", "new@example.org")];
    let page = counter.post(&own, &change).await.text();
    assert_eq!(page.matches("Undo: go on as before").count(), 0, "{page}");
    assert_eq!(page.matches(back).count(), 2, "{page}");
    assert!(!page.contains("<dd>undo"), "{page}");
    // As an earlier version kept it.
    let earlier = "update consent set wording = 'undo', reason = null where reason = 'undo'";
    assert_eq!(counter.database().execute(earlier, []).unwrap(), 2);
    let page = counter.post(&own, &change).await.text();
    assert_eq!(page.matches("Undo: go on as before").count(), 2, "{page}");

    counter.work().await;
    let confirm = in_chinese(&counter.mail_to("new@example.org").link("confirm"));
    let moves = "是的，使用这个地址";
    has_button(&counter.get(&confirm).await, moves);
    counter.press(&confirm, "confirm").await;
    assert_eq!(newest(), [moves]);
}

/// As after a restore, when the config names digests that the store does not know yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_fails_for_good_keeps_no_other_back() {
    let counter = Counter::open().await;
    let press = &counter.desk.press;
    let address = "lost@example.org".parse().unwrap();
    let (key, cipher) = press.keys.seal(&address).unwrap();
    let lookup = press.keys.lookup(&address);
    let form = SignUp {
        address: SealedAddress {
            mailbox: lookup.clone(),
            lookup,
            key,
            cipher,
            domain: "example.org".into(),
        },
        wants: [("all".to_owned(), "unheard-of".to_owned())].into(),
        language: "en".parse().unwrap(),
        source: "form".into(),
        wording: "You agree.".into(),
        asked_at: counter.desk.now(),
    };
    counter.joining.keep(&form).await.unwrap();
    counter.sign_up(READER, &DAILY).await;
    counter.work().await;
    assert_eq!(counter.sink.recipients(), [READER]);
    assert_eq!(counter.rows("select count(*) from subscriber"), ["1"]);
}

/// A mail that cannot be made is tried again and again; those behind it are looked at all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_answers_that_cannot_be_made_keep_no_other_back() {
    let mut counter = Counter::open().await;
    // A line for each feed, and one for the language.
    let broken = "{% if wants | length > 2 %}{{ nobody.gives.this }}{% endif %}";
    let text = format!("{broken}{}", include_str!("../../templates/mail/answer.txt"));
    counter.desk.office.write("templates/mail/answer.txt", text);
    let templates = Templates::load(&counter.desk.office.path("templates")).unwrap();
    counter.desk.press.templates = Arc::new(templates);
    counter.sign_up("lost@example.org", &[DAILY[0], ("feed.events", "daily")]).await;
    counter.work().await;
    let more = "
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)
        insert into errand (subscriber_id, kind, address_version, language, wants, source, wording,
            asked_at, expires_at)
        select subscriber_id, kind, address_version, language, wants, source, wording, asked_at,
            expires_at from errand, n";
    counter.database().execute_batch(more).unwrap();
    counter.sign_up(READER, &DAILY).await;
    counter.work().await;
    assert_eq!(counter.sink.recipients(), [READER]);
}
