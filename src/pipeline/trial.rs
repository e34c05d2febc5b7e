//! Tries an operator's own templates before any of them is used: each is rendered with made-up
//! issues and pages that reach every branch.
//!
//! It happens on a thread of its own, which is left behind when its time is up: a template can
//! hold a loop that does not end, and nothing could stop it from within.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::digest::render::samples::samples;
use crate::digest::render::{RenderError, trial};
use crate::feeds::page::{FeedSummary, feed_view, index_view, render_feed, render_index};
use crate::feeds::{Feed, FeedDefinition, Selection, Site};
use crate::model::Entry;
use crate::templates::pages::{
    ConfirmPage, ConfirmState, Frame, ManagePage, ManageState, SelfPage, SelfState, SubscribePage,
};
use crate::templates::{
    Known, MessagePage, TemplateError, Templates, UnsubscribePage, UnsubscribeState,
};

/// A hundred times what the built-in templates take without optimisation.
const MOST_TIME: Duration = Duration::from_secs(30);
/// Components within components are refused at a depth that fits twice.
const STACK_BYTES: usize = 16 << 20;

/// Says what is wrong with templates that replace built-in ones; those are known to be sound.
pub fn try_templates(templates: &Templates, site: &Site) -> Result<(), RenderError> {
    try_within(MOST_TIME, templates, site)
}

fn try_within(time: Duration, templates: &Templates, site: &Site) -> Result<(), RenderError> {
    if !templates.has_replacements() {
        return Ok(());
    }
    let (told, outcome) = channel();
    let at = Arc::new(Mutex::new(String::new()));
    let trial = Trial { templates: templates.clone(), site: site.clone(), at: Arc::clone(&at) };
    let started = thread::Builder::new()
        .name("trial".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || trial.run(&told));
    let whole = |message: String| {
        let name = templates.replacements().collect::<Vec<_>>().join("`, `");
        Err(TemplateError::Whole { name, message }.into())
    };
    if let Err(error) = started {
        return whole(format!("no thread could be started to try it: {error}"));
    }
    let tried = || at.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match outcome.recv_timeout(time) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => whole(format!(
            "{} is not done after {} seconds: look for a loop or a component in it that does not \
             end",
            tried(),
            time.as_secs()
        )),
        Err(RecvTimeoutError::Disconnected) => {
            whole(format!("{} could not be rendered: the templates need too much", tried()))
        }
    }
}

struct Trial {
    templates: Templates,
    site: Site,
    at: Arc<Mutex<String>>,
}

impl Trial {
    fn run(&self, told: &Sender<Result<(), RenderError>>) {
        let outcome = self.try_all();
        // Nobody listens any more when the time was up.
        let _ = told.send(outcome);
    }

    fn try_all(&self) -> Result<(), RenderError> {
        self.templates.check_names(&known_names(&self.templates, &self.site))?;
        trial::try_issues(&self.templates, &self.site, |what| self.next(what))?;
        Ok(self.try_pages()?)
    }

    fn next(&self, what: &str) {
        what.clone_into(&mut self.at.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The pages that are made of entries, and those that readers meet on their way out.
    fn try_pages(&self) -> Result<(), TemplateError> {
        let (templates, site) = (&self.templates, &self.site);
        let pages = Pages::new(site);
        self.next("`web/index.html`");
        for summaries in [&pages.summaries[..], &[]] {
            render_index(templates, summaries, site)?;
        }
        self.next("`web/feed.html`");
        for (feed, events) in [(&pages.feed, &pages.entries[..]), (&pages.empty_feed, &[])] {
            render_feed(templates, feed, &pages.definitions, events, site)?;
        }
        self.next("`web/unsubscribe.html`");
        for page in unsubscribe_pages(site) {
            templates.page("web/unsubscribe.html", &page)?;
        }
        self.next("`web/manage.html`");
        for page in manage_pages(site) {
            templates.page("web/manage.html", &page)?;
        }
        self.next("`web/subscribe.html`");
        for is_sent in [false, true] {
            templates.page("web/subscribe.html", &SubscribePage::sample(site, is_sent))?;
        }
        self.next("`web/confirm.html`");
        for state in ConfirmState::ALL {
            templates.page("web/confirm.html", &ConfirmPage::sample(site, state))?;
        }
        self.next("`web/self.html`");
        for state in SelfState::ALL {
            templates.page("web/self.html", &SelfPage::sample(site, state))?;
        }
        self.next("`web/message.html`");
        templates.page("web/message.html", &message_page(site))?;
        Ok(())
    }
}

/// Feeds, entries and events that reach every branch of the pages that are made of them.
struct Pages {
    entries: Vec<Arc<Entry>>,
    definitions: [FeedDefinition; 1],
    summaries: [FeedSummary; 2],
    feed: Feed,
    empty_feed: Feed,
}

impl Pages {
    fn new(site: &Site) -> Self {
        let definition = FeedDefinition::new("all", "All news", Selection::default());
        let entries: Vec<Arc<Entry>> = samples()
            .iter()
            .flat_map(|sample| sample.content().sections)
            .flat_map(|section| section.entries.into_iter().cloned().collect::<Vec<_>>())
            .map(Arc::new)
            .collect();
        let summary = |entries: &[Arc<Entry>]| FeedSummary {
            definition: definition.clone(),
            newest: entries.iter().take(3).cloned().collect(),
            entries: entries.len() as u64,
            updated: site.since,
        };
        let feed = |entries| Feed::new(definition.clone(), entries, vec![], site.since);
        Self {
            summaries: [summary(&entries), summary(&[])],
            feed: Feed { archives: 2, ..feed(entries.clone()) },
            empty_feed: feed(vec![]),
            definitions: [definition],
            entries,
        }
    }
}

fn unsubscribe_pages(site: &Site) -> Vec<UnsubscribePage<'_>> {
    let feeds = [None, Some("releases, events")];
    let of = |state| feeds.map(|feeds| UnsubscribePage::sample(site, state, feeds));
    let mut pages: Vec<_> = UnsubscribeState::ALL.into_iter().flat_map(of).collect();
    // The store cannot be read.
    let page = UnsubscribePage::sample(site, UnsubscribeState::Ask, None);
    pages.push(UnsubscribePage { digest: "", address_masked: "", manage: None, ..page });
    pages
}

fn manage_pages(site: &Site) -> impl Iterator<Item = ManagePage<'_>> {
    ManageState::ALL.into_iter().map(|state| ManagePage::sample(site, state))
}

fn message_page(site: &Site) -> MessagePage<'_> {
    MessagePage {
        frame: Frame::sample(site),
        title: "No such page",
        message: "There is nothing here.",
    }
}

/// What each template is given that is rendered by its name.
fn known_names(templates: &Templates, site: &Site) -> Vec<(&'static str, Known)> {
    let pages = Pages::new(site);
    let words = templates.words(site.language.as_str());
    let index = index_view(words, &pages.summaries, site);
    let feed = feed_view(words, &pages.feed, &pages.definitions, &pages.entries, site);
    let mut known = trial::known(templates, site);
    known.extend([
        ("web/index.html", Known::of([value(&index)])),
        ("web/feed.html", Known::of([value(&feed)])),
        ("web/unsubscribe.html", Known::of(unsubscribe_pages(site).iter().map(value))),
        ("web/manage.html", Known::of(manage_pages(site).map(|page| value(&page)))),
        ("web/message.html", Known::of([value(&message_page(site))])),
        (
            "web/subscribe.html",
            Known::of([false, true].map(|is_sent| value(&SubscribePage::sample(site, is_sent)))),
        ),
        (
            "web/confirm.html",
            Known::of(ConfirmState::ALL.map(|state| value(&ConfirmPage::sample(site, state)))),
        ),
        ("web/self.html", Known::of(SelfState::ALL.map(|s| value(&SelfPage::sample(site, s))))),
    ]);
    known
}

fn value(view: &impl Serialize) -> Value {
    serde_json::to_value(view).expect("what templates see is always JSON")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::feeds::samples::site;

    /// Without optimisation and beside other tests.
    const LONG: Duration = Duration::from_mins(5);

    fn said(time: Duration, name: &str, change: impl Fn(&str) -> String) -> Option<String> {
        let builtin = Templates::builtin();
        let source = builtin.sources().find(|(n, _)| *n == name).map_or("", |(_, source)| source);
        said_of(time, &[(name, &change(source))])
    }

    fn said_of(time: Duration, files: &[(&str, &str)]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, source) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, source).unwrap();
        }
        let templates = match Templates::load(folder.path()) {
            Ok(templates) => templates,
            Err(error) => return Some(error.to_string()),
        };
        let tried = try_within(time, &templates, &site());
        tried.err().map(|error| error.to_string())
    }

    fn check(name: &str, addition: &str, expected: &str) {
        check_within(LONG, name, addition, expected);
    }

    fn check_within(time: Duration, name: &str, addition: &str, expected: &str) {
        let said = said(time, name, |source| {
            let (before, after) = source.rsplit_once('\n').unwrap_or(("", source));
            format!("{before}\n{addition}\n{after}")
        });
        let said = said.unwrap_or_default();
        assert!(said.contains(expected), "{addition}: {said}");
    }

    #[test]
    fn a_copy_of_each_built_in_template_passes() {
        for (name, _) in Templates::builtin().sources() {
            assert_eq!(said(LONG, name, |source| format!("{source}\n")), None, "{name}");
        }
    }

    #[test]
    fn a_variable_that_only_some_issues_reach_is_found() {
        let text = "{% for s in sections %}{% for e in s.entries %}{% if e.replaced_url %}\
                    {{ e.instead }}{% endif %}{% endfor %}{% endfor %}";
        check("mail/digest.txt", text, "`e.instead` is not known");
        check("mail/digest.txt", "{{ sender.nmae }}", "line 45: `sender.nmae` is not known");
        let headline = |source: &str| source.replace("heading", "headline");
        let of_copy = said(LONG, "web/issue.html", headline).unwrap();
        assert!(of_copy.contains("line 2: `headline` is not known"), "{of_copy}");
        let masked = |source: &str| source.replace("address_masked", "adress_masked");
        let said = said(LONG, "web/unsubscribe.html", masked).unwrap();
        assert!(said.contains("`adress_masked` is not known"), "{said}");
    }

    #[test]
    fn a_misspelt_condition_is_found_though_it_would_only_hide_its_part() {
        check("mail/digest.html", "{% if preheadr %}x{% endif %}", "`preheadr` is not known");
        check(
            "mail/digest.txt",
            "{% if sender.adress %}x{% endif %}",
            "`sender.adress` is not known",
        );
    }

    /// With a part of the operator's own at the end of `name`.
    fn check_part(name: &str, part: &str, expected: Option<&str>) {
        let builtin = Templates::builtin();
        let (_, source) = builtin.sources().find(|(n, _)| *n == name).unwrap();
        let include = "{% for section in sections %}{% include \"parts/foot.txt\" %}{% endfor %}";
        let files = [(name, &*format!("{source}{include}")), ("parts/foot.txt", part)];
        let said = said_of(LONG, &files);
        match expected {
            Some(expected) => assert!(said.as_deref().unwrap_or("").contains(expected), "{said:?}"),
            None => assert_eq!(said, None),
        }
    }

    #[test]
    fn what_a_template_includes_is_checked_with_what_it_is_given() {
        check_part("mail/digest.txt", "{{ section.title }} {{ sender.name }}\n", None);
        let misspelt = "\n{% if sender.adress %}x{% endif %}";
        let expected = "`parts/foot.txt` line 2: `sender.adress` is not known";
        check_part("mail/digest.txt", misspelt, Some(expected));
        let alone = "{% if preheadr %}x{% endif %}";
        check_part("mail/digest.txt", alone, Some("`parts/foot.txt` line 1: `preheadr` is not"));
        assert_eq!(said_of(LONG, &[("parts/unused.txt", "{% if nobody %}{% endif %}")]), None);
    }

    #[test]
    fn a_misspelt_condition_of_a_page_is_found() {
        for name in ["web/unsubscribe.html", "web/message.html", "web/index.html", "web/feed.html"]
        {
            let misspelt = "{% if adress_masked %}x{% endif %}{% endblock %}";
            let said = said(LONG, name, |source| source.replace("{% endblock %}", misspelt));
            let expected = "`adress_masked` is not known";
            assert!(said.as_deref().unwrap_or("").contains(expected), "{name}: {said:?}");
        }
        let shared = "{% if state == \"ask\" %}x{% endif %}";
        let layout = |source: &str| source.replace("</body>", &format!("{shared}</body>"));
        assert_eq!(said(LONG, "web/layout.html", layout), None);
        let layout = |source: &str| source.replace("</body>", "{% if stat %}x{% endif %}</body>");
        assert!(said(LONG, "web/layout.html", layout).unwrap().contains("`stat` is not known"));
    }

    #[test]
    fn a_branch_that_only_entries_with_a_picture_reach_is_tried() {
        let picture = "{% for s in sections %}{% for e in s.entries %}{% if e.image %}\
                       <img src=\"{{ e.image }}\">{% endif %}{% endfor %}{% endfor %}</body>";
        let with = |source: &str| source.replace("</body>", picture);
        let said = said(LONG, "mail/digest.html", with).unwrap();
        assert!(said.contains("ferries.jpg` has no `alt`"), "{said}");
    }

    #[test]
    fn a_reminder_is_tried() {
        let text = "{% if heading == \"Coming up\" %}{{ nobody }}{% endif %}";
        check("mail/digest.txt", text, "`nobody` is not known");
        let link = "{% if heading == \"Coming up\" %}<a href=\"/x\">Rates</a>{% endif %}";
        check("mail/digest.html", link, "sample issue `reminder`, the link `/x` is not absolute");
    }

    #[test]
    fn a_mail_that_hides_who_sends_it_or_why_is_refused() {
        for (name, part) in [("mail/digest.html", "HTML"), ("mail/digest.txt", "text")] {
            for (what, variable) in [
                ("reason", "reason"),
                ("sender.name", "sender.name"),
                ("sender.address", "sender.address"),
                ("sender.contact.text", "sender.contact.text"),
                ("sender.purpose", "sender.purpose"),
                ("sender.data_protection.text", "sender.data_protection.text"),
            ] {
                // Wherever it is shown; conditions stay.
                let said = said(LONG, name, |source| {
                    let tags = source.replace(&format!("{{{{ {variable} "), "{{ \"\" ");
                    let tags = tags.replace(&format!("({variable} ~"), "(\"\" ~");
                    tags.replace(&format!("={variable})"), "=\"\")")
                });
                let said = said.unwrap_or_default();
                let expected = format!("the {part} part does not hold `{what}`");
                assert!(said.contains(&expected), "{name}, {what}: {said}");
            }
        }
    }

    #[test]
    fn a_component_within_itself_is_refused() {
        let text = "{% component again(n) %}{{<again n={n} />}}{% endcomponent again %}\
                    {{<again n={1} />}}";
        check("mail/digest.txt", text, "recursion");
        let text = "{% component twice(n) %}{% if n > 0 %}{{<twice n={n - 1} />}}\
                    {{<twice n={n - 1} />}}{{<twice n={n - 1} />}}{{<twice n={n - 1} />}}{% endif %}\
                    {% endcomponent twice %}{{<twice n={18} />}}";
        check_within(Duration::from_secs(2), "mail/digest.txt", text, "does not end");
        check("mail/digest.txt", "{% include \"mail/digest.txt\" %}", "itself");
    }

    #[test]
    fn a_loop_that_does_not_end_is_refused() {
        check("mail/digest.txt", "{% for n in range(end=1000000000000) %}x{% endfor %}", "range");
        let nested = "{% for a in range(end=90000) %}{% for b in range(end=90000) %}\
                      {% for c in range(end=90000) %}{{ TEXT }}{% endfor %}{% endfor %}{% endfor %}";
        let silent = nested.replace("{{ TEXT }}", "");
        check_within(Duration::from_secs(2), "mail/digest.txt", &silent, "does not end");
        check("mail/digest.txt", &nested.replace("{{ TEXT }}", &"x".repeat(4_000)), "more than");
    }

    #[test]
    fn a_template_that_makes_an_unfit_mail_is_refused() {
        check("mail/digest.html", "<a href=\"/x\">Rates</a>", "`/x` is not absolute");
        check("mail/digest.txt", "{% raw %}{{ title }}{% endraw %}", "was left over");
        let without =
            said(LONG, "mail/digest.txt", |source| source.replace("{{ unsubscribe_url }}", ""));
        assert!(without.unwrap().contains("has no place for the unsubscribe link"));
    }
}
