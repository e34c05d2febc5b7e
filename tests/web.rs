//! The web server through its router: web copies, and leaving with one click.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use support::office::Office;
use tidings::clock::SystemClock;
use tidings::config::{self, Environment};
use tidings::pipeline::{Press, leaving};
use tidings::store::sqlite::SqliteStore;
use tidings::store::{Leave, LeftBy, Store};
use tidings::subscribers::joining::Joining;
use tidings::subscribers::keys::Keys;
use tidings::subscribers::leaving::Leaving;
use tidings::subscribers::token::{self, Purpose, Subject};
use tidings::templates::Templates;
use tidings::web::{self, DocumentSet, Former, Terms};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// An office that has sent one digest to two readers.
async fn office() -> (Office, axum::Router, Arc<dyn Store>, Arc<Leaving>) {
    let office = Office::new();
    office.release("a-new-bridge", "It opens today.");
    served(office).await
}

/// The same, with news of its own.
async fn served(office: Office) -> (Office, axum::Router, Arc<dyn Store>, Arc<Leaving>) {
    let (office, router, press, leaving) = idle(office).await;
    let store = Arc::clone(&press.store);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(leaving::carry(press, Arc::clone(&leaving), stopped));
    // It ends with the runtime.
    std::mem::forget(stop);
    (office, router, store, leaving)
}

/// As [`served`], and nobody brings clicks into the store.
async fn idle(office: Office) -> (Office, axum::Router, Press, Arc<Leaving>) {
    office.subscribe(2, "daily");
    assert_eq!(office.run(&["publish-now"]).code, 0);
    let config =
        config::load(&office.path("config/tidings.yaml"), &Environment::default()).unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&config.store_path).await.unwrap());
    let keys = Keys::open(&config.keys_folder).unwrap();
    let press = Press {
        config: Arc::new(config),
        store: Arc::clone(&store),
        keys: Arc::new(keys),
        clock: Arc::new(SystemClock),
        templates: Arc::new(Templates::builtin()),
    };
    let terms = Terms {
        url: press.config.site.output_url.clone(),
        hubs: Vec::new(),
        style_feeds: false,
        former: Former::default(),
    };
    let records = store.documents().await.unwrap();
    let folder = &press.config.output_folder;
    let documents = DocumentSet::load(&DocumentSet::empty(terms), &records, folder);
    let (_sender, receiver) = watch::channel(Arc::new(documents));
    let mut leaving = Leaving::open(&press.config.store_path).unwrap();
    // However slow the machine, a page shows what was ended.
    leaving.patience = Duration::from_mins(1);
    let leaving = Arc::new(leaving);
    let joining = Arc::new(Joining::open(&press.config.store_path).unwrap());
    let router = web::site(press.clone(), receiver, Arc::clone(&leaving), joining).router();
    (office, router, press, leaving)
}

async fn ask(router: &axum::Router, request: Request<Body>) -> (Response<()>, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (Response::from_parts(parts, ()), String::from_utf8(bytes.to_vec()).unwrap())
}

async fn get(router: &axum::Router, path: &str) -> (Response<()>, String) {
    ask(router, Request::get(path).body(Body::empty()).unwrap()).await
}

/// As a mail program does it: no cookie, no referrer.
async fn one_click(router: &axum::Router, path: &str) -> (Response<()>, String) {
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("List-Unsubscribe=One-Click"))
        .unwrap();
    ask(router, request).await
}

/// Path of the List-Unsubscribe address in the first mail.
fn unsubscribe_path(office: &Office) -> String {
    let mail = office.mails().remove(0);
    let line = mail.lines().find(|l| l.starts_with("List-Unsubscribe: ")).unwrap();
    let url = line.split(['<', '>']).nth(1).unwrap();
    url.strip_prefix("https://press.example.org").unwrap().to_owned()
}

fn confirmed(office: &Office) -> usize {
    office.run(&["subscribers", "list"]).stdout.matches("confirmed").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn get_shows_and_post_acts_without_cookie_or_redirect() {
    let (office, router, _store, leaving) = office().await;
    let path = unsubscribe_path(&office);
    let (shown, page) = get(&router, &path).await;
    assert_eq!(shown.status(), StatusCode::OK);
    assert!(page.contains("r***@example.org"), "{page}");
    assert!(!page.contains("reader1@"), "{page}");
    assert!(page.contains("method=\"post\""), "{page}");
    assert_eq!(shown.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(shown.headers()[header::REFERRER_POLICY], "no-referrer");
    assert_eq!(shown.headers()["x-robots-tag"], "noindex");
    assert!(!shown.headers().contains_key(header::SET_COOKIE));
    assert_eq!(confirmed(&office), 2, "GET changes nothing");

    let (done, page) = one_click(&router, &path).await;
    assert_eq!(done.status(), StatusCode::OK);
    assert!(page.contains("You are unsubscribed"), "{page}");
    assert!(!done.headers().contains_key(header::SET_COOKIE));
    leaving.all_settled().await;
    assert_eq!(confirmed(&office), 1);
    let (again, _) = one_click(&router, &path).await;
    assert_eq!(again.status(), StatusCode::OK, "a second click is no error");
    leaving.all_settled().await;
    assert_eq!(confirmed(&office), 1);
    let (_, page) = get(&router, &path).await;
    assert!(page.contains("was stopped before"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_counts_in_whatever_form_it_comes() {
    let form = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\n\
                One-Click\r\n--x--\r\n";
    let large = format!("List-Unsubscribe=One-Click&more={}", "x".repeat(10 << 20));
    let cases = [
        ("multipart/form-data; boundary=x", form.as_bytes()),
        ("application/json", b"{}"),
        ("text/plain", b"List-Unsubscribe=One-Click"),
        ("", b""),
        ("application/x-www-form-urlencoded", b"\xff\x00"),
        ("application/x-www-form-urlencoded", large.as_bytes()),
    ];
    for (kind, body) in cases {
        let (office, router, _store, leaving) = office().await;
        let mut request = Request::post(unsubscribe_path(&office));
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(Body::from(body.to_vec())).unwrap();
        let (answer, page) = ask(&router, request).await;
        assert_eq!(answer.status(), StatusCode::OK, "{kind}: {page}");
        leaving.all_settled().await;
        assert_eq!(confirmed(&office), 1, "{kind}, {} octets", body.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_whose_delivery_is_gone_counts() {
    let (office, router, store, leaving) = office().await;
    let path = unsubscribe_path(&office);
    let options = SqliteConnectOptions::new().filename(office.path("var/tidings.db"));
    let mut rows = options.connect().await.unwrap();
    sqlx::query("delete from delivery").execute(&mut rows).await.unwrap();
    // Its run still tells which digest.
    let (shown, page) = get(&router, &path).await;
    assert_eq!(shown.status(), StatusCode::OK);
    assert!(page.contains("Stop the <strong>daily digest</strong> to you?"), "{page}");
    assert_eq!(one_click(&router, &path).await.0.status(), StatusCode::OK);
    leaving.all_settled().await;
    assert_eq!(store.subscription_counts().await.unwrap()["ended"], 1);
}

/// As where the database was put back to a time before the mail.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_a_run_that_is_gone_ends_everything_and_says_so() {
    let (office, router, store, _leaving) = office().await;
    let list = "address,language,feed,digest\nreader1@example.org,en,events,immediate\n";
    office.write("more.csv", list);
    let import = ["subscribers", "import", "more.csv", "--consent", "test", "--confirmed"];
    assert_eq!(office.run(&import).code, 0);
    let keys = Keys::open(&office.path("var/keys")).unwrap();
    let path = |subscriber| {
        let subject = Subject { run: 999, subscriber };
        let token = token::make(&keys, keys.token_key(), Purpose::Unsubscribe, subject).unwrap();
        format!("/unsubscribe/{token}")
    };
    let (shown, page) = get(&router, &path(1)).await;
    assert_eq!(shown.status(), StatusCode::OK);
    assert!(page.contains("Stop the <strong>mail of Test Office</strong> to you?"), "{page}");
    assert_eq!(store.running_subscriptions(1).await.unwrap(), 2);
    let (_, page) = post(&router, &path(1), &[]).await;
    assert!(page.contains("The mail of Test Office is stopped"), "{page}");
    assert_eq!(store.running_subscriptions(1).await.unwrap(), 0);
    let fields = ["left", "seal"].map(|name| (name, hidden(&page, name)));
    let fields = fields.each_ref().map(|(name, value)| (*name, &**value));
    let (_, page) = post(&router, &path(1), &fields).await;
    assert!(page.contains("The mail of Test Office goes on"), "{page}");
    assert_eq!(store.running_subscriptions(1).await.unwrap(), 2);
    // Who is not known gets nothing.
    let (shown, page) = get(&router, &path(999)).await;
    assert_eq!(shown.status(), StatusCode::OK);
    assert!(page.contains("The mail of Test Office was stopped before"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_journal_is_full_a_click_goes_into_the_store_itself() {
    let office = Office::new();
    office.release("a-new-bridge", "It opens today.");
    let (office, router, press, leaving) = idle(office).await;
    let nobody = Leave {
        run: 1,
        subscriber: 99,
        by: LeftBy::OneClick,
        at: "2026-11-22T09:00:00Z".parse().unwrap(),
    };
    let mut is_full = false;
    while !is_full {
        let mut clicks = JoinSet::new();
        for _ in 0..5_000 {
            let leaving = Arc::clone(&leaving);
            clicks.spawn(async move { leaving.keep(&nobody).await.is_err() });
        }
        is_full = clicks.join_all().await.contains(&true);
    }
    assert_eq!(one_click(&router, &unsubscribe_path(&office)).await.0.status(), StatusCode::OK);
    assert_eq!(press.store.subscription_counts().await.unwrap()["ended"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_changes_nothing_either() {
    let (office, router, _store, _leaving) = office().await;
    let path = unsubscribe_path(&office);
    let (response, body) = ask(&router, Request::head(&path).body(Body::empty()).unwrap()).await;
    assert_eq!((response.status(), body.as_str()), (StatusCode::OK, ""));
    assert_eq!(confirmed(&office), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_ours_ends_nothing() {
    let (office, router, _store, _leaving) = office().await;
    let path = unsubscribe_path(&office);
    let (head, last) = path.split_at(path.len() - 1);
    let other = if last == "a" { "b" } else { "a" };
    for path in [format!("{head}{other}"), "/unsubscribe/x".into(), "/unsubscribe/%00".into()] {
        let (response, page) = one_click(&router, &path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(!page.contains("example.org/unsubscribe"), "{page}");
    }
    assert_eq!(confirmed(&office), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_copy_of_an_issue_is_served_without_personal_parts() {
    let (office, router, _store, _leaving) = office().await;
    let mail = office.mails().remove(0);
    let line = mail.lines().find(|l| l.starts_with("List-Archive: ")).unwrap();
    let url = line.split(['<', '>']).nth(1).unwrap();
    let path = url.strip_prefix("https://press.example.org").unwrap();
    let (response, page) = get(&router, path).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(page.contains("a new bridge"), "{page}");
    assert!(!page.contains("/unsubscribe/") && !page.contains("reader"), "{page}");
    let (missing, _) = get(&router, &format!("/issues/{}", "0".repeat(64))).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_published_document_is_served_as_it_lies_in_the_folder() {
    let (office, router, _store, _leaving) = office().await;
    let documents = office.documents();
    let ours = documents.iter().filter(|(path, _)| !path.starts_with('.'));
    assert!(ours.clone().count() > 4, "{documents:?}");
    for (path, bytes) in ours {
        let (response, body) = get(&router, &format!("/{path}")).await;
        assert_eq!((response.status(), body.as_bytes()), (StatusCode::OK, &**bytes), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_without_a_page_says_so() {
    let (_office, router, _store, _leaving) = office().await;
    for path in ["/nothing", "/feeds/../../var/tidings.db", "/%ff", "/.tidings"] {
        let (response, _) = get(&router, path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(get(&router, "/healthz").await.1, "ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_feed_page_opens_a_form_with_that_feed_chosen() {
    let (_office, router, _store, _leaving) = office().await;
    let (answer, page) = get(&router, "/subscribe?feed=events").await;
    assert_eq!(answer.status(), StatusCode::OK);
    for (feed, is_chosen) in [("all", false), ("events", true)] {
        let (_, rest) = page.split_once(&format!("name=\"feed.{feed}\"")).expect(feed);
        let (select, _) = rest.split_once("</select>").expect(feed);
        assert_eq!(!select.contains("<option value=\"\" selected>"), is_chosen, "{select}");
    }
}

#[tokio::test]
async fn one_click_in_urgent_news_ends_the_feeds_that_brought_it_and_no_others() {
    let office = Office::new();
    let text = "---\ntitle: storm\nlayout: post\npermalink: /storm/\nurgent: true\n---\nStay.\n";
    office.write("content/_posts/storm.md", text);
    office.settle("content/_posts/storm.md");
    let list = "address,language,feed,digest\nreader1@example.org,en,events,daily\n";
    office.write("events.csv", list);
    let import = ["subscribers", "import", "events.csv", "--consent", "test", "--confirmed"];
    assert_eq!(office.run(&import).code, 0);
    let (office, router, store, leaving) = served(office).await;
    assert!(office.mails()[0].contains("Urgent news: 1 item"), "{:?}", office.mails());
    let path = unsubscribe_path(&office);
    let (_, page) = get(&router, &path).await;
    assert!(page.contains("Stop the mail of All news?"), "{page}");
    assert_eq!(store.running_subscriptions(1).await.unwrap(), 2);
    let (_, page) = post(&router, &path, &[]).await;
    assert!(page.contains("The mail of All news is stopped"), "{page}");
    assert_eq!(store.running_subscriptions(1).await.unwrap(), 1);
    one_click(&router, &path).await;
    leaving.all_settled().await;
    assert_eq!(store.running_subscriptions(1).await.unwrap(), 1);
    let (_, page) = get(&router, &path).await;
    assert!(page.contains("was stopped before"), "{page}");
}

/// Path of the page that changes what its reader gets, from the text of the first mail.
fn manage_path(office: &Office) -> String {
    let mail = office.mails().remove(0).replace("=\r\n", "").replace("=\n", "");
    let at = mail.find("https://press.example.org/manage/").unwrap();
    let url = mail[at..].split_whitespace().next().unwrap();
    url.strip_prefix("https://press.example.org").unwrap().to_owned()
}

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

async fn post(
    router: &axum::Router,
    path: &str,
    fields: &[(&str, &str)],
) -> (Response<()>, String) {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap();
    ask(router, request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_changes_how_often_each_feed_comes() {
    let (office, router, _store, _leaving) = office().await;
    let path = manage_path(&office);
    let (shown, page) = get(&router, &path).await;
    assert_eq!(shown.status(), StatusCode::OK);
    assert_eq!(shown.headers()[header::CACHE_CONTROL], "no-store");
    assert!(page.contains("<option value=\"daily\" selected>"), "{page}");
    assert!(!page.contains("reader1@") && !page.contains("reader2@"), "{page}");
    let form = hidden(&page, "form");
    let (saved, page) =
        post(&router, &path, &[("form", &form), ("feed.all", "immediate"), ("action", "save")])
            .await;
    assert_eq!(saved.status(), StatusCode::OK);
    assert!(page.contains("<option value=\"immediate\" selected>"), "{page}");
    let listed = office.run(&["subscribers", "list"]).stdout;
    assert_eq!((listed.matches("immediate").count(), listed.matches("daily").count()), (1, 1));
    let (_, page) = post(&router, &path, &[("form", &form), ("feed.all", "hourly")]).await;
    assert!(page.contains("<option value=\"immediate\" selected>"), "no such digest: {page}");
    let (_, page) =
        post(&router, &path, &[("form", &form), ("feed.all", ""), ("paused", "yes")]).await;
    assert!(page.contains("<option value=\"\" selected>") && page.contains(" checked"), "{page}");
    assert_eq!(confirmed(&office), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_form_of_ours_changes_anything() {
    let (office, router, _store, _leaving) = office().await;
    let path = manage_path(&office);
    let (_, page) = get(&router, &path).await;
    let form = hidden(&page, "form");
    for form in ["", "0123456789abcdef0123456789abcdef", &form[1..]] {
        let (stale, page) = post(&router, &path, &[("form", form), ("action", "leave")]).await;
        assert_eq!(stale.status(), StatusCode::BAD_REQUEST);
        assert!(page.contains("nothing was changed"), "{page}");
    }
    let json = Request::post(&path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(format!("form={form}&action=leave")))
        .unwrap();
    assert_eq!(ask(&router, json).await.0.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let unsubscribe = unsubscribe_path(&office).replace("/unsubscribe/", "/manage/");
    assert_eq!(get(&router, &unsubscribe).await.0.status(), StatusCode::NOT_FOUND);
    assert_eq!(confirmed(&office), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_may_take_it_back_and_misses_nothing() {
    let (office, router, _store, _leaving) = office().await;
    let paths = [manage_path(&office), unsubscribe_path(&office)];
    for (path, name) in paths.into_iter().zip(["a-second-bridge", "a-third-bridge"]) {
        let (_, page) = get(&router, &path).await;
        let form = if path.starts_with("/manage/") { hidden(&page, "form") } else { String::new() };
        let (_, page) = post(&router, &path, &[("form", &form), ("action", "leave")]).await;
        assert_eq!(confirmed(&office), 1, "{page}");
        let mails = || office.mails().iter().filter(|mail| mail.contains(name)).count();
        office.news(name, "It opens tomorrow.");
        assert_eq!(office.run(&["publish-now"]).code, 0);
        assert_eq!(mails(), 1, "who left gets nothing");
        let (left, seal) = (hidden(&page, "left"), hidden(&page, "seal"));
        let later = (left.parse::<i64>().unwrap() + 1).to_string();
        let undo = |left: String, seal: String| {
            [("form", form.clone()), ("left", left), ("seal", seal), ("action", "undo".into())]
        };
        for fields in [undo(later, seal.clone()), undo(left.clone(), "0".repeat(32))] {
            let fields = fields.each_ref().map(|(name, value)| (*name, &**value));
            post(&router, &path, &fields).await;
            assert_eq!(confirmed(&office), 1, "not what the page offered");
        }
        let fields = undo(left, seal);
        let fields = fields.each_ref().map(|(name, value)| (*name, &**value));
        let (back, page) = post(&router, &path, &fields).await;
        assert_eq!(back.status(), StatusCode::OK);
        assert!(page.contains("as it was before"), "{page}");
        assert_eq!(confirmed(&office), 2);
        assert_eq!(office.run(&["publish-now"]).code, 0);
        assert_eq!(mails(), 2, "what was told meanwhile comes with the next issue");
    }
}

/// Asks for a page as a browser does that wants `languages`.
async fn get_in(router: &axum::Router, path: &str, languages: &str) -> String {
    let request = Request::get(path).header(header::ACCEPT_LANGUAGE, languages);
    ask(router, request.body(Body::empty()).unwrap()).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_in_the_language_that_is_asked_for() {
    let office = Office::new();
    let config = std::fs::read_to_string(office.path("config/tidings.yaml")).unwrap();
    let config = config.replacen("site: {", "site: {languages: [en, zh, ar], ", 1);
    office.write("config/tidings.yaml", &config);
    office.release("a-new-bridge", "It opens today.");
    let (office, router, _store, _leaving) = served(office).await;
    let check = |page: &str, language: &str, title: &str| {
        assert!(page.contains(&format!("<html lang=\"{language}\" dir=\"ltr\">")), "{page}");
        assert!(page.contains(&format!("<h1>{title}</h1>")), "{page}");
    };
    check(&get_in(&router, "/nothing", "fr, zh-SG;q=0.8, en;q=0.5").await, "zh", "找不到此网页");
    check(&get_in(&router, "/nothing?lang=en", "zh").await, "en", "There is no such page");
    check(&get_in(&router, "/nothing?lang=ta", "fr, ar").await, "en", "There is no such page");
    // Their person reads English, whatever the browser is set to.
    for path in [manage_path(&office), unsubscribe_path(&office)] {
        let page = get_in(&router, &path, "zh").await;
        assert!(page.contains("<html lang=\"en\""), "{page}");
        let token = path.rsplit('/').next().unwrap();
        let page = get(&router, &format!("{path}?lang=zh")).await.1;
        assert!(page.contains("<html lang=\"zh\""), "{page}");
        assert!(page.contains(&format!("action=\"{token}?lang=zh\"")), "{page}");
        let link = "<a href=\"?lang=en\" lang=\"en\" dir=\"ltr\" hreflang=\"en\">English</a>";
        assert!(page.contains(link) && page.contains("aria-current=\"true\">中文</a>"), "{page}");
        assert!(!page.contains("lang=ar"), "there are no words in it: {page}");
    }
    let path = manage_path(&office);
    let form = hidden(&get(&router, &path).await.1, "form");
    let chosen = [("form", &*form), ("feed.all", "daily"), ("language", "zh"), ("action", "save")];
    let (_, page) = post(&router, &path, &chosen).await;
    check(&page, "zh", "您要收到的内容");
}
