//! `mail`: who sends, through which relay, and how much.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chrono_tz::Tz;

use super::check::Checker;
use super::error::ConfigError;
use super::relay::{self, Secret};
use super::{Environment, MailConfig, Sender, file};
use crate::model::Address;

impl Checker<'_> {
    pub(super) fn mail(
        &self,
        section: file::MailSection,
        base: &Path,
        zone: Tz,
        environment: &Environment,
        warnings: &mut Vec<String>,
    ) -> Result<MailConfig, ConfigError> {
        let relay_text = section.relay.as_deref().unwrap_or("maildir:var/mail");
        let file_password = match section.password_file {
            Some(file) => {
                let path = base.join(file);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    self.wrong(
                        &["mail", "password_file"],
                        format!(
                            "`mail.password_file` cannot be read: `{}`: {error}",
                            path.display()
                        ),
                        "make it readable to tidings, or set `TIDINGS_SMTP_PASSWORD`",
                    )
                })?;
                if is_open_to_all(&path) {
                    warnings.push(format!(
                        "`mail.password_file` can be read by everybody: `chmod 600 {}`",
                        path.display()
                    ));
                }
                Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            None => None,
        };
        let password = environment.smtp_password.clone().or(file_password);
        let relay = relay::parse(relay_text, base, section.allow_plain, password)
            .map_err(|(message, hint)| self.wrong(&["mail", "relay"], message, hint))?;
        let unsubscribe_address = section
            .unsubscribe_address
            .map(|text| {
                text.parse::<Address>().map_err(|error| {
                    self.wrong(
                        &["mail", "unsubscribe_address"],
                        format!("`mail.unsubscribe_address`: {error}"),
                        "write an address such as `leave@press.example.org`",
                    )
                })
            })
            .transpose()?;
        let from = self.sender("from", &section.from)?;
        let dkim = section.dkim.map(|dkim| self.dkim(dkim, &from, base, warnings)).transpose()?;
        let limits = section.limits.map(|section| self.limits(section)).transpose()?;
        let limits = limits.unwrap_or_default();
        let holidays = section.holidays.as_deref();
        let windows = self.send_windows(&section.send_windows, holidays, base, zone)?;
        let legal = section.legal.map(|section| self.legal(section)).transpose()?;
        Ok(MailConfig {
            from,
            reply_to: section.reply_to.map(|t| self.sender("reply_to", &t)).transpose()?,
            relay,
            unsubscribe_address,
            dkim,
            max_issues: self.max_issues(section.max_issues)?,
            limits,
            windows,
            allow: self.allow(&section.allow)?,
            legal,
        })
    }

    fn max_issues(&self, given: Option<usize>) -> Result<usize, ConfigError> {
        match given {
            Some(0) => Err(self.wrong(
                &["mail", "max_issues"],
                "`mail.max_issues` is 0: nothing would ever be sent".into(),
                "write at least 1, or use `tidings pause`",
            )),
            given => Ok(given.unwrap_or(10_000)),
        }
    }

    /// Reads `Press Office <press@example.org>` or an address alone (RFC 5322, 3.4).
    fn sender(&self, key: &'static str, text: &str) -> Result<Sender, ConfigError> {
        let wrong = |reason: String| {
            self.wrong(
                &["mail", key],
                format!("`mail.{key}` is not a sender: `{}`: {reason}", text.escape_debug()),
                "write `Press Office <press@example.org>`",
            )
        };
        // A line break in a display name would start another header (and lettre panics on it).
        if text.chars().any(char::is_control) {
            return Err(wrong("it holds a control character".into()));
        }
        let mailbox: lettre::message::Mailbox =
            text.parse().map_err(|error| wrong(format!("{error}")))?;
        let address = mailbox
            .email
            .to_string()
            .parse::<Address>()
            .map_err(|e| wrong(e.reason.to_string()))?;
        Ok(Sender { name: mailbox.name, address })
    }
}

/// Whether others than its owner and group may read a file.
pub(super) fn is_open_to_all(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}
