//! `what-got ADDRESS`: every e-mail that a person got, or was to get, and what it held.
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
use crate::store::PersonDelivery;

#[derive(Debug, Args)]
pub(super) struct WhatGot {
    /// E-mail address of the person
    address: String,
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
    let address: Address = args.address.parse().map_err(|error| {
        Failure::usage(format!("`{}` is no address: {error}", args.address), "write `name@host`")
    })?;
    let looking = session::look(global, environment, output).await?;
    let press = &looking.press;
    let lookup = press.keys.lookup(&address);
    let Some(subscriber) = press.store.subscriber_by_lookup(&lookup).await? else {
        return Err(Failure {
            hint: Some(
                "`tidings subscribers list` shows who there is; of who was erased nobody can tell"
                    .into(),
            ),
            ..Failure::new(anyhow::anyhow!("nobody has the address `{}`", address.as_str()))
        });
    };
    let deliveries = press.store.deliveries_of(subscriber).await?;
    output.data(&format!("subscriber {subscriber}"));
    for delivery in &deliveries {
        let PersonDelivery { run, digest, key, subject, state, reason, .. } = delivery;
        let why = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let at = local(press, delivery.changed_at);
        output.paragraph("", &format!("run {run} ({digest} {key}): {state}{why} {at}"));
        output.paragraph("    ", subject);
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
