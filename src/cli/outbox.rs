//! `outbox`: what is open, and e-mails of unknown fate, which an operator who has looked into
//! the relay's log can settle.
//!
//! People are named by their numbers and messages by their Message-ID: no address is shown.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::Failure;
use super::output::{Output, count};
use super::pause::who;
use super::runs::{find_run, said_of, show_line, title};
use super::session::{self, local, wake_sender, when_it_goes_on};
use super::{Global, ask};
use crate::config::Environment;
use crate::outbox::sender::message_id;
use crate::pipeline::Press;
use crate::store::{PauseRecord, Resolution, RunDetails, RunsAsked, UncertainRecord};
use crate::subscribers::token::Subject;

/// Uncertain e-mails that are named to people; `--json` has all.
pub(super) const SHOWN: usize = 20;

#[derive(Debug, Args)]
pub(super) struct Outbox {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what the relay's log says of e-mails of unknown fate
    Resolve(Resolve),
    /// Send e-mails of unknown fate once more, with the same Message-ID and bytes
    Resend(Resend),
}

#[derive(Debug, Args)]
struct Resolve {
    /// Number of the run
    run: i64,
    /// Numbers of subscribers; all that are uncertain where left out
    #[arg(value_name = "SUBSCRIBER")]
    subscribers: Vec<i64>,
    /// The relay has them: they count as accepted
    #[arg(long, required_unless_present = "unsent", conflicts_with = "unsent")]
    sent: bool,
    /// The relay never had them: they are sent, with the same Message-ID and bytes
    #[arg(long)]
    unsent: bool,
    /// Say what would be settled, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct Resend {
    /// Number of the run
    run: i64,
    /// Numbers of subscribers; all that are uncertain where left out
    #[arg(value_name = "SUBSCRIBER")]
    subscribers: Vec<i64>,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Send without asking
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
struct Listing {
    /// Runs not at their end, and those with e-mails of unknown fate; oldest first.
    runs: Vec<RunDetails>,
    pauses: Vec<PauseRecord>,
    uncertain: Vec<Row>,
}

/// One e-mail of unknown fate.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    run: i64,
    digest: String,
    key: String,
    subscriber: i64,
    /// As the relay's log has it; absent where its key is lost.
    message_id: Option<String>,
    /// Outcomes that were never known.
    unknowns: u64,
    since: DateTime<Utc>,
    /// When it is sent once more by itself; absent where it waits for an operator.
    resend_at: Option<DateTime<Utc>>,
}

impl Row {
    pub(super) fn lines(&self, press: &Press) -> [String; 2] {
        let what = if self.resend_at.is_some() { "is sent once more" } else { "waits for you" };
        let id = self.message_id.as_ref().map_or("unknown".into(), |id| format!("<{id}>"));
        [
            format!("subscriber {}, since {}, {what}", self.subscriber, local(press, self.since)),
            format!("Message-ID {id}"),
        ]
    }
}

#[derive(Debug, Serialize)]
struct Report {
    run: i64,
    resolution: &'static str,
    /// E-mails that were settled, or would be.
    deliveries: u64,
    is_dry_run: bool,
    /// Whether a daemon sends them by itself.
    is_taken_up: bool,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Outbox,
    output: Output,
) -> Result<u8, Failure> {
    let looking = match &args.command {
        None => session::look(global, environment, output).await?,
        Some(_) => session::look_and_act(global, environment, output).await?,
    };
    let press = &looking.press;
    let by = who(environment);
    match &args.command {
        None => list(press, output).await,
        Some(Command::Resolve(args)) => {
            let resolution = if args.sent { Resolution::Sent } else { Resolution::Unsent };
            let wish = Wish {
                run: args.run,
                subscribers: &args.subscribers,
                resolution,
                is_dry_run: args.dry_run,
                // What was found in a log is no question.
                is_yes: true,
            };
            settle(press, &wish, &by, output).await
        }
        Some(Command::Resend(args)) => {
            let wish = Wish {
                run: args.run,
                subscribers: &args.subscribers,
                resolution: Resolution::Resend,
                is_dry_run: args.dry_run,
                is_yes: args.yes,
            };
            settle(press, &wish, &by, output).await
        }
    }
}

/// E-mails of unknown fate, oldest first.
pub(super) async fn rows(press: &Press, run: Option<i64>) -> Result<Vec<Row>, Failure> {
    let uncertain = press.store.uncertain(run).await?;
    Ok(uncertain.into_iter().map(|record| row(press, record)).collect())
}

fn row(press: &Press, record: UncertainRecord) -> Row {
    let subject = Subject { run: record.run, subscriber: record.subscriber };
    let from = &press.config.mail.from.address;
    Row {
        message_id: message_id(&press.keys, record.token_key, subject, record.dated_at, from),
        run: record.run,
        digest: record.digest,
        key: record.key,
        subscriber: record.subscriber,
        unknowns: record.unknowns,
        since: record.since,
        resend_at: record.resend_at,
    }
}

async fn list(press: &Press, output: Output) -> Result<u8, Failure> {
    let listing = Listing {
        runs: press.store.runs(RunsAsked::Unsettled).await?,
        pauses: press.store.pauses().await?,
        uncertain: rows(press, None).await?,
    };
    if listing.runs.is_empty() {
        output.data("nothing is open");
    }
    let mut by_run: BTreeMap<i64, Vec<&Row>> = BTreeMap::new();
    for row in listing.uncertain.iter().take(SHOWN) {
        by_run.entry(row.run).or_default().push(row);
    }
    for run in &listing.runs {
        show_line(press, output, run, &listing.pauses);
        for row in by_run.get(&run.run).into_iter().flatten() {
            for text in row.lines(press) {
                output.paragraph(&format!("{:12}", ""), &text);
            }
        }
    }
    if listing.uncertain.len() > SHOWN {
        let more = (listing.uncertain.len() - SHOWN) as u64;
        let more = count(more, "newer one is", "newer ones are");
        output.data(&format!("{more} not shown: `tidings outbox --json` has all"));
    }
    if let Some(row) = listing.uncertain.first() {
        let hint = format!(
            "look for the Message-ID in the relay's log, then `tidings outbox resolve {} --sent` \
             or `--unsent`; where nobody knows, `tidings outbox resend {}`",
            row.run, row.run
        );
        for line in super::output::hanging("hint: ", &hint) {
            output.note(&line);
        }
    }
    output.json(&listing);
    Ok(0)
}

/// What an operator wants done about e-mails of unknown fate.
struct Wish<'a> {
    run: i64,
    subscribers: &'a [i64],
    resolution: Resolution,
    is_dry_run: bool,
    is_yes: bool,
}

async fn settle(press: &Press, wish: &Wish<'_>, by: &str, output: Output) -> Result<u8, Failure> {
    let run = find_run(press, wish.run).await?;
    let mut report = Report {
        run: wish.run,
        resolution: match wish.resolution {
            Resolution::Sent => "sent",
            Resolution::Unsent => "unsent",
            Resolution::Resend => "resend",
        },
        deliveries: matching(press, wish, &run).await?,
        is_dry_run: wish.is_dry_run,
        is_taken_up: false,
    };
    if report.deliveries == 0 {
        output.say_paragraph("", &format!("nothing of {} is uncertain", title(&run)));
        output.json(&report);
        return Ok(0);
    }
    let is_cancelled = matches!(run.state.as_str(), "cancelled" | "superseded");
    if is_cancelled && wish.resolution == Resolution::Resend {
        return Err(Failure::usage(
            format!("{} sends nothing any more: {}", title(&run), said_of(&run)),
            "`resolve --unsent` says that they never went out; the news then comes with each \
             person's next issue",
        ));
    }
    let mails = count(report.deliveries, "e-mail", "e-mails");
    if wish.is_dry_run {
        output.say_paragraph("", &format!("{mails} of {} would be settled", title(&run)));
        output.json(&report);
        return Ok(0);
    }
    let deed = format!("Send {mails} of {} once more? They may arrive twice.", title(&run));
    if !ask::before(&deed, wish.is_yes)? {
        output.say("nothing was sent");
        return Ok(0);
    }
    let (subscribers, now) = (wish.subscribers, press.clock.now());
    report.deliveries =
        press.store.resolve(wish.run, subscribers, wish.resolution, by, now).await?;
    let mails = count(report.deliveries, "e-mail", "e-mails");
    let done = match wish.resolution {
        Resolution::Sent => "found sent",
        Resolution::Unsent if is_cancelled => "found unsent, and owed",
        Resolution::Unsent => "found unsent",
        Resolution::Resend => "to be sent once more",
    };
    output.say_paragraph("", &format!("{mails} of {}: {done}", title(&run)));
    if wish.resolution != Resolution::Sent && !is_cancelled {
        report.is_taken_up = wake_sender(press).await?;
        output.say_paragraph("", when_it_goes_on(report.is_taken_up));
    }
    output.json(&report);
    Ok(0)
}

/// How many e-mails are meant. One that is named and not uncertain is a mistake.
async fn matching(press: &Press, wish: &Wish<'_>, run: &RunDetails) -> Result<u64, Failure> {
    let uncertain = press.store.uncertain(Some(wish.run)).await?;
    if wish.subscribers.is_empty() {
        return Ok(uncertain.len() as u64);
    }
    let is_known = |n: &i64| uncertain.iter().any(|record| record.subscriber == *n);
    let Some(wrong) = wish.subscribers.iter().find(|subscriber| !is_known(subscriber)) else {
        let mut chosen = wish.subscribers.to_vec();
        chosen.sort_unstable();
        chosen.dedup();
        return Ok(chosen.len() as u64);
    };
    let found = press.store.delivery_state(wish.run, *wrong).await?;
    let state = found.map_or("it has no delivery".to_owned(), |state| format!("it is `{state}`"));
    Err(Failure::usage(
        format!("subscriber `{wrong}` of {} is not uncertain: {state}", title(run)),
        "`tidings outbox` lists what is uncertain; nothing was changed",
    ))
}
