//! Signatures of the program as others see them: every message of a run is verified by two
//! verifiers, and no byte of it may change.
//!
//! Needs a Python with `dkimpy` and `pynacl`, named by `TIDINGS_PYTHON` where it is not
//! `python3`, and Perl with `Mail::DKIM`.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![expect(unreachable_pub, reason = "there is no other crate to reach them")]

#[path = "readers/program.rs"]
#[allow(dead_code, clippy::allow_attributes, reason = "it is shared with other tests")]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
mod program;
mod support;
#[path = "support/verifiers.rs"]
mod verifiers;

use support::office::Office;
use verifiers::{Records, dkimpy, mail_dkim};

/// A release of what canonical forms and stuffing have trouble with.
const BODY: &str = "\
.dot\n\n..  two dots\n\nblanks   inside \t and at the end   \n\nGrößer, 渡轮 🎆, = and =20.\n\n\
a line that is much longer than a line of quoted-printable may be, so that it is broken, twice \
over, somewhere in the middle of it, and goes on until there is no doubt about that at all.\n";

/// The signed messages of a run, and what the DNS has of their keys.
fn signed() -> (Vec<String>, Records) {
    let office = Office::new();
    let records = verifiers::sign(&office);
    office.subscribe(3, "daily");
    office.release("the-größe-of-a-bridge", BODY);
    office.release("another", "Short.");
    let done = office.run(&["publish-now", "--yes"]);
    assert_eq!(done.code, 0, "{done:?}");
    let messages = office.mails();
    assert_eq!(messages.len(), 3);
    (messages, records)
}

#[test]
fn dkimpy_verifies_both_signatures_of_every_message() {
    let (messages, records) = signed();
    let Some(results) = dkimpy(&messages, &records) else { return };
    assert_eq!(results, [[true, true]; 3]);
    // Not with the keys of somebody else.
    let (_, others) = signed();
    assert_eq!(dkimpy(&messages, &others).unwrap(), [[false, false]; 3]);
}

#[test]
fn mail_dkim_verifies_every_message_and_none_that_changed() {
    let (mut messages, records) = signed();
    messages.push(messages[0].replacen("another", "anether", 1));
    messages.push(messages[0].replacen("Subject: ", "Subject: x", 1));
    let Some(results) = mail_dkim(&messages, &records) else { return };
    assert_eq!(results, ["pass", "pass", "pass", "fail", "fail"]);
}

#[test]
fn one_changed_byte_breaks_both_signatures() {
    let (messages, records) = signed();
    let message = messages[0].as_bytes();
    let start = messages[0].find("\r\nDate: ").unwrap() + 2;
    let unsigned: Vec<_> = ["List-Post: ", "List-Archive: ", "Auto-Submitted: "]
        .map(|name| {
            let start = messages[0].find(name).unwrap();
            start..start + messages[0][start..].find("\r\n").unwrap()
        })
        .into();
    let is_signed = |at: &usize| !unsigned.iter().any(|range| range.contains(at));
    // Blanks and the case of names may change, so letters and digits are taken.
    let places: Vec<usize> = (start..message.len())
        .filter(|at| message[*at].is_ascii_alphanumeric() && is_signed(at))
        .step_by(41)
        .collect();
    assert!(places.len() > 100, "{}", places.len());
    let changed = |at: &usize| {
        let mut changed = message.to_vec();
        changed[*at] = if changed[*at].eq_ignore_ascii_case(&b'x') { b'y' } else { b'x' };
        String::from_utf8(changed).unwrap()
    };
    let changed: Vec<String> = places.iter().map(changed).collect();
    let Some(results) = dkimpy(&changed, &records) else { return };
    for (place, result) in places.iter().zip(results) {
        assert_eq!(result, [false, false], "{}", messages[0].split_at(*place).1);
    }
}

#[test]
fn a_field_cannot_be_added_beside_a_signed_one() {
    let (messages, records) = signed();
    let with = |field: &str| format!("{field}\r\n{}", messages[0]);
    let second = [
        "Subject: x",
        "From: x@example.com",
        "Reply-To: x@example.com",
        "Cc: x@example.com",
        "To: x@example.com",
        "List-Unsubscribe: <https://example.com/>",
        "Content-Type: text/html",
    ];
    let changed: Vec<String> = second.map(with).into();
    let Some(results) = dkimpy(&changed, &records) else { return };
    assert_eq!(results, [[false, false]; 7]);
}

#[test]
fn what_relays_do_to_blanks_breaks_nothing() {
    let (messages, records) = signed();
    let changed = vec![
        format!("Received: by relay.example.com\r\n{}", messages[0]),
        messages[0].replacen("Subject: ", "SUBJECT:  ", 1),
        messages[0].replacen("To: ", "To:\r\n\t", 1),
        format!("{} \t\r\n\r\n", messages[0]),
    ];
    let Some(results) = dkimpy(&changed, &records) else { return };
    assert_eq!(results, [[true, true]; 4]);
}
