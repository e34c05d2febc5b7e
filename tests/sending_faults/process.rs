//! A call of the program that the test can stop, freeze and end.

use std::fs::{self, File};
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::support::office::Office;

/// Dropping it kills it.
pub(super) struct Process {
    child: Child,
    log: std::path::PathBuf,
}

impl Process {
    /// Starts the program; what it says goes to `NAME.txt` in the office.
    pub(super) fn start(office: &Office, arguments: &[&str], name: &str) -> Self {
        let log = office.path(&format!("{name}.txt"));
        let (out, err) = (File::create(&log).unwrap(), File::options().append(true).open(&log));
        let mut command = office.command(arguments);
        let child = command.stdout(out).stderr(err.unwrap()).spawn().unwrap();
        Self { child, log }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(super) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits for its end, not for ever; the exit code and what it said.
    pub(super) async fn end(mut self) -> (i32, String) {
        let end = wait_for(move || {
            let status = self.child.try_wait().unwrap()?;
            Some((status.code().unwrap_or(-1), self.said()))
        });
        end.await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer.
pub(super) async fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it comes within the deadline");
        tokio::task::yield_now().await;
    }
}

/// Sockets that a process has open.
pub(super) fn sockets(process: u32) -> usize {
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else { return 0 };
    let is_socket = |path: std::path::PathBuf| {
        fs::read_link(path).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
    };
    files.flatten().filter(|file| is_socket(file.path())).count()
}
