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

/// What the program says of documents, which it sees as `0.atom`, `1.atom` and so on; absent
/// where it is not installed.
#[expect(clippy::print_stdout, reason = "tells that a test was skipped, and why")]
fn said(program: &str, arguments: &[&str], documents: &[Vec<u8>]) -> Option<(bool, String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(schema()).current_dir(folder.path());
    for (number, document) in documents.iter().enumerate() {
        let name = format!("{number}.atom");
        std::fs::write(folder.path().join(&name), document).unwrap();
        command.arg(name);
    }
    let Ok(output) = command.output() else {
        println!("skipped: {program} is not installed");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8(said).unwrap()))
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

/// `refusal` is what follows the name of a document that is not valid.
fn check(program: &str, arguments: &[&str], refusal: &str) {
    let Some((is_valid, said_of_ours)) = said(program, arguments, &documents()) else { return };
    assert!(is_valid, "{said_of_ours}");
    let (_, said_of_broken) = said(program, arguments, &broken()).unwrap();
    for number in 0..broken().len() {
        let refused = said_of_broken.contains(&format!("{number}.atom{refusal}"));
        assert!(refused, "{number}: {said_of_broken}");
    }
}

#[test]
fn xmllint_finds_nothing_against_the_schema() {
    check("xmllint", &["--noout", "--relaxng"], " fails to validate");
}

#[test]
fn jing_finds_nothing_against_the_schema() {
    check("jing", &[], ":");
}
