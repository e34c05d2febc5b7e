//! Who gets mail: subscriptions by hand and by file, and the rehearsal's stand-ins.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Press, feeds};
use crate::store::{NewSubscription, StoreError, Subscribed};
use crate::subscribers::import::{self, ImportError, Known, Line, Refusal, Row};
use crate::subscribers::keys::KeyError;

#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    #[error("could not read `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("could not import `{path}`")]
    Import { path: PathBuf, source: ImportError },
    #[error("`{path}` line {line}: {reason}")]
    Rehearsal { path: PathBuf, line: u64, reason: String },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a consent comes from.
#[derive(Debug, Clone)]
pub struct Consent {
    pub source: &'static str,
    /// The operator's words on it.
    pub wording: String,
    /// The person has confirmed it themselves, and there is proof.
    pub is_confirmed: bool,
    pub is_rehearsal: bool,
    /// Whether it is newer than the word of who left.
    pub brings_back: bool,
}

/// Rows in one transaction of an import. Addresses lie all over their index: each transaction
/// writes most of its pages, so that large ones write less.
const PAGE: usize = 5_000;

/// Names a subscription may use, given the feeds that are asked for. A feed of `each:` may be
/// followed before its first entry.
pub async fn known_names(press: &Press, asked: &HashSet<String>) -> Result<Known, StoreError> {
    let active = feeds::definitions(press).await?;
    let mut feeds: HashSet<String> = active.into_iter().map(|feed| feed.name).collect();
    feeds.extend(asked.iter().filter(|name| feeds::may_be_made(&press.config, name)).cloned());
    Ok(Known {
        feeds,
        digests: press.config.digests.iter().map(|d| d.name.clone()).collect(),
        language: press.config.site.language.clone(),
        languages: press.config.languages.clone(),
    })
}

/// A list of subscribers that was looked through; its rows are read again as they are needed.
#[derive(Debug)]
pub struct List {
    path: PathBuf,
    known: Known,
    /// Those that can be subscribed.
    pub rows: u64,
    pub refusals: Vec<Refusal>,
}

impl List {
    fn lines(&self) -> Result<impl Iterator<Item = Result<Line, PeopleError>>, PeopleError> {
        lines(&self.path, &self.known)
    }
}

/// Looks through a list of subscribers; the feeds of its rows are checked against the config.
pub async fn read_list(press: &Press, path: &Path) -> Result<List, PeopleError> {
    let known = known_names(press, &import::feeds(open(path)?)).await?;
    let mut list = List { path: path.to_owned(), known, rows: 0, refusals: Vec::new() };
    let mut refusals = Vec::new();
    let mut rows = 0;
    for line in list.lines()? {
        match line? {
            Line::Row(_) => rows += 1,
            Line::Refused(refusal) => refusals.push(refusal),
        }
    }
    (list.rows, list.refusals) = (rows, refusals);
    Ok(list)
}

fn open(path: &Path) -> Result<File, PeopleError> {
    File::open(path).map_err(|source| PeopleError::Read { path: path.into(), source })
}

fn lines<'a>(
    path: &'a Path,
    known: &'a Known,
) -> Result<impl Iterator<Item = Result<Line, PeopleError>> + 'a, PeopleError> {
    let failed = |source| PeopleError::Import { path: path.into(), source };
    let lines = import::read(open(path)?, known).map_err(failed)?;
    Ok(lines.map(move |line| line.map_err(failed)))
}

/// Subscribes the people of a list, page by page, and says how many were which. `on_page` hears
/// how many rows are done.
pub async fn subscribe_list(
    press: &Press,
    list: &List,
    consent: &Consent,
    mut on_page: impl FnMut(u64),
) -> Result<BTreeMap<Subscribed, u64>, PeopleError> {
    let mut counts = BTreeMap::new();
    let mut done = 0;
    let mut lines = list.lines()?;
    loop {
        let mut page = Vec::with_capacity(PAGE);
        for line in lines.by_ref() {
            if let Line::Row(row) = line? {
                page.push(row);
            }
            if page.len() == PAGE {
                break;
            }
        }
        if page.is_empty() {
            return Ok(counts);
        }
        for answer in subscribe(press, &page, consent).await? {
            *counts.entry(answer).or_default() += 1;
        }
        done += page.len() as u64;
        on_page(done);
    }
}

/// Subscribes people, in one transaction; one answer per row, in order.
pub async fn subscribe(
    press: &Press,
    rows: &[Row],
    consent: &Consent,
) -> Result<Vec<Subscribed>, PeopleError> {
    let now = press.clock.now();
    let digests: Vec<String> = press.config.digests.iter().map(|d| d.name.clone()).collect();
    press.store.register_digests(&digests, now).await?;
    let rows = rows.iter().map(|row| sealed(press, row, consent)).collect::<Result<Vec<_>, _>>()?;
    Ok(press.store.subscribe(&rows, now).await?)
}

fn sealed(press: &Press, row: &Row, consent: &Consent) -> Result<NewSubscription, KeyError> {
    let (address_key, address_cipher) = press.keys.seal(&row.address)?;
    Ok(NewSubscription {
        lookup: press.keys.lookup(&row.address),
        address_key,
        address_cipher,
        domain: row.address.domain().to_owned(),
        language: row.language.clone(),
        feed: row.feed.clone(),
        digest: row.digest.clone(),
        is_confirmed: consent.is_confirmed,
        is_rehearsal: consent.is_rehearsal,
        brings_back: consent.brings_back,
        source: consent.source.to_owned(),
        wording: consent.wording.clone(),
    })
}

/// Adds the stand-ins of `rehearsal.subscribers`, before a scan, so that what it numbers is
/// news to them. Does nothing where the relay is real or somebody has subscribed.
pub async fn add_stand_ins(press: &Press) -> Result<(), PeopleError> {
    let Some(path) = &press.config.rehearsal_subscribers else {
        return Ok(());
    };
    if press.audience().await? == crate::store::Audience::Real {
        return Ok(());
    }
    let list = read_list(press, path).await?;
    if let Some(Refusal { line, reason }) = list.refusals.first().cloned() {
        return Err(PeopleError::Rehearsal { path: path.clone(), line, reason });
    }
    let consent = Consent {
        source: "rehearsal",
        wording: "stands in while mail goes to a Maildir".into(),
        is_confirmed: true,
        is_rehearsal: true,
        brings_back: true,
    };
    subscribe_list(press, &list, &consent, |_| {}).await?;
    Ok(())
}
