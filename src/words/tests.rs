use super::*;

fn book(own: &[(&str, &str)]) -> Result<Wordbook, String> {
    let own = own.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned()));
    Wordbook::with(&own.collect(), Path::new("templates")).map_err(|error| error.to_string())
}

fn check_refused(source: &str, expected: &str) {
    let error = book(&[("messages/zh.ftl", source)]).unwrap_err();
    let expected = format!(
        "messages `templates/messages/zh.ftl` {expected}: mend the line, or remove it to use the \
         built-in words"
    );
    assert_eq!(error, expected);
}

#[test]
fn every_language_has_every_key_of_english_with_the_same_arguments() {
    let book = Wordbook::builtin();
    let english = &book.languages[ENGLISH];
    for speech in book.languages.values() {
        assert_eq!(speech.own, english.own, "{}", speech.tag);
        for key in &english.own {
            assert_eq!(speech.arguments(key), english.arguments(key), "{} {key}", speech.tag);
        }
    }
    assert_eq!(language_files().collect::<Vec<_>>(), ["en", "ms", "ta", "zh"]);
}

/// Sources of the program and its templates, without its tests.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["src", "templates"].into_iter().flat_map(|f| walkdir::WalkDir::new(root.join(f)));
    files
        .map(|file| file.unwrap().into_path())
        .filter(|path| path.is_file() && !path.ends_with("tests.rs"))
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn every_key_that_the_program_says_is_there() {
    let book = Wordbook::builtin();
    let mut said = 0;
    for (path, source) in sources() {
        if path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().starts_with("src/cli") {
            // It speaks to operators.
            continue;
        }
        let source = source.split("#[cfg(test)]").next().unwrap();
        for rest in source.split(".say(").skip(1) {
            let Some(key) = rest.trim_start().strip_prefix('"') else { continue };
            let key = key.split('"').next().unwrap();
            // What the program says to operators and relays is no key.
            if !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') {
                assert!(book.arguments(key).is_some(), "{}: `{key}`", path.display());
                said += 1;
            }
        }
        // Each said with its title, as the pages of errors are.
        for rest in source.split(", \"error-").skip(1) {
            let key = format!("error-{}", rest.split('"').next().unwrap());
            for key in [format!("{key}-title"), key] {
                assert!(book.arguments(&key).is_some(), "{}: `{key}`", path.display());
            }
        }
    }
    assert!(said > 5, "{said}");
}

#[test]
fn a_language_says_what_a_broader_one_says_and_else_english() {
    let book = book(&[
        ("messages/zh-Hant.ftl", "manage-save = 儲存\n"),
        ("messages/fr.ftl", "manage-save = Enregistrer\nfr-only = Bonjour { $name }\n"),
    ]);
    let book = book.unwrap();
    let say = |tag, key| book.words(tag).say(key, &[]);
    assert_eq!(say("zh-Hant-HK", "manage-save"), "儲存");
    assert_eq!(say("zh-hant", "manage-leave-title"), say("zh", "manage-leave-title"));
    assert_eq!(say("zh-Hans", "manage-save"), "保存");
    assert_eq!(say("fr-CH", "manage-save"), "Enregistrer");
    assert_eq!(say("fr", "manage-leave-title"), "Leave");
    assert_eq!(say("ar", "manage-save"), "Save");
    assert_eq!(book.words("ZH-hans").language(), "zh");
    assert!(book.speaks("zh-TW") && book.speaks("fr") && !book.speaks("ar"));
    assert_eq!(book.words("fr").say("fr-only", &[("name", "Anne".into())]), "Bonjour Anne");
}

#[test]
fn one_is_one_by_the_rules_of_the_language() {
    let total = |tag, count: usize| {
        Wordbook::builtin().words(tag).say("mail-total", &[("count", count.into())])
    };
    assert_eq!([total("en", 1), total("en", 2), total("en", 0)], ["1 item", "2 items", "0 items"]);
    assert_eq!([total("zh", 1), total("zh", 2)], ["1 则", "2 则"]);
    assert_eq!([total("ta", 1), total("ta", 2)], ["1 செய்தி", "2 செய்திகள்"]);
}

#[test]
fn an_argument_stands_as_it_is_given() {
    let words = Words::english();
    let home = words.say("page-home", &[("site", "{ $site } <b>".into())]);
    assert_eq!(home, "Go to the start page of { $site } <b>");
    assert!(!words.say("mail-visit", &[("site", "أخبار".into())]).contains('\u{2068}'));
}

#[test]
fn an_office_replaces_single_words_and_may_use_its_own() {
    let source = "-office = the council\nmanage-save = Keep\nerror-failed = Ask { -office }.\n";
    let book = book(&[("messages/en.ftl", source)]).unwrap();
    let say = |key| book.words("en").say(key, &[]);
    assert_eq!(say("manage-save"), "Keep");
    assert_eq!(say("error-failed"), "Ask the council.");
    assert_eq!(say("manage-leave-title"), "Leave");
    // Languages without words of their own say the office's English.
    assert_eq!(book.words("ar").say("manage-save", &[]), "Keep");
}

#[test]
fn what_could_not_be_said_is_refused_with_file_and_line() {
    check_refused("\nmanage-save = { $", "line 2: expected one of \"a-zA-Z\"");
    check_refused(
        "a = b\nmanage-save = 1\nmanage-save = 2",
        "line 3: `manage-save` stands in it twice",
    );
    check_refused(
        "manage-for = 给 { $adress }",
        "line 1: `manage-for` asks for `$adress`, which it is not given",
    );
    check_refused(
        "# Kept.\nmanage-save = { manage-sav }",
        "line 2: `manage-save` refers to `manage-sav`, which there is not",
    );
    check_refused(
        "manage-save = { -office }",
        "line 1: `manage-save` refers to `-office`, which the file does not have",
    );
    check_refused(
        "manage-save = { manage-title }\nmanage-title = { manage-save }",
        "line 1: `manage-save` refers to itself",
    );
    check_refused(
        "mail-total = { NUMBER($count) }",
        "line 1: `mail-total` uses `NUMBER()`, and there are no functions",
    );
    check_refused(
        "manage-save =\n    .title = x",
        "line 1: `manage-save` should have a text and no attributes",
    );
}

#[test]
fn what_an_operator_should_know_of_the_words_is_told_once() {
    let remarks =
        |own: &[(&str, &str)], tags: &[&str]| book(own).unwrap().remarks(tags.iter().copied());
    assert_eq!(remarks(&[], &["en", "en-SG"]), [""; 0]);
    assert_eq!(
        remarks(&[], &["zh", "zh-Hans", "ar"]),
        [
            "pages and mails have no words in `ar` and say theirs in English: put a file \
             `messages/ar.ftl` among your templates",
            "the words of pages and mails in `zh` are a draft: let a speaker read them, then put \
             `-status = read` into `messages/zh.ftl` among your templates",
        ]
    );
    assert_eq!(remarks(&[("messages/zh.ftl", "-status = read\n")], &["zh"]), [""; 0]);
    let english = BUILT_IN[0].1.replace("manage-save = Save\n", "");
    assert_eq!(
        remarks(&[("messages/fr.ftl", &english)], &["fr"]),
        ["`messages/fr.ftl` lacks what is said in English instead: `manage-save`"]
    );
}

#[test]
fn a_key_that_nothing_says_is_told() {
    let source = "manage-sav = x\nmine = { part }\npart = y\nmanage-save = z\n";
    let book = book(&[("messages/zh.ftl", source)]).unwrap();
    assert_eq!(
        book.unsaid(&["mine"].into()).collect::<Vec<_>>(),
        ["nothing says the key `manage-sav` of `templates/messages/zh.ftl`: did you mean \
          `manage-save`?"]
    );
    assert_eq!(Wordbook::builtin().unsaid(&BTreeSet::new()).count(), 0);
}

#[test]
fn a_misspelt_key_is_known_by_its_neighbour() {
    let book = Wordbook::builtin();
    assert_eq!(book.nearest("manage-sav"), Some("manage-save"));
    assert_eq!(book.nearest("mange-tilte"), Some("manage-title"));
    assert_eq!(book.nearest("nothing-like-it"), None);
}
