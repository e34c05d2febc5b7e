//! What a replaced template may say, and what pages show.

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, source).unwrap();
    }
    folder
}

fn refusal(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let message = Templates::load(folder.path()).unwrap_err().to_string();
    message.replace(&folder.path().display().to_string(), "FOLDER")
}

fn frame<'a>(site_title: &'a str, language: &str) -> Frame<'a> {
    Frame {
        site_title,
        site_url: "https://press.example.org/",
        language: language.to_owned(),
        switch: Vec::new(),
    }
}

fn unsubscribe(state: UnsubscribeState) -> String {
    let page = UnsubscribePage {
        frame: frame("Harbour <City> Office", "en"),
        state,
        digest: "daily",
        feeds: None,
        address_masked: "m***@example.org",
        action: "/unsubscribe/TOKEN",
        left: Some("1".into()),
        undo_seal: Some("SEAL".into()),
        manage: Some("../manage/TOKEN".into()),
    };
    Templates::builtin().page("web/unsubscribe.html", &page).unwrap()
}

#[test]
fn a_file_replaces_the_template_of_its_name_and_no_other() {
    let folder = folder(&[("web/message.html", "<p>{{ message }}</p>"), ("notes.md", "{{")]);
    let templates = Templates::load(folder.path()).unwrap();
    let page =
        MessagePage { frame: frame("Office", "ar"), title: "No such page", message: "5 < 6" };
    assert_eq!(templates.page("web/message.html", &page).unwrap(), "<p>5 &lt; 6</p>");
    let builtin = Templates::builtin();
    assert!(builtin.page("web/message.html", &page).unwrap().contains("dir=\"rtl\""));
    let differing: Vec<_> =
        templates.sources().zip(builtin.sources()).filter(|(a, b)| a != b).collect();
    assert_eq!(differing.len(), 1);
}

#[test]
fn a_folder_that_is_not_there_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Templates::load(&folder.path().join("templates")).is_ok());
}

#[test]
fn a_wrong_template_is_refused_with_file_line_and_remedy() {
    let message = refusal(&[("mail/digest.txt", "fine\n{% if %}\n")]);
    assert!(
        message.starts_with("template `FOLDER/mail/digest.txt` line 2: found `%}`"),
        "{message}"
    );
    assert!(message.ends_with("or remove the file to use the built-in template"), "{message}");
    assert_eq!(
        refusal(&[("mail/digest.txt", "\n{{ title | shout }}")]),
        "template `FOLDER/mail/digest.txt` line 2: unknown filter `shout`: mend the line, or \
         remove the file to use the built-in template"
    );
    assert_eq!(
        refusal(&[("web/message.html", "{% extends \"web/base.html\" %}")]),
        "template `FOLDER/web/message.html`: there is no template `web/base.html` to extend"
    );
}

#[test]
fn a_template_that_says_what_there_is_not_is_refused_when_it_is_loaded() {
    let said = |source| refusal(&[("web/message.html", source)]);
    let file = "template `FOLDER/web/message.html` line 2";
    let remedy = "mend the line, or remove the file to use the built-in template";
    assert_eq!(
        said("a\n{{ t(key=\"page-hom\", site=title) }}"),
        format!("{file}: no message has the key `page-hom`: did you mean `page-home`?: {remedy}")
    );
    assert_eq!(
        said("a\n{% if false %}{{ t(key=\"page-home\") }}{% endif %}"),
        format!("{file}: the message `page-home` needs `site`, which `t` is not given: {remedy}")
    );
    assert_eq!(
        said("a\n{{ t(key=title) }}"),
        format!("{file}: `t` needs a `key` written out, as `t(key=\"manage-title\")`: {remedy}")
    );
    let message = refusal(&[("messages/fr.ftl", "manage-title = a\nmanage-title\n")]);
    assert!(message.starts_with("messages `FOLDER/messages/fr.ftl` line 2: expected"), "{message}");
}

fn made(files: &[(&str, &str)], language: &str) -> String {
    let folder = folder(files);
    let page = MessagePage { frame: frame("A & <B>", language), title: "T", message: "M" };
    let templates = Templates::load(folder.path()).unwrap();
    templates.page("web/message.html", &page).unwrap()
}

#[test]
fn words_are_those_of_the_page_and_what_they_are_given_is_escaped() {
    let source = "{{ t(key=\"page-home\", site=site_title) }}";
    let made = |language| made(&[("web/message.html", source)], language);
    assert_eq!(made("en"), "Go to the start page of A &amp; &lt;B&gt;");
    assert_eq!(made("zh-Hans"), "前往A &amp; &lt;B&gt;首页");
    assert_eq!(made("ar"), "Go to the start page of A &amp; &lt;B&gt;");
}

#[test]
fn only_markup_of_the_template_stays_markup() {
    let source = "{% set who %}<b>{{ site_title }}</b>{% endset %}\
                  {{ t(key=\"mine\", who=who, other=site_title) }} \
                  {{ t(key=\"manage-save\", language=\"zh\") }}";
    let messages = "mine = <i>{ $who } & { $other }</i>\n";
    let files = [("web/message.html", source), ("messages/en.ftl", messages)];
    assert_eq!(
        made(&files, "en"),
        "&lt;i&gt;<b>A &amp; &lt;B&gt;</b> &amp; A &amp; &lt;B&gt;&lt;/i&gt; 保存"
    );
    assert!(Templates::load(folder(&files).path()).unwrap().remarks(["en"]).is_empty());
}

#[test]
fn a_variable_that_nobody_gives_is_an_error_naming_the_template() {
    let folder = folder(&[("web/message.html", "<p>\n{{ masage }}</p>")]);
    let templates = Templates::load(folder.path()).unwrap();
    let error = templates.page("web/message.html", &BTreeMap::<&str, &str>::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "template `web/message.html` line 2: variable `masage` is not defined: use a value \
         that this template is given, or remove the file to use the built-in template"
    );
}

#[test]
fn the_unsubscribe_page_asks_before_it_ends_anything() {
    let page = unsubscribe(UnsubscribeState::Ask);
    assert!(page.contains("<form method=\"post\" action=\"/unsubscribe/TOKEN\">"), "{page}");
    assert!(page.contains("m***@example.org"));
    assert!(page.contains("Harbour &lt;City&gt; Office"));
    assert!(page.contains("<meta name=\"robots\" content=\"noindex\">"));
    assert!(!page.contains("<script"));
}

#[test]
fn only_what_can_be_done_has_a_form_and_an_invalid_link_names_nobody() {
    for state in [UnsubscribeState::Back, UnsubscribeState::Ended, UnsubscribeState::Invalid] {
        assert!(!unsubscribe(state).contains("<form"), "{state:?}");
    }
    assert!(unsubscribe(UnsubscribeState::Done).contains("Undo: go on as before</button>"));
    assert!(!unsubscribe(UnsubscribeState::Invalid).contains("m***@example.org"));
}
