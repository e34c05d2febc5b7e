//! `cancel RUN`: ends a run for good. News that was not sent is owed to its people; a correction, a
//! reminder or an answer is not: that nobody is told it is what was asked for.

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::output::{Output, count};
use super::pause::who;
use super::runs::{find_run, said_of, title};
use super::{Global, ask, session};
use crate::config::Environment;
use crate::digest::{CORRECTION, REMINDER};
use crate::store::{Cancellation, Cancelled, RunDetails};

#[derive(Debug, Args)]
pub(super) struct Cancel {
    /// Number of the run, as `runs` shows it
    run: i64,
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Say what would be cancelled, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Cancel without asking
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    run: RunDetails,
    /// Null where nothing was cancelled now.
    cancelled: Option<Cancelled>,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Cancel,
    output: Output,
) -> Result<u8, Failure> {
    let looking = session::look_and_act(global, environment, output).await?;
    let press = &looking.press;
    let run = find_run(press, args.run).await?;
    if run.state == "cancelled" {
        let text = format!("{} was cancelled already: {}", title(&run), said_of(&run));
        output.say_paragraph("", &text);
        output.json(&Report { run, cancelled: None });
        return Ok(0);
    }
    if run.is_ended() {
        return Err(Failure::usage(
            format!("{} is at its end: {}", title(&run), said_of(&run)),
            "what went out cannot be called back; withdraw the entry in its file to tell readers",
        ));
    }
    let sent = run.deliveries.get("accepted").copied().unwrap_or(0);
    let left = run.recipients.saturating_sub(run.settled());
    let mails = count(left, "e-mail", "e-mails");
    let follows = what_follows(&run.digest);
    let deed =
        format!("Cancel {}? {mails} will not be sent, {sent} went out; {follows}.", title(&run));
    if args.dry_run {
        let text = format!("{}: {mails} would not be sent; {follows}", title(&run));
        output.say_paragraph("", &text);
        output.json(&Report { run, cancelled: None });
        return Ok(0);
    }
    if !ask::before(&deed, args.yes)? {
        output.say("nothing was cancelled");
        return Ok(0);
    }
    let cancellation = Cancellation {
        run: args.run,
        reason: args.reason.clone(),
        by: who(environment),
        token_key: press.keys.token_key(),
    };
    let cancelled = press.store.cancel_run(&cancellation, press.clock.now()).await?;
    let Some(cancelled) = cancelled else {
        let run = find_run(press, args.run).await?;
        return Err(Failure::new(anyhow::anyhow!(
            "{} came to its end meanwhile: {}",
            title(&run),
            said_of(&run)
        )));
    };
    // Who follows the run in another window is to hear of it.
    session::wake_sender(press).await?;
    show(output, &run, cancelled);
    let run = find_run(press, args.run).await?;
    output.json(&Report { run, cancelled: Some(cancelled) });
    Ok(0)
}

/// What becomes of those who get nothing of a run.
fn what_follows(digest: &str) -> &'static str {
    match digest {
        CORRECTION => {
            "these people keep the old text and are not told; another `correction` or `withdrawn` \
             in the file tells everybody who has it"
        }
        REMINDER => "these people are not reminded",
        "confirm" | "self" | "notice" => "who waits for one has to ask again",
        _ => "the news comes with each person's next issue",
    }
}

fn show(output: Output, run: &RunDetails, done: Cancelled) {
    output.say_paragraph("cancelled: ", &title(run));
    let mails = count(done.cancelled, "e-mail is", "e-mails are");
    let text = format!("{mails} not sent; {}", what_follows(&run.digest));
    output.say_paragraph("", &text);
    if done.uncertain > 0 {
        let mails = count(done.uncertain, "e-mail", "e-mails");
        let text = format!("{mails} may have gone out and count as sent: `tidings outbox`");
        output.say_paragraph("", &text);
    }
}
