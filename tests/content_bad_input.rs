//! What an author is told about each thing that can be wrong with one file: line, field, value,
//! message and remedy, to the letter.
//!
//! One file in `tests/fixtures/content/` for each, the smallest that shows it; what cannot lie
//! in a file well is made here. What takes several files to go wrong is in other tests.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fs;
use std::path::Path;

use chrono_tz::Tz;
use tidings::content::{Draft, Outcome, Problem, Reading, Rules, Severity, read};

fn rules() -> Rules {
    Rules {
        site_url: "https://press.example/".parse().unwrap(),
        time_zone: Tz::Asia__Singapore,
        language: "en".parse().unwrap(),
        kinds: Vec::new(),
        permalinks: Vec::new(),
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/content");
    let path = folder.join(format!("{name}.md"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A fixture read as a post of 21 November 2026.
fn read_fixture(name: &str) -> Reading {
    read("_posts/2026-11-21-rates.md", &fixture(name), &rules())
}

/// A problem in two lines: severity, line, field and value; what is said.
fn told(problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let line = problem.line.map(|line| format!(", line {line}")).unwrap_or_default();
    let field = problem.field.as_ref().map(|field| format!(", field {field}")).unwrap_or_default();
    let value = problem.value.as_ref().map(|value| format!(", value {value}")).unwrap_or_default();
    format!("{severity}{line}{field}{value}\n{}; {}", problem.message, problem.remedy)
}

/// Compares all that is told of a fixture, in the order it was found. An error holds it back,
/// a warning does not.
fn check(name: &str, expected: &[&str]) {
    check_reading(name, &read_fixture(name), expected);
}

fn check_reading(name: &str, reading: &Reading, expected: &[&str]) {
    let found: Vec<String> = reading.problems.iter().map(told).collect();
    assert_eq!(found, expected, "{name}");
    let has_error = reading.problems.iter().any(|p| p.severity == Severity::Error);
    assert_eq!(reading.outcome == Outcome::HeldBack, has_error, "{name}");
}

/// What is published of bytes that read as well as any.
fn draft(name: &str, bytes: &[u8]) -> Draft {
    match read("_posts/2026-11-21-rates.md", bytes, &rules()).outcome {
        Outcome::Draft(draft) => *draft,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn marks_and_line_endings_of_any_editor_are_no_problem() {
    for name in ["byte_order_mark", "crlf", "lone_cr", "trailing_blanks_on_fences"] {
        check(name, &[]);
        let draft = draft(name, &fixture(name));
        assert_eq!(draft.title, "Rates", "{name}");
        assert_eq!(draft.content_html, "<p>Text.</p>\n", "{name}");
    }
}

#[test]
fn an_empty_file_is_no_problem_and_nothing() {
    for name in ["empty", "blanks_alone"] {
        check(name, &[]);
        assert_eq!(read_fixture(name).outcome, Outcome::Empty, "{name}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    for (bytes, expected) in [
        (
            b"---\ntitle: caf\xe9\n---\nText.\n".as_slice(),
            "error, line 2\n\
             the file is not written in UTF-8; save it again with the encoding UTF-8",
        ),
        (
            b"\xff\xfe-\0-\0-\0\n\0",
            "error, line 1\n\
             the file is written in UTF-16; save it again with the encoding UTF-8",
        ),
        (
            b"---\ntitle: Rates\n---\nText.\n\0\n",
            "error, line 5\n\
             the file holds a NUL byte, so it is no text; \
             save it again as plain text with the encoding UTF-8",
        ),
    ] {
        check_reading(expected, &read("_posts/2026-11-21-rates.md", bytes, &rules()), &[expected]);
    }
}

#[test]
fn characters_that_control_a_terminal_or_the_direction_are_taken_out_of_titles() {
    check("control_characters_in_title", &[]);
    let name = "control_characters_in_title";
    assert_eq!(draft(name, &fixture(name)).title, "Rates [31mup");
    check(
        "direction_marks_in_title",
        &["warning, line 2, field title, value Rates \\u{202e}gpj.exe\\u{2066} up\n\
             `title` holds invisible characters that turn the direction of writing; they \
             are left out; write it without them: Arabic and Hebrew need none"],
    );
    let name = "direction_marks_in_title";
    assert_eq!(draft(name, &fixture(name)).title, "Rates gpj.exe up");
    // The same as they are typed, and marks that are right in Hebrew left in.
    let typed = "---\ntitle: \u{202e}Ra\u{7}tes\u{2069} \u{5d0}\u{200f}!\n---\nText.\n";
    assert_eq!(draft("typed", typed.as_bytes()).title, "Rates \u{5d0}\u{200f}!");
}

/// Titles are links in mails and pages (WCAG 2.2, success criterion 2.4.4).
#[test]
fn a_title_that_says_nothing_as_a_link_is_told() {
    let read = |title: &str| {
        let text = format!("---\ntitle: {title}\n---\nText.\n");
        read("_posts/2026-11-21-rates.md", text.as_bytes(), &rules())
    };
    let said = |title: &str, flaw: &str| {
        format!(
            "warning, line 2, field title, value {title}\n\
             `title` is all that links to it say, and {flaw}; say in a few words what is new"
        )
    };
    for title in ["More", "Click here"] {
        check_reading(title, &read(title), &[&said(title, "does not say where it leads")]);
    }
    let address = "https://vaccine.example.gov";
    check_reading(address, &read(address), &[&said(address, "is an address and no words")]);
    check_reading("words", &read("https://vaccine.example.gov opens for bookings"), &[]);
}

#[test]
fn what_is_too_long_is_told_with_its_length_and_limit() {
    let title = |length: usize| format!("---\ntitle: {}\n---\nText.\n", "x".repeat(length));
    let read = |text: &str| read("_posts/2026-11-21-rates.md", text.as_bytes(), &rules());
    check_reading("a title at the limit", &read(&title(500)), &[]);
    let value = format!("{}…", "x".repeat(79));
    let expected = format!(
        "error, line 2, field title, value {value}\n\
         `title` is 501 characters long, more than 500; \
         write a short one, and the rest below the front matter"
    );
    check_reading("a long title", &read(&title(501)), &[&expected]);
    check_reading(
        "a title of 1 MB",
        &read(&title(1024 * 1024)),
        &["error, line 2, field title\n\
           the front matter is 1048584 bytes long, more than 65536; \
           move the text below the closing `---`"],
    );
    let body = format!("---\ntitle: Rates\n---\n{}", "A line of text.\n".repeat(655_360));
    check_reading(
        "a body of 10 MB",
        &read(&body),
        &["error\n\
           the file is 10485781 bytes long, more than 5242880; \
           split the text, or offer the long part as a file with `file_url`"],
    );
}

#[test]
fn a_full_address_on_this_site_is_its_path() {
    let name = "permalink_on_this_site";
    check(name, &[]);
    assert_eq!(draft(name, &fixture(name)).link.as_str(), "https://press.example/rates/");
}

#[test]
fn a_date_that_cannot_be_read_is_one_problem_and_no_more() {
    // Neither the missing date nor the address made from it is told again.
    let reading = read("_posts/rates.md", &fixture("day_that_does_not_exist"), &rules());
    assert_eq!(reading.problems.len(), 1, "{:?}", reading.problems);
}

#[test]
fn every_fixture_is_used() {
    let tests = include_str!("content_bad_input.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/content");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".md") {
            assert!(tests.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}

#[test]
fn front_matter_that_cannot_be_told_from_the_text_is_refused() {
    check(
        "fence_never_closes",
        &["error, line 1\n\
             the front matter that begins here is never closed; put a line of `---` below \
             the last key"],
    );
    check(
        "first_fence_is_missing",
        &["error, line 1\n\
             the line of `---` above the front matter is missing; put a line of `---` above \
             the first key"],
    );
    check(
        "no_front_matter",
        &["error, line 1\n\
             the file has no front matter; begin it with a line of `---`, then `title: …`, \
             then a line of `---`"],
    );
    check(
        "toml",
        &["error, line 1\n\
             the front matter is TOML (`+++`), which is not read; write it as YAML between \
             two lines of `---`"],
    );
}

#[test]
fn yaml_that_is_broken_is_told_with_the_line_and_the_way_out() {
    check(
        "duplicate_keys",
        &["error, line 4, field title\n\
             `title` is given twice; keep one of the two"],
    );
    check(
        "keys_that_differ_in_case",
        &["error, line 3, field Title\n\
             `Title` is given twice; keep one of the two"],
    );
    check(
        "tab_for_indentation",
        &["error, line 4, value start: 2026-11-21\n\
             a tab is used to indent the front matter; indent with spaces"],
    );
    check(
        "unquoted_colon",
        &["error, line 3, value title: Budget: an overview\n\
             a value with a colon is not put in quotes; put quotes around it, as in `title: \
             \"Budget 2026: an overview\"`"],
    );
    check(
        "open_quote",
        &["error, line 2, value title: \"Rates\n\
             a value begins with a quotation mark that is never closed; close it, or write \
             the value without"],
    );
    check(
        "list_of_values",
        &["error, line 2\n\
             the front matter is no list of keys; write one `key: value` a line, as `title: \
             Board appointments`"],
    );
}

#[test]
fn yaml_that_would_swell_is_refused() {
    check(
        "billion_laughs",
        &["error, line 2\n\
             the front matter holds too many values, or aliases that multiply; write the \
             values out"],
    );
    check(
        "deep_nesting",
        &["error, line 2\n\
             the front matter is nested too deeply; write the keys without nesting them"],
    );
}

#[test]
fn a_title_is_one_value_that_is_there() {
    check(
        "title_null",
        &["error, line 2, field title\n\
             `title` is empty; write `title: Board appointments`"],
    );
    check(
        "title_missing",
        &["error, field title\n\
             there is no title; write `title: Board appointments`"],
    );
    check(
        "title_list",
        &["error, line 2, field title\n\
             `title` is a list where one value is due; write one value behind `title:`"],
    );
    check(
        "title_mapping",
        &["error, line 2, field title\n\
             `title` is a mapping where one value is due; write one value behind `title:`"],
    );
}

#[test]
fn a_list_where_one_value_is_due_is_named() {
    check(
        "date_list",
        &["error, line 3, field date\n\
             `date` is a list where a date is due; write `2026-11-21` or \
             `2026-11-21T09:00:00+08:00`"],
    );
    check(
        "permalink_list",
        &["error, line 3, field permalink\n\
             `permalink` is a list where one value is due; write one value behind \
             `permalink:`"],
    );
    check(
        "correction_list",
        &["error, line 3, field correction\n\
             `correction` is a list where one value is due; write one value behind \
             `correction:`"],
    );
    check(
        "agency_list",
        &["warning, line 3, field agency\n\
             `agency` is a list where one value is due, so it is left out; write one value \
             behind `agency:`"],
    );
}

#[test]
fn a_date_is_a_day_that_exists_written_one_way() {
    check(
        "day_that_does_not_exist",
        &["error, line 3, field date, value 31/11/2026\n\
             `date` is not a date; write `2026-11-21` or `2026-11-21T09:00:00+08:00`"],
    );
    check(
        "date_in_words",
        &["error, line 3, field date, value next Monday\n\
             `date` is not a date; write `2026-11-21` or `2026-11-21T09:00:00+08:00`"],
    );
    check(
        "date_that_can_be_read_in_two_ways",
        &["error, line 3, field date, value 03/04/2026\n\
             `date` is not a date; write `2026-11-21` or `2026-11-21T09:00:00+08:00`"],
    );
    check(
        "updated_in_words",
        &["error, line 3, field updated, value yesterday\n\
             `updated` is not a date; write `2026-11-21` or `2026-11-21T09:00:00+08:00`"],
    );
    check(
        "dates_that_disagree",
        &["warning, line 3, field date, value 2026-11-23\n\
             `date` says 2026-11-23, the file name says 2026-11-21; `date` is used; make \
             the two agree"],
    );
}

#[test]
fn an_embargo_needs_its_time_and_zone() {
    check(
        "publish_at_without_zone",
        &["error, line 3, field publish_at, value 2026-11-21 09:30\n\
             `publish_at` has no time zone; write date, time and zone, as \
             `2026-11-21T09:30:00+08:00`"],
    );
    check(
        "publish_at_without_time",
        &["error, line 3, field publish_at, value 2026-11-23\n\
             `publish_at` has no time zone; write date, time and zone, as \
             `2026-11-23T09:00:00+08:00`"],
    );
}

#[test]
fn what_would_never_be_seen_or_only_perhaps_is_held_back() {
    check(
        "expires_before_publication",
        &["error, line 4, field expires_at, value 2026-11-21\n\
             `expires_at` is not after the publication time, so it would never be seen; \
             write a later time, or take it out"],
    );
    check(
        "draft_maybe",
        &["error, line 3, field draft, value maybe\n\
             `draft` is neither `true` nor `false`; write `draft: true` or `draft: false`"],
    );
    check(
        "published_misspelt",
        &["error, line 3, field published, value flase\n\
             `published` is neither `true` nor `false`; write `published: true` or \
             `published: false`"],
    );
}

#[test]
fn an_event_has_a_time_that_can_be_shown() {
    check(
        "event_as_a_list",
        &["warning, line 3, field event\n\
             `event` is a list where keys of its own are due, so it is left out; \
             write `event: {start: 2026-11-21T09:00:00+08:00}`"],
    );
    check(
        "event_that_ends_before_it_starts",
        &["error, line 5, field event.end, value 2026-11-21T08:00:00+08:00\n\
             `event.end` is before `event.start`; write an end after the start"],
    );
    check(
        "event_in_an_unknown_zone",
        &[
            "error, line 4, field event.start, value 2026-11-21 09:00 SGT\n\
             the time zone `SGT` in `event.start` is not known; write its offset, as \
             `2026-11-21T09:00:00+08:00`, or its name, as `2026-11-21 09:00 Asia/Singapore`",
            "error, line 5, field event.end, value 2026-11-21 17:00 Asia/Atlantis\n\
             the time zone `Asia/Atlantis` in `event.end` is not known; write its offset, \
             as `2026-11-21T09:00:00+08:00`, or its name, as `2026-11-21 09:00 \
             Asia/Singapore`",
        ],
    );
    check(
        "event_with_a_key_for_the_zone",
        &[
            "warning, line 5, field event.time_zone, value Asia/Singapore\n\
             `event.time_zone` is not a key of an event, so it is left out; write the zone \
             behind each time, as `2026-11-21T09:00:00+08:00`",
            "warning, line 6, field event.place, value Town Hall\n\
             `event.place` is not a key of an event, so it is left out; an event has \
             `start`, `end`, `venue`, `online_url`, `registration_url` and `status`",
        ],
    );
    check(
        "event_with_an_unknown_status",
        &["error, line 3, field event.status, value maybe\n\
             `event.status` is not known; write `confirmed`, `cancelled` or `postponed`"],
    );
    check(
        "event_with_a_start_in_words",
        &[
            "error, line 4, field event.start, value after lunch\n\
             `event.start` is not a date; write `2026-11-21` or `2026-11-21T09:00:00+08:00`",
            "error, line 5, field event.status, value maybe\n\
             `event.status` is not known; write `confirmed`, `cancelled` or `postponed`",
        ],
    );
    check(
        "event_without_start",
        &["warning, field event.start\n\
             the event has no start, so no calendar shows it; add `event: {start: \
             2026-11-21T09:00:00+08:00}`"],
    );
}

#[test]
fn a_withdrawal_says_why_and_goes_before_a_correction() {
    check(
        "withdrawn_without_reason",
        &["error, line 3, field withdrawn, value true\n\
             `withdrawn` does not say why; write the reason, as `withdrawn: Issued in \
             error`"],
    );
    check(
        "withdrawn_with_correction",
        &["warning, line 3, field correction, value It was 4.2.\n\
             `correction` and `withdrawn` are both given; it is withdrawn, and nobody is \
             told of a new correction; take `withdrawn` out if the text still stands, else \
             `correction`"],
    );
    check(
        "replaced_by_a_script",
        &["warning, line 4, field replaced_by, value javascript:alert(1)\n\
             `replaced_by` is not an address; write `/media/new-text/` or a full address"],
    );
}

#[test]
fn an_address_is_one_on_this_site() {
    check(
        "permalink_on_another_site",
        &["error, line 3, field permalink, value https://other.example/rates/\n\
             `permalink` leads to another site than `press.example`; write a path, as \
             `/news/2026/board-appointments/`; an entry without text may name a page \
             elsewhere as `external`"],
    );
    check(
        "permalink_with_a_script",
        &["error, line 3, field permalink, value javascript:alert(1)\n\
             `permalink` is not an address; write `/news/2026/board-appointments/`"],
    );
    check(
        "permalink_with_an_unknown_mark",
        &["error, line 3, field permalink, value /:year/:colour/\n\
             the pattern in `permalink` gives no address: `:colour` is not known; write \
             `/news/2026/board-appointments/`"],
    );
    check(
        "external_that_is_a_script",
        &["warning, line 5, field external, value javascript:alert(1)\n\
             `external` is not an address, so it is left out; write it in full, as \
             `https://example.org/report`"],
    );
}

/// A key that nobody reads says nothing, and what it was to hold back would be out.
#[test]
fn a_key_that_is_nearly_one_which_decides_what_is_published_is_named() {
    let warnings = [
        (4, "publish_att", "2026-11-21T09:00:00+08:00", "publish_at"),
        (5, "expiry_date", "2027-01-01", "expiryDate"),
        (6, "withdrawn_reson", "Issued in error", "withdrawn"),
        (7, "correcton", "The rate is 4.2 %", "correction"),
        (8, "drfat", "true", "draft"),
        (9, "urgnet", "true", "urgent"),
    ]
    .map(|(line, key, value, meant)| {
        format!(
            "warning, line {line}, field {key}, value {value}\n\
             `{key}` is not a key that is read; did you mean `{meant}`?"
        )
    });
    check("keys_misspelt", &warnings.each_ref().map(String::as_str));
    check("keys_of_others", &[]);
}

#[test]
fn a_value_that_is_not_known_is_passed_over_with_a_warning() {
    check(
        "kind_misspelt",
        &["warning, line 3, field kind, value relase\n\
             `kind` is not known, so the usual rules say what it is; write `release`, \
             `event` or `page`"],
    );
    check(
        "language_in_words",
        &["warning, line 3, field language, value plain English\n\
             `language` is not a language; write `language: en`; the site's language is \
             used"],
    );
    check(
        "id_that_is_no_iri",
        &["warning, line 3, field id, value rates 2026\n\
             `id` is not an IRI, so it is not used; write it as \
             `tag:example.org,2026:news/board-appointments`, or leave it out"],
    );
}

#[test]
fn a_post_has_something_to_read() {
    check(
        "front_matter_only",
        &["error, line 4, field body\n\
             there is nothing to read in it; write a text below the front matter, or point \
             to one with `external` or `file_url`"],
    );
    check(
        "only_liquid",
        &[
            "warning, line 4, field body, value include rates.html\n\
             the tag `include rates.html` means nothing here and was left out; write what \
             it stands for, or remove it",
            "error, line 4, field body\n\
             there is nothing to read in it; write a text below the front matter, or point \
             to one with `external` or `file_url`",
        ],
    );
    check(
        "liquid_that_means_nothing",
        &["warning, line 6, field body, value include rates.html\n\
             the tag `include rates.html` means nothing here and was left out; write what \
             it stands for, or remove it"],
    );
}
