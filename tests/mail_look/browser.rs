//! Chromium, and what axe finds in a page that it shows.

use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use super::chromium::{self, Driver};

pub(super) async fn browser(driver: &Driver, is_dark: bool) -> Client {
    // Blink's `PreferredColorScheme`: 0 is dark, 1 light.
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark));
    chromium::browser(driver, Some(&scheme), json!({})).await
}

/// How `html` looks at each width in pixels, as PNG.
pub(super) async fn pictures(
    driver: &Driver,
    html: &str,
    is_dark: bool,
    widths: &[u32],
) -> Vec<Vec<u8>> {
    let browser = browser(driver, is_dark).await;
    // A window has a least width, a frame has none.
    browser.set_window_size(1000, TALLEST).await.unwrap();
    browser.goto("about:blank").await.unwrap();
    let mut pictures = Vec::new();
    for width in widths {
        let frame = "const [html, width, done] = arguments;
            document.body.replaceChildren();
            const frame = document.createElement('iframe');
            frame.style = `border: 0; width: ${width}px`;
            // A bar at its side would make it narrower, and so longer.
            frame.scrolling = 'no';
            frame.onload = () => {
                frame.style.height = `${frame.contentDocument.documentElement.scrollHeight}px`;
                done();
            };
            frame.srcdoc = html;
            document.body.append(frame);";
        browser.execute_async(frame, vec![json!(html), json!(width)]).await.unwrap();
        let frame = browser.find(Locator::Css("iframe")).await.unwrap();
        pictures.push(frame.screenshot().await.unwrap());
    }
    browser.close().await.unwrap();
    pictures
}

/// Pixels that the longest sample needs on a phone.
const TALLEST: u32 = 12_000;

/// Rules that `html` breaks, with the elements that break them.
pub(super) async fn violations(browser: &Client, axe: &str, html: &str, is_dark: bool) -> Value {
    let file = tempfile::Builder::new().suffix(".html").tempfile().unwrap();
    std::fs::write(file.path(), html).unwrap();
    browser.goto(&format!("file://{}", file.path().display())).await.unwrap();
    let dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
    assert_eq!(browser.execute(dark, vec![]).await.unwrap(), is_dark);
    browser.execute(axe, vec![]).await.unwrap();
    let run = "const done = arguments[arguments.length - 1];
        axe.run(document).then(({violations}) => done(violations.map(({id, nodes}) =>
            [id, ...nodes.map(({html}) => html.slice(0, 200))])));";
    browser.execute_async(run, vec![]).await.unwrap()
}
