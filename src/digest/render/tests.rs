//! What readers get for small issues, and what must hold for any.

use super::*;
use crate::feeds::{Author, samples as values};
use crate::model::{Entry, EntryId, Event, EventStatus, EventTime, Kind, Notes};

fn site() -> Site {
    let url: url::Url = "https://press.example.org/".parse().unwrap();
    Site {
        title: "Harbour City Office".to_owned(),
        url: url.clone(),
        author: Some(Author {
            name: "Press Team".to_owned(),
            email: Some("press@example.org".to_owned()),
        }),
        output_url: url.clone(),
        public_url: url,
        ..values::site()
    }
}

fn release(slug: &str, title: &str) -> Entry {
    Entry {
        id: EntryId::new(format!("tag:press.example.org,2026:{slug}")),
        title: title.to_owned(),
        link: format!("https://press.example.org/media/press-releases/{slug}/").parse().unwrap(),
        categories: vec!["transport".to_owned()],
        summary: "The first ferry from North Pier will leave at 5:40 am, twenty minutes \
                  earlier than now, so that early shifts at the hospital are reached in time."
            .to_owned(),
        content_html: String::new(),
        content_text: String::new(),
        ..values::entry(slug)
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
        sender: None,
        now: "2026-03-01T00:00:00Z".parse().unwrap(),
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

/// With words where each reader's own links stand.
fn filled(text: &str) -> String {
    text.replace(Slot::Unsubscribe.marker(), "UNSUBSCRIBE").replace(Slot::Manage.marker(), "MANAGE")
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
You get this e-mail because you asked for the daily digest of Harbour
City Office. You can leave at any time.

Change what you get:
MANAGE

Unsubscribe from the daily digest:
UNSUBSCRIBE

This issue on the web:
https://press.example.org/issues/4f2a

Sent by Press Team, for Harbour City Office
Contact: press@example.org
https://press.example.org/
";
    assert_eq!(filled(&issue.text), expected);
}

#[test]
fn the_html_part_has_its_styles_inlined() {
    let ferry = corrected_ferry();
    let walk = event("lanterns", "Lantern walk on the sea wall", EventStatus::Cancelled);
    let issue = two_sections(&ferry, &walk);
    insta::assert_snapshot!(filled(&issue.html));
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
    assert!(text.contains("Online:  [2]\nBook:    [3]\nAdd it:  [4]\n"), "{text}");
    assert!(
        text.contains("/walk/\n[2] https://live.example.com/\n[3] https://book.example.com/"),
        "{text}"
    );
    assert!(text.contains("\n[4] https://press.example.org/events/walk-"), "{text}");
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
    assert!(issue.text.contains(&format!(":\n{marker}\n\n")), "{}", issue.text);
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
        sender: None,
        now: "2026-03-01T00:00:00Z".parse().unwrap(),
    };
    let page = render_web(&Templates::builtin(), &site(), &issue).unwrap();
    assert_eq!(page.matches("<article").count(), 40);
    assert!(!page.contains(|c| Slot::of(c).is_some()));
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

fn from_legal(legal: &Legal, entries: &[Entry]) -> RenderedIssue {
    let language = "en".parse().unwrap();
    let issue = IssueContent {
        digest: "daily",
        language: &language,
        sections: vec![Section { feed_title: "All news", entries: entries.iter().collect() }],
        more: 0,
        web_url: "https://press.example.org/issues/4f2a",
        sender: Some(legal),
        now: "2026-03-01T00:00:00Z".parse().unwrap(),
    };
    render(&Templates::builtin(), &site(), &issue).unwrap()
}

#[test]
fn the_foot_says_who_sends_it_where_they_are_why_and_how_to_leave() {
    let given = |text: &str| Some(text.to_owned());
    let legal = Legal {
        organisation: given("Harbour City Council"),
        address: given("1 Pier Road, Singapore 099253"),
        contact: given("+65 6123 4567"),
        data_protection: given("dpo@example.org"),
        purpose: given("to send you the news you asked for."),
    };
    let issue = from_legal(&legal, &[release("ferries", "Ferries")]);
    let text = filled(&issue.text);
    let foot = "\
You get this e-mail because you asked for the daily digest of Harbour
City Office. You can leave at any time.
Your e-mail address is used to send you the news you asked for.

Change what you get:
MANAGE

Unsubscribe from the daily digest:
UNSUBSCRIBE

This issue on the web:
https://press.example.org/issues/4f2a

Sent by Harbour City Council, for Harbour City Office
1 Pier Road, Singapore 099253
Contact: +65 6123 4567
Questions about your personal data: dpo@example.org
https://press.example.org/
";
    assert!(text.ends_with(foot), "{text}");
    for part in [
        "Sent by Harbour City Council, for Harbour City Office</strong><br>1 Pier Road, Singapore",
        "<a href=\"tel:+6561234567\"",
        "<a href=\"mailto:dpo@example.org\"",
        ">Unsubscribe from the daily digest</a>",
    ] {
        assert!(issue.html.contains(part), "{part}: {}", issue.html);
    }
}

#[test]
fn an_event_ahead_is_put_into_a_calendar_with_one_click() {
    let mut walk = event("walk", "Lantern walk & tea + cake", EventStatus::Confirmed);
    let html = render_entries(&[walk.clone()]).html;
    let google = "https://calendar.google.com/calendar/render?action=TEMPLATE\
                  &amp;text=Lantern%20walk%20%26%20tea%20%2B%20cake\
                  &amp;dates=20260305T110000Z%2F20260305T133000Z\
                  &amp;details=https%3A%2F%2Fpress.example.org%2Fevents%2Fwalk%2F\
                  &amp;location=Sea%20Wall%20Garden%2C%20between%20the%20old%20lighthouse";
    let outlook = "https://outlook.live.com/calendar/0/deeplink/compose?\
                   path=%2Fcalendar%2Faction%2Fcompose&amp;rru=addevent\
                   &amp;subject=Lantern%20walk%20%26%20tea%20%2B%20cake\
                   &amp;startdt=2026-03-05T11%3A00%3A00Z&amp;enddt=2026-03-05T13%3A30%3A00Z&amp;body=";
    assert!(html.contains(google), "{html}");
    assert!(html.contains(outlook), "{html}");
    walk.event.as_mut().unwrap().start = EventTime::Day("2026-03-05".parse().unwrap());
    walk.event.as_mut().unwrap().end = Some(EventTime::Day("2026-03-06".parse().unwrap()));
    let html = render_entries(&[walk]).html;
    assert!(html.contains("&amp;dates=20260305%2F20260307&amp;"), "{html}");
    let days = "&amp;startdt=2026-03-05&amp;enddt=2026-03-07&amp;allday=true&amp;";
    assert!(html.contains(days), "{html}");
}

#[test]
fn what_is_over_called_off_or_taken_back_is_put_into_no_calendar() {
    let ahead = event("walk", "Lantern walk", EventStatus::Confirmed);
    let on = |start: &str, end: Option<&str>| {
        let time = |text: &str| {
            text.parse().map_or_else(|_| EventTime::Day(text.parse().unwrap()), EventTime::At)
        };
        let mut entry = ahead.clone();
        let event = entry.event.as_mut().unwrap();
        (event.start, event.end) = (time(start), end.map(time));
        entry
    };
    // The issue is made on 1 March at 08:00 in Singapore.
    let check = |entry: &Entry, file: bool, web: bool| {
        let html = render_entries(std::slice::from_ref(entry)).html;
        assert_eq!(html.contains(".ics\""), file, "{html}");
        assert_eq!(html.contains("calendar.google.com"), web, "{html}");
        assert_eq!(html.contains("outlook.live.com"), web, "{html}");
    };
    check(&ahead, true, true);
    check(&on("2026-03-01T07:00:00+08:00", Some("2026-03-01T09:00:00+08:00")), true, true);
    check(&on("2026-03-01T07:00:00+08:00", Some("2026-03-01T08:00:00+08:00")), false, false);
    check(&on("2026-03-01T07:59:00+08:00", None), false, false);
    check(&on("2026-03-01", None), true, true);
    check(&on("2026-02-26", Some("2026-02-28")), false, false);
    check(&event("walk", "Lantern walk", EventStatus::Cancelled), false, false);
    // Its new date is not known yet; the file says so, and the forms on the web cannot.
    check(&event("walk", "Lantern walk", EventStatus::Postponed), true, false);
    let notes = Notes { withdrawn: Some("Never planned.".to_owned()), ..Notes::default() };
    check(&Entry { notes, ..ahead.clone() }, false, false);
}

/// Entries whose addresses alone take `bytes` each.
fn heavy(count: usize, bytes: usize) -> Vec<Entry> {
    (0..count)
        .map(|n| Entry {
            link: format!("https://press.example.org/{n}/{}", "x".repeat(bytes)).parse().unwrap(),
            ..release(&format!("r{n}"), &format!("Release {n}"))
        })
        .collect()
}

#[test]
fn an_issue_that_would_be_cut_off_gets_its_compact_form() {
    let roomy = heavy(25, 1_500);
    let full = render_entries(&roomy);
    assert!(full.html.contains("hospital are reached in time."));
    let mut tight = heavy(25, 2_500);
    for entry in &mut tight {
        entry.notes.change = Some("The last boat leaves later. ".repeat(20));
    }
    let compact = render_entries(&tight);
    assert!(compact.html.len() < ROOMY_BYTES, "{}", compact.html.len());
    assert!(compact.html.contains("Release 24"));
    assert!(!compact.html.contains("hospital are reached in time."));
    assert_eq!(lint(&compact), [""; 0]);
}

#[test]
fn what_no_form_has_room_for_is_left_to_the_web_copy_and_counted() {
    let issue = render_entries(&heavy(25, 8_000));
    assert!(issue.html.len() < ROOMY_BYTES, "{}", issue.html.len());
    let shown = issue.html.matches("<h3").count();
    assert!((5..25).contains(&shown), "{shown}");
    let more = format!("And {} more in the web copy", 25 - shown);
    assert!(issue.html.contains(&more) && issue.text.contains(&more), "{}", issue.text);
    assert!(issue.html.contains("Daily digest: 25 items"));
    assert!(issue.subject.ends_with("and 24 more – Harbour City Office"), "{}", issue.subject);
    assert_eq!(lint(&issue), [""; 0]);
}

#[test]
fn a_single_entry_beyond_every_limit_is_refused_and_not_cut() {
    let issue = render_entries(&heavy(2, 110_000));
    assert_eq!(lint(&issue), ["the HTML part has 115 KB, more than 100 KB"]);
}

#[test]
fn a_megabyte_in_any_field_of_an_author_stays_small() {
    let megabyte = "wörter ".repeat(150_000);
    let mut walk = event("walk", &megabyte, EventStatus::Confirmed);
    walk.summary.clone_from(&megabyte);
    walk.agency = Some(megabyte.clone());
    walk.categories = vec![megabyte.clone()];
    walk.notes.change = Some(megabyte.clone());
    walk.event.as_mut().unwrap().venue = Some(megabyte);
    let issue = render_entries(&[walk]);
    assert!(issue.html.len() < 15_000, "{}", issue.html.len());
    assert_eq!(lint(&issue), [""; 0]);
}

#[test]
fn a_title_from_right_to_left_turns_its_entry_and_nothing_else() {
    let fees =
        Entry { language: "ar".parse().unwrap(), ..release("fees", "رسوم الميناء") };
    let unnamed = release("mixed", "رسوم: fees");
    let issue = render_entries(&[fees, unnamed, release("ferries", "Ferries")]);
    assert!(issue.html.contains("dir=\"rtl\" lang=\"ar\""), "{}", issue.html);
    assert!(issue.html.contains("dir=\"rtl\" lang=\"en\""), "{}", issue.html);
    assert_eq!(issue.html.matches("dir=\"rtl\"").count(), 2, "{}", issue.html);
    // What sums it up in English keeps its full stop at its end.
    assert_eq!(issue.html.matches("class=\"text\" dir=\"ltr\"").count(), 2, "{}", issue.html);
    assert_eq!(lint(&issue), [""; 0]);
}

#[test]
fn every_sample_passes_the_lint_in_mail() {
    for sample in samples::samples() {
        let issue = render(&Templates::builtin(), &site(), &sample.content()).unwrap();
        assert_eq!(lint(&issue), [""; 0], "{}", sample.name);
        assert!(issue.html.len() < ROOMY_BYTES, "{}", sample.name);
        for line in issue.text.lines().filter(|line| !line.contains("https://")) {
            let columns = crate::templates::text::columns(line);
            assert!(columns <= 72 || !line.trim().contains(' '), "{}: {line}", sample.name);
        }
    }
}
