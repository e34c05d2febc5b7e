//! Checks a config file section by section: every key parsed once into its type, each mistake
//! told with line, value and remedy.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{NaiveTime, TimeZone};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::CronParser;
use ipnet::IpNet;
use url::Url;

use super::error::{ConfigError, line_of};
use super::relay::{self, Relay, Secret};
use super::{
    Config, ContentConfig, DigestConfig, Environment, FirstScan, Late, MailConfig,
    RESERVED_DIGESTS, Sender, Uncertain, WebConfig, duration, feed_lines, file,
};
use crate::content;
use crate::digest::schedule::ever_fires;
use crate::feeds;
use crate::model::{Address, Language};

/// Folder that relative paths of the config start from: the parent of its folder where that
/// is named `config`, else its folder.
fn base_of(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new(""));
    if folder.file_name().is_some_and(|name| name == "config") {
        folder.parent().unwrap_or(Path::new("")).to_owned()
    } else {
        folder.to_owned()
    }
}

/// Turns a file as it is written into a [`Config`], or says what is wrong with it.
pub(super) struct Checker<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Checker<'_> {
    /// An error about the key at `key`, parts from the top.
    pub(super) fn wrong(
        &self,
        key: &[&str],
        message: String,
        hint: impl Into<String>,
    ) -> ConfigError {
        ConfigError::Value {
            path: self.path.to_owned(),
            line: line_of(self.text, key),
            message,
            hint: hint.into(),
        }
    }

    pub(super) fn check(
        &self,
        file: file::File,
        environment: &Environment,
    ) -> Result<Config, ConfigError> {
        let base = base_of(self.path);
        let mut warnings = Vec::new();
        let zone_name = file.site.time_zone.as_deref().unwrap_or("UTC");
        let zone = self.zone(&["site", "time_zone"], zone_name)?;
        let mail = self.mail(file.mail, &base, zone, environment, &mut warnings)?;
        if file.web.admin_listen.is_some() {
            warnings.push("`web.admin_listen`: this version does not use it yet".into());
        }
        let web = self.web(file.web, &mail.relay)?;
        let output_url = match &file.output.url {
            Some(text) => self.url(&["output", "url"], text)?,
            None => web.public_url.clone(),
        };
        let (site, languages) =
            self.site(file.site, &mail.from, output_url, &web.public_url, &file.websub.hubs)?;
        let content = self.content(file.content, &base, &site)?;
        let feeds = self.feeds(file.feeds)?;
        warnings.extend(feed_lines::empty_for_ever(&feeds));
        let digests = self.digests(file.digests, &site)?;
        if !file.retention.is_empty() {
            warnings.push("`retention`: this version keeps everything".into());
        }
        let store_path = match file.store.url.as_deref() {
            None => base.join("var/tidings.db"),
            Some(url) => match url.strip_prefix("sqlite:") {
                Some(path) => base.join(path),
                None => {
                    return Err(self.wrong(
                        &["store", "url"],
                        format!("`store.url` is not a database this version knows: `{url}`"),
                        "write `sqlite:var/tidings.db`",
                    ));
                }
            },
        };
        let output = self.output(file.output, &base, &store_path, environment)?;
        let rehearsal_subscribers = file.rehearsal.map(|r| base.join(r.subscribers));
        if let Some(path) = rehearsal_subscribers.as_ref().filter(|path| !path.exists()) {
            warnings.push(format!(
                "`rehearsal.subscribers` is not there: `{}`; nobody stands in while nobody has \
                 subscribed",
                path.display()
            ));
        }
        Ok(Config {
            path: self.path.to_owned(),
            site,
            languages,
            content,
            output_folder: output.folder,
            bucket: output.bucket,
            templates_folder: base.join(file.templates.folder.unwrap_or("templates".into())),
            store_path,
            keys_folder: base.join(file.keys.folder.unwrap_or("var/keys".into())),
            mail,
            web,
            feeds,
            digests,
            reminders: file.reminders.map(|section| self.reminders(section)).transpose()?,
            rehearsal_subscribers,
            warnings,
        })
    }

    fn site(
        &self,
        section: file::SiteSection,
        from: &Sender,
        output_url: Url,
        public_url: &Url,
        hubs: &[String],
    ) -> Result<(feeds::Site, Vec<Language>), ConfigError> {
        let language = |key: &'static str, text: &str| {
            text.parse::<Language>().map_err(|error| {
                self.wrong(&["site", key], format!("`site.{key}`: {error}"), "write `en`")
            })
        };
        let default_language = language("language", section.language.as_deref().unwrap_or("en"))?;
        let languages = section
            .languages
            .iter()
            .map(|text| language("languages", text))
            .collect::<Result<Vec<_>, _>>()?;
        let zone_name = section.time_zone.as_deref().unwrap_or("UTC");
        let time_zone = self.zone(&["site", "time_zone"], zone_name)?;
        if section.title.trim().is_empty() {
            return Err(self.wrong(
                &["site", "title"],
                "`site.title` is blank".into(),
                "write the name of the press office",
            ));
        }
        let since = time_zone
            .from_local_datetime(&section.since.and_time(NaiveTime::MIN))
            .earliest()
            .unwrap_or_else(|| time_zone.from_utc_datetime(&section.since.and_time(NaiveTime::MIN)))
            .fixed_offset();
        let address = |text: &str| {
            Url::parse(text).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host())
        };
        let picture = |key: &'static str, text: Option<String>| {
            text.map(|text| {
                address(&text).ok_or_else(|| {
                    self.wrong(
                        &["site", key],
                        format!("`site.{key}` is not a web address: `{text}`"),
                        "write `https://press.example.org/logo.png`",
                    )
                })
            })
            .transpose()
        };
        let hub = |text: &String| {
            address(text).ok_or_else(|| {
                self.wrong(
                    &["websub", "hubs"],
                    format!("`websub.hubs` has no web address: `{text}`"),
                    "write `https://hub.example.org/`",
                )
            })
        };
        let name = from.name.as_ref().unwrap_or(&section.title);
        let organizer = feeds::Organizer::new(name, &from.address);
        let site = feeds::Site {
            title: section.title,
            url: self.url(&["site", "url"], &section.url)?,
            language: default_language,
            author: section.author,
            since,
            since_date: section.since,
            time_zone,
            output_url,
            public_url: public_url.clone(),
            rights: section.rights,
            icon: picture("icon", section.icon)?,
            logo: picture("logo", section.logo)?,
            hubs: hubs.iter().map(hub).collect::<Result<_, _>>()?,
            organizer,
        };
        Ok((site, languages))
    }

    fn content(
        &self,
        section: file::ContentSection,
        base: &Path,
        site: &feeds::Site,
    ) -> Result<ContentConfig, ConfigError> {
        let first_scan = match section.first_scan.as_deref().unwrap_or("adopt") {
            "adopt" => FirstScan::Adopt,
            "announce" => FirstScan::Announce,
            other => {
                return Err(self.wrong(
                    &["content", "first_scan"],
                    format!("`content.first_scan` is not known: `{other}`"),
                    "write `adopt` (in the feeds, not in the mail) or `announce`",
                ));
            }
        };
        let permalinks = match section.permalink {
            file::Permalink::All(pattern) => {
                vec![content::PermalinkRule { folder: String::new(), pattern }]
            }
            file::Permalink::PerFolder(patterns) => patterns
                .into_iter()
                .map(|(folder, pattern)| match (folder.as_str(), pattern.as_str()) {
                    (Some(folder), Some(pattern)) => Ok(content::PermalinkRule {
                        folder: folder.to_owned(),
                        pattern: pattern.to_owned(),
                    }),
                    _ => Err(self.wrong(
                        &["content", "permalink"],
                        "`content.permalink` maps folders to patterns".into(),
                        "write `_posts: /:year/:month/:day/:title/`",
                    )),
                })
                .collect::<Result<_, _>>()?,
        };
        Ok(ContentConfig {
            folder: base.join(section.folder.unwrap_or("content".into())),
            scan: self.duration(&["content", "scan"], section.scan, "1m")?,
            scan_full: self.duration(&["content", "scan_full"], section.scan_full, "15m")?,
            first_scan,
            max_age: self.duration(&["content", "max_age"], section.max_age, "7d")?,
            max_new: section.max_new.unwrap_or(50),
            rules: content::Rules {
                site_url: site.url.clone(),
                time_zone: site.time_zone,
                language: site.language.clone(),
                kinds: section.kinds,
                permalinks,
            },
        })
    }

    fn mail(
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

    fn web(&self, section: file::WebSection, relay: &Relay) -> Result<WebConfig, ConfigError> {
        let socket = |key: &'static str, text: &str| {
            text.parse::<SocketAddr>().map_err(|_| {
                self.wrong(
                    &["web", key],
                    format!("`web.{key}` is not an address and port: `{text}`"),
                    "write `127.0.0.1:8080`",
                )
            })
        };
        let listen = socket("listen", section.listen.as_deref().unwrap_or("127.0.0.1:8080"))?;
        if let Some(text) = &section.admin_listen {
            socket("admin_listen", text)?;
        }
        let is_local_relay = relay.is_local();
        let public_url = match section.public_url {
            Some(text) => self.url(&["web", "public_url"], &text)?,
            None => self.url(&["web"], &format!("http://{listen}/"))?,
        };
        if public_url.scheme() != "https" && !is_local_relay {
            return Err(self.wrong(
                &["web", "public_url"],
                format!("`web.public_url` is not https: `{public_url}`"),
                "one-click unsubscribing needs https (RFC 8058): write `https://…`, \
                 or keep `mail.relay` at `maildir:` or on this machine",
            ));
        }
        let trusted_proxies = self.networks(&section.trusted_proxies)?;
        Ok(WebConfig { listen, public_url, trusted_proxies, style_feeds: section.style_feeds })
    }

    /// Addresses, and networks as `10.0.0.0/8` (RFC 4632, section 3.1).
    fn networks(&self, texts: &[String]) -> Result<Vec<IpNet>, ConfigError> {
        let network = |text: &String| {
            let one = text.parse::<IpAddr>().map(IpNet::from).ok();
            one.or_else(|| text.parse::<IpNet>().ok()).ok_or_else(|| {
                self.wrong(
                    &["web", "trusted_proxies"],
                    format!("`web.trusted_proxies` has what is no address: `{text}`"),
                    "write addresses as `127.0.0.1` or `2001:db8::1`, and networks as `10.0.0.0/8`",
                )
            })
        };
        texts.iter().map(network).collect()
    }

    fn digests(
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
                        "use lower-case letters, digits and hyphens, and none of `confirm`, \
                         `notice`, `reminder`, `self`, `urgent`, `correction`",
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

    fn duration(
        &self,
        key: &[&str],
        text: Option<String>,
        default: &str,
    ) -> Result<Duration, ConfigError> {
        let text = text.unwrap_or_else(|| default.to_owned());
        duration::parse(&text).filter(|d| !d.is_zero()).ok_or_else(|| {
            self.wrong(
                key,
                format!("`{}` is not a duration: `{text}`", name_of(key)),
                format!("write a number and `s`, `m`, `h` or `d`, as in `{default}`"),
            )
        })
    }

    fn zone(&self, key: &[&str], name: &str) -> Result<Tz, ConfigError> {
        name.parse().map_err(|_| {
            self.wrong(
                key,
                format!("`{}` is not a time zone: `{name}`", name_of(key)),
                "write a name of the IANA list, as `Asia/Singapore`",
            )
        })
    }

    /// An http address that ends with `/`, so that relative references join below it.
    fn url(&self, key: &[&str], text: &str) -> Result<Url, ConfigError> {
        let wrong = || {
            self.wrong(
                key,
                format!("`{}` is not a web address: `{text}`", name_of(key)),
                "write `https://press.example.org/`",
            )
        };
        let mut url = Url::parse(text).map_err(|_| wrong())?;
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || has_credentials
        {
            return Err(wrong());
        }
        url.set_query(None);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(url)
    }
}

/// Whether others than its owner and group may read a file.
pub(super) fn is_open_to_all(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

/// `digests.max_late`: a key as people write it, without the number of its item.
fn name_of(key: &[&str]) -> String {
    let parts: Vec<&str> = key.iter().copied().filter(|k| k.parse::<usize>().is_err()).collect();
    parts.join(".")
}

/// Five fields in the dialect of Vixie cron: day of month *or* day of week.
pub(super) fn parse_cron(text: &str) -> Result<Cron, String> {
    if text.split_whitespace().count() != 5 {
        return Err("it has not five fields".into());
    }
    CronParser::new().parse(text).map_err(|error| error.to_string())
}
