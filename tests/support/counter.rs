//! The pages as the public has them, with all that works behind them: forms come into the store,
//! mail is made, and a relay of the test's own takes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use chrono::TimeDelta;
use mail_parser::MessageParser;
use rusqlite::Connection;
use tidings::pipeline::{Press, digests, joining, leaving, send};
use tidings::store::NewSubscription;
use tidings::subscribers::joining::Joining;
use tidings::subscribers::leaving::Leaving;
use tidings::web::{self, DocumentSet, Former, Site, Terms};
use tokio::sync::{Notify, watch};
use tower::ServiceExt;

use super::desk::Desk;
use super::served::{self, Answer};
use super::sink::Sink;

pub const FORM: &str = "application/x-www-form-urlencoded";

/// When every counter opens.
pub const OPENS: &str = "2026-11-21T04:00:00Z";

/// Where requests of the router's own come from is not known; its word is taken, so that a test
/// says it by `X-Forwarded-For`.
const NOWHERE: &str = "0.0.0.0";

pub struct Counter {
    pub desk: Desk,
    pub sink: Sink,
    pub joining: Arc<Joining>,
    pub leaving: Arc<Leaving>,
    pub site: Site,
    pub router: Router,
    /// Dropped, it ends what brings clicks into the store.
    _stop: watch::Sender<bool>,
}

/// What the mails of one reader lead to.
pub struct Links {
    pub confirm: String,
    pub manage: String,
    pub unsubscribe: String,
    pub own: String,
}

impl Links {
    pub fn all(&self) -> [&str; 4] {
        [&self.confirm, &self.manage, &self.unsubscribe, &self.own]
    }
}

/// A mail that the relay took.
pub struct Mail {
    pub to: String,
    pub message: String,
}

impl Mail {
    pub fn subject(&self) -> String {
        let message = MessageParser::default().parse(&self.message).unwrap();
        message.subject().unwrap().to_owned()
    }

    pub fn text(&self) -> String {
        let message = MessageParser::default().parse(&self.message).unwrap();
        message.body_text(0).unwrap().into_owned()
    }

    /// All addresses in it that are ours, as paths: of the header, the text and the HTML.
    pub fn links(&self) -> Vec<String> {
        let message = MessageParser::default().parse(&self.message).unwrap();
        let head = self.message.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let parts = [&*head, &message.body_text(0).unwrap(), &message.body_html(0).unwrap()];
        let mut links: Vec<String> = parts.iter().flat_map(|part| ours(part)).collect();
        links.sort();
        links.dedup();
        links
    }

    /// The one link to this page: `confirm`, `manage`, `self` or `unsubscribe`.
    pub fn link(&self, page: &str) -> String {
        let start = format!("/{page}/");
        let found = ours(&self.text()).into_iter().find(|link| link.starts_with(&start));
        found.unwrap_or_else(|| panic!("no link to {page}: {}", self.text()))
    }
}

fn ours(text: &str) -> Vec<String> {
    let ends = |c: char| c.is_whitespace() || "<>\"'()".contains(c);
    let rest = text.split("https://press.example.org").skip(1);
    let paths = rest.filter_map(|rest| rest.split(ends).next()).map(str::to_owned);
    paths.filter(|path| path.starts_with('/')).collect()
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// The value of a hidden field.
pub fn hidden(page: &Answer, name: &str) -> String {
    find_hidden(page, name).unwrap_or_else(|| panic!("no field {name}: {}", page.text()))
}

pub fn find_hidden(page: &Answer, name: &str) -> Option<String> {
    let text = page.text();
    let (_, rest) = text.split_once(&format!("name=\"{name}\" value=\""))?;
    rest.split('"').next().map(str::to_owned)
}

/// A form in its encoding.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// An event that is to come.
pub async fn in_time<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), event).await.expect("it comes in time")
}

impl Counter {
    pub async fn open() -> Self {
        Self::open_with(str::to_owned).await
    }

    /// With a config that `edit` made of the usual one: English and Chinese, proxies trusted.
    pub async fn open_with(edit: impl Fn(&str) -> String) -> Self {
        // However slow the machine, a page shows what was done.
        Self::patient(Duration::from_mins(1), edit).await
    }

    /// Its pages do not wait for the store at all.
    pub async fn hasty() -> Self {
        Self::patient(Duration::ZERO, str::to_owned).await
    }

    async fn patient(patience: Duration, edit: impl Fn(&str) -> String) -> Self {
        let sink = Sink::start().await;
        let relay = sink.url();
        let desk = Desk::open_with(OPENS, move |config| {
            let config = config
                .replace("maildir:var/mail", &relay)
                .replace("time_zone: Asia", "languages: [en, zh], time_zone: Asia")
                .replace("web: {", &format!("web: {{trusted_proxies: [{NOWHERE}], "));
            edit(&config)
        })
        .await;
        desk.publish().await;
        let joining = Arc::new(Joining::open(&desk.press.config.store_path).unwrap());
        let url = desk.press.config.site.output_url.clone();
        let (hubs, former) = (Vec::new(), Former::default());
        let documents = DocumentSet::empty(Terms { url, hubs, style_feeds: false, former });
        let documents = watch::channel(Arc::new(documents)).1;
        let mut leaving = Leaving::open(&desk.press.config.store_path).unwrap();
        leaving.patience = patience;
        let leaving = Arc::new(leaving);
        let (press, clicks) = (desk.press.clone(), Arc::clone(&leaving));
        let site = web::site(press.clone(), documents, Arc::clone(&clicks), Arc::clone(&joining));
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(leaving::carry(press, clicks, stopped));
        let router = site.router();
        Self { desk, sink, joining, leaving, site, router, _stop: stop }
    }

    pub fn forward(&self, by: TimeDelta) {
        self.desk.clock.forward(by);
    }

    pub async fn get(&self, path: &str) -> Answer {
        served::get(&self.router, path, &[]).await
    }

    pub async fn head(&self, path: &str) -> Answer {
        served::ask(&self.router, "HEAD", path, &[]).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(path, FORM, "", encoded(fields)).await
    }

    /// A POST of any bytes, from an address; empty: from nowhere in particular.
    pub async fn send(&self, path: &str, kind: &str, from: &str, body: impl Into<Body>) -> Answer {
        let mut request = Request::post(path);
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if !from.is_empty() {
            request = request.header("x-forwarded-for", from);
        }
        let request = request.body(body.into()).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec();
        Answer { status: parts.status, fields: parts.headers, body }
    }

    /// Opens the form and takes five seconds to fill it in; gives what it carries unseen.
    pub async fn form(&self) -> [(&'static str, String); 2] {
        let page = self.get("/subscribe").await;
        self.forward(TimeDelta::seconds(5));
        ["opened", "seal"].map(|name| (name, hidden(&page, name)))
    }

    /// Signs an address up for these fields.
    pub async fn sign_up(&self, address: &str, chosen: &[(&str, &str)]) -> Answer {
        let form = self.form().await;
        let mut fields: Vec<(&str, &str)> = form.iter().map(|(k, v)| (*k, &**v)).collect();
        fields.push(("address", address));
        fields.extend(chosen);
        self.post("/subscribe", &fields).await
    }

    /// Presses a button of a page: opens it, and posts the form that it has.
    pub async fn press(&self, path: &str, action: &str) -> Answer {
        let form = hidden(&self.get(path).await, "form");
        self.post(path, &[("form", &form), ("action", action)]).await
    }

    /// The worker, until it has brought in every form and mail has been made and sent.
    pub async fn work(&self) {
        self.work_with(&self.desk.press).await;
    }

    pub async fn work_with(&self, press: &Press) {
        let (stop, stopped) = watch::channel(false);
        let joining = Arc::clone(&self.joining);
        let worker = tokio::spawn(joining::carry(press.clone(), joining, || (), stopped));
        in_time(self.joining.settled()).await;
        stop.send_replace(true);
        in_time(worker).await.unwrap();
        self.send_mail().await;
    }

    pub async fn send_mail(&self) {
        let press = &self.desk.press;
        let outbox = send::outbox(press, Arc::new(|| ()));
        let (_sender, stop) = watch::channel(false);
        in_time(send::carry(press, &outbox, &stop, &Notify::new())).await.unwrap();
    }

    /// Publishes a release and sends the digest that tells of it.
    pub async fn send_news(&self, title: &str) {
        let head = format!("title: {title}\nlayout: post\npermalink: /news/{title}/");
        self.desk.put(&format!("_posts/{title}.md"), &format!("---\n{head}\n---\nIt opens.\n"));
        self.desk.publish().await;
        let press = &self.desk.press;
        for run in digests::plan_by_hand(press, &[], true).await.unwrap() {
            digests::start(press, &run).await.unwrap();
        }
        self.send_mail().await;
    }

    /// Signs somebody up for everything daily, who confirms, gets news and asks for their data.
    pub async fn reader(&self, address: &str) -> Links {
        self.sign_up(address, &[("feed.all", "daily")]).await;
        self.work().await;
        let confirm = self.mail_to(address).link("confirm");
        self.press(&confirm, "confirm").await;
        let title = address.replace(['@', '.'], "-");
        self.send_news(&title).await;
        let news = self.mail_to(address);
        let (manage, unsubscribe) = (news.link("manage"), news.link("unsubscribe"));
        self.press(&manage, "data").await;
        self.work().await;
        let own = self.mail_to(address).link("self");
        Links { confirm, manage, unsubscribe, own }
    }

    /// Mails to an address, oldest first.
    pub fn mails_to(&self, address: &str) -> Vec<Mail> {
        let accepted = self.sink.accepted().into_iter();
        let to_them = accepted.filter(|accepted| accepted.recipient == address);
        to_them.map(|mail| Mail { to: mail.recipient, message: mail.message }).collect()
    }

    /// The newest mail to an address.
    pub fn mail_to(&self, address: &str) -> Mail {
        self.mails_to(address).pop().unwrap_or_else(|| panic!("no mail to {address}"))
    }

    /// Somebody who gets `feed` daily, confirmed.
    pub async fn subscribe(&self, address: &str, feed: &str) {
        let press = &self.desk.press;
        let address = address.parse().unwrap();
        let (key, cipher) = press.keys.seal(&address).unwrap();
        let person = NewSubscription {
            lookup: press.keys.lookup(&address),
            address_key: key,
            address_cipher: cipher,
            domain: address.domain().to_owned(),
            language: "en".parse().unwrap(),
            feed: feed.into(),
            digest: "daily".into(),
            is_confirmed: true,
            is_rehearsal: false,
            brings_back: true,
            source: "test".into(),
            wording: "test".into(),
        };
        press.store.subscribe(&[person], self.desk.now()).await.unwrap();
    }

    /// Nobody may write to this address.
    pub fn suppress(&self, address: &str) {
        let lookup = self.desk.press.keys.lookup(&address.parse().unwrap());
        let sql = "insert into suppression (lookup, reason, since_at) values (?1, 'complaint', 0)";
        self.database().execute(sql, [lookup]).unwrap();
    }

    /// A connection of another process.
    pub fn database(&self) -> Connection {
        let connection = Connection::open(&self.desk.press.config.store_path).unwrap();
        connection.busy_timeout(Duration::from_secs(30)).unwrap();
        connection
    }

    /// Rows of a query, each as its columns with `|` between them.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        rows(&self.database(), sql)
    }

    /// Everything that the store remembers: each table with its rows.
    pub fn everything(&self) -> BTreeMap<String, Vec<String>> {
        let database = self.database();
        let tables = rows(&database, "select name from sqlite_master where type = 'table'");
        let of = |table: String| {
            let all = rows(&database, &format!("select * from \"{table}\""));
            (table, all)
        };
        tables.into_iter().map(of).collect()
    }
}

fn rows(database: &Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare(sql).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let mut text = String::new();
        for column in 0..columns {
            let separator = if column == 0 { "" } else { "|" };
            match row.get_ref(column)? {
                rusqlite::types::ValueRef::Null => write!(text, "{separator}"),
                rusqlite::types::ValueRef::Integer(number) => write!(text, "{separator}{number}"),
                rusqlite::types::ValueRef::Real(number) => write!(text, "{separator}{number}"),
                rusqlite::types::ValueRef::Text(value) => {
                    write!(text, "{separator}{}", String::from_utf8_lossy(value))
                }
                rusqlite::types::ValueRef::Blob(value) => write!(text, "{separator}{value:02x?}"),
            }
            .unwrap();
        }
        Ok(text)
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}
