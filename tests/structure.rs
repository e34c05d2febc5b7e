//! An issue that a receiver could misread or refuse keeps its run from going out.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use support::office::Office;

/// A text template is the operator's own, and nothing else looks at the size of what it makes.
#[test]
fn an_issue_too_large_for_relays_goes_to_nobody() {
    let office = Office::new();
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/mail/digest.txt");
    let filling = "A line as long as most lines of a text part are, and then many more.\n";
    let template = std::fs::read_to_string(template).unwrap();
    // Not in the samples: each of them would be made and checked at that size first.
    let filling = format!(
        "{{% for section in sections %}}{{% for entry in section.entries %}}\
         {{% if entry.title == \"a new bridge\" %}}{}{{% endif %}}{{% endfor %}}{{% endfor %}}",
        filling.repeat(15_000)
    );
    office.write("templates/mail/digest.txt", template + &filling);
    office.subscribe(2, "daily");
    office.release("a-new-bridge", "It opens.");
    let done = office.run(&["publish-now", "--yes"]);
    assert_eq!(done.code, 1, "{done:?}");
    let expected = "an issue of the digest `daily` is not fit to send: it has 1";
    assert!(done.stderr.contains(expected), "{}", done.stderr);
    assert!(done.stderr.contains(" octets, more than 1000000\n"), "{}", done.stderr);
    assert!(office.mails().is_empty());
}
