//! What readers get for small issues, and what must hold for any.

use super::*;
use crate::feeds::Author;
use crate::model::{Entry, EntryId, Event, EventStatus, EventTime, Kind, Notes};

fn site() -> Site {
    Site {
        title: "Harbour City Office".to_owned(),
        url: "https://press.example.org/".parse().unwrap(),
        language: "en".parse().unwrap(),
        author: Some(Author {
            name: "Press Team".to_owned(),
            email: Some("press@example.org".to_owned()),
        }),
        since: "2026-01-01T00:00:00+08:00".parse().unwrap(),
        since_date: "2026-01-01".parse().unwrap(),
        time_zone: chrono_tz::Asia::Singapore,
        output_url: "https://press.example.org/".parse().unwrap(),
        public_url: "https://press.example.org/".parse().unwrap(),
        rights: None,
        icon: None,
        logo: None,
        hubs: vec![],
    }
}

fn release(slug: &str, title: &str) -> Entry {
    Entry {
        id: EntryId::new(format!("tag:press.example.org,2026:{slug}")),
        kind: Kind::Release,
        title: title.to_owned(),
        link: format!("https://press.example.org/media/press-releases/{slug}/").parse().unwrap(),
        published: "2026-02-26T09:00:00+08:00".parse().unwrap(),
        updated: "2026-02-26T09:00:00+08:00".parse().unwrap(),
        revision: 1,
        revised: None,
        sequence: 0,
        language: "en".parse().unwrap(),
        translation_key: None,
        categories: vec!["transport".to_owned()],
        tags: Vec::new(),
        agency: None,
        summary: "The first ferry from North Pier will leave at 5:40 am, twenty minutes \
                  earlier than now, so that early shifts at the hospital are reached in time."
            .to_owned(),
        content_html: String::new(),
        content_text: String::new(),
        image: None,
        enclosures: Vec::new(),
        event: None,
        notes: Notes::default(),
        urgent: false,
    }
}

fn event(slug: &str, title: &str, status: EventStatus) -> Entry {
    Entry {
        kind: Kind::Event,
        link: format!("https://press.example.org/events/{slug}/").parse().unwrap(),
        published: "2026-02-20T09:00:00+08:00".parse().unwrap(),
        updated: "2026-02-20T09:00:00+08:00".parse().unwrap(),
        categories: vec!["events".to_owned(), "culture".to_owned()],
        summary: "Lanterns, music and a walk along the sea wall.".to_owned(),
        event: Some(Event {
            start: EventTime::At("2026-03-05T19:00:00+08:00".parse().unwrap()),
            end: Some(EventTime::At("2026-03-05T21:30:00+08:00".parse().unwrap())),
            venue: Some(
                "Sea Wall Garden, between the old lighthouse and Pier 3, East Harbour".to_owned(),
            ),
            online_url: None,
            registration_url: Some("https://book.example.com/lanterns".parse().unwrap()),
            status,
        }),
        ..release(slug, title)
    }
}

fn render_sections(sections: Vec<Section<'_>>, more: usize) -> RenderedIssue {
    let language = "en".parse().unwrap();
    let issue = IssueContent {
        digest: "daily",
        language: &language,
        sections,
        more,
        web_url: "https://press.example.org/issues/4f2a",
    };
    render(&Templates::builtin(), &site(), &issue).unwrap()
}

fn render_entries(entries: &[Entry]) -> RenderedIssue {
    render_sections(vec![Section { feed_title: "All news", entries: entries.iter().collect() }], 0)
}

fn two_sections(ferry: &Entry, walk: &Entry) -> RenderedIssue {
    render_sections(
        vec![
            Section { feed_title: "Press releases", entries: vec![ferry] },
            Section { feed_title: "Events", entries: vec![walk] },
        ],
        3,
    )
}

fn corrected_ferry() -> Entry {
    Entry {
        notes: Notes {
            correction: Some("The first ferry leaves at 5:40 am, not at 5:20 am.".to_owned()),
            ..Notes::default()
        },
        ..release("ferries", "New ferry timetable from 1 March")
    }
}

#[test]
fn the_text_part_is_set_for_reading() {
    let ferry = corrected_ferry();
    let walk = event("lanterns", "Lantern walk on the sea wall", EventStatus::Cancelled);
    let issue = two_sections(&ferry, &walk);
    let expected = "\
Harbour City Office
===================
Daily digest: 5 items


Press releases
==============

Correction: New ferry timetable from 1 March [1]
------------------------------------------------
Press release · transport · 26 February 2026

Correction: The first ferry leaves at 5:40 am, not at 5:20 am.

The first ferry from North Pier will leave at 5:40 am, twenty minutes
earlier than now, so that early shifts at the hospital are reached in
time.

[1] https://press.example.org/media/press-releases/ferries/


Events
======

Cancelled: Lantern walk on the sea wall [2]
-------------------------------------------
Event · culture · announced 20 February 2026

When:    Thursday 5 March 2026, 19:00–21:30 (UTC+08:00)
Where:   Sea Wall Garden, between the old lighthouse and Pier 3, East
         Harbour
Status:  CANCELLED

Lanterns, music and a walk along the sea wall.

[2] https://press.example.org/events/lanterns/

And 3 more in the web copy:
https://press.example.org/issues/4f2a

------------------------------------------------------------------------
Sent by Press Team, Harbour City Office (press@example.org)
https://press.example.org/

You get this e-mail because you asked for the daily digest of Harbour
City Office.

This issue on the web:
https://press.example.org/issues/4f2a

Unsubscribe from the daily digest:
UNSUBSCRIBE
";
    assert_eq!(issue.text.replace(Slot::Unsubscribe.marker(), "UNSUBSCRIBE"), expected);
}

#[test]
fn the_html_part_has_its_styles_inlined() {
    let ferry = corrected_ferry();
    let walk = event("lanterns", "Lantern walk on the sea wall", EventStatus::Cancelled);
    let issue = two_sections(&ferry, &walk);
    insta::assert_snapshot!(issue.html.replace(Slot::Unsubscribe.marker(), "UNSUBSCRIBE"));
}

#[test]
fn a_rendered_issue_passes_the_lint() {
    let walk = event("lanterns", "Lantern walk on the sea wall", EventStatus::Postponed);
    let withdrawn = Entry {
        notes: Notes {
            withdrawn: Some("Issued in error.".to_owned()),
            replaced_by: Some("https://press.example.org/media/rates-2/".parse().unwrap()),
            ..Notes::default()
        },
        ..release("rates", "Property rates for 2026")
    };
    let issue = render_entries(&[corrected_ferry(), walk, withdrawn]);
    assert_eq!(lint(&issue), Vec::<String>::new());
}

#[test]
fn a_withdrawn_text_is_not_repeated() {
    let withdrawn = Entry {
        notes: Notes { withdrawn: Some("Issued in error.".to_owned()), ..Notes::default() },
        ..release("ferries", "Ferries")
    };
    let issue = render_entries(&[withdrawn]);
    assert!(issue.text.contains("\nWithdrawn: Issued in error.\n\n[1] https://"), "{}", issue.text);
    assert!(!issue.text.contains("North Pier"), "{}", issue.text);
    assert!(!issue.html.contains("North Pier"), "{}", issue.html);
}

#[test]
fn a_post_that_is_only_a_link_has_no_text_below_its_title() {
    let title = "Annual report 2025";
    let link = Entry { summary: title.to_owned(), ..release("report", title) };
    let text = render_entries(&[link]).text;
    assert!(text.contains("26 February 2026\n\n[1] https://"), "{text}");
}

#[test]
fn numbered_links_of_an_event_stand_in_the_order_of_their_numbers() {
    let mut walk = event("walk", "Lantern walk", EventStatus::Confirmed);
    walk.event.as_mut().unwrap().online_url = Some("https://live.example.com/".parse().unwrap());
    let text = render_entries(&[walk]).text;
    assert!(text.contains("Online:  [2]\nBook:    [3]\n"), "{text}");
    assert!(
        text.contains("/walk/\n[2] https://live.example.com/\n[3] https://book.example.com/"),
        "{text}"
    );
}

#[test]
fn dark_colours_and_the_charset_survive_inlining() {
    let html = render_entries(&[release("ferries", "Ferries")]).html;
    assert!(html.contains("prefers-color-scheme:dark"), "{html}");
    assert!(html.contains("<!--[if mso]>"), "{html}");
    // A browser looks for the charset in the first 1024 bytes (HTML, section 4.2.5.4).
    assert!(html.find("charset").is_some_and(|at| at < 1000), "{html}");
}

#[test]
fn equal_issues_give_equal_bytes() {
    let entries = [corrected_ferry(), release("rates", "Property rates for 2026")];
    assert_eq!(render_entries(&entries), render_entries(&entries));
}

#[test]
fn markup_in_a_title_is_text() {
    let issue = render_entries(&[release("x", "Rates <script>alert(\"1\")</script> & fees")]);
    assert!(!issue.html.contains("<script"), "{}", issue.html);
    assert!(issue.html.contains("Rates &lt;script&gt;"), "{}", issue.html);
    assert!(issue.text.contains("Rates <script>alert(\"1\")</script> & fees"));
}

#[test]
fn the_unsubscribe_slot_survives_escaping_and_inlining() {
    let marker = Slot::Unsubscribe.marker();
    let issue = render_entries(&[release("ferries", "Ferries")]);
    assert_eq!(issue.html.matches(marker).count(), 1);
    assert!(issue.html.contains(&format!("href=\"{marker}\"")), "{}", issue.html);
    assert!(issue.text.ends_with(&format!("\n{marker}\n")), "{}", issue.text);
    assert!(!issue.subject.contains(marker));
}

#[test]
fn the_subject_names_the_newest_entry_and_counts_the_rest() {
    let newer = Entry {
        updated: "2026-02-27T09:00:00+08:00".parse().unwrap(),
        ..release("rates", "Property rates\nfor 2026")
    };
    let ferry = release("ferries", "Ferries");
    assert_eq!(render_entries(&[ferry]).subject, "Ferries – Harbour City Office");
    assert_eq!(
        two_sections(&release("ferries", "Ferries"), &newer).subject,
        "Property rates for 2026 and 4 more – Harbour City Office"
    );
}

#[test]
fn a_subject_says_first_what_must_not_be_missed() {
    let cancelled = event("walk", "Lantern walk", EventStatus::Cancelled);
    assert_eq!(
        render_entries(&[cancelled]).subject,
        "Cancelled: Lantern walk – Harbour City Office"
    );
    let said_already = event("walk", "CANCELLED: Lantern walk", EventStatus::Cancelled);
    assert_eq!(
        render_entries(&[said_already]).subject,
        "CANCELLED: Lantern walk – Harbour City Office"
    );
    assert_eq!(
        render_entries(&[corrected_ferry()]).subject,
        "Correction: New ferry timetable from 1 March – Harbour City Office"
    );
}

#[test]
fn a_long_subject_loses_the_end_of_its_title() {
    let long = release("long", &"Ferry timetable changes ".repeat(10));
    let subject = render_entries(&[long]).subject;
    assert!(subject.chars().count() <= SUBJECT_CHARS, "{subject}");
    assert!(subject.ends_with("… – Harbour City Office"), "{subject}");
}

#[test]
fn twenty_five_long_entries_stay_below_90_kilobytes() {
    let entries: Vec<Entry> = (0..25)
        .map(|n| Entry {
            summary: "Residents of East Harbour are asked for their views. ".repeat(20),
            notes: Notes { change: Some("New dates for phase two. ".repeat(20)), ..Notes::default() },
            ..event(
                &format!("a-rather-long-address-of-an-event-{n}"),
                &format!("Public meeting {n} on the future of the ferry terminal at North Pier and its access roads"),
                EventStatus::Postponed,
            )
        })
        .collect();
    let issue = render_entries(&entries);
    assert!(issue.html.len() < 90_000, "{} bytes", issue.html.len());
    assert_eq!(lint(&issue), Vec::<String>::new());
}

#[test]
fn an_entry_in_another_language_says_so() {
    let chinese = Entry {
        language: "zh-Hans".parse().unwrap(),
        summary: "海港市政府今天公布，北码头的首班渡轮将提前二十分钟开出，方便清晨上班的医院员工。"
            .repeat(3),
        ..release("ferries-zh", "三月一日起实施新渡轮班次")
    };
    let issue = render_entries(&[chinese]);
    assert!(issue.html.contains("lang=\"zh-Hans\""), "{}", issue.html);
    assert_eq!(lint(&issue), Vec::<String>::new());
}

#[test]
fn the_web_copy_has_all_entries_and_nothing_personal() {
    let entries: Vec<Entry> =
        (0..40).map(|n| release(&format!("r{n}"), &format!("Release {n}"))).collect();
    let language = "en".parse().unwrap();
    let issue = IssueContent {
        digest: "weekly",
        language: &language,
        sections: vec![Section { feed_title: "All news", entries: entries.iter().collect() }],
        more: 0,
        web_url: "https://press.example.org/issues/4f2a",
    };
    let page = render_web(&Templates::builtin(), &site(), &issue).unwrap();
    assert_eq!(page.matches("<article").count(), 40);
    assert!(!page.contains(Slot::Unsubscribe.marker()));
    assert!(!page.contains("/issues/"), "the address is made of the page's hash");
    assert!(page.contains("<h1>Weekly digest</h1>"));
    insta::assert_snapshot!(
        render_web(
            &Templates::builtin(),
            &site(),
            &IssueContent {
                sections: vec![Section {
                    feed_title: "All news",
                    entries: entries.iter().take(1).collect()
                }],
                ..issue
            }
        )
        .unwrap()
    );
}
