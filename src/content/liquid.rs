//! What the tags of Liquid mean in a Jekyll site, as far as they stand for text.

use super::template_tags::{Meaning, Site};

/// Meaning of `{{ expression | filter: argument }}`.
pub(crate) fn output(expression: &str, site: &Site<'_>) -> Meaning {
    let mut parts = split_filters(expression).into_iter();
    let first = parts.next().unwrap_or_default();
    let Some(mut value) = value(first.trim(), site) else { return Meaning::Unknown };
    for filter in parts {
        let (name, argument) = filter.split_once(':').unwrap_or((filter, ""));
        let argument = self::value(argument.trim(), site);
        match name.trim() {
            "absolute_url" | "relative_url" | "url" if value.starts_with("http") => {}
            "absolute_url" => value = format!("{}{}", site.url, rooted(&value)),
            "relative_url" | "url" => value = format!("{}{}", site.base_path, rooted(&value)),
            "prepend" => value = argument.unwrap_or_default() + &value,
            "append" => value += &argument.unwrap_or_default(),
            "strip" | "escape" | "xml_escape" | "uri_escape" => {}
            _ => return Meaning::Unknown,
        }
    }
    Meaning::Text(value)
}

/// Meaning of `{% name arguments %}`.
pub(crate) fn tag(inner: &str) -> Meaning {
    let (name, arguments) =
        inner.trim().split_once(char::is_whitespace).unwrap_or((inner.trim(), ""));
    match name {
        "raw" => Meaning::Verbatim { end: "endraw", before: String::new(), after: "" },
        "highlight" => {
            let language = arguments.split_whitespace().next().unwrap_or_default();
            Meaning::Verbatim {
                end: "endhighlight",
                before: format!("\n```{language}\n"),
                after: "\n```\n",
            }
        }
        "comment" => Meaning::Comment { end: "endcomment" },
        // The tag it ends has been named already.
        _ if name.starts_with("end") => Meaning::Nothing,
        "else" | "elsif" | "when" | "assign" | "break" | "continue" => Meaning::Nothing,
        _ => Meaning::Unknown,
    }
}

fn value(expression: &str, site: &Site<'_>) -> Option<String> {
    match expression {
        "site.baseurl" => Some(site.base_path.to_owned()),
        "site.url" => Some(site.url.strip_suffix(site.base_path).unwrap_or(&site.url).to_owned()),
        "page.title" => Some(site.title.to_owned()),
        _ => {
            let quotes = ['"', '\'', '“', '”', '‘', '’'];
            let inner = expression.strip_prefix(quotes)?.strip_suffix(quotes)?;
            Some(inner.to_owned())
        }
    }
}

fn rooted(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}

/// Cuts at `|` outside quotes.
fn split_filters(expression: &str) -> Vec<&str> {
    let mut quote = None;
    expression
        .split(move |c| match (quote, c) {
            (None, '|') => true,
            (None, '"' | '\'') => {
                quote = Some(c);
                false
            }
            (Some(open), c) if open == c => {
                quote = None;
                false
            }
            _ => false,
        })
        .collect()
}
