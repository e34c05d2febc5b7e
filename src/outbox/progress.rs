//! How far sending is, how fast it goes and how long it still takes: pure, from samples.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// How far back the rate looks: a relay that falls asleep shows, one slow reply does not.
const SPAN: Duration = Duration::from_secs(30);

/// Between two lines in a log.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// A relay that says nothing for so long is told of in the place of a rate that is none.
const SILENCE: Duration = Duration::from_secs(5);

/// So many were done after so long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    pub elapsed: Duration,
    pub count: u64,
}

/// How fast it goes, and how long it still takes; unknown where nothing moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    pub per_second: f64,
    pub left: Option<Duration>,
    /// How long nothing has found its outcome.
    pub silence: Duration,
}

/// The pace over `samples`, oldest first, towards `total`.
#[expect(clippy::cast_precision_loss, reason = "counts of e-mails are far below 2^52")]
pub fn pace(samples: &[Sample], total: u64) -> Pace {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return Pace { per_second: 0.0, left: None, silence: Duration::ZERO };
    };
    let seconds = last.elapsed.saturating_sub(first.elapsed).as_secs_f64();
    let done = last.count.saturating_sub(first.count) as f64;
    let per_second = if seconds > 0.0 { done / seconds } else { 0.0 };
    let open = total.saturating_sub(last.count) as f64;
    let left = (per_second > 0.0).then(|| Duration::try_from_secs_f64(open / per_second).ok());
    Pace { per_second, left: left.flatten(), silence: Duration::ZERO }
}

impl fmt::Display for Pace {
    /// `8412 per second, 2 min 21 s left`, or `no answer for 12 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.silence >= SILENCE {
            return write!(f, "no answer for {}", in_words(self.silence));
        }
        let digits = usize::from(self.per_second > 0.0 && self.per_second < 9.95);
        write!(f, "{:.digits$} per second", self.per_second)?;
        match self.left {
            Some(left) => write!(f, ", {} left", in_words(left)),
            None => Ok(()),
        }
    }
}

/// `8 s`, `2 min 21 s`, `3 h 5 min`.
pub fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil().min(1e12);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
    let seconds = seconds as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Follows sending from sample to sample.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    samples: VecDeque<Sample>,
    /// When the count was last another one.
    moved: Sample,
    line_at: Duration,
}

impl Meter {
    /// Takes a sample, and says how it goes towards `total`.
    pub fn note(&mut self, sample: Sample, total: u64) -> Pace {
        if self.samples.is_empty() {
            self.samples.push_back(Sample { elapsed: Duration::ZERO, count: 0 });
        }
        self.samples.push_back(sample);
        if sample.count != self.moved.count {
            self.moved = sample;
        }
        // The oldest that is kept is the last one outside the span, or the first of all.
        while self.samples.get(1).is_some_and(|next| next.elapsed + SPAN <= sample.elapsed) {
            self.samples.pop_front();
        }
        let silence = sample.elapsed.saturating_sub(self.moved.elapsed);
        Pace { silence, ..pace(self.samples.make_contiguous(), total) }
    }

    /// Whether a log may have its next line.
    pub fn is_line_due(&mut self, elapsed: Duration) -> bool {
        let is_due = elapsed >= self.line_at + BETWEEN_LINES;
        if is_due {
            self.line_at = elapsed;
        }
        is_due
    }
}

/// `3 of 10 deliveries, 8412 per second, 1 s left`. Those that were refused count too.
pub fn line(sample: Sample, total: u64, pace: Pace) -> String {
    format!("{} of {total} deliveries, {pace}", sample.count.min(total))
}

/// What is said at the end: `10 deliveries in 2 s, 5.0 per second`.
pub fn end_line(sample: Sample) -> String {
    let deliveries = if sample.count == 1 { "delivery" } else { "deliveries" };
    if sample.elapsed < Duration::from_secs(1) {
        return format!("{} {deliveries} in less than 1 s", sample.count);
    }
    let start = Sample { elapsed: Duration::ZERO, count: 0 };
    let pace = Pace { left: None, ..pace(&[start, sample], 0) };
    format!("{} {deliveries} in {}, {pace}", sample.count, in_words(sample.elapsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, count: u64) -> Sample {
        Sample { elapsed: Duration::from_secs(seconds), count }
    }

    #[test]
    fn the_pace_is_what_was_done_over_the_time_it_took() {
        let told = pace(&[at(0, 0), at(10, 5_000)], 20_000);
        assert_eq!((told.per_second, told.left), (500.0, Some(Duration::from_secs(30))));
        assert_eq!(told.to_string(), "500 per second, 30 s left");
        let slow = pace(&[at(10, 100), at(14, 110)], 1_000);
        assert_eq!(slow.to_string(), "2.5 per second, 5 min 56 s left");
    }

    #[test]
    fn where_nothing_moves_no_time_is_told() {
        for samples in [&[][..], &[at(3, 7)], &[at(3, 7), at(3, 9)], &[at(3, 7), at(9, 7)]] {
            let told = pace(samples, 100);
            assert_eq!((told.per_second, told.left), (0.0, None));
            assert_eq!(told.to_string(), "0 per second");
        }
    }

    #[test]
    fn more_than_was_planned_is_no_time_left() {
        // A message sent once more counts twice.
        let told = pace(&[at(0, 0), at(10, 110)], 100);
        assert_eq!(told.left, Some(Duration::ZERO));
        assert_eq!(line(at(10, 110), 100, told), "100 of 100 deliveries, 11 per second, 0 s left");
    }

    #[test]
    fn the_rate_forgets_what_was_long_ago() {
        let mut meter = Meter::default();
        for second in 1..=60 {
            meter.note(at(second, second * 100), 100_000);
        }
        // From here on the relay takes ten a second.
        let mut told = None;
        for second in 61..=90 {
            told = Some(meter.note(at(second, 6_000 + (second - 60) * 10), 100_000));
        }
        assert!(told.unwrap().to_string().starts_with("10 per second, "), "{told:?}");
        assert!(meter.samples.len() <= 32, "{}", meter.samples.len());
    }

    #[test]
    fn the_first_sample_has_a_rate() {
        let told = Meter::default().note(at(2, 10), 20);
        assert_eq!(told.to_string(), "5.0 per second, 2 s left");
    }

    #[test]
    fn a_relay_that_says_nothing_is_told_of_until_it_speaks() {
        let mut meter = Meter::default();
        let mut told = |second, count| meter.note(at(second, count), 10).to_string();
        assert_eq!(told(4, 0), "0 per second");
        assert_eq!(told(5, 0), "no answer for 5 s");
        assert_eq!(told(100, 0), "no answer for 1 min 40 s");
        assert!(told(101, 1).starts_with("0.0 per second, "), "it spoke");
        assert_eq!(told(107, 1), "no answer for 6 s");
    }

    #[test]
    fn a_log_gets_a_line_each_ten_seconds() {
        let mut meter = Meter::default();
        let due: Vec<u64> =
            (0..=35).filter(|second| meter.is_line_due(Duration::from_secs(*second))).collect();
        assert_eq!(due, [10, 20, 30]);
    }

    #[test]
    fn the_end_tells_of_the_whole_time() {
        assert_eq!(
            end_line(at(120, 1_200_000)),
            "1200000 deliveries in 2 min 0 s, 10000 per second"
        );
        let quick = Sample { elapsed: Duration::from_millis(50), count: 1 };
        assert_eq!(end_line(quick), "1 delivery in less than 1 s");
    }

    #[test]
    fn times_are_told_in_two_units_at_most() {
        let words = |seconds| in_words(Duration::from_secs(seconds));
        let told = [0, 59, 60, 3_599, 3_600, 86_460].map(words);
        assert_eq!(told, ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "24 h 1 min"]);
    }
}
