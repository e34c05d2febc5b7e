//! The commands: data to stdout, all else to stderr, an exit code that scripts can rely on.
//!
//! 0 done (warnings included), 1 failed, 2 wrong usage or config, 3 some file was held back
//! by an error, 4 held for approval, 5 partly sent; where several apply the highest.

mod adopt;
mod approve;
mod ask;
mod cancel;
mod check;
mod daemon;
mod failure;
mod list;
mod outbox;
mod output;
mod pause;
mod plan;
mod preview;
mod progress;
mod publish_now;
mod resume;
mod runs;
mod session;
mod show;
mod status;
mod subscribers;
mod turns;
mod verify;
mod what_got;
mod who_got;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::{DEFAULT_PATH, Environment, load};
use failure::Failure;
use output::Output;

/// Publishes press releases and events as feeds and e-mail digests.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, max_term_width = 80)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// Config file
    #[arg(long, global = true, value_name = "FILE", default_value = DEFAULT_PATH,
        env = "TIDINGS_CONFIG")]
    config: PathBuf,
    /// Print one JSON value for scripts
    #[arg(long, global = true)]
    json: bool,
    /// Print errors and data alone
    #[arg(long, global = true)]
    quiet: bool,
    /// Work as if it were TIME (RFC 3339), on a private copy: nothing real is written or sent
    #[arg(long, global = true, value_name = "TIME", value_parser = moment)]
    at: Option<DateTime<FixedOffset>>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Scan, write the documents, and send what is new, without waiting for a schedule
    PublishNow(publish_now::PublishNow),
    /// Watch the content folder, send digests on their schedule, serve the web pages
    Daemon,
    /// Read content files and report what there is to mend; nothing is written
    Check(check::Check),
    /// Show a content file as it would be published
    Show(show::Show),
    /// Show what would go out now, to how many, and who is left out; nothing is sent
    Plan(plan::Plan),
    /// Let go what was put on hold: a scan that changes too much, a run that waits for a word
    Approve(approve::Approve),
    /// Where the store is lost: take ids and dates back from the Atom documents
    Adopt(adopt::Adopt),
    /// List what readers do not see: pending, embargoed, expired or withdrawn
    List(list::List),
    /// Show what is published, waiting, pending and sent
    Status,
    /// List the newest runs of digests, or show one
    Runs(runs::Runs),
    /// Stop sending: everything, one digest or one run; what is in hand is finished
    Pause(pause::Pause),
    /// Go on with what was paused
    Resume(resume::Resume),
    /// End a run: what was not sent comes with each person's next issue
    Cancel(cancel::Cancel),
    /// List e-mails of unknown fate, and say what became of them
    Outbox(outbox::Outbox),
    /// Add, import, list and remove subscribers
    #[command(subcommand)]
    Subscribers(subscribers::Subscribers),
    /// Show in a web browser what would go out now; loads itself anew as files are saved
    Preview(preview::PreviewServer),
    /// Show how many got an entry by e-mail, by revision and run
    WhoGot(who_got::WhoGot),
    /// Show every e-mail that a person got, and what it held
    WhatGot(what_got::WhatGot),
    /// Check the audit ledger: every line, and what it says against the store
    Verify,
}

/// A time with its zone, or what it lacks.
fn moment(text: &str) -> Result<DateTime<FixedOffset>, String> {
    let fault = match text.parse() {
        Ok(moment) => return Ok(moment),
        Err(_) if text.parse::<NaiveDate>().is_ok() => "it has no time of day",
        Err(_) if text.parse::<NaiveDateTime>().is_ok() => "it has no time zone",
        Err(_) => "it is no time",
    };
    Err(format!("{fault}; write it as `2026-11-21T09:00:00+08:00`"))
}

/// Runs one command to its exit code.
pub fn run(cli: Cli) -> ExitCode {
    let environment = Environment::read();
    start_logging(&cli, &environment);
    let output = Output { is_json: cli.global.json, is_quiet: cli.global.quiet };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.fail(&Failure::new(error)),
    };
    let (config, known) = (cli.global.config.clone(), environment.clone());
    let code = runtime.block_on(dispatch(cli, environment, output));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match code {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let store = || Some(load(&config, &known).ok()?.store_path);
            output.fail(&failure.naming_store(store))
        }
    }
}

async fn dispatch(cli: Cli, environment: Environment, output: Output) -> Result<u8, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::PublishNow(args) => publish_now::run(&global, &environment, &args, output).await,
        Command::Daemon => daemon::run(&global, &environment, output).await,
        Command::Check(args) => Box::pin(check::run(&global, &environment, &args, output)).await,
        Command::Show(args) => show::run(&global, &environment, &args, output).await,
        Command::Plan(args) => plan::run(&global, &environment, &args, output).await,
        Command::Approve(args) => approve::run(&global, &environment, &args, output).await,
        Command::Adopt(args) => adopt::run(&global, &environment, &args, output).await,
        Command::List(args) => list::run(&global, &environment, &args, output).await,
        Command::Status => status::run(&global, &environment, output).await,
        Command::Runs(args) => runs::run(&global, &environment, &args, output).await,
        Command::Pause(args) => pause::run(&global, &environment, &args, output).await,
        Command::Resume(args) => resume::run(&global, &environment, &args, output).await,
        Command::Cancel(args) => cancel::run(&global, &environment, &args, output).await,
        Command::Outbox(args) => outbox::run(&global, &environment, &args, output).await,
        Command::Subscribers(args) => subscribers::run(&global, &environment, args, output).await,
        Command::Preview(args) => preview::run(&global, &environment, &args, output).await,
        Command::WhoGot(args) => who_got::run(&global, &environment, &args, output).await,
        Command::WhatGot(args) => what_got::run(&global, &environment, &args, output).await,
        Command::Verify => verify::run(&global, &environment, output).await,
    }
}

/// Logs to stderr: what happens in a daemon, what is wrong in a command.
fn start_logging(cli: &Cli, environment: &Environment) {
    let default = match (&cli.command, cli.global.quiet) {
        // The scheduler tells of its own jobs at `info`.
        (Command::Daemon, false) => "info,tokio_cron_scheduler=warn",
        // Whom the relay refused is told at the end, with all the others.
        _ => "warn,tidings::outbox::results=error",
    };
    let filter = environment.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .with_target(false);
    if cli.global.json {
        logs.json().init();
    } else {
        logs.init();
    }
}
