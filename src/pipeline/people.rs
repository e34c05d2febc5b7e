//! Who gets mail: subscriptions by hand and by file, and the rehearsal's stand-ins.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Press, feeds};
use crate::store::{NewSubscription, StoreError, Subscribed};
use crate::subscribers::import::{self, ImportError, Known, Refusal, Row};
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
}

/// Rows in one transaction of an import.
const PAGE: usize = 1_000;

/// Names a subscription may use. A feed of `each:` may be followed before its first entry.
pub async fn known_names(press: &Press, rows: &[(String, String)]) -> Result<Known, StoreError> {
    let active = feeds::definitions(press).await?;
    let mut feeds: HashSet<String> = active.into_iter().map(|feed| feed.name).collect();
    let asked = rows.iter().map(|(feed, _)| feed);
    feeds.extend(asked.filter(|name| feeds::may_be_made(&press.config, name)).cloned());
    Ok(Known {
        feeds,
        digests: press.config.digests.iter().map(|d| d.name.clone()).collect(),
        language: press.config.site.language.clone(),
    })
}

/// Reads a list of subscribers; the feeds of its rows are checked against the config.
pub async fn read_list(
    press: &Press,
    path: &Path,
) -> Result<(Vec<Row>, Vec<Refusal>), PeopleError> {
    let open =
        || File::open(path).map_err(|source| PeopleError::Read { path: path.into(), source });
    let names = category_names(open()?);
    let known = known_names(press, &names).await?;
    import::read(open()?, &known)
        .map_err(|source| PeopleError::Import { path: path.into(), source })
}

/// Feed and digest of each row, as far as the file can be read.
fn category_names(file: File) -> Vec<(String, String)> {
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(file);
    let records = reader.records().filter_map(Result::ok);
    records.filter_map(|r| Some((r.get(2)?.to_owned(), r.get(3)?.to_owned()))).collect()
}

/// Subscribes people page by page; one answer per row, in order.
pub async fn subscribe(
    press: &Press,
    rows: &[Row],
    consent: &Consent,
) -> Result<Vec<Subscribed>, PeopleError> {
    let now = press.clock.now();
    let digests: Vec<String> = press.config.digests.iter().map(|d| d.name.clone()).collect();
    press.store.register_digests(&digests, now).await?;
    let mut answers = Vec::with_capacity(rows.len());
    for page in rows.chunks(PAGE) {
        let page =
            page.iter().map(|row| sealed(press, row, consent)).collect::<Result<Vec<_>, _>>()?;
        answers.extend(press.store.subscribe(&page, now).await?);
    }
    Ok(answers)
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
    let (rows, refusals) = read_list(press, path).await?;
    if let Some(Refusal { line, reason }) = refusals.into_iter().next() {
        return Err(PeopleError::Rehearsal { path: path.clone(), line, reason });
    }
    let consent = Consent {
        source: "rehearsal",
        wording: "stands in while mail goes to a Maildir".into(),
        is_confirmed: true,
        is_rehearsal: true,
    };
    subscribe(press, &rows, &consent).await?;
    Ok(())
}
