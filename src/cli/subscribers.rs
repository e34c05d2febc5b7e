//! `subscribers`: add, import, list and remove the people who get mail.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::failure::{FAILED, Failure};
use super::output::{Output, count, fits, listed};
use super::{Global, session};
use crate::config::Environment;
use crate::model::{Address, Language};
use crate::pipeline::Press;
use crate::pipeline::people::{Consent, known_names, read_list, subscribe, subscribe_list};
use crate::store::{EndOfSubscription, Subscribed, SubscriberRange};
use crate::subscribers::import::{Row, check_language, check_names};

#[derive(Debug, Subcommand)]
pub(super) enum Subscribers {
    /// Subscribe one address to a feed
    Add(Add),
    /// Subscribe a list: CSV with the header address,language,feed,digest
    Import(Import),
    /// List subscriptions, with addresses
    List,
    /// End all subscriptions of an address
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    address: String,
    /// Feed to follow
    #[arg(long, value_name = "NAME")]
    feed: String,
    /// Digest that brings it
    #[arg(long, value_name = "NAME")]
    digest: String,
    /// How the person agreed, in words that are kept with the consent
    #[arg(long, value_name = "TEXT")]
    consent: String,
    /// The person has confirmed it; without this the subscription waits and gets no mail
    #[arg(long)]
    confirmed: bool,
    /// Language of the mail; the site's where none is given
    #[arg(long, value_name = "TAG")]
    language: Option<Language>,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    file: PathBuf,
    /// How these people agreed, in words that are kept with each consent
    #[arg(long, value_name = "TEXT")]
    consent: String,
    /// They have confirmed it; without this their subscriptions wait and get no mail
    #[arg(long)]
    confirmed: bool,
    /// Subscribe those too who left before: they agreed again after that
    #[arg(long)]
    returning: bool,
    /// Say what would become of each row, on a private copy, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    address: String,
    /// Say what would end, and end nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    command: Subscribers,
    output: Output,
) -> Result<u8, Failure> {
    // Only who changes something brings an older store up to date.
    let press = Box::pin(session::open(global, environment, output));
    match command {
        Subscribers::Add(args) => add(&press.await?, args, output).await,
        Subscribers::Import(args) if args.dry_run => {
            let folder =
                tempfile::Builder::new().prefix("tidings-").tempdir().map_err(Failure::new)?;
            let config = session::config(global, environment, output)?;
            let copy = session::open_copy(&config, session::clock(global), folder.path());
            import(&Box::pin(copy).await?, &args, output).await
        }
        Subscribers::Import(args) => import(&press.await?, &args, output).await,
        Subscribers::Remove(args) => remove(&press.await?, &args, output).await,
        Subscribers::List => {
            let looking = Box::pin(session::look(global, environment, output)).await?;
            list(&looking.press, output).await
        }
    }
}

fn consent(text: &str, is_confirmed: bool) -> Result<Consent, Failure> {
    if text.trim().is_empty() {
        return Err(Failure::usage(
            "`--consent` is blank",
            "say how the person agreed, as in `--consent \"paper form of 3 March 2026\"`",
        ));
    }
    Ok(Consent {
        source: "operator",
        wording: text.to_owned(),
        is_confirmed,
        is_rehearsal: false,
        brings_back: true,
    })
}

fn address(text: &str) -> Result<Address, Failure> {
    text.parse::<Address>()
        .map_err(|error| Failure::usage(error.to_string(), "write it as `name@example.org`"))
}

async fn add(press: &Press, args: Add, output: Output) -> Result<u8, Failure> {
    let row = Row {
        line: 0,
        address: address(&args.address)?,
        language: args.language.unwrap_or_else(|| press.config.site.language.clone()),
        feed: args.feed,
        digest: args.digest,
    };
    let known = known_names(press, &HashSet::from([row.feed.clone()])).await?;
    check_language(&row.language, &known)
        .map_err(|reason| Failure::usage(reason, "use a language the config has"))?;
    check_names(&row.feed, &row.digest, &known)
        .map_err(|reason| Failure::usage(reason, "use a name the config has"))?;
    let consent = consent(&args.consent, args.confirmed)?;
    let rows = [row];
    let answers = subscribe(press, &rows, &consent).await?;
    output.json(&BTreeMap::from([(answers[0], 1)]));
    let Row { address, feed, digest, .. } = &rows[0];
    let what = match answers[0] {
        Subscribed::Added if args.confirmed => "is subscribed",
        Subscribed::Added => "waits for confirmation and gets no mail until then",
        Subscribed::Confirmed => "has confirmed",
        Subscribed::Changed => "has changed",
        Subscribed::Unchanged => "was subscribed like this already",
        Subscribed::Left => "left before and was not subscribed",
        Subscribed::Suppressed => {
            return Err(Failure {
                hint: Some("this address asked us not to write, or does not take our mail".into()),
                ..Failure::new(anyhow::anyhow!("`{}` is suppressed", address.as_str()))
            });
        }
    };
    output.say(&format!("{} {what}: {feed}, {digest}", address.as_str()));
    Ok(0)
}

#[derive(Debug, Serialize)]
struct ImportReport {
    rows: BTreeMap<Subscribed, u64>,
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    line: u64,
    reason: String,
}

async fn import(press: &Press, args: &Import, output: Output) -> Result<u8, Failure> {
    let consent = consent(&args.consent, args.confirmed)?;
    let consent = Consent { brings_back: args.returning, ..consent };
    let list = read_list(press, &args.file).await?;
    for refusal in &list.refusals {
        let file = args.file.display();
        output.note(&format!("error: `{file}` line {}: {}", refusal.line, refusal.reason));
    }
    let code = if list.refusals.is_empty() { 0 } else { FAILED };
    let bar = bar(list.rows, output);
    let rows = subscribe_list(press, &list, &consent, |done| bar.set_position(done)).await?;
    bar.finish_and_clear();
    let parts: Vec<String> = rows
        .iter()
        .map(|(answer, n)| format!("{n} {}", format!("{answer:?}").to_lowercase()))
        .chain([format!("{} refused", list.refusals.len())])
        .collect();
    let would = if args.dry_run { "would be: " } else { "" };
    output.say(&format!("{would}{}", listed(&parts)));
    if let Some(left) = rows.get(&Subscribed::Left) {
        let rows = count(*left, "row is", "rows are");
        output.note(&format!("{rows} of people who left before: `--returning` takes them too"));
    }
    let refused =
        list.refusals.into_iter().map(|r| Refused { line: r.line, reason: r.reason }).collect();
    output.json(&ImportReport { rows, refused });
    Ok(code)
}

/// Rate and time left on a terminal, nothing elsewhere.
fn bar(total: u64, output: Output) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    if output.is_quiet || output.is_json {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} rows, {per_sec}, {eta} left");
    bar.with_style(style.expect("the template is constant"))
}

#[derive(Debug, Serialize)]
struct Listed {
    address: String,
    language: String,
    feed: String,
    digest: String,
    state: String,
    rehearsal: bool,
    /// The person wants no mail for now.
    paused: bool,
}

async fn list(press: &Press, output: Output) -> Result<u8, Failure> {
    let mut rows = output.json_list();
    let (mut after, mut people, mut paused) = (SubscriberRange::ALL.after, 0, 0);
    loop {
        let page = press.store.subscribers(after).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for person in page.chunk_by(|one, next| one.id == next.id) {
            people += 1;
            paused += u64::from(person[0].is_paused);
        }
        for record in page {
            let address = press.keys.open_address(record.address_key, &record.address_cipher)?;
            let row = Listed {
                address: address.as_str().to_owned(),
                language: record.language,
                feed: record.feed,
                digest: record.digest,
                state: record.state,
                rehearsal: record.is_rehearsal,
                paused: record.is_paused,
            };
            rows.add(&row);
            let rehearsal = if row.rehearsal { " (rehearsal)" } else { "" };
            let paused = if row.paused { " (paused)" } else { "" };
            let Listed { address, language, feed, digest, state, .. } = &row;
            let text = format!("{language} {feed} {digest} {state}{rehearsal}{paused}");
            let line = format!("{address} {text}");
            if fits(&line) {
                output.data(&line);
            } else {
                output.data(address);
                output.paragraph("    ", &text);
            }
        }
    }
    match rows.end() {
        0 => {
            output.note("nobody is subscribed; `tidings subscribers add --help` says how to begin");
        }
        rows => {
            let subscriptions = count(rows, "subscription", "subscriptions");
            let people = count(people, "person", "people");
            let paused =
                if paused > 0 { format!(", {paused} of them paused") } else { String::new() };
            output.note(&format!("{subscriptions} of {people}{paused}"));
        }
    }
    Ok(0)
}

async fn remove(press: &Press, args: &Remove, output: Output) -> Result<u8, Failure> {
    let address = address(&args.address)?;
    let lookup = press.keys.lookup(&address);
    let Some(subscriber) = press.store.subscriber_by_lookup(&lookup).await? else {
        return Err(Failure {
            hint: Some("`tidings subscribers list` shows who is subscribed".into()),
            ..Failure::new(anyhow::anyhow!("`{}` is not subscribed", address.as_str()))
        });
    };
    if args.dry_run {
        let running = press.store.running_subscriptions(subscriber).await?;
        let ends = count(running, "subscription", "subscriptions");
        output.say(&format!("{} would end: {ends}", address.as_str()));
        return Ok(0);
    }
    let end = EndOfSubscription {
        subscriber,
        digest: None,
        feed: None,
        source: "operator".into(),
        reason: "removed".into(),
    };
    let ended = press.store.end_subscriptions(&end, press.clock.now()).await?;
    output.json(&serde_json::json!({ "ended": ended }));
    output.say(&format!(
        "{}: {} ended",
        address.as_str(),
        count(ended, "subscription", "subscriptions")
    ));
    Ok(0)
}
