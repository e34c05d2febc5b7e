//! Progress of sending: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::output::Output;
use crate::outbox::progress::{Meter, Sample, end_line, line};

/// Between two looks at what was done.
pub(super) const LOOK: Duration = Duration::from_millis(250);

pub(super) struct Progress {
    output: Output,
    started: Instant,
    meter: Meter,
    /// Absent where there is no terminal.
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn start(output: Output) -> Self {
        let is_bar = std::io::stderr().is_terminal() && !output.is_quiet && !output.is_json;
        let bar = is_bar.then(|| {
            let style = ProgressStyle::with_template("{bar:24} {msg}");
            ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr())
                .with_style(style.expect("the template is constant"))
        });
        Self { output, started: Instant::now(), meter: Meter::default(), bar }
    }

    /// Shows that `count` of `total` are done.
    pub(super) fn show(&mut self, count: u64, total: u64) {
        let sample = Sample { elapsed: self.started.elapsed(), count };
        let pace = self.meter.note(sample, total);
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(count.min(total));
            bar.set_message(line(sample, total, pace));
        } else if self.meter.is_line_due(sample.elapsed) {
            self.output.note(&line(sample, total, pace));
        }
    }

    /// Says something beside it.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.output.note(text),
        }
    }

    /// Takes the bar away; elsewhere a last line says what was done in all.
    pub(super) fn end(self, count: u64) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        } else if count > 0 {
            self.output.note(&end_line(Sample { elapsed: self.started.elapsed(), count }));
        }
    }
}
