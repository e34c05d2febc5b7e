//! What Hugo's shortcodes mean, as far as they stand for text.

use url::Url;

use super::players;
use super::tags::escape;
use super::template_tags::Meaning;

/// Meaning of `{{< name arguments >}}`.
pub(crate) fn shortcode(inner: &str) -> Meaning {
    let inner = inner.trim().trim_end_matches('/').trim_end();
    if inner.starts_with('/') {
        return Meaning::Nothing;
    }
    let arguments = Arguments::of(inner);
    match arguments.name.as_str() {
        "youtube" | "vimeo" => player(&arguments),
        "figure" | "img" | "image" | "picture" => figure(&arguments),
        "ref" | "relref" => arguments.first("path").map_or(Meaning::Unknown, reference),
        "highlight" => {
            let language = arguments.first("lang").unwrap_or_default();
            Meaning::Verbatim {
                end: "/highlight",
                before: format!("\n```{language}\n"),
                after: "\n```\n",
            }
        }
        _ => Meaning::Unknown,
    }
}

fn player(arguments: &Arguments) -> Meaning {
    let Some(id) = arguments.first("id") else { return Meaning::Unknown };
    let address = match arguments.name.as_str() {
        "vimeo" => format!("https://vimeo.com/{id}"),
        _ => format!("https://www.youtube.com/watch?v={id}"),
    };
    match Url::parse(&address) {
        Ok(url) => {
            Meaning::Text(format!("\n\n{}\n\n", players::paragraph(&url, arguments.get("title"))))
        }
        Err(_) => Meaning::Unknown,
    }
}

/// An image with its caption. A source that is no path is a name in a media library that we
/// do not have.
fn figure(arguments: &Arguments) -> Meaning {
    let source = arguments.first("src").filter(|source| source.contains(['/', '.']));
    let Some(source) = source else { return Meaning::Unknown };
    let alt = escape(arguments.get("alt").unwrap_or_default());
    let mut image = format!("<img src=\"{}\" alt=\"{alt}\">", escape(source));
    if let Some(link) = arguments.get("link") {
        image = format!("<a href=\"{}\">{image}</a>", escape(link));
    }
    let caption = [arguments.get("title"), arguments.get("caption")];
    let caption: Vec<String> = caption.into_iter().flatten().map(escape).collect();
    if !caption.is_empty() {
        image = format!("{image}<figcaption>{}</figcaption>", caption.join(". "));
    }
    Meaning::Text(format!("\n\n<figure>{image}</figure>\n\n"))
}

/// Address of another page: `/news/_index.md` is `/news/`. A bare file name could be anywhere
/// in the site; a link to a guess is worse than none.
fn reference(path: &str) -> Meaning {
    let (path, fragment) = path.split_once('#').unwrap_or((path, ""));
    let fragment = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
    if path.is_empty() {
        return Meaning::Text(fragment);
    }
    if !path.contains('/') {
        return Meaning::Unknown;
    }
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".md").unwrap_or(path);
    let path = path.strip_suffix("_index").or_else(|| path.strip_suffix("/index")).unwrap_or(path);
    Meaning::Text(format!("/{}/{fragment}", path.trim_matches('/')))
}

/// Name and arguments, by name or by place.
struct Arguments {
    name: String,
    placed: Vec<String>,
    named: Vec<(String, String)>,
}

impl Arguments {
    fn of(inner: &str) -> Self {
        let mut words = words(inner).into_iter();
        let name = words.next().unwrap_or_default();
        let (mut placed, mut named) = (Vec::new(), Vec::new());
        for word in words {
            match word.split_once('=').filter(|(key, _)| is_name(key)) {
                Some((key, value)) => named.push((key.to_owned(), value.to_owned())),
                None => placed.push(word),
            }
        }
        Self { name, placed, named }
    }

    fn get(&self, key: &str) -> Option<&str> {
        let found = self.named.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The argument named `key`, else the first one without a name.
    fn first(&self, key: &str) -> Option<&str> {
        self.get(key).or_else(|| self.placed.first().map(String::as_str))
    }
}

fn is_name(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Words apart by blanks; blanks inside quotes do not count, quotes are taken off.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if open == c => quote = None,
            None if matches!(c, '"' | '`') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inner: &str, expected: &str) {
        assert_eq!(shortcode(inner), Meaning::Text(expected.to_owned()));
    }

    #[test]
    fn a_video_becomes_a_link() {
        check(
            "youtube id=\"abc\" title=\"Our day\"",
            "\n\n<p><a href=\"https://www.youtube.com/watch?v=abc\">Video: Our day</a></p>\n\n",
        );
        check("vimeo 12", "\n\n<p><a href=\"https://vimeo.com/12\">Video: Vimeo</a></p>\n\n");
    }

    #[test]
    fn a_figure_becomes_an_image_with_its_caption() {
        check(
            "figure src=\"/a b.jpg\" alt=\"A > B\" caption=\"C\"",
            "\n\n<figure><img src=\"/a b.jpg\" alt=\"A &gt; B\"><figcaption>C</figcaption></figure>\n\n",
        );
        assert_eq!(shortcode("img src=\"uswds-logo\""), Meaning::Unknown);
    }

    #[test]
    fn a_reference_becomes_an_address_where_it_can_be_known() {
        check("ref \"/guides/dap/_index.md\"", "/guides/dap/");
        check("relref \"communities/media.md#top\"", "/communities/media/#top");
        check("ref \"#choose\"", "#choose");
        assert_eq!(shortcode("ref \"2014-10-30-x.md\""), Meaning::Unknown);
    }
}
