//! Finds the address of an entry: its own, that of the file or page it stands for, or one
//! made from a pattern.
//!
//! A file below a folder `_posts` is one of Jekyll's (and so of Isomer's), any other of Hugo's:
//! the two give the marks of a pattern different meanings, and have different addresses where
//! a site has no pattern. <https://jekyllrb.com/docs/permalinks/>,
//! <https://gohugo.io/configuration/permalinks/>. What sends readers on from an old address
//! (`aliases`, `redirect_from`) is no address of the entry.

use chrono::NaiveDate;
use unicode_normalization::char::is_combining_mark;
use url::Url;

use super::front_matter::{Field, FrontMatter};
use super::kind::{folders, folders_above_posts, in_folder, is_in_posts, stem};
use super::links::{below_site, encode_segment, site_path};
use super::problem::{Place, Problems};
use super::{DraftKind, Published, PublishedSource, Rules, dates};
use crate::model::Language;

/// Jekyll's pattern for posts, `date`.
const JEKYLL_PATTERN: &str = "/:categories/:year/:month/:day/:title.html";

/// What patterns are filled with.
pub(crate) struct Parts<'a> {
    pub(crate) path: &'a str,
    pub(crate) kind: DraftKind,
    pub(crate) title: &'a str,
    /// Those of the author; the folders above `_posts` are seen in the path.
    pub(crate) own_categories: &'a [String],
    pub(crate) published: Published,
    pub(crate) language: &'a Language,
    /// Only an entry without text of its own may be the address of something else.
    pub(crate) has_body: bool,
}

/// Why a pattern gives no address.
enum NoAddress {
    NoDate(String),
    Unknown(String),
    NotAPath(String),
}

impl NoAddress {
    fn reason(&self) -> String {
        match self {
            Self::NoDate(mark) => format!("`:{mark}` needs a date"),
            Self::Unknown(mark) => format!("`:{mark}` is not known"),
            Self::NotAPath(path) => format!("`{path}` is not a path"),
        }
    }
}

/// The address; where none can be made, that is reported.
pub(crate) fn find(
    parts: &Parts<'_>,
    front_matter: &FrontMatter,
    rules: &Rules,
    problems: &mut Problems,
) -> Option<Url> {
    if let Some(field) = front_matter.first(&["permalink", "url"]) {
        // Without an address the rest is still read, so that all problems are told at once.
        return own(&field, parts, front_matter, rules, problems)
            .or_else(|| page_address(parts, rules));
    }
    if !parts.has_body
        && let Some(field) = front_matter.first(&["external", "file_url"])
        && field.text().is_some()
    {
        let url = elsewhere(&field, rules);
        if url.is_some() {
            return url;
        }
        if field.name.eq_ignore_ascii_case("external") {
            problems.warn(
                field.place(),
                "`external` is not an address, so it is left out",
                "write it in full, as `https://example.org/report`",
            );
        }
    }
    let pattern = rules.permalinks.iter().find(|rule| in_folder(parts.path, &rule.folder));
    let pattern = pattern
        .map(|rule| rule.pattern.as_str())
        .or_else(|| is_in_posts(parts.path).then_some(JEKYLL_PATTERN));
    if parts.kind == DraftKind::Page {
        return pattern
            .and_then(|pattern| expand(pattern, parts, front_matter, rules).ok())
            .or_else(|| page_address(parts, rules));
    }
    let Some(pattern) = pattern else {
        if folders(parts.path).any(|folder| folder != "content") {
            return hugo_address(parts, front_matter, rules);
        }
        problems.error(
            Place::missing("permalink"),
            "no address can be made for it",
            "add `permalink: /news/board-appointments/`, or a pattern for its folder under `content.permalink`",
        );
        return None;
    };
    match expand(pattern, parts, front_matter, rules) {
        Ok(url) => Some(url),
        Err(NoAddress::NoDate(_)) if parts.published.source != PublishedSource::FirstSeen => {
            // The date is there and cannot be read, which is reported already.
            None
        }
        Err(no_address) => {
            problems.error(
                Place::missing("permalink"),
                format!("the pattern `{pattern}` gives no address: {}", no_address.reason()),
                "add `permalink: /news/board-appointments/`",
            );
            None
        }
    }
}

/// `permalink: /a/b/`, a full address on the site itself, or a pattern.
fn own(
    field: &Field,
    parts: &Parts<'_>,
    front_matter: &FrontMatter,
    rules: &Rules,
    problems: &mut Problems,
) -> Option<Url> {
    // A list is reported where the shape of all keys is looked at.
    let text = field.text()?;
    let name = &field.name;
    let full = Url::parse(text).ok();
    if full.is_none() && text.contains("/:") {
        let url = expand(text, parts, front_matter, rules);
        return url
            .map_err(|no_address| {
                problems.error(
                    field.place(),
                    format!("the pattern in `{name}` gives no address: {}", no_address.reason()),
                    "write `/news/2026/board-appointments/`",
                );
            })
            .ok();
    }
    let url = match full {
        Some(url) => Some(url),
        None if text.starts_with("//") => rules.site_url.join(text).ok(),
        None => below_site(&rules.site_url, text),
    };
    let Some(url) = url.filter(is_web) else {
        problems.error(
            field.place(),
            format!("`{name}` is not an address"),
            "write `/news/2026/board-appointments/`",
        );
        return None;
    };
    if host_name(&url) != host_name(&rules.site_url) {
        problems.error(
            field.place(),
            format!("`{name}` leads to another site than `{}`", host_name(&rules.site_url)),
            "write a path, as `/news/2026/board-appointments/`; an entry without text may name a page elsewhere as `external`",
        );
        return None;
    }
    // The site's own scheme, host and port: `http://www.…` is an old way to write the same.
    let mut address = rules.site_url.clone();
    address.set_path(url.path());
    address.set_query(url.query());
    address.set_fragment(url.fragment());
    Some(address)
}

fn host_name(url: &Url) -> &str {
    let host = url.host_str().unwrap_or_default();
    host.strip_prefix("www.").unwrap_or(host)
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// The page or file that a post only points to.
pub(crate) fn elsewhere(field: &Field, rules: &Rules) -> Option<Url> {
    let text = field.text()?;
    let text =
        text.strip_prefix("www.").map_or(text.to_owned(), |rest| format!("https://www.{rest}"));
    let url = match Url::parse(&text) {
        Ok(url) => Some(url),
        Err(_) if text.starts_with("//") => rules.site_url.join(&text).ok(),
        Err(_) => below_site(&rules.site_url, &text),
    };
    url.filter(is_web)
}

/// Hugo's address for a page without a pattern: its folders, and its slug or file name.
fn hugo_address(parts: &Parts<'_>, front_matter: &FrontMatter, rules: &Rules) -> Option<Url> {
    let slug = front_matter.text(&["slug"]);
    let name = slug.as_deref().unwrap_or_else(|| hugo_name(parts));
    let path = [sections(parts, rules).as_slice(), &[name, ""]].concat().join("/");
    below_site(&rules.site_url, &hugo_path(&path))
}

/// Where a page would lie; it is shown by `show`, never published.
fn page_address(parts: &Parts<'_>, rules: &Rules) -> Option<Url> {
    let path = parts.path.rsplit_once('.').map_or(parts.path, |(path, _)| path);
    let path: Vec<String> = path.split('/').map(encode_segment).collect();
    below_site(&rules.site_url, &format!("{}/", path.join("/")))
}

/// Fills `:name` marks; an empty one takes its slash along.
fn expand(
    pattern: &str,
    parts: &Parts<'_>,
    front_matter: &FrontMatter,
    rules: &Rules,
) -> Result<Url, NoAddress> {
    // The styles that Jekyll has a name for.
    let pattern = match pattern {
        "pretty" => "/:categories/:year/:month/:day/:title/",
        "date" => JEKYLL_PATTERN,
        "ordinal" => "/:categories/:year/:y_day/:title.html",
        "weekdate" => "/:categories/:year/W:week/:short_day/:title.html",
        "none" => "/:categories/:title.html",
        other => other,
    };
    let mut path = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(':') {
        path.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
        path.push_str(&part(&rest[..end], parts, front_matter, rules)?);
        rest = &rest[end..];
    }
    path.push_str(rest);
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    let url = below_site(&rules.site_url, &path).filter(is_web);
    let is_own = |url: &Url| {
        url.host() == rules.site_url.host() && url.path().starts_with(site_path(&rules.site_url))
    };
    url.filter(is_own).ok_or(NoAddress::NotAPath(path))
}

fn part(
    mark: &str,
    parts: &Parts<'_>,
    front_matter: &FrontMatter,
    rules: &Rules,
) -> Result<String, NoAddress> {
    if let Some(format) = date_format(mark) {
        let day = day(parts, rules).ok_or_else(|| NoAddress::NoDate(mark.to_owned()))?;
        return Ok(day.format(format).to_string());
    }
    if let Some(format) = hugo_name_of_date(mark) {
        let day = day(parts, rules).ok_or_else(|| NoAddress::NoDate(mark.to_owned()))?;
        return Ok(day.format(format).to_string().to_lowercase());
    }
    let is_jekyll = is_in_posts(parts.path);
    let slug = front_matter.text(&["slug"]);
    Ok(match mark {
        "output_ext" => ".html".to_owned(),
        "categories" => categories(parts),
        "path" => {
            let path = parts.path.rsplit_once('.').map_or(parts.path, |(path, _)| path);
            path.split('/').map(encode_segment).collect::<Vec<_>>().join("/")
        }
        "title" if is_jekyll => {
            let name = slug.as_deref().unwrap_or_else(|| name_without_date(parts.path));
            encode_segment(&jekyll_title(name))
        }
        "slug" if is_jekyll => {
            let name = slug.as_deref().unwrap_or_else(|| name_without_date(parts.path));
            encode_segment(&jekyll_slug(name))
        }
        "title" => hugo_path(parts.title),
        "slug" => hugo_path(slug.as_deref().unwrap_or(parts.title)),
        "slugorfilename" | "slugorcontentbasename" => {
            hugo_path(slug.as_deref().unwrap_or_else(|| hugo_name(parts)))
        }
        "filename" | "contentbasename" => hugo_path(name(parts.path)),
        "section" => sections(parts, rules).first().map(|s| hugo_path(s)).unwrap_or_default(),
        "sections" => {
            sections(parts, rules).into_iter().map(hugo_path).collect::<Vec<_>>().join("/")
        }
        _ => return Err(NoAddress::Unknown(mark.to_owned())),
    })
}

/// How `chrono` writes a mark for a part of the date.
fn date_format(mark: &str) -> Option<&'static str> {
    Some(match mark {
        "year" => "%Y",
        "short_year" => "%y",
        "month" => "%m",
        "i_month" => "%-m",
        "short_month" => "%b",
        "long_month" => "%B",
        "day" => "%d",
        "i_day" => "%-d",
        "y_day" => "%j",
        "yearday" => "%-j",
        "week" => "%V",
        "w_year" => "%G",
        "w_day" => "%u",
        "weekday" => "%w",
        "short_day" => "%a",
        "long_day" => "%A",
        _ => return None,
    })
}

/// The marks that Hugo writes in lower case.
fn hugo_name_of_date(mark: &str) -> Option<&'static str> {
    match mark {
        "monthname" => Some("%B"),
        "weekdayname" => Some("%A"),
        _ => None,
    }
}

fn day(parts: &Parts<'_>, rules: &Rules) -> Option<NaiveDate> {
    parts.published.value.map(|value| dates::days(value, rules.time_zone)[0])
}

/// The folders above `_posts`, as they are spelled, and then the author's; all in lower case.
fn categories(parts: &Parts<'_>) -> String {
    let above = folders_above_posts(parts.path);
    let mut all: Vec<String> = Vec::new();
    for category in above.chain(parts.own_categories.iter().map(String::as_str)) {
        let category = category.to_lowercase();
        if !all.contains(&category) {
            all.push(category);
        }
    }
    all.iter().map(|category| encode_segment(category)).collect::<Vec<_>>().join("/")
}

/// Folders below `content`, without the one of the site's own language; the folder of a page
/// bundle (`slug/index.md`) is a name, not a section.
fn sections<'a>(parts: &Parts<'a>, rules: &Rules) -> Vec<&'a str> {
    let mut all: Vec<&str> = folders(parts.path).collect();
    if all.first() == Some(&"content") {
        all.remove(0);
    }
    if all.first() == Some(&rules.language.as_str()) && parts.language == &rules.language {
        all.remove(0);
    }
    if stem(parts.path) == "index" {
        all.pop();
    }
    all
}

/// The file's name, or that of its folder for a page bundle.
fn name(path: &str) -> &str {
    match stem(path) {
        "index" => folders(path).next_back().unwrap_or("index"),
        stem => stem,
    }
}

fn name_without_date(path: &str) -> &str {
    let name = name(path);
    dates::of_file_name(name).map_or(name, |(_, rest)| rest)
}

/// Hugo takes the date off a file's name only where it takes it from there.
fn hugo_name<'a>(parts: &Parts<'a>) -> &'a str {
    match parts.published.source {
        PublishedSource::FileName => name_without_date(parts.path),
        _ => name(parts.path),
    }
}

/// Jekyll's `slugify` with the mode `pretty`, in the author's case.
fn jekyll_title(name: &str) -> String {
    hyphenated(name, |c| is_word(c) || "._~!$&'()+,;=@".contains(c))
}

/// Jekyll's `slugify`.
fn jekyll_slug(name: &str) -> String {
    hyphenated(name, is_word).to_lowercase()
}

/// Letters, digits and the marks of any script.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// The characters to keep; every other run becomes one hyphen.
fn hyphenated(name: &str, keeps: impl Fn(char) -> bool) -> String {
    let words = name.split(|c: char| !keeps(c));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// A path, or what becomes part of one, as Hugo makes it: lower case, a hyphen for blanks, no
/// punctuation (Hugo's `MakePathSanitized`; compared with what version 0.111 writes).
fn hugo_path(text: &str) -> String {
    let mut path = String::new();
    let mut has_blank = false;
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_whitespace() {
            has_blank = !path.is_empty() && !path.ends_with('-');
        } else if is_word(c) || "/._#+~-@".contains(c) {
            if has_blank && c != '-' {
                path.push('-');
            }
            has_blank = false;
            path.push(c);
        }
    }
    path.split('/').map(encode_segment).collect::<Vec<_>>().join("/")
}

/// Media type of a file, guessed by its ending.
pub(crate) fn media_type(url: &Url) -> &'static str {
    let suffix = url.path().rsplit_once('.').map_or("", |(_, suffix)| suffix).to_ascii_lowercase();
    match suffix.as_str() {
        "pdf" => "application/pdf",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "ppt" => "application/vnd.ms-powerpoint",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt" => "application/vnd.oasis.opendocument.text",
        "ods" => "application/vnd.oasis.opendocument.spreadsheet",
        "zip" => "application/zip",
        "csv" => "text/csv",
        "txt" => "text/plain",
        "html" | "htm" => "text/html",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "webp" => "image/webp",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "mp4" | "m4v" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "ics" => "text/calendar",
        _ => "application/octet-stream",
    }
}
