//! Public pages in a real browser, under the policy that they are served with.
//!
//! Needs `chromium` and `chromedriver`; each test brings a web server and a driver of its own.

#![expect(clippy::unwrap_used, reason = "a test stops where its own data is wrong")]

#[path = "support/chromium.rs"]
mod chromium;
#[path = "support/news.rs"]
mod news;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use chromium::{Driver, driver};
use fantoccini::{Client, Locator};
use news::{entry, site};
use serde_json::{Value, json};
use tidings::feeds::page::{assets, render_feed};
use tidings::feeds::{Document, Feed, FeedDefinition, Selection, Site, media_type};
use tidings::templates::Templates;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

async fn browser(driver: &Driver, width: u32) -> Client {
    let metrics = json!({"width": width, "height": 640, "pixelRatio": 1.0});
    let options = json!({"mobileEmulation": {"deviceMetrics": metrics}});
    chromium::browser(driver, None, options).await
}

/// Serves the page of a feed with its assets; gives the folder's address.
async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let site = Site { output_url: address.parse().unwrap(), ..site() };
    let mut long = entry("long");
    long.title = "word".repeat(100);
    let definition = FeedDefinition::new("all", "All news", Selection::default());
    let entries = [entry("a"), long].into_iter().map(Arc::new).collect();
    let feed = Feed::new(definition.clone(), entries, vec![], site.since);
    let bytes = render_feed(&Templates::builtin(), &feed, &[], &[], &site).unwrap();
    let mut documents = assets().to_vec();
    documents.push(Document { path: definition.page_path(), bytes });
    let find = async move |uri: Uri| {
        let path = uri.path().trim_start_matches('/');
        match documents.iter().find(|document| document.path == path) {
            None => StatusCode::NOT_FOUND.into_response(),
            Some(document) => {
                let headers = [
                    (header::CONTENT_TYPE, media_type(path)),
                    (header::CONTENT_SECURITY_POLICY, POLICY),
                ];
                (headers, document.bytes.clone()).into_response()
            }
        }
    };
    tokio::spawn(axum::serve(listener, Router::new().fallback(find)).into_future());
    address
}

async fn run(browser: &Client, script: &str) -> Value {
    browser.execute(script, vec![]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_button_copies_the_address_and_says_so() {
    let Some(driver) = driver() else { return };
    let folder = serve().await;
    let browser = browser(&driver, 1200).await;
    browser.goto(&format!("{folder}feeds/all/index.html")).await.unwrap();
    // What the script writes is kept aside: a headless browser may have no clipboard to read.
    run(&browser, "navigator.clipboard.writeText = async text => { window.written = text }").await;
    let button = Locator::Css("button[data-name=Atom]");
    browser.wait().for_element(button).await.unwrap().click().await.unwrap();
    let said = Locator::XPath("//*[@role='status'][text()='The Atom address is copied.']");
    browser.wait().for_element(said).await.unwrap();
    assert_eq!(run(&browser, "return written").await, format!("{folder}feeds/all.atom"));
    browser.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_fits_a_narrow_screen_in_its_own_style() {
    let Some(driver) = driver() else { return };
    let folder = serve().await;
    let browser = browser(&driver, 320).await;
    browser.goto(&format!("{folder}feeds/all/index.html")).await.unwrap();
    assert_eq!(run(&browser, "return document.documentElement.scrollWidth").await, 320);
    let ground = "return getComputedStyle(document.querySelector('header')).backgroundColor";
    assert_eq!(run(&browser, ground).await, "rgb(18, 53, 91)");
    browser.close().await.unwrap();
}
