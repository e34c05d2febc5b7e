//! Every page in every state, with made-up values: what axe and html-validate find, light and
//! dark, on a phone and on a desk.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tidings::feeds::Site;
use tidings::templates::pages::{
    ConfirmPage, ConfirmState, Frame, ManagePage, ManageState, SelfPage, SelfState, SubscribePage,
};
use tidings::templates::{MessagePage, Templates, UnsubscribePage, UnsubscribeState};

use super::chromium::driver;
use super::{browser, judge, news, node_modules, pictures, program};

const LANGUAGES: [&str; 4] = ["en", "zh", "ms", "ta"];

/// What else is said, by its words.
const ERRORS: [&str; 12] = [
    "not-found",
    "closed",
    "failed",
    "busy",
    "waiting",
    "method",
    "link",
    "former",
    "form",
    "slow",
    "large",
    "request",
];

/// The pages by name, in a language.
fn pages(language: &str) -> Vec<(String, String)> {
    let (site, templates) = (news::site(), Templates::builtin());
    let frame = || Frame { language: language.to_owned(), ..Frame::sample(&site) };
    let mut pages = Vec::new();
    let mut add = |name: String, html| pages.push((format!("{language}-{name}"), html));
    for (name, page) in subscribe(&site) {
        let page = SubscribePage { frame: frame(), ..page };
        add(name.to_owned(), templates.page("web/subscribe.html", &page).unwrap());
    }
    for state in ConfirmState::ALL {
        let page = ConfirmPage { frame: frame(), ..ConfirmPage::sample(&site, state) };
        add(format!("confirm-{state:?}"), templates.page("web/confirm.html", &page).unwrap());
    }
    for state in SelfState::ALL {
        let page = SelfPage { frame: frame(), ..SelfPage::sample(&site, state) };
        add(format!("self-{state:?}"), templates.page("web/self.html", &page).unwrap());
    }
    for state in ManageState::ALL {
        let page = ManagePage { frame: frame(), ..ManagePage::sample(&site, state) };
        add(format!("manage-{state:?}"), templates.page("web/manage.html", &page).unwrap());
    }
    for (state, feeds) in UnsubscribeState::ALL.into_iter().zip([None, Some("News")].repeat(3)) {
        let page = UnsubscribePage::sample(&site, state, feeds);
        let page = UnsubscribePage { frame: frame(), ..page };
        let html = templates.page("web/unsubscribe.html", &page).unwrap();
        add(format!("unsubscribe-{state:?}"), html);
    }
    for key in ERRORS {
        let say = |key: &str| templates.words(language).say(key, &[]);
        let title = say(&format!("error-{key}-title"));
        let page =
            MessagePage { frame: frame(), title: &title, message: &say(&format!("error-{key}")) };
        add(format!("error-{key}"), templates.page("web/message.html", &page).unwrap());
    }
    pages
}

fn subscribe(site: &Site) -> [(&str, SubscribePage<'_>); 4] {
    let sample = |is_sent| SubscribePage::sample(site, is_sent);
    let nothing = Some("Choose how often for at least one.".to_owned());
    let is_address_wrong = false;
    [
        (
            "subscribe",
            SubscribePage { error: None, is_address_wrong, address: "", ..sample(false) },
        ),
        ("subscribe-address", sample(false)),
        ("subscribe-nothing", SubscribePage { error: nothing, is_address_wrong, ..sample(false) }),
        ("subscribe-sent", sample(true)),
    ]
}

async fn check(is_dark: bool) {
    let Some(axe) = judge::axe() else { return };
    let Some(driver) = driver() else { return };
    let folder = tempfile::tempdir().unwrap();
    // Other scripts and longer words are another matter where there is little room.
    let narrow = if is_dark { &LANGUAGES[..1] } else { &LANGUAGES };
    for (width, languages) in [(320, narrow), (1280, &LANGUAGES[..1])] {
        let browser = browser(&driver, width, is_dark, json!({})).await;
        for (name, html) in languages.iter().flat_map(|language| pages(language)) {
            std::fs::write(folder.path().join(format!("{name}.html")), html).unwrap();
            let file = format!("file://{}/{name}.html", folder.path().display());
            browser.goto(&file).await.unwrap();
            let faults = judge::faults(&browser, &axe).await;
            assert!(faults.is_empty(), "{name}, dark: {is_dark}, {width}: {faults:?}");
        }
        browser.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_no_violation_in_any_state_in_light() {
    check(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_no_violation_in_any_state_in_dark() {
    check(true).await;
}

#[test]
fn html_validate_finds_no_error_in_any_language() {
    let Some(modules) = node_modules("html-validate") else { return };
    let pages = LANGUAGES.into_iter().flat_map(pages);
    let pages: Value = pages.map(|(name, html)| json!({"name": name, "html": html})).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail_look/validate.mjs");
    let mut node = Command::new("node");
    let found = program::output(node.arg(script).arg(modules), pages.to_string().as_bytes());
    assert_eq!(serde_json::from_slice::<Value>(&found).unwrap(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_taken_of_every_state_where_a_folder_is_named() {
    let Some(folder) = pictures() else { return };
    let Some(driver) = driver() else { return };
    for language in LANGUAGES {
        judge::picture(&driver, &folder, &pages(language), false).await;
    }
}
