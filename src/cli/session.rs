//! Opens what a command works with: config, keys, store, templates; with `--at` a private
//! copy of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::sync::watch;

use super::Global;
use super::failure::Failure;
use super::output::Output;
use crate::clock::{Clock, ShiftedClock, SystemClock};
use crate::config::{Config, Environment, Relay, load, nearest};
use crate::pipeline::requests::{Fault, SendRequest};
use crate::pipeline::trial::try_templates;
use crate::pipeline::{Press, feeds};
use crate::store::sqlite::SqliteStore;
use crate::store::{RequestKind, Store, lock};
use crate::subscribers::keys::{KeyError, Keys};
use crate::templates::{AnnouncedFeed, TemplateError, Templates};

/// Reads the config, and says what this version does not do of it.
pub(super) fn config(
    global: &Global,
    environment: &Environment,
    output: Output,
) -> Result<Config, Failure> {
    let config = load(&global.config, environment)?;
    for warning in &config.warnings {
        output.warn(warning);
    }
    Ok(config)
}

pub(super) fn clock(global: &Global) -> Arc<dyn Clock> {
    match global.at {
        Some(at) => Arc::new(ShiftedClock::reading(at.to_utc(), &SystemClock)),
        None => Arc::new(SystemClock),
    }
}

/// Opens everything a command works with.
pub(super) async fn open(
    global: &Global,
    environment: &Environment,
    output: Output,
) -> Result<Press, Failure> {
    let config = config(global, environment, output)?;
    if global.at.is_some() {
        return open_private(config, clock(global), output).await;
    }
    open_with(config, clock(global)).await
}

/// What a command that makes no store works with.
pub(super) struct Looking {
    pub press: Press,
    /// Of an empty store, in place of one that is not there yet.
    _folder: Option<TempDir>,
}

/// As [`open`], for commands that only read: where nothing was ever published neither store nor
/// keys are made, and a store of an earlier version is refused.
pub(super) async fn look(
    global: &Global,
    environment: &Environment,
    output: Output,
) -> Result<Looking, Failure> {
    look_to(Aim::Read, global, environment, output).await
}

/// As [`look`], for commands that have nothing to do where nothing was ever published, and change
/// something where it was.
pub(super) async fn look_and_act(
    global: &Global,
    environment: &Environment,
    output: Output,
) -> Result<Looking, Failure> {
    look_to(Aim::Change, global, environment, output).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    Read,
    Change,
}

async fn look_to(
    aim: Aim,
    global: &Global,
    environment: &Environment,
    output: Output,
) -> Result<Looking, Failure> {
    let mut config = config(global, environment, output)?;
    if global.at.is_some() {
        let press = open_private(config, clock(global), output).await?;
        return Ok(Looking { press, _folder: None });
    }
    let folder = if config.store_path.exists() {
        if aim == Aim::Read {
            SqliteStore::refuse_older(&config.store_path).await?;
        }
        None
    } else {
        let folder = tempfile::Builder::new().prefix("tidings-").tempdir().map_err(Failure::new)?;
        config.store_path = folder.path().join("tidings.db");
        config.keys_folder = folder.path().join("keys");
        Some(folder)
    };
    Ok(Looking { press: open_with(config, clock(global)).await?, _folder: folder })
}

/// As [`open`], on a private copy: a store of its own, an output folder and a Maildir below
/// a temporary folder, whose paths are told. The keys are the real ones, so that links and
/// ids come out as they would.
pub(super) async fn open_private(
    config: Config,
    clock: Arc<dyn Clock>,
    output: Output,
) -> Result<Press, Failure> {
    let folder =
        tempfile::Builder::new().prefix("tidings-").tempdir().map_err(Failure::new)?.keep();
    let private = private_config(&config, &folder);
    for (what, path) in [
        ("store", private.store_path.clone()),
        ("output", private.output_folder.clone()),
        ("mail", maildir(&private)),
    ] {
        output.note(&format!("private {what}: {}", path.display()));
    }
    open_copy(&config, clock, &folder).await
}

/// Opens a private copy below `folder`, and says nothing.
pub(super) async fn open_copy(
    config: &Config,
    clock: Arc<dyn Clock>,
    folder: &Path,
) -> Result<Press, Failure> {
    let private = private_config(config, folder);
    if config.store_path.exists() {
        SqliteStore::copy(&config.store_path, &private.store_path).await?;
    }
    // A config is large: each caller would hold one more.
    Box::pin(open_with(private, clock)).await
}

fn private_config(config: &Config, folder: &Path) -> Config {
    let mut private = config.clone();
    private.store_path = folder.join("tidings.db");
    private.output_folder = folder.join("public");
    private.bucket = None;
    private.mail.relay = Relay::Maildir(folder.join("mail"));
    private
}

fn maildir(config: &Config) -> PathBuf {
    match &config.mail.relay {
        Relay::Maildir(path) => path.clone(),
        Relay::Smtp(_) => PathBuf::new(),
    }
}

/// Refuses to send where the relay asks for a password that is not here.
pub(super) fn refuse_without_password(press: &Press) -> Result<(), Failure> {
    match press.config.mail.relay.lacks_password_of() {
        None => Ok(()),
        Some(user) => Err(Failure::usage(
            format!(
                "{}: `mail.relay` has the user `{user}` and no password is given",
                press.config.path.display()
            ),
            "set `TIDINGS_SMTP_PASSWORD`, or `mail.password_file`",
        )),
    }
}

/// Says so where nobody answers for the mail by the law's rules.
pub(super) fn warn_without_law(config: &Config, output: Output) {
    if config.mail.legal.is_none() {
        output.warn(
            "`mail.legal` is missing: no law is checked, and mails do not say where their sender \
             is; see docs/digests.md",
        );
    }
}

/// Names an operator's own templates that nothing is made with: their names may be misspelt.
pub(super) fn warn_of_strays(templates: &Templates, output: Output) {
    for name in templates.strays() {
        let text = match nearest(name, Templates::names()) {
            Some(near) => format!("is it meant to be `{near}`?"),
            None => "no template includes it".to_owned(),
        };
        output.warn(&format!("the template `{name}` replaces none and is not used: {text}"));
    }
}

/// Refuses to go on where what is to be sent or published could not be, or not as meant.
pub(super) async fn refuse_unfit(press: &Press, output: Output) -> Result<(), Failure> {
    warn_of_strays(&press.templates, output);
    try_templates(&press.templates, &press.config.site)?;
    refuse_lost(press).await
}

/// Refuses to go on where people follow what the config no longer has.
pub(super) async fn refuse_lost(press: &Press) -> Result<(), Failure> {
    match feeds::lost(press).await? {
        None => Ok(()),
        Some(lost) => {
            Err(Failure::usage(format!("{}: {lost}", press.config.path.display()), lost.hint()))
        }
    }
}

/// Opens everything that `config` names.
pub(super) async fn open_with(config: Config, clock: Arc<dyn Clock>) -> Result<Press, Failure> {
    let templates = templates(&config, &config.templates_folder, clock.as_ref())?;
    let store = SqliteStore::open(&config.store_path).await?;
    let keys = Keys::open(&config.keys_folder)?;
    let own = keys.check_value();
    if store.settle_fact("lookup_key_check", &own).await? != own {
        return Err(KeyError::OtherStore { path: keys.folder().to_owned() }.into());
    }
    Ok(Press {
        config: Arc::new(config),
        store: Arc::new(store),
        keys: Arc::new(keys),
        clock,
        templates: Arc::new(templates),
    })
}

/// The templates in `folder`, which announce the feeds of the config.
pub(super) fn templates(
    config: &Config,
    folder: &Path,
    clock: &dyn Clock,
) -> Result<Templates, TemplateError> {
    let today = clock.now().with_timezone(&config.site.time_zone).date_naive();
    Ok(Templates::load(folder)?.announcing(&announced(config, today)))
}

/// The feeds that the config names, for every page the daemon serves.
fn announced(config: &Config, today: NaiveDate) -> Vec<AnnouncedFeed> {
    feeds::named(config)
        .filter(|feed| !feeds::is_closed(feed, today))
        .map(|feed| &feed.definition)
        .map(|feed| AnnouncedFeed {
            title: feed.title.clone(),
            url: config.site.address(&feed.atom_path()).into(),
        })
        .collect()
}

/// A moment as people in the site's time zone read it.
pub(super) fn local(press: &Press, moment: DateTime<Utc>) -> String {
    moment.with_timezone(&press.config.site.time_zone).to_rfc3339()
}

/// When the send window opens that comes after `moment`; `None` where one is open then, or where
/// the calendar leaves no time at all.
pub(super) fn opening_after(press: &Press, moment: DateTime<Utc>) -> Option<String> {
    let windows = &press.config.mail.windows;
    let opens = windows.opens(moment).filter(|opens| *opens > moment)?;
    Some(opens.with_timezone(&windows.zone).to_rfc3339())
}

/// Tells a daemon that there is something to send. `false` where none runs: the next run finds
/// it.
pub(super) async fn wake_sender(press: &Press) -> Result<bool, Failure> {
    ask_daemon(press, &SendRequest::what_is_open()).await
}

/// As [`wake_sender`], where digests may have fallen due under a pause.
pub(super) async fn wake_after_pause(press: &Press) -> Result<bool, Failure> {
    let request = SendRequest { is_after_pause: true, ..SendRequest::what_is_open() };
    ask_daemon(press, &request).await
}

async fn ask_daemon(press: &Press, request: &SendRequest) -> Result<bool, Failure> {
    if !lock::holder(&press.config.store_path).is_some_and(|holder| holder.is_daemon()) {
        return Ok(false);
    }
    let argument = serde_json::to_string(request).expect("a request is always JSON");
    press.store.request(RequestKind::Send, &argument, press.clock.now()).await?;
    Ok(true)
}

/// How often a command that waits for another process looks again.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// Asks the daemon, and waits for its answer for as long as it lives; `None` where it ended, or
/// where the command is to stop.
pub(super) async fn ask_and_wait<A: DeserializeOwned>(
    press: &Press,
    kind: RequestKind,
    argument: &str,
    stop: &watch::Receiver<bool>,
) -> Result<Option<A>, Failure> {
    ask_and_follow(press, kind, argument, stop, async || Ok(())).await
}

/// As [`ask_and_wait`]; `look` is called again and again meanwhile.
pub(super) async fn ask_and_follow<A: DeserializeOwned>(
    press: &Press,
    kind: RequestKind,
    argument: &str,
    stop: &watch::Receiver<bool>,
    mut look: impl AsyncFnMut() -> Result<(), Failure>,
) -> Result<Option<A>, Failure> {
    let id = press.store.request(kind, argument, press.clock.now()).await?;
    loop {
        if let Some(answer) = press.store.request_outcome(id).await? {
            let answer = serde_json::from_str(&answer).map_err(|error| {
                Failure::new(anyhow::Error::from(error).context("the daemon is of another version"))
            })?;
            return Ok(Some(answer));
        }
        let holder = lock::ask(&press.config.store_path, "waiting")?;
        if matches!(holder, lock::Asked::Taken(_)) || *stop.borrow() {
            // Nobody else is to take up what we now do ourselves, or no longer want.
            press.store.finish_request(id, "null", press.clock.now()).await?;
            return Ok(None);
        }
        drop(holder);
        look().await?;
        tokio::time::sleep(LOOK).await;
    }
}

pub(super) fn failure(fault: Fault) -> Failure {
    Failure { hint: fault.hint, ..Failure::new(anyhow::anyhow!(fault.message)) }
}

/// When what was opened again goes out, for people.
pub(super) fn when_it_goes_on(is_daemon: bool) -> &'static str {
    if is_daemon {
        "the daemon goes on now"
    } else {
        "it goes on with the next run: `tidings publish-now`, or the daemon when it starts"
    }
}
