//! `verify`: whether the audit ledger holds, line by line, and agrees with the rows.

use super::failure::{FAILED, Failure};
use super::output::{Output, count};
use super::{Global, session};
use crate::config::Environment;

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    output: Output,
) -> Result<u8, Failure> {
    let looking = session::look(global, environment, output).await?;
    let report = looking.press.store.verify_audit().await?;
    for chain in &report.chains {
        let lines = count(chain.lines, "line", "lines");
        let days = count(chain.days, "day", "days");
        output.data(&format!("{:<10}{lines} of {days}", chain.kind.as_str()));
        if let Some(head) = &chain.head {
            output.data(&format!("{:10}newest: {}", "", head.place));
            output.data(&format!("{:10}{}", "", head.hash));
        }
    }
    output.json(&report);
    if report.broken.is_empty() {
        output.say("the audit ledger holds, and agrees with the store");
        return Ok(0);
    }
    for broken in &report.broken {
        output.note(&format!("error: {broken}"));
    }
    output.note(
        "hint: compare with a backup from before that moment, and ask who could write to the store",
    );
    Ok(FAILED)
}
