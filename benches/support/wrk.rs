//! Load from `wrk`, on the second core, against a process on the first.

use std::path::Path;
use std::process::Command;

/// `program`, kept on one core.
pub(crate) fn pinned(core: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program);
    command
}

/// What `wrk` reports of one run.
#[derive(Clone, Copy)]
pub(crate) struct Report {
    pub requests: f64,
    pub requests_a_second: f64,
    pub p99_milliseconds: f64,
}

impl Report {
    /// Of a run with `--latency`, in which every request was answered with 2xx or 3xx.
    pub(crate) fn read(text: &str) -> Self {
        assert!(!text.contains("Socket errors") && !text.contains("Non-2xx"), "{text}");
        let value = |label: &str| {
            let line = text.lines().map(str::trim).find(|line| line.starts_with(label));
            line.unwrap_or_else(|| panic!("no {label}: {text}"))[label.len()..].trim().to_owned()
        };
        let (requests, _) = text.split_once(" requests in").unwrap();
        Self {
            requests: requests.split_whitespace().last().unwrap().parse().unwrap(),
            requests_a_second: value("Requests/sec:").parse().unwrap(),
            p99_milliseconds: milliseconds(&value("99% ")),
        }
    }
}

/// `850.00us`, `1.23ms` or `2.00s`.
fn milliseconds(text: &str) -> f64 {
    let (number, factor) = match text {
        text if text.ends_with("us") => (text.trim_end_matches("us"), 0.001),
        text if text.ends_with("ms") => (text.trim_end_matches("ms"), 1.0),
        text => (text.trim_end_matches('s'), 1000.0),
    };
    number.parse::<f64>().unwrap() * factor
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
