//! The readers, where they are installed.

use std::io::Write;
use std::process::{Command, Stdio};

/// The program's name, or a skip. `probe` is an argument that makes it say something and end;
/// without one it is given nothing to read.
pub fn find(name: &str, probe: &str) -> Option<String> {
    let arguments = Some(probe).filter(|probe| !probe.is_empty());
    if Command::new(name).args(arguments).stdin(Stdio::null()).output().is_err() {
        println!("skipped: {name} is not installed");
        return None;
    }
    Some(name.to_owned())
}

/// The interpreter of `TIDINGS_PYTHON`, else `python3`, where it has the package; or a skip.
pub fn python(package: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test is told which Python has the readers")]
    let python = std::env::var("TIDINGS_PYTHON").unwrap_or_else(|_| "python3".into());
    let found = Command::new(&python).args(["-c", &format!("import {package}")]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!("skipped: {package} is not installed");
        return None;
    }
    Some(python)
}

/// What a command says to what it is given; it must succeed.
pub fn output(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let given = input.to_vec();
    // From a thread of its own: the command may answer before it has read all.
    let writer = std::thread::spawn(move || stdin.write_all(&given));
    let output = process.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
