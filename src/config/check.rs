//! Checks a config file section by section: every key parsed once into its type, each mistake
//! told with line, value and remedy.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{NaiveTime, TimeZone};
use chrono_tz::Tz;
use ipnet::IpNet;
use url::Url;

use super::error::{ConfigError, line_of};
use super::relay::Relay;
use super::{
    Config, ContentConfig, Environment, FirstScan, Sender, WebConfig, duration, feed_lines, file,
};
use crate::content;
use crate::feeds;
use crate::model::Language;

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

    pub(super) fn duration(
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

    pub(super) fn zone(&self, key: &[&str], name: &str) -> Result<Tz, ConfigError> {
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

/// `digests.max_late`: a key as people write it, without the number of its item.
fn name_of(key: &[&str]) -> String {
    let parts: Vec<&str> = key.iter().copied().filter(|k| k.parse::<usize>().is_err()).collect();
    parts.join(".")
}
