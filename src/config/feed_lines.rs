//! Checks the lines of `feeds`: names, selections, what a feed was called and when it ends.

use std::collections::HashSet;

use chrono::NaiveDate;
use url::Url;

use super::check::Checker;
use super::error::ConfigError;
use super::{Closed, EachFeed, FeedConfig, NamedFeed, file};
use crate::feeds::facets::Facet;
use crate::feeds::{Criterion, FeedDefinition, Selection, Text, feed_name};
use crate::model::Kind;

/// Newest entries in a document, where the config does not say.
const LENGTH: usize = 50;
/// More entries than this make documents that readers refuse.
const MAX_LENGTH: usize = 1_000;
/// Feeds that one `each:` makes without asking, where the config does not say.
const LIMIT: usize = 1_000;

impl Checker<'_> {
    pub(super) fn feeds(
        &self,
        sections: Vec<file::FeedSection>,
    ) -> Result<Vec<FeedConfig>, ConfigError> {
        let each = sections.iter().filter_map(|section| section.each.as_deref());
        let facets: Vec<Facet> = each.filter_map(facet).collect();
        let mut feeds = Vec::new();
        for (number, section) in sections.into_iter().enumerate() {
            let line = Line { checker: self, item: number.to_string(), facets: &facets };
            let feed = match section.each.clone() {
                Some(each) => FeedConfig::Each(line.each(&each, &section)?),
                None => FeedConfig::One(Box::new(line.named(section)?)),
            };
            line.refuse_twice(&feed, &feeds)?;
            feeds.push(feed);
        }
        if feeds.is_empty() {
            return Err(self.wrong(
                &["feeds"],
                "there is no feed".into(),
                "add `- {name: all, title: All news}`",
            ));
        }
        Ok(feeds)
    }
}

/// Warns of feeds that no entry can ever stand in.
pub(super) fn empty_for_ever(feeds: &[FeedConfig]) -> Vec<String> {
    feeds
        .iter()
        .filter_map(|feed| match feed {
            FeedConfig::One(feed) => Some(&feed.definition),
            FeedConfig::Each(_) => None,
        })
        .filter(|feed| {
            let select = &feed.select;
            let contradicts = select.all.iter().any(|criterion| select.none.contains(criterion));
            let has_kind = [Kind::Release, Kind::Event].iter().any(|kind| select.may_hold(*kind));
            contradicts || !has_kind
        })
        .map(|feed| format!("feed `{}` stays empty: its `select` contradicts itself", feed.name))
        .collect()
}

/// One line of `feeds`, to be checked.
struct Line<'a> {
    checker: &'a Checker<'a>,
    item: String,
    /// What the lines with `each` make feeds by.
    facets: &'a [Facet],
}

impl Line<'_> {
    fn wrong(&self, message: String, hint: &str) -> ConfigError {
        self.checker.wrong(&["feeds", &self.item], message, hint)
    }

    fn each(&self, each: &str, section: &file::FeedSection) -> Result<EachFeed, ConfigError> {
        let facet = facet(each).ok_or_else(|| {
            self.wrong(
                format!("`each: {each}` is not known"),
                "write `each: category`, or `kind`, `tag`, `agency` or `language`",
            )
        })?;
        let text = self.text(section.text.as_deref())?;
        let length = self.length(section.entries)?;
        let file::FeedSection { limit, archive, .. } = *section;
        let is_named = section.name.is_some() || section.title.is_some();
        let ends = section.closed.is_some() || section.redirect.is_some();
        if is_named || ends || section.select.is_some() || !section.was.is_empty() {
            return Err(self.wrong(
                format!("`each: {each}` takes `limit`, `text`, `entries` and `archive` alone"),
                "give one of its feeds a line of its own: `{name: category-budget, closed: …}`",
            ));
        }
        Ok(EachFeed { facet, limit: limit.unwrap_or(LIMIT), text, length, archive })
    }

    fn named(&self, section: file::FeedSection) -> Result<NamedFeed, ConfigError> {
        let Some(name) = section.name else {
            return Err(self.wrong("a feed has no `name`".into(), "add `name: NAME`"));
        };
        self.name(&name)?;
        section.was.iter().try_for_each(|name| self.name(name))?;
        if section.limit.is_some() {
            return Err(self.wrong(
                format!("feed `{name}`: `limit` belongs to `each:`"),
                "write `entries: 50` for the length of its documents",
            ));
        }
        let closed = self.closed(&name, section.closed.as_deref(), section.redirect.as_deref())?;
        let select = match section.select {
            Some(section) => self.selection(&name, section)?,
            None => self.made_by_each(&name),
        };
        let definition = FeedDefinition {
            title: section.title.unwrap_or_else(|| name.clone()),
            text: self.text(section.text.as_deref())?,
            length: self.length(section.entries)?,
            archive: section.archive,
            name,
            select,
        };
        Ok(NamedFeed { definition, was: section.was, closed })
    }

    /// A line that names a feed of `each:` without saying what it selects keeps its selection.
    fn made_by_each(&self, name: &str) -> Selection {
        let facets = self.facets.iter();
        let mut made = facets.filter_map(|f| Some(Selection::by(*f, f.value_in(name)?)));
        made.next().unwrap_or_default()
    }

    fn name(&self, given: &str) -> Result<(), ConfigError> {
        let name = feed_name(given);
        if name == given {
            return Ok(());
        }
        Err(self.wrong(
            format!("`{given}` is not a feed name"),
            &format!("write `{}`", if name.is_empty() { "news" } else { &name }),
        ))
    }

    fn refuse_twice(&self, feed: &FeedConfig, others: &[FeedConfig]) -> Result<(), ConfigError> {
        let names = |feed: &FeedConfig| match feed {
            FeedConfig::One(feed) => {
                let names = feed.was.iter().chain([&feed.definition.name]);
                names.cloned().collect::<Vec<_>>()
            }
            FeedConfig::Each(each) => vec![format!("each: {}", each.facet.as_str())],
        };
        let mut taken: HashSet<String> = others.iter().flat_map(names).collect();
        match names(feed).into_iter().find(|name| !taken.insert(name.clone())) {
            Some(name) if name.starts_with("each: ") => {
                Err(self.wrong(format!("`{name}` is there twice"), "remove one of the two lines"))
            }
            Some(name) => Err(self.wrong(
                format!("two feeds are named `{name}`"),
                "give each feed a name of its own; `was` names count too",
            )),
            None => Ok(()),
        }
    }

    fn text(&self, given: Option<&str>) -> Result<Text, ConfigError> {
        match given {
            None | Some("full") => Ok(Text::Full),
            Some("summary") => Ok(Text::Summary),
            Some(other) => Err(self.wrong(
                format!("`text` is not known: `{other}`"),
                "write `full` (the whole text) or `summary`",
            )),
        }
    }

    fn length(&self, given: Option<usize>) -> Result<usize, ConfigError> {
        match given.unwrap_or(LENGTH) {
            length @ 1..=MAX_LENGTH => Ok(length),
            other => Err(self.wrong(
                format!("`entries` is out of range: `{other}`"),
                "write a number from 1 to 1000; for the whole history add `archive: true`",
            )),
        }
    }

    fn closed(
        &self,
        name: &str,
        closed: Option<&str>,
        redirect: Option<&str>,
    ) -> Result<Option<Closed>, ConfigError> {
        let Some(closed) = closed else {
            return match redirect {
                None => Ok(None),
                Some(_) => Err(self.wrong(
                    format!("feed `{name}` has a `redirect` and is not `closed`"),
                    "add `closed: 2027-01-01`, the first day without it",
                )),
            };
        };
        let from: NaiveDate = closed.parse().map_err(|_| {
            self.wrong(
                format!("feed `{name}`: `closed` is not a date: `{closed}`"),
                "write the first day without it, as `2027-01-01`",
            )
        })?;
        let redirect = redirect
            .map(|text| {
                let url = Url::parse(text).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
                url.ok_or_else(|| {
                    self.wrong(
                        format!("feed `{name}`: `redirect` is not a web address: `{text}`"),
                        "write the whole address, as `https://press.example.org/feeds/all.atom`",
                    )
                })
            })
            .transpose()?;
        Ok(Some(Closed { from, redirect }))
    }

    fn selection(
        &self,
        name: &str,
        section: file::SelectSection,
    ) -> Result<Selection, ConfigError> {
        let criteria = |items: Vec<file::CriterionItem>| {
            items.into_iter().map(criterion).collect::<Option<Vec<_>>>()
        };
        let selection = || {
            Some(Selection {
                any: criteria(section.any)?,
                all: criteria(section.all)?,
                none: criteria(section.none)?,
            })
        };
        selection().ok_or_else(|| {
            self.wrong(
                format!("feed `{name}`: an item of `select` has not one test but several or none"),
                "write each as an item of its own: `all: [{kind: event}, {language: en}]`",
            )
        })
    }
}

/// `None` where an item has not exactly one test.
fn criterion(item: file::CriterionItem) -> Option<Criterion> {
    let tests = [
        item.kind.map(Criterion::Kind),
        item.category.map(Criterion::Category),
        item.tag.map(Criterion::Tag),
        item.agency.map(Criterion::Agency),
        item.language.map(Criterion::Language),
    ];
    let mut given = tests.into_iter().flatten();
    given.next().filter(|_| given.next().is_none())
}

fn facet(name: &str) -> Option<Facet> {
    Facet::ALL.into_iter().find(|facet| facet.as_str() == name)
}
