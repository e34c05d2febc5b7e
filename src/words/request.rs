//! Which of our languages a reader is met in, by what a browser asks for.

use crate::model::Language;

/// Languages that `Accept-Language` asks for, most wanted first (RFC 9110, sections 12.4.2 and
/// 12.5.4). What cannot be read, `*` and what has the weight 0 are left out.
pub fn accepted(header: &str) -> Vec<Language> {
    let mut wanted: Vec<(u16, Language)> = header
        .split(',')
        .take(MOST_RANGES)
        .filter_map(|range| {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            Some((weight(parameters)?, tag.parse().ok()?))
        })
        .filter(|(weight, _)| *weight > 0)
        .collect();
    // Stable: of equal weight, what is named first.
    wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    wanted.into_iter().map(|(_, language)| language).collect()
}

/// More than any browser sends.
const MOST_RANGES: usize = 50;

/// `q=0.8` in thousandths; 1 where there is none.
fn weight(parameters: &str) -> Option<u16> {
    let Some(value) = parameters.trim().strip_prefix(['q', 'Q']) else {
        return parameters.trim().is_empty().then_some(1000);
    };
    let value = value.trim_start().strip_prefix('=')?.trim();
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match whole {
        "1" => part.bytes().all(|b| b == b'0').then_some(1000),
        "0" => format!("{part:0<3}").parse().ok(),
        _ => None,
    }
}

/// The first of `offered` that fits what is wanted most: the same, a kind of it or what it is a
/// kind of, as `zh` for `zh-Hans-SG` (RFC 4647, sections 3.3.1 and 3.4).
pub fn best<'a>(wanted: &[Language], offered: &'a [Language]) -> Option<&'a Language> {
    let equal = |a: &Language, b: &Language| a.as_str().eq_ignore_ascii_case(b.as_str());
    wanted.iter().find_map(|wanted| {
        let same = offered.iter().find(|offered| equal(offered, wanted));
        same.or_else(|| offered.iter().find(|offered| wanted.is_kind_of(offered)))
            .or_else(|| offered.iter().find(|offered| offered.is_kind_of(wanted)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &[&str]) {
        let accepted = accepted(header);
        assert_eq!(accepted.iter().map(Language::as_str).collect::<Vec<_>>(), expected, "{header}");
    }

    #[test]
    fn languages_stand_in_the_order_in_which_they_are_wanted() {
        check("en;q=0.5, zh-SG, zh ; q=0.9 ,ta;q=0.95", &["zh-SG", "ta", "zh", "en"]);
        check("ms, en", &["ms", "en"]);
        check("fr;q=0, *, en;q=1.000", &["en"]);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        check("", &[]);
        check("en;q=2, de;q=0.1234, x y, ta;q=, ms;level=1, zh;q=0.1", &["zh"]);
        check(&"en,".repeat(10_000), &["en"; MOST_RANGES]);
    }

    #[test]
    fn the_nearest_of_our_languages_is_taken() {
        let offered = ["en", "zh-Hans", "ta"].map(|tag| tag.parse().unwrap());
        let best = |header| best(&accepted(header), &offered).map(Language::as_str);
        assert_eq!(best("zh"), Some("zh-Hans"));
        assert_eq!(best("zh-hans-SG, en"), Some("zh-Hans"));
        assert_eq!(best("de, en-GB;q=0.8"), Some("en"));
        assert_eq!(best("de"), None);
    }
}
