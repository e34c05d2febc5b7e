//! `reminders`: how many days before an event those who chose events are told of it again.

use croner::Cron;
use serde::Deserialize;

use super::check::Checker;
use super::digests::parse_cron;
use super::error::ConfigError;

/// When events are told again.
#[derive(Debug, Clone)]
pub struct RemindersConfig {
    /// Days before the start, each from 1 to 30; never empty.
    pub days: Vec<u32>,
    /// In the site's zone.
    pub at: Cron,
}

const MOST_DAYS: u32 = 30;
const DEFAULT_AT: &str = "0 8 * * *";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RemindersSection {
    days: Days,
    at: Option<String>,
}

/// One number, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Days {
    One(u32),
    Several(Vec<u32>),
}

impl Checker<'_> {
    pub(super) fn reminders(
        &self,
        section: RemindersSection,
    ) -> Result<RemindersConfig, ConfigError> {
        let mut days = match section.days {
            Days::One(days) => vec![days],
            Days::Several(days) => days,
        };
        days.sort_unstable();
        days.dedup();
        if days.is_empty() || days.iter().any(|days| !(1..=MOST_DAYS).contains(days)) {
            let shown: Vec<String> = days.iter().map(u32::to_string).collect();
            return Err(self.wrong(
                &["reminders", "days"],
                format!("`reminders.days` is not from 1 to {MOST_DAYS}: `{}`", shown.join(", ")),
                "write `days: 1`, or several, as `days: [1, 7]`; no reminders without `reminders`",
            ));
        }
        let text = section.at.as_deref().unwrap_or(DEFAULT_AT);
        let at = parse_cron(text).map_err(|reason| {
            self.wrong(
                &["reminders", "at"],
                format!("`reminders.at` is not a cron expression: `{text}`: {reason}"),
                "write minute, hour, day, month, weekday, as in `0 8 * * *`",
            )
        })?;
        if text.split_whitespace().skip(2).any(|field| field != "*") {
            return Err(self.wrong(
                &["reminders", "at"],
                format!("`reminders.at` does not come every day: `{text}`"),
                "write `*` for day, month and weekday, as in `0 8 * * *`: `days` says how many \
                 days before an event it is told again",
            ));
        }
        Ok(RemindersConfig { days, at })
    }
}
