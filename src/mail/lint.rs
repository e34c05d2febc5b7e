//! Checks an encoded issue before anybody gets it: the rules of RFC 5322, MIME and one-click
//! unsubscribing that a receiving system may refuse or misread a message for.
//!
//! What the parts say is `digest::render::lint`'s. Here the message is looked at as it goes
//! out: subjects, names and templates come from outside, and the crates that encode them are
//! not taken on trust.

use memchr::memmem;

use super::message::{Issue, Personal};

/// RFC 5322, 2.1.1: without the CRLF.
const LINE_OCTETS: usize = 998;

/// Fields that must stand once (RFC 5322, 3.6; RFC 2045, 4 and 5).
const ONCE: [&str; 7] =
    ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"];

/// Fields that mail to a list must have as well (RFC 2919, 2; RFC 8058, 3.1).
const ONCE_IN_LIST_MAIL: [&str; 3] = ["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"];

/// To whom a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailing {
    /// Those who follow something.
    List,
    /// One person, who asked for something a moment ago.
    Answer,
}

/// Fields that may stand once (RFC 5322, 3.6).
const AT_MOST_ONCE: [&str; 6] = ["Sender", "Reply-To", "Cc", "Bcc", "In-Reply-To", "References"];

/// What is wrong with `encoded` once it is made somebody's message, each as a sentence without
/// a final period; empty if nothing.
pub fn lint_issue(
    encoded: &[u8],
    sample: &Personal<'_>,
    limit_bytes: usize,
    mailing: Mailing,
) -> Vec<String> {
    match Issue::prepare(encoded) {
        Some(issue) => lint(&issue.message(sample).unstuffed(), limit_bytes, mailing),
        None => vec!["it has a personal place where none can be filled in".to_owned()],
    }
}

/// What is wrong with `message`, as [`lint_issue`] says it.
pub fn lint(message: &[u8], limit_bytes: usize, mailing: Mailing) -> Vec<String> {
    let mut findings = Vec::new();
    if message.len() > limit_bytes {
        findings.push(format!("it has {} octets, more than {limit_bytes}", message.len()));
    }
    lint_octets(message, &mut findings);
    let Some(end) = memmem::find(message, b"\r\n\r\n") else {
        findings.push("no empty line ends the header".to_owned());
        return findings;
    };
    let header = String::from_utf8_lossy(&message[..end]);
    let fields = fields(&header, &mut findings);
    lint_fields(&fields, mailing, &mut findings);
    lint_unsubscribe(&fields, &mut findings);
    lint_parts(&fields, &message[end + 2..], &mut findings);
    findings
}

fn lint_octets(message: &[u8], findings: &mut Vec<String>) {
    if !message.is_ascii() {
        findings.push("it is not 7-bit".to_owned());
    }
    if message.contains(&0) {
        findings.push("it holds a NUL, or a place that was not filled in".to_owned());
    }
    if !message.ends_with(b"\r\n") {
        findings.push("its last line is not ended".to_owned());
    }
    let mut has_bare = false;
    let mut longest = 0;
    for line in message.split(|byte| *byte == b'\n') {
        let content = line.strip_suffix(b"\r").unwrap_or(line);
        longest = longest.max(content.len());
        // The last piece is what stands behind the last LF.
        let is_last = line.as_ptr_range().end == message.as_ptr_range().end;
        has_bare |= content.contains(&b'\r') || (content.len() == line.len() && !is_last);
    }
    if has_bare {
        findings.push("it holds a CR or LF that is not part of a CRLF".to_owned());
    }
    if longest > LINE_OCTETS {
        findings.push(format!("a line has {longest} octets, more than {LINE_OCTETS}"));
    }
}

/// Names and values, with the folds left in.
fn fields<'a>(header: &'a str, findings: &mut Vec<String>) -> Vec<(&'a str, &'a str)> {
    let mut fields = Vec::new();
    let mut rest = header;
    while !rest.is_empty() {
        let end = rest
            .match_indices("\r\n")
            .map(|(at, _)| at)
            .find(|at| !rest[at + 2..].starts_with([' ', '\t']))
            .unwrap_or(rest.len());
        let field = &rest[..end];
        match field.split_once(':') {
            Some((name, value)) if is_field_name(name) => fields.push((name, value)),
            _ => findings.push("the header has a line that is no field".to_owned()),
        }
        if field.split("\r\n").any(|line| line.trim().is_empty()) {
            // RFC 5322, 3.2.2: some take it for the end of the header.
            findings.push("a line of the header is blank".to_owned());
        }
        rest = rest[end..].strip_prefix("\r\n").unwrap_or("");
    }
    fields
}

/// RFC 5322, 2.2.
fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn lint_fields(fields: &[(&str, &str)], mailing: Mailing, findings: &mut Vec<String>) {
    let count =
        |name: &str| fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).count();
    let of_list = ONCE_IN_LIST_MAIL.into_iter().filter(|_| mailing == Mailing::List);
    for name in ONCE.into_iter().chain(of_list) {
        match count(name) {
            0 => findings.push(format!("the field `{name}` is missing")),
            1 => {}
            n => findings.push(format!("the field `{name}` stands {n} times")),
        }
    }
    for name in AT_MOST_ONCE.into_iter().filter(|name| count(name) > 1) {
        findings.push(format!("the field `{name}` stands {} times", count(name)));
    }
    for (name, _) in fields.iter().filter(|(_, value)| value.trim().is_empty()) {
        findings.push(format!("the field `{name}` is empty"));
    }
}

/// One https URI first and no fold in any (RFC 8058, 3.1; RFC 2369, 2).
fn lint_unsubscribe(fields: &[(&str, &str)], findings: &mut Vec<String>) {
    let value = |name: &str| {
        fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    };
    if let Some(list) = value("List-Unsubscribe") {
        let uris: Vec<&str> =
            list.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or(rest)).collect();
        if uris.iter().any(|uri| uri.contains([' ', '\t', '\r', '\n'])) {
            findings.push("an address in `List-Unsubscribe` is broken over lines".to_owned());
        }
        // Plain http is for rehearsals: the config asks for https where mail really goes out.
        let is_web = |uri: &&str| uri.starts_with("https:") || uri.starts_with("http:");
        let web = uris.iter().copied().filter(|uri| is_web(uri)).count();
        if web != 1 || !uris.first().is_some_and(is_web) {
            findings.push("`List-Unsubscribe` does not begin with its one web address".to_owned());
        }
    }
    if value("List-Unsubscribe-Post").is_some_and(|v| v.trim() != "List-Unsubscribe=One-Click") {
        findings.push("`List-Unsubscribe-Post` does not say `List-Unsubscribe=One-Click`".into());
    }
}

/// Text and HTML, in this order, between boundaries of which the last closes (RFC 2046, 5.1).
fn lint_parts(fields: &[(&str, &str)], body: &[u8], findings: &mut Vec<String>) {
    let content_type = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Type"));
    let Some((_, content_type)) = content_type else { return };
    let is_alternative = content_type.trim_start().starts_with("multipart/alternative;");
    let boundary = content_type
        .split_once("boundary=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(boundary, _)| boundary)
        .filter(|boundary| (1..=70).contains(&boundary.len()));
    let (true, Some(boundary)) = (is_alternative, boundary) else {
        findings.push("it is not `multipart/alternative` with a boundary".to_owned());
        return;
    };
    let delimiter = format!("\r\n--{boundary}");
    let starts: Vec<usize> = memmem::find_iter(body, &delimiter).collect();
    let after = |start: usize| &body[start + delimiter.len()..];
    let closing: Vec<bool> = starts.iter().map(|at| after(*at).starts_with(b"--\r\n")).collect();
    let parts: Vec<&[u8]> =
        starts.windows(2).map(|pair| &body[pair[0] + delimiter.len()..pair[1]]).collect();
    if closing.last() != Some(&true) {
        findings.push("its last boundary is not closed".to_owned());
    }
    for (number, media_type) in ["text/plain", "text/html"].into_iter().enumerate() {
        let is_there = parts.get(number).is_some_and(|part| is_part(part, media_type));
        if !is_there {
            findings.push(format!("part {} is not `{media_type}` with a text", number + 1));
        }
    }
    if parts.len() > 2 || closing.iter().filter(|closes| **closes).count() > 1 {
        findings.push("its boundary stands in a part".to_owned());
    }
}

/// A part of that type in UTF-8 and quoted-printable that says something.
fn is_part(part: &[u8], media_type: &str) -> bool {
    let start = format!(
        "\r\nContent-Type: {media_type}; charset=utf-8\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    );
    part.strip_prefix(start.as_bytes()).is_some_and(|text| !text.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests;
