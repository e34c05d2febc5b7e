//! `digests`: what each is named and when it goes out.

use std::collections::HashSet;

use croner::Cron;
use croner::parser::CronParser;

use super::check::Checker;
use super::error::ConfigError;
use super::{DigestConfig, Late, RESERVED_DIGESTS, Uncertain, file};
use crate::digest::schedule::ever_fires;
use crate::feeds;

impl Checker<'_> {
    pub(super) fn digests(
        &self,
        sections: Vec<file::DigestSection>,
        site: &feeds::Site,
    ) -> Result<Vec<DigestConfig>, ConfigError> {
        let mut names = HashSet::new();
        sections
            .into_iter()
            .enumerate()
            .map(|(number, section)| {
                let name = section.name;
                let item = number.to_string();
                let wrong_at = |key: &str, message: String, hint: &str| {
                    self.wrong(&["digests", &item, key], message, hint)
                };
                let wrong = |message: String, hint: &str| wrong_at("name", message, hint);
                // The name is a label of the List-Id (RFC 2919, section 3).
                let fits = !name.is_empty()
                    && name.len() <= 40
                    && !name.starts_with('-')
                    && name
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                if !fits || RESERVED_DIGESTS.contains(&name.as_str()) {
                    return Err(wrong(
                        format!("`{name}` cannot name a digest"),
                        "use at most 40 lower-case letters, digits and hyphens, and none of \
                         `confirm`, `notice`, `reminder`, `self`, `urgent`, `correction`",
                    ));
                }
                if !names.insert(name.clone()) {
                    return Err(wrong(
                        format!("two digests are named `{name}`"),
                        "give each digest a name of its own",
                    ));
                }
                let at = match (section.at, name == "immediate") {
                    (None, true) => None,
                    (Some(text), false) => {
                        let cron = parse_cron(&text).map_err(|reason| {
                            wrong_at(
                                "at",
                                format!(
                                    "digest `{name}`: `at` is not a cron expression: `{text}`: \
                                     {reason}"
                                ),
                                "write minute, hour, day, month, weekday, as in `0 8 * * *`",
                            )
                        })?;
                        if !ever_fires(&cron) {
                            return Err(wrong_at(
                                "at",
                                format!("digest `{name}`: `at` never comes: `{text}`"),
                                "write a day that its month has, as in `0 8 28 2 *`",
                            ));
                        }
                        Some(cron)
                    }
                    (None, false) => {
                        return Err(wrong(
                            format!("digest `{name}` has no `at`"),
                            "add `at: \"0 8 * * *\"`",
                        ));
                    }
                    (Some(_), true) => {
                        return Err(wrong_at(
                            "at",
                            "digest `immediate` has a schedule".into(),
                            "remove its `at`: it goes out with each scan that found news",
                        ));
                    }
                };
                let approve = self.approve(&item, &name, section.approve.as_ref())?;
                let max_late =
                    self.duration(&["digests", &item, "max_late"], section.max_late, "24h")?;
                let late = match section.late.as_deref().unwrap_or("send") {
                    "send" => Late::Send { until: max_late },
                    "skip" => Late::Skip,
                    other => {
                        return Err(wrong_at(
                            "late",
                            format!("digest `{name}`: `late` is not known: `{other}`"),
                            "write `send` or `skip`",
                        ));
                    }
                };
                let uncertain = match section.uncertain.as_deref().unwrap_or("resend") {
                    "resend" => Uncertain::Resend,
                    "hold" => Uncertain::Hold,
                    other => {
                        return Err(wrong_at(
                            "uncertain",
                            format!("digest `{name}`: `uncertain` is not known: `{other}`"),
                            "write `resend` or `hold`",
                        ));
                    }
                };
                let zone = match section.time_zone {
                    Some(text) => self.zone(&["digests", &item, "time_zone"], &text)?,
                    None => site.time_zone,
                };
                Ok(DigestConfig { name, at, zone, late, uncertain, approve })
            })
            .collect()
    }
}

/// Five fields in the dialect of Vixie cron: day of month *or* day of week.
pub(super) fn parse_cron(text: &str) -> Result<Cron, String> {
    if text.split_whitespace().count() != 5 {
        return Err("it has not five fields".into());
    }
    CronParser::new().parse(text).map_err(|error| error.to_string())
}
