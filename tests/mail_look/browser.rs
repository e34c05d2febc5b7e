//! Chromium, and what axe finds in a page that it shows.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// A driver on a port that it chose itself; it ends with the test.
pub(super) struct Driver {
    process: Child,
    address: String,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// `None`, said as a skip, where the browser is missing.
pub(super) fn driver() -> Option<Driver> {
    for name in ["chromium", "chromedriver"] {
        super::program::find(name, "--version")?;
    }
    let mut process =
        Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let port = lines.map(Result::unwrap).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        Some(port.trim_end_matches('.').to_owned())
    });
    Some(Driver { process, address: format!("http://127.0.0.1:{}", port.unwrap()) })
}

async fn browser(driver: &Driver, is_dark: bool) -> Client {
    // Blink's `PreferredColorScheme`: 0 is dark, 1 light.
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark));
    let arguments =
        ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &scheme];
    let capabilities = json!({"goog:chromeOptions": {"args": arguments}});
    let Value::Object(capabilities) = capabilities else { unreachable!() };
    ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(&driver.address)
        .await
        .unwrap()
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
pub(super) async fn violations(driver: &Driver, axe: &str, html: &str, is_dark: bool) -> Value {
    let browser = browser(driver, is_dark).await;
    let file = tempfile::Builder::new().suffix(".html").tempfile().unwrap();
    std::fs::write(file.path(), html).unwrap();
    browser.goto(&format!("file://{}", file.path().display())).await.unwrap();
    let dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
    assert_eq!(browser.execute(dark, vec![]).await.unwrap(), is_dark);
    browser.execute(axe, vec![]).await.unwrap();
    let run = "const done = arguments[arguments.length - 1];
        axe.run(document).then(({violations}) => done(violations.map(({id, nodes}) =>
            [id, ...nodes.map(({html}) => html.slice(0, 200))])));";
    let found = browser.execute_async(run, vec![]).await.unwrap();
    browser.close().await.unwrap();
    found
}
