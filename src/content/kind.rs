//! Says what a file is: a release, an event, a page, or no content at all.
//!
//! The config's rules come first, then habits of Jekyll, Isomer and Hugo sites.

use super::front_matter::FrontMatter;
use super::problem::Problems;
use super::{DraftKind, KindMatch, Rules};

/// First words of folder names whose dated files are posts.
const POST_FOLDERS: &[&str] = &["post", "posts", "blog", "news", "press", "media"];
const EVENT_WORDS: &[&str] = &["event", "events"];
/// Folders of a site's machinery.
const TEMPLATE_FOLDERS: &[&str] =
    &["_layouts", "_includes", "_data", "_sass", "layouts", "partials", "archetypes", "templates"];
/// Layouts that list or frame other files.
const TEMPLATE_LAYOUTS: &[&str] =
    &["search", "resources", "resources-alt", "skeleton", "home", "homepage"];

/// What the rules look at.
pub(crate) struct Traits<'a> {
    pub(crate) path: &'a str,
    pub(crate) layout: &'a str,
    pub(crate) permalink: &'a str,
    /// Those of the author; the folders above `_posts` are not among them.
    pub(crate) own_categories: &'a [String],
    /// All that the entry will have.
    pub(crate) categories: &'a [String],
    /// A date in the file name or the front matter.
    pub(crate) is_dated: bool,
    /// The front matter says when something starts.
    pub(crate) has_start: bool,
}

/// Folders of a path from the content folder on, without the file.
pub(crate) fn folders(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.rsplit_once('/').map_or("", |(folders, _)| folders).split('/').filter(|f| !f.is_empty())
}

/// File name without its ending.
pub(crate) fn stem(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Ending of a file name, in lower case.
pub(crate) fn suffix(path: &str) -> String {
    path.rsplit_once('.').map_or("", |(_, suffix)| suffix).to_ascii_lowercase()
}

/// Whether Jekyll takes the file for a post by its place.
pub(crate) fn is_in_posts(path: &str) -> bool {
    folders(path).any(|folder| folder == "_posts")
}

/// Whether Jekyll takes the file for a draft by its place.
pub(crate) fn is_in_drafts(path: &str) -> bool {
    folders(path).any(|folder| folder == "_drafts")
}

/// Folders above the first `_posts`; Jekyll makes each a category.
pub(crate) fn folders_above_posts(path: &str) -> impl Iterator<Item = &str> {
    let count = folders(path).position(|folder| folder == "_posts").unwrap_or(0);
    folders(path).take(count)
}

/// The kind the author or the rules give.
pub(crate) fn of(
    traits: &Traits<'_>,
    front_matter: &FrontMatter,
    rules: &Rules,
    problems: &mut Problems,
) -> DraftKind {
    if let Some(field) = front_matter.field("kind") {
        match field.text().map(str::to_ascii_lowercase).as_deref() {
            Some("release") => return DraftKind::Release,
            Some("event") => return DraftKind::Event,
            Some("page") => return DraftKind::Page,
            // A key of another family's site may hold anything.
            _ => problems.warn(
                field.place(),
                "`kind` is not known, so the usual rules say what it is",
                "write `release`, `event` or `page`",
            ),
        }
    }
    let rule = rules.kinds.iter().find(|rule| matches(&rule.matches, traits));
    rule.map_or_else(|| default_kind(traits), |rule| rule.kind)
}

fn default_kind(traits: &Traits<'_>) -> DraftKind {
    if is_in_pages_of_posts(traits.path) {
        return DraftKind::Page;
    }
    let in_posts = is_in_posts(traits.path);
    let in_event_folder = folders(traits.path).any(is_event_name);
    let is_post = in_posts
        || traits.layout.ends_with("post")
        || traits.is_dated && (in_event_folder || folders(traits.path).any(is_post_folder))
        || traits.is_dated && traits.has_start;
    if !is_post {
        return DraftKind::Page;
    }
    let is_event = traits.has_start
        || traits.own_categories.iter().any(|category| is_event_name(category))
        || permalink_folders(traits.permalink).any(is_event_name)
        || !in_posts && in_event_folder;
    if is_event { DraftKind::Event } else { DraftKind::Release }
}

/// Whether a file lies in a folder `pages` below `_posts`: some Jekyll sites keep all they have
/// there and tell it apart by folder.
fn is_in_pages_of_posts(path: &str) -> bool {
    folders(path).skip_while(|folder| *folder != "_posts").any(|folder| folder == "pages")
}

/// Whether the file is an index, a search page or a part of the site's machinery.
pub(crate) fn is_template(path: &str, layout: &str, permalink: &str, is_dated: bool) -> bool {
    let is_page_bundle = is_dated && suffix(path) != "html" && folders(path).count() > 1;
    match stem(path) {
        "_index" | "search" | "404" => return true,
        // Hugo keeps a post as `folder/index.md`, beside its pictures.
        "index" if !is_page_bundle => return true,
        _ => {}
    }
    folders(path).any(|folder| TEMPLATE_FOLDERS.contains(&folder))
        || TEMPLATE_LAYOUTS.contains(&layout)
        || layout.ends_with("-index")
        || permalink == "/"
}

fn matches(rule: &KindMatch, traits: &Traits<'_>) -> bool {
    let folder_fits = rule.folder.as_deref().is_none_or(|name| in_folder(traits.path, name));
    let category_fits = rule.category.as_deref().is_none_or(|name| {
        traits.categories.iter().any(|c| c.to_lowercase() == name.trim().to_lowercase())
    });
    let permalink_fits =
        rule.permalink.as_deref().is_none_or(|head| traits.permalink.starts_with(head));
    folder_fits && category_fits && permalink_fits
}

/// Whether a path lies in a folder, given by name or as a path from the content folder on.
pub(crate) fn in_folder(path: &str, folder: &str) -> bool {
    let folder = folder.trim_matches('/');
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        || !folder.contains('/') && folders(path).any(|name| name == folder)
}

/// `/media/events/` of `/media/events/ib2020`: the last part is a title, where `event` is only
/// a word. A full address has its host left out.
fn permalink_folders(permalink: &str) -> impl Iterator<Item = &str> {
    let path = match permalink.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => permalink,
    };
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or("", |(folders, _)| folders).split('/')
}

/// Whether `event` or `events` is a whole word of a name that does not speak of news as well.
fn is_event_name(name: &str) -> bool {
    let mut words = words(name);
    words.any(|word| EVENT_WORDS.contains(&word.as_str()))
        && !self::words(name).any(|word| word == "news")
}

fn is_post_folder(name: &str) -> bool {
    words(name).next().is_some_and(|word| POST_FOLDERS.contains(&word.as_str()))
}

fn words(name: &str) -> impl Iterator<Item = String> {
    name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(path: &str) -> Traits<'_> {
        Traits {
            path,
            layout: "",
            permalink: "",
            own_categories: &[],
            categories: &[],
            is_dated: true,
            has_start: false,
        }
    }

    #[test]
    fn a_file_in_posts_is_a_release() {
        assert_eq!(default_kind(&traits("news/_posts/2021-01-01-a.md")), DraftKind::Release);
        assert_eq!(default_kind(&traits("content/news/2013/02/a.md")), DraftKind::Release);
        assert_eq!(default_kind(&traits("press-releases/a.md")), DraftKind::Release);
    }

    #[test]
    fn an_undated_file_or_another_folder_is_a_page() {
        let undated = Traits { is_dated: false, ..traits("news/a.md") };
        assert_eq!(default_kind(&undated), DraftKind::Page);
        assert_eq!(default_kind(&traits("about/a.md")), DraftKind::Page);
    }

    #[test]
    fn event_as_a_whole_word_makes_a_post_an_event() {
        let categories = ["Events".to_owned()];
        let by_category = Traits { layout: "post", own_categories: &categories, ..traits("a.md") };
        assert_eq!(default_kind(&by_category), DraftKind::Event);
        let by_permalink = Traits { permalink: "/media/events/ib2020", ..traits("x/_posts/a.md") };
        assert_eq!(default_kind(&by_permalink), DraftKind::Event);
        assert_eq!(default_kind(&traits("content/events/2018/a.md")), DraftKind::Event);
        let title = Traits { permalink: "/news/minister-opens-event", ..traits("x/_posts/a.md") };
        assert_eq!(default_kind(&title), DraftKind::Release);
        assert_eq!(default_kind(&traits("news/eventually/a.md")), DraftKind::Release);
    }

    #[test]
    fn a_folder_alone_does_not_make_a_file_in_posts_an_event() {
        assert_eq!(default_kind(&traits("press/events/_posts/a.md")), DraftKind::Release);
        let with_start = Traits { has_start: true, ..traits("press/events/_posts/a.md") };
        assert_eq!(default_kind(&with_start), DraftKind::Event);
    }

    #[test]
    fn a_folder_of_pages_below_posts_holds_pages() {
        assert_eq!(default_kind(&traits("_posts/en/pages/2016-01-01-about.md")), DraftKind::Page);
        assert_eq!(default_kind(&traits("pages/_posts/2016-01-01-a.md")), DraftKind::Release);
    }

    #[test]
    fn index_search_and_layout_files_are_templates() {
        for path in [
            "index.md",
            "news/index.html",
            "content/_index.md",
            "misc/search.md",
            "_layouts/post.html",
        ] {
            assert!(is_template(path, "", "", false), "{path}");
        }
        assert!(!is_template("content/post/one/index.md", "", "", true));
        assert!(is_template("a.md", "resources-alt", "", false));
        assert!(!is_template("a.md", "post", "/a", true));
    }

    #[test]
    fn a_folder_rule_names_a_folder_or_a_path() {
        assert!(in_folder("a/b/c.md", "b"));
        assert!(in_folder("a/b/c.md", "a/b/"));
        assert!(!in_folder("a/bc/c.md", "a/b"));
        assert!(!in_folder("a/c.md", "c.md"));
    }
}
