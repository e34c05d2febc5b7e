//! Made-up issues that reach every branch of a template: what an operator's own templates are
//! tried with before they may write to anybody, and what the look of ours is judged by.

use chrono::{DateTime, Utc};

use super::{IssueContent, Section};
use crate::config::Legal;
use crate::model::{Entry, EntryId, Event, EventStatus, EventTime, Kind, Language, Notes};

/// An issue that owns what it says.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What it shows, as part of a file name.
    pub name: &'static str,
    digest: &'static str,
    language: Language,
    sections: Vec<(&'static str, Vec<Entry>)>,
    more: usize,
    sender: Option<Legal>,
}

impl Sample {
    pub fn content(&self) -> IssueContent<'_> {
        IssueContent {
            digest: self.digest,
            language: &self.language,
            sections: self
                .sections
                .iter()
                .map(|(feed_title, entries)| Section {
                    feed_title,
                    entries: entries.iter().collect(),
                })
                .collect(),
            more: self.more,
            web_url: "https://press.example.org/issues/4f2a9c",
            sender: self.sender.as_ref(),
            now: now(),
        }
    }
}

/// The moment at which the sample issues are made.
fn now() -> DateTime<Utc> {
    "2026-03-01T00:00:00Z".parse().expect("this is a moment")
}

/// Every sample, the same each time.
pub fn samples() -> Vec<Sample> {
    vec![
        sample("one", "immediate", "en", vec![("Press releases", vec![ferries()])]),
        sample("mixed", "daily", "en", mixed()),
        sample("events", "weekly", "en", vec![("Events", events())]),
        sample("notices", "daily", "en", vec![("All news", notices())]),
        sample("correction", "correction", "en", vec![("Press releases", vec![corrected()])]),
        sample("urgent", "urgent", "en", vec![("Press releases", vec![untold()])]),
        sample(
            "reminder",
            "reminder",
            "en",
            vec![("Events", events().into_iter().take(2).collect())],
        ),
        Sample { more: 40, ..sample("many", "weekly", "en", vec![("All news", many())]) },
        sample("arabic", "daily", "ar", vec![("أخبار الميناء", arabic())]),
        sample("chinese", "daily", "zh-Hans", vec![("新闻稿", chinese())]),
        sample("tamil", "daily", "ta", vec![("செய்திகள்", tamil())]),
        Sample {
            sender: None,
            ..sample("languages", "daily", "en", vec![("All news", languages())])
        },
    ]
}

fn sample(
    name: &'static str,
    digest: &'static str,
    language: &str,
    sections: Vec<(&'static str, Vec<Entry>)>,
) -> Sample {
    let given = |text: &str| Some(text.to_owned());
    let sender = Legal {
        organisation: given("Harbour City Council"),
        address: given("1 Pier Road, Singapore 099253"),
        contact: given("+65 6123 4567"),
        data_protection: given("dpo@press.example.org"),
        purpose: given("to send you the news you asked for"),
    };
    Sample { name, digest, language: tag(language), sections, more: 0, sender: Some(sender) }
}

fn tag(text: &str) -> Language {
    text.parse().expect("this is a language tag")
}

fn release(slug: &str, title: &str, summary: &str) -> Entry {
    let published = "2026-02-26T09:00:00+08:00".parse().expect("this is a moment");
    Entry {
        id: EntryId::new(format!("tag:press.example.org,2026-01-01:media/{slug}")),
        kind: Kind::Release,
        title: title.to_owned(),
        link: format!("https://press.example.org/media/{slug}/").parse().expect("this is a URL"),
        published,
        updated: published,
        revision: 1,
        revised: None,
        sequence: 0,
        language: tag("en"),
        translation_key: None,
        categories: vec!["Transport".to_owned()],
        tags: vec![],
        agency: Some("Harbour Authority".to_owned()),
        summary: summary.to_owned(),
        content_html: String::new(),
        content_text: String::new(),
        image: None,
        enclosures: vec![],
        event: None,
        notes: Notes::default(),
        urgent: false,
    }
}

fn event(slug: &str, title: &str, start: &str, end: Option<&str>) -> Entry {
    let time = |text: &str| {
        text.parse().map_or_else(
            |_| EventTime::Day(text.parse().expect("this is a moment or a day")),
            EventTime::At,
        )
    };
    Entry {
        kind: Kind::Event,
        categories: vec!["events".to_owned(), "Culture".to_owned()],
        agency: None,
        event: Some(Event {
            start: time(start),
            end: end.map(time),
            venue: Some("Sea Wall Garden, between the old lighthouse and Pier 3".to_owned()),
            online_url: None,
            registration_url: None,
            status: EventStatus::Confirmed,
        }),
        ..release(slug, title, "Lanterns, music and a slow walk along the sea wall at dusk.")
    }
}

/// `entry` with its event changed.
fn with(mut entry: Entry, change: impl FnOnce(&mut Event)) -> Entry {
    if let Some(event) = &mut entry.event {
        change(event);
    }
    entry
}

/// With a picture, which our own templates leave out.
fn ferries() -> Entry {
    let entry = release(
        "ferries",
        "New ferry timetable from 1 March brings the first boat forward to 5:40 am",
        "The first ferry from North Pier will leave at 5:40 am, twenty minutes earlier than now, \
         so that early shifts at the hospital are reached in time. The last boat back leaves at \
         11:50 pm on every day of the week.",
    );
    let image = "https://press.example.org/images/ferries.jpg".parse().expect("this is a URL");
    Entry { image: Some(image), ..entry }
}

fn mixed() -> Vec<(&'static str, Vec<Entry>)> {
    let titles = [
        (
            "rates",
            "Property rates for 2026 are set",
            "Rates stay as they are for homes, and rise by one per cent for shops and offices.",
        ),
        (
            "bridge",
            "The East Bridge closes for four nights",
            "From 9 to 12 March the bridge is closed between 11 pm and 5 am while its bearings are renewed.",
        ),
        (
            "library",
            "Three libraries open on Sundays",
            "A trial of six months starts in the central library and two branches.",
        ),
        (
            "water",
            "Water pressure in Hill Street is back to normal",
            "A burst main was mended in the night. Nobody needs to boil water any more.",
        ),
        (
            "trees",
            "Four hundred trees for the new park",
            "Residents chose rain trees and tembusu; planting begins in the first week of April.",
        ),
        (
            "school",
            "Places at Harbour Primary School for 2027",
            "Parents can register children from 1 July to 30 September.",
        ),
        (
            "clinic",
            "A second clinic for North Pier",
            "It opens in May with eight doctors, and takes walk-in patients on weekdays.",
        ),
    ];
    let releases = titles.map(|(slug, title, summary)| release(slug, title, summary));
    let releases = [ferries()].into_iter().chain(releases).collect();
    vec![("Press releases", releases), ("Events", events().into_iter().take(4).collect())]
}

/// One of each status and shape, and one that is over.
fn events() -> Vec<Entry> {
    let url = |text: &str| Some(text.parse().expect("this is a URL"));
    let walk = event(
        "lanterns",
        "Lantern walk on the sea wall",
        "2026-03-05T19:00:00+08:00",
        Some("2026-03-05T21:30:00+08:00"),
    );
    let hearing =
        event("hearing", "Public hearing on the ferry terminal", "2026-03-10T18:00:00+08:00", None);
    let fair = event("fair", "Harbour fair", "2026-03-20", Some("2026-03-22"));
    let regatta = event("regatta", "Regatta of the fishing villages", "2026-03-14", None);
    let concert =
        event("concert", "Concert at the old lighthouse", "2026-03-07T20:00:00+08:00", None);
    let past =
        event("tour", "Tour of the harbour master’s tower", "2026-02-27T10:00:00+08:00", None);
    vec![
        with(walk, |event| {
            event.online_url = url("https://live.example.com/lanterns");
            event.registration_url = url("https://book.example.com/lanterns");
        }),
        with(hearing, |event| {
            event.venue = None;
            event.online_url = url("https://live.example.com/hearing");
        }),
        with(concert, |event| event.status = EventStatus::Cancelled),
        with(regatta, |event| event.status = EventStatus::Postponed),
        fair,
        past,
    ]
}

fn corrected() -> Entry {
    Entry {
        notes: Notes {
            correction: Some("The first ferry leaves at 5:40 am, not at 5:20 am.".to_owned()),
            ..Notes::default()
        },
        ..ferries()
    }
}

/// A post that is its title alone.
fn untold() -> Entry {
    let title = "Do not drink tap water in Hill Street";
    Entry { categories: vec![], agency: None, urgent: true, ..release("water", title, title) }
}

fn notices() -> Vec<Entry> {
    let noted = |slug: &str, title: &str, notes: Notes| Entry {
        notes,
        ..release(slug, title, "What was said before, and is still so, stands here.")
    };
    let withdrawn = Notes {
        withdrawn: Some("Issued in error: the council has not decided yet.".to_owned()),
        replaced_by: Some("https://press.example.org/media/rates-2/".parse().expect("a URL")),
        ..Notes::default()
    };
    let updated = Notes {
        change: Some("The bridge is closed for five nights, not four.".to_owned()),
        ..Notes::default()
    };
    vec![
        corrected(),
        noted("bridge", "The East Bridge closes at night", updated),
        noted("rates", "Property rates for 2026", withdrawn),
        untold(),
    ]
}

/// More than a mail has room for at length.
fn many() -> Vec<Entry> {
    (1..=25)
        .map(|n| Entry {
            title: format!(
                "Public hearing {n} on {}",
                "the future of the ferry terminal ".repeat(6)
            ),
            summary: "Residents of East Harbour are asked for their views on it. ".repeat(8),
            notes: Notes {
                change: Some("New dates for the second phase of the works. ".repeat(9)),
                ..Notes::default()
            },
            link: format!("https://press.example.org/events/{n}/{}/", "long-address-".repeat(150))
                .parse()
                .expect("this is a URL"),
            ..event(&format!("hearing-{n}"), "", "2026-04-01T18:00:00+08:00", None)
        })
        .collect()
}

fn translated(entry: Entry, language: &str) -> Entry {
    Entry { language: tag(language), agency: None, categories: vec![], ..entry }
}

fn arabic() -> Vec<Entry> {
    let walk = event(
        "lanterns-ar",
        "نزهة الفوانيس على كورنيش الميناء",
        "2026-03-05T19:00:00+08:00",
        Some("2026-03-05T21:30:00+08:00"),
    );
    let walk = with(walk, |event| event.venue = Some("حديقة الكورنيش، الرصيف 3".to_owned()));
    let texts = [
        translated(
            release(
                "ferries-ar",
                "مواعيد جديدة للعبّارات اعتبارًا من الأول من مارس",
                "تنطلق أول عبّارة من الرصيف الشمالي في الساعة 5:40 صباحًا، أي قبل عشرين دقيقة من \
                 موعدها الحالي، حتى يصل العاملون في المستشفى إلى نوباتهم المبكرة في الوقت المناسب.",
            ),
            "ar",
        ),
        Entry {
            summary: "فوانيس وموسيقى ونزهة هادئة عند الغروب.".to_owned(),
            ..translated(walk, "ar")
        },
    ];
    texts.into()
}

fn chinese() -> Vec<Entry> {
    vec![
        translated(
            release(
                "ferries-zh",
                "三月一日起实施新渡轮班次，首班船提前至清晨五时四十分",
                "海港市政府今天公布，北码头的首班渡轮将提前二十分钟开出，方便清晨上班的医院员工。\
                 末班船每天晚上十一时五十分开出，周末和公共假期照常服务。市民可在各码头索取新的时刻表。",
            ),
            "zh-Hans",
        ),
        translated(
            release(
                "rates-zh",
                "二〇二六年房地产税率公布",
                "住宅税率维持不变，商店和办公楼上调百分之一。",
            ),
            "zh-Hans",
        ),
    ]
}

fn tamil() -> Vec<Entry> {
    vec![translated(
        release(
            "ferries-ta",
            "மார்ச் 1 முதல் புதிய படகு நேர அட்டவணை",
            "வடக்கு துறைமுகத்திலிருந்து முதல் படகு காலை 5:40 மணிக்குப் புறப்படும். மருத்துவமனையில் \
             அதிகாலைப் பணிக்குச் செல்வோர் உரிய நேரத்தில் சென்றடைய இது உதவும்.",
        ),
        "ta",
    )]
}

/// Titles that turn their direction, and words that nothing breaks, in an English issue.
fn languages() -> Vec<Entry> {
    let [arabic, ..] = &arabic()[..] else { return vec![] };
    vec![
        arabic.clone(),
        release(
            "mixed-rtl",
            "رسوم الميناء: the new harbour fees",
            "Both parts stand in one title.",
        ),
        release("word", &"Timetable".repeat(12), "A title without a blank."),
        release("markup", "Rates <b>& fees</b> \"2026\"", "Signs of markup are text."),
    ]
}
