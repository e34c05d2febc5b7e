//! The program: arguments in, exit code out. All else is in the library.

use std::process::ExitCode;

use clap::Parser;
use tidings::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(Cli::parse())
}
