//! Brings the forms of people who sign up into the store, and has the mail made that answers them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::digests::DigestError;
use super::errands::{answer_errands, end_expired};
use super::{Press, feeds};
use crate::config::Config;
use crate::feeds::FeedDefinition;
use crate::store::{AskedFor, SignUp};
use crate::subscribers::joining::{Forms, Joining};
use crate::subscribers::journal::JournalError;

/// Between two tries while the store is busy or its disk full.
const PAUSE: Duration = Duration::from_secs(1);

/// Links that ran out are looked for so often.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

#[derive(Debug, thiserror::Error)]
enum JoiningError {
    #[error("could not write down who signed up")]
    Store(#[from] crate::store::StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("could not make the mail that answers what people asked for")]
    Mail(#[from] DigestError),
}

/// Brings in each form as it comes, until `stop` turns true; `started` is told of each run. What
/// fails is tried again.
pub async fn carry(
    press: Press,
    joining: Arc<Joining>,
    started: impl Fn() + Send,
    mut stop: watch::Receiver<bool>,
) {
    let mut is_failing = false;
    loop {
        let worked = match answer(&press, &started).await {
            Ok(()) => {
                let forms = tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => return,
                    forms = joining.next() => Some(forms),
                    () = joining.told() => None,
                    () = sleep(LOOK_AGAIN) => None,
                };
                go_on(&press, &joining, forms).await
            }
            Err(error) => Err(error),
        };
        let Err(error) = worked else {
            is_failing = false;
            continue;
        };
        // Once, not at each try.
        if !is_failing {
            warn!("{:#}; it is tried again", anyhow::Error::from(error));
        }
        is_failing = true;
        tokio::select! {
            () = sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn answer(press: &Press, started: &impl Fn()) -> Result<(), JoiningError> {
    // What nobody can do any more is no reason to write to them.
    end_expired(press).await;
    if answer_errands(press).await? > 0 {
        started();
    }
    Ok(())
}

async fn go_on(press: &Press, joining: &Joining, forms: Option<Forms>) -> Result<(), JoiningError> {
    let Some(forms) = forms else { return Ok(()) };
    let feeds = feeds::definitions(press).await?;
    let mut asked = 0;
    for sign_up in &forms.sign_ups {
        let Some(sign_up) = of_today(&press.config, &feeds, sign_up) else {
            warn!("a form names no feed that is published: it is passed over");
            continue;
        };
        match press.store.sign_up(&sign_up, press.clock.now()).await {
            Ok(answer) => asked += u64::from(answer == AskedFor::Waits),
            // It would fail for ever, and keep back all who come after it.
            Err(error) if error.is_about_the_row() => {
                error!("a form is passed over: {:#}", anyhow::Error::from(error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    info!(forms = forms.sign_ups.len(), asked, "people signed up");
    Ok(joining.applied(forms).await?)
}

/// A form with the feeds that are published, by the names they have now.
fn of_today(config: &Config, feeds: &[FeedDefinition], sign_up: &SignUp) -> Option<SignUp> {
    let mut wants = BTreeMap::new();
    for (name, digest) in &sign_up.wants {
        let today = feeds::name_today(config, name);
        if feeds.iter().any(|feed| feed.name == today) {
            // What was chosen for the newer of two names counts.
            let chosen = wants.entry(today.to_owned()).or_insert_with(|| digest.clone());
            if today == name {
                chosen.clone_from(digest);
            }
        }
    }
    (!wants.is_empty()).then(|| SignUp { wants, ..sign_up.clone() })
}
