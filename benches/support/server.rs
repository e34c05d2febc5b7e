//! A server of ours under load: a process of its own with one worker, on the first core.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;

use tidings::clock::SystemClock;
use tidings::config::{self, Environment};
use tidings::pipeline::Press;
use tidings::store::sqlite::SqliteStore;
use tidings::subscribers::joining::Joining;
use tidings::subscribers::keys::Keys;
use tidings::subscribers::leaving::Leaving;
use tidings::templates::Templates;
use tidings::web::{self, DocumentSet};
use tokio::sync::watch;

use crate::wrk::pinned;

/// The argument that makes a benchmark the server, before the folder of the office.
pub(crate) const SERVE: &str = "serve-folder";

/// Starts this program once more as the server, and waits until it says where it listens.
pub(crate) fn start(office: &Path) -> (Child, SocketAddr) {
    let mut command = pinned("0", &std::env::current_exe().unwrap());
    let mut process = command.arg(SERVE).arg(office).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (process, line.trim().parse().unwrap())
}

/// The server itself, until it is killed.
pub(crate) fn serve(office: &Path, documents: impl FnOnce(&Press) -> DocumentSet) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let config =
            config::load(&office.join("config/tidings.yaml"), &Environment::default()).unwrap();
        let press = Press {
            store: Arc::new(SqliteStore::open(&config.store_path).await.unwrap()),
            keys: Arc::new(Keys::open(&config.keys_folder).unwrap()),
            clock: Arc::new(SystemClock),
            templates: Arc::new(Templates::builtin()),
            config: Arc::new(config),
        };
        let (_sender, documents) = watch::channel(Arc::new(documents(&press)));
        let (_stop, stopped) = watch::channel(false);
        let listener = web::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let leaving = Arc::new(Leaving::open(&press.config.store_path).unwrap());
        let joining = Arc::new(Joining::open(&press.config.store_path).unwrap());
        let site = web::site(press, documents, leaving, joining);
        // On the worker: the main thread is one more.
        tokio::spawn(web::serve(listener, site, stopped)).await.unwrap();
    });
}
