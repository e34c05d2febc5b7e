//! Chromium, worked by its driver.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

/// What Chromium needs where there is no screen, no user of its own and little shared memory.
const ARGUMENTS: [&str; 4] =
    ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];

/// A driver on a port that it chose itself; it ends with the test.
pub(crate) struct Driver {
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
#[expect(clippy::print_stdout, reason = "says what was not tested")]
pub(crate) fn driver() -> Option<Driver> {
    for name in ["chromium", "chromedriver"] {
        let found = Command::new(name).arg("--version").output();
        if !found.is_ok_and(|output| output.status.success()) {
            println!("skipped: {name} is not installed");
            return None;
        }
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

/// A browser with one more argument, or with other options of Chromium's.
pub(crate) async fn browser(driver: &Driver, argument: Option<&str>, options: Value) -> Client {
    let Value::Object(mut options) = options else { panic!("options are an object") };
    let arguments: Vec<&str> = ARGUMENTS.into_iter().chain(argument).collect();
    options.insert("args".to_owned(), json!(arguments));
    let capabilities = Map::from_iter([("goog:chromeOptions".to_owned(), options.into())]);
    ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(&driver.address)
        .await
        .unwrap()
}
