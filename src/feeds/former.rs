//! Reads back from an Atom document what its entries were known by.

use std::collections::BTreeMap;

use super::content::withdrawn_by_summary;
use crate::catalogue::Former;
use crate::model::EntryId;

/// The entries of documents of ours, each once, by id: an entry stands in many feeds.
#[derive(Debug, Default)]
pub struct FormerEntries {
    by_id: BTreeMap<EntryId, Former>,
}

impl FormerEntries {
    /// Adds what one Atom document says; of an entry that is there already the newer counts.
    pub fn read(&mut self, document: &[u8]) -> Result<(), atom_syndication::Error> {
        let feed = atom_syndication::Feed::read_from(document)?;
        for entry in feed.entries {
            let former = former(entry);
            match self.by_id.get(&former.id) {
                Some(known) if known.updated >= former.updated => {}
                _ => drop(self.by_id.insert(former.id.clone(), former)),
            }
        }
        Ok(())
    }

    pub fn into_list(self) -> Vec<Former> {
        self.by_id.into_values().collect()
    }
}

fn former(entry: atom_syndication::Entry) -> Former {
    let page = entry.links.into_iter().find(|link| link.rel == "alternate");
    let summary = entry.summary.map(|summary| summary.value);
    Former {
        id: EntryId::new(entry.id),
        title: entry.title.value,
        link: page.map(|link| link.href),
        published: entry.published.unwrap_or(entry.updated),
        updated: entry.updated,
        withdrawn: summary.as_deref().and_then(withdrawn_by_summary).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{archive, entry, feed, site};
    use super::*;
    use crate::feeds::{Feed, Text, Tombstone, atom};
    use crate::model::{Entry, Notes};

    fn read(entries: &[Entry]) -> Vec<Former> {
        let mut former = FormerEntries::default();
        former.read(&atom::render(&feed("all", entries), &site())).unwrap();
        former.into_list()
    }

    #[test]
    fn summaries_archives_and_tombstones_tell_the_same_of_an_entry() {
        let image = Some("https://press.example/a.png".parse().unwrap());
        let withdrawn = Notes { withdrawn: Some("In error".into()), ..Notes::default() };
        let entries = [Entry { image, agency: Some("Parks".into()), ..entry("a") }]
            .map(|entry| Entry { tags: vec!["R&D".into()], notes: withdrawn.clone(), ..entry });
        let expected = read(&entries);
        assert_eq!(expected[0].withdrawn.as_deref(), Some("In error"));

        let tombstone = Tombstone { id: entry("gone").id, at: entries[0].updated };
        let mut feed = Feed { tombstones: vec![tombstone], archives: 2, ..feed("all", &entries) };
        feed.definition.text = Text::Summary;
        let archive = atom::render_archive(&archive(2, &entries), &site());
        for document in [atom::render(&feed, &site()), archive] {
            let mut former = FormerEntries::default();
            former.read(&document).unwrap();
            assert_eq!(former.into_list(), expected);
        }
    }

    #[test]
    fn what_a_document_says_of_an_entry_is_read_back() {
        let title = "Fares & <b>ferries</b>: 5 > 4, \"now\"".to_owned();
        let withdrawn = Notes { withdrawn: Some("In error".into()), ..Notes::default() };
        let entries = [
            Entry { title: title.clone(), ..entry("a") },
            Entry { notes: withdrawn, ..entry("b") },
        ];
        let former = read(&entries);
        assert_eq!(former.len(), 2);
        for (former, entry) in former.iter().zip(&entries) {
            let expected = Former {
                id: entry.id.clone(),
                title: entry.title.clone(),
                link: Some(entry.link.to_string()),
                published: entry.published,
                updated: entry.updated,
                withdrawn: entry.notes.withdrawn.clone(),
            };
            assert_eq!(*former, expected);
        }
    }

    #[test]
    fn of_an_entry_in_two_documents_the_newer_counts() {
        let old = entry("a");
        let updated = old.updated + chrono::TimeDelta::days(1);
        let new = Entry { title: "Newer".into(), updated, ..entry("a") };
        for order in [[&old, &new], [&new, &old]] {
            let mut former = FormerEntries::default();
            for entry in order {
                let feed = feed("all", std::slice::from_ref(entry));
                former.read(&atom::render(&feed, &site())).unwrap();
            }
            let former = former.into_list();
            assert_eq!((former.len(), former[0].title.as_str()), (1, "Newer"));
        }
    }

    #[test]
    fn what_is_no_atom_document_is_an_error() {
        for bytes in ["", "<rss/>", "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry>"] {
            assert!(FormerEntries::default().read(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }
}
