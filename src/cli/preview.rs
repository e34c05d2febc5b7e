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
    let listener = listen(args.listen).await?;
    let address = listener
        .local_addr()
        .map_err(|source| Failure::from(ListenError { address: args.listen, source }))?;
    let (events, files) = mpsc::unbounded_channel();
    let _watchers = [&config.content.folder, &config.templates_folder]
        .map(|folder| watch_folder(folder, events.clone()));
    let mut maker = Maker { press, samples: Samples::new(), preview: Preview::default() };
    maker.make().await;
    let (sender, shown) = watch::channel(Arc::new(maker.shown(0)));
    let url = format!("http://{address}/");
    output.note(&format!("preview at {url}; end it with Ctrl-C"));
    if args.open {
        open(&url, output);
    }
    let stop = stop_on_signals();
    let (mut ended, mut served) = (stop.clone(), stop);
    let serving = axum::serve(listener, router(shown)).with_graceful_shutdown(async move {
        let _ = served.wait_for(|stop| *stop).await;
    });
    let serving = tokio::spawn(serving.into_future());
    tokio::select! {
        () = maker.follow(files, &sender) => {}
        _ = ended.wait_for(|stop| *stop) => {}
    }
    // Pages that wait for news would hold it open.
    serving.abort();
    Ok(0)
}

/// Makes what is shown, again and again.
struct Maker {
    press: Press,
    samples: Samples,
    preview: Preview,
}

impl Maker {
    /// Makes everything again from the files of now; `false` where nothing came out otherwise.
    async fn make(&mut self) -> bool {
        let config = &self.press.config;
        let folder = config.templates_folder.clone();
        let templates = session::templates(config, &folder, self.press.clock.as_ref());
        let mut is_new = false;
        let fault = match templates {
            Ok(templates) => {
                is_new = !templates.sources().eq(self.press.templates.sources());
                self.press.templates = Arc::new(templates);
                None
            }
            Err(error) => Some(error.to_string()),
        };
        let mut preview = make(&self.press, &mut self.samples, &self.preview).await;
        preview.faults.extend(fault);
        is_new |= preview != self.preview;
        self.preview = preview;
        is_new
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
        mut files: mpsc::UnboundedReceiver<()>,
        sender: &watch::Sender<Arc<Shown>>,
    ) {
        let mut generation = 0;
        loop {
            let is_moving = !self.preview.moving.is_empty();
            let wait = if is_moving { LOOK_AGAIN } else { self.press.config.content.scan };
            let is_saved = tokio::time::timeout(wait, files.recv()).await.is_ok();
            if is_saved {
                tokio::time::sleep(SETTLE).await;
                while files.try_recv().is_ok() {}
            }
            if self.make().await || is_saved {
                generation += 1;
                sender.send_replace(Arc::new(self.shown(generation)));
            }
        }
    }
}

/// Tells of files that are saved below a folder; nothing where there is none, or no events.
fn watch_folder(folder: &Path, events: mpsc::UnboundedSender<()>) -> Option<RecommendedWatcher> {
    let folder: PathBuf = std::path::absolute(folder).ok()?;
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            let _ = events.send(());
        }
    })
    .ok()?;
    watcher.watch(&folder, RecursiveMode::Recursive).ok()?;
    Some(watcher)
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
