//! Reads one file: bytes in, a draft and its problems out. No I/O, no clock.

use super::body::{self, Markup};
use super::fields::{self, Categories, enclosures, image, language, notes, pinned_id, title};
use super::front_matter::FrontMatter;
use super::kind::{self, Traits};
use super::links::Base;
use super::permalink::{self, Parts};
use super::problem::{Place, Problems};
use super::published::{self, DateLine};
use super::source::{Source, split};
use super::tags::escape;
use super::text::{of_html, one_line, summary};
use super::{
    Draft, DraftKind, Outcome, Published, Reading, Rules, dates, event, markdown, misspelt,
};
use crate::hash::hash;
use crate::model::Enclosure;

/// Which bodies are made of Markdown, tags and raw HTML. It is the dearest part of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    Make,
    /// None that only documents and mails want: the rest of the draft, and every problem of the
    /// file, come out the same without it.
    LeaveWherePossible,
}

/// Reads one file of the content folder. `path` runs from that folder on, with `/`.
pub fn read(path: &str, bytes: &[u8], rules: &Rules) -> Reading {
    read_as(path, bytes, rules, Bodies::Make)
}

/// As [`read`], where not every body is wanted.
pub fn read_as(path: &str, bytes: &[u8], rules: &Rules, bodies: Bodies) -> Reading {
    let mut problems = Problems::of(path);
    let outcome = match split(bytes, &mut problems) {
        Some(source) => read_source(path, &source, rules, bodies, &mut problems),
        None => Outcome::HeldBack,
    };
    let outcome = if problems.has_error() { Outcome::HeldBack } else { outcome };
    Reading { outcome, problems: problems.into_list() }
}

fn read_source(
    path: &str,
    source: &Source,
    rules: &Rules,
    bodies: Bodies,
    problems: &mut Problems,
) -> Outcome {
    if is_empty(path, source) {
        return Outcome::Empty;
    }
    let no_fields = FrontMatter::default();
    let front_matter = source.front_matter.as_ref().unwrap_or(&no_fields);
    let traits_of = TraitTexts::of(path, front_matter);
    let traits = traits_of.traits(path);
    let is_forced = front_matter.field("kind").is_some();
    if !is_forced && kind::is_template(path, traits.layout, traits.permalink, traits.is_dated) {
        return Outcome::Template;
    }
    let kind = kind::of(&traits, front_matter, rules, problems);
    if source.front_matter.is_none() && kind != DraftKind::Page {
        problems.error(
            Place::line(1),
            "the file has no front matter",
            "begin it with a line of `---`, then `title: …`, then a line of `---`",
        );
        return Outcome::HeldBack;
    }
    let draft = draft(path, kind, source, front_matter, &traits, rules, bodies, problems);
    if kind == DraftKind::Page {
        problems.soften();
    }
    draft.map_or(Outcome::HeldBack, |draft| Outcome::Draft(Box::new(draft)))
}

#[expect(clippy::too_many_arguments, reason = "each is a part of the file, or a rule for it")]
fn draft(
    path: &str,
    kind: DraftKind,
    source: &Source,
    front_matter: &FrontMatter,
    traits: &Traits<'_>,
    rules: &Rules,
    bodies: Bodies,
    problems: &mut Problems,
) -> Option<Draft> {
    fields::check_shapes(front_matter, problems);
    misspelt::warn_of_near_misses(front_matter, problems);
    let title = title(path, kind, front_matter, &source.body, problems);
    let date_line = published::date_line(&source.body, &title);
    let published =
        published(path, kind, source, front_matter, date_line.as_ref(), rules, problems);
    let language = language(path, front_matter, rules, problems);
    let parts = Parts {
        path,
        kind,
        title: &title,
        own_categories: traits.own_categories,
        published,
        language: &language,
        has_body: !source.body.trim().is_empty(),
    };
    let link = permalink::find(&parts, front_matter, rules, problems);
    // Without an address the rest is still read, so that all problems are told at once.
    let page = link.clone().unwrap_or_else(|| rules.site_url.clone());
    let base = Base { page, site: rules.site_url.clone() };

    let event = match kind {
        DraftKind::Event => event::read(front_matter, &base, rules, problems),
        DraftKind::Release | DraftKind::Page => None,
    };
    let enclosures = enclosures(front_matter, rules, problems);
    let description =
        front_matter.text(&["description", "summary", "excerpt", "deck"]).map(|d| plain(&d, &base));
    let has_description = description.as_ref().is_some_and(|text| !text.is_empty());
    let markup = markup(path, source, front_matter);
    let is_left = bodies == Bodies::LeaveWherePossible
        && (kind == DraftKind::Page
            || has_description && body::surely_says_something(source, markup));
    let mut content_html = String::new();
    if !is_left {
        content_html = body::render(source, markup, &title, &base, problems);
    }
    let mut content_text = of_html(&content_html);
    if kind != DraftKind::Page && !is_left && !body::is_readable(&content_html, &content_text) {
        content_html = stand_in(description.as_deref(), &enclosures, &title, &base);
        content_text = of_html(&content_html);
        if content_html.is_empty() {
            problems.error(
                Place::line(source.body_line).named("body"),
                "there is nothing to read in it",
                "write a text below the front matter, or point to one with `external` or `file_url`",
            );
        }
    }
    if kind != DraftKind::Page {
        body::check_words(source, &title, problems);
    }
    Some(Draft {
        path: path.to_owned(),
        kind,
        pinned_id: pinned_id(front_matter, problems),
        summary: summary(description.as_deref(), &content_html, &title),
        link: link?,
        title,
        published,
        expires_at: published::expiry(front_matter, published, rules, problems),
        updated: front_matter
            .field("updated")
            .and_then(|field| published::value(&field, rules, problems)),
        is_unpublished: front_matter.is_true("draft")
            || front_matter.is_false("published")
            || kind::is_in_drafts(path),
        language,
        translation_key: front_matter.text(&["translationKey"]),
        categories: traits.categories.to_vec(),
        tags: fields::words_or_list(path, front_matter, "tags", "tag"),
        agency: front_matter.text(&["agency"]).map(|text| one_line(&text)),
        source_hash: hash(source.body.as_bytes()),
        body_hash: (!is_left).then(|| hash(content_html.as_bytes())),
        content_html,
        content_text,
        image: image(front_matter, &base),
        enclosures,
        event,
        notes: notes(front_matter, &base, problems),
        urgent: front_matter.is_true("urgent"),
    })
}

/// The texts that the rules for kinds look at.
struct TraitTexts {
    layout: String,
    permalink: String,
    categories: Categories,
    is_dated: bool,
    has_start: bool,
}

impl TraitTexts {
    fn of(path: &str, front_matter: &FrontMatter) -> Self {
        let is_dated = dates::of_file_name(file_name_with_date(path)).is_some()
            || front_matter
                .first(&["date", "publishDate", "publish_at", "start_date", "event"])
                .is_some();
        Self {
            layout: front_matter.text(&["layout"]).unwrap_or_default().to_lowercase(),
            permalink: front_matter.text(&["permalink", "url"]).unwrap_or_default(),
            categories: fields::categories(path, front_matter),
            is_dated,
            has_start: event::has_start(front_matter),
        }
    }

    fn traits<'a>(&'a self, path: &'a str) -> Traits<'a> {
        Traits {
            path,
            layout: &self.layout,
            permalink: &self.permalink,
            own_categories: &self.categories.own,
            categories: &self.categories.all,
            is_dated: self.is_dated,
            has_start: self.has_start,
        }
    }
}

/// The part of a path that carries a file name's date: for a page bundle its folder.
fn file_name_with_date(path: &str) -> &str {
    match kind::stem(path) {
        "index" => kind::folders(path).next_back().unwrap_or("index"),
        stem => stem,
    }
}

/// No byte, blanks alone, fences alone, or a word that keeps an empty folder in version control.
fn is_empty(path: &str, source: &Source) -> bool {
    let body = source.body.trim();
    let is_bare = source
        .front_matter
        .as_ref()
        .is_none_or(|f| f.first(&["title", "published", "layout"]).is_none());
    let keeps_folder = matches!(kind::stem(path), "ignore" | "placeholder" | "keep" | "empty");
    let is_placeholder = keeps_folder && body.len() < 200
        || ["placeholder", "ignore"].iter().any(|word| body.eq_ignore_ascii_case(word));
    is_bare && body.is_empty()
        || is_placeholder && source.front_matter.is_none()
        || is_placeholder && is_bare
}

fn published(
    path: &str,
    kind: DraftKind,
    source: &Source,
    front_matter: &FrontMatter,
    date_line: Option<&DateLine>,
    rules: &Rules,
    problems: &mut Problems,
) -> Published {
    let is_start = kind == DraftKind::Event && event::date_is_start(front_matter);
    let date = if is_start { None } else { front_matter.field("date") };
    let file_name = dates::of_file_name(file_name_with_date(path)).map(|(day, _)| day);
    let date_line = date_line.map(|found| (found, source.body_line + found.line));
    published::find(front_matter, date, file_name, date_line, rules, problems)
}

/// A description without Markdown, where an author put some into it.
fn plain(description: &str, base: &Base) -> String {
    if description.contains("**") || description.contains("](") {
        of_html(&markdown::render(description, base))
    } else {
        one_line(description)
    }
}

/// How the body is written.
fn markup(path: &str, source: &Source, front_matter: &FrontMatter) -> Markup {
    let is_rich_text = front_matter.text(&["variant"]).as_deref() == Some("tiptap")
        && source.body.trim_start().starts_with('<');
    match kind::suffix(path).as_str() {
        "html" => Markup::Html,
        "mdx" => Markup::Mdx,
        _ if is_rich_text => Markup::Html,
        _ => Markup::Markdown,
    }
}

/// What stands in for a body without text: the description, the file or page it points to.
fn stand_in(
    description: Option<&str>,
    enclosures: &[Enclosure],
    title: &str,
    base: &Base,
) -> String {
    let mut blocks = Vec::new();
    if let Some(description) = description.filter(|d| !d.is_empty()) {
        blocks.push(format!("<p>{}</p>\n", escape(description)));
    }
    let target = enclosures.first().map(|enclosure| &enclosure.url);
    let is_elsewhere = base.page.host() != base.site.host();
    if let Some(target) = target.or_else(|| is_elsewhere.then_some(&base.page)) {
        let target = escape(target.as_str());
        blocks.push(format!("<p><a href=\"{target}\">{}</a></p>\n", escape(title)));
    }
    blocks.concat()
}
