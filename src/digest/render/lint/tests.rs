//! Each flaw of an issue that is named, and what passes.

use super::*;

fn issue(html_body: &str, text: &str) -> RenderedIssue {
    let slot = Slot::Unsubscribe.marker();
    RenderedIssue {
        subject: "News".to_owned(),
        html: format!(
            "<html lang=\"en\" dir=\"ltr\"><head><title>News</title></head><body><h1>News</h1>\
             {html_body}<a href=\"{slot}\">Unsubscribe</a></body></html>"
        ),
        text: format!("{text}\n{slot}\n"),
        more: 0,
    }
}

fn check(html_body: &str, text: &str, expected: &[&str]) {
    assert_eq!(lint(&issue(html_body, text)), expected);
}

#[test]
fn a_sound_issue_has_no_problems() {
    let url = format!("[1] https://press.example.org/{}", "long/".repeat(20));
    check("<img src=\"https://example.org/a.png\" alt=\"\">", &url, &[]);
}

#[test]
fn each_flaw_of_the_html_part_is_named() {
    check(
        "<img src=\"https://example.org/a.png\">",
        "News",
        &["the image `https://example.org/a.png` has no `alt`"],
    );
    check(
        "<a class=\"x>y\" href=\"/rates\">Rates</a>",
        "News",
        &["the link `/rates` is not absolute"],
    );
    check(
        "<a href=\"javascript:x()\">Rates</a>",
        "News",
        &["the link `javascript:x()` is not absolute"],
    );
    check("<p onclick=\"x()\">", "News", &["`<p>` holds the event handler `onclick`"]);
    check("<script>", "News", &["the HTML part holds `<script>`, which mail must not"]);
    check("\u{e001}", "News", &["the HTML part holds the private-use character `\\u{e001}`"]);
    check("\u{f0100}", "News", &["a slot of the HTML part does not stand alone"]);
    check(&"x".repeat(100_000), "News", &["the HTML part has 101 KB, more than 100 KB"]);
    check("<style>", "News", &["the HTML part has a `style` that is not closed"]);
}

#[test]
fn template_code_is_found_in_samples_and_allowed_in_what_authors_write() {
    let left = issue("{{ title }}", "{% if %}");
    assert_eq!(lint(&left), [""; 0]);
    assert_eq!(
        lint_own_words(&left),
        [
            "the HTML part holds `{{`: template code was left over",
            "the text part holds `{%`: template code was left over",
        ]
    );
}

#[test]
fn a_template_says_where_its_links_lead_and_authors_may_call_a_release_more() {
    let link = |text: &str| format!("<a href=\"https://example.org/\">{text}</a>");
    for text in ["here", "<b>Read</b> more…", "https://example.org/"] {
        let issue = issue(&link(text), "News");
        assert_eq!(lint(&issue), [""; 0]);
        assert_eq!(lint_own_words(&issue).len(), 1, "{text}");
    }
    assert_eq!(
        lint_own_words(&issue(&link("<b>Read</b>\nmore…"), "News")),
        ["the link text `Read more…` does not say where it leads"]
    );
    check(&link(" "), "News", &["the link to `https://example.org/` has no text"]);
    let pictured = link("<img src=\"https://example.org/a.png\" alt=\"Rates\">");
    assert_eq!(lint_own_words(&issue(&pictured, "News")), [""; 0]);
    check(&pictured, "News", &[]);
}

#[test]
fn headings_go_down_step_by_step_from_one() {
    check("<h2>A</h2><h3>B</h3><h2>C</h2>", "News", &[]);
    check("<h3>B</h3>", "News", &["a heading `h3` follows `h1`: a level is skipped"]);
    check("<h1>B</h1>", "News", &["the HTML part has 2 headings of the first level"]);
}

#[test]
fn the_direction_is_that_of_the_language() {
    let with = |from: &str, to: &str| {
        let sound = issue("", "News");
        lint(&RenderedIssue { html: sound.html.replace(from, to), ..sound })
    };
    assert_eq!(
        with("lang=\"en\"", "lang=\"ar\""),
        ["the HTML part has `dir=\"ltr\"` where the language `ar` is rtl"]
    );
    assert_eq!(
        with(" dir=\"ltr\"", ""),
        ["the HTML part does not name its direction: `dir` is missing"]
    );
}

#[test]
fn text_stands_out_from_its_ground_in_light_and_in_dark() {
    let body = |rules: &str| {
        format!(
            "<style>@media (prefers-color-scheme: dark) {{ {rules} }}</style>\
             <table class=\"card\" style=\"background-color: #fff; color: #767676\">\
             <td><p class=\"quiet\">Few <b>words</b></p></td></table>"
        )
    };
    check(&body(""), "News", &[]);
    check(
        &body("").replace("767676", "777"),
        "News",
        &[
            "the text `Few` has a contrast of 4.47 to 1 in light mode, less than 4.5: #777777 on \
           #ffffff",
            "the text `Few` has a contrast of 4.47 to 1 in dark mode, less than 4.5: #777777 on \
           #ffffff",
        ],
    );
    let dark = ".card{background-color:#19212a!important}";
    check(
        &body(dark),
        "News",
        &["the text `Few` has a contrast of 3.57 to 1 in dark mode, less than 4.5: #767676 on \
           #19212a"],
    );
    check(
        &body(&format!("{dark} p{{color:#767676}} .quiet{{color:#b4bfca!important}}")),
        "News",
        &[],
    );
    // What the inlined style sets stands, unless the rule is important.
    let unimportant = ".card{background-color:#19212a!important;color:#e8edf2}";
    check(
        &body(unimportant),
        "News",
        &["the text `Few` has a contrast of 3.57 to 1 in dark mode, less than 4.5: #767676 on \
           #19212a"],
    );
    check(&body(&unimportant.replace("edf2", "edf2!important")), "News", &[]);
    check(&body(&format!("{dark} p{{color:#e8edf2}}")), "News", &[]);
    let own = "<style>@media (prefers-color-scheme:dark){p{color:#fff!important}}</style>\
               <p style=\"color:#333!important\">Few</p>";
    check(own, "News", &[]);
    check(
        &body("td p { color: #fff }"),
        "News",
        &["the rule `td p` for dark mode is neither an element nor a class: its contrast is \
           unknown"],
    );
    check(
        "<p style=\"color: teal\">Few words</p>",
        "News",
        &["the colour `teal` is not written as `#12355b`: its contrast is unknown"],
    );
}

#[test]
fn what_stands_in_a_comment_is_for_outlook_and_passes() {
    check("<!--[if mso]><a href=\"/x\"><![endif]-->", "News", &[]);
}

#[test]
fn each_flaw_of_the_text_part_is_named() {
    check("", &"word ".repeat(20), &["line 1 of the text part has 100 columns, more than 78"]);
    check("", &"海".repeat(40), &["line 1 of the text part has 80 columns, more than 78"]);
    check("", &"ก".repeat(90), &[]);
}

#[test]
fn an_issue_without_parts_is_refused_part_by_part() {
    let empty =
        RenderedIssue { subject: String::new(), html: String::new(), text: String::new(), more: 0 };
    assert_eq!(
        lint(&empty),
        [
            "the subject is empty",
            "the HTML part does not name its language: `lang` is missing",
            "the HTML part has no title",
            "the HTML part has no heading of the first level",
            "the HTML part has no place for the unsubscribe link",
            "the text part is empty",
            "the text part has no place for the unsubscribe link",
        ]
    );
}
