//! Atom documents against the schema of RFC 4287 (appendix B), with the programs that know
//! RELAX NG.

use std::path::Path;
use std::process::Command;

use tidings::feeds::{Text, atom};

use crate::samples::{archive, entries, entry, feed, new_feed, plain_site, site};

/// The schema in the XML syntax of RELAX NG, which both programs read.
fn schema() -> String {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/feeds/rfc4287.rng");
    schema.to_str().unwrap().to_owned()
}

/// What the schema has to say against each of the documents.
#[expect(clippy::print_stdout, reason = "tells that a test was skipped, and why")]
fn refused(program: &str, arguments: &[&str], documents: &[Vec<u8>]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let mut refused = Vec::new();
    for document in documents {
        let path = folder.path().join("feed.atom");
        std::fs::write(&path, document).unwrap();
        let Ok(output) = Command::new(program).args(arguments).arg(schema()).arg(&path).output()
        else {
            println!("skipped: {program} is not installed");
            return None;
        };
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            refused.push(String::from_utf8_lossy(&said).into_owned());
        }
    }
    Some(refused)
}

fn documents() -> Vec<Vec<u8>> {
    vec![
        atom::render(&feed(&entries(), Text::Full), &site()),
        atom::render(&feed(&entries(), Text::Summary), &plain_site()),
        atom::render(&feed(&[], Text::Full), &site()),
        atom::render(&new_feed(&[entry("a")], Text::Full), &plain_site()),
        atom::render_archive(&archive(2, &entries(), Text::Full), &site()),
        atom::render_archive(&archive(1, &entries(), Text::Summary), &plain_site()),
    ]
}

/// The same with a fault that only a schema looks for.
fn broken() -> Vec<Vec<u8>> {
    let rendered = String::from_utf8(atom::render(&feed(&entries(), Text::Full), &site())).unwrap();
    let faults = [
        ("<published>", "<issued/><published>"),
        ("</feed>", "<rights/></feed>"),
        ("rel=\"self\"", "rel=\"self\" media=\"all\""),
        ("<name>Press Office, R&amp;D</name>", ""),
    ];
    faults.iter().map(|(from, to)| rendered.replacen(from, to, 1).into_bytes()).collect()
}

fn check(program: &str, arguments: &[&str]) {
    let Some(found) = refused(program, arguments, &documents()) else { return };
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(refused(program, arguments, &broken()).unwrap().len(), broken().len());
}

#[test]
fn xmllint_finds_nothing_against_the_schema() {
    check("xmllint", &["--noout", "--relaxng"]);
}

#[test]
fn jing_finds_nothing_against_the_schema() {
    check("jing", &[]);
}
