//! What axe says of the page that a browser shows, and how it looks.

use std::path::Path;

use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use super::chromium::{self, Driver};
use super::node_modules;

/// Text of axe's script, or a skip.
pub(super) fn axe() -> Option<String> {
    let script = node_modules("axe-core")?.join("axe-core/axe.min.js");
    Some(std::fs::read_to_string(script).unwrap())
}

/// What is wrong with the page: rules of axe with the elements that break them, and whether it
/// is wider than the window.
pub(super) async fn faults(browser: &Client, axe: &str) -> Vec<Value> {
    browser.execute(axe, vec![]).await.unwrap();
    let run = "const done = arguments[arguments.length - 1];
        const wide = document.documentElement.scrollWidth > innerWidth ? ['too wide'] : [];
        axe.run(document).then(({violations}) => done([...wide, ...violations.map(
            ({id, nodes}) => [id, ...nodes.map(({html}) => html.slice(0, 200))])]));";
    match browser.execute_async(run, vec![]).await.unwrap() {
        Value::Array(faults) => faults,
        other => panic!("{other}"),
    }
}

/// Pictures of whole pages at each width in pixels: `NAME-360.png`.
pub(super) async fn picture(
    driver: &Driver,
    folder: &Path,
    pages: &[(String, String)],
    is_dark: bool,
) {
    for width in [360, 1280] {
        // A window has a least width and a height, a frame has neither.
        let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark));
        let browser = chromium::browser(driver, Some(&scheme), json!({})).await;
        browser.set_window_size(1400, TALLEST).await.unwrap();
        for (name, html) in pages {
            browser.goto("about:blank").await.unwrap();
            browser.execute_async(FRAME, vec![json!(html), json!(width)]).await.unwrap();
            let frame = browser.find(Locator::Css("iframe")).await.unwrap();
            let file = folder.join(format!("{name}-{width}.png"));
            std::fs::write(file, frame.screenshot().await.unwrap()).unwrap();
        }
        browser.close().await.unwrap();
    }
}

/// Pixels that the longest page needs on a phone.
const TALLEST: u32 = 6_000;

const FRAME: &str = "const [html, width, done] = arguments;
    const frame = document.createElement('iframe');
    document.body.style.margin = 0;
    frame.style = `border: 0; width: ${width}px`;
    // A bar at its side would make it narrower.
    frame.scrolling = 'no';
    frame.onload = () => {
        frame.style.height = `${frame.contentDocument.documentElement.scrollHeight}px`;
        done();
    };
    frame.srcdoc = html;
    document.body.append(frame);";
