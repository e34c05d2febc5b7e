//! Texts of links that say nothing (WCAG 2.2, success criterion 2.4.4): templates may hold none,
//! and authors are told when a title is one.

/// Words that do not say where a link leads.
const VAGUE: [&str; 9] =
    ["click", "click here", "continue", "here", "learn more", "link", "more", "read more", "this"];

/// What is wrong with `text` as all that a link says; blanks stand alone in it.
pub(crate) fn flaw(text: &str) -> Option<&'static str> {
    let words = text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let is_address = || text.starts_with("https://") || text.starts_with("http://");
    if VAGUE.contains(&words.as_str()) {
        Some("does not say where it leads")
    } else if is_address() && !text.contains(' ') {
        Some("is an address and no words")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], expected: Option<&str>) {
        for text in texts {
            assert_eq!(flaw(text), expected, "{text}");
        }
    }

    #[test]
    fn a_link_says_where_it_leads() {
        check(&["here", "Click here.", "Read more…"], Some("does not say where it leads"));
        check(&["https://example.org/"], Some("is an address and no words"));
        check(&["More trees", "https://vaccine.example.gov opens for bookings", "海港市"], None);
    }
}
