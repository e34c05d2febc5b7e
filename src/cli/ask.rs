//! Asks a person at a terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use super::failure::Failure;

/// Whether somebody can answer.
pub(super) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that `y` or `yes` answers; anything else, or no answer, is no.
pub(super) fn yes(question: &str) -> io::Result<bool> {
    let mut stderr = io::stderr();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks before something is done that cannot be taken back; `--yes` answers. Without a terminal
/// and without `--yes` nothing is done.
pub(super) fn before(deed: &str, is_yes: bool) -> Result<bool, Failure> {
    if is_yes {
        return Ok(true);
    }
    if !is_possible() {
        return Err(Failure::usage(
            format!("nobody is there to be asked: {deed}"),
            "run it at a terminal, or add `--yes`",
        ));
    }
    yes(deed).map_err(Failure::new)
}
