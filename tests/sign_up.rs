//! Signing up, from the form through real mail to the subscription, and everything that keeps
//! people from being signed up by others.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

#[path = "sign_up/known.rs"]
mod known;
#[path = "sign_up/moving.rs"]
mod moving;

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::TimeDelta;
use futures_util::future::join_all;
use support::counter::{Counter, FORM, Mail, encoded, hidden};
use support::served::{self, Answer};
use tidings::config::{self, Environment};
use tidings::pipeline::{Press, publish, scan};
use tidings::templates::Templates;

const READER: &str = "reader@example.org";
const DAILY: [(&str, &str); 1] = [("feed.all", "daily")];

/// What the page says when somebody has signed up.
const SENT: &str = "If we can write to this address";

const SUBSCRIPTIONS: &str = "select feed, state from subscription order by feed";
const CONSENTS: &str = "select feed, digest, action, at, source, wording, reason from consent";

fn check_sent(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(answer.text().contains(SENT), "{answer:?}");
}

/// What a form was refused for.
fn check_refused(answer: &Answer, reason: &str) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    assert!(answer.text().contains(reason), "no `{reason}`: {}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_and_confirms_gets_the_news() {
    let counter = Counter::open().await;
    let asked_at = counter.desk.now().timestamp() + 5;
    check_sent(&counter.sign_up(READER, &DAILY).await);
    assert_eq!(counter.rows(SUBSCRIPTIONS), [""; 0], "answered before the store knows");
    counter.work().await;
    assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|pending"]);
    let mail = counter.mail_to(READER);
    assert_eq!(mail.subject(), "Confirm your e-mail address – Test Office");
    assert!(!mail.message.contains("List-Unsubscribe"), "{}", mail.message);

    let link = mail.link("confirm");
    let page = counter.get(&link).await;
    assert_eq!(page.status, StatusCode::OK);
    let text = page.text();
    assert!(text.contains("r***@example.org") && text.contains("All news: "), "{text}");
    assert!(!text.contains(READER), "{text}");
    assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|pending"], "a look confirms nothing");
    counter.forward(TimeDelta::hours(1));
    let done = counter.press(&link, "confirm").await;
    assert!(done.text().contains("You will get our news"), "{}", done.text());
    assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|confirmed"]);

    let consents = counter.rows(CONSENTS);
    let [requested, confirmed] = &consents[..] else { panic!("{consents:?}") };
    let wording = "By pressing “Subscribe” you agree that Test Office keeps your e-mail address";
    let expected = format!("all|daily|requested|{asked_at}|form|{wording}");
    assert!(requested.starts_with(&expected), "{requested}");
    // Whoever filled in the form, these words are those that were read by who confirmed.
    let start = format!("all|daily|confirmed|{}|page|", asked_at + 3_600);
    let wording = confirmed.strip_prefix(&start).unwrap().trim_end_matches('|');
    assert!(
        wording.starts_with("By pressing “Yes, send me this” you agree that Test Office keeps")
    );
    assert!(text.contains(wording), "{wording}: {text}");

    counter.send_news("bridge").await;
    let news = counter.mail_to(READER);
    assert!(news.text().contains("bridge"), "{}", news.text());
    assert_eq!(counter.get(&news.link("manage")).await.status, StatusCode::OK);
}

/// Nothing is left by which an address could be found or written to.
fn check_forgotten(counter: &Counter) {
    assert_eq!(counter.rows("select * from address"), [""; 0]);
    assert_eq!(counter.rows("select id from subscriber where lookup is not null"), [""; 0]);
    assert_eq!(counter.rows("select * from subscription where state <> 'ended'"), [""; 0]);
    assert_eq!(counter.rows("select id from errand where ended_at is null"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_sign_up_has_the_address_deleted() {
    let counter = Counter::open().await;
    counter.sign_up(READER, &DAILY).await;
    counter.work().await;
    let first = counter.mail_to(READER).link("confirm");
    // Somebody insists.
    counter.forward(TimeDelta::hours(25));
    counter.sign_up(READER, &DAILY).await;
    counter.work().await;
    let link = counter.mail_to(READER).link("confirm");
    assert_ne!(first, link);
    let page = counter.press(&link, "refuse").await;
    assert!(page.text().contains("We deleted your address"), "{}", page.text());
    check_forgotten(&counter);
    assert!(counter.rows(CONSENTS).last().unwrap().ends_with("|page||not me"));
    for link in [first, link] {
        let page = counter.get(&link).await;
        assert!(page.text().contains("We deleted your address"), "{}", page.text());
        assert!(!page.text().contains("@example.org"), "{}", page.text());
    }
    counter.work().await;
    assert_eq!(counter.mails_to(READER).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_confirms_ends_after_three_days_and_is_forgotten() {
    let counter = Counter::open().await;
    counter.sign_up(READER, &DAILY).await;
    counter.work().await;
    let link = counter.mail_to(READER).link("confirm");
    let form = hidden(&counter.get(&link).await, "form");
    counter.forward(TimeDelta::hours(72));
    // Whether or not the clean-up has come by.
    let late = counter.post(&link, &[("form", &form), ("action", "confirm")]).await;
    assert!(late.text().contains("This link is too old"), "{}", late.text());
    assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|pending"]);
    tidings::pipeline::errands::end_expired(&counter.desk.press).await;
    check_forgotten(&counter);
    assert!(counter.rows(CONSENTS).last().unwrap().ends_with("||not confirmed in time"));
    let late = counter.post(&link, &[("form", &form), ("action", "confirm")]).await;
    assert!(late.text().contains("This link is too old"), "{}", late.text());
    assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|ended"]);
}

/// Sends one form from so many neighbourhoods at once; how many were taken.
async fn flood(counter: &Counter, senders: u16, address: &str) -> usize {
    let [(_, opened), (_, seal)] = counter.form().await;
    let address = [("address", address), ("opened", &opened), ("seal", &seal), DAILY[0]];
    let body = encoded(&address);
    let form = async |sender: u16| {
        let [a, b] = sender.to_be_bytes();
        counter.send("/subscribe", FORM, &format!("10.{a}.{b}.1"), body.clone()).await
    };
    let answers = join_all((0..senders).map(form)).await;
    answers.iter().filter(|answer| answer.status == StatusCode::OK).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_forms_for_one_address_make_one_mail() {
    let counter = Counter::open().await;
    assert_eq!(flood(&counter, 1_000, READER).await, 1_000);
    counter.work().await;
    assert_eq!(counter.mails_to(READER).len(), 1);
    assert_eq!(counter.rows("select count(*) from errand"), ["1"]);
    for (hours, mails) in [(20, 1), (4, 2), (24, 3), (24, 3), (24 * 26, 3), (24 * 2, 4)] {
        counter.forward(TimeDelta::hours(hours));
        assert_eq!(flood(&counter, 5, "Reader@EXAMPLE.org").await, 5);
        counter.work().await;
        assert_eq!(counter.sink.accepted().len(), mails, "after {hours} hours more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mailbox_gets_one_mail_whatever_is_put_behind_its_name() {
    let counter = Counter::open().await;
    for tag in ["", "+1", "+2", "+news+3"] {
        counter.sign_up(&format!("reader{tag}@example.org"), &DAILY).await;
    }
    counter.sign_up("+1@example.org", &DAILY).await;
    counter.work().await;
    let mut recipients = counter.sink.recipients();
    recipients.sort();
    assert_eq!(recipients, ["+1@example.org", READER]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_could_not_be_made_in_time_is_not_sent_any_more() {
    let counter = Counter::open().await;
    counter.sign_up(READER, &DAILY).await;
    let (press, joining) = (&counter.desk.press, &counter.joining);
    let forms = joining.next().await;
    press.store.sign_up(&forms.sign_ups[0], counter.desk.now()).await.unwrap();
    joining.applied(forms).await.unwrap();
    counter.forward(TimeDelta::hours(72));
    counter.work().await;
    assert_eq!(counter.sink.recipients(), [""; 0]);
    assert_eq!(counter.rows("select count(*) from address"), ["0"]);
}

/// Somebody new, somebody asked, somebody who gets news, somebody who must not be written to.
async fn people(counter: &Counter) -> [&'static str; 4] {
    let people = ["new@example.org", "asked@example.org", "active@example.org", "not@example.org"];
    counter.sign_up(people[1], &DAILY).await;
    counter.work().await;
    counter.subscribe(people[2], "all").await;
    counter.suppress(people[3]);
    people
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_answered_alike_before_the_store_is_looked_at() {
    let counter = Counter::open().await;
    let people = people(&counter).await;
    counter.forward(TimeDelta::days(1));
    let form = counter.form().await;
    let database = counter.database();
    let tables = counter.everything();
    let rename = |from: &str, to: &str| {
        for table in tables.keys().filter(|table| !table.starts_with("sqlite_")) {
            let sql = format!("alter table \"{from}{table}\" rename to \"{to}{table}\"");
            database.execute_batch(&sql).unwrap();
        }
    };
    // Whoever looks there finds nothing to read, and nowhere to write.
    rename("", "away_");
    database.execute_batch("begin immediate").unwrap();
    let mut answers = Vec::new();
    for address in people {
        let mut fields: Vec<(&str, &str)> = form.iter().map(|(k, v)| (*k, &**v)).collect();
        fields.extend([("address", address), ("feed.events", "daily")]);
        // Less than a store waits for another process.
        let limit = std::time::Duration::from_secs(10);
        let answer = tokio::time::timeout(limit, counter.post("/subscribe", &fields)).await;
        answers.push(answer.expect("no answer waits for the store"));
    }
    database.execute_batch("rollback").unwrap();
    rename("away_", "");
    for answer in &answers {
        check_sent(answer);
        assert_eq!((&answer.fields, &answer.body), (&answers[0].fields, &answers[0].body));
    }
    counter.work().await;
    let mails = people.map(|address| counter.mails_to(address).len());
    assert_eq!(mails, [1, 2, 1, 0]);
}

/// The same office, its config changed by hand.
fn under(counter: &Counter, edit: impl Fn(&str) -> String) -> Press {
    let path = counter.desk.office.path("config/tidings.yaml");
    let text = edit(&counter.desk.office.read("config/tidings.yaml"));
    counter.desk.office.write("config/tidings.yaml", text);
    let config = config::load(&path, &Environment::default()).unwrap();
    Press { config: Arc::new(config), ..counter.desk.press.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_follows_a_feed_that_gets_another_name() {
    let counter = Counter::open().await;
    check_sent(&counter.sign_up(READER, &[("feed.events", "daily")]).await);
    let renamed = under(&counter, |config| {
        config.replace("{name: events,", "{name: calendar, was: [events],")
    });
    let mut report = scan::scan(&renamed).await.unwrap();
    publish::publish(&renamed, &mut report).await.unwrap();
    counter.work_with(&renamed).await;
    assert_eq!(counter.rows(SUBSCRIPTIONS), ["calendar|pending"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_mailed_of_a_feed_that_somebody_made_up() {
    let counter = Counter::open().await;
    let made_up = ("feed.category-call-us-now", "daily");
    check_sent(&counter.sign_up("other@example.org", &[made_up]).await);
    check_sent(&counter.sign_up(READER, &[DAILY[0], made_up]).await);
    counter.work().await;
    assert_eq!(counter.sink.recipients(), [READER]);
    assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|pending"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_site_sends_is_shown_and_not_done() {
    let counter = Counter::open().await;
    let form = counter.form().await;
    let mut fields: Vec<(&str, &str)> = form.iter().map(|(k, v)| (*k, &**v)).collect();
    fields.extend([("address", READER), DAILY[0]]);
    let post = async |site: &str, fields: &[(&str, &str)]| {
        let headers = [&format!("content-type: {FORM}"), site];
        served::send(&counter.router, "POST", "/subscribe", &headers, encoded(fields)).await
    };
    let shown = post("sec-fetch-site: cross-site", &fields).await;
    check_refused(&shown, "on another site");
    counter.work().await;
    assert_eq!(counter.sink.recipients(), [""; 0]);
    // Here it is as they filled it in.
    assert!(shown.text().contains(&format!("value=\"{READER}\"")), "{}", shown.text());
    counter.forward(TimeDelta::seconds(5));
    let (opened, seal) = (hidden(&shown, "opened"), hidden(&shown, "seal"));
    let fields = [("opened", &*opened), ("seal", &seal), ("address", READER), DAILY[0]];
    check_sent(&post("sec-fetch-site: same-origin", &fields).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suppressed_address_gets_no_mail() {
    let counter = Counter::open().await;
    counter.suppress(READER);
    check_sent(&counter.sign_up(READER, &DAILY).await);
    counter.work().await;
    assert_eq!(counter.sink.accepted().len(), 0);
    assert_eq!(counter.rows("select * from subscriber"), [""; 0], "nor is it kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_for_more_keeps_what_they_have_until_they_confirm() {
    let counter = Counter::open().await;
    counter.subscribe(READER, "all").await;
    let follows = "select feed, g.name, state from subscription c join digest g \
                   on g.id = c.digest_id order by feed";
    let more = [("feed.all", "immediate"), ("feed.events", "daily"), ("language", "zh")];
    counter.sign_up(READER, &more).await;
    counter.work().await;
    assert_eq!(counter.rows(follows), ["all|daily|confirmed", "events|daily|pending"]);
    assert_eq!(counter.rows("select language from subscriber"), ["en"]);
    let link = counter.mail_to(READER).link("confirm");
    counter.press(&link, "confirm").await;
    assert_eq!(counter.rows(follows), ["all|immediate|confirmed", "events|daily|confirmed"]);
    assert_eq!(counter.rows("select language from subscriber"), ["zh"]);

    // Somebody else signs them up again: "not me" takes nothing away.
    counter.forward(TimeDelta::days(1));
    counter.sign_up(READER, &[("feed.releases", "daily")]).await;
    counter.work().await;
    counter.press(&counter.mail_to(READER).link("confirm"), "refuse").await;
    let kept = ["all|immediate|confirmed", "events|daily|confirmed", "releases|daily|ended"];
    assert_eq!(counter.rows(follows), kept);
    assert_eq!(counter.rows("select count(*) from address"), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbourhood_has_a_budget_and_unsubscribing_has_none() {
    let counter = Counter::open().await;
    counter.subscribe(READER, "all").await;
    counter.send_news("bridge").await;
    let unsubscribe = counter.mail_to(READER).link("unsubscribe");
    let [(_, opened), (_, seal)] = counter.form().await;
    let form = async |number: usize, from: &str| {
        let address = format!("reader{number}@example.org");
        let fields = [("address", &*address), ("opened", &opened), ("seal", &seal), DAILY[0]];
        counter.send("/subscribe", FORM, from, encoded(&fields)).await
    };
    for number in 0..30 {
        check_sent(&form(number, &format!("192.0.2.{number}")).await);
    }
    let rush = form(30, "192.0.2.200").await;
    assert_eq!(rush.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(rush.field("retry-after"), "120");
    // What stands before the last address anybody may have written.
    assert_eq!(form(30, "198.51.100.1, 192.0.2.7").await.status, StatusCode::TOO_MANY_REQUESTS);
    check_sent(&form(31, "198.51.100.1").await);
    for _ in 0..50 {
        let body = "List-Unsubscribe=One-Click";
        let left = counter.send(&unsubscribe, FORM, "192.0.2.200", body).await;
        assert_eq!(left.status, StatusCode::OK);
    }
    counter.forward(TimeDelta::minutes(2));
    check_sent(&form(32, "192.0.2.200").await);
    counter.work().await;
    assert_eq!(counter.rows("select count(*) from errand"), ["32"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_together_have_a_budget() {
    let counter = Counter::open().await;
    assert_eq!(flood(&counter, 2_000, READER).await, 1_800);
    let form = counter.sign_up("other@example.org", &DAILY).await;
    assert_eq!(form.status, StatusCode::OK, "some come free with time: {form:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_named_proxy_says_where_a_form_comes_from() {
    let edit = |config: &str| config.replace("trusted_proxies: [0.0.0.0]", "trusted_proxies: []");
    let counter = Counter::open_with(edit).await;
    assert_eq!(flood(&counter, 40, READER).await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trap_takes_programs_and_tells_them_nothing() {
    let counter = Counter::open().await;
    let sent = counter.sign_up("other@example.org", &DAILY).await;
    let trapped = counter.sign_up(READER, &[DAILY[0], ("website", "https://spam.example")]).await;
    assert_eq!((sent.status, &sent.fields), (trapped.status, &trapped.fields));
    assert_eq!(sent.text(), trapped.text());
    counter.work().await;
    assert_eq!(counter.sink.recipients(), ["other@example.org"]);
    assert_eq!(counter.rows("select count(*) from subscriber"), ["1"]);
    let page = counter.get("/subscribe").await.text();
    let (_, trap) = page.split_once("<p class=\"trap\" aria-hidden=\"true\">").unwrap();
    assert!(trap.split_once("</p>").unwrap().0.contains("name=\"website\" tabindex=\"-1\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_comes_too_fast_or_too_late_is_asked_for_again() {
    let counter = Counter::open().await;
    let page = counter.get("/subscribe").await;
    let (opened, seal) = (hidden(&page, "opened"), hidden(&page, "seal"));
    let fields = [("opened", &*opened), ("seal", &seal), ("address", READER), DAILY[0]];
    counter.forward(TimeDelta::seconds(1));
    check_refused(&counter.post("/subscribe", &fields).await, "faster than anybody");
    counter.forward(TimeDelta::seconds(1));
    check_sent(&counter.post("/subscribe", &fields).await);
    counter.forward(TimeDelta::hours(24) + TimeDelta::seconds(1));
    let old = counter.post("/subscribe", &fields).await;
    check_refused(&old, "open for too long");
    assert!(old.text().contains(&format!("value=\"{READER}\"")), "what was written is kept");
    assert!(old.text().contains("<option value=\"daily\" selected>"), "{}", old.text());
    counter.forward(TimeDelta::seconds(2));
    let (opened, seal) = (hidden(&old, "opened"), hidden(&old, "seal"));
    let fields = [("opened", &*opened), ("seal", &seal), ("address", READER), DAILY[0]];
    check_sent(&counter.post("/subscribe", &fields).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_form_of_ours_signs_anybody_up() {
    let counter = Counter::open().await;
    counter.sign_up("other@example.org", &DAILY).await;
    counter.work().await;
    let link = counter.mail_to("other@example.org").link("confirm");
    let of_another_form = hidden(&counter.get(&link).await, "form");
    let [(_, opened), (_, seal)] = counter.form().await;
    let later = (opened.parse::<i64>().unwrap() + 1).to_string();
    let before = counter.everything();
    for (opened, seal) in [
        (&*opened, ""),
        (&*opened, &*of_another_form),
        (&*opened, &seal[1..]),
        (&*later, &*seal),
        ("", &*seal),
        ("-1", &*seal),
    ] {
        let fields = [("opened", opened), ("seal", seal), ("address", READER), DAILY[0]];
        check_refused(&counter.post("/subscribe", &fields).await, "nothing was sent");
    }
    let bare = counter.post("/subscribe", &[("address", READER), DAILY[0]]).await;
    check_refused(&bare, "nothing was sent");
    counter.work().await;
    assert_eq!(counter.everything(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_comes_in_the_language_that_was_chosen() {
    let counter = Counter::open().await;
    let subject_of = async |address: &str, page: &str, chosen: &[(&str, &str)]| {
        let form = counter.form().await;
        let mut fields: Vec<(&str, &str)> = form.iter().map(|(k, v)| (*k, &**v)).collect();
        fields.extend([("address", address), DAILY[0]]);
        fields.extend(chosen);
        check_sent_in_any(&counter.post(page, &fields).await);
        counter.work().await;
        counter.mail_to(address).subject()
    };
    let english = subject_of("a@example.org", "/subscribe", &[("language", "en")]).await;
    let chinese = subject_of("b@example.org", "/subscribe", &[("language", "zh")]).await;
    assert!(english.starts_with("Confirm your"), "{english}");
    assert!(!chinese.is_ascii() && chinese != english, "{chinese}");
    // Without a choice, or with one that there is not, that of the page.
    let of_page = subject_of("c@example.org", "/subscribe?lang=zh", &[]).await;
    assert_eq!(of_page, chinese);
    let unknown = subject_of("d@example.org", "/subscribe?lang=zh", &[("language", "fr")]).await;
    assert_eq!(unknown, chinese);
    // The page that the mail leads to speaks it too.
    let page = counter.get(&counter.mail_to("b@example.org").link("confirm")).await;
    assert!(page.text().contains("<html lang=\"zh\""), "{}", page.text());
}

fn check_sent_in_any(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(!answer.text().contains("name=\"seal\""), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_and_digests_that_there_are_not_choose_nothing() {
    let counter = Counter::open().await;
    for chosen in [("feed.none", "daily"), ("feed.all", "hourly"), ("feed.all", ""), ("feed.", "")]
    {
        let refused = counter.sign_up(READER, &[chosen]).await;
        check_refused(&refused, "Choose how often for at least one");
    }
    check_refused(&counter.sign_up("", &DAILY).await, "Write your e-mail address");
    for unfit in ["reader", "reader@localhost", "reader@[192.0.2.1]", "r@é@example.org"] {
        check_refused(&counter.sign_up(unfit, &DAILY).await, "We cannot send to");
    }
    let known = [("feed.none", "daily"), ("feed.events", "hourly"), DAILY[0]];
    check_sent(&counter.sign_up(READER, &known).await);
    counter.work().await;
    assert_eq!(counter.rows(SUBSCRIPTIONS), ["all|pending"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_their_address_confirms_at_the_new_one_and_the_old_one_is_told() {
    let counter = Counter::open().await;
    let link = counter.reader(READER).await.own;
    let opened = counter.press(&link, "open").await;
    let text = opened.text();
    assert!(text.contains(READER) && text.contains("All news"), "{text}");
    let form = hidden(&opened, "form");
    let fields = [("form", &*form), ("action", "change"), ("address", "new@example.org")];
    counter.post(&link, &fields).await;
    counter.work().await;
    assert_eq!(counter.mails_to(READER).len(), 3, "nothing has changed yet");
    let page = counter.press(&counter.mail_to("new@example.org").link("confirm"), "confirm").await;
    assert!(page.text().contains("n***@example.org"), "{}", page.text());
    counter.work().await;
    let Mail { message, .. } = counter.mails_to(READER).pop().unwrap();
    assert_eq!(counter.mails_to(READER).len(), 4, "{message}");
    let lookup = counter.desk.press.keys.lookup(&"new@example.org".parse().unwrap());
    let known = counter.desk.press.store.subscriber_by_lookup(&lookup).await.unwrap();
    assert!(known.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_made_keeps_no_other_back() {
    let counter = Counter::open().await;
    // A line for each feed and one for the language.
    let broken = "{% if wants | length > 2 %}{{ nobody.gives.this }}{% endif %}";
    let text = format!("{broken}{}", include_str!("../templates/mail/answer.txt"));
    counter.desk.office.write("templates/mail/answer.txt", text);
    let templates = Templates::load(&counter.desk.office.path("templates")).unwrap();
    let press = Press { templates: Arc::new(templates), ..counter.desk.press.clone() };
    let both = [DAILY[0], ("feed.events", "daily")];
    counter.sign_up(READER, &both).await;
    counter.sign_up("other@example.org", &DAILY).await;
    counter.work_with(&press).await;
    assert_eq!(counter.mails_to(READER).len(), 0);
    assert_eq!(counter.mails_to("other@example.org").len(), 1);
    // Nor what they ask for themselves later.
    counter.forward(TimeDelta::hours(25));
    counter.sign_up(READER, &DAILY).await;
    counter.work_with(&press).await;
    let mail = counter.mail_to(READER);
    assert!(!mail.text().contains("Events"), "{}", mail.text());
    // It is made as soon as it can be.
    counter.work().await;
    assert_eq!(counter.mails_to(READER).len(), 2);
    assert!(counter.mail_to(READER).text().contains("Events"));
}
