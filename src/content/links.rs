//! Makes links absolute and percent-encoded (RFC 3986; the URL standard's parser).

use url::{Position, Url};

/// What the links of one entry are resolved against.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// The entry's own address.
    pub(crate) page: Url,
    /// Address of the site: `/path` belongs to it even when the entry's page lies elsewhere.
    pub(crate) site: Url,
}

impl Base {
    /// The absolute address, or `None` where a reader cannot follow it: an empty link, another
    /// scheme than http, https, mailto and tel, or no address at all.
    pub(crate) fn resolve(&self, link: &str) -> Option<String> {
        let link = link.trim();
        if link.is_empty() {
            return None;
        }
        let is_rooted = link.starts_with('/') && !link.starts_with("//");
        let url = if is_rooted {
            if is_plain_path(link) && is_web(&self.site) {
                return Some([&self.site[..Position::BeforePath], link].concat());
            }
            self.site.join(link)
        } else if link.starts_with("www.") {
            // Without its scheme it would be a file beside the page.
            Url::parse(&format!("https://{link}"))
        } else {
            self.page.join(link)
        };
        let url = url.ok().filter(|url| is_web(url) || matches!(url.scheme(), "mailto" | "tel"))?;
        // Blanks stay in the opaque path of a `mailto`.
        Some(String::from(url).replace(' ', "%20"))
    }

    /// The same for an address that must be a page or a file.
    pub(crate) fn resolve_web(&self, link: &str) -> Option<Url> {
        let url = Url::parse(&self.resolve(link)?).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(url)
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// Whether a path is its own normal form, so that joining it to a site only puts the two
/// together: nothing in it is encoded, and no part is or begins with `.` or `..`.
fn is_plain_path(path: &str) -> bool {
    let bytes = path.as_bytes();
    let is_plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
    bytes.iter().all(is_plain) && !bytes.windows(2).any(|two| two == b"/.")
}

/// Address of `path` below the site's address, whose own path stays in front.
pub(crate) fn below_site(site: &Url, path: &str) -> Option<Url> {
    let prefix = site_path(site);
    site.join(&format!("{prefix}/{}", path.trim_start_matches('/'))).ok()
}

/// Path of the site's address without its last slash: Jekyll's `baseurl`.
pub(crate) fn site_path(site: &Url) -> &str {
    site.path().trim_end_matches('/')
}

/// Percent-encodes one part of a path, as a file name.
pub(crate) fn encode_segment(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for c in segment.chars() {
        match c {
            '%' => out.push_str("%25"),
            '?' => out.push_str("%3F"),
            '#' => out.push_str("%23"),
            '\\' => out.push_str("%5C"),
            '/' => out.push_str("%2F"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
impl Base {
    /// A page of a site.
    pub(crate) fn sample() -> Self {
        Self {
            page: "https://press.example/news/one/".parse().unwrap(),
            site: "https://press.example/".parse().unwrap(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(link: &str) -> Option<String> {
        let base = Base {
            page: "https://other.example/news/one".parse().unwrap(),
            site: "https://press.example/".parse().unwrap(),
        };
        base.resolve(link)
    }

    #[test]
    fn links_become_absolute_and_encoded() {
        for (link, expected) in [
            ("/files/a b.pdf", "https://press.example/files/a%20b.pdf"),
            ("two", "https://other.example/news/two"),
            ("#part", "https://other.example/news/one#part"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("www.example.org/x", "https://www.example.org/x"),
            ("https://a.example/新闻?q=a b", "https://a.example/%E6%96%B0%E9%97%BB?q=a%20b"),
            ("mailto:a@b.example?subject=a b", "mailto:a@b.example?subject=a%20b"),
            ("tel:+65 6123", "tel:+65%206123"),
        ] {
            assert_eq!(resolve(link).as_deref(), Some(expected));
        }
    }

    proptest::proptest! {
        #[test]
        fn a_plain_path_is_joined_as_the_url_standard_says(path in "/[a-z0-9_./A-Z-]{0,12}") {
            for site in ["https://press.example/sub/", "http://u:p@press.example:81", "https://[::1]/"] {
                let site: Url = site.parse().unwrap();
                let base = Base { page: site.clone(), site: site.clone() };
                let expected = site.join(&path).ok().filter(is_web).map(String::from);
                if !path.starts_with("//") {
                    proptest::prop_assert_eq!(base.resolve(&path), expected);
                }
            }
        }
    }

    #[test]
    fn what_a_reader_cannot_follow_is_no_link() {
        for link in [
            "",
            " ",
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "https://",
            "file:///a",
        ] {
            assert_eq!(resolve(link), None, "{link}");
        }
    }

    #[test]
    fn the_sites_own_path_stays_in_front() {
        let site: Url = "https://press.example/sub/".parse().unwrap();
        assert_eq!(below_site(&site, "/a/b").unwrap().as_str(), "https://press.example/sub/a/b");
        assert_eq!(site_path(&site), "/sub");
    }
}
