//! Scripts with a disk of their own, where the system lets a test mount one.

use std::process::{Child, Command, Stdio};

use super::office::Office;

const UNSHARE: [&str; 2] = ["--map-root-user", "--mount"];

/// Whether a test may have a disk of its own; one that may not says so.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub fn may_mount() -> bool {
    match Command::new("unshare").args(UNSHARE).arg("true").output() {
        Err(_) => println!("skipped: unshare is not installed"),
        Ok(tried) if !tried.status.success() => println!("skipped: unshare is not allowed"),
        Ok(_) => return true,
    }
    false
}

/// A script with the program as `$0`, in the office, that may mount.
pub fn start(office: &Office, script: &str) -> Child {
    Command::new("unshare")
        .args(UNSHARE)
        .args(["sh", "-c", script, env!("CARGO_BIN_EXE_tidings")])
        .current_dir(office.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}
