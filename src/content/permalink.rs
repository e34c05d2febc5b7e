//! Finds the address of an entry: its own, that of the file or page it stands for, or one
//! made from a pattern.

use chrono::{Datelike, NaiveDate};
use url::Url;

use super::front_matter::{Field, FrontMatter};
use super::kind::{folders, in_folder, is_in_posts, stem};
use super::links::{below_site, encode_segment, site_path};
use super::problem::{Place, Problems};
use super::{DraftKind, Rules, dates};
use crate::model::Language;

/// Jekyll's pattern for posts.
const JEKYLL_PATTERN: &str = "/:categories/:year/:month/:day/:title.html";
/// Hugo's: the folders and the slug.
const HUGO_PATTERN: &str = "/:sections/:slug/";

/// What patterns are filled with.
pub(crate) struct Parts<'a> {
    pub(crate) path: &'a str,
    pub(crate) kind: DraftKind,
    pub(crate) categories: &'a [String],
    pub(crate) published: Option<NaiveDate>,
    pub(crate) language: &'a Language,
    /// Only an entry without text of its own may be the address of something else.
    pub(crate) has_body: bool,
}

/// The address; where none can be made, that is reported.
pub(crate) fn find(
    parts: &Parts<'_>,
    front_matter: &FrontMatter,
    rules: &Rules,
    problems: &mut Problems,
) -> Option<Url> {
    if let Some(field) = front_matter.first(&["permalink", "url"]) {
        let url = own(&field, parts, front_matter, rules);
        if url.is_some() {
            return url;
        }
        problems.error(
            field.place(),
            format!("`{}` is not an address: `{}`", field.name, field.text().unwrap_or("a list")),
            "write `/news/2026/board-appointments/` or a full address",
        );
        return page_address(parts, rules);
    }
    if !parts.has_body
        && let Some(field) = front_matter.first(&["external", "file_url"])
        && let Some(url) = elsewhere(&field, rules)
    {
        return Some(url);
    }
    let pattern = rules.permalinks.iter().find(|rule| in_folder(parts.path, &rule.folder));
    let pattern = pattern.map(|rule| rule.pattern.as_str()).or_else(|| default_pattern(parts));
    if parts.kind == DraftKind::Page {
        return pattern
            .and_then(|pattern| expand(pattern, parts, front_matter, rules).ok())
            .or_else(|| page_address(parts, rules));
    }
    let Some(pattern) = pattern else {
        problems.error(
            Place::missing("permalink"),
            "no address can be made for it",
            "add `permalink: /news/board-appointments/`, or a pattern for its folder under `content.permalink`",
        );
        return None;
    };
    match expand(pattern, parts, front_matter, rules) {
        Ok(url) => Some(url),
        Err(reason) => {
            problems.error(
                Place::missing("permalink"),
                format!("the pattern `{pattern}` gives no address: {reason}"),
                "add `permalink: /news/board-appointments/`",
            );
            None
        }
    }
}

/// `permalink: /a/b/`, a full address, or a pattern of Jekyll's.
fn own(field: &Field, parts: &Parts<'_>, front_matter: &FrontMatter, rules: &Rules) -> Option<Url> {
    let text = field.text()?;
    if text.starts_with("/:") || text.contains("/:") && !text.contains("://") {
        return expand(text, parts, front_matter, rules).ok();
    }
    let is_full = Url::parse(text).is_ok() || text.starts_with("//");
    let url =
        if is_full { rules.site_url.join(text).ok() } else { below_site(&rules.site_url, text) };
    url.filter(is_web)
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

fn default_pattern(parts: &Parts<'_>) -> Option<&'static str> {
    if is_in_posts(parts.path) {
        return Some(JEKYLL_PATTERN);
    }
    let is_in_section = folders(parts.path).any(|folder| folder != "content");
    (parts.kind != DraftKind::Page && is_in_section).then_some(HUGO_PATTERN)
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
) -> Result<Url, String> {
    let pattern = match pattern {
        "pretty" => "/:categories/:year/:month/:day/:title/",
        "date" => JEKYLL_PATTERN,
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
    url.filter(is_own).ok_or_else(|| format!("`{path}` is not a path"))
}

fn part(
    name: &str,
    parts: &Parts<'_>,
    front_matter: &FrontMatter,
    rules: &Rules,
) -> Result<String, String> {
    let day = || parts.published.ok_or_else(|| format!("`:{name}` needs a date"));
    Ok(match name {
        "year" => format!("{:04}", day()?.year()),
        "month" => format!("{:02}", day()?.month()),
        "day" => format!("{:02}", day()?.day()),
        "i_month" => day()?.month().to_string(),
        "i_day" => day()?.day().to_string(),
        "title" | "slug" => encode_segment(&slug(parts.path, front_matter)),
        "filename" | "contentbasename" => encode_segment(stem(parts.path)),
        "categories" => categories(parts),
        "path" => {
            let path = parts.path.rsplit_once('.').map_or(parts.path, |(path, _)| path);
            path.split('/').map(encode_segment).collect::<Vec<_>>().join("/")
        }
        "section" => sections(parts, rules).first().map(|s| encode_segment(s)).unwrap_or_default(),
        "sections" => {
            sections(parts, rules).into_iter().map(encode_segment).collect::<Vec<_>>().join("/")
        }
        _ => return Err(format!("`:{name}` is not known")),
    })
}

/// Jekyll counts the folders above `_posts` as categories, and then the author's.
fn categories(parts: &Parts<'_>) -> String {
    let above = folders(parts.path).take_while(|folder| *folder != "_posts").map(str::to_lowercase);
    let mut all: Vec<String> = if is_in_posts(parts.path) { above.collect() } else { Vec::new() };
    for category in parts.categories {
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

/// `slug` of the front matter, else the file's name without its date.
fn slug(path: &str, front_matter: &FrontMatter) -> String {
    if let Some(slug) = front_matter.text(&["slug"]) {
        return slugify(&slug);
    }
    let name = match stem(path) {
        "index" => folders(path).next_back().unwrap_or("index"),
        stem => stem,
    };
    let name = dates::of_file_name(name).map_or(name, |(_, rest)| rest);
    slugify(name)
}

/// Letters and digits of any script; every other run becomes one hyphen.
fn slugify(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '~'));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
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
