//! `resume [DIGEST|RUN]`: goes on with what was paused.

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::output::Output;
use super::pause::{stopped, target, told, who};
use super::runs::said_of;
use super::session::{wake_after_pause, when_it_goes_on};
use super::{Global, session};
use crate::config::Environment;
use crate::store::PauseRecord;

#[derive(Debug, Args)]
pub(super) struct Resume {
    /// Name of a digest, or number of a run as `runs` shows it; all sending where left out
    #[arg(value_name = "DIGEST|RUN")]
    what: Option<String>,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    /// The pause that was lifted; null where none stood.
    resumed: Option<&'a PauseRecord>,
    /// Pauses that stand still.
    pauses: &'a [PauseRecord],
    /// Whether a daemon goes on by itself.
    is_taken_up: bool,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Resume,
    output: Output,
) -> Result<u8, Failure> {
    let looking = session::look_and_act(global, environment, output).await?;
    let press = &looking.press;
    let target = target(press, args.what.as_deref()).await?;
    let by = who(environment);
    let resumed = press.store.resume(&target.scope, &by, press.clock.now()).await?;
    let pauses = press.store.pauses().await?;
    let mut is_taken_up = false;
    if resumed.is_some() {
        is_taken_up = wake_after_pause(press).await?;
        output.say_paragraph("resumed: ", &target.name);
        match target.run.as_ref().filter(|run| run.is_ended()) {
            Some(run) => output.say_paragraph("", &format!("it is at its end: {}", said_of(run))),
            None => output.say_paragraph("", when_it_goes_on(is_taken_up)),
        }
    } else {
        output.say_paragraph("not paused: ", &target.name);
    }
    for pause in &pauses {
        let text = format!("{}, {}", stopped(pause), told(press, pause));
        output.say_paragraph("still paused: ", &text);
    }
    output.json(&Report { resumed: resumed.as_ref(), pauses: &pauses, is_taken_up });
    Ok(0)
}
