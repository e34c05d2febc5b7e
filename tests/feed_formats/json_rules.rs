//! JSON Feed 1.1 as rules: the members it requires, their types, and nothing that it does not
//! know outside of `_tidings`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::findings::{
    Findings, html_faults, is_language, is_media_type, is_rfc_3339, is_uri, is_web_address,
};

/// What a member has to be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Web,
    Uri,
    Date,
    Language,
    MediaType,
    Number,
    /// A list that is not empty, of texts or objects checked elsewhere.
    List,
    Object,
}

/// Name, kind, whether it must be there.
type Member = (&'static str, Kind, bool);

const DOCUMENT: &[Member] = &[
    ("version", Kind::Web, true),
    ("title", Kind::Text, true),
    ("home_page_url", Kind::Web, true),
    ("feed_url", Kind::Web, true),
    ("description", Kind::Text, false),
    ("next_url", Kind::Web, false),
    ("icon", Kind::Web, false),
    ("favicon", Kind::Web, false),
    ("authors", Kind::List, true),
    ("language", Kind::Language, true),
    ("hubs", Kind::List, false),
];

const ITEM: &[Member] = &[
    ("id", Kind::Uri, true),
    ("url", Kind::Web, true),
    ("title", Kind::Text, true),
    ("content_html", Kind::Text, true),
    ("content_text", Kind::Text, true),
    ("summary", Kind::Text, true),
    ("image", Kind::Web, false),
    ("date_published", Kind::Date, true),
    ("date_modified", Kind::Date, true),
    ("authors", Kind::List, false),
    ("tags", Kind::List, false),
    ("language", Kind::Language, false),
    ("attachments", Kind::List, false),
    ("_tidings", Kind::Object, true),
];

const AUTHOR: &[Member] = &[("name", Kind::Text, true), ("url", Kind::Uri, false)];
const HUB: &[Member] = &[("type", Kind::Text, true), ("url", Kind::Web, true)];
const ATTACHMENT: &[Member] = &[
    ("url", Kind::Web, true),
    ("mime_type", Kind::MediaType, true),
    ("size_in_bytes", Kind::Number, false),
];

pub fn findings(bytes: &[u8], address: &str) -> Vec<String> {
    let mut findings = Findings::default();
    let document: Value = serde_json::from_slice(bytes).unwrap();
    findings.expect(bytes.ends_with(b"}\n"), || "no line end at the end".into());
    check_nulls(&document, &mut findings);
    let version = &document["version"];
    let is_known = version == "https://jsonfeed.org/version/1.1";
    findings.expect(is_known, || format!("version `{version}`"));
    findings.expect(document["feed_url"] == address, || "feed_url is another".into());
    findings.expect(document.get("next_url") != document.get("feed_url"), || "a circle".into());
    let mut members = document.as_object().unwrap().clone();
    let Some(Value::Array(items)) = members.remove("items") else {
        return vec!["no items".into()];
    };
    check(&Value::Object(members), DOCUMENT, &mut findings);
    lists(&document, &[("authors", AUTHOR), ("hubs", HUB)], &mut findings);
    for item in &items {
        check(item, ITEM, &mut findings);
        lists(item, &[("authors", AUTHOR), ("attachments", ATTACHMENT)], &mut findings);
        check_item(item, &mut findings);
    }
    let ids: BTreeSet<&str> = items.iter().filter_map(|item| item["id"].as_str()).collect();
    findings.expect(ids.len() == items.len(), || "ids that are missing or not unique".into());
    findings.0
}

fn check_nulls(value: &Value, findings: &mut Findings) {
    match value {
        Value::Null => findings.0.push("a null".into()),
        Value::Array(values) => values.iter().for_each(|value| check_nulls(value, findings)),
        Value::Object(members) => members.values().for_each(|value| check_nulls(value, findings)),
        _ => {}
    }
}

fn check(object: &Value, members: &[Member], findings: &mut Findings) {
    let empty = Map::new();
    let object = object.as_object().unwrap_or(&empty);
    for (name, kind, required) in members {
        match object.get(*name) {
            Some(value) => findings.expect(is(value, *kind), || format!("`{name}`: {value}")),
            None => findings.expect(!required, || format!("no `{name}`")),
        }
    }
    for name in object.keys() {
        let is_known = members.iter().any(|(known, _, _)| known == name);
        findings.expect(is_known, || format!("unknown `{name}`"));
    }
}

fn lists(object: &Value, lists: &[(&str, &[Member])], findings: &mut Findings) {
    for (name, members) in lists {
        let values = object.get(name).and_then(Value::as_array).into_iter().flatten();
        values.for_each(|value| check(value, members, findings));
    }
}

fn is(value: &Value, kind: Kind) -> bool {
    let text = |fits: fn(&str) -> bool| value.as_str().is_some_and(fits);
    match kind {
        Kind::Text => text(|text| !text.trim().is_empty()),
        Kind::Web => text(is_web_address),
        Kind::Uri => text(is_uri),
        Kind::Date => text(is_rfc_3339),
        Kind::Language => text(is_language),
        Kind::MediaType => text(is_media_type),
        Kind::Number => value.is_u64(),
        Kind::List => value.as_array().is_some_and(|list| !list.is_empty()),
        Kind::Object => value.is_object(),
    }
}

fn check_item(item: &Value, findings: &mut Findings) {
    findings.0.extend(html_faults(item["content_html"].as_str().unwrap_or_default()));
    let tags = item.get("tags").and_then(Value::as_array).into_iter().flatten();
    for tag in tags {
        findings.expect(is(tag, Kind::Text), || format!("tag {tag}"));
    }
    let extension = &item["_tidings"];
    let kind = extension["kind"].as_str();
    findings.expect(matches!(kind, Some("release" | "event")), || format!("kind {kind:?}"));
    if let Some(event) = extension.get("event") {
        check_event(event, findings);
    }
}

fn check_event(event: &Value, findings: &mut Findings) {
    let is_day = |text: &str| text.parse::<chrono::NaiveDate>().is_ok();
    let all_day = event["all_day"].as_bool();
    let start = event["start"].as_str().unwrap_or_default();
    let fits = if all_day == Some(true) { is_day(start) } else { is_rfc_3339(start) };
    findings.expect(fits && all_day.is_some(), || format!("start `{start}`"));
    let status = event["status"].as_str();
    let is_known = matches!(status, Some("confirmed" | "cancelled" | "postponed"));
    findings.expect(is_known, || format!("status {status:?}"));
}
