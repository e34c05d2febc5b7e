//! Somebody who reads their mail and follows its links in Chromium. What is on a page they find
//! by the words that are on it.

use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, Locator};
use mail_parser::MessageParser;
use tidings::words::{Wordbook, Words};

use super::judge;
use super::support::sink::Sink;

/// Where the mail says that the pages are.
const PUBLIC: &str = "https://press.example.org/";

/// A mail as its reader sees it.
pub(super) struct Mail {
    pub(super) recipient: String,
    pub(super) subject: String,
    pub(super) text: String,
    /// All its header fields.
    pub(super) head: String,
}

impl Mail {
    /// The path of its first link to a page: `confirm` for `/confirm/TOKEN`.
    pub(super) fn link(&self, page: &str) -> String {
        let start = format!("{PUBLIC}{page}/");
        let (_, rest) = self.text.split_once(&start).unwrap_or_else(|| panic!("{}", self.text));
        format!("{page}/{}", rest.split_whitespace().next().unwrap())
    }
}

/// How buttons are pressed. The driver of a browser without scripts knows no mouse.
pub(super) enum Hand {
    Mouse,
    Keys,
}

pub(super) struct Reader<'a> {
    pub(super) browser: Client,
    /// `http://127.0.0.1:PORT/`.
    pub(super) site: String,
    pub(super) sink: &'a Sink,
    pub(super) hand: Hand,
    /// Mails that were read.
    pub(super) read: usize,
    pub(super) words: Words<'static>,
    /// Without it no page is judged.
    pub(super) axe: Option<String>,
    /// Pages that were looked at, by name.
    pub(super) pages: Vec<(String, String)>,
    /// What goes before their names.
    pub(super) name: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        browser: Client,
        site: String,
        sink: &'a Sink,
        (language, name): (&str, &'static str),
    ) -> Self {
        let words = Wordbook::builtin().words(language);
        Self {
            browser,
            site,
            sink,
            hand: Hand::Mouse,
            read: 0,
            words,
            axe: None,
            pages: Vec::new(),
            name,
        }
    }

    /// A sentence in the reader's language.
    pub(super) fn say(&self, key: &str) -> String {
        self.words.say(key, &[])
    }

    /// A sentence in the language that calls itself `language`.
    pub(super) fn sentence(language: &str, key: &str) -> String {
        let tag = if language == "中文" { "zh" } else { "en" };
        Wordbook::builtin().words(tag).say(key, &[])
    }

    pub(super) async fn open(&self, path: &str) {
        self.browser.goto(&format!("{}{path}", self.site)).await.unwrap();
    }

    /// The next mail, as soon as it is there.
    pub(super) async fn mail(&mut self) -> Mail {
        self.sink.wait_for(self.read + 1).await;
        let accepted = self.sink.accepted().swap_remove(self.read);
        self.read += 1;
        let parsed = MessageParser::default().parse(&accepted.message).unwrap();
        let (head, _) = accepted.message.split_once("\r\n\r\n").unwrap();
        Mail {
            recipient: accepted.recipient.clone(),
            subject: parsed.subject().unwrap().to_owned(),
            text: parsed.body_text(0).unwrap().into_owned(),
            head: head.to_owned(),
        }
    }

    async fn find(&self, path: &str) -> Element {
        let found = self.browser.wait().for_element(Locator::XPath(path)).await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("{path}: {error}\n{}", self.browser.source().await.unwrap()),
        }
    }

    /// What the label that says `label` is for.
    pub(super) async fn field(&self, label: &str) -> Element {
        let label = self.find(&format!("//label[normalize-space()={}]", quoted(label))).await;
        let id = label.attr("for").await.unwrap().unwrap();
        self.find(&format!("//*[@id={}]", quoted(&id))).await
    }

    pub(super) async fn write(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub(super) async fn choose(&self, label: &str, option: &str) {
        let list = self.field(label).await;
        match self.hand {
            Hand::Mouse => list.select_by_label(option).await.unwrap(),
            // A list forgets what was typed when more comes late.
            Hand::Keys => {
                for _ in 0..10 {
                    list.send_keys(option).await.unwrap();
                    let chosen = list.find(Locator::Css("option:checked")).await.unwrap();
                    if chosen.text().await.unwrap() == option {
                        return;
                    }
                }
                panic!("{option} cannot be chosen");
            }
        }
    }

    /// What is chosen in the list with this label.
    pub(super) async fn chosen(&self, label: &str) -> String {
        let list = self.field(label).await;
        let chosen = list.find(Locator::XPath(".//option[@selected]")).await.unwrap();
        chosen.text().await.unwrap()
    }

    pub(super) async fn tick(&self, label: &str) {
        self.field(label).await.click().await.unwrap();
    }

    pub(super) async fn press(&self, button: &str) {
        self.leave_by(&format!("//button[normalize-space()={}]", quoted(button))).await;
    }

    pub(super) async fn follow(&self, link: &str) {
        self.leave_by(&format!("//a[normalize-space()={}]", quoted(link))).await;
    }

    /// Clicks, and waits until another page is there.
    async fn leave_by(&self, path: &str) {
        let element = self.find(path).await;
        let before = self.find("/html").await;
        match self.hand {
            Hand::Mouse => element.click().await.unwrap(),
            Hand::Keys => element.send_keys(&Key::Enter.to_string()).await.unwrap(),
        }
        is_gone(&before).await;
    }

    /// Waits until the page has this heading.
    pub(super) async fn is_at(&self, heading: &str) {
        self.find(&format!("//h1[normalize-space()={}]", quoted(heading))).await;
    }

    /// Waits until the page says this somewhere.
    pub(super) async fn reads(&self, text: &str) {
        self.find(&format!("//main//*[contains(normalize-space(), {})]", quoted(text))).await;
    }

    pub(super) async fn page(&self) -> String {
        self.browser.find(Locator::Css("main")).await.unwrap().text().await.unwrap()
    }

    /// Judges the page, and keeps it for a picture.
    pub(super) async fn look(&mut self, page: &str) {
        if let Some(axe) = &self.axe {
            let faults = judge::faults(&self.browser, axe).await;
            assert!(faults.is_empty(), "{} {page}: {faults:?}", self.name);
        }
        let html = self.browser.source().await.unwrap();
        self.pages.push((format!("{}-{page}", self.name), html));
    }

    /// Presses the button of the form for signing up until it is not too early any more.
    pub(super) async fn sign_up(&self) {
        let (sent, fast) = (self.say("sent-title"), self.say("subscribe-error-fast"));
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            self.press(&self.say("subscribe-button")).await;
            let heading = self.find("//h1").await;
            if heading.text().await.unwrap() == sent {
                return;
            }
            self.reads(&fast).await;
            assert!(Instant::now() < deadline, "too early for ever: {}", self.page().await);
        }
    }

    pub(super) async fn close(self) {
        self.browser.close().await.unwrap();
    }
}

/// Waits until the page that an element stood in is left.
pub(super) async fn is_gone(element: &Element) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while element.tag_name().await.is_ok() {
        assert!(Instant::now() < deadline, "the page stays");
    }
}

/// Text in an expression of `XPath`, which knows no escapes.
fn quoted(text: &str) -> String {
    assert!(!text.contains('"'), "{text}");
    format!("\"{text}\"")
}
