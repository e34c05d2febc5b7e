//! The whole life of a subscriber.

use std::time::{Duration, Instant};

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::json;

use super::chromium::driver;
use super::reader::{Hand, Mail, Reader, is_gone};
use super::support::office::{Daemon, Office};
use super::support::sink::Sink;
use super::{browser, judge, pictures};

/// An office that writes in two languages, with its daemon and the server that takes its mail.
struct Town {
    office: Office,
    daemon: Daemon,
    sink: Sink,
}

impl Town {
    async fn new() -> Self {
        let sink = Sink::start().await;
        let office = Office::with_relay(&sink.url());
        let config = office.read("config/tidings.yaml");
        let legal = "legal: {profile: none, organisation: Harbour City Council, \
            address: '1 Sea Wall, Harbour City', contact: press@press.example.org, \
            data_protection: dpo@press.example.org}";
        let config = config
            .replace("Asia/Singapore}", "Asia/Singapore, languages: [en, zh]}")
            .replace("legal: {profile: none}", legal);
        office.write("config/tidings.yaml", config);
        let daemon = office.daemon();
        Self { office, daemon, sink }
    }

    fn site(&self) -> String {
        format!("http://{}/", self.daemon.address())
    }

    /// Publishes news, and waits until all who get it now have it.
    async fn publish(&self, name: &str) {
        self.office.news(name, "It opens today.");
        self.send().await;
    }

    async fn send(&self) {
        let done = self.office.run_async(&["publish-now", "--yes"]).await;
        assert_eq!(done.code, 0, "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_comes_changes_leaves_and_is_forgotten_in_english() {
    live(("en", "english"), 1280, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_comes_changes_leaves_and_is_forgotten_in_chinese() {
    live(("zh", "chinese"), 320, true).await;
}

async fn live(language: (&str, &'static str), width: u32, is_dark: bool) {
    let Some(driver) = driver() else { return };
    let Some(axe) = judge::axe() else { return };
    let town = Town::new().await;
    let browser = browser(&driver, width, is_dark, json!({})).await;
    let mut reader = Reader::new(browser, town.site(), &town.sink, language);
    reader.axe = Some(axe);

    signs_up(&mut reader, "mei@example.org").await;
    let digest = is_sent_news(&town, &mut reader).await;
    changes(&town, &mut reader, &digest.link("manage")).await;
    pauses(&town, &mut reader, &digest.link("manage")).await;
    leaves_and_comes_back(&mut reader, &digest).await;
    let news = moves(&town, &mut reader, &digest.link("manage")).await;
    is_forgotten(&town, &mut reader, &news.link("manage")).await;
    let pages = std::mem::take(&mut reader.pages);
    reader.close().await;
    if let Some(folder) = pictures() {
        judge::picture(&driver, &folder, &pages, is_dark).await;
    }
}

/// From the form to the confirmation.
async fn signs_up(reader: &mut Reader<'_>, address: &str) {
    reader.open("subscribe").await;
    let language = match reader.words.language() {
        "zh" => "中文",
        _ => "English",
    };
    reader.follow(language).await;
    reader.is_at(&reader.say("subscribe-title")).await;
    reader.look("subscribe").await;
    assert_eq!(reader.chosen(&reader.say("subscribe-language")).await, language);
    reader.write(&reader.say("subscribe-address"), address).await;
    reader.choose("All news", &daily(reader)).await;
    reader.sign_up().await;
    reader.reads(&reader.say("sent-spam")).await;
    reader.look("sent").await;

    let mail = reader.mail().await;
    assert_eq!(mail.recipient, address);
    assert_eq!(mail.subject, on_site(reader, "confirm-mail-subject"));
    assert!(!mail.head.contains("List-"), "it is no mail of a list: {}", mail.head);
    assert!(mail.text.contains("All news"), "{}", mail.text);
    let link = mail.link("confirm");
    reader.open(&link).await;
    reader.is_at(&reader.say("confirm-title")).await;
    reader.reads("m***@example.org").await;
    reader.reads(&daily(reader)).await;
    reader.look("confirm").await;
    reader.press(&reader.say("confirm-button")).await;
    reader.is_at(&reader.say("confirm-done-title")).await;
    reader.look("confirmed").await;
    reader.follow(&reader.say("confirm-done-manage")).await;
    reader.is_at(&reader.say("manage-title")).await;
    reader.open(&link).await;
    reader.is_at(&reader.say("confirm-used-title")).await;
    reader.look("confirmed-before").await;
}

async fn is_sent_news(town: &Town, reader: &mut Reader<'_>) -> Mail {
    town.publish("a-new-bridge").await;
    let mail = reader.mail().await;
    assert_eq!(mail.recipient, "mei@example.org");
    assert!(mail.subject.contains("a-new-bridge"), "{}", mail.subject);
    let reason = [("digest", "daily".into()), ("site", "Test Office".into())];
    let reason = reader.words.say("mail-reason-digest", &reason);
    let said = mail.text.split_whitespace().collect::<String>();
    assert!(said.contains(&reason.split_whitespace().collect::<String>()), "{}", mail.text);
    mail
}

/// Another digest, which the daemon sends by itself, and another language and back.
async fn changes(town: &Town, reader: &mut Reader<'_>, manage: &str) {
    reader.open(manage).await;
    reader.look("manage").await;
    assert_eq!(reader.chosen("All news").await, daily(reader));
    reader.choose("All news", &reader.say("choice-immediate")).await;
    let other = if reader.words.language() == "zh" { "English" } else { "中文" };
    reader.choose(&reader.say("manage-language"), other).await;
    reader.press(&reader.say("manage-save")).await;
    // The page is in the language of the mail now, unless its address says another.
    let saved = Reader::sentence(other, "manage-saved");
    reader.reads(&saved).await;
    reader.look("saved").await;
    town.office.news("a-second-bridge", "It opens tomorrow.");
    let mail = reader.mail().await;
    let expected = Reader::sentence(other, "mail-leave");
    assert!(mail.subject.contains("a-second-bridge"), "{}", mail.subject);
    assert!(mail.text.contains(&expected), "{}", mail.text);
    let own = if other == "English" { "中文" } else { "English" };
    reader.choose(&Reader::sentence(other, "manage-language"), own).await;
    reader.press(&Reader::sentence(other, "manage-save")).await;
    reader.reads(&reader.say("manage-saved")).await;
}

async fn pauses(town: &Town, reader: &mut Reader<'_>, manage: &str) {
    reader.open(manage).await;
    reader.tick(&reader.say("manage-pause")).await;
    reader.press(&reader.say("manage-save")).await;
    reader.reads(&reader.say("manage-saved")).await;
    town.publish("news-of-the-pause").await;
    reader.tick(&reader.say("manage-pause")).await;
    reader.press(&reader.say("manage-save")).await;
    reader.reads(&reader.say("manage-saved")).await;
    town.publish("news-after-the-pause").await;
    let mail = reader.mail().await;
    assert!(mail.subject.contains("news-after-the-pause"), "{}", mail.subject);
}

/// By the page that changes what one gets, and by the link that ends a digest.
async fn leaves_and_comes_back(reader: &mut Reader<'_>, digest: &Mail) {
    reader.open(&digest.link("manage")).await;
    reader.press(&reader.say("manage-leave-button")).await;
    reader.is_at(&reader.say("manage-left-title")).await;
    reader.look("left").await;
    reader.press(&reader.say("manage-undo")).await;
    reader.reads(&reader.say("manage-back")).await;
    reader.look("back").await;
    reader.choose("All news", &daily(reader)).await;
    reader.press(&reader.say("manage-save")).await;
    reader.reads(&reader.say("manage-saved")).await;

    let what = reader.words.say("unsubscribe-digest", &[("digest", "daily".into())]);
    let words = reader.words;
    let say = |key: &str| words.say(key, &[("what", what.clone().into())]);
    reader.open(&digest.link("unsubscribe")).await;
    reader.is_at(&say("unsubscribe-ask-title")).await;
    reader.look("unsubscribe").await;
    reader.press(&say("unsubscribe-button")).await;
    reader.is_at(&say("unsubscribe-done-title")).await;
    reader.look("unsubscribed").await;
    reader.press(&reader.say("manage-undo")).await;
    reader.is_at(&say("unsubscribe-back-title")).await;
    reader.look("unsubscribed-and-back").await;
}

/// Asks for their data, and to be written to elsewhere.
async fn moves(town: &Town, reader: &mut Reader<'_>, manage: &str) -> Mail {
    reader.open(manage).await;
    reader.press(&reader.say("manage-data-button")).await;
    reader.reads(&reader.say("manage-data-title")).await;
    reader.look("asked-for-data").await;
    let mail = reader.mail().await;
    assert_eq!(mail.subject, on_site(reader, "self-mail-subject"));
    let data = mail.link("self");
    reader.open(&data).await;
    reader.look("data-closed").await;
    reader.press(&reader.say("self-mail-button")).await;
    reader.reads("mei@example.org").await;
    reader.look("data").await;
    let page = reader.page().await;
    for consent in ["self-action-requested", "self-action-confirmed", "self-action-changed"] {
        let consent = reader.words.say(consent, &[("feed", "All news".into())]);
        assert!(page.contains(&consent), "{consent}: {page}");
    }
    reader.write(&reader.say("self-change-address"), "mei at home").await;
    reader.press(&reader.say("self-change-button")).await;
    reader.reads(&reader.say("address-no-at")).await;
    reader.look("data-unfit").await;
    reader.write(&reader.say("self-change-address"), "mei@example.net").await;
    reader.press(&reader.say("self-change-button")).await;
    reader.reads(&reader.say("self-change-sent")).await;
    reader.look("data-sent").await;
    reader.open(&data).await;
    reader.is_at(&reader.say("self-used-title")).await;
    reader.look("data-before").await;

    let mail = reader.mail().await;
    assert_eq!(mail.recipient, "mei@example.net");
    assert_eq!(mail.subject, on_site(reader, "change-mail-subject"));
    reader.open(&mail.link("confirm")).await;
    reader.reads("m***@example.net").await;
    reader.reads("m***@example.org").await;
    reader.look("move").await;
    reader.press(&reader.say("change-button")).await;
    reader.is_at(&reader.say("change-done-title")).await;
    reader.look("moved").await;
    let notice = reader.mail().await;
    assert_eq!(notice.recipient, "mei@example.org");
    assert_eq!(notice.subject, on_site(reader, "changed-mail-subject"));
    town.publish("news-after-the-move").await;
    let mail = reader.mail().await;
    assert_eq!(mail.recipient, "mei@example.net");
    for old in [&data, manage] {
        reader.open(old).await;
        reader.is_at(&reader.say("error-former-title")).await;
    }
    reader.look("before-the-move").await;
    mail
}

/// By another link to their data, for the page is open once.
async fn is_forgotten(town: &Town, reader: &mut Reader<'_>, manage: &str) {
    reader.open(manage).await;
    reader.press(&reader.say("manage-data-button")).await;
    let mail = reader.mail().await;
    assert_eq!(mail.recipient, "mei@example.net");
    reader.open(&mail.link("self")).await;
    reader.press(&reader.say("self-mail-button")).await;
    reader.reads("mei@example.net").await;
    reader.reads("mei@example.org").await;
    reader.reads(&reader.say("self-reason-address")).await;
    reader.look("data-after-the-move").await;
    reader.press(&reader.say("self-erase-button")).await;
    reader.reads(&reader.say("self-erase-unsure")).await;
    reader.look("data-unsure").await;
    reader.tick(&reader.say("self-erase-sure")).await;
    reader.press(&reader.say("self-erase-button")).await;
    reader.is_at(&reader.say("goodbye-title")).await;
    reader.look("goodbye").await;
    town.publish("news-after-all").await;
    assert_eq!(town.sink.accepted().len(), reader.read, "nobody is there any more");
    let list = town.office.run_async(&["subscribers", "list"]).await;
    assert!(!list.stdout.contains('@'), "{list:?}");
    reader.open(manage).await;
    reader.look("forgotten").await;
    let page = reader.page().await;
    assert!(!page.contains("example"), "{page}");
}

fn daily(reader: &Reader<'_>) -> String {
    reader.words.say("choice-digest", &[("digest", "daily".into())])
}

fn on_site(reader: &Reader<'_>, key: &str) -> String {
    reader.words.say(key, &[("site", "Test Office".into())])
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_script_signs_up_changes_and_leaves() {
    let Some(driver) = driver() else { return };
    let town = Town::new().await;
    // 2 is "blocked".
    let blocked = json!({"profile.managed_default_content_settings.javascript": 2});
    let browser = browser(&driver, 360, false, blocked).await;
    let script = "data:text/html,<title>none</title><script>document.title='some'</script>";
    browser.goto(script).await.unwrap();
    assert_eq!(browser.title().await.unwrap(), "none");
    let mut reader = Reader::new(browser, town.site(), &town.sink, ("en", "scriptless"));
    reader.hand = Hand::Keys;
    signs_up(&mut reader, "mei@example.org").await;
    let digest = is_sent_news(&town, &mut reader).await;
    leaves_and_comes_back(&mut reader, &digest).await;
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_signed_up_by_somebody_else_is_forgotten_and_told_so() {
    let Some(driver) = driver() else { return };
    let town = Town::new().await;
    let browser = browser(&driver, 360, false, json!({})).await;
    let mut reader = Reader::new(browser, town.site(), &town.sink, ("en", "refusal"));
    reader.open("subscribe?feed=all").await;
    reader.write(&reader.say("subscribe-address"), "mei@example.org").await;
    reader.sign_up().await;
    let link = reader.mail().await.link("confirm");
    reader.open(&link).await;
    reader.press(&reader.say("confirm-refuse-button")).await;
    reader.is_at(&reader.say("confirm-refused-title")).await;
    let list = town.office.run_async(&["subscribers", "list"]).await;
    assert!(!list.stdout.contains('@'), "{list:?}");
    reader.open(&link).await;
    reader.is_at(&reader.say("confirm-refused-title")).await;
    reader.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_but_a_keyboard_signs_up_and_confirms() {
    let Some(driver) = driver() else { return };
    let town = Town::new().await;
    let browser = browser(&driver, 1280, false, json!({})).await;
    let mut reader = Reader::new(browser, town.site(), &town.sink, ("en", "keyboard"));
    reader.open("subscribe").await;
    tab_to(&reader, "address").await;
    type_in(&reader, "mei@example.org").await;
    tab_to(&reader, "feed-1").await;
    type_in(&reader, "In the d").await;
    tab_to(&reader, "language").await;
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        tab_to(&reader, "").await;
        enter(&reader).await;
        let heading = reader.browser.find(Locator::Css("h1")).await.unwrap();
        if heading.text().await.unwrap() == reader.say("sent-title") {
            break;
        }
        assert!(Instant::now() < deadline, "{}", reader.page().await);
    }
    let mail = reader.mail().await;
    assert!(mail.text.contains("All news: In the daily digest"), "{}", mail.text);
    reader.open(&mail.link("confirm")).await;
    tab_to(&reader, "").await;
    enter(&reader).await;
    reader.is_at(&reader.say("confirm-done-title")).await;
    reader.close().await;
}

/// Presses the tab key until it is at the element with this id, or without one at a button.
async fn tab_to(reader: &Reader<'_>, id: &str) {
    for _ in 0..40 {
        type_in(reader, &Key::Tab.to_string()).await;
        let here = reader.browser.active_element().await.unwrap();
        let is_there = match id {
            "" => here.tag_name().await.unwrap() == "button",
            id => here.attr("id").await.unwrap().as_deref() == Some(id),
        };
        let name = here.attr("name").await.unwrap();
        assert_ne!(name.as_deref(), Some("website"), "nobody comes into the trap");
        if is_there {
            return;
        }
    }
    panic!("the keyboard does not come to `{id}`: {}", reader.page().await);
}

/// Presses the button that is in focus, and waits until another page is there.
async fn enter(reader: &Reader<'_>) {
    let button = reader.browser.active_element().await.unwrap();
    button.send_keys(&Key::Enter.to_string()).await.unwrap();
    is_gone(&button).await;
}

async fn type_in(reader: &Reader<'_>, keys: &str) {
    reader.browser.active_element().await.unwrap().send_keys(keys).await.unwrap();
}
