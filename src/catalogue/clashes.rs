//! What is wrong between files, none of which is wrong by itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::content::{Problem, Severity};

/// Where a file's entry is read on the web.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    pub path: String,
    pub link: String,
}

/// An entry that points to what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replacement {
    pub path: String,
    pub link: String,
    /// `replaced_by`, absolute.
    pub by: String,
}

/// Finds files that share an address, and notices that send readers round in a circle.
pub fn clashes(addresses: &[Address], replacements: &[Replacement]) -> Vec<Problem> {
    let mut problems = same_address(addresses);
    problems.extend(rings(replacements));
    problems.sort();
    problems
}

fn same_address(addresses: &[Address]) -> Vec<Problem> {
    let mut by_link: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for address in addresses {
        by_link.entry(&address.link).or_default().insert(&address.path);
    }
    let shared = by_link.into_iter().filter(|(_, paths)| paths.len() > 1);
    shared
        .flat_map(|(link, paths)| {
            let mut paths = paths.into_iter();
            let first = paths.next().unwrap_or_default();
            paths.map(move |path| Problem {
                severity: Severity::Warning,
                path: path.to_owned(),
                line: None,
                field: Some("permalink".into()),
                value: Some(link.to_owned()),
                message: format!("`{first}` has the same address `{link}`"),
                remedy: "give one of them another `permalink`; a reader of the site finds one of \
                         them alone"
                    .into(),
            })
        })
        .collect()
}

fn rings(replacements: &[Replacement]) -> Vec<Problem> {
    let next: BTreeMap<&str, &Replacement> =
        replacements.iter().map(|replacement| (replacement.link.as_str(), replacement)).collect();
    let leads_back = |start: &Replacement| {
        let mut at = start;
        // No chain is longer than there are links.
        for _ in 0..replacements.len() {
            if at.by == start.link {
                return true;
            }
            match next.get(at.by.as_str()) {
                Some(following) => at = following,
                None => return false,
            }
        }
        false
    };
    let in_ring = replacements.iter().filter(|replacement| leads_back(replacement));
    in_ring
        .map(|replacement| Problem {
            severity: Severity::Warning,
            path: replacement.path.clone(),
            line: None,
            field: Some("replaced_by".into()),
            value: Some(replacement.by.clone()),
            message: "`replaced_by` leads back here, so readers are sent round in a circle".into(),
            remedy: "let one of the notices point to a page that is not withdrawn".into(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(path: &str, link: &str) -> Address {
        Address { path: path.into(), link: link.into() }
    }

    fn replacement(path: &str, by: &str) -> Replacement {
        Replacement { path: path.into(), link: format!("/{path}"), by: format!("/{by}") }
    }

    fn said(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(|p| format!("{}: {}", p.path, p.message)).collect()
    }

    #[test]
    fn every_file_but_the_first_is_told_of_an_address_they_share() {
        let shared = [address("c.md", "/x"), address("a.md", "/x"), address("b.md", "/x")];
        assert_eq!(
            said(&clashes(&shared, &[])),
            ["b.md: `a.md` has the same address `/x`", "c.md: `a.md` has the same address `/x`"]
        );
        assert_eq!(clashes(&[address("a.md", "/x"), address("b.md", "/y")], &[]), []);
    }

    #[test]
    fn notices_in_a_ring_are_found_and_those_that_lead_into_one_are_not_blamed() {
        let ring = [replacement("a", "b"), replacement("b", "a"), replacement("c", "a")];
        let message = "`replaced_by` leads back here, so readers are sent round in a circle";
        assert_eq!(said(&clashes(&[], &ring)), [format!("a: {message}"), format!("b: {message}")]);
        assert_eq!(said(&clashes(&[], &[replacement("a", "a")])).len(), 1);
        assert_eq!(clashes(&[], &[replacement("a", "b"), replacement("b", "c")]), []);
    }
}
