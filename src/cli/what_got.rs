//! `what-got ADDRESS|NUMBER`: every e-mail that a person got, or was to get, and what it held.
//!
//! Reads alone: no lock is taken, and it works beside a daemon.

use clap::Args;
use serde::Serialize;

use super::Global;
use super::failure::Failure;
use super::output::{Output, count};
use super::session::{self, local};
use crate::config::Environment;
use crate::model::Address;
use crate::pipeline::Press;
use crate::store::PersonDelivery;

#[derive(Debug, Args)]
pub(super) struct WhatGot {
    /// E-mail address of the person, or their number as `outbox` and `who-got` show it
    #[arg(value_name = "ADDRESS|NUMBER")]
    person: String,
}

#[derive(Debug, Serialize)]
struct Report {
    subscriber: i64,
    deliveries: Vec<PersonDelivery>,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &WhatGot,
    output: Output,
) -> Result<u8, Failure> {
    let looking = session::look(global, environment, output).await?;
    let press = &looking.press;
    let (subscriber, address) = find(press, &args.person).await?;
    let deliveries = press.store.deliveries_of(subscriber).await?;
    let address = address.map(|address| format!(", {}", address.as_str())).unwrap_or_default();
    output.data(&format!("subscriber {subscriber}{address}"));
    for delivery in &deliveries {
        let PersonDelivery { run, digest, key, subject, state, reason, .. } = delivery;
        let why = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let at = local(press, delivery.changed_at);
        output.paragraph("", &format!("run {run} ({digest} {key}): {state}{why} {at}"));
        output.paragraph("    ", subject);
        if let (Some(reply), true) = (&delivery.reply, matches!(&**state, "rejected" | "pending")) {
            output.paragraph("    ", &format!("the relay said: {reply}"));
        }
        for entry in &delivery.entries {
            let text = format!("{}, revision {}, in {}", entry.title, entry.revision, entry.feed);
            output.paragraph("    - ", &text);
        }
    }
    let mails = deliveries.len() as u64;
    output.say(&if mails == 0 {
        "no e-mail was made for this person".to_owned()
    } else {
        count(mails, "e-mail", "e-mails")
    });
    output.json(&Report { subscriber, deliveries });
    Ok(0)
}

/// The person's number, and where that is what was given their address, if there still is one.
async fn find(press: &Press, person: &str) -> Result<(i64, Option<Address>), Failure> {
    if let Ok(number) = person.parse::<i64>() {
        return Ok((number, address_of(press, number).await?));
    }
    let address: Address = person.parse().map_err(|error| {
        Failure::usage(format!("`{person}` is no address: {error}"), "write `name@host`")
    })?;
    let lookup = press.keys.lookup(&address);
    match press.store.subscriber_by_lookup(&lookup).await? {
        Some(subscriber) => Ok((subscriber, None)),
        None => Err(Failure {
            hint: Some(
                "`tidings subscribers list` shows who there is; of who was erased nobody can tell"
                    .into(),
            ),
            ..Failure::new(anyhow::anyhow!("nobody has the address `{}`", address.as_str()))
        }),
    }
}

async fn address_of(press: &Press, subscriber: i64) -> Result<Option<Address>, Failure> {
    let page = press.store.subscribers(subscriber - 1).await?;
    match page.into_iter().next().filter(|one| one.id == subscriber) {
        Some(one) => Ok(Some(press.keys.open_address(one.address_key, &one.address_cipher)?)),
        None => Ok(None),
    }
}
