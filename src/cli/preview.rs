//! `preview`: a live server on loopback that shows what would go out now.
//!
//! It works on a private copy of the store, which it removes at its end; it takes no lock, sends
//! nothing and leaves the output folder alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};

use super::failure::Failure;
use super::output::Output;
use super::publish_now::stop_on_signals;
use super::{Global, session};
use crate::config::Environment;
use crate::pipeline::Press;
use crate::pipeline::preview::{Preview, Samples, make};
use crate::pipeline::trial::try_templates;
use crate::templates::Templates;
use crate::web::preview::{Shown, router};
use crate::web::{ListenError, listen};

/// A program that saves a file tells of it several times.
const SETTLE: Duration = Duration::from_millis(100);
/// A file that was still being written is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct PreviewServer {
    /// Address to serve on, of this machine alone; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Open it in the web browser
    #[arg(long)]
    open: bool,
}

pub(super) async fn run(
    global: &Global,
    environment: &Environment,
    args: &PreviewServer,
    output: Output,
) -> Result<u8, Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(
            format!("`{}` can be reached from other machines", args.listen),
            "the preview shows what is not public yet: listen on `127.0.0.1` or `[::1]`",
        ));
    }
    let config = session::config(global, environment, output)?;
    let folder = tempfile::Builder::new().prefix("tidings-").tempdir().map_err(Failure::new)?;
    let clock = session::clock(global);
    let mut private = config.clone();
    // A template that is broken is shown, not a reason to stay away.
    private.templates_folder = folder.path().join("templates");
    if !config.keys_folder.exists() {
        private.keys_folder = folder.path().join("keys");
    }
    let mut press = session::open_copy(&private, clock, folder.path()).await?;
    let mut own = crate::config::Config::clone(&press.config);
    own.templates_folder.clone_from(&config.templates_folder);
    press.config = Arc::new(own);
    let mut ended = stop_on_signals();
    let maker =
        Maker { press, samples: Samples::new(), preview: Preview::default(), refused: None };
    tokio::select! {
        outcome = show(maker, args, output) => outcome?,
        _ = ended.wait_for(|stop| *stop) => {}
    }
    Ok(0)
}

/// Shows what the maker makes, until it is dropped.
async fn show(mut maker: Maker, args: &PreviewServer, output: Output) -> Result<(), Failure> {
    let listener = listen(args.listen).await?;
    let address = listener
        .local_addr()
        .map_err(|source| Failure::from(ListenError { address: args.listen, source }))?;
    let config = &maker.press.config;
    let (events, files) = mpsc::unbounded_channel();
    let watches =
        [&config.content.folder, &config.templates_folder].map(|f| Watch::of(f, events.clone()));
    maker.make().await;
    let (sender, shown) = watch::channel(Arc::new(maker.shown(0)));
    let serving = axum::serve(listener, router(shown));
    let url = format!("http://{address}/");
    output.note(&format!("preview at {url}; end it with Ctrl-C"));
    if args.open {
        open(&url, output);
    }
    // Beside the making, which would hold up its answers.
    tokio::spawn(serving.into_future());
    maker.follow(files, watches, &sender).await;
    Ok(())
}

/// Makes what is shown, again and again.
struct Maker {
    press: Press,
    samples: Samples,
    preview: Preview,
    /// Templates that were tried and are not used, and why.
    refused: Option<(Templates, String)>,
}

impl Maker {
    /// Makes everything again from the files of now; `false` where nothing came out otherwise.
    async fn make(&mut self) -> bool {
        let used = Arc::clone(&self.press.templates);
        let fault = self.take_templates().await.err();
        let mut preview = make(&self.press, &mut self.samples, &self.preview).await;
        preview.faults.extend(fault);
        let is_new = preview != self.preview || !Arc::ptr_eq(&used, &self.press.templates);
        self.preview = preview;
        is_new
    }

    /// Uses the templates of now, if they were changed and are sound; else says what is wrong.
    async fn take_templates(&mut self) -> Result<(), String> {
        let config = &self.press.config;
        let clock = self.press.clock.as_ref();
        let templates = session::templates(config, &config.templates_folder, clock)
            .map_err(|error| error.to_string())?;
        let is_same = |other: &Templates| templates.sources().eq(other.sources());
        if is_same(&self.press.templates) {
            return Ok(());
        }
        if let Some((_, fault)) = self.refused.as_ref().filter(|(refused, _)| is_same(refused)) {
            return Err(fault.clone());
        }
        let (tried, site) = (templates.clone(), config.site.clone());
        let trial = tokio::task::spawn_blocking(move || try_templates(&tried, &site));
        match trial.await.expect("a trial does not panic") {
            Ok(()) => {
                self.press.templates = Arc::new(templates);
                Ok(())
            }
            Err(error) => {
                let fault = format!("{:#}", anyhow::Error::from(error));
                self.refused = Some((templates, fault.clone()));
                Err(fault)
            }
        }
    }

    fn shown(&self, generation: u64) -> Shown {
        Shown {
            generation,
            at: self.press.clock.now(),
            press: self.press.clone(),
            preview: self.preview.clone(),
        }
    }

    /// Makes it again when a file was saved, and by the clock, as an embargo may have passed and
    /// a system may tell of no files.
    async fn follow(
        &mut self,
        mut files: mpsc::UnboundedReceiver<Saved>,
        mut watches: [Watch; 2],
        sender: &watch::Sender<Arc<Shown>>,
    ) {
        let mut generation = 0;
        loop {
            let is_moving = !self.preview.moving.is_empty();
            let wait = if is_moving { LOOK_AGAIN } else { self.press.config.content.scan };
            let mut saved = tokio::time::timeout(wait, files.recv()).await.ok().flatten();
            let is_saved = saved.is_some();
            if is_saved {
                tokio::time::sleep(SETTLE).await;
            }
            while let Some(file) = saved {
                if file == Saved::Folder {
                    watches.iter_mut().for_each(Watch::renew);
                }
                saved = files.try_recv().ok();
            }
            if self.make().await || is_saved {
                generation += 1;
                sender.send_replace(Arc::new(self.shown(generation)));
            }
        }
    }
}

/// What a system tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saved {
    /// Something below a folder.
    File,
    /// The folder itself: it may be another one now.
    Folder,
}

/// Tells of files that are saved below a folder, also where it is made later; of nothing where
/// the system tells of no files.
struct Watch {
    folder: PathBuf,
    watcher: Option<RecommendedWatcher>,
}

impl Watch {
    fn of(folder: &Path, events: mpsc::UnboundedSender<Saved>) -> Self {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let watched = folder.clone();
        let tell = move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            if event.paths.contains(&watched) {
                let _ = events.send(Saved::Folder);
            } else if event.paths.iter().any(|path| path.starts_with(&watched)) {
                let _ = events.send(Saved::File);
            }
        };
        let mut watch = Self { watcher: notify::recommended_watcher(tell).ok(), folder };
        if let (Some(watcher), Some(parent)) = (&mut watch.watcher, watch.folder.parent()) {
            let _ = watcher.watch(parent, RecursiveMode::NonRecursive);
        }
        watch.renew();
        watch
    }

    fn renew(&mut self) {
        if let Some(watcher) = &mut self.watcher {
            // Where there is no folder yet, the one above tells of it.
            let _ = watcher.watch(&self.folder, RecursiveMode::Recursive);
        }
    }
}

/// Asks the desktop for its browser.
fn open(url: &str, output: Output) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if command.spawn().is_err() {
        output.warn(&format!("`{program}` could not be run: open {url} yourself"));
    }
}
