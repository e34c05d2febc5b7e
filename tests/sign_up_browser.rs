//! How people sign up, change what they get, leave and are forgotten: the program itself, real
//! mail, and Chromium.
//!
//! `TIDINGS_PICTURES` names a folder for pictures of each page, at 360 and 1280 pixels.
//!
//! Needs `chromium` and `chromedriver`; what comes from npm lies in the folder that
//! `TIDINGS_NODE_MODULES` names. A test that misses its program says so and is skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![allow(clippy::print_stdout, reason = "says what was not tested")]
#![allow(clippy::allow_attributes, reason = "not every file below prints")]

#[path = "support/chromium.rs"]
mod chromium;
#[path = "sign_up_browser/judge.rs"]
mod judge;
#[path = "sign_up_browser/life.rs"]
mod life;
#[path = "support/news.rs"]
mod news;
#[path = "sign_up_browser/pages.rs"]
mod pages;
#[path = "readers/program.rs"]
#[expect(dead_code, unreachable_pub, reason = "other tests use the rest of it")]
mod program;
#[path = "sign_up_browser/reader.rs"]
mod reader;
mod support;

use std::path::PathBuf;
use std::process::Command;

use chromium::Driver;
use fantoccini::Client;
use serde_json::{Value, json};

/// A window as wide as a phone or a desk.
async fn browser(driver: &Driver, width: u32, is_dark: bool, preferences: Value) -> Client {
    // Blink's `PreferredColorScheme`: 0 is dark, 1 light.
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!is_dark));
    let metrics = json!({"width": width, "height": 800, "pixelRatio": 1.0});
    let options = json!({"mobileEmulation": {"deviceMetrics": metrics}, "prefs": preferences});
    chromium::browser(driver, Some(&scheme), options).await
}

/// Where npm put `package`, or a skip.
fn node_modules(package: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test is told where the packages are")]
    let folder = PathBuf::from(std::env::var_os("TIDINGS_NODE_MODULES").unwrap_or_default());
    let has_node = Command::new("node").arg("--version").output().is_ok();
    if !has_node || !folder.join(package).is_dir() {
        println!("skipped: {package} is not installed");
        return None;
    }
    Some(folder)
}

/// Where pictures go, if anybody wants them.
fn pictures() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "whoever wants pictures says where")]
    let folder = PathBuf::from(std::env::var_os("TIDINGS_PICTURES")?);
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder)
}
