//! Feeds that are no longer at their address: moved (301) or closed (410, or 301 elsewhere).

use axum::http::HeaderValue;
use url::Url;

/// What the config says of names that feeds had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Former {
    /// Old name and new name.
    pub moved: Vec<(String, String)>,
    /// Name, and where its readers are sent.
    pub closed: Vec<(String, Option<Url>)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Moved(HeaderValue),
    Closed,
}

impl Former {
    /// What became of a decoded path below the output folder, which is reached at `output`.
    pub(super) fn find(&self, path: &str, output: &Url) -> Option<Verdict> {
        let rest = path.strip_prefix("feeds/")?;
        let (name, tail) = rest.split_at(rest.find(['.', '/']).unwrap_or(rest.len()));
        if let Some((_, new)) = self.moved.iter().find(|(old, _)| old == name) {
            // An address without its last slash need not be sent on twice.
            let tail = if tail.is_empty() { "/" } else { tail };
            let mut address = output.clone();
            address.set_path(&format!("{}feeds/{new}{tail}", output.path()));
            return Some(Verdict::Moved(value(&address)));
        }
        let (_, elsewhere) = self.closed.iter().find(|(closed, _)| closed == name)?;
        Some(elsewhere.as_ref().map_or(Verdict::Closed, |url| Verdict::Moved(value(url))))
    }
}

fn value(url: &Url) -> HeaderValue {
    HeaderValue::from_str(url.as_str()).expect("a URL is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: Option<&str>) {
        let former = Former {
            moved: vec![("news".into(), "all".into()), ("古".into(), "新".into())],
            closed: vec![
                ("budget".into(), None),
                ("tenders".into(), Some("https://tenders.example/".parse().unwrap())),
            ],
        };
        let output = "https://press.example.org/news/".parse().unwrap();
        let expected = expected.map(|location| match location {
            "" => Verdict::Closed,
            location => Verdict::Moved(HeaderValue::from_str(location).unwrap()),
        });
        assert_eq!(former.find(path, &output), expected, "{path}");
    }

    #[test]
    fn each_path_of_a_moved_feed_leads_to_the_same_of_the_new_name() {
        check("feeds/news.rss", Some("https://press.example.org/news/feeds/all.rss"));
        check("feeds/news/", Some("https://press.example.org/news/feeds/all/"));
        check("feeds/news", Some("https://press.example.org/news/feeds/all/"));
        check(
            "feeds/news/archive/3.atom",
            Some("https://press.example.org/news/feeds/all/archive/3.atom"),
        );
        check("feeds/古.ics", Some("https://press.example.org/news/feeds/%E6%96%B0.ics"));
    }

    #[test]
    fn a_closed_feed_is_gone_or_leads_elsewhere() {
        check("feeds/budget.atom", Some(""));
        check("feeds/budget/", Some(""));
        check("feeds/tenders.json", Some("https://tenders.example/"));
    }

    #[test]
    fn other_names_are_not_touched() {
        for path in ["feeds/newsletter.rss", "feeds/all.rss", "news.rss", "feeds/", "feeds/new"] {
            check(path, None);
        }
    }
}
