//! All documents of all feeds, checked and in the order in which they are put in place.
//!
//! RSS, Atom and the index page. JSON Feed, calendars, OPML, archives and a page for each feed
//! are not made.

use super::xml::XmlError;
use super::{Document, Feed, Site, atom, page, rss, xml};
use crate::templates::{TemplateError, Templates};

#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// A fault of ours: what authors write must not be able to cause it.
    #[error("document `{path}` is not well-formed")]
    Xml { path: String, source: XmlError },
    #[error(transparent)]
    Page(#[from] TemplateError),
}

/// Renders every document, referred-to before referring: a page never names a feed that is
/// not there yet. One that is not well-formed stops them all, so that none is put in place.
pub fn documents(
    feeds: &[Feed],
    site: &Site,
    templates: &Templates,
) -> Result<Vec<Document>, DocumentError> {
    let mut documents = Vec::with_capacity(2 * feeds.len() + 1);
    for feed in feeds {
        documents
            .push(Document { path: feed.definition.rss_path(), bytes: rss::render(feed, site) });
        documents
            .push(Document { path: feed.definition.atom_path(), bytes: atom::render(feed, site) });
    }
    for Document { path, bytes, .. } in &documents {
        xml::check(bytes).map_err(|source| DocumentError::Xml { path: path.clone(), source })?;
    }
    documents.push(Document {
        path: "index.html".to_owned(),
        bytes: page::render(templates, feeds, site)?,
    });
    Ok(documents)
}
