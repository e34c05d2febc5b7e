//! `mail.send_windows`, `mail.holidays` and `mail.allow`: when mail may go out, and to whom; and
//! `approve` of a digest.

use std::path::Path;

use chrono::NaiveTime;
use chrono_tz::Tz;
use serde_yaml::Value;

use super::check::Checker;
use super::file::WindowSection;
use super::{Approve, ConfigError};
use crate::digest::holidays::Holidays;
use crate::digest::windows::{SendWindow, SendWindows};
use crate::model::Address;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Whom mail may reach while not everybody is to get it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// Normalised.
    Address(String),
    /// `*@example.org`.
    Domain(String),
}

impl AllowList {
    /// Whether it keeps nobody out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An empty list allows everybody.
    pub fn allows(&self, address: &Address) -> bool {
        let fits = |pattern: &Pattern| match pattern {
            Pattern::Address(allowed) => *allowed == address.normalised(),
            Pattern::Domain(allowed) => allowed == address.domain(),
        };
        self.0.is_empty() || self.0.iter().any(fits)
    }

    /// How it stands in the config.
    pub fn patterns(&self) -> Vec<String> {
        let text = |pattern: &Pattern| match pattern {
            Pattern::Address(address) => address.clone(),
            Pattern::Domain(domain) => format!("*@{domain}"),
        };
        self.0.iter().map(text).collect()
    }
}

impl Checker<'_> {
    pub(super) fn send_windows(
        &self,
        sections: &[WindowSection],
        holidays: Option<&Path>,
        base: &Path,
        zone: Tz,
    ) -> Result<SendWindows, ConfigError> {
        let windows = sections.iter().enumerate();
        let windows = windows.map(|(number, section)| self.window(number, section));
        let windows = windows.collect::<Result<Vec<_>, _>>()?;
        let holidays = match holidays {
            Some(path) => self.holidays(&base.join(path), zone)?,
            None => Holidays::default(),
        };
        Ok(SendWindows { zone, windows, holidays })
    }

    fn window(&self, number: usize, section: &WindowSection) -> Result<SendWindow, ConfigError> {
        let item = number.to_string();
        let wrong = |key: &str, message: String, hint: &str| {
            self.wrong(&["mail", "send_windows", &item, key], message, hint)
        };
        let time = |key: &'static str, text: &str| {
            NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| {
                wrong(
                    key,
                    format!("`mail.send_windows.{key}` is not a time of day: `{text}`"),
                    "write hours and minutes, as in `\"08:00\"`",
                )
            })
        };
        let from = time("from", &section.from)?;
        let to = if section.to == "24:00" { None } else { Some(time("to", &section.to)?) };
        if to.is_some_and(|to| to <= from) {
            return Err(wrong(
                "to",
                format!(
                    "a window of `mail.send_windows` ends before it begins: `{}` to `{}`",
                    section.from, section.to
                ),
                "write one window up to `24:00` and another from `00:00` on",
            ));
        }
        let days = match &section.days {
            None => [true; 7],
            Some(value) => days(value).ok_or_else(|| {
                let text = serde_yaml::to_string(value).unwrap_or_default();
                wrong(
                    "days",
                    format!("`mail.send_windows.days` are not days of the week: `{}`", text.trim()),
                    "write `mon-fri`, or a list such as `[mon, wed, fri]`",
                )
            })?,
        };
        Ok(SendWindow { days, from, to })
    }

    fn holidays(&self, path: &Path, zone: Tz) -> Result<Holidays, ConfigError> {
        let wrong = |message: String, hint: &str| {
            let shown = path.display();
            self.wrong(&["mail", "holidays"], format!("`mail.holidays`: `{shown}`{message}"), hint)
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            let hint = "name a calendar file (iCalendar) that is there and can be read";
            wrong(format!(" cannot be read: {error}"), hint)
        })?;
        Holidays::parse(&text, zone).map_err(|error| {
            wrong(format!(" {error}"), "mend the line: mail would go out on that day")
        })
    }

    pub(super) fn allow(&self, patterns: &[String]) -> Result<AllowList, ConfigError> {
        let pattern = |text: &String| {
            let lowered = text.trim().to_lowercase();
            let (whose, sample) = match lowered.strip_prefix("*@") {
                Some(domain) => (None, format!("x@{domain}")),
                None => (Some(()), lowered),
            };
            // Another wildcard is no part of an address that SMTP carries to anybody.
            let address = sample.parse::<Address>().ok().filter(|_| !sample.contains('*'));
            let address = address.ok_or_else(|| {
                self.wrong(
                    &["mail", "allow"],
                    format!("`mail.allow` has a pattern that fits nobody: `{text}`"),
                    "write an address, or `*@example.org` for all of a domain",
                )
            })?;
            Ok(match whose {
                None => Pattern::Domain(address.domain().to_owned()),
                Some(()) => Pattern::Address(address.normalised()),
            })
        };
        Ok(AllowList(patterns.iter().map(pattern).collect::<Result<_, _>>()?))
    }

    /// `never`, `always` or `over: N`.
    pub(super) fn approve(
        &self,
        item: &str,
        digest: &str,
        value: Option<&Value>,
    ) -> Result<Approve, ConfigError> {
        let Some(value) = value else { return Ok(Approve::Never) };
        let over = |value: &Value| value.as_u64().map(Approve::Over);
        let parsed = match value {
            Value::String(text) => match text.as_str() {
                "never" => Some(Approve::Never),
                "always" => Some(Approve::Always),
                text => text
                    .strip_prefix("over")
                    .map(|rest| rest.trim_start_matches([':', ' ']))
                    .and_then(|rest| rest.parse().ok())
                    .map(Approve::Over),
            },
            Value::Mapping(map) if map.len() == 1 => map.get("over").and_then(over),
            _ => None,
        };
        parsed.ok_or_else(|| {
            let text = serde_yaml::to_string(value).unwrap_or_default();
            self.wrong(
                &["digests", item, "approve"],
                format!("digest `{digest}`: `approve` is not known: `{}`", text.trim()),
                "write `never`, `always`, or `{over: 5000}` for more than so many people",
            )
        })
    }
}

/// `mon-fri`, `mon, wed` or a list of such.
fn days(value: &Value) -> Option<[bool; 7]> {
    let texts: Vec<&str> = match value {
        Value::String(text) => text.split(',').collect(),
        Value::Sequence(list) => list.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    let mut days = [false; 7];
    for text in texts {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (mut day, last) = (day(first)?, day(last)?);
        days[day] = true;
        // `fri-mon` goes over the weekend.
        while day != last {
            day = (day + 1) % 7;
            days[day] = true;
        }
    }
    days.contains(&true).then_some(days)
}

/// `mon` or `Monday`, from 0 on.
fn day(text: &str) -> Option<usize> {
    const NAMES: [&str; 7] =
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let text = text.trim().to_lowercase();
    (0..7).find(|at| DAYS[*at] == text || NAMES[*at] == text)
}
