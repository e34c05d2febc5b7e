//! `pause [DIGEST|RUN]`: nothing of it is planned or sent until `resume`.
//!
//! A pause is a row of its own and needs no lock: a daemon that sends sees it at its next claim
//! and at its next intent. Messages whose dot is on its way are finished.

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::output::Output;
use super::runs::{find_run, said_of, title};
use super::session::local;
use super::{Global, session};
use crate::config::Environment;
use crate::pipeline::Press;
use crate::store::{NewPause, PauseRecord, PauseScope, RunDetails};

#[derive(Debug, Args)]
pub(super) struct Pause {
    /// Name of a digest, or number of a run as `runs` shows it; all sending where left out
    #[arg(value_name = "DIGEST|RUN")]
    what: Option<String>,
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// What `pause` and `resume` act on.
pub(super) struct Target {
    pub scope: PauseScope,
    /// As people read it.
    pub name: String,
    /// Where it is a run.
    pub run: Option<RunDetails>,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    pause: &'a PauseRecord,
    /// False where it stood already and stays as it was.
    is_new: bool,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &Pause,
    output: Output,
) -> Result<u8, Failure> {
    let press = session::open(global, environment, output).await?;
    let target = target(&press, args.what.as_deref()).await?;
    if let Some(run) = target.run.as_ref().filter(|run| run.is_ended()) {
        return Err(Failure::usage(
            format!("{} is at its end: {}", title(run), said_of(run)),
            "`tidings runs` lists the newest runs; one that is sending can be paused",
        ));
    }
    let pause = NewPause { scope: target.scope, reason: args.reason.clone(), by: who(environment) };
    let paused = press.store.pause(&pause, press.clock.now()).await?;
    if paused.is_new {
        output.say_paragraph("paused: ", &target.name);
        let meanwhile = match target.run {
            Some(_) => "what is on its way is finished; nothing more is sent",
            None => "what is on its way is finished; nothing more is planned or sent",
        };
        output.say_paragraph("", meanwhile);
    } else {
        let told = format!("{}, {}", target.name, told(&press, &paused.pause));
        output.say_paragraph("already paused: ", &told);
    }
    output.json(&Report { pause: &paused.pause, is_new: paused.is_new });
    Ok(0)
}

/// Finds what is meant: a digest goes before a run of the same name.
pub(super) async fn target(press: &Press, what: Option<&str>) -> Result<Target, Failure> {
    let Some(what) = what else {
        return Ok(Target { scope: PauseScope::All, name: "all sending".into(), run: None });
    };
    let mut digests: Vec<&str> = press.config.digests.iter().map(|d| d.name.as_str()).collect();
    if digests.contains(&what) || press.store.digest_progress(what).await?.is_some() {
        let name = format!("digest `{what}`");
        return Ok(Target { scope: PauseScope::Digest(what.to_owned()), name, run: None });
    }
    if let Ok(number) = what.parse() {
        let run = find_run(press, number).await?;
        return Ok(Target { scope: PauseScope::Run(number), name: title(&run), run: Some(run) });
    }
    digests.sort_unstable();
    Err(Failure::usage(
        format!("there is no digest `{what}`"),
        format!(
            "the config has `{}`; a run is named by its number: `tidings runs` lists them",
            digests.join("`, `")
        ),
    ))
}

/// Who is at work, as the system says.
pub(super) fn who(environment: &Environment) -> String {
    environment.user.clone().unwrap_or_else(|| "operator".to_owned())
}

/// Who paused it, when and why.
pub(super) fn told(press: &Press, pause: &PauseRecord) -> String {
    let reason = pause.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("by {} since {}{reason}", pause.by, local(press, pause.since))
}

/// What a pause stops, as people read it.
pub(super) fn stopped(pause: &PauseRecord) -> String {
    match (&pause.digest, pause.run) {
        (Some(digest), _) => format!("digest `{digest}`"),
        (None, Some(run)) => format!("run {run}"),
        (None, None) => "all sending".to_owned(),
    }
}

/// Whether a pause keeps this run from being sent.
pub(super) fn stops(pause: &PauseRecord, run: i64, digest: &str) -> bool {
    pause.run == Some(run) || pause.stops_digest(digest)
}
