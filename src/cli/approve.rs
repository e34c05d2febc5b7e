//! `approve ID`: lets a hold go.

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::output::{Output, count, listed};
use super::{Global, session};
use crate::config::Environment;
use crate::store::lock;
use crate::store::{HoldRecord, RequestKind};

#[derive(Debug, Args)]
pub(super) struct Approve {
    /// Number of the hold, as `status` and `publish-now` show it
    #[arg(value_name = "ID")]
    hold: i64,
}

#[derive(Debug, Serialize)]
struct Approved {
    hold: HoldRecord,
    /// Whether a daemon takes it up by itself.
    is_taken_up: bool,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Approve,
    output: Output,
) -> Result<u8, Failure> {
    let press = session::open(global, environment, output).await?;
    let now = press.clock.now();
    let Some(hold) = press.store.release_hold(args.hold, "operator", now).await? else {
        let open = press.store.open_holds().await?;
        let ids: Vec<String> = open.iter().map(|hold| format!("`{}`", hold.id)).collect();
        let hint = if ids.is_empty() {
            "nothing is on hold".to_owned()
        } else {
            format!("on hold: {}", listed(&ids))
        };
        return Err(Failure::usage(format!("there is no hold `{}`", args.hold), hint));
    };
    let daemon = lock::holder(&press.config.store_path).filter(lock::Holder::is_daemon);
    if daemon.is_some() {
        press.store.request(RequestKind::Scan, "", now).await?;
    }
    output.say(&format!("let go: {}", items(&hold)));
    output.say(if daemon.is_some() {
        "the daemon takes it up now"
    } else {
        "the next scan takes it up: `tidings publish-now`, or the daemon when it starts"
    });
    output.json(&Approved { hold, is_taken_up: daemon.is_some() });
    Ok(0)
}

/// What a hold keeps back, counted.
pub(super) fn items(hold: &HoldRecord) -> String {
    if hold.items.is_empty() {
        return hold.reason.clone();
    }
    let parts: Vec<String> = hold.items.iter().map(|(what, n)| format!("{n} {what}")).collect();
    let all: u64 = hold.items.values().sum();
    format!("{} ({})", count(all, "file", "files"), listed(&parts))
}

/// A hold in two lines: what and why, then what to do about it.
pub(super) fn hold_lines(hold: &HoldRecord) -> [String; 2] {
    if hold.items.is_empty() {
        return [
            format!("hold {}: {}", hold.id, hold.reason),
            format!("hint: `tidings approve {}` lets them be made", hold.id),
        ];
    }
    let are = if hold.items.values().sum::<u64>() == 1 { "is" } else { "are" };
    [
        format!("hold {}: {} {are} on hold: {}", hold.id, items(hold), hold.reason),
        format!(
            "hint: `tidings approve {}` lets them go; put the files back as they were to drop them",
            hold.id
        ),
    ]
}
