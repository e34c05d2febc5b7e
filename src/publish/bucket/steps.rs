//! Decides what to upload and to remove, from what a bucket holds. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::feeds::{CACHE_CONTROL, media_type};
use crate::hash::hash;
use crate::publish::twins;

/// A document as the output folder has it, and what is remembered of its upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    pub path: String,
    /// SHA-256 in lower-case hex.
    pub hash: String,
    pub size_bytes: u64,
    /// As its last upload gave it; `None` before the first.
    pub tag: Option<String>,
}

/// Objects below the prefix with their `ETag`.
pub(super) type Listed = BTreeMap<String, String>;

/// What makes the bucket hold exactly the documents.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Steps<'a> {
    /// In the order given: referred-to before referring.
    pub upload: Vec<&'a Mirrored>,
    /// Objects, after all uploads.
    pub remove: Vec<&'a String>,
    /// The objects that are ours when all is done.
    pub files: BTreeSet<String>,
}

/// Says which bytes a bucket has of a document and of its twins, and how they are described
/// there. It differs where any of that does.
pub(super) fn tag(document: &Mirrored, etags: impl Iterator<Item = String>) -> String {
    // Some stores give the quotes of the header in a listing and some do not.
    let etags: Vec<String> = etags.map(|etag| etag.trim_matches('"').to_owned()).collect();
    let described = (media_type(&document.path), CACHE_CONTROL);
    hash(format!("{} {described:?} {etags:?}", document.hash).as_bytes())
}

/// The name of an object in the way that is not ours is the error.
pub(super) fn decide<'a>(
    wanted: &'a [Mirrored],
    listed: &Listed,
    owned: &'a BTreeSet<String>,
) -> Result<Steps<'a>, String> {
    let mut files = BTreeSet::new();
    let mut upload = Vec::new();
    for document in wanted {
        let parts = twins::files(&document.path, document.size_bytes);
        if let Some(foreign) =
            parts.iter().find(|part| listed.contains_key(*part) && !owned.contains(*part))
        {
            return Err(foreign.clone());
        }
        let etags: Option<Vec<String>> =
            parts.iter().map(|part| listed.get(part).cloned()).collect();
        let found = etags.map(|etags| tag(document, etags.into_iter()));
        if found.is_none() || found != document.tag {
            upload.push(document);
        }
        files.extend(parts);
    }
    let remove = owned.iter().filter(|object| !files.contains(*object)).collect();
    Ok(Steps { upload, remove, files })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 3] = ["a.atom", "a.atom.gz", "a.atom.br"];

    /// `a.atom`, as uploaded when the store gave these `ETag`s.
    fn document(etags: [&str; 3]) -> Mirrored {
        let mut document =
            Mirrored { path: "a.atom".into(), hash: "1".into(), size_bytes: 1000, tag: None };
        document.tag = Some(tag(&document, etags.map(str::to_owned).into_iter()));
        document
    }

    fn listed(etags: [&str; 3]) -> Listed {
        FILES.into_iter().zip(etags).map(|(file, etag)| (file.into(), etag.into())).collect()
    }

    fn owned() -> BTreeSet<String> {
        FILES.map(str::to_owned).into()
    }

    fn check(wanted: &Mirrored, listed: &Listed, is_uploaded: bool) {
        let (wanted, owned) = ([wanted.clone()], owned());
        let steps = decide(&wanted, listed, &owned).unwrap();
        assert_eq!(steps.upload.len(), usize::from(is_uploaded), "{listed:?}");
        assert!(steps.remove.is_empty());
    }

    #[test]
    fn what_the_bucket_has_as_recorded_is_not_uploaded() {
        check(&document(["x", "y", "z"]), &listed(["x", "y", "z"]), false);
        check(&document(["\"x\"", "y", "z"]), &listed(["x", "y", "z"]), false);
    }

    #[test]
    fn another_etag_a_missing_object_and_new_bytes_are_uploaded() {
        check(&document(["x", "y", "z"]), &listed(["x", "Y", "z"]), true);
        for missing in FILES {
            let mut listed = listed(["x", "y", "z"]);
            listed.remove(missing);
            check(&document(["x", "y", "z"]), &listed, true);
        }
        let unknown = Mirrored { tag: None, ..document(["x", "y", "z"]) };
        check(&unknown, &listed(["x", "y", "z"]), true);
        let changed = Mirrored { hash: "2".into(), ..document(["x", "y", "z"]) };
        check(&changed, &listed(["x", "y", "z"]), true);
    }

    #[test]
    fn what_is_no_longer_wanted_goes_and_twins_of_a_small_document_too() {
        let small = [Mirrored { size_bytes: 10, ..document(["x", "y", "z"]) }];
        let owned = &owned() | &BTreeSet::from(["b.atom".to_owned()]);
        let steps = decide(&small, &Listed::new(), &owned).unwrap();
        assert_eq!(steps.remove, ["a.atom.br", "a.atom.gz", "b.atom"]);
        assert_eq!(steps.files, BTreeSet::from(["a.atom".into()]));
    }

    #[test]
    fn an_object_of_somebody_else_in_the_way_is_told() {
        let wanted = [document(["x", "y", "z"])];
        let error = decide(&wanted, &listed(["x", "y", "z"]), &BTreeSet::new()).unwrap_err();
        assert_eq!(error, "a.atom");
    }
}
